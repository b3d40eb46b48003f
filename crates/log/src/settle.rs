//! What became of a commit whose acknowledgement did not come: read back from the log, never guessed.

use bytes::Bytes;
use futures_util::StreamExt;
use prost::Message;
use simpang_proto::log::v1::Commit;
use thiserror::Error;
use tracing::warn;

use crate::backoff::Backoff;
use crate::chain;
use crate::port::{CommitError, DeskLog, LogError, Record, RecordKind};

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
/// What it stands on is read again with it. A broker that lost its tail may still have the commit that this one was to
/// follow and other inputs after it than those which were judged, or may take this one when its sequence comes up once
/// more; the fence notices neither.
///
/// # Errors
/// When the log can't be read, or the commit it was to follow or the inputs that it judged are gone or others.
pub async fn settle(log: &dyn DeskLog, payload: &[u8], previous_seq: u64) -> Result<Settled, LogError> {
    let tried = decode(log, previous_seq, payload)?;
    let Some(mut last) = log.last_commit().await? else {
        return if previous_seq == 0 { Ok(Settled::NotWritten) } else { Err(gone(log, previous_seq)) };
    };
    let last_seq = last.seq;
    while last.seq > previous_seq {
        if last.payload == payload {
            let seq = last.seq;
            stands_on(log, &tried, previous_seq).await?;
            return Ok(Settled::Written(seq));
        }
        let later = decode(log, last.seq, &last.payload)?;
        if later.number <= tried.number || later.previous_seq == 0 {
            return Ok(Settled::Fenced { last_seq });
        }
        last = read_commit(log, later.previous_seq).await?;
    }
    if last.seq != previous_seq || tried.previous_digest != chain::digest(&last.payload)[..] {
        return Err(gone(log, previous_seq));
    }
    if last_seq != previous_seq {
        return Ok(Settled::Fenced { last_seq });
    }
    stands_on(log, &tried, previous_seq).await?;
    Ok(Settled::NotWritten)
}

/// Whether the commit before and the inputs that this one judged still are what it was made from.
async fn stands_on(log: &dyn DeskLog, tried: &Commit, previous_seq: u64) -> Result<(), LogError> {
    let mut from = 0;
    if previous_seq > 0 {
        let before = read_commit(log, previous_seq).await?;
        if tried.previous_digest != chain::digest(&before.payload)[..] {
            return Err(gone(log, previous_seq));
        }
        from = decode(log, previous_seq, &before.payload)?.decided_through.unwrap_or_default().seq;
    }
    let through = tried.decided_through.unwrap_or_default().seq;
    let digest = inputs_digest(log, from + 1, through).await?;
    if tried.inputs_digest != digest[..] { Err(gone(log, through)) } else { Ok(()) }
}

/// The digest over the inputs that stand between two sequences, both included.
async fn inputs_digest(log: &dyn DeskLog, from: u64, through: u64) -> Result<chain::Digest, LogError> {
    let mut digest = chain::InputsDigest::new(log.desk());
    if from > through {
        return Ok(digest.finish());
    }
    if log.last_seq().await? < through {
        return Err(gone(log, through));
    }
    let mut records = log.read(from).await?;
    while let Some(record) = records.next().await {
        let Record { seq, kind, payload, .. } = record?;
        if let RecordKind::Input(door) = kind
            && seq <= through
        {
            digest.absorb(seq, door, &payload);
        }
        if seq >= through {
            return Ok(digest.finish());
        }
    }
    let (desk, reason) = (log.desk().to_string(), "the stream of records ended".to_owned());
    Err(LogError::Unavailable { desk, reason })
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
/// `losses` is how often the connection had been lost when the commit's inputs were read ([`Tail::losses`]). If it
/// was lost since, what the commit stands on is read again before it is sent for the first time.
///
/// [`Tail::losses`]: crate::Tail::losses
///
/// # Errors
/// When another router has the desk, the log refuses the commit, or the log is not what it was.
pub async fn commit_settled(
    log: &dyn DeskLog,
    payload: Bytes,
    previous_seq: u64,
    losses: u64,
) -> Result<u64, SettleError> {
    let mut backoff = Backoff::new();
    let mut unseen = log.losses() != losses;
    loop {
        let reason = if std::mem::take(&mut unseen) {
            "the connection was lost since its inputs were read".to_owned()
        } else {
            match log.commit(payload.clone(), previous_seq).await {
                Ok(seq) => return Ok(seq),
                Err(CommitError::Refused(reason)) => return Err(SettleError::Refused(reason)),
                Err(CommitError::Unknown(reason)) => reason,
                // An earlier attempt of ours may be what stands there.
                Err(CommitError::Fenced { .. }) => "fenced".to_owned(),
            }
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
        reason: "the record that stood here is gone or another one: the broker lost its tail; do not write, restore \
                 the log from an archive or another replica"
            .into(),
    }
}
