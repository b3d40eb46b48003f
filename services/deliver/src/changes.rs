//! What became of messages after they came, as their desk's log says.

use simpang_domain::stored;
use simpang_proto::log::v1::{self, event::Body as Event};

use crate::handover::{Place, place};

/// A message of an input: where the input stands, and which of those of a handover it is.
pub(crate) type Part = (Place, u32);

/// Something that became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Another text stands for it: that of this input.
    Edited(Place),
    /// It was taken back.
    Withdrawn,
    /// It was read again, and stands whole in this input.
    Reread(Place),
}

stored!(enum Change { 0 = Edited(by: Place), 1 = Withdrawn, 2 = Reread(by: Place) });

/// A change that an event says: on which case, of which message.
pub(crate) fn changed(event: &v1::Event) -> Option<(u64, Part, Change)> {
    let by = place(event.caused_by?);
    match &event.body {
        Some(Event::MessageEdited(e)) => Some((e.case, (place(e.message?), e.part), Change::Edited(by))),
        Some(Event::MessageRemoved(e)) => Some((e.case, (place(e.message?), e.part), Change::Withdrawn)),
        Some(Event::MessageReread(e)) => Some((e.case, (place(e.message?), e.part), Change::Reread(by))),
        _ => None,
    }
}

/// All that became of a message: what it says now follows from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// It was taken back, and stays so.
    pub(crate) is_withdrawn: bool,
    /// It was read again last by this input.
    pub(crate) reread: Option<Place>,
    /// Its edits since then, or since it came, oldest first: what one leaves out stays as it was.
    pub(crate) edits: Vec<Place>,
}

stored!(struct Changes { is_withdrawn, reread, edits });

impl Changes {
    /// Takes in what became of it next.
    pub(crate) fn take(&mut self, change: Change) {
        match change {
            _ if self.is_withdrawn => {}
            Change::Withdrawn => *self = Self { is_withdrawn: true, ..Self::default() },
            Change::Edited(by) => self.edits.push(by),
            // A rereading says all of it.
            Change::Reread(by) => *self = Self { reread: Some(by), ..Self::default() },
        }
    }
}
