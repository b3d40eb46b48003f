//! One case with all that hangs on it.

use prost::Message;
use serde_json::Value as Json;
use simpang_proto::log::v1 as log;
use simpang_proto::view::v1 as api;
use simpang_proto::view::v1::entry::What;
use simpang_proto::view::v1::fact::Value as FactValue;

use super::{Read, Snapshot};
use crate::row::{
    AssignmentRow, CaseRow, ClockRow, ContactRow, DeliveryRow, DispositionRow, EditRow, EscalationRow,
    FaultRow, MessageRow, NoteRow, RefRow, count, int, texts, uint,
};
use crate::sentence::plain;

impl Snapshot<'_> {
    /// One case; none when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn case(&self, case: u64) -> Read<Option<api::Case>> {
        let id = int(case);
        let Some(row) = self.case_row(id)? else { return Ok(None) };
        let mut shown = scalars(&row);
        shown.summary = Some(self.summary(row)?);
        shown.merged_from =
            self.rows("SELECT id FROM cases WHERE merged_into = ? ORDER BY id", [id], |row| {
                row.get(0).map(uint)
            })?;
        shown.conversation = self.conversation(id)?;
        shown.notes = self.notes(id)?;
        shown.clocks = self.of_case(ClockRow::SELECT, "clock", id, ClockRow::read, clock)?;
        shown.references = self.of_case(RefRow::SELECT, "system, number", id, RefRow::read, reference)?;
        shown.faults = self.of_case(FaultRow::SELECT, "seq, idx", id, FaultRow::read, fault)?;
        shown.escalations =
            self.of_case(EscalationRow::SELECT, "seq, idx", id, EscalationRow::read, escalation)?;
        shown.dispositions =
            self.of_case(DispositionRow::SELECT, "seq, idx", id, DispositionRow::read, attempt)?;
        shown.contact = self.of_case(ContactRow::SELECT, "case_id", id, ContactRow::read, contact)?.pop();
        shown.assignments_made = self.assignments(case)?;
        Ok(Some(shown))
    }

    /// Who had a case or was offered it, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn assignments(&self, case: u64) -> Read<Vec<api::Assignment>> {
        self.of_case(AssignmentRow::SELECT, "seq, idx", int(case), AssignmentRow::read, assignment)
    }

    /// A file that a message or an answer of the case names; none when none does. What was withdrawn names nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub fn attachment(&self, case: u64, digest: &[u8]) -> Read<Option<api::Attachment>> {
        let files = |what: What| match what {
            What::Message(message) => message.attachments,
            What::Delivery(delivery) => delivery.attachments,
        };
        let said = self.conversation(int(case))?.into_iter().filter_map(|entry| entry.what);
        Ok(said.flat_map(files).find(|file| !digest.is_empty() && file.digest == digest))
    }

    /// The HTML of a customer's message on the case, as it was received: never to be shown as it is. Without a place, that
    /// of the last message that has any; none when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn html_as_received(&self, case: u64, message: Option<(u64, u32, u32)>) -> Read<Option<String>> {
        let rows =
            self.of_case(MessageRow::SELECT, "seq, idx, part", int(case), MessageRow::read, |row| row)?;
        let wanted = |row: &MessageRow| {
            message.is_none_or(|at| at == (uint(row.seq), count(row.idx), count(row.part)))
        };
        let html = rows
            .iter()
            .rev()
            .filter(|row| wanted(row))
            .map(|row| log::MessageContent::decode(row.content.as_slice()).unwrap_or_default().html);
        Ok(html.into_iter().find(|html| !html.is_empty()))
    }

    fn of_case<R, T>(
        &self,
        select: &str,
        order: &str,
        case: i64,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<R>,
        shown: impl Fn(R) -> T,
    ) -> Read<Vec<T>> {
        let statement = format!("{select}WHERE case_id = ? ORDER BY {order}");
        Ok(self.rows(&statement, [case], read)?.into_iter().map(shown).collect())
    }

    fn conversation(&self, case: i64) -> Read<Vec<api::Entry>> {
        let mut all = Vec::new();
        for row in self.of_case(MessageRow::SELECT, "seq, idx, part", case, MessageRow::read, |row| row)? {
            let at = (row.at_ms, row.seq, row.idx, row.part);
            let edits = self.edits(&row)?;
            all.push((at, What::Message(message(row, edits))));
        }
        for row in self.of_case(DeliveryRow::SELECT, "seq, idx, part", case, DeliveryRow::read, |row| row)? {
            let at = (row.at_ms, row.seq, row.idx, row.part);
            all.push((at, What::Delivery(delivery(row))));
        }
        all.sort_by_key(|(at, _)| *at);
        Ok(all.into_iter().map(|(_, what)| api::Entry { what: Some(what) }).collect())
    }

    fn edits(&self, row: &MessageRow) -> Read<Vec<api::Edit>> {
        if row.edited_ms == 0 {
            return Ok(Vec::new());
        }
        let statement = format!("{}WHERE seq = ? AND idx = ? AND part = ? ORDER BY n", EditRow::SELECT);
        let edits = self.rows(&statement, [row.seq, row.idx, row.part], EditRow::read)?;
        Ok(edits
            .into_iter()
            .map(|e| api::Edit { at_ms: e.at_ms, subject: e.subject, text: e.text })
            .collect())
    }

    fn notes(&self, case: i64) -> Read<Vec<api::Note>> {
        self.of_case(NoteRow::SELECT, "seq, idx", case, NoteRow::read, |row| {
            let content = text(&row.content);
            api::Note {
                place: place(row.seq, row.idx),
                at_ms: row.at_ms,
                agent: row.agent,
                coaching: row.coaching,
                text: content.text,
                fields: fields(content.fields),
            }
        })
    }
}

/// Takes names, addresses and texts out of a case.
pub fn without_content(case: &mut api::Case) {
    if let Some(summary) = &mut case.summary {
        summary.customer_name.clear();
        summary.subject.clear();
    }
    for entry in &mut case.conversation {
        match &mut entry.what {
            Some(What::Message(message)) => hide_message(message),
            Some(What::Delivery(delivery)) => {
                delivery.subject.clear();
                delivery.text.clear();
                delivery.fields.clear();
                delivery.attachments.clear();
            }
            None => {}
        }
    }
    for note in &mut case.notes {
        note.text.clear();
        note.fields.clear();
    }
    for escalation in &mut case.escalations {
        escalation.text.clear();
    }
    for disposition in &mut case.dispositions {
        disposition.text.clear();
        disposition.fields.clear();
    }
    if let Some(contact) = &mut case.contact {
        let (row, criterion, zone) = (contact.row.clone(), contact.criterion.clone(), contact.zone.clone());
        *contact = api::Contact { row, criterion, zone, ..api::Contact::default() };
    }
}

/// Empties a message of everything personal.
pub fn hide_message(message: &mut api::CustomerMessage) {
    *message = api::CustomerMessage {
        place: message.place,
        part: message.part,
        at_ms: message.at_ms,
        sent_ms: message.sent_ms,
        channel: message.channel,
        account: message.account.clone(),
        public: message.public,
        automatic: message.automatic,
        malformed: message.malformed.clone(),
        raw_digest: message.raw_digest.clone(),
        edited_ms: message.edited_ms,
        removed_ms: message.removed_ms,
        reread_ms: message.reread_ms,
        joined_by: message.joined_by.clone(),
        ..api::CustomerMessage::default()
    };
}

fn scalars(row: &CaseRow) -> api::Case {
    api::Case {
        facts: facts(&row.facts),
        rule: row.rule.clone(),
        skills: texts(&row.skills),
        sla: row.sla.clone(),
        actions: texts(&row.actions),
        widening_step: count(row.widening),
        follows: uint(row.follows),
        split_from: uint(row.split_from),
        merged_into: uint(row.merged_into),
        handed_over_to: row.handed_over_to.clone(),
        handover_failed: row.handover_failed.clone(),
        followers: texts(&row.followers),
        outcome: row.outcome.clone(),
        resolved_ms: row.resolved_ms,
        closed_ms: row.closed_ms,
        close_reason: row.close_reason,
        categorised_by: row.categorised_by.clone(),
        identified_by: row.identified_by.clone(),
        queued_ms: row.queued_ms,
        assigned_ms: row.assigned_ms,
        first_reply_ms: row.first_reply_ms,
        assignments: count(row.assignments),
        reopenings: count(row.reopenings),
        transfers: count(row.transfers),
        ..api::Case::default()
    }
}

/// Facts of their JSON, by name.
pub(super) fn facts(json: &str) -> Vec<api::Fact> {
    let all: std::collections::BTreeMap<String, Json> = serde_json::from_str(json).unwrap_or_default();
    all.into_iter().map(|(name, value)| api::Fact { name, value: Some(fact(value)) }).collect()
}

fn fact(value: Json) -> FactValue {
    match value {
        Json::Bool(flag) => FactValue::Flag(flag),
        Json::Number(number) => FactValue::Number(number.as_i64().unwrap_or_default()),
        Json::String(text) => FactValue::Text(text),
        Json::Array(items) => {
            let items = items.into_iter().filter_map(|item| item.as_str().map(str::to_owned)).collect();
            FactValue::Texts(api::Texts { items })
        }
        Json::Null | Json::Object(_) => FactValue::Text(String::new()),
    }
}

fn place(seq: i64, idx: i64) -> Option<api::Place> {
    (seq != 0).then(|| api::Place { seq: uint(seq), index: count(idx) })
}

fn text(content: &[u8]) -> log::TextContent {
    log::TextContent::decode(content).unwrap_or_default()
}

pub(super) fn fields(attributes: Vec<log::Attribute>) -> Vec<api::Field> {
    attributes.into_iter().map(|a| api::Field { name: a.name, value: a.value }).collect()
}

fn message(row: MessageRow, edits: Vec<api::Edit>) -> api::CustomerMessage {
    let content = log::MessageContent::decode(row.content.as_slice()).unwrap_or_default();
    let joined_by = log::JoinedBy::try_from(row.joined_by).unwrap_or_default();
    let full_text = if content.full_text == content.text { String::new() } else { content.full_text };
    api::CustomerMessage {
        place: place(row.seq, row.idx),
        part: count(row.part),
        at_ms: row.at_ms,
        sent_ms: row.sent_ms,
        channel: row.channel,
        account: row.account,
        public: row.public,
        automatic: row.automatic,
        from_name: content.from_name,
        from_address: content.from_address,
        to: content.to,
        cc: content.cc,
        subject: content.subject,
        text: content.text,
        full_text,
        attachments: content.attachments.into_iter().map(attachment).collect(),
        permalink: content.permalink,
        source_id: content.source_id,
        malformed: row.malformed,
        raw_digest: row.raw_digest,
        edits,
        edited_ms: row.edited_ms,
        removed_ms: row.removed_ms,
        reread_ms: row.reread_ms,
        joined_by: plain(joined_by.as_str_name(), "JOINED_BY_"),
    }
}

fn attachment(file: log::Attachment) -> api::Attachment {
    api::Attachment {
        name: file.name,
        media_type: file.media_type,
        size: file.size,
        digest: file.digest.to_vec(),
        url: file.url,
    }
}

pub(super) fn delivery(row: DeliveryRow) -> api::Delivery {
    let content = text(&row.content);
    let reply = log::ReplyKind::try_from(row.reply_kind).unwrap_or_default();
    let is_reply = row.kind == log::DeliveryKind::Reply as i32;
    let reply_kind = match reply {
        log::ReplyKind::Unspecified => "normal".into(),
        known => plain(known.as_str_name(), "REPLY_KIND_"),
    };
    api::Delivery {
        place: place(row.seq, row.idx),
        part: count(row.part),
        kind: row.kind,
        state: row.state,
        at_ms: row.at_ms,
        changed_ms: row.changed_ms,
        channel: row.channel,
        account: row.account,
        agent: row.agent,
        to: place(row.to_seq, row.to_idx),
        reply_kind: if is_reply { reply_kind } else { String::new() },
        template: row.template,
        target: row.target,
        subject: content.subject,
        text: content.text,
        fields: fields(content.fields),
        category: texts(&row.category),
        attempts: count(row.attempts),
        detail: row.detail,
        not_before_ms: row.not_before_ms,
        source_id: row.source_id,
        attachments: content.attachments.into_iter().map(attachment).collect(),
    }
}

pub(super) fn clock(row: ClockRow) -> api::CaseClock {
    api::CaseClock {
        case: uint(row.case_id),
        clock: row.clock,
        state: row.state,
        breached: row.breached,
        sla: row.sla,
        calendar: row.calendar,
        target_ms: row.target_ms,
        started_ms: row.started_ms,
        deadline_ms: row.deadline_ms,
        remaining_ms: row.remaining_ms,
        warned_percent: count(row.warned),
        elapsed_ms: row.elapsed_ms,
        ended_ms: row.ended_ms,
        runs: count(row.runs),
    }
}

fn reference(row: RefRow) -> api::Reference {
    api::Reference { system: row.system, number: row.number, status: row.status, at_ms: row.at_ms }
}

fn escalation(row: EscalationRow) -> api::Escalation {
    api::Escalation {
        at_ms: row.at_ms,
        step: row.step,
        group: row.team,
        agent: row.agent,
        cause: row.cause,
        text: text(&row.content).text,
    }
}

fn fault(row: FaultRow) -> api::FaultReport {
    let content = log::FaultContent::decode(row.content.as_slice()).unwrap_or_default();
    let choices: Vec<(String, String)> = serde_json::from_str(&row.choices).unwrap_or_default();
    let choices = choices.into_iter().map(|(name, value)| api::Field { name, value });
    api::FaultReport {
        place: Some(api::Place { seq: uint(row.seq), index: count(row.idx) }),
        at_ms: row.at_ms,
        agent: row.agent,
        product: content.product,
        subject: row.subject,
        fields: fields(content.fields).into_iter().chain(choices).collect(),
        system: row.system,
        repeats: uint(row.repeats),
        ended_ms: row.ended_ms,
        ended_by: row.ended_by,
    }
}

fn attempt(row: DispositionRow) -> api::Disposition {
    let content = text(&row.content);
    api::Disposition {
        at_ms: row.at_ms,
        campaign: row.campaign,
        path: texts(&row.path),
        agent: row.agent,
        attempt: count(row.attempt),
        contacted: row.contacted,
        answered: row.answered,
        effects: texts(&row.effects),
        text: content.text,
        fields: fields(content.fields),
        again_ms: row.again_ms,
        dialled: count(row.dialled),
    }
}

fn contact(row: ContactRow) -> api::Contact {
    let content = log::ContactContent::decode(row.content.as_slice()).unwrap_or_default();
    api::Contact {
        row: if content.row.is_empty() { row.row } else { content.row },
        criterion: row.criterion,
        zone: row.zone,
        name: content.name,
        phones: content.phones,
        note: content.note,
        attributes: fields(content.attributes),
        origin: content.origin,
    }
}

fn assignment(row: AssignmentRow) -> api::Assignment {
    let explanation = (!row.explanation.is_empty())
        .then(|| log::Explanation::decode(row.explanation.as_slice()).unwrap_or_default())
        .map(explanation);
    api::Assignment {
        place: place(row.seq, row.idx),
        at_ms: row.at_ms,
        agent: row.agent,
        offered: row.offered,
        by: row.way,
        explanation,
        ended_ms: row.ended_ms,
        ended_by: row.ended_by,
    }
}

fn explanation(e: log::Explanation) -> api::Explanation {
    let candidate = |c: log::Candidate| api::Candidate {
        agent: c.agent,
        proficiency: c.proficiency,
        load: c.load,
        idle_since_ms: c.idle_since_ms,
    };
    api::Explanation {
        rule: e.rule,
        queue: e.queue,
        key_ms: e.key_ms,
        candidates: e.candidates.into_iter().map(candidate).collect(),
        other_candidates: e.other_candidates,
        not_asking: e.not_asking,
        at_capacity: e.at_capacity,
        not_ready: e.not_ready,
        sticky: e.sticky,
    }
}
