//! Commands: who may ask what of which case, decided here and nowhere else (E1).

pub(in crate::desk) mod cases;
mod leads;

use super::campaigns::Outcome;
use super::judging::Judging;
use super::presence::{Says, Wish};
use crate::event::Happened;
use crate::input::{Ask, Command};
use crate::rules::{LEADERS, Rules, WORKERS};
use crate::state::{AgentIx, Status};
use crate::words::{CaseId, OfferEnd, Presence, Rejection, SignOutReason};

/// A refusal: why, and what to do.
pub(super) type Refused = (Rejection, String);

pub(super) fn refused<T>(rejection: Rejection, detail: impl Into<String>) -> Result<T, Refused> {
    Err((rejection, detail.into()))
}

/// What somebody has to be to a case to ask this of it.
#[derive(PartialEq, Eq)]
enum Standing {
    /// It is about no case.
    NoCase,
    /// Anybody who works here.
    Anybody,
    /// Who holds it.
    Holder,
    /// Who holds it, or a leader.
    HolderOrLeader,
    /// A leader.
    Leader,
    /// Whom it is offered to.
    Offered,
}

fn standing(ask: &Ask) -> Standing {
    match ask {
        Ask::SignIn { .. }
        | Ask::SignOut { .. }
        | Ask::SetPresence { .. }
        | Ask::Pull { .. }
        | Ask::CancelPull { .. } => Standing::NoCase,
        Ask::Accept | Ask::Decline { .. } => Standing::Offered,
        Ask::Reply { .. } | Ask::Disposition { .. } => Standing::Holder,
        Ask::TakeOver
        | Ask::SetPriority { .. }
        | Ask::Follow
        | Ask::Unfollow
        | Ask::Note { coaching: true } => Standing::Leader,
        Ask::Note { .. } | Ask::LinkReference { .. } | Ask::Reopen => Standing::Anybody,
        Ask::Classify { .. }
        | Ask::Identify { .. }
        | Ask::Schedule { .. }
        | Ask::Wait { .. }
        | Ask::Escalate { .. }
        | Ask::Transfer { .. }
        | Ask::Merge { .. }
        | Ask::Split { .. }
        | Ask::MarkSpam
        | Ask::Resolve { .. }
        | Ask::Close
        | Ask::ReportFault(_)
        | Ask::Release => Standing::HolderOrLeader,
    }
}

impl<R: Rules> Judging<'_, R> {
    pub(super) fn command(&mut self, command: &Command) {
        let agent = match self.admit_command(command) {
            Ok(agent) => agent,
            Err((rejection, detail)) => {
                return self.reject(&command.principal, command.case, rejection, &detail);
            }
        };
        let leads = self.state.agents.get(agent).record.has_any(LEADERS);
        let outcome = match standing(&command.ask) {
            Standing::NoCase => self.own_work(agent, command),
            Standing::Offered => self.answer_offer(agent, command),
            _ => self.case_work(agent, command),
        };
        match outcome {
            Err((rejection, detail)) => self.reject(&command.principal, command.case, rejection, &detail),
            // To follow is not yet to act.
            Ok(()) if matches!(command.ask, Ask::Follow | Ask::Unfollow) => {}
            Ok(()) if leads && self.state.cases.contains_key(&command.case) => {
                self.leader_acted(command.case)
            }
            Ok(()) => {}
        }
    }

    /// Whether the principal may ask this at all, of this case.
    fn admit_command(&self, command: &Command) -> Result<AgentIx, Refused> {
        let Some(ix) = self.state.agent_ix(&command.principal) else {
            let detail = "no agent of this desk has that name: an administrator adds agents";
            return refused(Rejection::UnknownAgent, detail);
        };
        let record = &self.state.agents.get(ix).record;
        if record.inactive || !record.has_any(WORKERS) {
            let detail = "this agent's record is inactive or has no role that works cases";
            return refused(Rejection::NotAllowed, detail);
        }
        let leads = record.has_any(LEADERS);
        let standing = standing(&command.ask);
        let signed_in = self.state.agents.get(ix).session.is_some();
        let free = leads && standing != Standing::NoCase && command.ask != Ask::TakeOver;
        if !signed_in && !free && !matches!(command.ask, Ask::SignIn { .. } | Ask::SignOut { .. }) {
            return refused(Rejection::NotSignedIn, "sign in first");
        }
        if standing != Standing::NoCase {
            self.admit_to_case(ix, leads, standing, command)?;
        }
        Ok(ix)
    }

    fn admit_to_case(
        &self,
        ix: AgentIx,
        leads: bool,
        standing: Standing,
        command: &Command,
    ) -> Result<(), Refused> {
        let Some(case) = self.state.cases.get(&command.case) else {
            let detail = format!("there is no case {}, or it was closed too long ago", command.case.0);
            return refused(Rejection::UnknownCase, detail);
        };
        let holds = case.holder() == Some(ix);
        let may = match standing {
            Standing::NoCase | Standing::Anybody | Standing::Offered => true,
            Standing::Holder => holds,
            Standing::HolderOrLeader => holds || leads,
            Standing::Leader => leads,
        };
        if may {
            return Ok(());
        }
        match (standing, case.holder()) {
            (Standing::Leader, _) => {
                refused(Rejection::NotAllowed, "this takes a team leader, PIC or supervisor")
            }
            (_, Some(other)) => {
                let other = self.agent_id(other);
                refused(Rejection::NotAssignee, format!("{other} holds case {}", command.case.0))
            }
            (_, None) => refused(
                Rejection::NotAssignee,
                format!("nobody holds case {}: pull it first", command.case.0),
            ),
        }
    }

    /// What an agent asks of no case.
    fn own_work(&mut self, ix: AgentIx, command: &Command) -> Result<(), Refused> {
        match &command.ask {
            Ask::SignIn { session, gateway, ready, auto } => {
                self.sign_in(ix, session, gateway, *ready, *auto)
            }
            Ask::SignOut { session } => {
                let current = self.state.agents.get(ix).session.as_ref().map(|s| s.id.clone());
                let named = session.clone().or_else(|| current.clone());
                if named == current {
                    self.sign_out(ix, SignOutReason::Asked);
                }
            }
            Ask::SetPresence { presence, reason, auto, limit } => {
                if *presence == Presence::NotReady {
                    self.check_reason(reason, &self.rules.tables().reasons.not_ready, "are not ready")?;
                }
                let says = Says { presence: *presence, reason, auto: *auto, limit: limit.as_ref() };
                self.set_presence(ix, &says);
            }
            Ask::Pull { count, wait_ms, queues } => {
                self.pull(ix, &command.principal, &Wish { count: *count, wait_ms: *wait_ms, queues });
            }
            Ask::CancelPull { pull } => self.cancel_pull(ix, *pull),
            _ => {}
        }
        Ok(())
    }

    fn answer_offer(&mut self, ix: AgentIx, command: &Command) -> Result<(), Refused> {
        let case = command.case;
        match self.status(case) {
            // An assignment by pull is accepted by doing anything with the case, and this is the least of it.
            Status::Assigned { agent } if agent == ix && command.ask == Ask::Accept => Ok(()),
            Status::Offered { agent, .. } if agent == ix => {
                let Ask::Decline { reason } = &command.ask else {
                    self.accept(case, ix);
                    return Ok(());
                };
                self.check_reason(reason, &self.rules.tables().reasons.decline, "decline the case")?;
                self.end_offer(case, ix, OfferEnd::Declined, reason.clone());
                Ok(())
            }
            _ => refused(Rejection::OfferEnded, "the case is no longer offered to you"),
        }
    }

    /// What is asked of a case that the asker may ask it of.
    fn case_work(&mut self, ix: AgentIx, command: &Command) -> Result<(), Refused> {
        let case = command.case;
        match &command.ask {
            Ask::Note { .. } => {
                self.emit(Happened::NoteAdded { case, agent: command.principal.clone() });
                Ok(())
            }
            Ask::LinkReference { system, number, status } => self.link(case, system, number, status),
            Ask::ReportFault(report) => self.report_fault(case, &command.principal, report),
            Ask::Reopen => self.ask_reopen(case, command),
            Ask::Classify { category, .. } => self.classify(case, command, category),
            Ask::Identify { customer } => self.identify(case, command, customer),
            Ask::Reply { kind, to, category, .. } => self.reply(case, command, *kind, *to, category),
            Ask::Disposition { path, filled, again_at, answered, dialled } => {
                let (again_at, answered, dialled) = (*again_at, *answered, *dialled);
                self.dispose(case, ix, &Outcome { path, filled, again_at, answered, dialled })
            }
            Ask::Schedule { at, keep_owner } => self.schedule(case, ix, *at, *keep_owner),
            Ask::Wait { on } => self.park(case, *on),
            Ask::Resolve { outcome } => self.ask_resolve(case, command, outcome),
            Ask::Close => self.ask_close(case, command),
            Ask::Release => self.release(case),
            Ask::MarkSpam => self.mark_spam(case, command),
            Ask::Escalate { step } => self.ask_escalate(case, command, step.as_deref()),
            Ask::Transfer { to } => self.transfer(case, command, to),
            Ask::TakeOver => self.take_over(case, ix),
            Ask::Merge { into } => self.merge(case, command, *into),
            Ask::Split { messages } => self.split(case, messages),
            Ask::SetPriority { priority } => self.ask_priority(case, command, priority),
            Ask::Follow => self.ask_follow(case, &command.principal),
            Ask::Unfollow => self.ask_unfollow(case, &command.principal),
            _ => Ok(()),
        }
    }

    /// The case, if it is open.
    pub(super) fn must_be_open(&self, case: CaseId) -> Result<(), Refused> {
        if self.case_of(case).is_open() {
            return Ok(());
        }
        refused(Rejection::WrongState, format!("case {} is resolved or closed: reopen it first", case.0))
    }
}
