//! Who is on duty by roster, and who follows a case to its end (D4, D5, D7).

use super::commands::{Refused, refused};
use super::judging::Judging;
use crate::event::{Happened, OnDuty};
use crate::rules::Rules;
use crate::state::AgentIx;
use crate::words::{AgentId, CaseId, Name, Rejection};

impl<R: Rules> Judging<'_, R> {
    /// Tells of a case who is on duty for a group, and lets them follow it where `step` says so. Says whether anybody
    /// is; a group without a roster is taken to be there.
    pub(super) fn call_duty(&mut self, case: CaseId, group: &Name, step: Option<&Name>) -> bool {
        let Some(roster) = self.rules.on_duty(group, self.at) else { return true };
        let works = |on: &OnDuty| {
            self.state.agent_ix(&on.agent).is_some_and(|ix| !self.state.agents.get(ix).record.inactive)
        };
        let called: Vec<OnDuty> = roster.into_iter().filter(works).collect();
        self.emit(Happened::DutyCalled { case, group: group.clone(), called: called.clone() });
        for on in step.iter().flat_map(|_| &called) {
            if !self.follows(case, &on.agent) {
                let (agent, step) = (on.agent.clone(), step.cloned());
                self.emit(Happened::CaseFollowed { case, agent, step });
            }
        }
        !called.is_empty()
    }

    fn follows(&self, case: CaseId, agent: &str) -> bool {
        let followers = &self.case_of(case).rare().followers;
        self.state.agent_ix(agent).is_some_and(|ix: AgentIx| followers.contains(&ix))
    }

    pub(super) fn ask_follow(&mut self, case: CaseId, agent: &AgentId) -> Result<(), Refused> {
        if self.case_of(case).is_closed() {
            return refused(Rejection::WrongState, "the case is closed: there is nothing more to follow");
        }
        if self.follows(case, agent) {
            return refused(Rejection::WrongState, "you follow the case already");
        }
        self.emit(Happened::CaseFollowed { case, agent: agent.clone(), step: None });
        Ok(())
    }

    pub(super) fn ask_unfollow(&mut self, case: CaseId, agent: &AgentId) -> Result<(), Refused> {
        if !self.follows(case, agent) {
            return refused(Rejection::WrongState, "you do not follow the case");
        }
        self.emit(Happened::CaseUnfollowed { case, agent: agent.clone() });
        Ok(())
    }

    /// A reason of the policy's list; anything where it has none.
    pub(super) fn check_reason(&self, reason: &Name, allowed: &[Name], what: &str) -> Result<(), Refused> {
        if allowed.is_empty() || allowed.contains(reason) {
            return Ok(());
        }
        let allowed: Vec<String> = allowed.iter().map(|one| format!("`{one}`")).collect();
        refused(Rejection::Invalid, format!("say why you {what}: {}", allowed.join(", ")))
    }
}
