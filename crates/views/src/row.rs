//! Rows that are read and written whole, one struct a table, and the small conversions between SQLite's values and
//! the log's.

use rusqlite::{Connection, Row, params};
use serde_json::Value;

/// One place-holder for one column.
macro_rules! mark {
    ($field:ident) => {
        ", ?"
    };
}

/// A struct whose fields are a table's columns in order, with its statements.
macro_rules! row {
    ($(#[$meta:meta])* $name:ident in $table:literal {
        $first:ident : $first_type:ty $(, $field:ident : $type:ty)* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct $name {
            pub(crate) $first: $first_type,
            $(pub(crate) $field: $type,)*
        }

        impl $name {
            /// `SELECT` of all columns, without a condition.
            pub(crate) const SELECT: &'static str = concat!(
                "SELECT ", stringify!($first), $(", ", stringify!($field),)* " FROM ", $table, " "
            );
            const UPSERT: &'static str = concat!(
                "INSERT INTO ", $table, " (", stringify!($first), $(", ", stringify!($field),)* ") VALUES (?",
                $(mark!($field),)* ") ON CONFLICT DO UPDATE SET ",
                stringify!($first), " = excluded.", stringify!($first)
                $(, ", ", stringify!($field), " = excluded.", stringify!($field))*
            );

            /// Reads a row of [`Self::SELECT`].
            pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
                let mut column = 0..;
                let mut next = move || column.next().unwrap_or_default();
                Ok(Self { $first: row.get(next())?, $($field: row.get(next())?,)* })
            }

            /// Writes the row, new or changed.
            pub(crate) fn write(&self, conn: &Connection) -> rusqlite::Result<()> {
                conn.prepare_cached(Self::UPSERT)?.execute(params![self.$first, $(self.$field,)*])?;
                Ok(())
            }
        }
    };
}

row! {
    /// A case.
    CaseRow in "cases" {
        id: i64, state: i32, channel: i32, account: String, campaign: String, customer: String, from_name: String,
        segment: String, profession: String, priority: String, queue: String, assignee: String, category: String,
        subject: String, titled: bool, facts: String, rule: String, skills: String, sla: String, actions: String,
        widening: i64, follows: i64, split_from: i64, merged_into: i64, handed_over_to: String, handover_failed: String, outcome: String,
        arrived_ms: i64, opened_ms: i64, changed_ms: i64, queued_ms: i64, assigned_ms: i64, resolved_ms: i64,
        closed_ms: i64, scheduled_ms: i64, last_message_ms: i64, last_reply_ms: i64, first_reply_ms: i64,
        deadline_ms: i64, key_ms: i64, close_reason: i32, categorised_by: String, identified_by: String,
        messages: i64, assignments: i64, reopenings: i64, transfers: i64, breached: bool, unanswered: bool,
        followers: String, handler: String, course: i64, solved: i64, solved_ms: i64, solved_dim: i64,
    }
}

row! {
    /// An SLA clock of a case.
    ClockRow in "clocks" {
        case_id: i64, clock: i32, state: i32, breached: bool, sla: String, calendar: String, target_ms: i64,
        started_ms: i64, deadline_ms: i64, remaining_ms: i64, warned: i64, elapsed_ms: i64, ended_ms: i64, runs: i64,
        from_ms: i64, dim: i64,
    }
}

row! {
    /// A customer's message.
    MessageRow in "messages" {
        seq: i64, idx: i64, part: i64, case_id: i64, at_ms: i64, sent_ms: i64, channel: i32, account: String,
        public: bool, automatic: bool, joined_by: i32, author: Vec<u8>, source: Vec<u8>, malformed: String,
        raw_digest: Vec<u8>, content: Vec<u8>, edited_ms: i64, removed_ms: i64, reread_ms: i64,
    }
}

row! {
    /// A message, as it was before an edit.
    EditRow in "edits" { seq: i64, idx: i64, part: i64, n: i64, at_ms: i64, subject: String, text: String }
}

row! {
    /// Which message an input edited, withdrew or read again.
    ChangeRow in "changes" { seq: i64, idx: i64, of_seq: i64, of_idx: i64, part: i64 }
}

row! {
    /// Something we send.
    DeliveryRow in "deliveries" {
        seq: i64, idx: i64, part: i64, case_id: i64, kind: i32, state: i32, at_ms: i64, changed_ms: i64,
        channel: i32, account: String, agent: String, to_seq: i64, to_idx: i64, reply_kind: i32, template: String,
        target: String, content: Vec<u8>, category: String, attempts: i64, detail: String, not_before_ms: i64,
        source_id: String, source: Vec<u8>,
    }
}

row! {
    /// A note.
    NoteRow in "notes" {
        seq: i64, idx: i64, case_id: i64, at_ms: i64, agent: String, coaching: bool, content: Vec<u8>,
    }
}

row! {
    /// A ticket in another system.
    RefRow in "refs" { case_id: i64, system: String, number: String, status: String, at_ms: i64 }
}

row! {
    /// A fault report.
    FaultRow in "faults" {
        seq: i64, idx: i64, case_id: i64, at_ms: i64, agent: String, product: Vec<u8>, number: String,
        subject: String, system: String, repeats: i64, content: Vec<u8>, choices: String, ended_ms: i64,
        ended_by: String,
    }
}

row! {
    /// An escalation.
    EscalationRow in "escalations" {
        seq: i64, idx: i64, case_id: i64, at_ms: i64, step: String, team: String, agent: String, cause: String,
        content: Vec<u8>,
    }
}

row! {
    /// A call attempt.
    DispositionRow in "dispositions" {
        seq: i64, idx: i64, case_id: i64, at_ms: i64, campaign: String, path: String, agent: String, attempt: i64,
        contacted: bool, answered: i32, effects: String, content: Vec<u8>, again_ms: i64, dialled: i64,
    }
}

row! {
    /// An assignment or an offer.
    AssignmentRow in "assignments" {
        seq: i64, idx: i64, case_id: i64, at_ms: i64, agent: String, offered: bool, way: i32, explanation: Vec<u8>,
        ended_ms: i64, ended_by: String,
    }
}

row! {
    /// A run of the rules.
    ClassificationRow in "classifications" {
        seq: i64, idx: i64, case_id: i64, at_ms: i64, rule: String, occasion: i32, policy_version: i64,
        segment: String, priority: String, queue: String, skills: String, sla: String, actions: String,
    }
}

row! {
    /// The contact of an outbound case.
    ContactRow in "contacts" { case_id: i64, row: String, criterion: String, zone: String, content: Vec<u8> }
}

row! {
    /// An agent.
    AgentRow in "agents" {
        agent: String, record: Vec<u8>, inactive: bool, session: String, gateway: String, signed_in_ms: i64,
        presence: i32, reason: String, auto: bool, since_ms: i64, pulling: i64, pull_expires_ms: i64, pull_seq: i64,
        pull_idx: i64, last_assigned_ms: i64, admissions: String,
        session_limit: Vec<u8>,
    }
}

row! {
    /// A span of time that an agent was in one presence.
    PresenceRow in "presence" {
        agent: String, seq: i64, idx: i64, from_ms: i64, to_ms: i64, presence: i32, reason: String,
    }
}

row! {
    /// A customer of the directory.
    CustomerRow in "customers" { id: String, name: String, folded_name: String, record: Vec<u8>, removed: bool }
}

/// A sequence or number as SQLite keeps it. Streams do not reach 2^63 records.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The other way round.
pub(crate) fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// A count as the API says it.
pub(crate) fn count(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

/// Texts as a JSON list.
pub(crate) fn list(texts: &[String]) -> String {
    Value::from(texts.to_vec()).to_string()
}

/// The texts of a JSON list.
pub(crate) fn texts(list: &str) -> Vec<String> {
    serde_json::from_str(list).unwrap_or_default()
}
