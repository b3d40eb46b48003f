//! An ordered set that stays dense: for what there is one of with each open case.

use std::collections::BTreeMap;

use crate::stored::{Damaged, Reader, Shape, Stored, Writer};

/// Most elements of a run: moving them is cheaper than finding the run, and what a run costs is little among so many.
const MOST: usize = 32;

/// An ordered set. Nodes of the standard library's are left half empty by elements that come in rising order, and most
/// come so: cases by their age, timers by their time. Here runs of elements stand in the nodes, and each is full before
/// the next begins.
#[derive(Debug, Clone)]
pub struct Ordered<T> {
    /// By a lower bound of their elements, which is above all elements of the run before. None is empty.
    runs: BTreeMap<T, Vec<T>>,
    len: usize,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { runs: BTreeMap::new(), len: 0 }
    }
}

// How the elements are divided into runs tells in which order they came.
impl<T: PartialEq> PartialEq for Ordered<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Ordered<T> {}

impl<T> Ordered<T> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { runs: BTreeMap::new(), len: 0 }
    }

    /// All elements, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.runs.values().flatten()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T: Ord + Clone> Ordered<T> {
    /// The least element.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.runs.first_key_value().and_then(|(_, run)| run.first())
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn contains(&self, one: &T) -> bool {
        let run = self.runs.range(..=one).next_back();
        run.is_some_and(|(_, run)| run.binary_search(one).is_ok())
    }

    /// Adds one; harmless when it is there.
    pub fn insert(&mut self, one: T) {
        let Some((_, run)) = self.runs.range_mut(..=&one).next_back() else { return self.insert_first(one) };
        let Err(at) = run.binary_search(&one) else { return };
        self.len += 1;
        if run.len() < MOST {
            return insert_tight(run, at, one);
        }
        // What comes in rising order leaves full runs behind.
        let mut next = run.split_off(if at == MOST { MOST } else { MOST / 2 });
        run.shrink_to_fit();
        match at.checked_sub(run.len()) {
            Some(at) => insert_tight(&mut next, at, one),
            None => insert_tight(run, at, one),
        }
        self.runs.insert(next[0].clone(), next);
    }

    /// Adds one that is below all bounds of runs.
    fn insert_first(&mut self, one: T) {
        let mut run = match self.runs.first_entry() {
            Some(first) if first.get().len() < MOST => first.remove(),
            _ => Vec::new(),
        };
        self.len += 1;
        insert_tight(&mut run, 0, one.clone());
        self.runs.insert(one, run);
    }

    /// Removes one; harmless when it is not there.
    pub fn remove(&mut self, one: &T) {
        let Some((from, run)) = self.runs.range_mut(..=one).next_back() else { return };
        let Ok(at) = run.binary_search(one) else { return };
        run.remove(at);
        self.len -= 1;
        if run.capacity() > 2 * run.len() + 4 {
            run.shrink_to(run.len() + run.len() / 2);
        }
        // Once on its way down is enough: a neighbour that becomes as short later looks again.
        if run.is_empty() || run.len() == MOST / 4 {
            let from = from.clone();
            self.join(&from);
        }
    }

    /// Takes a run away that is empty; joins a short one with a neighbour where both are no more than three quarters of
    /// one.
    fn join(&mut self, from: &T) {
        let Some(run) = self.runs.get(from) else { return };
        if run.is_empty() {
            self.runs.remove(from);
            return;
        }
        let fits = |neighbour: &(&T, &Vec<T>)| neighbour.1.len() + run.len() <= MOST * 3 / 4;
        let before = self.runs.range(..from).next_back().filter(fits).map(|(bound, _)| bound.clone());
        let after = || self.runs.range(from..).nth(1).filter(fits).map(|(bound, _)| bound.clone());
        let pair = match before {
            Some(before) => Some((before, from.clone())),
            None => after().map(|after| (from.clone(), after)),
        };
        let Some((lower, upper)) = pair else { return };
        if let Some(moved) = self.runs.remove(&upper)
            && let Some(run) = self.runs.get_mut(&lower)
        {
            run.reserve_exact(moved.len());
            run.extend(moved);
        }
    }
}

/// Puts an element into a run, with room for some more and not for as many again.
fn insert_tight<T>(run: &mut Vec<T>, at: usize, one: T) {
    let len = run.len();
    if len == run.capacity() {
        run.reserve_exact((len / 2).max(2).min(MOST.saturating_sub(len)).max(1));
    }
    run.insert(at, one);
}

// As any ordered set.
impl<T: Stored + Ord + Clone> Stored for Ordered<T> {
    fn shape(shape: &mut Shape) {
        std::collections::BTreeSet::<T>::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        to.count(self.len);
        for one in self.iter() {
            one.store(to);
            to.element();
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let mut all = Self { runs: BTreeMap::new(), len: from.count()? };
        let mut left = all.len;
        while left > 0 {
            let run: Vec<T> = (0..left.min(MOST)).map(|_| T::load(from)).collect::<Result<_, _>>()?;
            let last = all.runs.last_entry();
            let follows = last.is_none_or(|last| last.get().last() < run.first());
            if !follows || !run.is_sorted_by(|a, b| a < b) {
                return Err(from.damaged("order"));
            }
            left -= run.len();
            all.runs.insert(run[0].clone(), run);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{MOST, Ordered, Reader, Stored, Writer};

    fn holds(set: &Ordered<u16>) {
        let mut before = None;
        for (from, run) in &set.runs {
            assert!(!run.is_empty() && run.len() <= MOST && run.is_sorted(), "{run:?}");
            assert!(before < Some(*from) && *from <= run[0], "{before:?} {from} {run:?}");
            before = run.last().copied();
        }
        assert_eq!(set.len, set.iter().count());
    }

    proptest! {
        #[test]
        fn it_is_an_ordered_set(
            steps in proptest::collection::vec((0..4_u8, 0..400_u16), 0..1_500), rising: bool, drains: bool
        ) {
            let (mut set, mut model) = (Ordered::new(), BTreeSet::new());
            let half = steps.len() / 2;
            for (n, (what, one)) in steps.into_iter().enumerate() {
                let one = if rising { u16::try_from(n).unwrap() / 3 } else { one };
                let removes = if drains && n > half { what > 0 } else { what == 0 };
                let least = model.first().copied().filter(|_| rising).unwrap_or(one);
                if removes {
                    set.remove(&least);
                    model.remove(&least);
                } else {
                    set.insert(one);
                    model.insert(one);
                }
                holds(&set);
                prop_assert_eq!(set.first(), model.first());
                prop_assert_eq!(set.contains(&one), model.contains(&one));
            }
            prop_assert!(set.iter().eq(model.iter()));
            let again: Vec<u16> = model.iter().rev().copied().collect();
            let mut other = Ordered::new();
            again.into_iter().for_each(|one| other.insert(one));
            prop_assert_eq!(&other, &set);
        }
    }

    fn written(set: &impl Stored) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut give = |part: Vec<u8>| bytes.extend(part);
        let mut to = Writer::new(&mut give);
        set.store(&mut to);
        to.finish();
        bytes
    }

    #[test]
    fn it_is_read_as_it_was_written_and_in_no_other_order() {
        let read = |bytes: Vec<u8>| {
            let mut parts = std::iter::once(bytes);
            let mut next = || parts.next();
            Ordered::<u16>::load(&mut Reader::new(&mut next))
        };
        for n in [0, 1, 31, 32, 33, 64, 100] {
            let mut set = Ordered::new();
            (0..n).for_each(|one| set.insert(one * 3));
            let again = read(written(&set)).unwrap();
            holds(&again);
            assert_eq!(again, set);
        }
        let swapped = |a, b| {
            let mut all: Vec<u16> = (0..70).collect();
            all.swap(a, b);
            read(written(&all))
        };
        assert!(swapped(5, 6).is_err() && swapped(31, 32).is_err() && swapped(0, 69).is_err());
    }

    #[test]
    fn what_comes_in_order_fills_its_runs() {
        let mut set = Ordered::new();
        (0..10_000_u16).for_each(|n| set.insert(n));
        assert_eq!(set.runs.len(), 10_000_usize.div_ceil(MOST));
        assert!(set.runs.values().all(|run| run.capacity() <= MOST));
    }

    #[test]
    fn what_was_taken_from_leaves_no_room_behind() {
        let mut set = Ordered::new();
        (0..20_000_u16).for_each(|n| set.insert(n));
        (0..20_000_u16).filter(|n| !n.is_multiple_of(16)).for_each(|n| set.remove(&n));
        holds(&set);
        let room: usize = set.runs.values().map(Vec::capacity).sum();
        assert!(room <= 3 * set.len() && set.runs.len() <= set.len() / 6, "{room} {}", set.runs.len());
    }
}
