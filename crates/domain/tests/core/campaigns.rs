//! Calls: oldest first, dispositions by the tree, attempts, and hours (H, I1).

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body, Contact, TransferTo};
use simpang_domain::words::{CloseReason, Name, Rejection};

use crate::support::{HOUR, MIN, START, Trial, assigned, contact, customer, names, rejection};

fn outcome(path: &[&str], filled: &[&str], again_at: Option<i64>) -> Ask {
    let all = |texts: &[&str]| texts.iter().map(|t| Name::from(*t)).collect();
    Ask::Disposition { path: all(path), filled: all(filled), again_at, answered: None }
}

fn called() -> Trial {
    let mut desk = Trial::new();
    desk.contact();
    desk.ready("t2o");
    assert_eq!(assigned(&desk.pull("t2o", 1, 0)).len(), 1);
    desk
}

#[test]
fn the_contact_that_waited_longest_is_called_first() {
    let mut desk = Trial::new();
    for waited in [1, 5, 3] {
        let since = desk.now - waited * HOUR;
        desk.judge(Body::Contact(Contact { waiting_since: Some(since), ..contact() }));
    }
    desk.ready("t2o");
    assert_eq!(assigned(&desk.pull("t2o", 1, 0)), [(2, "t2o".to_owned())]);
}

#[test]
fn a_contact_needs_a_known_campaign_and_one_of_its_criteria() {
    let mut desk = Trial::new();
    let unknown = Contact { campaign: "nossa".into(), ..contact() };
    assert_eq!(names(&desk.judge(Body::Contact(unknown))), ["InputRefused"]);
    let other = Contact { criterion: Some("whim".into()), ..contact() };
    assert_eq!(names(&desk.judge(Body::Contact(other))), ["InputRefused"]);
}

#[test]
fn a_disposition_that_is_not_in_the_tree_or_incomplete_says_what_is_missing() {
    let mut desk = called();
    for wrong in [
        outcome(&["Busy"], &[], None),
        outcome(&["Contacted"], &[], None),
        outcome(&["Contacted", "Paham"], &[], None),
        outcome(&["Contacted", "Reschedule"], &[], None),
        outcome(&[], &[], None),
        outcome(&["RNA", "Busy"], &[], None),
    ] {
        assert_eq!(rejection(&desk.ask("t2o", 1, wrong)), Some(Rejection::Disposition));
    }
    let events = desk.ask("t2o", 1, outcome(&["Contacted", "Paham"], &[], None));
    let Some(Happened::CommandRejected { detail, .. }) = events.first() else { panic!("refused") };
    assert!(detail.contains("nomor tiket"), "{detail}");
}

#[test]
fn a_complete_disposition_closes_the_contact() {
    let mut desk = called();
    let events = desk.ask("t2o", 1, outcome(&["Contacted", "Paham"], &["nomor tiket"], None));
    assert!(
        events.iter().any(|e| matches!(e, Happened::CaseClosed { reason: CloseReason::Disposition, .. }))
    );
    desk.assert_fold_is_equal();
}

#[test]
fn a_rescheduled_contact_comes_back_when_due_and_orders_by_its_due_time() {
    let mut desk = called();
    let again = desk.now + 30 * MIN;
    let events = desk.ask("t2o", 1, outcome(&["Contacted", "Reschedule"], &[], Some(again)));
    assert!(events.iter().any(|e| matches!(e, Happened::CaseScheduled { at, .. } if *at == again)));
    let back = desk.pass(30 * MIN);
    let key = back.iter().find_map(|e| match e {
        Happened::CaseQueued { key, .. } => Some(*key),
        _ => None,
    });
    assert_eq!(key, Some(again));
    desk.assert_fold_is_equal();
}

#[test]
fn attempts_without_contact_end_at_the_campaigns_limit() {
    let mut desk = called();
    let events = desk.ask("t2o", 1, outcome(&["RNA"], &[], None));
    assert!(names(&events).contains(&"CaseScheduled".to_owned()));
    desk.pass(2 * HOUR);
    desk.sign_in("t2o", false);
    desk.pull("t2o", 1, 0);
    let events = desk.ask("t2o", 1, outcome(&["RNA"], &[], None));
    assert!(events.iter().any(|e| matches!(e, Happened::CaseClosed { reason: CloseReason::Attempts, .. })));
}

#[test]
fn nobody_is_called_outside_the_hours() {
    let mut desk = Trial::new();
    desk.now = START + 19 * HOUR + 50 * MIN;
    desk.contact();
    desk.now = START + 20 * HOUR;
    desk.ready("t2o");
    let events = desk.pull("t2o", 1, 0);
    let until = START + 32 * HOUR;
    assert!(matches!(events[..], [Happened::CaseScheduled { at, .. }, ..] if at == until), "{events:?}");
    desk.now = START + 22 * HOUR;
    assert!(names(&desk.contact()).contains(&"CaseScheduled".to_owned()));
    desk.assert_fold_is_equal();
}

#[test]
fn a_contact_stays_on_the_desk_of_its_campaign_whether_a_person_or_a_rule_would_move_it() {
    let mut desk = Trial::new();
    desk.judge(Body::Contact(Contact { customer: Some(customer("ELSEWHERE")), ..contact() }));
    desk.ready("t2o");
    assert_eq!(assigned(&desk.pull("t2o", 1, 0)), [(1, "t2o".to_owned())], "it waits like any other");
    let events = desk.ask("t2o", 1, Ask::Transfer { to: TransferTo::Desk("other".into()) });
    let [Happened::CommandRejected { rejection: Rejection::WrongState, detail, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(detail.contains("load it into a campaign of the other desk"), "{detail}");
    assert!(names(&desk.mail_of(9, "ELSEWHERE")).contains(&"CaseHandedOver".to_owned()), "a mail may go");
    desk.assert_fold_is_equal();
}

#[test]
fn a_contact_is_known_again_as_long_as_its_campaign_lives() {
    let mut desk = Trial::new();
    desk.judge_with(Some(3), Body::Contact(contact()), None);
    for _ in 0..30 {
        desk.pass(24 * HOUR);
    }
    assert_eq!(names(&desk.judge_with(Some(3), Body::Contact(contact()), None)), ["InputDuplicated"]);
    desk.assert_fold_is_equal();
}
