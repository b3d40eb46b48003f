//! What arrives: facts nobody has judged yet. The same as `proto/simpang/log/v1/input.proto`, without what decisions
//! never read (texts, names, addresses).

use crate::facts::{Customer, Facts};
use crate::stored::stored;
use crate::words::{
    AgentId, Answered, CaseId, Channel, DeliveryId, DeliveryOutcome, FieldShape, InputId, Key, MessageChange,
    MessageKind, Millis, Name, Presence, ReplyKind, Role, SessionLimit, Visibility, WaitingOn,
};

/// One thing that arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Its identity.
    pub id: InputId,
    /// The broker's time on its record.
    pub at: Millis,
    /// Idempotency key; none where a repeat does no harm.
    pub key: Option<Key>,
    /// What arrived.
    pub body: Body,
}

/// What arrived.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A customer's message.
    Message(Message),
    /// Somebody to be called.
    Contact(Contact),
    /// What a person asks.
    Command(Command),
    /// A deliverer asks to be the one that sends.
    Claim(DeliveryClaim),
    /// What became of a send.
    Report(DeliveryReport),
    /// An agent's record.
    Agent(AgentRecord),
    /// A policy, already compiled by the shell: what it is, or why it can't be used.
    Policy(PolicyVersion),
    /// Only the time.
    Tick,
    /// A gateway's sign of life.
    Heartbeat(Heartbeat),
    /// A case from another desk.
    Handover(Handover),
    /// A case that another desk can't get.
    HandoverFailure(HandoverFailure),
    /// A message of a case from another desk changed there afterwards.
    HandoverChange(HandoverChange),
    /// The do-not-call list changes.
    Suppression(Suppression),
    /// What another system says of a ticket.
    ReferenceReport(ReferenceReport),
    /// A message was read again.
    Reread(Reread),
    /// Could not be understood, or came by a door that may not bring it; why.
    Unreadable(Name),
}

/// A customer's message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Where it came from.
    pub channel: Channel,
    /// Our account.
    pub account: Name,
    /// What it is.
    pub kind: MessageKind,
    /// Who can read it.
    pub visibility: Visibility,
    /// The source's id of it.
    pub source: Option<Key>,
    /// Ids of earlier messages it belongs to, strongest first.
    pub joins: Vec<Key>,
    /// Ids by which later ones find its case.
    pub provides: Vec<Key>,
    /// A case it names under our own signature.
    pub signed_case: Option<CaseId>,
    /// Its sender.
    pub author: Option<Key>,
    /// What the directory knew of the sender.
    pub customer: Option<Customer>,
    /// What rules may read.
    pub facts: Facts,
    /// Written by a machine.
    pub automatic: bool,
}

/// Somebody to be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Campaign.
    pub campaign: Name,
    /// Who.
    pub author: Option<Key>,
    /// What the directory knew.
    pub customer: Option<Customer>,
    /// Entry criterion (A7).
    pub criterion: Option<Name>,
    /// What rules may read.
    pub facts: Facts,
    /// What orders the campaign's queue; none: when judged.
    pub waiting_since: Option<Millis>,
    /// Zone for call windows; none: the campaign's.
    pub zone: Option<Name>,
    /// All its numbers, best first; empty: only the author's.
    pub numbers: Vec<Key>,
}

/// Numbers that may no longer be called, or may be again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Which.
    pub numbers: Vec<Key>,
    /// They may be called again.
    pub lifted: bool,
}

/// What a person asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Who asks.
    pub principal: AgentId,
    /// Customer messages the sender had seen; 0: not stated.
    pub seen_messages: u32,
    /// The case; 0 for none.
    pub case: CaseId,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Begin to work.
    SignIn {
        /// Session.
        session: Name,
        /// Gateway that holds it.
        gateway: Name,
        /// Begin ready.
        ready: bool,
        /// Be offered cases without asking.
        auto: bool,
    },
    /// End work.
    SignOut {
        /// Which session; none: whichever there is.
        session: Option<Name>,
    },
    /// Ready, not ready, after work.
    SetPresence {
        /// New presence.
        presence: Presence,
        /// Why.
        reason: Name,
        /// Be offered cases without asking.
        auto: bool,
        /// What they take at once from here on; none: as it was.
        limit: Option<SessionLimit>,
    },
    /// Ask for cases.
    Pull {
        /// How many.
        count: u32,
        /// How long to wait, ms.
        wait_ms: i64,
        /// Only from these queues; empty: all.
        queues: Vec<Name>,
    },
    /// Stop waiting.
    CancelPull {
        /// Which pull; none: whichever waits.
        pull: Option<InputId>,
    },
    /// Take an offered case.
    Accept,
    /// Refuse an offered case.
    Decline {
        /// Why.
        reason: Name,
    },
    /// Set what it is about.
    Classify {
        /// Category path; empty: unchanged.
        category: Vec<Name>,
        /// Facts to set.
        facts: Facts,
    },
    /// Say who the customer is.
    Identify {
        /// Who.
        customer: Customer,
    },
    /// A note.
    Note {
        /// Coaching rather than work (D5).
        coaching: bool,
    },
    /// Answer the customer.
    Reply {
        /// How it goes out.
        kind: ReplyKind,
        /// The message it answers; none: the latest.
        to: Option<InputId>,
        /// Category of this answer (F8); empty: the case's.
        category: Vec<Name>,
        /// Also resolve when accepted.
        resolve: bool,
    },
    /// A call's outcome.
    Disposition {
        /// From the top of the tree down.
        path: Vec<Name>,
        /// Form fields that are filled in.
        filled: Vec<Name>,
        /// When to call again.
        again_at: Option<Millis>,
        /// Who answered.
        answered: Option<Answered>,
        /// Which of the contact's numbers was dialled, from 1; 0: not said.
        dialled: u32,
    },
    /// Come back to it.
    Schedule {
        /// When.
        at: Millis,
        /// To whoever holds it now.
        keep_owner: bool,
    },
    /// Wait for somebody.
    Wait {
        /// For whom.
        on: WaitingOn,
    },
    /// Ask for help above.
    Escalate {
        /// Step; none: the first.
        step: Option<Name>,
    },
    /// Give to somebody else.
    Transfer {
        /// To whom.
        to: TransferTo,
    },
    /// Take from another.
    TakeOver,
    /// Join into another case.
    Merge {
        /// The one that goes on.
        into: CaseId,
    },
    /// Take messages out into a new case.
    Split {
        /// Which.
        messages: Vec<InputId>,
    },
    /// Not a customer's matter.
    MarkSpam,
    /// Solved.
    Resolve {
        /// Outcome.
        outcome: Name,
    },
    /// Not solved after all.
    Reopen,
    /// Finished.
    Close,
    /// A ticket in another system.
    LinkReference {
        /// System.
        system: Name,
        /// Number.
        number: Name,
        /// Status.
        status: Name,
    },
    /// A fault of a product (G).
    ReportFault(Box<FaultReport>),
    /// Another priority.
    SetPriority {
        /// Which.
        priority: Name,
    },
    /// Back to its queue.
    Release,
    /// Be told of everything on it to its end.
    Follow,
    /// No longer.
    Unfollow,
}

/// A fault report as an agent makes it, without what names somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultReport {
    /// The product.
    pub product: Option<Key>,
    /// Fields that are filled in and what their values look like, sorted by name.
    pub filled: Vec<(Name, Vec<FieldShape>)>,
    /// Choices with their values, sorted by name.
    pub choices: Vec<(Name, Name)>,
    /// The case whose open report it repeats.
    pub repeats: Option<CaseId>,
}

/// What another system says of a ticket of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceReport {
    /// System.
    pub system: Name,
    /// Number.
    pub number: Name,
    /// Status.
    pub status: Name,
}

/// To whom a case is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferTo {
    /// This queue, behind what waits there already.
    EndOf(Name),
    /// A queue.
    Queue(Name),
    /// An agent.
    Agent(AgentId),
    /// Another desk.
    Desk(Name),
    /// None or several were named.
    Unclear,
}

/// A deliverer asks to be the one that sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryClaim {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// Who asks.
    pub deliverer: Name,
}

/// What became of a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// Which attempt.
    pub attempt: u32,
    /// What became of it.
    pub outcome: DeliveryOutcome,
    /// What the channel answered.
    pub detail: Name,
    /// The channel's id of what was sent.
    pub source: Option<Key>,
    /// For a retry: not before this many ms.
    pub retry_after_ms: i64,
}

/// An agent's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRecord {
    /// Id.
    pub agent: AgentId,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Skills with their levels, sorted by name.
    pub skills: Vec<(Name, u32)>,
    /// Site (E3).
    pub site: Option<Name>,
    /// Groups, sorted.
    pub groups: Vec<Name>,
    /// Since when they work here.
    pub since: Option<Millis>,
    /// QA score met, by month, newest first (J6).
    pub qa_met: Vec<bool>,
    /// Further facts.
    pub facts: Facts,
    /// Most of each channel at once.
    pub capacities: Vec<(Channel, u32)>,
    /// No longer works here.
    pub inactive: bool,
}

stored!(struct AgentRecord {
    agent, roles, skills, site, groups, since, qa_met, facts, capacities, inactive,
});

impl AgentRecord {
    /// Their level in a skill; 0: they lack it.
    #[must_use]
    pub fn level(&self, skill: &str) -> u32 {
        self.skills.binary_search_by(|(name, _)| (**name).cmp(skill)).map_or(0, |at| self.skills[at].1)
    }

    /// Whether they have one of these roles.
    #[must_use]
    pub fn has_any(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|r| roles.contains(r))
    }
}

/// A policy that the shell has compiled, or could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Its version.
    pub version: u64,
    /// Digest of its files.
    pub digest: [u8; 32],
    /// What it cites (L1).
    pub cites: Name,
    /// Why it can't be used; empty when it can.
    pub errors: Vec<Name>,
}

/// A gateway's sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Which gateway.
    pub gateway: Name,
    /// It has just begun and holds no session.
    pub began: bool,
}

/// A message that was read again from its raw bytes, after a parser was mended. What it says now is for people; nothing
/// is decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reread {
    /// The message: the input that brought it.
    pub message: InputId,
    /// Which message of that input.
    pub part: u32,
    /// The input whose words were read: the message itself, or its author's last edit of it.
    pub of: InputId,
    /// The case that has the message.
    pub case: CaseId,
}

/// A case from another desk.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover {
    /// The sending desk.
    pub desk: Name,
    /// Where it stands on that desk's log: sequence and index of the event.
    pub position: (u64, u32),
    /// Its messages, oldest first; at least one.
    pub messages: Vec<Message>,
}

/// A message of a case from another desk changed there after the case had left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoverChange {
    /// The sending desk.
    pub desk: Name,
    /// Where it stands on that desk's log, in one order with its handovers: sequence and index of the event.
    pub position: (u64, u32),
    /// What the handover named the message by, among what it provides; or its source.
    pub message: Key,
    /// What became of it.
    pub change: MessageChange,
    /// Ids that an edit has of its own, by which the message may be answered from now on.
    pub provides: Vec<Key>,
}

/// A case of this desk that another desk can't get, however often it is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoverFailure {
    /// The case.
    pub case: CaseId,
    /// The desk that was to get it.
    pub desk: Name,
    /// Why, for people.
    pub reason: Name,
}
