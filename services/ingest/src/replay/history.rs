//! What a desk's log says became of its messages since they came.

use std::collections::{HashMap, HashSet};

use simpang_proto::log::v1::event::Body as Event;
use simpang_proto::log::v1::{self as log, InputId};

/// Where an input stands.
pub(super) type Place = (u64, u32);
/// A message: its input, and which of those of a handover it is.
pub(super) type Part = (Place, u32);

/// What changed what is to be read of a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// Its author, by this input.
    Edited(Place),
    /// It was read again, by this input.
    Reread(Place),
}

/// What became of a desk's messages.
#[derive(Debug, Default)]
pub(super) struct History {
    cases: HashMap<Place, u64>,
    merged: HashMap<u64, u64>,
    forgotten: HashSet<u64>,
    withdrawn: HashSet<Part>,
    changes: HashMap<Part, Vec<Change>>,
}

fn place(id: InputId) -> Place {
    (id.seq, id.index)
}

impl History {
    /// Takes in an event.
    pub(super) fn take(&mut self, event: &log::Event) {
        let by = place(event.caused_by.unwrap_or_default());
        match &event.body {
            Some(Event::MessageJoined(e)) => {
                self.cases.extend(e.message.map(|message| (place(message), e.case)));
            }
            Some(Event::MessageEdited(e)) => self.change(e.message, e.part, Change::Edited(by)),
            Some(Event::MessageReread(e)) => self.change(e.message, e.part, Change::Reread(by)),
            Some(Event::MessageRemoved(e)) => {
                self.withdrawn.extend(e.message.map(|message| (place(message), e.part)));
            }
            Some(Event::CaseMerged(e)) => drop(self.merged.insert(e.case, e.into)),
            Some(Event::CaseForgotten(e)) => drop(self.forgotten.insert(e.case)),
            _ => {}
        }
    }

    fn change(&mut self, message: Option<InputId>, part: u32, change: Change) {
        if let Some(message) = message {
            self.changes.entry((place(message), part)).or_default().push(change);
        }
    }

    /// The case that has a message, and whether the desk still knows it; none for what is on no case, such as a repeat.
    pub(super) fn case(&self, message: Place) -> Option<(u64, bool)> {
        let mut case = *self.cases.get(&message)?;
        for _ in 0..=self.merged.len() {
            match self.merged.get(&case) {
                Some(into) => case = *into,
                None => break,
            }
        }
        Some((case, !self.forgotten.contains(&case)))
    }

    /// What changed a message, oldest first.
    pub(super) fn changes(&self, message: Part) -> &[Change] {
        self.changes.get(&message).map_or(&[], Vec::as_slice)
    }

    /// Whether its author withdrew it.
    pub(super) fn is_withdrawn(&self, message: Part) -> bool {
        self.withdrawn.contains(&message)
    }
}
