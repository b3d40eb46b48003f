//! A real nats-server keeps the contract of the log.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;

use simpang_log::LogStore;
use simpang_log_nats::{NatsOptions, NatsServer, NatsStore, ServerOptions};
use tempfile::TempDir;

async fn nats() -> (Arc<dyn LogStore>, (NatsServer, TempDir)) {
    let dir = tempfile::tempdir().unwrap();
    let workspace = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    let options = ServerOptions { dir: dir.path().to_owned(), workspace, ..ServerOptions::default() };
    let server = NatsServer::start(options).await.unwrap();
    let store = NatsStore::connect(&server.url(), NatsOptions::default()).await.unwrap();
    (Arc::new(store), (server, dir))
}

simpang_log::log_contract!(nats);
