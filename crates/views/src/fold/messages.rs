//! What customers said: joining, editing, withdrawing, moving; and the words that search finds.

use prost::Message;
use rusqlite::{OptionalExtension, params};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;

use super::{At, Done, Fold};
use crate::row::{ChangeRow, EditRow, MessageRow, int, uint};
use crate::withdrawn::withdraws;

/// How much of a message stands for its subject in lists, in characters.
const TITLE_CHARS: usize = 120;

impl Fold<'_> {
    pub(super) fn joined(&mut self, at: At, e: &log::MessageJoined) -> Done {
        let place = key(e.message);
        let moved = self.move_message(place, e.case)?;
        if !moved {
            self.add_messages(at, e, place)?;
        }
        let row = self.case(at, e.case)?;
        row.messages = i64::from(e.count);
        if e.automatic && !moved {
            let input = self.input(place)?;
            if let Some(Arrived::Message(message)) = input.as_deref().and_then(|input| input.body.as_ref())
                && message.kind() == log::MessageKind::Bounce
            {
                self.bounced(at, e.case, message)?;
            }
        }
        if moved {
            self.recount(at, e.case)?;
            return self.retitle(at, e.case);
        }
        if !e.automatic {
            let row = self.case(at, e.case)?;
            row.last_message_ms = at.at_ms;
            row.unanswered = true;
        }
        Ok(())
    }

    fn add_messages(&mut self, at: At, e: &log::MessageJoined, place: (i64, i64)) -> Done {
        let at_ms = self.arrived_ms(place)?.unwrap_or(at.at_ms);
        let input = self.input(place)?;
        let messages = match input.as_deref().and_then(|input| input.body.as_ref()) {
            Some(Arrived::Message(message)) => std::slice::from_ref(message),
            Some(Arrived::Handover(handover)) => &handover.messages,
            // A contact has nothing to say; its case shows whom to call.
            _ => return Ok(()),
        };
        for (part, message) in (0..).zip(messages) {
            self.add_message((place.0, place.1, part), at_ms, e, message)?;
        }
        Ok(())
    }

    fn add_message(
        &mut self,
        (seq, idx, part): (i64, i64, i64),
        at_ms: i64,
        e: &log::MessageJoined,
        message: &log::Message,
    ) -> Done {
        let body = message.content.as_ref().map(|sealed| sealed.body.to_vec()).unwrap_or_default();
        let content = log::MessageContent::decode(body.as_slice()).unwrap_or_default();
        let row = MessageRow {
            seq,
            idx,
            part,
            case_id: int(e.case),
            at_ms,
            sent_ms: message.sent_at_ms,
            channel: message.channel,
            account: message.account.clone(),
            public: message.visibility() == log::Visibility::Public,
            automatic: e.automatic,
            joined_by: e.by,
            author: message.author.to_vec(),
            source: message.source.to_vec(),
            malformed: message.malformed.clone(),
            raw_digest: message.raw_digest.to_vec(),
            content: body,
            edited_ms: 0,
            removed_ms: 0,
            reread_ms: 0,
        };
        row.write(self.conn)?;
        self.party(&message.author, e.case)?;
        self.said((seq, idx, part), "message", e.case, at_ms, &content.subject, &content.text)?;
        self.introduce(e, &content)
    }

    /// What lists show of the case: who wrote, and about what.
    fn introduce(&mut self, e: &log::MessageJoined, content: &log::MessageContent) -> Done {
        let row = &mut self.case_entry(int(e.case))?.row;
        if row.from_name.is_empty() {
            row.from_name = sender(content);
        }
        if row.titled || e.automatic {
            return Ok(());
        }
        row.titled = !content.subject.is_empty();
        row.subject = if row.titled { content.subject.clone() } else { beginning(&content.text) };
        Ok(())
    }

    /// Moves a message that is known already, after a split; says whether it is known.
    fn move_message(&mut self, (seq, idx): (i64, i64), case: u64) -> rusqlite::Result<bool> {
        // Asked first: a statement that may change several rows makes the search table write out what it has gathered,
        // and nearly every message is a new one.
        let known = "SELECT 1 FROM messages WHERE seq = ? AND idx = ? LIMIT 1";
        if !self.conn.prepare_cached(known)?.exists([seq, idx])? {
            return Ok(false);
        }
        let statement = "UPDATE messages SET case_id = ? WHERE seq = ? AND idx = ?";
        self.conn.prepare_cached(statement)?.execute([int(case), seq, idx])?;
        let statement = "UPDATE said SET case_id = ? WHERE seq = ? AND idx = ? AND kind = 'message'";
        self.conn.prepare_cached(statement)?.execute([int(case), seq, idx])?;
        let statement = "INSERT OR IGNORE INTO parties
            SELECT author, case_id FROM messages WHERE seq = ? AND idx = ? AND length(author) > 0";
        self.conn.prepare_cached(statement)?.execute([seq, idx])?;
        Ok(true)
    }

    pub(super) fn split(&mut self, at: At, e: &log::CaseSplit) -> Done {
        for message in &e.messages {
            self.move_message(key(Some(*message)), e.into)?;
        }
        let gone = i64::try_from(e.messages.len()).unwrap_or(i64::MAX);
        let row = self.case(at, e.case)?;
        row.messages = (row.messages - gone).max(1);
        self.recount(at, e.case)?;
        self.retitle(at, e.case)
    }

    /// Works out anew, after messages moved, when the customer last wrote and whether that was answered.
    pub(super) fn recount(&mut self, at: At, case: u64) -> Done {
        let statement = "SELECT coalesce(max(at_ms), 0) FROM messages WHERE case_id = ? AND automatic = 0";
        let wrote = self.conn.prepare_cached(statement)?.query_row([int(case)], |row| row.get(0))?;
        let statement =
            "SELECT coalesce(max(at_ms), 0) FROM deliveries WHERE case_id = ? AND kind = ? AND state = ?";
        let reply = [log::DeliveryKind::Reply as i64, api::DeliveryState::Delivered as i64];
        let values = [int(case), reply[0], reply[1]];
        let answered: i64 = self.conn.prepare_cached(statement)?.query_row(values, |row| row.get(0))?;
        let row = self.case(at, case)?;
        row.last_message_ms = wrote;
        row.unanswered = wrote > answered && row.state != api::CaseState::Closed as i32;
        Ok(())
    }

    pub(super) fn edited(&mut self, at: At, e: &log::MessageEdited) -> Done {
        self.case(at, e.case)?;
        let place = self.changes(at, e.message, e.part)?;
        let input = self.input(at.input)?;
        let Some(edit) = input.as_deref().and_then(says) else { return Ok(()) };
        let Some(mut row) = self.message(place)?.filter(|row| row.removed_ms == 0) else { return Ok(()) };
        let body = edit.content.as_ref().map(|sealed| sealed.body.as_ref()).unwrap_or_default();
        let edit = log::MessageContent::decode(body).unwrap_or_default();
        let mut content = log::MessageContent::decode(row.content.as_slice()).unwrap_or_default();
        self.keep_edit(at, &row, &content)?;
        if !edit.subject.is_empty() {
            content.subject = edit.subject;
        }
        content.text = edit.text;
        content.full_text = edit.full_text;
        content.html = edit.html;
        if !edit.attachments.is_empty() {
            content.attachments = edit.attachments;
        }
        row.content = content.encode_to_vec();
        row.edited_ms = at.at_ms;
        row.write(self.conn)?;
        self.unsay(place)?;
        self.said(place, "message", e.case, row.at_ms, &content.subject, &content.text)?;
        self.retitle(at, e.case)
    }

    /// The same words, read better: they take the place of the reading before, which was never what the author wrote.
    pub(super) fn reread(&mut self, at: At, e: &log::MessageReread) -> Done {
        self.case(at, e.case)?;
        let place = self.changes(at, e.message, e.part)?;
        let input = self.input(at.input)?;
        let Some((content, malformed)) = input.as_deref().and_then(reads) else { return Ok(()) };
        let Some(mut row) = self.message(place)?.filter(|row| row.removed_ms == 0) else { return Ok(()) };
        let before = log::MessageContent::decode(row.content.as_slice()).unwrap_or_default();
        row.content = content.map(|sealed| sealed.body.to_vec()).unwrap_or_default();
        malformed.clone_into(&mut row.malformed);
        row.reread_ms = at.at_ms;
        row.write(self.conn)?;
        let content = log::MessageContent::decode(row.content.as_slice()).unwrap_or_default();
        let case = self.case(at, e.case)?;
        if case.from_name == sender(&before) {
            case.from_name = sender(&content);
        }
        self.unsay(place)?;
        self.said(place, "message", e.case, row.at_ms, &content.subject, &content.text)?;
        self.retitle(at, e.case)
    }

    /// Notes which message the input changes; gives where that stands.
    fn changes(&self, at: At, message: Option<log::InputId>, part: u32) -> rusqlite::Result<(i64, i64, i64)> {
        let ((seq, idx), (of_seq, of_idx), part) = (at.input, key(message), i64::from(part));
        ChangeRow { seq, idx, of_seq, of_idx, part }.write(self.conn)?;
        Ok((of_seq, of_idx, part))
    }

    fn message(&self, (seq, idx, part): (i64, i64, i64)) -> rusqlite::Result<Option<MessageRow>> {
        let statement = format!("{} WHERE seq = ? AND idx = ? AND part = ?", MessageRow::SELECT);
        self.conn.prepare_cached(&statement)?.query_row([seq, idx, part], MessageRow::read).optional()
    }

    fn keep_edit(&self, at: At, row: &MessageRow, content: &log::MessageContent) -> Done {
        let statement = "SELECT count(*) FROM edits WHERE seq = ? AND idx = ? AND part = ?";
        let n: i64 =
            self.conn.prepare_cached(statement)?.query_row([row.seq, row.idx, row.part], |r| r.get(0))?;
        let (subject, text) = (content.subject.clone(), content.text.clone());
        EditRow { seq: row.seq, idx: row.idx, part: row.part, n, at_ms: at.at_ms, subject, text }
            .write(self.conn)
    }

    pub(super) fn removed(&mut self, at: At, e: &log::MessageRemoved) -> Done {
        self.case(at, e.case)?;
        let place = self.changes(at, e.message, e.part)?;
        self.withdraws(at)?;
        let Some(row) = self.message(place)? else { return Ok(()) };
        self.redact(at, row, e.case)
    }

    /// Takes everything that the message said out of the tables; who wrote it stays.
    fn redact(&mut self, at: At, mut row: MessageRow, case: u64) -> Done {
        self.changes.withdrawn = true;
        self.withdrawn(&row.account, &row.source)?;
        let content = log::MessageContent::decode(row.content.as_slice()).unwrap_or_default();
        let (from_name, from_address) = (content.from_name, content.from_address);
        let kept = log::MessageContent { from_name, from_address, ..log::MessageContent::default() };
        row.content = kept.encode_to_vec();
        row.malformed.clear();
        row.removed_ms = at.at_ms;
        row.write(self.conn)?;
        let edits = "DELETE FROM edits WHERE seq = ? AND idx = ? AND part = ?";
        self.conn.prepare_cached(edits)?.execute([row.seq, row.idx, row.part])?;
        self.unsay((row.seq, row.idx, row.part))?;
        self.retitle(at, case)
    }

    /// What an input that takes something back names, whether it was known or not.
    pub(super) fn withdraws(&mut self, at: At) -> Done {
        let input = self.input(at.input)?;
        match input.as_deref().and_then(withdraws) {
            Some(message) => self.withdrawn(&message.account, &message.source),
            None => Ok(()),
        }
    }

    /// A withdrawal of what the desk does not know any more: views remember longer, and show it no more either.
    pub(super) fn withdrawn_late(&mut self, at: At) -> Done {
        let input = self.input(at.input)?;
        let Some(message) = input.as_deref().and_then(withdraws).filter(|m| !m.source.is_empty()) else {
            return Ok(());
        };
        self.withdrawn(&message.account, &message.source)?;
        let condition = "WHERE source = ? AND length(source) > 0 AND account = ? AND removed_ms = 0";
        let statement = format!("{} {condition} ORDER BY seq, idx, part", MessageRow::SELECT);
        let values = params![&message.source[..], message.account];
        let mut statement = self.conn.prepare_cached(&statement)?;
        let rows: Vec<_> = statement.query_map(values, MessageRow::read)?.collect::<Result<_, _>>()?;
        for row in rows {
            let case = uint(row.case_id);
            self.redact(at, row, case)?;
        }
        Ok(())
    }

    fn withdrawn(&self, account: &str, source: &[u8]) -> Done {
        if !source.is_empty() {
            let statement = "INSERT OR IGNORE INTO withdrawn (account, source) VALUES (?, ?)";
            self.conn.prepare_cached(statement)?.execute(params![account, source])?;
        }
        Ok(())
    }

    /// Works out what lists show of the case from what is still said on it.
    fn retitle(&mut self, at: At, case: u64) -> Done {
        let statement = "SELECT content FROM messages WHERE case_id = ? AND automatic = 0 AND removed_ms = 0
            ORDER BY seq, idx, part";
        let mut statement = self.conn.prepare_cached(statement)?;
        let contents = statement.query_map([int(case)], |row| row.get::<_, Vec<u8>>(0))?;
        let mut subject = String::new();
        let mut latest = String::new();
        for content in contents {
            let content = log::MessageContent::decode(content?.as_slice()).unwrap_or_default();
            if subject.is_empty() {
                subject = content.subject;
            }
            latest = content.text;
        }
        let row = self.case(at, case)?;
        row.titled = !subject.is_empty();
        row.subject = if row.titled { subject } else { beginning(&latest) };
        Ok(())
    }

    /// Whoever has this key wrote on the case.
    pub(super) fn party(&self, author: &[u8], case: u64) -> Done {
        if !author.is_empty() {
            let statement = "INSERT OR IGNORE INTO parties (author, case_id) VALUES (?, ?)";
            self.conn.prepare_cached(statement)?.execute(params![author, int(case)])?;
        }
        Ok(())
    }

    /// Lets search find words.
    pub(super) fn said(
        &mut self,
        (seq, idx, part): (i64, i64, i64),
        kind: &str,
        case: u64,
        at_ms: i64,
        subject: &str,
        text: &str,
    ) -> Done {
        if subject.is_empty() && text.is_empty() {
            return Ok(());
        }
        let id = match self.memory.next_said {
            Some(id) => id,
            None => self.conn.query_row("SELECT coalesce(max(id), 0) + 1 FROM said", [], |row| row.get(0))?,
        };
        self.memory.next_said = Some(id + 1);
        let statement =
            "INSERT INTO said (id, seq, idx, part, kind, case_id, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)";
        self.conn.prepare_cached(statement)?.execute(params![id, seq, idx, part, kind, int(case), at_ms])?;
        let statement = "INSERT INTO search (rowid, subject, text) VALUES (?, ?, ?)";
        self.conn.prepare_cached(statement)?.execute(params![id, subject, text])?;
        Ok(())
    }

    fn unsay(&mut self, (seq, idx, part): (i64, i64, i64)) -> Done {
        let place = "seq = ? AND idx = ? AND part = ? AND kind = 'message'";
        let search = format!("DELETE FROM search WHERE rowid IN (SELECT id FROM said WHERE {place})");
        self.conn.prepare_cached(&search)?.execute([seq, idx, part])?;
        let said = format!("DELETE FROM said WHERE {place}");
        self.conn.prepare_cached(&said)?.execute([seq, idx, part])?;
        // The highest number may be free again: the next is looked up, so that a restart gives the same.
        self.memory.next_said = None;
        Ok(())
    }
}

/// The message that brings an edit.
fn says(input: &log::Input) -> Option<&log::Message> {
    match input.body.as_ref()? {
        Arrived::Message(message) => Some(message),
        Arrived::HandoverChange(change) => change.says.as_ref(),
        _ => None,
    }
}

/// What was read again of a message: its content, and what of it is malformed.
fn reads(input: &log::Input) -> Option<(Option<&log::Sealed>, &str)> {
    match input.body.as_ref()? {
        Arrived::Reread(reread) => Some((reread.content.as_ref(), &reread.malformed)),
        Arrived::HandoverChange(change) => {
            change.says.as_ref().map(|says| (says.content.as_ref(), says.malformed.as_str()))
        }
        _ => None,
    }
}

fn key(place: Option<log::InputId>) -> (i64, i64) {
    let place = place.unwrap_or_default();
    (int(place.seq), i64::from(place.index))
}

/// Who wrote, as lists show it.
fn sender(content: &log::MessageContent) -> String {
    let named = [&content.from_name, &content.from_address].into_iter().find(|name| !name.is_empty());
    named.cloned().unwrap_or_default()
}

fn beginning(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(TITLE_CHARS) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}
