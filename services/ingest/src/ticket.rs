//! An input on its way to the log, and the span that tells of it.

use simpang_log::appender::{self, Place};
use simpang_log::{AppendError, DeskName};
use simpang_trace::{Kind, Parent, Recorded, attribute};

use crate::refusals::Refusals;

/// An input that waits for its place.
#[derive(Debug)]
#[must_use = "an input is accepted only once its place is known"]
pub(crate) struct Ticket {
    ticket: appender::Ticket,
    desk: DeskName,
    refusals: Refusals,
    traced: Option<Traced>,
}

/// What the span needs to know.
#[derive(Debug)]
struct Traced {
    parent: Parent,
    desk: DeskName,
    begun: u64,
}

impl Ticket {
    /// An input that was queued; `begun` is when its way began, ns since 1970 UTC.
    pub(crate) fn new(
        ticket: appender::Ticket,
        desk: &DeskName,
        traceparent: &str,
        begun: u64,
        refusals: Refusals,
    ) -> Self {
        let traced = simpang_trace::parent(traceparent);
        let traced = traced.map(|parent| Traced { parent, desk: desk.clone(), begun });
        Self { ticket, desk: desk.clone(), refusals, traced }
    }

    /// Waits for the log's acknowledgement.
    ///
    /// # Errors
    /// When the input was not appended, or nobody knows.
    pub(crate) async fn place(self) -> Result<Place, AppendError> {
        let place = self.ticket.place().await;
        self.refusals.note(&format!("desk {}", self.desk), &place);
        if let Some(traced) = self.traced {
            traced.record(place.as_ref().ok());
        }
        place
    }
}

impl Traced {
    fn record(self, place: Option<&Place>) {
        let mut attributes = vec![(attribute::DESK, self.desk.to_string())];
        attributes.extend(place.map(|place| (attribute::INPUT, format!("{}.{}", place.seq, place.index))));
        simpang_trace::record(Recorded {
            name: "ingest.message.append",
            kind: Kind::Producer,
            parent: self.parent,
            start_ns: self.begun,
            end_ns: simpang_trace::now_ns(),
            failed: place.is_none(),
            attributes,
        });
    }
}
