//! A desk with many open cases taken up again: from its log, from a snapshot; and what the desk that judges notices
//! while a snapshot of it is made.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use futures_util::StreamExt as _;
use prost::Message as _;
use simpang_log::snapshot::Folder;
use simpang_log::{Appender, DeskLog, Place, RecordKind, RecordStream};
use simpang_proto::log::v1::{Commit, Input};
use simpang_router::{Options, Router, Snapshots};

use super::Run;
use super::report::{Measure, quantile};
use super::scene::{Scene, decided, owned};
use super::throughput::{appender, feed, per_second};
use super::traffic::Traffic;

/// Messages that are brought at once while the log grows.
const CHUNK: u64 = 50_000;
/// How often a message comes while the desk is watched.
const EVERY: Duration = Duration::from_millis(5);
/// How long the desk is watched without a snapshot being made.
const QUIET: Duration = Duration::from_secs(5);
/// No snapshot takes that long.
const SNAPSHOT_WITHIN: Duration = Duration::from_secs(120);

pub(super) async fn measure(run: &mut Run, cases: u64) -> Result<()> {
    let scene = run.scene().await?;
    let traffic = Traffic::new();
    let (router, log) = scene.routed_desk(&run.files).await?;
    grow(run, &log, &traffic, cases).await?;
    router.stop().await;
    let dir = scene.folder().join("snapshots");
    let keeping = |every_events| Some(Snapshots::on_disk(&dir, every_events));

    run.progress.set_message("taking the desk up from its log");
    let (router, spent) = take_up(&scene, keeping(u64::MAX)).await?;
    let what = format!("router: take a desk up, {cases} open cases");
    run.report.add(Measure::cost("restart.log", format!("{what}, from the log"), "s"), spent.as_secs_f64());

    run.progress.set_message("writing a snapshot");
    let began = Instant::now();
    router.stop().await;
    let spent = began.elapsed().as_secs_f64();
    run.report.add(Measure::cost("restart.write", "router: stop, with a snapshot written", "s"), spent);
    let bytes = size(&dir)?;
    let each = bytes as f64 / cases as f64;
    run.report.add(Measure::cost("restart.size", "router: snapshot, an open case", "bytes"), each);

    run.progress.set_message("taking the desk up from a snapshot");
    let (router, spent) = take_up(&scene, keeping(u64::MAX)).await?;
    let measure = Measure::cost("restart", format!("{what}, from a snapshot"), "s").aiming(5.0, 2.0);
    run.report.add(measure, spent.as_secs_f64());

    for role in ["gateway", "deliver"] {
        readers(run, &log, &dir.join(role), role, cases).await?;
    }

    run.progress.set_message("watching the desk");
    let mut watched = Watched { log: log.clone(), traffic, next: cases, appender: appender(&log) };
    let mut quiet = watched.watch(|since| since > QUIET).await?;
    router.stop().await;
    let (router, _) = take_up(&scene, keeping(1)).await?;
    run.progress.set_message("watching the desk while a snapshot is made");
    let newest = newest(&dir)?;
    let mut busy = Vec::new();
    // It stands when there is a newer one.
    let began = Instant::now();
    while self::newest(&dir)? == newest {
        ensure!(began.elapsed() < SNAPSHOT_WITHIN, "no snapshot was made in {SNAPSHOT_WITHIN:?}");
        busy.extend(watched.watch(|since| since > Duration::from_millis(200)).await?);
    }
    router.stop().await;
    for (id, what, samples) in [("quiet", "no snapshot", &mut quiet), ("busy", "a snapshot", &mut busy)] {
        for (q, name) in [(0.5, "p50"), (0.99, "p99"), (1.0, "longest")] {
            let what = format!("message to its commit while {what} is made, {name}");
            run.report.add(Measure::cost(format!("restart.{id}.{name}"), what, "µs"), quantile(samples, q));
        }
    }
    scene.stop().await
}

/// Brings messages until so many cases are open.
async fn grow(run: &mut Run, log: &Arc<dyn DeskLog>, traffic: &Traffic, cases: u64) -> Result<()> {
    run.progress.set_length(cases);
    run.progress.set_message(format!("opening {cases} cases"));
    let appender = appender(log);
    let began = Instant::now();
    for from in (0..cases).step_by(usize::try_from(CHUNK)?) {
        let inputs: Vec<Input> = (from..cases.min(from + CHUNK)).map(|n| traffic.input(n)).collect();
        let place = feed(&appender, &inputs).await?;
        decided(log.as_ref(), place).await?;
        run.progress.set_position(from + inputs.len() as u64);
    }
    let measure = Measure::rate("restart.grow", "ingest and router: messages routed meanwhile", "messages/s");
    run.report.add(measure, per_second(cases, began.elapsed()));
    Ok(())
}

/// What the start of one who only reads takes.
async fn readers(run: &mut Run, log: &Arc<dyn DeskLog>, dir: &Path, role: &str, cases: u64) -> Result<()> {
    run.progress.set_message(format!("starting {role}"));
    let folder = Folder::on_disk(dir);
    let timed = match role {
        "gateway" => simpang_gateway::timed(log, &folder).await?,
        _ => simpang_deliver::timed(log, &folder).await?,
    };
    let what = format!("{role}: start, {cases} open cases");
    for (id, how, spent) in [
        ("log", "from the log", timed.from_log),
        ("snapshot", "from a snapshot", timed.from_snapshot),
        ("write", "writing the snapshot", timed.write),
    ] {
        let measure = Measure::cost(format!("restart.{role}.{id}"), format!("{what}, {how}"), "s");
        run.report.add(measure, spent.as_secs_f64());
    }
    let each = size(dir)? as f64 / cases as f64;
    let what = format!("{role}: snapshot, an open case");
    run.report.add(Measure::cost(format!("restart.{role}.size"), what, "bytes"), each);
    Ok(())
}

async fn take_up(scene: &Scene, snapshots: Option<Snapshots>) -> Result<(Router, Duration)> {
    let began = Instant::now();
    let options = Options { snapshots, ..Options::new(scene.store.clone(), "router@bench/2".into()) };
    let router = Router::start(options).await?;
    owned(&router).await?;
    Ok((router, began.elapsed()))
}

/// One message after another, each watched until a commit covers it.
struct Watched {
    log: Arc<dyn DeskLog>,
    appender: Appender,
    traffic: Traffic,
    next: u64,
}

impl Watched {
    async fn watch(&mut self, done: impl Fn(Duration) -> bool) -> Result<Vec<Duration>> {
        let mut records = self.log.read(self.log.last_seq().await? + 1).await?;
        let began = Instant::now();
        let mut all = Vec::new();
        while !done(began.elapsed()) {
            let sent = Instant::now();
            let place = self.appender.append(self.traffic.input(self.next)).await?;
            self.next += 1;
            covered(&mut records, place).await?;
            all.push(sent.elapsed());
            tokio::time::sleep(EVERY).await;
        }
        Ok(all)
    }
}

async fn covered(records: &mut RecordStream, place: Place) -> Result<()> {
    while let Some(record) = records.next().await {
        let record = record?;
        if record.kind == RecordKind::Commit {
            let at = Commit::decode(record.payload)?.decided_through.unwrap_or_default();
            if (Place { seq: at.seq, index: at.index }) >= place {
                return Ok(());
            }
        }
    }
    bail!("the log ended")
}

/// The files of snapshots and what they take.
fn files(dir: &Path) -> Result<Vec<(String, u64)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".snapshot") {
            all.push((name, entry.metadata()?.len()));
        }
    }
    all.sort();
    Ok(all)
}

fn size(dir: &Path) -> Result<u64> {
    Ok(files(dir)?.last().map_or(0, |(_, bytes)| *bytes))
}

fn newest(dir: &Path) -> Result<Option<String>> {
    Ok(files(dir)?.pop().map(|(name, _)| name))
}
