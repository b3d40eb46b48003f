//! The board as snapshots keep it.

use simpang_domain::stored;
use simpang_domain::stored::ways::{Each, Maybe, Numbered};
use simpang_domain::stored::{Reader, Stored, Writer, shape};
use simpang_domain::words::Name;
use simpang_log::snapshot::{self, Kept, Metrics, Refusal, Unfit};
use simpang_log::{Body, CommitRef, DeskName, Door, Entry, LogError, Place};
use simpang_proto::log::v1::SnapshotHead;
use simpang_wire::stored::Encoded;

use super::super::outcomes::judged_through;
use super::{Agent, Board, Case, Held, Offered, Record, Session, Why, Words};
use crate::metric;

/// What folds the log like this; the number is raised when the same records are folded to something else.
const MAKER: &str = "simpang-gateway 1";

stored!(struct Board {
    agents,
    cases,
    words,
    records,
    touched,
    moved,
    open_cases,
    policy_version,
    policy_cites,
    policy_input,
    router,
    position,
    at_ms,
});

stored!(tuple Words(std::collections::HashSet<Name>));

stored!(struct Record { roles as Each<Numbered>, inactive });

stored!(struct Agent {
    roles as Each<Numbered>,
    inactive,
    session,
    presence,
    auto,
    limit as Maybe<Encoded>,
    held,
    offers,
    pull as Maybe<Encoded>,
    following,
});

stored!(struct Session { id, gateway });

stored!(struct Held { how, at_ms, why, pull as Maybe<Encoded> });

stored!(struct Offered { expires_ms, why });

stored!(struct Why { rule, queue, key_ms, candidates, last_agent });

stored!(struct Case {
    queue,
    priority,
    segment,
    account,
    campaign,
    customer,
    category,
    actions,
    channel,
    messages,
    arrived_ms,
    closed,
    holder,
    offered,
    followers,
});

impl Kept for Board {
    type Setting = ();

    const METRICS: Metrics = Metrics {
        written: metric::SNAPSHOTS,
        failed: metric::SNAPSHOTS_FAILED,
        refused: metric::SNAPSHOTS_REFUSED,
        seconds: metric::SNAPSHOT_SECONDS,
        bytes: metric::SNAPSHOT_BYTES,
    };

    fn begin((): &(), _: &DeskName) -> Self {
        Self::default()
    }

    fn follow(&mut self, entry: &Entry) -> Result<(), LogError> {
        match &entry.body {
            Body::Inputs { door: Door::Gateway, record } => {
                for (index, input) in (0..).zip(&record.inputs) {
                    self.arrived(Place { seq: entry.seq, index }, input);
                }
            }
            Body::Inputs { .. } | Body::Unreadable { .. } => {}
            Body::Commit { commit, .. } => {
                self.committed(commit);
                self.stands(entry.seq, entry.at_ms, judged_through(commit));
            }
        }
        Ok(())
    }

    fn describe(&self, desk: &DeskName, at: &CommitRef) -> SnapshotHead {
        snapshot::describe(desk, at, MAKER, shape::<Self>())
    }

    fn usable((): &(), head: &SnapshotHead, desk: &DeskName) -> Result<CommitRef, Unfit> {
        snapshot::usable(head, desk, MAKER, shape::<Self>())
    }

    fn store(&self, give: &mut dyn FnMut(Vec<u8>)) {
        let mut to = Writer::new(give);
        Stored::store(self, &mut to);
        to.finish();
    }

    fn load(
        (): &(),
        _: &SnapshotHead,
        _: &DeskName,
        next: &mut dyn FnMut() -> Option<Vec<u8>>,
    ) -> Result<Self, Refusal> {
        let mut from = Reader::new(next);
        let board = <Self as Stored>::load(&mut from).and_then(|board| from.finish().map(|()| board));
        board.map_err(|damage| Refusal::Damaged(damage.to_string()))
    }
}
