//! Each desk: its stream, its copies, and whether somebody judges it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use prost::Message;
use serde_json::Value;
use simpang_archive::{Archive, Verified};
use simpang_log::{DeskLog, DeskName, LogError, LogStore, Record, RecordKind};
use simpang_proto::log::v1::{Commit, InputRecord, Position};
use simpang_router::Mark;

use super::broker::{self, Broker};
use super::{Report, machine};
use crate::config::Config;
use crate::{output, store};

/// How long an input may wait for a living router.
const PATIENCE: Duration = Duration::from_secs(3);

/// Records that are looked at to count inputs without a decision.
const RECORDS_MAX: u64 = 5_000;

pub(super) async fn check(broker: &Broker, config: &Config, report: &mut Report) {
    let desks = match broker.store.desks().await {
        Ok(desks) => desks,
        Err(error) => return report.fail("desks", error.to_string(), "look at nats-server's log"),
    };
    let Some(first) = desks.first() else {
        machine::durability(config, 1, report);
        return report.warn(
            "desks",
            "there is none yet",
            "`simpang up --policy policies/telkom` makes the policy's",
        );
    };
    broker::clock(broker, &stream(first), report).await;
    let mut replicas_max = 1;
    let live: Arc<dyn LogStore> = Arc::new(broker.store.clone());
    let store = store::with_archive(config, live);
    for desk in &desks {
        match store.open(desk).await {
            Ok(log) => {
                replicas_max = replicas(broker, desk, report).await.max(replicas_max);
                beginning(broker, &log, config, report).await;
                marked(&log, config, report).await;
                judged(&log, report).await;
            }
            Err(error) => {
                report.fail(format!("desk {desk}: stream"), error.to_string(), unfit(&error));
            }
        }
    }
    machine::durability(config, replicas_max, report);
}

/// What to do about a stream that can't be used.
fn unfit(error: &LogError) -> &'static str {
    match error {
        LogError::Misconfigured { reason, .. } if reason.contains("restore them") => {
            "records are gone: see \"A damaged store\" in docs/repair.md, or \"A full disk\" if the disk was full"
        }
        LogError::Misconfigured { .. } => {
            "set the stream as it was made, see \"A stream that could lose records\" in docs/repair.md"
        }
        _ => "look at nats-server's log, and see docs/repair.md",
    }
}

/// Whether what the live log no longer holds is in the archive.
async fn beginning(broker: &Broker, log: &Arc<dyn DeskLog>, config: &Config, report: &mut Report) {
    let check = format!("desk {}: beginning", log.desk());
    let first = match log.first_seq().await {
        Ok(first) => first,
        Err(error) => return report.fail(check, error.to_string(), "look at nats-server's log"),
    };
    let Some(archive) = store::archive(config) else {
        if first > 1 {
            let found = format!("the live log begins at sequence {first}, and log.archive names no archive");
            let todo = "set log.archive to the folder that it was archived to, see docs/archive.md; if nobody pruned it: \
                        \"A damaged store\" in docs/repair.md";
            report.fail(check, found, todo);
        }
        return;
    };
    match joins(broker, &archive, log.desk()).await {
        Ok(0) if first == 1 => report.ok(check, "the live log is whole, and nothing of it is archived"),
        Ok(last) => report.ok(
            check,
            format!(
                "the live log begins at sequence {first}; {} holds it up to {last}, and it goes on there",
                archive.dir().display()
            ),
        ),
        Err(error) => {
            let todo = format!("prune nothing, and run `simpang archive verify {}`", log.desk());
            report.fail(check, format!("{error:#}"), todo);
        }
    }
}

/// The archive's last sequence, once the live log is found to go on there. Its files are not read through.
async fn joins(broker: &Broker, archive: &Archive, desk: &DeskName) -> Result<u64> {
    let live: Arc<dyn LogStore> = Arc::new(broker.store.clone());
    let verified = Verified::unread(archive, desk)?;
    Ok(simpang_archive::join(archive, &live, &verified).await?.archived)
}

/// Whether the log still has what a router on this machine saw of it.
async fn marked(log: &Arc<dyn DeskLog>, config: &Config, report: &mut Report) {
    let check = format!("desk {}: tail", log.desk());
    let dir = config.marks_dir();
    match Mark::read(&dir, log.desk()) {
        Ok(None) => {}
        Ok(Some(mark)) => match mark.check(log.as_ref()).await {
            Ok(()) => report.ok(check, format!("commit {} stands where it was last seen", mark.number)),
            Err(error) => {
                let todo = "stop the roles, write nothing, and follow \"A lost tail\" in docs/repair.md";
                report.fail(check, error.to_string(), todo);
            }
        },
        Err(error) => {
            let found = format!("{}: {error}", dir.join(log.desk().as_str()).display());
            report.warn(check, found, "remove the file; a router writes it anew");
        }
    }
}

fn stream(desk: &DeskName) -> String {
    format!("SIMPANG_{desk}")
}

/// Checks the copies of a desk's stream; gives how many there are.
async fn replicas(broker: &Broker, desk: &DeskName, report: &mut Report) -> u64 {
    let check = format!("desk {desk}: stream");
    let Ok(info) = broker.api(&format!("STREAM.INFO.{}", stream(desk))).await else { return 1 };
    let copies = info["config"]["num_replicas"].as_u64().unwrap_or(1);
    let behind = behind(&info);
    let leader = info["cluster"]["leader"].as_str().unwrap_or_default();
    if !behind.is_empty() {
        let found = format!("{}, leader {leader}; {}", number(copies), behind.join("; "));
        report.fail(check, found, "bring the server back: until then one more loss stops the desk");
    } else if copies == 1 && broker.servers >= 3 {
        let todo = "set log.replicas = 3 and raise num_replicas of the stream with the `nats` tool";
        report.warn(check, format!("one copy, though the cluster has {} servers", broker.servers), todo);
    } else {
        let size = info["state"]["bytes"].as_u64().unwrap_or(0) / 1024;
        let records = info["state"]["messages"].as_u64().unwrap_or(0);
        report.ok(
            check,
            format!(
                "{}, {records} records, {size} KiB, set up so that no service can delete anything",
                number(copies)
            ),
        );
    }
    copies
}

fn number(copies: u64) -> String {
    if copies == 1 { "one copy".to_owned() } else { format!("{copies} copies") }
}

/// Followers of a stream that are away or behind.
fn behind(info: &Value) -> Vec<String> {
    let followers = info["cluster"]["replicas"].as_array().into_iter().flatten();
    followers
        .filter_map(|peer| {
            let name = peer["name"].as_str().unwrap_or("a follower");
            let offline = peer["offline"].as_bool().unwrap_or(false);
            let current = peer["current"].as_bool().unwrap_or(true);
            let lag = peer["lag"].as_u64().unwrap_or(0);
            match (offline, current) {
                (true, _) => Some(format!("{name} is away")),
                (_, false) => Some(format!("{name} is behind by {lag}")),
                _ => None,
            }
        })
        .collect()
}

/// What the log says of its own judging.
struct Judging {
    writer: String,
    policy: u64,
    last_commit_ms: i64,
    decided: (u64, u32),
    waiting: u64,
}

async fn judged(log: &Arc<dyn DeskLog>, report: &mut Report) {
    let check = format!("desk {}: judging", log.desk());
    let outcome = async {
        let first = judging(log).await?;
        if first.waiting == 0 {
            return Ok((first, false));
        }
        // Something is on its way: a living router gets on with it.
        tokio::time::sleep(PATIENCE).await;
        let then = judging(log).await?;
        let stands_still = then.waiting > 0 && then.decided == first.decided;
        anyhow::Ok((then, stands_still))
    };
    let (now, stands_still) = match outcome.await {
        Ok(found) => found,
        Err(error) => {
            return report.fail(
                check,
                format!("{error:#}"),
                "run `simpang verify` on the desk, and see docs/repair.md",
            );
        }
    };
    let by = if now.writer.is_empty() {
        "nobody has judged it yet".to_owned()
    } else {
        format!("last by {} at {} UTC, policy {}", now.writer, output::time(now.last_commit_ms), now.policy)
    };
    if stands_still || now.writer.is_empty() {
        let found = format!("{by}; {} inputs wait and nobody judges them", now.waiting);
        report.fail(
            check,
            found,
            "start `simpang router` (or `simpang up`); look at its log for the desk's name",
        );
    } else if now.policy == 0 {
        let todo = format!("simpang policy apply policies/telkom --desk {}", log.desk());
        report.warn(check, format!("{by}: no policy is in force, so what arrives is kept and waits"), todo);
    } else {
        report.ok(check, format!("{by}; {} inputs wait", now.waiting));
    }
}

async fn judging(log: &Arc<dyn DeskLog>) -> Result<Judging> {
    let record = log.last_commit().await?;
    let commit = match &record {
        Some(record) => Commit::decode(record.payload.clone()).context("the last commit can't be read")?,
        None => Commit::default(),
    };
    let through = commit.decided_through.unwrap_or_default();
    let last = log.last_seq().await?;
    Ok(Judging {
        waiting: waiting(log, through, last).await?,
        writer: commit.writer,
        policy: commit.policy_version,
        last_commit_ms: record.map_or(0, |record| record.at_ms),
        decided: (through.seq, through.index),
    })
}

/// Inputs after what is judged, as far as the log reaches now.
async fn waiting(log: &Arc<dyn DeskLog>, through: Position, last: u64) -> Result<u64> {
    let from = through.seq.max(1);
    if last < from {
        return Ok(0);
    }
    let mut records = log.read(from).await?;
    let mut waiting = 0;
    let until = last.min(from + RECORDS_MAX);
    while let Some(record) = records.next().await {
        let record = record?;
        waiting += unjudged(&record, through);
        if record.seq >= until {
            break;
        }
    }
    Ok(waiting)
}

fn unjudged(record: &Record, through: Position) -> u64 {
    let RecordKind::Input(_) = record.kind else { return 0 };
    let inputs = InputRecord::decode(record.payload.clone()).map_or(1, |record| record.inputs.len() as u64);
    let judged = match record.seq.cmp(&through.seq) {
        std::cmp::Ordering::Less => inputs,
        std::cmp::Ordering::Equal => u64::from(through.index) + u64::from(through.step == 0),
        std::cmp::Ordering::Greater => 0,
    };
    inputs.saturating_sub(judged)
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use serde_json::json;
    use simpang_log::{Door, Record, RecordKind};
    use simpang_proto::log::v1::{Input, InputRecord, Position};

    use super::{behind, unjudged};

    #[test]
    fn followers_that_are_away_or_behind_are_named() {
        let info = json!({ "cluster": { "replicas": [
            { "name": "a", "current": true }, { "name": "b", "current": false, "lag": 7 }, { "name": "c", "offline": true },
        ] } });
        assert_eq!(behind(&info), ["b is behind by 7", "c is away"]);
    }

    #[test]
    fn inputs_after_the_decided_place_wait() {
        let inputs = InputRecord { schema: 1, inputs: vec![Input::default(); 3], ..Default::default() };
        let kind = RecordKind::Input(Door::Ingest);
        let record = Record { seq: 5, at_ms: 0, kind, payload: inputs.encode_to_vec().into() };
        for ((seq, index, step), waiting) in
            [((4, 0, 0), 3), ((5, 0, 0), 2), ((5, 0, 1), 3), ((5, 2, 0), 0), ((6, 0, 0), 0)]
        {
            assert_eq!(unjudged(&record, Position { seq, index, step }), waiting, "{seq}.{index}.{step}");
        }
    }
}
