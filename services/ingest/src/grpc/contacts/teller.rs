//! Verdicts in the API's words, counted.

use simpang_log::DeskName;
use simpang_proto::ingest::v1 as api;

use crate::contacts::Verdict;
use crate::messages;

/// Puts verdicts into the API's words and counts them.
pub(super) struct Teller {
    desk: DeskName,
    told: u64,
    totals: api::LoadTotals,
}

impl Teller {
    pub(super) fn new(desk: DeskName) -> Self {
        Self { desk, told: 0, totals: api::LoadTotals::default() }
    }

    pub(super) fn totals(&self) -> api::LoadTotals {
        self.totals.clone()
    }

    /// A verdict. For a list that came as rows their number counts, not the line, and each gets a verdict.
    pub(super) fn tell(&mut self, verdict: Verdict, by_row: bool) -> Vec<api::RowVerdict> {
        let number = |line: u64| if by_row { line.saturating_sub(1) } else { line };
        let line = number(verdict.line());
        let mut rows = if by_row { self.blank_before(line) } else { Vec::new() };
        let row = match verdict {
            Verdict::Accepted { key, remark, place, .. } => {
                self.totals.accepted += 1;
                self.totals.last = Some(messages::place(&self.desk, place));
                self.verdict(line, api::RowOutcome::Accepted, key, remark)
            }
            Verdict::Duplicate { of_line, .. } => {
                self.totals.duplicate += 1;
                let what = if by_row { "row" } else { "line" };
                let reason = format!("the same contact as on {what} {}", number(of_line));
                self.verdict(line, api::RowOutcome::Duplicate, String::new(), reason)
            }
            Verdict::Suppressed { reason, .. } => {
                self.totals.suppressed += 1;
                self.verdict(line, api::RowOutcome::Suppressed, String::new(), reason)
            }
            Verdict::Invalid { reason, .. } => self.invalid(line, reason),
        };
        rows.push(row);
        rows
    }

    /// Verdicts for rows without any cell, which stand as blank lines in the list.
    pub(super) fn blank_before(&mut self, number: u64) -> Vec<api::RowVerdict> {
        (self.told + 1..number).map(|blank| self.invalid(blank, "the row has no cells".to_owned())).collect()
    }

    fn invalid(&mut self, number: u64, reason: String) -> api::RowVerdict {
        self.totals.invalid += 1;
        self.verdict(number, api::RowOutcome::Invalid, String::new(), reason)
    }

    fn verdict(
        &mut self,
        number: u64,
        outcome: api::RowOutcome,
        key: String,
        reason: String,
    ) -> api::RowVerdict {
        self.told = number;
        self.totals.rows += 1;
        api::RowVerdict { line: number, outcome: outcome.into(), key, reason }
    }
}
