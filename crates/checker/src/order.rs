//! Invariant 4: no case goes to an agent while one with a smaller key that they could take waited in the same queue,
//! and nobody who asks is left idle while a case they may take waits.
//!
//! Order is compared among cases of one queue and one set of skills.

use std::collections::BTreeSet;

use simpang_proto::log::v1::{self, AssignedBy, event::Body};

use crate::arrived::{Arrived, Ask, Kind};
use crate::desk::{Class, Demand, Desk};
use crate::names::NameNo;
use crate::report::Findings;
use crate::{Code, InputId};

/// How much the pull that is being answered has got at once.
#[derive(Debug, Default)]
pub(crate) struct Order {
    given: Option<(InputId, u32)>,
}

impl Order {
    /// Checks an event against the desk before it.
    pub(crate) fn event(&mut self, desk: &Desk, body: &Body, cause: Option<&Arrived>, found: &mut Findings) {
        match body {
            Body::CaseOffered(e) => {
                explained(desk, e.case, e.explanation.as_ref(), found);
                in_order(desk, e.case, &e.agent, found);
            }
            Body::CaseAssigned(e) if e.by() == AssignedBy::Pull => {
                explained(desk, e.case, e.explanation.as_ref(), found);
                in_order(desk, e.case, &e.agent, found);
                self.answers_pull(desk, e, cause, found);
            }
            Body::PullEnded(e) => pull_ended(desk, e, found),
            _ => {}
        }
    }

    fn answers_pull(
        &mut self,
        desk: &Desk,
        event: &v1::CaseAssigned,
        cause: Option<&Arrived>,
        found: &mut Findings,
    ) {
        let (number, name) = (event.case, &event.agent);
        let Some(demand) = desk.cases.get(&number).and_then(|c| c.demand) else { return };
        if desk.offers_only(demand.queue) {
            let queue = desk.names.text(demand.queue);
            let what = format_args!("{name} pulled case {number}, and queue {queue} only offers its cases");
            found.broken(Code::PullAmiss, what);
        }
        let agent = desk.names.find(name).and_then(|no| desk.agents.get(&no));
        let pull = event.pull.map(InputId::from);
        let waits = agent.and_then(|a| a.pull.as_ref()).filter(|p| Some(p.id) == pull);
        let answers = match waits {
            Some(p) => p.left > 0 && (p.queues.is_empty() || p.queues.contains(&demand.queue)),
            None => cause.is_some_and(|c| Some(c.id) == pull && self.asked(desk, demand, name, c)),
        };
        if !answers {
            found.broken(
                Code::PullAmiss,
                format_args!("case {number} answers no open pull of {name} for its queue"),
            );
        }
    }

    /// Whether this input is a pull of that agent which may still get a case of this queue.
    fn asked(&mut self, desk: &Desk, demand: Demand, name: &str, cause: &Arrived) -> bool {
        let Kind::Command(command) = &cause.kind else { return false };
        let Ask::Pull { count, queues } = &command.ask else { return false };
        let given = self.given.filter(|(pull, _)| *pull == cause.id).map_or(0, |(_, given)| given);
        self.given = Some((cause.id, given + 1));
        let queue = desk.names.text(demand.queue);
        command.principal == name
            && given < *count
            && (queues.is_empty() || queues.iter().any(|q| q == queue))
    }
}

fn pull_ended(desk: &Desk, event: &v1::PullEnded, found: &mut Findings) {
    let agent = desk.names.find(&event.agent).and_then(|no| desk.agents.get(&no));
    let waits = agent.and_then(|a| a.pull.as_ref()).map(|p| p.id);
    if waits.is_none() || waits != event.pull.map(InputId::from) {
        let name = &event.agent;
        found.broken(Code::PullEndAmiss, format_args!("a pull of {name} ended that did not wait"));
    }
}

/// Whether an explanation tells the queue and the key that the case had.
fn explained(desk: &Desk, number: u64, told: Option<&v1::Explanation>, found: &mut Findings) {
    let Some(demand) = desk.cases.get(&number).and_then(|c| c.demand) else { return };
    let (queue, key_ms) = (desk.names.text(demand.queue), demand.key_ms);
    if told.is_none_or(|t| t.queue != queue || t.key_ms != key_ms) {
        found.broken(
            Code::ExplanationAmiss,
            format_args!("case {number} waited in {queue} by key {key_ms}, its explanation does not say so"),
        );
    }
}

fn in_order(desk: &Desk, number: u64, name: &str, found: &mut Findings) {
    let (Some(case), Some(agent)) = (desk.cases.get(&number), desk.names.find(name)) else { return };
    let Some(demand) = case.demand else { return };
    for (class, cases) in desk.waiting(demand.queue, Some(demand.skills)) {
        // Where the capacity is not known, there was some for this channel.
        if !desk.could_take(agent, class).unwrap_or(class.channel == case.channel) {
            continue;
        }
        let first = cases.iter().find(|(_, waits)| *waits != number);
        if let Some((key_ms, earlier)) = first.filter(|first| **first < (demand.key_ms, number)) {
            let key = demand.key_ms;
            found.broken(
                Code::OrderBroken,
                format_args!(
                    "{name} got case {number} by key {key} while case {earlier} waited by key {key_ms}"
                ),
            );
        }
    }
}

/// At the end of an input's events: nobody who asks is left idle. Looks only at what changed.
pub(crate) fn nobody_idle(desk: &mut Desk, found: &mut Findings) {
    let (classes, agents) = desk.settle();
    for class in classes.iter().filter(|class| desk.waiting_in(class).is_some()) {
        for agent in desk.asking_for(class.queue) {
            if !agents.contains(&agent) {
                idle(desk, agent, class, found);
            }
        }
    }
    for agent in agents {
        if desk.agents.get(&agent).and_then(|a| a.pull.as_ref()).is_some_and(|p| p.left == 0) {
            let name = desk.names.text(agent);
            found.broken(
                Code::PullEndAmiss,
                format_args!("a pull of {name} got all it asked for and did not end"),
            );
        }
        let queues = desk.agents.get(&agent).filter(|a| a.is_there()).map(|a| &a.admissions);
        for queue in queues.into_iter().flat_map(|admissions| admissions.keys()) {
            let left = desk.waiting(*queue, None).any(|(class, _)| idle(desk, agent, class, found));
            if left {
                break;
            }
        }
    }
}

fn idle(desk: &Desk, agent: NameNo, class: &Class, found: &mut Findings) -> bool {
    if !desk.asks(agent, class.queue) || desk.could_take(agent, class) != Some(true) {
        return false;
    }
    let first = desk.waiting_in(class).and_then(BTreeSet::first);
    if let Some((_, case)) = first {
        let (name, queue) = (desk.names.text(agent), desk.names.text(class.queue));
        found
            .broken(Code::LeftIdle, format_args!("{name} asks for cases while case {case} waits in {queue}"));
    }
    first.is_some()
}
