//! Values of which "none" takes no room of its own: an open case has several.

use std::fmt;
use std::num::NonZeroU32;

use crate::stored::{Damaged, Reader, Shape, Stored, Writer};
use crate::words::Millis;

/// A place in a list that is never so long that its number, counted from one, would not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ix(NonZeroU32);

impl Ix {
    /// The place that follows as many others.
    pub(super) fn after(others: usize) -> Self {
        let place = u32::try_from(others).ok().and_then(|others| NonZeroU32::MIN.checked_add(others));
        Self(place.expect("fewer than four thousand million"))
    }

    /// How many places are before it.
    pub(super) fn at(self) -> usize {
        (self.0.get() - 1) as usize
    }
}

impl Stored for Ix {
    fn shape(shape: &mut Shape) {
        u32::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        (self.0.get() - 1).store(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let others = u32::load(from)?;
        NonZeroU32::MIN.checked_add(others).map(Self).ok_or_else(|| from.damaged("place"))
    }
}

/// A time, or none. The earliest that there is stands for none, which is before everything that can happen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Moment(Millis);

impl Moment {
    /// None.
    pub const NONE: Self = Self(Millis::MIN);

    /// The time, if there is one.
    #[must_use]
    pub fn get(self) -> Option<Millis> {
        (self != Self::NONE).then_some(self.0)
    }

    /// The time, if there is one, which leaves none.
    pub fn take(&mut self) -> Option<Millis> {
        std::mem::replace(self, Self::NONE).get()
    }
}

impl Default for Moment {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<Option<Millis>> for Moment {
    fn from(at: Option<Millis>) -> Self {
        at.map_or(Self::NONE, |at| Self(at.max(Millis::MIN + 1)))
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl Stored for Moment {
    fn shape(shape: &mut Shape) {
        Option::<Millis>::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        self.get().store(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Option::load(from).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ix, Moment};

    #[test]
    fn a_moment_is_a_time_or_none() {
        for at in [None, Some(0), Some(-1), Some(i64::MAX), Some(i64::MIN + 1)] {
            let mut moment = Moment::from(at);
            assert_eq!((moment.get(), moment.take(), moment.get()), (at, at, None));
        }
        assert_eq!(Moment::default(), Moment::NONE);
        assert!(Moment::from(Some(i64::MIN)).get().is_some(), "a time stays one");
    }

    #[test]
    fn places_count_from_none_before_them() {
        for others in [0, 1, 4_000_000_000] {
            assert_eq!(Ix::after(others).at(), others);
        }
        assert!(Ix::after(3) < Ix::after(4) && size_of::<Option<Ix>>() == 4);
    }
}
