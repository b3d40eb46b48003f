//! Calls: who is called, and what came of it. The campaign's tree says which outcomes there are, what each needs, and
//! what follows (H4–H9, I1–I7).

use super::commands::cases::FAR_MS;
use super::commands::{Refused, refused};
use super::judging::Judging;
use crate::event::Happened;
use crate::facts::{CaseFacts, Facts};
use crate::input::{Contact, Suppression};
use crate::rules::{CampaignRule, DispositionRule, Effect, Rules, SystemTask};
use crate::state::{AgentIx, Calling, Status};
use crate::words::{
    AgentId, Answered, CaseId, Channel, CloseReason, Millis, Name, Occasion, Rejection, UnassignedBy,
    Visibility,
};

/// An outcome as an agent records it.
pub(super) struct Outcome<'a> {
    pub(super) path: &'a [Name],
    pub(super) filled: &'a [Name],
    pub(super) again_at: Option<Millis>,
    pub(super) answered: Option<Answered>,
    pub(super) dialled: u32,
}

impl<R: Rules> Judging<'_, R> {
    /// Somebody is to be called: a case begins, unless the campaign or the do-not-call list says no.
    pub(super) fn contact(&mut self, contact: &Contact) {
        if let Err(reason) = self.admit_contact(contact) {
            return self.refuse_input(reason);
        }
        let case = self.next_case();
        self.emit(Happened::CaseOpened {
            case,
            channel: Channel::Call,
            account: super::judging::no_name(),
            campaign: Some(contact.campaign.clone()),
            follows: None,
            arrived: contact.waiting_since.filter(|since| *since <= self.at).unwrap_or(self.at),
            split_from: None,
        });
        self.introduce(case);
        self.begin(case);
    }

    fn admit_contact(&self, contact: &Contact) -> Result<(), &'static str> {
        let Some(campaign) = self.rules.tables().campaign(&contact.campaign) else {
            return Err("a contact of a campaign that the policy in force does not have");
        };
        let stated = contact.criterion.as_ref();
        if !campaign.criteria.is_empty() && !stated.is_some_and(|c| campaign.criteria.contains(c)) {
            return Err("a contact without one of its campaign's entry criteria (A7)");
        }
        if !self.rules.enters(&facts_of(contact)) {
            return Err("a contact that does not meet what its entry criterion asks (A7)");
        }
        let mut numbers = contact.numbers.iter().chain(contact.author.as_ref());
        if numbers.any(|number| self.state.suppressed.contains(number)) {
            return Err("a contact with a number on the do-not-call list (H9)");
        }
        Ok(())
    }

    /// Numbers may no longer be called, or may be again. What waits with one of them is closed when its turn comes;
    /// what is on offer, at once; an agent who holds one may be speaking already.
    pub(super) fn suppression(&mut self, suppression: &Suppression) {
        let count = u32::try_from(suppression.numbers.len()).unwrap_or(u32::MAX);
        self.emit(Happened::NumbersSuppressed { count, lifted: suppression.lifted });
        let working = |ix: AgentIx| self.state.agents.get(ix).working.iter().copied();
        let offered = |id: &CaseId| {
            let case = self.case_of(*id);
            matches!(case.status, Status::Offered { .. }) && self.state.is_suppressed(case)
        };
        let stopped: Vec<CaseId> = self.state.agents.places().flat_map(working).filter(offered).collect();
        for case in stopped {
            self.close(case, CloseReason::DoNotCall, None);
        }
    }

    pub(super) fn dispose(&mut self, id: CaseId, ix: AgentIx, outcome: &Outcome<'_>) -> Result<(), Refused> {
        let agent = self.agent_id(ix);
        let case = self.case_of(id);
        let Some((calling, campaign)) =
            case.calling.as_ref().and_then(|c| Some((c, self.rules.tables().campaign(&c.campaign)?)))
        else {
            let detail = "only a campaign's contact takes a disposition; resolve or close this case";
            return refused(Rejection::WrongState, detail);
        };
        let refusal = |detail| (Rejection::Disposition, detail);
        let leaf = check(campaign, calling, outcome, self.at).map_err(refusal)?.clone();
        let misses = calling.misses + u32::from(!leaf.contacted);
        let used_up = !leaf.contacted && campaign.attempts_max > 0 && misses >= campaign.attempts_max;
        let retry_ms = campaign.retry_ms;
        let tasks = tasks_of(campaign, &leaf);
        self.emit(Happened::DispositionRecorded {
            case: id,
            campaign: campaign.name.clone(),
            path: outcome.path.to_vec(),
            agent: agent.clone(),
            attempt: calling.attempts + 1,
            contacted: leaf.contacted,
            answered: outcome.answered,
            effects: effects_of(&leaf, &tasks),
            dialled: outcome.dialled,
        });
        for SystemTask { system, task } in tasks {
            self.emit(Happened::SystemTaskDue { case: id, system, task });
        }
        if let Some(step) = &leaf.escalate {
            self.escalate(id, Some(step), Some(&agent), "disposition");
        }
        match leaf.effect {
            Effect::Keep => {}
            Effect::Close => self.close(id, CloseReason::Disposition, Some(agent)),
            Effect::Junk => self.close(id, CloseReason::Junk, Some(agent)),
            Effect::Retry(_) if used_up => self.close(id, CloseReason::Attempts, Some(agent)),
            Effect::Retry(after) => self.call_after(id, after.unwrap_or(retry_ms), None),
            Effect::FollowUp(after) => self.call_after(id, after, Some(agent)),
            Effect::Reschedule => self.call_again(id, outcome.again_at.unwrap_or(self.at), None),
        }
        Ok(())
    }

    fn call_after(&mut self, id: CaseId, after: i64, keep_for: Option<AgentId>) {
        self.call_again(id, self.at.saturating_add(after), keep_for);
    }

    /// Puts a contact away until then, or until calls to them are allowed (H7, H9); for good when they are not any
    /// more.
    fn call_again(&mut self, id: CaseId, at: Millis, keep_for: Option<AgentId>) {
        let case = self.case_of(id);
        if self.state.is_suppressed(case) {
            return self.close(id, CloseReason::DoNotCall, None);
        }
        let at = at.max(self.at);
        let at = case
            .calling
            .as_ref()
            .map_or(at, |calling| self.rules.may_call_from(&calling.campaign, calling.zone.as_deref(), at));
        let holder = self.unassign(id, UnassignedBy::End);
        self.emit(Happened::CaseScheduled { case: id, at, keep_for });
        self.pause_clocks(id);
        self.wrap_up(holder, id);
        self.serve_if(holder);
    }
}

/// What rules may read of a contact before it is a case.
fn facts_of(contact: &Contact) -> CaseFacts<'_> {
    static NONE: Facts = Facts::NONE;
    CaseFacts {
        occasion: Occasion::Received,
        channel: Channel::Call,
        account: "",
        visibility: Visibility::Private,
        campaign: Some(&contact.campaign),
        criterion: contact.criterion.as_deref(),
        message: &contact.facts,
        customer: contact.customer.as_ref(),
        category: &[],
        case: &NONE,
    }
}

/// What systems have to be told: the outcome's own, then the result (K13).
fn tasks_of(campaign: &CampaignRule, leaf: &DispositionRule) -> Vec<SystemTask> {
    let result =
        campaign.reports_to.as_ref().map(|to| SystemTask { system: to.clone(), task: "result".into() });
    leaf.tells.iter().cloned().chain(result).collect()
}

fn effects_of(leaf: &DispositionRule, tasks: &[SystemTask]) -> Vec<Name> {
    let tells = tasks.iter().map(|t| format!("tell:{}:{}", t.system, t.task).into());
    let escalates = leaf.escalate.iter().map(|step| format!("escalate:{step}").into());
    std::iter::once(Name::from(leaf.effect.as_str())).chain(tells).chain(escalates).collect()
}

/// The leaf that an outcome names, if it stands in the tree and nothing it needs is missing.
fn check<'a>(
    campaign: &'a CampaignRule,
    calling: &Calling,
    outcome: &Outcome<'_>,
    now: Millis,
) -> Result<&'a DispositionRule, String> {
    let (leaf, mut missing) = walk(campaign, outcome)?;
    let may_be = now.saturating_add(1)..=now.saturating_add(FAR_MS);
    if leaf.effect == Effect::Reschedule && !outcome.again_at.is_some_and(|at| may_be.contains(&at)) {
        missing.push("a later time to call again, within five years".to_owned());
    }
    let numbers = calling.numbers.len().max(1);
    if outcome.dialled as usize > numbers {
        return Err(format!("number {} was not dialled: the contact has {numbers}", outcome.dialled));
    }
    if campaign.asks_dialled && numbers > 1 && outcome.dialled == 0 {
        missing.push(format!("which of the {numbers} numbers was dialled"));
    }
    if missing.is_empty() {
        return Ok(leaf);
    }
    missing.sort_unstable();
    missing.dedup();
    Err(format!("`{}` needs {}", leaf.label, missing.join(", ")))
}

/// Follows an outcome's path down the tree; gives its leaf and what the nodes on the way miss.
fn walk<'a>(
    campaign: &'a CampaignRule,
    outcome: &Outcome<'_>,
) -> Result<(&'a DispositionRule, Vec<String>), String> {
    let mut level = &campaign.dispositions;
    let mut found: Option<&DispositionRule> = None;
    let mut missing: Vec<String> = Vec::new();
    for label in outcome.path {
        let Some(node) = level.iter().find(|n| n.label == *label) else {
            if let Some(leaf) = found.filter(|_| level.is_empty()) {
                return Err(format!("nothing comes below `{}`: leave `{label}` out", leaf.label));
            }
            return Err(format!(
                "`{label}` is not in the tree of {}: choose {}",
                campaign.name,
                labels(level)
            ));
        };
        let lacks = node.requires.iter().filter(|field| !outcome.filled.contains(field));
        missing.extend(lacks.map(|field| field.to_string()));
        if !node.answered.is_empty() && !outcome.answered.is_some_and(|who| node.answered.contains(&who)) {
            let who: Vec<&str> = node.answered.iter().map(|who| who.as_str()).collect();
            missing.push(format!("who answered ({})", who.join(" or ")));
        }
        (found, level) = (Some(node), &node.then);
    }
    let leaf = found.filter(|leaf| leaf.then.is_empty());
    let open = || format!("the disposition is not complete: choose {}", labels(level));
    leaf.map(|leaf| (leaf, missing)).ok_or_else(open)
}

fn labels(level: &[DispositionRule]) -> String {
    let quoted: Vec<String> = level.iter().map(|n| format!("`{}`", n.label)).collect();
    quoted.join(", ")
}
