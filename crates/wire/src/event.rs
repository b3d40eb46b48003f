//! Events: domain to protobuf and back, each the exact inverse of the other. One table says which field of the domain
//! stands where; `field` says how each type of field is written.
//!
//! A field or a kind that only one side knows does not compile.

use simpang_domain::event::{DeliveryQueued, Event, Happened};
use simpang_proto::log::v1;
use simpang_proto::log::v1::event::Body as Wire;

use crate::common::{input_id, write_input_id};
use crate::error::ReadError;
use crate::field::Field;
use crate::names::Names;

/// Writes an event.
#[must_use]
pub fn write(event: &Event) -> v1::Event {
    v1::Event {
        caused_by: Some(write_input_id(event.caused_by)),
        at_ms: event.at,
        body: Some(write_body(&event.body)),
    }
}

/// Reads an event.
///
/// # Errors
/// When a field is missing, has a number that this program does not know, or there is no body.
pub fn read(event: &v1::Event) -> Result<Event, ReadError> {
    read_with(&mut Names::unshared(), event)
}

/// Reads an event, with names made once.
///
/// # Errors
/// As [`read`].
pub fn read_with(names: &mut Names, event: &v1::Event) -> Result<Event, ReadError> {
    let caused_by = event.caused_by.as_ref().ok_or_else(|| ReadError::new("caused_by", "is missing"))?;
    let body = event
        .body
        .as_ref()
        .ok_or_else(|| ReadError::new("body", "there is none, or none of a kind that this program knows"))?;
    Ok(Event { caused_by: input_id(caused_by), at: event.at_ms, body: read_body(names, body)? })
}

/// Reads one field; an error says which field of which event.
fn take<P, D: Field<P>>(wire: &P, names: &mut Names, kind: &str, field: &str) -> Result<D, ReadError> {
    D::read(wire, names).map_err(|what| ReadError::new(field, what).within(kind))
}

/// Makes [`write_body`] and [`read_body`] of a table: each kind with its fields, those named alike on both sides
/// first, then `domain as protobuf`.
macro_rules! events {
    ($($kind:ident { $($same:ident),* $(; $($ours:ident as $theirs:ident),+)? })+) => {
        fn write_body(body: &Happened) -> Wire {
            match body {
                $(Happened::$kind { $($same,)* $($($ours,)+)? } => Wire::$kind(v1::$kind {
                    $($same: $same.write(),)*
                    $($($theirs: $ours.write(),)+)?
                }),)+
                Happened::DeliveryQueued(queued) => Wire::DeliveryQueued(write_queued(queued)),
            }
        }

        fn read_body(names: &mut Names, body: &Wire) -> Result<Happened, ReadError> {
            Ok(match body {
                $(Wire::$kind(v1::$kind { $($same,)* $($($theirs,)+)? }) => Happened::$kind {
                    $($same: take($same, names, stringify!($kind), stringify!($same))?,)*
                    $($($ours: take($theirs, names, stringify!($kind), stringify!($theirs))?,)+)?
                },)+
                Wire::DeliveryQueued(queued) => Happened::DeliveryQueued(Box::new(read_queued(names, queued)?)),
            })
        }
    };
}

events! {
    DeskTaken { writer, epoch, core_version }
    PolicyApplied { version, digest, cites }
    PolicyRefused { version, errors }
    InputDuplicated { of, case, was_rejected }
    InputRefused { reason }
    CommandRejected { principal, case, rejection, detail }

    AgentChanged { agent }
    AgentSignedIn { agent, session, gateway }
    AgentSignedOut { agent, session, reason }
    AgentPresenceChanged { agent, presence, reason, auto, limit; until as until_ms }
    PullWaiting { agent, count, queues, pull; expires as expires_ms }
    PullEnded { agent, pull, reason }
    AgentAdmitted { agent, admissions }

    CaseOpened { case, channel, account, campaign, follows, split_from; arrived as arrived_ms }
    MessageJoined { case, message, by, count, automatic }
    MessageEdited { case, message, part }
    MessageRemoved { case, message, part }
    MessageReread { case, message, part }
    CaseIdentified { case, customer, segment, agent }
    CaseCategorised { case, category, agent }
    CaseClassified { case, rule, occasion, segment, priority, queue, skills, sla, actions }
    CaseQueued { case, queue, skills; key as key_ms }
    CaseOffered { case, agent, explanation; expires as expires_ms }
    OfferEnded { case, agent, reason, cause }
    CaseAssigned { case, agent, by, explanation, pull }
    CaseUnassigned { case, agent, by }
    CaseParked { case, on }
    CaseResumed { case }
    CaseScheduled { case, keep_for; at as at_ms }
    CaseResolved { case, agent, outcome }
    CaseReopened { case, agent }
    CaseClosed { case, reason, agent }
    CaseForgotten { case }
    CaseEscalated { case, step, group, agent, cause }
    DutyCalled { case, group, called }
    CaseFollowed { case, agent, step }
    CaseUnfollowed { case, agent }
    CaseOverflowed { case, queue, to_queue, to_desk }
    CasePlacedLast { case, agent }
    CaseHandedOver { case, desk }
    HandoverFailed { case, desk, reason }
    CaseMerged { case, into }
    CaseSplit { case, into, messages }
    NoteAdded { case, agent }
    ReferenceLinked { case, system, number, status }
    FaultReported { case, agent, product, subject, facts, system, repeats }
    FaultEnded { case, product, reason }
    PriorityChanged { case, priority, agent }
    CaseWidened { case, step }

    DeliveryStarted { delivery, attempt, deliverer, case }
    DeliveryEnded { delivery, attempt, outcome, detail, case; not_before as not_before_ms }
    ClaimRefused { delivery, deliverer }

    DispositionRecorded { case, campaign, path, agent, attempt, contacted, answered, effects, dialled }
    NumbersSuppressed { count, lifted }
    SystemTaskDue { case, system, task }

    SlaStarted { case, clock, sla, target_ms, calendar; deadline as deadline_ms, from as from_ms }
    SlaPaused { case, clock, remaining_ms }
    SlaResumed { case, clock; deadline as deadline_ms }
    SlaMet { case, clock, elapsed_ms, late }
    SlaWarned { case, clock, percent }
    SlaBreached { case, clock; deadline as deadline_ms }
    SlaCancelled { case, clock }

    DayTurned { day }
}

fn write_queued(queued: &DeliveryQueued) -> v1::DeliveryQueued {
    let DeliveryQueued { delivery, case, kind, channel, account, to, reply, agent, template, target } =
        queued;
    v1::DeliveryQueued {
        delivery: delivery.write(),
        case: case.write(),
        kind: kind.write(),
        channel: channel.write(),
        account: account.write(),
        to: to.write(),
        reply: reply.write(),
        agent: agent.write(),
        template: template.write(),
        target: target.write(),
    }
}

fn read_queued(names: &mut Names, wire: &v1::DeliveryQueued) -> Result<DeliveryQueued, ReadError> {
    const KIND: &str = "DeliveryQueued";
    Ok(DeliveryQueued {
        delivery: take(&wire.delivery, names, KIND, "delivery")?,
        case: take(&wire.case, names, KIND, "case")?,
        kind: take(&wire.kind, names, KIND, "kind")?,
        channel: take(&wire.channel, names, KIND, "channel")?,
        account: take(&wire.account, names, KIND, "account")?,
        to: take(&wire.to, names, KIND, "to")?,
        reply: take(&wire.reply, names, KIND, "reply")?,
        agent: take(&wire.agent, names, KIND, "agent")?,
        template: take(&wire.template, names, KIND, "template")?,
        target: take(&wire.target, names, KIND, "target")?,
    })
}
