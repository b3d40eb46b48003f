//! Spans of sends. A delivery may wait for days and over restarts for its turn, so the context of the input that caused
//! it is read from the log when it is needed, and only while somebody listens.

use std::sync::Arc;

use simpang_log::DeskLog;
use simpang_proto::log::v1::{DeliveryOutcome, DeliveryQueued, InputId};
use simpang_trace::{Kind, Recorded, attribute};

use crate::board::Id;
use crate::messages;
use crate::sender::Outcome;

/// An attempt to send.
pub(crate) struct Sending {
    log: Arc<dyn DeskLog>,
    id: Id,
    begun: u64,
    attributes: Vec<(&'static str, String)>,
}

impl Sending {
    /// Before the attempt.
    pub(crate) fn begin(log: Arc<dyn DeskLog>, id: Id, attempt: u32, queued: &DeliveryQueued) -> Self {
        let mut attributes = Vec::new();
        if simpang_trace::enabled() {
            attributes.extend([
                (attribute::DESK, log.desk().to_string()),
                (attribute::CASE, queued.case.to_string()),
                (attribute::DELIVERY, id.to_string()),
                (attribute::CHANNEL, queued.channel().as_str_name().to_owned()),
                (attribute::ATTEMPT, attempt.to_string()),
            ]);
        }
        Self { log, id, begun: simpang_trace::now_ns(), attributes }
    }

    /// After its report; the attempt ended at `end_ns`.
    pub(crate) async fn end(mut self, end_ns: u64, outcome: &Outcome) {
        if !simpang_trace::enabled() {
            return;
        }
        let cause = InputId { seq: self.id.seq, index: self.id.index };
        // A trace is not worth another try.
        let Ok((_, input)) = messages::whole(self.log.as_ref(), &cause).await else { return };
        let Some(parent) = simpang_trace::parent(&input.traceparent) else { return };
        self.attributes.push((attribute::OUTCOME, outcome.class.as_str_name().to_owned()));
        simpang_trace::record(Recorded {
            name: "deliver.delivery.send",
            kind: Kind::Client,
            parent,
            start_ns: self.begun,
            end_ns,
            failed: outcome.class != DeliveryOutcome::Delivered,
            attributes: self.attributes,
        });
    }
}
