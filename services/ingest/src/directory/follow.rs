//! Keeps the table at the directory's end.

use std::sync::Arc;
use std::time::Duration;

use simpang_log::{DirectoryChange, DirectoryTail, LogStore};
use tokio_util::sync::CancellationToken;

use super::Directory;
use crate::counters;

/// Between two tries to reach the directory for the first time.
const RETRY: Duration = Duration::from_millis(500);

/// Folds the directory's log into the table until told to stop. When the log is broken it stops there and says so;
/// the doors go on with what is known, since a message with old facts is better than one turned away.
pub(crate) async fn follow(store: Arc<dyn LogStore>, directory: Arc<Directory>, stop: CancellationToken) {
    let mut tail = DirectoryTail::start(store, 0);
    let fold = async {
        while let Err(error) = tail.catch_up(|change| take(&directory, change)).await {
            if !error.is_transient() {
                tracing::error!(%error, "the directory can't be read; the doors take nothing in");
                return;
            }
            tokio::time::sleep(RETRY).await;
        }
        directory.set_ready();
        tracing::info!(seq = directory.read_through(), "the directory is read");
        loop {
            match tail.next().await {
                Ok(change) => take(&directory, change),
                Err(error) => {
                    tracing::error!(%error, "the directory can't be read on; the doors go on with what they know");
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = fold => {}
        () = stop.cancelled() => {}
    }
}

fn take(directory: &Directory, change: DirectoryChange) {
    match change.record {
        Ok(record) => directory.apply(change.seq, &record),
        Err(reason) => tracing::warn!(seq = change.seq, reason, "a record of the directory is passed over"),
    }
    counters::directory_read(change.seq);
}
