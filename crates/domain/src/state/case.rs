//! A case: one customer matter on one conversation thread.

use super::agents::AgentIx;
use super::demand::ClassIx;
use crate::facts::{Customer, Facts};
use crate::stored::stored;
use crate::words::{CaseId, Channel, InputId, Key, Millis, Name, SlaClock, Visibility, WaitingOn};

/// What a case is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Just opened or just left its place; within one input only.
    Loose,
    /// Waits in its queue.
    Queued,
    /// Is offered.
    Offered {
        /// To whom.
        agent: AgentIx,
        /// Until when.
        expires: Millis,
    },
    /// Is worked on.
    Assigned {
        /// By whom.
        agent: AgentIx,
    },
    /// Waits for somebody; still its agent's.
    Parked {
        /// Whose.
        agent: AgentIx,
        /// For whom it waits.
        on: WaitingOn,
    },
    /// Is put away.
    Scheduled {
        /// Until when.
        until: Millis,
        /// For whom.
        keep_for: Option<AgentIx>,
    },
    /// Solved, and waits whether the customer agrees.
    Resolved {
        /// When it closes.
        settles: Millis,
        /// Who had it.
        last: Option<AgentIx>,
    },
    /// Finished.
    Closed {
        /// When it leaves memory.
        forgotten: Millis,
        /// Whether its customer may open it again by writing.
        reopens: bool,
        /// It was called spam, which may have been a mistake.
        is_spam: bool,
    },
}

/// A message of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The message's input.
    pub id: InputId,
    /// Thread keys it brought.
    pub provides: Box<[Key]>,
    /// Its own source key.
    pub source: Option<Key>,
    /// A machine wrote it.
    pub automatic: bool,
}

/// State of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// Runs since `base` with `left_ms` of working time then left.
    Running {
        /// Since when.
        base: Millis,
        /// Working time left then; negative once breached.
        left_ms: i64,
        /// When its next threshold is due; none: no more thresholds.
        due: Option<Millis>,
        /// When it breaches, as its start or resumption said.
        deadline: Millis,
    },
    /// Stands still.
    Paused {
        /// Working time left.
        left_ms: i64,
    },
}

/// One SLA clock that runs or stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// Which.
    pub clock: SlaClock,
    /// Working time allowed.
    pub target_ms: i64,
    /// Calendar.
    pub calendar: Name,
    /// What it does.
    pub state: ClockState,
    /// Highest percentage warned of.
    pub warned: u32,
    /// It passed its target.
    pub breached: bool,
    /// From when it counts.
    pub from: Millis,
}

/// One customer matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Number.
    pub id: CaseId,
    /// Channel.
    pub channel: Channel,
    /// Public or private, of what opened it.
    pub visibility: Visibility,
    /// Our account.
    pub account: Name,
    /// What a campaign's contact has besides; most cases are none.
    pub calling: Option<Box<Calling>>,
    /// When the matter began to wait; a rescheduled one's due time.
    pub arrived: Millis,
    /// When it opened.
    pub opened: Millis,
    /// Its customer on this channel.
    pub author: Option<Key>,
    /// Its customer, as known.
    pub customer: Option<Box<Customer>>,
    /// Facts of what opened it.
    pub message_facts: Facts,
    /// Category that an agent set.
    pub category: Box<[Name]>,
    /// Facts that agents set.
    pub facts: Facts,
    /// The rule that classified it.
    pub rule: Name,
    /// Segment.
    pub segment: Option<Name>,
    /// Priority.
    pub priority: Name,
    /// Queue.
    pub queue: Name,
    /// Skills needed, sorted.
    pub skills: Box<[Name]>,
    /// SLA.
    pub sla: Option<Name>,
    /// Actions of rules that were done.
    pub actions: Box<[Name]>,
    /// What it is doing.
    pub status: Status,
    /// Order in its queue.
    pub key: i64,
    /// Its demand while it waits.
    pub class: Option<ClassIx>,
    /// Widening step.
    pub step: u32,
    /// When its next widening step begins, while it waits.
    pub widen_due: Option<Millis>,
    /// When it began to wait in this queue.
    pub queued_at: Millis,
    /// Its messages, oldest first.
    pub messages: Vec<Member>,
    /// Customer messages that are not automatic.
    pub count: u32,
    /// Clocks that run or stand still.
    pub clocks: Vec<Clock>,
    /// A person has answered and the channel accepted it.
    pub answered: bool,
    /// Agents' answers that are on their way: queued, and no final word of the channel yet.
    pub replies: u32,
    /// The waiting pull it was given to, until its agent does something with it.
    pub untouched: Option<InputId>,
    /// The case that goes on in its place.
    pub merged_into: Option<CaseId>,
    /// Keys of what we sent on it, so that answers find it.
    pub sent: Vec<Key>,
    /// Steps of escalation it has come to.
    pub escalated: u32,
    /// Since when it sits too long on its agent without an answer.
    pub answer_due: Option<Millis>,
    /// Who follows it to its end, sorted.
    pub followers: Vec<AgentIx>,
    /// Its tickets in other systems and open fault reports; most cases have none.
    pub tickets: Option<Box<Tickets>>,
}

/// What a campaign's contact has besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calling {
    /// Campaign.
    pub campaign: Name,
    /// Entry criterion.
    pub criterion: Option<Name>,
    /// Zone in which call windows count.
    pub zone: Option<Name>,
    /// Its numbers, best first.
    pub numbers: Box<[Key]>,
    /// Until when its agent has to do something with it, where contacts are lent.
    pub lease_due: Option<Millis>,
    /// Attempts to call.
    pub attempts: u32,
    /// Attempts without contact.
    pub misses: u32,
}

impl Calling {
    /// A contact of a campaign that nobody has called.
    #[must_use]
    pub fn new(campaign: Name) -> Self {
        let numbers = Box::default();
        Self { campaign, criterion: None, zone: None, numbers, lease_due: None, attempts: 0, misses: 0 }
    }
}

/// Tickets in other systems, and fault reports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tickets {
    /// Fault reports that are open.
    pub faults: Vec<Fault>,
    /// A fault was reported on it, open or not, new or a repeat.
    pub reported: bool,
    /// Tickets that are linked.
    pub references: Vec<Reference>,
}

/// A fault report that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The product.
    pub product: Key,
    /// Number of its ticket.
    pub ticket: Option<Name>,
}

/// A ticket in another system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// System.
    pub system: Name,
    /// Number.
    pub number: Name,
    /// Status as last known.
    pub status: Name,
}

impl Case {
    /// Who holds it: its assignee, or whose parked case it is.
    #[must_use]
    pub fn holder(&self) -> Option<AgentIx> {
        match self.status {
            Status::Assigned { agent } | Status::Parked { agent, .. } => Some(agent),
            _ => None,
        }
    }

    /// Who has capacity taken by it: assignee or the one it is offered to.
    #[must_use]
    pub fn occupies(&self) -> Option<AgentIx> {
        match self.status {
            Status::Assigned { agent } | Status::Offered { agent, .. } => Some(agent),
            _ => None,
        }
    }

    /// Whether it is neither resolved nor closed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.status, Status::Resolved { .. } | Status::Closed { .. })
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.status, Status::Closed { .. })
    }

    /// Its campaign; none: it is no contact of one.
    #[must_use]
    pub fn campaign(&self) -> Option<&Name> {
        self.calling.as_ref().map(|calling| &calling.campaign)
    }

    /// Its messages, each with its place among those of its input, from 0.
    pub fn parts(&self) -> impl Iterator<Item = (u32, &Member)> {
        let mut before = None;
        self.messages.iter().map(move |member| {
            let part = before.filter(|(id, _)| *id == member.id).map_or(0, |(_, part)| part + 1);
            before = Some((member.id, part));
            (part, member)
        })
    }

    /// The message that an answer is to: the latest that a person wrote, else the latest.
    #[must_use]
    pub fn latest(&self) -> Option<&Member> {
        self.messages.iter().rev().find(|m| !m.automatic).or(self.messages.last())
    }

    /// A clock of it.
    #[must_use]
    pub fn clock(&self, clock: SlaClock) -> Option<&Clock> {
        self.clocks.iter().find(|c| c.clock == clock)
    }

    /// A clock of it, to change.
    pub fn clock_mut(&mut self, clock: SlaClock) -> Option<&mut Clock> {
        self.clocks.iter_mut().find(|c| c.clock == clock)
    }
}

stored!(enum Status {
    0 = Loose,
    1 = Queued,
    2 = Offered { agent: AgentIx, expires: Millis },
    3 = Assigned { agent: AgentIx },
    4 = Parked { agent: AgentIx, on: WaitingOn },
    5 = Scheduled { until: Millis, keep_for: Option<AgentIx> },
    6 = Resolved { settles: Millis, last: Option<AgentIx> },
    7 = Closed { forgotten: Millis, reopens: bool, is_spam: bool },
});
stored!(struct Member { id, provides, source, automatic });
stored!(enum ClockState {
    0 = Running { base: Millis, left_ms: i64, due: Option<Millis>, deadline: Millis },
    1 = Paused { left_ms: i64 },
});
stored!(struct Clock { clock, target_ms, calendar, state, warned, breached, from });
stored!(struct Case {
    id, channel, visibility, account, calling, arrived, opened, author, customer, message_facts,
    category, facts, rule, segment, priority, queue, skills, sla, actions, status, key, class, step, widen_due,
    queued_at, messages, count, clocks, answered, replies, untouched, merged_into, sent, escalated, followers,
    answer_due, tickets,
});
stored!(struct Calling { campaign, criterion, zone, numbers, lease_due, attempts, misses });
stored!(struct Tickets { faults, reported, references });
stored!(struct Fault { product, ticket });
stored!(struct Reference { system, number, status });
