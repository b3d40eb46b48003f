//! What moves a case between people and queues, and what only leaders ask.

use super::{Refused, refused};
use crate::desk::judging::Judging;
use crate::event::Happened;
use crate::input::{Command, TransferTo};
use crate::rules::Rules;
use crate::state::{AgentIx, Status};
use crate::words::{AgentId, AssignedBy, CaseId, CloseReason, Name, Rejection, UnassignedBy};

impl<R: Rules> Judging<'_, R> {
    pub(super) fn ask_escalate(
        &mut self,
        case: CaseId,
        command: &Command,
        step: Option<&str>,
    ) -> Result<(), Refused> {
        self.must_be_open(case)?;
        let next = self.rules.tables().escalation_at(self.case_of(case).rare().escalated as usize);
        let step = step.map_or_else(|| next.map(|rule| rule.name.clone()), |step| Some(step.into()));
        if self.escalate(case, step.as_deref(), Some(&command.principal), "") {
            return Ok(());
        }
        let steps = self.rules.tables().escalations.iter().map(|e| format!("`{}`", e.name));
        let steps: Vec<String> = steps.collect();
        refused(
            Rejection::UnknownTarget,
            format!("the policy has no such escalation step, only {}", steps.join(", ")),
        )
    }

    /// Asks for help; where nobody is on duty for a step, the next is asked too (D4). Says whether there is such a step.
    pub(in crate::desk) fn escalate(
        &mut self,
        case: CaseId,
        step: Option<&str>,
        by: Option<&AgentId>,
        cause: &str,
    ) -> bool {
        let Some(rule) = self.rules.tables().escalation(step).cloned() else { return false };
        let moves = rule.queue.is_some();
        self.emit(Happened::CaseEscalated {
            case,
            step: rule.name.clone(),
            group: rule.group.clone(),
            agent: by.cloned(),
            cause: cause.into(),
        });
        let follower = Some(&rule.name).filter(|_| rule.follow);
        let there = self.notify(case, &rule.group, &rule.template, follower);
        self.escalation_begins(case, moves);
        if let Some(queue) = rule.queue {
            self.move_to_queue(case, &queue);
        }
        let steps = self.rules.tables().escalations.iter();
        let next = steps.skip_while(|step| step.name != rule.name).nth(1).map(|step| step.name.clone());
        if let Some(next) = next.filter(|_| !there) {
            self.escalate(case, Some(&next), by, "nobody-on-duty");
        }
        true
    }

    pub(super) fn ask_priority(
        &mut self,
        case: CaseId,
        command: &Command,
        priority: &Name,
    ) -> Result<(), Refused> {
        self.must_be_open(case)?;
        if self.rules.tables().priority(priority).is_none() {
            return refused(Rejection::UnknownTarget, format!("the policy has no priority `{priority}`"));
        }
        self.set_priority(case, priority, Some(command.principal.clone()));
        Ok(())
    }

    /// Another priority: a waiting case moves to its new place.
    pub(in crate::desk) fn set_priority(&mut self, case: CaseId, priority: &Name, agent: Option<AgentId>) {
        if self.case_of(case).priority == *priority {
            return;
        }
        self.emit(Happened::PriorityChanged { case, priority: priority.clone(), agent });
        if self.status(case) == Status::Queued {
            self.place(case);
        }
    }

    /// Another queue, with its skills; whoever holds the case gives it up.
    pub(in crate::desk) fn move_to_queue(&mut self, id: CaseId, queue: &Name) {
        if self.case_of(id).is_open() && self.case_of(id).queue != *queue {
            self.requeue(id, queue, None);
        }
    }

    /// Takes the case from whoever holds it and puts it into a queue; `last` is who asked that it give up its place.
    fn requeue(&mut self, id: CaseId, queue: &Name, last: Option<&AgentId>) {
        let Some(rule) = self.rules.tables().queue(queue) else { return };
        let skills = rule.skills.clone();
        let holder = self.unassign(id, UnassignedBy::Transfer);
        if let Status::Scheduled { .. } = self.status(id) {
            self.emit(Happened::CaseResumed { case: id });
        }
        self.resume_clocks(id);
        if let Some(agent) = last {
            self.emit(Happened::CasePlacedLast { case: id, agent: agent.clone() });
        }
        let case = self.case_of(id);
        let head_start = self.rules.tables().priority(&case.priority).map_or(0, |p| p.head_start_ms);
        let key = case.arrived.saturating_sub(head_start);
        self.emit(Happened::CaseQueued { case: id, queue: queue.clone(), key, skills });
        match holder {
            Some(holder) => self.serve_after(holder, id),
            None => self.match_case(id),
        }
    }

    pub(super) fn transfer(
        &mut self,
        case: CaseId,
        command: &Command,
        to: &TransferTo,
    ) -> Result<(), Refused> {
        self.must_be_open(case)?;
        match to {
            TransferTo::Queue(queue) => {
                if self.rules.tables().queue(queue).is_none() {
                    return refused(Rejection::UnknownTarget, format!("the policy has no queue `{queue}`"));
                }
                self.move_to_queue(case, queue);
                Ok(())
            }
            TransferTo::EndOf(queue) => self.transfer_to_end(case, command, queue),
            TransferTo::Agent(agent) => self.transfer_to(case, agent),
            TransferTo::Desk(desk) => {
                if self.case_of(case).calling.is_some() {
                    let detail = "a campaign's contact stays on the desk whose campaign, attempts and hours it \
                                  follows: dispose of it here, or load it into a campaign of the other desk";
                    return refused(Rejection::WrongState, detail);
                }
                self.hand_over(case, desk, Some(command.principal.clone()));
                Ok(())
            }
            TransferTo::Unclear => refused(
                Rejection::Invalid,
                "name exactly one of `queue`, `agent`, `desk`, and `last` with a queue only",
            ),
        }
    }

    /// Behind what waits there already. A contact's place is its list's, and its due time's.
    fn transfer_to_end(&mut self, id: CaseId, command: &Command, queue: &Name) -> Result<(), Refused> {
        if self.rules.tables().queue(queue).is_none() {
            return refused(Rejection::UnknownTarget, format!("the policy has no queue `{queue}`"));
        }
        if self.case_of(id).calling.is_some() {
            let detail = "a campaign's contact keeps its place: schedule it for later instead";
            return refused(Rejection::WrongState, detail);
        }
        self.requeue(id, queue, Some(&command.principal));
        Ok(())
    }

    fn transfer_to(&mut self, case: CaseId, agent: &AgentId) -> Result<(), Refused> {
        let Some(to) = self.state.agent_ix(agent) else {
            return refused(Rejection::UnknownTarget, format!("there is no agent `{agent}`"));
        };
        self.may_take(case, to)?;
        let from = self.unassign(case, UnassignedBy::Transfer);
        self.back_to_work(case);
        self.assign(case, to, AssignedBy::Transfer);
        self.serve_if(from);
        Ok(())
    }

    /// Whether an agent who was chosen by a person may have the case: signed in, room, and admitted to its queue
    /// unless they lead.
    fn may_take(&self, id: CaseId, ix: AgentIx) -> Result<(), Refused> {
        let case = self.case_of(id);
        let agent = self.state.agents.get(ix);
        let name = &agent.record.agent;
        if self.state.is_suppressed(case) {
            let detail = "a number of this contact is on the do-not-call list: close it";
            return refused(Rejection::WrongState, detail);
        }
        if case.holder() == Some(ix) {
            return refused(Rejection::WrongState, format!("{name} holds the case already"));
        }
        if agent.session.is_none() {
            return refused(Rejection::NotSignedIn, format!("{name} is not signed in"));
        }
        if !self.state.has_room(ix, case.channel, self.rules) {
            return refused(Rejection::AtCapacity, format!("{name} holds as many cases as they may"));
        }
        let leads = agent.record.has_any(crate::rules::LEADERS);
        if !leads && agent.admitted(&case.queue).is_none() {
            return refused(
                Rejection::NotAdmitted,
                format!("{name} may not serve the queue `{}`", case.queue),
            );
        }
        Ok(())
    }

    /// A scheduled or parked case goes on.
    fn back_to_work(&mut self, case: CaseId) {
        if let Status::Scheduled { .. } = self.status(case) {
            self.emit(Happened::CaseResumed { case });
        }
        self.resume_clocks(case);
    }

    /// A leader takes the case (D5).
    pub(super) fn take_over(&mut self, case: CaseId, ix: AgentIx) -> Result<(), Refused> {
        self.must_be_open(case)?;
        self.may_take(case, ix)?;
        let from = self.unassign(case, UnassignedBy::TakeOver);
        self.back_to_work(case);
        self.assign(case, ix, AssignedBy::TakeOver);
        self.serve_if(from);
        Ok(())
    }

    /// Joins the case into another of the same customer's; its threads lead there from now on.
    pub(super) fn merge(&mut self, case: CaseId, command: &Command, into: CaseId) -> Result<(), Refused> {
        self.must_be_open(case)?;
        let Some(other) = self.state.cases.get(&into) else {
            return refused(Rejection::UnknownCase, format!("there is no case {}", into.0));
        };
        if into == case || other.is_closed() {
            return refused(Rejection::Invalid, "merge into another case that is not closed");
        }
        if self.case_of(case).calling.is_some() || other.calling.is_some() {
            return refused(Rejection::WrongState, "a campaign's contact can't be merged");
        }
        self.emit(Happened::CaseMerged { case, into });
        self.close(case, CloseReason::Merged, Some(command.principal.clone()));
        Ok(())
    }
}
