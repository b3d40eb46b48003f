//! Events about agents, and the lists in which agents wait.

use std::cmp::Reverse;

use crate::event::{Event, Happened};
use crate::input::{Body, Input};
use crate::rules::{Rules, SharedCapacity};
use crate::state::State;
use crate::state::agents::{AgentIx, Pull, Session, Standing};
use crate::state::demand::{Class, ClassIx, Rank};
use crate::state::timers::Timer;
use crate::words::{CaseId, Channel, Millis, Name, Presence, QueueMode, SessionLimit};

impl State {
    pub(super) fn apply_people<R: Rules>(&mut self, event: &Event, input: &Input, rules: &R) {
        if let Happened::DayTurned { .. } = &event.body {
            return self.turn_day(rules.day(event.at), rules);
        }
        if let (Happened::AgentChanged { .. }, Body::Agent(record)) = (&event.body, &input.body) {
            let ix = self.agents.upsert(record.clone());
            return self.refresh_agent(ix, rules);
        }
        let Some(ix) = agent_of(&event.body).and_then(|id| self.agents.find(id)) else { return };
        self.apply_agent(ix, event, rules);
        self.relist(ix, rules);
    }

    fn apply_agent<R: Rules>(&mut self, ix: AgentIx, event: &Event, rules: &R) {
        let at = event.at;
        match &event.body {
            Happened::AgentSignedIn { session, gateway, .. } => {
                let agent = self.agents.get_mut(ix);
                agent.session = Some(Session { id: session.clone(), gateway: gateway.clone() });
                agent.limit = SessionLimit::default();
                agent.idle_since = at;
                if !self.gateways.contains_key(gateway) {
                    self.hear(gateway, at.saturating_add(rules.tables().limits.grace_ms));
                }
            }
            Happened::AgentSignedOut { .. } => {
                self.wraps_up(ix, None);
                let agent = self.agents.get_mut(ix);
                agent.session = None;
                agent.presence = Presence::NotReady;
                agent.auto = false;
                agent.limit = SessionLimit::default();
            }
            Happened::AgentPresenceChanged { presence, auto, limit, until, .. } => {
                self.wraps_up(ix, *until);
                let agent = self.agents.get_mut(ix);
                agent.presence = *presence;
                agent.auto = *auto;
                agent.limit.clone_from(limit);
            }
            Happened::PullWaiting { count, expires, queues, pull, .. } => {
                self.timers.set(*expires, Timer::Pull(ix));
                let pull = Pull { id: *pull, count: *count, expires: *expires, queues: queues.clone() };
                self.agents.get_mut(ix).pull = Some(pull);
            }
            Happened::PullEnded { .. } => {
                if let Some(pull) = self.agents.get_mut(ix).pull.take() {
                    self.timers.clear(pull.expires, Timer::Pull(ix));
                }
            }
            Happened::AgentAdmitted { admissions, .. } => {
                self.agents.get_mut(ix).admissions.clone_from(admissions);
                self.reclass(ix);
            }
            _ => {}
        }
    }

    /// An agent is ready again by themselves then; none: when they say so.
    fn wraps_up(&mut self, ix: AgentIx, until: Option<Millis>) {
        if let Some(before) = std::mem::replace(&mut self.agents.get_mut(ix).until, until) {
            self.timers.clear(before, Timer::WrapUp(ix));
        }
        if let Some(until) = until {
            self.timers.set(until, Timer::WrapUp(ix));
        }
    }

    /// Works out anew which classes an agent may serve, after their record or admissions changed.
    pub(in crate::state) fn refresh_agent<R: Rules>(&mut self, ix: AgentIx, rules: &R) {
        self.reclass(ix);
        self.relist(ix, rules);
    }

    fn reclass(&mut self, ix: AgentIx) {
        let agent = self.agents.get(ix);
        let serves = |c: &ClassIx| may_serve(agent, self.demand.get(*c));
        let classes: Vec<ClassIx> = self.demand.places().filter(serves).collect();
        self.agents.get_mut(ix).classes = classes;
    }

    /// The class of a demand, made with all agents who may serve it when it is new.
    pub(in crate::state) fn class<R: Rules>(
        &mut self,
        queue: &Name,
        channel: Channel,
        skills: &[Name],
        step: u32,
        rules: &R,
    ) -> ClassIx {
        if let Some(found) = self.demand.find(queue, channel, skills, step) {
            return found;
        }
        let rank = rules.tables().queue(queue).map_or(i32::MAX, |q| q.rank);
        let class = Class {
            queue: queue.clone(),
            channel,
            skills: skills.to_vec(),
            step,
            rank,
            cases: crate::state::Ordered::new(),
            agents: std::collections::BTreeSet::new(),
        };
        let new = self.demand.add(class);
        for ix in self.agents.places() {
            if may_serve(self.agents.get(ix), self.demand.get(new)) {
                self.agents.get_mut(ix).classes.push(new);
                self.relist(ix, rules);
            }
        }
        new
    }

    /// Lists an agent where they could take a case now, and nowhere else; notes where they stand.
    pub(in crate::state) fn relist<R: Rules>(&mut self, ix: AgentIx, rules: &R) {
        for (class, rank) in std::mem::take(&mut self.agents.get_mut(ix).listed) {
            self.demand.get_mut(class).agents.remove(&rank);
        }
        if self.may_ask(ix, rules) {
            let listed = self.listings(ix, rules);
            for (class, rank) in &listed {
                self.demand.get_mut(*class).agents.insert(*rank);
            }
            self.agents.get_mut(ix).listed = listed;
        }
        let standing = self.standing(ix, rules);
        self.agents.stand(ix, standing);
    }

    /// Whether they are ready, and by their session, a pull or a queue's mode there is anything they could be listed for.
    fn may_ask<R: Rules>(&self, ix: AgentIx, rules: &R) -> bool {
        let agent = self.agents.get(ix);
        let offers = || rules.tables().queues.iter().any(|queue| queue.mode == QueueMode::Offer);
        agent.is_ready() && (agent.auto || agent.pull.is_some() || offers())
    }

    fn listings<R: Rules>(&self, ix: AgentIx, rules: &R) -> Vec<(ClassIx, Rank)> {
        let agent = self.agents.get(ix);
        let tables = rules.tables();
        let mut listed = Vec::new();
        for &class_ix in &agent.classes {
            let class = self.demand.get(class_ix);
            let queue = tables.queue(&class.queue).filter(|queue| !queue.held);
            if queue.is_some_and(|queue| agent.asks_for(queue)) && self.has_room(ix, class.channel, rules) {
                listed.push((class_ix, rank_in(ix, agent, class)));
            }
        }
        listed
    }

    /// Whether the agent may hold one more case of this channel.
    #[must_use]
    pub fn has_room<R: Rules>(&self, ix: AgentIx, channel: Channel, rules: &R) -> bool {
        let agent = self.agents.get(ix);
        let fits = |shared: &SharedCapacity| {
            agent.weight(shared) + u64::from(shared.weight(channel)) <= u64::from(shared.total)
        };
        agent.limit.total.is_none_or(|most| agent.total_load() < most)
            && agent.load_on(channel) < self.capacity(ix, channel, rules)
            && rules.tables().shared.as_ref().is_none_or(fits)
    }

    /// Whether the agent has taken on no more than they may, offers among it, on this channel and in all.
    #[must_use]
    pub fn fits<R: Rules>(&self, ix: AgentIx, channel: Channel, rules: &R) -> bool {
        let agent = self.agents.get(ix);
        let fits = |shared: &SharedCapacity| agent.weight(shared) <= u64::from(shared.total);
        agent.limit.total.is_none_or(|most| agent.total_load() <= most)
            && agent.load_on(channel) <= self.capacity(ix, channel, rules)
            && rules.tables().shared.as_ref().is_none_or(fits)
    }

    /// Most cases of this channel that the agent may hold at once: by their record, else by the policy, and by their
    /// own word.
    #[must_use]
    pub fn capacity<R: Rules>(&self, ix: AgentIx, channel: Channel, rules: &R) -> u32 {
        let agent = self.agents.get(ix);
        let of_record = agent.record.capacities.iter().find(|(c, _)| *c == channel).map(|(_, limit)| *limit);
        let allowed = of_record.unwrap_or_else(|| rules.tables().capacity(channel));
        agent.limit.of(channel).map_or(allowed, |own| own.min(allowed))
    }

    fn standing<R: Rules>(&self, ix: AgentIx, rules: &R) -> Standing {
        let agent = self.agents.get(ix);
        if agent.session.is_none() {
            Standing::Out
        } else if agent.presence != Presence::Ready {
            Standing::NotReady
        } else if !Channel::ALL.iter().any(|c| self.has_room(ix, *c, rules)) {
            Standing::AtCapacity
        } else if agent.auto || agent.pull.is_some() || !agent.listed.is_empty() {
            Standing::Asking
        } else {
            Standing::NotAsking
        }
    }

    /// The case takes the agent's capacity from now on.
    pub(super) fn take_up<R: Rules>(
        &mut self,
        ix: AgentIx,
        case: CaseId,
        channel: Channel,
        at: Millis,
        rules: &R,
    ) {
        let agent = self.agents.get_mut(ix);
        if let Err(place) = agent.working.binary_search(&case) {
            agent.working.insert(place, case);
            agent.load[channel as usize] += 1;
        }
        agent.idle_since = at;
        self.relist(ix, rules);
    }

    /// The case no longer takes the agent's capacity.
    pub(super) fn put_down<R: Rules>(&mut self, ix: AgentIx, case: CaseId, channel: Channel, rules: &R) {
        let agent = self.agents.get_mut(ix);
        if let Ok(place) = agent.working.binary_search(&case) {
            agent.working.remove(place);
            agent.load[channel as usize] -= 1;
        }
        if let Ok(place) = agent.parked.binary_search(&case) {
            agent.parked.remove(place);
        }
        self.relist(ix, rules);
    }

    pub(super) fn turn_day<R: Rules>(&mut self, (day, next): (i64, Millis), rules: &R) {
        let _ = rules;
        if let Some(due) = self.day_due.replace(next) {
            self.timers.clear(due, Timer::Day);
        }
        self.timers.set(next, Timer::Day);
        self.day = day;
    }
}

fn may_serve(agent: &crate::state::Agent, class: &Class) -> bool {
    let admitted = agent.admitted(&class.queue).is_some_and(|from| from <= class.step);
    admitted && class.skills.iter().all(|skill| agent.record.level(skill) > 0)
}

/// How an agent ranks in a class.
pub(in crate::state) fn rank_in(ix: AgentIx, agent: &crate::state::Agent, class: &Class) -> Rank {
    let proficiency = class.skills.iter().map(|s| agent.record.level(s)).min().unwrap_or(0);
    (Reverse(proficiency), agent.total_load(), agent.idle_since, ix)
}

fn agent_of(body: &Happened) -> Option<&str> {
    match body {
        Happened::AgentChanged { agent }
        | Happened::AgentSignedIn { agent, .. }
        | Happened::AgentSignedOut { agent, .. }
        | Happened::AgentPresenceChanged { agent, .. }
        | Happened::PullWaiting { agent, .. }
        | Happened::PullEnded { agent, .. }
        | Happened::AgentAdmitted { agent, .. } => Some(agent),
        _ => None,
    }
}

impl State {
    /// How an agent would rank in a class now.
    #[must_use]
    pub fn rank_in(&self, ix: AgentIx, class: &Class) -> Rank {
        rank_in(ix, self.agents.get(ix), class)
    }
}
