//! Waiting with deadlines.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longest wait for anything that takes a machine under load a moment.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How often something is looked at.
const POLL: Duration = Duration::from_millis(25);

/// Looks until there is something to see, at most [`DEADLINE`].
///
/// # Panics
/// When there never is; `what` says what was waited for.
pub async fn eventually<T>(what: impl Display, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(DEADLINE, what, look).await
}

/// Looks until there is something to see, at most this long.
///
/// # Panics
/// When there never is; `what` says what was waited for.
pub async fn within<T>(longest: Duration, what: impl Display, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < longest, "waited {longest:?} for {what}");
        sleep(POLL).await;
    }
}
