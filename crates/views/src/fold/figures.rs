//! Figures: how targets were kept and how many cases were solved at the first contact, in cells of a quarter of an hour
//! and what they are told apart by. What a clock or a case adds to its cell follows from its row alone; a change of the
//! row takes back what it added and adds what it now amounts to, so that every cell is the sum of the rows that lie in it.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, params, params_from_iter};
use simpang_proto::view::v1::CaseState;

use super::{CANCELLED, Done, Fold, MET, PAUSED, RUNNING};
use crate::row::{CaseRow, ClockRow, int};
use crate::times::Times;

/// Figures are counted by quarters of an hour of UTC: every zone's hours and days are made of whole ones.
pub(crate) const SLOT_MS: i64 = 900_000;

/// Most combinations kept in memory between transactions; beyond that they are looked up again.
const DIMS_MAX: usize = 4_096;

/// It counts: its agent solved it.
pub(super) const SOLVED: i64 = 1;
/// A second agent got it.
pub(super) const MOVED: i64 = 2;
/// It was escalated while or after an agent had it.
pub(super) const ESCALATED: i64 = 4;
/// A fault was reported on it.
pub(super) const FAULT: i64 = 8;
/// It came back after it was solved.
pub(super) const CAME_BACK: i64 = 16;
/// The last call reached nobody, so that whoever calls next is the first whom the customer speaks to.
pub(super) const MISSED: i64 = 32;

/// What figures are told apart by: queue, priority, segment, agent, campaign.
type Dim = [String; 5];

/// What is kept in memory between transactions.
#[derive(Debug, Default)]
pub(super) struct Dims(HashMap<Dim, i64>);

impl Dims {
    pub(super) fn trim(&mut self) {
        if self.0.len() > DIMS_MAX {
            self.0.clear();
        }
    }
}

/// What is to be added to cells at the end of the transaction.
#[derive(Debug, Default)]
pub(super) struct Added {
    clocks: BTreeMap<(i64, i64, i32), Runs>,
    cases: BTreeMap<(i64, i64), [i64; 6]>,
}

/// What runs of a clock amount to: started, met, breached, met late, cancelled; and the time of those that were met.
#[derive(Debug, Default)]
struct Runs {
    counts: [i64; 5],
    elapsed_ms: i64,
    times: Times,
}

impl Runs {
    fn add(&mut self, clock: &ClockRow, sign: i64) {
        let (met, breached) = (clock.state == MET, clock.breached);
        let cancelled = clock.state == CANCELLED && !breached;
        let now = [clock.runs > 0, met && !breached, breached, met && breached, cancelled];
        for (count, is) in self.counts.iter_mut().zip(now) {
            *count += sign * i64::from(is);
        }
        if met {
            self.elapsed_ms += sign * clock.elapsed_ms;
            self.times.add(clock.elapsed_ms, sign);
        }
    }

    fn is_nothing(&self) -> bool {
        self.counts == [0; 5] && self.elapsed_ms == 0 && self.times == Times::default()
    }
}

/// Whether a clock runs or stands still.
pub(super) fn is_live(clock: &ClockRow) -> bool {
    [RUNNING, PAUSED].contains(&clock.state)
}

impl Added {
    /// Adds what a clock amounts to, or with −1 takes it back.
    pub(super) fn clock(&mut self, clock: &ClockRow, sign: i64) {
        let cell = (clock.from_ms.div_euclid(SLOT_MS), clock.dim, clock.clock);
        self.clocks.entry(cell).or_default().add(clock, sign);
    }

    /// Adds what a case amounts to, or with −1 takes it back.
    pub(super) fn case(&mut self, row: &CaseRow, sign: i64) {
        if row.solved == 0 {
            return;
        }
        let is = |bit: i64| i64::from(row.solved & bit != 0);
        let now = [1, i64::from(row.solved == SOLVED), is(CAME_BACK), is(MOVED), is(ESCALATED), is(FAULT)];
        let cell = self.cases.entry((row.solved_ms.div_euclid(SLOT_MS), row.solved_dim)).or_default();
        for (count, is) in cell.iter_mut().zip(now) {
            *count += sign * is;
        }
    }
}

/// What a case is counted under: while it goes on by who holds it, at an end by who held it last.
fn dim_of(row: &CaseRow, ends: bool) -> Dim {
    let held = [CaseState::Assigned, CaseState::WaitingOnCustomer, CaseState::WaitingOnThirdParty];
    let holds = !row.assignee.is_empty() && held.iter().any(|state| *state as i32 == row.state);
    let agent = match (holds, ends) {
        (true, _) => row.assignee.clone(),
        (false, true) => row.handler.clone(),
        (false, false) => String::new(),
    };
    [row.queue.clone(), row.priority.clone(), row.segment.clone(), agent, row.campaign.clone()]
}

impl Fold<'_> {
    /// The number of what a case is counted under, which it is given when it is first needed.
    pub(super) fn dim(&mut self, case: u64, ends: bool) -> rusqlite::Result<i64> {
        let dim = dim_of(&self.case_entry(int(case))?.row, ends);
        if let Some(id) = self.memory.dims.0.get(&dim) {
            return Ok(*id);
        }
        let find = "SELECT id FROM dims WHERE queue = ? AND priority = ? AND segment = ? AND agent = ? AND campaign = ?";
        let found =
            self.conn.prepare_cached(find)?.query_row(params_from_iter(&dim), |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                let add =
                    "INSERT INTO dims (queue, priority, segment, agent, campaign) VALUES (?, ?, ?, ?, ?)";
                self.conn.prepare_cached(add)?.insert(params_from_iter(&dim))?
            }
        };
        self.memory.dims.0.insert(dim, id);
        Ok(id)
    }

    /// A case has another queue, priority, segment or holder: its runs that go on count there from now on.
    pub(super) fn regroup(&mut self, case: u64) -> Done {
        if !self.case_entry(int(case))?.clocks.values().any(is_live) {
            return Ok(());
        }
        let dim = self.dim(case, false)?;
        let Some(entry) = self.memory.cases.get_mut(&int(case)) else { return Ok(()) };
        for clock in entry.clocks.values_mut().filter(|clock| is_live(clock) && clock.dim != dim) {
            self.added.clock(clock, -1);
            clock.dim = dim;
            self.added.clock(clock, 1);
            entry.dirty_clocks = true;
        }
        Ok(())
    }

    /// Something happened in the course of a case that keeps it from having been solved at the first contact.
    pub(super) fn took(&mut self, case: u64, bit: i64) -> Done {
        let entry = self.case_entry(int(case))?;
        if bit == FAULT || !entry.row.handler.is_empty() {
            entry.row.course |= bit;
        }
        Ok(())
    }

    /// Its agent resolved it or closed it as done; it counts once.
    pub(super) fn solved(&mut self, at_ms: i64, case: u64) -> Done {
        let row = &self.case_entry(int(case))?.row;
        if row.solved != 0 || row.handler.is_empty() || row.course & MISSED != 0 {
            return Ok(());
        }
        let dim = self.dim(case, true)?;
        let Some(entry) = self.memory.cases.get_mut(&int(case)) else { return Ok(()) };
        entry.row.solved = SOLVED | entry.row.course;
        entry.row.solved_ms = at_ms;
        entry.row.solved_dim = dim;
        self.added.case(&entry.row, 1);
        Ok(())
    }

    /// It was reopened, or another case follows it.
    pub(super) fn came_back(&mut self, case: u64) -> Done {
        if case == 0 || self.case_entry(int(case))?.row.solved == 0 {
            return Ok(());
        }
        let Some(entry) = self.memory.cases.get_mut(&int(case)) else { return Ok(()) };
        self.added.case(&entry.row, -1);
        entry.row.solved |= CAME_BACK;
        self.added.case(&entry.row, 1);
        entry.dirty = true;
        Ok(())
    }

    pub(super) fn write_figures(&mut self) -> Done {
        let added = std::mem::take(&mut self.added);
        for (cell, runs) in added.clocks.into_iter().filter(|(_, runs)| !runs.is_nothing()) {
            self.write_runs(cell, runs)?;
        }
        let add = "INSERT INTO solved (slot, dim, cases, at_first, came_back, moved, escalated, faults)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET cases = cases + excluded.cases, at_first = at_first + excluded.at_first,
                came_back = came_back + excluded.came_back, moved = moved + excluded.moved,
                escalated = escalated + excluded.escalated, faults = faults + excluded.faults";
        for ((slot, dim), c) in added.cases.into_iter().filter(|(_, counts)| *counts != [0; 6]) {
            let values = params![slot, dim, c[0], c[1], c[2], c[3], c[4], c[5]];
            self.conn.prepare_cached(add)?.execute(values)?;
        }
        Ok(())
    }

    /// Adds to a cell; one that nothing lies in any more is no cell.
    fn write_runs(&mut self, (slot, dim, clock): (i64, i64, i32), mut runs: Runs) -> Done {
        let cell = params![slot, dim, clock];
        let find = "SELECT started, met, breached, met_late, cancelled, elapsed_ms, times FROM attainment
            WHERE slot = ? AND dim = ? AND clock = ?";
        let read = |row: &rusqlite::Row<'_>| {
            let counts: [i64; 5] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
            Ok((counts, row.get::<_, i64>(5)?, row.get::<_, Vec<u8>>(6)?))
        };
        let there = self.conn.prepare_cached(find)?.query_row(cell, read).optional()?;
        if let Some((counts, elapsed_ms, times)) = there {
            runs.counts.iter_mut().zip(counts).for_each(|(count, was)| *count += was);
            runs.elapsed_ms += elapsed_ms;
            runs.times.merge(&Times::decode(&times));
        }
        if runs.counts == [0; 5] {
            let gone = "DELETE FROM attainment WHERE slot = ? AND dim = ? AND clock = ?";
            self.conn.prepare_cached(gone)?.execute(cell)?;
            return Ok(());
        }
        let write = "INSERT OR REPLACE INTO attainment
            (slot, dim, clock, started, met, breached, met_late, cancelled, elapsed_ms, times)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let [started, met, breached, met_late, cancelled] = runs.counts;
        let times = runs.times.encode();
        let values =
            params![slot, dim, clock, started, met, breached, met_late, cancelled, runs.elapsed_ms, times];
        self.conn.prepare_cached(write)?.execute(values)?;
        Ok(())
    }
}
