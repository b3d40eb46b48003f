//! Commits: the record of what a router decided, with its events. How commits hang together (numbers, digests, the
//! fence) is the log's to check; here they are only read and written.

use bytes::Bytes;
use prost::Message as _;
use prost::encoding::{DecodeContext, WireType, decode_key, encode_key, encode_varint, skip_field};
use simpang_domain::event::Event;
use simpang_domain::words::{InputId, Name};
use simpang_proto::log::v1;

use crate::common::{input_id, write_input_id};
use crate::error::ReadError;
use crate::event;
use crate::names::Names;

/// The layout of commits that is written, and the highest that is read.
pub const SCHEMA: u32 = 1;

/// The number of a commit's field `events`.
const EVENTS_FIELD: u32 = 10;

/// What a router decided, all of it or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// Counts 1, 2, 3 … in a desk.
    pub number: u64,
    /// Stream sequence of the commit before; 0 for the first.
    pub previous_seq: u64,
    /// SHA-256 over the commit before.
    pub previous_digest: [u8; 32],
    /// SHA-256 over the input records that this commit finished.
    pub inputs_digest: [u8; 32],
    /// How far the desk has judged.
    pub decided_through: Position,
    /// The policy that judged; 0 before the first.
    pub policy_version: u64,
    /// Which router.
    pub writer: Name,
    /// Its take-over.
    pub epoch: u64,
    /// What was decided, in order.
    pub events: Vec<Event>,
}

/// A place in the order of judging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The input.
    pub input: InputId,
    /// 0: judged to its end; otherwise how many bounded parts of what follows from it are committed.
    pub step: u32,
}

/// A commit that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are no commit.
    #[error("the bytes are no commit: {0}")]
    Bytes(String),
    /// Written by a newer program.
    #[error("the commit has layout {0}, this program reads up to {SCHEMA}: use a newer simpang")]
    Schema(u32),
    /// A field is not as it has to be.
    #[error("commit: {0}")]
    Field(#[from] ReadError),
}

/// Writes events for a commit, in their order.
#[must_use]
pub fn write_events(events: &[Event]) -> Vec<v1::Event> {
    events.iter().map(event::write).collect()
}

/// Writes an event as it stands in an encoded commit, behind those before it; gives how many bytes that took. The
/// events are a commit's last field, so that a commit without any, followed by these, is the commit with them.
pub fn append_event(event: &Event, out: &mut Vec<u8>) -> usize {
    let before = out.len();
    let wire = event::write(event);
    let length = wire.encoded_len();
    encode_key(EVENTS_FIELD, WireType::LengthDelimited, out);
    encode_varint(length as u64, out);
    wire.encode_raw(out);
    out.len() - before
}

/// The events of an encoded commit as they stand in it, each with its key and length: what [`append_event`] writes.
/// Empty where there are none, and where the bytes are no commit.
#[must_use]
pub fn encoded_events(payload: &Bytes) -> Bytes {
    let mut rest = &payload[..];
    loop {
        let at = payload.len() - rest.len();
        match decode_key(&mut rest) {
            Ok((EVENTS_FIELD, WireType::LengthDelimited)) => return payload.slice(at..),
            Ok((tag, wire_type)) => {
                if skip_field(wire_type, tag, &mut rest, DecodeContext::default()).is_err() {
                    return Bytes::new();
                }
            }
            Err(_) => return Bytes::new(),
        }
    }
}

/// The first of a commit's encoded events, if there is one that can be decoded.
#[must_use]
pub fn first_event(encoded: &[u8]) -> Option<v1::Event> {
    let mut rest = encoded;
    decode_key(&mut rest).ok()?;
    v1::Event::decode_length_delimited(rest).ok()
}

/// Reads a commit's events, in their order.
///
/// # Errors
/// The first event that can't be read, with its index.
pub fn read_events(names: &mut Names, events: &[v1::Event]) -> Result<Vec<Event>, ReadError> {
    let read = |(index, wire)| event::read_with(names, wire).map_err(|error| error.in_list("events", index));
    events.iter().enumerate().map(read).collect()
}

/// Writes a commit.
#[must_use]
pub fn write(commit: &Commit) -> v1::Commit {
    v1::Commit {
        schema: SCHEMA,
        number: commit.number,
        previous_seq: commit.previous_seq,
        previous_digest: Bytes::copy_from_slice(&commit.previous_digest),
        inputs_digest: Bytes::copy_from_slice(&commit.inputs_digest),
        decided_through: Some(write_position(commit.decided_through)),
        policy_version: commit.policy_version,
        writer: commit.writer.to_string(),
        epoch: commit.epoch,
        events: write_events(&commit.events),
    }
}

/// Reads a commit.
///
/// # Errors
/// When its layout is newer than this program, or a field is not as it has to be.
pub fn read(names: &mut Names, wire: &v1::Commit) -> Result<Commit, DecodeError> {
    if wire.schema > SCHEMA {
        return Err(DecodeError::Schema(wire.schema));
    }
    let position =
        wire.decided_through.as_ref().ok_or_else(|| ReadError::new("decided_through", "is missing"))?;
    Ok(Commit {
        number: wire.number,
        previous_seq: wire.previous_seq,
        previous_digest: digest("previous_digest", &wire.previous_digest)?,
        inputs_digest: digest("inputs_digest", &wire.inputs_digest)?,
        decided_through: read_position(position),
        policy_version: wire.policy_version,
        writer: names.name(&wire.writer),
        epoch: wire.epoch,
        events: read_events(names, &wire.events)?,
    })
}

/// The bytes of a commit. Equal commits give equal bytes: no field is a map, and prost writes fields in the order of
/// their numbers.
#[must_use]
pub fn encode(commit: &Commit) -> Bytes {
    write(commit).encode_to_vec().into()
}

/// Reads a commit's bytes.
///
/// # Errors
/// As [`read`], and when the bytes are no commit.
pub fn decode(names: &mut Names, bytes: Bytes) -> Result<Commit, DecodeError> {
    let wire = v1::Commit::decode(bytes).map_err(|error| DecodeError::Bytes(error.to_string()))?;
    read(names, &wire)
}

/// Writes a position.
#[must_use]
pub fn write_position(position: Position) -> v1::Position {
    let v1::InputId { seq, index } = write_input_id(position.input);
    v1::Position { seq, index, step: position.step }
}

/// Reads a position.
#[must_use]
pub fn read_position(wire: &v1::Position) -> Position {
    let input = input_id(&v1::InputId { seq: wire.seq, index: wire.index });
    Position { input, step: wire.step }
}

fn digest(field: &str, bytes: &[u8]) -> Result<[u8; 32], ReadError> {
    bytes.try_into().map_err(|_| ReadError::new(field, format!("a digest has 32 bytes, not {}", bytes.len())))
}
