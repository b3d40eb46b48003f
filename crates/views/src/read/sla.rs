//! The SLA board: clocks now, and how targets were kept.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use rusqlite::params_from_iter;
use rusqlite::types::Value;
use simpang_proto::view::v1 as api;

use super::conversation::clock;
use super::filter::Condition;
use super::{Read, Snapshot, limited};
use crate::fold::{PAUSED, RUNNING, SLOT_MS};
use crate::row::{ClockRow, count};
use crate::store::ViewsError;

/// Attainment over this long when nothing is said.
const USUAL_SPAN_MS: i64 = 7 * 24 * 3_600_000;

impl Snapshot<'_> {
    /// Clocks now with their nearest deadlines and breaches, and attainment.
    ///
    /// # Errors
    /// [`ViewsError::Request`] for a zone that is none.
    pub fn sla_board(&self, request: &api::SlaBoardRequest) -> Read<api::SlaBoardResponse> {
        let mut board = self.sla_now(request)?;
        board.attainment = self.attainment(request)?;
        Ok(board)
    }

    /// As [`Self::sla_board`], without attainment.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sla_now(&self, request: &api::SlaBoardRequest) -> Read<api::SlaBoardResponse> {
        Ok(api::SlaBoardResponse {
            position: self.position()?,
            now: self.clocks_now(request)?,
            nearest: self.running(request, false)?,
            breached: self.running(request, true)?,
            attainment: Vec::new(),
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

    fn attainment(&self, request: &api::SlaBoardRequest) -> Read<Vec<api::SlaAttainment>> {
        let zone = zone(&request.zone)?;
        let to_ms = if request.to_ms == 0 { self.folded_to_ms()?.saturating_add(1) } else { request.to_ms };
        let from_ms =
            if request.from_ms == 0 { to_ms.saturating_sub(USUAL_SPAN_MS) } else { request.from_ms };
        let mut condition = asked(request);
        condition.and("slot >= ?", [Value::from(from_ms.div_euclid(SLOT_MS))]);
        condition.and("slot * ? < ?", [Value::from(SLOT_MS), Value::from(to_ms)]);
        let statement = format!(
            "SELECT slot, queue, priority, clock, started, met, breached, met_late, cancelled, elapsed_ms
             FROM attainment{}",
            condition.clause()
        );
        let mut days: BTreeMap<(NaiveDate, String, String, i32), api::SlaAttainment> = BTreeMap::new();
        let mut statement = self.conn.prepare_cached(&statement)?;
        let mut rows = statement.query(params_from_iter(&condition.values))?;
        while let Some(row) = rows.next()? {
            let key = (day(row.get(0)?, zone), row.get(1)?, row.get(2)?, row.get(3)?);
            let cell = days.entry(key).or_default();
            cell.started += count(row.get(4)?);
            cell.met += count(row.get(5)?);
            cell.breached += count(row.get(6)?);
            cell.met_late += count(row.get(7)?);
            cell.cancelled += count(row.get(8)?);
            cell.elapsed_ms += row.get::<_, i64>(9)?;
        }
        Ok(days.into_iter().map(attained).collect())
    }
}

fn asked(request: &api::SlaBoardRequest) -> Condition {
    let mut condition = Condition::default();
    condition.any("queue", &request.queues);
    condition.any("priority", &request.priorities);
    if request.clock != 0 {
        condition.and("clock = ?", [Value::from(request.clock)]);
    }
    condition
}

fn zone(name: &str) -> Read<Tz> {
    if name.is_empty() {
        return Ok(Tz::UTC);
    }
    let unknown = |_| ViewsError::Request(format!("zone: `{name}` is no IANA zone, such as `Asia/Jakarta`"));
    name.parse().map_err(unknown)
}

fn day(slot: i64, zone: Tz) -> NaiveDate {
    let start = DateTime::from_timestamp_millis(slot.saturating_mul(SLOT_MS)).unwrap_or_default();
    start.with_timezone(&zone).date_naive()
}

fn attained(
    ((day, queue, priority, clock), cell): ((NaiveDate, String, String, i32), api::SlaAttainment),
) -> api::SlaAttainment {
    let ended = u64::from(cell.met) + u64::from(cell.breached);
    let permille = (u64::from(cell.met) * 1_000).checked_div(ended).unwrap_or(1_000);
    let attained_permille = u32::try_from(permille).unwrap_or(1_000);
    api::SlaAttainment { day: day.to_string(), queue, priority, clock, attained_permille, ..cell }
}
