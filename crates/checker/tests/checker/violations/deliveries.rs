//! Invariant 9.

use simpang_checker::Code;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::*;

use super::Break;
use crate::story::words::*;

const DELIVERED: i32 = DeliveryOutcome::Delivered as i32;
const RETRY: i32 = DeliveryOutcome::Retry as i32;
const UNKNOWN: i32 = DeliveryOutcome::Unknown as i32;

pub const ALL: &[Break] = &[
    (Code::DeliveryRepeated, "a delivery is queued twice", |t| {
        let it = delivery(t.reply.seq, 0, 0);
        after!(t.story, DeliveryQueued(e) if e.case == 1 => delivery_queued(1, it, DeliveryKind::Template));
    }),
    (Code::DeliveryRepeated, "a delivery is another input's", |t| {
        let it = delivery(t.reply.seq, 1, 0);
        edit!(t.story, DeliveryQueued(e) if e.case == 1 => e.delivery = Some(it));
    }),
    (Code::DeliveryRepeated, "a part is left out", |t| {
        let it = delivery(t.reply.seq, 0, 2);
        after!(t.story, DeliveryQueued(e) if e.case == 1 => delivery_queued(1, it, DeliveryKind::Template));
    }),
    (
        Code::DeliveryUnknown,
        "a delivery starts that was not queued",
        |t| remove!(t.story, DeliveryQueued(e) if e.case == 1),
    ),
    (Code::ReplyLost, "a reply is not queued", |t| remove!(t.story, DeliveryQueued(e) if e.case == 1)),
    (Code::ReplyLost, "a reply is queued twice", |t| {
        let it = delivery(t.reply.seq, 0, 1);
        after!(t.story, DeliveryQueued(e) if e.case == 1 => delivery_queued(1, it, DeliveryKind::Reply));
    }),
    (Code::AttemptNumber, "an attempt is left out", |t| {
        edit!(t.story, DeliveryStarted(e) if e.attempt == 2 => e.attempt = 3);
    }),
    (
        Code::AttemptOpen,
        "an attempt starts while one is open",
        |t| remove!(t.story, DeliveryEnded(e) if e.outcome == RETRY),
    ),
    (Code::ClaimerAmiss, "another gets it than who claimed", |t| {
        edit!(t.story, DeliveryStarted(e) if e.attempt == 2 => e.deliverer = "deliver@b/1".into());
    }),
    (Code::RetryEarly, "a retry starts before it is due", |t| {
        edit!(t.story, DeliveryEnded(e) if e.outcome == RETRY => e.not_before_ms += 60_000);
    }),
    (Code::EndedAmiss, "an attempt ends that did not start", |t| {
        edit!(t.story, DeliveryEnded(e) if e.outcome == DELIVERED => e.attempt = 1);
    }),
    (Code::EndedAmiss, "an attempt ends without an outcome", |t| {
        edit!(t.story, DeliveryEnded(e) if e.outcome == UNKNOWN => e.outcome = 0);
    }),
    (Code::SecondOutcome, "a delivery ends twice", |t| {
        let again = ended(1, delivery(t.reply.seq, 0, 0), 2, DeliveryOutcome::Refused, 0);
        after!(t.story, DeliveryEnded(e) if e.outcome == DELIVERED => again);
    }),
    (Code::SecondOutcome, "a delivery starts again after its end", |t| {
        edit!(t.story, DeliveryEnded(e) if e.outcome == RETRY => e.outcome = UNKNOWN);
    }),
    (
        Code::Undelivered,
        "a delivery has no end",
        |t| remove!(t.story, DeliveryEnded(e) if e.outcome == DELIVERED),
    ),
    (Code::ReceivedUnstarted, "a send is received that was not started", |t| {
        t.story.journals.received.as_mut().unwrap()[0].delivery.part = 7;
    }),
    (Code::ReceivedUnstarted, "an attempt is received that was not started", |t| {
        t.story.journals.received.as_mut().unwrap()[0].attempt = 3;
    }),
    (Code::ReceivedTwice, "a retried send had arrived", |t| {
        let received = t.story.journals.received.as_mut().unwrap();
        let mut first = received[0].clone();
        first.attempt = 1;
        received.push(first);
    }),
    (Code::DeliveredUnreceived, "what was delivered was not received", |t| {
        t.story.journals.received.as_mut().unwrap().clear();
    }),
];
