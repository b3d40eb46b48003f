//! Clocks: warnings, breaches and what follows them, pauses.

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body};
use simpang_domain::words::{DeliveryOutcome, ReplyKind, SlaClock, WaitingOn};

use crate::support::{DAY, HOUR, MIN, Trial, answer, names};

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
