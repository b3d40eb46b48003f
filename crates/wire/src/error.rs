//! What could not be read, and where in it.

use std::borrow::Cow;
use std::fmt;

/// A message of the log that is not as its `.proto` says. Names fields and positions, never values that came from
/// outside other than numbers, so that it can stand on the log and in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    place: String,
    what: Cow<'static, str>,
}

impl ReadError {
    /// Something is wrong at this place.
    #[must_use]
    pub fn new(place: impl Into<String>, what: impl Into<Cow<'static, str>>) -> Self {
        Self { place: place.into(), what: what.into() }
    }

    /// The same, seen from the message around it.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        let joint = if self.place.is_empty() || self.place.starts_with('[') { "" } else { "." };
        self.place.insert_str(0, joint);
        self.place.insert_str(0, outer);
        self
    }

    /// The same, seen from the list around it.
    #[must_use]
    pub fn in_list(self, list: &str, index: usize) -> Self {
        self.within(&format!("{list}[{index}]"))
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl std::error::Error for ReadError {}
