//! The log on NATS JetStream, and the `nats-server` that `simpang up` and the tests run beside themselves. Floor 4:
//! it imports `simpang-log` and nothing else of ours. Nothing of the NATS client shows in its interface, so no other
//! crate depends on it.
//!
//! | stream | subjects | what |
//! |---|---|---|
//! | `SIMPANG_<desk>` | `simpang.<desk>.in.<door>` for each door, `simpang.<desk>.commit` | a desk's log |
//! | `SIMPANG_directory` | `simpang.directory.change`, `.cursor` | customers; how far doors have read |
//! | `SIMPANG_RAW` | `simpang-raw.<sha256>.<part>` | raw objects, in parts of at most 512 KiB |
//!
//! What a user of the broker needs: to subscribe to `_INBOX.>`; to publish on the subjects that it writes and on
//! `$JS.API.INFO`, `$JS.API.STREAM.NAMES`, `$JS.API.STREAM.INFO.*`, `$JS.API.STREAM.MSG.GET.*`,
//! `$JS.API.CONSUMER.CREATE.*` and `$JS.API.CONSUMER.MSG.NEXT.*.*`. Only who makes desks needs
//! `$JS.API.STREAM.CREATE.*`, and only who prunes what is archived `$JS.API.STREAM.PURGE.*`; nobody needs to update or
//! delete a stream, or to delete a message.
//!
//! Start with [`NatsStore::connect`]; the supervised server is [`server::NatsServer`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod backup;
pub mod bare;
mod connection;
mod desk;
mod raw;
mod read;
pub mod server;
mod settings;
mod store;

pub use backup::{BackupError, Saved};
pub use server::{NatsServer, ServerError, ServerOptions};
pub use store::{NatsOptions, NatsStore};
