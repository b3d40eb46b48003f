//! Events about cases.

use crate::event::{Event, Happened};
use crate::input::{Ask, Body, Input, Message};
use crate::rules::{FOLLOW_UP, QueueRule, Rules};
use crate::state::agents::AgentIx;
use crate::state::case::{Calling, Case, Member, Status};
use crate::state::timers::Timer;
use crate::state::{Moment, State, push_tight};
use crate::words::{CaseId, CloseReason, InputId, JoinedBy, Key, MessageKind, Millis, Name, Visibility};

impl State {
    #[allow(clippy::too_many_lines)] // one arm an event, each a call or two
    pub(super) fn apply_case<R: Rules>(&mut self, event: &Event, input: &Input, rules: &R) {
        let at = event.at;
        match &event.body {
            Happened::CaseOpened { case, .. } => self.open(*case, event, input),
            Happened::MessageJoined { case, message, by, count, automatic } => {
                self.join(*case, *message, *by, *count, input);
                if !automatic {
                    self.awaits_answer(*case, at, rules);
                }
            }
            Happened::MessageEdited { case, message, part } => {
                self.known_also(*case, (*message, *part), input);
                let last = self.changed.entry((*message, *part)).or_insert(Some(event.caused_by));
                *last = last.map(|_| event.caused_by);
                self.came_from(input);
            }
            Happened::MessageRemoved { message, part, .. } => {
                self.changed.insert((*message, *part), None);
                self.came_from(input);
            }
            Happened::MessageReread { .. } => self.came_from(input),
            Happened::CaseIdentified { case, .. } => self.identify(*case, input),
            Happened::CaseCategorised { case, category, .. } => {
                let facts = match &input.body {
                    Body::Command(crate::input::Command { ask: Ask::Classify { facts, .. }, .. }) => {
                        Some(facts)
                    }
                    _ => None,
                };
                if let Some(case) = self.case_mut(*case) {
                    let rare = case.rare_mut();
                    rare.category.clone_from(category);
                    if let Some(facts) = facts {
                        rare.facts.merge(facts);
                    }
                }
            }
            Happened::CaseClassified {
                case, rule, segment, priority, queue, skills, sla, actions, ..
            } => {
                if let Some(case) = self.case_mut(*case) {
                    if case.queue != *queue {
                        case.queued_at = 0;
                    }
                    case.rule = rule.clone();
                    case.segment.clone_from(segment);
                    case.priority = priority.clone();
                    case.queue = queue.clone();
                    case.skills = skills.as_slice().into();
                    case.sla.clone_from(sla);
                    for action in actions {
                        if !case.rare().actions.contains(action) {
                            case.rare_mut().actions.push(action.clone());
                        }
                    }
                }
            }
            Happened::PriorityChanged { case, priority, .. } => {
                if let Some(case) = self.case_mut(*case) {
                    case.priority = priority.clone();
                }
            }
            Happened::CasePlacedLast { case, .. } => {
                if let Some(case) = self.case_mut(*case) {
                    case.arrived = at;
                }
            }
            Happened::CaseQueued { case, queue, key, skills } => {
                self.queue(*case, queue, *key, skills, at, rules)
            }
            Happened::CaseWidened { case, step } => self.widen(*case, *step, rules),
            Happened::CaseOffered { case, agent, expires, .. } => {
                let Some(agent) = self.agents.find(agent) else { return };
                self.leave_queue(*case);
                self.timers.set(*expires, Timer::Offer(*case));
                self.occupy(*case, agent, Status::Offered { agent, expires: *expires }, at, rules);
            }
            Happened::OfferEnded { case, .. } => self.vacate(*case, rules),
            Happened::CaseAssigned { case, agent, pull, .. } => {
                let Some(agent) = self.agents.find(agent) else { return };
                self.assign(*case, agent, *pull, event.caused_by, at, rules);
            }
            Happened::CaseUnassigned { case, .. } => self.vacate(*case, rules),
            Happened::CaseParked { case, on } => {
                let Some(agent) = self.cases.get(case).and_then(|c| c.holder()) else { return };
                self.vacate(*case, rules);
                let parked = &mut self.agents.get_mut(agent).parked;
                if let Err(place) = parked.binary_search(case) {
                    parked.insert(place, *case);
                }
                self.set_status(*case, Status::Parked { agent, on: *on });
            }
            Happened::CaseResumed { case } => self.resume(*case, at, rules),
            Happened::CaseScheduled { case, at: until, keep_for } => {
                self.unsettle(*case);
                self.leave_queue(*case);
                let keep_for = keep_for.as_ref().and_then(|id| self.agents.find(id));
                self.timers.set(*until, Timer::Schedule(*case));
                self.set_status(*case, Status::Scheduled { until: *until, keep_for });
            }
            Happened::CaseResolved { case, agent, .. } => {
                self.unsettle(*case);
                self.leave_queue(*case);
                let settles = at.saturating_add(rules.tables().limits.settle_ms);
                let last = agent.as_ref().and_then(|id| self.agents.find(id));
                self.timers.set(settles, Timer::Settle(*case));
                self.set_status(*case, Status::Resolved { settles, last });
                self.open_cases -= 1;
            }
            Happened::CaseReopened { case, .. } => {
                self.unsettle(*case);
                self.set_status(*case, Status::Loose);
                self.open_cases += 1;
                self.own_author(*case);
            }
            Happened::CaseEscalated { case, step, .. } => {
                let place = rules.tables().escalations.iter().position(|rule| rule.name == *step);
                let steps = place.and_then(|place| u32::try_from(place + 1).ok()).unwrap_or(0);
                if let Some(case) = self.case_mut(*case) {
                    let rare = case.rare_mut();
                    rare.escalated = rare.escalated.max(steps);
                }
            }
            Happened::CaseFollowed { case, agent, .. } => self.follow(*case, agent, true),
            Happened::CaseUnfollowed { case, agent } => self.follow(*case, agent, false),
            Happened::CaseClosed { case, reason, .. } => self.close(*case, *reason, at, rules),
            Happened::CaseForgotten { case } => self.forget(*case),
            Happened::CaseMerged { case, into } => self.merge(*case, *into),
            Happened::CaseSplit { case, messages, .. } => self.take_out(*case, messages),
            Happened::DispositionRecorded { case, attempt, contacted, effects, .. } => {
                let follow_up = effects.iter().any(|effect| **effect == *FOLLOW_UP);
                self.is_answered(*case);
                if let Some(calling) = self.case_mut(*case).and_then(|case| case.calling.as_mut()) {
                    calling.attempts = *attempt;
                    calling.misses += u32::from(!contacted && !follow_up);
                }
            }
            _ => {}
        }
    }

    fn follow(&mut self, id: CaseId, agent: &str, begins: bool) {
        let Some(agent) = self.agents.find(agent) else { return };
        let Some(case) = self.case_mut(id) else { return };
        let followers = &mut case.rare_mut().followers;
        match (followers.binary_search(&agent), begins) {
            (Err(place), true) => followers.insert(place, agent),
            (Ok(place), false) => drop(followers.remove(place)),
            _ => {}
        }
    }

    fn set_status(&mut self, id: CaseId, status: Status) {
        if let Some(case) = self.case_mut(id) {
            case.status = status;
        }
    }

    fn open(&mut self, id: CaseId, event: &Event, input: &Input) {
        let Happened::CaseOpened { channel, account, campaign, arrived, split_from, .. } = &event.body else {
            return;
        };
        let mut case = Case::new(id, *channel, account.clone(), *arrived, event.at);
        case.calling = campaign.clone().map(|campaign| Box::new(Calling::new(campaign)));
        if let Some(from) = split_from.and_then(|from| self.cases.get(&from)) {
            case.like(from);
        } else {
            match &input.body {
                Body::Message(message) => case.take_message(message),
                Body::Handover(handover) => {
                    if let Some(message) = handover.messages.first() {
                        case.take_message(message);
                    }
                    self.came_from(input);
                }
                Body::Contact(contact) => {
                    case.author = contact.author;
                    case.customer = contact.customer.clone().map(Box::new);
                    case.message_facts = contact.facts.clone();
                    if let Some(calling) = &mut case.calling {
                        calling.criterion.clone_from(&contact.criterion);
                        calling.zone.clone_from(&contact.zone);
                        calling.numbers = contact.numbers.clone().into_boxed_slice();
                    }
                }
                _ => {}
            }
        }
        self.last_case = self.last_case.max(id.0);
        self.cases.insert(id, Box::new(case));
        self.open_cases += 1;
        self.own_author(id);
    }

    /// Notes how far another desk's handovers have come.
    fn came_from(&mut self, input: &Input) {
        let (desk, position) = match &input.body {
            Body::Handover(handover) => (&handover.desk, handover.position),
            Body::HandoverChange(change) => (&change.desk, change.position),
            _ => return,
        };
        self.handovers.insert(desk.clone(), position);
    }

    /// The case is its author's open case on its channel, unless they have one already.
    fn own_author(&mut self, id: CaseId) {
        let Some(case) = self.cases.get(&id) else { return };
        if let Some(author) = case.author {
            self.by_author.entry((author, case.channel)).or_insert(id);
        }
    }

    fn join(&mut self, id: CaseId, message: InputId, by: JoinedBy, count: u32, input: &Input) {
        let members = match (by, &input.body) {
            // Several, where another desk handed them over in one input.
            (JoinedBy::Agent, _) => self.split.extract_if(.., |m| m.id() == message).collect(),
            (_, Body::Message(m)) => vec![member_of(message, m)],
            (_, Body::Handover(h)) => h.messages.iter().map(|m| member_of(message, m)).collect(),
            _ => vec![Member::new(message, None, &[], false)],
        };
        let is_copy = by == JoinedBy::Agent || matches!(input.body, Body::Handover(_));
        let Some(case) = self.cases.get_mut(&id) else { return };
        case.count = count;
        for member in members {
            for key in member.provides() {
                self.threads.insert(*key, id);
            }
            if let Some(source) = member.source() {
                let named = self.sources.get(&source).filter(|_| is_copy);
                if named.is_none_or(|(_, message)| *message == member.id()) {
                    self.sources.insert(source, (id, member.id()));
                }
            }
            push_tight(&mut case.messages, member);
        }
    }

    /// An edit has ids of its own, by which it may be answered, edited and withdrawn like the message itself.
    fn known_also(&mut self, id: CaseId, (message, part): (InputId, u32), input: &Input) {
        let provides = match &input.body {
            Body::Message(edit) => &edit.provides,
            Body::HandoverChange(change) => &change.provides,
            _ => return,
        };
        let Some(case) = self.cases.get_mut(&id) else { return };
        let is_meant = |(p, member): (u32, &Member)| member.id() == message && p == part;
        let at = case.parts().position(is_meant);
        let Some(member) = at.and_then(|at| case.messages.get_mut(at)) else { return };
        let is_new = |key: &&Key| !member.provides().contains(key);
        let new: Vec<Key> = provides.iter().filter(is_new).copied().collect();
        if new.is_empty() {
            return;
        }
        member.provide(&new);
        for key in new {
            self.threads.insert(key, id);
        }
    }

    fn identify(&mut self, id: CaseId, input: &Input) {
        let customer = match &input.body {
            Body::Message(message) => message.customer.as_ref(),
            Body::Command(command) => match &command.ask {
                Ask::Identify { customer } => Some(customer),
                _ => None,
            },
            _ => None,
        };
        if let (Some(customer), Some(case)) = (customer, self.case_mut(id)) {
            case.customer = Some(Box::new(customer.clone()));
        }
    }

    fn queue<R: Rules>(
        &mut self,
        id: CaseId,
        queue: &Name,
        key: i64,
        skills: &[Name],
        at: Millis,
        rules: &R,
    ) {
        self.leave_queue(id);
        let Some(case) = self.cases.get_mut(&id) else { return };
        if case.queue != *queue || case.queued_at == 0 {
            case.queued_at = at;
            case.step = 0;
        }
        case.queue = queue.clone();
        case.skills = skills.into();
        case.key = key;
        case.status = Status::Queued;
        let step = case.step;
        self.enter_class(id, step, rules);
    }

    fn widen<R: Rules>(&mut self, id: CaseId, step: u32, rules: &R) {
        self.leave_queue(id);
        if let Some(case) = self.case_mut(id) {
            case.status = Status::Queued;
            case.step = step;
        }
        self.enter_class(id, step, rules);
    }

    fn enter_class<R: Rules>(&mut self, id: CaseId, step: u32, rules: &R) {
        let Some(case) = self.cases.get(&id) else { return };
        let (queue, skills, channel, key) = (case.queue.clone(), case.skills.clone(), case.channel, case.key);
        let class = self.class(&queue, channel, &skills, step, rules);
        self.demand.get_mut(class).cases.insert((key, id));
        if let Some(case) = self.case_mut(id) {
            case.class = Some(class);
        }
        self.time_widening(id, rules);
    }

    /// Sets the time at which a case that waits widens, or after the last step overflows, if it does.
    pub(super) fn time_widening<R: Rules>(&mut self, id: CaseId, rules: &R) {
        let Some(case) = self.cases.get_mut(&id).filter(|case| case.class.is_some()) else { return };
        let next = |q: &QueueRule| match q.widen_after_ms.get(case.step as usize) {
            Some(after) => Some(*after),
            None => q.overflow.as_ref().map(|overflow| overflow.after_ms),
        };
        let after = rules.tables().queue(&case.queue).and_then(next);
        let due = after.map(|after| case.queued_at.saturating_add(after));
        if let Some(before) = case.widen_due.take() {
            self.timers.clear(before, Timer::Widen(id));
        }
        case.widen_due = due.into();
        if let Some(due) = case.widen_due.get() {
            self.timers.set(due, Timer::Widen(id));
        }
    }

    fn leave_queue(&mut self, id: CaseId) {
        let Some(case) = self.cases.get_mut(&id) else { return };
        if let Some(due) = case.widen_due.take() {
            self.timers.clear(due, Timer::Widen(id));
        }
        if let Some(class) = case.class.take() {
            self.demand.get_mut(class).cases.remove(&(case.key, id));
        }
    }

    fn occupy<R: Rules>(&mut self, id: CaseId, agent: AgentIx, status: Status, at: Millis, rules: &R) {
        let Some(case) = self.case_mut(id) else { return };
        case.status = status;
        let channel = case.channel;
        self.take_up(agent, id, channel, at, rules);
    }

    /// Frees the case from whoever holds it or has it on offer.
    fn vacate<R: Rules>(&mut self, id: CaseId, rules: &R) {
        self.is_answered(id);
        let Some(case) = self.cases.get_mut(&id) else { return };
        let (channel, holder) = (case.channel, case.holder().or(case.occupies()));
        if let Status::Offered { expires, .. } = case.status {
            self.timers.clear(expires, Timer::Offer(id));
        }
        case.status = Status::Loose;
        case.is_touched();
        if let Some(due) = case.calling.as_mut().and_then(|calling| calling.lease_due.take()) {
            self.timers.clear(due, Timer::Lease(id));
        }
        if let Some(agent) = holder {
            self.put_down(agent, id, channel, rules);
        }
    }

    fn assign<R: Rules>(
        &mut self,
        id: CaseId,
        agent: AgentIx,
        pull: Option<InputId>,
        cause: InputId,
        at: Millis,
        rules: &R,
    ) {
        self.leave_queue(id);
        let Some(case) = self.cases.get_mut(&id) else { return };
        if let Status::Offered { expires, .. } = case.status {
            self.timers.clear(expires, Timer::Offer(id));
        }
        match pull.filter(|pull| *pull != cause) {
            Some(pull) => case.rare_mut().untouched = Some(pull),
            None => case.is_touched(),
        }
        if let Some(author) = case.author {
            self.last_handler.insert(author, agent);
        }
        if let Some(open) = self.agents.get_mut(agent).pull.as_mut().filter(|p| Some(p.id) == pull) {
            open.count = open.count.saturating_sub(1);
        }
        self.occupy(id, agent, Status::Assigned { agent }, at, rules);
        self.lend(id, at, rules);
        self.awaits_answer(id, at, rules);
    }

    /// From now on the agent who holds a contact has as long as its campaign says to do something with it.
    pub(super) fn lend<R: Rules>(&mut self, id: CaseId, at: Millis, rules: &R) {
        let Some(calling) = self.cases.get_mut(&id).and_then(|case| case.calling.as_mut()) else { return };
        let campaign = rules.tables().campaign(&calling.campaign);
        let due = campaign.and_then(|campaign| campaign.lease_ms).map(|lease| at.saturating_add(lease));
        let before = std::mem::replace(&mut calling.lease_due, due);
        if let Some(before) = before {
            self.timers.clear(before, Timer::Lease(id));
        }
        if let Some(due) = due {
            self.timers.set(due, Timer::Lease(id));
        }
    }

    /// From now on an answer of its agent is due, unless one is already.
    fn awaits_answer<R: Rules>(&mut self, id: CaseId, at: Millis, rules: &R) {
        let Some(case) = self.cases.get_mut(&id) else { return };
        let waits = matches!(case.status, Status::Assigned { .. }) && case.rare().answer_due.get().is_none();
        let cap = rules.tables().queue(&case.queue).and_then(|q| q.unanswered_ms);
        if let Some(cap) = cap.filter(|_| waits) {
            let due = at.saturating_add(cap);
            case.rare_mut().answer_due = Some(due).into();
            self.timers.set(due, Timer::Unanswered(id));
        }
    }

    /// Its agent answered, or it is not theirs any more.
    pub(super) fn is_answered(&mut self, id: CaseId) {
        let rare = self.case_mut(id).and_then(|case| case.rare.as_mut());
        let due = rare.and_then(|rare| rare.answer_due.take());
        if let Some(due) = due {
            self.timers.clear(due, Timer::Unanswered(id));
        }
    }

    fn resume<R: Rules>(&mut self, id: CaseId, at: Millis, rules: &R) {
        let Some(case) = self.cases.get_mut(&id) else { return };
        match case.status {
            Status::Parked { agent, .. } => {
                let channel = case.channel;
                self.put_down(agent, id, channel, rules);
                self.occupy(id, agent, Status::Assigned { agent }, at, rules);
                self.lend(id, at, rules);
                self.awaits_answer(id, at, rules);
            }
            Status::Scheduled { until, .. } => {
                if case.calling.is_some() {
                    case.arrived = until;
                }
                case.status = Status::Loose;
                self.timers.clear(until, Timer::Schedule(id));
            }
            _ => {}
        }
    }

    /// Takes the timers of a resolved or closed case back.
    fn unsettle(&mut self, id: CaseId) {
        match self.cases.get(&id).map(|c| c.status) {
            Some(Status::Resolved { settles, .. }) => self.timers.clear(settles, Timer::Settle(id)),
            Some(Status::Closed { forgotten, .. }) => self.timers.clear(forgotten, Timer::Forget(id)),
            Some(Status::Scheduled { until, .. }) => self.timers.clear(until, Timer::Schedule(id)),
            _ => {}
        }
    }

    fn close<R: Rules>(&mut self, id: CaseId, reason: CloseReason, at: Millis, rules: &R) {
        self.unsettle(id);
        self.leave_queue(id);
        let Some(case) = self.cases.get_mut(&id) else { return };
        if case.is_open() {
            self.open_cases -= 1;
        }
        let forgotten = at.saturating_add(rules.tables().limits.reopening_ms);
        let reopens = matches!(reason, CloseReason::Closed | CloseReason::Settled);
        if let Some(rare) = &mut case.rare {
            rare.followers.clear();
        }
        case.status = Status::Closed { forgotten, reopens, is_spam: reason == CloseReason::Spam };
        let author = case.author.map(|a| (a, case.channel));
        self.timers.set(forgotten, Timer::Forget(id));
        if let Some(author) = author.filter(|a| self.by_author.get(a) == Some(&id)) {
            self.by_author.remove(&author);
        }
    }

    fn forget(&mut self, id: CaseId) {
        self.unsettle(id);
        let Some(case) = self.cases.remove(&id) else { return };
        self.forget_tickets(&case);
        let keys = case.messages.iter().flat_map(|m| m.provides()).chain(&case.rare().sent);
        for key in keys {
            if self.threads.get(key) == Some(&id) {
                self.threads.remove(key);
            }
        }
        for (part, message) in case.parts() {
            self.changed.remove(&(message.id(), part));
        }
        for source in case.messages.iter().filter_map(Member::source) {
            if self.sources.get(&source).is_some_and(|(c, _)| *c == id) {
                self.sources.remove(&source);
            }
        }
        if let Some(author) = case.author.filter(|a| !self.by_author.contains_key(&(*a, case.channel))) {
            self.last_handler.remove(&author);
        }
    }

    fn merge(&mut self, id: CaseId, into: CaseId) {
        let Some(case) = self.cases.get_mut(&id) else { return };
        let (moved, count) = (std::mem::take(&mut case.messages), case.count);
        let replies = std::mem::take(&mut case.replies);
        let rare = case.rare_mut();
        rare.merged_into = Some(into);
        let (tickets, sent) = (rare.tickets.take(), std::mem::take(&mut rare.sent));
        for key in moved.iter().flat_map(Member::provides).chain(&sent) {
            self.threads.insert(*key, into);
        }
        for member in &moved {
            let named = member.source().and_then(|source| self.sources.get_mut(&source));
            if let Some(named) = named.filter(|(_, message)| *message == member.id()) {
                *named = (into, member.id());
            }
        }
        let Some(other) = self.cases.get_mut(&into) else { return };
        other.messages.extend(moved);
        other.messages.sort_by_key(Member::id);
        if !sent.is_empty() {
            other.rare_mut().sent.extend(sent);
        }
        other.count += count;
        other.replies += replies;
        self.move_tickets(id, into, tickets);
    }

    fn take_out(&mut self, id: CaseId, messages: &[InputId]) {
        let Some(case) = self.cases.get_mut(&id) else { return };
        let (moved, kept): (Vec<Member>, Vec<Member>) =
            std::mem::take(&mut case.messages).into_iter().partition(|m| messages.contains(&m.id()));
        case.messages = kept;
        let gone = u32::try_from(moved.len()).unwrap_or(u32::MAX);
        case.count = case.count.saturating_sub(gone).max(1);
        self.split = moved;
    }
}

fn member_of(id: InputId, message: &Message) -> Member {
    let by_machine = matches!(message.kind, MessageKind::Bounce | MessageKind::Automatic);
    Member::new(id, message.source, &message.provides, message.automatic || by_machine)
}

impl Case {
    fn new(
        id: CaseId,
        channel: crate::words::Channel,
        account: Name,
        arrived: Millis,
        opened: Millis,
    ) -> Self {
        let none = Name::new();
        Self {
            id,
            channel,
            visibility: Visibility::Private,
            account,
            calling: None,
            arrived,
            opened,
            author: None,
            customer: None,
            message_facts: crate::facts::Facts::default(),
            rule: none.clone(),
            segment: None,
            priority: none.clone(),
            queue: none,
            skills: Box::default(),
            sla: None,
            status: Status::Loose,
            key: 0,
            class: None,
            step: 0,
            widen_due: Moment::NONE,
            queued_at: 0,
            messages: Vec::new(),
            count: 0,
            clocks: Vec::new(),
            answered: false,
            replies: 0,
            rare: None,
        }
    }

    /// No waiting pull takes it back any more.
    pub(super) fn is_touched(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.untouched = None;
        }
    }

    fn take_message(&mut self, message: &Message) {
        self.visibility = message.visibility;
        self.author = message.author;
        self.customer = message.customer.clone().map(Box::new);
        self.message_facts = message.facts.clone();
    }

    fn like(&mut self, other: &Self) {
        self.visibility = other.visibility;
        self.author = other.author;
        self.customer.clone_from(&other.customer);
        self.message_facts = other.message_facts.clone();
        if !other.rare().facts.is_empty() {
            self.rare_mut().facts = other.rare().facts.clone();
        }
    }
}
