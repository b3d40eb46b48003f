//! Events about cases.

use simpang_domain::words::Name;
use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::watch_response::Change as What;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body;

use super::agents::message_id;
use super::{Board, Case, Change, Held, Offered, Why};

impl Board {
    pub(super) fn apply_to_case(&mut self, event: &log::Event, body: &Body, changes: &mut Vec<Change>) {
        match body {
            Body::CaseOpened(opened) => self.opened(opened),
            Body::CaseOffered(offered) => self.offered(offered, event.at_ms, changes),
            Body::OfferEnded(ended) => self.offer_ended(ended, event.at_ms, changes),
            Body::CaseAssigned(assigned) => self.assigned(assigned, event.at_ms, changes),
            Body::CaseUnassigned(left) => self.unassigned(left, event.at_ms, changes),
            Body::CaseReopened(reopened) => self.close(reopened.case, false),
            Body::CaseClosed(closed) => self.close(closed.case, true),
            Body::CaseForgotten(forgotten) => self.forget(forgotten.case),
            _ => self.described(body),
        }
    }

    fn opened(&mut self, opened: &log::CaseOpened) {
        let case = Case {
            account: self.words.one(&opened.account),
            campaign: self.words.one(&opened.campaign),
            channel: opened.channel,
            arrived_ms: opened.arrived_ms,
            ..Case::default()
        };
        self.cases.insert(opened.case, case);
        self.open_cases += 1;
    }

    /// Events that only say something more of a case.
    fn described(&mut self, body: &Body) {
        let Some(id) = described_case(body) else { return };
        let words = &mut self.words;
        let Some(case) = self.cases.get_mut(&id) else { return };
        match body {
            Body::MessageJoined(joined) => case.messages = joined.count,
            Body::CaseIdentified(identified) => {
                case.customer = identified.customer.as_str().into();
                case.segment = words.one(&identified.segment);
            }
            Body::CaseCategorised(categorised) => case.category = words.many(&categorised.category),
            Body::CaseClassified(classified) => {
                case.segment = words.one(&classified.segment);
                case.priority = words.one(&classified.priority);
                case.queue = words.one(&classified.queue);
                case.actions = words.many(&classified.actions);
            }
            Body::CaseQueued(queued) => case.queue = words.one(&queued.queue),
            Body::PriorityChanged(changed) => case.priority = words.one(&changed.priority),
            _ => return,
        }
        self.touched.push(id);
    }

    fn offered(&mut self, offered: &log::CaseOffered, at_ms: i64, changes: &mut Vec<Change>) {
        let why = self.why(offered.explanation.as_ref());
        let (agent, state) = self.agent_mut(&offered.agent);
        state.offers.insert(offered.case, Offered { expires_ms: offered.expires_ms, why });
        if let Some(case) = self.cases.get_mut(&offered.case) {
            case.offered = Some(agent.clone());
        }
        if let Some(offer) = self.offer(&agent, offered.case) {
            changes.push(Change { agent, at_ms, change: What::Offered(offer) });
        }
    }

    fn offer_ended(&mut self, ended: &log::OfferEnded, at_ms: i64, changes: &mut Vec<Change>) {
        self.drop_offer(ended.case);
        let (agent, state) = self.agent_mut(&ended.agent);
        state.offers.remove(&ended.case);
        let over = api::OfferOver { case: ended.case, reason: ended.reason };
        changes.push(Change { agent, at_ms, change: What::OfferOver(over) });
    }

    fn assigned(&mut self, assigned: &log::CaseAssigned, at_ms: i64, changes: &mut Vec<Change>) {
        self.drop_offer(assigned.case);
        self.drop_holder(assigned.case);
        let why = self.why(assigned.explanation.as_ref());
        let (agent, state) = self.agent_mut(&assigned.agent);
        state.held.insert(assigned.case, Held { how: assigned.by, at_ms, why, pull: assigned.pull });
        let pull = assigned.pull.map(message_id);
        if let Some(waiting) = state.pull.as_mut().filter(|waiting| pull.is_some() && waiting.pull == pull) {
            waiting.count = waiting.count.saturating_sub(1);
        }
        if let Some(case) = self.cases.get_mut(&assigned.case) {
            case.holder = Some(agent.clone());
        }
        let assignment = self.assignment(assigned, at_ms);
        changes.push(Change { agent, at_ms, change: What::Assigned(assignment) });
    }

    fn unassigned(&mut self, left: &log::CaseUnassigned, at_ms: i64, changes: &mut Vec<Change>) {
        self.drop_holder(left.case);
        let (agent, state) = self.agent_mut(&left.agent);
        state.held.remove(&left.case);
        let change = What::Unassigned(api::Unassigned { case: left.case, reason: left.by });
        changes.push(Change { agent, at_ms, change });
    }

    fn close(&mut self, id: u64, closed: bool) {
        let Some(case) = self.cases.get_mut(&id).filter(|case| case.closed != closed) else { return };
        case.closed = closed;
        if closed {
            self.open_cases = self.open_cases.saturating_sub(1);
            self.drop_offer(id);
            self.drop_holder(id);
        } else {
            self.open_cases += 1;
        }
    }

    fn forget(&mut self, id: u64) {
        self.close(id, true);
        self.cases.remove(&id);
    }

    fn drop_holder(&mut self, id: u64) {
        let holder = self.cases.get_mut(&id).and_then(|case| case.holder.take());
        if let Some(agent) = holder.and_then(|agent| self.agents.get_mut(&agent)) {
            agent.held.remove(&id);
        }
    }

    fn drop_offer(&mut self, id: u64) {
        let offered = self.cases.get_mut(&id).and_then(|case| case.offered.take());
        if let Some(agent) = offered.and_then(|agent: Name| self.agents.get_mut(&agent)) {
            agent.offers.remove(&id);
        }
    }

    fn why(&mut self, explanation: Option<&log::Explanation>) -> Option<Why> {
        let explanation = explanation?;
        let named = u32::try_from(explanation.candidates.len()).unwrap_or(u32::MAX);
        Some(Why {
            rule: self.words.one(&explanation.rule),
            queue: self.words.one(&explanation.queue),
            key_ms: explanation.key_ms,
            candidates: named.saturating_add(explanation.other_candidates),
            last_agent: explanation.sticky,
        })
    }
}

/// The case that an event says something more of.
fn described_case(body: &Body) -> Option<u64> {
    match body {
        Body::MessageJoined(event) => Some(event.case),
        Body::CaseIdentified(event) => Some(event.case),
        Body::CaseCategorised(event) => Some(event.case),
        Body::CaseClassified(event) => Some(event.case),
        Body::CaseQueued(event) => Some(event.case),
        Body::PriorityChanged(event) => Some(event.case),
        _ => None,
    }
}
