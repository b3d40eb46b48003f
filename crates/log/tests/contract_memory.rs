//! The in-memory twin keeps the contract of the log.

use std::sync::Arc;

use simpang_log::{LogStore, MemoryStore};

async fn memory() -> (Arc<dyn LogStore>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

simpang_log::log_contract!(memory);
