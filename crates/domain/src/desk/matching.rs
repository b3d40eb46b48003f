//! Matching: cases that wait and agents who ask meet by class. Neither cases nor agents are ever scanned.

use super::judging::Judging;
use crate::event::{Candidate, Explanation, Happened};
use crate::rules::Rules;
use crate::state::{AgentIx, ClassIx, Place, Rank, Standing};
use crate::words::{AssignedBy, CaseId, InputId, Name, PullEnd, QueueMode};

/// How many candidates an explanation names.
const NAMED: usize = 3;

impl<R: Rules> Judging<'_, R> {
    /// Gives a waiting case to the best agent who asks, if there is one.
    pub(super) fn match_case(&mut self, id: CaseId) {
        if self.holding || self.case_of(id).class.is_none() || self.put_off(id) {
            return;
        }
        let case = self.case_of(id);
        let Some(class) = case.class else { return };
        let queue = self.rules.tables().queue(&case.queue);
        let last = case.author.and_then(|a| self.state.last_handler.get(&a).copied());
        let preferred = last.filter(|_| queue.is_some_and(|q| q.sticky));
        let preferred = preferred.filter(|ix| self.is_listed(*ix, class));
        self.state.demand.visit(1);
        let best = self.state.demand.get(class).agents.first().map(|rank| rank.3);
        if let Some(agent) = preferred.or(best) {
            self.give(id, class, agent, preferred.is_some());
        }
    }

    fn is_listed(&self, agent: AgentIx, class: ClassIx) -> bool {
        self.state.agents.get(agent).listed.iter().any(|(c, _)| *c == class)
    }

    /// Gives an agent who asks what waits for them, best first, as far as they have room.
    pub(super) fn serve(&mut self, agent: AgentIx) {
        if self.holding {
            return;
        }
        while let Some((class, case)) = self.best_listed(agent) {
            if !self.put_off(case) {
                self.give(case, class, agent, false);
            }
        }
    }

    /// A case came back to its queue from an agent who is free again: in order, so that nobody gets it while an older
    /// one that they could take waits.
    pub(super) fn serve_after(&mut self, agent: AgentIx, back: CaseId) {
        if self.holding {
            return;
        }
        while let Some((class, case)) = self.best_listed(agent) {
            if case == back {
                self.match_case(case);
            } else if !self.put_off(case) {
                self.give(case, class, agent, false);
            }
        }
        self.match_case(back);
    }

    /// Changes what several agents and cases are to each other, and only then gives: each case in its order, to the best
    /// of all.
    pub(super) fn match_after(&mut self, change: impl FnOnce(&mut Self)) {
        self.holding = true;
        change(self);
        self.holding = false;
        loop {
            let asked = |class: &ClassIx| !self.state.demand.get(*class).agents.is_empty();
            let Some((_, case)) = self.best_of(self.state.demand.places().filter(asked)) else { return };
            self.match_case(case);
        }
    }

    pub(super) fn serve_if(&mut self, agent: Option<AgentIx>) {
        if let Some(agent) = agent {
            self.serve(agent);
        }
    }

    fn best_listed(&self, agent: AgentIx) -> Option<(ClassIx, CaseId)> {
        let listed = self.state.agents.get(agent).listed.iter().map(|(class, _)| *class);
        self.best_of(listed)
    }

    /// The case to take first, of these classes: by the queue's rank, then by key.
    fn best_of(&self, classes: impl Iterator<Item = ClassIx>) -> Option<(ClassIx, CaseId)> {
        let mut best: Option<((i32, Place), ClassIx)> = None;
        for class in classes {
            let Some(first) = self.state.demand.first(class) else { continue };
            let order = (self.state.demand.get(class).rank, first);
            if best.as_ref().is_none_or(|(b, _)| order < *b) {
                best = Some((order, class));
            }
        }
        best.map(|((_, (_, case)), class)| (class, case))
    }

    /// Gives up to `count` cases at once to an agent who pulls; says how many they got.
    pub(super) fn pull_now(&mut self, agent: AgentIx, count: u32, queues: &[Name]) -> u32 {
        let mut given = 0;
        while given < count {
            let Some((class, case)) = self.best_for(agent, queues) else { break };
            if self.put_off(case) {
                continue;
            }
            let explanation = self.explain(case, class, Some(agent), false);
            self.assign_pulled(case, agent, explanation, self.input.id);
            given += 1;
        }
        given
    }

    fn best_for(&self, ix: AgentIx, queues: &[Name]) -> Option<(ClassIx, CaseId)> {
        let agent = self.state.agents.get(ix);
        let tables = self.rules.tables();
        let open = agent.classes.iter().copied().filter(|class| {
            let class = self.state.demand.get(*class);
            let wanted = queues.is_empty() || queues.contains(&class.queue);
            let served = tables.queue(&class.queue).is_some_and(|q| !q.held && q.mode != QueueMode::Offer);
            wanted && served && self.state.has_room(ix, class.channel, self.rules)
        });
        self.best_of(open)
    }

    /// A waiting case goes to an agent who asks: into their pull, or as an offer.
    fn give(&mut self, case: CaseId, class: ClassIx, ix: AgentIx, sticky: bool) {
        let explanation = self.explain(case, class, Some(ix), sticky);
        let queue = self.rules.tables().queue(&self.state.demand.get(class).queue);
        let agent = self.state.agents.get(ix);
        let pull = agent.pull.as_ref().filter(|_| queue.is_some_and(|queue| agent.pulls(queue)));
        let Some(pull) = pull.map(|p| p.id) else {
            let offer_ms = queue.map_or(30_000, |q| q.offer_ms);
            let expires = self.at.saturating_add(offer_ms);
            let agent = self.agent_id(ix);
            return self.emit(Happened::CaseOffered {
                case,
                agent,
                expires,
                explanation: Box::new(explanation),
            });
        };
        self.assign_pulled(case, ix, explanation, pull);
        if self.state.agents.get(ix).pull.as_ref().is_some_and(|p| p.count == 0) {
            let agent = self.agent_id(ix);
            self.emit(Happened::PullEnded { agent, pull, reason: PullEnd::Filled });
        }
    }

    fn assign_pulled(&mut self, case: CaseId, ix: AgentIx, explanation: Explanation, pull: InputId) {
        let agent = self.agent_id(ix);
        self.emit(Happened::CaseAssigned {
            case,
            agent,
            by: AssignedBy::Pull,
            explanation: Some(Box::new(explanation)),
            pull: Some(pull),
        });
        self.handling_begins(case);
    }

    /// Why this agent: the best who waited, and how many others stood where. The chosen one comes first when they
    /// were preferred or pulled, whatever their rank.
    pub(super) fn explain(
        &self,
        case: CaseId,
        class: ClassIx,
        chosen: Option<AgentIx>,
        sticky: bool,
    ) -> Explanation {
        let case = self.case_of(case);
        let class = self.state.demand.get(class);
        let first = chosen.map(|ix| self.state.rank_in(ix, class));
        let others = class.agents.iter().filter(|rank| Some(rank.3) != chosen).copied();
        let named: Vec<Rank> = first.into_iter().chain(others).take(NAMED).collect();
        self.state.demand.visit(named.len() as u64);
        let waiting = class.agents.len() + usize::from(chosen.is_some_and(|ix| !self.waits_in(ix, class)));
        let agents = &self.state.agents;
        Explanation {
            rule: case.rule.clone(),
            queue: case.queue.clone(),
            key: case.key,
            other_candidates: u32::try_from(waiting - named.len()).unwrap_or(u32::MAX),
            candidates: named.into_iter().map(|rank| self.candidate(rank)).collect(),
            not_asking: agents.others(Standing::NotAsking, chosen),
            at_capacity: agents.others(Standing::AtCapacity, chosen),
            not_ready: agents.others(Standing::NotReady, chosen),
            sticky,
        }
    }

    fn waits_in(&self, agent: AgentIx, class: &crate::state::Class) -> bool {
        class.agents.contains(&self.state.rank_in(agent, class))
    }

    fn candidate(&self, (proficiency, load, idle_since, ix): Rank) -> Candidate {
        Candidate { agent: self.agent_id(ix), proficiency: proficiency.0, load, idle_since }
    }
}
