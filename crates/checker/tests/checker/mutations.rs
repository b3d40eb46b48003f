//! Small changes.
