//! Invariant 1, its first half: what senders were told is accepted stands on the log.

use crate::arrived::Key;
use crate::messages::Messages;
use crate::report::Findings;
use crate::{Code, InputId, SentEntry};

/// Where inputs stand, for senders' journals.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    /// Input records in order of sequence.
    records: Vec<Appended>,
}

#[derive(Debug)]
struct Appended {
    seq: u64,
    inputs: u32,
    door: Door,
}

/// A door, small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Ingest,
    Gateway,
    Deliver,
    Router,
}

impl Door {
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "ingest" => Some(Self::Ingest),
            "gateway" => Some(Self::Gateway),
            "deliver" => Some(Self::Deliver),
            "router" => Some(Self::Router),
            _ => None,
        }
    }
}

impl Acknowledged {
    /// An input record stands on the log.
    pub(crate) fn record(&mut self, seq: u64, inputs: usize, door: Door) {
        let inputs = u32::try_from(inputs).unwrap_or(u32::MAX);
        self.records.push(Appended { seq, inputs, door });
    }

    /// Looks every entry up: by its identity, by its key, by both where it has both. `waits` says whether an input
    /// with this key is on the log and not judged yet.
    pub(crate) fn finish(
        &self,
        sent: &[SentEntry],
        desk: &str,
        judged: &Messages,
        waits: impl Fn(&Key) -> bool,
        found: &mut Findings,
    ) {
        for entry in sent.iter().filter(|e| e.desk == desk) {
            found.counts.acknowledged += 1;
            let by_id = entry.input.is_none_or(|id| self.has(id, &entry.door));
            let key = entry.key.as_ref().map(|text| read_key(text));
            let by_key = key.is_none_or(|key| key.is_some_and(|key| judged.knows(&key) || waits(&key)));
            let said = entry.input.is_some() || entry.key.is_some();
            if !(by_id && by_key && said) {
                let seq = entry.input.map_or(0, |id| id.seq);
                let (door, key) = (&entry.door, entry.key.as_deref().unwrap_or("none"));
                let id = entry.input.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
                found.broken_at(
                    Code::AcknowledgedMissing,
                    seq,
                    format_args!("acknowledged at door {door} and not on the log: input {id}, key {key}"),
                );
            }
        }
    }

    fn has(&self, id: InputId, door: &str) -> bool {
        let at = self.records.binary_search_by_key(&id.seq, |r| r.seq);
        at.is_ok_and(|at| {
            let record = &self.records[at];
            id.index < record.inputs && Some(record.door) == Door::of(door)
        })
    }
}

fn read_key(text: &str) -> Option<Key> {
    let mut key = Key::default();
    hex::decode_to_slice(text, &mut key).ok()?;
    Some(key)
}
