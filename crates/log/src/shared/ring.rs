//! The last records of a log, for as long as somebody who reads by them has yet to take them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::port::{DeskName, LogError, Record};

/// Most bytes that wait for slow readers. Two seconds of a desk under full load.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Records that stay although everybody has taken them, for who comes from further behind.
const KEPT: usize = 256;
/// How many records a reader takes at once.
const CHUNK: usize = 64;

/// What there is for a reader.
pub(super) enum Taken {
    /// The next records.
    Records(VecDeque<Record>),
    /// The next record has not come yet.
    NotYet,
    /// The next record is no longer here, or the end is too far ahead to change over: read it from the log.
    Gone,
    /// Nothing comes any more.
    Ended(LogError),
}

/// The end of a desk's log.
pub(super) struct Ring {
    desk: DeskName,
    held: Mutex<Held>,
    /// Wakes those who wait in the order in which they began to; `watch` wakes them in one that chance decides.
    told: Notify,
}

#[derive(Default)]
struct Held {
    records: VecDeque<Record>,
    bytes: usize,
    /// Sequence of the record after the last one.
    end: u64,
    /// Who reads, and what they need next. Those who read alone need nothing.
    seats: HashMap<u64, Option<u64>>,
    last_seat: u64,
    ended: Option<LogError>,
}

impl Ring {
    /// An empty one; the record with this sequence comes first.
    pub(super) fn new(desk: &DeskName, next: u64) -> Self {
        let held = Held { end: next, ..Held::default() };
        Self { desk: desk.clone(), held: Mutex::new(held), told: Notify::new() }
    }

    /// Adds the next record. Never waits.
    pub(super) fn push(&self, record: Record) {
        let mut held = self.held();
        held.end = record.seq + 1;
        held.bytes += record.payload.len();
        held.records.push_back(record);
        held.let_go();
        drop(held);
        self.told.notify_waiters();
    }

    /// Nothing comes any more.
    pub(super) fn end(&self, error: LogError) {
        self.held().ended = Some(error);
        self.told.notify_waiters();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.held().ended.is_some()
    }

    /// A stream of records that ended without a reason.
    pub(super) fn ended_early(&self) -> LogError {
        LogError::Unavailable { desk: self.desk.to_string(), reason: "the stream of records ended".into() }
    }

    /// Waits until the record with this sequence is here, or none comes any more.
    pub(super) async fn comes(&self, next: u64) {
        let told = self.told.notified();
        let is_here = {
            let held = self.held();
            held.end > next || held.ended.is_some()
        };
        if !is_here {
            told.await;
        }
    }

    /// One more who reads, from a sequence on.
    pub(super) fn join(&self, next: u64) -> u64 {
        let mut held = self.held();
        held.last_seat += 1;
        let seat = held.last_seat;
        held.seats.insert(seat, Some(next));
        seat
    }

    pub(super) fn leave(&self, seat: u64) {
        let mut held = self.held();
        held.seats.remove(&seat);
        held.let_go();
    }

    /// What there is from a sequence on. Who reads alone changes over only near the end.
    pub(super) fn take(&self, seat: u64, next: u64, reads_here: bool) -> Taken {
        let mut held = self.held();
        let begin = held.end - held.records.len() as u64;
        let gone = next < begin || (!reads_here && next + (CHUNK as u64) < held.end);
        if gone && held.ended.is_none() {
            held.seats.insert(seat, None);
            return Taken::Gone;
        }
        let skip = usize::try_from(next.saturating_sub(begin)).unwrap_or(usize::MAX);
        let records: VecDeque<Record> = match gone {
            true => VecDeque::new(),
            false => held.records.iter().skip(skip).take(CHUNK).cloned().collect(),
        };
        if records.is_empty() {
            held.seats.insert(seat, Some(next));
            return held.ended.clone().map_or(Taken::NotYet, Taken::Ended);
        }
        held.seats.insert(seat, Some(next + records.len() as u64));
        held.let_go();
        Taken::Records(records)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing that panics is done while it is locked.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Forgets what nobody needs any more, and the oldest of what is too much.
    fn let_go(&mut self) {
        let needed = self.seats.values().flatten().min().copied().unwrap_or(self.end);
        while let Some(first) = self.records.front() {
            let taken = first.seq < needed && self.records.len() > KEPT;
            if !taken && self.bytes <= BYTES_MAX {
                return;
            }
            self.bytes -= first.payload.len();
            self.records.pop_front();
        }
    }
}
