//! Inputs: protobuf to domain. Infallible, since every input leaves a trace: one that is malformed, or came by a door
//! that may not bring it, is read as `Body::Unreadable` with a reason that names fields and positions but no value.
//!
//! Only form is checked here (lengths, numbers, order, what each door brings). Whether a case, queue or agent exists
//! and who may do what is the core's to say.

use simpang_domain::facts::Customer;
use simpang_domain::input::{
    AgentRecord, Body, Contact, DeliveryClaim, DeliveryReport, Handover, HandoverChange, HandoverFailure,
    Heartbeat, Input, Message, PolicyVersion, ReferenceReport, Reread, Suppression,
};
use simpang_domain::words::{CaseId, Channel, InputId, MessageChange, Millis, Visibility};
use simpang_proto::log::v1;
use simpang_proto::log::v1::input::Body as Wire;

use crate::command;
use crate::common::{ascending, customer, delivery_id, facts, fits, key, keys, optional_word, word};
use crate::error::ReadError;
use crate::names::Names;

/// Which service wrote an input; the subject of its record says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Channels and lists.
    Ingest,
    /// Agents, leads, administrators.
    Gateway,
    /// Deliverers.
    Deliver,
    /// The router's own clock.
    Router,
}

impl Door {
    /// All doors.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Gateway, Self::Deliver, Self::Router];

    /// Its token in a subject.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Gateway => "gateway",
            Self::Deliver => "deliver",
            Self::Router => "router",
        }
    }

    /// The door of a subject's token.
    #[must_use]
    pub fn of_str(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|door| door.as_str() == token)
    }

    /// Whether this door may bring such an input.
    fn brings(self, body: &Wire) -> bool {
        match body {
            Wire::Message(_) | Wire::Contact(_) | Wire::ReferenceReport(_) | Wire::Reread(_) => {
                self == Self::Ingest
            }
            Wire::Suppression(_) => matches!(self, Self::Ingest | Self::Gateway),
            Wire::Command(_) | Wire::Agent(_) | Wire::Policy(_) | Wire::Heartbeat(_) => self == Self::Gateway,
            Wire::Claim(_) | Wire::Report(_) | Wire::HandoverFailure(_) | Wire::HandoverChange(_) => {
                self == Self::Deliver
            }
            Wire::Handover(_) => matches!(self, Self::Ingest | Self::Deliver),
            Wire::Tick(_) => self == Self::Router,
        }
    }
}

/// Reads an input. `compile` is called for a policy, and only if everything else about the input is well.
pub fn read(
    id: InputId,
    at: Millis,
    door: Door,
    input: &v1::Input,
    compile: impl FnOnce(&v1::PolicyDocument) -> PolicyVersion,
) -> Input {
    read_with(&mut Names::unshared(), id, at, door, input, compile)
}

/// Reads an input as [`read`] does, with names made once.
pub fn read_with(
    names: &mut Names,
    id: InputId,
    at: Millis,
    door: Door,
    input: &v1::Input,
    compile: impl FnOnce(&v1::PolicyDocument) -> PolicyVersion,
) -> Input {
    let read = key(&input.key)
        .map_err(|what| ReadError::new("key", what))
        .and_then(|key| Ok((key, read_body(names, door, input.body.as_ref(), compile)?)));
    match read {
        Ok((key, body)) => Input { id, at, key, body },
        Err(error) => Input { id, at, key: None, body: Body::Unreadable(error.to_string().into()) },
    }
}

fn read_body(
    names: &mut Names,
    door: Door,
    body: Option<&Wire>,
    compile: impl FnOnce(&v1::PolicyDocument) -> PolicyVersion,
) -> Result<Body, ReadError> {
    let body = body
        .ok_or_else(|| ReadError::new("body", "there is none, or none of a kind that this program knows"))?;
    let kind = kind_of(body);
    if !door.brings(body) {
        return Err(ReadError::new(kind, format!("the door `{}` may not bring it", door.as_str())));
    }
    match body {
        Wire::Message(wire) => message(names, wire).map(Body::Message),
        Wire::Contact(wire) => contact(names, wire).map(Body::Contact),
        Wire::Command(wire) => command::read(names, wire).map(Body::Command),
        Wire::Claim(wire) => claim(names, wire).map(Body::Claim),
        Wire::Report(wire) => report(names, wire).map(Body::Report),
        Wire::Agent(wire) => agent(names, wire).map(Body::Agent),
        Wire::Policy(wire) => Ok(Body::Policy(compile(wire))),
        Wire::Tick(v1::Tick {}) => Ok(Body::Tick),
        Wire::Heartbeat(wire) => heartbeat(names, wire).map(Body::Heartbeat),
        Wire::Handover(wire) => handover(names, wire).map(Body::Handover),
        Wire::HandoverFailure(wire) => handover_failure(names, wire).map(Body::HandoverFailure),
        Wire::HandoverChange(wire) => handover_change(names, wire).map(Body::HandoverChange),
        Wire::Suppression(wire) => suppression(wire).map(Body::Suppression),
        Wire::ReferenceReport(wire) => reference_report(names, wire).map(Body::ReferenceReport),
        Wire::Reread(wire) => reread(wire).map(Body::Reread),
    }
    .map_err(|error| error.within(kind))
}

fn kind_of(body: &Wire) -> &'static str {
    match body {
        Wire::Message(_) => "message",
        Wire::Contact(_) => "contact",
        Wire::Command(_) => "command",
        Wire::Claim(_) => "claim",
        Wire::Report(_) => "report",
        Wire::Agent(_) => "agent",
        Wire::Policy(_) => "policy",
        Wire::Tick(_) => "tick",
        Wire::Heartbeat(_) => "heartbeat",
        Wire::Handover(_) => "handover",
        Wire::HandoverFailure(_) => "handover_failure",
        Wire::HandoverChange(_) => "handover_change",
        Wire::Suppression(_) => "suppression",
        Wire::ReferenceReport(_) => "reference_report",
        Wire::Reread(_) => "reread",
    }
}

/// Names the field of an error that only says what is wrong.
pub(crate) fn field<T, E: Into<std::borrow::Cow<'static, str>>>(
    name: &'static str,
    value: Result<T, E>,
) -> Result<T, ReadError> {
    value.map_err(|what| ReadError::new(name, what))
}

/// Refuses an empty text.
pub(crate) fn given(name: &'static str, text: &str) -> Result<(), ReadError> {
    if text.is_empty() { Err(ReadError::new(name, "is empty")) } else { Ok(()) }
}

/// Refuses what does not hold.
pub(crate) fn check(holds: bool, name: &'static str, what: &'static str) -> Result<(), ReadError> {
    if holds { Ok(()) } else { Err(ReadError::new(name, what)) }
}

/// A customer where one may be.
pub(crate) fn optional_customer(
    names: &mut Names,
    wire: Option<&v1::Customer>,
) -> Result<Option<Customer>, ReadError> {
    wire.map(|wire| customer(names, wire).map_err(|error| error.within("customer"))).transpose()
}

fn message(names: &mut Names, wire: &v1::Message) -> Result<Message, ReadError> {
    given("account", &wire.account)?;
    Ok(Message {
        channel: field("channel", word(wire.channel))?,
        account: names.name(&wire.account),
        kind: field("kind", word(wire.kind))?,
        visibility: field("visibility", optional_word(wire.visibility))?.unwrap_or(Visibility::Private),
        source: field("source", key(&wire.source))?,
        joins: keys("joins", &wire.joins)?,
        provides: keys("provides", &wire.provides)?,
        signed_case: (wire.signed_case != 0).then_some(CaseId(wire.signed_case)),
        author: field("author", key(&wire.author))?,
        customer: optional_customer(names, wire.customer.as_ref())?,
        facts: facts(names, &wire.facts)?,
        automatic: wire.automatic,
    })
}

fn contact(names: &mut Names, wire: &v1::Contact) -> Result<Contact, ReadError> {
    given("campaign", &wire.campaign)?;
    Ok(Contact {
        campaign: names.name(&wire.campaign),
        author: field("author", key(&wire.author))?,
        customer: optional_customer(names, wire.customer.as_ref())?,
        criterion: names.optional(&wire.criterion),
        facts: facts(names, &wire.facts)?,
        waiting_since: (wire.waiting_since_ms != 0).then_some(wire.waiting_since_ms),
        zone: names.optional(&wire.zone),
        numbers: keys("numbers", &wire.numbers)?,
    })
}

/// Most numbers in one change of the do-not-call list.
const SUPPRESSED_MAX: usize = 1_000;

fn suppression(wire: &v1::Suppression) -> Result<Suppression, ReadError> {
    check((1..=SUPPRESSED_MAX).contains(&wire.numbers.len()), "numbers", "they are 1 to 1,000")?;
    check(fits(&wire.reason, 200), "reason", "it has at most 200 characters")?;
    Ok(Suppression { numbers: keys("numbers", &wire.numbers)?, lifted: wire.lifted })
}

fn reference_report(names: &mut Names, wire: &v1::ReferenceReport) -> Result<ReferenceReport, ReadError> {
    given("system", &wire.system)?;
    given("number", &wire.number)?;
    given("status", &wire.status)?;
    Ok(ReferenceReport {
        system: names.name(&wire.system),
        number: names.name(&wire.number),
        status: names.name(&wire.status),
    })
}

fn claim(names: &mut Names, wire: &v1::DeliveryClaim) -> Result<DeliveryClaim, ReadError> {
    given("deliverer", &wire.deliverer)?;
    Ok(DeliveryClaim {
        delivery: delivery_id(wire.delivery.as_ref())?,
        deliverer: names.name(&wire.deliverer),
    })
}

fn report(names: &mut Names, wire: &v1::DeliveryReport) -> Result<DeliveryReport, ReadError> {
    check(wire.attempt > 0, "attempt", "attempts count from 1")?;
    check(fits(&wire.detail, 500), "detail", "it has at most 500 characters")?;
    check(wire.retry_after_ms >= 0, "retry_after_ms", "it is not negative")?;
    Ok(DeliveryReport {
        delivery: delivery_id(wire.delivery.as_ref())?,
        attempt: wire.attempt,
        outcome: field("outcome", word(wire.outcome))?,
        detail: names.name(&wire.detail),
        source: field("source", key(&wire.source))?,
        retry_after_ms: wire.retry_after_ms,
    })
}

fn agent(names: &mut Names, wire: &v1::AgentRecord) -> Result<AgentRecord, ReadError> {
    check(is_agent_id(&wire.agent), "agent", "the id is not [a-z0-9][a-z0-9._-]{0,63}")?;
    let skill_names: Vec<&str> = wire.skills.iter().map(|skill| skill.name.as_str()).collect();
    check(ascending::<str>(&skill_names), "skills", "names have to be sorted and unique")?;
    check(wire.skills.iter().all(|skill| (1..=10).contains(&skill.level)), "skills", "levels are 1 to 10")?;
    check(ascending::<str>(&wire.groups), "groups", "they have to be sorted and unique")?;
    let roles = wire.roles.iter().map(|role| word(*role)).collect::<Result<_, _>>();
    Ok(AgentRecord {
        agent: names.name(&wire.agent),
        roles: field("roles", roles)?,
        skills: wire.skills.iter().map(|skill| (names.name(&skill.name), skill.level)).collect(),
        site: names.optional(&wire.site),
        groups: names.all(&wire.groups),
        since: (wire.since_ms != 0).then_some(wire.since_ms),
        qa_met: wire.qa_met.clone(),
        facts: facts(names, &wire.facts)?,
        capacities: capacities("capacities", &wire.capacities)?,
        inactive: wire.inactive,
    })
}

/// How many of each channel, each channel once.
pub(crate) fn capacities(name: &'static str, all: &[v1::Capacity]) -> Result<Vec<(Channel, u32)>, ReadError> {
    let mut read: Vec<(Channel, u32)> = Vec::with_capacity(all.len());
    for capacity in all {
        let channel = field(name, word(capacity.channel))?;
        check(capacity.limit <= 1_000, name, "limits are 0 to 1,000")?;
        check(read.iter().all(|(known, _)| *known != channel), name, "a channel stands there twice")?;
        read.push((channel, capacity.limit));
    }
    Ok(read)
}

/// `[a-z0-9][a-z0-9._-]{0,63}`
fn is_agent_id(id: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=64).contains(&id.len())
        && id.bytes().next().is_some_and(letter)
        && id.bytes().all(|b| letter(b) || matches!(b, b'.' | b'_' | b'-'))
}

fn heartbeat(names: &mut Names, wire: &v1::Heartbeat) -> Result<Heartbeat, ReadError> {
    given("gateway", &wire.gateway)?;
    Ok(Heartbeat { gateway: names.name(&wire.gateway), began: wire.began })
}

fn handover(names: &mut Names, wire: &v1::Handover) -> Result<Handover, ReadError> {
    given("desk", &wire.desk)?;
    check(wire.seq > 0, "seq", "sequences count from 1")?;
    check(!wire.messages.is_empty(), "messages", "there is none")?;
    let messages = wire.messages.iter().enumerate();
    let messages = messages
        .map(|(index, wire)| message(names, wire).map_err(|error| error.in_list("messages", index)))
        .collect::<Result<_, _>>()?;
    Ok(Handover { desk: names.name(&wire.desk), position: (wire.seq, wire.index), messages })
}

fn handover_failure(names: &mut Names, wire: &v1::HandoverFailure) -> Result<HandoverFailure, ReadError> {
    check(wire.case > 0, "case", "cases count from 1")?;
    given("desk", &wire.desk)?;
    check(fits(&wire.reason, 500), "reason", "it has at most 500 characters")?;
    Ok(HandoverFailure {
        case: CaseId(wire.case),
        desk: names.name(&wire.desk),
        reason: names.name(&wire.reason),
    })
}

fn handover_change(names: &mut Names, wire: &v1::HandoverChange) -> Result<HandoverChange, ReadError> {
    given("desk", &wire.desk)?;
    check(wire.seq > 0, "seq", "sequences count from 1")?;
    let change = field("change", word(wire.change))?;
    let says = wire.says.as_ref();
    check(says.is_some() || change == MessageChange::Removed, "says", "an edit or a rereading has it")?;
    let provides = says.filter(|_| change == MessageChange::Edited).map(|says| says.provides.as_slice());
    Ok(HandoverChange {
        desk: names.name(&wire.desk),
        position: (wire.seq, wire.index),
        message: field("message", key(&wire.message))?
            .ok_or_else(|| ReadError::new("message", "is not named"))?,
        change,
        provides: keys("provides", provides.unwrap_or_default())?,
    })
}

fn reread(wire: &v1::Reread) -> Result<Reread, ReadError> {
    check(wire.case > 0, "case", "cases count from 1")?;
    Ok(Reread {
        message: named("message", wire.message)?,
        part: wire.part,
        of: named("of", wire.of)?,
        case: CaseId(wire.case),
    })
}

/// An input that has to be named.
fn named(name: &'static str, wire: Option<v1::InputId>) -> Result<InputId, ReadError> {
    let id = wire.ok_or_else(|| ReadError::new(name, "is not named"))?;
    check(id.seq > 0, name, "sequences count from 1")?;
    Ok(InputId { seq: id.seq, index: id.index })
}
