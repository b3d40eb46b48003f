//! What became of a commit whose acknowledgement did not come: read back from the log, never guessed.

use bytes::Bytes;
use prost::Message;
use simpang_proto::log::v1::Commit;
use thiserror::Error;
use tracing::warn;

use crate::backoff::Backoff;
use crate::chain;
use crate::port::{CommitError, DeskLog, LogError, Record};

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It stands at this sequence.
    Written(u64),
    /// It does not stand on the log, and the commit it was to follow still is the last one. Should it arrive late
    /// after all, the fence refuses whichever of the two attempts comes second.
    NotWritten,
    /// It does not stand on the log, and another commit stands where it should: another router has the desk.
    Fenced {
        /// Where the last commit stands.
        last_seq: u64,
    },
}

/// Reads back what became of the commit `payload` that was to follow the one at `previous_seq` (0: none).
///
/// # Errors
/// When the log can't be read, or the commit it was to follow is gone or another one.
pub async fn settle(log: &dyn DeskLog, payload: &[u8], previous_seq: u64) -> Result<Settled, LogError> {
    let tried = decode(log, previous_seq, payload)?;
    let Some(mut last) = log.last_commit().await? else {
        return if previous_seq == 0 { Ok(Settled::NotWritten) } else { Err(gone(log, previous_seq)) };
    };
    let last_seq = last.seq;
    while last.seq > previous_seq {
        if last.payload == payload {
            return Ok(Settled::Written(last.seq));
        }
        let later = decode(log, last.seq, &last.payload)?;
        if later.number <= tried.number || later.previous_seq == 0 {
            return Ok(Settled::Fenced { last_seq });
        }
        last = read_commit(log, later.previous_seq).await?;
    }
    if last.seq == previous_seq && tried.previous_digest == chain::digest(&last.payload)[..] {
        return if last_seq == previous_seq {
            Ok(Settled::NotWritten)
        } else {
            Ok(Settled::Fenced { last_seq })
        };
    }
    Err(gone(log, previous_seq))
}

/// Why a commit could not be brought to stand.
#[derive(Debug, Clone, Error)]
pub enum SettleError {
    /// Another router has the desk: step down.
    #[error("another commit stands at sequence {last_seq}: another router has the desk")]
    Fenced {
        /// Where the last commit stands.
        last_seq: u64,
    },
    /// The log refuses it for a reason that trying again does not change.
    #[error("not committed: {0}")]
    Refused(String),
    /// The log is not what it was.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Writes a commit and returns its sequence, however often the connection breaks: an outcome that is not known is
/// read back, and what was not written is written again. Dropping the future leaves the outcome open.
///
/// # Errors
/// When another router has the desk, the log refuses the commit, or the log is not what it was.
pub async fn commit_settled(
    log: &dyn DeskLog,
    payload: Bytes,
    previous_seq: u64,
) -> Result<u64, SettleError> {
    let mut backoff = Backoff::new();
    loop {
        let reason = match log.commit(payload.clone(), previous_seq).await {
            Ok(seq) => return Ok(seq),
            Err(CommitError::Refused(reason)) => return Err(SettleError::Refused(reason)),
            Err(CommitError::Unknown(reason)) => reason,
            // An earlier attempt of ours may be what stands there.
            Err(CommitError::Fenced { .. }) => "fenced".to_owned(),
        };
        warn!(desk = %log.desk(), previous_seq, reason, "the commit's outcome is not known, reading it back");
        match settle_patiently(log, &payload, previous_seq, &mut backoff).await? {
            Settled::Written(seq) => return Ok(seq),
            Settled::Fenced { last_seq } => return Err(SettleError::Fenced { last_seq }),
            Settled::NotWritten => {
                backoff.failed();
                backoff.due().await;
            }
        }
    }
}

/// Settles as soon as the log can be read.
async fn settle_patiently(
    log: &dyn DeskLog,
    payload: &[u8],
    previous_seq: u64,
    backoff: &mut Backoff,
) -> Result<Settled, LogError> {
    loop {
        match settle(log, payload, previous_seq).await {
            Err(error) if error.is_transient() => {
                backoff.failed();
                backoff.due().await;
            }
            settled => return settled,
        }
    }
}

async fn read_commit(log: &dyn DeskLog, seq: u64) -> Result<Record, LogError> {
    log.get(seq).await?.ok_or_else(|| gone(log, seq))
}

fn decode(log: &dyn DeskLog, seq: u64, payload: &[u8]) -> Result<Commit, LogError> {
    Commit::decode(payload).map_err(|error| LogError::Broken {
        desk: log.desk().to_string(),
        seq,
        reason: format!("a commit has to stand here, but it can't be decoded: {error}"),
    })
}

fn gone(log: &dyn DeskLog, seq: u64) -> LogError {
    LogError::Broken {
        desk: log.desk().to_string(),
        seq,
        reason: "the commit that stood here is gone or another one: the broker lost its tail; do not write, restore \
                 the log from an archive or another replica"
            .into(),
    }
}
