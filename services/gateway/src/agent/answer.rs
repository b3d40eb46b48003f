//! What a decision says to the one who asked.

use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body;

use crate::command::Done;
use crate::follower::board::waiting_pull;
use crate::follower::{Outcome, input_id};

/// That it was done.
pub(super) fn done(done: &Done) -> api::CommandResponse {
    api::CommandResponse {
        position: done.decided.outcome.position,
        repeat: done.decided.repeat,
        cases: cases(done.case, &done.decided.outcome),
    }
}

/// The cases a command was about: the one asked for, then the other one of a merge or split.
pub(super) fn cases(case: u64, outcome: &Outcome) -> Vec<u64> {
    let other = outcome.events.iter().find_map(|event| match &event.body {
        Some(Body::CaseMerged(merged)) if merged.case == case => Some(merged.into),
        Some(Body::CaseSplit(split)) if split.case == case => Some(split.into),
        _ => None,
    });
    (case != 0).then_some(case).into_iter().chain(other).collect()
}

/// The case that came with it.
pub(super) fn taken(done: &Done) -> api::TakenResponse {
    let inner = done.follower.inner();
    let said =
        assigned(&done.decided.outcome).find(|(_, to)| to.case == done.case && to.agent == done.principal);
    let assignment = match said {
        Some((at_ms, assigned)) => Some(inner.board.assignment(assigned, at_ms)),
        // Accepted or taken over by the one who had it already.
        None => inner.board.held(&done.principal, done.case),
    };
    api::TakenResponse { position: done.decided.outcome.position, repeat: done.decided.repeat, assignment }
}

/// The session that began.
pub(super) fn signed_in(done: &Done) -> api::SignInResponse {
    let session = done.decided.outcome.events.iter().find_map(|event| match &event.body {
        Some(Body::AgentSignedIn(begun)) if begun.agent == done.principal => Some(begun.session.clone()),
        _ => None,
    });
    api::SignInResponse {
        position: done.decided.outcome.position,
        repeat: done.decided.repeat,
        session: session.unwrap_or_default(),
        agent: done.principal.clone(),
    }
}

/// The cases a pull got, and what of it waits.
pub(super) fn pulled(done: &Done) -> api::PullResponse {
    let outcome = &done.decided.outcome;
    let pull = Some(input_id(outcome.place));
    let inner = done.follower.inner();
    let assignments = assigned(outcome).filter(|(_, assigned)| assigned.pull == pull);
    let assignments = assignments.map(|(at_ms, assigned)| inner.board.assignment(assigned, at_ms)).collect();
    let waiting = outcome.events.iter().find_map(|event| match &event.body {
        Some(Body::PullWaiting(waiting)) if waiting.pull == pull => Some(waiting_pull(waiting)),
        _ => None,
    });
    api::PullResponse { position: outcome.position, repeat: done.decided.repeat, assignments, waiting }
}

fn assigned(outcome: &Outcome) -> impl Iterator<Item = (i64, &log::CaseAssigned)> {
    outcome.events.iter().filter_map(|event| match &event.body {
        Some(Body::CaseAssigned(assigned)) => Some((event.at_ms, assigned)),
        _ => None,
    })
}
