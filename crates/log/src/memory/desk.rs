//! One desk's log in memory, with its fault switches.

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, future};

use super::Clock;
use super::shelf::Shelf;
use crate::port::{
    AppendError, BoxFuture, CommitError, DeskLog, DeskName, Door, LogError, Record, RecordKind, RecordStream,
};

/// One desk's log in memory.
pub struct MemoryDesk {
    desk: DeskName,
    clock: Clock,
    shelf: Arc<Shelf<Record>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_commit: u64,
    unreachable: bool,
    unknown: bool,
    fault: Option<Fault>,
    /// Commits that get no answer, while none gets one.
    unanswered: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    LoseAck,
    LoseWrite,
}

/// What happens to a write.
enum Fate {
    Acknowledged(u64),
    Unknown(&'static str),
    Unreachable,
}

impl MemoryDesk {
    pub(super) fn new(desk: DeskName, clock: Clock) -> Self {
        let shelf = Arc::new(Shelf::new(desk.as_str()));
        Self { desk, clock, shelf, state: Mutex::default() }
    }

    /// The next append or commit is written, but its acknowledgement never comes.
    pub fn lose_next_ack(&self) {
        self.state().fault = Some(Fault::LoseAck);
    }

    /// The next append or commit is not written, and no answer comes.
    pub fn lose_next_write(&self) {
        self.state().fault = Some(Fault::LoseWrite);
    }

    /// Leaves every commit without an answer and unwritten, until it is called with `true`; what waits then waits on.
    pub fn set_answering(&self, answering: bool) {
        self.state().unanswered = if answering { None } else { Some(0) };
    }

    /// How many commits have come since and wait for an answer.
    #[must_use]
    pub fn unanswered_commits(&self) -> u32 {
        self.state().unanswered.unwrap_or(0)
    }

    /// Cuts every connection and refuses new ones, until it is called with `true`.
    pub fn set_reachable(&self, reachable: bool) {
        self.state().unreachable = !reachable;
        self.shelf.cut();
    }

    /// Cuts every connection and says that there is no such desk, although it is listed, until it is called with
    /// `true`: so does a server of a cluster that has just been given a stream.
    pub fn set_known(&self, known: bool) {
        self.state().unknown = !known;
        self.shelf.cut();
    }

    /// Cuts every connection; the next attempt succeeds.
    pub fn cut_connections(&self) {
        self.shelf.cut();
    }

    /// Loses every record after `seq`, as a broker may that restarts over a damaged block: what comes next gets the
    /// same sequences again. Connections are cut.
    pub fn lose_tail(&self, seq: u64) {
        let mut state = self.state();
        let keep = (seq + 1).saturating_sub(self.shelf.first());
        self.shelf.tamper(|records| {
            records.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
            let is_commit = |record: &&Record| record.kind == RecordKind::Commit;
            state.last_commit = records.iter().rev().find(is_commit).map_or(0, |record| record.seq);
        });
        self.shelf.cut();
    }

    /// Flips the lowest bit of a byte of a record's payload, if there is one.
    pub fn flip_byte(&self, seq: u64, offset: usize) {
        self.edit(seq, |record| {
            let mut bytes = BytesMut::from(&record.payload[..]);
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= 1;
            }
            record.payload = bytes.freeze();
        });
    }

    /// Changes a record as it stands, its sequence included: what readers must notice.
    pub fn edit(&self, seq: u64, change: impl FnOnce(&mut Record)) {
        let index = seq.saturating_sub(self.shelf.first());
        self.shelf.tamper(|records| {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            if let Some(record) = records.get_mut(index) {
                change(record);
            }
        });
    }

    /// Writes a record with no fence, as a broken or hostile writer would.
    pub fn push(&self, kind: RecordKind, payload: Bytes) -> u64 {
        let mut state = self.state();
        self.store(&mut state, kind, payload)
    }

    /// All records as they stand.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        (1..=self.shelf.len()).filter_map(|seq| self.shelf.get(seq)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, state: &mut State, kind: RecordKind, payload: Bytes) -> u64 {
        let at_ms = (self.clock)();
        let seq = self.shelf.push(|seq| Record { seq, at_ms, kind, payload });
        if kind == RecordKind::Commit {
            state.last_commit = seq;
        }
        seq
    }

    fn write(&self, state: &mut State, kind: RecordKind, payload: Bytes) -> Fate {
        if state.unreachable {
            return Fate::Unreachable;
        }
        match state.fault.take() {
            None => Fate::Acknowledged(self.store(state, kind, payload)),
            Some(Fault::LoseAck) => {
                self.store(state, kind, payload);
                Fate::Unknown("the acknowledgement was lost")
            }
            Some(Fault::LoseWrite) => Fate::Unknown("the write was lost"),
        }
    }

    /// Whether who asks for it finds it.
    pub(super) fn is_known(&self) -> bool {
        !self.state().unknown
    }

    /// A reading answer, unless the log can't be read.
    fn answer<T: Send + 'static>(&self, read: impl FnOnce() -> T) -> BoxFuture<'_, Result<T, LogError>> {
        let desk = self.desk.to_string();
        let answer = match *self.state() {
            State { unknown: true, .. } => Err(LogError::NoSuchDesk { desk }),
            State { unreachable: true, .. } => {
                Err(LogError::Unavailable { desk, reason: "the connection was cut".into() })
            }
            State { .. } => Ok(read()),
        };
        future::ready(answer).boxed()
    }
}

impl Debug for MemoryDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.shelf.len();
        f.debug_struct("MemoryDesk")
            .field("desk", &self.desk)
            .field("records", &records)
            .finish_non_exhaustive()
    }
}

impl DeskLog for MemoryDesk {
    fn desk(&self) -> &DeskName {
        &self.desk
    }

    fn append(&self, door: Door, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        let outcome = match self.write(&mut self.state(), RecordKind::Input(door), payload) {
            Fate::Acknowledged(seq) => Ok(seq),
            Fate::Unknown(reason) => Err(AppendError::Unknown(reason.into())),
            Fate::Unreachable => Err(AppendError::Refused("the log can't be reached".into())),
        };
        future::ready(outcome).boxed()
    }

    fn commit(&self, payload: Bytes, previous_seq: u64) -> BoxFuture<'_, Result<u64, CommitError>> {
        let mut state = self.state();
        if let Some(unanswered) = &mut state.unanswered {
            *unanswered += 1;
            return future::pending().boxed();
        }
        let last_seq = state.last_commit;
        let outcome = if last_seq != previous_seq && !state.unreachable {
            Err(CommitError::Fenced { expected: previous_seq, last_seq })
        } else {
            match self.write(&mut state, RecordKind::Commit, payload) {
                Fate::Acknowledged(seq) => Ok(seq),
                Fate::Unknown(reason) => Err(CommitError::Unknown(reason.into())),
                Fate::Unreachable => Err(CommitError::Unknown("the connection was cut".into())),
            }
        };
        future::ready(outcome).boxed()
    }

    fn last_commit(&self) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        let last_commit = self.state().last_commit;
        self.answer(|| self.shelf.get(last_commit))
    }

    fn get(&self, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.answer(|| self.shelf.get(seq))
    }

    fn first_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.answer(|| self.shelf.first())
    }

    fn last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.answer(|| self.shelf.len())
    }

    fn trim(&self, first: u64) -> BoxFuture<'_, Result<(), LogError>> {
        let last_commit = self.state().last_commit;
        if first > last_commit {
            return future::ready(Err(LogError::beyond_last_commit(&self.desk, first, last_commit))).boxed();
        }
        self.answer(|| self.shelf.trim(first))
    }

    fn losses(&self) -> u64 {
        self.shelf.cuts()
    }

    fn read(&self, from: u64) -> BoxFuture<'_, Result<RecordStream, LogError>> {
        let shelf = self.shelf.clone();
        self.answer(move || shelf.read(from).boxed())
    }
}
