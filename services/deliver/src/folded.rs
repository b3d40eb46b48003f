//! All that a deliverer knows of a desk by its log: a fold of it, and how that is kept in snapshots.

use simpang_domain::stored::{Damaged, Reader, Shape, Stored as _, Writer};
use simpang_log::snapshot::{self, Kept, Metrics, Refusal, Unfit};
use simpang_log::{Body, CommitRef, DeskName, Entry, LogError};
use simpang_proto::log::v1::SnapshotHead;

use crate::board::{Board, Change, Limit};
use crate::book::Book;
use crate::cases::Cases;
use crate::handover::Handovers;
use crate::metric;

/// Raised when the same records are folded to something else, or in another order.
const FOLDING: u32 = 2;

/// What is known of a desk.
#[derive(Debug)]
pub(crate) struct Folded {
    desk: DeskName,
    pub(crate) book: Book,
    pub(crate) cases: Cases,
    pub(crate) board: Board,
    pub(crate) handovers: Handovers,
}

impl Folded {
    /// Takes in the next record; says what it means to whoever sends. One that was taken in before, as comes after a
    /// resumption, changes nothing.
    pub(crate) fn take(&mut self, entry: &Entry) -> Vec<Change> {
        match &entry.body {
            Body::Inputs { door, record } => {
                self.book.arrive(entry.seq, &record.inputs);
                self.handovers.arrive(*door, entry.seq, &record.inputs);
                Vec::new()
            }
            Body::Commit { commit, .. } => {
                self.book.fold(&self.desk, commit);
                self.handovers.fold(entry.seq, commit);
                commit.events.iter().for_each(|event| self.cases.fold(event));
                self.board.fold(&commit.events)
            }
            Body::Unreadable { .. } => Vec::new(),
        }
    }

    fn read(limit: Option<Limit>, desk: &DeskName, from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            desk: desk.clone(),
            book: Book::load(desk, from)?,
            cases: Cases::load(from)?,
            board: Board::load(limit, from)?,
            handovers: Handovers::load(from)?,
        })
    }

    fn write(&self, to: &mut Writer<'_>) {
        let Self { desk: _, book, cases, board, handovers } = self;
        book.store(to);
        cases.store(to);
        board.store(to);
        handovers.store(to);
    }

    fn layout() -> u64 {
        let mut shape = Shape::new();
        Book::shape(&mut shape);
        Cases::shape(&mut shape);
        Board::shape(&mut shape);
        Handovers::shape(&mut shape);
        shape.number()
    }
}

/// What folds the log like this. Which starts count for a lane depends on its limit.
fn maker(limit: Option<Limit>) -> String {
    match limit {
        Some(Limit { lanes, most, within_ms }) => {
            format!("simpang-deliver {FOLDING}, {lanes} {most} in {within_ms} ms")
        }
        None => format!("simpang-deliver {FOLDING}"),
    }
}

impl Kept for Folded {
    type Setting = Option<Limit>;

    const METRICS: Metrics = Metrics {
        written: metric::SNAPSHOTS,
        failed: metric::SNAPSHOTS_FAILED,
        refused: metric::SNAPSHOTS_REFUSED,
        seconds: metric::SNAPSHOT_SECONDS,
        bytes: metric::SNAPSHOT_BYTES,
    };

    fn begin(limit: &Option<Limit>, desk: &DeskName) -> Self {
        let (book, cases, handovers) = (Book::default(), Cases::default(), Handovers::default());
        Self { desk: desk.clone(), book, cases, board: Board::limited(*limit), handovers }
    }

    fn follow(&mut self, entry: &Entry) -> Result<(), LogError> {
        self.take(entry);
        Ok(())
    }

    fn describe(&self, desk: &DeskName, at: &CommitRef) -> SnapshotHead {
        snapshot::describe(desk, at, &maker(self.board.limit()), Self::layout())
    }

    fn usable(limit: &Option<Limit>, head: &SnapshotHead, desk: &DeskName) -> Result<CommitRef, Unfit> {
        snapshot::usable(head, desk, &maker(*limit), Self::layout())
    }

    fn store(&self, give: &mut dyn FnMut(Vec<u8>)) {
        let mut to = Writer::new(give);
        self.write(&mut to);
        to.finish();
    }

    fn load(
        limit: &Option<Limit>,
        _: &SnapshotHead,
        desk: &DeskName,
        next: &mut dyn FnMut() -> Option<Vec<u8>>,
    ) -> Result<Self, Refusal> {
        let mut from = Reader::new(next);
        let folded = Self::read(*limit, desk, &mut from).and_then(|folded| from.finish().map(|()| folded));
        folded.map_err(|damage| Refusal::Damaged(damage.to_string()))
    }
}

#[cfg(test)]
mod tests;
