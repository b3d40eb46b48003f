//! Invariant 9: every reply has exactly one final outcome and at most one accepted send, and receivers got what the log
//! says they got.

use std::collections::{BTreeMap, HashMap};

use simpang_proto::log::v1::{self, DeliveryKind, DeliveryOutcome, event::Body};

use crate::arrived::{Arrived, Ask, Kind};
use crate::report::Findings;
use crate::{Code, DeliveryId, InputId, Journals, ReceivedEntry};

/// A delivery.
#[derive(Debug)]
struct Delivery {
    channel: i32,
    kind: DeliveryKind,
    /// Attempts started.
    attempts: u32,
    open: bool,
    /// A retry is not due before, ms since 1970 UTC.
    not_before_ms: i64,
    outcome: Option<DeliveryOutcome>,
}

/// All deliveries.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    all: HashMap<DeliveryId, Delivery>,
    /// Deliveries of the input that is being looked at.
    parts: Option<(InputId, u32)>,
}

impl Deliveries {
    /// Checks and folds an event.
    pub(crate) fn event(
        &mut self,
        event: &v1::Event,
        body: &Body,
        cause: Option<&mut Arrived>,
        found: &mut Findings,
    ) {
        match body {
            Body::DeliveryQueued(e) => self.queued(e, cause, found),
            Body::DeliveryStarted(e) => self.started(e, event.at_ms, cause.as_deref(), found),
            Body::DeliveryEnded(e) => self.ended(e, found),
            _ => {}
        }
    }

    fn queued(&mut self, event: &v1::DeliveryQueued, cause: Option<&mut Arrived>, found: &mut Findings) {
        found.counts.deliveries += 1;
        let id = DeliveryId::of(event.delivery);
        let part = self.parts.filter(|(input, _)| *input == id.input()).map_or(0, |(_, next)| next);
        self.parts = Some((id.input(), id.part + 1));
        let own = cause.as_ref().is_some_and(|c| c.id == id.input()) && id.part == part;
        if event.kind() == DeliveryKind::Reply {
            cause.into_iter().for_each(|c| c.trace.replies += 1);
        }
        let delivery = Delivery {
            channel: event.channel,
            kind: event.kind(),
            attempts: 0,
            open: false,
            not_before_ms: i64::MIN,
            outcome: None,
        };
        if self.all.contains_key(&id) || !own {
            found.broken(
                Code::DeliveryRepeated,
                format_args!("delivery {id} is not the next one of its input"),
            );
        }
        self.all.entry(id).or_insert(delivery);
    }

    fn started(
        &mut self,
        event: &v1::DeliveryStarted,
        at_ms: i64,
        cause: Option<&Arrived>,
        found: &mut Findings,
    ) {
        let id = DeliveryId::of(event.delivery);
        let Some(delivery) = self.all.get_mut(&id) else { return unknown(id, found) };
        let next = delivery.attempts + 1;
        if event.attempt != next {
            let attempt = event.attempt;
            found.broken(
                Code::AttemptNumber,
                format_args!("attempt {attempt} of delivery {id}, expected {next}"),
            );
        }
        if delivery.open {
            found.broken(
                Code::AttemptOpen,
                format_args!("delivery {id} was started while an attempt is open"),
            );
        }
        if delivery.outcome.is_some() {
            found.broken(Code::SecondOutcome, format_args!("delivery {id} was started after its outcome"));
        }
        if at_ms < delivery.not_before_ms {
            let due_ms = delivery.not_before_ms;
            found.broken(
                Code::RetryEarly,
                format_args!("delivery {id} was due at {due_ms} ms, started at {at_ms} ms"),
            );
        }
        delivery.attempts = next;
        delivery.open = true;
        let asked = cause.is_some_and(|c| match &c.kind {
            Kind::Claim { delivery, deliverer } => *delivery == id && *deliverer == event.deliverer,
            _ => false,
        });
        if !asked {
            let who = &event.deliverer;
            found.broken(
                Code::ClaimerAmiss,
                format_args!("delivery {id} went to {who}, who did not claim it here"),
            );
        }
    }

    fn ended(&mut self, event: &v1::DeliveryEnded, found: &mut Findings) {
        let id = DeliveryId::of(event.delivery);
        let Some(delivery) = self.all.get_mut(&id) else { return unknown(id, found) };
        let outcome = event.outcome();
        if delivery.outcome.is_some() {
            found.broken(
                Code::SecondOutcome,
                format_args!("delivery {id} ended again, {}", outcome.as_str_name()),
            );
            return;
        }
        if !delivery.open || event.attempt != delivery.attempts || outcome == DeliveryOutcome::Unspecified {
            let attempt = event.attempt;
            found.broken(Code::EndedAmiss, format_args!("attempt {attempt} of delivery {id} is not open"));
        }
        delivery.open = false;
        match outcome {
            DeliveryOutcome::Retry => delivery.not_before_ms = event.not_before_ms,
            final_one => delivery.outcome = Some(final_one),
        }
        found.counts.delivered += u64::from(outcome == DeliveryOutcome::Delivered);
    }

    /// At the end of an input: a reply that was not refused is queued once.
    pub(crate) fn judged(input: &Arrived, found: &mut Findings) {
        let Kind::Command(command) = &input.kind else { return };
        let (id, replies) = (input.id, input.trace.replies);
        if matches!(command.ask, Ask::Reply) && input.trace.refusals == 0 && replies != 1 {
            found.broken(Code::ReplyLost, format_args!("the reply of input {id} was queued {replies} times"));
        }
    }

    /// At the end: outcomes, and what receivers got.
    pub(crate) fn finish(&self, desk: &str, journals: &Journals, quiescent: bool, found: &mut Findings) {
        if quiescent {
            self.all_ended(found);
        }
        let Some(received) = &journals.received else { return };
        let mut got: BTreeMap<(DeliveryId, u32), u32> = BTreeMap::new();
        for entry in received.iter().filter(|e| e.desk.is_empty() || e.desk == desk) {
            found.counts.received += 1;
            self.was_started(entry, found);
            *got.entry((entry.delivery, entry.piece)).or_default() += 1;
        }
        for ((id, _), times) in got.iter().filter(|(_, times)| **times > 1) {
            let unknown = self.all.get(id).is_some_and(|d| d.outcome == Some(DeliveryOutcome::Unknown));
            if !unknown {
                found.broken_at(
                    Code::ReceivedTwice,
                    id.seq,
                    format_args!("delivery {id} was received {times} times"),
                );
            }
        }
        self.all_received(&got, &journals.received_channels, found);
    }

    fn all_ended(&self, found: &mut Findings) {
        let mut open: Vec<_> =
            self.all.iter().filter(|(_, d)| d.outcome.is_none()).map(|(id, _)| *id).collect();
        open.sort_unstable();
        for id in open {
            found.broken_at(Code::Undelivered, id.seq, format_args!("delivery {id} has no final outcome"));
        }
    }

    fn was_started(&self, entry: &ReceivedEntry, found: &mut Findings) {
        let started = self.all.get(&entry.delivery).map_or(0, |d| d.attempts);
        if started == 0 || entry.attempt > started {
            let (id, attempt, wire_id) = (entry.delivery, entry.attempt, &entry.wire_id);
            found.broken_at(
                Code::ReceivedUnstarted,
                id.seq,
                format_args!(
                    "{wire_id}: attempt {attempt} of delivery {id} was received, {started} were started"
                ),
            );
        }
    }

    fn all_received(
        &self,
        got: &BTreeMap<(DeliveryId, u32), u32>,
        channels: &[String],
        found: &mut Findings,
    ) {
        let arrived = |id: DeliveryId| got.range((id, 0)..=(id, u32::MAX)).next().is_some();
        let expected = |d: &Delivery| {
            let sent = d.outcome == Some(DeliveryOutcome::Delivered) && d.kind != DeliveryKind::Notification;
            sent && channels.iter().any(|name| name == channel_name(d.channel))
        };
        let missing = self.all.iter().filter(|(id, d)| expected(d) && !arrived(**id));
        let mut missing: Vec<DeliveryId> = missing.map(|(id, _)| *id).collect();
        missing.sort_unstable();
        for id in missing {
            found.broken_at(
                Code::DeliveredUnreceived,
                id.seq,
                format_args!("delivery {id} is recorded as delivered and was not received"),
            );
        }
    }
}

fn unknown(id: DeliveryId, found: &mut Findings) {
    found.broken(Code::DeliveryUnknown, format_args!("delivery {id} was never queued"));
}

/// A channel as journals name it.
fn channel_name(channel: i32) -> &'static str {
    match v1::Channel::try_from(channel) {
        Ok(v1::Channel::Email) => "email",
        Ok(v1::Channel::X) => "x",
        Ok(v1::Channel::Facebook) => "facebook",
        Ok(v1::Channel::Call) => "call",
        Ok(v1::Channel::Other) => "other",
        Ok(v1::Channel::Unspecified) | Err(_) => "unspecified",
    }
}
