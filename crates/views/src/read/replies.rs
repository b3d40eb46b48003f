//! Answers of agents, each with the classification of its own (F8).

use rusqlite::params_from_iter;
use rusqlite::types::Value;
use simpang_proto::log::v1 as log;
use simpang_proto::view::v1 as api;

use super::conversation::delivery;
use super::filter::Condition;
use super::{Read, Snapshot, limited};
use crate::row::{DeliveryRow, uint};
use crate::store::ViewsError;

impl Snapshot<'_> {
    /// A page of answers, oldest first.
    ///
    /// # Errors
    /// [`ViewsError::Request`] for a page token that makes no sense.
    pub fn list_replies(&self, request: &api::ListRepliesRequest) -> Read<api::ListRepliesResponse> {
        let mut condition = Condition::default();
        condition.numbers("kind", [log::DeliveryKind::Reply as i64]);
        if !request.page_token.is_empty() {
            condition.and("(seq, idx, part) > (?, ?, ?)", token(&request.page_token)?.map(Value::from));
        }
        if request.from_ms != 0 {
            condition.and("at_ms >= ?", [Value::from(request.from_ms)]);
        }
        if request.to_ms != 0 {
            condition.and("at_ms < ?", [Value::from(request.to_ms)]);
        }
        condition.any("agent", &request.agents);
        if request.channel != 0 {
            condition.and("channel = ?", [Value::from(request.channel)]);
        }
        condition.category(&request.category);
        let size = limited(request.page_size, 50) as usize;
        let (select, clause) = (DeliveryRow::SELECT, condition.clause());
        let statement = format!("{select}{clause} ORDER BY seq, idx, part LIMIT {}", size + 1);
        let mut rows = self.rows(&statement, params_from_iter(&condition.values), DeliveryRow::read)?;
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().filter(|_| more);
        let next_page_token = last.map(|row| format!("{}.{}.{}", row.seq, row.idx, row.part));
        let reply = |row: DeliveryRow| api::Reply { case: uint(row.case_id), delivery: Some(delivery(row)) };
        Ok(api::ListRepliesResponse {
            position: self.position()?,
            replies: rows.into_iter().map(reply).collect(),
            next_page_token: next_page_token.unwrap_or_default(),
        })
    }
}

/// The place of the last answer of a page.
fn token(text: &str) -> Read<[i64; 3]> {
    let numbers: Option<Vec<i64>> = text.split('.').map(|number| number.parse().ok()).collect();
    let place = numbers.and_then(|numbers| numbers.try_into().ok());
    place.ok_or_else(|| ViewsError::Request("page_token: use the one that the page before came with".into()))
}
