//! The port: what a desk's log can do, whoever keeps it.

use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use thiserror::Error;

/// A future on the heap, so that the port can be a trait object.
pub type BoxFuture<'a, T> = futures_util::future::BoxFuture<'a, T>;

/// Records in order, without end: after the last one the stream waits for the next.
pub type RecordStream = BoxStream<'static, Result<Record, LogError>>;

/// Records of the customer directory in order, without end.
pub type DirectoryStream = BoxStream<'static, Result<DirectoryEntry, LogError>>;

/// Name of a desk: `[a-z0-9][a-z0-9-]{0,31}`, but not `directory`, which is the customer directory's own log. It
/// becomes part of a stream's name and of subjects, where `.`, `*`, `>` and spaces would reach other tenants.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeskName(Arc<str>);

/// The customer directory's place among the streams: `SIMPANG_directory`, subject `simpang.directory.change`.
pub const DIRECTORY: &str = "directory";

/// A text that is no desk name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no desk name: 1 to 32 of a-z, 0-9 and `-`, not beginning with `-`, and not `directory`")]
pub struct DeskNameError(String);

impl DeskName {
    /// Checks and keeps a name.
    ///
    /// # Errors
    /// When it has other than 1 to 32 characters of `a-z0-9-`, begins with `-`, or is `directory`.
    pub fn new(name: &str) -> Result<Self, DeskNameError> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let formed = (1..=32).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('-');
        if formed && name != DIRECTORY {
            Ok(Self(name.into()))
        } else {
            Err(DeskNameError(name.chars().take(64).collect()))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for DeskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Debug for DeskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}

/// Which service wrote an input; part of the subject, so that the broker's permissions hold each to its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// Channels and lists.
    Ingest,
    /// Agents, leads, administrators.
    Gateway,
    /// Deliverers.
    Deliver,
    /// The router's own clock.
    Router,
}

impl Door {
    /// All doors.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Gateway, Self::Deliver, Self::Router];

    /// Its token in a subject.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Gateway => "gateway",
            Self::Deliver => "deliver",
            Self::Router => "router",
        }
    }
}

/// Which of the two kinds a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// An `InputRecord` that came by this door.
    Input(Door),
    /// A `Commit`.
    Commit,
}

impl RecordKind {
    /// The subject: `simpang.<desk>.in.<door>` or `simpang.<desk>.commit`.
    #[must_use]
    pub fn subject(self, desk: &DeskName) -> String {
        match self {
            Self::Input(door) => format!("simpang.{desk}.in.{}", door.as_str()),
            Self::Commit => format!("simpang.{desk}.commit"),
        }
    }

    /// Reads a subject of this desk; `None` for any other.
    #[must_use]
    pub fn of_subject(subject: &str, desk: &DeskName) -> Option<Self> {
        let rest = subject.strip_prefix("simpang.")?.strip_prefix(desk.as_str())?.strip_prefix('.')?;
        match rest.strip_prefix("in.") {
            Some(door) => Door::ALL.into_iter().find(|d| d.as_str() == door).map(Self::Input),
            None => (rest == "commit").then_some(Self::Commit),
        }
    }
}

/// One record as it stands on the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Stream sequence, from 1.
    pub seq: u64,
    /// The broker's timestamp, ms since 1970 UTC.
    pub at_ms: i64,
    /// Which kind, from the subject.
    pub kind: RecordKind,
    /// The bytes.
    pub payload: Bytes,
}

/// One record of the customer directory as it stands on `SIMPANG_directory`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Stream sequence, from 1.
    pub seq: u64,
    /// The broker's timestamp, ms since 1970 UTC.
    pub at_ms: i64,
    /// An encoded `DirectoryRecord`.
    pub payload: Bytes,
    /// It stands on the subject of cursors: a door wrote it, and nothing but its cursors counts.
    pub is_cursor: bool,
}

/// Something that keeps the log from being read or reached.
#[derive(Debug, Clone, Error)]
pub enum LogError {
    /// The broker cannot be reached or does not answer. Try again.
    #[error("the log of desk {desk} can't be reached: {reason}")]
    Unavailable {
        /// Desk.
        desk: String,
        /// What the client said.
        reason: String,
    },
    /// The broker does not let this program in, or its address makes no sense. Trying again won't help.
    #[error("the broker refuses this program: {reason}")]
    Denied {
        /// What the client said.
        reason: String,
    },
    /// There is no such desk.
    #[error("there is no desk {desk}: make it with `simpang desk create {desk}`")]
    NoSuchDesk {
        /// Desk.
        desk: String,
    },
    /// The stream exists but is set up so that it can lose or reorder records.
    #[error("the stream of desk {desk} can't be used: {reason}")]
    Misconfigured {
        /// Desk.
        desk: String,
        /// Which setting, what it is, what it has to be.
        reason: String,
    },
    /// The log is not what it was, or not what it has to be: a gap, a step back, a digest that does not match, a
    /// schema that is newer than this program. Never read past it.
    #[error("the log of desk {desk} is broken at sequence {seq}: {reason}")]
    Broken {
        /// Desk.
        desk: String,
        /// Stream sequence.
        seq: u64,
        /// What was expected and what is there, and what to do.
        reason: String,
    },
    /// Older records are asked for than the live log holds: they were archived and pruned, or the broker lost them.
    #[error(
        "the live log of desk {desk} begins at sequence {first}, and {wanted} is asked for: if what stands before was \
         archived and pruned, set log.archive to the archive's folder (docs/archive.md); if nobody pruned it, it is lost \
         (docs/repair.md, \"A damaged store\")"
    )]
    Trimmed {
        /// Desk.
        desk: String,
        /// Where the live log begins.
        first: u64,
        /// The sequence that was asked for.
        wanted: u64,
    },
    /// Nothing was removed from the log.
    #[error("nothing is removed from the log of desk {desk}: {reason}")]
    NotTrimmed {
        /// Desk.
        desk: String,
        /// Why not, and what to do.
        reason: String,
    },
}

impl LogError {
    /// The refusal to trim a log so far that its last commit would go.
    #[must_use]
    pub fn beyond_last_commit(desk: &DeskName, first: u64, last_commit: u64) -> Self {
        let reason = format!(
            "it can't begin at sequence {first}, because its last commit stands at {last_commit} and has to stay"
        );
        Self::NotTrimmed { desk: desk.to_string(), reason }
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// An input record was not appended, or nobody knows.
#[derive(Debug, Clone, Error)]
pub enum AppendError {
    /// Surely not appended.
    #[error("not appended: {0}")]
    Refused(String),
    /// Surely not appended, and never will be: it is larger than what the log takes.
    #[error("not appended: {0}")]
    TooLarge(String),
    /// No answer: it may stand on the log. Sending it again is harmless, since inputs carry idempotency keys.
    #[error("no acknowledgement came: {0}; the same input may be sent again")]
    Unknown(String),
}

/// A commit was not written, or nobody knows.
#[derive(Debug, Clone, Error)]
pub enum CommitError {
    /// The fence: the last commit is not the one this was to follow. Another router has the desk; step down.
    #[error(
        "another commit stands at sequence {last_seq} (expected {expected}): another router has the desk"
    )]
    Fenced {
        /// The previous sequence given.
        expected: u64,
        /// What the broker says is the last; 0 when it does not say.
        last_seq: u64,
    },
    /// Surely not written.
    #[error("not committed: {0}")]
    Refused(String),
    /// No answer: read the last commit back and compare before anything else.
    #[error("no acknowledgement came: {0}; read the last commit back before going on")]
    Unknown(String),
}

/// One desk's log.
pub trait DeskLog: Send + Sync + Debug {
    /// Which desk.
    fn desk(&self) -> &DeskName;

    /// Appends one encoded `InputRecord`; returns its sequence once the log has acknowledged it.
    fn append(&self, door: Door, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>>;

    /// Appends one encoded `Commit` if the last commit stands at `previous_seq` (0: there is none yet); returns its
    /// sequence. This is the fence.
    fn commit(&self, payload: Bytes, previous_seq: u64) -> BoxFuture<'_, Result<u64, CommitError>>;

    /// The last commit, read from the stream's leader (never from a mirror or a follower's direct get).
    fn last_commit(&self) -> BoxFuture<'_, Result<Option<Record>, LogError>>;

    /// The record at a sequence; `None` when there is none (yet).
    fn get(&self, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>>;

    /// Sequence of the first record that can be read; 1 as long as nothing was pruned.
    fn first_seq(&self) -> BoxFuture<'_, Result<u64, LogError>>;

    /// Sequence of the last record; 0 when there is none.
    fn last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>>;

    /// Removes every record before a sequence, for ever: only for who has verified that an archive holds them, and no
    /// service does. The last commit always stays, since the fence and every reader need it.
    ///
    /// # Errors
    /// [`LogError::NotTrimmed`] when the last commit stands before `first`, or the log does not let itself be trimmed.
    fn trim(&self, first: u64) -> BoxFuture<'_, Result<(), LogError>>;

    /// How often the connection to the log was lost so far. What was read stands for sure only as long as this does
    /// not change: a broker that comes back may have lost its tail.
    fn losses(&self) -> u64;

    /// Records from a sequence on, live. Sequences come without gap or the stream ends with [`LogError::Broken`].
    /// After [`LogError::Unavailable`] the stream ends; the caller reads again from where it was. From before
    /// [`first_seq`](Self::first_seq) nothing is read: [`LogError::Trimmed`] comes.
    fn read(&self, from: u64) -> BoxFuture<'_, Result<RecordStream, LogError>>;
}

/// Where the desks' logs are kept, with the object store beside them.
pub trait LogStore: Send + Sync + Debug {
    /// Makes the desk's stream, or checks the one that is there.
    fn create(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>>;

    /// Opens a desk that exists; refuses one whose stream could lose data.
    fn open(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>>;

    /// The desks there are, sorted.
    fn desks(&self) -> BoxFuture<'_, Result<Vec<DeskName>, LogError>>;

    /// Keeps raw bytes under their SHA-256 (32 bytes); keeping the same twice is harmless.
    fn put_raw(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>>;

    /// As [`Self::put_raw`], marked as what a channel delivered to a webhook or answered to a question of ours: only that
    /// is ever read as messages again. A file that somebody sent can hold the same words and is never believed.
    fn put_delivery(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>>;

    /// What a channel delivered, by its SHA-256; `None` when not kept, or kept as something else first.
    fn get_delivery(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>>;

    /// Raw bytes by their SHA-256; `None` when not kept.
    fn get_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>>;

    /// Whether something is kept under a SHA-256. Asks for none of its bytes.
    fn has_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<bool, LogError>>;

    /// Digests of all raw objects that are kept, sorted.
    fn list_raw(&self) -> BoxFuture<'_, Result<Vec<[u8; 32]>, LogError>>;

    /// Removes an object, for ever: only for who has verified that an archive holds it, and no service does.
    ///
    /// # Errors
    /// [`LogError::NotTrimmed`] when the store does not let anything be removed.
    fn remove_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<(), LogError>>;

    /// Appends one encoded `DirectoryRecord` to the customer directory, which is made at its first use; returns its
    /// sequence once the log has acknowledged it.
    fn append_directory(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>>;

    /// Appends one encoded `DirectoryRecord` that holds cursors alone to the directory's subject for them, which doors
    /// may write; returns its sequence once the log has acknowledged it.
    fn append_cursors(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>>;

    /// Sequence of the directory's last record; 0 when there is none.
    fn directory_last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>>;

    /// The directory's records from a sequence on, live, under the same promises as [`DeskLog::read`].
    fn read_directory(&self, from: u64) -> BoxFuture<'_, Result<DirectoryStream, LogError>>;
}
