//! The doors from outside: real sockets, real HTTP requests, a real gRPC client, with the log's in-memory twin behind.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod attachments;
mod contacts;
mod counted;
mod fuzz;
mod harness;
mod imap;
mod json;
#[path = "../../../../crates/channels/tests/support/mutate.rs"]
mod mutate;
mod pull;
mod push;
mod replay;
mod reread;
mod smtp;
mod stalled;
mod webhooks;
mod x_api;
