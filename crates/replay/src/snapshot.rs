//! What a snapshot is of, and whether this program may go on from it.

use bytes::Bytes;
use simpang_domain::desk::Desk;
use simpang_domain::state::State;
use simpang_domain::stored::shape;
use simpang_log::{CommitRef, DeskName, Record, RecordKind, SCHEMA, chain};
use simpang_proto::log::v1::SnapshotHead;

use crate::core_version;
use crate::rules::ActiveRules;

/// Why a snapshot is not used. The one before it, or the log, serves as well.
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

/// Describes a snapshot of a desk as of a commit.
#[must_use]
pub fn describe(name: &DeskName, at: &CommitRef, desk: &Desk<ActiveRules>) -> SnapshotHead {
    SnapshotHead {
        schema: SCHEMA,
        desk: name.to_string(),
        commit_number: at.number,
        commit_seq: at.seq,
        commit_digest: Bytes::copy_from_slice(&at.digest),
        decided_through: Some(at.decided_through),
        core_version: core_version(),
        layout: shape::<State>(),
        policy: desk.rules().document().cloned(),
    }
}

/// The commit that a snapshot is of, if this program may go on from it.
///
/// # Errors
/// Why not.
pub fn usable(head: &SnapshotHead, name: &DeskName) -> Result<CommitRef, Unfit> {
    if head.desk != name.as_str() {
        return Err(Unfit::OtherDesk(head.desk.clone()));
    }
    if head.schema != SCHEMA {
        return Err(Unfit::OtherProgram(format!("schema {} of {SCHEMA}", head.schema)));
    }
    let core = core_version();
    if head.core_version != core {
        return Err(Unfit::OtherProgram(format!("`{}` and not `{core}`", head.core_version)));
    }
    if head.layout != shape::<State>() {
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use simpang_log::port::{Door, Record, RecordKind};
    use simpang_log::{CommitRef, chain};

    use super::belongs;

    #[test]
    fn only_the_very_commit_of_a_snapshot_is_where_it_goes_on() {
        let bytes = Bytes::from_static(b"a commit");
        let digest = chain::digest(&bytes);
        let at = CommitRef { seq: 7, number: 3, digest, decided_through: Default::default() };
        let record = |kind, payload| Record { seq: 7, at_ms: 0, kind, payload };
        assert_eq!(belongs(&at, Some(&record(RecordKind::Commit, bytes.clone()))), Ok(()));
        let another = record(RecordKind::Commit, Bytes::from_static(b"another commit"));
        let input = record(RecordKind::Input(Door::Ingest), bytes);
        for found in [None, Some(&another), Some(&input)] {
            assert!(belongs(&at, found).is_err(), "{found:?}");
        }
    }
}
