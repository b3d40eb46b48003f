//! Reading by one shared reader keeps the contract of the log.

use std::sync::Arc;

use simpang_log::{LogStore, MemoryStore, SharedStore};

async fn shared() -> (Arc<dyn LogStore>, ()) {
    (Arc::new(SharedStore::new(Arc::new(MemoryStore::new()))), ())
}

simpang_log::log_contract!(shared);
