//! What those who work a case ask of it.

use super::{Refused, refused};
use crate::desk::judging::Judging;
use crate::event::Happened;
use crate::facts::Customer;
use crate::input::Command;
use crate::rules::{LEADERS, Rules};
use crate::state::{AgentIx, Status};
use crate::words::{
    AssignedBy, CaseId, CloseReason, InputId, Millis, Name, Occasion, Rejection, ReplyKind, UnassignedBy,
    WaitingOn,
};

/// How far ahead a time may be, ms: five years.
pub(in crate::desk) const FAR_MS: i64 = 5 * 366 * 86_400_000;

/// Most tickets of other systems on one case.
const REFERENCES_MAX: usize = 100;

impl<R: Rules> Judging<'_, R> {
    pub(super) fn accept(&mut self, case: CaseId, ix: AgentIx) {
        let of = self.case_of(case);
        let class = self.state.demand.find(&of.queue, of.channel, &of.skills, of.step);
        let agent = self.agent_id(ix);
        let explanation = class.map(|class| Box::new(self.explain(case, class, Some(ix), false)));
        self.emit(Happened::CaseAssigned { case, agent, by: AssignedBy::Offer, explanation, pull: None });
        self.handling_begins(case);
    }

    pub(super) fn link(
        &mut self,
        case: CaseId,
        system: &Name,
        number: &Name,
        status: &Name,
    ) -> Result<(), Refused> {
        if system.is_empty() || number.is_empty() {
            return refused(Rejection::Invalid, "a reference needs `system` and `number`");
        }
        let tickets = self.case_of(case).rare().tickets.as_deref();
        let known = tickets.is_some_and(|t| t.reference(system, number).is_some());
        if !known && tickets.is_some_and(|t| t.references.len() >= REFERENCES_MAX) {
            let detail = format!("the case has {REFERENCES_MAX} tickets linked already");
            return refused(Rejection::Invalid, detail);
        }
        self.ticket_says(case, system, number, status);
        Ok(())
    }

    pub(super) fn ask_reopen(&mut self, case: CaseId, command: &Command) -> Result<(), Refused> {
        match self.status(case) {
            Status::Resolved { .. } | Status::Closed { reopens: true, .. } => {
                self.reopen(case, Some(command.principal.clone()));
                Ok(())
            }
            Status::Closed { is_spam: true, .. } => self.reopen_spam(case, command),
            Status::Closed { .. } => {
                refused(Rejection::WrongState, "merged, handed over or done: it can't be reopened")
            }
            _ => refused(Rejection::WrongState, "the case is open"),
        }
    }

    /// What was called spam by mistake is brought back by who leads; its customer's mails alone don't do that.
    fn reopen_spam(&mut self, case: CaseId, command: &Command) -> Result<(), Refused> {
        let ix = self.state.agent_ix(&command.principal);
        if !ix.is_some_and(|ix| self.state.agents.get(ix).record.has_any(LEADERS)) {
            let detail = "closed as spam: a team leader, PIC or supervisor may bring it back";
            return refused(Rejection::NotAllowed, detail);
        }
        self.reopen(case, Some(command.principal.clone()));
        Ok(())
    }

    pub(super) fn classify(
        &mut self,
        case: CaseId,
        command: &Command,
        category: &[Name],
    ) -> Result<(), Refused> {
        self.must_be_open(case)?;
        self.check_category(category)?;
        let category =
            if category.is_empty() { self.case_of(case).rare().category.clone() } else { category.to_vec() };
        self.emit(Happened::CaseCategorised { case, category, agent: command.principal.clone() });
        self.run_rules(case, Occasion::Classified);
        Ok(())
    }

    /// A category is a path of the policy's tree, from its top; it may end before a leaf (F3).
    fn check_category(&self, category: &[Name]) -> Result<(), Refused> {
        let allowed = &self.rules.tables().categories;
        if category.is_empty() || allowed.is_empty() || allowed.iter().any(|path| path.starts_with(category))
        {
            return Ok(());
        }
        let path: Vec<&str> = category.iter().map(|c| &**c).collect();
        refused(Rejection::UnknownTarget, format!("the policy has no category `{}`", path.join(" > ")))
    }

    pub(super) fn identify(
        &mut self,
        id: CaseId,
        command: &Command,
        customer: &Customer,
    ) -> Result<(), Refused> {
        self.must_be_open(id)?;
        if customer.id.is_none() && customer.segment.is_none() {
            return refused(Rejection::Invalid, "name the customer's id, or at least the segment");
        }
        let (customer, segment) = (customer.id.clone(), customer.segment.clone());
        self.emit(Happened::CaseIdentified {
            case: id,
            customer,
            segment,
            agent: Some(command.principal.clone()),
        });
        self.run_rules(id, Occasion::Identified);
        Ok(())
    }

    pub(super) fn reply(
        &mut self,
        id: CaseId,
        command: &Command,
        kind: ReplyKind,
        to: Option<InputId>,
        category: &[Name],
    ) -> Result<(), Refused> {
        self.must_be_open(id)?;
        let case = self.case_of(id);
        if case.messages.is_empty() {
            return refused(Rejection::WrongState, "there is no message to answer: this contact is called");
        }
        if command.seen_messages != 0 && command.seen_messages < case.count {
            let new = case.count - command.seen_messages;
            let detail = format!("the customer wrote {new} more: read the case again, then answer");
            return refused(Rejection::CaseChanged, detail);
        }
        if to.is_some_and(|to| !case.messages.iter().any(|m| m.id() == to)) {
            return refused(Rejection::Invalid, "the message to answer is not on this case");
        }
        self.check_category(category)?;
        let agent = command.principal.clone();
        if !category.is_empty() {
            let (category, agent) = (category.to_vec(), agent.clone());
            self.emit(Happened::CaseCategorised { case: id, category, agent });
        }
        self.send_reply(id, &agent, kind, to);
        if !category.is_empty() {
            self.run_rules(id, Occasion::Classified);
        }
        Ok(())
    }

    pub(super) fn schedule(
        &mut self,
        case: CaseId,
        ix: AgentIx,
        until: Millis,
        keep_owner: bool,
    ) -> Result<(), Refused> {
        self.must_be_open(case)?;
        if !(self.at + 1..=self.at.saturating_add(FAR_MS)).contains(&until) {
            return refused(
                Rejection::Invalid,
                "the time to come back has to be later than now, within five years",
            );
        }
        let holder = self.unassign(case, UnassignedBy::End);
        let keep_for = keep_owner.then(|| self.agent_id(holder.unwrap_or(ix)));
        self.emit(Happened::CaseScheduled { case, at: until, keep_for });
        self.pause_clocks(case);
        self.serve_if(holder);
        Ok(())
    }

    pub(super) fn park(&mut self, case: CaseId, on: WaitingOn) -> Result<(), Refused> {
        let Status::Assigned { agent } = self.status(case) else {
            return refused(Rejection::WrongState, "only an assigned case can wait for somebody");
        };
        self.emit(Happened::CaseParked { case, on });
        self.pause_clocks(case);
        self.serve(agent);
        Ok(())
    }

    pub(super) fn ask_resolve(
        &mut self,
        case: CaseId,
        command: &Command,
        outcome: &Name,
    ) -> Result<(), Refused> {
        self.must_be_open(case)?;
        self.resolve(case, Some(command.principal.clone()), outcome.clone());
        Ok(())
    }

    pub(super) fn ask_close(&mut self, case: CaseId, command: &Command) -> Result<(), Refused> {
        if self.case_of(case).is_closed() {
            return refused(Rejection::WrongState, "the case is closed already");
        }
        self.close(case, CloseReason::Closed, Some(command.principal.clone()));
        Ok(())
    }

    pub(super) fn mark_spam(&mut self, case: CaseId, command: &Command) -> Result<(), Refused> {
        if self.case_of(case).is_closed() {
            return refused(Rejection::WrongState, "the case is closed already");
        }
        self.close(case, CloseReason::Spam, Some(command.principal.clone()));
        Ok(())
    }

    /// Back to its queue, in its place. An agent who is offered work without asking may be the best for it again and
    /// be offered it; declining ends that.
    pub(super) fn release(&mut self, case: CaseId) -> Result<(), Refused> {
        self.must_be_open(case)?;
        let Some(holder) = self.unassign(case, UnassignedBy::Release) else {
            return refused(Rejection::WrongState, "nobody holds the case");
        };
        self.resume_clocks(case);
        self.place_after(case, holder);
        Ok(())
    }

    /// Makes a new case of some messages; it waits in the queue from when the old one did.
    pub(super) fn split(&mut self, id: CaseId, messages: &[InputId]) -> Result<(), Refused> {
        self.must_be_open(id)?;
        let case = self.case_of(id);
        let all_there = messages.iter().all(|m| case.messages.iter().any(|member| member.id() == *m));
        let mut distinct = messages.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut members: Vec<InputId> = case.messages.iter().map(|m| m.id()).collect();
        members.dedup();
        if distinct.is_empty() || !all_there || distinct.len() >= members.len() {
            let detail = "name at least one message of the case, and leave at least one";
            return refused(Rejection::Invalid, detail);
        }
        let (channel, account, arrived) = (case.channel, case.account.clone(), case.arrived);
        let into = self.next_case();
        self.emit(Happened::CaseSplit { case: id, into, messages: distinct.clone() });
        self.emit(Happened::CaseOpened {
            case: into,
            channel,
            account,
            campaign: None,
            follows: None,
            arrived,
            split_from: Some(id),
        });
        for (count, message) in (1..).zip(distinct) {
            let by = crate::words::JoinedBy::Agent;
            self.emit(Happened::MessageJoined { case: into, message, by, count, automatic: false });
        }
        self.begin(into);
        Ok(())
    }
}
