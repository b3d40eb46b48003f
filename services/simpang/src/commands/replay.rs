//! `simpang replay`: what happened on a desk, read from the log itself with its chain checked, and told one line a
//! thing: each input, then what was decided on it.
//!
//! It asks no service: a broker, or a copy of its store, is enough.

mod filter;

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Result;
use prost::Message as _;
use serde_json::{Value, json};
use simpang_log::tail::{Body, Entry};
use simpang_log::{Ahead, Anchor, DeskLog, DeskName, LogStore, RecordKind, Tail};
use simpang_proto::log::v1::{Commit, Event, Input, InputId, InputRecord};
use simpang_views::{Withdrawn, json as shown, kind, sentence};

use crate::cli::Replay;
use crate::config::Config;
use crate::{output, store};

use filter::Filter;

pub(crate) async fn run(config: &Config, args: Replay) -> Result<()> {
    let filter = Filter::of(&args)?;
    let store = store::connect(config, &store::instance("replay", "1")).await?;
    let log = store.open(&DeskName::new(&args.desk)?).await?;
    let style = Style { content: args.content, json: args.json.json };
    let told = tell(&log, filter, style).await?;
    if !style.json {
        output::line("");
        output::line(told.summary());
    }
    Ok(())
}

/// Tells everything that happened to one case.
#[allow(dead_code)] // the demo's
pub(crate) async fn case(store: &Arc<dyn LogStore>, desk: &str, case: u64, content: bool) -> Result<()> {
    let log = store.open(&DeskName::new(desk)?).await?;
    tell(&log, Filter::case(case), Style { content, json: false }).await.map(drop)
}

/// How things are printed.
#[derive(Debug, Clone, Copy)]
struct Style {
    content: bool,
    json: bool,
}

/// What was read and told.
#[derive(Debug, Default)]
struct Told {
    records: u64,
    inputs: u64,
    events: u64,
    lines: u64,
    silent: u64,
    last_seq: u64,
}

impl Told {
    fn summary(&self) -> String {
        let silent = match self.silent {
            0 => String::new(),
            n => format!(
                "; {n} clock ticks and heartbeats without consequence are not shown (--kind tick, --kind heartbeat)"
            ),
        };
        format!(
            "{} lines of {} inputs and {} events in {} records; the chain holds up to sequence {}{silent}",
            self.lines, self.inputs, self.events, self.records, self.last_seq
        )
    }
}

async fn tell(log: &Arc<dyn DeskLog>, filter: Filter, style: Style) -> Result<Told> {
    let last = log.last_seq().await?;
    let end = filter.last_seq(last);
    // Only when little of a long log is told is there something to wait for.
    let bar = output::progress(if filter.is_sparse() { last } else { 0 }, "reading the log");
    let withdrawn = if style.content { withdrawn(log, last).await? } else { Withdrawn::default() };
    let mut teller =
        Teller { filter, style, withdrawn, waiting: VecDeque::new(), told: Told::default(), bar };
    // From the beginning, whatever is told of it: the chain is checked whole, and inputs stand before their commits.
    let mut tail = Ahead::start(Tail::start(log.clone(), Anchor::Start));
    while let Some(entry) = tail.read_until(last).await? {
        teller.take(&entry);
        if teller.is_done(end) {
            break;
        }
    }
    teller.bar.finish_and_clear();
    Ok(teller.finish())
}

/// What authors withdrew, wherever on the log that stands: what they had written stands before it.
async fn withdrawn(log: &Arc<dyn DeskLog>, last: u64) -> Result<Withdrawn> {
    let mut withdrawn = Withdrawn::default();
    let mut tail = Ahead::start(Tail::start(log.clone(), Anchor::Start));
    while let Some(entry) = tail.read_until(last).await? {
        match &entry.body {
            Body::Inputs { record, .. } => record.inputs.iter().for_each(|input| withdrawn.take_input(input)),
            Body::Commit { commit, .. } => commit.events.iter().for_each(|event| withdrawn.take_event(event)),
            Body::Unreadable { .. } => {}
        }
    }
    for ((seq, index), part) in withdrawn.messages() {
        let record = log.get(seq).await?.filter(|record| record.kind != RecordKind::Commit);
        let inputs = record.and_then(|record| InputRecord::decode(record.payload).ok());
        let inputs = inputs.map(|record| record.inputs).unwrap_or_default();
        if let Some(input) = usize::try_from(index).ok().and_then(|index| inputs.get(index)) {
            withdrawn.take_brought(input, part);
        }
    }
    Ok(withdrawn)
}

fn cause(event: &Event) -> (u64, u32) {
    let id = event.caused_by.unwrap_or_default();
    (id.seq, id.index)
}

/// An input that nobody has judged yet, as far as was read.
struct Arrived {
    id: InputId,
    at_ms: i64,
    door: &'static str,
    what: What,
}

enum What {
    Input(Box<Input>),
    Unreadable(String),
}

struct Teller {
    filter: Filter,
    style: Style,
    /// Only what is asked for with content is looked at for it.
    withdrawn: Withdrawn,
    waiting: VecDeque<Arrived>,
    told: Told,
    bar: indicatif::ProgressBar,
}

impl Teller {
    fn take(&mut self, entry: &Entry) {
        self.told.records += 1;
        self.told.last_seq = entry.seq;
        self.bar.set_position(entry.seq);
        match &entry.body {
            Body::Inputs { door, record } => {
                for (index, input) in (0..).zip(&record.inputs) {
                    let what = What::Input(Box::new(input.clone()));
                    self.arrived(entry, index, door.as_str(), what);
                }
            }
            Body::Unreadable { door, reason } => {
                self.arrived(entry, 0, door.as_str(), What::Unreadable(reason.clone()));
            }
            Body::Commit { commit, .. } => self.decided(entry, commit),
        }
    }

    fn arrived(&mut self, entry: &Entry, index: u32, door: &'static str, what: What) {
        self.told.inputs += 1;
        self.waiting.push_back(Arrived {
            id: InputId { seq: entry.seq, index },
            at_ms: entry.at_ms,
            door,
            what,
        });
    }

    /// Tells what a commit decided: input by input, each followed by its events.
    fn decided(&mut self, entry: &Entry, commit: &Commit) {
        self.told.events += commit.events.len() as u64;
        let mut events = (0u32..).zip(&commit.events).peekable();
        let through = commit.decided_through.unwrap_or_default();
        // A take-over follows from no input; the rest of a long input follows from one that was told before.
        let first = self.waiting.front().map_or((u64::MAX, 0), |first| (first.id.seq, first.id.index));
        let before: Vec<_> =
            std::iter::from_fn(|| events.next_if(|(_, event)| cause(event) < first)).collect();
        self.group(None, &before, entry);
        while let Some(first) = self.waiting.front() {
            let id = (first.id.seq, first.id.index);
            if id > (through.seq, through.index) {
                break;
            }
            let group: Vec<_> =
                std::iter::from_fn(|| events.next_if(|(_, event)| cause(event) == id)).collect();
            let arrived = self.waiting.pop_front();
            self.group(arrived.as_ref(), &group, entry);
        }
    }

    fn group(&mut self, arrived: Option<&Arrived>, events: &[(u32, &Event)], entry: &Entry) {
        let about = events.iter().any(|(_, event)| self.filter.is_about(&kind::subjects(event)));
        if let Some(arrived) = arrived
            && self.filter.span(arrived.id.seq, arrived.at_ms)
            && (about || self.filter.asks(arrived))
            && self.filter.kind(arrived.kind())
        {
            if arrived.is_silent() && events.is_empty() && !self.filter.names_kinds() {
                self.told.silent += 1;
            } else {
                self.input(arrived);
            }
        }
        for (index, event) in events {
            let fits = self.filter.span(entry.seq, event.at_ms)
                && self.filter.is_about(&kind::subjects(event))
                && self.filter.kind(kind::of_event(event));
            if fits {
                self.event(event, *index, entry.seq);
            }
        }
    }

    fn input(&mut self, arrived: &Arrived) {
        let InputId { seq, index } = arrived.id;
        let text = match &arrived.what {
            What::Input(input) => sentence::input(input),
            What::Unreadable(reason) => format!("An input arrived that can't be read: {reason}."),
        };
        if self.style.json {
            let what = match &arrived.what {
                What::Input(input) => self.withdrawn.input((seq, index), input, self.style.content),
                What::Unreadable(reason) => json!({ "unreadable": reason }),
            };
            self.line(&json!({
                "seq": seq, "index": index, "at_ms": arrived.at_ms, "door": arrived.door,
                "kind": kind::name(arrived.kind()), "text": text, "input": what,
            }));
            return;
        }
        let place = format!("{seq}.{index}");
        self.told.lines += 1;
        self.print(&format!("{place:>9}  {}  {} [{}]", output::time(arrived.at_ms), text, arrived.door));
        if self.style.content
            && let What::Input(input) = &arrived.what
        {
            for line in content(&self.withdrawn.input((seq, index), input, true)) {
                self.print(&format!("{:>9}  {:>19}  | {line}", "", ""));
            }
        }
    }

    fn event(&mut self, event: &Event, index: u32, seq: u64) {
        let text = sentence::sentence(event);
        if self.style.json {
            let cause = event.caused_by.unwrap_or_default();
            self.line(&json!({
                "seq": seq, "index": index, "at_ms": event.at_ms, "kind": kind::name(kind::of_event(event)),
                "caused_by": { "seq": cause.seq, "index": cause.index },
                "text": text, "event": shown::event(event, self.style.content),
            }));
            return;
        }
        self.told.lines += 1;
        self.print(&format!("{seq:>9}  {}    {text}", output::time(event.at_ms)));
    }

    fn line(&mut self, value: &Value) {
        self.told.lines += 1;
        self.print(&value.to_string());
    }

    fn print(&self, text: &str) {
        self.bar.suspend(|| output::line(text));
    }

    /// Whether nothing more can come: everything up to `end` was told, with what was decided on it.
    fn is_done(&self, end: u64) -> bool {
        self.told.last_seq >= end && self.waiting.front().is_none_or(|first| first.id.seq > end)
    }

    fn finish(mut self) -> Told {
        let waiting = std::mem::take(&mut self.waiting);
        for arrived in &waiting {
            let fits = self.filter.span(arrived.id.seq, arrived.at_ms)
                && self.filter.asks(arrived)
                && self.filter.kind(arrived.kind());
            if fits {
                self.input(arrived);
            }
        }
        if !waiting.is_empty() && !self.style.json {
            self.print(&format!("{:>9}  the last {} inputs are not judged yet", "", waiting.len()));
        }
        self.told
    }
}

impl Arrived {
    fn kind(&self) -> i64 {
        match &self.what {
            What::Input(input) => kind::of_input(input),
            What::Unreadable(_) => kind::UNKNOWN,
        }
    }

    /// Whether it is a sign of life that nobody needs to read.
    fn is_silent(&self) -> bool {
        ["tick", "heartbeat"].contains(&kind::name(self.kind()))
    }
}

/// The personal content of an input, line by line.
fn content(input: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    collect(input, "content", &mut lines);
    lines
}

/// Whether the whole of a text is what stands beside it as its new part.
fn is_told_twice(fields: &serde_json::Map<String, Value>, key: &str) -> bool {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::trim);
    key == "full_text" && text("full_text") == text("text")
}

fn collect(value: &Value, name: &str, lines: &mut Vec<String>) {
    let Value::Object(fields) = value else { return };
    for (key, inner) in fields {
        if key == name {
            flatten("", inner, lines);
        } else {
            collect(inner, name, lines);
        }
    }
}

fn flatten(name: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields.iter().filter(|(key, _)| !is_told_twice(fields, key)) {
                let path = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&path, inner, lines);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| flatten(name, item, lines)),
        Value::String(text) => {
            let mut parts = text.lines();
            let first = parts.next().unwrap_or_default();
            lines.push(if name.is_empty() { first.to_owned() } else { format!("{name}: {first}") });
            lines.extend(parts.map(|part| format!("    {part}").trim_end().to_owned()));
        }
        other => lines.push(format!("{name}: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::content;

    #[test]
    fn content_reads_line_by_line() {
        let input = json!({ "message": { "account": "a", "content": { "from": { "name": "Ani" }, "full_text": "Halo,\nmati\n", "text": "Halo,\nmati" } } });
        assert_eq!(content(&input), ["from.name: Ani", "text: Halo,", "    mati"]);
    }
}
