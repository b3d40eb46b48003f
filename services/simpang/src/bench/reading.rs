//! A desk's log read again from its beginning by those who read it: judged again by `simpang verify`, folded into new
//! tables by the views. Here of a desk where little comes at once, so that every message is a record of its own and
//! design §6's comparison is literally of records; [`super::throughput`] does it with many messages a record.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use simpang_log::{Ahead, Anchor, DeskLog, DeskName, Limits, Tail};
use simpang_proto::log::v1::Input;
use simpang_replay::verify::Verifier;
use tokio::task::JoinSet;

use super::Run;
use super::report::{Measure, Target};
use super::scene::{Scene, decided};
use super::throughput::{feed, limited, per_second};
use super::traffic::{DESK, Traffic};

/// Sources that each have one record in flight.
const SOURCES: u64 = 16;
/// The part of the routed messages that is brought so.
const PART: u64 = 4;

pub(super) async fn measure(run: &mut Run, round: usize) -> Result<()> {
    let scene = run.scene().await?;
    run.step(round, "a log of single messages");
    let (router, log) = scene.routed_desk(&run.files).await?;
    let messages = run.size.routed / PART / SOURCES * SOURCES;
    grow(&log, messages).await?;
    router.stop().await;
    let records = log.last_seq().await?;
    run.step(round, "reading it again");
    let bare = scene.bare("reading").await?.consume_desk(&DeskName::new(DESK)?, records).await?;
    let verified = verified(&log, messages).await?;
    let built = views_built(&scene, &log).await?;
    for (id, what, spent) in [
        ("bare.records", "bare: consume the log of a desk with a message a record", bare),
        ("verify.records", "verify: that log read and judged again", verified),
        ("views.records", "views built anew from that log", built),
    ] {
        let mut measure = Measure::rate(id, what, "records/s");
        if id != "bare.records" {
            measure = measure.over("bare.records", Target::Ratio(0.5, 0.8));
        }
        run.report.add(measure, per_second(records, spent));
    }
    scene.stop().await
}

/// Brings messages, each as a record of its own, and waits until they are judged.
async fn grow(log: &Arc<dyn DeskLog>, messages: u64) -> Result<()> {
    let traffic = Traffic::new();
    let mut sources = JoinSet::new();
    for source in 0..SOURCES {
        let inputs: Vec<Input> =
            (0..messages / SOURCES).map(|n| traffic.input(n * SOURCES + source)).collect();
        let one = limited(log, Limits { inputs_max: 1, ..Limits::default() });
        sources.spawn(async move { feed(&one, &inputs).await });
    }
    let mut last = None;
    while let Some(place) = sources.join_next().await {
        last = last.max(Some(place??));
    }
    match last {
        Some(place) => decided(log.as_ref(), place).await,
        None => Ok(()),
    }
}

/// Reads a log with its chain checked, and judges it again; `at_least` so many inputs. How long that took.
pub(super) async fn verified(log: &Arc<dyn DeskLog>, at_least: u64) -> Result<Duration> {
    let until = log.last_seq().await?;
    let began = Instant::now();
    let mut tail = Tail::start(log.clone(), Anchor::Start);
    tail.leave_out_events();
    let mut tail = Ahead::start(tail);
    let mut verifier = Verifier::new(log.desk());
    while let Some(entry) = tail.read_until(until).await? {
        verifier.take(&entry)?;
    }
    let spent = began.elapsed();
    let verdict = verifier.finish();
    ensure!(verdict.differing == 0, "judged again, the log differs: {}", verdict.differences.join("; "));
    ensure!(verdict.judged > at_least, "{} of more than {at_least} inputs were judged", verdict.judged);
    Ok(spent)
}

/// Folds a log into new tables. How long that took.
pub(super) async fn views_built(scene: &Scene, log: &Arc<dyn DeskLog>) -> Result<Duration> {
    let folder = scene.folder().join("views");
    std::fs::create_dir_all(&folder)?;
    simpang_project::timed(log.clone(), scene.store.clone(), &folder).await.map_err(|reason| anyhow!(reason))
}
