//! Calendars, as far as deadlines need them. The policy's own calendars are not read here; a caller who has them
//! hands them in.

use std::collections::BTreeSet;
use std::fmt::Debug;

/// Working time by name of calendar.
pub trait Calendars: Debug + Send {
    /// When `work_ms` of working time have passed since `from_ms`, ms since 1970 UTC; `None` for a calendar that is
    /// not known, whose deadlines then are not checked. `work_ms` is above 0.
    fn deadline(&self, calendar: &str, from_ms: i64, work_ms: i64) -> Option<i64>;
}

/// Calendars in which all time is working time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundTheClock {
    names: BTreeSet<String>,
}

impl RoundTheClock {
    /// Those with these names.
    #[must_use]
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self { names: names.into_iter().map(Into::into).collect() }
    }
}

impl Default for RoundTheClock {
    /// The one that is called `24x7`.
    fn default() -> Self {
        Self::new(["24x7"])
    }
}

impl Calendars for RoundTheClock {
    fn deadline(&self, calendar: &str, from_ms: i64, work_ms: i64) -> Option<i64> {
        self.names.contains(calendar).then(|| from_ms.saturating_add(work_ms))
    }
}
