//! A fence around parsers that are not ours: a panic in one of them becomes `None`.
//!
//! They are given hostile bytes. Ours must not need this and are tested without it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `read` gives, or nothing when it panicked.
pub(crate) fn fenced<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}
