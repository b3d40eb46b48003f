//! Numbers in subjects, and messages that come in another order than they were written in.

use simpang_domain::event::Happened;
use simpang_domain::facts::{Facts, Value};
use simpang_domain::input::{Ask, Body, Message};
use simpang_domain::words::{CaseId, Channel, JoinedBy, Key, MessageKind};

use crate::support::{DAY, Trial, message, names};

fn joined(events: &[Happened]) -> Option<(u64, JoinedBy)> {
    events.iter().find_map(|e| match e {
        Happened::MessageJoined { case, by, .. } => Some((case.0, *by)),
        _ => None,
    })
}

/// A mail that nothing but the number in its subject ties to anything.
fn tagged(author: u8, case: i64) -> Message {
    let facts = Facts::new([("subject_tag".into(), Value::Number(case))]);
    Message { facts, provides: vec![[200; 16]], source: Some([201; 16]), ..message(author) }
}

#[test]
fn a_customer_who_writes_the_number_of_their_case_comes_to_it() {
    let mut desk = Trial::new();
    desk.mail(1);
    assert_eq!(joined(&desk.judge(Body::Message(tagged(1, 1)))), Some((1, JoinedBy::Tag)));
    let away = Message { kind: MessageKind::Automatic, ..tagged(1, 1) };
    assert_eq!(joined(&desk.judge(Body::Message(away))), Some((1, JoinedBy::Tag)));
    desk.assert_fold_is_equal();
}

#[test]
fn a_number_that_somebody_else_writes_gets_nowhere() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.mail(2);
    let nobody = Message { author: None, ..tagged(1, 1) };
    let elsewhere = Message { channel: Channel::Other, ..tagged(1, 1) };
    for forged in [tagged(3, 1), tagged(2, 1), nobody, elsewhere, tagged(1, 99), tagged(1, -1)] {
        let events = desk.judge(Body::Message(forged));
        assert!(matches!(joined(&events), Some((case, JoinedBy::Opening)) if case > 2), "{events:?}");
    }
    let forged = Message { kind: MessageKind::Automatic, ..tagged(3, 1) };
    assert_eq!(names(&desk.judge(Body::Message(forged))), ["InputRefused"]);
}

#[test]
fn a_thread_is_stronger_than_a_number_and_a_desk_may_do_without_numbers() {
    let mut desk = Trial::new();
    desk.mail(1);
    let other = Message { provides: vec![[50; 16]], source: None, ..message(1) };
    desk.judge(Body::Message(other));
    let both = Message { joins: vec![[50; 16]], ..tagged(1, 1) };
    assert_eq!(joined(&desk.judge(Body::Message(both))), Some((2, JoinedBy::Thread)));
    let mut desk = Trial::ruled_by(|tables| tables.limits.subject_tag = false);
    desk.mail(1);
    assert_eq!(joined(&desk.judge(Body::Message(tagged(1, 1)))), Some((2, JoinedBy::Opening)));
}

#[test]
fn a_number_leads_on_to_where_its_case_was_merged() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.mail(2);
    desk.leader("lina");
    let events = desk.ask("lina", 1, Ask::Merge { into: CaseId(2) });
    assert!(names(&events).contains(&"CaseMerged".to_owned()), "{events:?}");
    assert_eq!(joined(&desk.judge(Body::Message(tagged(1, 1)))), Some((2, JoinedBy::Tag)));
    desk.assert_fold_is_equal();
}

const POST: Key = [90; 16];
const LATER: Key = [91; 16];

fn post(kind: MessageKind, source: Key, provides: &[Key]) -> Message {
    Message { channel: Channel::X, kind, source: Some(source), provides: provides.to_vec(), ..message(5) }
}

fn wrote() -> Message {
    post(MessageKind::New, POST, &[POST])
}

fn edited() -> Message {
    Message { joins: vec![POST], ..post(MessageKind::Edit, POST, &[LATER, POST]) }
}

#[test]
fn a_post_that_comes_after_its_own_removal_is_shown_to_nobody() {
    let mut desk = Trial::new();
    assert_eq!(names(&desk.judge(Body::Message(post(MessageKind::Remove, POST, &[])))), ["InputRefused"]);
    assert_eq!(names(&desk.judge(Body::Message(wrote()))), ["InputRefused"]);
    assert_eq!(names(&desk.judge(Body::Message(edited()))), ["InputRefused"], "nor is a later text of it");
    assert!(desk.desk.state().cases.is_empty());
    desk.assert_fold_is_equal();
}

#[test]
fn one_in_a_thread_is_noted_there_as_withdrawn_and_wakes_nobody() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.judge(Body::Message(post(MessageKind::Remove, POST, &[])));
    let events = desk.judge(Body::Message(Message { joins: vec![[1; 16]], ..wrote() }));
    assert_eq!(names(&events), ["MessageJoined", "MessageRemoved"]);
    assert!(matches!(events[0], Happened::MessageJoined { automatic: true, count: 1, .. }));
    desk.assert_fold_is_equal();
}

#[test]
fn an_edits_own_id_finds_the_message() {
    let mut desk = Trial::new();
    desk.judge(Body::Message(wrote()));
    assert_eq!(names(&desk.judge(Body::Message(edited()))), ["MessageEdited"]);
    let answer = Message { joins: vec![LATER], ..post(MessageKind::New, [92; 16], &[[92; 16]]) };
    assert_eq!(joined(&desk.judge(Body::Message(answer))), Some((1, JoinedBy::Thread)));
    let first = desk.desk.state().cases[&CaseId(1)].messages[0].id();
    let events = desk.judge(Body::Message(post(MessageKind::Remove, LATER, &[])));
    assert_eq!(events, [Happened::MessageRemoved { case: CaseId(1), message: first, part: 0 }]);
    desk.assert_fold_is_equal();
}

#[test]
fn an_older_text_after_its_edit_is_no_message_of_its_own() {
    let mut desk = Trial::new();
    assert_eq!(joined(&desk.judge(Body::Message(edited()))), Some((1, JoinedBy::Opening)));
    assert_eq!(names(&desk.judge(Body::Message(wrote()))), ["InputRefused"]);
    let removed = desk.judge(Body::Message(post(MessageKind::Remove, LATER, &[])));
    assert_eq!(names(&removed), ["MessageRemoved"], "by the id of the text that came");
    desk.assert_fold_is_equal();
}

#[test]
fn what_was_overtaken_is_forgotten_with_age() {
    let mut desk = Trial::new();
    desk.judge(Body::Message(post(MessageKind::Remove, POST, &[])));
    desk.pass(8 * DAY);
    assert!(desk.desk.state().overtaken.is_empty());
    assert_eq!(joined(&desk.judge(Body::Message(wrote()))), Some((1, JoinedBy::Opening)));
}
