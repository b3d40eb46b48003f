//! Makes snapshots while the desk goes on: a copy of it is brought up to date from the last snapshot and the log, on a
//! thread of its own, and written down. The desk that judges is never looked at, so it never waits; the price is a
//! second copy in memory for as long as it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use simpang_log::tail::{Body, Tail};
use simpang_log::{Anchor, DeskLog, LogError};
use simpang_replay::fold::Fold;
use simpang_replay::snapshot::describe;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Folder;
use crate::Snapshots;

/// A snapshot begins no sooner than this many times what the last one took after it: at most this share of a
/// processor goes into them.
const REST: u32 = 10;

/// Looks when a desk needs another snapshot.
#[derive(Debug)]
pub(crate) struct Scribe {
    folder: Folder,
    every_events: u64,
    since: u64,
    rests_until: Instant,
    work: Option<tokio::task::JoinHandle<Duration>>,
    /// Number of the commit that the newest snapshot is of, as far as this router made it.
    newest: Arc<AtomicU64>,
}

impl Scribe {
    /// Keeps them so.
    pub(crate) fn new(kept: &Snapshots) -> Self {
        Self {
            folder: Folder::new(&kept.dir),
            every_events: kept.every_events,
            since: 0,
            rests_until: Instant::now(),
            work: None,
            newest: Arc::default(),
        }
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Notes that a commit with so many events stands; begins a snapshot when it is time.
    pub(crate) async fn committed(
        &mut self,
        log: &Arc<dyn DeskLog>,
        events: usize,
        cancel: &CancellationToken,
    ) {
        self.since += events as u64;
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
        let copying = Copying { folder: self.folder.clone(), log: log.clone(), newest: self.newest.clone() };
        let (handle, cancel) = (Handle::current(), cancel.clone());
        self.work = Some(tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            if let Some(Err(error)) = handle.block_on(cancel.run_until_cancelled(copying.run())) {
                warn!(desk = %copying.log.desk(), %error, "no snapshot was made, will try again later");
            }
            begun.elapsed()
        }));
    }

    /// Waits for a snapshot that is being made; says of which commit the newest is, as far as this router made any.
    pub(crate) async fn rest(&mut self) -> u64 {
        if let Some(work) = self.work.take() {
            let _ = work.await;
        }
        self.newest.load(Ordering::Acquire)
    }
}

/// A desk being brought up to date to be written down.
struct Copying {
    folder: Folder,
    log: Arc<dyn DeskLog>,
    newest: Arc<AtomicU64>,
}

impl Copying {
    async fn run(&self) -> Result<(), LogError> {
        let desk = self.log.desk();
        let until = self.log.last_seq().await?;
        let (anchor, mut fold) = match self.folder.load(desk) {
            Some((at, fold)) => (Anchor::Commit(at), fold),
            None => (Anchor::Start, Fold::new(desk)),
        };
        let mut tail = Tail::start(self.log.clone(), anchor);
        // A commit may end within a record; some later one does not.
        let at = loop {
            let entry = tail.next().await?;
            fold.follow(&entry)?;
            let ends = matches!(entry.body, Body::Commit { .. }) && fold.is_between_records();
            if let Some(at) = tail.anchor().commit().filter(|_| ends && entry.seq >= until) {
                break *at;
            }
        };
        self.folder.keep(desk, &describe(desk, &at, &fold.desk), fold.desk.state());
        self.newest.fetch_max(at.number, Ordering::Release);
        Ok(())
    }
}
