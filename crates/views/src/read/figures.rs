//! Figures: how targets were kept, and what was solved at the first contact, by period and whatever is asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, Timelike};
use chrono_tz::Tz;
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use simpang_proto::view::v1 as api;

use super::filter::Condition;
use super::{Read, Snapshot};
use crate::fold::SLOT_MS;
use crate::row::count;
use crate::store::ViewsError;
use crate::times::Times;

/// Figures over this long when nothing is said.
const USUAL_SPAN_MS: i64 = 7 * 24 * 3_600_000;

/// Most rows of one answer.
const ROWS_MAX: usize = 10_000;

/// Columns of what figures are told apart by, in the order in which rows are sorted.
const DIMS: [(api::SlaDimension, &str); 5] = [
    (api::SlaDimension::Queue, "queue"),
    (api::SlaDimension::Priority, "priority"),
    (api::SlaDimension::Segment, "segment"),
    (api::SlaDimension::Agent, "agent"),
    (api::SlaDimension::Campaign, "campaign"),
];

/// When a period begins in its zone; of two hours of the same name the earlier is farther from UTC.
type Begin = (NaiveDateTime, i32);

/// A row's period and what it is told apart by.
type Key = (Begin, [String; 5], i32);

/// Which figures are asked for.
struct Cut {
    zone: Tz,
    period: api::SlaPeriod,
    by: [bool; 5],
    from_ms: i64,
    to_ms: i64,
}

impl Cut {
    fn of(request: &api::SlaBoardRequest, now_ms: i64) -> Read<Self> {
        let to_ms = if request.to_ms == 0 { now_ms.saturating_add(1) } else { request.to_ms };
        let from_ms =
            if request.from_ms == 0 { to_ms.saturating_sub(USUAL_SPAN_MS) } else { request.from_ms };
        let period = api::SlaPeriod::try_from(request.period)
            .map_err(|_| ViewsError::Request(format!("period: {} is none", request.period)))?;
        let mut asked: Vec<api::SlaDimension> = request.by().collect();
        if asked.len() != request.by.len() || asked.contains(&api::SlaDimension::Unspecified) {
            return Err(ViewsError::Request("by: a dimension is not said, or is none".into()));
        }
        if asked.is_empty() {
            asked = vec![api::SlaDimension::Queue, api::SlaDimension::Priority];
        }
        let by = DIMS.map(|(dimension, _)| asked.contains(&dimension));
        Ok(Self { zone: zone(&request.zone)?, period, by, from_ms, to_ms })
    }

    /// The conditions on slot and dimensions.
    fn condition(&self, request: &api::SlaBoardRequest) -> Condition {
        let mut condition = Condition::default();
        condition.and("slot >= ?", [Value::from(self.from_ms.div_euclid(SLOT_MS))]);
        condition.and("slot * ? < ?", [Value::from(SLOT_MS), Value::from(self.to_ms)]);
        let wanted =
            [&request.queues, &request.priorities, &request.segments, &request.agents, &request.campaigns];
        for ((_, column), values) in DIMS.iter().zip(wanted) {
            condition.any(column, values);
        }
        condition
    }

    /// The period that a slot lies in.
    fn begin(&self, slot: i64) -> Begin {
        let at = DateTime::from_timestamp_millis(slot.saturating_mul(SLOT_MS)).unwrap_or_default();
        let at = at.with_timezone(&self.zone);
        let day = at.date_naive();
        let first = match self.period {
            api::SlaPeriod::Whole => NaiveDate::default(),
            api::SlaPeriod::Week => day.week(chrono::Weekday::Mon).checked_first_day().unwrap_or(day),
            api::SlaPeriod::Month => day.with_day(1).unwrap_or(day),
            api::SlaPeriod::Unspecified | api::SlaPeriod::Hour => day,
        };
        if self.period != api::SlaPeriod::Hour {
            return (first.and_time(NaiveTime::MIN), 0);
        }
        let hour = first.and_hms_opt(at.hour(), 0, 0).unwrap_or_default();
        (hour, -at.offset().fix().local_minus_utc())
    }

    fn name(&self, (begin, west): Begin) -> String {
        match self.period {
            api::SlaPeriod::Unspecified => begin.format("%Y-%m-%d").to_string(),
            api::SlaPeriod::Week => begin.format("%G-W%V").to_string(),
            api::SlaPeriod::Month => begin.format("%Y-%m").to_string(),
            api::SlaPeriod::Whole => String::new(),
            api::SlaPeriod::Hour => {
                let (sign, minutes) = (if west > 0 { '-' } else { '+' }, west.abs() / 60);
                let zone = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
                format!("{} {zone}", begin.format("%Y-%m-%d %H:%M"))
            }
        }
    }

    /// The dimensions of a row whose columns begin at `first`, those that are not asked for empty.
    fn dims(&self, row: &Row<'_>, first: usize) -> rusqlite::Result<[String; 5]> {
        let mut dims: [String; 5] = Default::default();
        for (at, dim) in dims.iter_mut().enumerate().filter(|(at, _)| self.by[*at]) {
            *dim = row.get(first + at)?;
        }
        Ok(dims)
    }
}

/// What the runs of one row amount to.
#[derive(Default)]
struct Kept {
    counts: [i64; 5],
    elapsed_ms: i64,
    times: Times,
}

impl Snapshot<'_> {
    /// How targets were kept.
    pub(super) fn attainment(&self, request: &api::SlaBoardRequest) -> Read<Vec<api::SlaAttainment>> {
        let cut = Cut::of(request, self.folded_to_ms()?)?;
        let mut condition = cut.condition(request);
        if request.clock != 0 {
            condition.and("clock = ?", [Value::from(request.clock)]);
        }
        let statement = format!(
            "SELECT slot, clock, queue, priority, segment, agent, campaign,
                started, met, breached, met_late, cancelled, elapsed_ms, times
             FROM attainment JOIN dims ON id = dim{}",
            condition.clause()
        );
        let mut all: BTreeMap<Key, Kept> = BTreeMap::new();
        let mut statement = self.conn.prepare_cached(&statement)?;
        let mut rows = statement.query(params_from_iter(&condition.values))?;
        while let Some(row) = rows.next()? {
            let kept = all.entry((cut.begin(row.get(0)?), cut.dims(row, 2)?, row.get(1)?)).or_default();
            for (at, count) in kept.counts.iter_mut().enumerate() {
                *count += row.get::<_, i64>(7 + at)?;
            }
            kept.elapsed_ms += row.get::<_, i64>(12)?;
            kept.times.merge(&Times::decode(row.get_ref(13)?.as_blob().unwrap_or_default()));
            few_enough(all.len())?;
        }
        Ok(all.into_iter().map(|(key, kept)| attained(cut.name(key.0), key, &kept)).collect())
    }

    /// How many cases were solved at the first contact.
    pub(super) fn first_contact(&self, request: &api::SlaBoardRequest) -> Read<Vec<api::FirstContact>> {
        let cut = Cut::of(request, self.folded_to_ms()?)?;
        let condition = cut.condition(request);
        let statement = format!(
            "SELECT slot, queue, priority, segment, agent, campaign,
                cases, at_first, came_back, moved, escalated, faults
             FROM solved JOIN dims ON id = dim{}",
            condition.clause()
        );
        let mut all: BTreeMap<(Begin, [String; 5]), [i64; 6]> = BTreeMap::new();
        let mut statement = self.conn.prepare_cached(&statement)?;
        let mut rows = statement.query(params_from_iter(&condition.values))?;
        while let Some(row) = rows.next()? {
            let counts = all.entry((cut.begin(row.get(0)?), cut.dims(row, 1)?)).or_default();
            for (at, count) in counts.iter_mut().enumerate() {
                *count += row.get::<_, i64>(6 + at)?;
            }
            few_enough(all.len())?;
        }
        Ok(all.into_iter().map(|((begin, dims), counts)| solved(cut.name(begin), dims, counts)).collect())
    }
}

fn few_enough(rows: usize) -> Read<()> {
    if rows <= ROWS_MAX {
        return Ok(());
    }
    let why = format!(
        "by: these are more than {ROWS_MAX} rows: ask for a shorter time, longer periods, or less apart"
    );
    Err(ViewsError::Request(why))
}

fn zone(name: &str) -> Read<Tz> {
    if name.is_empty() {
        return Ok(Tz::UTC);
    }
    let unknown = |_| ViewsError::Request(format!("zone: `{name}` is no IANA zone, such as `Asia/Jakarta`"));
    name.parse().map_err(unknown)
}

/// So many of so many, in thousandths; all of none.
fn permille(of: u32, all: u32) -> u32 {
    let parts = (u64::from(of) * 1_000).checked_div(u64::from(all)).unwrap_or(1_000);
    u32::try_from(parts).unwrap_or(1_000)
}

fn attained(period: String, (_, dims, clock): Key, kept: &Kept) -> api::SlaAttainment {
    let [started, met, breached, met_late, cancelled] = kept.counts.map(count);
    let [queue, priority, segment, agent, campaign] = dims;
    let [p50_ms, p90_ms, p95_ms, p99_ms] = [50, 90, 95, 99].map(|percent| kept.times.percentile(percent));
    let ended = kept.counts[1] + kept.counts[3];
    api::SlaAttainment {
        period,
        queue,
        priority,
        segment,
        agent,
        campaign,
        clock,
        started,
        met,
        breached,
        met_late,
        cancelled,
        running: count(kept.counts[0] - kept.counts[1] - kept.counts[2] - kept.counts[4]),
        elapsed_ms: kept.elapsed_ms,
        average_ms: kept.elapsed_ms.checked_div(ended).unwrap_or_default(),
        p50_ms,
        p90_ms,
        p95_ms,
        p99_ms,
        attained_permille: permille(met, met.saturating_add(breached)),
    }
}

fn solved(period: String, dims: [String; 5], counts: [i64; 6]) -> api::FirstContact {
    let [solved, at_first, came_back, moved, escalated, faults] = counts.map(count);
    let [queue, priority, segment, agent, campaign] = dims;
    let at_first_permille = permille(at_first, solved);
    api::FirstContact {
        period,
        queue,
        priority,
        segment,
        agent,
        campaign,
        solved,
        at_first,
        came_back,
        moved,
        escalated,
        faults,
        at_first_permille,
    }
}
