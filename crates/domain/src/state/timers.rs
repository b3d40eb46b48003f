//! What is due when. Timers fire in order of (due, timer), which every machine orders alike.

use super::agents::AgentIx;
use super::ordered::Ordered;
use crate::stored::stored;
use crate::words::{CaseId, Millis, Name, SlaClock};

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A case's clock reaches its next threshold.
    Sla(CaseId, SlaClock),
    /// An offer's time passes.
    Offer(CaseId),
    /// A scheduled case comes back.
    Schedule(CaseId),
    /// A case's next widening step begins.
    Widen(CaseId),
    /// A resolved case closes.
    Settle(CaseId),
    /// A closed case leaves memory.
    Forget(CaseId),
    /// An agent's pull ends.
    Pull(AgentIx),
    /// A gateway has been silent too long.
    Grace(Name),
    /// A day begins in the desk's zone.
    Day,
    /// An agent did nothing with a lent contact.
    Lease(CaseId),
    /// A case sat unanswered on its agent for too long.
    Unanswered(CaseId),
    /// An agent's time to wrap up ends.
    WrapUp(AgentIx),
}

/// All timers, each at most once at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timers {
    due: Ordered<(Millis, Timer)>,
}

impl Timers {
    /// Sets a timer.
    pub fn set(&mut self, due: Millis, timer: Timer) {
        self.due.insert((due, timer));
    }

    /// Takes a timer back; harmless when it is not set.
    pub fn clear(&mut self, due: Millis, timer: Timer) {
        self.due.remove(&(due, timer));
    }

    /// The next due time.
    #[must_use]
    pub fn next(&self) -> Option<Millis> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The first timer due by `now`. It stays set until what it leads to clears it.
    #[must_use]
    pub fn first_due(&self, now: Millis) -> Option<(Millis, Timer)> {
        self.due.first().filter(|(due, _)| *due <= now).cloned()
    }

    /// How many are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}

stored!(enum Timer {
    0 = Sla(case: CaseId, clock: SlaClock),
    1 = Offer(case: CaseId),
    2 = Schedule(case: CaseId),
    3 = Widen(case: CaseId),
    4 = Settle(case: CaseId),
    5 = Forget(case: CaseId),
    6 = Pull(agent: AgentIx),
    7 = Grace(gateway: Name),
    8 = Day,
    9 = Lease(case: CaseId),
    10 = Unanswered(case: CaseId),
    11 = WrapUp(agent: AgentIx),
});
stored!(struct Timers { due });
