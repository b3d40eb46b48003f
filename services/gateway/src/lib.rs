//! The gateway: gRPC for agents, leads and administrators, and the streams of their work. It turns what they ask
//! into inputs on the desk's log, waits until the log shows the commit that decided each, and says what became of it.
//!
//! It decides nothing: whether an agent may do what they ask is the core's judgement, read from the log. It keeps
//! nothing that the log could not give back: what it knows of agents and cases is a fold of each desk's log, only as
//! deep as its answers need. It calls no other service. Conversations are read from `simpang.view.v1`.
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

pub use admin::AdminApi;
pub use agent::AgentApi;
pub use options::{Options, StartError};
pub use service::Gateway;
