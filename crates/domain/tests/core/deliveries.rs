//! What is sent: one claim wins, one outcome is final.

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body, DeliveryClaim, DeliveryReport};
use simpang_domain::words::{DeliveryId, DeliveryOutcome, InputId, ReplyKind, SlaClock};

use crate::support::{Trial, names};

fn replied(resolve: bool) -> Trial {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.ask("rina", 1, Ask::Reply { kind: ReplyKind::Normal, to: None, category: Vec::new(), resolve });
    desk
}

fn queued(desk: &Trial) -> DeliveryId {
    DeliveryId { input: desk.history.last().unwrap().0.id, part: 0 }
}

#[test]
fn of_two_deliverers_one_may_send() {
    let mut desk = replied(false);
    let delivery = queued(&desk);
    let claim = |name: &str| Body::Claim(DeliveryClaim { delivery, deliverer: name.into() });
    assert_eq!(names(&desk.judge(claim("d1"))), ["DeliveryStarted"]);
    assert_eq!(names(&desk.judge(claim("d2"))), ["ClaimRefused"]);
    desk.assert_fold_is_equal();
}

#[test]
fn an_accepted_reply_stops_the_first_response_clock() {
    let mut desk = replied(false);
    let events = desk.deliver(DeliveryOutcome::Delivered);
    assert!(
        events
            .iter()
            .any(|e| matches!(e, Happened::SlaMet { clock: SlaClock::FirstResponse, late: false, .. }))
    );
    desk.assert_fold_is_equal();
}

#[test]
fn an_automatic_acknowledgement_answers_nobody_and_stops_no_clock() {
    let mut desk = Trial::ruled_by(|tables| tables.limits.acknowledgement = Some("received".into()));
    assert!(names(&desk.mail(1)).contains(&"DeliveryQueued".to_owned()));
    assert_eq!(names(&desk.deliver(DeliveryOutcome::Delivered)), ["DeliveryEnded"]);
    let case = desk.desk.state().cases.values().next().unwrap();
    assert!(!case.answered && case.clock(SlaClock::FirstResponse).is_some());
    desk.assert_fold_is_equal();
}

#[test]
fn a_refused_or_unknown_reply_leaves_the_clock_running() {
    for outcome in [DeliveryOutcome::Refused, DeliveryOutcome::Unknown] {
        let mut desk = replied(false);
        assert_eq!(names(&desk.deliver(outcome)), ["DeliveryEnded"]);
    }
}

#[test]
fn a_retry_waits_and_is_then_claimed_again() {
    let mut desk = replied(false);
    let delivery = queued(&desk);
    desk.deliver_this(delivery, DeliveryOutcome::Retry);
    let claim = Body::Claim(DeliveryClaim { delivery, deliverer: "d1".into() });
    assert_eq!(names(&desk.judge(claim.clone())), ["ClaimRefused"]);
    desk.now += 1_000;
    assert!(matches!(desk.judge(claim)[..], [Happened::DeliveryStarted { attempt: 2, .. }]));
    desk.assert_fold_is_equal();
}

#[test]
fn a_reply_that_resolves_does_so_once_it_is_accepted() {
    let mut desk = replied(true);
    let events = desk.deliver(DeliveryOutcome::Delivered);
    assert!(names(&events).contains(&"CaseResolved".to_owned()));
    desk.assert_fold_is_equal();
}

#[test]
fn a_late_report_of_an_earlier_attempt_does_not_end_the_one_under_way() {
    let mut desk = replied(false);
    let delivery = queued(&desk);
    desk.deliver_this(delivery, DeliveryOutcome::Retry);
    desk.now += 1_000;
    desk.judge(Body::Claim(DeliveryClaim { delivery, deliverer: "d2".into() }));
    let report = |attempt: u32| {
        let (outcome, detail) = (DeliveryOutcome::Refused, "".into());
        Body::Report(DeliveryReport { delivery, attempt, outcome, detail, source: None, retry_after_ms: 0 })
    };
    assert_eq!(names(&desk.judge(report(1))), ["InputRefused"]);
    assert_eq!(names(&desk.judge(report(2))), ["DeliveryEnded"]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_report_of_nothing_under_way_is_set_aside() {
    let mut desk = replied(false);
    let report = DeliveryReport {
        delivery: DeliveryId { input: InputId { seq: 99, index: 0 }, part: 0 },
        attempt: 1,
        outcome: DeliveryOutcome::Delivered,
        detail: "".into(),
        source: None,
        retry_after_ms: 0,
    };
    assert_eq!(names(&desk.judge(Body::Report(report))), ["InputRefused"]);
}
