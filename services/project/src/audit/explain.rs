//! Why a case went where it went: what stands on the log, and beside it what `simpang-replay` works out from the log
//! when that is asked for.
//!
//! Working it out folds the desk's log from its beginning, so it is bounded: only so long a log, one at a time, off
//! the threads that answer others, and no further than to the last assignment that is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use simpang_log::{Anchor, DeskLog, Entry, LogError, Tail};
use simpang_proto::audit::v1 as api;
use simpang_proto::view::v1::{AssignedBy, Assignment};
use simpang_replay::explain::Explainer;
use simpang_replay::explain::agents::Bar;
use simpang_replay::explain::choice::Choice;
use simpang_views::sentence;
use tokio::sync::{Semaphore, mpsc};
use tonic::Status;

use crate::desk::Desk;
use crate::replay::{Opened, Source, away};

/// Longest log that is folded to answer, in records.
const RECORDS_MAX: u64 = 5_000_000;

/// Records read ahead of the fold.
const AHEAD: usize = 64;

/// Where an event stands: its record's sequence, and its index in it.
type Place = (u64, u32);

/// What was worked out at a place; nothing where nobody was matched.
type Found = BTreeMap<Place, Option<Choice>>;

/// Explains a case's assignments; `turns` lets so many recompute at a time.
pub(super) async fn explain(
    desk: &Desk,
    asked: api::ExplainRequest,
    turns: &Arc<Semaphore>,
) -> Result<api::ExplainResponse, Status> {
    let (case, seq) = (asked.case, asked.seq);
    let read = desk.read(asked.at_least, move |snapshot| {
        let known = !snapshot.kin(case)?.is_empty() && snapshot.case(case)?.is_some();
        let assignments = snapshot.assignments(case)?;
        Ok((known, snapshot.position()?, snapshot.classifications(case)?, assignments))
    });
    let (known, position, classifications, mut assignments) = read.await?;
    if !known {
        return Err(Status::not_found(format!("case: desk {} has no case {case}", desk.name)));
    }
    assignments.retain(|made| seq == 0 || place(made).0 == seq);
    let worked_out = match asked.recompute {
        true => Some(work_out(desk.log()?, case, &assignments, position, turns).await?),
        false => None,
    };
    let mut source = Source::new(desk.log()?, false);
    let mut explained = Vec::with_capacity(assignments.len());
    for assignment in assignments {
        let (seq, index) = place(&assignment);
        let record = source.records(&[seq]).await?.pop_front().map(Opened::of);
        let event = record.and_then(|record| record.event(index));
        let mut one = api::ExplainedAssignment {
            sentence: event.map(|(_, event)| sentence::sentence(&event)).unwrap_or_default(),
            ..api::ExplainedAssignment::default()
        };
        match &worked_out {
            Some(Ok(found)) => fill(&mut one, &assignment, found),
            Some(Err(refused)) => one.not_recomputed.clone_from(refused),
            None => {}
        }
        explained.push(api::ExplainedAssignment { assignment: Some(assignment), ..one });
    }
    Ok(api::ExplainResponse { position, classifications, assignments: explained })
}

fn place(assignment: &Assignment) -> Place {
    assignment.place.map(|place| (place.seq, place.index)).unwrap_or_default()
}

/// Works out who could have got the case each time, or says why not.
async fn work_out(
    log: Arc<dyn DeskLog>,
    case: u64,
    assignments: &[Assignment],
    position: u64,
    turns: &Arc<Semaphore>,
) -> Result<Result<Found, String>, Status> {
    let wanted: BTreeSet<Place> = assignments.iter().map(place).collect();
    let Some((last, _)) = wanted.last() else { return Ok(Ok(Found::new())) };
    if let Some(refused) = too_long(*last) {
        return Ok(Err(refused));
    }
    let stopping = |_| Status::unavailable("the role is stopping: ask again");
    let turn = turns.clone().acquire_owned().await.map_err(stopping)?;
    let explainer = Explainer::new(log.desk(), case);
    let (sender, receiver) = mpsc::channel(AHEAD);
    // The turn ends with the fold, also when the caller goes before.
    let folding = tokio::task::spawn_blocking(move || {
        let found = fold(explainer, receiver, &wanted);
        drop(turn);
        found
    });
    let read = feed(log, position, sender).await;
    let found = folding.await.map_err(|_| Status::internal("the fold ended early: this is a defect"))?;
    match read.and(found) {
        Ok(found) => Ok(Ok(found)),
        // Trying again helps; otherwise what stands on the log is told all the same.
        Err(error) if error.is_transient() => Err(away(&error)),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Why a log of so many records is not folded.
fn too_long(records: u64) -> Option<String> {
    (records > RECORDS_MAX).then(|| {
        format!(
            "it stands after {records} records, and at most {RECORDS_MAX} are folded for an answer: \
             `simpang explain` has no such bound"
        )
    })
}

/// Reads the log up to a position, for as long as somebody takes it.
async fn feed(log: Arc<dyn DeskLog>, until: u64, sender: mpsc::Sender<Entry>) -> Result<(), LogError> {
    let mut tail = Tail::start(log, Anchor::Start);
    while let Some(entry) = tail.read_until(until).await? {
        if sender.send(entry).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Folds what is read until all that is wanted is found.
fn fold(
    mut explainer: Explainer,
    mut entries: mpsc::Receiver<Entry>,
    wanted: &BTreeSet<Place>,
) -> Result<Found, LogError> {
    let mut found = Found::new();
    while let Some(entry) = entries.blocking_recv() {
        for step in explainer.take(&entry)? {
            if wanted.contains(&(step.seq, step.index)) {
                found.insert((step.seq, step.index), step.choice);
            }
        }
        if found.len() == wanted.len() {
            break;
        }
    }
    Ok(found)
}

fn fill(one: &mut api::ExplainedAssignment, assignment: &Assignment, found: &Found) {
    match found.get(&place(assignment)) {
        Some(Some(choice)) => {
            one.recomputed = candidates(choice);
            one.agrees = choice.agrees == Some(true);
        }
        Some(None) => one.not_recomputed = nobody_matched(assignment.by()).into(),
        None => one.not_recomputed = "its input is still being judged: ask again in a moment".into(),
    }
}

fn nobody_matched(by: AssignedBy) -> &'static str {
    match by {
        AssignedBy::Offer => "it was offered before, and the offer says who could have got it",
        AssignedBy::TakeOver | AssignedBy::Transfer => "a person chose: no candidates were compared",
        AssignedBy::Return => "it came back to the agent who had it: no candidates were compared",
        AssignedBy::Unspecified | AssignedBy::Pull => "no candidates were compared",
    }
}

/// Everybody who was signed in, in the choice's order: who got it first.
fn candidates(choice: &Choice) -> Vec<api::RecomputedCandidate> {
    // Who began to ask just then was on no list; the others follow.
    let came = choice.agents.iter().any(|agent| agent.got_it && agent.rank.is_none());
    let number = |rank: usize| u32::try_from(rank).unwrap_or(u32::MAX);
    let signed_in = choice.agents.iter().filter(|agent| agent.is_signed_in());
    let candidate = signed_in.map(|agent| api::RecomputedCandidate {
        agent: agent.agent.clone(),
        rank: match agent.rank {
            Some(rank) => number(rank + usize::from(came)),
            None => u32::from(agent.got_it),
        },
        barred_by: agent.reasons.first().map(word).unwrap_or_default(),
        proficiency: agent.proficiency,
        load: agent.load,
        idle_since_ms: agent.idle_since_ms,
        last_handler: agent.last_handler,
    });
    candidate.collect()
}

/// What kept the case from them, in the words of `RecomputedCandidate.barred_by`.
fn word(bar: &Bar) -> String {
    match bar {
        Bar::Inactive | Bar::SignedOut => "not signed in".into(),
        Bar::NotReady { .. } => "not ready".into(),
        Bar::NotAdmitted { .. } | Bar::AdmittedLater { .. } => "not admitted".into(),
        Bar::Lacks { skills } => format!("skill {}", skills.first().map_or("", String::as_str)),
        Bar::AtCapacity { .. } | Bar::NoWeightLeft { .. } => "at capacity".into(),
        Bar::NotAsking | Bar::OnlyByPull | Bar::AsksElsewhere { .. } => "not asking".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{RECORDS_MAX, too_long};

    #[test]
    fn a_log_that_is_too_long_is_refused_with_what_to_do_instead() {
        assert_eq!(too_long(RECORDS_MAX), None);
        assert!(too_long(RECORDS_MAX + 1).unwrap().contains("`simpang explain`"));
    }
}
