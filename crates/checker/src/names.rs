//! Names as small numbers, so that millions of cases compare and hash quickly.

use std::collections::HashMap;

/// A name, or a set of names, by number.
pub(crate) type NameNo = u32;

/// All names seen so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<String, NameNo>,
    texts: Vec<String>,
    set_numbers: HashMap<Vec<NameNo>, NameNo>,
    sets: Vec<Vec<NameNo>>,
}

impl Names {
    /// The number of a name.
    pub(crate) fn of(&mut self, name: &str) -> NameNo {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = number(self.texts.len());
        self.numbers.insert(name.to_owned(), number);
        self.texts.push(name.to_owned());
        number
    }

    /// The number of a name that was seen.
    pub(crate) fn find(&self, name: &str) -> Option<NameNo> {
        self.numbers.get(name).copied()
    }

    /// A name by number.
    pub(crate) fn text(&self, number: NameNo) -> &str {
        self.texts.get(number as usize).map_or("?", String::as_str)
    }

    /// The number of a set of names.
    pub(crate) fn set_of(&mut self, names: &[String]) -> NameNo {
        let mut set: Vec<NameNo> = names.iter().map(|name| self.of(name)).collect();
        set.sort_unstable();
        set.dedup();
        let next = number(self.sets.len());
        let sets = &mut self.sets;
        *self.set_numbers.entry(set).or_insert_with_key(|set| {
            sets.push(set.clone());
            next
        })
    }

    /// A set by number.
    pub(crate) fn set(&self, number: NameNo) -> &[NameNo] {
        self.sets.get(number as usize).map_or(&[], Vec::as_slice)
    }
}

fn number(length: usize) -> NameNo {
    NameNo::try_from(length).expect("fewer than 2^32 names fit into memory")
}
