//! What is decided: plain facts in the past tense. The same as `proto/simpang/log/v1/event.proto`.

use crate::facts::Facts;
use crate::words::{
    AgentId, Answered, AssignedBy, CaseId, Channel, CloseReason, DeliveryId, DeliveryKind, DeliveryOutcome,
    FaultEnd, InputId, JoinedBy, Key, Millis, Name, Occasion, OfferEnd, Presence, PullEnd, Rejection,
    ReplyKind, SessionLimit, SignOutReason, SlaClock, UnassignedBy, WaitingOn,
};

/// One thing that was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The input it follows from.
    pub caused_by: InputId,
    /// When.
    pub at: Millis,
    /// What happened.
    pub body: Happened,
}

/// What happened. Variants and fields are those of the proto; see there for their meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // each is documented once, in event.proto
pub enum Happened {
    DeskTaken {
        writer: Name,
        epoch: u64,
        core_version: Name,
    },
    PolicyApplied {
        version: u64,
        digest: [u8; 32],
        cites: Name,
    },
    PolicyRefused {
        version: u64,
        errors: Vec<Name>,
    },
    InputDuplicated {
        of: InputId,
        case: Option<CaseId>,
        was_rejected: bool,
    },
    InputRefused {
        reason: Name,
    },
    CommandRejected {
        principal: AgentId,
        case: Option<CaseId>,
        rejection: Rejection,
        detail: Name,
    },

    AgentChanged {
        agent: AgentId,
    },
    AgentSignedIn {
        agent: AgentId,
        session: Name,
        gateway: Name,
    },
    AgentSignedOut {
        agent: AgentId,
        session: Name,
        reason: SignOutReason,
    },
    AgentPresenceChanged {
        agent: AgentId,
        presence: Presence,
        reason: Name,
        auto: bool,
        limit: SessionLimit,
        until: Option<Millis>,
    },
    PullWaiting {
        agent: AgentId,
        count: u32,
        expires: Millis,
        queues: Vec<Name>,
        pull: InputId,
    },
    PullEnded {
        agent: AgentId,
        pull: InputId,
        reason: PullEnd,
    },
    AgentAdmitted {
        agent: AgentId,
        admissions: Vec<(Name, u32)>,
    },

    CaseOpened {
        case: CaseId,
        channel: Channel,
        account: Name,
        campaign: Option<Name>,
        follows: Option<CaseId>,
        arrived: Millis,
        split_from: Option<CaseId>,
    },
    MessageJoined {
        case: CaseId,
        message: InputId,
        by: JoinedBy,
        count: u32,
        automatic: bool,
    },
    MessageEdited {
        case: CaseId,
        message: InputId,
        part: u32,
    },
    MessageRemoved {
        case: CaseId,
        message: InputId,
        part: u32,
    },
    MessageReread {
        case: CaseId,
        message: InputId,
        part: u32,
    },
    CaseIdentified {
        case: CaseId,
        customer: Option<Name>,
        segment: Option<Name>,
        agent: Option<AgentId>,
    },
    CaseCategorised {
        case: CaseId,
        category: Vec<Name>,
        agent: AgentId,
    },
    CaseClassified {
        case: CaseId,
        rule: Name,
        occasion: Occasion,
        segment: Option<Name>,
        priority: Name,
        queue: Name,
        skills: Vec<Name>,
        sla: Option<Name>,
        actions: Vec<Name>,
    },
    CaseQueued {
        case: CaseId,
        queue: Name,
        key: i64,
        skills: Vec<Name>,
    },
    CaseOffered {
        case: CaseId,
        agent: AgentId,
        expires: Millis,
        explanation: Box<Explanation>,
    },
    OfferEnded {
        case: CaseId,
        agent: AgentId,
        reason: OfferEnd,
        cause: Name,
    },
    CaseAssigned {
        case: CaseId,
        agent: AgentId,
        by: AssignedBy,
        explanation: Option<Box<Explanation>>,
        pull: Option<InputId>,
    },
    CaseUnassigned {
        case: CaseId,
        agent: AgentId,
        by: UnassignedBy,
    },
    CaseParked {
        case: CaseId,
        on: WaitingOn,
    },
    CaseResumed {
        case: CaseId,
    },
    CaseScheduled {
        case: CaseId,
        at: Millis,
        keep_for: Option<AgentId>,
    },
    CaseResolved {
        case: CaseId,
        agent: Option<AgentId>,
        outcome: Name,
    },
    CaseReopened {
        case: CaseId,
        agent: Option<AgentId>,
    },
    CaseClosed {
        case: CaseId,
        reason: CloseReason,
        agent: Option<AgentId>,
    },
    CaseForgotten {
        case: CaseId,
    },
    CaseEscalated {
        case: CaseId,
        step: Name,
        group: Name,
        agent: Option<AgentId>,
        cause: Name,
    },
    DutyCalled {
        case: CaseId,
        group: Name,
        called: Vec<OnDuty>,
    },
    CaseFollowed {
        case: CaseId,
        agent: AgentId,
        step: Option<Name>,
    },
    CaseUnfollowed {
        case: CaseId,
        agent: AgentId,
    },
    CaseOverflowed {
        case: CaseId,
        queue: Name,
        to_queue: Option<Name>,
        to_desk: Option<Name>,
    },
    CasePlacedLast {
        case: CaseId,
        agent: AgentId,
    },
    CaseHandedOver {
        case: CaseId,
        desk: Name,
    },
    HandoverFailed {
        case: CaseId,
        desk: Name,
        reason: Name,
    },
    CaseMerged {
        case: CaseId,
        into: CaseId,
    },
    CaseSplit {
        case: CaseId,
        into: CaseId,
        messages: Vec<InputId>,
    },
    NoteAdded {
        case: CaseId,
        agent: AgentId,
    },
    ReferenceLinked {
        case: CaseId,
        system: Name,
        number: Name,
        status: Name,
    },
    FaultReported {
        case: CaseId,
        agent: AgentId,
        product: Key,
        subject: Name,
        facts: Facts,
        system: Option<Name>,
        repeats: Option<CaseId>,
    },
    FaultEnded {
        case: CaseId,
        product: Key,
        reason: FaultEnd,
    },
    PriorityChanged {
        case: CaseId,
        priority: Name,
        agent: Option<AgentId>,
    },
    CaseWidened {
        case: CaseId,
        step: u32,
    },

    DeliveryQueued(Box<DeliveryQueued>),
    DeliveryStarted {
        delivery: DeliveryId,
        attempt: u32,
        deliverer: Name,
        case: CaseId,
    },
    DeliveryEnded {
        delivery: DeliveryId,
        attempt: u32,
        outcome: DeliveryOutcome,
        detail: Name,
        case: CaseId,
        not_before: Option<Millis>,
    },
    ClaimRefused {
        delivery: DeliveryId,
        deliverer: Name,
    },

    DispositionRecorded {
        case: CaseId,
        campaign: Name,
        path: Vec<Name>,
        agent: AgentId,
        attempt: u32,
        contacted: bool,
        answered: Option<Answered>,
        effects: Vec<Name>,
        dialled: u32,
    },
    NumbersSuppressed {
        count: u32,
        lifted: bool,
    },
    SystemTaskDue {
        case: CaseId,
        system: Name,
        task: Name,
    },

    SlaStarted {
        case: CaseId,
        clock: SlaClock,
        sla: Name,
        target_ms: i64,
        calendar: Name,
        deadline: Millis,
        from: Millis,
    },
    SlaPaused {
        case: CaseId,
        clock: SlaClock,
        remaining_ms: i64,
    },
    SlaResumed {
        case: CaseId,
        clock: SlaClock,
        deadline: Millis,
    },
    SlaMet {
        case: CaseId,
        clock: SlaClock,
        elapsed_ms: i64,
        late: bool,
    },
    SlaWarned {
        case: CaseId,
        clock: SlaClock,
        percent: u32,
    },
    SlaBreached {
        case: CaseId,
        clock: SlaClock,
        deadline: Millis,
    },
    SlaCancelled {
        case: CaseId,
        clock: SlaClock,
    },

    DayTurned {
        day: i64,
    },
}

/// Something is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryQueued {
    /// Its identity.
    pub delivery: DeliveryId,
    /// Case.
    pub case: CaseId,
    /// What it is.
    pub kind: DeliveryKind,
    /// Channel it leaves by; none for notifications.
    pub channel: Option<Channel>,
    /// Our account it leaves from.
    pub account: Name,
    /// The message it answers or forwards.
    pub to: Option<InputId>,
    /// How a reply goes out.
    pub reply: Option<ReplyKind>,
    /// Who wrote it; none: a rule.
    pub agent: Option<AgentId>,
    /// Template of the policy.
    pub template: Option<Name>,
    /// Forward's mailbox, or notification's group.
    pub target: Option<Name>,
}

/// Somebody who is on duty by a roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDuty {
    /// Who.
    pub agent: AgentId,
    /// The shift or exception that says so.
    pub shift: Name,
}

/// Why an agent got a case, or an offer of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explanation {
    /// The rule that classified the case.
    pub rule: Name,
    /// Its queue.
    pub queue: Name,
    /// Its key in it.
    pub key: i64,
    /// The best who were waiting, best first, at most three.
    pub candidates: Vec<Candidate>,
    /// How many more were waiting and may take it.
    pub other_candidates: u32,
    /// Of the others: ready, but not asking.
    pub not_asking: u32,
    /// Of the others: ready, but at capacity.
    pub at_capacity: u32,
    /// Of the others: signed in, not ready.
    pub not_ready: u32,
    /// The customer's last agent was preferred.
    pub sticky: bool,
}

/// Somebody who could take a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub agent: AgentId,
    /// Least level over the skills that are needed; 0 when none is.
    pub proficiency: u32,
    /// Cases held.
    pub load: u32,
    /// Idle since.
    pub idle_since: Millis,
}
