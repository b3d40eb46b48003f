//! Ways to write down what has none of its own.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::{Damaged, Reader, Shape, Stored, Way, Writer};

/// A type's own way.
#[derive(Debug)]
pub struct Own;

impl<T: Stored> Way<T> for Own {
    fn shape(shape: &mut Shape) {
        T::shape(shape);
    }

    fn store(it: &T, to: &mut Writer<'_>) {
        it.store(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<T, Damaged> {
        T::load(from)
    }
}

/// An enumeration by the number it has on the log.
#[derive(Debug)]
pub struct Numbered;

impl<T: Copy + Into<i32> + TryFrom<i32>> Way<T> for Numbered {
    fn shape(shape: &mut Shape) {
        shape.word("numbered");
    }

    fn store(it: &T, to: &mut Writer<'_>) {
        (*it).into().store(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<T, Damaged> {
        T::try_from(i32::load(from)?).map_err(|_| from.damaged("enumerated value"))
    }
}

/// What may be there or not.
#[derive(Debug)]
pub struct Maybe<W>(PhantomData<W>);

impl<T, W: Way<T>> Way<Option<T>> for Maybe<W> {
    fn shape(shape: &mut Shape) {
        shape.word("option");
        W::shape(shape);
    }

    fn store(it: &Option<T>, to: &mut Writer<'_>) {
        it.is_some().store(to);
        if let Some(it) = it {
            W::store(it, to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Option<T>, Damaged> {
        Ok(if bool::load(from)? { Some(W::load(from)?) } else { None })
    }
}

/// Each one of a list.
#[derive(Debug)]
pub struct Each<W>(PhantomData<W>);

impl<T, W: Way<T>> Way<Vec<T>> for Each<W> {
    fn shape(shape: &mut Shape) {
        shape.word("list");
        W::shape(shape);
    }

    fn store(it: &Vec<T>, to: &mut Writer<'_>) {
        to.count(it.len());
        it.iter().for_each(|one| W::store(one, to));
    }

    fn load(from: &mut Reader<'_>) -> Result<Vec<T>, Damaged> {
        let n = from.count()?;
        (0..n).map(|_| W::load(from)).collect()
    }
}

/// The values of an ordered map, whose keys have a way of their own.
#[derive(Debug)]
pub struct Values<W>(PhantomData<W>);

impl<K: Stored + Ord, T, W: Way<T>> Way<BTreeMap<K, T>> for Values<W> {
    fn shape(shape: &mut Shape) {
        shape.word("ordered map");
        K::shape(shape);
        W::shape(shape);
    }

    fn store(it: &BTreeMap<K, T>, to: &mut Writer<'_>) {
        to.count(it.len());
        for (key, value) in it {
            key.store(to);
            W::store(value, to);
            to.element();
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<BTreeMap<K, T>, Damaged> {
        let n = from.count()?;
        (0..n).map(|_| Ok((K::load(from)?, W::load(from)?))).collect()
    }
}

/// Two things, each in its own way.
#[derive(Debug)]
pub struct Pair<A, B>(PhantomData<(A, B)>);

impl<T, U, A: Way<T>, B: Way<U>> Way<(T, U)> for Pair<A, B> {
    fn shape(shape: &mut Shape) {
        shape.word("tuple");
        A::shape(shape);
        B::shape(shape);
    }

    fn store(it: &(T, U), to: &mut Writer<'_>) {
        A::store(&it.0, to);
        B::store(&it.1, to);
    }

    fn load(from: &mut Reader<'_>) -> Result<(T, U), Damaged> {
        Ok((A::load(from)?, B::load(from)?))
    }
}
