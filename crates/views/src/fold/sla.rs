//! SLA clocks of cases, and how targets were kept.

use rusqlite::params;
use simpang_proto::log::v1 as log;

use super::{At, Done, Fold};
use crate::row::{ClockRow, int};

/// Attainment is counted by quarters of an hour of UTC: every zone's days are made of whole ones.
pub(crate) const SLOT_MS: i64 = 900_000;

/// A clock runs.
pub(crate) const RUNNING: i32 = 1;
/// A clock stands still.
pub(crate) const PAUSED: i32 = 2;
/// A clock was stopped by what it waited for.
pub(crate) const MET: i32 = 3;
/// A clock no longer applies.
pub(crate) const CANCELLED: i32 = 4;

/// One cell of the attainment table: slot, queue, priority, clock.
pub(super) type Cell = (i64, String, String, i32);

/// What is counted in a cell.
#[derive(Debug, Default)]
pub(super) struct Counts {
    started: i64,
    met: i64,
    breached: i64,
    met_late: i64,
    cancelled: i64,
    elapsed_ms: i64,
}

impl Fold<'_> {
    pub(super) fn sla_started(&mut self, at: At, e: &log::SlaStarted) -> Done {
        self.clock(at, e.case, e.clock, |clock| {
            *clock = ClockRow {
                case_id: clock.case_id,
                clock: clock.clock,
                state: RUNNING,
                sla: e.sla.clone(),
                calendar: e.calendar.clone(),
                target_ms: e.target_ms,
                started_ms: at.at_ms,
                deadline_ms: e.deadline_ms,
                runs: clock.runs + 1,
                ..ClockRow::default()
            };
        })?;
        self.count(at, e.case, e.clock, |counts| counts.started += 1)
    }

    pub(super) fn sla_paused(&mut self, at: At, e: &log::SlaPaused) -> Done {
        self.clock(at, e.case, e.clock, |clock| {
            clock.state = PAUSED;
            clock.remaining_ms = e.remaining_ms;
            clock.deadline_ms = 0;
        })
    }

    pub(super) fn sla_resumed(&mut self, at: At, e: &log::SlaResumed) -> Done {
        self.clock(at, e.case, e.clock, |clock| {
            clock.state = RUNNING;
            clock.remaining_ms = 0;
            clock.deadline_ms = e.deadline_ms;
        })
    }

    pub(super) fn sla_met(&mut self, at: At, e: &log::SlaMet) -> Done {
        self.clock(at, e.case, e.clock, |clock| {
            clock.state = MET;
            clock.elapsed_ms = e.elapsed_ms;
            clock.ended_ms = at.at_ms;
        })?;
        self.count(at, e.case, e.clock, |counts| {
            *(if e.late { &mut counts.met_late } else { &mut counts.met }) += 1;
            counts.elapsed_ms += e.elapsed_ms;
        })
    }

    pub(super) fn sla_warned(&mut self, at: At, e: &log::SlaWarned) -> Done {
        self.clock(at, e.case, e.clock, |clock| clock.warned = clock.warned.max(i64::from(e.percent)))
    }

    pub(super) fn sla_breached(&mut self, at: At, e: &log::SlaBreached) -> Done {
        self.clock(at, e.case, e.clock, |clock| clock.breached = true)?;
        self.count(at, e.case, e.clock, |counts| counts.breached += 1)
    }

    pub(super) fn sla_cancelled(&mut self, at: At, e: &log::SlaCancelled) -> Done {
        let mut late = false;
        self.clock(at, e.case, e.clock, |clock| {
            late = clock.breached;
            clock.state = CANCELLED;
            clock.ended_ms = at.at_ms;
        })?;
        if late {
            return Ok(());
        }
        self.count(at, e.case, e.clock, |counts| counts.cancelled += 1)
    }

    /// Changes one clock, and what its case shows of its clocks.
    fn clock(&mut self, at: At, case: u64, clock: i32, change: impl FnOnce(&mut ClockRow)) -> Done {
        self.changes.sla = true;
        self.case(at, case)?;
        let entry = self.case_entry(int(case))?;
        entry.dirty_clocks = true;
        let new = || ClockRow { case_id: int(case), clock, ..ClockRow::default() };
        change(entry.clocks.entry(clock).or_insert_with(new));
        let running = || entry.clocks.values().filter(|clock| clock.state == RUNNING);
        entry.row.deadline_ms = running().map(|clock| clock.deadline_ms).min().unwrap_or_default();
        entry.row.breached = running().any(|clock| clock.breached);
        Ok(())
    }

    fn count(&mut self, at: At, case: u64, clock: i32, change: impl FnOnce(&mut Counts)) -> Done {
        let row = &self.case_entry(int(case))?.row;
        let cell = (at.at_ms.div_euclid(SLOT_MS), row.queue.clone(), row.priority.clone(), clock);
        change(self.counts.entry(cell).or_default());
        Ok(())
    }

    pub(super) fn write_counts(&mut self) -> Done {
        let statement = "INSERT INTO attainment
            (slot, queue, priority, clock, started, met, breached, met_late, cancelled, elapsed_ms)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET started = started + excluded.started, met = met + excluded.met,
                breached = breached + excluded.breached, met_late = met_late + excluded.met_late,
                cancelled = cancelled + excluded.cancelled, elapsed_ms = elapsed_ms + excluded.elapsed_ms";
        for ((slot, queue, priority, clock), c) in std::mem::take(&mut self.counts) {
            let values = params![
                slot,
                queue,
                priority,
                clock,
                c.started,
                c.met,
                c.breached,
                c.met_late,
                c.cancelled,
                c.elapsed_ms
            ];
            self.conn.prepare_cached(statement)?.execute(values)?;
        }
        Ok(())
    }
}
