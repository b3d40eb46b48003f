//! The views: one desk's log folded into tables that people read: cases with their conversations, SLA clocks and
//! how targets were kept, the floor, campaigns, and an index from case, agent, kind and time to places on the log.
//!
//! One SQLite file a desk, because desks share nothing: they are written side by side, and one is rebuilt or thrown
//! away without the others. The position on the log stands in the same transaction as the rows that follow from it.
//! Nothing here reads a log or a clock: entries come from [`simpang_log::Tail`], which has checked their chain, and
//! everything in the tables follows from them, so that two builds of one log are equal ([`Views::digest`]).
//!
//! This crate decides nothing: what an event means for a case was decided by the router. It knows no policy, no gRPC
//! and no async; `services/project` feeds and serves it.
//!
//! Read [`store`] first (open, fold, position), then [`fold`] (what each event does to the tables), then [`read`].
//! [`sentence`] and [`json`] tell records to people, [`mod@withdrawn`] what to leave out of them.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod row;
mod schema;
mod times;

pub mod kind;
pub mod store;

pub mod fold;
pub mod read;

pub mod json;
pub mod sentence;
pub mod withdrawn;

pub use fold::Changes;
pub use store::{Opened, Position, Views, ViewsError};
pub use withdrawn::{WITHDRAWN, Withdrawn};
