//! Scenarios: what they notice, and what the shipped policies' own scenarios prove.

#![allow(clippy::unwrap_used, clippy::panic)]

mod shipped;
