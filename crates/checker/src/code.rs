//! Every way in which a log can be broken, with a stable name and the invariant of `ARCHITECTURE.md` it belongs to.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $invariant:literal $name:literal;)+) => {
        /// One way in which a log can be broken. The name is stable; the invariant is its number in the design's list,
        /// 0 for what `record.proto` and `event.proto` promise beside them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl Code {
            /// All codes, by invariant.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its stable name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The invariant it breaks; 0: a promise of the shapes themselves.
            #[must_use]
            pub fn invariant(self) -> u8 {
                match self { $(Self::$variant => $invariant,)+ }
            }

            /// What it means, as a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// An event's time is earlier than that of the event before.
    EventTimeBack = 0 "event-time-back";
    /// An event is later than the input that let it happen.
    EventTimeAhead = 0 "event-time-ahead";
    /// An event says nothing that these shapes know.
    EventUnreadable = 0 "event-unreadable";
    /// A case is not numbered one more than the case before.
    CaseNumber = 0 "case-number";
    /// An event is about a case that was never opened, or that was forgotten.
    CaseUnknown = 0 "case-unknown";
    /// An event makes no sense in the state its case is in.
    CaseState = 0 "case-state";
    /// A split does not fit the cases and messages it names.
    SplitAmiss = 0 "split-amiss";
    /// A merge does not fit the cases it names, or did not close its case.
    MergeAmiss = 0 "merge-amiss";
    /// A product's fault was reported anew while a report of it was open.
    FaultTwice = 0 "fault-twice";
    /// A fault report names another product than was asked, repeats or ends one that is not open there.
    FaultAmiss = 0 "fault-amiss";

    /// A sender was told that an input is accepted, and the log does not have it.
    AcknowledgedMissing = 1 "acknowledged-missing";
    /// `decided_through` went back, or stood still without a take-over.
    DecidedBack = 1 "decided-back";
    /// `decided_through` names no input that stood on the log before the commit.
    DecidedUnknown = 1 "decided-unknown";
    /// An event follows from an input that this commit does not judge.
    CauseOutOfRange = 1 "cause-out-of-range";
    /// An event follows from an earlier input than the event before it.
    CauseOutOfOrder = 1 "cause-out-of-order";
    /// The desk was said to be quiescent and an input is not judged to its end.
    Unjudged = 1 "unjudged";
    /// A command was rejected, or an input set aside, more than once.
    RejectedTwice = 1 "rejected-twice";
    /// A rejection belongs to no command, or names another principal than the one who asked.
    RejectedWrongly = 1 "rejected-wrongly";
    /// Something followed from an input after it was rejected, set aside or known as a repeat.
    FollowsRefusal = 1 "follows-refusal";
    /// An input that asks for something was neither answered nor refused.
    InputUnanswered = 1 "input-unanswered";
    /// A policy document was neither applied nor refused, or both.
    PolicyUndecided = 1 "policy-undecided";

    /// A message is on no case and was not refused.
    MessageLost = 2 "message-lost";
    /// A message is on more than one case, or twice on one.
    MessageDoubled = 2 "message-doubled";
    /// What joined a case is no message.
    MessageUnknown = 2 "message-unknown";
    /// A message changed its case without a split or a merge.
    MessageMoved = 2 "message-moved";
    /// A message was read again that is not on that case, or was withdrawn; or by an input that names another,
    /// or twice.
    RereadAmiss = 2 "reread-amiss";
    /// What another desk said of a message that it had handed over changed another message, or one that is not on that
    /// case.
    ChangeAmiss = 2 "change-amiss";
    /// The number of messages on a case does not follow from the ones before.
    MessageCount = 2 "message-count";
    /// A message opened one case and joined another.
    OpeningAmiss = 2 "opening-amiss";
    /// A campaign's contact opened no case and was not refused.
    ContactLost = 2 "contact-lost";
    /// A campaign's contact opened more than one case.
    ContactDoubled = 2 "contact-doubled";
    /// An input with a key that the desk had already judged was judged again.
    RepeatJudged = 2 "repeat-judged";
    /// An input was taken for a repeat of one that it does not repeat.
    DuplicateAmiss = 2 "duplicate-amiss";
    /// An open case waits nowhere, nobody has it, and it is not put away.
    CaseNowhere = 2 "case-nowhere";
    /// A case handed over by another desk is lost, or came twice or out of order; or one handed over by this desk did
    /// not close, was handed over twice, or closed as handed over to nobody.
    HandoverAmiss = 2 "handover-amiss";

    /// A case was given to an agent while another had it, or an offer of it.
    TwoAssignees = 3 "two-assignees";
    /// A case was offered while it was offered or assigned to somebody.
    TwoOffers = 3 "two-offers";
    /// A case was pulled or offered that did not wait in a queue.
    NotWaiting = 3 "not-waiting";
    /// A case was put into a queue while an agent had it, or an offer of it.
    QueuedWhileAssigned = 3 "queued-while-assigned";
    /// An agent holds more cases of a channel than they may.
    OverCapacity = 3 "over-capacity";
    /// An agent without a session got a case or an offer.
    AgentAbsent = 3 "agent-absent";
    /// An agent who was not ready got a case or an offer.
    AgentNotReady = 3 "agent-not-ready";
    /// An agent got a case of a queue that they may not serve, or not yet.
    AgentNotAdmitted = 3 "agent-not-admitted";
    /// An agent got a case without a skill that it needs.
    AgentLacksSkill = 3 "agent-lacks-skill";
    /// A case was taken from an agent who did not have it or had not left, or ended without a word on who had it.
    UnassignedAmiss = 3 "unassigned-amiss";
    /// An offer was accepted or ended that was not open.
    OfferAmiss = 3 "offer-amiss";
    /// A contact with a number on the do-not-call list was taken in, offered or given to an agent.
    SuppressedGiven = 3 "suppressed-given";
    /// An agent's session ended and they kept cases.
    AbsentHolds = 3 "absent-holds";

    /// A case went to an agent while one with a smaller key that they could take waited.
    OrderBroken = 4 "order-broken";
    /// An agent who asks for cases was left idle while one they could take waits.
    LeftIdle = 4 "left-idle";
    /// A pulled case answers no pull of its agent that is open and asks for its queue.
    PullAmiss = 4 "pull-amiss";
    /// A pull ended that did not wait, or was filled and did not end.
    PullEndAmiss = 4 "pull-end-amiss";
    /// An assignment's explanation is missing, or names another queue or key than the case had.
    ExplanationAmiss = 4 "explanation-amiss";

    /// A clock was started while it ran or stood still.
    SlaStartedTwice = 6 "sla-started-twice";
    /// A clock that does not run was paused, warned, breached, met or cancelled, or one not paused was resumed.
    SlaNotRunning = 6 "sla-not-running";
    /// A clock warned or breached before its time.
    SlaEarly = 6 "sla-early";
    /// A clock breached twice in one run, or warned again of the same or less.
    SlaRepeated = 6 "sla-repeated";
    /// A deadline differs from its recomputation, or a breach from the deadline that was set.
    SlaDeadline = 6 "sla-deadline";
    /// A clock was met on time though it had breached, or late though it had not.
    SlaLateFlag = 6 "sla-late-flag";
    /// A clock passed its deadline and no breach was recorded.
    SlaBreachMissed = 6 "sla-breach-missed";
    /// A clock goes on for a case that is closed, or for one that was resolved with no answer on its way.
    SlaRunsOn = 6 "sla-runs-on";

    /// Sequences are missing.
    SequenceGap = 8 "sequence-gap";
    /// A sequence is not above the one before.
    SequenceBack = 8 "sequence-back";
    /// A record stands on a subject that is none of this desk's.
    SubjectUnknown = 8 "subject-unknown";
    /// A record is laid out in a way that is newer than this checker, or a commit does not say how.
    SchemaUnknown = 8 "schema-unknown";
    /// A commit cannot be decoded.
    CommitUnreadable = 8 "commit-unreadable";
    /// A commit is not numbered one more than the commit before.
    CommitNumber = 8 "commit-number";
    /// A commit names another sequence than that of the commit before.
    PreviousSeq = 8 "previous-seq";
    /// A commit's digest of the commit before is not that of its bytes.
    PreviousDigest = 8 "previous-digest";
    /// A commit's digest of the inputs it finished is not that of their bytes.
    InputsDigest = 8 "inputs-digest";
    /// An epoch went back or grew by more than one.
    EpochAmiss = 8 "epoch-amiss";
    /// An epoch does not begin with `DeskTaken`, or one stands elsewhere or says something else than its commit.
    TakeOverAmiss = 8 "take-over-amiss";
    /// Two writers committed in one epoch.
    WriterChanged = 8 "writer-changed";
    /// A commit's policy version is not that of the policy applied last, or a policy is not newer than the one before.
    PolicyVersion = 8 "policy-version";
    /// A commit went on after it had applied a policy.
    PolicyGroup = 8 "policy-group";
    /// The digest of an applied policy is not that of its document.
    PolicyDigest = 8 "policy-digest";

    /// A delivery was queued twice, or under an identity that is not its cause's.
    DeliveryRepeated = 9 "delivery-repeated";
    /// A delivery was started or ended that was never queued.
    DeliveryUnknown = 9 "delivery-unknown";
    /// A reply was neither rejected nor queued for delivery once.
    ReplyLost = 9 "reply-lost";
    /// An attempt is not numbered one more than the attempt before.
    AttemptNumber = 9 "attempt-number";
    /// An attempt began while another was open.
    AttemptOpen = 9 "attempt-open";
    /// An attempt was given to another than the deliverer who claimed it.
    ClaimerAmiss = 9 "claimer-amiss";
    /// An attempt began before its retry was due.
    RetryEarly = 9 "retry-early";
    /// An attempt ended that was not open, or without an outcome.
    EndedAmiss = 9 "ended-amiss";
    /// A delivery went on, or ended again, after its final outcome.
    SecondOutcome = 9 "second-outcome";
    /// The desk was said to be quiescent and a delivery has no final outcome.
    Undelivered = 9 "undelivered";
    /// A receiver got a send for which no attempt was recorded before.
    ReceivedUnstarted = 9 "received-unstarted";
    /// A receiver got a delivery more than once, and no outcome says that nobody can know.
    ReceivedTwice = 9 "received-twice";
    /// A delivery is recorded as delivered, and its receiver does not have it.
    DeliveredUnreceived = 9 "delivered-unreceived";
}

impl Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
