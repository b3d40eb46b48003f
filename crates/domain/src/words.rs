//! Ids and closed lists of words. The same words, with the same meaning, stand in `proto/simpang/log/v1`.

use crate::stored::stored;

/// A name: of a queue, a priority, a skill, an account … cheap to copy, and one word long.
pub type Name = arcstr::ArcStr;

/// Milliseconds since 1970 UTC.
pub type Millis = i64;

/// A keyed hash of an identity: equal keys, equal identity; it tells nothing else.
pub type Key = [u8; 16];

/// An agent's id.
pub type AgentId = Name;

/// Number of a case, counting 1, 2, 3 … in a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CaseId(pub u64);

/// Identity of an input: the sequence of its record, and its index there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InputId {
    /// Stream sequence of the record.
    pub seq: u64,
    /// Index in the record.
    pub index: u32,
}

/// Identity of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DeliveryId {
    /// The input that caused it.
    pub input: InputId,
    /// Which of that input's deliveries, from 0.
    pub part: u32,
}

stored!(tuple CaseId(u64));
stored!(struct InputId { seq, index });
stored!(struct DeliveryId { input, part });
stored!(struct SessionLimit { total, channels });

/// What an agent takes at once by their own word, for as long as their session lasts. What their record and the policy
/// allow holds all the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionLimit {
    /// Over all channels; none: not limited.
    pub total: Option<u32>,
    /// Of single channels, sorted by channel, each once.
    pub channels: Vec<(Channel, u32)>,
}

impl SessionLimit {
    /// Whether it limits nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.total.is_none() && self.channels.is_empty()
    }

    /// Most cases of a channel; none: not limited.
    #[must_use]
    pub fn of(&self, channel: Channel) -> Option<u32> {
        self.channels.iter().find(|(c, _)| *c == channel).map(|(_, limit)| *limit)
    }
}

/// Declares a closed list whose numbers are the ones on the log.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal, $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $number,)+ }

        impl $name {
            /// All of them, in order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in policies and in what people read.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Its number on the log.
            #[must_use]
            pub fn number(self) -> i32 {
                i32::from(self as u8)
            }

            /// The word of a number on the log.
            #[must_use]
            pub fn of_number(number: i32) -> Option<Self> {
                Self::ALL.iter().copied().find(|w| w.number() == number)
            }

            /// The word of a name, as [`Self::as_str`] writes it.
            #[must_use]
            pub fn of_str(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|w| w.as_str() == text)
            }
        }

        impl crate::stored::Stored for $name {
            fn shape(shape: &mut crate::stored::Shape) {
                shape.word(stringify!($name));
                $(shape.word($text);)+
            }

            fn store(&self, to: &mut crate::stored::Writer<'_>) {
                to.byte(*self as u8);
            }

            fn load(from: &mut crate::stored::Reader<'_>) -> Result<Self, crate::stored::Damaged> {
                Self::of_number(i32::from(from.byte()?)).ok_or_else(|| from.damaged(stringify!($name)))
            }
        }
    };
}

words! {
    /// A way customers reach us or we reach them.
    Channel {
        /// Mail.
        Email = 1, "email";
        /// X (Twitter).
        X = 2, "x";
        /// Facebook pages and Messenger.
        Facebook = 3, "facebook";
        /// Outbound calls.
        Call = 4, "call";
        /// Any other gateway's.
        Other = 5, "other";
    }
}

words! {
    /// What kind of message.
    MessageKind {
        /// Something the customer says.
        New = 1, "new";
        /// Another text for an earlier one.
        Edit = 2, "edit";
        /// An earlier one is withdrawn.
        Remove = 3, "remove";
        /// A bounce of something we sent.
        Bounce = 4, "bounce";
        /// An automatic answer or a receipt.
        Automatic = 5, "automatic";
    }
}

words! {
    /// What became of a message after it came.
    MessageChange {
        /// Its author edited it.
        Edited = 1, "edited";
        /// Its author withdrew it.
        Removed = 2, "removed";
        /// It was read again from its raw bytes.
        Reread = 3, "reread";
    }
}

words! {
    /// Who can read a message.
    Visibility {
        /// Everybody.
        Public = 1, "public";
        /// Only sender and receiver.
        Private = 2, "private";
    }
}

words! {
    /// Whether an agent takes cases.
    Presence {
        /// Takes cases.
        Ready = 1, "ready";
        /// Takes none.
        NotReady = 2, "not-ready";
        /// Finishing what they have.
        AfterWork = 3, "after-work";
    }
}

words! {
    /// How cases of a queue come to agents.
    QueueMode {
        /// To agents who pull, and by offer to those whose session says that they take offers.
        Both = 1, "both";
        /// To agents who pull, and to nobody else.
        Pull = 2, "pull";
        /// By offer, to every agent who is ready and has room; a pull brings none.
        Offer = 3, "offer";
    }
}

words! {
    /// What a principal may be (E1).
    Role {
        /// A program that pushes messages.
        Gateway = 1, "gateway";
        /// Works cases.
        Agent = 2, "agent";
        /// Leads agents.
        TeamLeader = 3, "team-leader";
        /// Follows tickets to their end (D7).
        Pic = 4, "pic";
        /// Leads team leaders.
        Supervisor = 5, "supervisor";
        /// Changes policy, directory, desks.
        Administrator = 6, "administrator";
        /// Reads the log.
        Auditor = 7, "auditor";
    }
}

words! {
    /// How a reply goes out (M5).
    ReplyKind {
        /// One reply.
        Normal = 1, "normal";
        /// Numbered parts when the text is over the channel's limit.
        Thread = 2, "thread";
        /// A direct message.
        Private = 3, "private";
    }
}

words! {
    /// For whom a case waits.
    WaitingOn {
        /// The customer.
        Customer = 1, "customer";
        /// A unit or another company.
        ThirdParty = 2, "third-party";
    }
}

words! {
    /// Who answered a call (B7).
    Answered {
        /// The one who reported (pelapor).
        Reporter = 1, "reporter";
        /// Another who may decide.
        DecisionMaker = 2, "decision-maker";
        /// Somebody who may not decide.
        Other = 3, "other";
    }
}

words! {
    /// What became of a send.
    DeliveryOutcome {
        /// The channel accepted it.
        Delivered = 1, "delivered";
        /// Not sent, and worth another try.
        Retry = 2, "retry";
        /// The channel refused it.
        Refused = 3, "refused";
        /// Nobody can say whether it arrived.
        Unknown = 4, "unknown";
    }
}

words! {
    /// What is sent.
    DeliveryKind {
        /// An agent's answer.
        Reply = 1, "reply";
        /// An answer from a template.
        Template = 2, "template";
        /// The customer's message, whole, to a mailbox.
        Forward = 3, "forward";
        /// A group is told.
        Notification = 4, "notification";
        /// "We have received your message".
        Acknowledgement = 5, "acknowledgement";
    }
}

words! {
    /// The SLA's clocks (J2, J3).
    SlaClock {
        /// Until a person's first reply that the channel accepted.
        FirstResponse = 1, "first-response";
        /// From a customer's later message until a reply.
        NextResponse = 2, "next-response";
        /// From one reply to the next.
        PeriodicUpdate = 3, "periodic-update";
        /// Until resolved.
        Resolution = 4, "resolution";
        /// While an agent holds it.
        Handling = 5, "handling";
        /// From an escalation until somebody takes it on.
        Escalation = 6, "escalation";
        /// From an escalation to a team leader until they act.
        LeaderFollowUp = 7, "leader-follow-up";
    }
}

words! {
    /// When rules run over a case.
    Occasion {
        /// It began.
        Received = 1, "received";
        /// Its customer became known.
        Identified = 2, "identified";
        /// An agent set category or facts.
        Classified = 3, "classified";
        /// Another policy holds.
        Policy = 4, "policy";
    }
}

words! {
    /// Why a command was refused.
    Rejection {
        /// The principal is no agent of this desk.
        UnknownAgent = 1, "unknown-agent";
        /// No such case, or it was closed too long ago.
        UnknownCase = 2, "unknown-case";
        /// No such queue, agent, desk, priority, campaign or step in this policy.
        UnknownTarget = 3, "unknown-target";
        /// The agent's roles do not allow it.
        NotAllowed = 4, "not-allowed";
        /// The case is not this agent's.
        NotAssignee = 5, "not-assignee";
        /// The case is in a state where this makes no sense.
        WrongState = 6, "wrong-state";
        /// The agent has no session.
        NotSignedIn = 7, "not-signed-in";
        /// The agent holds as many as they may.
        AtCapacity = 8, "at-capacity";
        /// The customer wrote meanwhile.
        CaseChanged = 9, "case-changed";
        /// A value is missing or out of bounds.
        Invalid = 10, "invalid";
        /// The disposition is incomplete or not in the campaign's tree (H8).
        Disposition = 11, "disposition";
        /// The agent may not serve the queue.
        NotAdmitted = 12, "not-admitted";
        /// The agent is not ready.
        NotReady = 13, "not-ready";
        /// The desk cannot take more now.
        Busy = 14, "busy";
        /// The offer is over.
        OfferEnded = 15, "offer-ended";
        /// Another report of the same product is open (G3).
        AlreadyReported = 20, "already-reported";
    }
}

words! {
    /// Why a session ended.
    SignOutReason {
        /// The agent asked.
        Asked = 1, "asked";
        /// Signed in elsewhere.
        Elsewhere = 2, "elsewhere";
        /// The gateway was silent longer than the grace period.
        Silent = 3, "silent";
        /// The agent's record became inactive.
        Inactive = 4, "inactive";
    }
}

words! {
    /// Why a pull ended.
    PullEnd {
        /// All were given.
        Filled = 1, "filled";
        /// Its time passed.
        Expired = 2, "expired";
        /// Cancelled, or another pull took its place.
        Cancelled = 3, "cancelled";
        /// The agent signed out or is no longer ready.
        Absent = 4, "absent";
    }
}

words! {
    /// What ties a message to a case.
    JoinedBy {
        /// It opened the case.
        Opening = 1, "opening";
        /// Our own signature in it.
        Signature = 2, "signature";
        /// A thread key.
        Thread = 3, "thread";
        /// The customer's open case on that channel.
        Customer = 4, "customer";
        /// An agent split or merged.
        Agent = 5, "agent";
        /// The case's number in the subject, written by the case's customer.
        Tag = 6, "tag";
    }
}

words! {
    /// Why an offer ended without being taken.
    OfferEnd {
        /// Declined.
        Declined = 1, "declined";
        /// Its time passed.
        Expired = 2, "expired";
        /// The case changed.
        Withdrawn = 3, "withdrawn";
        /// The agent left.
        Absent = 4, "absent";
    }
}

words! {
    /// How a case came to its agent.
    AssignedBy {
        /// Pulled.
        Pull = 1, "pull";
        /// Offered and accepted.
        Offer = 2, "offer";
        /// Taken over.
        TakeOver = 3, "take-over";
        /// Transferred to them.
        Transfer = 4, "transfer";
        /// It came back.
        Return = 5, "return";
    }
}

words! {
    /// How a case left its agent.
    UnassignedBy {
        /// Given back.
        Release = 1, "release";
        /// The agent's session ended.
        SignOut = 2, "sign-out";
        /// Taken over.
        TakeOver = 3, "take-over";
        /// Transferred.
        Transfer = 4, "transfer";
        /// Rules moved it.
        Rules = 5, "rules";
        /// Resolved, scheduled, closed, merged.
        End = 6, "end";
        /// The pull was cancelled before the agent saw it.
        PullCancelled = 7, "pull-cancelled";
        /// The agent did nothing with the contact for as long as the campaign lends it.
        Lease = 8, "lease";
        /// It sat unanswered for too long.
        Unanswered = 9, "unanswered";
    }
}

words! {
    /// What a value in a form looks like.
    FieldShape {
        /// Digits only.
        Number = 1, "number";
        /// A telephone number.
        Phone = 2, "phone";
        /// A mail address.
        Mail = 3, "mail";
        /// A day, or a day and time of day.
        Time = 4, "time";
    }
}

words! {
    /// Why a fault report is no longer open.
    FaultEnd {
        /// Its ticket has a status that ends it.
        Ticket = 1, "ticket";
        /// Its case closed before there was a ticket, or went to another desk.
        Case = 2, "case";
    }
}

words! {
    /// Why a case closed.
    CloseReason {
        /// An agent closed it.
        Closed = 1, "closed";
        /// Resolved for as long as the policy says.
        Settled = 2, "settled";
        /// Spam.
        Spam = 3, "spam";
        /// Merged into another.
        Merged = 4, "merged";
        /// Handed over to another desk.
        HandedOver = 5, "handed-over";
        /// A disposition closes it.
        Disposition = 6, "disposition";
        /// The campaign's attempts are used up (H9).
        Attempts = 7, "attempts";
        /// A number of the contact is on the do-not-call list (H9).
        DoNotCall = 8, "do-not-call";
        /// The contact does not belong in the campaign.
        Junk = 9, "junk";
    }
}
