//! Cases: where they stand, who has them, what rules said of them.

use std::collections::BTreeMap;

use prost::Message;
use rusqlite::params;
use serde_json::{Value, json};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::command::Body as Asked;
use simpang_proto::log::v1::fact::Value as FactValue;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1::CaseState;

use super::figures::{ESCALATED, MISSED, MOVED};
use super::{At, Done, Fold};
use crate::row::{
    AssignmentRow, CaseRow, ClassificationRow, ContactRow, DispositionRow, EscalationRow, NoteRow, RefRow,
    int, list, texts,
};
use crate::sentence;

impl Fold<'_> {
    pub(super) fn opened(&mut self, at: At, e: &log::CaseOpened) -> Done {
        self.came_back(e.follows)?;
        let input = self.input(at.input)?;
        let from = match e.split_from {
            0 => None,
            from => Some(self.case_entry(int(from))?.row.clone()),
        };
        let row = self.case(at, e.case)?;
        row.state = CaseState::Open as i32;
        row.channel = e.channel;
        row.account.clone_from(&e.account);
        row.campaign.clone_from(&e.campaign);
        row.follows = int(e.follows);
        row.split_from = int(e.split_from);
        row.arrived_ms = e.arrived_ms;
        row.opened_ms = at.at_ms;
        if let Some(from) = from {
            row.customer = from.customer;
            row.from_name = from.from_name;
            row.segment = from.segment;
            row.profession = from.profession;
            row.facts = from.facts;
            return Ok(());
        }
        match input.as_deref().and_then(|input| input.body.as_ref()) {
            Some(Arrived::Message(message)) => begin(row, message.customer.as_ref(), &message.facts),
            Some(Arrived::Contact(contact)) => {
                begin(row, contact.customer.as_ref(), &contact.facts);
                return self.contact(at, e.case, contact);
            }
            Some(Arrived::Handover(handover)) => {
                if let Some(first) = handover.messages.first() {
                    begin(row, first.customer.as_ref(), &first.facts);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn contact(&mut self, at: At, case: u64, contact: &log::Contact) -> Done {
        let content = contact.content.as_ref().map(|sealed| sealed.body.to_vec()).unwrap_or_default();
        let shown = log::ContactContent::decode(content.as_slice()).unwrap_or_default();
        self.case(at, case)?.from_name = shown.name;
        self.party(&contact.author, case)?;
        let (row, criterion, zone) = (contact.row.clone(), contact.criterion.clone(), contact.zone.clone());
        ContactRow { case_id: int(case), row, criterion, zone, content }.write(self.conn)
    }

    pub(super) fn identified(&mut self, at: At, e: &log::CaseIdentified) -> Done {
        let input = self.input(at.input)?;
        let customer = match input.as_deref().and_then(|input| input.body.as_ref()) {
            Some(Arrived::Message(message)) => message.customer.as_ref(),
            Some(Arrived::Contact(contact)) => contact.customer.as_ref(),
            Some(Arrived::Command(log::Command { body: Some(Asked::Identify(identify)), .. })) => {
                identify.customer.as_ref()
            }
            _ => None,
        };
        let row = self.case(at, e.case)?;
        row.customer.clone_from(&e.customer);
        row.segment.clone_from(&e.segment);
        row.identified_by.clone_from(&e.agent);
        if let Some(customer) = customer {
            row.profession.clone_from(&customer.profession);
        }
        Ok(())
    }

    pub(super) fn categorised(&mut self, at: At, e: &log::CaseCategorised) -> Done {
        let command = self.command(at)?;
        let row = self.case(at, e.case)?;
        row.category = list(&e.category);
        row.categorised_by.clone_from(&e.agent);
        if let Some(Asked::Classify(classify)) = command {
            row.facts = with_facts(&row.facts, &classify.facts);
        }
        Ok(())
    }

    pub(super) fn classified(&mut self, at: At, e: &log::CaseClassified) -> Done {
        let row = self.case(at, e.case)?;
        row.rule.clone_from(&e.rule);
        row.segment.clone_from(&e.segment);
        row.priority.clone_from(&e.priority);
        row.queue.clone_from(&e.queue);
        row.skills = list(&e.skills);
        row.sla.clone_from(&e.sla);
        // What a rule has done stays done, whatever rule matches later.
        let mut actions = crate::row::texts(&row.actions);
        actions
            .extend(e.actions.iter().filter(|action| !actions.contains(action)).cloned().collect::<Vec<_>>());
        row.actions = list(&actions);
        let row = ClassificationRow {
            seq: at.seq,
            idx: at.idx,
            case_id: int(e.case),
            at_ms: at.at_ms,
            rule: e.rule.clone(),
            occasion: e.occasion,
            policy_version: at.policy,
            segment: e.segment.clone(),
            priority: e.priority.clone(),
            queue: e.queue.clone(),
            skills: list(&e.skills),
            sla: e.sla.clone(),
            actions: list(&e.actions),
        };
        row.write(self.conn)
    }

    pub(super) fn queued(&mut self, at: At, e: &log::CaseQueued) -> Done {
        self.changes.agents = true;
        let row = self.case(at, e.case)?;
        if row.queue != e.queue || row.queued_ms == 0 {
            row.queued_ms = at.at_ms;
            row.widening = 0;
        }
        row.state = CaseState::Queued as i32;
        row.queue.clone_from(&e.queue);
        row.key_ms = e.key_ms;
        row.skills = list(&e.skills);
        row.assignee.clear();
        Ok(())
    }

    pub(super) fn widened(&mut self, at: At, e: &log::CaseWidened) -> Done {
        self.case(at, e.case)?.widening = i64::from(e.step);
        Ok(())
    }

    pub(super) fn offered(&mut self, at: At, e: &log::CaseOffered) -> Done {
        self.changes.agents = true;
        let row = self.case(at, e.case)?;
        row.state = CaseState::Offered as i32;
        row.assignee.clone_from(&e.agent);
        self.assignment(at, e.case, &e.agent, 0, true, e.explanation.as_ref())
    }

    pub(super) fn offer_ended(&mut self, at: At, e: &log::OfferEnded) -> Done {
        self.changes.agents = true;
        let row = self.case(at, e.case)?;
        if row.state == CaseState::Offered as i32 {
            row.state = CaseState::Open as i32;
            row.assignee.clear();
        }
        let mut why = sentence::plain(e.reason().as_str_name(), "OFFER_END_");
        if !e.cause.is_empty() {
            why = format!("{why}: {}", e.cause);
        }
        self.end_assignments(at, e.case, &why)
    }

    pub(super) fn assigned(&mut self, at: At, e: &log::CaseAssigned) -> Done {
        self.end_assignments(at, e.case, "accepted")?;
        let given = matches!(e.by(), log::AssignedBy::TakeOver | log::AssignedBy::Transfer);
        let row = self.case(at, e.case)?;
        row.state = CaseState::Assigned as i32;
        row.assignee.clone_from(&e.agent);
        row.assigned_ms = at.at_ms;
        row.assignments += 1;
        row.transfers += i64::from(given);
        if !row.handler.is_empty() && row.handler != e.agent && row.course & MISSED == 0 {
            row.course |= MOVED;
        }
        row.course &= !MISSED;
        row.handler.clone_from(&e.agent);
        self.pull_given(&e.agent, at, e.pull)?;
        self.assignment(at, e.case, &e.agent, e.by, false, e.explanation.as_ref())
    }

    pub(super) fn unassigned(&mut self, at: At, e: &log::CaseUnassigned) -> Done {
        self.changes.agents = true;
        let held = [
            CaseState::Assigned,
            CaseState::Offered,
            CaseState::WaitingOnCustomer,
            CaseState::WaitingOnThirdParty,
        ];
        let row = self.case(at, e.case)?;
        if held.iter().any(|state| *state as i32 == row.state) {
            row.state = CaseState::Open as i32;
        }
        row.assignee.clear();
        self.end_assignments(at, e.case, &sentence::plain(e.by().as_str_name(), "UNASSIGNED_BY_"))
    }

    fn assignment(
        &mut self,
        at: At,
        case: u64,
        agent: &str,
        way: i32,
        offered: bool,
        explanation: Option<&log::Explanation>,
    ) -> Done {
        let row = AssignmentRow {
            seq: at.seq,
            idx: at.idx,
            case_id: int(case),
            at_ms: at.at_ms,
            agent: agent.to_owned(),
            offered,
            way,
            explanation: explanation.map(Message::encode_to_vec).unwrap_or_default(),
            ended_ms: 0,
            ended_by: String::new(),
        };
        row.write(self.conn)
    }

    fn end_assignments(&mut self, at: At, case: u64, why: &str) -> Done {
        // Each by its place: a statement that may change several rows makes the search table write out what it has
        // gathered.
        let open = "SELECT seq, idx FROM assignments WHERE case_id = ? AND ended_by = ''";
        let mut open = self.conn.prepare_cached(open)?;
        let places = open.query_map([int(case)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let places: Vec<(i64, i64)> = places.collect::<rusqlite::Result<_>>()?;
        let end = "UPDATE assignments SET ended_ms = ?, ended_by = ? WHERE seq = ? AND idx = ?";
        for (seq, idx) in places {
            self.conn.prepare_cached(end)?.execute(params![at.at_ms, why, seq, idx])?;
        }
        Ok(())
    }

    pub(super) fn parked(&mut self, at: At, e: &log::CaseParked) -> Done {
        self.changes.agents = true;
        let state = match e.on() {
            log::WaitingOn::ThirdParty => CaseState::WaitingOnThirdParty,
            log::WaitingOn::Customer | log::WaitingOn::Unspecified => CaseState::WaitingOnCustomer,
        };
        self.case(at, e.case)?.state = state as i32;
        Ok(())
    }

    pub(super) fn resumed(&mut self, at: At, e: &log::CaseResumed) -> Done {
        self.changes.agents = true;
        let row = self.case(at, e.case)?;
        if row.state == CaseState::Scheduled as i32 && !row.campaign.is_empty() {
            // A rescheduled contact's arrival is its due time.
            row.arrived_ms = row.scheduled_ms;
        }
        row.scheduled_ms = 0;
        let state = if row.assignee.is_empty() { CaseState::Open } else { CaseState::Assigned };
        row.state = state as i32;
        Ok(())
    }

    pub(super) fn scheduled(&mut self, at: At, e: &log::CaseScheduled) -> Done {
        let row = self.case(at, e.case)?;
        row.state = CaseState::Scheduled as i32;
        row.scheduled_ms = e.at_ms;
        Ok(())
    }

    pub(super) fn resolved(&mut self, at: At, e: &log::CaseResolved) -> Done {
        let row = self.case(at, e.case)?;
        row.state = CaseState::Resolved as i32;
        row.resolved_ms = at.at_ms;
        row.outcome.clone_from(&e.outcome);
        row.scheduled_ms = 0;
        self.solved(at.at_ms, e.case)
    }

    pub(super) fn reopened(&mut self, at: At, e: &log::CaseReopened) -> Done {
        let row = self.case(at, e.case)?;
        row.state = CaseState::Open as i32;
        row.resolved_ms = 0;
        row.outcome.clear();
        row.closed_ms = 0;
        row.close_reason = 0;
        row.reopenings += 1;
        self.came_back(e.case)
    }

    pub(super) fn closed(&mut self, at: At, e: &log::CaseClosed) -> Done {
        let row = self.case(at, e.case)?;
        row.state = CaseState::Closed as i32;
        row.closed_ms = at.at_ms;
        row.close_reason = e.reason;
        row.scheduled_ms = 0;
        row.unanswered = false;
        match e.reason() {
            log::CloseReason::Closed | log::CloseReason::Disposition => self.solved(at.at_ms, e.case),
            _ => Ok(()),
        }
    }

    pub(super) fn followed(&mut self, at: At, case: u64, agent: &str, begins: bool) -> Done {
        let row = self.case(at, case)?;
        let mut followers = texts(&row.followers);
        followers.retain(|follower| follower != agent);
        if begins {
            followers.push(agent.to_owned());
            followers.sort();
        }
        row.followers = list(&followers);
        Ok(())
    }

    pub(super) fn handed_over(&mut self, at: At, e: &log::CaseHandedOver) -> Done {
        let row = self.case(at, e.case)?;
        row.handed_over_to.clone_from(&e.desk);
        row.handover_failed.clear();
        Ok(())
    }

    pub(super) fn handover_failed(&mut self, at: At, e: &log::HandoverFailed) -> Done {
        let row = self.case(at, e.case)?;
        row.handed_over_to.clear();
        row.handover_failed = format!("desk {}: {}", e.desk, e.reason);
        Ok(())
    }

    /// Everything that was said moves to the case that goes on.
    pub(super) fn merged(&mut self, at: At, e: &log::CaseMerged) -> Done {
        let row = self.case(at, e.case)?;
        row.merged_into = int(e.into);
        let messages = std::mem::take(&mut row.messages);
        let (last, waits) = (row.last_message_ms, std::mem::take(&mut row.unanswered));
        let row = self.case(at, e.into)?;
        row.messages += messages;
        row.last_message_ms = row.last_message_ms.max(last);
        row.unanswered |= waits;
        for table in ["messages", "deliveries", "notes", "faults", "said"] {
            let statement = format!("UPDATE {table} SET case_id = ? WHERE case_id = ?");
            self.conn.prepare_cached(&statement)?.execute([int(e.into), int(e.case)])?;
        }
        let refs = "UPDATE OR REPLACE refs SET case_id = ? WHERE case_id = ?";
        self.conn.prepare_cached(refs)?.execute([int(e.into), int(e.case)])?;
        let parties = "INSERT OR IGNORE INTO parties SELECT author, ? FROM parties WHERE case_id = ?";
        self.conn.prepare_cached(parties)?.execute([int(e.into), int(e.case)])?;
        Ok(())
    }

    pub(super) fn escalated(&mut self, at: At, e: &log::CaseEscalated) -> Done {
        let content = match self.command(at)? {
            Some(Asked::Escalate(escalate)) if !e.agent.is_empty() => escalate.content,
            _ => None,
        };
        self.case(at, e.case)?;
        self.took(e.case, ESCALATED)?;
        let row = EscalationRow {
            seq: at.seq,
            idx: at.idx,
            case_id: int(e.case),
            at_ms: at.at_ms,
            step: e.step.clone(),
            team: e.group.clone(),
            agent: e.agent.clone(),
            cause: e.cause.clone(),
            content: content.map(|sealed| sealed.body.to_vec()).unwrap_or_default(),
        };
        row.write(self.conn)
    }

    pub(super) fn noted(&mut self, at: At, e: &log::NoteAdded) -> Done {
        let Some(Asked::Note(note)) = self.command(at)? else {
            self.case(at, e.case)?;
            return Ok(());
        };
        self.case(at, e.case)?;
        let content = note.content.map(|sealed| sealed.body.to_vec()).unwrap_or_default();
        let text = log::TextContent::decode(content.as_slice()).unwrap_or_default();
        let (seq, idx) = at.input;
        let agent = e.agent.clone();
        NoteRow { seq, idx, case_id: int(e.case), at_ms: at.at_ms, agent, coaching: note.coaching, content }
            .write(self.conn)?;
        self.said((seq, idx, 0), "note", e.case, at.at_ms, &text.subject, &text.text)
    }

    pub(super) fn linked(&mut self, at: At, e: &log::ReferenceLinked) -> Done {
        self.case(at, e.case)?;
        let (system, number, status) = (e.system.clone(), e.number.clone(), e.status.clone());
        RefRow { case_id: int(e.case), system, number, status, at_ms: at.at_ms }.write(self.conn)
    }

    pub(super) fn priority_changed(&mut self, at: At, e: &log::PriorityChanged) -> Done {
        self.case(at, e.case)?.priority.clone_from(&e.priority);
        Ok(())
    }

    pub(super) fn dispositioned(&mut self, at: At, e: &log::DispositionRecorded) -> Done {
        let command = self.command(at)?;
        let (content, again_ms) = match command {
            Some(Asked::Disposition(d)) => {
                (d.content.map(|s| s.body.to_vec()).unwrap_or_default(), d.again_at_ms)
            }
            _ => (Vec::new(), 0),
        };
        let row = self.case(at, e.case)?;
        row.course &= !MISSED;
        if !e.contacted {
            row.course |= MISSED;
        }
        let row = DispositionRow {
            seq: at.seq,
            idx: at.idx,
            case_id: int(e.case),
            at_ms: at.at_ms,
            campaign: e.campaign.clone(),
            path: list(&e.path),
            agent: e.agent.clone(),
            attempt: i64::from(e.attempt),
            contacted: e.contacted,
            answered: e.answered,
            effects: list(&e.effects),
            content,
            again_ms,
            dialled: i64::from(e.dialled),
        };
        row.write(self.conn)
    }
}

/// What a case takes from what opened it.
fn begin(row: &mut CaseRow, customer: Option<&log::Customer>, facts: &[log::Fact]) {
    if let Some(customer) = customer {
        row.customer.clone_from(&customer.id);
        row.segment.clone_from(&customer.segment);
        row.profession.clone_from(&customer.profession);
    }
    row.facts = with_facts(&row.facts, facts);
}

/// Facts as JSON with others set over them; an empty one removes.
pub(super) fn with_facts(known: &str, facts: &[log::Fact]) -> String {
    let mut all: BTreeMap<String, Value> = serde_json::from_str(known).unwrap_or_default();
    for fact in facts {
        let value = match &fact.value {
            Some(FactValue::Text(text)) if !text.is_empty() => json!(text),
            Some(FactValue::Number(number)) => json!(number),
            Some(FactValue::Flag(flag)) => json!(flag),
            Some(FactValue::Texts(texts)) => json!(texts.items),
            _ => {
                all.remove(&fact.name);
                continue;
            }
        };
        all.insert(fact.name.clone(), value);
    }
    json!(all).to_string()
}
