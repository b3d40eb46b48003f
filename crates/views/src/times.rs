//! How long many things took, kept small: counts of times in buckets that grow with the time (log-linear, integers
//! only). Two of them add up to what one of both would be, so that any rows can be put together.
//!
//! Below 128 ms every value has a bucket of its own. Above, each doubling is cut into 64 buckets, so that a bucket is at
//! most 1/64 of its smallest value wide, and its middle at most 1/128 (0.8 %) from any value in it.

use std::collections::BTreeMap;

/// A doubling has 2^6 buckets.
const BITS: u32 = 6;
/// The last bucket, that of the largest value.
const LAST: u16 = 3_711;

/// Times by bucket. Counts may go below nothing in what is to be added to others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Times(BTreeMap<u16, i64>);

impl Times {
    /// One time, counted once, or taken back when `count` is −1.
    pub(crate) fn add(&mut self, ms: i64, count: i64) {
        *self.0.entry(bucket(ms)).or_default() += count;
    }

    /// Adds others.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// As bytes: distances between buckets and counts, as varints. The same times give the same bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut last = 0;
        for (bucket, count) in self.0.iter().filter(|(_, count)| **count > 0) {
            prost::encoding::encode_varint(u64::from(bucket - last), &mut bytes);
            prost::encoding::encode_varint(count.unsigned_abs(), &mut bytes);
            last = *bucket;
        }
        bytes
    }

    /// What [`Self::encode`] wrote.
    pub(crate) fn decode(mut bytes: &[u8]) -> Self {
        let mut times = Self::default();
        let mut next = || prost::encoding::decode_varint(&mut bytes).ok();
        let mut last = 0u16;
        while let (Some(gap), Some(count)) = (next(), next()) {
            last = last.saturating_add(u16::try_from(gap).unwrap_or(LAST)).min(LAST);
            times.0.insert(last, i64::try_from(count).unwrap_or(i64::MAX));
        }
        times
    }

    /// The time that so many of a hundred took at most, by nearest rank; 0 when there is none.
    pub(crate) fn percentile(&self, percent: i64) -> i64 {
        let all: i64 = self.0.values().sum();
        let rank = (all.saturating_mul(percent).saturating_add(99) / 100).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.0 {
            seen += count;
            if seen >= rank {
                return middle(*bucket);
            }
        }
        0
    }
}

fn bucket(ms: i64) -> u16 {
    let ms = ms.max(0).unsigned_abs();
    let shift = (u64::BITS - ms.leading_zeros()).saturating_sub(BITS + 1);
    let index = u64::from(shift << BITS) + (ms >> shift);
    u16::try_from(index).unwrap_or(LAST)
}

fn middle(bucket: u16) -> i64 {
    let shift = (u32::from(bucket) >> BITS).saturating_sub(1);
    let lowest = (i64::from(bucket) - i64::from(shift << BITS)) << shift;
    lowest + ((1i64 << shift) - 1) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Times, bucket, middle};

    proptest! {
        #[test]
        fn the_middle_of_a_bucket_is_near_every_value_in_it(ms in 0i64..=i64::MAX, small in 0u32..63) {
            let ms = ms >> small;
            let off = i128::from(middle(bucket(ms))) - i128::from(ms);
            prop_assert!(off.abs() * 128 <= i128::from(ms), "{ms} is off by {off}");
            prop_assert!(ms >= 128 || off == 0);
        }

        #[test]
        fn a_larger_value_has_no_smaller_bucket(a in 0i64..=i64::MAX, b in 0i64..=i64::MAX, small in 0u32..63) {
            prop_assert!(bucket(a.min(b) >> small) <= bucket(a.max(b) >> small));
        }

        #[test]
        fn bytes_bring_the_same_times_back_and_merging_is_counting_together(
            values in proptest::collection::vec((0i64..1_000_000_000, any::<bool>()), 0..60),
        ) {
            let (mut one, mut two, mut all) = (Times::default(), Times::default(), Times::default());
            for (ms, first) in values {
                if first { one.add(ms, 1) } else { two.add(ms, 1) }
                all.add(ms, 1);
            }
            prop_assert_eq!(&Times::decode(&all.encode()), &all);
            one.merge(&two);
            prop_assert_eq!(one.encode(), all.encode());
        }
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut times = Times::default();
        assert_eq!(times.percentile(50), 0);
        (1..=100).for_each(|ms| times.add(ms, 1));
        assert_eq!([50, 90, 95, 99, 100].map(|p| times.percentile(p)), [50, 90, 95, 99, 100]);
        let mut one = Times::default();
        one.add(7, 1);
        assert_eq!((one.percentile(50), one.percentile(99)), (7, 7));
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        let mut times = Times::default();
        times.add(500, 1);
        times.add(500, -1);
        assert!(times.encode().is_empty());
    }
}
