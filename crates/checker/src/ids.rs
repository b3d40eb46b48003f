//! Identities as this crate compares, orders and prints them.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use simpang_proto::log::v1;

/// Identity of an input: stream sequence of its record, and index in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InputId {
    /// Stream sequence of the record.
    pub seq: u64,
    /// Index in the record.
    pub index: u32,
}

impl From<v1::InputId> for InputId {
    fn from(id: v1::InputId) -> Self {
        Self { seq: id.seq, index: id.index }
    }
}

impl Display for InputId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.seq, self.index)
    }
}

/// Identity of a delivery: the input that caused it, and which of that input's deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeliveryId {
    /// Stream sequence of the input's record.
    pub seq: u64,
    /// Index of the input in the record.
    pub index: u32,
    /// 0 for the first delivery of that input.
    pub part: u32,
}

impl DeliveryId {
    /// The input that caused it.
    #[must_use]
    pub fn input(self) -> InputId {
        InputId { seq: self.seq, index: self.index }
    }

    /// From the log's form; an absent one or one without its input is (0, 0, part), which no delivery has.
    pub(crate) fn of(id: Option<v1::DeliveryId>) -> Self {
        let id = id.unwrap_or_default();
        let input = id.input.unwrap_or_default();
        Self { seq: input.seq, index: input.index, part: id.part }
    }
}

impl Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}, {})", self.seq, self.index, self.part)
    }
}

/// How far a desk has judged. An input judged to its end (step 0 on the log) is further than any of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Decided {
    /// The last input that judging touched.
    pub(crate) input: InputId,
    /// Parts of it that are committed; `u32::MAX` when it is judged to its end.
    parts: u32,
}

impl Decided {
    /// Before the first input.
    pub(crate) const NOTHING: Self = Self { input: InputId { seq: 0, index: 0 }, parts: u32::MAX };

    /// From the log's form; an absent one is before the first input.
    pub(crate) fn of(position: Option<v1::Position>) -> Self {
        let Some(at) = position else { return Self::NOTHING };
        let parts = if at.step == 0 { u32::MAX } else { at.step };
        Self { input: InputId { seq: at.seq, index: at.index }, parts }
    }

    /// Whether the last input is judged to its end.
    pub(crate) fn at_end(self) -> bool {
        self.parts == u32::MAX
    }

    /// Whether this input is judged to its end.
    pub(crate) fn covers(self, input: InputId) -> bool {
        input < self.input || (input == self.input && self.at_end())
    }
}

impl Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = if self.at_end() { 0 } else { self.parts };
        write!(f, "({}, {}, {step})", self.input.seq, self.input.index)
    }
}
