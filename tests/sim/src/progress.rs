//! How far a desk is, from its records alone: what has come, what is judged, what is still to be sent.

use std::collections::BTreeSet;

use prost::Message as _;
use simpang_log::{Record, RecordKind};
use simpang_proto::log::v1::{self, DeliveryOutcome, event::Body, input};

/// A delivery's input and part.
type Delivery = (u64, u32, u32);

/// How far a desk is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Inputs on the log, the routers' own clock inputs aside.
    pub(crate) inputs: u64,
    last_input: (u64, u32),
    decided: (u64, u32),
    is_partial: bool,
    open: BTreeSet<Delivery>,
    /// Keys of inputs, in order.
    pub(crate) keys: Vec<(u64, Vec<u8>)>,
    /// Who was chosen to send what, and for which attempt.
    pub(crate) started: BTreeSet<(Delivery, u32, String)>,
    /// Where cases were handed over to another desk, and what became of their messages there afterwards; and which of
    /// that arrived from another.
    pub(crate) handed: BTreeSet<(u64, u32)>,
    pub(crate) received: BTreeSet<(u64, u32)>,
    /// Changes that followed a case from another desk.
    pub(crate) followed: u64,
    /// Cases that are on another desk now.
    gone: BTreeSet<u64>,
    /// Inputs known as repeats, and take-overs, so far.
    pub(crate) repeats: u64,
    pub(crate) taken: u64,
}

impl Progress {
    pub(crate) fn of(records: &[Record]) -> Self {
        let mut progress = Self::default();
        records.iter().for_each(|record| progress.take(record));
        progress
    }

    pub(crate) fn take(&mut self, record: &Record) {
        match record.kind {
            RecordKind::Input(_) => self.inputs(record),
            RecordKind::Commit => self.commit(record),
        }
    }

    fn inputs(&mut self, record: &Record) {
        let read = v1::InputRecord::decode(record.payload.clone()).unwrap_or_default();
        let ticks = read.inputs.iter().filter(|input| matches!(input.body, Some(input::Body::Tick(_))));
        self.inputs += (read.inputs.len() - ticks.count()) as u64;
        let last = u32::try_from(read.inputs.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.last_input = (record.seq, last);
        for input in &read.inputs {
            match &input.body {
                Some(input::Body::Handover(handover)) => {
                    self.received.insert((handover.seq, handover.index));
                }
                Some(input::Body::HandoverChange(change)) => {
                    self.followed += u64::from(self.received.insert((change.seq, change.index)));
                }
                _ => {}
            }
        }
        let keys = read.inputs.iter().filter(|input| !input.key.is_empty());
        self.keys.extend(keys.map(|input| (record.seq, input.key.to_vec())));
    }

    fn commit(&mut self, record: &Record) {
        let Ok(commit) = v1::Commit::decode(record.payload.clone()) else { return };
        let through = commit.decided_through.unwrap_or_default();
        self.decided = (through.seq, through.index);
        self.is_partial = through.step != 0;
        for (index, event) in (0..).zip(&commit.events) {
            match &event.body {
                Some(Body::DeliveryQueued(queued)) => _ = self.open.insert(delivery(queued.delivery)),
                Some(Body::DeliveryStarted(begun)) => {
                    self.started.insert((delivery(begun.delivery), begun.attempt, begun.deliverer.clone()));
                }
                Some(Body::DeliveryEnded(ended)) if ended.outcome() != DeliveryOutcome::Retry => {
                    self.open.remove(&delivery(ended.delivery));
                }
                Some(Body::CaseHandedOver(handed)) => {
                    self.gone.insert(handed.case);
                    self.handed.insert((record.seq, index));
                }
                Some(Body::MessageEdited(edited)) => self.follows(edited.case, (record.seq, index)),
                Some(Body::MessageRemoved(removed)) => self.follows(removed.case, (record.seq, index)),
                Some(Body::InputDuplicated(_)) => self.repeats += 1,
                Some(Body::DeskTaken(_)) => self.taken += 1,
                _ => {}
            }
        }
    }

    /// What becomes of a message goes where its case went.
    fn follows(&mut self, case: u64, place: (u64, u32)) {
        if self.gone.contains(&case) {
            self.handed.insert(place);
        }
    }

    /// Whether all that came is judged and all that was to be sent has its outcome.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.decided >= self.last_input && !self.is_partial && self.open.is_empty()
    }
}

fn delivery(id: Option<v1::DeliveryId>) -> Delivery {
    let id = id.unwrap_or_default();
    let input = id.input.unwrap_or_default();
    (input.seq, input.index, id.part)
}
