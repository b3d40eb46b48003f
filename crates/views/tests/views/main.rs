//! The views against logs written by hand: what each event does to the tables, and the laws that hold for any log.

#![allow(clippy::unwrap_used, clippy::panic)]

mod script;

mod agents;
mod audit;
mod cases;
mod faults;
mod figures;
mod handed;
mod laws;
mod lists;
mod replies;
mod sla;
mod story;
mod withdrawals;
