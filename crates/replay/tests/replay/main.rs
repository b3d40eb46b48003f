//! What is worked out from a log that the core wrote is what the core decided.

#![allow(clippy::unwrap_used, clippy::panic)]

mod judged;

use judged::Judged;
use simpang_log::tail::Body;
use simpang_proto::log::v1::{self, event::Body as Happened};
use simpang_replay::explain::agents::{Bar, Standpoint};
use simpang_replay::explain::choice::Choice;
use simpang_replay::explain::{Details, Explainer, Step};
use simpang_replay::verify::Verifier;

async fn steps(desk: &Judged, case: u64) -> (Vec<Step>, Option<Choice>) {
    let mut explainer = Explainer::new(&desk.desk, case);
    let mut steps = Vec::new();
    for entry in desk.entries().await {
        steps.extend(explainer.take(&entry).unwrap());
    }
    (steps, explainer.waits())
}

fn chosen(steps: &[Step]) -> &Choice {
    steps.iter().find_map(|step| step.choice.as_ref()).unwrap()
}

fn of<'a>(choice: &'a Choice, agent: &str) -> &'a Standpoint {
    choice.agents.iter().find(|standpoint| standpoint.agent == agent).unwrap()
}

#[tokio::test]
async fn a_log_judged_again_gives_what_stands_on_it() {
    let desk = Judged::floor().await;
    let mut verifier = Verifier::new(&desk.desk);
    for entry in desk.entries().await {
        verifier.take(&entry).unwrap();
    }
    let verdict = verifier.finish();
    assert_eq!(verdict.differences, Vec::<String>::new());
    assert_eq!((verdict.judged, verdict.folded), (21, 0), "every input of the floor");
}

#[tokio::test]
async fn a_case_that_came_to_agents_who_asked_went_to_the_best_and_everybody_has_a_reason() {
    let desk = Judged::floor().await;
    let (steps, waits) = steps(&desk, 1).await;
    assert!(waits.is_none());
    let choice = chosen(&steps);
    assert_eq!((choice.chosen.as_str(), choice.agrees), ("best", Some(true)));
    assert_eq!((of(choice, "best").rank, of(choice, "good").rank), (Some(1), Some(2)));
    for (agent, bar) in [
        ("away", Bar::SignedOut),
        ("idle", Bar::NotAsking),
        ("pausing", Bar::NotReady { presence: "not-ready" }),
        ("unskilled", Bar::Lacks { skills: vec!["care".into()] }),
    ] {
        assert_eq!(of(choice, agent).reasons, [bar], "{agent}");
        assert_eq!(of(choice, agent).is_signed_in(), agent != "away");
    }
}

#[tokio::test]
async fn a_case_that_waited_went_to_the_agent_who_asked_and_the_next_one_still_waits() {
    let desk = Judged::floor().await;
    let (steps, _) = steps(&desk, 2).await;
    let choice = chosen(&steps);
    assert_eq!((choice.chosen.as_str(), choice.agrees), ("idle", Some(true)));
    assert_eq!((choice.queues[0].case, choice.behind[0].case, choice.behind_in_all), (2, 3, 1));
    let over = steps.iter().rfind(|step| step.kind == "assigned").unwrap();
    assert!(over.choice.is_none(), "a person took it");
    let (_, waits) = self::steps(&desk, 3).await;
    assert_eq!(waits.unwrap().because, "no agent who may take it asks for work and has room");
}

#[tokio::test]
async fn steps_stand_where_their_events_stand_and_say_how_they_came_about() {
    let desk = Judged::floor().await;
    let (steps, _) = steps(&desk, 2).await;
    let entries = desk.entries().await;
    for step in &steps {
        let entry = entries.iter().find(|entry| entry.seq == step.seq).unwrap();
        let Body::Commit { commit, .. } = &entry.body else { panic!("{} is no commit", step.seq) };
        let stands = &commit.events[usize::try_from(step.index).unwrap()];
        assert_eq!(stands, &simpang_wire::event::write(&step.event));
    }
    let kinds: Vec<&str> = steps.iter().map(|step| step.kind).collect();
    let wanted = ["opened", "identified", "classified", "queued", "assigned", "unassigned", "assigned"];
    assert_eq!(kinds, wanted);
    let Some(Details::Classified { rules, .. }) = &steps[2].details else { panic!("{:?}", steps[2]) };
    assert_eq!(&*rules.last().unwrap().rule, "vip");
    let Some(Details::Queued { key_ms, arrived_ms, head_start_ms, .. }) = steps[3].details else { panic!() };
    assert_eq!((arrived_ms - key_ms, head_start_ms), (4 * 3_600_000, 4 * 3_600_000));
}

/// A log whose explanation was written by somebody else does not agree.
#[tokio::test]
async fn an_explanation_that_the_core_did_not_give_is_told_from_one_that_it_gave() {
    let desk = Judged::floor().await;
    let mut explainer = Explainer::new(&desk.desk, 1);
    let mut steps = Vec::new();
    for mut entry in desk.entries().await {
        if let Body::Commit { commit, .. } = &mut entry.body {
            commit.events.iter_mut().filter_map(explanation).for_each(|said| said.at_capacity += 1);
        }
        steps.extend(explainer.take(&entry).unwrap());
    }
    assert_eq!(chosen(&steps).agrees, Some(false));
}

fn explanation(event: &mut v1::Event) -> Option<&mut v1::Explanation> {
    match &mut event.body {
        Some(Happened::CaseOffered(offer)) => offer.explanation.as_mut(),
        Some(Happened::CaseAssigned(assigned)) => assigned.explanation.as_mut(),
        _ => None,
    }
}
