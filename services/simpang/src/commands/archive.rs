//! `simpang archive`: closed periods into files, those files verified, and what a verified archive holds out of the live
//! log. What it writes and checks is `simpang-archive`'s; here is who says what and when.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::json;
use simpang_archive::take::{SEGMENT_BYTES, Taking};
use simpang_archive::{
    Archive, Archived, Manifest, Pruned, Retention, Verified, join, prune, prune_raw, take, verify,
};
use simpang_log::{DeskName, LogStore};
use simpang_replay::rules::ActiveRules;

use crate::cli::{self, ArchiveDir};
use crate::commands::figures::time;
use crate::commands::policy::last_rules;
use crate::config::Config;
use crate::{output, store};

pub(crate) async fn run(config: &Config, args: cli::Archive) -> Result<ExitCode> {
    match args {
        cli::Archive::Take { desks, before, dir, json } => {
            let before = before.map(|before| time(Some(&before))).transpose()?;
            take_all(config, &folder(config, &dir)?, &desks, before, json.json).await?;
        }
        cli::Archive::Verify { desks, alone, dir, json } => {
            return verify_all(config, &folder(config, &dir)?, &desks, alone, json.json).await;
        }
        cli::Archive::Prune { desk, before, json } => {
            let before = before.map(|before| time(Some(&before))).transpose()?;
            prune_desk(config, &DeskName::new(&desk)?, before, json.json).await?;
        }
        cli::Archive::List { dir, json } => list(&folder(config, &dir)?, json.json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn folder(config: &Config, named: &ArchiveDir) -> Result<Archive> {
    let archive = named.dir.clone().map(Archive::new).or_else(|| store::archive(config));
    archive.context("no archive is named: set log.archive in the settings, or use --dir")
}

async fn live(config: &Config) -> Result<Arc<dyn LogStore>> {
    Ok(Arc::new(store::connect_nats(config, &store::instance("archive", "1")).await?))
}

fn names(desks: &[String]) -> Result<Vec<DeskName>> {
    Ok(desks.iter().map(|desk| DeskName::new(desk)).collect::<Result<_, _>>()?)
}

/// The rules in force on a desk, read through its archive.
async fn rules(archive: &Archive, live: &Arc<dyn LogStore>, desk: &DeskName) -> Result<ActiveRules> {
    let log = Archived::new(live.clone(), archive.clone()).open(desk).await?;
    let last = log.last_seq().await?;
    last_rules(log, desk, last).await
}

/// The month of a time in the desk's zone, such as `2026-11`.
fn month(rules: &ActiveRules, at_ms: i64) -> String {
    let local = match rules {
        ActiveRules::Policy(in_force) => in_force.policy.local_time(at_ms),
        ActiveRules::Before(_) => output::time(at_ms),
    };
    local.chars().take(7).collect()
}

/// Whether the month of a time has ended, in the desk's zone.
fn has_ended(rules: &ActiveRules, at_ms: i64, now_ms: i64) -> bool {
    at_ms < now_ms && month(rules, at_ms) != month(rules, now_ms)
}

async fn take_all(
    config: &Config,
    archive: &Archive,
    desks: &[String],
    before: Option<i64>,
    as_json: bool,
) -> Result<()> {
    let live = live(config).await?;
    let desks = if desks.is_empty() { live.desks().await? } else { names(desks)? };
    for desk in &desks {
        let rules = rules(archive, &live, desk).await?;
        let now_ms = output::now_ms();
        let last = live.open(desk).await?.last_seq().await?;
        let bar = output::progress(last, &format!("desk {desk}: archiving"));
        let how = Taking {
            is_closed: &|at_ms| match before {
                Some(before) => at_ms < before,
                None => has_ended(&rules, at_ms, now_ms),
            },
            period: &|at_ms| month(&rules, at_ms),
            segment_bytes: SEGMENT_BYTES,
            retention: retention(&rules),
            by: store::instance("archive", "1"),
            now_ms,
            progress: &|seq| bar.set_position(seq),
        };
        let taken = take(archive, &live, desk, &how).await.with_context(|| format!("desk {desk}"))?;
        bar.finish_and_clear();
        if as_json {
            let segments = serde_json::to_value(&taken.segments)?;
            output::json(&json!({
                "desk": desk.as_str(), "segments": segments, "raw_objects": taken.raw_objects,
                "archived_through": taken.last_seq, "last_seq": last,
            }));
            continue;
        }
        for manifest in &taken.segments {
            output::line(format!("{desk}: {}", told(manifest)));
        }
        output::line(format!(
            "desk {desk}: {} segments taken with {} new raw objects; archived up to sequence {} of {last}",
            taken.segments.len(),
            taken.raw_objects,
            taken.last_seq
        ));
    }
    Ok(())
}

fn told(manifest: &Manifest) -> String {
    let Manifest { period, first_seq, last_seq, records, bytes, .. } = manifest;
    format!(
        "{period}, sequences {first_seq} to {last_seq}, {records} records in {} KiB",
        bytes.div_ceil(1024)
    )
}

async fn verify_all(
    config: &Config,
    archive: &Archive,
    desks: &[String],
    alone: bool,
    as_json: bool,
) -> Result<ExitCode> {
    let live = if alone { None } else { Some(live(config).await?) };
    let desks = if desks.is_empty() { archive.desks()? } else { names(desks)? };
    if desks.is_empty() {
        bail!("{} holds no desk's archive", archive.dir().display());
    }
    let mut all_hold = true;
    for desk in &desks {
        let outcome = verify_desk(archive, live.as_ref(), desk).await;
        all_hold &= outcome.is_ok();
        if as_json {
            output::json(&match &outcome {
                Ok((verified, joined)) => json!({
                    "desk": desk.as_str(), "holds": true, "segments": verified.segments.len(),
                    "records": verified.records, "raw_objects": verified.raw_objects,
                    "archived_through": verified.last_seq(), "live_from": joined,
                }),
                Err(error) => {
                    json!({ "desk": desk.as_str(), "holds": false, "reason": format!("{error:#}") })
                }
            });
            continue;
        }
        output::line(match outcome {
            Ok((verified, joined)) => holds(&verified, joined),
            Err(error) => format!("desk {desk}: DOES NOT HOLD: {error:#}"),
        });
    }
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn holds(verified: &Verified, live_from: Option<u64>) -> String {
    let Verified { desk, segments, records, raw_objects, .. } = verified;
    let joined = live_from.map_or_else(
        || "the live log was not asked".to_owned(),
        |first| format!("the live log begins at {first} and goes on where the archive ends"),
    );
    format!(
        "desk {desk}: holds, {records} records in {} segments up to sequence {}, {raw_objects} raw objects; {joined}",
        segments.len(),
        verified.last_seq()
    )
}

/// Verifies a desk's archive, and where the live log begins if that is asked and goes on where the archive ends.
async fn verify_desk(
    archive: &Archive,
    live: Option<&Arc<dyn LogStore>>,
    desk: &DeskName,
) -> Result<(Verified, Option<u64>)> {
    let last = archive.segments(desk)?.last().map_or(0, |manifest| manifest.last_seq);
    let bar = output::progress(last, &format!("desk {desk}: reading the archive"));
    let verified = verify(archive, desk, &|seq| bar.set_position(seq)).await?;
    bar.finish_and_clear();
    let joined = match live {
        Some(live) => Some(join(archive, live, &verified).await?.first_seq),
        None => None,
    };
    Ok((verified, joined))
}

/// Prunes through the archive that the settings name: who reads the log later has to find it there.
async fn prune_desk(config: &Config, desk: &DeskName, before: Option<i64>, as_json: bool) -> Result<()> {
    let archive = store::archive(config).context(
        "log.archive names no archive: set it for every role first, since what is pruned is read from there alone",
    )?;
    let live = live(config).await?;
    let older_than = older_than(&rules(&archive, &live, desk).await?, before)?;
    let last = archive.segments(desk)?.last().map_or(0, |manifest| manifest.last_seq);
    let bar = output::progress(last, &format!("desk {desk}: reading the archive"));
    let pruned = prune(&archive, &live, desk, older_than, &|seq| bar.set_position(seq)).await?;
    bar.set_message("looking for raw objects that nobody names any more");
    let objects = prune_raw(&archive, &live, &|_, seq| bar.set_position(seq)).await?;
    bar.finish_and_clear();
    let Pruned { first_before, first_seq } = pruned;
    if as_json {
        output::json(&json!({
            "desk": desk.as_str(), "first_before": first_before, "first_seq": first_seq, "raw_objects": objects,
        }));
        return Ok(());
    }
    output::line(format!(
        "desk {desk}: the live log began at sequence {first_before} and begins at {first_seq} now; {objects} raw objects \
         removed"
    ));
    Ok(())
}

/// What the policy in force says of retention.
fn retention(rules: &ActiveRules) -> Option<Retention> {
    let ActiveRules::Policy(in_force) = rules else { return None };
    let kept = in_force.policy.retention()?;
    Some(Retention {
        live_ms: kept.live_ms,
        keep_ms: kept.archive_ms,
        responsible: kept.responsible.to_string(),
        document: kept.document.to_string(),
    })
}

/// Before when records may go: by the policy, and no later than is asked for.
fn older_than(rules: &ActiveRules, before: Option<i64>) -> Result<i64> {
    let by_policy = retention(rules).map(|kept| output::now_ms() - kept.live_ms);
    by_policy.into_iter().chain(before).min().context(
        "the desk's policy has no [retention]: say with --before up to when records may go (docs/archive.md)",
    )
}

fn list(archive: &Archive, as_json: bool) -> Result<()> {
    let now_ms = output::now_ms();
    let mut rows = Vec::new();
    for desk in archive.desks()? {
        for manifest in archive.segments(&desk)? {
            if as_json {
                let mut value = serde_json::to_value(&manifest)?;
                value["keep_until_ms"] = json!(manifest.keep_until_ms());
                value["past_keep_time"] = json!(is_past(&manifest, now_ms));
                output::json(&value);
            } else {
                rows.push(row(&manifest, now_ms));
            }
        }
    }
    if !as_json {
        let header =
            ["desk", "period", "sequences", "records", "KiB", "from", "to", "keep until", "responsible"];
        output::table(&header, &rows);
    }
    Ok(())
}

fn is_past(manifest: &Manifest, now_ms: i64) -> bool {
    manifest.keep_until_ms().is_some_and(|until| until < now_ms)
}

fn row(manifest: &Manifest, now_ms: i64) -> Vec<String> {
    let keep = match manifest.keep_until_ms() {
        Some(until) if until < now_ms => format!("{} (past)", day(until)),
        Some(until) => day(until),
        None => "no policy says".to_owned(),
    };
    let responsible = manifest.retention.as_ref().map(|retention| retention.responsible.clone());
    vec![
        manifest.desk.clone(),
        manifest.period.clone(),
        format!("{}–{}", manifest.first_seq, manifest.last_seq),
        manifest.records.to_string(),
        manifest.bytes.div_ceil(1024).to_string(),
        day(manifest.first_at_ms),
        day(manifest.last_at_ms),
        keep,
        responsible.unwrap_or_else(|| "-".to_owned()),
    ]
}

fn day(ms: i64) -> String {
    output::time(ms).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use simpang_replay::rules::{ActiveRules, InForce};

    use super::{has_ended, older_than};
    use crate::output;

    const DESK: &str = r#"
[desk]
zone = "Asia/Jakarta"
[defaults]
priority = "normal"
[[priority]]
name = "normal"
[[queue]]
name = "all"
[[rule]]
name = "everything"
when = "true"
queue = "all"
"#;

    fn rules(more: &str) -> ActiveRules {
        let compiled = simpang_policy::compile_inline("d", 1, &format!("{DESK}{more}")).unwrap();
        let document = simpang_proto::log::v1::PolicyDocument::default();
        ActiveRules::Policy(Box::new(InForce { policy: compiled.policy, document }))
    }

    fn at(text: &str) -> i64 {
        chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    #[test]
    fn a_month_ends_at_midnight_of_the_desks_zone() {
        let (before, after) = (at("2026-10-31T16:59:59Z"), at("2026-10-31T17:00:00Z"));
        let jakarta = rules("");
        assert!(has_ended(&jakarta, before, after), "in Jakarta it is November");
        assert!(!has_ended(&ActiveRules::default(), before, after), "without a policy it is UTC");
        assert!(!has_ended(&jakarta, after, after + 1));
        assert!(!has_ended(&jakarta, at("2026-12-01T00:00:00Z"), after), "what lies ahead has not ended");
        assert!(has_ended(&jakarta, at("2025-11-15T00:00:00Z"), at("2026-11-15T00:00:00Z")), "a year before");
    }

    #[test]
    fn the_policy_says_what_is_old_enough_and_an_earlier_time_can_be_asked_for() {
        let kept = rules("[retention]\nlive = \"90d\"\narchive = \"1825d\"\nresponsible = \"Quality\"");
        let by_policy = output::now_ms() - 90 * 86_400_000;
        assert!(older_than(&kept, None).unwrap().abs_diff(by_policy) < 60_000);
        assert!(older_than(&kept, Some(i64::MAX)).unwrap().abs_diff(by_policy) < 60_000);
        assert_eq!(older_than(&kept, Some(5)).unwrap(), 5);
        assert_eq!(older_than(&rules(""), Some(5)).unwrap(), 5);
        assert!(older_than(&rules(""), None).unwrap_err().to_string().contains("--before"));
    }
}
