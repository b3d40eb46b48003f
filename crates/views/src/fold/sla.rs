//! SLA clocks of cases.

use simpang_proto::log::v1 as log;

use super::figures::is_live;
use super::{At, Done, Fold};
use crate::row::{ClockRow, int};

/// A clock runs.
pub(crate) const RUNNING: i32 = 1;
/// A clock stands still.
pub(crate) const PAUSED: i32 = 2;
/// A clock was stopped by what it waited for.
pub(crate) const MET: i32 = 3;
/// A clock no longer applies.
pub(crate) const CANCELLED: i32 = 4;

impl Fold<'_> {
    /// A new run. One that it takes the place of, from the same beginning and before that had breached, no longer counts.
    pub(super) fn sla_started(&mut self, at: At, e: &log::SlaStarted) -> Done {
        let from_ms = if e.from_ms == 0 { at.at_ms } else { e.from_ms };
        let known = self.case_entry(int(e.case))?.clocks.get(&e.clock).cloned();
        let runs = known.as_ref().map_or(0, |clock| clock.runs);
        let same = |was: &ClockRow| was.from_ms == from_ms && was.ended_ms == at.at_ms && !was.breached;
        if let Some(was) = known.filter(|was| was.state == CANCELLED && same(was)) {
            self.added.clock(&was, -1);
        }
        let new = ClockRow {
            case_id: int(e.case),
            clock: e.clock,
            state: RUNNING,
            sla: e.sla.clone(),
            calendar: e.calendar.clone(),
            target_ms: e.target_ms,
            started_ms: at.at_ms,
            deadline_ms: e.deadline_ms,
            runs: runs + 1,
            from_ms,
            dim: self.dim(e.case, false)?,
            ..ClockRow::default()
        };
        self.added.clock(&new, 1);
        self.set_clock(at, e.case, new)
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
            clock.breached |= e.late;
        })
    }

    pub(super) fn sla_warned(&mut self, at: At, e: &log::SlaWarned) -> Done {
        self.clock(at, e.case, e.clock, |clock| clock.warned = clock.warned.max(i64::from(e.percent)))
    }

    pub(super) fn sla_breached(&mut self, at: At, e: &log::SlaBreached) -> Done {
        self.clock(at, e.case, e.clock, |clock| clock.breached = true)
    }

    pub(super) fn sla_cancelled(&mut self, at: At, e: &log::SlaCancelled) -> Done {
        self.clock(at, e.case, e.clock, |clock| {
            clock.state = CANCELLED;
            clock.ended_ms = at.at_ms;
        })
    }

    /// Changes a run of a clock, and what it adds to the figures. One that the log never started counts as nothing.
    fn clock(&mut self, at: At, case: u64, clock: i32, change: impl FnOnce(&mut ClockRow)) -> Done {
        let known = self.case_entry(int(case))?.clocks.get(&clock).cloned();
        let new = || ClockRow { case_id: int(case), clock, from_ms: at.at_ms, ..ClockRow::default() };
        let mut run = known.unwrap_or_else(new);
        if run.runs > 0 {
            self.added.clock(&run, -1);
        }
        change(&mut run);
        if run.runs > 0 {
            run.dim = self.dim(case, !is_live(&run))?;
            self.added.clock(&run, 1);
        }
        self.set_clock(at, case, run)
    }

    /// Keeps a clock, and what its case shows of its clocks.
    fn set_clock(&mut self, at: At, case: u64, clock: ClockRow) -> Done {
        self.changes.sla = true;
        self.case(at, case)?;
        let entry = self.case_entry(int(case))?;
        entry.dirty_clocks = true;
        entry.clocks.insert(clock.clock, clock);
        let running = || entry.clocks.values().filter(|clock| clock.state == RUNNING);
        entry.row.deadline_ms = running().map(|clock| clock.deadline_ms).min().unwrap_or_default();
        entry.row.breached = running().any(|clock| clock.breached);
        Ok(())
    }
}
