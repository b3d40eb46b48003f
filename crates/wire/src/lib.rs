//! Translations at the edge of the core: domain words to and from protobuf, and the keyed hashes that stand on the
//! log instead of addresses and message ids. Decides nothing and does no I/O.
//!
//! [`input::read`] is infallible: what is malformed becomes `Body::Unreadable` with the reason, since nothing from
//! outside may stop a desk. [`event`] and [`commit`] are exact inverses of themselves and do fail: only a router
//! writes events, so one that can't be read is no event of this program.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod command;
pub mod commit;
mod common;
mod error;
pub mod event;
mod field;
pub mod input;
pub mod key;
mod names;
pub mod stored;

pub use error::ReadError;
pub use names::Names;
