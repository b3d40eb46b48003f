//! Answers and forwards by rules end by themselves: machines get none, and one person one in a period.

use simpang_domain::event::Happened;
use simpang_domain::input::{Body, Message};
use simpang_domain::words::{CaseId, DeliveryKind, MessageKind};

use crate::support::{DAY, HOUR, Trial, customer, message, names};

/// What was queued to be sent, by kind.
fn queued(events: &[Happened]) -> Vec<DeliveryKind> {
    let kind = |event: &Happened| match event {
        Happened::DeliveryQueued(queued) => Some(queued.kind),
        _ => None,
    };
    events.iter().filter_map(kind).collect()
}

/// How many acknowledgements were queued; breached clocks may tell leaders beside them.
fn acknowledged(events: &[Happened]) -> usize {
    queued(events).iter().filter(|kind| **kind == DeliveryKind::Acknowledgement).count()
}

fn acknowledging() -> Trial {
    Trial::ruled_by(|tables| tables.limits.acknowledgement = Some("received".into()))
}

/// A mail of a DCS customer, whom rules answer by a template, forward to their handlers and tell a group of; each with
/// a thread of its own.
fn dcs(thread: u8) -> Message {
    Message {
        customer: Some(customer("DCS")),
        source: Some([thread + 100; 16]),
        provides: vec![[thread; 16]],
        ..message(1)
    }
}

#[test]
fn a_second_mail_of_a_sender_is_acknowledged_only_after_the_period() {
    let mut desk = acknowledging();
    assert_eq!(acknowledged(&desk.mail(1)), 1);
    desk.now += 23 * HOUR;
    let again = Message { provides: vec![[11; 16]], source: None, ..message(1) };
    let events = desk.judge(Body::Message(again.clone()));
    assert!(names(&events).contains(&"CaseOpened".to_owned()), "a case of its own: {events:?}");
    assert_eq!(acknowledged(&events), 0);
    assert_eq!(acknowledged(&desk.mail(2)), 1, "another sender");
    desk.now += HOUR;
    let later = Message { provides: vec![[12; 16]], ..again };
    assert_eq!(acknowledged(&desk.judge(Body::Message(later))), 1);
    desk.assert_fold_is_equal();
}

#[test]
fn a_machine_is_never_acknowledged_and_the_person_after_it_is() {
    let mut desk = acknowledging();
    let machine = Message { automatic: true, provides: vec![[11; 16]], source: None, ..message(1) };
    assert_eq!(queued(&desk.judge(Body::Message(machine))), []);
    assert_eq!(queued(&desk.mail(1)), [DeliveryKind::Acknowledgement]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_period_longer_than_a_cases_life_holds_as_well() {
    let mut desk = Trial::ruled_by(|tables| {
        tables.limits.acknowledgement = Some("received".into());
        tables.limits.acknowledgement_gap_ms = 30 * DAY;
    });
    desk.mail(1);
    desk.leader("lina");
    desk.ask("lina", 1, simpang_domain::input::Ask::Close);
    assert!(names(&desk.pass(8 * DAY)).contains(&"CaseForgotten".to_owned()));
    let next = Message { provides: vec![[11; 16]], source: None, ..message(1) };
    assert_eq!(queued(&desk.judge(Body::Message(next.clone()))), []);
    desk.pass(23 * DAY);
    assert!(desk.desk.state().answered.is_empty(), "it is forgotten by its age");
    let last = Message { provides: vec![[12; 16]], ..next };
    assert_eq!(queued(&desk.judge(Body::Message(last))), [DeliveryKind::Acknowledgement]);
    desk.assert_fold_is_equal();
}

#[test]
fn what_a_machine_wrote_is_told_of_and_neither_answered_nor_sent_on() {
    let mut desk = Trial::new();
    let person = queued(&desk.judge(Body::Message(dcs(1))));
    assert_eq!(person, [DeliveryKind::Template, DeliveryKind::Forward, DeliveryKind::Notification]);
    let machine = Message { automatic: true, ..dcs(2) };
    assert_eq!(queued(&desk.judge(Body::Message(machine))), [DeliveryKind::Notification]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_sender_gets_one_answer_by_a_template_in_a_period_and_every_mail_is_sent_on() {
    let mut desk = Trial::new();
    let counts = |events: &[Happened], kind| queued(events).iter().filter(|k| **k == kind).count();
    let mut answers = Vec::new();
    for (thread, wait) in [(1, 0), (2, HOUR), (3, 22 * HOUR), (4, HOUR)] {
        desk.now += wait;
        let events = desk.judge(Body::Message(dcs(thread)));
        answers.push(counts(&events, DeliveryKind::Template));
        assert_eq!(counts(&events, DeliveryKind::Forward), 1);
    }
    assert_eq!(answers, [1, 0, 0, 1]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_mail_of_ours_that_comes_back_is_noted_on_its_case_and_nothing_is_sent() {
    let mut desk = Trial::new();
    desk.judge(Body::Message(dcs(1)));
    for round in 2..20 {
        let back = Message {
            kind: MessageKind::Automatic,
            signed_case: Some(CaseId(1)),
            automatic: true,
            ..dcs(round)
        };
        let events = desk.judge(Body::Message(back));
        assert!(
            matches!(&events[..], [Happened::MessageJoined { case: CaseId(1), automatic: true, .. }]),
            "{events:?}"
        );
    }
    assert_eq!(desk.desk.state().cases.len(), 1);
    desk.assert_fold_is_equal();
}

#[test]
fn an_answer_goes_to_the_person_who_wrote_and_not_to_the_machine_that_wrote_last() {
    let mut desk = Trial::new();
    desk.mail(1);
    let bounce = Message { kind: MessageKind::Bounce, joins: vec![[1; 16]], ..message(9) };
    desk.judge(Body::Message(bounce));
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    let ask = simpang_domain::input::Ask::Reply {
        kind: simpang_domain::words::ReplyKind::Normal,
        to: None,
        category: Vec::new(),
        resolve: false,
    };
    let events = desk.ask("rina", 1, ask);
    let to = events.iter().find_map(|event| match event {
        Happened::DeliveryQueued(queued) => queued.to,
        _ => None,
    });
    assert_eq!(to, desk.desk.state().cases[&CaseId(1)].messages.first().map(|m| m.id()));
}
