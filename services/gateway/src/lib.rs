//! The gateway: gRPC for agents, leads and administrators, and the streams of their work. It turns what they ask
//! into inputs on the desk's log, waits until the log shows the commit that decided each, and says what became of it.
//!
//! It decides nothing: whether an agent may do what they ask is the core's judgement, read from the log. It keeps
//! nothing that the log could not give back: what it knows of agents and cases is a fold of each desk's log, only as
//! deep as its answers need; snapshots of that only spare a restart the reading. It calls no other service. Conversations are read from `simpang.view.v1`.
//!
//! Begin with [`Gateway`]; then `follower` (what one desk's log says), `command` (one command from request to
//! answer), `agent` and `admin` (the services, a file for each group of calls).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod accounts;
mod admin;
mod agent;
mod check;
mod command;
mod compile;
mod context;
mod desks;
mod directory;
mod facts;
mod follower;
mod forms;
mod metric;
mod options;
mod refusal;
mod service;

use std::sync::Arc;

use simpang_log::{DeskLog, LogError, snapshot};

pub use admin::AdminApi;
pub use agent::AgentApi;
pub use options::{Options, StartError};
pub use service::Gateway;

/// What is known of a desk up to a record, read from the beginning of its log and from a snapshot as of a commit after
/// `cut`, each written down; for proofs that both are the same.
///
/// # Errors
/// What can't be read, or not be gone on from.
#[doc(hidden)]
pub async fn both_ways(
    log: &Arc<dyn DeskLog>,
    until: u64,
    cut: u64,
) -> Result<(Vec<u8>, Vec<u8>, u64), String> {
    snapshot::proof::both_ways::<follower::board::Board>(&(), log, until, cut).await
}

/// What a start takes with a desk's log, without and with a snapshot, which is kept in a folder that has none.
///
/// # Errors
/// When the log can't be read.
#[doc(hidden)]
pub async fn timed(
    log: &Arc<dyn DeskLog>,
    folder: &snapshot::Folder,
) -> Result<snapshot::proof::Timed, LogError> {
    snapshot::proof::timed::<follower::board::Board>(&(), log, folder).await
}
