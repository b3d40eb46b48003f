//! What a snapshot of a desk's state is of, and whether this program may go on from it.

use simpang_domain::desk::Desk;
use simpang_domain::state::State;
use simpang_domain::stored::shape;
use simpang_log::snapshot::Unfit;
use simpang_log::{CommitRef, DeskName, snapshot};
use simpang_proto::log::v1::SnapshotHead;

use crate::core_version;
use crate::rules::ActiveRules;

/// Describes a snapshot of a desk as of a commit.
#[must_use]
pub fn describe(name: &DeskName, at: &CommitRef, desk: &Desk<ActiveRules>) -> SnapshotHead {
    let head = snapshot::describe(name, at, &core_version(), shape::<State>());
    SnapshotHead { policy: desk.rules().document().cloned(), ..head }
}

/// The commit that a snapshot is of, if this program may go on from it.
///
/// # Errors
/// Why not.
pub fn usable(head: &SnapshotHead, name: &DeskName) -> Result<CommitRef, Unfit> {
    snapshot::usable(head, name, &core_version(), shape::<State>())
}
