//! Behaviours of the core, given/when/then; laws over random histories; and the work that matching takes.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

mod agents;
mod campaigns;
mod cases;
mod cost;
mod deliveries;
mod duty;
mod faults;
mod handed;
mod history;
mod laws;
mod loops;
mod messages;
mod modes;
mod naive;
mod order;
mod policies;
mod reach;
mod reread;
mod sla;
mod stored;
mod stuck;
mod waiting;
