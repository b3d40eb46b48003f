//! Clocks: warnings, breaches and what follows them, pauses.

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body, PolicyVersion};
use simpang_domain::rules::ClockRule;
use simpang_domain::words::{CaseId, DeliveryId, DeliveryOutcome, ReplyKind, SlaClock, WaitingOn};

use crate::support::{DAY, HOUR, MIN, TestRules, Trial, answer, names};

fn taken() -> Trial {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk
}

fn resolve() -> Ask {
    Ask::Resolve { outcome: "".into() }
}

fn reply() -> Ask {
    Ask::Reply { kind: ReplyKind::Normal, to: None, category: Vec::new(), resolve: false }
}

/// How clocks ended, such as `FirstResponse met`.
fn ends(events: &[Happened]) -> Vec<String> {
    let end = |e: &Happened| match e {
        Happened::SlaMet { clock, .. } => Some(format!("{clock:?} met")),
        Happened::SlaCancelled { clock, .. } => Some(format!("{clock:?} cancelled")),
        _ => None,
    };
    events.iter().filter_map(end).collect()
}

fn runs(desk: &Trial, clock: SlaClock) -> bool {
    desk.desk.state().cases.values().next().unwrap().clock(clock).is_some()
}

fn first_response(events: &[Happened]) -> Vec<String> {
    let of = |e: &&Happened| {
        matches!(
            e,
            Happened::SlaWarned { clock: SlaClock::FirstResponse, .. }
                | Happened::SlaBreached { clock: SlaClock::FirstResponse, .. }
        )
    };
    events.iter().filter(of).map(|e| format!("{e:?}").split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn a_clock_warns_twice_then_breaches_once_and_the_policys_steps_follow() {
    let mut desk = Trial::new();
    desk.mail(1);
    assert_eq!(first_response(&desk.pass(30 * MIN)), ["SlaWarned"]);
    assert_eq!(first_response(&desk.pass(18 * MIN)), ["SlaWarned"]);
    let events = desk.pass(12 * MIN);
    assert_eq!(first_response(&events), ["SlaBreached"]);
    let kinds = names(&events);
    for expected in ["PriorityChanged", "CaseQueued", "CaseEscalated", "DeliveryQueued"] {
        assert!(kinds.contains(&expected.to_owned()), "{kinds:?}");
    }
    assert_eq!(first_response(&desk.pass(HOUR)), Vec::<String>::new());
    desk.assert_fold_is_equal();
}

#[test]
fn many_thresholds_passed_in_silence_fire_in_order_with_their_due_times() {
    let mut desk = Trial::new();
    desk.mail(1);
    let opened = desk.now;
    desk.pass(HOUR + 1);
    let events = &desk.history.last().unwrap().1;
    let times: Vec<i64> = events
        .iter()
        .filter(|e| {
            matches!(
                e.body,
                Happened::SlaWarned { clock: SlaClock::FirstResponse, .. }
                    | Happened::SlaBreached { clock: SlaClock::FirstResponse, .. }
            )
        })
        .map(|e| e.at - opened)
        .collect();
    assert_eq!(times, [30 * MIN, 48 * MIN, 60 * MIN]);
    assert!(events.is_sorted_by_key(|e| e.at));
}

#[test]
fn resolution_stands_still_while_the_customer_is_waited_for() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    let events = desk.ask("rina", 1, Ask::Wait { on: WaitingOn::Customer });
    let left = events.iter().find_map(|e| match e {
        Happened::SlaPaused { clock: SlaClock::Resolution, remaining_ms, .. } => Some(*remaining_ms),
        _ => None,
    });
    assert_eq!(left, Some(DAY));
    desk.pass(2 * DAY);
    let events = desk.judge(Body::Message(answer(1)));
    let resumed = events.iter().find_map(|e| match e {
        Happened::SlaResumed { clock: SlaClock::Resolution, deadline, .. } => Some(*deadline),
        _ => None,
    });
    assert_eq!(resumed, Some(desk.now + DAY));
    desk.assert_fold_is_equal();
}

#[test]
fn a_later_message_starts_the_next_response_clock_once_the_first_was_met() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    let starts = |events: &[Happened]| {
        events.iter().any(|e| matches!(e, Happened::SlaStarted { clock: SlaClock::NextResponse, .. }))
    };
    assert!(!starts(&desk.judge(Body::Message(answer(1)))));
    let reply = Ask::Reply { kind: ReplyKind::Normal, to: None, category: Vec::new(), resolve: false };
    desk.ask("rina", 1, reply);
    desk.deliver(DeliveryOutcome::Delivered);
    assert!(starts(&desk.judge(Body::Message(answer(1)))));
    desk.assert_fold_is_equal();
}

#[test]
fn resolving_meets_the_resolution_clock_and_says_how_long_it_took() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.now += 30_000;
    let events = desk.ask("rina", 1, Ask::Resolve { outcome: "".into() });
    let took = events.iter().find_map(|e| match e {
        Happened::SlaMet { clock: SlaClock::Resolution, elapsed_ms, .. } => Some(*elapsed_ms),
        _ => None,
    });
    assert_eq!(took, Some(30_000));
}

#[test]
fn resolving_without_an_answer_owes_none_any_more() {
    let mut desk = taken();
    let events = desk.ask("rina", 1, resolve());
    assert_eq!(ends(&events), ["Resolution met", "FirstResponse cancelled"]);
    assert_eq!(first_response(&desk.pass(2 * HOUR)), Vec::<String>::new());
    desk.assert_fold_is_equal();
}

#[test]
fn an_answer_on_its_way_while_its_case_is_resolved_still_counts_when_it_is_accepted() {
    let mut desk = taken();
    desk.ask("rina", 1, reply());
    let answer = desk.history.last().unwrap().0.id;
    assert_eq!(ends(&desk.ask("rina", 1, resolve())), ["Resolution met"]);
    let delivery = DeliveryId { input: answer, part: 0 };
    assert_eq!(ends(&desk.deliver_this(delivery, DeliveryOutcome::Delivered)), ["FirstResponse met"]);
    desk.assert_fold_is_equal();
}

#[test]
fn an_answer_that_fails_after_its_case_was_resolved_is_still_owed() {
    let mut desk = taken();
    desk.ask("rina", 1, reply());
    let answer = desk.history.last().unwrap().0.id;
    desk.ask("rina", 1, resolve());
    let delivery = DeliveryId { input: answer, part: 0 };
    assert!(ends(&desk.deliver_this(delivery, DeliveryOutcome::Refused)).is_empty());
    assert!(runs(&desk, SlaClock::FirstResponse));
    assert_eq!(first_response(&desk.pass(HOUR)).last().map(String::as_str), Some("SlaBreached"));
    desk.assert_fold_is_equal();
}

#[test]
fn a_case_that_comes_back_unanswered_is_owed_its_first_answer_from_then_on() {
    let mut desk = taken();
    desk.ask("rina", 1, resolve());
    desk.pass(3 * HOUR);
    desk.ready("rina");
    let events = desk.ask("rina", 1, Ask::Reopen);
    let starts = events.iter().find_map(|e| match e {
        Happened::SlaStarted { clock: SlaClock::FirstResponse, deadline, .. } => Some(*deadline),
        _ => None,
    });
    assert_eq!(starts, Some(desk.now + HOUR));
    desk.ask("rina", 1, reply());
    desk.deliver(DeliveryOutcome::Delivered);
    desk.ask("rina", 1, resolve());
    desk.ask("rina", 1, Ask::Reopen);
    assert!(!runs(&desk, SlaClock::FirstResponse));
    desk.assert_fold_is_equal();
}

#[test]
fn handling_is_met_by_whoever_finishes_the_case_and_cancelled_when_they_give_it_up() {
    let handled = || {
        let mut desk = Trial::ruled_by(|tables| {
            let template = tables.slas[0].clocks[0].clone();
            let (clock, on_breach) = (SlaClock::Handling, Vec::new());
            tables.slas[0].clocks.push(ClockRule { clock, on_breach, ..template });
        });
        desk.mail(1);
        desk.ready("rina");
        desk.pull("rina", 1, 0);
        desk
    };
    for ask in [resolve(), Ask::Close] {
        let mut desk = handled();
        desk.now += 30_000;
        let events = desk.ask("rina", 1, ask);
        assert!(ends(&events).contains(&"Handling met".to_owned()), "{:?}", ends(&events));
        desk.assert_fold_is_equal();
    }
    for ask in [Ask::Release, Ask::MarkSpam] {
        let mut desk = handled();
        let events = desk.ask("rina", 1, ask);
        assert!(ends(&events).contains(&"Handling cancelled".to_owned()), "{:?}", ends(&events));
        desk.assert_fold_is_equal();
    }
}

#[test]
fn thresholds_of_clocks_that_run_are_those_of_the_policy_in_force() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.now += 10 * MIN;
    let mut rules = TestRules::default();
    rules.tables.version = 2;
    rules.tables.slas[0].clocks[0].warn_percent = vec![75];
    let version = PolicyVersion { version: 2, digest: [2; 32], cites: "".into(), errors: Vec::new() };
    desk.judge_with(None, Body::Policy(version), Some(rules));
    let of_first = |event: &&Happened| {
        matches!(
            event,
            Happened::SlaWarned { clock: SlaClock::FirstResponse, .. } | Happened::SlaBreached { .. }
        )
    };
    assert_eq!(desk.pass(34 * MIN).iter().find(of_first), None, "half of the hour warns no longer");
    let warned = Happened::SlaWarned { case: CaseId(1), clock: SlaClock::FirstResponse, percent: 75 };
    assert_eq!(desk.pass(MIN).iter().find(of_first), Some(&warned));
    let breached = desk.pass(15 * MIN);
    assert!(matches!(breached.iter().find(of_first), Some(Happened::SlaBreached { .. })), "{breached:?}");
    desk.assert_fold_is_equal();
}
