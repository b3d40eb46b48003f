//! A hash map with a fixed, fast hash. Never iterated where order could be seen.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Looked up only; whoever must visit all sorts the keys first.
pub type Map<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;

/// Multiplies and rotates, eight bytes at a time. Keys on this path are counters, keyed hashes and names that a policy
/// or an administrator chose, so nobody outside can aim for collisions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mix(u64);

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Mix {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(ODD);
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.add(u64::from_le_bytes(chunk.try_into().expect("chunks of eight")));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.add(u64::from_le_bytes(last));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.add(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.add(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.add(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::BuildHasher;

    use super::{BuildHasherDefault, Mix};

    /// How many of 4,096 buckets these keys fall into; chance would fill 63 of 100.
    fn filled(key: impl Fn(u64) -> (u64, u32)) -> usize {
        let hasher = BuildHasherDefault::<Mix>::default();
        (0..4_096).map(|n| hasher.hash_one(key(n)) % 4_096).collect::<BTreeSet<_>>().len()
    }

    #[test]
    fn sequences_and_indexes_spread_over_the_buckets() {
        for shift in [0, 8, 20, 32] {
            let filled = filled(|n| (n << shift, 0));
            assert!(filled > 1_500, "{filled} buckets for numbers in steps of 2^{shift}");
        }
        let filled = filled(|n| (7, u32::try_from(n).unwrap()));
        assert!(filled > 1_500, "{filled} buckets for the second number");
    }
}
