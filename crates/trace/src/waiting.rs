//! Contexts of inputs between the record that brings them and the commit that judges them.

use std::collections::BTreeMap;

use crate::{Parent, parent};

/// Most that are kept; the oldest beyond are forgotten, which costs their spans and nothing else.
const PLACES_MAX: usize = 100_000;

/// An input's place on its desk's log: sequence and index.
pub type Place = (u64, u32);

/// Parents of spans about inputs that are not judged yet, by place. Empty while spans go nowhere.
#[derive(Debug, Default)]
pub struct Waiting {
    by_place: BTreeMap<Place, Parent>,
}

impl Waiting {
    /// Takes in the context of an input that stands on the log.
    pub fn arrive(&mut self, place: Place, traceparent: &str) {
        let Some(parent) = parent(traceparent) else { return };
        self.by_place.insert(place, parent);
        if self.by_place.len() > PLACES_MAX {
            self.by_place.pop_first();
        }
    }

    /// The parent of an input that is judged now.
    pub fn take(&mut self, place: Place) -> Option<Parent> {
        self.by_place.remove(&place)
    }

    /// All that stand before a place, in order.
    pub fn take_before(&mut self, place: Place) -> BTreeMap<Place, Parent> {
        let rest = self.by_place.split_off(&place);
        std::mem::replace(&mut self.by_place, rest)
    }
}
