//! One process as the rest of the world sees it: everything it does to the world, and everything it learns, goes
//! through its link. A process whose link is dead does and learns nothing any more, exactly as one that was killed
//! there, whatever its tasks may still think.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use crate::fault::Fault;
use crate::signal::Signal;
use crate::world::World;

/// Where in a process's doing a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    BeforeWrite,
    AfterWrite,
    Reading,
    Sending,
}

impl Step {
    fn crash(self) -> Fault {
        match self {
            Self::BeforeWrite => Fault::CrashBeforeWrite,
            Self::AfterWrite => Fault::CrashAfterWrite,
            Self::Reading => Fault::CrashReading,
            Self::Sending => Fault::CrashSending,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct State {
    alive: bool,
    frozen: bool,
    /// Connections were cut so often.
    cuts: u64,
    slow: Duration,
    /// Dies at this many steps from now of this kind.
    doom: Option<(Step, u32)>,
}

/// A process's link to the world.
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) world: Arc<World>,
    /// How wrong its clock is, ms.
    skew_ms: i64,
    state: Signal<State>,
}

impl Link {
    pub(crate) fn new(world: &Arc<World>, name: String) -> Arc<Self> {
        let mut skew_ms = 0;
        if world.is_storm() && world.chance(300) {
            world.fault(Fault::Skew, &name);
            skew_ms = i64::try_from(world.below(4_000)).unwrap_or(0) - 2_000;
        }
        Arc::new(Self { skew_ms, ..Self::steady(world, name) })
    }

    /// One of a machine whose clock is right.
    pub(crate) fn steady(world: &Arc<World>, name: String) -> Self {
        let state = State { alive: true, frozen: false, cuts: 0, slow: Duration::ZERO, doom: None };
        Self { name, world: Arc::clone(world), skew_ms: 0, state: Signal::new(state) }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.world.now_ms() + self.skew_ms
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.state.get().alive
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.state.get().frozen
    }

    pub(crate) fn slow(&self) -> Duration {
        self.state.get().slow
    }

    pub(crate) fn cuts(&self) -> u64 {
        self.state.get().cuts
    }

    /// Goes on here, unless the process is frozen or dies now.
    pub(crate) async fn step(&self, step: Step) {
        let mut dies = false;
        if let Some((at, left)) = self.state.get().doom
            && at == step
        {
            dies = left == 0;
            self.state.change(|state| state.doom = Some((at, left.saturating_sub(1))));
        }
        if dies && self.is_alive() && self.world.is_storm() {
            self.world.fault(step.crash(), &self.name);
            self.die();
        }
        self.going().await;
    }

    /// Waits while the process is frozen; for ever when it is dead.
    pub(crate) async fn going(&self) {
        self.state.until(|state| state.alive && !state.frozen).await;
    }

    /// Ends when the process dies.
    pub(crate) async fn died(&self) {
        self.state.until(|state| !state.alive).await;
    }

    /// Ends when connections are cut once more than so often.
    pub(crate) async fn cut_after(&self, cuts: u64) {
        self.state.until(|state| state.cuts != cuts).await;
    }

    pub(crate) fn die(&self) {
        self.state.change(|state| state.alive = false);
    }

    pub(crate) fn freeze(&self, frozen: bool) {
        self.state.change(|state| state.frozen = frozen);
    }

    pub(crate) fn cut(&self) {
        self.state.change(|state| state.cuts += 1);
    }

    pub(crate) fn set_slow(&self, slow: Duration) {
        self.state.change(|state| state.slow = slow);
    }

    /// Dies at one of its next steps of this kind.
    pub(crate) fn doom(&self, step: Step, after: u32) {
        self.state.change(|state| state.doom = Some((step, after)));
    }

    /// From now on nothing goes wrong here.
    pub(crate) fn heal(&self) {
        self.state.change(|state| {
            (state.frozen, state.slow, state.doom) = (false, Duration::ZERO, None);
        });
    }
}

impl Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("name", &self.name).finish_non_exhaustive()
    }
}
