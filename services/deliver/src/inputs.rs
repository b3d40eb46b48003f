//! What the deliverer writes to the log.

use bytes::Bytes;
use simpang_log::DeskName;
use simpang_proto::log::v1::{self, input::Body};
use simpang_wire::key::{Keyer, Purpose};

use crate::board::Id;
use crate::changes::Part;
use crate::sender::Outcome;

/// Most characters of a report's detail.
const DETAIL_CHARS: usize = 500;

/// Asks to be the one that sends. Without an idempotency key: asking twice does no harm.
pub(crate) fn claim(id: Id, deliverer: &str) -> v1::Input {
    let claim = v1::DeliveryClaim { delivery: Some(id.wire()), deliverer: deliverer.to_owned() };
    v1::Input { body: Some(Body::Claim(claim)), ..Default::default() }
}

/// Says what became of an attempt. Of two reports the first holds, since it ends the attempt. The key is this
/// deliverer's own: after a lost tail the same attempt may begin once more, and a report of before, which the desk
/// refused, must not stand in the way of the one that counts.
pub(crate) fn report(
    keyer: &Keyer,
    desk: &DeskName,
    by: &str,
    (id, attempt): (Id, u32),
    outcome: &Outcome,
) -> v1::Input {
    let report = v1::DeliveryReport {
        delivery: Some(id.wire()),
        attempt,
        outcome: outcome.class.into(),
        detail: outcome.detail.chars().take(DETAIL_CHARS).collect(),
        source: outcome.sent.as_ref().map(|sent| sent_key(keyer, sent)).unwrap_or_default(),
        retry_after_ms: outcome.retry_after_ms.max(0),
        source_id: outcome.sent.as_ref().map(|sent| sent.source_id.clone()).unwrap_or_default(),
    };
    let (id, attempt) = (id.to_string(), attempt.to_string());
    let parts = [desk.as_str(), "report", id.as_str(), attempt.as_str(), by].map(str::as_bytes);
    let key = Bytes::copy_from_slice(&keyer.key(Purpose::Idempotency, &parts));
    v1::Input { key, body: Some(Body::Report(report)), ..Default::default() }
}

/// The attempts whose reports stand in a record.
pub(crate) fn reported(record: &v1::InputRecord) -> impl Iterator<Item = (Id, u32)> {
    record.inputs.iter().filter_map(|input| match &input.body {
        Some(Body::Report(report)) => Some((Id::of(report.delivery.as_ref())?, report.attempt)),
        _ => None,
    })
}

fn sent_key(keyer: &Keyer, sent: &crate::sender::Sent) -> Bytes {
    Bytes::copy_from_slice(&keyer.thread(sent.channel, &sent.found_by))
}

/// A case that goes to another desk.
pub(crate) fn handover(keyer: &Keyer, handover: v1::Handover) -> v1::Input {
    let (seq, index) = (handover.seq.to_be_bytes(), handover.index.to_be_bytes());
    let parts: [&[u8]; 4] = [b"handover", handover.desk.as_bytes(), &seq, &index];
    let key = Bytes::copy_from_slice(&keyer.key(Purpose::Idempotency, &parts));
    v1::Input { key, body: Some(Body::Handover(handover)), ..Default::default() }
}

/// A change of a message of such a case, after it went.
pub(crate) fn handover_change(keyer: &Keyer, change: v1::HandoverChange) -> v1::Input {
    let (seq, index) = (change.seq.to_be_bytes(), change.index.to_be_bytes());
    let parts: [&[u8]; 4] = [b"handover change", change.desk.as_bytes(), &seq, &index];
    let key = Bytes::copy_from_slice(&keyer.key(Purpose::Idempotency, &parts));
    v1::Input { key, body: Some(Body::HandoverChange(change)), ..Default::default() }
}

/// What a message of this desk is named by on a desk that has it from here.
pub(crate) fn handed_name(keyer: &Keyer, desk: &DeskName, ((seq, index), part): Part) -> Bytes {
    let (seq, index, part) = (seq.to_be_bytes(), index.to_be_bytes(), part.to_be_bytes());
    let parts: [&[u8]; 5] = [b"handed over", desk.as_str().as_bytes(), &seq, &index, &part];
    Bytes::copy_from_slice(&keyer.key(Purpose::Thread, &parts))
}

/// A case that can't go to another desk and comes back. A handover has one key, so that it fails once.
pub(crate) fn handover_failure(keyer: &Keyer, desk: &DeskName, failure: v1::HandoverFailure) -> v1::Input {
    let (seq, index) = (failure.seq.to_be_bytes(), failure.index.to_be_bytes());
    let parts: [&[u8]; 4] = [b"handover failure", desk.as_str().as_bytes(), &seq, &index];
    let key = Bytes::copy_from_slice(&keyer.key(Purpose::Idempotency, &parts));
    let reason = failure.reason.chars().take(DETAIL_CHARS).collect();
    let body = Body::HandoverFailure(v1::HandoverFailure { reason, ..failure });
    v1::Input { key, body: Some(body), ..Default::default() }
}
