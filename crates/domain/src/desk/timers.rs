//! What a due timer leads to.

use super::judging::Judging;
use crate::event::Happened;
use crate::rules::Rules;
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
        self.end_offer(case, agent, OfferEnd::Expired, "no-answer");
    }

    /// Ends an offer: its agent is not ready from then on, so that it does not come straight back to them, and the
    /// case goes on from its place.
    pub(super) fn end_offer(&mut self, case: CaseId, ix: AgentIx, reason: OfferEnd, why: &str) {
        let agent = self.agent_id(ix);
        let (presence, why): (_, Name) = (Presence::NotReady, why.into());
        self.emit(Happened::OfferEnded { case, agent: agent.clone(), reason });
        self.end_pull(ix, PullEnd::Absent);
        let limit = self.state.agents.get(ix).limit.clone();
        self.emit(Happened::AgentPresenceChanged { agent, presence, reason: why, auto: false, limit });
        self.place(case);
    }

    /// An agent who did nothing with a contact for as long as it is lent is not there either: it goes back to its place,
    /// and they take no more until they say they are ready.
    fn lease_over(&mut self, case: CaseId) {
        let Some(Status::Assigned { agent: ix }) = self.state.cases.get(&case).map(|c| c.status) else {
            return;
        };
        self.unassign(case, UnassignedBy::Lease);
        self.end_pull(ix, PullEnd::Absent);
        if self.state.agents.get(ix).is_ready() {
            let limit = self.state.agents.get(ix).limit.clone();
            let (agent, presence, reason) = (self.agent_id(ix), Presence::NotReady, "lease-over".into());
            self.emit(Happened::AgentPresenceChanged { agent, presence, reason, auto: false, limit });
        }
        self.place(case);
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
