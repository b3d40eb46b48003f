//! An input between its arrival and its judging, without the content that no check needs.

use prost::Message as _;
use sha2::{Digest, Sha256};
use simpang_proto::log::v1::event::Body as Event;
use simpang_proto::log::v1::{self, command, input};

use crate::{DeliveryId, InputId};

/// An input that has arrived.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) id: InputId,
    /// The broker's time, never earlier than of the input before: what the core calls now.
    pub(crate) now_ms: i64,
    /// Idempotency key; `None` where a repeat does no harm.
    pub(crate) key: Option<Key>,
    pub(crate) kind: Kind,
    /// Which event answers it, where one must unless it is refused.
    pub(crate) answer: Option<Answer>,
    pub(crate) trace: Trace,
}

/// Whether an event is the answer to an input.
pub(crate) type Answer = fn(&Event) -> bool;

/// An idempotency key.
pub(crate) type Key = [u8; 16];

/// A keyed hash of a telephone number.
pub(crate) type Number = [u8; 16];

/// What an input is.
#[derive(Debug)]
pub(crate) enum Kind {
    Message,
    /// Its numbers.
    Contact(Vec<Number>),
    Command(Box<Command>),
    Claim {
        delivery: DeliveryId,
        deliverer: String,
    },
    Agent(Box<AgentRecord>),
    Policy {
        version: u64,
        digest: [u8; 32],
        document: Box<v1::PolicyDocument>,
    },
    Handover {
        desk: String,
        at: (u64, u32),
        /// What each of its messages is named by.
        names: Vec<Key>,
    },
    HandoverFailure,
    HandoverChange {
        desk: String,
        at: (u64, u32),
        /// What the handover named the message by; none: the change names it by its source.
        message: Option<Key>,
    },
    /// The message that was read again.
    Reread(InputId),
    Suppression {
        numbers: Vec<Number>,
        lifted: bool,
    },
    Other,
}

/// What a person asked.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) principal: String,
    pub(crate) ask: Ask,
}

/// As much of a command as checks read.
#[derive(Debug)]
pub(crate) enum Ask {
    SignIn { ready: bool, auto: bool },
    SetPresence { limit: Option<SessionLimit> },
    Pull { count: u32, queues: Vec<String> },
    Reply,
    ReportFault { product: Vec<u8> },
    Other,
}

/// The event that a command asks for; none where it may rightly change nothing.
fn command_answer(body: &command::Body) -> Option<Answer> {
    use command::Body as Ask;
    let answer: Answer = match body {
        Ask::SignIn(_) => |e| matches!(e, Event::AgentSignedIn(_)),
        Ask::SetPresence(_) => |e| matches!(e, Event::AgentPresenceChanged(_)),
        Ask::Decline(_) => |e| matches!(e, Event::OfferEnded(_)),
        Ask::Classify(_) => |e| matches!(e, Event::CaseCategorised(_)),
        Ask::Identify(_) => |e| matches!(e, Event::CaseIdentified(_)),
        Ask::Note(_) => |e| matches!(e, Event::NoteAdded(_)),
        Ask::Disposition(_) => |e| matches!(e, Event::DispositionRecorded(_)),
        Ask::Schedule(_) => |e| matches!(e, Event::CaseScheduled(_)),
        Ask::Wait(_) => |e| matches!(e, Event::CaseParked(_)),
        Ask::Escalate(_) => |e| matches!(e, Event::CaseEscalated(_)),
        Ask::TakeOver(_) => |e| matches!(e, Event::CaseAssigned(_)),
        Ask::Merge(_) => |e| matches!(e, Event::CaseMerged(_)),
        Ask::Split(_) => |e| matches!(e, Event::CaseSplit(_)),
        Ask::MarkSpam(_) | Ask::Close(_) => |e| matches!(e, Event::CaseClosed(_)),
        Ask::Resolve(_) => |e| matches!(e, Event::CaseResolved(_)),
        Ask::Reopen(_) => |e| matches!(e, Event::CaseReopened(_)),
        Ask::LinkReference(_) => |e| matches!(e, Event::ReferenceLinked(_)),
        Ask::ReportFault(_) => |e| matches!(e, Event::FaultReported(_)),
        Ask::Follow(_) => |e| matches!(e, Event::CaseFollowed(_)),
        Ask::Unfollow(_) => |e| matches!(e, Event::CaseUnfollowed(_)),
        Ask::Release(_) => |e| matches!(e, Event::CaseUnassigned(_) | Event::OfferEnded(_)),
        Ask::Reply(_) => |e| matches!(e, Event::DeliveryQueued(_)),
        Ask::SignOut(_)
        | Ask::Pull(_)
        | Ask::CancelPull(_)
        | Ask::Accept(_)
        | Ask::Transfer(_)
        | Ask::SetPriority(_) => return None,
    };
    Some(answer)
}

/// The event that answers an input. Messages, contacts and policies have rules of their own.
fn answer(body: Option<&input::Body>) -> Option<Answer> {
    match body {
        None => Some(|_| false),
        Some(input::Body::Command(c)) => c.body.as_ref().map_or(Some(|_| false), command_answer),
        Some(input::Body::Agent(_)) => Some(|e| matches!(e, Event::AgentChanged(_))),
        Some(input::Body::Claim(_)) => {
            Some(|e| matches!(e, Event::DeliveryStarted(_) | Event::ClaimRefused(_)))
        }
        Some(input::Body::Report(_)) => Some(|e| matches!(e, Event::DeliveryEnded(_))),
        Some(input::Body::HandoverFailure(_)) => Some(|e| matches!(e, Event::HandoverFailed(_))),
        Some(input::Body::HandoverChange(c)) => Some(match c.change() {
            v1::MessageChange::Edited => |e| matches!(e, Event::MessageEdited(_)),
            v1::MessageChange::Removed => |e| matches!(e, Event::MessageRemoved(_)),
            v1::MessageChange::Reread => |e| matches!(e, Event::MessageReread(_)),
            v1::MessageChange::Unspecified => |_| false,
        }),
        Some(input::Body::Suppression(_)) => Some(|e| matches!(e, Event::NumbersSuppressed(_))),
        Some(input::Body::ReferenceReport(_)) => Some(|e| matches!(e, Event::ReferenceLinked(_))),
        Some(input::Body::Reread(_)) => Some(|e| matches!(e, Event::MessageReread(_))),
        Some(_) => None,
    }
}

/// As much of an agent's record as checks read.
#[derive(Debug)]
pub(crate) struct AgentRecord {
    pub(crate) agent: String,
    pub(crate) skills: Vec<String>,
    pub(crate) capacities: Vec<(i32, u32)>,
}

/// What an agent takes at once by their own word.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionLimit {
    /// Over all channels.
    pub(crate) total: Option<u32>,
    /// Of single channels.
    pub(crate) channels: Vec<(i32, u32)>,
}

/// What followed from an input so far.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Times it joined a case as itself, and the case of the last time.
    pub(crate) joined: u32,
    pub(crate) joined_case: u64,
    /// Cases it opened otherwise than by a split, and the last of them.
    pub(crate) opened: u32,
    pub(crate) opened_case: u64,
    /// The input that it was said to repeat.
    pub(crate) repeats: Option<InputId>,
    /// Earlier messages it edited or withdrew.
    pub(crate) changed: u32,
    /// Events that answer it.
    pub(crate) answers: u32,
    /// Times it was known as a repeat, set aside, or rejected.
    pub(crate) refusals: u32,
    /// The desk could not take it then, or could not read it; it may come again under its key.
    pub(crate) passing: bool,
    /// Policies applied or refused.
    pub(crate) policies: u32,
    /// Replies queued.
    pub(crate) replies: u32,
}

/// Reads an input record. What can't be read counts as one input that says nothing, as the router sees it.
pub(crate) fn read_record(seq: u64, now_ms: i64, record: Option<v1::InputRecord>) -> Vec<Arrived> {
    let mut inputs = record.map(|r| r.inputs).unwrap_or_default();
    if inputs.is_empty() {
        inputs.push(v1::Input::default());
    }
    (0..).zip(inputs).map(|(index, input)| read_input(InputId { seq, index }, now_ms, input)).collect()
}

fn read_input(id: InputId, now_ms: i64, input: v1::Input) -> Arrived {
    let key = read_key(&input.key);
    let answer = answer(input.body.as_ref());
    Arrived {
        id,
        now_ms,
        key,
        kind: input.body.map_or(Kind::Other, read_kind),
        answer,
        trace: Trace::default(),
    }
}

fn read_key(bytes: &prost::bytes::Bytes) -> Option<Key> {
    Key::try_from(bytes.as_ref()).ok()
}

fn read_kind(body: input::Body) -> Kind {
    match body {
        input::Body::Message(_) => Kind::Message,
        input::Body::Contact(c) => Kind::Contact(read_numbers(c.numbers.iter().chain([&c.author]))),
        input::Body::Command(c) => Kind::Command(Box::new(read_command(c))),
        input::Body::Claim(c) => Kind::Claim { delivery: DeliveryId::of(c.delivery), deliverer: c.deliverer },
        input::Body::Agent(a) => Kind::Agent(Box::new(read_agent(a))),
        input::Body::Policy(p) => {
            Kind::Policy { version: p.version, digest: digest_policy(&p), document: Box::new(p) }
        }
        input::Body::Handover(h) => {
            let name = |m: &v1::Message| m.provides.last().and_then(read_key).unwrap_or_default();
            Kind::Handover {
                names: h.messages.iter().map(name).collect(),
                desk: h.desk,
                at: (h.seq, h.index),
            }
        }
        input::Body::HandoverFailure(_) => Kind::HandoverFailure,
        input::Body::HandoverChange(c) => {
            let source = c.says.as_ref().map(|says| &says.source);
            let message = read_key(&c.message).filter(|_| source != Some(&c.message));
            Kind::HandoverChange { message, desk: c.desk, at: (c.seq, c.index) }
        }
        input::Body::Reread(r) => Kind::Reread(InputId::from(r.message.unwrap_or_default())),
        input::Body::Suppression(s) => {
            Kind::Suppression { numbers: read_numbers(s.numbers.iter()), lifted: s.lifted }
        }
        input::Body::Report(_)
        | input::Body::ReferenceReport(_)
        | input::Body::Tick(_)
        | input::Body::Heartbeat(_) => Kind::Other,
    }
}

/// Keyed hashes of numbers; what is none is passed over.
fn read_numbers<'a>(numbers: impl Iterator<Item = &'a prost::bytes::Bytes>) -> Vec<Number> {
    numbers.filter_map(|number| Number::try_from(number.as_ref()).ok()).collect()
}

fn read_command(command: v1::Command) -> Command {
    let ask = match command.body {
        Some(command::Body::SignIn(s)) => Ask::SignIn { ready: s.ready, auto: s.auto },
        Some(command::Body::SetPresence(s)) => Ask::SetPresence { limit: s.limit.as_ref().map(read_limit) },
        Some(command::Body::Pull(p)) => Ask::Pull { count: p.count, queues: p.queues },
        Some(command::Body::Reply(_)) => Ask::Reply,
        Some(command::Body::ReportFault(r)) => Ask::ReportFault { product: r.product.to_vec() },
        _ => Ask::Other,
    };
    Command { principal: command.principal, ask }
}

fn read_limit(limit: &v1::SessionLimit) -> SessionLimit {
    let channels = limit.channels.iter().map(|of| (of.channel, of.limit)).collect();
    SessionLimit { total: limit.total, channels }
}

fn read_agent(record: v1::AgentRecord) -> AgentRecord {
    AgentRecord {
        agent: record.agent,
        skills: record.skills.into_iter().filter(|s| s.level > 0).map(|s| s.name).collect(),
        capacities: record.capacities.iter().map(|c| (c.channel, c.limit)).collect(),
    }
}

/// The digest of a policy as `PolicyApplied` documents it.
fn digest_policy(policy: &v1::PolicyDocument) -> [u8; 32] {
    let mut hash = Sha256::new();
    for file in &policy.files {
        for text in [&file.path, &file.text] {
            hash.update(length(text.len()));
            hash.update(text);
        }
    }
    hash.finalize().into()
}

/// A length in 4 bytes, big endian.
pub(crate) fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

/// Decodes an input record; `None` when its bytes are none, or when it states no layout.
pub(crate) fn decode_record(payload: &prost::bytes::Bytes) -> Option<v1::InputRecord> {
    v1::InputRecord::decode(payload.clone()).ok().filter(|record| record.schema > 0)
}
