//! Who may serve which queue: computed when an agent's record, the policy or the day changes, never while matching
//! (D3).

use super::judging::{Judging, no_name};
use crate::event::Happened;
use crate::facts::AgentFacts;
use crate::input::{AgentRecord, PolicyVersion};
use crate::rules::Rules;
use crate::state::{AgentIx, Status};
use crate::words::{CaseId, Name, Occasion, OfferEnd, SignOutReason};

impl<R: Rules> Judging<'_, R> {
    pub(super) fn agent_record(&mut self, record: &AgentRecord) {
        self.emit(Happened::AgentChanged { agent: record.agent.clone() });
        let Some(ix) = self.state.agent_ix(&record.agent) else { return };
        self.admit(ix);
        if record.inactive {
            self.sign_out(ix, SignOutReason::Inactive);
        }
        self.withdraw_what_no_longer_fits(ix);
        self.serve(ix);
    }

    /// Runs the conditions over one agent; says so when the outcome is another.
    fn admit(&mut self, ix: AgentIx) {
        let agent = self.state.agents.get(ix);
        let facts = AgentFacts { agent: &agent.record.agent, record: &agent.record, now: self.at };
        let queues = self.rules.tables().queues.iter();
        let admissions: Vec<(Name, u32)> = if agent.record.inactive {
            Vec::new()
        } else {
            queues
                .filter_map(|q| self.rules.admits(&q.name, &facts).map(|step| (q.name.clone(), step)))
                .collect()
        };
        if agent.admissions != admissions {
            let agent = agent.record.agent.clone();
            self.emit(Happened::AgentAdmitted { agent, admissions });
            self.withdraw_offers(ix);
        }
    }

    /// Takes back what is on offer to an agent who may no longer serve its queue.
    fn withdraw_offers(&mut self, ix: AgentIx) {
        let working = self.state.agents.get(ix).working.clone();
        for case in working {
            let queue = &self.case_of(case).queue;
            let offered = matches!(self.status(case), Status::Offered { .. });
            if offered && self.state.agents.get(ix).admitted(queue).is_none() {
                let agent = self.agent_id(ix);
                self.emit(Happened::OfferEnded {
                    case,
                    agent,
                    reason: OfferEnd::Withdrawn,
                    cause: no_name(),
                });
                self.place_after(case, ix);
            }
        }
    }

    /// Another policy holds from here on: agents are admitted anew, and open cases that nobody holds go where it puts
    /// them.
    pub(super) fn take_policy(&mut self, version: &PolicyVersion) {
        let (cites, digest) = (version.cites.clone(), version.digest);
        self.emit(Happened::PolicyApplied { version: version.version, digest, cites });
        self.match_after(|judging| {
            judging.admit_all();
            judging.rederive();
        });
    }

    /// Runs the rules over open cases, as far as the policy says so; those whose queue there is no longer anyhow.
    fn rederive(&mut self) {
        let mut waiting: Vec<CaseId> =
            self.state.cases.values().filter(|c| c.is_open()).map(|c| c.id).collect();
        waiting.sort_unstable();
        let tables = self.rules.tables();
        for id in waiting {
            let case = self.case_of(id);
            let lost = tables.queue(&case.queue).is_none();
            if lost || (tables.limits.rederive && case.holder().is_none()) {
                self.run_rules(id, Occasion::Policy);
            }
        }
    }

    pub(super) fn day_turned(&mut self) {
        let (day, _) = self.rules.day(self.at);
        self.emit(Happened::DayTurned { day });
        self.match_after(Self::admit_all);
    }

    fn admit_all(&mut self) {
        let agents: Vec<AgentIx> = self.state.agents.places().collect();
        for ix in agents {
            self.admit(ix);
            self.withdraw_what_no_longer_fits(ix);
        }
    }
}
