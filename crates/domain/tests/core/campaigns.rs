//! Calls: oldest first, dispositions by the tree, attempts, and hours (H, I1).

use simpang_domain::event::Happened;
use simpang_domain::facts::{Facts, Value};
use simpang_domain::input::{Ask, Body, Contact, Suppression, TransferTo};
use simpang_domain::words::{Answered, CloseReason, Name, Presence, Rejection, UnassignedBy};

use crate::support::{HOUR, MIN, START, Trial, assigned, contact, customer, names, rejection};

fn outcome(path: &[&str], filled: &[&str], again_at: Option<i64>) -> Ask {
    let all = |texts: &[&str]| texts.iter().map(|t| Name::from(*t)).collect();
    Ask::Disposition { path: all(path), filled: all(filled), again_at, answered: None, dialled: 0 }
}

fn called() -> Trial {
    called_on(Trial::new())
}

/// As [`called`], with a gateway that may be silent for a day.
fn called_patiently() -> Trial {
    called_on(Trial::ruled_by(|tables| tables.limits.grace_ms = 24 * HOUR))
}

fn called_on(mut desk: Trial) -> Trial {
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

fn suppress(desk: &mut Trial, lifted: bool) -> Vec<Happened> {
    desk.judge(Body::Suppression(Suppression { numbers: vec![[78; 16]], lifted }))
}

fn closed_for(events: &[Happened], why: CloseReason) -> bool {
    events.iter().any(|e| matches!(e, Happened::CaseClosed { reason, .. } if *reason == why))
}

#[test]
fn a_contact_with_a_number_on_the_do_not_call_list_is_not_taken_until_it_is_off_the_list() {
    let mut desk = Trial::new();
    assert_eq!(names(&suppress(&mut desk, false)), ["NumbersSuppressed"]);
    assert_eq!(names(&desk.contact()), ["InputRefused"]);
    suppress(&mut desk, true);
    assert!(names(&desk.contact()).contains(&"CaseQueued".to_owned()));
    desk.assert_fold_is_equal();
}

#[test]
fn a_contact_that_is_put_on_the_list_while_it_waits_is_given_to_nobody() {
    let mut desk = Trial::new();
    desk.contact();
    suppress(&mut desk, false);
    desk.ready("t2o");
    let events = desk.pull("t2o", 1, 0);
    assert_eq!(assigned(&events), []);
    assert!(closed_for(&events, CloseReason::DoNotCall), "{events:?}");
    desk.assert_fold_is_equal();
}

#[test]
fn an_offer_of_a_contact_that_is_put_on_the_list_ends_at_once() {
    let mut desk = Trial::new();
    desk.agent("t2o", &[]);
    desk.sign_in("t2o", true);
    desk.contact();
    let events = suppress(&mut desk, false);
    assert!(names(&events).contains(&"OfferEnded".to_owned()), "{events:?}");
    assert!(closed_for(&events, CloseReason::DoNotCall));
    assert_eq!(rejection(&desk.ask("t2o", 1, Ask::Accept)), Some(Rejection::OfferEnded));
    desk.assert_fold_is_equal();
}

#[test]
fn a_call_that_would_be_repeated_to_a_number_on_the_list_is_the_last() {
    let mut desk = called();
    suppress(&mut desk, false);
    let events = desk.ask("t2o", 1, outcome(&["RNA"], &[], None));
    assert!(closed_for(&events, CloseReason::DoNotCall), "{events:?}");
}

#[test]
fn an_outcome_that_takes_somebody_who_decides_is_refused_without_them() {
    let mut desk = called();
    let said = |answered| match outcome(&["Contacted", "Setuju"], &[], None) {
        Ask::Disposition { path, filled, again_at, dialled, .. } => {
            Ask::Disposition { path, filled, again_at, dialled, answered }
        }
        other => other,
    };
    for wrong in [None, Some(Answered::Other)] {
        let events = desk.ask("t2o", 1, said(wrong));
        let Some(Happened::CommandRejected { detail, .. }) = events.first() else { panic!("refused") };
        assert!(detail.contains("who answered (reporter or decision-maker)"), "{detail}");
    }
    assert!(closed_for(&desk.ask("t2o", 1, said(Some(Answered::Reporter))), CloseReason::Disposition));
}

#[test]
fn the_number_that_was_dialled_is_one_of_the_contacts_and_is_asked_for_where_there_are_several() {
    let mut desk = Trial::ruled_by(|tables| tables.campaigns[0].asks_dialled = true);
    desk.contact();
    desk.ready("t2o");
    desk.pull("t2o", 1, 0);
    for (dialled, says) in [(0, "which of the 2 numbers was dialled"), (3, "number 3 was not dialled")] {
        let events = desk.ask("t2o", 1, dialling(dialled));
        let Some(Happened::CommandRejected { detail, .. }) = events.first() else { panic!("refused") };
        assert!(detail.contains(says), "{detail}");
    }
    let events = desk.ask("t2o", 1, dialling(2));
    assert!(events.iter().any(|e| matches!(e, Happened::DispositionRecorded { dialled: 2, .. })));
}

fn dialling(dialled: u32) -> Ask {
    Ask::Disposition { path: vec!["RNA".into()], filled: Vec::new(), again_at: None, answered: None, dialled }
}

#[test]
fn an_outcome_says_what_other_systems_have_to_be_told_and_asks_for_help_where_the_policy_says_so() {
    let mut desk = called();
    let events = desk.ask("t2o", 1, outcome(&["Contacted", "Buka lagi"], &[], None));
    let told: Vec<(&str, &str)> = events
        .iter()
        .filter_map(|e| match e {
            Happened::SystemTaskDue { system, task, .. } => Some((&**system, &**task)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [("mycx", "reopen"), ("callback", "result")]);
    assert!(names(&events).contains(&"CaseEscalated".to_owned()));
    let Some(Happened::DispositionRecorded { effects, .. }) = events.first() else { panic!("recorded") };
    let effects: Vec<&str> = effects.iter().map(|e| &**e).collect();
    assert_eq!(effects, ["keep", "tell:mycx:reopen", "tell:callback:result", "escalate:leader"]);
}

#[test]
fn a_junk_contact_closes_as_such() {
    let mut desk = called();
    assert!(closed_for(&desk.ask("t2o", 1, outcome(&["Junk"], &[], None)), CloseReason::Junk));
}

#[test]
fn a_contact_that_is_followed_up_comes_back_to_its_agent_and_uses_no_attempt_up() {
    let mut desk = called_patiently();
    for _ in 0..3 {
        let events = desk.ask("t2o", 1, outcome(&["Follow up"], &[], None));
        assert!(names(&events).contains(&"CaseScheduled".to_owned()), "{events:?}");
        assert_eq!(assigned(&desk.pass(2 * HOUR)), [(1, "t2o".to_owned())]);
    }
    desk.assert_fold_is_equal();
}

#[test]
fn a_contact_that_is_lent_goes_back_when_its_agent_does_nothing_with_it() {
    let mut desk = called_patiently();
    desk.pass(50 * MIN);
    desk.ask("t2o", 1, Ask::Note { coaching: false });
    let quiet = desk.pass(50 * MIN);
    assert!(!names(&quiet).contains(&"CaseUnassigned".to_owned()), "doing something with it lends it anew");
    let events = desk.pass(20 * MIN);
    let back = |e: &Happened| matches!(e, Happened::CaseUnassigned { by: UnassignedBy::Lease, .. });
    let away =
        |e: &Happened| matches!(e, Happened::AgentPresenceChanged { presence: Presence::NotReady, .. });
    assert!(events.iter().any(back) && events.iter().any(away), "{events:?}");
    assert!(names(&events).contains(&"CaseQueued".to_owned()));
    desk.assert_fold_is_equal();
}

#[test]
fn a_criterion_may_ask_for_more_than_its_name() {
    let mut desk = Trial::new();
    let spoke =
        |minutes| Contact { facts: Facts::new([("minutes".into(), Value::Number(minutes))]), ..contact() };
    assert_eq!(names(&desk.judge(Body::Contact(spoke(9)))), ["InputRefused"]);
    assert!(names(&desk.judge(Body::Contact(spoke(11)))).contains(&"CaseOpened".to_owned()));
}
