//! A commit without its events, for who knows them already or compares them as bytes.

use bytes::Bytes;
use prost::{DecodeError, Message};
use simpang_proto::log::v1::{Commit, Position};

/// All fields of `Commit` but its events, which are passed over without being decoded.
#[derive(Clone, PartialEq, Message)]
struct Head {
    #[prost(uint32, tag = "1")]
    schema: u32,
    #[prost(uint64, tag = "2")]
    number: u64,
    #[prost(uint64, tag = "3")]
    previous_seq: u64,
    #[prost(bytes = "bytes", tag = "4")]
    previous_digest: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    inputs_digest: Bytes,
    #[prost(message, optional, tag = "6")]
    decided_through: Option<Position>,
    #[prost(uint64, tag = "7")]
    policy_version: u64,
    #[prost(string, tag = "8")]
    writer: String,
    #[prost(uint64, tag = "9")]
    epoch: u64,
}

/// Whose events are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// Those that this writer wrote in this epoch.
    Of { writer: String, epoch: u64 },
    /// Everybody's.
    All,
}

/// Decodes a commit, without its events where they are left out.
pub(super) fn decode(payload: &Bytes, left_out: Option<&LeftOut>) -> Result<Commit, DecodeError> {
    let Some(left_out) = left_out else { return Commit::decode(payload.clone()) };
    let head = Head::decode(payload.clone())?;
    if let LeftOut::Of { writer, epoch } = left_out
        && (head.writer != *writer || head.epoch != *epoch)
    {
        return Commit::decode(payload.clone());
    }
    Ok(Commit {
        schema: head.schema,
        number: head.number,
        previous_seq: head.previous_seq,
        previous_digest: head.previous_digest,
        inputs_digest: head.inputs_digest,
        decided_through: head.decided_through,
        policy_version: head.policy_version,
        writer: head.writer,
        epoch: head.epoch,
        events: Vec::new(),
    })
}
