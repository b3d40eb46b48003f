//! Replay: what the audit index finds, read from the log and told.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use prost::Message;
use simpang_log::{DeskLog, Record, RecordKind, RecordStream};
use simpang_proto::audit::v1 as api;
use simpang_proto::log::v1 as log;
use simpang_views::read::{Placed, Query};
use simpang_views::{Withdrawn, json, kind, sentence};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::counters;
use crate::desk::Desk;

/// Places looked up at a time: some as many as a large commit has, whose events are decoded once a page.
const PAGE: u32 = 2_048;
/// Records fetched at the same time.
const FETCHES: usize = 16;

type Sender = mpsc::Sender<Result<api::ReplayResponse, Status>>;

/// What a replay asks for, checked.
#[derive(Debug)]
pub(crate) struct Replay {
    query: Query,
    content: bool,
    limit: Option<u32>,
    follow: bool,
}

impl Replay {
    /// Checks a request; `position` is where the index is.
    pub(crate) fn new(asked: &api::ReplayRequest, position: u64) -> Result<Self, Status> {
        if asked.follow && (asked.to_seq != 0 || asked.to_ms != 0) {
            return Err(Status::invalid_argument(
                "follow: goes on for ever, so leave `to_seq` and `to_ms` at 0",
            ));
        }
        let mut kinds = Vec::new();
        for name in &asked.kinds {
            let found = kind::of_name(name);
            if found.is_empty() {
                return Err(Status::invalid_argument(unknown_kind(name)));
            }
            kinds.extend(found);
        }
        let to_seq = match (asked.to_seq, asked.follow) {
            (_, true) => 0,
            (0, false) => position,
            (to_seq, false) => to_seq.min(position),
        };
        let query = Query {
            case: asked.case,
            agent: asked.agent.clone(),
            kinds,
            from_ms: asked.from_ms,
            to_ms: asked.to_ms,
            from_seq: asked.from_seq,
            to_seq,
            events_only: asked.events_only,
        };
        let limit = (asked.limit != 0).then_some(asked.limit);
        Ok(Self { query, content: asked.content, limit, follow: asked.follow })
    }

    /// Whether most records of the span will be told, so that reading them in a row is the cheapest.
    fn is_dense(&self) -> bool {
        self.query.case == 0 && self.query.agent.is_empty() && self.query.kinds.is_empty()
    }
}

fn unknown_kind(name: &str) -> String {
    let all = kind::EVENTS.iter().chain(kind::OTHER_INPUTS).chain(kind::ASKED);
    let all: Vec<&str> = all.map(|(_, name)| *name).collect();
    format!("kinds: there is no `{name}`; known are command, {}", all.join(", "))
}

/// Tells what was asked for until it is told, the caller goes, or the role stops.
pub(crate) async fn run(desk: Arc<Desk>, replay: Replay, sender: Sender, stop: CancellationToken) {
    let gauge = metrics::gauge!(counters::WATCHERS, "desk" => desk.name.to_string());
    gauge.increment(1.0);
    tokio::select! {
        told = tell(&desk, replay, &sender) => {
            if let Err(Some(status)) = told {
                let _ = sender.send(Err(status)).await;
            }
        }
        () = sender.closed() => {}
        () = stop.cancelled() => {
            let _ = sender.try_send(Err(Status::unavailable("the role is stopping: ask again from the last sequence")));
        }
    }
    gauge.decrement(1.0);
}

/// An end without a status: the caller went.
async fn tell(desk: &Desk, mut replay: Replay, sender: &Sender) -> Result<(), Option<Status>> {
    let mut source = Source::new(desk.log()?, replay.is_dense());
    let mut after = None;
    loop {
        let before = desk.position().unwrap_or_default();
        let size = replay.limit.map_or(PAGE, |left| left.min(PAGE));
        let query = replay.query.clone();
        let places = desk.read(0, move |snapshot| snapshot.places(&query, after, size)).await?;
        let full = places.len() == size as usize;
        after = places.last().map(|place| (place.seq, place.index)).or(after);
        for told in page(desk, &mut source, &places, replay.content).await? {
            sender.send(Ok(told)).await.map_err(|_| None)?;
        }
        if let Some(left) = &mut replay.limit {
            *left = left.saturating_sub(u32::try_from(places.len()).unwrap_or(u32::MAX));
        }
        if replay.limit == Some(0) || (!full && !replay.follow) {
            return Ok(());
        }
        if !full {
            desk.beyond(before).await?;
        }
    }
}

async fn page(
    desk: &Desk,
    source: &mut Source,
    places: &[Placed],
    content: bool,
) -> Result<Vec<api::ReplayResponse>, Status> {
    let mut seqs: Vec<u64> = places.iter().map(|place| place.seq).collect();
    seqs.dedup();
    let opened: Vec<Opened> = source.records(&seqs).await?.into_iter().map(Opened::of).collect();
    let (opened, withdrawn) =
        if content { withdrawn(desk, opened).await? } else { (opened, Withdrawn::default()) };
    let mut records = opened.into_iter();
    let mut told = Vec::with_capacity(places.len());
    let mut open: Option<Opened> = None;
    for place in places {
        if open.as_ref().is_none_or(|opened| opened.seq != place.seq) {
            open = records.next();
        }
        if let Some(opened) = &open {
            told.push(opened.tell(place, content, &withdrawn));
        }
    }
    Ok(told)
}

/// What authors withdrew of what stands in these records, by all that is known now.
pub(crate) async fn withdrawn(desk: &Desk, opened: Vec<Opened>) -> Result<(Vec<Opened>, Withdrawn), Status> {
    desk.read(0, move |snapshot| {
        let withdrawn = snapshot.withdrawn(opened.iter().flat_map(Opened::inputs))?;
        Ok((opened, withdrawn))
    })
    .await
}

/// Reads records of a desk's log by sequence.
pub(crate) struct Source {
    log: Arc<dyn DeskLog>,
    dense: bool,
    stream: Option<(u64, RecordStream)>,
    /// The one that was read last: the next page may begin in it.
    last: Option<Record>,
}

impl Source {
    pub(crate) fn new(log: Arc<dyn DeskLog>, dense: bool) -> Self {
        Self { log, dense, stream: None, last: None }
    }

    /// The records at these sequences, which increase.
    pub(crate) async fn records(&mut self, seqs: &[u64]) -> Result<VecDeque<Record>, Status> {
        if self.dense {
            return self.in_a_row(seqs).await;
        }
        let log = &self.log;
        let fetched = stream::iter(seqs.to_vec()).map(|seq| async move { (seq, log.get(seq).await) });
        let mut fetched = fetched.buffered(FETCHES);
        let mut records = VecDeque::with_capacity(seqs.len());
        while let Some((seq, record)) = fetched.next().await {
            records.push_back(record.map_err(|e| away(&e))?.ok_or_else(|| gone(seq))?);
        }
        Ok(records)
    }

    async fn in_a_row(&mut self, seqs: &[u64]) -> Result<VecDeque<Record>, Status> {
        let mut records = VecDeque::with_capacity(seqs.len());
        for &seq in seqs {
            if let Some(last) = self.last.as_ref().filter(|last| last.seq == seq) {
                records.push_back(last.clone());
                continue;
            }
            let mut stream = match self.stream.take() {
                Some((next, stream)) if next <= seq => stream,
                _ => self.log.read(seq).await.map_err(|e| away(&e))?,
            };
            loop {
                let record = stream.next().await.ok_or_else(|| gone(seq))?.map_err(|e| away(&e))?;
                if record.seq > seq {
                    return Err(gone(seq));
                }
                if record.seq == seq {
                    self.last = Some(record.clone());
                    records.push_back(record);
                    break;
                }
            }
            self.stream = Some((seq + 1, stream));
        }
        Ok(records)
    }
}

pub(crate) fn away(error: &simpang_log::LogError) -> Status {
    if error.is_transient() {
        return Status::unavailable(format!("{error}: try again"));
    }
    Status::failed_precondition(error.to_string())
}

fn gone(seq: u64) -> Status {
    Status::failed_precondition(format!("the log no longer has sequence {seq}: restore it from an archive"))
}

/// A record, decoded.
pub(crate) struct Opened {
    seq: u64,
    at_ms: i64,
    what: What,
}

enum What {
    Inputs(log::InputRecord),
    Commit(log::Commit),
}

impl Opened {
    pub(crate) fn of(record: Record) -> Self {
        let bytes = record.payload;
        // What can't be read shows as empty; the index knows that it is there.
        let what = match record.kind {
            RecordKind::Input(_) => What::Inputs(log::InputRecord::decode(bytes).unwrap_or_default()),
            RecordKind::Commit => What::Commit(log::Commit::decode(bytes).unwrap_or_default()),
        };
        Self { seq: record.seq, at_ms: record.at_ms, what }
    }

    /// All inputs of the record, each with its place.
    fn inputs(&self) -> impl Iterator<Item = ((u64, u32), &log::Input)> {
        let inputs = match &self.what {
            What::Inputs(record) => record.inputs.as_slice(),
            What::Commit(_) => &[],
        };
        (0..).zip(inputs).map(|(index, input)| ((self.seq, index), input))
    }

    /// The input at an index, with the broker's time.
    pub(crate) fn input(&self, index: u32) -> Option<(i64, log::Input)> {
        match &self.what {
            What::Inputs(record) => {
                record.inputs.get(index as usize).map(|input| (self.at_ms, input.clone()))
            }
            What::Commit(_) => None,
        }
    }

    /// The event at an index, with the policy that judged it.
    pub(crate) fn event(&self, index: u32) -> Option<(u64, log::Event)> {
        match &self.what {
            What::Commit(commit) => {
                commit.events.get(index as usize).map(|event| (commit.policy_version, event.clone()))
            }
            What::Inputs(_) => None,
        }
    }

    fn tell(&self, place: &Placed, content: bool, withdrawn: &Withdrawn) -> api::ReplayResponse {
        let base = api::ReplayResponse {
            seq: place.seq,
            index: place.index,
            at_ms: place.at_ms,
            event: kind::is_event(place.kind),
            kind: kind::name(place.kind).into(),
            case: place.case,
            ..api::ReplayResponse::default()
        };
        match &self.what {
            What::Inputs(record) => {
                let input = record.inputs.get(place.index as usize).cloned().unwrap_or_default();
                api::ReplayResponse {
                    agent: agent_of(&input),
                    sentence: sentence::input(&input),
                    json: withdrawn.input((place.seq, place.index), &input, content).to_string(),
                    writer: record.writer.clone(),
                    ..base
                }
            }
            What::Commit(commit) => {
                let event = commit.events.get(place.index as usize).cloned().unwrap_or_default();
                let caused_by = event.caused_by.unwrap_or_default();
                api::ReplayResponse {
                    agent: kind::subjects(&event).agents.into_iter().next().unwrap_or_default(),
                    sentence: sentence::sentence(&event),
                    json: json::event(&event, content).to_string(),
                    caused_by_seq: caused_by.seq,
                    caused_by_index: caused_by.index,
                    commit: commit.number,
                    policy_version: commit.policy_version,
                    writer: commit.writer.clone(),
                    ..base
                }
            }
        }
    }
}

fn agent_of(input: &log::Input) -> String {
    match &input.body {
        Some(log::input::Body::Command(command)) => command.principal.clone(),
        Some(log::input::Body::Agent(record)) => record.agent.clone(),
        _ => String::new(),
    }
}
