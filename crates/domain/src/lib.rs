//! The core of a desk: what follows from what arrived. A pure state machine: no async, no I/O, no clock, no
//! randomness, no wire format, no floats, and nothing depends on the order of a hash map. The same inputs and policy
//! give the same events on every machine.
//!
//! Read in this order: [`words`] (ids and enumerations), [`input`] (what arrives), [`event`] (what is decided),
//! [`rules`] (what a policy answers), [`desk`] (judging: [`desk::Desk::judge`] is the only way in), [`state`] (what is
//! remembered; only [`state::State::apply`] changes it), [`mod@stored`] (what is remembered, as bytes for snapshots).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

/// Version of the core: one more whenever the same inputs could lead to other events than before.
pub const CORE_VERSION: u32 = 1;

pub mod words;

pub mod desk;
pub mod event;
pub mod facts;
pub mod input;
pub mod rules;
pub mod state;
pub mod stored;
