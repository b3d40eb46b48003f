//! Reading the customer directory: records in order, decoded, live, across reconnects. The directory has many
//! writers and no chain; a gap, a step back or a schema newer than known stops the reader all the same.

use std::fmt::{self, Debug};
use std::sync::Arc;

use futures_util::StreamExt;
use prost::Message;
use simpang_proto::log::v1::DirectoryRecord;
use tracing::warn;

use crate::SCHEMA;
use crate::backoff::Backoff;
use crate::port::{DIRECTORY, DirectoryEntry, DirectoryStream, LogError, LogStore};
use crate::tail::leading_schema;

/// A record of the directory.
#[derive(Debug, Clone)]
pub struct DirectoryChange {
    /// Stream sequence.
    pub seq: u64,
    /// The broker's timestamp, ms since 1970 UTC.
    pub at_ms: i64,
    /// Customers, new or changed; or why the record can't be decoded, to be counted and passed over.
    pub record: Result<DirectoryRecord, String>,
}

/// A reader of the customer directory.
pub struct DirectoryTail {
    store: Arc<dyn LogStore>,
    position: u64,
    stood_at_open: u64,
    last: Option<DirectoryEntry>,
    stream: Option<DirectoryStream>,
    backoff: Backoff,
    failed: Option<LogError>,
}

impl DirectoryTail {
    /// Begins to read after a position: 0 for everything, or what [`position`](Self::position) said before.
    #[must_use]
    pub fn start(store: Arc<dyn LogStore>, position: u64) -> Self {
        Self {
            store,
            position,
            stood_at_open: u64::MAX,
            last: None,
            stream: None,
            backoff: Backoff::new(),
            failed: None,
        }
    }

    /// The next record, however long that takes. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`LogError::Broken`] and whatever else trying again can't help. It then stays so.
    pub async fn next(&mut self) -> Result<DirectoryChange, LogError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.fetch().await;
        if let Err(error) = &result {
            self.failed = Some(error.clone());
            self.stream = None;
        }
        result
    }

    /// Sequence of the last record that was read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Reads what stands on the directory now, handing each record to `each`, and returns when there is no more.
    ///
    /// # Errors
    /// As [`next`](Self::next); and [`LogError::Unavailable`] when the directory can't be reached to begin with.
    pub async fn catch_up(&mut self, mut each: impl FnMut(DirectoryChange)) -> Result<(), LogError> {
        let until = self.store.directory_last_seq().await?;
        while self.position < until {
            each(self.next().await?);
        }
        Ok(())
    }

    /// Whether everything was read that stood there when the directory was last opened.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.position >= self.stood_at_open
    }

    async fn fetch(&mut self) -> Result<DirectoryChange, LogError> {
        loop {
            let Some(stream) = &mut self.stream else {
                self.open().await?;
                continue;
            };
            match stream.next().await {
                Some(Ok(entry)) => {
                    self.backoff.worked();
                    if !self.is_known(&entry)? {
                        return self.take_in(entry);
                    }
                }
                Some(Err(error)) if !error.is_transient() => return Err(error),
                Some(Err(error)) => self.lost_connection(&error.to_string()),
                None => self.lost_connection("the stream of records ended"),
            }
        }
    }

    fn lost_connection(&mut self, reason: &str) {
        warn!(position = self.position, reason, "lost the directory, will read on when it is back");
        self.stream = None;
        self.backoff.failed();
    }

    async fn open(&mut self) -> Result<(), LogError> {
        self.backoff.due().await;
        match self.try_open().await {
            Err(error) if error.is_transient() => self.lost_connection(&error.to_string()),
            opened => opened?,
        }
        Ok(())
    }

    async fn try_open(&mut self) -> Result<(), LogError> {
        let stands = self.store.directory_last_seq().await?;
        if stands < self.position {
            let reason = format!("the directory ends here, but {} records were read before", self.position);
            return Err(broken(stands, &reason));
        }
        let from = self.last.as_ref().map_or(self.position + 1, |last| last.seq);
        self.stream = Some(self.store.read_directory(from).await?);
        self.stood_at_open = stands;
        Ok(())
    }

    fn is_known(&self, entry: &DirectoryEntry) -> Result<bool, LogError> {
        let expected = self.position + 1;
        match &self.last {
            Some(last) if last == entry => Ok(true),
            Some(last) if last.seq == entry.seq => {
                Err(broken(entry.seq, "another record stands here than before the connection was lost"))
            }
            _ if entry.seq == expected => Ok(false),
            _ => Err(broken(entry.seq, &format!("sequence {expected} has to come here"))),
        }
    }

    fn take_in(&mut self, entry: DirectoryEntry) -> Result<DirectoryChange, LogError> {
        let newer = |schema| {
            let reason =
                format!("the record has schema {schema}, this program knows {SCHEMA}: start a newer program");
            LogError::Broken { desk: DIRECTORY.into(), seq: entry.seq, reason }
        };
        if let Some(schema) = leading_schema(&entry.payload).filter(|schema| *schema > SCHEMA) {
            return Err(newer(schema));
        }
        let record = match DirectoryRecord::decode(entry.payload.clone()) {
            Ok(record) if record.schema > SCHEMA => return Err(newer(record.schema)),
            Ok(record) if record.schema == 0 => Err("the record states no schema".to_owned()),
            Ok(record) => Ok(of_its_subject(record, entry.is_cursor)),
            Err(error) => Err(format!("the record is no DirectoryRecord: {error}")),
        };
        let change = DirectoryChange { seq: entry.seq, at_ms: entry.at_ms, record };
        self.position = entry.seq;
        self.last = Some(entry);
        Ok(change)
    }
}

/// What counts of a record on the subject where it stands: a door could write customers on the other, but there nobody
/// reads them.
fn of_its_subject(record: DirectoryRecord, is_cursor: bool) -> DirectoryRecord {
    match is_cursor {
        true => {
            DirectoryRecord { customers: Vec::new(), desks: Vec::new(), suppressed: Vec::new(), ..record }
        }
        false => DirectoryRecord { cursors: Vec::new(), ..record },
    }
}

impl Debug for DirectoryTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryTail").field("position", &self.position).finish_non_exhaustive()
    }
}

fn broken(seq: u64, what: &str) -> LogError {
    let reason =
        format!("{what}: the broker lost its tail; restore the directory from an archive or another replica");
    LogError::Broken { desk: DIRECTORY.into(), seq, reason }
}
