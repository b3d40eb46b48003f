//! Brings trouble: kills, freezes, cuts, slows, sets two owners up, and lets the broker forget. And the operator, who
//! starts what is dead and restores what was lost.

use std::sync::Arc;
use std::time::Duration;

use simpang_log::DeskName;
use tokio::time::sleep;

use crate::broker::Shelf;
use crate::fault::Fault;
use crate::link::{Link, Step};
use crate::policy::MAIN;
use crate::processes::{Processes, Role};
use crate::world::World;

/// A storm does not last longer than this, whatever comes.
const STORM_MAX_MS: i64 = 240_000;

/// What happens to the broker's tail in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    None,
    /// It is lost.
    Plain,
    /// It is lost, and a stale owner's commit comes to stand after it.
    Stale,
}

pub(crate) struct Nemesis {
    processes: Arc<Processes>,
    world: Arc<World>,
    main: Arc<Shelf>,
    /// Nothing up to here is ever lost.
    floor: u64,
    loss: Loss,
    /// After how many inputs.
    loss_at: u64,
}

impl Nemesis {
    pub(crate) fn new(processes: &Arc<Processes>, inputs: u64) -> Option<Self> {
        let world = Arc::clone(&processes.broker.world);
        let main = Arc::clone(processes.broker.shelves.get(&DeskName::new(MAIN).ok()?)?);
        let loss = match world.below(100) {
            0..14 => Loss::Plain,
            14..28 => Loss::Stale,
            _ => Loss::None,
        };
        let (floor, loss_at) = (main.length().len, inputs / 5 + world.below(inputs * 3 / 5));
        Some(Self { processes: Arc::clone(processes), world, main, floor, loss, loss_at })
    }

    fn inputs(&self) -> u64 {
        self.processes.broker.shelves.values().map(|shelf| shelf.with(|progress| progress.inputs)).sum()
    }

    /// Brings trouble until so many inputs stand on the logs.
    pub(crate) async fn run(mut self, inputs: u64) {
        let until = self.world.now_ms() + STORM_MAX_MS;
        while self.inputs() < inputs && self.world.now_ms() < until {
            self.pause(30, 450).await;
            self.revive(600).await;
            if self.loss != Loss::None && self.inputs() >= self.loss_at {
                match std::mem::replace(&mut self.loss, Loss::None) {
                    Loss::Stale => self.stale_owner().await,
                    _ => self.lost_tail().await,
                }
            } else {
                self.strike().await;
            }
        }
    }

    async fn pause(&self, from_ms: u64, to_ms: u64) {
        sleep(self.world.between(from_ms, to_ms)).await;
    }

    /// Starts what is dead, or some of it.
    async fn revive(&self, per_mille: u64) {
        for role in [Role::Router, Role::Gateway, Role::Deliver] {
            for number in [1, 2] {
                let dead = self.processes.link(role, number).is_none_or(|link| !link.is_alive());
                if dead && self.world.chance(per_mille) {
                    let eager = self.world.chance(300);
                    self.processes.start(role, number, eager).await;
                }
            }
        }
    }

    fn victim(&self) -> Option<(Role, u32, Arc<Link>)> {
        self.world.one_of(&self.processes.living())
    }

    async fn strike(&self) {
        match self.world.below(100) {
            0..40 => self.doom(),
            40..48 => self.cut(),
            48..58 => self.slow(),
            58..70 => self.freeze(),
            70..74 => self.away(),
            74..92 => self.two_owners().await,
            92..94 => self.crash_all(),
            _ => {}
        }
    }

    /// Some process dies at one of its next steps.
    fn doom(&self) {
        let Some((role, _, link)) = self.victim() else { return };
        let mut steps = vec![Step::BeforeWrite, Step::AfterWrite, Step::Reading];
        if role == Role::Deliver {
            steps.extend([Step::Sending, Step::Sending]);
        }
        let step = self.world.one_of(&steps).unwrap_or(Step::Reading);
        link.doom(step, u32::try_from(self.world.below(12)).unwrap_or(0));
    }

    fn cut(&self) {
        if let Some((_, _, link)) = self.victim() {
            self.world.fault(Fault::Cut, &link.name);
            link.cut();
        }
    }

    fn slow(&self) {
        if let Some((_, _, link)) = self.victim() {
            link.set_slow(self.world.between(10, 400));
            let time = self.world.between(100, 3_000);
            tokio::spawn(async move {
                sleep(time).await;
                link.set_slow(Duration::ZERO);
            });
        }
    }

    fn freeze(&self) {
        let Some((_, _, link)) = self.victim() else { return };
        link.freeze(true);
        let (time, world) = (self.world.between(50, 2_500), Arc::clone(&self.world));
        self.world.note(&link.name, format_args!("freezes for {time:?}"));
        tokio::spawn(async move {
            sleep(time).await;
            if link.is_alive() && link.is_frozen() {
                world.fault(Fault::Frozen, &link.name);
            }
            link.freeze(false);
        });
    }

    fn away(&self) {
        self.world.fault(Fault::Away, "broker");
        self.main.set_away(true);
        let (time, main) = (self.world.between(20, 700), Arc::clone(&self.main));
        tokio::spawn(async move {
            sleep(time).await;
            main.set_away(false);
        });
    }

    /// A router takes the desk over at once while another owns it and lives.
    async fn two_owners(&self) {
        let Some(owner) = [1, 2].into_iter().find(|number| self.processes.owns(*number, MAIN)) else {
            return;
        };
        let other = 3 - owner;
        self.processes.kill(Role::Router, other);
        self.processes.start(Role::Router, other, true).await;
        for _ in 0..40 {
            if self.processes.owns(owner, MAIN) && self.processes.owns(other, MAIN) {
                return self.world.fault(Fault::TwoOwners, "routers");
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    fn crash_all(&self) {
        self.world.fault(Fault::CrashAll, "everything");
        self.processes.kill_all();
    }

    /// The broker loses its last records; some processes go on for a while as if nothing were.
    async fn lost_tail(&self) {
        let len = self.main.length().len;
        let keep = len.saturating_sub(1 + self.world.below(9));
        if keep <= self.floor {
            return;
        }
        self.world.fault(Fault::TailLost, "broker");
        self.main.lose_tail(keep);
        self.pause(100, 900).await;
        if self.world.chance(500) {
            self.processes.kill(Role::Router, 2);
            self.processes.start(Role::Router, 2, true).await;
        }
        self.pause(200, 2_500).await;
        self.restart().await;
    }

    /// The operator starts everything again.
    async fn restart(&self) {
        self.processes.kill_all();
        self.pause(1, 50).await;
        self.processes.start_all().await;
    }

    /// An owner's commit is on its way when the tail is lost that it was to follow. It arrives when another router has
    /// put another commit at the very sequence that it expects. Nobody may read past it.
    async fn stale_owner(&self) {
        let Some((expected, owner)) = self.commit_on_its_way().await else { return };
        let keep = expected - 1 - self.world.below(2).min(expected.saturating_sub(self.floor + 2));
        if keep <= self.floor {
            return self.main.let_go();
        }
        self.world.fault(Fault::TailLost, "broker");
        self.main.lose_tail(keep);
        for (role, number, link) in self.processes.living() {
            if link.name == owner {
                link.freeze(true);
            } else {
                self.processes.kill(role, number);
            }
        }
        self.processes.start_all().await;
        let fresh = [1, 2]
            .into_iter()
            .find(|n| self.processes.link(Role::Router, *n).is_some_and(|link| link.name != owner));
        if let Some(number) = fresh {
            self.processes.kill(Role::Router, number);
            self.processes.start(Role::Router, number, true).await;
        }
        for _ in 0..300 {
            if self.main.bad().is_some() {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        self.main.let_go();
        self.stand_still(&owner).await;
    }

    /// Waits for a commit that is kept back; none when none comes.
    async fn commit_on_its_way(&self) -> Option<(u64, String)> {
        self.main.hold_next_commit();
        for _ in 0..300 {
            if let Some(held) = self.main.held() {
                return Some(held);
            }
            sleep(Duration::from_millis(10)).await;
        }
        self.main.let_go();
        None
    }

    /// After a broken commit nobody judges on; the operator cuts it off and starts everything again.
    async fn stand_still(&self, owner: &str) {
        for (_, _, link) in self.processes.living().iter().filter(|(_, _, link)| link.name == *owner) {
            link.freeze(false);
        }
        self.pause(1_500, 3_000).await;
        let bad = self.main.bad();
        if let Some(bad) = bad {
            for number in [1, 2].into_iter().filter(|number| self.processes.owns(*number, MAIN)) {
                let what = format!("router {number} still owns {MAIN}, whose log is broken at {bad}");
                self.world.violation(what);
            }
        }
        self.processes.kill_all();
        if let Some(bad) = bad {
            self.main.lose_tail(bad - 1);
        }
        self.restart().await;
    }
}
