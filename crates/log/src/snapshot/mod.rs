//! Snapshots: what a reader made of a desk's log, kept beside it so that its next start need not read all of it.
//!
//! A snapshot is never needed and never believed against the log. It is used only if its SHA-256 holds, this program
//! would remember the same things in the same layout, and the commit that it is of stands on the log under the same
//! digest, by which everything before it is named too. One that is damaged is removed, each that is not used is told
//! of, and the one before it or the log itself serves.
//!
//! What is remembered is its reader's business ([`Kept`]); here is how it is kept ([`Folder`]), made while the reader
//! goes on ([`Scribe`]), and found again ([`resume()`]).

use std::path::Path;

use bytes::Bytes;
use simpang_proto::log::v1::SnapshotHead;

use crate::SCHEMA;
use crate::chain::{self, CommitRef};
use crate::port::{DeskName, LogError, Record, RecordKind};
use crate::tail::Entry;

mod file;
mod folder;
#[doc(hidden)]
pub mod proof;
mod resume;
mod scribe;
#[cfg(test)]
mod tests;

pub use folder::{Files, Folder, Memory};
pub use resume::resume;
pub use scribe::Scribe;

/// What a reader makes of a desk's log, and can be written down.
pub trait Kept: Sized + Send + 'static {
    /// What it depends on besides the log.
    type Setting: Clone + Send + Sync + 'static;

    /// What is counted.
    const METRICS: Metrics;

    /// Whether a snapshot of a commit that does not stand on the log stops its reader. For who only reads, it is
    /// removed and told of.
    const FOREIGN_STOPS: bool = false;

    /// Nothing read yet.
    fn begin(setting: &Self::Setting, desk: &DeskName) -> Self;

    /// Takes in the next record.
    ///
    /// # Errors
    /// When the record can't be what it says it is.
    fn follow(&mut self, entry: &Entry) -> Result<(), LogError>;

    /// Whether it may be written down as it stands after this commit.
    fn is_whole(&self) -> bool {
        true
    }

    /// Says what a snapshot of it is of.
    fn describe(&self, desk: &DeskName, at: &CommitRef) -> SnapshotHead;

    /// The commit that a snapshot is of, if this program may go on from it.
    ///
    /// # Errors
    /// Why not.
    fn usable(setting: &Self::Setting, head: &SnapshotHead, desk: &DeskName) -> Result<CommitRef, Unfit>;

    /// Gives it out in parts of a few megabytes: the same for the same state, whichever way it was reached.
    fn store(&self, give: &mut dyn FnMut(Vec<u8>));

    /// Takes it in again.
    ///
    /// # Errors
    /// When the parts are not what [`Self::store`] gives, or can't be gone on from.
    fn load(
        setting: &Self::Setting,
        head: &SnapshotHead,
        desk: &DeskName,
        next: &mut dyn FnMut() -> Option<Vec<u8>>,
    ) -> Result<Self, Refusal>;
}

/// Names of the metrics about one reader's snapshots, each by `desk`.
#[derive(Debug, Clone, Copy)]
pub struct Metrics {
    /// Written.
    pub written: &'static str,
    /// Could not be written.
    pub failed: &'static str,
    /// Found and not used, by `reason` as well.
    pub refused: &'static str,
    /// Time to write one, seconds.
    pub seconds: &'static str,
    /// Size of the last one, bytes.
    pub bytes: &'static str,
}

/// How snapshots are kept.
#[derive(Debug, Clone)]
pub struct Snapshots {
    /// Where.
    pub folder: Folder,
    /// After how many events another one is made.
    pub every_events: u64,
}

impl Snapshots {
    /// In a folder on disk, made when there is something to keep.
    #[must_use]
    pub fn on_disk(dir: &Path, every_events: u64) -> Self {
        Self { folder: Folder::on_disk(dir), every_events }
    }
}

/// Why a snapshot is not used. The one before it, or the log, serves as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is not what was written.
    Damaged(String),
    /// It is not for this program.
    Unfit(Unfit),
    /// The commit that it is of does not stand on the log.
    Foreign(String),
}

impl Refusal {
    /// In one word, as metrics say it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "damaged",
            Self::Unfit(_) => "unfit",
            Self::Foreign(_) => "foreign",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(what) | Self::Foreign(what) => f.write_str(what),
            Self::Unfit(unfit) => unfit.fmt(f),
        }
    }
}

/// Why a whole snapshot is not for this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It says so of another desk.
    OtherDesk(String),
    /// Another version of the program made it; what differs.
    OtherProgram(String),
    /// Its policy, of this version, does not compile.
    Policy(u64),
    /// It does not say what it is of.
    Incomplete,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OtherDesk(desk) => write!(f, "it is of desk {desk}"),
            Self::OtherProgram(what) => write!(f, "another version of the program made it: {what}"),
            Self::Policy(version) => write!(f, "its policy, version {version}, does not compile"),
            Self::Incomplete => f.write_str("it does not say of which commit it is"),
        }
    }
}

/// Describes a snapshot of a desk as of a commit: who made it, and in which layout.
#[must_use]
pub fn describe(desk: &DeskName, at: &CommitRef, maker: &str, layout: u64) -> SnapshotHead {
    SnapshotHead {
        schema: SCHEMA,
        desk: desk.to_string(),
        commit_number: at.number,
        commit_seq: at.seq,
        commit_digest: Bytes::copy_from_slice(&at.digest),
        decided_through: Some(at.decided_through),
        core_version: maker.to_owned(),
        layout,
        policy: None,
    }
}

/// The commit that a snapshot is of, if it is of this desk and this maker made it in this layout.
///
/// # Errors
/// Why it is not used.
pub fn usable(head: &SnapshotHead, desk: &DeskName, maker: &str, layout: u64) -> Result<CommitRef, Unfit> {
    if head.desk != desk.as_str() {
        return Err(Unfit::OtherDesk(head.desk.clone()));
    }
    if head.schema != SCHEMA {
        return Err(Unfit::OtherProgram(format!("schema {} of {SCHEMA}", head.schema)));
    }
    if head.core_version != maker {
        return Err(Unfit::OtherProgram(format!("`{}` and not `{maker}`", head.core_version)));
    }
    if head.layout != layout {
        return Err(Unfit::OtherProgram("it remembers a desk otherwise".into()));
    }
    let digest = head.commit_digest[..].try_into().map_err(|_| Unfit::Incomplete)?;
    let decided_through = head.decided_through.filter(|at| at.step == 0).ok_or(Unfit::Incomplete)?;
    Ok(CommitRef { seq: head.commit_seq, number: head.commit_number, digest, decided_through })
}

/// Makes sure that the commit of a snapshot is the one that stands on the log at its sequence (`found`; none: the log
/// is shorter). By its digest that names everything before it too.
///
/// # Errors
/// What stands there instead: the log lost its tail, or it is another log.
pub fn belongs(at: &CommitRef, found: Option<&Record>) -> Result<(), String> {
    let CommitRef { seq, number, .. } = at;
    let is_commit = |record: &&Record| record.kind == RecordKind::Commit;
    match found {
        None => Err(format!(
            "a snapshot holds commit {number}, which stood at sequence {seq}, and the log is shorter"
        )),
        Some(record) => match Some(record).filter(is_commit).map(|record| chain::digest(&record.payload)) {
            Some(digest) if digest == at.digest => Ok(()),
            _ => Err(format!(
                "a snapshot holds commit {number}, which stood here, and now another record does"
            )),
        },
    }
}
