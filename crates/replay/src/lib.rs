//! A desk worked out from its log: the core and the policy over records that were read. The router judges with it,
//! `verify` judges again with it, `explain` and the audit service say with it why a case went where it went.
//!
//! [`fold`] rebuilds a desk from its log, [`rules`] are the rules in force on it, [`verify`] judges a log again, and
//! [`explain`] stands just before each decision on a case, [`reclassify`] takes classifications again under another
//! policy, [`snapshot`] says what a kept state is of.
//!
//! It reads and writes nothing: whoever uses it brings the entries. It knows no view, no client and no prose about
//! what it finds beyond single phrases.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod explain;
pub mod fold;
pub mod reclassify;
pub mod rules;
pub mod snapshot;
pub mod verify;

/// The CEL library that evaluates conditions, as the workspace's version table has it.
const CEL_VERSION: &str = "0.15";

/// What judges: the core's own version, and those of the libraries whose change could change a decision. Written into
/// every take-over; equal versions judge byte-identically.
#[must_use]
pub fn core_version() -> String {
    let (core, tz) = (simpang_domain::CORE_VERSION, chrono_tz::IANA_TZDB_VERSION);
    format!("core {core}, cel {CEL_VERSION}, tz {tz}")
}
