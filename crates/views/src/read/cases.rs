//! Cases in lists.

use rusqlite::OptionalExtension;
use rusqlite::params_from_iter;
use rusqlite::types::Value;
use simpang_proto::view::v1 as api;

use super::filter::Condition;
use super::{Read, Snapshot, limited};
use crate::row::{CaseRow, count, int, texts, uint};
use crate::store::ViewsError;

/// How a sort orders: expression, and whether the largest goes first. The case number decides among equals.
fn order(sort: api::CaseSort) -> (&'static str, bool) {
    match sort {
        api::CaseSort::Unspecified => ("id", true),
        api::CaseSort::Oldest => ("id", false),
        api::CaseSort::Changed => ("changed_ms", true),
        api::CaseSort::Queue => ("key_ms", false),
        api::CaseSort::Deadline => ("iif(deadline_ms = 0, 9223372036854775807, deadline_ms)", false),
    }
}

impl Snapshot<'_> {
    /// A page of cases.
    ///
    /// # Errors
    /// [`ViewsError::Request`] for a page token or words that make no sense.
    pub fn list_cases(&self, request: &api::ListCasesRequest) -> Read<api::ListCasesResponse> {
        let mut condition = Condition::of(&request.filter.clone().unwrap_or_default())?;
        let total = self.count_cases(&condition)?;
        let (key, down) = order(request.sort());
        if !request.page_token.is_empty() {
            let (last_key, last_id) = token(&request.page_token)?;
            let sign = if down { "<" } else { ">" };
            condition
                .and(&format!("({key}, id) {sign} (?, ?)"), [Value::from(last_key), Value::from(last_id)]);
        }
        let size = limited(request.page_size, 50);
        let way = if down { "DESC" } else { "ASC" };
        let (select, clause) = (CaseRow::SELECT, condition.clause());
        let statement =
            format!("{select}{clause} ORDER BY {key} {way}, id {way} LIMIT {}", i64::from(size) + 1);
        let mut rows = self.rows(&statement, params_from_iter(&condition.values), CaseRow::read)?;
        let more = rows.len() > size as usize;
        rows.truncate(size as usize);
        let last = rows.last().filter(|_| more).map(|row| page_token(request.sort(), row));
        let cases = rows.into_iter().map(|row| self.summary(row)).collect::<Read<_>>()?;
        let next_page_token = last.unwrap_or_default();
        Ok(api::ListCasesResponse { position: self.position()?, cases, next_page_token, total })
    }

    fn count_cases(&self, condition: &Condition) -> Read<u64> {
        let statement = format!("SELECT count(*) FROM cases{}", condition.clause());
        let mut statement = self.conn.prepare_cached(&statement)?;
        Ok(uint(statement.query_row(params_from_iter(&condition.values), |row| row.get(0))?))
    }

    /// Of these cases, those that a filter lets through; by number.
    ///
    /// # Errors
    /// As [`Self::list_cases`].
    pub fn matching(
        &self,
        filter: &api::CaseFilter,
        cases: impl IntoIterator<Item = u64>,
    ) -> Read<Vec<api::CaseSummary>> {
        let mut condition = Condition::of(filter)?;
        condition.cases(cases.into_iter().map(int));
        let statement = format!("{}{} ORDER BY id", CaseRow::SELECT, condition.clause());
        let rows = self.rows(&statement, params_from_iter(&condition.values), CaseRow::read)?;
        rows.into_iter().map(|row| self.summary(row)).collect()
    }

    pub(super) fn case_row(&self, case: i64) -> Read<Option<CaseRow>> {
        let mut statement = self.conn.prepare_cached(&format!("{} WHERE id = ?", CaseRow::SELECT))?;
        Ok(statement.query_row([case], CaseRow::read).optional()?)
    }

    /// A case's line in lists; an empty one for a case that is not there.
    pub(super) fn summary_of(&self, case: i64) -> Read<api::CaseSummary> {
        match self.case_row(case)? {
            Some(row) => self.summary(row),
            None => Ok(api::CaseSummary { case: uint(case), ..api::CaseSummary::default() }),
        }
    }

    pub(super) fn summary(&self, row: CaseRow) -> Read<api::CaseSummary> {
        let known = if row.customer.is_empty() { None } else { self.customer_name(&row.customer)? };
        Ok(api::CaseSummary {
            case: uint(row.id),
            state: row.state,
            channel: row.channel,
            account: row.account,
            campaign: row.campaign,
            customer: row.customer,
            customer_name: known.filter(|name| !name.is_empty()).unwrap_or(row.from_name),
            segment: row.segment,
            profession: row.profession,
            priority: row.priority,
            queue: row.queue,
            assignee: row.assignee,
            category: texts(&row.category),
            subject: row.subject,
            arrived_ms: row.arrived_ms,
            opened_ms: row.opened_ms,
            changed_ms: row.changed_ms,
            messages: count(row.messages),
            last_message_ms: row.last_message_ms,
            last_reply_ms: row.last_reply_ms,
            deadline_ms: row.deadline_ms,
            breached: row.breached,
            key_ms: row.key_ms,
            scheduled_ms: row.scheduled_ms,
            unanswered: row.unanswered,
        })
    }
}

fn page_token(sort: api::CaseSort, row: &CaseRow) -> String {
    let key = match sort {
        api::CaseSort::Unspecified | api::CaseSort::Oldest => row.id,
        api::CaseSort::Changed => row.changed_ms,
        api::CaseSort::Queue => row.key_ms,
        api::CaseSort::Deadline if row.deadline_ms == 0 => i64::MAX,
        api::CaseSort::Deadline => row.deadline_ms,
    };
    format!("{key}.{}", row.id)
}

fn token(text: &str) -> Read<(i64, i64)> {
    let parts = text.split_once('.');
    let parsed = parts.and_then(|(key, id)| Some((key.parse().ok()?, id.parse().ok()?)));
    let what = "page_token: give the `next_page_token` of the page before as it was";
    parsed.ok_or_else(|| ViewsError::Request(what.into()))
}
