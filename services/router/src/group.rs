//! Group commit: what was judged waits here until the commit before it stands, then goes into the next, all of it or
//! as much as a commit should hold.

use std::collections::VecDeque;

use bytes::Bytes;
use simpang_domain::event::{Event, Happened};
use simpang_domain::words::InputId;
use simpang_log::{ChainWriter, Door};
use simpang_proto::log::v1::{Commit, Position};

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

    /// Takes events of an input as far as there is room, and one in any case where the commit holds none yet; gives
    /// how many and what they take.
    fn take(&mut self, sizes: &mut VecDeque<u32>, most: usize, is_first: bool) -> (usize, usize) {
        let (mut events, mut bytes) = (0, 0);
        while events < most
            && let Some(size) = sizes.front().map(|size| *size as usize)
            && (self.holds(1, size) || (is_first && events == 0))
        {
            sizes.pop_front();
            self.events = self.events.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(size);
            events += 1;
            bytes += size;
        }
        (events, bytes)
    }
}

#[derive(Debug)]
struct Judged {
    id: InputId,
    /// How many events of it wait, and what they take.
    events: usize,
    bytes: usize,
    /// Parts of its events that are committed already.
    step: u32,
    /// The policy version that what comes next of it goes under: the one in force before it, and for the rest of what
    /// a policy brings that policy.
    version: u64,
    /// The policy version in force after it.
    version_after: u64,
    /// It brought another policy, with this one of the events that wait.
    applies: Option<usize>,
    changes_policy: bool,
}

impl Judged {
    /// Notes that events of it went into a commit; says whether none is left.
    fn taken(&mut self, events: usize, bytes: usize) -> bool {
        self.events -= events;
        self.bytes -= bytes;
        match self.applies {
            Some(at) if at < events => {
                self.version = self.version_after;
                self.applies = None;
            }
            Some(at) => self.applies = Some(at - events),
            None => {}
        }
        self.step += 1;
        self.events == 0
    }
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
    /// The events of all that was judged, as they will stand in commits, and what each of them takes.
    encoded: Encoded,
    sizes: VecDeque<u32>,
}

/// Bytes that are written at the end and taken from the front, in one buffer that stays: a commit's events are half a
/// megabyte, and fresh memory for each costs more than writing them.
#[derive(Debug, Default)]
struct Encoded {
    bytes: Vec<u8>,
    /// So many at the front were taken.
    taken: usize,
}

impl Encoded {
    /// To write behind what is there; makes room at the front first once that is worth the moving.
    fn end(&mut self) -> &mut Vec<u8> {
        if self.taken > 0 && self.taken >= self.bytes.len() - self.taken {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        &mut self.bytes
    }

    /// The next so many.
    fn take(&mut self, count: usize) -> &[u8] {
        let from = self.taken;
        self.taken += count;
        &self.bytes[from..self.taken]
    }
}

/// What goes into one commit, before its chain is filled in.
pub(crate) struct Packed<'a> {
    /// Without its events.
    pub(crate) commit: Commit,
    /// Its events, as they stand in it.
    pub(crate) encoded: &'a [u8],
    pub(crate) events: usize,
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
        self.sizes.len() >= WAITING_MAX || self.judged.len() >= 4 * INPUTS_MAX
    }

    /// A record whose inputs come next.
    pub(crate) fn record(&mut self, record: RecordBytes) {
        self.records.push_back(record);
    }

    /// What followed from an input; `step` parts of it are committed already.
    pub(crate) fn judged(&mut self, id: InputId, events: &[Event], step: u32, versions: Versions) {
        let applies = events.iter().position(|e| matches!(e.body, Happened::PolicyApplied { .. }));
        let Versions { before: version, after: version_after } = versions;
        let encoded = self.encoded.end();
        let before = encoded.len();
        for event in events {
            let size = simpang_wire::commit::append_event(event, encoded);
            self.sizes.push_back(u32::try_from(size).unwrap_or(u32::MAX));
        }
        let (events, bytes) = (events.len(), encoded.len() - before);
        let changes_policy = applies.is_some();
        self.judged.push_back(Judged {
            id,
            events,
            bytes,
            step,
            version,
            version_after,
            applies,
            changes_policy,
        });
    }

    /// Takes out what the next commit holds, and lets the chain absorb the records it covers. An input is cut only
    /// when it is too much for a commit of its own.
    pub(crate) fn pack(&mut self, chain: &mut ChainWriter) -> Option<Packed<'_>> {
        let policy_version = self.judged.front()?.version;
        let mut room = Room { events: EVENTS_MAX, bytes: BYTES_MAX };
        let (mut events, mut bytes) = (0, 0);
        let mut through = Position::default();
        let mut inputs = 0;
        while let Some(next) = self.judged.front_mut() {
            if inputs > 0 && !room.holds(next.events, next.bytes) {
                break;
            }
            let closes = next.changes_policy;
            let taken = room.take(&mut self.sizes, next.events, events == 0);
            events += taken.0;
            bytes += taken.1;
            let whole = next.taken(taken.0, taken.1);
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
        self.absorb(through.seq, chain);
        let commit = Commit { decided_through: Some(through), policy_version, ..Commit::default() };
        Some(Packed { commit, encoded: self.encoded.take(bytes), events, inputs })
    }

    fn absorb(&mut self, through: u64, chain: &mut ChainWriter) {
        while let Some(record) = self.records.front().filter(|r| r.seq <= through) {
            chain.absorb(record.seq, record.door, &record.payload);
            self.records.pop_front();
        }
    }
}
