//! The desk as events leave it: cases, agents, queues. Folds leniently whatever comes; the checks beside it say what
//! is wrong. They look at it before an event is folded.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self, OfferEnd, Presence, UnassignedBy};

use crate::InputId;
use crate::agent::{Agent, WaitingPull};
use crate::arrived::{Arrived, Ask, Kind, SessionLimit};
use crate::names::{NameNo, Names};
use crate::terms::Terms;

/// A case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) phase: Phase,
    pub(crate) place: Place,
    pub(crate) channel: i32,
    pub(crate) demand: Option<Demand>,
    pub(crate) parked: bool,
    pub(crate) scheduled: bool,
    /// Widening step that surely holds. A new place in the same queue may begin again or keep its step.
    pub(crate) step: u32,
    /// Widening step that may hold.
    pub(crate) step_max: u32,
    /// Who had it, or an offer of it, when it was resolved, closed or put away; the event that says so may follow.
    pub(crate) left: Option<NameNo>,
    /// The input that closed it.
    pub(crate) closed_by: Option<InputId>,
}

/// How far a case has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    Resolved,
    Closed,
}

/// Where a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Nowhere,
    /// On its way back to its queue; there at the end of the input's events.
    Returning,
    Waiting,
    Offered(NameNo),
    Assigned(NameNo),
}

/// What a waiting case asks for, and its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) queue: NameNo,
    /// A set of names.
    pub(crate) skills: NameNo,
    pub(crate) key_ms: i64,
}

/// Waiting cases that the same agents may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    pub(crate) queue: NameNo,
    pub(crate) skills: NameNo,
    pub(crate) channel: i32,
    pub(crate) step: u32,
}

/// One capacity for the cases of all channels.
#[derive(Debug)]
struct Shared {
    total: u32,
    weights: BTreeMap<i32, u32>,
}

impl Shared {
    fn weight(&self, channel: i32) -> u64 {
        u64::from(self.weights.get(&channel).copied().unwrap_or(1))
    }
}

/// The desk.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) names: Names,
    pub(crate) cases: HashMap<u64, Case>,
    pub(crate) agents: HashMap<NameNo, Agent>,
    /// Number of the last case that was opened.
    pub(crate) last_case: u64,
    /// Waiting cases by key and number.
    waiting: BTreeMap<Class, BTreeSet<(i64, u64)>>,
    /// Agents who are there and may ask for cases, by queue they are admitted to.
    asking: BTreeMap<NameNo, BTreeSet<NameNo>>,
    /// Queues in which nobody takes cases by pull or offer.
    held_queues: BTreeSet<NameNo>,
    /// Queues whose cases come by pull only, and those whose cases come by offer only.
    pull_queues: BTreeSet<NameNo>,
    offer_queues: BTreeSet<NameNo>,
    default_capacity: BTreeMap<i32, u32>,
    shared: Option<Shared>,
    changed_classes: BTreeSet<Class>,
    changed_agents: BTreeSet<NameNo>,
    returning: Vec<u64>,
    /// Cases that were taken from somewhere, opened or reopened by the input that is being looked at.
    loose: BTreeSet<u64>,
}

impl Desk {
    pub(crate) fn new(terms: &Terms) -> Self {
        let mut desk = Self::default();
        desk.take_terms(terms);
        desk
    }

    /// Other terms hold from here on: who may take what is to be looked at anew.
    pub(crate) fn take_terms(&mut self, terms: &Terms) {
        let by_number =
            |all: &BTreeMap<v1::Channel, u32>| all.iter().map(|(channel, n)| (*channel as i32, *n)).collect();
        let shared = terms.shared_capacity.as_ref();
        self.default_capacity = by_number(&terms.default_capacity);
        self.shared = shared.map(|s| Shared { total: s.total, weights: by_number(&s.weights) });
        let mut all = |queues: &BTreeSet<String>| queues.iter().map(|queue| self.names.of(queue)).collect();
        self.held_queues = all(&terms.held_queues);
        self.pull_queues = all(&terms.pull_queues);
        self.offer_queues = all(&terms.offer_queues);
        self.changed_agents.extend(self.agents.keys());
    }

    /// Folds an event.
    pub(crate) fn apply(&mut self, body: &Body, cause: Option<&Arrived>) {
        self.apply_to_agents(body, cause);
        self.apply_to_places(body);
        self.apply_to_phases(body, cause.map(|c| c.id));
    }

    fn apply_to_agents(&mut self, body: &Body, cause: Option<&Arrived>) {
        match body {
            Body::AgentChanged(e) => self.agent_changed(&e.agent, cause),
            Body::AgentSignedIn(e) => self.signed_in(e, cause),
            Body::AgentSignedOut(e) => self.agent(&e.agent, |a, _| {
                if a.session.as_ref() == Some(&e.session) {
                    a.session = None;
                    a.pull = None;
                }
            }),
            Body::AgentPresenceChanged(e) => self.presence_changed(e, cause),
            Body::PullWaiting(e) => self.agent(&e.agent, |a, names| {
                let queues = e.queues.iter().map(|queue| names.of(queue)).collect();
                a.pull = Some(WaitingPull { id: e.pull.unwrap_or_default().into(), left: e.count, queues });
            }),
            Body::PullEnded(e) => self.agent(&e.agent, |a, _| {
                let id = InputId::from(e.pull.unwrap_or_default());
                a.pull.take_if(|pull| pull.id == id);
            }),
            Body::AgentAdmitted(e) => self.agent(&e.agent, |a, names| {
                a.admissions = e.admissions.iter().map(|to| (names.of(&to.queue), to.step)).collect();
            }),
            _ => {}
        }
    }

    fn agent_changed(&mut self, agent: &str, cause: Option<&Arrived>) {
        let Some(Kind::Agent(record)) = cause.map(|c| &c.kind) else { return };
        if record.agent == agent {
            self.agent(agent, |a, names| {
                a.skills = record.skills.iter().map(|skill| names.of(skill)).collect();
                a.capacities = record.capacities.iter().copied().collect();
            });
        }
    }

    fn signed_in(&mut self, event: &v1::AgentSignedIn, cause: Option<&Arrived>) {
        let asked = cause.and_then(|c| match &c.kind {
            Kind::Command(command) => match command.ask {
                Ask::SignIn { ready, auto } => Some((ready, auto)),
                _ => None,
            },
            _ => None,
        });
        self.agent(&event.agent, |a, _| {
            a.session = Some(event.session.clone());
            a.limit = SessionLimit::default();
            a.presence = asked.map(|(ready, _)| if ready { Presence::Ready } else { Presence::NotReady });
            a.auto = asked.is_some_and(|(_, auto)| auto);
        });
    }

    /// The limit is read off what the agent asked, not off what the router says of it.
    fn presence_changed(&mut self, event: &v1::AgentPresenceChanged, cause: Option<&Arrived>) {
        let limit = cause.and_then(|c| match &c.kind {
            Kind::Command(command) if command.principal == event.agent => match &command.ask {
                Ask::SetPresence { limit } => limit.clone(),
                _ => None,
            },
            _ => None,
        });
        self.agent(&event.agent, |a, _| {
            a.presence = Some(event.presence());
            a.auto = event.auto;
            if let Some(limit) = limit {
                a.limit = limit;
            }
        });
    }

    fn apply_to_places(&mut self, body: &Body) {
        match body {
            Body::CaseQueued(e) => self.queued(e),
            Body::CaseOffered(e) => {
                let agent = self.names.of(&e.agent);
                self.put(e.case, Place::Offered(agent));
            }
            Body::OfferEnded(e) => self.offer_ended(e),
            Body::CaseAssigned(e) => self.assigned(e),
            Body::CaseUnassigned(e) => self.unassigned(e),
            Body::CaseParked(e) => self.park(e.case, true),
            Body::CaseResumed(e) => {
                self.park(e.case, false);
                self.case(e.case, |c| c.scheduled = false);
            }
            Body::CaseScheduled(e) => {
                self.leave(e.case);
                self.case(e.case, |c| c.scheduled = true);
            }
            Body::CaseWidened(e) => {
                let place = self.put(e.case, Place::Nowhere);
                self.case(e.case, |c| (c.step, c.step_max) = (e.step, e.step));
                self.put(e.case, place);
            }
            _ => {}
        }
    }

    fn apply_to_phases(&mut self, body: &Body, cause: Option<InputId>) {
        match body {
            Body::CaseOpened(e) => self.opened(e),
            Body::CaseResolved(e) => {
                self.leave(e.case);
                // Nothing that is done waits for its time.
                self.case(e.case, |c| (c.phase, c.scheduled) = (Phase::Resolved, false));
            }
            Body::CaseReopened(e) => {
                self.case(e.case, |c| (c.phase, c.closed_by) = (Phase::Open, None));
                self.loose.insert(e.case);
            }
            Body::CaseClosed(e) => {
                self.leave(e.case);
                self.case(e.case, |c| (c.phase, c.scheduled, c.closed_by) = (Phase::Closed, false, cause));
            }
            Body::CaseForgotten(e) => {
                self.leave(e.case);
                self.cases.remove(&e.case);
            }
            _ => {}
        }
    }

    fn opened(&mut self, event: &v1::CaseOpened) {
        let case = Case {
            phase: Phase::Open,
            place: Place::Nowhere,
            channel: event.channel,
            demand: None,
            parked: false,
            scheduled: false,
            step: 0,
            step_max: 0,
            left: None,
            closed_by: None,
        };
        self.last_case = self.last_case.max(event.case);
        self.cases.insert(event.case, case);
        self.loose.insert(event.case);
    }

    fn queued(&mut self, event: &v1::CaseQueued) {
        let queue = self.names.of(&event.queue);
        let demand = Demand { queue, skills: self.names.set_of(&event.skills), key_ms: event.key_ms };
        let place = self.put(event.case, Place::Nowhere);
        self.case(event.case, |c| {
            let same = c.demand.is_some_and(|d| d.queue == queue);
            (c.step, c.step_max) = (0, if same { c.step_max } else { 0 });
            c.demand = Some(demand);
        });
        let kept = matches!(place, Place::Offered(_) | Place::Assigned(_));
        self.put(event.case, if kept { place } else { Place::Waiting });
    }

    fn offer_ended(&mut self, event: &v1::OfferEnded) {
        let Some(agent) = self.names.find(&event.agent) else { return };
        self.case(event.case, |c| c.left = c.left.filter(|left| *left != agent));
        if self.cases.get(&event.case).is_none_or(|c| c.place != Place::Offered(agent)) {
            return;
        }
        let back = if event.reason() == OfferEnd::Withdrawn { Place::Returning } else { Place::Waiting };
        self.put(event.case, back);
    }

    fn assigned(&mut self, event: &v1::CaseAssigned) {
        let agent = self.names.of(&event.agent);
        self.park(event.case, false);
        self.put(event.case, Place::Assigned(agent));
        self.case(event.case, |c| (c.left, c.scheduled) = (None, false));
        let pull = event.pull.map(InputId::from);
        self.agent(&event.agent, |a, _| {
            if let Some(waiting) = a.pull.as_mut().filter(|waiting| Some(waiting.id) == pull) {
                waiting.left = waiting.left.saturating_sub(1);
            }
        });
    }

    fn unassigned(&mut self, event: &v1::CaseUnassigned) {
        let Some(agent) = self.names.find(&event.agent) else { return };
        self.case(event.case, |c| c.left = c.left.filter(|left| *left != agent));
        if self.cases.get(&event.case).is_none_or(|c| c.place != Place::Assigned(agent)) {
            return;
        }
        self.park(event.case, false);
        let back = match event.by() {
            UnassignedBy::Release
            | UnassignedBy::PullCancelled
            | UnassignedBy::SignOut
            | UnassignedBy::Lease
            | UnassignedBy::Unanswered => Place::Returning,
            _ => Place::Nowhere,
        };
        self.put(event.case, back);
    }

    fn park(&mut self, case: u64, parked: bool) {
        let place = self.put(case, Place::Nowhere);
        self.case(case, |c| c.parked = parked);
        self.put(case, place);
    }

    /// Takes a case from whoever has it.
    fn leave(&mut self, case: u64) {
        self.park(case, false);
        if let Place::Offered(agent) | Place::Assigned(agent) = self.put(case, Place::Nowhere) {
            self.case(case, |c| c.left = Some(agent));
        }
    }

    /// Moves a case; answers where it was.
    fn put(&mut self, case: u64, to: Place) -> Place {
        let Some(from) = self.cases.get(&case).map(|c| c.place) else { return Place::Nowhere };
        self.count(case, from, false);
        self.case(case, |c| c.place = to);
        if to == Place::Nowhere {
            self.loose.insert(case);
        }
        self.count(case, to, true);
        from
    }

    fn count(&mut self, number: u64, place: Place, enters: bool) {
        let Some(case) = self.cases.get(&number) else { return };
        let (channel, counts) = (case.channel, !case.parked);
        match place {
            Place::Nowhere => {}
            Place::Returning if enters => self.returning.push(number),
            Place::Returning => self.returning.retain(|n| *n != number),
            Place::Waiting => self.count_waiting(number, enters),
            Place::Offered(agent) => {
                self.agents.entry(agent).or_default().offered(channel, enters);
                self.changed_agents.insert(agent);
            }
            Place::Assigned(agent) => {
                self.agents.entry(agent).or_default().holds(number, channel, counts, enters);
                self.changed_agents.insert(agent);
            }
        }
    }

    fn count_waiting(&mut self, number: u64, enters: bool) {
        let Some(case) = self.cases.get(&number) else { return };
        let Some(Demand { queue, skills, key_ms }) = case.demand else { return };
        let class = Class { queue, skills, channel: case.channel, step: case.step };
        let cases = self.waiting.entry(class).or_default();
        if enters {
            if cases.is_empty() {
                self.changed_classes.insert(class);
            }
            cases.insert((key_ms, number));
        } else {
            cases.remove(&(key_ms, number));
            if cases.is_empty() {
                self.waiting.remove(&class);
            }
        }
    }

    fn case(&mut self, number: u64, change: impl FnOnce(&mut Case)) {
        if let Some(case) = self.cases.get_mut(&number) {
            change(case);
        }
    }

    fn agent(&mut self, name: &str, change: impl FnOnce(&mut Agent, &mut Names)) {
        let number = self.names.of(name);
        let agent = self.agents.entry(number).or_default();
        for queue in agent.admissions.keys() {
            if let Some(asking) = self.asking.get_mut(queue) {
                asking.remove(&number);
            }
        }
        change(agent, &mut self.names);
        if agent.is_there() {
            for queue in agent.admissions.keys() {
                self.asking.entry(*queue).or_default().insert(number);
            }
        }
        self.changed_agents.insert(number);
    }

    /// Cases that the input's events opened, reopened or took from somewhere.
    pub(crate) fn take_loose(&mut self) -> BTreeSet<u64> {
        std::mem::take(&mut self.loose)
    }

    /// At the end of an input's events: what was on its way back is there. Answers what changed since the last time:
    /// classes that were empty before, and agents.
    pub(crate) fn settle(&mut self) -> (BTreeSet<Class>, BTreeSet<NameNo>) {
        for case in std::mem::take(&mut self.returning) {
            let waits = self.cases.get(&case).is_some_and(|c| c.demand.is_some() && c.phase == Phase::Open);
            self.put(case, if waits { Place::Waiting } else { Place::Nowhere });
        }
        (std::mem::take(&mut self.changed_classes), std::mem::take(&mut self.changed_agents))
    }

    /// Waiting cases of a queue, or of a queue and a set of skills, by class.
    pub(crate) fn waiting(
        &self,
        queue: NameNo,
        skills: Option<NameNo>,
    ) -> impl Iterator<Item = (&Class, &BTreeSet<(i64, u64)>)> {
        let class = |skills, channel, step| Class { queue, skills, channel, step };
        let from = class(skills.unwrap_or(0), i32::MIN, 0);
        let to = class(skills.unwrap_or(NameNo::MAX), i32::MAX, u32::MAX);
        self.waiting.range(from..=to)
    }

    /// Waiting cases of a class.
    pub(crate) fn waiting_in(&self, class: &Class) -> Option<&BTreeSet<(i64, u64)>> {
        self.waiting.get(class)
    }

    /// Agents who are there and admitted to the queue.
    pub(crate) fn asking_for(&self, queue: NameNo) -> impl Iterator<Item = NameNo> {
        self.asking.get(&queue).into_iter().flatten().copied()
    }

    /// Whether an agent is to get the next case of a queue: by a pull, or because they are offered its cases.
    pub(crate) fn asks(&self, agent: NameNo, queue: NameNo) -> bool {
        let Some(agent) = self.agents.get(&agent) else { return false };
        let pulls = !self.offers_only(queue) && agent.pulls(queue);
        agent.is_there() && (pulls || self.offers(agent, queue))
    }

    /// Whether a queue offers an agent its cases.
    pub(crate) fn offers(&self, agent: &Agent, queue: NameNo) -> bool {
        let by_itself = agent.auto && !self.pull_queues.contains(&queue);
        agent.presence.is_some() && (by_itself || self.offers_only(queue))
    }

    /// Whether no pull brings cases of a queue.
    pub(crate) fn offers_only(&self, queue: NameNo) -> bool {
        self.offer_queues.contains(&queue)
    }

    /// Of a shared capacity: what the agent's cases weigh, with those on offer too, what one more of the channel would,
    /// and the most.
    pub(crate) fn shared_room(&self, agent: &Agent, channel: i32, offers: bool) -> Option<(u64, u64, u64)> {
        let shared = self.shared.as_ref()?;
        let taken = agent.all_loads(offers).map(|(of, count)| shared.weight(of) * u64::from(count)).sum();
        Some((taken, shared.weight(channel), u64::from(shared.total)))
    }

    /// Most cases of a channel that an agent may hold; `None`: not known here.
    pub(crate) fn capacity(&self, agent: NameNo, channel: i32) -> Option<u32> {
        let own = self.agents.get(&agent).and_then(|a| a.capacities.get(&channel));
        let shared = self.shared.as_ref().map(|_| u32::MAX);
        own.or_else(|| self.default_capacity.get(&channel)).copied().or(shared)
    }

    /// Whether an agent holds each of the skills at any level.
    pub(crate) fn has_skills(&self, agent: NameNo, skills: NameNo) -> bool {
        let needed = self.names.set(skills);
        self.agents.get(&agent).is_some_and(|a| needed.iter().all(|skill| a.skills.contains(skill)))
    }

    /// Whether an agent is admitted to a queue at a widening step.
    pub(crate) fn admitted(&self, agent: NameNo, queue: NameNo, step: u32) -> bool {
        let from = self.agents.get(&agent).and_then(|a| a.admissions.get(&queue));
        !self.held_queues.contains(&queue) && from.is_some_and(|from| *from <= step)
    }

    /// Whether an agent could take a case of a class now; `None` when their capacity is not known here.
    pub(crate) fn could_take(&self, agent: NameNo, class: &Class) -> Option<bool> {
        if !self.admitted(agent, class.queue, class.step) || !self.has_skills(agent, class.skills) {
            return Some(false);
        }
        let Some(state) = self.agents.get(&agent) else { return Some(false) };
        let busy = state.busy(class.channel);
        if state.wants_no_more(class.channel, busy, state.busy_in_all()) {
            return Some(false);
        }
        let shared = self.shared_room(state, class.channel, true);
        if shared.is_some_and(|(taken, weight, total)| taken + weight > total) {
            return Some(false);
        }
        self.capacity(agent, class.channel).map(|most| busy < most)
    }
}
