//! Invariant 3, for calls: nobody gets a contact whose number is on the do-not-call list (H9).

use std::collections::{BTreeSet, HashMap};

use simpang_proto::log::v1::event::Body;

use crate::Code;
use crate::arrived::{Arrived, Kind, Number};
use crate::report::Findings;

/// Who may not be called, and whom contacts are.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    suppressed: BTreeSet<Number>,
    numbers: HashMap<u64, Vec<Number>>,
}

impl Calls {
    /// Checks an event, and takes in what it says.
    pub(crate) fn event(&mut self, body: &Body, cause: Option<&Arrived>, found: &mut Findings) {
        match (body, cause.map(|c| &c.kind)) {
            (Body::CaseOpened(e), Some(Kind::Contact(numbers))) => {
                self.numbers.insert(e.case, numbers.clone());
                self.may_be_called(e.case, "was taken in", found);
            }
            (Body::NumbersSuppressed(e), Some(Kind::Suppression { numbers, lifted })) => {
                if e.lifted != *lifted || e.count as usize != numbers.len() {
                    let says = "the do-not-call list changed by other numbers than were named";
                    found.broken(Code::InputUnanswered, format_args!("{says}"));
                }
                for number in numbers {
                    if *lifted {
                        self.suppressed.remove(number);
                    } else {
                        self.suppressed.insert(*number);
                    }
                }
            }
            (Body::CaseOffered(e), _) => self.may_be_called(e.case, "was offered", found),
            (Body::CaseAssigned(e), _) => self.may_be_called(e.case, "went to an agent", found),
            (Body::CaseForgotten(e), _) => drop(self.numbers.remove(&e.case)),
            _ => {}
        }
    }

    fn may_be_called(&self, case: u64, what: &str, found: &mut Findings) {
        let numbers = self.numbers.get(&case).into_iter().flatten();
        if numbers.into_iter().any(|number| self.suppressed.contains(number)) {
            found.broken(
                Code::SuppressedGiven,
                format_args!("contact {case} {what} and its number is on the do-not-call list"),
            );
        }
    }
}
