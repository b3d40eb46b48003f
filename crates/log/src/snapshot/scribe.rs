//! Makes snapshots while a reader goes on: a copy of what it made of the log is brought up to date from the last
//! snapshot and the log, on a thread of its own, and written down. The one that is in use is never looked at, so it
//! never waits; the price is a second copy in memory for as long as it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::resume::newest;
use super::{Folder, Kept, Snapshots};
use crate::port::{DeskLog, LogError};
use crate::tail::{Body, Tail};

/// A snapshot begins no sooner than this many times what the last one took after it: at most this share of a
/// processor goes into them.
const REST: u32 = 10;

/// Looks when a desk needs another snapshot.
#[derive(Debug)]
pub struct Scribe<K: Kept> {
    folder: Folder,
    setting: K::Setting,
    every_events: u64,
    since: u64,
    rests_until: Instant,
    work: Option<tokio::task::JoinHandle<Duration>>,
    /// Number of the commit that the newest snapshot is of, as far as this process made it.
    newest: Arc<AtomicU64>,
}

impl<K: Kept> Scribe<K> {
    /// Keeps them so.
    #[must_use]
    pub fn new(kept: &Snapshots, setting: K::Setting) -> Self {
        Self {
            folder: kept.folder.clone(),
            setting,
            every_events: kept.every_events,
            since: 0,
            rests_until: Instant::now(),
            work: None,
            newest: Arc::default(),
        }
    }

    /// Where they are kept.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Notes that a commit with so many events was read that the last snapshot does not have.
    pub fn note(&mut self, events: usize) {
        self.since += events as u64;
    }

    /// Begins a snapshot when it is time.
    pub async fn look(&mut self, log: &Arc<dyn DeskLog>, cancel: &CancellationToken) {
        if self.since < self.every_events || Instant::now() < self.rests_until {
            return;
        }
        match self.work.take() {
            Some(work) if !work.is_finished() => {
                self.work = Some(work);
                return;
            }
            Some(work) => {
                let took = work.await.unwrap_or_default();
                self.rests_until = Instant::now() + took * REST;
                if Instant::now() < self.rests_until {
                    return;
                }
            }
            None => {}
        }
        self.since = 0;
        let copying = Copying::<K> {
            folder: self.folder.clone(),
            setting: self.setting.clone(),
            log: log.clone(),
            newest: self.newest.clone(),
        };
        let cancel = cancel.clone();
        self.work = Some(if self.folder.is_slow() {
            let handle = Handle::current();
            tokio::task::spawn_blocking(move || handle.block_on(copying.until(&cancel)))
        } else {
            tokio::spawn(async move { copying.until(&cancel).await })
        });
    }

    /// Waits for a snapshot that is being made; says of which commit the newest is, as far as this process made any.
    pub async fn rest(&mut self) -> u64 {
        if let Some(work) = self.work.take() {
            let _ = work.await;
        }
        self.newest.load(Ordering::Acquire)
    }
}

/// A copy being brought up to date to be written down.
struct Copying<K: Kept> {
    folder: Folder,
    setting: K::Setting,
    log: Arc<dyn DeskLog>,
    newest: Arc<AtomicU64>,
}

impl<K: Kept> Copying<K> {
    async fn until(&self, cancel: &CancellationToken) -> Duration {
        let begun = Instant::now();
        if let Some(Err(error)) = cancel.run_until_cancelled(self.run()).await {
            warn!(desk = %self.log.desk(), %error, "no snapshot was made, will try again later");
        }
        begun.elapsed()
    }

    async fn run(&self) -> Result<(), LogError> {
        let desk = self.log.desk();
        let until = self.log.last_seq().await?;
        let (anchor, mut kept) = newest::<K>(&self.folder, &self.setting, &self.log).await?;
        let mut tail = Tail::start(self.log.clone(), anchor);
        // A commit may end within a record or an input; some later one does not.
        let at = loop {
            let entry = tail.next().await?;
            kept.follow(&entry)?;
            let ends = matches!(entry.body, Body::Commit { .. }) && kept.is_whole();
            let last = tail.anchor().commit().copied();
            if let Some(at) = last.filter(|at| ends && at.decided_through.step == 0 && entry.seq >= until) {
                break at;
            }
        };
        self.folder.keep(desk, &kept.describe(desk, &at), &K::METRICS, |give| kept.store(give));
        self.newest.fetch_max(at.number, Ordering::Release);
        Ok(())
    }
}
