//! A desk rebuilt from its log: inputs wait until a commit says what was decided on them, then both are folded in.

use std::collections::VecDeque;

use prost::Message as _;
use simpang_domain::CORE_VERSION;
use simpang_domain::desk::Desk;
use simpang_domain::event::{Event, Happened};
use simpang_domain::input::{Body as InputBody, Input};
use simpang_domain::state::State;
use simpang_domain::words::InputId;
use simpang_log::snapshot::Unfit;
use simpang_log::tail::{Body, Entry};
use simpang_log::{DeskName, LogError};
use simpang_proto::log::v1::{self, Commit, Position, SnapshotHead};
use simpang_wire::Names;
use simpang_wire::input::Door;

use crate::rules::{ActiveRules, compile};

/// An input that is not judged to its end yet, with the rules it brings.
#[derive(Debug)]
pub struct Pending {
    /// The input.
    pub input: Input,
    /// The rules of the policy it brings, if they can be used.
    pub rules: Option<ActiveRules>,
}

/// What one commit decided on one input.
#[derive(Debug)]
pub struct Decided {
    /// The input.
    pub pending: Pending,
    /// All that was decided on it, over all its parts.
    pub events: Vec<Event>,
}

/// The core that took a desk over, if it is newer than this program's. What it decides may mean what this one does not
/// know, so that it can't be folded, let alone be gone on from.
fn newer_core(taken: &Happened) -> Option<u32> {
    let Happened::DeskTaken { core_version, .. } = taken else { return None };
    let number = core_version.strip_prefix("core ")?.split(',').next()?;
    number.parse().ok().filter(|number| *number > CORE_VERSION)
}

/// A desk as far as its log was read.
#[derive(Debug)]
pub struct Fold {
    name: DeskName,
    /// The desk as of the last input that is judged to its end.
    pub desk: Desk<ActiveRules>,
    /// Inputs read and not judged to their end, in order.
    pub pending: VecDeque<Pending>,
    /// What was decided so far on the first of them, in parts.
    pub partial: Vec<Event>,
    /// How far the log says that it is judged.
    pub decided: Position,
    names: Names,
}

impl Fold {
    /// A desk of which nothing was read yet.
    #[must_use]
    pub fn new(name: &DeskName) -> Self {
        Self {
            name: name.clone(),
            desk: Desk::new(ActiveRules::default()),
            pending: VecDeque::new(),
            partial: Vec::new(),
            decided: Position::default(),
            names: Names::new(),
        }
    }

    /// A desk that goes on from a snapshot of it: the records after `decided_through` come next.
    ///
    /// # Errors
    /// When the snapshot's policy can't be compiled.
    pub fn resumed(name: &DeskName, head: &SnapshotHead, state: State) -> Result<Self, Unfit> {
        let rules = match &head.policy {
            None => ActiveRules::default(),
            Some(document) => compile(name.as_str(), document).1.ok_or(Unfit::Policy(document.version))?,
        };
        let decided = head.decided_through.unwrap_or_default();
        Ok(Self { desk: Desk::resumed(state, rules), decided, ..Self::new(name) })
    }

    /// Whether what is remembered belongs between two records: no record is judged in part.
    #[must_use]
    pub fn is_between_records(&self) -> bool {
        let begun = self.pending.front().is_some_and(|first| first.input.id.seq <= self.decided.seq);
        self.decided.step == 0 && !begun
    }

    /// Takes a record in; gives what a commit decided, input by input, without folding it yet.
    ///
    /// # Errors
    /// When a commit holds what can't be read, or events of inputs that it does not cover.
    pub fn take(&mut self, entry: &Entry) -> Result<Vec<Decided>, LogError> {
        match &entry.body {
            Body::Inputs { door, record } => {
                let door = Door::of_str(door.as_str());
                for (index, input) in (0u32..).zip(&record.inputs) {
                    let id = InputId { seq: entry.seq, index };
                    self.arrived(id, entry.at_ms, door, input);
                }
                Ok(Vec::new())
            }
            Body::Unreadable { reason, .. } => {
                let id = InputId { seq: entry.seq, index: 0 };
                let body = InputBody::Unreadable(reason.as_str().into());
                self.pending.push_back(Pending {
                    input: Input { id, at: entry.at_ms, key: None, body },
                    rules: None,
                });
                Ok(Vec::new())
            }
            Body::Commit { commit, .. } => self.commit(entry.seq, commit),
        }
    }

    /// Takes a record in and folds what it decided.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn follow(&mut self, entry: &Entry) -> Result<(), LogError> {
        for decided in self.take(entry)? {
            self.desk.fold(&decided.pending.input, &decided.events, decided.pending.rules);
        }
        Ok(())
    }

    /// The event by which a router takes the desk over, after all that stands on the log.
    pub fn take_over(&mut self, writer: &str) -> Event {
        self.desk.take(writer.into(), crate::core_version().as_str().into(), &self.partial)
    }

    /// The policy in force after all that stands on the log; an input that was judged in part may have brought it.
    #[must_use]
    pub fn policy_version(&self) -> u64 {
        let applied = self.partial.iter().rev().find_map(|event| match event.body {
            Happened::PolicyApplied { version, .. } => Some(version),
            _ => None,
        });
        applied.unwrap_or(self.desk.state().policy_version)
    }

    fn arrived(&mut self, id: InputId, at: i64, door: Option<Door>, input: &simpang_proto::log::v1::Input) {
        let mut rules = None;
        let name = self.name.as_str();
        let door = door.unwrap_or(Door::Router);
        let input = simpang_wire::input::read_with(&mut self.names, id, at, door, input, |document| {
            let (version, compiled) = compile(name, document);
            rules = compiled;
            version
        });
        self.pending.push_back(Pending { input, rules });
    }

    fn read_events(&mut self, seq: u64, events: &[v1::Event]) -> Result<Vec<Event>, LogError> {
        simpang_wire::commit::read_events(&mut self.names, events).map_err(|error| {
            let reason = format!("an event can't be read: {error}; start a newer program");
            LogError::Broken { desk: self.name.to_string(), seq, reason }
        })
    }

    /// The events of a commit, from its bytes: whoever reads may have left them out.
    pub(crate) fn wire_events_of(&self, entry: &Entry) -> Result<Vec<v1::Event>, LogError> {
        let decoded = Commit::decode(entry.payload.clone()).map_err(|error| LogError::Broken {
            desk: self.name.to_string(),
            seq: entry.seq,
            reason: format!("the record is no Commit: {error}"),
        })?;
        Ok(decoded.events)
    }

    /// The same in the core's words.
    pub(crate) fn events_of(&mut self, entry: &Entry) -> Result<Vec<Event>, LogError> {
        let events = self.wire_events_of(entry)?;
        self.read_events(entry.seq, &events)
    }

    /// That a commit has an event of an input which it does not cover.
    pub(crate) fn stray(&self, seq: u64, of: InputId) -> LogError {
        let InputId { seq: input, index } = of;
        let reason = format!("an event follows from input {input}.{index}, which the commit does not cover");
        LogError::Broken { desk: self.name.to_string(), seq, reason }
    }

    /// The inputs that a commit covers, when it covers each to its end and none was begun by one before: they are judged
    /// by whoever asks.
    pub(crate) fn covered(&mut self, through: Position) -> Option<Vec<Pending>> {
        if through.step != 0 || !self.partial.is_empty() || self.decided.step != 0 {
            return None;
        }
        let is_covered =
            |one: &Pending| (one.input.id.seq, one.input.id.index) <= (through.seq, through.index);
        let count = self.pending.iter().take_while(|one| is_covered(one)).count();
        self.decided = through;
        Some(self.pending.drain(..count).collect())
    }

    pub(crate) fn commit(&mut self, seq: u64, commit: &Commit) -> Result<Vec<Decided>, LogError> {
        let mut events = self.read_events(seq, &commit.events)?.into_iter().peekable();
        while let Some(taken) = events.next_if(|e| matches!(e.body, Happened::DeskTaken { .. })) {
            if let Some(newer) = newer_core(&taken.body) {
                let reason = format!(
                    "from here on core {newer} judges the desk, and this program has core {CORE_VERSION}: start a \
                     program with core {newer}"
                );
                return Err(LogError::Broken { desk: self.name.to_string(), seq, reason });
            }
            self.desk.take_event(&taken);
        }
        let through = commit.decided_through.unwrap_or_default();
        let mut all = Vec::new();
        while let Some(first) = self.pending.front() {
            let id = first.input.id;
            if (id.seq, id.index) > (through.seq, through.index) {
                break;
            }
            self.partial.extend(std::iter::from_fn(|| events.next_if(|e| e.caused_by == id)));
            if (id.seq, id.index) == (through.seq, through.index) && through.step != 0 {
                break;
            }
            if let Some(pending) = self.pending.pop_front() {
                all.push(Decided { pending, events: std::mem::take(&mut self.partial) });
            }
        }
        if let Some(stray) = events.next() {
            return Err(self.stray(seq, stray.caused_by));
        }
        self.decided = through;
        Ok(all)
    }
}
