//! Twenty times something is killed at once (SIGKILL) while thousands of messages come through all doors and agents
//! work: every process of Simpang, one of them, each at least once, or the broker. Senders send again what was not
//! acknowledged. At the end nothing is lost and nothing doubled, by the log and by the journals of both ends.
//! `make burst` does it with 10,000 messages.

use std::collections::HashSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use simpang_checker::DeliveryId;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self, DeliveryKind, DeliveryOutcome};
use simpang_tests::{Finished, Layout, Load, Logs, Role, Stand, eventually};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

/// What comes meanwhile.
const LOAD: Load = Load {
    mails: 1_200,
    posts: 1_200,
    comments: 1_200,
    pushes: 1_200,
    lists: 8,
    rows: 60,
    span: Duration::from_secs(80),
};
/// What comes by `make burst`: `SIMPANG_BURST` messages, as fast as they are taken.
fn burst() -> Option<Load> {
    let messages: usize = std::env::var("SIMPANG_BURST").ok()?.parse().expect("SIMPANG_BURST is a number");
    let quarter = messages / 4;
    let span = Duration::from_secs(60);
    Some(Load { mails: quarter, posts: quarter, comments: quarter, pushes: quarter, span, ..LOAD })
}

/// How often something is killed.
const KILLS: usize = 20;
/// Longest time for what is under way when the last kill is over.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);
/// The same for a burst, in whose course agents are left far behind.
const BURST_DRAINED_WITHIN: Duration = Duration::from_secs(600);

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

/// Random moments, the broker and Simpang in turn, and the roles one after the other from a random one on.
fn kills(random: &mut StdRng, messages: usize) -> Vec<Kill> {
    // The first moments belong to the start, the last to the rest of the traffic.
    let mut moments: Vec<usize> =
        (0..KILLS).map(|_| random.random_range(messages / 50..messages * 9 / 10)).collect();
    moments.sort_unstable();
    let first = random.random_range(0..Role::APART.len());
    let kill = |(number, at): (usize, usize)| {
        let victim = match number % 4 {
            0 | 2 => Victim::Broker,
            1 => Victim::Everything,
            _ => Victim::One(Role::APART[(first + number / 4) % Role::APART.len()]),
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
    let begun = Instant::now();
    let burst = burst();
    let drained_within = if burst.is_some() { BURST_DRAINED_WITHIN } else { DRAINED_WITHIN };
    let load = burst.unwrap_or(LOAD);
    let traffic = load.send(&stand);
    let progress = traffic.progress.clone();

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
    let replies = traffic.end().await;
    eprintln!("{:6.1?} all {} messages are acknowledged", begun.elapsed(), progress.acknowledged());
    let finished = stand.finish_within(drained_within).await;
    eprintln!("{:6.1?} judged; agents finished {replies} cases", begun.elapsed());
    everything_once(&finished, &load, replies);
}

async fn execute(stand: &mut Stand, kill: &Kill) {
    match kill.victim {
        Victim::Broker => stand.brokers().server(0).kill(),
        Victim::Everything => stand.kill_all(),
        Victim::One(role) => stand.kill(role),
    }
    sleep(kill.down).await;
    match kill.victim {
        Victim::Broker => stand.brokers().server(0).run().await,
        Victim::Everything | Victim::One(_) => stand.run_all(),
    }
}

/// What the checker recomputes, counted once more by hand: each message joined a case once, each contact opened one,
/// each reply that a channel accepted arrived once.
fn everything_once(finished: &Finished, load: &Load, replies: usize) {
    let logs = &finished.logs;
    load.arrived_once(logs);
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

fn deliveries(logs: &Logs, which: impl Fn(&Body) -> Option<v1::DeliveryId>) -> HashSet<(String, DeliveryId)> {
    let ids = logs.events.iter().filter_map(|(desk, event)| Some((desk, which(event.body.as_ref()?)?)));
    ids.map(|(desk, id)| {
        let input = id.input.unwrap_or_default();
        (desk.clone(), DeliveryId { seq: input.seq, index: input.index, part: id.part })
    })
    .collect()
}
