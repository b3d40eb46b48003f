//! The log as the services see it: the port, its in-memory twin, and the discipline that every reader and writer
//! keeps (chain checking, group append, outcomes read back). Knows protobuf envelopes, but nothing of what a case or
//! an agent is, and no broker: NATS is in `simpang-log-nats`. Floor 3: it imports `simpang-proto` and nothing else
//! of ours.
//!
//! Start with [`port`]; readers use [`tail`] (by [`ahead`] where judging takes as long as reading; and [`directory`] for customers), writers of inputs [`appender`], the
//! router [`chain`] and [`mod@settle`] on top of [`port::DeskLog::commit`]. Tests use [`memory`], and both keepers of
//! logs pass `contract`. What a reader made of a log is kept by [`snapshot`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod ahead;
pub mod appender;
mod backoff;
pub mod chain;
pub mod clock;
#[doc(hidden)]
pub mod contract;
pub mod directory;
pub mod memory;
pub mod port;
pub mod settle;
pub mod shared;
pub mod snapshot;
pub mod tail;

pub use ahead::Ahead;
pub use appender::{Appender, Limits, Place, Ticket};
pub use chain::{Anchor, ChainWriter, CommitRef, Sealed};
pub use clock::WallClock;
pub use directory::{DirectoryChange, DirectoryTail};
pub use memory::{MemoryDesk, MemoryStore};
pub use port::{
    AppendError, BoxFuture, CommitError, DIRECTORY, DeskLog, DeskName, DeskNameError, DirectoryEntry,
    DirectoryStream, Door, LogError, LogStore, Record, RecordKind, RecordStream,
};
pub use settle::{SettleError, Settled, commit_settled, settle};
pub use shared::SharedStore;
pub use tail::{Body, Entry, Tail};

/// The layout of input records, commits and directory records that this program writes, and the highest it reads.
pub const SCHEMA: u32 = 1;
