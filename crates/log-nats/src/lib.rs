//! The log on NATS JetStream, and the `nats-server` that `simpang up` and the tests run beside themselves. Floor 4:
//! it imports `simpang-log` and nothing else of ours. Nothing of the NATS client shows in its interface, so no other
//! crate depends on it.
//!
//! | stream | subjects | what |
//! |---|---|---|
//! | `SIMPANG_<desk>` | `simpang.<desk>.in.<door>` for each door, `simpang.<desk>.commit` | a desk's log |
//! | `SIMPANG_directory` | `simpang.directory.change` | customers |
//! | `SIMPANG_RAW` | `simpang-raw.<sha256>.<part>` | raw objects, in parts of at most 512 KiB |
//!
//! Start with [`NatsStore::connect`]; the supervised server is [`server::NatsServer`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod connection;
mod desk;
mod raw;
mod read;
pub mod server;
mod settings;
mod store;

pub use server::{NatsServer, ServerError, ServerOptions};
pub use store::{NatsOptions, NatsStore};
