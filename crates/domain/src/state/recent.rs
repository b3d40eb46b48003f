//! What happened to whom lately, forgotten by age only.

use std::collections::VecDeque;

use super::map::Map;
use crate::stored::stored;
use crate::words::{Key, Millis, Name};

/// When something last happened to a key. What it was is a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recent {
    last: Map<(Key, Name), Millis>,
    /// Oldest first, with what happened again since.
    by_age: VecDeque<(Millis, Key, Name)>,
}

impl Recent {
    /// When this last happened to the key, as far as it is remembered.
    #[must_use]
    pub fn last(&self, key: Key, what: &Name) -> Option<Millis> {
        self.last.get(&(key, Name::clone(what))).copied()
    }

    /// It happened now.
    pub fn note(&mut self, at: Millis, key: Key, what: &Name) {
        if self.last.insert((key, Name::clone(what)), at) != Some(at) {
            self.by_age.push_back((at, key, Name::clone(what)));
        }
    }

    /// Forgets what last happened before `before`; at most a few a call, so that no input pays for a long silence.
    pub fn forget_before(&mut self, before: Millis) {
        for _ in 0..4 {
            match self.by_age.front() {
                Some((at, ..)) if *at < before => {}
                _ => return,
            }
            let Some((at, key, what)) = self.by_age.pop_front() else { return };
            let named = (key, what);
            if self.last.get(&named) == Some(&at) {
                self.last.remove(&named);
            }
        }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }
}

stored!(struct Recent { last, by_age });
