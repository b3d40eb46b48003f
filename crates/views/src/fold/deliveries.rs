//! What we send, and what became of it.

use prost::Message;
use rusqlite::{OptionalExtension, params};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::command::Body as Asked;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1::DeliveryState;

use super::{At, Done, Fold};
use crate::row::{DeliveryRow, int, list, texts};

impl Fold<'_> {
    pub(super) fn delivery_queued(&mut self, at: At, e: &log::DeliveryQueued) -> Done {
        self.case(at, e.case)?;
        let (seq, idx, part) = key(e.delivery);
        let to = e.to.unwrap_or_default();
        let (mut content, mut category) = (Vec::new(), Vec::new());
        if e.kind() == log::DeliveryKind::Reply
            && let Some(Asked::Reply(reply)) = self.command(at)?
        {
            content = reply.content.map(|sealed| sealed.body.to_vec()).unwrap_or_default();
            category = reply.category;
            // Without one of its own it is about what the case is about as it is written (F8).
            if category.is_empty() {
                category = texts(&self.case(at, e.case)?.category);
            }
        }
        let text = log::TextContent::decode(content.as_slice()).unwrap_or_default();
        let row = DeliveryRow {
            seq,
            idx,
            part,
            case_id: int(e.case),
            kind: e.kind,
            state: DeliveryState::Queued as i32,
            at_ms: at.at_ms,
            changed_ms: at.at_ms,
            channel: e.channel,
            account: e.account.clone(),
            agent: e.agent.clone(),
            to_seq: int(to.seq),
            to_idx: i64::from(to.index),
            reply_kind: e.reply,
            template: e.template.clone(),
            target: e.target.clone(),
            content,
            category: list(&category),
            attempts: 0,
            detail: String::new(),
            not_before_ms: 0,
            source_id: String::new(),
            source: Vec::new(),
        };
        row.write(self.conn)?;
        self.said((seq, idx, part), "reply", e.case, at.at_ms, &text.subject, &text.text)
    }

    pub(super) fn delivery_started(&mut self, at: At, e: &log::DeliveryStarted) -> Done {
        self.delivery(at, e.delivery, |row| {
            row.state = DeliveryState::Sending as i32;
            row.attempts = i64::from(e.attempt);
            row.not_before_ms = 0;
        })?;
        Ok(())
    }

    pub(super) fn delivery_ended(&mut self, at: At, e: &log::DeliveryEnded) -> Done {
        let input = self.input(at.input)?;
        let report = match input.as_deref().and_then(|input| input.body.as_ref()) {
            Some(Arrived::Report(report)) if report.delivery == e.delivery => Some(report),
            _ => None,
        };
        let delivered = e.outcome() == log::DeliveryOutcome::Delivered;
        let row = self.delivery(at, e.delivery, |row| {
            row.state = state_after(e.outcome()) as i32;
            row.detail.clone_from(&e.detail);
            row.not_before_ms = e.not_before_ms;
            if let Some(report) = report.filter(|report| !report.source_id.is_empty()) {
                row.source_id.clone_from(&report.source_id);
                row.source = report.source.to_vec();
            }
        })?;
        let reply = row.filter(|row| delivered && row.kind == log::DeliveryKind::Reply as i32);
        if let Some(reply) = reply {
            let case = self.case_entry(reply.case_id)?;
            case.dirty = true;
            case.row.last_reply_ms = at.at_ms;
            case.row.unanswered = case.row.last_message_ms > reply.at_ms;
            if case.row.first_reply_ms == 0 {
                case.row.first_reply_ms = at.at_ms;
            }
        }
        Ok(())
    }

    /// A bounce says that something which the channel had accepted did not arrive after all. It names the mail it is
    /// about before any other, so only the first id that is one of ours counts.
    pub(super) fn bounced(&mut self, at: At, case: u64, bounce: &log::Message) -> Done {
        let sent = format!("{} WHERE case_id = ? AND source = ?", DeliveryRow::SELECT);
        for id in &bounce.joins {
            let mut statement = self.conn.prepare_cached(&sent)?;
            let found = statement.query_row(params![int(case), id.as_ref()], DeliveryRow::read).optional()?;
            drop(statement);
            let Some(mut row) = found else { continue };
            if [DeliveryState::Delivered as i32, DeliveryState::Unknown as i32].contains(&row.state) {
                row.state = DeliveryState::Bounced as i32;
                row.detail = bounce_status(bounce);
                row.changed_ms = at.at_ms;
                row.write(self.conn)?;
                self.recount(at, case)?;
            }
            return Ok(());
        }
        Ok(())
    }

    fn delivery(
        &mut self,
        at: At,
        id: Option<log::DeliveryId>,
        change: impl FnOnce(&mut DeliveryRow),
    ) -> rusqlite::Result<Option<DeliveryRow>> {
        let (seq, idx, part) = key(id);
        let statement = format!("{} WHERE seq = ? AND idx = ? AND part = ?", DeliveryRow::SELECT);
        let mut statement = self.conn.prepare_cached(&statement)?;
        let Some(mut row) = statement.query_row([seq, idx, part], DeliveryRow::read).optional()? else {
            return Ok(None);
        };
        change(&mut row);
        row.changed_ms = at.at_ms;
        row.write(self.conn)?;
        self.case(at, crate::row::uint(row.case_id))?;
        Ok(Some(row))
    }
}

/// What the bounce gives as its reason, such as `5.1.1`.
fn bounce_status(bounce: &log::Message) -> String {
    let fact = bounce.facts.iter().find(|fact| fact.name == "bounce_status");
    match fact.and_then(|fact| fact.value.as_ref()) {
        Some(log::fact::Value::Text(status)) if !status.is_empty() => format!("bounced: {status}"),
        _ => "bounced".to_owned(),
    }
}

fn state_after(outcome: log::DeliveryOutcome) -> DeliveryState {
    match outcome {
        log::DeliveryOutcome::Delivered => DeliveryState::Delivered,
        log::DeliveryOutcome::Retry => DeliveryState::Queued,
        log::DeliveryOutcome::Refused => DeliveryState::Refused,
        log::DeliveryOutcome::Unknown | log::DeliveryOutcome::Unspecified => DeliveryState::Unknown,
    }
}

fn key(id: Option<log::DeliveryId>) -> (i64, i64, i64) {
    let id = id.unwrap_or_default();
    let input = id.input.unwrap_or_default();
    (int(input.seq), i64::from(input.index), i64::from(id.part))
}
