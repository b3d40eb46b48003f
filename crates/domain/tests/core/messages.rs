//! Which case a message belongs to, and what it wakes.

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body, Handover, HandoverFailure, Message, TransferTo};
use simpang_domain::words::{CaseId, InputId, JoinedBy, MessageKind, WaitingOn};

use crate::support::{DAY, HOUR, Trial, answer, assigned, message, names};

fn joined(events: &[Happened]) -> Option<(u64, JoinedBy)> {
    events.iter().find_map(|e| match e {
        Happened::MessageJoined { case, by, .. } => Some((case.0, *by)),
        _ => None,
    })
}

#[test]
fn a_first_mail_opens_a_case_that_is_classified_and_queued() {
    let mut desk = Trial::new();
    let events = desk.mail(1);
    let expected =
        ["CaseOpened", "MessageJoined", "CaseClassified", "SlaStarted", "SlaStarted", "CaseQueued"];
    assert_eq!(names(&events), expected);
    desk.assert_fold_is_equal();
}

#[test]
fn an_answer_joins_its_thread() {
    let mut desk = Trial::new();
    desk.mail(1);
    let events = desk.judge(Body::Message(answer(1)));
    assert_eq!(joined(&events), Some((1, JoinedBy::Thread)));
}

#[test]
fn our_own_signature_is_stronger_than_a_thread() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.mail(2);
    let signed = Message { signed_case: Some(CaseId(2)), ..answer(1) };
    assert_eq!(joined(&desk.judge(Body::Message(signed))), Some((2, JoinedBy::Signature)));
}

#[test]
fn a_repeat_is_known_and_changes_nothing() {
    let mut desk = Trial::new();
    desk.judge_with(Some(9), Body::Message(message(1)), None);
    let again = desk.judge_with(Some(9), Body::Message(message(1)), None);
    let first = InputId { seq: 2, index: 0 };
    assert_eq!(again, [Happened::InputDuplicated { of: first, case: Some(CaseId(1)), was_rejected: false }]);
    assert_eq!(desk.desk.state().cases.len(), 1);
    desk.assert_fold_is_equal();
}

#[test]
fn keys_are_forgotten_by_age_only() {
    let mut desk = Trial::new();
    desk.judge_with(Some(9), Body::Message(message(1)), None);
    desk.pass(6 * DAY);
    assert_eq!(names(&desk.judge_with(Some(9), Body::Message(message(1)), None)), ["InputDuplicated"]);
    desk.pass(2 * DAY);
    assert!(
        names(&desk.judge_with(Some(9), Body::Message(message(5)), None)).contains(&"CaseOpened".to_owned())
    );
}

#[test]
fn a_customer_who_writes_wakes_a_case_that_waited_for_them() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.ask("rina", 1, Ask::Wait { on: WaitingOn::Customer });
    let events = desk.judge(Body::Message(answer(1)));
    assert!(names(&events).contains(&"CaseResumed".to_owned()), "{events:?}");
    assert_eq!(desk.holder(1).as_deref(), Some("rina"));
    desk.assert_fold_is_equal();
}

#[test]
fn a_customer_who_writes_opens_a_resolved_case_again_for_its_last_agent() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.ask("rina", 1, Ask::Resolve { outcome: "done".into() });
    let events = desk.judge(Body::Message(answer(1)));
    assert!(names(&events).contains(&"CaseReopened".to_owned()));
    assert_eq!(desk.holder(1).as_deref(), Some("rina"));
    desk.assert_fold_is_equal();
}

#[test]
fn what_comes_after_a_case_was_forgotten_opens_one_that_follows_it() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.ask("rina", 1, Ask::Close);
    assert!(names(&desk.pass(8 * DAY)).contains(&"CaseForgotten".to_owned()));
    let late = Message { signed_case: Some(CaseId(1)), ..answer(1) };
    let events = desk.judge(Body::Message(late));
    let follows = events.iter().find_map(|e| match e {
        Happened::CaseOpened { follows, .. } => *follows,
        _ => None,
    });
    assert_eq!(follows, Some(CaseId(1)));
    desk.assert_fold_is_equal();
}

#[test]
fn a_bounce_is_noted_on_its_case_and_wakes_nobody() {
    let mut desk = Trial::new();
    desk.mail(1);
    let bounce = Message { kind: MessageKind::Bounce, ..answer(1) };
    assert_eq!(names(&desk.judge(Body::Message(bounce))), ["MessageJoined"]);
    let stray = Message { kind: MessageKind::Automatic, ..answer(3) };
    assert_eq!(names(&desk.judge(Body::Message(stray))), ["InputRefused"]);
}

#[test]
fn edits_and_removals_find_what_they_change() {
    let mut desk = Trial::new();
    desk.mail(1);
    let edit = Message { kind: MessageKind::Edit, ..message(1) };
    assert_eq!(names(&desk.judge(Body::Message(edit))), ["MessageEdited"]);
    let remove = Message { kind: MessageKind::Remove, ..message(1) };
    assert_eq!(names(&desk.judge(Body::Message(remove))), ["MessageRemoved"]);
    let stray = Message { kind: MessageKind::Remove, ..message(8) };
    assert_eq!(names(&desk.judge(Body::Message(stray))), ["InputRefused"]);
}

#[test]
fn a_handover_opens_a_case_once() {
    let mut desk = Trial::new();
    let handover = Handover { desk: "telkomcare".into(), position: (7, 1), messages: vec![message(1)] };
    assert!(names(&desk.judge(Body::Handover(handover.clone()))).contains(&"CaseOpened".to_owned()));
    assert_eq!(names(&desk.judge(Body::Handover(handover))), ["InputRefused"]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_case_that_another_desk_can_not_get_waits_here_again_in_its_place() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.now += 1_000;
    desk.mail(2);
    desk.leader("tl");
    desk.ask("tl", 1, Ask::Transfer { to: TransferTo::Desk("telkomcare".into()) });
    let failure = HandoverFailure {
        case: CaseId(1),
        desk: "telkomcare".into(),
        reason: "there is no such desk".into(),
    };
    let events = desk.judge(Body::HandoverFailure(failure.clone()));
    assert_eq!(names(&events)[..2], ["HandoverFailed", "CaseReopened"]);
    assert!(names(&events).contains(&"CaseQueued".to_owned()), "{events:?}");
    desk.ready("rina");
    assert_eq!(
        assigned(&desk.pull("rina", 1, 0)),
        [(1, "rina".to_owned())],
        "its place is that of its arrival"
    );
    assert_eq!(names(&desk.judge(Body::HandoverFailure(failure))), ["InputRefused"], "it is not away");
    let unknown = HandoverFailure { case: CaseId(9), desk: "telkomcare".into(), reason: "x".into() };
    assert_eq!(names(&desk.judge(Body::HandoverFailure(unknown))), ["InputRefused"]);
    desk.assert_fold_is_equal();
}

#[test]
fn time_stands_still_while_the_brokers_clock_is_behind() {
    let mut desk = Trial::new();
    desk.mail(1);
    let before = desk.now;
    desk.now -= HOUR;
    desk.mail(2);
    let (_, events) = desk.history.last().unwrap();
    assert!(!events.is_empty() && events.iter().all(|event| event.at == before), "{events:?}");
    assert_eq!(desk.desk.state().now, before);
    desk.assert_fold_is_equal();
}

#[test]
fn what_can_not_be_understood_is_set_aside_and_the_desk_goes_on() {
    let mut desk = Trial::new();
    assert_eq!(names(&desk.judge(Body::Unreadable("no body".into()))), ["InputRefused"]);
    assert!(names(&desk.mail(1)).contains(&"CaseOpened".to_owned()));
}

#[test]
fn merged_threads_lead_to_the_case_that_goes_on() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.mail(2);
    desk.ready("rina");
    desk.pull("rina", 2, 0);
    desk.ask("rina", 1, Ask::Merge { into: CaseId(2) });
    assert_eq!(joined(&desk.judge(Body::Message(answer(1)))), Some((2, JoinedBy::Thread)));
    desk.assert_fold_is_equal();
}

#[test]
fn split_messages_take_their_thread_with_them() {
    let mut desk = Trial::new();
    desk.mail(1);
    let other = Message { provides: vec![[50; 16]], ..answer(1) };
    desk.judge(Body::Message(other));
    let moved = desk.history.last().unwrap().0.id;
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    let events = desk.ask("rina", 1, Ask::Split { messages: vec![moved] });
    assert_eq!(names(&events)[..3], ["CaseSplit", "CaseOpened", "MessageJoined"]);
    let later = Message { joins: vec![[50; 16]], ..answer(1) };
    assert_eq!(joined(&desk.judge(Body::Message(later))), Some((2, JoinedBy::Thread)));
    desk.assert_fold_is_equal();
}

#[test]
fn our_signature_of_a_merged_case_leads_to_the_case_that_goes_on() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.mail(2);
    desk.ready("rina");
    desk.pull("rina", 2, 0);
    desk.ask("rina", 1, Ask::Merge { into: CaseId(2) });
    let signed = Message { signed_case: Some(CaseId(1)), joins: Vec::new(), ..answer(1) };
    assert_eq!(joined(&desk.judge(Body::Message(signed))), Some((2, JoinedBy::Signature)));
    desk.assert_fold_is_equal();
}

#[test]
fn messages_that_another_desk_handed_over_stay_together() {
    let mut desk = Trial::new();
    let messages = vec![message(1), Message { provides: vec![[60; 16]], ..message(1) }];
    desk.judge(Body::Handover(Handover { desk: "telkomcare".into(), position: (7, 1), messages }));
    let handed = desk.history.last().unwrap().0.id;
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    let alone = desk.ask("rina", 1, Ask::Split { messages: vec![handed] });
    assert_eq!(crate::support::rejection(&alone), Some(simpang_domain::words::Rejection::Invalid));
    desk.judge(Body::Message(answer(1)));
    desk.ask("rina", 1, Ask::Split { messages: vec![handed] });
    let later = Message { joins: vec![[60; 16]], ..answer(1) };
    assert_eq!(joined(&desk.judge(Body::Message(later))), Some((2, JoinedBy::Thread)));
    desk.assert_fold_is_equal();
}

#[test]
fn a_bounce_of_a_forgotten_case_is_set_aside() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.ask("rina", 1, Ask::Close);
    desk.pass(8 * DAY);
    let bounce = Message { kind: MessageKind::Bounce, signed_case: Some(CaseId(1)), ..answer(1) };
    assert_eq!(names(&desk.judge(Body::Message(bounce))), ["InputRefused"]);
}
