//! The SLA board: clocks now.

use rusqlite::params_from_iter;
use rusqlite::types::Value;
use simpang_proto::view::v1 as api;

use super::conversation::clock;
use super::filter::Condition;
use super::{Read, Snapshot, limited};
use crate::fold::{PAUSED, RUNNING};
use crate::row::{ClockRow, count};

impl Snapshot<'_> {
    /// Clocks now with their nearest deadlines and breaches, and figures.
    ///
    /// # Errors
    /// [`crate::ViewsError::Request`] for a zone, period or dimension that is none, and for too many rows.
    pub fn sla_board(&self, request: &api::SlaBoardRequest) -> Read<api::SlaBoardResponse> {
        let mut board = self.sla_now(request)?;
        board.attainment = self.attainment(request)?;
        board.first_contact = self.first_contact(request)?;
        Ok(board)
    }

    /// As [`Self::sla_board`], without figures.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sla_now(&self, request: &api::SlaBoardRequest) -> Read<api::SlaBoardResponse> {
        Ok(api::SlaBoardResponse {
            position: self.position()?,
            now: self.clocks_now(request)?,
            nearest: self.running(request, false)?,
            breached: self.running(request, true)?,
            ..api::SlaBoardResponse::default()
        })
    }

    fn clocks_now(&self, request: &api::SlaBoardRequest) -> Read<Vec<api::SlaNow>> {
        let mut condition = asked(request);
        condition.numbers("k.state", [RUNNING, PAUSED].map(i64::from));
        let statement = format!(
            "SELECT queue, priority, clock,
                sum(k.state = {RUNNING} AND NOT k.breached), sum(k.state = {RUNNING} AND NOT k.breached AND warned > 0),
                sum(k.state = {RUNNING} AND k.breached), sum(k.state = {PAUSED})
             FROM clocks k JOIN cases c ON c.id = k.case_id{} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            condition.clause()
        );
        self.rows(&statement, params_from_iter(&condition.values), |row| {
            Ok(api::SlaNow {
                queue: row.get(0)?,
                priority: row.get(1)?,
                clock: row.get(2)?,
                running: count(row.get(3)?),
                warned: count(row.get(4)?),
                breached: count(row.get(5)?),
                paused: count(row.get(6)?),
            })
        })
    }

    fn running(&self, request: &api::SlaBoardRequest, breached: bool) -> Read<Vec<api::SlaLine>> {
        let mut condition = asked(request);
        condition.and("k.state = 1", []);
        condition.and("k.breached = ?", [Value::from(breached)]);
        let limit = limited(request.limit, 20);
        let columns = ClockRow::SELECT.trim_start_matches("SELECT ").trim_end_matches(" FROM clocks ");
        let columns: Vec<String> = columns.split(", ").map(|column| format!("k.{column}")).collect();
        let statement = format!(
            "SELECT {} FROM clocks k JOIN cases c ON c.id = k.case_id{} ORDER BY k.deadline_ms, k.case_id LIMIT {limit}",
            columns.join(", "),
            condition.clause()
        );
        let rows = self.rows(&statement, params_from_iter(&condition.values), ClockRow::read)?;
        let line = |row: ClockRow| {
            let case = Some(self.summary_of(row.case_id)?);
            Ok(api::SlaLine { clock: Some(clock(row)), case })
        };
        rows.into_iter().map(line).collect()
    }
}

fn asked(request: &api::SlaBoardRequest) -> Condition {
    let mut condition = Condition::default();
    condition.any("queue", &request.queues);
    condition.any("priority", &request.priorities);
    condition.any("segment", &request.segments);
    condition.any("assignee", &request.agents);
    condition.any("campaign", &request.campaigns);
    if request.clock != 0 {
        condition.and("clock = ?", [Value::from(request.clock)]);
    }
    condition
}
