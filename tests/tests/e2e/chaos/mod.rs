//! Twenty times something is killed at once (SIGKILL) while thousands of messages come through all doors and agents
//! work: every process of Simpang, one of them, or the broker. Senders send again what was not acknowledged. At the
//! end nothing is lost and nothing doubled, by the log and by the journals of both ends.

mod agents;
mod senders;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use simpang_checker::DeliveryId;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self, DeliveryKind, DeliveryOutcome};
use simpang_tests::{Finished, Layout, Logs, Role, Stand, eventually};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep};

use senders::Load;

/// How often something is killed.
const KILLS: usize = 20;
/// Longest time for what is under way when the last kill is over.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

/// What is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    /// The broker.
    Broker,
    /// Every process of Simpang at once.
    Everything,
    /// One process.
    One(Role),
}

/// One kill: when so many messages are acknowledged, and for how long the victim stays down.
#[derive(Debug)]
struct Kill {
    at: usize,
    victim: Victim,
    down: Duration,
}

/// How far the senders are, and whether agents go on.
#[derive(Debug, Clone, Default)]
struct Progress {
    acknowledged: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Progress {
    fn add(&self, count: usize) {
        self.acknowledged.fetch_add(count, Ordering::Relaxed);
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// Random moments, the broker and Simpang in turn.
fn kills(random: &mut StdRng, messages: usize) -> Vec<Kill> {
    // The first moments belong to the start, the last to the rest of the traffic.
    let mut moments: Vec<usize> =
        (0..KILLS).map(|_| random.random_range(messages / 50..messages * 9 / 10)).collect();
    moments.sort_unstable();
    let kill = |(number, at): (usize, usize)| {
        let victim = match number % 4 {
            0 | 2 => Victim::Broker,
            1 => Victim::Everything,
            _ => Victim::One(*Role::APART.choose(random).expect("there are roles")),
        };
        Kill { at, victim, down: Duration::from_millis(random.random_range(0..700)) }
    };
    moments.into_iter().enumerate().map(kill).collect()
}

fn seed() -> u64 {
    let named = std::env::var("SIMPANG_CHAOS_SEED").ok();
    named.map_or_else(rand::random, |seed| seed.parse().expect("SIMPANG_CHAOS_SEED is a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_however_often_something_is_killed() {
    // Senders and agents share a thread; the program's processes do the work.
    LocalSet::new().run_until(under_fire()).await;
}

async fn under_fire() {
    let seed = seed();
    eprintln!("to repeat these moments: SIMPANG_CHAOS_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut stand = Stand::start(Layout::Apart, |_| {}).await;
    let progress = Progress::default();
    let load = Load::default();
    let begun = Instant::now();
    let mut sending = JoinSet::new();
    load.start(&stand, &progress, &mut sending);
    let mut working = JoinSet::new();
    agents::start(&stand, &progress, &mut working);

    for kill in kills(&mut random, load.messages()) {
        let reached = || progress.acknowledged() >= kill.at;
        eventually(format!("{} acknowledgements", kill.at), async || {
            // A role that finds no broker when it starts says so and ends; its supervisor starts it again.
            stand.run_all();
            reached().then_some(())
        })
        .await;
        eprintln!("{:6.1?} {:5} acknowledged: {:?}", begun.elapsed(), progress.acknowledged(), kill);
        execute(&mut stand, &kill).await;
    }
    stand.until_ready_again().await;
    while let Some(sender) = sending.join_next().await {
        sender.expect("a sender sends all it has");
    }
    eprintln!("{:6.1?} all {} messages are acknowledged", begun.elapsed(), progress.acknowledged());
    progress.is_over.store(true, Ordering::Relaxed);
    let mut replies = 0;
    while let Some(worker) = working.join_next().await {
        replies += worker.expect("an agent works on");
    }
    let finished = stand.finish_within(DRAINED_WITHIN).await;
    eprintln!("{:6.1?} judged; agents finished {replies} cases", begun.elapsed());
    everything_once(&finished, &load, replies);
}

async fn execute(stand: &mut Stand, kill: &Kill) {
    match kill.victim {
        Victim::Broker => stand.broker().kill().expect("the broker is killed"),
        Victim::Everything => stand.kill_all(),
        Victim::One(role) => stand.kill(role),
    }
    sleep(kill.down).await;
    match kill.victim {
        Victim::Broker => stand.broker().restart().await.expect("the broker starts again"),
        Victim::Everything | Victim::One(_) => stand.run_all(),
    }
}

/// What the checker recomputes, counted once more by hand: each message joined a case once, each contact opened one,
/// each reply that a channel accepted arrived once.
fn everything_once(finished: &Finished, load: &Load, replies: usize) {
    let logs = &finished.logs;
    let joined = |desk: &str| count(logs, desk, |body| matches!(body, Body::MessageJoined(_)));
    let opened = |desk: &str| count(logs, desk, |body| matches!(body, Body::CaseOpened(_)));
    assert_eq!(joined("tenesa"), load.mails);
    assert_eq!(joined("telkomcare"), load.posts + load.comments + load.pushes);
    assert_eq!((opened("tier2-outbound"), joined("tier2-outbound")), (load.contacts(), 0));
    assert!(load.messages() >= 5_000);
    assert!(replies > 100, "agents finished only {replies} cases");

    let queued: HashSet<(String, DeliveryId)> = deliveries(logs, |body| match body {
        Body::DeliveryQueued(queued) if queued.kind() == DeliveryKind::Reply => queued.delivery,
        _ => None,
    });
    let delivered: HashSet<(String, DeliveryId)> = deliveries(logs, |body| match body {
        Body::DeliveryEnded(ended) if ended.outcome() == DeliveryOutcome::Delivered => ended.delivery,
        _ => None,
    });
    let received: HashSet<(String, DeliveryId)> =
        finished.received.iter().map(|entry| (entry.desk.clone(), entry.delivery)).collect();
    let lost: Vec<_> =
        queued.intersection(&delivered).filter(|delivery| !received.contains(delivery)).collect();
    assert!(lost.is_empty(), "recorded as delivered and never received: {lost:?}");
    let unknown = queued.difference(&delivered).count();
    eprintln!("{} replies: {} delivered, {unknown} of unknown outcome", queued.len(), queued.len() - unknown);
    // Only what was under way at one of the kills may be unknown.
    assert!(unknown <= KILLS * 8, "{unknown} replies have no known outcome");
}

fn count(logs: &Logs, desk: &str, is_it: impl Fn(&Body) -> bool) -> usize {
    let of_desk = logs.events.iter().filter(|(of, _)| of == desk);
    of_desk.filter(|(_, event)| event.body.as_ref().is_some_and(&is_it)).count()
}

fn deliveries(logs: &Logs, which: impl Fn(&Body) -> Option<v1::DeliveryId>) -> HashSet<(String, DeliveryId)> {
    let ids = logs.events.iter().filter_map(|(desk, event)| Some((desk, which(event.body.as_ref()?)?)));
    ids.map(|(desk, id)| {
        let input = id.input.unwrap_or_default();
        (desk.clone(), DeliveryId { seq: input.seq, index: input.index, part: id.part })
    })
    .collect()
}
