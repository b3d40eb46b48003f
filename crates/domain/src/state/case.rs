//! A case: one customer matter on one conversation thread.

use super::agents::AgentIx;
use super::demand::ClassIx;
use super::small::Moment;
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
    // The message's input, whose own type would leave room unused behind its index.
    seq: u64,
    index: u32,
    source: Source,
    /// A machine wrote it.
    pub automatic: bool,
    /// Its source key, if it has one, and the others that it brought. Most bring the first and no more.
    keys: Box<[Key]>,
}

/// Whether the first key of a message is its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// It has none.
    None,
    /// It is, and a thread key as well.
    Brought,
    /// It is, and no thread key.
    Apart,
}

impl Member {
    /// A message of an input, with its own source key and the thread keys that it brought.
    #[must_use]
    pub fn new(id: InputId, source: Option<Key>, provides: &[Key], automatic: bool) -> Self {
        let brought = source.is_some_and(|source| provides.contains(&source));
        let others = provides.iter().filter(|key| source != Some(**key));
        let keys = source.iter().chain(others).copied().collect();
        let source = match source {
            None => Source::None,
            Some(_) if brought => Source::Brought,
            Some(_) => Source::Apart,
        };
        Self { seq: id.seq, index: id.index, source, automatic, keys }
    }

    /// The message's input.
    #[must_use]
    pub fn id(&self) -> InputId {
        InputId { seq: self.seq, index: self.index }
    }

    /// Its own source key.
    #[must_use]
    pub fn source(&self) -> Option<Key> {
        self.keys.first().copied().filter(|_| self.source != Source::None)
    }

    /// Thread keys it brought, its source first where that is one.
    #[must_use]
    pub fn provides(&self) -> &[Key] {
        self.keys.get(usize::from(self.source == Source::Apart)..).unwrap_or_default()
    }

    /// It brings these thread keys too.
    pub(super) fn provide(&mut self, new: &[Key]) {
        let provides = [self.provides(), new].concat();
        *self = Self::new(self.id(), self.source(), &provides, self.automatic);
    }
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
    /// It passed its target.
    pub breached: bool,
    // Its state, flat: an enumeration would take a word to say which of the two it is.
    stands: bool,
    /// Highest percentage warned of.
    pub warned: u32,
    /// Working time allowed.
    pub target_ms: i64,
    /// Calendar.
    pub calendar: Name,
    /// From when it counts.
    pub from: Millis,
    base: Millis,
    left_ms: i64,
    due: Moment,
    deadline: Millis,
}

impl Clock {
    /// One that runs from a time on, without a threshold yet.
    #[must_use]
    pub fn new(clock: SlaClock, target_ms: i64, calendar: Name, from: Millis, deadline: Millis) -> Self {
        Self {
            clock,
            breached: false,
            stands: false,
            warned: 0,
            target_ms,
            calendar,
            from,
            base: from,
            left_ms: target_ms,
            due: Moment::NONE,
            deadline,
        }
    }

    /// What it does.
    #[must_use]
    pub fn state(&self) -> ClockState {
        let Self { base, left_ms, deadline, .. } = *self;
        match self.stands {
            true => ClockState::Paused { left_ms },
            false => ClockState::Running { base, left_ms, due: self.due.get(), deadline },
        }
    }

    /// Lets it stand still.
    pub(super) fn pause(&mut self, left_ms: i64) {
        (self.stands, self.left_ms) = (true, left_ms);
        (self.base, self.due, self.deadline) = (0, Moment::NONE, 0);
    }

    /// Lets it go on, if it stands still, without a threshold yet.
    pub(super) fn resume(&mut self, at: Millis, deadline: Millis) {
        if self.stands {
            (self.stands, self.base, self.deadline) = (false, at, deadline);
        }
    }

    /// When its next threshold is due, to change; none while it stands still.
    pub(super) fn due_mut(&mut self) -> Option<&mut Moment> {
        (!self.stands).then_some(&mut self.due)
    }
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
    /// What it is doing.
    pub status: Status,
    /// Order in its queue.
    pub key: i64,
    /// Its demand while it waits.
    pub class: Option<ClassIx>,
    /// Widening step.
    pub step: u32,
    /// When its next widening step begins, while it waits.
    pub widen_due: Moment,
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
    // What few cases have.
    pub(super) rare: Option<Box<Rare>>,
}

/// What of a case begins with somebody working on it, or with a rule that does more than to queue it. It stands apart
/// because the cases that wait are many, and those that somebody works on are as many as people can.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rare {
    /// Category that an agent set.
    pub category: Vec<Name>,
    /// Facts that agents set.
    pub facts: Facts,
    /// Actions of rules that were done.
    pub actions: Vec<Name>,
    /// The waiting pull it was given to, until its agent does something with it.
    pub untouched: Option<InputId>,
    /// The case that goes on in its place.
    pub merged_into: Option<CaseId>,
    /// Keys of what we sent on it, so that answers find it.
    pub sent: Vec<Key>,
    /// Steps of escalation it has come to.
    pub escalated: u32,
    /// Since when it sits too long on its agent without an answer.
    pub answer_due: Moment,
    /// Who follows it to its end, sorted.
    pub followers: Vec<AgentIx>,
    /// Its tickets in other systems and open fault reports.
    pub tickets: Option<Box<Tickets>>,
}

/// What a case has that has nothing rare.
static NOTHING: Rare = Rare {
    category: Vec::new(),
    facts: Facts::NONE,
    actions: Vec::new(),
    untouched: None,
    merged_into: None,
    sent: Vec::new(),
    escalated: 0,
    answer_due: Moment::NONE,
    followers: Vec::new(),
    tickets: None,
};

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
    /// What few cases have.
    #[must_use]
    pub fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NOTHING)
    }

    /// The same, to add to. What only takes away looks at the field, so that no room is made for it.
    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

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
            let part = before.filter(|(id, _)| *id == member.id()).map_or(0, |(_, part)| part + 1);
            before = Some((member.id(), part));
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
stored!(struct Member { seq, index, source, automatic, keys });
stored!(enum Source { 0 = None, 1 = Brought, 2 = Apart });
stored!(struct Clock {
    clock, breached, stands, warned, target_ms, calendar, from, base, left_ms, due, deadline,
});
stored!(struct Case {
    id, channel, visibility, account, calling, arrived, opened, author, customer, message_facts, rule, segment,
    priority, queue, skills, sla, status, key, class, step, widen_due, queued_at, messages, count, clocks, answered,
    replies, rare,
});
stored!(struct Rare {
    category, facts, actions, untouched, merged_into, sent, escalated, answer_due, followers, tickets,
});
stored!(struct Calling { campaign, criterion, zone, numbers, lease_due, attempts, misses });
stored!(struct Tickets { faults, reported, references });
stored!(struct Fault { product, ticket });
stored!(struct Reference { system, number, status });

#[cfg(test)]
mod tests {
    use super::{Case, Clock, InputId, Key, Member};

    #[test]
    fn a_message_has_the_keys_it_came_with() {
        let [source, one, two]: [Key; 3] = [[1; 16], [2; 16], [3; 16]];
        let id = InputId { seq: 7, index: 3 };
        let brought: [(Option<Key>, &[Key]); 6] = [
            (None, &[]),
            (None, &[one, two]),
            (Some(source), &[]),
            (Some(source), &[one]),
            (Some(source), &[source]),
            (Some(source), &[one, source, two]),
        ];
        for (source, provides) in brought {
            let mut member = Member::new(id, source, provides, true);
            let mut sorted = member.provides().to_vec();
            sorted.sort_unstable();
            let mut expected = provides.to_vec();
            expected.sort_unstable();
            assert_eq!((member.id(), member.source(), sorted), (id, source, expected));
            member.provide(&[[9; 16]]);
            assert_eq!((member.source(), member.provides().len()), (source, provides.len() + 1));
            assert!(member.provides().contains(&[9; 16]) && member.automatic);
        }
    }

    /// There are as many as people wait; allocators round up to these.
    #[test]
    fn what_every_open_case_has_fits_its_blocks_of_memory() {
        let sizes = [size_of::<Case>(), size_of::<Clock>(), size_of::<Member>()];
        assert!(sizes[0] <= 256 && sizes[1] <= 64 && sizes[2] <= 32, "{sizes:?}");
    }
}
