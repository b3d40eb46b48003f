//! Who breaks things: every kind of fault on every part, in an order that the seed decides, one or two at a time, each
//! mended after a while.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use simpang_tests::{Link, Progress, Role, Stand};
use tokio::time::{Instant, sleep};

/// How often a supervisor looks for what has ended.
const SUPERVISED_EVERY: Duration = Duration::from_millis(100);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    /// SIGKILL, and a start after a while.
    Kill,
    /// SIGSTOP, and SIGCONT after a while.
    Freeze,
    /// SIGTERM, and a start after a while.
    Restart,
    /// Its connections to the broker (a broker's to everybody) break and can't be made for a while.
    Cut,
    /// Nothing passes on its connections for a while, and nobody is told.
    Hold,
}

/// To whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Broker,
    Router,
    Gateway,
    Ingest,
    Deliver,
    Project,
    /// Every process at once, as when a machine goes away.
    Everything,
}

const ACTS: [Act; 5] = [Act::Kill, Act::Freeze, Act::Restart, Act::Cut, Act::Hold];
const PARTS: [Part; 6] =
    [Part::Broker, Part::Router, Part::Gateway, Part::Ingest, Part::Deliver, Part::Project];

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    act: Act,
    part: Part,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.act, self.part)
    }
}

/// Whom a fault hits this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Role(Role),
    /// A server; of a cluster, its clients as well or only the other servers.
    Server {
        index: usize,
        from_clients: bool,
    },
    Everything,
}

/// The one who breaks things.
#[derive(Debug)]
pub(super) struct Nemesis {
    random: StdRng,
    servers: usize,
    deck: Vec<Fault>,
    fired: BTreeMap<Fault, usize>,
}

impl Nemesis {
    pub(super) fn new(random: StdRng, servers: usize) -> Self {
        let on_parts = ACTS.into_iter().flat_map(|act| PARTS.map(|part| Fault { act, part }));
        let all = on_parts.chain([Fault { act: Act::Kill, part: Part::Everything }]);
        Self { random, servers, deck: Vec::new(), fired: all.map(|fault| (fault, 0)).collect() }
    }

    /// Breaks and mends for so long, and until every kind of fault fired; how often each did.
    pub(super) async fn rage(
        &mut self,
        stand: &mut Stand,
        span: Duration,
        progress: &Progress,
    ) -> BTreeMap<Fault, usize> {
        // Two faults in most rounds: the kinds fit into the time, with some calm in between.
        let round = span / u32::try_from(self.fired.len().div_ceil(2)).unwrap_or(1);
        let (round, begun) = (round.clamp(Duration::from_secs(2), Duration::from_secs(6)), Instant::now());
        while begun.elapsed() < span || self.fired.values().any(|count| *count == 0) {
            let round_begun = Instant::now();
            let faults = self.draw();
            let victims: Vec<(Fault, Victim)> = faults.into_iter().map(|f| (f, self.victim(f))).collect();
            let lasting = self.random.random_range(Duration::from_millis(300)..round * 3 / 4);
            eprintln!(
                "{:6.1?} {:5} acknowledged: {victims:?} for {lasting:.1?}",
                begun.elapsed(),
                progress.acknowledged()
            );
            for (fault, victim) in &victims {
                strike(stand, fault.act, *victim).await;
                *self.fired.entry(*fault).or_default() += 1;
            }
            sleep(lasting).await;
            for (fault, victim) in &victims {
                mend(stand, fault.act, *victim).await;
            }
            while round_begun.elapsed() < round {
                // A role that finds no broker when it starts says so and ends; its supervisor starts it again.
                stand.run_all();
                sleep(SUPERVISED_EVERY).await;
            }
        }
        std::mem::take(&mut self.fired)
    }

    /// The next fault, and mostly one more on another part.
    fn draw(&mut self) -> Vec<Fault> {
        if self.deck.is_empty() {
            self.deck = self.fired.keys().copied().collect();
            self.deck.shuffle(&mut self.random);
        }
        let first = self.deck.pop().expect("the deck was filled");
        let is_alone = first.part == Part::Everything || self.random.random_ratio(1, 8);
        let fits = |other: &Fault| other.part != first.part && other.part != Part::Everything;
        let second = if is_alone { None } else { self.deck.iter().position(fits) };
        std::iter::once(first).chain(second.map(|index| self.deck.remove(index))).collect()
    }

    fn victim(&mut self, fault: Fault) -> Victim {
        match fault.part {
            Part::Broker => Victim::Server {
                index: self.random.random_range(0..self.servers),
                from_clients: self.servers == 1 || self.random.random(),
            },
            Part::Router if self.random.random() => Victim::Role(Role::Standby),
            Part::Router => Victim::Role(Role::Router),
            Part::Gateway => Victim::Role(Role::Gateway),
            Part::Ingest => Victim::Role(Role::Ingest),
            Part::Deliver => Victim::Role(Role::Deliver),
            Part::Project => Victim::Role(Role::Project),
            Part::Everything => Victim::Everything,
        }
    }
}

async fn strike(stand: &mut Stand, act: Act, victim: Victim) {
    // What ended by itself is there to be hit.
    stand.run_all();
    match (victim, act) {
        (Victim::Everything, _) => {
            stand.kill_all();
            (0..stand.brokers().count()).for_each(|index| stand.brokers().server(index).kill());
        }
        (Victim::Role(role), Act::Kill) => stand.kill(role),
        (Victim::Role(role), Act::Freeze) => stand.program(role).freeze(),
        (Victim::Role(role), Act::Restart) => stand.stop_or_kill(role).await,
        (Victim::Server { index, .. }, Act::Kill) => stand.brokers().server(index).kill(),
        (Victim::Server { index, .. }, Act::Freeze) => stand.brokers().server(index).program().freeze(),
        (Victim::Server { index, .. }, Act::Restart) => stand.brokers().server(index).stop().await,
        (_, Act::Cut) => links(stand, victim).for_each(Link::cut),
        (_, Act::Hold) => links(stand, victim).for_each(Link::hold),
    }
}

async fn mend(stand: &mut Stand, act: Act, victim: Victim) {
    match (victim, act) {
        (Victim::Everything, _) => {
            stand.brokers().run_all().await;
            stand.run_all();
        }
        (Victim::Role(role), Act::Kill | Act::Restart) => stand.run(role),
        (Victim::Role(role), Act::Freeze) => stand.program(role).thaw(),
        (Victim::Server { index, .. }, Act::Kill | Act::Restart) => {
            stand.brokers().server(index).run().await;
        }
        (Victim::Server { index, .. }, Act::Freeze) => stand.brokers().server(index).program().thaw(),
        (_, Act::Cut | Act::Hold) => links(stand, victim).for_each(Link::mend),
    }
}

/// The ways that a victim is parted from others by.
fn links(stand: &Stand, victim: Victim) -> Box<dyn Iterator<Item = &Link> + '_> {
    match victim {
        Victim::Role(role) => Box::new(stand.links(role).iter()),
        Victim::Server { index, from_clients } => {
            let roles = if from_clients { &Role::DOUBLED[..] } else { &[] };
            let clients = roles.iter().filter_map(move |role| stand.links(*role).get(index));
            Box::new(stand.routes(index).chain(clients))
        }
        Victim::Everything => Box::new(std::iter::empty()),
    }
}
