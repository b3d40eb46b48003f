//! Remembers what the rules said of each combination of the facts they read. It can't change an answer, only how long
//! it takes; it is bounded, and what was not asked for a while goes first.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use simpang_domain::rules::Classification;

use crate::condition::slot::Filled;

/// Combinations of each generation; there are two, so twice as many are remembered at most.
const GENERATION_MAX: usize = 8_192;

/// Texts of a key together, bytes; longer ones are not remembered.
const KEY_BYTES_MAX: usize = 2_048;

/// Combinations of one hash that are remembered, so that a search stays short whoever chose the facts.
const SAME_HASH_MAX: usize = 8;

type Key = Box<[Filled<'static>]>;
type Table = HashMap<u64, Vec<(Key, Arc<Classification>)>, BuildHasherDefault<AsIs>>;

/// The memory. Counts how often the rules really ran.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    young: Table,
    old: Table,
    evaluations: u64,
}

impl Memo {
    /// What was said of this combination, or else what the rules say now.
    pub(crate) fn get_or(
        &self,
        filled: Vec<Filled<'_>>,
        rules: impl FnOnce(&[Filled<'_>]) -> Classification,
    ) -> Classification {
        let hash = hash_of(&filled);
        if let Some(found) = self.lock().find(hash, &filled) {
            return (*found).clone();
        }
        let said = Arc::new(rules(&filled));
        let mut tables = self.lock();
        tables.evaluations += 1;
        if bytes_of(&filled) <= KEY_BYTES_MAX {
            let key = filled.into_iter().map(Filled::into_owned).collect();
            tables.add(hash, key, said.clone());
        }
        drop(tables);
        Arc::unwrap_or_clone(said)
    }

    /// How often the rules ran.
    pub(crate) fn evaluations(&self) -> u64 {
        self.lock().evaluations
    }

    /// The tables are whole after every step, so a thread that died holding them left them usable.
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn find(&mut self, hash: u64, filled: &[Filled<'_>]) -> Option<Arc<Classification>> {
        if let Some(said) = find_in(&self.young, hash, filled) {
            return Some(said);
        }
        let said = find_in(&self.old, hash, filled)?;
        let key = filled.iter().cloned().map(Filled::into_owned).collect();
        self.add(hash, key, said.clone());
        Some(said)
    }

    fn add(&mut self, hash: u64, key: Key, said: Arc<Classification>) {
        if self.young.len() >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        let entries = self.young.entry(hash).or_default();
        if entries.len() < SAME_HASH_MAX {
            entries.push((key, said));
        }
    }
}

fn find_in(table: &Table, hash: u64, filled: &[Filled<'_>]) -> Option<Arc<Classification>> {
    table.get(&hash)?.iter().find(|(key, _)| is_same(key, filled)).map(|(_, said)| said.clone())
}

fn is_same(key: &[Filled<'static>], filled: &[Filled<'_>]) -> bool {
    key.len() == filled.len() && key.iter().zip(filled).all(|(a, b)| a == b)
}

fn hash_of(filled: &[Filled<'_>]) -> u64 {
    let mut hasher = Quick::default();
    filled.hash(&mut hasher);
    hasher.finish()
}

fn bytes_of(filled: &[Filled<'_>]) -> usize {
    let bytes = |filled: &Filled<'_>| match filled {
        Filled::Text(text) => text.len(),
        Filled::Texts(texts) => texts.iter().map(|text| text.len() + 16).sum(),
        Filled::Number(_) | Filled::Flag(_) | Filled::Absent => 8,
    };
    filled.iter().map(bytes).sum()
}

/// Hashes quickly rather than against an enemy: a clash costs a comparison or a run of the rules, never an answer.
#[derive(Debug, Default)]
struct Quick(u64);

impl Quick {
    fn take(&mut self, word: u64) {
        // An odd constant near 2^64 divided by the golden ratio spreads neighbours apart.
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.take(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.take(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.take(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.take(word as u64);
    }
}

/// Takes a hash for what it is.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(rule: &str) -> Arc<Classification> {
        Arc::new(Classification {
            rule: rule.into(),
            segment: None,
            priority: "p".into(),
            queue: "q".into(),
            skills: Vec::new(),
            sla: None,
            actions: Vec::new(),
        })
    }

    #[test]
    fn combinations_whose_hashes_clash_keep_their_own_answers() {
        let key = |n| vec![Filled::Number(n)];
        let mut tables = Tables::default();
        for n in 0..20 {
            tables.add(7, key(n).into(), said(&n.to_string()));
        }
        for n in 0..20 {
            let found = tables.find(7, &key(n));
            let expected = usize::try_from(n).unwrap() < SAME_HASH_MAX;
            assert_eq!(found.map(|said| said.rule.to_string()), expected.then(|| n.to_string()));
        }
    }

    #[test]
    fn what_is_asked_again_outlives_what_is_not() {
        let key = |n: i64| vec![Filled::Number(n)];
        let mut tables = Tables::default();
        let generation = i64::try_from(GENERATION_MAX).unwrap();
        for n in 0..generation * 3 {
            tables.add(n.unsigned_abs(), key(n).into(), said("r"));
            assert!(tables.find(0, &key(0)).is_some(), "asked for after {n}");
        }
        assert!(tables.find(1, &key(1)).is_none());
        assert!(tables.young.len() + tables.old.len() <= 2 * GENERATION_MAX);
    }
}
