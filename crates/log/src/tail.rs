//! The verified reader that every role uses: records in order, decoded, with the digest chain checked. It stops at
//! the first thing that does not hold and says what; it never skips. It reconnects by itself, and on every reconnect
//! makes sure that the log still is what it was: a broker that lost its tail hands the same sequences out again.
//!
//! It judges envelopes only. What an input or an event means is its reader's business.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use prost::Message;
use simpang_proto::log::v1::{Commit, InputRecord};
use tokio::time::Instant;
use tracing::warn;

use crate::SCHEMA;
use crate::backoff::Backoff;
use crate::chain::{self, Anchor, CommitRef, Digest};
use crate::port::{DeskLog, Door, LogError, Record, RecordKind, RecordStream};

mod head;
mod held;

pub(crate) use head::LeftOut;
use held::HeldInputs;

/// One verified record.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Stream sequence.
    pub seq: u64,
    /// The broker's timestamp, ms since 1970 UTC.
    pub at_ms: i64,
    /// What it is.
    pub body: Body,
    /// The bytes as they stand on the log.
    pub payload: Bytes,
}

/// What a record is.
#[derive(Debug, Clone)]
pub enum Body {
    /// Things that arrived. Whether they belong to this door is the router's to judge.
    Inputs {
        /// By which door.
        door: Door,
        /// What arrived.
        record: InputRecord,
    },
    /// An input record of a known schema that can't be decoded, or that holds nothing. The desk sets it aside and
    /// goes on.
    Unreadable {
        /// By which door.
        door: Door,
        /// Why.
        reason: String,
    },
    /// What the router decided; its chain holds.
    Commit {
        /// The commit.
        commit: Box<Commit>,
        /// SHA-256 over its bytes.
        digest: Digest,
    },
}

/// What to do about a log that is not what it was.
const ADVICE: &str =
    "do not write to it; compare with an archive or another replica (`simpang verify`) and restore it";

/// How many bytes of inputs not yet judged a reader keeps for the next commit's digest; beyond that it reads them
/// again when the commit comes.
const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// For how long a desk that is said not to be there is looked for: of a cluster, a server that takes a stream over may
/// for a moment not know it yet.
const MISSING_FOR: Duration = Duration::from_secs(10);

/// A verified reader of one desk's log.
pub struct Tail {
    log: Arc<dyn DeskLog>,
    /// The last commit that was checked.
    head: Option<CommitRef>,
    /// Sequence of the last record taken in.
    position: u64,
    /// Commits up to here were checked before this reader began.
    anchor_seq: u64,
    held: HeldInputs,
    /// The last record read, to be recognised after a reconnect.
    last: Option<Record>,
    /// A record that is read but not yet taken in, so that dropping a future loses nothing.
    arrived: Option<Record>,
    stream: Option<RecordStream>,
    /// The log's last sequence when it was last opened.
    stood_at_open: u64,
    /// How often the connection had been lost when the log was last found to be what it was.
    losses: Arc<AtomicU64>,
    /// The same when the log was last opened; what was read before it is still to be found there.
    losses_at_open: u64,
    backoff: Backoff,
    /// Since when the desk is said not to be there.
    missing_since: Option<Instant>,
    failed: Option<LogError>,
    /// Whose commits come without their events.
    left_out: Option<LeftOut>,
}

impl Tail {
    /// Begins to read after an anchor. The first record that comes is the one after the anchor's
    /// `decided_through.seq`: inputs that nobody had judged at the anchor come (again), commits up to it don't.
    /// Nothing is read before the first [`next`](Self::next).
    #[must_use]
    pub fn start(log: Arc<dyn DeskLog>, anchor: Anchor) -> Self {
        let head = anchor.commit().copied();
        let held = HeldInputs::new(log.desk(), HELD_BYTES_MAX);
        Self {
            log,
            head,
            position: head.map_or(0, |head| head.decided_through.seq),
            anchor_seq: head.map_or(0, |head| head.seq),
            held,
            last: None,
            arrived: None,
            stream: None,
            stood_at_open: u64::MAX,
            losses: Arc::default(),
            losses_at_open: 0,
            backoff: Backoff::new(),
            missing_since: None,
            failed: None,
            left_out: None,
        }
    }

    /// Lets the record that the anchor's `decided_through` names come as well: it may be judged in part only, and
    /// the router needs the rest of it. Only before the first [`next`](Self::next).
    #[must_use]
    pub fn with_decided_record(mut self) -> Self {
        if self.last.is_none() && self.arrived.is_none() {
            self.position = self.position.saturating_sub(1);
        }
        self
    }

    /// From here on lets the commits that this writer wrote in this epoch come without their events: a router knows
    /// what it decided, and decoding it again is a good part of its work. Everything that is checked is checked all
    /// the same.
    pub fn leave_out_events_of(&mut self, writer: &str, epoch: u64) {
        self.leave_out(LeftOut::Of { writer: writer.to_owned(), epoch });
    }

    /// From here on lets all commits come without their events, which stand in [`Entry::payload`] for who compares them
    /// as bytes. Everything that is checked is checked all the same.
    pub fn leave_out_events(&mut self) {
        self.leave_out(LeftOut::All);
    }

    pub(crate) fn leave_out(&mut self, left_out: LeftOut) {
        self.left_out = Some(left_out);
    }

    /// The next record, however long that takes. Dropping the future loses nothing. While the log can't be reached
    /// it keeps trying.
    ///
    /// # Errors
    /// [`LogError::Broken`] and whatever else trying again can't help. It then stays so.
    pub async fn next(&mut self) -> Result<Entry, LogError> {
        loop {
            if let Some(entry) = self.step(u64::MAX).await? {
                return Ok(entry);
            }
        }
    }

    /// The next record that is not after `until`; `None` once everything up to there was read. Waits for `until` to
    /// be written.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn read_until(&mut self, until: u64) -> Result<Option<Entry>, LogError> {
        self.step(until).await
    }

    /// Sequence of the last record that was read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The last commit that was checked, to be stored together with what was made of it: a reader who begins there
    /// gets everything after it, and all inputs that it had not judged.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        self.head.map_or(Anchor::Start, Anchor::Commit)
    }

    /// Whether everything was read that stood on the log when it was last opened. Later records may have come since.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.position >= self.stood_at_open
    }

    /// Whether the log can be read now, as far as is known.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// How often the connection had been lost when what was read was last known to stand
    /// ([`DeskLog::losses`]). Once that has changed, nothing is to be written on the strength of it unseen.
    #[must_use]
    pub fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// The same for who can't ask while this reads.
    pub(crate) fn losses_shared(&self) -> Arc<AtomicU64> {
        self.losses.clone()
    }

    /// The log that is read.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn DeskLog> {
        &self.log
    }

    async fn step(&mut self, until: u64) -> Result<Option<Entry>, LogError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.advance(until).await;
        if let Err(error) = &result {
            self.failed = Some(error.clone());
            self.stream = None;
        }
        result
    }

    async fn advance(&mut self, until: u64) -> Result<Option<Entry>, LogError> {
        while self.position < until {
            let record = match self.arrived.clone() {
                Some(record) => record,
                None => self.fetch().await?,
            };
            self.arrived = Some(record.clone());
            let entry = self.take_in(&record).await?;
            self.position = record.seq;
            self.last = self.arrived.take();
            if entry.is_some() {
                return Ok(entry);
            }
        }
        Ok(None)
    }

    /// The record after the last one read, from wherever the connection now is.
    async fn fetch(&mut self) -> Result<Record, LogError> {
        loop {
            let Some(stream) = &mut self.stream else {
                self.open().await?;
                continue;
            };
            match stream.next().await {
                Some(Ok(record)) => {
                    self.backoff.worked();
                    if self.is_known(&record)? {
                        self.losses.store(self.losses_at_open, Ordering::Release);
                        continue;
                    }
                    return Ok(record);
                }
                Some(Err(error)) if !error.is_transient() => return Err(error),
                Some(Err(error)) => self.lost_connection(&error.to_string()),
                None => self.lost_connection("the stream of records ended"),
            }
        }
    }

    /// Whether a record is the one that was read last, which is asked for again after a reconnect.
    fn is_known(&self, record: &Record) -> Result<bool, LogError> {
        let expected = self.position + 1;
        match &self.last {
            Some(last) if record.seq == last.seq && record == last => Ok(true),
            Some(last) if record.seq == last.seq => Err(self.broken(
                record.seq,
                "another record stands here than before the connection was lost: the broker lost its tail and gave \
                 the sequence out again",
            )),
            _ if record.seq == expected => Ok(false),
            _ => Err(self.broken(record.seq, &format!("sequence {expected} has to come here"))),
        }
    }

    fn lost_connection(&mut self, reason: &str) {
        warn!(desk = %self.log.desk(), position = self.position, reason, "lost the log, will read on when it is back");
        self.stream = None;
        self.backoff.failed();
    }

    /// Opens the log where it was left, after making sure that it was not cut.
    async fn open(&mut self) -> Result<(), LogError> {
        self.backoff.due().await;
        match self.try_open().await {
            Ok(()) => {
                self.missing_since = None;
                Ok(())
            }
            Err(error) if error.is_transient() || self.is_just_missing(&error) => {
                self.lost_connection(&error.to_string());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn is_just_missing(&mut self, error: &LogError) -> bool {
        let missing = matches!(error, LogError::NoSuchDesk { .. });
        missing && self.missing_since.get_or_insert_with(Instant::now).elapsed() < MISSING_FOR
    }

    async fn try_open(&mut self) -> Result<(), LogError> {
        let losses = self.log.losses();
        let stands = self.log.last_seq().await?;
        let known = self.position.max(self.anchor_seq);
        if stands < known {
            let reason = format!("the log ends here, but {known} records were read before: its tail is lost");
            return Err(self.broken(stands, &reason));
        }
        let from = self.last.as_ref().map_or(self.position + 1, |last| last.seq);
        self.stream = Some(self.log.read(from).await?);
        self.stood_at_open = stands;
        self.losses_at_open = losses;
        // Else the record that was read last has to come once more, and be the same.
        if self.last.is_none() {
            self.losses.store(losses, Ordering::Release);
        }
        Ok(())
    }

    async fn take_in(&mut self, record: &Record) -> Result<Option<Entry>, LogError> {
        let body = match record.kind {
            RecordKind::Input(door) => {
                if record.seq == self.anchor_seq {
                    return Err(self.broken(record.seq, "an input stands where a commit was read before"));
                }
                let body = self.input(record, door)?;
                if record.seq > self.decided() {
                    self.held.push(record.seq, door, &record.payload);
                }
                body
            }
            RecordKind::Commit if record.seq <= self.anchor_seq => {
                self.check_anchor(record)?;
                return Ok(None);
            }
            RecordKind::Commit => self.commit(record).await?,
        };
        Ok(Some(Entry { seq: record.seq, at_ms: record.at_ms, body, payload: record.payload.clone() }))
    }

    fn decided(&self) -> u64 {
        self.head.map_or(0, |head| head.decided_through.seq)
    }

    fn check_anchor(&self, record: &Record) -> Result<(), LogError> {
        let expected = self.head.filter(|head| head.seq == record.seq);
        match expected {
            Some(head) if head.digest != chain::digest(&record.payload) => Err(self.broken(
                record.seq,
                "another commit stands here than the one that was read before: the log was cut or edited",
            )),
            _ => Ok(()),
        }
    }

    fn input(&self, record: &Record, door: Door) -> Result<Body, LogError> {
        let schema = leading_schema(&record.payload);
        if schema.is_some_and(|schema| schema > SCHEMA) {
            return Err(self.newer(record.seq, schema.unwrap_or_default()));
        }
        let unreadable = |reason: String| Ok(Body::Unreadable { door, reason });
        match InputRecord::decode(record.payload.clone()) {
            Ok(inputs) if inputs.schema > SCHEMA => Err(self.newer(record.seq, inputs.schema)),
            Ok(inputs) if inputs.schema == 0 => unreadable("the record states no schema".into()),
            Ok(inputs) if inputs.inputs.is_empty() => unreadable("the record holds no input".into()),
            Ok(record) => Ok(Body::Inputs { door, record }),
            Err(error) => unreadable(format!("the record is no InputRecord: {error}")),
        }
    }

    async fn commit(&mut self, record: &Record) -> Result<Body, LogError> {
        let seq = record.seq;
        if let Some(schema) = leading_schema(&record.payload).filter(|schema| *schema > SCHEMA) {
            return Err(self.newer(seq, schema));
        }
        let commit = head::decode(&record.payload, self.left_out.as_ref())
            .map_err(|error| self.broken(seq, &format!("the record is no Commit: {error}")))?;
        match commit.schema {
            SCHEMA => {}
            0 => return Err(self.broken(seq, "the commit states no schema")),
            newer => return Err(self.newer(seq, newer)),
        }
        chain::check_link(self.head.as_ref(), &commit)
            .map_err(|error| self.broken(seq, &error.to_string()))?;
        let decided = commit.decided_through.unwrap_or_default().seq;
        if decided >= seq {
            return Err(self.broken(seq, &chain::ChainError::NoSuchInput(decided).to_string()));
        }
        self.held.absorb_through(decided, seq - 1, self.log.as_ref()).await?;
        let (absorbed, inputs_digest) = self.held.finish();
        chain::check_inputs(self.head.as_ref(), &commit, absorbed, &inputs_digest)
            .map_err(|error| self.broken(seq, &error.to_string()))?;
        let head = CommitRef::of(seq, &record.payload, &commit);
        self.head = Some(head);
        Ok(Body::Commit { commit: Box::new(commit), digest: head.digest })
    }

    fn broken(&self, seq: u64, what: &str) -> LogError {
        LogError::Broken { desk: self.log.desk().to_string(), seq, reason: format!("{what}; {ADVICE}") }
    }

    fn newer(&self, seq: u64, schema: u32) -> LogError {
        let reason =
            format!("the record has schema {schema}, this program knows {SCHEMA}: start a newer program");
        LogError::Broken { desk: self.log.desk().to_string(), seq, reason }
    }
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail")
            .field("desk", self.log.desk())
            .field("position", &self.position)
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

/// The schema as writers put it: field 1, first in the record. Read by hand, because a newer layout need not decode.
pub(crate) fn leading_schema(payload: &[u8]) -> Option<u32> {
    let rest = payload.strip_prefix(&[0x08])?;
    let schema = prost::decode_length_delimiter(rest).ok()?;
    Some(u32::try_from(schema).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
