//! Rules over a case, what they have done, and where the case goes.

use super::judging::{Judging, no_name};
use super::sla::solves;
use crate::event::Happened;
use crate::facts::CaseFacts;
use crate::input::HandoverFailure;
use crate::rules::{Action, Classification, Rules};
use crate::state::{AgentIx, Case, Status};
use crate::words::{AgentId, AssignedBy, CaseId, CloseReason, Name, Occasion, OfferEnd, UnassignedBy};

impl<R: Rules> Judging<'_, R> {
    /// A new case's first run of the rules, and its place.
    pub(super) fn begin(&mut self, case: CaseId) {
        self.run_rules(case, Occasion::Received);
        if self.status(case) == Status::Loose {
            self.place(case);
        }
    }

    /// Runs the rules; routes again what they now put elsewhere. Nothing is said when nothing changed.
    pub(super) fn run_rules(&mut self, id: CaseId, occasion: Occasion) {
        let case = self.case_of(id);
        let mut found = self.rules.classify(&facts_of(case, occasion));
        if let Some(queue) = self.rules.tables().queue(&found.queue) {
            found.skills.extend(queue.skills.iter().cloned());
        }
        found.skills.sort();
        found.skills.dedup();
        if occasion != Occasion::Received && is_classified(case, &found) {
            return;
        }
        let moved =
            case.queue != found.queue || *case.skills != *found.skills || case.priority != found.priority;
        let stays = case.calling.is_some();
        let new = |a: &Action| {
            let leaves = stays && matches!(a, Action::HandOver { .. });
            !leaves && !case.rare().actions.contains(&a.name())
        };
        let new: Vec<Action> = found.actions.into_iter().filter(new).collect();
        self.emit(Happened::CaseClassified {
            case: id,
            rule: found.rule,
            occasion,
            segment: found.segment,
            priority: found.priority,
            queue: found.queue,
            skills: found.skills,
            sla: found.sla,
            actions: new.iter().map(Action::name).collect(),
        });
        self.retarget_clocks(id);
        if moved {
            self.reroute(id);
        }
        self.act(id, &new);
    }

    /// What rules have done besides routing. A campaign's contact stays on its desk, whose campaign it follows.
    fn act(&mut self, case: CaseId, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Educate { template } => self.educate(case, template),
                Action::Forward { mailbox } => self.send_forward(case, mailbox),
                Action::Notify { group, template } => {
                    self.notify(case, group, template, None);
                }
                Action::HandOver { .. } | Action::Resolve { .. } => {}
            }
        }
        for action in actions {
            match action {
                Action::HandOver { desk } => return self.hand_over(case, desk, None),
                Action::Resolve { outcome } if self.case_of(case).is_open() => {
                    return self.resolve(case, None, outcome.clone());
                }
                _ => {}
            }
        }
    }

    /// Moves a case that waits or is held to where the rules now put it.
    fn reroute(&mut self, case: CaseId) {
        match self.status(case) {
            Status::Queued => self.place(case),
            Status::Offered { agent, .. } => {
                let id = self.agent_id(agent);
                self.emit(Happened::OfferEnded {
                    case,
                    agent: id,
                    reason: OfferEnd::Withdrawn,
                    cause: no_name(),
                });
                self.place_after(case, agent);
            }
            Status::Assigned { agent } => {
                if !self.may_keep(case, agent) {
                    self.unassign(case, UnassignedBy::Rules);
                    self.place_after(case, agent);
                }
            }
            Status::Loose
            | Status::Parked { .. }
            | Status::Scheduled { .. }
            | Status::Resolved { .. }
            | Status::Closed { .. } => {}
        }
    }

    /// Whether the agent who holds it may hold it where it now is.
    fn may_keep(&self, case: CaseId, agent: AgentIx) -> bool {
        let case = self.case_of(case);
        let held = self.rules.tables().queue(&case.queue).is_none_or(|q| q.held);
        let agent = self.state.agents.get(agent);
        let skilled = case.skills.iter().all(|s| agent.record.level(s) > 0);
        !held && skilled && agent.admitted(&case.queue).is_some()
    }

    /// Puts a loose or waiting case into its queue, and gives it away if somebody waits; a contact who may not be
    /// called now is put away until they may (H9).
    pub(super) fn place(&mut self, id: CaseId) {
        self.enqueue(id);
        self.match_case(id);
    }

    /// Puts back a case that an agent gave up, who is free again.
    pub(super) fn place_after(&mut self, id: CaseId, agent: AgentIx) {
        self.enqueue(id);
        self.serve_after(agent, id);
    }

    fn enqueue(&mut self, id: CaseId) {
        if self.put_off(id) {
            return;
        }
        let case = self.case_of(id);
        let head_start = self.rules.tables().priority(&case.priority).map_or(0, |p| p.head_start_ms);
        let key = case.arrived.saturating_sub(head_start);
        let (queue, skills) = (case.queue.clone(), case.skills.to_vec());
        self.emit(Happened::CaseQueued { case: id, queue, key, skills });
    }

    /// Puts a contact away when the hour does not allow a call, for good when it may not be called at all; says
    /// whether it did.
    pub(super) fn put_off(&mut self, id: CaseId) -> bool {
        let case = self.case_of(id);
        let Some(calling) = &case.calling else { return false };
        if self.state.is_suppressed(case) {
            self.close(id, CloseReason::DoNotCall, None);
            return true;
        }
        let from = self.rules.may_call_from(&calling.campaign, calling.zone.as_deref(), self.at);
        if from <= self.at {
            return false;
        }
        self.emit(Happened::CaseScheduled { case: id, at: from, keep_for: None });
        self.pause_clocks(id);
        true
    }

    /// Takes a case from whoever holds it or has it on offer; says who that was.
    pub(super) fn unassign(&mut self, case: CaseId, by: UnassignedBy) -> Option<AgentIx> {
        match self.status(case) {
            Status::Offered { agent, .. } => {
                let id = self.agent_id(agent);
                self.emit(Happened::OfferEnded {
                    case,
                    agent: id,
                    reason: OfferEnd::Withdrawn,
                    cause: no_name(),
                });
                Some(agent)
            }
            Status::Assigned { agent } | Status::Parked { agent, .. } => {
                let id = self.agent_id(agent);
                self.emit(Happened::CaseUnassigned { case, agent: id, by });
                self.handling_ends(case);
                Some(agent)
            }
            _ => None,
        }
    }

    /// A parked case goes on with its agent if they have room, else from its place in the queue.
    pub(super) fn unpark(&mut self, case: CaseId) {
        let Status::Parked { agent, .. } = self.status(case) else { return };
        let channel = self.case_of(case).channel;
        let there = self.state.agents.get(agent).session.is_some();
        if there && self.state.has_room(agent, channel, self.rules) && self.may_keep(case, agent) {
            self.emit(Happened::CaseResumed { case });
            self.resume_clocks(case);
        } else {
            let id = self.agent_id(agent);
            self.emit(Happened::CaseUnassigned { case, agent: id, by: UnassignedBy::Rules });
            self.resume_clocks(case);
            self.place_after(case, agent);
        }
    }

    /// A case comes back: to this agent if they are there and have room, else to its queue.
    pub(super) fn return_to(&mut self, case: CaseId, agent: Option<AgentIx>) {
        let channel = self.case_of(case).channel;
        let free = |ix: &AgentIx| {
            self.state.agents.get(*ix).is_ready() && self.state.has_room(*ix, channel, self.rules)
        };
        let may = |ix: &AgentIx| self.may_keep(case, *ix);
        match agent.filter(free).filter(may) {
            Some(_) if self.put_off(case) => {}
            Some(agent) => self.assign(case, agent, AssignedBy::Return),
            None => self.place(case),
        }
    }

    /// Gives a case to an agent whom a person or the case's own history chose.
    pub(super) fn assign(&mut self, case: CaseId, agent: AgentIx, by: AssignedBy) {
        let agent = self.agent_id(agent);
        self.emit(Happened::CaseAssigned { case, agent, by, explanation: None, pull: None });
        self.handling_begins(case);
    }

    pub(super) fn reopen(&mut self, case: CaseId, by: Option<AgentId>) {
        let last = match self.status(case) {
            Status::Resolved { last, .. } => last,
            _ => None,
        };
        self.emit(Happened::CaseReopened { case, agent: by });
        if self.rules.tables().queue(&self.case_of(case).queue).is_none() {
            // The policy that holds now does not have its queue any more.
            self.run_rules(case, Occasion::Policy);
            if self.status(case) != Status::Loose {
                return;
            }
        }
        self.clocks_reopen(case);
        self.resume_clocks(case);
        self.return_to(case, last);
    }

    pub(super) fn resolve(&mut self, case: CaseId, by: Option<AgentId>, outcome: Name) {
        let worked = self.is_worked(case);
        self.handled(case);
        let holder = self.unassign(case, UnassignedBy::End);
        self.emit(Happened::CaseResolved { case, agent: by, outcome });
        self.clocks_resolved(case);
        self.wrap_up(holder.filter(|_| worked), case);
        self.serve_if(holder);
    }

    /// Whether an agent is at work on it right now.
    fn is_worked(&self, case: CaseId) -> bool {
        matches!(self.status(case), Status::Assigned { .. })
    }

    pub(super) fn close(&mut self, case: CaseId, reason: CloseReason, by: Option<AgentId>) {
        let worked = self.is_worked(case) && !matches!(reason, CloseReason::HandedOver | CloseReason::Merged);
        if solves(reason) {
            self.handled(case);
        }
        let holder = self.unassign(case, UnassignedBy::End);
        self.faults_close(case, reason);
        self.clocks_closed(case, reason);
        self.emit(Happened::CaseClosed { case, reason, agent: by });
        self.wrap_up(holder.filter(|_| worked), case);
        self.serve_if(holder);
    }

    pub(super) fn hand_over(&mut self, case: CaseId, desk: &Name, by: Option<AgentId>) {
        self.emit(Happened::CaseHandedOver { case, desk: desk.clone() });
        self.close(case, CloseReason::HandedOver, by);
    }

    /// The other desk can't get the case: it waits here again, in the place of its arrival. The rule that gave it
    /// away has done so once and does not do it again, so it does not go to and fro.
    pub(super) fn handover_failed(&mut self, failure: &HandoverFailure) {
        let given = self.state.cases.get(&failure.case).filter(|case| case.rare().merged_into.is_none());
        if !given.is_some_and(|case| matches!(case.status, Status::Closed { reopens: false, .. })) {
            return self.refuse_input("a failed handover of a case that is not handed over");
        }
        let (case, desk, reason) = (failure.case, failure.desk.clone(), failure.reason.clone());
        self.emit(Happened::HandoverFailed { case, desk, reason });
        self.reopen(case, None);
    }
}

fn is_classified(case: &Case, found: &Classification) -> bool {
    case.rule == found.rule
        && case.segment == found.segment
        && case.priority == found.priority
        && case.queue == found.queue
        && *case.skills == *found.skills
        && case.sla == found.sla
}

fn facts_of(case: &Case, occasion: Occasion) -> CaseFacts<'_> {
    CaseFacts {
        occasion,
        channel: case.channel,
        account: &case.account,
        visibility: case.visibility,
        campaign: case.campaign().map(|campaign| &**campaign),
        criterion: case.calling.as_ref().and_then(|calling| calling.criterion.as_deref()),
        message: &case.message_facts,
        customer: case.customer.as_deref(),
        category: &case.rare().category,
        case: &case.rare().facts,
    }
}
