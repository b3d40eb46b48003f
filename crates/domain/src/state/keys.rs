//! Idempotency keys: what was judged already, forgotten by age only.

use std::collections::{BTreeMap, VecDeque};

use super::map::Map;
use crate::stored::stored;
use crate::words::{CaseId, InputId, Key, Millis, Name};

/// What is known of a judged input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Where it stands.
    pub input: InputId,
    /// The case it ended on.
    pub case: Option<CaseId>,
    /// It was refused.
    pub was_rejected: bool,
}

/// The same in less room: there are more of them than of anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    seq: u64,
    /// 0: none.
    case: u64,
    index: u32,
    was_rejected: bool,
}

impl From<Known> for Kept {
    fn from(known: Known) -> Self {
        let InputId { seq, index } = known.input;
        Self { seq, index, case: known.case.map_or(0, |case| case.0), was_rejected: known.was_rejected }
    }
}

impl From<Kept> for Known {
    fn from(kept: Kept) -> Self {
        let input = InputId { seq: kept.seq, index: kept.index };
        Self { input, case: (kept.case != 0).then_some(CaseId(kept.case)), was_rejected: kept.was_rejected }
    }
}

/// Keys of judged inputs, oldest first for forgetting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyMemory {
    known: Map<Key, Kept>,
    by_age: VecDeque<(Millis, Key)>,
    /// Keys of contacts, as long as their campaign lives.
    by_campaign: BTreeMap<Name, Vec<Key>>,
}

impl KeyMemory {
    /// What is known under a key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Known> {
        self.known.get(key).map(|kept| Known::from(*kept))
    }

    /// Remembers an input from now on.
    pub fn remember(&mut self, at: Millis, key: Key, known: Known) {
        if self.known.insert(key, known.into()).is_none() {
            self.by_age.push_back((at, key));
        }
    }

    /// Remembers a contact as long as its campaign lives.
    pub fn keep(&mut self, campaign: &Name, key: Key, known: Known) {
        if self.known.insert(key, known.into()).is_none() {
            self.by_campaign.entry(campaign.clone()).or_default().push(key);
        }
    }

    /// Forgets the contacts of campaigns that are over.
    pub fn forget_campaigns(&mut self, lives: impl Fn(&str) -> bool) {
        let over: Vec<Name> = self.by_campaign.keys().filter(|c| !lives(c)).cloned().collect();
        for key in over.iter().filter_map(|c| self.by_campaign.remove(c)).flatten() {
            self.known.remove(&key);
        }
    }

    /// Forgets what is older than `before`; at most a few a call, so that no input pays for a long silence.
    pub fn forget_before(&mut self, before: Millis) {
        for _ in 0..4 {
            match self.by_age.front() {
                Some((at, key)) if *at < before => {
                    self.known.remove(key);
                    self.by_age.pop_front();
                }
                _ => return,
            }
        }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

stored!(struct Kept { seq, case, index, was_rejected });
stored!(struct KeyMemory { known, by_age, by_campaign });
