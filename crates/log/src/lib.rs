//! The log as the services see it: the port, its in-memory twin, and the discipline that every reader and writer
//! keeps (chain checking, group append, outcomes read back). Knows protobuf envelopes, but nothing of what a case or
//! an agent is, and no broker: NATS is in `simpang-log-nats`.
//!
//! Start with [`port`]; readers use [`tail`], writers of inputs [`appender`], the router [`port::DeskLog::commit`].

pub mod port;

pub use port::{
    AppendError, BoxFuture, CommitError, DeskLog, DeskName, DeskNameError, Door, LogError, LogStore, Record,
    RecordKind, RecordStream,
};
