//! The log as it was before it was pruned: older records and raw objects come out of the archive, everything else from
//! the live log, and nobody who reads sees where one ends and the other begins.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use simpang_log::{
    AppendError, BoxFuture, CommitError, DeskLog, DeskName, DirectoryStream, Door, LogError, LogStore,
    Record, RecordStream,
};

use crate::ArchiveError;
use crate::folder::{Archive, RawObject, log_error};

/// What errors call the raw objects.
const RAW: &str = "(raw objects)";

/// A store with an archive before it.
#[derive(Debug, Clone)]
pub struct Archived {
    live: Arc<dyn LogStore>,
    archive: Archive,
}

/// A desk's log with its archive before it.
#[derive(Debug, Clone)]
struct ArchivedDesk {
    live: Arc<dyn DeskLog>,
    archive: Archive,
}

impl Archived {
    /// Puts an archive before a store.
    #[must_use]
    pub fn new(live: Arc<dyn LogStore>, archive: Archive) -> Self {
        Self { live, archive }
    }

    fn desk(&self, live: Arc<dyn DeskLog>) -> Arc<dyn DeskLog> {
        Arc::new(ArchivedDesk { live, archive: self.archive.clone() })
    }

    /// An object out of the archive.
    async fn archived(&self, digest: [u8; 32]) -> Result<Option<RawObject>, LogError> {
        let found = self.files(move |archive| archive.raw(&digest)).await?;
        found.map_err(|error| raw_error(&error))
    }

    /// Looks into the archive's files, on a thread that may wait for them.
    async fn files<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Archive) -> T + Send + 'static,
    ) -> Result<T, LogError> {
        in_files(RAW, &self.archive, look).await
    }
}

async fn in_files<T: Send + 'static>(
    desk: &str,
    archive: &Archive,
    look: impl FnOnce(&Archive) -> T + Send + 'static,
) -> Result<T, LogError> {
    let archive = archive.clone();
    let looked = tokio::task::spawn_blocking(move || look(&archive)).await;
    looked.map_err(|error| LogError::Unavailable { desk: desk.to_owned(), reason: error.to_string() })
}

fn raw_error(error: &ArchiveError) -> LogError {
    LogError::Broken { desk: RAW.to_owned(), seq: 0, reason: format!("archive: {error}") }
}

impl LogStore for Archived {
    fn create(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        let desk = desk.clone();
        async move { Ok(self.desk(self.live.create(&desk).await?)) }.boxed()
    }

    fn open(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        let desk = desk.clone();
        async move { Ok(self.desk(self.live.open(&desk).await?)) }.boxed()
    }

    fn desks(&self) -> BoxFuture<'_, Result<Vec<DeskName>, LogError>> {
        self.live.desks()
    }

    fn put_raw(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        self.live.put_raw(digest, bytes)
    }

    fn put_delivery(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        self.live.put_delivery(digest, bytes)
    }

    fn get_delivery(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        async move {
            if let Some(bytes) = self.live.get_delivery(digest).await? {
                return Ok(Some(bytes));
            }
            let found = self.archived(digest).await?.filter(|object| object.is_delivery);
            Ok(found.map(|object| object.bytes))
        }
        .boxed()
    }

    fn get_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        async move {
            if let Some(bytes) = self.live.get_raw(digest).await? {
                return Ok(Some(bytes));
            }
            Ok(self.archived(digest).await?.map(|object| object.bytes))
        }
        .boxed()
    }

    fn has_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<bool, LogError>> {
        async move {
            Ok(self.live.has_raw(digest).await?
                || self.files(move |archive| archive.has_raw(&digest)).await?)
        }
        .boxed()
    }

    fn list_raw(&self) -> BoxFuture<'_, Result<Vec<[u8; 32]>, LogError>> {
        async move {
            let mut all = self.live.list_raw().await?;
            let archived = self.files(Archive::list_raw).await?;
            all.extend(archived.map_err(|error| raw_error(&error))?);
            all.sort_unstable();
            all.dedup();
            Ok(all)
        }
        .boxed()
    }

    fn remove_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<(), LogError>> {
        self.live.remove_raw(digest)
    }

    fn append_directory(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.live.append_directory(payload)
    }

    fn append_cursors(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.live.append_cursors(payload)
    }

    fn directory_last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.live.directory_last_seq()
    }

    fn read_directory(&self, from: u64) -> BoxFuture<'_, Result<DirectoryStream, LogError>> {
        self.live.read_directory(from)
    }
}

impl DeskLog for ArchivedDesk {
    fn desk(&self) -> &DeskName {
        self.live.desk()
    }

    fn append(&self, door: Door, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.live.append(door, payload)
    }

    fn commit(&self, payload: Bytes, previous_seq: u64) -> BoxFuture<'_, Result<u64, CommitError>> {
        self.live.commit(payload, previous_seq)
    }

    fn last_commit(&self) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.live.last_commit()
    }

    fn get(&self, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        async move {
            if let Some(record) = self.live.get(seq).await? {
                return Ok(Some(record));
            }
            if seq == 0 || seq >= self.live.first_seq().await? {
                return Ok(None);
            }
            let desk = self.desk().clone();
            let look = move |archive: &Archive| archive.get(&desk, seq);
            let found = in_files(self.desk().as_str(), &self.archive, look).await?;
            found.map_err(|error| log_error(self.desk(), &error))
        }
        .boxed()
    }

    /// Of the live log: what the archive holds does not move it.
    fn first_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.live.first_seq()
    }

    fn last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.live.last_seq()
    }

    fn trim(&self, first: u64) -> BoxFuture<'_, Result<(), LogError>> {
        self.live.trim(first)
    }

    fn losses(&self) -> u64 {
        self.live.losses()
    }

    fn read(&self, from: u64) -> BoxFuture<'_, Result<RecordStream, LogError>> {
        async move {
            let (from, first) = (from.max(1), self.live.first_seq().await?);
            if from >= first {
                return self.live.read(from).await;
            }
            let desk = self.desk().clone();
            let look = move |archive: &Archive| archive.read(&desk, from, first);
            let archived = in_files(self.desk().as_str(), &self.archive, look).await?;
            let archived = archived.map_err(|error| log_error(self.desk(), &error))?;
            // More may have been pruned meanwhile: where the archive ends, it is asked again.
            let later = self.clone();
            let rest = stream::once(async move { later.read(first).await }).try_flatten();
            Ok(archived.chain(rest).boxed())
        }
        .boxed()
    }
}
