//! What the checker found: counts, violations and a verdict, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::Code;

/// One place where the log is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which way.
    pub code: Code,
    /// The invariant's number; 0: a promise of the shapes themselves.
    pub invariant: u8,
    /// Stream sequence of the record that shows it; for what is missing at the end, of what it is missing for.
    pub seq: u64,
    /// What is wrong there.
    pub sentence: String,
}

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seq {}: {}: {}", self.seq, self.code, self.sentence)
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records of both kinds.
    pub records: u64,
    /// Commits.
    pub commits: u64,
    /// Events.
    pub events: u64,
    /// Inputs on the log.
    pub inputs: u64,
    /// Inputs that no commit has judged to their end.
    pub unjudged: u64,
    /// Messages among the inputs, of every kind.
    pub messages: u64,
    /// Campaign contacts among the inputs.
    pub contacts: u64,
    /// Commands among the inputs.
    pub commands: u64,
    /// Inputs known as repeats.
    pub duplicates: u64,
    /// Inputs set aside.
    pub refused: u64,
    /// Commands rejected.
    pub rejected: u64,
    /// Cases opened.
    pub cases: u64,
    /// Times a case closed.
    pub closed: u64,
    /// Times a case was assigned.
    pub assignments: u64,
    /// Times a case was offered.
    pub offers: u64,
    /// Deliveries queued.
    pub deliveries: u64,
    /// Deliveries that the channel accepted.
    pub delivered: u64,
    /// Runs of SLA clocks.
    pub clocks: u64,
    /// SLA clocks that passed their deadline.
    pub breaches: u64,
    /// SLA deadlines that were computed again.
    pub deadlines_recomputed: u64,
    /// SLA deadlines that were not, because their calendar is not known here.
    pub deadlines_skipped: u64,
    /// Assignments and offers whose agent's capacity is not known here.
    pub capacity_unknown: u64,
    /// Entries of senders' journals that were looked up.
    pub acknowledged: u64,
    /// Entries of receivers' journals that were looked up.
    pub received: u64,
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Desk.
    pub desk: String,
    /// Whether no invariant is broken.
    pub holds: bool,
    /// Whether the desk was taken to have nothing left to do.
    pub quiescent: bool,
    /// How much was looked at.
    pub counts: Counts,
    /// Violations by code.
    pub totals: BTreeMap<Code, u64>,
    /// The first violations of each code, in the order they were found.
    pub violations: Vec<Violation>,
}

impl Report {
    /// How many violations there are of a code.
    #[must_use]
    pub fn total(&self, code: Code) -> u64 {
        self.totals.get(&code).copied().unwrap_or(0)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: u64 = self.totals.values().sum();
        match all {
            0 => writeln!(f, "verdict: holds")?,
            1 => writeln!(f, "verdict: broken: 1 violation")?,
            n => writeln!(f, "verdict: broken: {n} violations of {} kinds", self.totals.len())?,
        }
        write_counts(f, &self.desk, &self.counts)?;
        for (code, total) in &self.totals {
            writeln!(f, "  {code} ({total}, invariant {}): {}", code.invariant(), code.meaning())?;
        }
        for violation in &self.violations {
            writeln!(f, "  {violation}")?;
        }
        let hidden = all.saturating_sub(self.violations.len() as u64);
        if hidden > 0 {
            writeln!(f, "  … and {hidden} more")?;
        }
        Ok(())
    }
}

fn write_counts(f: &mut fmt::Formatter<'_>, desk: &str, n: &Counts) -> fmt::Result {
    writeln!(
        f,
        "desk {desk}: {} records, {} inputs ({} messages, {} contacts, {} commands), {} commits, {} events",
        n.records, n.inputs, n.messages, n.contacts, n.commands, n.commits, n.events
    )?;
    writeln!(
        f,
        "  inputs: {} repeats, {} set aside, {} rejected, {} not judged yet",
        n.duplicates, n.refused, n.rejected, n.unjudged
    )?;
    writeln!(
        f,
        "  cases: {} opened, {} closed; {} assignments, {} offers ({} without a known capacity)",
        n.cases, n.closed, n.assignments, n.offers, n.capacity_unknown
    )?;
    writeln!(
        f,
        "  deliveries: {} queued, {} delivered; journals: {} acknowledged, {} received",
        n.deliveries, n.delivered, n.acknowledged, n.received
    )?;
    writeln!(
        f,
        "  SLA: {} clocks, {} breached; deadlines: {} recomputed, {} skipped",
        n.clocks, n.breaches, n.deadlines_recomputed, n.deadlines_skipped
    )
}

/// Collects what the checks find; each is given the record that is being looked at.
#[derive(Debug)]
pub(crate) struct Findings {
    /// How much was looked at.
    pub(crate) counts: Counts,
    seq: u64,
    per_code: u64,
    totals: BTreeMap<Code, u64>,
    kept: Vec<Violation>,
}

impl Findings {
    /// Keeps at most so many violations of each code.
    pub(crate) fn new(per_code: u64) -> Self {
        Self { counts: Counts::default(), seq: 0, per_code, totals: BTreeMap::new(), kept: Vec::new() }
    }

    /// From here on, what is found is found in this record.
    pub(crate) fn look_at(&mut self, seq: u64) {
        self.seq = seq;
    }

    /// A violation in the record that is being looked at.
    pub(crate) fn broken(&mut self, code: Code, sentence: fmt::Arguments<'_>) {
        self.broken_at(code, self.seq, sentence);
    }

    /// A violation in another record.
    pub(crate) fn broken_at(&mut self, code: Code, seq: u64, sentence: fmt::Arguments<'_>) {
        let total = self.totals.entry(code).or_default();
        *total += 1;
        if *total <= self.per_code {
            let sentence = sentence.to_string();
            self.kept.push(Violation { code, invariant: code.invariant(), seq, sentence });
        }
    }

    /// Ends the check.
    pub(crate) fn report(self, desk: String, quiescent: bool) -> Report {
        let holds = self.totals.is_empty();
        Report { desk, holds, quiescent, counts: self.counts, totals: self.totals, violations: self.kept }
    }
}
