//! How long to wait before asking again, as X documents it: a broken connection 250 ms more each time up to 16 s, an
//! error of the server 5 s doubling up to 320 s, a limit until its end or 60 s doubling, a refusal ten minutes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;

/// After an answer that trying again can't mend: somebody has to change a setting.
const REFUSED: Duration = Duration::from_secs(600);
/// Longest wait for the end of a limit that is believed.
const LIMIT_MAX: Duration = Duration::from_secs(3_600);

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No connection, or one that broke, or an answer that could not be read.
    Network,
    /// 5xx.
    Server,
    /// 429, with the wait that the answer names.
    Limited(Option<Duration>),
    /// Any other answer that is no success, with its status.
    Refused(u16),
}

impl Trouble {
    /// The label of a counter.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Network | Self::Server => "failed",
            Self::Limited(_) => "limited",
            Self::Refused(_) => "refused",
        }
    }
}

/// Counts troubles in a row. `unit` is 1 s; tests take less.
#[derive(Debug)]
pub(super) struct Pace {
    unit: Duration,
    network: u32,
    server: u32,
    limited: u32,
}

impl Pace {
    pub(super) fn new(unit: Duration) -> Self {
        Self { unit, network: 0, server: 0, limited: 0 }
    }

    /// An answer came that is one.
    pub(super) fn worked(&mut self) {
        (self.network, self.server, self.limited) = (0, 0, 0);
    }

    /// How long to wait after this trouble.
    pub(super) fn after(&mut self, trouble: Trouble) -> Duration {
        match trouble {
            Trouble::Network => {
                self.network += 1;
                (self.unit / 4).saturating_mul(self.network).min(self.unit * 16)
            }
            Trouble::Server => {
                self.server += 1;
                (self.unit * 5).saturating_mul(1 << (self.server - 1).min(6)).min(self.unit * 320)
            }
            Trouble::Limited(until) => {
                self.limited += 1;
                until.unwrap_or((self.unit * 60).saturating_mul(1 << (self.limited - 1).min(4)))
            }
            Trouble::Refused(_) => REFUSED.min(self.unit * 600),
        }
    }
}

/// The wait that a limit's header fields name: seconds from now, or the second of its end.
pub(super) fn limit_ends(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let after = number("retry-after").map(Duration::from_secs);
    let until = number("x-rate-limit-reset").map(|reset| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_secs(reset).saturating_sub(now)
    });
    after.or(until).map(|wait| wait.min(LIMIT_MAX))
}

/// Whether the answer says that no more questions are left for now.
pub(super) fn is_used_up(headers: &HeaderMap) -> bool {
    headers.get("x-rate-limit-remaining").is_some_and(|left| left.as_bytes() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_as_the_channel_asks_and_begin_anew_after_a_success() {
        let mut pace = Pace::new(Duration::from_secs(1));
        let ms = |pace: &mut Pace, trouble| pace.after(trouble).as_millis();
        assert_eq!(ms(&mut pace, Trouble::Network), 250);
        assert_eq!(ms(&mut pace, Trouble::Network), 500);
        assert_eq!(ms(&mut pace, Trouble::Server), 5_000);
        assert_eq!(ms(&mut pace, Trouble::Server), 10_000);
        assert_eq!(ms(&mut pace, Trouble::Limited(None)), 60_000);
        assert_eq!(ms(&mut pace, Trouble::Limited(Some(Duration::from_secs(7)))), 7_000);
        for _ in 0..100 {
            assert!(ms(&mut pace, Trouble::Network) <= 16_000);
            assert!(ms(&mut pace, Trouble::Server) <= 320_000);
        }
        pace.worked();
        assert_eq!(ms(&mut pace, Trouble::Network), 250);
    }

    #[test]
    fn a_limit_ends_when_its_header_says() {
        let mut headers = HeaderMap::new();
        assert_eq!(limit_ends(&headers), None);
        headers.insert("x-rate-limit-reset", "1".parse().unwrap());
        assert_eq!(limit_ends(&headers), Some(Duration::ZERO));
        headers.insert("retry-after", "30".parse().unwrap());
        assert_eq!(limit_ends(&headers), Some(Duration::from_secs(30)));
        headers.insert("x-rate-limit-remaining", "0".parse().unwrap());
        assert!(is_used_up(&headers));
    }
}
