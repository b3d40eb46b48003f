//! The digest chain: what a commit says of the commit before it and of the inputs it judged, made by the router and
//! checked by every reader. Pure: no log is read or written here.
//!
//! The digests are those that `record.proto` documents: `previous_digest` is SHA-256 over the bytes of the commit
//! before as they stand on the log, `inputs_digest` SHA-256 over the input records that the commit finished, each as
//! sequence (8 bytes, big endian), subject length (4), subject, payload length (4), payload.

use bytes::Bytes;
use prost::Message;
use sha2::{Digest as _, Sha256};
use simpang_proto::log::v1::{Commit, Position};
use thiserror::Error;

use crate::SCHEMA;
use crate::port::{DeskName, Door, RecordKind};

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// What stands in `previous_digest` of a desk's first commit.
pub const NO_COMMIT: Digest = [0; 32];

/// SHA-256 over bytes as they stand on the log.
#[must_use]
pub fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// A commit, known by place, number and content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitRef {
    /// Stream sequence.
    pub seq: u64,
    /// Its number, from 1.
    pub number: u64,
    /// SHA-256 over its bytes.
    pub digest: Digest,
    /// How far the desk had judged with it.
    pub decided_through: Position,
}

impl CommitRef {
    /// Describes a commit that stands at `seq` with these bytes, and `commit` decoded from them.
    #[must_use]
    pub fn of(seq: u64, payload: &[u8], commit: &Commit) -> Self {
        let decided_through = commit.decided_through.unwrap_or_default();
        Self { seq, number: commit.number, digest: digest(payload), decided_through }
    }
}

/// From where a reader knows the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// From the beginning of the log.
    Start,
    /// From a commit that was read and checked before.
    Commit(CommitRef),
}

impl Anchor {
    /// The commit, if it is one.
    #[must_use]
    pub fn commit(&self) -> Option<&CommitRef> {
        match self {
            Self::Start => None,
            Self::Commit(commit) => Some(commit),
        }
    }
}

/// Order of positions. Within an input, steps count 1, 2, 3 … and 0 says that it is judged to its end.
#[must_use]
pub fn position_key(position: &Position) -> (u64, u32, u32) {
    let step = if position.step == 0 { u32::MAX } else { position.step };
    (position.seq, position.index, step)
}

/// The running digest over input records.
#[derive(Debug, Clone)]
pub struct InputsDigest {
    hasher: Sha256,
    subjects: [String; Door::ALL.len()],
    absorbed_through: u64,
}

impl InputsDigest {
    /// Nothing absorbed yet.
    #[must_use]
    pub fn new(desk: &DeskName) -> Self {
        let subjects = Door::ALL.map(|door| RecordKind::Input(door).subject(desk));
        Self { hasher: Sha256::new(), subjects, absorbed_through: 0 }
    }

    /// Takes in the next input record.
    pub fn absorb(&mut self, seq: u64, door: Door, payload: &[u8]) {
        let subject = self.subjects[door as usize].as_bytes();
        self.hasher.update(seq.to_be_bytes());
        self.hasher.update(length(subject));
        self.hasher.update(subject);
        self.hasher.update(length(payload));
        self.hasher.update(payload);
        self.absorbed_through = seq;
    }

    /// Sequence of the last record taken in since the last [`Self::finish`]; 0 for none.
    #[must_use]
    pub fn absorbed_through(&self) -> u64 {
        self.absorbed_through
    }

    /// The digest of what was taken in, and begins anew.
    pub fn finish(&mut self) -> Digest {
        self.absorbed_through = 0;
        self.hasher.finalize_reset().into()
    }
}

/// A length as 4 bytes, big endian. No broker carries a payload of 4 GiB.
fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// Why a commit does not follow the one before.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainError {
    /// `number` is not one more.
    #[error("commit number {found} where {expected} has to follow")]
    Number {
        /// One more than the number before.
        expected: u64,
        /// What it says.
        found: u64,
    },
    /// `previous_seq` is not where the commit before stands.
    #[error("previous_seq {found}, but the commit before stands at {expected}")]
    PreviousSeq {
        /// Where the commit before stands; 0 for none.
        expected: u64,
        /// What it says.
        found: u64,
    },
    /// `previous_digest` is not that of the commit before.
    #[error("previous_digest {found}, but the commit before has {expected}")]
    PreviousDigest {
        /// In hexadecimal.
        expected: String,
        /// In hexadecimal.
        found: String,
    },
    /// `inputs_digest` is not that of the inputs which stand on the log.
    #[error("inputs_digest {found}, but the inputs on the log have {expected}")]
    InputsDigest {
        /// In hexadecimal.
        expected: String,
        /// In hexadecimal.
        found: String,
    },
    /// `decided_through` is before that of the commit before.
    #[error("decided_through {found:?} goes back from {before:?}")]
    WentBack {
        /// Sequence, index, step of the commit before.
        before: (u64, u32, u32),
        /// What it says.
        found: (u64, u32, u32),
    },
    /// `decided_through` names a sequence at which no input stands, or none before the commit.
    #[error("decided_through names sequence {0}, where no input record stands before the commit")]
    NoSuchInput(u64),
}

/// Checks everything that a commit says of the chain before it, except its digest over inputs.
///
/// # Errors
/// The first thing that does not hold.
pub fn check_link(before: Option<&CommitRef>, commit: &Commit) -> Result<(), ChainError> {
    let (seq, number, expected_digest) = before.map_or((0, 0, NO_COMMIT), |b| (b.seq, b.number, b.digest));
    if commit.number != number + 1 {
        return Err(ChainError::Number { expected: number + 1, found: commit.number });
    }
    if commit.previous_seq != seq {
        return Err(ChainError::PreviousSeq { expected: seq, found: commit.previous_seq });
    }
    if commit.previous_digest != expected_digest[..] {
        let (expected, found) = (hex::encode(expected_digest), hex::encode(&commit.previous_digest));
        return Err(ChainError::PreviousDigest { expected, found });
    }
    let decided_before = before.map_or_else(Position::default, |b| b.decided_through);
    let decided = commit.decided_through.unwrap_or_default();
    if position_key(&decided) < position_key(&decided_before) {
        let (before, found) = (position_key(&decided_before), position_key(&decided));
        return Err(ChainError::WentBack { before, found });
    }
    Ok(())
}

/// Checks what a commit says of the inputs it judged, against `digest` over those that stand on the log, the last of
/// them at `absorbed_through` (0: none).
///
/// # Errors
/// When the digests differ, or `decided_through` names no input.
pub fn check_inputs(
    before: Option<&CommitRef>,
    commit: &Commit,
    absorbed_through: u64,
    digest: &Digest,
) -> Result<(), ChainError> {
    let decided_before = before.map_or(0, |b| b.decided_through.seq);
    let decided = commit.decided_through.unwrap_or_default().seq;
    if decided > decided_before && decided != absorbed_through {
        return Err(ChainError::NoSuchInput(decided));
    }
    if commit.inputs_digest != digest[..] {
        let (expected, found) = (hex::encode(digest), hex::encode(&commit.inputs_digest));
        return Err(ChainError::InputsDigest { expected, found });
    }
    Ok(())
}

/// A commit with its chain filled in, ready to be written.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The bytes to write.
    pub payload: Bytes,
    /// The fence to write them with.
    pub previous_seq: u64,
    /// Its number.
    pub number: u64,
    /// SHA-256 over `payload`.
    pub digest: Digest,
    /// How far the desk has judged with it.
    pub decided_through: Position,
}

impl Sealed {
    /// Describes the commit once it stands at `seq`.
    #[must_use]
    pub fn at(&self, seq: u64) -> CommitRef {
        CommitRef { seq, number: self.number, digest: self.digest, decided_through: self.decided_through }
    }
}

/// Fills in the chain of the commits that a router writes, one after another.
///
/// The router [`absorb`](Self::absorb)s each input record when it judges the record's first input, and
/// [`seal`](Self::seal)s a commit with what it decided; once that stands on the log it says so with
/// [`written`](Self::written). Records absorbed meanwhile belong to the next commit.
#[derive(Debug, Clone)]
pub struct ChainWriter {
    head: Option<CommitRef>,
    inputs: InputsDigest,
    /// The last input record that some commit, written or about to be, has taken in.
    taken_through: u64,
}

/// The router and the chain disagree: a defect of the caller, never of the log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "decided_through names the record at {decided}, but the last one judged since the last commit is at {absorbed} (0: none)"
)]
pub struct SealError {
    /// What the commit says.
    pub decided: u64,
    /// What was absorbed.
    pub absorbed: u64,
}

impl ChainWriter {
    /// Begins after a commit, or at the beginning of the log.
    #[must_use]
    pub fn new(desk: &DeskName, anchor: Anchor) -> Self {
        let head = anchor.commit().copied();
        let taken_through = head.map_or(0, |head| head.decided_through.seq);
        Self { head, inputs: InputsDigest::new(desk), taken_through }
    }

    /// The last commit that stands on the log.
    #[must_use]
    pub fn head(&self) -> Option<&CommitRef> {
        self.head.as_ref()
    }

    /// Takes in an input record that is now being judged. One that was taken in before is ignored, so that a record
    /// which is judged in several commits counts once.
    pub fn absorb(&mut self, seq: u64, door: Door, payload: &[u8]) {
        if seq > self.taken_through {
            self.inputs.absorb(seq, door, payload);
            self.taken_through = seq;
        }
    }

    /// Fills in `schema`, `number`, `previous_seq`, `previous_digest` and `inputs_digest` and encodes the commit.
    ///
    /// # Errors
    /// When `decided_through` is not in the last record absorbed (or the same as before, if none was).
    pub fn seal(&mut self, commit: Commit) -> Result<Sealed, SealError> {
        self.seal_with(commit, &[])
    }

    /// The same for a commit whose events are encoded already, each with its key and length as they stand in a commit,
    /// behind those it has.
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    pub fn seal_with(&mut self, mut commit: Commit, events: &[u8]) -> Result<Sealed, SealError> {
        let (previous_seq, number, previous_digest, decided_before) =
            self.head.map_or((0, 0, NO_COMMIT, 0), |head| {
                (head.seq, head.number, head.digest, head.decided_through.seq)
            });
        let decided_through = commit.decided_through.unwrap_or_default();
        let absorbed = self.inputs.absorbed_through();
        let expected = if absorbed == 0 { decided_before } else { absorbed };
        if decided_through.seq != expected {
            return Err(SealError { decided: decided_through.seq, absorbed });
        }
        commit.schema = SCHEMA;
        commit.number = number + 1;
        commit.previous_seq = previous_seq;
        commit.previous_digest = Bytes::copy_from_slice(&previous_digest);
        commit.inputs_digest = Bytes::copy_from_slice(&self.inputs.finish());
        let mut payload = Vec::with_capacity(commit.encoded_len() + events.len());
        commit.encode_raw(&mut payload);
        payload.extend_from_slice(events);
        let payload = Bytes::from(payload);
        let digest = digest(&payload);
        Ok(Sealed { payload, previous_seq, number: commit.number, digest, decided_through })
    }

    /// Notes that a sealed commit stands at `seq`.
    pub fn written(&mut self, sealed: &Sealed, seq: u64) {
        self.head = Some(sealed.at(seq));
    }
}
