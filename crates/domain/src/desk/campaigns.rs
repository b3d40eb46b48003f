//! Outcomes of calls: the campaign's tree says which there are, what each needs, and what follows (H6–H8, I1–I7).

use super::commands::cases::FAR_MS;
use super::commands::{Refused, refused};
use super::judging::Judging;
use crate::event::Happened;
use crate::rules::{CampaignRule, DispositionRule, Effect, Rules};
use crate::state::AgentIx;
use crate::words::{Answered, CaseId, CloseReason, Millis, Name, Rejection, UnassignedBy};

/// An outcome as an agent records it.
pub(super) struct Outcome<'a> {
    pub(super) path: &'a [Name],
    pub(super) filled: &'a [Name],
    pub(super) again_at: Option<Millis>,
    pub(super) answered: Option<Answered>,
}

impl<R: Rules> Judging<'_, R> {
    pub(super) fn dispose(&mut self, id: CaseId, ix: AgentIx, outcome: &Outcome<'_>) -> Result<(), Refused> {
        let agent = self.agent_id(ix);
        let case = self.case_of(id);
        let Some(campaign) = case.campaign.as_ref().and_then(|c| self.rules.tables().campaign(c)) else {
            let detail = "only a campaign's contact takes a disposition; resolve or close this case";
            return refused(Rejection::WrongState, detail);
        };
        let leaf = check(campaign, outcome, self.at).map_err(|detail| (Rejection::Disposition, detail))?;
        let misses = case.misses + u32::from(!leaf.contacted);
        let used_up = !leaf.contacted && campaign.attempts_max > 0 && misses >= campaign.attempts_max;
        let retry_ms = campaign.retry_ms;
        let (effect, contacted) = (leaf.effect.clone(), leaf.contacted);
        let attempt = case.attempts + 1;
        self.emit(Happened::DispositionRecorded {
            case: id,
            campaign: campaign.name.clone(),
            path: outcome.path.to_vec(),
            agent: agent.clone(),
            attempt,
            contacted,
            answered: outcome.answered,
            effects: vec![effect.as_str().into()],
        });
        match effect {
            Effect::Keep => {}
            Effect::Close => self.close(id, CloseReason::Disposition, Some(agent)),
            Effect::Retry(_) if used_up => self.close(id, CloseReason::Attempts, Some(agent)),
            Effect::Retry(after) => self.call_again(id, self.at.saturating_add(after.unwrap_or(retry_ms))),
            Effect::Reschedule => self.call_again(id, outcome.again_at.unwrap_or(self.at)),
        }
        Ok(())
    }

    /// Puts a contact away until then, or until calls to them are allowed (H7, H9).
    fn call_again(&mut self, id: CaseId, at: Millis) {
        let case = self.case_of(id);
        let campaign = case.campaign.clone().unwrap_or_else(super::judging::no_name);
        let at = self.rules.may_call_from(&campaign, case.zone.as_deref(), at.max(self.at));
        let holder = self.unassign(id, UnassignedBy::End);
        self.emit(Happened::CaseScheduled { case: id, at, keep_for: None });
        self.pause_clocks(id);
        self.serve_if(holder);
    }
}

/// The leaf that an outcome names, if it stands in the tree and nothing it needs is missing.
fn check<'a>(
    campaign: &'a CampaignRule,
    outcome: &Outcome<'_>,
    now: Millis,
) -> Result<&'a DispositionRule, String> {
    let mut level = &campaign.dispositions;
    let mut found: Option<&DispositionRule> = None;
    let mut missing: Vec<&str> = Vec::new();
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
        missing.extend(lacks.map(|field| &**field));
        (found, level) = (Some(node), &node.then);
    }
    let Some(leaf) = found.filter(|leaf| leaf.then.is_empty()) else {
        return Err(format!("the disposition is not complete: choose {}", labels(level)));
    };
    let may_be = now.saturating_add(1)..=now.saturating_add(FAR_MS);
    if leaf.effect == Effect::Reschedule && !outcome.again_at.is_some_and(|at| may_be.contains(&at)) {
        missing.push("a later time to call again, within five years");
    }
    if missing.is_empty() {
        return Ok(leaf);
    }
    missing.sort_unstable();
    missing.dedup();
    Err(format!("`{}` needs {}", leaf.label, missing.join(", ")))
}

fn labels(level: &[DispositionRule]) -> String {
    let quoted: Vec<String> = level.iter().map(|n| format!("`{}`", n.label)).collect();
    quoted.join(", ")
}
