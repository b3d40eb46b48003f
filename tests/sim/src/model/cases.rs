//! Cases: where each is, by what key it waits, who gets it.

use simpang_proto::log::v1::{self, AssignedBy, event::Body};

use super::Model;
use crate::policy::{head_start_ms, rank};

/// Where a case is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Where {
    /// On its way from one place to another, within one input.
    Nowhere,
    Waiting,
    Offered(String),
    With(String),
    Parked(String),
    Scheduled,
    Resolved,
    Closed,
}

#[derive(Debug)]
pub(super) struct Case {
    pub(super) number: u64,
    pub(super) place: Where,
    pub(super) queue: String,
    priority: String,
    /// The queue that it was last put into.
    waits_in: String,
    pub(super) step: u32,
    /// What its key counts from.
    arrived_ms: i64,
    key_ms: i64,
}

impl Model {
    /// Moves a case from one of the places where it may be.
    fn go(&mut self, number: u64, what: &str, may_be: impl Fn(&Where) -> bool, to: Where) {
        let Some(case) = self.cases.iter_mut().find(|case| case.number == number) else {
            return self.wrong(&format!("case {number} {what}, and there is no such case"));
        };
        let from = std::mem::replace(&mut case.place, to);
        if !may_be(&from) {
            self.wrong(&format!("case {number} {what}, and it is {from:?}"));
        }
    }

    fn case(&mut self, number: u64) -> Option<&mut Case> {
        self.cases.iter_mut().find(|case| case.number == number)
    }

    pub(super) fn case_event(&mut self, body: &Body, at_ms: i64) {
        use Where::{Closed, Nowhere, Parked, Resolved, Scheduled, Waiting, With};
        let is_open = |place: &Where| !matches!(place, Resolved | Closed);
        match body {
            Body::CaseOpened(e) => self.opens(e),
            Body::CaseClassified(e) => {
                if let Some(case) = self.case(e.case) {
                    case.queue.clone_from(&e.queue);
                    case.priority.clone_from(&e.priority);
                }
            }
            Body::PriorityChanged(e) => {
                if let Some(case) = self.case(e.case) {
                    case.priority.clone_from(&e.priority);
                }
            }
            Body::CaseWidened(e) => {
                if let Some(case) = self.case(e.case) {
                    case.step = e.step;
                }
            }
            Body::CasePlacedLast(e) => {
                if let Some(case) = self.case(e.case) {
                    case.arrived_ms = at_ms;
                }
            }
            Body::CaseQueued(e) => self.queues(e),
            Body::CaseOffered(e) => self.offers(e),
            Body::OfferEnded(e) => {
                let agent = Where::Offered(e.agent.clone());
                self.go(e.case, "is offered no more", |place| *place == agent, Nowhere);
            }
            Body::CaseAssigned(e) => self.assigns(e),
            Body::CaseUnassigned(e) => {
                let (with, parked) = (With(e.agent.clone()), Parked(e.agent.clone()));
                self.go(e.case, "left its agent", |place| *place == with || *place == parked, Nowhere);
            }
            Body::CaseParked(e) => self.parks(e.case),
            Body::CaseResumed(e) => self.resumes(e.case),
            Body::CaseScheduled(e) => self.go(e.case, "was put off", is_open, Scheduled),
            Body::CaseResolved(e) => {
                self.go(e.case, "was resolved", |p| matches!(p, Nowhere | Waiting | Scheduled), Resolved)
            }
            Body::CaseReopened(e) => {
                self.go(e.case, "was reopened", |p| matches!(p, Resolved | Closed), Nowhere)
            }
            Body::CaseClosed(e) => {
                self.go(e.case, "was closed", |p| !matches!(p, Closed | With(_) | Where::Offered(_)), Closed);
            }
            Body::CaseForgotten(e) => {
                self.go(e.case, "was forgotten", |p| *p == Closed, Closed);
                self.cases.retain(|case| case.number != e.case);
            }
            _ => {}
        }
    }

    fn opens(&mut self, event: &v1::CaseOpened) {
        if self.cases.iter().any(|case| case.number == event.case) {
            self.wrong(&format!("case {} was opened twice", event.case));
        }
        self.opened += 1;
        self.cases.push(Case {
            number: event.case,
            place: Where::Nowhere,
            queue: String::new(),
            priority: String::new(),
            waits_in: String::new(),
            step: 0,
            arrived_ms: event.arrived_ms,
            key_ms: i64::MIN,
        });
    }

    fn queues(&mut self, event: &v1::CaseQueued) {
        self.go(
            event.case,
            "was queued",
            |p| matches!(p, Where::Nowhere | Where::Waiting | Where::Scheduled),
            Where::Waiting,
        );
        let Some(case) = self.case(event.case) else { return };
        // Whoever may take it stays as wide as it was while it stays in its queue.
        if case.waits_in != event.queue {
            case.step = 0;
        }
        case.waits_in.clone_from(&event.queue);
        case.key_ms = event.key_ms;
        case.queue.clone_from(&event.queue);
        let key = case.arrived_ms - head_start_ms(&case.priority);
        if key != event.key_ms {
            let what = format!("case {} waits by key {}, which should be {key}", event.case, event.key_ms);
            self.wrong(&what);
        }
    }

    fn offers(&mut self, event: &v1::CaseOffered) {
        self.may_get(event.case, &event.agent, "was offered");
        self.comes_first(event.case, &event.agent);
        let offered = Where::Offered(event.agent.clone());
        self.go(event.case, "was offered", |place| *place == Where::Waiting, offered);
    }

    fn assigns(&mut self, event: &v1::CaseAssigned) {
        let (number, agent) = (event.case, event.agent.clone());
        match event.by() {
            AssignedBy::Pull => {
                self.may_get(number, &agent, "was pulled");
                self.comes_first(number, &agent);
                self.go(number, "was pulled", |place| *place == Where::Waiting, Where::With(agent));
            }
            AssignedBy::Offer => {
                let offered = Where::Offered(agent.clone());
                self.go(number, "was accepted", |place| *place == offered, Where::With(agent));
            }
            _ => {
                if !self.has_room(&agent) {
                    self.wrong(&format!("case {number} was given to {agent}, who has no room"));
                }
                let free =
                    |place: &Where| matches!(place, Where::Nowhere | Where::Waiting | Where::Scheduled);
                self.go(number, "was given", free, Where::With(agent));
            }
        }
    }

    /// A case goes only to who is there, ready, admitted, and has room.
    fn may_get(&mut self, number: u64, agent: &str, what: &str) {
        let Some(case) = self.cases.iter().find(|case| case.number == number) else { return };
        let room = self.has_room(agent);
        let right = self.is_ready(agent) && self.could_take(agent, case);
        if !(room && right) {
            self.wrong(&format!("case {number} {what}: {agent} has room: {room}, may take it: {right}"));
        }
    }

    /// Of the cases of its queue that the agent could take, it has the smallest key.
    fn comes_first(&mut self, number: u64, agent: &str) {
        let Some(case) = self.cases.iter().find(|case| case.number == number) else { return };
        let order = |case: &Case| (rank(&case.queue), case.key_ms, case.number);
        let before = self.cases.iter().find(|other| {
            other.queue == case.queue && order(other) < order(case) && self.could_take(agent, other)
        });
        if let Some(other) = before {
            let what = format!("{agent} got case {number} while case {} waited before it", other.number);
            self.wrong(&what);
        }
    }

    fn parks(&mut self, number: u64) {
        let Some(case) = self.case(number) else { return };
        match &case.place {
            Where::With(agent) => case.place = Where::Parked(agent.clone()),
            other => {
                let what = format!("case {number} was parked, and it is {other:?}");
                self.wrong(&what);
            }
        }
    }

    fn resumes(&mut self, number: u64) {
        let Some(case) = self.case(number) else { return };
        match &case.place {
            Where::Scheduled => case.place = Where::Nowhere,
            Where::Parked(agent) => {
                let agent = agent.clone();
                if !self.has_room(&agent) {
                    self.wrong(&format!("case {number} goes on with {agent}, who has no room"));
                }
                if let Some(case) = self.case(number) {
                    case.place = Where::With(agent);
                }
            }
            other => {
                let what = format!("case {number} was resumed, and it is {other:?}");
                self.wrong(&what);
            }
        }
    }

    /// At the end of an input every case is somewhere.
    pub(super) fn each_case_in_one_place(&mut self) {
        let lost = self.cases.iter().filter(|case| case.place == Where::Nowhere).map(|case| case.number);
        for number in lost.collect::<Vec<_>>() {
            self.wrong(&format!("case {number} is nowhere"));
        }
    }
}
