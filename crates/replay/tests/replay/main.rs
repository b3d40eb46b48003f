//! What is worked out from a log that the core wrote is what the core decided.

#![allow(clippy::unwrap_used, clippy::panic)]

mod judged;

use judged::Judged;
use simpang_log::tail::Body;
use simpang_proto::log::v1::{self, command, event::Body as Happened};
use simpang_replay::explain::agents::{Bar, Standpoint};
use simpang_replay::explain::choice::Choice;
use simpang_replay::explain::{Details, Explainer, Step};
use simpang_replay::reclassify::{Decision, Reclassifier, Span, Totals};
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

/// The desk's policy with another text in the place of one that stands there once.
fn other_policy(from: &str, to: &str) -> simpang_policy::Policy {
    assert_eq!(judged::POLICY.matches(from).count(), 1, "{from:?} stands there once");
    simpang_policy::compile_inline("test", 2, &judged::POLICY.replace(from, to)).unwrap().policy
}

async fn again(desk: &Judged, policy: &simpang_policy::Policy, span: Span) -> Vec<Decision> {
    let mut reclassifier = Reclassifier::new(&desk.desk, policy.clone(), span);
    let mut all = Vec::new();
    for entry in desk.entries().await {
        all.extend(reclassifier.take(&entry).unwrap());
    }
    all
}

const ALL: Span = Span { seqs: 1..=u64::MAX, times: i64::MIN..=i64::MAX };

/// In short: case, occasion, and the rules that answered then and now.
fn short(decisions: &[Decision]) -> Vec<(u64, &str, &str, &str)> {
    let one = |d: &'_ Decision| (d.case.0, d.occasion.as_str());
    decisions.iter().map(|d| (one(d).0, one(d).1, &*d.then.rule, &*d.now.rule)).collect()
}

/// A customer becomes known, an agent says what it is about, which changes nothing then, and another policy comes.
async fn several() -> Judged {
    let mut desk = Judged::new().await;
    desk.agent("good", 5).await;
    desk.mail(1, "VIP").await;
    desk.mail(2, "").await;
    let customer = v1::Customer { id: "c2".into(), segment: "VIP".into(), ..v1::Customer::default() };
    let body = command::Body::Identify(v1::Identify { customer: Some(customer) });
    desk.command("good", 2, body).await;
    let category = vec!["Question".to_owned()];
    let body = command::Body::Classify(v1::Classify { category, ..v1::Classify::default() });
    desk.command("good", 1, body).await;
    desk.policy(2, judged::POLICY).await;
    desk
}

#[tokio::test]
async fn rules_are_run_again_wherever_they_ran_also_where_they_changed_nothing() {
    let desk = several().await;
    let policy =
        other_policy("when = 'customer.segment == \"VIP\"'", "when = 'case.category[0] == \"Question\"'");
    let decisions = again(&desk, &policy, ALL).await;
    assert_eq!(
        short(&decisions),
        [
            (1, "received", "vip", "rest"),
            (2, "received", "rest", "rest"),
            (2, "identified", "vip", "rest"),
            (1, "classified", "vip", "vip"),
            (1, "policy", "vip", "vip"),
            (2, "policy", "vip", "rest"),
        ]
    );
    assert_eq!(decisions[0].differing(), ["priority", "queue", "skills"]);
    assert_eq!(decisions[0].then.skills, [simpang_domain::words::Name::from("care")], "the queue's");
    let mut totals = Totals::default();
    decisions.iter().for_each(|decision| drop(totals.add(decision)));
    assert_eq!((totals.decisions, totals.same, totals.by_another_rule, totals.different), (6, 3, 0, 3));
    assert_eq!((totals.cases.len(), totals.different_cases.len()), (2, 2));
    assert_eq!(totals.by["queue"], [(("care".to_owned(), "general".to_owned()), 3)].into());
}

#[tokio::test]
async fn the_policy_that_judged_a_log_would_have_said_the_same() {
    for desk in [several().await, Judged::floor().await] {
        let decisions = again(&desk, &other_policy("title = \"Test\"", "title = \"Other\""), ALL).await;
        assert!(decisions.len() >= 3);
        for decision in &decisions {
            assert_eq!(decision.then, decision.now);
        }
    }
}

#[tokio::test]
async fn a_rule_that_says_the_same_under_another_name_is_no_difference() {
    let desk = several().await;
    let decisions =
        again(&desk, &other_policy("[[rule]]\nname = \"vip\"", "[[rule]]\nname = \"stars\""), ALL).await;
    let mut totals = Totals::default();
    for decision in &decisions {
        assert!(totals.add(decision).is_empty(), "{decision:?}");
    }
    assert_eq!((totals.same, totals.by_another_rule, totals.different), (1, 5, 0));
}

#[tokio::test]
async fn only_what_the_span_covers_is_taken_again() {
    let desk = several().await;
    let policy = other_policy("segment == \"VIP\"", "segment == \"none\"");
    let all = again(&desk, &policy, ALL).await;
    let (first, last) = (all[1].input.seq, all[2].input.seq);
    let some = again(&desk, &policy, Span { seqs: first..=last, ..ALL }).await;
    assert_eq!(some, all[1..3]);
    let times = all[3].at..=i64::MAX;
    let later: Vec<_> = all.iter().filter(|decision| times.contains(&decision.at)).cloned().collect();
    assert_eq!(again(&desk, &policy, Span { times, ..ALL }).await, later);
    assert!(again(&desk, &policy, Span { times: 0..=1, ..ALL }).await.is_empty());
}
