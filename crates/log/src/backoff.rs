//! Waiting between attempts to reach the log again: short at first, doubling, bounded. Keeps the time of the next
//! attempt, so that a caller who drops the waiting future (a `select!`) neither shortens nor stretches the wait.

use std::time::Duration;

use tokio::time::Instant;

/// A restarted broker answers within tens of milliseconds; waiting less would only spin.
const FIRST: Duration = Duration::from_millis(50);
/// Long enough to be no load on a broker that is down, short enough that people don't notice its return late.
const LONGEST: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Backoff {
    step: Duration,
    until: Option<Instant>,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { step: FIRST, until: None }
    }

    /// Notes a failed attempt: the next one waits.
    pub(crate) fn failed(&mut self) {
        self.until = Some(Instant::now() + self.step);
        self.step = (self.step * 2).min(LONGEST);
    }

    /// Notes that it works again.
    pub(crate) fn worked(&mut self) {
        *self = Self::new();
    }

    /// Waits until the next attempt is due.
    pub(crate) async fn due(&mut self) {
        if let Some(until) = self.until {
            tokio::time::sleep_until(until).await;
            self.until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new();
        let steps: Vec<Duration> = (0..8)
            .map(|_| {
                let step = backoff.step;
                backoff.failed();
                step
            })
            .collect();
        assert_eq!(steps[..3], [FIRST, FIRST * 2, FIRST * 4]);
        assert_eq!(steps[7], LONGEST);
        backoff.worked();
        assert_eq!(backoff.step, FIRST);
    }
}
