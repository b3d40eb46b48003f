//! The broker: what stands on each desk's log, and the fence. It forgets its tail when it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use prost::Message as _;
use sha2::{Digest, Sha256};
use simpang_log::{DeskName, DirectoryEntry, Door, Record, RecordKind};
use simpang_proto::log::v1::{DeskRecord, DirectoryRecord};

use crate::fault::Fault;
use crate::progress::Progress;
use crate::signal::Signal;
use crate::world::World;

/// What a process writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    Input(Door),
    /// A commit that follows the one at this sequence.
    Commit(u64),
}

/// What the broker answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Stands(u64),
    Fenced(u64),
    /// Nobody says anything.
    Silence,
}

/// A commit that is on its way, and comes to stand only when its expected sequence matches once more.
#[derive(Debug)]
enum Hold {
    Nothing,
    /// The next commit is kept back.
    Next,
    Kept {
        payload: Bytes,
        expected: u64,
        from: String,
    },
}

/// How long a log is, and how often it lost its tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) len: u64,
    pub(crate) era: u64,
}

/// One desk's log.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) desk: DeskName,
    world: Arc<World>,
    length: Signal<Length>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    records: Vec<Record>,
    last_commit: u64,
    progress: Progress,
    away: bool,
    hold: Hold,
    /// Where a stale owner's commit stands that should not.
    bad: Option<u64>,
    /// Keys of inputs that were lost with a tail.
    lost: BTreeSet<Vec<u8>>,
    losses: u64,
    /// Nothing is written any more: the run is over.
    closed: bool,
}

impl Shelf {
    fn new(world: &Arc<World>, desk: DeskName) -> Self {
        let state = State {
            records: Vec::new(),
            last_commit: 0,
            progress: Progress::default(),
            away: false,
            hold: Hold::Nothing,
            bad: None,
            lost: BTreeSet::new(),
            losses: 0,
            closed: false,
        };
        let length = Signal::new(Length { len: 0, era: 0 });
        Self { desk, world: Arc::clone(world), length, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn length(&self) -> Length {
        self.length.get()
    }

    /// Waits until its length is so.
    pub(crate) async fn until(&self, is_so: impl Fn(&Length) -> bool) {
        self.length.until(is_so).await;
    }

    /// What is still on its way does not arrive any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
    }

    pub(crate) fn is_away(&self) -> bool {
        self.state().away
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    pub(crate) fn get(&self, seq: u64) -> Option<Record> {
        let at = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.state().records.get(at).cloned()
    }

    /// Some records from a sequence on.
    pub(crate) fn some(&self, from: u64, most: usize) -> Vec<Record> {
        let at = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        self.state().records.iter().skip(at).take(most).cloned().collect()
    }

    pub(crate) fn last_commit(&self) -> Option<Record> {
        let last = self.state().last_commit;
        self.get(last)
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&Progress) -> T) -> T {
        look(&self.state().progress)
    }

    /// Whether inputs have to wait, so that a commit takes the sequence that a stale owner expects.
    pub(crate) fn keeps_inputs_out(&self) -> bool {
        let state = self.state();
        matches!(state.hold, Hold::Kept { expected, .. } if state.records.len() as u64 + 1 == expected)
    }

    /// A write arrives.
    pub(crate) fn write(&self, who: &str, write: Write, payload: Bytes) -> Answer {
        let state = &mut *self.state();
        if state.closed {
            return Answer::Silence;
        }
        let answer = match write {
            Write::Input(door) => Answer::Stands(self.put(state, who, RecordKind::Input(door), payload)),
            Write::Commit(expected) => self.commit(state, who, expected, payload),
        };
        self.length.change(|length| length.len = state.records.len() as u64);
        answer
    }

    fn commit(&self, state: &mut State, who: &str, expected: u64, payload: Bytes) -> Answer {
        if expected != state.last_commit {
            self.world.fault(Fault::Fenced, who);
            return Answer::Fenced(state.last_commit);
        }
        if matches!(state.hold, Hold::Next) && expected > 0 {
            self.world.note(who, format_args!("{}: a commit after {expected} stays on its way", self.desk));
            state.hold = Hold::Kept { payload, expected, from: who.to_owned() };
            return Answer::Silence;
        }
        let seq = self.put(state, who, RecordKind::Commit, payload);
        if let Hold::Kept { expected, .. } = state.hold
            && seq == expected
            && let Hold::Kept { payload, from, .. } = std::mem::replace(&mut state.hold, Hold::Nothing)
        {
            self.world.fault(Fault::StaleMatched, &from);
            state.bad = Some(self.put(state, &from, RecordKind::Commit, payload));
        }
        Answer::Stands(seq)
    }

    fn put(&self, state: &mut State, who: &str, kind: RecordKind, payload: Bytes) -> u64 {
        let seq = state.records.len() as u64 + 1;
        let digest = hex::encode(&Sha256::digest(&payload)[..6]);
        self.world.note(who, format_args!("{} {seq} {kind:?} {digest}", self.desk));
        let record = Record { seq, at_ms: self.world.now_ms(), kind, payload };
        if kind == RecordKind::Commit {
            if let Some(bad) = state.bad {
                self.world.violation(format!(
                    "{}: {who} wrote commit {seq} after the broken one at {bad}",
                    self.desk
                ));
            }
            state.last_commit = seq;
        }
        state.progress.take(&record);
        state.records.push(record);
        seq
    }

    /// Keeps the next commit back; says with what it was to follow, once there is one.
    pub(crate) fn hold_next_commit(&self) {
        self.state().hold = Hold::Next;
    }

    /// The sequence that the commit that is kept back expects, and whose it is.
    pub(crate) fn held(&self) -> Option<(u64, String)> {
        match &self.state().hold {
            Hold::Kept { expected, from, .. } => Some((*expected, from.clone())),
            Hold::Nothing | Hold::Next => None,
        }
    }

    pub(crate) fn let_go(&self) {
        self.state().hold = Hold::Nothing;
    }

    /// Where a stale owner's commit stands that should not.
    pub(crate) fn bad(&self) -> Option<u64> {
        self.state().bad
    }

    /// Forgets every record after `seq`, and cuts every connection.
    pub(crate) fn lose_tail(&self, seq: u64) {
        let state = &mut *self.state();
        let lost = state.progress.keys.iter().filter(|(at, _)| *at > seq).map(|(_, key)| key.clone());
        state.lost.extend(lost.collect::<Vec<_>>());
        state.records.truncate(usize::try_from(seq).unwrap_or(usize::MAX));
        let last = state.records.iter().rev().find(|record| record.kind == RecordKind::Commit);
        state.last_commit = last.map_or(0, |record| record.seq);
        state.progress = Progress::of(&state.records);
        state.bad = None;
        state.losses += 1;
        self.world.note("broker", format_args!("{} ends at {seq} now", self.desk));
        self.length.change(|length| {
            length.len = state.records.len() as u64;
            length.era += 1;
        });
    }

    /// Whether an input of this key was lost with a tail.
    pub(crate) fn lost(&self, key: &[u8]) -> bool {
        self.state().lost.contains(key)
    }

    pub(crate) fn lost_its_tail(&self) -> bool {
        self.state().losses > 0
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.state().records.clone()
    }
}

/// All desks' logs and the directory.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) world: Arc<World>,
    pub(crate) shelves: BTreeMap<DeskName, Arc<Shelf>>,
    directory: DirectoryEntry,
}

impl Broker {
    pub(crate) fn new(world: &Arc<World>, desks: &[DeskName]) -> Arc<Self> {
        let shelves = desks.iter().map(|desk| (desk.clone(), Arc::new(Shelf::new(world, desk.clone()))));
        // The directory knows of every policy already, so that no gateway compiles one on another thread to tell it.
        let desks = desks.iter().map(|desk| DeskRecord {
            desk: desk.to_string(),
            policy_version: u64::MAX,
            ..DeskRecord::default()
        });
        let record = DirectoryRecord {
            schema: simpang_log::SCHEMA,
            writer: "sim".into(),
            desks: desks.collect(),
            ..DirectoryRecord::default()
        };
        let directory = DirectoryEntry {
            seq: 1,
            at_ms: world.now_ms(),
            is_cursor: false,
            payload: record.encode_to_vec().into(),
        };
        Arc::new(Self { world: Arc::clone(world), shelves: shelves.collect(), directory })
    }

    pub(crate) fn directory(&self) -> DirectoryEntry {
        self.directory.clone()
    }
}
