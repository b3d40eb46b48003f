//! This machine's clock. Nothing is decided by it: it only says for how long a process may sleep.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a process has the time of day from, ms since 1970 UTC: the machine, unless somebody says otherwise.
#[derive(Clone, Default)]
pub struct WallClock(Option<Arc<dyn Fn() -> i64 + Send + Sync>>);

impl WallClock {
    /// A clock of the caller's, ms since 1970 UTC.
    #[must_use]
    pub fn of(ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(ms)))
    }

    /// The time of day, ms since 1970 UTC.
    #[must_use]
    pub fn ms(&self) -> i64 {
        self.0.as_ref().map_or_else(system_ms, |clock| clock())
    }
}

impl Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "WallClock(given)" } else { "WallClock(machine)" })
    }
}

/// The system's clock, which only the edges of the program may read.
pub(crate) fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::WallClock;

    #[test]
    fn a_clock_that_was_given_is_the_one_that_is_read() {
        assert_eq!(WallClock::of(|| 7).ms(), 7);
        assert!(WallClock::default().ms() > 1_700_000_000_000);
    }
}
