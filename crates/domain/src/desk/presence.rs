//! Sessions, presence and pulls.

use super::judging::{Judging, no_name};
use crate::event::Happened;
use crate::rules::{QueueRule, Rules};
use crate::state::{AgentIx, Standing, Status};
use crate::words::{
    AgentId, CaseId, InputId, Name, OfferEnd, Presence, PullEnd, QueueMode, Rejection, SessionLimit,
    SignOutReason, UnassignedBy,
};

/// What an agent asks when they pull.
pub(super) struct Wish<'a> {
    pub(super) count: u32,
    pub(super) wait_ms: i64,
    pub(super) queues: &'a [Name],
}

/// What an agent says of themselves.
#[derive(Clone, Copy)]
pub(super) struct Says<'a> {
    pub(super) presence: Presence,
    pub(super) reason: &'a Name,
    pub(super) auto: bool,
    /// None: as it was.
    pub(super) limit: Option<&'a SessionLimit>,
}

impl<R: Rules> Judging<'_, R> {
    /// Begins a session; one elsewhere ends, and what the agent holds stays theirs.
    pub(super) fn sign_in(&mut self, ix: AgentIx, session: &Name, gateway: &Name, ready: bool, auto: bool) {
        let agent = self.agent_id(ix);
        if let Some(old) = self.state.agents.get(ix).session.as_ref().map(|s| s.id.clone()) {
            self.end_pull(ix, PullEnd::Absent);
            let reason = SignOutReason::Elsewhere;
            self.emit(Happened::AgentSignedOut { agent: agent.clone(), session: old, reason });
        }
        let (session, gateway) = (session.clone(), gateway.clone());
        self.emit(Happened::AgentSignedIn { agent: agent.clone(), session, gateway });
        let presence = if ready { Presence::Ready } else { Presence::NotReady };
        let reason = no_name();
        let limit = SessionLimit::default();
        self.emit(Happened::AgentPresenceChanged {
            agent,
            presence,
            reason,
            auto: auto && ready,
            limit,
            until: None,
        });
        self.serve(ix);
    }

    /// Ends a session: what is on offer or assigned goes back to its place; parked cases stay the agent's.
    pub(super) fn sign_out(&mut self, ix: AgentIx, reason: SignOutReason) {
        let Some(session) = self.state.agents.get(ix).session.as_ref().map(|s| s.id.clone()) else { return };
        let agent = self.agent_id(ix);
        self.end_pull(ix, PullEnd::Absent);
        self.emit(Happened::AgentSignedOut { agent: agent.clone(), session, reason });
        let working = self.state.agents.get(ix).working.clone();
        for case in working {
            if matches!(self.status(case), Status::Offered { .. }) {
                self.emit(Happened::OfferEnded {
                    case,
                    agent: agent.clone(),
                    reason: OfferEnd::Absent,
                    cause: no_name(),
                });
            } else {
                self.unassign(case, UnassignedBy::SignOut);
            }
            self.place(case);
        }
    }

    /// Takes what an agent says of themselves. A limit of their own takes away nothing they hold, only offers that no
    /// longer fit; where there is room again, waiting work comes at once.
    pub(super) fn set_presence(&mut self, ix: AgentIx, says: &Says<'_>) {
        let Says { presence, reason, auto, limit } = *says;
        let agent = self.agent_id(ix);
        let ready = presence == Presence::Ready;
        let limit = limit.unwrap_or(&self.state.agents.get(ix).limit).clone();
        if !ready {
            self.end_pull(ix, PullEnd::Absent);
        }
        self.emit(Happened::AgentPresenceChanged {
            agent,
            presence,
            reason: reason.clone(),
            auto: auto && ready,
            limit,
            until: None,
        });
        if !ready {
            self.withdraw_all_offers(ix);
        }
        self.withdraw_what_no_longer_fits(ix);
        self.serve(ix);
    }

    /// Who finished a case has its queue's time to wrap up before the next; a pull that waits goes on waiting. They end
    /// it themselves by saying that they are ready.
    pub(super) fn wrap_up(&mut self, holder: Option<AgentIx>, of: CaseId) {
        let wrap_up_ms = self.rules.tables().queue(&self.case_of(of).queue).map_or(0, |q| q.wrap_up_ms);
        let Some(ix) = holder.filter(|ix| wrap_up_ms > 0 && self.state.agents.get(*ix).is_ready()) else {
            return;
        };
        let agent = self.state.agents.get(ix);
        let (auto, limit) = (agent.auto, agent.limit.clone());
        self.emit(Happened::AgentPresenceChanged {
            agent: self.agent_id(ix),
            presence: Presence::AfterWork,
            reason: "wrap-up".into(),
            auto,
            limit,
            until: Some(self.at.saturating_add(wrap_up_ms)),
        });
        self.withdraw_all_offers(ix);
    }

    /// The time to wrap up is over: waiting work comes at once.
    pub(super) fn wrapped_up(&mut self, ix: AgentIx) {
        let agent = self.state.agents.get(ix);
        let (auto, limit, presence) = (agent.auto, agent.limit.clone(), Presence::Ready);
        let (agent, reason) = (self.agent_id(ix), no_name());
        self.emit(Happened::AgentPresenceChanged { agent, presence, reason, auto, limit, until: None });
        self.serve(ix);
    }

    /// Takes back offers for which an agent has no more room, the latest cases first; what they hold stays theirs.
    pub(super) fn withdraw_what_no_longer_fits(&mut self, ix: AgentIx) {
        for case in self.state.agents.get(ix).working.clone().into_iter().rev() {
            let channel = self.case_of(case).channel;
            let offered = matches!(self.status(case), Status::Offered { agent, .. } if agent == ix);
            if offered && !self.state.fits(ix, channel, self.rules) {
                let agent = self.agent_id(ix);
                self.emit(Happened::OfferEnded {
                    case,
                    agent,
                    reason: OfferEnd::Withdrawn,
                    cause: no_name(),
                });
                self.place(case);
            }
        }
    }

    pub(super) fn withdraw_all_offers(&mut self, ix: AgentIx) {
        let agent = self.agent_id(ix);
        for case in self.state.agents.get(ix).working.clone() {
            if matches!(self.status(case), Status::Offered { .. }) {
                self.emit(Happened::OfferEnded {
                    case,
                    agent: agent.clone(),
                    reason: OfferEnd::Absent,
                    cause: no_name(),
                });
                self.place(case);
            }
        }
    }

    /// Gives what is there now; waits for the rest if asked to. A pull that waited before ends.
    pub(super) fn pull(&mut self, ix: AgentIx, principal: &AgentId, wish: &Wish<'_>) {
        let agent = self.state.agents.get(ix);
        if !agent.is_ready() {
            let detail = "set your presence to ready before you pull";
            return self.reject(principal, CaseId(0), Rejection::NotReady, detail);
        }
        if agent.standing == Standing::AtCapacity {
            let detail = "you hold as many cases as you may, or as you set yourself: resolve, park or release one first, \
                          or raise your own limit";
            return self.reject(principal, CaseId(0), Rejection::AtCapacity, detail);
        }
        if !(1..=100).contains(&wish.count) || !(0..=3_600_000).contains(&wish.wait_ms) {
            let detail = "`count` goes from 1 to 100, `wait_ms` from 0 to 3,600,000";
            return self.reject(principal, CaseId(0), Rejection::Invalid, detail);
        }
        let unknown = wish.queues.iter().find(|q| self.rules.tables().queue(q).is_none());
        if let Some(queue) = unknown {
            let detail = format!("the policy has no queue `{queue}`");
            return self.reject(principal, CaseId(0), Rejection::UnknownTarget, &detail);
        }
        let offers = |queue: &&QueueRule| queue.mode == QueueMode::Offer && wish.queues.contains(&queue.name);
        if let Some(queue) = self.rules.tables().queues.iter().find(offers) {
            let detail = format!(
                "queue `{}` offers its cases to who is ready, and no pull brings them: leave it out",
                queue.name
            );
            return self.reject(principal, CaseId(0), Rejection::Invalid, &detail);
        }
        self.end_pull(ix, PullEnd::Cancelled);
        let given = self.pull_now(ix, wish.count, wish.queues);
        if given < wish.count && wish.wait_ms > 0 {
            self.emit(Happened::PullWaiting {
                agent: principal.clone(),
                count: wish.count - given,
                expires: self.at.saturating_add(wish.wait_ms),
                queues: wish.queues.to_vec(),
                pull: self.input.id,
            });
        }
    }

    /// Ends a waiting pull. What it brought after it began to wait, and nobody has touched, goes back to its place:
    /// the cancellation says that the agent's stream broke before they could see it.
    pub(super) fn cancel_pull(&mut self, ix: AgentIx, pull: Option<InputId>) {
        let waiting = self.state.agents.get(ix).pull.as_ref().map(|p| p.id);
        if waiting.is_some() && pull.is_none_or(|p| Some(p) == waiting) {
            self.end_pull(ix, PullEnd::Cancelled);
        }
        let Some(pull) = pull.or(waiting) else { return };
        let working = self.state.agents.get(ix).working.clone();
        for case in working {
            if self.case_of(case).rare().untouched == Some(pull) {
                self.unassign(case, UnassignedBy::PullCancelled);
                self.place_after(case, ix);
            }
        }
    }
}
