//! Spans of inputs that came into the tables with what was decided on them.

use simpang_log::{Body, DeskName, Entry};
use simpang_proto::log::v1::Position;
use simpang_trace::{Kind, Parent, Place, Recorded, Waiting, attribute};

/// Inputs that were read and whose commit was not.
pub(crate) struct Traced {
    /// Records up to here are history, which nobody follows any more.
    news_from: u64,
    waiting: Waiting,
}

/// Inputs that one transaction finishes.
pub(crate) struct Folding {
    begun: u64,
    /// Place, parent, and the commit that judged it.
    inputs: Vec<(Place, Parent, u64)>,
}

impl Traced {
    /// Tells of the records after this one only.
    pub(crate) fn new(news_from: u64) -> Self {
        Self { news_from, waiting: Waiting::default() }
    }

    /// Before a transaction that folds these records.
    pub(crate) fn begin(&mut self, entries: &[Entry]) -> Folding {
        let mut folding = Folding { begun: simpang_trace::now_ns(), inputs: Vec::new() };
        if !simpang_trace::enabled() {
            return folding;
        }
        for entry in entries.iter().filter(|entry| entry.seq > self.news_from) {
            match &entry.body {
                Body::Inputs { record, .. } => {
                    for (index, input) in (0..).zip(&record.inputs) {
                        self.waiting.arrive((entry.seq, index), &input.traceparent);
                    }
                }
                Body::Commit { commit, .. } => {
                    let through = commit.decided_through.unwrap_or_default();
                    let done = self.waiting.take_before(end_of(&through));
                    folding.inputs.extend(done.into_iter().map(|(place, parent)| (place, parent, entry.seq)));
                }
                Body::Unreadable { .. } => {}
            }
        }
        folding
    }
}

/// The first place that is not judged to its end.
fn end_of(through: &Position) -> Place {
    let judged = u32::from(through.step == 0);
    (through.seq, through.index.saturating_add(judged))
}

impl Folding {
    /// After the transaction.
    pub(crate) fn end(self, desk: &DeskName) {
        let end_ns = simpang_trace::now_ns();
        for ((seq, index), parent, commit) in self.inputs {
            let attributes = vec![
                (attribute::DESK, desk.to_string()),
                (attribute::INPUT, format!("{seq}.{index}")),
                (attribute::COMMIT, commit.to_string()),
            ];
            simpang_trace::record(Recorded {
                name: "project.input.fold",
                kind: Kind::Consumer,
                parent,
                start_ns: self.begun,
                end_ns,
                failed: false,
                attributes,
            });
        }
    }
}
