//! Behaviours of policies, from their files to their answers.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

mod compile;
mod conditions;
mod diff;
mod hostile;
mod retention;
mod roster;
mod telkom;
