//! What a whole run shares: its time, its chance, its trace.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::dice::Dice;
use crate::fault::{Fault, Faults};

/// When every run begins, ms since 1970 UTC: 2026-01-05 03:00.
const BEGIN_MS: i64 = 1_767_582_000_000;

/// Time, chance and trace of a run.
#[derive(Debug)]
pub(crate) struct World {
    begun: Instant,
    /// Faults are over; what is on its way comes to its end.
    calm: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    dice: Dice,
    faults: Faults,
    trace: Trace,
    violations: Vec<String>,
}

#[derive(Debug)]
struct Trace {
    digest: Sha256,
    lines: Option<Vec<String>>,
    line: String,
}

impl World {
    pub(crate) fn new(seed: u64, keep_lines: bool) -> Self {
        let trace = Trace { digest: Sha256::new(), lines: keep_lines.then(Vec::new), line: String::new() };
        let state = State { dice: Dice::new(seed), faults: Faults::default(), trace, violations: Vec::new() };
        Self { begun: Instant::now(), calm: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// Now, ms since 1970 UTC.
    pub(crate) fn now_ms(&self) -> i64 {
        BEGIN_MS + i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX / 2)
    }

    /// 0 to `n` - 1.
    pub(crate) fn below(&self, n: u64) -> u64 {
        self.state().dice.below(n)
    }

    /// True this many times in a thousand.
    pub(crate) fn chance(&self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// A time between these, ms.
    pub(crate) fn between(&self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_millis(from_ms + self.below(to_ms.saturating_sub(from_ms) + 1))
    }

    /// One of these.
    pub(crate) fn one_of<T: Clone>(&self, all: &[T]) -> Option<T> {
        let at = usize::try_from(self.below(all.len() as u64)).unwrap_or(0);
        all.get(at).cloned()
    }

    /// Whether faults happen now.
    pub(crate) fn is_storm(&self) -> bool {
        !self.calm.load(Ordering::Relaxed)
    }

    /// No more faults, no more work.
    pub(crate) fn calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// A line of the trace.
    pub(crate) fn note(&self, who: &str, what: fmt::Arguments<'_>) {
        let at = self.now_ms() - BEGIN_MS;
        let trace = &mut self.state().trace;
        trace.line.clear();
        // Writing to a String can't fail.
        let _ = writeln!(trace.line, "{at:>7} {who}: {what}");
        trace.digest.update(trace.line.as_bytes());
        if let Some(lines) = &mut trace.lines {
            lines.push(trace.line.trim_end().to_owned());
        }
    }

    /// A fault happens.
    pub(crate) fn fault(&self, fault: Fault, who: &str) {
        self.state().faults.count(fault);
        self.note(who, format_args!("{}", fault.as_str()));
    }

    /// Something that must not be.
    pub(crate) fn violation(&self, what: String) {
        self.note("judge", format_args!("{what}"));
        self.state().violations.push(what);
    }

    pub(crate) fn faults(&self) -> Faults {
        self.state().faults.clone()
    }

    /// The trace's digest, its lines if they were kept, and what must not be.
    pub(crate) fn end(&self) -> (String, Vec<String>, Vec<String>) {
        let state = &mut *self.state();
        let digest = hex::encode(state.trace.digest.clone().finalize());
        (digest, state.trace.lines.take().unwrap_or_default(), std::mem::take(&mut state.violations))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
