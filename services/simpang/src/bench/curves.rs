//! Curves rather than points: what comes through and how late, against the load that is offered; what many desks in
//! one process cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use prost::Message as _;
use simpang_log::tail::Body;
use simpang_log::{Anchor, Appender, CommitRef, DeskLog, DeskName, Door, Limits, Place, Tail, Ticket};
use simpang_proto::log::v1::{Commit, Input};
use simpang_router::{Options, Router};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::Run;
use super::report::{Measure, Target, quantile};
use super::scene::{Files, decided, payload, policy_input};
use super::throughput::{Cpu, WINDOW, appender, feed, per_second};
use super::traffic::{DESK, Traffic};

/// Messages a second that are offered.
const OFFERED: [u64; 7] = [1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 80_000];
/// How often the messages that are due are sent.
const BEAT: Duration = Duration::from_millis(2);
/// Of how many messages one is watched.
const WATCHED: u64 = 20;
/// Desks in one process.
const DESKS: [usize; 3] = [1, 10, 100];

pub(super) async fn measure(run: &mut Run) -> Result<()> {
    run.progress.set_length((run.size.rounds * (1 + OFFERED.len() + DESKS.len())) as u64);
    for round in 0..run.size.rounds {
        bare(run, round).await?;
        loads(run, round).await?;
        for desks in DESKS {
            run.step(round, "many desks in one process");
            many(run, desks).await?;
        }
    }
    Ok(())
}

async fn bare(run: &mut Run, round: usize) -> Result<()> {
    run.step(round, "the bare broker");
    let scene = run.scene().await?;
    let count = run.size.bare;
    let spent = scene.bare("curves").await?.publish_windowed(&payload(), count, WINDOW).await?;
    run.report.add(
        Measure::rate("bare.publish", "bare: windowed publish of single messages", "messages/s"),
        per_second(count, spent),
    );
    scene.stop().await
}

/// One desk under one load after another.
async fn loads(run: &mut Run, round: usize) -> Result<()> {
    let scene = run.scene().await?;
    let (router, log) = scene.routed_desk(&run.files).await?;
    let mut source = Source { traffic: Traffic::new(), next: 0 };
    for offered in OFFERED {
        run.step(round, "routed against offered load");
        let seen = Seen::begin(log.clone()).await?;
        let count = offered * run.size.each_rate.as_secs().max(1);
        let began = Instant::now();
        let (sent, last) = source.offer(&appender(&log), offered, count).await?;
        decided(log.as_ref(), last).await?;
        let spent = began.elapsed();
        let mut late = seen.since(&sent, last).await?;
        let id = format!("load.{offered}");
        let measure = Measure::rate(id.clone(), format!("routed, {offered}/s offered"), "messages/s");
        run.report.add(measure.over("bare.publish", Target::None), per_second(count, spent));
        for (q, name) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")] {
            let what = format!("… message sent to its commit read, {name}");
            run.report.add(Measure::cost(format!("{id}.{name}"), what, "µs"), quantile(&mut late, q));
        }
    }
    router.stop().await;
    scene.stop().await
}

/// Messages in order.
struct Source {
    traffic: Traffic,
    next: u64,
}

/// A message that is watched: where it came to stand, and when it was sent.
type Sent = (Place, Instant);

impl Source {
    /// Sends so many at this rate, or as fast as they are taken if that is slower; some with when they were due, and
    /// where the last one stands.
    async fn offer(&mut self, appender: &Appender, rate: u64, count: u64) -> Result<(Vec<Sent>, Place)> {
        let (tickets, mut waiting) = mpsc::unbounded_channel::<(Ticket, Instant, bool)>();
        let acknowledged = tokio::spawn(async move {
            let (mut sent, mut last) = (Vec::new(), None);
            while let Some((ticket, due, is_watched)) = waiting.recv().await {
                let place = ticket.place().await?;
                last = Some(place);
                sent.extend(is_watched.then_some((place, due)));
            }
            Ok::<_, anyhow::Error>((sent, last))
        });
        let began = Instant::now();
        let mut beat = tokio::time::interval(BEAT);
        let mut done = 0;
        while done < count {
            // What waits to be sent waits as long as anything else: it counts from its beat, however late that comes.
            let due = beat.tick().await.into_std();
            let so_far = (due.saturating_duration_since(began).as_secs_f64() * rate as f64) as u64;
            while done < so_far.min(count) {
                let input = self.traffic.input(self.next);
                self.next += 1;
                tickets.send((appender.submit(&input).await?, due, done % WATCHED == 0))?;
                done += 1;
            }
        }
        drop(tickets);
        let (sent, last) = acknowledged.await??;
        Ok((sent, last.context("nothing was sent")?))
    }
}

/// A reader beside the router, as every role is one: when it read which commit.
struct Seen {
    commits: JoinHandle<Result<Vec<Sent>>>,
    last: watch::Sender<Option<Place>>,
}

impl Seen {
    async fn begin(log: Arc<dyn DeskLog>) -> Result<Self> {
        let record = log.last_commit().await?.context("the desk has no commit yet")?;
        let commit = Commit::decode(record.payload.clone()).context("the last commit can't be read")?;
        let anchor = Anchor::Commit(CommitRef::of(record.seq, &record.payload, &commit));
        let (last, told) = watch::channel(None);
        let commits = tokio::spawn(read_commits(Tail::start(log, anchor), told));
        Ok(Self { commits, last })
    }

    /// How long after they were due the messages' commits were read.
    async fn since(self, sent: &[Sent], last: Place) -> Result<Vec<Duration>> {
        self.last.send_replace(Some(last));
        let commits = self.commits.await??;
        let of = |(place, due): &Sent| {
            let at = commits.partition_point(|(through, _)| through < place);
            commits.get(at).map(|(_, read)| read.saturating_duration_since(*due))
        };
        Ok(sent.iter().filter_map(of).collect())
    }
}

/// When each commit was read, up to the one that covers the place it is told.
async fn read_commits(mut tail: Tail, mut told: watch::Receiver<Option<Place>>) -> Result<Vec<Sent>> {
    tail.leave_out_events();
    let (mut all, mut reached) = (Vec::new(), Place { seq: 0, index: 0 });
    loop {
        if told.borrow_and_update().is_some_and(|last| reached >= last) {
            return Ok(all);
        }
        tokio::select! {
            entry = tail.next() => if let Body::Commit { commit, .. } = entry?.body {
                let through = commit.decided_through.unwrap_or_default();
                reached = Place { seq: through.seq, index: through.index };
                all.push((reached, Instant::now()));
            },
            changed = told.changed() => changed?,
        }
    }
}

/// The same number of messages over so many desks, all judged by one router.
async fn many(run: &mut Run, desks: usize) -> Result<()> {
    let scene = run.scene().await?;
    let mut logs = Vec::with_capacity(desks);
    for n in 0..desks {
        logs.push(scene.store.create(&DeskName::new(&desk_name(n))?).await?);
    }
    let router = Router::start(Options::new(scene.store.clone(), "router@bench/1".into())).await?;
    for (n, log) in logs.iter().enumerate() {
        let gateway = Appender::new(log.clone(), Door::Gateway, "gateway@bench/1", Limits::default());
        let place = gateway.append(policy_input(&policy_of(&run.files, &desk_name(n)))).await?;
        decided(log.as_ref(), place).await?;
    }
    let each = run.size.routed / desks as u64;
    let traffic = Traffic::new();
    let inputs: Arc<Vec<Input>> = Arc::new((0..each).map(|n| traffic.input(n)).collect());
    let cpu = Cpu::now(&scene);
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for log in logs {
        let inputs = inputs.clone();
        tasks.spawn(async move {
            let place = feed(&appender(&log), &inputs).await?;
            decided(log.as_ref(), place).await
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let (spent, count) = (began.elapsed(), each * desks as u64);
    let what = format!("{desks} desks in one process: messages routed");
    let measure = Measure::rate(format!("desks.{desks}"), what, "messages/s");
    run.report.add(measure.over("bare.publish", Target::None), per_second(count, spent));
    cpu.add(run, &format!("desks.{desks}"), "…", count);
    router.stop().await;
    scene.stop().await
}

fn desk_name(n: usize) -> String {
    format!("desk-{n}")
}

/// The policy with its desk under another name.
fn policy_of(files: &Files, desk: &str) -> Files {
    let (old, new) = (format!("\"{DESK}\""), format!("\"{desk}\""));
    let renamed = |(path, text): &(String, String)| match path.as_str() {
        "policy.toml" => (path.clone(), text.replace(&old, &new)),
        path => (path.replace(&format!("desks/{DESK}"), &format!("desks/{desk}")), text.clone()),
    };
    files.iter().map(renamed).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::policy_of;
    use crate::commands::policy::read_folder;

    #[test]
    fn the_shipped_policy_holds_for_a_desk_of_another_name() {
        let shipped =
            read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/telkom")).unwrap();
        let compiled = simpang_policy::compile("desk-7", &policy_of(&shipped, "desk-7"));
        assert!(compiled.is_ok(), "{:?}", compiled.err());
    }
}
