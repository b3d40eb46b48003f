//! How numbers, names, options and collections are stored.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::{Damaged, Reader, Shape, Stored, Writer};
use crate::words::Name;

/// Most elements that room is made for before they are read: beyond that it grows with what is really there.
const ROOM_MAX: usize = 1 << 20;

macro_rules! number {
    ($($type:ty),+) => {$(
        impl Stored for $type {
            fn shape(shape: &mut Shape) {
                shape.word(stringify!($type));
            }

            fn store(&self, to: &mut Writer<'_>) {
                to.number(u64::from(*self));
            }

            fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                let n = from.number()?;
                Self::try_from(n).map_err(|_| from.damaged(stringify!($type)))
            }
        }
    )+};
}

number!(u8, u16, u32, u64);

macro_rules! signed {
    ($($type:ty),+) => {$(
        impl Stored for $type {
            fn shape(shape: &mut Shape) {
                shape.word(stringify!($type));
            }

            fn store(&self, to: &mut Writer<'_>) {
                let n = i64::from(*self);
                to.number(((n << 1) ^ (n >> 63)).cast_unsigned());
            }

            fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                let n = from.number()?;
                let n = (n >> 1).cast_signed() ^ -(n & 1).cast_signed();
                Self::try_from(n).map_err(|_| from.damaged(stringify!($type)))
            }
        }
    )+};
}

signed!(i32, i64);

impl Stored for bool {
    fn shape(shape: &mut Shape) {
        shape.word("bool");
    }

    fn store(&self, to: &mut Writer<'_>) {
        to.byte(u8::from(*self));
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(from.damaged("yes or no")),
        }
    }
}

impl Stored for Name {
    fn shape(shape: &mut Shape) {
        shape.word("name");
    }

    fn store(&self, to: &mut Writer<'_>) {
        to.name(self);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        from.name()
    }
}

impl Stored for [u8; 16] {
    fn shape(shape: &mut Shape) {
        shape.word("key");
    }

    fn store(&self, to: &mut Writer<'_>) {
        to.bytes(self);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let mut key = [0; 16];
        key.copy_from_slice(from.bytes(16)?);
        Ok(key)
    }
}

impl<const N: usize> Stored for [u32; N] {
    fn shape(shape: &mut Shape) {
        shape.word("numbers");
        shape.word(&N.to_string());
    }

    fn store(&self, to: &mut Writer<'_>) {
        self.iter().for_each(|n| n.store(to));
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let mut all = [0; N];
        for n in &mut all {
            *n = u32::load(from)?;
        }
        Ok(all)
    }
}

impl<T: Stored> Stored for Option<T> {
    fn shape(shape: &mut Shape) {
        shape.word("option");
        T::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        to.byte(u8::from(self.is_some()));
        if let Some(inner) = self {
            inner.store(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(if bool::load(from)? { Some(T::load(from)?) } else { None })
    }
}

impl<T: Stored> Stored for Box<T> {
    fn shape(shape: &mut Shape) {
        T::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        (**self).store(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        T::load(from).map(Box::new)
    }
}

impl<T: Stored> Stored for Reverse<T> {
    fn shape(shape: &mut Shape) {
        shape.word("reverse");
        T::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        self.0.store(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        T::load(from).map(Self)
    }
}

macro_rules! tuple {
    ($($type:ident $at:tt),+) => {
        impl<$($type: Stored),+> Stored for ($($type,)+) {
            fn shape(shape: &mut Shape) {
                shape.word("tuple");
                $($type::shape(shape);)+
            }

            fn store(&self, to: &mut Writer<'_>) {
                $(self.$at.store(to);)+
            }

            fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                Ok(($($type::load(from)?,)+))
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);

/// Writes elements in their order, with their number before them.
fn store_all<'t, T: Stored + 't>(all: impl ExactSizeIterator<Item = &'t T>, to: &mut Writer<'_>) {
    to.count(all.len());
    for one in all {
        one.store(to);
        to.element();
    }
}

/// Reads as many elements as are said to be there.
fn load_all<T: Stored, C: FromIterator<T>>(from: &mut Reader<'_>) -> Result<C, Damaged> {
    let n = from.count()?;
    (0..n).map(|_| T::load(from)).collect()
}

impl<T: Stored> Stored for Vec<T> {
    fn shape(shape: &mut Shape) {
        shape.word("list");
        T::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        store_all(self.iter(), to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let n = from.count()?;
        let mut all = Self::with_capacity(n.min(ROOM_MAX));
        for _ in 0..n {
            all.push(T::load(from)?);
        }
        Ok(all)
    }
}

impl<T: Stored> Stored for Box<[T]> {
    fn shape(shape: &mut Shape) {
        Vec::<T>::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        store_all(self.iter(), to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Vec::load(from).map(Vec::into_boxed_slice)
    }
}

impl<T: Stored> Stored for VecDeque<T> {
    fn shape(shape: &mut Shape) {
        Vec::<T>::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        store_all(self.iter(), to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Vec::load(from).map(Self::from)
    }
}

impl<T: Stored + Ord> Stored for BTreeSet<T> {
    fn shape(shape: &mut Shape) {
        shape.word("set");
        T::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        store_all(self.iter(), to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        load_all(from)
    }
}

fn store_pairs<'t, K: Stored + 't, V: Stored + 't>(
    all: impl ExactSizeIterator<Item = (&'t K, &'t V)>,
    to: &mut Writer<'_>,
) {
    to.count(all.len());
    for (key, value) in all {
        key.store(to);
        value.store(to);
        to.element();
    }
}

impl<K: Stored + Ord, V: Stored> Stored for BTreeMap<K, V> {
    fn shape(shape: &mut Shape) {
        shape.word("ordered map");
        <(K, V)>::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        store_pairs(self.iter(), to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        load_all::<(K, V), Self>(from)
    }
}

impl<K, V, S> Stored for HashMap<K, V, S>
where
    K: Stored + Ord + Hash,
    V: Stored,
    S: BuildHasher + Default,
{
    fn shape(shape: &mut Shape) {
        shape.word("map");
        <(K, V)>::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        let mut all: Vec<(&K, &V)> = self.iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        store_pairs(all.into_iter(), to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let n = from.count()?;
        let mut all = Self::with_capacity_and_hasher(n.min(ROOM_MAX), S::default());
        for _ in 0..n {
            let (key, value) = <(K, V)>::load(from)?;
            all.insert(key, value);
        }
        Ok(all)
    }
}

impl<T, S> Stored for HashSet<T, S>
where
    T: Stored + Ord + Hash,
    S: BuildHasher + Default,
{
    fn shape(shape: &mut Shape) {
        BTreeSet::<T>::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        let mut all: Vec<&T> = self.iter().collect();
        all.sort_unstable();
        store_all(all.into_iter(), to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        load_all(from)
    }
}

impl<T: Stored> Stored for Arc<[T]> {
    fn shape(shape: &mut Shape) {
        Vec::<T>::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        store_all(self.iter(), to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Vec::load(from).map(Self::from)
    }
}

/// A text of its own, that few others repeat.
impl Stored for String {
    fn shape(shape: &mut Shape) {
        shape.word("text");
    }

    fn store(&self, to: &mut Writer<'_>) {
        to.count(self.len());
        to.bytes(self.as_bytes());
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let n = from.count()?;
        let text = std::str::from_utf8(from.bytes(n)?).map(str::to_owned);
        text.map_err(|_| from.damaged("text"))
    }
}
