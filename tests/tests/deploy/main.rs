//! What `deploy/` says, tried on real servers: each service's user on the broker can do its work and nothing else,
//! three servers keep a log going when one is killed, a backup restores, and the files say what the programs read.
//!
//! No container engine is needed: the deployed configuration runs as it stands, but for addresses and folders.

#![allow(clippy::unwrap_used, clippy::panic)]

mod backup;
mod broker;
mod client;
mod cluster;
mod files;
mod permissions;
mod processes;
mod roles;
mod waiting;

use std::path::PathBuf;
use std::time::Duration;

/// The repository's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap().to_owned()
}

/// Fails a test that waits for what does not come.
async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(seconds);
    tokio::time::timeout(limit, future).await.unwrap_or_else(|_| panic!("not done within {limit:?}"))
}

/// Asks again and again until there is an answer.
async fn until<T, F: Future<Output = Option<T>>>(seconds: u64, mut ask: impl FnMut() -> F) -> T {
    within(seconds, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}
