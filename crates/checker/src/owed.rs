//! Invariant 6 at the end of a case: one that is closed owes nothing, and one that is resolved owes at most the answer
//! that is on its way.

use std::collections::HashMap;

use simpang_proto::log::v1::{self, DeliveryKind, DeliveryOutcome, SlaClock, event::Body};

use crate::desk::{Desk, Phase};
use crate::report::Findings;
use crate::sla::{Clock, Sla};
use crate::{Code, DeliveryId};

/// Agents' answers that are on their way, and cases that have just ended.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    answers: HashMap<DeliveryId, u64>,
    /// How many of them a case waits for.
    counts: HashMap<u64, u64>,
    merged: HashMap<u64, u64>,
    /// Cases that this input resolved or closed, and whether an answer was on its way then.
    ended: Vec<(u64, bool)>,
}

impl Owed {
    /// Folds an event.
    pub(crate) fn event(&mut self, body: &Body) {
        match body {
            Body::DeliveryQueued(e) if e.kind() == DeliveryKind::Reply => {
                self.answers.insert(DeliveryId::of(e.delivery), e.case);
                *self.counts.entry(e.case).or_default() += 1;
            }
            Body::DeliveryEnded(e) if e.outcome() != DeliveryOutcome::Retry => self.ended(e),
            Body::CaseMerged(e) => {
                self.merged.insert(e.case, e.into);
                let moved = self.counts.remove(&e.case).unwrap_or_default();
                *self.counts.entry(e.into).or_default() += moved;
            }
            Body::CaseResolved(e) => {
                let waits = self.counts.get(&e.case).is_some_and(|answers| *answers > 0);
                self.ended.push((e.case, waits));
            }
            Body::CaseClosed(e) => self.ended.push((e.case, false)),
            Body::CaseForgotten(e) => {
                self.merged.remove(&e.case);
                self.counts.remove(&e.case);
            }
            _ => {}
        }
    }

    fn ended(&mut self, event: &v1::DeliveryEnded) {
        let Some(mut case) = self.answers.remove(&DeliveryId::of(event.delivery)) else { return };
        while let Some(into) = self.merged.get(&case) {
            case = *into;
        }
        if let Some(answers) = self.counts.get_mut(&case) {
            *answers = answers.saturating_sub(1);
        }
    }

    /// At the end of an input's events.
    pub(crate) fn end(&mut self, desk: &Desk, sla: &Sla, found: &mut Findings) {
        for (number, answer) in self.ended.drain(..) {
            let Some(case) = desk.cases.get(&number).filter(|case| case.phase != Phase::Open) else {
                continue;
            };
            let may = |clock: i32| {
                let response = [SlaClock::FirstResponse, SlaClock::NextResponse].iter();
                answer && case.phase == Phase::Resolved && response.copied().any(|r| r as i32 == clock)
            };
            for clock in sla.running(number).filter(|clock| !may(*clock)) {
                let phase = case.phase;
                found.broken(
                    Code::SlaRunsOn,
                    format_args!("{} runs on, the case is {phase:?}", Clock((number, clock))),
                );
            }
        }
    }
}
