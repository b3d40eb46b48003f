//! What a segment's manifest says: a small JSON file beside it, for people and for programs.

use serde::{Deserialize, Serialize};
use simpang_log::{CommitRef, DeskName};
use simpang_proto::log::v1::Position;

use crate::FORMAT;

/// How long records of a desk stay, as its policy said when they were archived (L2: Masa Simpan, Penanggung Jawab).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How long records stay on the live log after they were written, ms.
    pub live_ms: i64,
    /// How long the archive keeps them after they were written, ms.
    pub keep_ms: i64,
    /// Who is responsible for them.
    pub responsible: String,
    /// The document that says so.
    pub document: String,
}

/// The commit that a segment ends with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCommit {
    /// Its number, from 1.
    pub number: u64,
    /// SHA-256 over its bytes, hexadecimal.
    pub digest: String,
    /// How far the desk had judged with it: sequence, index, step.
    pub decided_through: (u64, u32, u32),
}

/// What a segment holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of the segment and of this manifest.
    pub format: u32,
    /// Desk.
    pub desk: String,
    /// The period that its commits are of, such as `2026-10`, in the desk's zone.
    pub period: String,
    /// Sequence of its first record.
    pub first_seq: u64,
    /// Sequence of its last record, which is a commit.
    pub last_seq: u64,
    /// Broker's time of the first record, ms since 1970 UTC.
    pub first_at_ms: i64,
    /// Broker's time of the last record, ms since 1970 UTC.
    pub last_at_ms: i64,
    /// Records.
    pub records: u64,
    /// Raw objects that its records name and that were kept.
    pub raw_objects: u64,
    /// Number of the commit before its first one; 0 for none.
    pub previous_number: u64,
    /// SHA-256 over the bytes of the commit before its first one, hexadecimal; zeros for none.
    pub previous_digest: String,
    /// The commit it ends with.
    pub last_commit: LastCommit,
    /// Bytes of the segment's file.
    pub bytes: u64,
    /// SHA-256 of the segment's file, hexadecimal.
    pub sha256: String,
    /// Version of the policy in force at its last commit; 0 for none.
    pub policy_version: u64,
    /// What that policy said of retention, if it did.
    pub retention: Option<Retention>,
    /// When it was taken, ms since 1970 UTC.
    pub taken_at_ms: i64,
    /// By whom.
    pub taken_by: String,
}

impl Manifest {
    /// The names of the segment's file and of its manifest.
    pub(crate) fn names(first_seq: u64, last_seq: u64) -> (String, String) {
        let stem = format!("{first_seq:012}-{last_seq:012}");
        (format!("{stem}.records.gz"), format!("{stem}.json"))
    }

    /// The commit it ends with, as a reader knows it who goes on from there; `None` when the digest can't be read.
    #[must_use]
    pub fn anchor(&self) -> Option<CommitRef> {
        let mut digest = [0; 32];
        hex::decode_to_slice(&self.last_commit.digest, &mut digest).ok()?;
        let (seq, index, step) = self.last_commit.decided_through;
        let decided_through = Position { seq, index, step };
        Some(CommitRef { seq: self.last_seq, number: self.last_commit.number, digest, decided_through })
    }

    /// Until when the archive has to keep it, ms since 1970 UTC, if its policy said.
    #[must_use]
    pub fn keep_until_ms(&self) -> Option<i64> {
        Some(self.last_at_ms.saturating_add(self.retention.as_ref()?.keep_ms))
    }

    /// What is wrong with it, as far as it tells by itself.
    pub(crate) fn fault(&self, desk: &DeskName, name: &str) -> Option<String> {
        let Self { format, first_seq, last_seq, records, .. } = self;
        if *format > FORMAT {
            return Some(format!("it has layout {format}, this program knows {FORMAT}: use a newer program"));
        }
        if self.desk != desk.as_str() {
            return Some(format!("it is of desk {}, and stands in the folder of desk {desk}", self.desk));
        }
        let expected = Self::names(*first_seq, *last_seq).1;
        if name != expected {
            return Some(format!("it says that its name is {expected}"));
        }
        if *first_seq == 0 || last_seq < first_seq || last_seq - first_seq + 1 != *records {
            return Some(format!("{records} records can't be those from {first_seq} to {last_seq}"));
        }
        self.anchor().is_none().then(|| "the digest of its last commit is none".to_owned())
    }

    /// What keeps it from standing right after another segment, or at the beginning.
    pub(crate) fn gap(&self, before: Option<&Self>) -> Option<String> {
        let (last, number, digest) = before.map_or_else(
            || (0, 0, hex::encode(simpang_log::chain::NO_COMMIT)),
            |before| (before.last_seq, before.last_commit.number, before.last_commit.digest.clone()),
        );
        if self.first_seq != last + 1 {
            return Some(format!(
                "it begins at sequence {}, and {} has to come here: a segment is missing or stands twice",
                self.first_seq,
                last + 1
            ));
        }
        let follows = self.previous_number == number && self.previous_digest == digest;
        (!follows).then(|| {
            format!(
                "it follows commit {} with digest {}, and the segment before ends with commit {number} with digest \
                 {digest}",
                self.previous_number, self.previous_digest
            )
        })
    }
}
