//! What a due timer leads to.

use super::judging::{Judging, no_name};
use crate::event::Happened;
use crate::rules::{OverflowRule, OverflowTo, Rules};
use crate::state::{AgentIx, Status, Timer};
use crate::words::{
    CaseId, CloseReason, Millis, Name, OfferEnd, Presence, PullEnd, SignOutReason, UnassignedBy,
};

impl<R: Rules> Judging<'_, R> {
    /// Fires every timer due by then, in order, each stamped with its due time but never earlier than what was judged
    /// before it.
    pub(super) fn fire_due(&mut self, now: Millis) {
        while let Some((due, timer)) = self.state.timers.first_due(now) {
            self.state.timers.clear(due, timer.clone());
            self.at = due.max(self.state.now).max(self.at);
            self.fire(timer);
        }
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Sla(case, clock) => self.clock_due(case, clock),
            Timer::Offer(case) => self.offer_expired(case),
            Timer::Schedule(case) => self.schedule_due(case),
            Timer::Widen(case) => self.widen(case),
            Timer::Settle(case) => self.settled(case),
            Timer::Forget(case) => self.emit(Happened::CaseForgotten { case }),
            Timer::Pull(agent) => self.pull_expired(agent),
            Timer::Grace(gateway) => self.gateway_silent(&gateway),
            Timer::Day => self.day_turned(),
            Timer::Lease(case) => self.lease_over(case),
            Timer::Unanswered(case) => self.unanswered(case),
            Timer::WrapUp(agent) => self.wrapped_up(agent),
        }
    }

    fn settled(&mut self, case: CaseId) {
        self.close(case, CloseReason::Settled, None);
    }

    /// An agent who let an offer pass is not there: they take no more until they say they are ready.
    fn offer_expired(&mut self, case: CaseId) {
        let Some(Status::Offered { agent, .. }) = self.state.cases.get(&case).map(|c| c.status) else {
            return;
        };
        self.end_offer(case, agent, OfferEnd::Expired, no_name());
    }

    /// Ends an offer: its agent is not ready from then on, so that it does not come straight back to them, and the
    /// case goes on from its place.
    pub(super) fn end_offer(&mut self, case: CaseId, ix: AgentIx, reason: OfferEnd, cause: Name) {
        let agent = self.agent_id(ix);
        let why = match reason {
            OfferEnd::Declined if cause.is_empty() => "declined".to_owned(),
            OfferEnd::Declined => format!("declined: {cause}"),
            _ => "no-answer".to_owned(),
        };
        self.emit(Happened::OfferEnded { case, agent, reason, cause });
        self.no_longer_ready(ix, &why);
        self.place(case);
    }

    /// An agent who did nothing with a contact for as long as it is lent is not there either: it goes back to its place,
    /// and they take no more until they say they are ready.
    fn lease_over(&mut self, case: CaseId) {
        let Some(Status::Assigned { agent }) = self.state.cases.get(&case).map(|c| c.status) else { return };
        self.unassign(case, UnassignedBy::Lease);
        self.no_longer_ready(agent, "lease-over");
        self.place(case);
    }

    /// An agent who does not answer takes no more until they say they are ready.
    fn no_longer_ready(&mut self, ix: AgentIx, why: &str) {
        self.end_pull(ix, PullEnd::Absent);
        if self.state.agents.get(ix).presence == Presence::NotReady {
            return;
        }
        let (agent, limit) = (self.agent_id(ix), self.state.agents.get(ix).limit.clone());
        let (presence, reason) = (Presence::NotReady, why.into());
        self.emit(Happened::AgentPresenceChanged {
            agent,
            presence,
            reason,
            auto: false,
            limit,
            until: None,
        });
    }

    /// A case sat on its agent for too long: it goes back to its place, and the agent is taken not to be there.
    fn unanswered(&mut self, case: CaseId) {
        let Some(Status::Assigned { agent }) = self.state.cases.get(&case).map(|c| c.status) else { return };
        self.unassign(case, UnassignedBy::Unanswered);
        self.no_longer_ready(agent, "unanswered");
        self.withdraw_all_offers(agent);
        self.place(case);
    }

    /// A case waited too long in its queue.
    fn overflow(&mut self, id: CaseId, rule: &OverflowRule) {
        let case = self.case_of(id);
        let (queue, stays) = (case.queue.clone(), case.calling.is_some());
        let (to_queue, to_desk) = match &rule.to {
            OverflowTo::Queue(to) => (Some(to.clone()), None),
            // A campaign's contact stays on its desk.
            OverflowTo::Desk(_) if stays => return,
            OverflowTo::Desk(to) => (None, Some(to.clone())),
        };
        self.emit(Happened::CaseOverflowed { case: id, queue, to_queue, to_desk });
        match &rule.to {
            OverflowTo::Queue(to) => self.move_to_queue(id, to),
            OverflowTo::Desk(to) => self.hand_over(id, to, None),
        }
    }

    fn schedule_due(&mut self, case: CaseId) {
        let Some(Status::Scheduled { keep_for, .. }) = self.state.cases.get(&case).map(|c| c.status) else {
            return;
        };
        self.emit(Happened::CaseResumed { case });
        self.resume_clocks(case);
        self.return_to(case, keep_for);
    }

    fn widen(&mut self, id: CaseId) {
        let Some(case) = self.state.cases.get(&id).filter(|c| c.status == Status::Queued) else { return };
        let rule = self.rules.tables().queue(&case.queue);
        let last = rule.is_some_and(|rule| case.step as usize >= rule.widen_after_ms.len());
        if let Some(overflow) = rule.and_then(|rule| rule.overflow.clone()).filter(|_| last) {
            return self.overflow(id, &overflow);
        }
        let step = case.step + 1;
        self.emit(Happened::CaseWidened { case: id, step });
        self.match_case(id);
    }

    fn pull_expired(&mut self, agent: AgentIx) {
        self.end_pull(agent, PullEnd::Expired);
    }

    /// Ends an agent's waiting pull, if there is one.
    pub(super) fn end_pull(&mut self, ix: AgentIx, reason: PullEnd) {
        if let Some(pull) = self.state.agents.get(ix).pull.as_ref().map(|p| p.id) {
            let agent = self.agent_id(ix);
            self.emit(Happened::PullEnded { agent, pull, reason });
        }
    }

    fn gateway_silent(&mut self, gateway: &Name) {
        self.state.silence(gateway);
        let silent = |ix: &AgentIx| {
            let session = self.state.agents.get(*ix).session.as_ref();
            session.is_some_and(|s| s.gateway == *gateway)
        };
        let agents: Vec<AgentIx> = self.state.agents.places().filter(silent).collect();
        for agent in agents {
            self.sign_out(agent, SignOutReason::Silent);
        }
    }
}
