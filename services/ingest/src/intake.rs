//! What all doors share: raw bytes to the object store, inputs to the desks' logs. "Accepted" is said only after the
//! log's acknowledgement; whatever else happens is "bring it again", which idempotency keys make harmless.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use dashmap::DashMap;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use simpang_channels::{AttachmentBody, Parsed};
use simpang_log::appender::{Appender, Limits, Place};
use simpang_log::{AppendError, DeskName, Door, LogError, LogStore};
use simpang_proto::log::v1::{DirectoryRecord, Input, SourceCursor};
use simpang_wire::key::Keyer;
use thiserror::Error;

use crate::counters::{self, Later, Source};
use crate::directory::Directory;
use crate::refusals::Refusals;
use crate::ticket::Ticket;
use crate::upload::Uploads;

/// SHA-256 of raw bytes.
pub(crate) type Digest = [u8; 32];

/// Nothing was promised: the sender has to bring it again.
#[derive(Debug, Clone, Error)]
pub(crate) enum Away {
    /// The log or the object store can't be used.
    #[error("{0}; send the same again")]
    Log(#[from] LogError),
    /// The input was not acknowledged.
    #[error("{0}; send the same again")]
    Append(#[from] AppendError),
    /// The table of accounts is not there yet.
    #[error("the directory is not read yet; send the same again")]
    Directory,
    /// The reader of a message did not come to its end.
    #[error("the message was not read: {0}; send the same again")]
    Reader(String),
}

impl Away {
    /// Why, for the counter.
    pub(crate) fn later(&self) -> Later {
        match self {
            Self::Log(_) | Self::Append(_) => Later::Log,
            Self::Directory => Later::Directory,
            Self::Reader(_) => Later::Reader,
        }
    }
}

/// How many keys are remembered to count repeats.
const RECENT_MAX: usize = 1 << 16;

/// The keys of the latest inputs.
#[derive(Debug, Default)]
struct Recent {
    known: HashSet<[u8; 16]>,
    order: VecDeque<[u8; 16]>,
}

impl Recent {
    fn is_repeat(&mut self, key: [u8; 16]) -> bool {
        if !self.known.insert(key) {
            return true;
        }
        self.order.push_back(key);
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }
}

/// The shared part of all doors.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) directory: Arc<Directory>,
    pub(crate) keyer: Keyer,
    store: Arc<dyn LogStore>,
    writer: String,
    desks: DashMap<DeskName, Appender>,
    recent: Mutex<Recent>,
    pub(crate) refusals: Refusals,
    pub(crate) uploads: Uploads,
}

impl Intake {
    pub(crate) fn new(
        store: Arc<dyn LogStore>,
        keyer: Keyer,
        directory: Arc<Directory>,
        writer: &str,
    ) -> Self {
        Self {
            directory,
            keyer,
            store,
            writer: writer.to_owned(),
            desks: DashMap::new(),
            recent: Mutex::default(),
            refusals: Refusals::default(),
            uploads: Uploads::default(),
        }
    }

    /// With another limit on files.
    pub(crate) fn with_attachment_bytes(mut self, most: usize) -> Self {
        self.uploads = Uploads::new(most);
        self
    }

    /// Who writes here.
    pub(crate) fn writer(&self) -> &str {
        &self.writer
    }

    /// Appends a record to the directory.
    pub(crate) async fn tell_directory(&self, record: Bytes) -> Result<(), Away> {
        self.store.append_directory(record).await?;
        Ok(())
    }

    /// Says that the table of accounts is not there yet.
    pub(crate) fn check_ready(&self) -> Result<(), Away> {
        if self.directory.is_ready() { Ok(()) } else { Err(Away::Directory) }
    }

    /// Keeps raw bytes; gives their digest.
    pub(crate) async fn keep(&self, bytes: Bytes) -> Result<Digest, Away> {
        let digest: Digest = Sha256::digest(&bytes).into();
        let size = bytes.len();
        self.kept(size, self.store.put_raw(digest, bytes).await)?;
        Ok(digest)
    }

    /// Keeps what a channel delivered, so that it can be read again; gives its digest.
    pub(crate) async fn keep_delivery(&self, bytes: Bytes) -> Result<Digest, Away> {
        let digest: Digest = Sha256::digest(&bytes).into();
        let size = bytes.len();
        self.kept(size, self.store.put_delivery(digest, bytes).await)?;
        Ok(digest)
    }

    fn kept(&self, size: usize, kept: Result<(), LogError>) -> Result<(), Away> {
        self.refusals.note("raw objects", &kept);
        kept?;
        counters::raw_kept(size);
        Ok(())
    }

    /// Keeps the attachments that came with a message, each under the digest that its record names.
    pub(crate) async fn keep_attachments(&self, parsed: &Parsed) -> Result<(), Away> {
        for attachment in &parsed.content.attachments {
            if let AttachmentBody::Bytes(bytes) = &attachment.body {
                self.keep(Bytes::copy_from_slice(bytes)).await?;
            }
        }
        Ok(())
    }

    /// Whether something is kept under a digest.
    pub(crate) async fn is_kept(&self, digest: Digest) -> Result<bool, Away> {
        Ok(self.store.has_raw(digest).await?)
    }

    /// Appends one input to a desk's log and waits for the acknowledgement.
    pub(crate) async fn append(&self, source: Source, desk: &DeskName, input: &Input) -> Result<Place, Away> {
        let began = Instant::now();
        let place = self.submit(source, desk, input).await?.place().await?;
        counters::appended(began.elapsed());
        Ok(place)
    }

    /// Queues one input for a desk's log. Inputs stand there in the order queued.
    pub(crate) async fn submit(
        &self,
        source: Source,
        desk: &DeskName,
        input: &Input,
    ) -> Result<Ticket, Away> {
        let begun = simpang_trace::now_ns();
        let ticket = self.appender(desk).await?.submit(input).await?;
        self.note(source, input);
        Ok(Ticket::new(ticket, desk, &input.traceparent, begun, self.refusals.clone()))
    }

    /// Counts an input that was brought before. It goes to the log all the same: what a repeat is, the desk says.
    fn note(&self, source: Source, input: &Input) {
        let Ok(key) = <[u8; 16]>::try_from(&input.key[..]) else { return };
        if self.recent.lock().unwrap_or_else(PoisonError::into_inner).is_repeat(key) {
            counters::repeated(source);
        }
    }

    /// Writes down how far a source was read. Only after everything up to there stands on the desks' logs.
    pub(crate) async fn keep_cursor(&self, source: &str, position: &str) -> Result<(), Away> {
        let cursor = SourceCursor { source: source.to_owned(), position: position.to_owned() };
        let record = DirectoryRecord {
            schema: simpang_log::SCHEMA,
            writer: self.writer.clone(),
            cursors: vec![cursor],
            ..DirectoryRecord::default()
        };
        self.store.append_cursors(record.encode_to_vec().into()).await?;
        Ok(())
    }

    async fn appender(&self, desk: &DeskName) -> Result<Appender, Away> {
        if let Some(appender) = self.desks.get(desk) {
            return Ok(appender.clone());
        }
        let log = self.store.open(desk).await?;
        let make = || Appender::new(log, Door::Ingest, &self.writer, Limits::default());
        Ok(self.desks.entry(desk.clone()).or_insert_with(make).clone())
    }
}
