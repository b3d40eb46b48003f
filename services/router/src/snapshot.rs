//! What a router remembers of a desk, as snapshots keep it (`simpang_log::snapshot`).
//!
//! Here a snapshot that is whole and of a commit which does not stand on the log says that the log is not what it was,
//! and that stops the desk: who judges must not go on from a log that lost its tail.

use simpang_domain::state::State;
use simpang_domain::stored::{Reader, Stored as _, Writer};
use simpang_log::snapshot::{self, Kept, Metrics, Refusal, Unfit};
use simpang_log::tail::Entry;
use simpang_log::{CommitRef, DeskName, LogError};
use simpang_proto::log::v1::SnapshotHead;
use simpang_replay::fold::Fold;
use simpang_replay::snapshot::{describe, usable};

use crate::metric;

/// Makes snapshots of a desk.
pub(crate) type Scribe = snapshot::Scribe<Judged>;

/// A desk as folded from its log.
pub(crate) struct Judged(pub(crate) Fold);

pub(crate) const METRICS: Metrics = Metrics {
    written: metric::SNAPSHOTS,
    failed: metric::SNAPSHOTS_FAILED,
    refused: metric::SNAPSHOTS_REFUSED,
    seconds: metric::SNAPSHOT_SECONDS,
    bytes: metric::SNAPSHOT_BYTES,
};

/// Gives out a desk's state in parts.
pub(crate) fn store(state: &State, give: &mut dyn FnMut(Vec<u8>)) {
    let mut to = Writer::new(give);
    state.store(&mut to);
    to.finish();
}

impl Kept for Judged {
    type Setting = ();

    const METRICS: Metrics = METRICS;
    const FOREIGN_STOPS: bool = true;

    fn begin((): &(), desk: &DeskName) -> Self {
        Self(Fold::new(desk))
    }

    fn follow(&mut self, entry: &Entry) -> Result<(), LogError> {
        self.0.follow(entry)
    }

    fn is_whole(&self) -> bool {
        self.0.is_between_records()
    }

    fn describe(&self, desk: &DeskName, at: &CommitRef) -> SnapshotHead {
        describe(desk, at, &self.0.desk)
    }

    fn usable((): &(), head: &SnapshotHead, desk: &DeskName) -> Result<CommitRef, Unfit> {
        usable(head, desk)
    }

    fn store(&self, give: &mut dyn FnMut(Vec<u8>)) {
        store(self.0.desk.state(), give);
    }

    fn load(
        (): &(),
        head: &SnapshotHead,
        desk: &DeskName,
        next: &mut dyn FnMut() -> Option<Vec<u8>>,
    ) -> Result<Self, Refusal> {
        let mut from = Reader::new(next);
        let state = State::load(&mut from).and_then(|state| from.finish().map(|()| state));
        let state = state.map_err(|damage| Refusal::Damaged(damage.to_string()))?;
        Fold::resumed(desk, head, state).map(Self).map_err(Refusal::Unfit)
    }
}
