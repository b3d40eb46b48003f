//! A policy's own scenarios: what is given, and what the desk is expected to make of it. Each runs on a desk of its
//! own, on time that only the scenario moves: the real core judges real inputs by the compiled policy, and nothing is
//! worked out a second time.
//!
//! Scenarios are TOML files in a policy's `scenarios/`. Inputs and events are written by the names of
//! `proto/simpang/log/v1`, so that whatever can stand on a log can stand in a scenario. `docs/policy.md` describes the
//! files; [`Suite`] runs them, [`requirements`] reads the list of what serves which requirement, and [`mutants`] changes
//! a policy in every single place that a scenario ought to notice.
//!
//! Pure: no file is opened, no clock is read.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod expect;
pub mod mutants;
pub mod requirements;
mod run;
mod script;
mod shape;
mod stage;
mod time;

pub use run::{Outcome, Suite, suite_of};
pub use script::{Broken, FOLDER};
