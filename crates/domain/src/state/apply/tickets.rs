//! Events about tickets in other systems and fault reports.

use crate::event::{Event, Happened};
use crate::rules::Rules;
use crate::state::State;
use crate::state::case::{Case, Fault, Reference, Tickets};
use crate::words::{CaseId, Key};

impl State {
    pub(super) fn apply_tickets<R: Rules>(&mut self, event: &Event, rules: &R) {
        match &event.body {
            Happened::ReferenceLinked { case, system, number, status } => {
                let opens = rules.tables().fault.as_ref().and_then(|form| form.system.as_ref());
                let of_fault = opens == Some(system);
                let reference =
                    Reference { system: system.clone(), number: number.clone(), status: status.clone() };
                self.link(*case, reference, of_fault);
            }
            Happened::FaultReported { case, product, facts, repeats, .. } => {
                let Some(of) = self.cases.get_mut(case) else { return };
                let rare = of.rare_mut();
                rare.facts.merge(facts);
                let tickets = rare.tickets.get_or_insert_default();
                tickets.reported = true;
                if repeats.is_none() {
                    tickets.faults.push(Fault { product: *product, ticket: None });
                    self.faults.insert(*product, *case);
                }
            }
            Happened::FaultEnded { case, product, .. } => {
                self.faults.remove(product);
                let rare = self.cases.get_mut(case).and_then(|case| case.rare.as_mut());
                if let Some(tickets) = rare.and_then(|rare| rare.tickets.as_mut()) {
                    tickets.faults.retain(|fault| fault.product != *product);
                }
            }
            _ => {}
        }
    }

    /// A ticket of the system that the form names is that of the oldest report which has none.
    fn link(&mut self, id: CaseId, reference: Reference, of_fault: bool) {
        let Some(case) = self.cases.get_mut(&id) else { return };
        let tickets = case.rare_mut().tickets.get_or_insert_default();
        match tickets.references.iter_mut().find(|known| known.is(&reference.system, &reference.number)) {
            Some(known) => known.status = reference.status,
            None => {
                let waits = tickets.faults.iter_mut().find(|fault| of_fault && fault.ticket.is_none());
                if let Some(fault) = waits {
                    fault.ticket = Some(reference.number.clone());
                }
                let key = (reference.system.clone(), reference.number.clone());
                self.references.entry(key).or_default().push(id);
                tickets.references.push(reference);
            }
        }
    }

    /// A case leaves memory, and what leads to it by its tickets and products.
    pub(super) fn forget_tickets(&mut self, case: &Case) {
        let Some(tickets) = &case.rare().tickets else { return };
        for fault in &tickets.faults {
            self.faults.remove(&fault.product);
        }
        for Reference { system, number, .. } in &tickets.references {
            let key = (system.clone(), number.clone());
            if let Some(cases) = self.references.get_mut(&key) {
                cases.retain(|id| *id != case.id);
                if cases.is_empty() {
                    self.references.remove(&key);
                }
            }
        }
    }

    /// A case was merged: its tickets and reports are the other's now.
    pub(super) fn move_tickets(&mut self, from: CaseId, into: CaseId, tickets: Option<Box<Tickets>>) {
        let Some(tickets) = tickets else { return };
        for fault in &tickets.faults {
            self.faults.insert(fault.product, into);
        }
        for Reference { system, number, .. } in &tickets.references {
            let cases = self.references.entry((system.clone(), number.clone())).or_default();
            cases.retain(|id| *id != from && *id != into);
            cases.push(into);
        }
        let Some(other) = self.cases.get_mut(&into) else { return };
        let all = other.rare_mut().tickets.get_or_insert_default();
        all.reported |= tickets.reported;
        all.faults.extend(tickets.faults);
        for reference in tickets.references {
            if all.reference(&reference.system, &reference.number).is_none() {
                all.references.push(reference);
            }
        }
    }

    /// The case with the open report of a product.
    #[must_use]
    pub fn open_fault(&self, product: &Key) -> Option<CaseId> {
        self.faults.get(product).copied()
    }
}

impl Tickets {
    /// A ticket that is linked.
    #[must_use]
    pub fn reference(&self, system: &str, number: &str) -> Option<&Reference> {
        self.references.iter().find(|known| known.is(system, number))
    }

    /// The open report of a product.
    #[must_use]
    pub fn fault(&self, product: &Key) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.product == *product)
    }
}

impl Reference {
    fn is(&self, system: &str, number: &str) -> bool {
        *self.system == *system && *self.number == *number
    }
}
