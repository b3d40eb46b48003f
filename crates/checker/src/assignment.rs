//! Invariant 3: a case has at most one agent or offer, an agent at most their capacity, and only agents who are there,
//! ready, admitted and skilled get cases by pull or offer.

use std::collections::BTreeSet;

use simpang_proto::log::v1::{self, AssignedBy, UnassignedBy, event::Body};

use crate::Code;
use crate::agent::Agent;
use crate::desk::{Case, Desk, Phase, Place};
use crate::names::NameNo;
use crate::report::Findings;

/// What the end of an input must bear out.
#[derive(Debug, Default)]
pub(crate) struct Assignment {
    /// Agents whose session this input ended.
    gone: Vec<NameNo>,
    /// Agents of whose session's end it was said that it took a case from them.
    said_gone: BTreeSet<NameNo>,
}

impl Assignment {
    /// Checks an event against the desk before it.
    pub(crate) fn event(&mut self, desk: &Desk, body: &Body, found: &mut Findings) {
        match body {
            Body::AgentSignedOut(e) => self.gone.extend(desk.names.find(&e.agent)),
            Body::CaseQueued(e) => queued(desk, e, found),
            Body::CaseOffered(e) => offered(desk, e, found),
            Body::OfferEnded(e) => offer_ended(desk, e, found),
            Body::CaseAssigned(e) => assigned(desk, e, found),
            Body::CaseUnassigned(e) => {
                let left = desk.names.find(&e.agent).filter(|_| e.by() == UnassignedBy::SignOut);
                self.said_gone.extend(left);
                unassigned(desk, e, found);
            }
            _ => {}
        }
    }

    /// At the end of an input's events: who left kept nothing but what is parked, and of each case that was moved it is
    /// said who no longer has it and where it is. `loose` are the cases that may be nowhere.
    pub(crate) fn end(&mut self, desk: &Desk, loose: &BTreeSet<u64>, found: &mut Findings) {
        for number in loose {
            if let Some(case) = desk.cases.get(number) {
                is_somewhere(desk, *number, case, found);
            }
        }
        for number in std::mem::take(&mut self.said_gone) {
            if desk.agents.get(&number).is_some_and(|a| a.session.is_some()) {
                let name = desk.names.text(number);
                found.broken(
                    Code::UnassignedAmiss,
                    format_args!("{name} lost cases by leaving and is still here"),
                );
            }
        }
        for number in self.gone.drain(..) {
            let Some(agent) = desk.agents.get(&number).filter(|a| a.session.is_none()) else { continue };
            let kept = agent.held.iter().find(|case| desk.cases.get(case).is_some_and(|c| !c.parked));
            if let Some(case) = kept {
                let name = desk.names.text(number);
                found.broken(Code::AbsentHolds, format_args!("{name} has left and still has case {case}"));
            }
        }
    }
}

fn is_somewhere(desk: &Desk, number: u64, case: &Case, found: &mut Findings) {
    if let Some(agent) = case.left {
        let name = desk.names.text(agent);
        found.broken(Code::UnassignedAmiss, format_args!("case {number} left {name}, and nothing says so"));
    }
    if case.phase == Phase::Open && case.place == Place::Nowhere && !case.scheduled {
        found.broken(Code::CaseNowhere, format_args!("case {number} is open and nowhere"));
    }
}

fn queued(desk: &Desk, event: &v1::CaseQueued, found: &mut Findings) {
    if let Some(Place::Assigned(agent) | Place::Offered(agent)) = desk.cases.get(&event.case).map(|c| c.place)
    {
        let (case, name) = (event.case, desk.names.text(agent));
        found.broken(Code::QueuedWhileAssigned, format_args!("case {case} waits again, and {name} has it"));
    }
}

fn offered(desk: &Desk, event: &v1::CaseOffered, found: &mut Findings) {
    found.counts.offers += 1;
    let Some(case) = desk.cases.get(&event.case) else { return };
    match case.place {
        Place::Offered(other) | Place::Assigned(other) => {
            let (number, other) = (event.case, desk.names.text(other));
            found.broken(
                Code::TwoOffers,
                format_args!("case {number} went to {}, and {other} has it", event.agent),
            );
        }
        _ => must_wait(case, event.case, found),
    }
    may_get(desk, case, event.case, &event.agent, found);
    if let Some(agent) = desk.names.find(&event.agent).and_then(|no| desk.agents.get(&no).map(|a| (no, a))) {
        if let Some(demand) = case.demand.filter(|demand| !desk.offers(agent.1, demand.queue)) {
            let (number, name, queue) = (event.case, &event.agent, desk.names.text(demand.queue));
            let what = format_args!("case {number} was offered to {name}, whom queue {queue} offers nothing");
            found.broken(Code::OfferAmiss, what);
        }
        let busy = (agent.1.busy(case.channel), agent.1.busy_in_all(), true);
        has_room(desk, case, event.case, (&event.agent, agent), busy, found);
    }
}

fn offer_ended(desk: &Desk, event: &v1::OfferEnded, found: &mut Findings) {
    let Some(case) = desk.cases.get(&event.case) else { return };
    let agent = desk.names.find(&event.agent);
    let open = agent.is_some_and(|a| case.place == Place::Offered(a) || left(case, a));
    if !open {
        let (number, name) = (event.case, &event.agent);
        found.broken(Code::OfferAmiss, format_args!("case {number} is not offered to {name}"));
    }
}

fn assigned(desk: &Desk, event: &v1::CaseAssigned, found: &mut Findings) {
    found.counts.assignments += 1;
    let Some(case) = desk.cases.get(&event.case) else { return };
    let (number, agent) = (event.case, desk.names.find(&event.agent));
    match case.place {
        Place::Assigned(other) => {
            let other = desk.names.text(other);
            found.broken(
                Code::TwoAssignees,
                format_args!("case {number} went to {}, and {other} has it", event.agent),
            );
        }
        Place::Offered(other) if Some(other) != agent => {
            let other = desk.names.text(other);
            found.broken(
                Code::TwoAssignees,
                format_args!("case {number} went to {}, and is offered to {other}", event.agent),
            );
        }
        _ => {}
    }
    match event.by() {
        AssignedBy::Pull => {
            must_wait(case, number, found);
            may_get(desk, case, number, &event.agent, found);
        }
        AssignedBy::Offer => {
            if agent.is_none_or(|a| case.place != Place::Offered(a)) {
                found.broken(
                    Code::OfferAmiss,
                    format_args!("case {number} is not offered to {}", event.agent),
                );
            }
            present(desk, number, &event.agent, found);
        }
        _ => {}
    }
    fits(desk, case, event, found);
}

fn unassigned(desk: &Desk, event: &v1::CaseUnassigned, found: &mut Findings) {
    let Some(case) = desk.cases.get(&event.case) else { return };
    let agent = desk.names.find(&event.agent);
    let had = agent.is_some_and(|a| case.place == Place::Assigned(a) || left(case, a));
    if !had {
        let (number, name) = (event.case, &event.agent);
        found.broken(Code::UnassignedAmiss, format_args!("{name} lost case {number} and did not have it"));
    }
}

/// Whether the case was just taken from this agent by its resolving, closing or scheduling.
fn left(case: &Case, agent: NameNo) -> bool {
    let ended = case.phase != Phase::Open || case.scheduled;
    ended && case.left == Some(agent)
}

fn must_wait(case: &Case, number: u64, found: &mut Findings) {
    let waits = matches!(case.place, Place::Waiting | Place::Returning) && case.demand.is_some();
    if !waits && !matches!(case.place, Place::Assigned(_) | Place::Offered(_)) {
        found.broken(Code::NotWaiting, format_args!("case {number} waits in no queue"));
    }
}

/// Whether an agent may get a case by pull or offer.
fn may_get(desk: &Desk, case: &Case, number: u64, name: &str, found: &mut Findings) {
    present(desk, number, name, found);
    let Some(agent) = desk.names.find(name) else { return };
    if desk.agents.get(&agent).is_some_and(|a| a.not_ready()) {
        found.broken(Code::AgentNotReady, format_args!("{name} got case {number} and is not ready"));
    }
    let Some(demand) = case.demand else { return };
    if !desk.admitted(agent, demand.queue, case.step_max) {
        let (queue, step) = (desk.names.text(demand.queue), case.step_max);
        found.broken(
            Code::AgentNotAdmitted,
            format_args!("{name} got case {number} of queue {queue} at step {step} and may not serve it"),
        );
    }
    if !desk.has_skills(agent, demand.skills) {
        found
            .broken(Code::AgentLacksSkill, format_args!("{name} got case {number} without a skill it needs"));
    }
}

fn present(desk: &Desk, number: u64, name: &str, found: &mut Findings) {
    let agent = desk.names.find(name).and_then(|no| desk.agents.get(&no));
    if agent.is_none_or(|a| a.session.is_none()) {
        found.broken(Code::AgentAbsent, format_args!("{name} got case {number} and is not signed in"));
    }
}

fn fits(desk: &Desk, case: &Case, event: &v1::CaseAssigned, found: &mut Findings) {
    let Some(agent) = desk.names.find(&event.agent).and_then(|no| desk.agents.get(&no).map(|a| (no, a)))
    else {
        return;
    };
    let held = (agent.1.load(case.channel), agent.1.load_in_all(), false);
    has_room(desk, case, event.case, (&event.agent, agent), held, found);
}

/// Whether an agent who has so many cases of the channel and in all, offers among them or not, may have one more.
fn has_room(
    desk: &Desk,
    case: &Case,
    number: u64,
    (name, (agent, state)): (&str, (NameNo, &Agent)),
    (has, in_all, offers): (u32, u32, bool),
    found: &mut Findings,
) {
    if state.wants_no_more(case.channel, has, in_all) {
        found.broken(
            Code::OverCapacity,
            format_args!(
                "{name} got case {number}, and has {has} of its channel and {in_all} in all: their own limit is \
                 reached"
            ),
        );
    }
    let shared = desk.shared_room(state, case.channel, offers);
    if let Some((taken, weight, total)) = shared.filter(|(taken, weight, total)| taken + weight > *total) {
        found.broken(
            Code::OverCapacity,
            format_args!(
                "{name} got case {number} of weight {weight}, and what they have weighs {taken} of {total}"
            ),
        );
    }
    match desk.capacity(agent, case.channel) {
        None => found.counts.capacity_unknown += 1,
        Some(most) if has >= most => {
            found.broken(
                Code::OverCapacity,
                format_args!("{name} got case {number} and holds {has} of {most}"),
            );
        }
        Some(_) => {}
    }
}
