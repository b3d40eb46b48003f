//! Fault reports: a product has one that is open, others of it are its repeats, and only what is open ends (G3).

use std::collections::HashMap;

use simpang_proto::log::v1::event::Body;

use crate::Code;
use crate::arrived::{Arrived, Ask, Kind};
use crate::report::Findings;

/// Keyed hash of a product's number.
type Product = Vec<u8>;

/// Open fault reports: the case of each product's.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    open: HashMap<Product, u64>,
}

impl Faults {
    /// Checks an event and takes it in.
    pub(crate) fn event(&mut self, body: &Body, cause: Option<&Arrived>, found: &mut Findings) {
        match body {
            Body::FaultReported(e) => {
                if asked(cause).is_some_and(|product| *product != e.product) {
                    let case = e.case;
                    found.broken(
                        Code::FaultAmiss,
                        format_args!("case {case} reports another product than its agent named"),
                    );
                }
                self.reported(e.case, e.product.to_vec(), e.repeats, found);
            }
            Body::FaultEnded(e) => {
                if self.open.get(&e.product[..]) != Some(&e.case) {
                    let case = e.case;
                    found.broken(
                        Code::FaultAmiss,
                        format_args!("case {case} ends a fault report that is not open on it"),
                    );
                }
                self.open.remove(&e.product[..]);
            }
            Body::CaseMerged(e) => {
                for case in self.open.values_mut().filter(|case| **case == e.case) {
                    *case = e.into;
                }
            }
            Body::CaseForgotten(e) => self.open.retain(|_, case| *case != e.case),
            _ => {}
        }
    }

    fn reported(&mut self, case: u64, product: Product, repeats: u64, found: &mut Findings) {
        let open = self.open.get(&product).copied();
        match (open, repeats) {
            (Some(open), 0) => found.broken(
                Code::FaultTwice,
                format_args!("case {case} reports a product anew whose report on case {open} is open"),
            ),
            (open, repeats) if repeats != 0 && open != Some(repeats) => found.broken(
                Code::FaultAmiss,
                format_args!("case {case} repeats a report on case {repeats} that is not open there"),
            ),
            _ => {}
        }
        if repeats == 0 {
            self.open.insert(product, case);
        }
    }
}

/// The product that the command behind an event names.
fn asked(cause: Option<&Arrived>) -> Option<&Product> {
    match cause.map(|cause| &cause.kind) {
        Some(Kind::Command(command)) => match &command.ask {
            Ask::ReportFault { product } => Some(product),
            _ => None,
        },
        _ => None,
    }
}
