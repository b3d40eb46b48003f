//! The doors from outside: real sockets, real HTTP requests, a real gRPC client, with the log's in-memory twin behind.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod contacts;
mod harness;
mod imap;
mod json;
mod pull;
mod push;
mod smtp;
mod stalled;
mod webhooks;
mod x_api;
