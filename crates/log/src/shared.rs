//! One reader of each desk's log for everybody in a process. A router, a gateway, views and deliverers follow the same
//! records; asked for once, they cost the broker one delivery instead of one each. [`SharedStore`] is put before any
//! other store and keeps its contract: what it hands out stands on the log as surely as what the store below does.
//!
//! Who begins far behind reads the store by itself until it is near the end, and then takes what the ring holds. The
//! shared reader waits for nobody: who falls out of the ring reads by itself again.

use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Debug};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use crate::port::{
    AppendError, CommitError, DeskLog, DeskName, DirectoryStream, Door, LogError, LogStore, Record,
    RecordStream,
};

mod ring;

use ring::{Ring, Taken};

/// A store whose desks are read once for all readers in the process.
pub struct SharedStore {
    inner: Arc<dyn LogStore>,
    desks: std::sync::Mutex<HashMap<DeskName, Arc<SharedLog>>>,
}

impl SharedStore {
    /// Before a store.
    #[must_use]
    pub fn new(inner: Arc<dyn LogStore>) -> Self {
        Self { inner, desks: std::sync::Mutex::default() }
    }

    /// The one log of a desk that all its readers share.
    fn shared(&self, log: &Arc<dyn DeskLog>) -> Arc<dyn DeskLog> {
        let mut desks = self.desks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let make = || Arc::new(SharedLog { inner: log.clone(), hub: Mutex::default() });
        desks.entry(log.desk().clone()).or_insert_with(make).clone()
    }
}

impl Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedStore").field(&self.inner).finish()
    }
}

/// A desk's log with at most one reader that follows its end.
struct SharedLog {
    inner: Arc<dyn DeskLog>,
    hub: Mutex<Weak<Hub>>,
}

/// The reader at the end of a log. Ends with the last of those who read by it.
struct Hub {
    ring: Arc<Ring>,
    /// How often the connection had been lost when it began. After another loss what it holds may stand no more.
    losses: u64,
    task: AbortHandle,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SharedLog {
    /// The reader that runs, or another if it has ended or the connection was lost since.
    async fn hub(&self) -> Result<Arc<Hub>, LogError> {
        let mut slot = self.hub.lock().await;
        let losses = self.inner.losses();
        if let Some(hub) = slot.upgrade().filter(|hub| hub.losses == losses && !hub.ring.has_ended()) {
            return Ok(hub);
        }
        let next = self.inner.last_seq().await? + 1;
        let records = self.inner.read(next).await?;
        let ring = Arc::new(Ring::new(self.inner.desk(), next));
        let task = tokio::spawn(fill(records, Arc::clone(&ring))).abort_handle();
        let hub = Arc::new(Hub { ring, losses, task });
        *slot = Arc::downgrade(&hub);
        Ok(hub)
    }
}

async fn fill(mut records: RecordStream, ring: Arc<Ring>) {
    while let Some(record) = records.next().await {
        match record {
            Ok(record) => ring.push(record),
            Err(error) => return ring.end(error),
        }
    }
    ring.end(ring.ended_early());
}

/// One who reads.
struct Reader {
    log: Arc<dyn DeskLog>,
    hub: Arc<Hub>,
    seat: u64,
    next: u64,
    taken: VecDeque<Record>,
    /// While it is too far behind for the ring.
    own: Option<RecordStream>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.hub.ring.leave(self.seat);
    }
}

impl Reader {
    async fn take(&mut self) -> Result<Record, LogError> {
        loop {
            if let Some(record) = self.taken.pop_front() {
                self.next = record.seq + 1;
                return Ok(record);
            }
            match self.hub.ring.take(self.seat, self.next, self.own.is_none()) {
                Taken::Records(records) => {
                    self.taken = records;
                    self.own = None;
                }
                Taken::NotYet => self.hub.ring.comes(self.next).await,
                Taken::Ended(error) => return Err(error),
                Taken::Gone => {
                    let record = self.read_alone().await?;
                    self.next = record.seq + 1;
                    return Ok(record);
                }
            }
        }
    }

    async fn read_alone(&mut self) -> Result<Record, LogError> {
        let own = match &mut self.own {
            Some(own) => own,
            none => none.insert(self.log.read(self.next).await?),
        };
        own.next().await.unwrap_or_else(|| Err(self.hub.ring.ended_early()))
    }
}

impl Debug for SharedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedLog").field(&self.inner).finish()
    }
}

impl DeskLog for SharedLog {
    fn desk(&self) -> &DeskName {
        self.inner.desk()
    }

    fn append(&self, door: Door, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.inner.append(door, payload)
    }

    fn commit(&self, payload: Bytes, previous_seq: u64) -> BoxFuture<'_, Result<u64, CommitError>> {
        self.inner.commit(payload, previous_seq)
    }

    fn last_commit(&self) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.inner.last_commit()
    }

    fn get(&self, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.inner.get(seq)
    }

    fn first_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.inner.first_seq()
    }

    fn last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.inner.last_seq()
    }

    fn trim(&self, first: u64) -> BoxFuture<'_, Result<(), LogError>> {
        self.inner.trim(first)
    }

    fn losses(&self) -> u64 {
        self.inner.losses()
    }

    fn read(&self, from: u64) -> BoxFuture<'_, Result<RecordStream, LogError>> {
        async move {
            let hub = self.hub().await?;
            let next = from.max(1);
            let seat = hub.ring.join(next);
            let log = Arc::clone(&self.inner);
            let reader = Reader { log, hub, seat, next, taken: VecDeque::new(), own: None };
            let records = stream::unfold(Some(reader), |reader| async {
                let mut reader = reader?;
                match reader.take().await {
                    Ok(record) => Some((Ok(record), Some(reader))),
                    Err(error) => Some((Err(error), None)),
                }
            });
            Ok(records.boxed())
        }
        .boxed()
    }
}

impl LogStore for SharedStore {
    fn create(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        let desk = desk.clone();
        async move { Ok(self.shared(&self.inner.create(&desk).await?)) }.boxed()
    }

    fn open(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        let desk = desk.clone();
        async move { Ok(self.shared(&self.inner.open(&desk).await?)) }.boxed()
    }

    fn desks(&self) -> BoxFuture<'_, Result<Vec<DeskName>, LogError>> {
        self.inner.desks()
    }

    fn put_raw(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        self.inner.put_raw(digest, bytes)
    }

    fn put_delivery(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        self.inner.put_delivery(digest, bytes)
    }

    fn get_delivery(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        self.inner.get_delivery(digest)
    }

    fn get_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        self.inner.get_raw(digest)
    }

    fn has_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<bool, LogError>> {
        self.inner.has_raw(digest)
    }

    fn list_raw(&self) -> BoxFuture<'_, Result<Vec<[u8; 32]>, LogError>> {
        self.inner.list_raw()
    }

    fn remove_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<(), LogError>> {
        self.inner.remove_raw(digest)
    }

    fn append_directory(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.inner.append_directory(payload)
    }

    fn append_cursors(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.inner.append_cursors(payload)
    }

    fn directory_last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.inner.directory_last_seq()
    }

    fn read_directory(&self, from: u64) -> BoxFuture<'_, Result<DirectoryStream, LogError>> {
        self.inner.read_directory(from)
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, DeskName, LogStore, SharedStore};
    use crate::MemoryStore;

    #[tokio::test]
    async fn all_who_read_share_a_reader_until_it_ends_or_the_connection_is_lost() {
        let (memory, name) = (MemoryStore::new(), DeskName::new("shared").unwrap());
        let below = memory.desk(&name);
        let store = SharedStore::new(Arc::new(memory));
        store.open(&name).await.unwrap();
        let shared = store.desks.lock().unwrap()[&name].clone();
        let first = shared.hub().await.unwrap();
        assert!(Arc::ptr_eq(&first, &shared.hub().await.unwrap()), "the one that runs");
        first.ring.end(first.ring.ended_early());
        let second = shared.hub().await.unwrap();
        assert!(!Arc::ptr_eq(&first, &second), "another when it has ended");
        below.cut_connections();
        assert!(!Arc::ptr_eq(&second, &shared.hub().await.unwrap()), "and when the connection was lost");
    }
}
