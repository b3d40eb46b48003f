//! `simpang ingest gaps`, `replay` and `reference`: what a source says it sent against what the log has, stored raw bytes
//! read again, and what another system says of a ticket.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;
use simpang_ingest::{Correction, Replayed};
use simpang_log::tail::Body;
use simpang_log::{Anchor, DeskName, LogStore, Tail};
use simpang_proto::ingest::v1::ReportReferenceRequest;
use simpang_proto::log::v1::input::Body as Input;
use simpang_wire::key::Key;

use crate::cli::{Gaps, IngestCommand, Json, ReplayRaw, TicketStatus};
use crate::client::{Client, refused};
use crate::config::Config;
use crate::{installation, output, store};

pub(crate) async fn run(config: &Config, command: IngestCommand) -> Result<ExitCode> {
    match command {
        IngestCommand::Gaps(args) => gaps(config, args).await,
        IngestCommand::Replay(args) => replay(config, args).await,
        IngestCommand::Reference(args) => reference(config, args).await,
    }
}

/// Brings what another system says of a ticket.
async fn reference(config: &Config, args: TicketStatus) -> Result<ExitCode> {
    let client = Client::of(config, &args.server).await?;
    let TicketStatus { desk, system, number, status, id, .. } = args;
    let told = format!("{system} ticket {number} is `{status}`");
    let request_id = id.unwrap_or_else(crate::commands::agent::request_id);
    let request = ReportReferenceRequest { desk: desk.clone(), system, number, status, request_id };
    let answer = client.ingest().report_reference(request).await.map_err(refused)?.into_inner();
    let place = answer.place.unwrap_or_default();
    if args.json.json {
        output::json(&json!({"desk": place.desk, "seq": place.seq, "index": place.index}));
    } else {
        output::line(format!("{told}: on the log of desk {desk} at {}/{}", place.seq, place.index));
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares ids with the sources of the messages on a desk's log.
async fn gaps(config: &Config, args: Gaps) -> Result<ExitCode> {
    let word = match args.channel.as_str() {
        "email" | "x" | "facebook" | "other" => args.channel.as_str(),
        other => bail!("`{other}` is no channel: use email, x, facebook or other"),
    };
    let keyer = installation::keyer(config)?;
    let said = ids(&args.ids)?;
    let store = store::connect(config, &store::instance("gaps", "1")).await?;
    let have = sources(store.as_ref(), &DeskName::new(&args.desk)?, args.account.as_deref()).await?;
    let stands = |id: &&String| have.contains(&keyer.thread(word, id));
    let missing: Vec<&String> = said.iter().filter(|id| !stands(id)).collect();
    print_gaps(&args.desk, said.len(), &missing, args.json);
    Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_gaps(desk: &str, said: usize, missing: &[&String], json: Json) {
    if json.json {
        let line =
            json!({"desk": desk, "said": said, "on_the_log": said - missing.len(), "missing": missing});
        return output::json(&line);
    }
    for id in missing {
        output::line(id);
    }
    output::line(format!(
        "desk {desk}: {} of {said} stand on the log, {} are missing",
        said - missing.len(),
        missing.len()
    ));
}

/// Ids, one a line, each once; a Message-ID with or without its brackets.
fn ids(path: &Path) -> Result<BTreeSet<String>> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("the ids can't be read from standard input")?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    }
    let ids = text.lines().map(|line| line.trim().trim_start_matches('<').trim_end_matches('>').to_owned());
    Ok(ids.filter(|id| !id.is_empty()).collect())
}

/// The sources of all messages on a desk's log, of one account or of all.
async fn sources(store: &dyn LogStore, desk: &DeskName, account: Option<&str>) -> Result<BTreeSet<Key>> {
    let log = store.open(desk).await?;
    let last = log.last_seq().await?;
    let bar = output::progress(last, &format!("desk {desk}: reading"));
    let mut tail = Tail::start(log, Anchor::Start);
    let mut found = BTreeSet::new();
    while let Some(entry) = tail.read_until(last).await? {
        bar.set_position(entry.seq);
        let Body::Inputs { record, .. } = entry.body else { continue };
        for input in record.inputs {
            if let Some(Input::Message(message)) = input.body
                && account.is_none_or(|account| message.account == account)
                && let Ok(source) = Key::try_from(&message.source[..])
            {
                found.insert(source);
            }
        }
    }
    bar.finish_and_clear();
    Ok(found)
}

/// Reads stored raw bytes again.
async fn replay(config: &Config, args: ReplayRaw) -> Result<ExitCode> {
    let instance = store::instance("ingest-replay", "1");
    let store = store::connect(config, &instance).await?;
    let keyer = installation::keyer(config)?;
    let done = simpang_ingest::replay(store, keyer, &instance, args.dry_run).await?;
    print_replayed(&done, &args);
    Ok(ExitCode::SUCCESS)
}

fn print_replayed(done: &Replayed, args: &ReplayRaw) {
    let place = |c: &Correction| json!({"desk": c.desk, "seq": c.seq, "index": c.index, "part": c.part, "fields": c.fields});
    if args.json.json {
        let corrections: Vec<_> = done.corrections.iter().map(place).collect();
        return output::json(&json!({
            "deliveries": done.deliveries, "messages": done.messages, "known": done.known, "brought": done.brought,
            "unknown_account": done.unknown_account, "poison": done.poison, "corrected": done.corrected,
            "forgotten": done.forgotten, "corrections": corrections, "dry_run": args.dry_run,
        }));
    }
    let would = if args.dry_run { "would be " } else { "" };
    for Correction { desk, seq, index, part, fields } in &done.corrections {
        let part =
            if *part == 0 { String::new() } else { format!(" (message {} of its handover)", part + 1) };
        output::line(format!("desk {desk} {seq}.{index}{part}: {would}corrected: {}", fields.join(", ")));
    }
    output::line(format!(
        "{} stored deliveries with {} messages: {} on the log already, {} {would}brought, {} for accounts of no desk; {} \
         entries can't be read",
        done.deliveries, done.messages, done.known, done.brought, done.unknown_account, done.poison
    ));
    output::line(format!(
        "of the messages on the logs {} {would}corrected; {} are read otherwise today and stay as they are, since their \
         cases are not known any more",
        done.corrected, done.forgotten
    ));
}
