//! Journals of the people at both ends: what senders were told is accepted, and what receivers got. A log can't know
//! either. Written as JSON lines, one entry a line, by test senders and fake providers.

use std::io::BufRead;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{DeliveryId, InputId};

/// A sender was told that this input is accepted. At least one of `key` and `input` is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentEntry {
    /// Desk whose log has it. Entries of other desks are passed over.
    pub desk: String,
    /// Door it went through: `ingest`, `gateway`, `deliver` or `router`.
    pub door: String,
    /// Idempotency key in hex, where the sender knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Identity that was given back, where the sender was told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputId>,
}

/// A receiver accepted a send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedEntry {
    /// Desk that sent it; empty: the desk that is checked. Entries of other desks are passed over.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub desk: String,
    /// Channel: `email`, `x`, `facebook`, `call` or `other`.
    pub channel: String,
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its id on the wire: Message-ID, post id, comment id.
    pub wire_id: String,
    /// The attempt, from 1; 0 when the wire does not tell it.
    #[serde(default)]
    pub attempt: u32,
    /// Which numbered part of a reply that goes out as a thread, from 0.
    #[serde(default)]
    pub piece: u32,
}

/// What both ends wrote down. Without a journal, what it would show is not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journals {
    /// What senders were told is accepted.
    pub sent: Vec<SentEntry>,
    /// What receivers got. `None`: nobody kept one.
    pub received: Option<Vec<ReceivedEntry>>,
    /// Channels for which `received` is complete; only their deliveries must be found in it.
    pub received_channels: Vec<String>,
}

/// A journal that can't be read.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Reading failed.
    #[error("line {line} of the journal can't be read: {source}")]
    Io {
        /// Line, from 1.
        line: usize,
        /// What the reader said.
        source: std::io::Error,
    },
    /// A line is not an entry.
    #[error("line {line} of the journal is no entry: {source}; write one JSON object a line")]
    Entry {
        /// Line, from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
}

/// Reads entries, one JSON object a line; empty lines are passed over.
///
/// # Errors
/// When a line can't be read or is no entry.
pub fn read_journal<T: DeserializeOwned>(lines: impl BufRead) -> Result<Vec<T>, JournalError> {
    let mut entries = Vec::new();
    for (at, text) in lines.lines().enumerate() {
        let line = at + 1;
        let text = text.map_err(|source| JournalError::Io { line, source })?;
        if !text.trim().is_empty() {
            entries.push(serde_json::from_str(&text).map_err(|source| JournalError::Entry { line, source })?);
        }
    }
    Ok(entries)
}
