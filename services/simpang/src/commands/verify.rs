//! `simpang verify`: read every record of a desk's log, judge it again, and let the independent checker recompute what
//! must always hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;
use simpang_checker::{
    Calendars, Checker, Journals, Options, Policies, RawRecord, ReceivedEntry, Report, SentEntry,
    SharedCapacity, Terms, read_journal,
};
use simpang_domain::rules::{QueueRule, Rules};
use simpang_domain::words::{Channel, QueueMode};
use simpang_log::tail::{Body, Entry};
use simpang_log::{Ahead, Anchor, DeskName, LogStore, RecordKind, Tail};
use simpang_proto::log::v1;
use simpang_replay::rules::{ActiveRules, compile};
use simpang_replay::verify::{Verdict, Verifier};
use simpang_router::Mark;
use tokio::sync::mpsc;

use crate::cli::Verify;
use crate::config::Config;
use crate::{output, store};

/// Records that wait to be checked while what follows is judged again.
const CHECKED_LATER: usize = 32;

/// What a desk's log came to.
pub(crate) struct Outcome {
    pub(crate) desk: String,
    pub(crate) verdict: Verdict,
    pub(crate) report: Report,
}

impl Outcome {
    pub(crate) fn holds(&self) -> bool {
        self.verdict.differing == 0 && self.report.holds
    }
}

pub(crate) async fn run(config: &Config, args: Verify) -> Result<ExitCode> {
    let store = store::connect(config, &store::instance("verify", "1")).await?;
    let mut journals = journals(&args.journal)?;
    journals.received_channels = complete(&args.complete)?;
    if !journals.received_channels.is_empty() {
        journals.received.get_or_insert_default();
    }
    let named: Vec<DeskName> = args.desks.iter().map(|d| DeskName::new(d)).collect::<Result<_, _>>()?;
    let desks = if named.is_empty() { store.desks().await? } else { named };
    let mut all_hold = true;
    for desk in desks {
        // What is left of a log that lost its tail holds: only what this machine saw before can tell.
        if let Some(mark) = Mark::read(&config.marks_dir(), &desk).context("the mark of a desk")? {
            mark.check(store.open(&desk).await?.as_ref()).await?;
        }
        let outcome = verify(store.as_ref(), &desk, &journals, args.quiescent).await?;
        all_hold &= outcome.holds();
        print(&outcome, args.json.json)?;
    }
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads a desk's log to its present end and checks it.
pub(crate) async fn verify(
    store: &dyn LogStore,
    desk: &DeskName,
    journals: &Journals,
    quiescent: bool,
) -> Result<Outcome> {
    let log = store.open(desk).await?;
    let last = log.last_seq().await?;
    let bar = output::progress(last, &format!("desk {desk}: checking"));
    let options = Options {
        quiescent,
        terms: terms(ActiveRules::default()),
        policies: Some(Box::new(DeskPolicies(desk.clone()))),
        ..Options::default()
    };
    // Reading, checking and judging again each have a thread.
    let (records, mut to_check) = mpsc::channel::<RawRecord>(CHECKED_LATER);
    let mut checker = Checker::with(desk.as_str(), options);
    let checking = tokio::task::spawn_blocking(move || {
        while let Some(record) = to_check.blocking_recv() {
            checker.feed(record);
        }
        checker
    });
    let mut verifier = Verifier::new(desk);
    let mut tail = Tail::start(log, Anchor::Start);
    tail.leave_out_events();
    let mut tail = Ahead::start(tail);
    while let Some(entry) = tail.read_until(last).await? {
        let record = RawRecord::new(entry.seq, entry.at_ms, subject(&entry, desk), entry.payload.clone());
        records.send(record).await.context("the checker broke off")?;
        verifier.take(&entry)?;
        bar.set_position(entry.seq);
    }
    drop(records);
    let checker = checking.await.context("the checker broke off")?;
    bar.finish_and_clear();
    Ok(Outcome { desk: desk.to_string(), verdict: verifier.finish(), report: checker.finish(journals) })
}

fn subject(entry: &Entry, desk: &DeskName) -> String {
    match &entry.body {
        Body::Inputs { door, .. } | Body::Unreadable { door, .. } => RecordKind::Input(*door),
        Body::Commit { .. } => RecordKind::Commit,
    }
    .subject(desk)
}

#[derive(Debug)]
struct PolicyCalendars(ActiveRules);

impl Calendars for PolicyCalendars {
    fn deadline(&self, calendar: &str, from_ms: i64, work_ms: i64) -> Option<i64> {
        Some(self.0.deadline(calendar, from_ms, work_ms))
    }
}

/// Reads the policies of a desk for the checker.
#[derive(Debug)]
struct DeskPolicies(DeskName);

impl Policies for DeskPolicies {
    fn read(&self, document: &v1::PolicyDocument) -> Option<Terms> {
        compile(self.0.as_str(), document).1.map(terms)
    }
}

/// What the checker can't tell from the log: capacities, how queues give their cases, calendars.
fn terms(rules: ActiveRules) -> Terms {
    let tables = rules.tables();
    let shared = tables.shared.as_ref();
    let queues = |which: &dyn Fn(&QueueRule) -> bool| {
        tables.queues.iter().filter(|queue| which(queue)).map(|queue| queue.name.to_string()).collect()
    };
    let mut held_queues: BTreeSet<String> = queues(&|queue| queue.held);
    held_queues.insert("unrouted".to_owned());
    Terms {
        default_capacity: by_channel(&tables.capacities),
        shared_capacity: shared
            .map(|shared| SharedCapacity { total: shared.total, weights: by_channel(&shared.weights) }),
        held_queues,
        pull_queues: queues(&|queue| queue.mode == QueueMode::Pull),
        offer_queues: queues(&|queue| queue.mode == QueueMode::Offer),
        key_memory_ms: Some(tables.limits.key_memory_ms),
        calendars: Box::new(PolicyCalendars(rules)),
    }
}

fn by_channel(numbers: &[(Channel, u32)]) -> BTreeMap<v1::Channel, u32> {
    let read = |(channel, n): &(Channel, u32)| Some((v1::Channel::try_from(channel.number()).ok()?, *n));
    numbers.iter().filter_map(read).collect()
}

/// Channels whose journal is complete.
fn complete(names: &[String]) -> Result<Vec<String>> {
    let known = ["email", "x", "facebook", "call", "other"];
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(other) => anyhow::bail!("--complete: there is no channel `{other}`, only {}", known.join(", ")),
        None => Ok(names.to_vec()),
    }
}

/// Reads journals: files of what senders were told, and of what receivers got.
fn journals(files: &[PathBuf]) -> Result<Journals> {
    let mut all = Journals::default();
    for path in files {
        let open =
            || File::open(path).map(BufReader::new).with_context(|| format!("can't read {}", path.display()));
        match read_journal::<SentEntry>(open()?) {
            Ok(sent) => all.sent.extend(sent),
            Err(first) => {
                let received = read_journal::<ReceivedEntry>(open()?)
                    .map_err(|_| anyhow::anyhow!("{} is no journal: {first}", path.display()))?;
                all.received.get_or_insert_default().extend(received);
            }
        }
    }
    Ok(all)
}

pub(crate) fn print(outcome: &Outcome, as_json: bool) -> Result<()> {
    let Outcome { desk, verdict, report } = outcome;
    if as_json {
        let judged = json!({
            "judged": verdict.judged, "folded": verdict.folded, "events": verdict.events,
            "differing": verdict.differing, "differences": verdict.differences,
        });
        output::json(&json!({
            "desk": desk, "holds": outcome.holds(), "judged_again": judged,
            "checker": serde_json::to_value(report)?,
        }));
        return Ok(());
    }
    output::line(format!("desk {desk}"));
    output::line(format!(
        "  judged again: {} inputs, {} events, {} differ; {} inputs of other versions folded",
        verdict.judged, verdict.events, verdict.differing, verdict.folded
    ));
    for difference in &verdict.differences {
        output::line(format!("    {difference}"));
    }
    for text in report.to_string().lines() {
        output::line(format!("  {text}"));
    }
    Ok(())
}
