//! The in-memory twin of the log: the same port, the same promises, the same contract suite, and switches for the
//! faults that a real broker shows once a year. Nothing outlives the process.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future};

use crate::chain;
use crate::port::{
    AppendError, BoxFuture, DIRECTORY, DeskLog, DeskName, DirectoryEntry, DirectoryStream, LogError, LogStore,
};

mod desk;
mod shelf;

pub use desk::MemoryDesk;
use shelf::Shelf;

/// Where the twin takes its timestamps from: ms since 1970 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Logs in memory.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Raw {
    bytes: Bytes,
    is_delivery: bool,
}

struct Inner {
    clock: Clock,
    desks: Mutex<BTreeMap<DeskName, Arc<MemoryDesk>>>,
    raw: Mutex<BTreeMap<[u8; 32], Raw>>,
    directory: Arc<Shelf<DirectoryEntry>>,
}

impl MemoryStore {
    /// An empty store on the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(crate::clock::system_ms))
    }

    /// An empty store on a clock of the caller's.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        let directory = Arc::new(Shelf::new(DIRECTORY));
        let inner = Inner { clock, desks: Mutex::default(), raw: Mutex::default(), directory };
        Self { inner: Arc::new(inner) }
    }

    /// Cuts every connection that reads the directory.
    pub fn cut_directory(&self) {
        self.inner.directory.cut();
    }

    /// A desk's log, made if there is none, with its fault switches.
    #[must_use]
    pub fn desk(&self, desk: &DeskName) -> Arc<MemoryDesk> {
        let mut desks = self.inner.desks.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(MemoryDesk::new(desk.clone(), self.inner.clock.clone()));
        desks.entry(desk.clone()).or_insert_with(make).clone()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn put(&self, digest: [u8; 32], bytes: Bytes, is_delivery: bool) -> Result<(), LogError> {
        if chain::digest(&bytes) != digest {
            let reason = format!("the bytes do not have the digest {}", hex::encode(digest));
            return Err(LogError::Broken { desk: "(raw objects)".into(), seq: 0, reason });
        }
        let mut raw = self.raw.lock().unwrap_or_else(PoisonError::into_inner);
        raw.entry(digest).or_insert(Raw { bytes, is_delivery });
        Ok(())
    }

    fn get(&self, digest: [u8; 32]) -> Option<Raw> {
        self.raw.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()
    }
}

impl Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let desks = self.inner.desks.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("MemoryStore").field("desks", &desks.keys()).finish_non_exhaustive()
    }
}

impl LogStore for MemoryStore {
    fn create(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        let log: Arc<dyn DeskLog> = self.desk(desk);
        future::ready(Ok(log)).boxed()
    }

    fn open(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        let desks = self.inner.desks.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match desks.get(desk) {
            Some(log) if log.is_known() => Ok(log.clone() as Arc<dyn DeskLog>),
            _ => Err(LogError::NoSuchDesk { desk: desk.to_string() }),
        };
        future::ready(found).boxed()
    }

    fn desks(&self) -> BoxFuture<'_, Result<Vec<DeskName>, LogError>> {
        let desks = self.inner.desks.lock().unwrap_or_else(PoisonError::into_inner);
        future::ready(Ok(desks.keys().cloned().collect())).boxed()
    }

    fn put_raw(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        future::ready(self.inner.put(digest, bytes, false)).boxed()
    }

    fn put_delivery(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        future::ready(self.inner.put(digest, bytes, true)).boxed()
    }

    fn get_delivery(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        let found = self.inner.get(digest).filter(|raw| raw.is_delivery);
        future::ready(Ok(found.map(|raw| raw.bytes))).boxed()
    }

    fn get_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        future::ready(Ok(self.inner.get(digest).map(|raw| raw.bytes))).boxed()
    }

    fn has_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<bool, LogError>> {
        let raw = self.inner.raw.lock().unwrap_or_else(PoisonError::into_inner);
        future::ready(Ok(raw.contains_key(&digest))).boxed()
    }

    fn list_raw(&self) -> BoxFuture<'_, Result<Vec<[u8; 32]>, LogError>> {
        let raw = self.inner.raw.lock().unwrap_or_else(PoisonError::into_inner);
        future::ready(Ok(raw.keys().copied().collect())).boxed()
    }

    fn remove_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<(), LogError>> {
        self.inner.raw.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest);
        future::ready(Ok(())).boxed()
    }

    fn append_directory(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        let at_ms = (self.inner.clock)();
        let seq = self.inner.directory.push(|seq| DirectoryEntry { seq, at_ms, payload, is_cursor: false });
        future::ready(Ok(seq)).boxed()
    }

    fn append_cursors(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        let at_ms = (self.inner.clock)();
        let push = |seq| DirectoryEntry { seq, at_ms, payload, is_cursor: true };
        future::ready(Ok(self.inner.directory.push(push))).boxed()
    }

    fn directory_last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        future::ready(Ok(self.inner.directory.len())).boxed()
    }

    fn read_directory(&self, from: u64) -> BoxFuture<'_, Result<DirectoryStream, LogError>> {
        future::ready(Ok(self.inner.directory.clone().read(from).boxed())).boxed()
    }
}
