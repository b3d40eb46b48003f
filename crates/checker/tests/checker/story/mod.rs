//! Builds a desk's log by hand, so that tests can change one thing in it. What a change is made to decides what it
//! means: a change to a story's entries before sealing is a wrong router's work with right digests, one to the sealed
//! records is damage.

pub mod tale;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use sha2::{Digest, Sha256};
use simpang_checker::{Checker, InputId, Journals, Options, RawRecord, Report, SharedCapacity, Terms};
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self, Commit, Event, InputRecord, Position};

/// The first record's time, ms since 1970 UTC.
pub const BEGIN_MS: i64 = 1_700_000_000_000;

/// One record before it is sealed.
#[derive(Clone)]
pub enum Entry {
    Inputs { at_ms: i64, door: &'static str, record: InputRecord },
    Commit { at_ms: i64, commit: Commit },
}

/// Damage to sealed records.
pub type Damage = Box<dyn Fn(&mut Vec<RawRecord>)>;

/// A log in the making, and the journals beside it.
pub struct Story {
    pub entries: Vec<Entry>,
    pub journals: Journals,
    pub quiescent: bool,
    pub key_memory_ms: Option<i64>,
    pub shared_capacity: Option<SharedCapacity>,
    pub pull_queues: BTreeSet<String>,
    pub offer_queues: BTreeSet<String>,
    pub damage: Option<Damage>,
    pub now_ms: i64,
    pub policy_version: u64,
    pub epoch: u64,
    pub writer: String,
}

/// Changes the first event of a kind for which a condition holds.
macro_rules! edit {
    ($story:expr, $kind:ident($e:ident) if $cond:expr => $change:expr) => {
        $story.edit(&|b| matches!(b, Body::$kind($e) if $cond), &mut |event| {
            if let Some(Body::$kind($e)) = &mut event.body { $change; }
        })
    };
}

/// Removes the first event of a kind for which a condition holds.
macro_rules! remove {
    ($story:expr, $kind:ident($e:ident) if $cond:expr) => {
        $story.remove(&|b| matches!(b, Body::$kind($e) if $cond))
    };
}

/// Puts an event, of the same cause and time, after the first one of a kind for which a condition holds.
macro_rules! after {
    ($story:expr, $kind:ident($e:ident) if $cond:expr => $body:expr) => {
        $story.insert(&|b| matches!(b, Body::$kind($e) if $cond), 1, $body)
    };
}

/// Puts an event before.
macro_rules! before {
    ($story:expr, $kind:ident($e:ident) if $cond:expr => $body:expr) => {
        $story.insert(&|b| matches!(b, Body::$kind($e) if $cond), 0, $body)
    };
}

pub fn id(seq: u64, index: u32) -> v1::InputId {
    v1::InputId { seq, index }
}

/// What can be done to a story.
impl Story {
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            journals: Journals::default(),
            quiescent: true,
            key_memory_ms: None,
            shared_capacity: None,
            pull_queues: BTreeSet::new(),
            offer_queues: BTreeSet::new(),
            damage: None,
            now_ms: BEGIN_MS,
            policy_version: 0,
            epoch: 1,
            writer: "router@a/1".into(),
        }
    }

    fn tick(&mut self) -> i64 {
        self.now_ms += 1_000;
        self.now_ms
    }

    /// Appends a record of inputs, each with a key of its own; answers its sequence.
    pub fn inputs(&mut self, door: &'static str, bodies: Vec<v1::input::Body>) -> u64 {
        let seq = self.entries.len() as u64 + 1;
        let at_ms = self.tick();
        let input = |(index, body): (usize, v1::input::Body)| v1::Input {
            key: key(seq, index).into(),
            body: Some(body),
            ..v1::Input::default()
        };
        let inputs = bodies.into_iter().enumerate().map(input).collect();
        let record = InputRecord { schema: 1, writer: format!("{door}@a/1"), inputs };
        self.entries.push(Entry::Inputs { at_ms, door, record });
        seq
    }

    /// Appends one input.
    pub fn input(&mut self, door: &'static str, body: v1::input::Body) -> v1::InputId {
        id(self.inputs(door, vec![body]), 0)
    }

    /// Appends a commit that judges to the end of an input.
    pub fn commit(&mut self, through: v1::InputId, events: Vec<Event>) {
        self.commit_part(through, 0, events);
    }

    /// Appends a commit that judges a part of an input.
    pub fn commit_part(&mut self, through: v1::InputId, step: u32, events: Vec<Event>) {
        let at_ms = self.tick();
        let commit = Commit {
            schema: 1,
            decided_through: Some(Position { seq: through.seq, index: through.index, step }),
            policy_version: self.policy_version,
            writer: self.writer.clone(),
            epoch: self.epoch,
            events,
            ..Commit::default()
        };
        self.entries.push(Entry::Commit { at_ms, commit });
    }

    /// An input and the commit that judges it.
    pub fn judge(&mut self, door: &'static str, body: v1::input::Body, bodies: Vec<Body>) -> v1::InputId {
        let cause = self.input(door, body);
        let events = bodies.into_iter().map(|body| self.event(cause, body)).collect();
        self.commit(cause, events);
        cause
    }

    /// An event at the time of its cause.
    pub fn event(&self, cause: v1::InputId, body: Body) -> Event {
        Event { caused_by: Some(cause), at_ms: self.at(cause), body: Some(body) }
    }

    /// The broker's time of an input.
    pub fn at(&self, cause: v1::InputId) -> i64 {
        match &self.entries[cause.seq as usize - 1] {
            Entry::Inputs { at_ms, .. } | Entry::Commit { at_ms, .. } => *at_ms,
        }
    }

    /// An input on the log.
    pub fn input_mut(&mut self, at: v1::InputId) -> &mut v1::Input {
        match &mut self.entries[at.seq as usize - 1] {
            Entry::Inputs { record, .. } => &mut record.inputs[at.index as usize],
            Entry::Commit { .. } => panic!("{} is a commit", at.seq),
        }
    }

    /// All commits.
    pub fn commits(&mut self) -> impl Iterator<Item = &mut Commit> {
        self.entries.iter_mut().filter_map(|entry| match entry {
            Entry::Commit { commit, .. } => Some(commit),
            Entry::Inputs { .. } => None,
        })
    }

    /// The commit with the first such event, and where in it that stands.
    pub fn find(&mut self, is: &dyn Fn(&Body) -> bool) -> (&mut Commit, usize) {
        let found = self.commits().find_map(|commit| {
            let at = commit.events.iter().position(|e| e.body.as_ref().is_some_and(is))?;
            Some((commit, at))
        });
        found.expect("the tale has such an event")
    }

    pub fn edit(&mut self, is: &dyn Fn(&Body) -> bool, change: &mut dyn FnMut(&mut Event)) {
        let (commit, at) = self.find(is);
        change(&mut commit.events[at]);
    }

    pub fn remove(&mut self, is: &dyn Fn(&Body) -> bool) {
        let (commit, at) = self.find(is);
        commit.events.remove(at);
    }

    pub fn insert(&mut self, is: &dyn Fn(&Body) -> bool, offset: usize, body: Body) {
        let (commit, at) = self.find(is);
        let event = Event { body: Some(body), ..commit.events[at].clone() };
        commit.events.insert(at + offset, event);
    }

    /// Damages the records once they are sealed.
    pub fn damage(&mut self, damage: impl Fn(&mut Vec<RawRecord>) + 'static) {
        self.damage = Some(Box::new(damage));
    }

    /// Damages the nth commit, from 0, once it is sealed; what comes after is sealed over the damage.
    pub fn forge(&mut self, nth: usize, forge: impl Fn(&mut Commit) + 'static) {
        self.damage(move |records| {
            let commit = |r: &&mut RawRecord| r.subject.ends_with(".commit");
            let record = records.iter_mut().filter(commit).nth(nth).expect("there is such a commit");
            let mut commit = Commit::decode(record.payload.clone()).expect("it was sealed here");
            forge(&mut commit);
            record.payload = commit.encode_to_vec().into();
        });
    }

    /// The records with their chain.
    pub fn seal(&self) -> Vec<RawRecord> {
        let mut chain = Sealer::default();
        let mut records: Vec<RawRecord> =
            (1..).zip(&self.entries).map(|(seq, entry)| chain.seal(seq, entry)).collect();
        if let Some(damage) = &self.damage {
            damage(&mut records);
        }
        records
    }

    /// The checker's verdict on this story.
    pub fn check(&self) -> Report {
        check(self.seal(), &self.journals, self.options())
    }

    pub fn options(&self) -> Options {
        let default_capacity = BTreeMap::from([(v1::Channel::Call, 1)]);
        Options {
            quiescent: self.quiescent,
            terms: Terms {
                key_memory_ms: self.key_memory_ms,
                default_capacity,
                shared_capacity: self.shared_capacity.clone(),
                pull_queues: self.pull_queues.clone(),
                offer_queues: self.offer_queues.clone(),
                ..Terms::default()
            },
            ..Options::default()
        }
    }
}

/// The checker's verdict on records.
pub fn check(records: Vec<RawRecord>, journals: &Journals, options: Options) -> Report {
    let mut checker = Checker::with("demo", options);
    records.into_iter().for_each(|record| checker.feed(record));
    checker.finish(journals)
}

/// A key that no other input has.
pub fn key(seq: u64, index: usize) -> Vec<u8> {
    let mut key = seq.to_be_bytes().to_vec();
    key.extend((index as u64).to_be_bytes());
    key
}

/// Seals as `record.proto` documents it, written apart from the checker's own reading of it.
#[derive(Default)]
struct Sealer {
    number: u64,
    previous_seq: u64,
    previous_digest: [u8; 32],
    through: InputSeq,
    inputs: Vec<(u64, String, Vec<u8>)>,
}

type InputSeq = u64;

impl Sealer {
    fn seal(&mut self, seq: u64, entry: &Entry) -> RawRecord {
        match entry {
            Entry::Inputs { at_ms, door, record } => {
                let (subject, payload) = (format!("simpang.demo.in.{door}"), record.encode_to_vec());
                self.inputs.push((seq, subject.clone(), payload.clone()));
                RawRecord::new(seq, *at_ms, subject, payload)
            }
            Entry::Commit { at_ms, commit } => {
                RawRecord::new(seq, *at_ms, "simpang.demo.commit", self.seal_commit(seq, commit.clone()))
            }
        }
    }

    fn seal_commit(&mut self, seq: u64, mut commit: Commit) -> Vec<u8> {
        let through = commit.decided_through.map_or(0, |p| p.seq);
        let mut bytes = Vec::new();
        for (seq, subject, payload) in self.inputs.iter().filter(|i| i.0 > self.through && i.0 <= through) {
            bytes.extend(seq.to_be_bytes());
            bytes.extend((subject.len() as u32).to_be_bytes());
            bytes.extend(subject.as_bytes());
            bytes.extend((payload.len() as u32).to_be_bytes());
            bytes.extend(payload);
        }
        self.number += 1;
        self.through = self.through.max(through);
        commit.number = self.number;
        commit.previous_seq = self.previous_seq;
        commit.previous_digest = self.previous_digest.to_vec().into();
        commit.inputs_digest = Sha256::digest(&bytes).to_vec().into();
        let payload = commit.encode_to_vec();
        self.previous_seq = seq;
        self.previous_digest = Sha256::digest(&payload).into();
        payload
    }
}

/// A checker's identity from the log's.
pub fn own(id: v1::InputId) -> InputId {
    InputId { seq: id.seq, index: id.index }
}
