//! What the board knows, in the API's words. Enumerations have the log's numbers (a test holds them together), so
//! they are passed on as they stand.

use simpang_domain::words::Name;
use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1 as log;

use super::{Agent, Board, Case, Held, Offered, Why};

impl Board {
    /// A case in a few words; `None` for one that is unknown or forgotten.
    pub(crate) fn summary(&self, id: u64) -> Option<api::CaseSummary> {
        self.cases.get(&id).map(Case::summary)
    }

    /// An assignment, as an event said it, with what is known of the case now.
    pub(crate) fn assignment(&self, assigned: &log::CaseAssigned, at_ms: i64) -> api::Assignment {
        api::Assignment {
            case: assigned.case,
            how: assigned.by,
            at_ms,
            summary: self.summary(assigned.case),
            explanation: assigned.explanation.as_ref().map(explanation),
        }
    }

    /// A case that an agent holds.
    pub(crate) fn held(&self, agent: &str, case: u64) -> Option<api::Assignment> {
        let held = self.agents.get(agent)?.held.get(&case)?;
        Some(self.held_case(case, held))
    }

    /// An offer that an agent has.
    pub(crate) fn offer(&self, agent: &str, case: u64) -> Option<api::Offer> {
        let offered = self.agents.get(agent)?.offers.get(&case)?;
        Some(self.offered_case(case, offered))
    }

    /// All an agent has now.
    pub(crate) fn work(&self, agent: &str) -> api::Work {
        let Some(agent) = self.agents.get(agent) else { return api::Work::default() };
        let Agent { session, presence, auto, limit, held, offers, pull, following, .. } = agent;
        api::Work {
            session: session.as_ref().map(|session| session.id.clone()).unwrap_or_default(),
            presence: *presence,
            auto: *auto,
            assignments: held.iter().map(|(case, held)| self.held_case(*case, held)).collect(),
            offers: offers.iter().map(|(case, offer)| self.offered_case(*case, offer)).collect(),
            waiting: pull.clone(),
            limit: limit.clone(),
            following: following.iter().map(|case| self.followed(*case)).collect(),
        }
    }

    fn held_case(&self, case: u64, held: &Held) -> api::Assignment {
        api::Assignment {
            case,
            how: held.how,
            at_ms: held.at_ms,
            summary: self.summary(case),
            explanation: held.why.as_ref().map(Why::explanation),
        }
    }

    fn offered_case(&self, case: u64, offer: &Offered) -> api::Offer {
        api::Offer {
            case,
            expires_ms: offer.expires_ms,
            summary: self.summary(case),
            explanation: offer.why.as_ref().map(Why::explanation),
        }
    }
}

impl Case {
    fn summary(&self) -> api::CaseSummary {
        let words = |words: &[Name]| words.iter().map(|word| word.to_string()).collect();
        api::CaseSummary {
            queue: self.queue.to_string(),
            priority: self.priority.to_string(),
            segment: self.segment.to_string(),
            channel: self.channel,
            account: self.account.to_string(),
            campaign: self.campaign.to_string(),
            category: words(&self.category),
            messages: self.messages,
            arrived_ms: self.arrived_ms,
            customer: self.customer.to_string(),
            actions: words(&self.actions),
        }
    }
}

impl Why {
    fn explanation(&self) -> api::Explanation {
        say(&self.rule, &self.queue, self.key_ms, self.candidates, self.last_agent)
    }
}

fn explanation(of: &log::Explanation) -> api::Explanation {
    let named = u32::try_from(of.candidates.len()).unwrap_or(u32::MAX);
    say(&of.rule, &of.queue, of.key_ms, named.saturating_add(of.other_candidates), of.sticky)
}

fn say(rule: &str, queue: &str, key_ms: i64, candidates: u32, last_agent: bool) -> api::Explanation {
    let waited = match candidates {
        0 | 1 => "no other agent waited".to_owned(),
        2 => "one other agent waited".to_owned(),
        more => format!("{} other agents waited", more - 1),
    };
    let last = if last_agent { ", and the customer's last agent goes first" } else { "" };
    let text =
        format!("rule {rule} put it in queue {queue}, where it was the first they may take; {waited}{last}");
    api::Explanation { rule: rule.to_owned(), key_ms, candidates, last_agent, text }
}
