//! Values that conditions see and CEL has no type for: texts that are looked in quickly and never out of bounds, and
//! a number that is not there.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use cel::ExecutionError;
use cel::common::traits::{Comparer, Container, Indexer, Iterable, Iterator as ValIterator, Sizer};
use cel::common::types::{CelInt, CelNull, CelString, LIST_TYPE, NULL_TYPE, Type};
use cel::common::value::{CowVal, Val};
use simpang_domain::words::Name;

/// Several texts. An index beyond the end reads as "", so that a path of any depth can be asked.
#[derive(Debug, Clone)]
pub(crate) struct Texts<'v> {
    items: Arc<Vec<CelString<'v>>>,
    index: Option<Arc<HashSet<Name>>>,
}

impl<'v> Texts<'v> {
    pub(crate) fn borrowed(items: &'v [Name]) -> Self {
        Self { items: Arc::new(items.iter().map(|item| CelString::from(&**item)).collect()), index: None }
    }
}

impl Texts<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl Texts<'static> {
    /// With an index, for lists of the policy; owns its texts.
    pub(crate) fn indexed(items: &[Name]) -> Self {
        let owned = items.iter().map(|item| CelString::from(item.to_string())).collect();
        Self { items: Arc::new(owned), index: Some(Arc::new(items.iter().cloned().collect())) }
    }
}

impl Val for Texts<'_> {
    fn get_type(&self) -> &Type {
        &LIST_TYPE
    }

    fn cel_type() -> &'static Type {
        &LIST_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_iterable<'b, 'w>(&'b self) -> Option<&'b (dyn Iterable + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        let Some(other) = other.as_iterable() else { return false };
        let mut others = other.iter();
        self.items.iter().all(|item| others.next().is_some_and(|o| item.equals(o))) && others.next().is_none()
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(self.clone())
    }
}

impl Container for Texts<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        let Some(text) = value.downcast_ref::<CelString>() else { return Ok(false) };
        Ok(match &self.index {
            Some(index) => index.contains(text.inner()),
            None => self.items.iter().any(|item| item.inner() == text.inner()),
        })
    }
}

impl Indexer for Texts<'_> {
    fn get<'b, 'w>(&'b self, at: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let at = at.downcast_ref::<CelInt>().and_then(|at| usize::try_from(*at.inner()).ok());
        Ok(match at.and_then(|at| self.items.get(at)) {
            Some(item) => CowVal::Borrowed(item),
            None => CowVal::owned(CelString::from("")),
        })
    }

    fn steal<'w>(self: Box<Self>, at: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.get(at).map(CowVal::into_owned)
    }
}

impl Iterable for Texts<'_> {
    fn iter<'b, 'w>(&'b self) -> Box<dyn ValIterator<'b, 'w> + 'b>
    where
        Self: 'w,
    {
        Box::new(TextsIterator { items: &self.items, at: 0 })
    }
}

struct TextsIterator<'b, 'v> {
    items: &'b [CelString<'v>],
    at: usize,
}

impl<'b, 'v: 'w, 'w> ValIterator<'b, 'w> for TextsIterator<'b, 'v> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'w)> {
        let item = self.items.get(self.at)?;
        self.at += 1;
        Some(item)
    }
}

impl Sizer for Texts<'_> {
    fn size(&self) -> CelInt {
        i64::try_from(self.items.len()).unwrap_or(i64::MAX).into()
    }
}

/// A number that is not there.
#[derive(Debug, Clone)]
pub(crate) struct Absent(pub(crate) Arc<str>);

impl Val for Absent {
    fn get_type(&self) -> &Type {
        &NULL_TYPE
    }

    fn cel_type() -> &'static Type {
        &NULL_TYPE
    }

    fn as_comparer(&self) -> Option<&dyn Comparer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<CelNull>().is_some()
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(self.clone())
    }
}

impl Comparer for Absent {
    fn compare(&self, _: &dyn Val) -> Result<Ordering, ExecutionError> {
        Err(ExecutionError::no_such_key(&self.0))
    }
}
