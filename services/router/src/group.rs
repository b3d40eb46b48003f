//! Group commit: what was judged waits here until the commit before it stands, then goes into the next, all of it or
//! as much as a commit should hold.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;
use simpang_domain::event::{Event, Happened};
use simpang_domain::words::InputId;
use simpang_log::{ChainWriter, Door};
use simpang_proto::log::v1::{self, Commit, Position};

/// Most events in a commit. A commit of this size is some 500 KiB; a broker takes 1 MiB without being told.
const EVENTS_MAX: usize = 3_000;

/// Encoded size after which a commit takes no more events, bytes: well under the 1 MiB that a broker takes without
/// being told, with the largest single event on top.
const BYTES_MAX: usize = 700 * 1024;

/// Most inputs in a commit.
const INPUTS_MAX: usize = 5_000;

/// Most events that wait before no more is judged.
const WAITING_MAX: usize = 4 * EVENTS_MAX;

/// An input record that is being judged.
#[derive(Debug, Clone)]
pub(crate) struct RecordBytes {
    pub(crate) seq: u64,
    pub(crate) door: Door,
    pub(crate) payload: Bytes,
}

/// What a commit still has room for.
struct Room {
    events: usize,
    bytes: usize,
}

impl Room {
    fn holds(&self, events: usize, bytes: usize) -> bool {
        events <= self.events && bytes <= self.bytes
    }
}

#[derive(Debug)]
struct Judged {
    id: InputId,
    events: VecDeque<v1::Event>,
    /// Encoded size of the events.
    bytes: usize,
    /// Parts of its events that are committed already.
    step: u32,
    /// The policy version that what comes next of it goes under: the one in force before it, and for the rest of what
    /// a policy brings that policy.
    version: u64,
    /// The policy version in force after it.
    version_after: u64,
    /// It brought another policy.
    changes_policy: bool,
}

impl Judged {
    /// Moves events into a commit as far as it has room, at least one; says whether none is left.
    fn take_into(&mut self, commit: &mut Vec<v1::Event>, room: &mut Room) -> bool {
        let mut first = true;
        while let Some(event) = self.events.front() {
            let bytes = size(event);
            let alone = first && commit.is_empty();
            if !alone && !room.holds(1, bytes) {
                break;
            }
            let applies = matches!(event.body, Some(v1::event::Body::PolicyApplied(_)));
            commit.extend(self.events.pop_front());
            room.events = room.events.saturating_sub(1);
            room.bytes = room.bytes.saturating_sub(bytes);
            self.bytes -= bytes;
            if applies {
                self.version = self.version_after;
            }
            first = false;
        }
        self.step += 1;
        self.events.is_empty()
    }
}

/// What an event takes in an encoded commit.
fn size(event: &v1::Event) -> usize {
    let bytes = event.encoded_len();
    bytes + prost::length_delimiter_len(bytes) + 1
}

/// Policy versions around an input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Versions {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// What was judged and is not committed.
#[derive(Debug, Default)]
pub(crate) struct Group {
    records: VecDeque<RecordBytes>,
    judged: VecDeque<Judged>,
    events: usize,
}

/// What goes into one commit, before its chain is filled in.
pub(crate) struct Packed {
    pub(crate) commit: Commit,
    pub(crate) inputs: usize,
}

impl Group {
    /// Inputs that wait for a commit.
    pub(crate) fn len(&self) -> usize {
        self.judged.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.judged.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.events >= WAITING_MAX || self.judged.len() >= 4 * INPUTS_MAX
    }

    /// A record whose inputs come next.
    pub(crate) fn record(&mut self, record: RecordBytes) {
        self.records.push_back(record);
    }

    /// What followed from an input; `step` parts of it are committed already.
    pub(crate) fn judged(&mut self, id: InputId, events: &[Event], step: u32, versions: Versions) {
        let changes_policy = events.iter().any(|e| matches!(e.body, Happened::PolicyApplied { .. }));
        self.events += events.len();
        let Versions { before: version, after: version_after } = versions;
        let events: VecDeque<v1::Event> = events.iter().map(simpang_wire::event::write).collect();
        let bytes = events.iter().map(size).sum();
        self.judged.push_back(Judged { id, events, bytes, step, version, version_after, changes_policy });
    }

    /// Takes out what the next commit holds, and lets the chain absorb the records it covers. An input is cut only
    /// when it is too much for a commit of its own.
    pub(crate) fn pack(&mut self, chain: &mut ChainWriter) -> Option<Packed> {
        let policy_version = self.judged.front()?.version;
        let mut room = Room { events: EVENTS_MAX, bytes: BYTES_MAX };
        let mut events = Vec::new();
        let mut through = Position::default();
        let mut inputs = 0;
        while let Some(next) = self.judged.front_mut() {
            if inputs > 0 && !room.holds(next.events.len(), next.bytes) {
                break;
            }
            let closes = next.changes_policy;
            let whole = next.take_into(&mut events, &mut room);
            let step = if whole { 0 } else { next.step };
            through = Position { seq: next.id.seq, index: next.id.index, step };
            inputs += 1;
            if whole {
                self.judged.pop_front();
            }
            if !whole || closes || inputs >= INPUTS_MAX {
                break;
            }
        }
        self.events -= events.len();
        self.absorb(through.seq, chain);
        let commit = Commit { decided_through: Some(through), policy_version, events, ..Commit::default() };
        Some(Packed { commit, inputs })
    }

    fn absorb(&mut self, through: u64, chain: &mut ChainWriter) {
        while let Some(record) = self.records.front().filter(|r| r.seq <= through) {
            chain.absorb(record.seq, record.door, &record.payload);
            self.records.pop_front();
        }
    }
}
