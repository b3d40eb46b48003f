//! A naive picture of what a desk has to be, from its inputs, its events and the tables of its policy alone: plain lists
//! that are looked through from one end to the other; no index, no timer, nothing of the core's. It says, input by
//! input, what can't be right.

mod clocks;

use std::cmp::Reverse;

use simpang_domain::event::{Event, Explanation, Happened};
use simpang_domain::input::{AgentRecord, Body, Input};
use simpang_domain::rules::{OverflowTo, QueueRule};
use simpang_domain::words::{
    AssignedBy, CaseId, Channel, InputId, Millis, Name, Presence, QueueMode, SessionLimit,
};

use crate::support::TestRules;
use clocks::Clock;

/// Where a case is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Nowhere,
    Waiting,
    Offered(Name),
    With(Name),
    Parked(Name),
    Scheduled,
    Done,
}

#[derive(Debug)]
struct Case {
    id: CaseId,
    channel: Channel,
    contact: bool,
    place: Place,
    queue: Name,
    skills: Vec<Name>,
    key: i64,
    step: u32,
    /// Since when it has waited in this queue; none: it begins anew when it is queued next.
    since: Option<Millis>,
    clocks: Vec<Clock>,
}

#[derive(Debug)]
struct Agent {
    record: AgentRecord,
    there: bool,
    ready: bool,
    auto: bool,
    limit: SessionLimit,
    pull: Option<(InputId, u32, Vec<Name>)>,
    idle_since: Millis,
}

/// One desk.
#[derive(Debug)]
pub(crate) struct Naive {
    rules: TestRules,
    cases: Vec<Case>,
    /// In the order in which they came.
    agents: Vec<Agent>,
    now: Millis,
    wrong: Vec<String>,
}

impl Naive {
    pub(crate) fn new(rules: TestRules) -> Self {
        let (cases, agents, wrong) = (Vec::new(), Vec::new(), Vec::new());
        Self { rules, cases, agents, now: 0, wrong }
    }

    /// Takes in what followed from an input, which may have brought other rules; says what can't be right.
    pub(crate) fn see(
        &mut self,
        input: &Input,
        events: &[Event],
        brought: Option<&TestRules>,
    ) -> Vec<String> {
        for event in events {
            if event.at < self.now {
                self.wrong.push(format!("{:?} happened before what was judged before it", event.body));
            }
            self.now = self.now.max(event.at);
            if let (Happened::PolicyApplied { .. }, Some(rules)) = (&event.body, brought) {
                self.rules = rules.clone();
            }
            self.people(event, input);
            self.work(event);
            self.clock_event(event);
        }
        self.now = self.now.max(input.at);
        self.each_open_case_is_somewhere();
        self.nobody_is_idle();
        self.what_waited_too_long_has_gone_on();
        self.no_breach_is_missed();
        std::mem::take(&mut self.wrong)
    }

    fn queue(&self, name: &str) -> Option<&QueueRule> {
        self.rules.tables.queues.iter().find(|queue| &*queue.name == name)
    }

    fn case(&mut self, id: CaseId) -> Option<&mut Case> {
        self.cases.iter_mut().find(|case| case.id == id)
    }

    fn agent(&mut self, name: &str) -> Option<&mut Agent> {
        self.agents.iter_mut().find(|agent| &*agent.record.agent == name)
    }

    fn people(&mut self, event: &Event, input: &Input) {
        match (&event.body, &input.body) {
            (Happened::AgentChanged { agent }, Body::Agent(record)) => {
                let (record, limit) = (record.clone(), SessionLimit::default());
                match self.agent(agent) {
                    Some(known) => known.record = record,
                    None => self.agents.push(Agent {
                        record,
                        there: false,
                        ready: false,
                        auto: false,
                        limit,
                        pull: None,
                        idle_since: 0,
                    }),
                }
            }
            (Happened::AgentSignedIn { agent, .. }, _) => {
                let at = event.at;
                let Some(agent) = self.agent(agent) else { return };
                (agent.there, agent.limit, agent.idle_since) = (true, SessionLimit::default(), at);
            }
            (Happened::AgentSignedOut { agent, .. }, _) => {
                let Some(agent) = self.agent(agent) else { return };
                (agent.there, agent.ready, agent.auto) = (false, false, false);
                agent.limit = SessionLimit::default();
            }
            (Happened::AgentPresenceChanged { agent, presence, auto, limit, .. }, _) => {
                let Some(agent) = self.agent(agent) else { return };
                (agent.ready, agent.auto) = (*presence == Presence::Ready, *auto);
                agent.limit.clone_from(limit);
            }
            (Happened::PullWaiting { agent, count, queues, pull, .. }, _) => {
                let waits = (*pull, *count, queues.clone());
                let Some(agent) = self.agent(agent) else { return };
                agent.pull = Some(waits);
            }
            (Happened::PullEnded { agent, pull, .. }, _) => {
                let waited = self.agent(agent).and_then(|agent| agent.pull.take());
                if waited.is_none_or(|(id, ..)| id != *pull) {
                    self.wrong.push(format!("a pull of {agent} ended that did not wait"));
                }
            }
            _ => {}
        }
    }

    fn work(&mut self, event: &Event) {
        let at = event.at;
        match &event.body {
            Happened::CaseOpened { case, channel, campaign, .. } => self.cases.push(Case {
                id: *case,
                channel: *channel,
                contact: campaign.is_some(),
                place: Place::Nowhere,
                queue: "".into(),
                skills: Vec::new(),
                key: 0,
                step: 0,
                since: None,
                clocks: Vec::new(),
            }),
            Happened::CaseClassified { case, queue, .. } => {
                let Some(case) = self.case(*case) else { return };
                if case.queue != *queue {
                    case.since = None;
                }
                case.queue = queue.clone();
            }
            Happened::CaseQueued { case, queue, key, skills } => {
                let Some(case) = self.case(*case) else { return };
                if case.queue != *queue || case.since.is_none() {
                    (case.since, case.step) = (Some(at), 0);
                }
                (case.queue, case.key, case.skills) = (queue.clone(), *key, skills.clone());
                case.place = Place::Waiting;
            }
            Happened::CaseWidened { case, step } => {
                let Some(case) = self.case(*case) else { return };
                case.step = *step;
            }
            Happened::CaseOffered { case, agent, explanation, .. } => {
                self.given(event, *case, agent, Some(explanation), None);
                self.put(*case, Place::Offered(agent.clone()));
                self.busy_from(agent, at);
            }
            Happened::CaseAssigned { case, agent, by, explanation, pull } => {
                self.assigned(event, *case, agent, *by, explanation.as_deref(), *pull);
                self.put(*case, Place::With(agent.clone()));
                self.busy_from(agent, at);
            }
            Happened::OfferEnded { case, agent, .. } => self.leaves(*case, &Place::Offered(agent.clone())),
            Happened::CaseUnassigned { case, agent, .. } => {
                let parked =
                    self.cases.iter().any(|c| c.id == *case && c.place == Place::Parked(agent.clone()));
                let from = if parked { Place::Parked(agent.clone()) } else { Place::With(agent.clone()) };
                self.leaves(*case, &from);
            }
            Happened::CaseParked { case, .. } => {
                if let Some(Place::With(agent)) = self.place_of(*case) {
                    self.put(*case, Place::Parked(agent));
                }
            }
            Happened::CaseResumed { case } => match self.place_of(*case) {
                Some(Place::Parked(agent)) => {
                    self.room_for(*case, &agent);
                    self.put(*case, Place::With(agent.clone()));
                    self.busy_from(&agent, at);
                }
                _ => self.put(*case, Place::Nowhere),
            },
            Happened::CaseScheduled { case, .. } => self.put(*case, Place::Scheduled),
            Happened::CaseResolved { case, .. } | Happened::CaseClosed { case, .. } => {
                self.put(*case, Place::Done);
            }
            Happened::CaseReopened { case, .. } => self.put(*case, Place::Nowhere),
            Happened::CaseForgotten { case } => self.cases.retain(|c| c.id != *case),
            _ => {}
        }
    }

    fn place_of(&self, id: CaseId) -> Option<Place> {
        self.cases.iter().find(|case| case.id == id).map(|case| case.place.clone())
    }

    /// Nobody loses a case without a word.
    fn put(&mut self, id: CaseId, to: Place) {
        let from = self.place_of(id);
        let silent = matches!(to, Place::Done | Place::Scheduled | Place::Nowhere | Place::Waiting);
        if let (Some(Place::With(agent) | Place::Offered(agent) | Place::Parked(agent)), true) =
            (from, silent)
        {
            self.wrong.push(format!("case {} left {agent}, and nothing says so", id.0));
        }
        if let Some(case) = self.case(id) {
            case.place = to;
        }
    }

    fn leaves(&mut self, id: CaseId, from: &Place) {
        if self.place_of(id).as_ref() != Some(from) {
            self.wrong.push(format!("case {} left {from:?} and was not there", id.0));
        }
        if let Some(case) = self.case(id) {
            case.place = Place::Nowhere;
        }
    }

    fn busy_from(&mut self, agent: &str, at: Millis) {
        if let Some(agent) = self.agent(agent) {
            agent.idle_since = at;
        }
    }

    fn assigned(
        &mut self,
        event: &Event,
        id: CaseId,
        agent: &Name,
        by: AssignedBy,
        told: Option<&Explanation>,
        pull: Option<InputId>,
    ) {
        match by {
            AssignedBy::Pull => self.given(event, id, agent, told, pull),
            AssignedBy::Offer => {
                if self.place_of(id) != Some(Place::Offered(agent.clone())) {
                    self.wrong.push(format!("{agent} took case {} without an offer of it", id.0));
                }
            }
            AssignedBy::TakeOver | AssignedBy::Transfer | AssignedBy::Return => {
                if let Some(Place::With(other) | Place::Offered(other)) = self.place_of(id) {
                    self.wrong.push(format!("case {} goes to {agent} and is {other}'s", id.0));
                }
                self.room_for(id, agent);
            }
        }
    }

    /// A case that waits goes to an agent, by pull or as an offer: they may have it, and nobody and nothing comes first.
    fn given(
        &mut self,
        event: &Event,
        id: CaseId,
        name: &Name,
        told: Option<&Explanation>,
        pull: Option<InputId>,
    ) {
        self.room_for(id, name);
        let mut wrong = Vec::new();
        let (Some(case), Some(agent)) = (
            self.cases.iter().find(|case| case.id == id),
            self.agents.iter().find(|agent| agent.record.agent == *name),
        ) else {
            return self.wrong.push(format!("{name} or case {} is not known", id.0));
        };
        if case.place != Place::Waiting {
            wrong.push(format!("{name} got case {}, which does not wait: {:?}", id.0, case.place));
        }
        if !self.may_take(agent, case) {
            wrong.push(format!("{name} got case {} of {} and may not", id.0, case.queue));
        }
        let mode = self.queue(&case.queue).map_or(QueueMode::Both, |queue| queue.mode);
        let at_once = pull == Some(event.caused_by);
        let fits_mode = match (pull, mode) {
            (Some(_), QueueMode::Offer) | (None, QueueMode::Pull) => false,
            (None, QueueMode::Both) => agent.auto,
            _ => true,
        };
        if !fits_mode || !(at_once || self.asks_for(agent, &case.queue)) {
            wrong.push(format!("{name} got case {} of {} in a way it does not come", id.0, case.queue));
        }
        let earlier = self.cases.iter().find(|other| {
            let before = other.queue == case.queue && (other.key, other.id) < (case.key, case.id);
            before && other.place == Place::Waiting && self.could_take(agent, other)
        });
        if let Some(earlier) = earlier {
            wrong.push(format!("{name} got case {} while {} waited before it", id.0, earlier.id.0));
        }
        let sticky = told.is_some_and(|told| told.sticky);
        if sticky && !self.queue(&case.queue).is_some_and(|queue| queue.sticky) {
            wrong.push(format!("case {} went to who had it last, in a queue that does not ask it", id.0));
        }
        if !at_once && !sticky {
            let asks = |other: &&Agent| self.asks_for(other, &case.queue) && self.could_take(other, case);
            let best = self.agents.iter().filter(asks).min_by_key(|other| self.rank(other, case));
            if let Some(best) = best.filter(|best| self.rank(best, case) < self.rank(agent, case)) {
                wrong.push(format!("{name} got case {}, and {} comes first", id.0, best.record.agent));
            }
        }
        if told.is_none_or(|told| told.queue != case.queue || told.key != case.key) {
            wrong.push(format!("case {} is not explained by its queue and key", id.0));
        }
        self.wrong.extend(wrong);
        let Some(agent) = self.agent(name) else { return };
        if let Some((of, left, _)) = agent.pull.as_mut().filter(|(of, ..)| Some(*of) == pull) {
            let _ = of;
            *left = left.saturating_sub(1);
        }
    }

    /// An agent has room for a case that they do not have yet.
    fn room_for(&mut self, id: CaseId, name: &str) {
        let Some(channel) = self.cases.iter().find(|case| case.id == id).map(|case| case.channel) else {
            return;
        };
        let Some(agent) = self.agents.iter().find(|agent| &*agent.record.agent == name) else { return };
        let there = agent.there;
        if !self.has_room(agent, channel) || !there {
            self.wrong.push(format!("{name} has no room for case {}, or is not there", id.0));
        }
    }

    /// Cases that an agent has or is offered.
    fn load(&self, agent: &Agent) -> Vec<Channel> {
        let name = &agent.record.agent;
        let theirs = |case: &&Case| matches!(&case.place, Place::Offered(a) | Place::With(a) if a == name);
        self.cases.iter().filter(theirs).map(|case| case.channel).collect()
    }

    fn has_room(&self, agent: &Agent, channel: Channel) -> bool {
        let mut would = self.load(agent);
        would.push(channel);
        let of_channel = would.iter().filter(|c| **c == channel).count();
        let tables = &self.rules.tables;
        let find = |all: &[(Channel, u32)]| all.iter().find(|(c, _)| *c == channel).map(|(_, n)| *n as usize);
        let unnamed = if tables.shared.is_some() { usize::MAX } else { 1 };
        let most = find(&agent.record.capacities).or(find(&tables.capacities)).unwrap_or(unnamed);
        let weight = |c: &Channel| {
            let weights = tables.shared.iter().flat_map(|shared| &shared.weights);
            weights.into_iter().find(|(of, _)| of == c).map_or(1, |(_, weight)| *weight)
        };
        let weighs: u32 = would.iter().map(weight).sum();
        of_channel <= most
            && tables.shared.as_ref().is_none_or(|shared| weighs <= shared.total)
            && find(&agent.limit.channels).is_none_or(|own| of_channel <= own)
            && agent.limit.total.is_none_or(|own| would.len() <= own as usize)
    }

    /// Whether the policy of the tests lets an agent serve a case: `vip` from step 0 on for the group `senior`, from
    /// step 1 on for everybody; other queues for everybody who is not in `nowhere`; and the skills.
    fn may_take(&self, agent: &Agent, case: &Case) -> bool {
        let is_in = |group: &str| agent.record.groups.iter().any(|g| &**g == group);
        let held = self.queue(&case.queue).is_none_or(|queue| queue.held);
        let admitted = !is_in("nowhere") && (&*case.queue != "vip" || is_in("senior") || case.step > 0);
        let skilled =
            case.skills.iter().all(|skill| agent.record.skills.iter().any(|(s, n)| s == skill && *n > 0));
        !held && admitted && skilled && !agent.record.inactive
    }

    fn could_take(&self, agent: &Agent, case: &Case) -> bool {
        self.may_take(agent, case) && self.has_room(agent, case.channel)
    }

    fn asks_for(&self, agent: &Agent, queue: &str) -> bool {
        let mode = self.queue(queue).map_or(QueueMode::Both, |queue| queue.mode);
        let wants = |queues: &[Name]| queues.is_empty() || queues.iter().any(|q| **q == *queue);
        let pulls = agent.pull.as_ref().is_some_and(|(_, left, queues)| *left > 0 && wants(queues));
        let asks = match mode {
            QueueMode::Both => pulls || agent.auto,
            QueueMode::Pull => pulls,
            QueueMode::Offer => true,
        };
        agent.there && agent.ready && asks
    }

    /// Most proficient, least loaded, longest idle, first to come.
    fn rank(&self, agent: &Agent, case: &Case) -> (Reverse<u32>, usize, Millis, Option<usize>) {
        let level =
            |skill: &Name| agent.record.skills.iter().find(|(s, _)| s == skill).map_or(0, |(_, n)| *n);
        let least = case.skills.iter().map(level).min().unwrap_or(0);
        let came = self.agents.iter().position(|other| other.record.agent == agent.record.agent);
        (Reverse(least), self.load(agent).len(), agent.idle_since, came)
    }

    fn each_open_case_is_somewhere(&mut self) {
        for case in self.cases.iter().filter(|case| case.place == Place::Nowhere) {
            self.wrong.push(format!("case {} is nowhere", case.id.0));
        }
        for case in &self.cases {
            let (Place::With(agent) | Place::Offered(agent)) = &case.place else { continue };
            if !self.agents.iter().any(|a| a.record.agent == *agent && a.there) {
                self.wrong.push(format!("{agent} has left and has case {}", case.id.0));
            }
        }
    }

    fn nobody_is_idle(&mut self) {
        for agent in &self.agents {
            let takes = |case: &&Case| {
                case.place == Place::Waiting
                    && self.asks_for(agent, &case.queue)
                    && self.could_take(agent, case)
            };
            if let Some(case) = self.cases.iter().find(takes) {
                let name = &agent.record.agent;
                self.wrong
                    .push(format!("{name} asks, has room, and case {} waits in {}", case.id.0, case.queue));
            }
        }
    }

    /// By the queue's times, as they are now.
    fn what_waited_too_long_has_gone_on(&mut self) {
        let mut wrong = Vec::new();
        for case in self.cases.iter().filter(|case| case.place == Place::Waiting) {
            let (Some(queue), Some(since)) = (self.queue(&case.queue), case.since) else { continue };
            let waited = self.now - since;
            let steps = queue.widen_after_ms.iter().filter(|after| **after <= waited).count();
            if steps > case.step as usize {
                wrong.push(format!("case {} waited {waited} ms and is at step {}", case.id.0, case.step));
            }
            let goes = |to: &OverflowTo| !(case.contact && matches!(to, OverflowTo::Desk(_)));
            if let Some(overflow) = queue.overflow.as_ref().filter(|o| o.after_ms <= waited && goes(&o.to)) {
                let to = &overflow.to;
                wrong.push(format!("case {} waited {waited} ms and did not go to {to:?}", case.id.0));
            }
        }
        self.wrong.extend(wrong);
    }
}
