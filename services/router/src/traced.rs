//! Spans of inputs that are judged.

use prost::Message as _;
use simpang_domain::words::InputId;
use simpang_log::DeskName;
use simpang_log::tail::{Body, Entry};
use simpang_proto::log::v1::{Input, InputRecord};
use simpang_trace::{Kind, Parent, Recorded, Waiting, attribute};

use crate::group::RecordBytes;

/// An input that is being judged.
pub(crate) struct Judging {
    parent: Parent,
    begun: u64,
}

/// Keeps the contexts of a record's inputs until they are judged.
pub(crate) fn arrive(waiting: &mut Waiting, entry: &Entry) {
    if let Body::Inputs { record, .. } = &entry.body
        && simpang_trace::enabled()
    {
        keep(waiting, entry.seq, &record.inputs);
    }
}

/// The same for a record that the owner before left: only its bytes were kept.
pub(crate) fn left_over(waiting: &mut Waiting, record: &RecordBytes) {
    if !simpang_trace::enabled() {
        return;
    }
    // One that can't be read brings no input.
    if let Ok(read) = InputRecord::decode(record.payload.clone()) {
        keep(waiting, record.seq, &read.inputs);
    }
}

fn keep(waiting: &mut Waiting, seq: u64, inputs: &[Input]) {
    for (index, input) in (0..).zip(inputs) {
        waiting.arrive((seq, index), &input.traceparent);
    }
}

/// Begins to judge; none when nobody is to hear of it.
pub(crate) fn begin(waiting: &mut Waiting, id: InputId) -> Option<Judging> {
    let parent = waiting.take((id.seq, id.index))?;
    Some(Judging { parent, begun: simpang_trace::now_ns() })
}

impl Judging {
    /// Tells what came of it.
    pub(crate) fn end(self, desk: &DeskName, id: InputId, events: usize) {
        let attributes = vec![
            (attribute::DESK, desk.to_string()),
            (attribute::INPUT, format!("{}.{}", id.seq, id.index)),
            (attribute::EVENTS, events.to_string()),
        ];
        simpang_trace::record(Recorded {
            name: "router.input.judge",
            kind: Kind::Consumer,
            parent: self.parent,
            start_ns: self.begun,
            end_ns: simpang_trace::now_ns(),
            failed: false,
            attributes,
        });
    }
}
