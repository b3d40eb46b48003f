//! The audit index: from what somebody asks about to places on the log.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params, params_from_iter};
use simpang_proto::audit::v1 as api;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::input::Body as Arrived;

use super::filter::Condition;
use super::{Read, Snapshot};
use crate::kind;
use crate::row::{ChangeRow, ClassificationRow, count, int, texts, uint};
use crate::sentence::plain;
use crate::withdrawn::Withdrawn;

const MINUTE_MS: i64 = 60_000;

/// Which places; conditions narrow together, empty ones do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// About this case.
    pub case: u64,
    /// About or by this agent.
    pub agent: String,
    /// Of these kinds, see [`kind`].
    pub kinds: Vec<i64>,
    /// At or after this time, ms since 1970 UTC.
    pub from_ms: i64,
    /// Before this time.
    pub to_ms: i64,
    /// From this sequence on.
    pub from_seq: u64,
    /// Up to this sequence, with it.
    pub to_seq: u64,
    /// No inputs.
    pub events_only: bool,
}

/// A place on the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed {
    /// Sequence of the record.
    pub seq: u64,
    /// Index in it.
    pub index: u32,
    /// Kind, see [`kind`].
    pub kind: i64,
    /// When, ms since 1970 UTC.
    pub at_ms: i64,
    /// The case it is about; 0: none, or not judged yet.
    pub case: u64,
}

/// An input that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where it stands.
    pub place: log::InputId,
    /// When it was refused.
    pub at_ms: i64,
    /// Its kind, as far as it could be told.
    pub kind: i64,
    /// Why.
    pub reason: String,
}

impl Snapshot<'_> {
    /// At most `limit` places that a query finds after one, in the log's order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn places(&self, query: &Query, after: Option<(u64, u32)>, limit: u32) -> Read<Vec<Placed>> {
        let mut condition = Condition::default();
        let mut from = "audit a".to_owned();
        if query.case != 0 {
            from = "case_places c CROSS JOIN audit a ON a.seq = c.seq AND a.idx = c.idx".into();
            condition.and("c.case_id = ?", [Value::from(int(query.case))]);
        }
        if !query.agent.is_empty() && query.case == 0 {
            from = "agent_places p CROSS JOIN audit a ON a.seq = p.seq AND a.idx = p.idx".into();
            condition.and("p.agent = ?", [Value::from(query.agent.clone())]);
        } else if !query.agent.is_empty() {
            let about =
                "EXISTS (SELECT 1 FROM agent_places p WHERE p.agent = ? AND p.seq = a.seq AND p.idx = a.idx)";
            condition.and(about, [Value::from(query.agent.clone())]);
        }
        // The index that is walked begins where the page does.
        let walked = match (query.case, query.agent.as_str()) {
            (0, "") => "a",
            (0, _) => "p",
            _ => "c",
        };
        self.narrow(&mut condition, query, walked)?;
        if let Some((seq, index)) = after {
            let values = [Value::from(int(seq)), Value::from(index)];
            condition.and(&format!("({walked}.seq, {walked}.idx) > (?, ?)"), values);
        }
        let statement = format!(
            "SELECT a.seq, a.idx, a.kind, a.at_ms, a.case_id FROM {from}{} ORDER BY {walked}.seq, {walked}.idx
             LIMIT {limit}",
            condition.clause()
        );
        self.rows(&statement, params_from_iter(&condition.values), placed)
    }

    fn narrow(&self, condition: &mut Condition, query: &Query, walked: &str) -> Read<()> {
        if !query.kinds.is_empty() {
            condition.numbers("a.kind", query.kinds.iter().copied());
        }
        if query.events_only {
            condition.and("a.kind < ?", [Value::from(kind::UNKNOWN)]);
        }
        let mut from_seq = int(query.from_seq);
        if query.from_ms != 0 {
            from_seq = from_seq.max(self.first_of(query.from_ms)?);
            condition.and("a.at_ms >= ?", [Value::from(query.from_ms)]);
        }
        if query.to_ms != 0 {
            condition.and("a.at_ms < ?", [Value::from(query.to_ms)]);
        }
        if from_seq > 0 {
            condition.and(&format!("{walked}.seq >= ?"), [Value::from(from_seq)]);
        }
        if query.to_seq != 0 {
            condition.and(&format!("{walked}.seq <= ?"), [Value::from(int(query.to_seq))]);
        }
        Ok(())
    }

    /// No record before this sequence says anything of this time or later: an event is never later than its record.
    fn first_of(&self, at_ms: i64) -> Read<i64> {
        let statement = "SELECT seq FROM minutes WHERE minute <= ? ORDER BY minute DESC LIMIT 1";
        let mut statement = self.conn.prepare_cached(statement)?;
        let minute = at_ms.div_euclid(MINUTE_MS);
        Ok(statement.query_row([minute], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    /// The cases whose events make up this one: itself, those merged into it and those it was split from, and so on.
    ///
    /// # Errors
    /// When the database fails.
    pub fn kin(&self, case: u64) -> Read<Vec<u64>> {
        let statement = "
            WITH RECURSIVE kin (id) AS (
                SELECT ?
                UNION SELECT cases.id FROM cases JOIN kin ON cases.merged_into = kin.id
                UNION SELECT cases.split_from FROM cases JOIN kin ON cases.id = kin.id WHERE cases.split_from <> 0
            ) SELECT id FROM kin ORDER BY id";
        self.rows(statement, [int(case)], |row| row.get(0).map(uint))
    }

    /// How rules classified a case, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn classifications(&self, case: u64) -> Read<Vec<api::Classification>> {
        let statement = format!("{}WHERE case_id = ? ORDER BY seq, idx", ClassificationRow::SELECT);
        let rows = self.rows(&statement, [int(case)], ClassificationRow::read)?;
        Ok(rows.into_iter().map(classification).collect())
    }

    /// What authors withdrew, as far as these inputs may hold it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn withdrawn<'i>(
        &self,
        inputs: impl IntoIterator<Item = ((u64, u32), &'i log::Input)>,
    ) -> Read<Withdrawn> {
        let mut withdrawn = Withdrawn::default();
        for (place, input) in inputs {
            let messages = match &input.body {
                Some(Arrived::Message(message)) => std::slice::from_ref(message),
                Some(Arrived::Handover(handover)) => &handover.messages[..],
                Some(Arrived::HandoverChange(change)) => change.says.as_slice(),
                Some(Arrived::Reread(reread)) => {
                    let of = reread.message.unwrap_or_default();
                    if self.is_withdrawn((of.seq, of.index), reread.part)? {
                        withdrawn.take_message((of.seq, of.index), reread.part);
                    }
                    &[][..]
                }
                _ => continue,
            };
            if let Some((message, part)) = self.changed_by(place)? {
                withdrawn.take_change(place, message, part);
                if self.is_withdrawn(message, part)? {
                    withdrawn.take_message(message, part);
                }
            }
            for (part, message) in (0..).zip(messages) {
                if self.is_withdrawn(place, part)? {
                    withdrawn.take_message(place, part);
                }
                if self.is_source_withdrawn(message)? {
                    withdrawn.take_source(&message.account, &message.source);
                }
            }
        }
        Ok(withdrawn)
    }

    /// The message that an input edited, withdrew or read again, and its place among those of a handover.
    fn changed_by(&self, (seq, index): (u64, u32)) -> Read<Option<((u64, u32), u32)>> {
        let statement = format!("{}WHERE seq = ? AND idx = ?", ChangeRow::SELECT);
        let rows = self.rows(&statement, params![int(seq), index], ChangeRow::read)?;
        Ok(rows.first().map(|row| ((uint(row.of_seq), count(row.of_idx)), count(row.part))))
    }

    /// Whether a message was withdrawn: the input that brought it, and its place among those of a handover.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_withdrawn(&self, (seq, index): (u64, u32), part: u32) -> Read<bool> {
        let statement =
            "SELECT count(*) FROM messages WHERE seq = ? AND idx = ? AND part = ? AND removed_ms != 0";
        self.has(statement, params![int(seq), index, part])
    }

    fn is_source_withdrawn(&self, message: &log::Message) -> Read<bool> {
        let statement = "SELECT count(*) FROM withdrawn WHERE account = ? AND source = ?";
        self.has(statement, params![message.account, &message.source[..]])
    }

    fn has(&self, statement: &str, values: impl rusqlite::Params) -> Read<bool> {
        let found = self.rows(statement, values, |row| row.get::<_, i64>(0))?;
        Ok(found.first().is_some_and(|count| *count > 0))
    }

    /// Inputs that were set aside, from a sequence on.
    ///
    /// # Errors
    /// When the database fails.
    pub fn refused(&self, from_seq: u64, limit: u32) -> Read<Vec<Refused>> {
        let statement =
            "SELECT seq, idx, at_ms, kind, reason FROM refused WHERE seq >= ? ORDER BY seq, idx LIMIT ?";
        let limit = super::limited(limit, 50);
        self.rows(statement, params![int(from_seq), limit], |row| {
            let place = log::InputId { seq: uint(row.get(0)?), index: count(row.get(1)?) };
            Ok(Refused { place, at_ms: row.get(2)?, kind: row.get(3)?, reason: row.get(4)? })
        })
    }
}

fn placed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Placed> {
    Ok(Placed {
        seq: uint(row.get(0)?),
        index: count(row.get(1)?),
        kind: row.get(2)?,
        at_ms: row.get(3)?,
        case: uint(row.get(4)?),
    })
}

fn classification(row: ClassificationRow) -> api::Classification {
    let occasion = log::Occasion::try_from(row.occasion).unwrap_or_default();
    api::Classification {
        seq: uint(row.seq),
        index: count(row.idx),
        at_ms: row.at_ms,
        rule: row.rule,
        occasion: plain(occasion.as_str_name(), "OCCASION_"),
        policy_version: uint(row.policy_version),
        segment: row.segment,
        priority: row.priority,
        queue: row.queue,
        skills: texts(&row.skills),
        sla: row.sla,
        actions: texts(&row.actions),
    }
}
