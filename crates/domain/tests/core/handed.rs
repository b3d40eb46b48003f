//! Messages of a case that another desk handed over, which change there afterwards: they change here as well.

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body, Handover, HandoverChange, Message};
use simpang_domain::words::{CaseId, InputId, MessageChange, MessageKind};

use crate::support::{DAY, Trial, answer, message, names};

/// What the other desk names a message by.
const NAMES: [[u8; 16]; 2] = [[61; 16], [62; 16]];

/// A desk with a case of two messages from another, and where that came.
fn handed() -> (Trial, InputId) {
    let mut desk = Trial::new();
    let first = Message { provides: vec![[1; 16], NAMES[0]], ..message(1) };
    let second = Message { source: Some([150; 16]), provides: vec![NAMES[1]], ..answer(1) };
    let messages = vec![first, second];
    desk.judge(Body::Handover(Handover { desk: "telkomcare".into(), position: (7, 1), messages }));
    let place = InputId { seq: desk.last_seq(), index: 0 };
    (desk, place)
}

fn change(index: u32, part: usize, change: MessageChange, provides: &[[u8; 16]]) -> Body {
    Body::HandoverChange(HandoverChange {
        desk: "telkomcare".into(),
        position: (9, index),
        message: NAMES[part],
        change,
        provides: provides.to_vec(),
    })
}

fn refused(events: &[Happened]) -> &str {
    match events {
        [Happened::InputRefused { reason }] => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_message_of_it_is_edited_withdrawn_and_read_again_on_its_own() {
    use MessageChange::{Edited, Removed, Reread};
    let (mut desk, message) = handed();
    let case = CaseId(1);
    let edited = desk.judge(change(0, 1, Edited, &[]));
    assert_eq!(edited, [Happened::MessageEdited { case, message, part: 1 }]);
    assert_eq!(desk.judge(change(1, 1, Reread, &[])), [Happened::MessageReread { case, message, part: 1 }]);
    let removed = desk.judge(change(2, 0, Removed, &[]));
    assert_eq!(removed, [Happened::MessageRemoved { case, message, part: 0 }]);
    let late = desk.judge(change(3, 0, Reread, &[]));
    assert_eq!(refused(&late), "reads again a message that was withdrawn");
    assert_eq!(names(&desk.judge(change(4, 1, Reread, &[]))), ["MessageReread"], "the other was not");
    desk.assert_fold_is_equal();
}

#[test]
fn what_came_before_is_set_aside_and_so_is_an_older_handover() {
    let (mut desk, _) = handed();
    desk.judge(change(3, 0, MessageChange::Edited, &[]));
    let before = "a change of a handed-over message that came before";
    assert_eq!(refused(&desk.judge(change(3, 0, MessageChange::Edited, &[]))), before);
    assert_eq!(refused(&desk.judge(change(2, 0, MessageChange::Removed, &[]))), before);
    let older = Handover { desk: "telkomcare".into(), position: (9, 3), messages: vec![message(2)] };
    assert_eq!(refused(&desk.judge(Body::Handover(older))), "a handover that came before");
    desk.assert_fold_is_equal();
}

#[test]
fn one_that_is_forgotten_or_was_never_handed_over_opens_nothing() {
    let (mut desk, _) = handed();
    desk.leader("tl");
    desk.ask("tl", 1, Ask::Close);
    desk.now += 30 * DAY;
    desk.judge(Body::Tick);
    let unknown = "changes a handed-over message that is not known any more";
    assert_eq!(refused(&desk.judge(change(0, 0, MessageChange::Edited, &[]))), unknown);
    let never = HandoverChange {
        desk: "telkomcare".into(),
        position: (10, 0),
        message: [99; 16],
        change: MessageChange::Removed,
        provides: Vec::new(),
    };
    assert_eq!(refused(&desk.judge(Body::HandoverChange(never))), unknown);
    desk.assert_fold_is_equal();
}

#[test]
fn it_is_found_after_a_split_and_a_merge_and_wakes_nobody() {
    let (mut desk, message) = handed();
    desk.judge(Body::Message(answer(1)));
    desk.mail(2);
    desk.leader("tl");
    desk.ask("tl", 1, Ask::Split { messages: vec![message] });
    let events = desk.judge(change(0, 1, MessageChange::Edited, &[]));
    assert_eq!(events, [Happened::MessageEdited { case: CaseId(3), message, part: 1 }]);
    desk.ask("tl", 3, Ask::Merge { into: CaseId(2) });
    let events = desk.judge(change(1, 1, MessageChange::Removed, &[]));
    assert_eq!(events, [Happened::MessageRemoved { case: CaseId(2), message, part: 1 }]);
    desk.assert_fold_is_equal();
}

#[test]
fn an_edit_brings_ids_by_which_the_message_is_answered_here_too() {
    let (mut desk, message) = handed();
    desk.judge(change(0, 1, MessageChange::Edited, &[[70; 16]]));
    let reply = Message { joins: vec![[70; 16]], author: None, ..answer(9) };
    assert_eq!(names(&desk.judge(Body::Message(reply)))[0], "MessageJoined");
    let withdrawn = Message { kind: MessageKind::Remove, source: Some([70; 16]), ..answer(1) };
    let events = desk.judge(Body::Message(withdrawn));
    assert_eq!(events, [Happened::MessageRemoved { case: CaseId(1), message, part: 1 }]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_withdrawal_that_the_other_desk_could_not_place_finds_its_message_by_its_source() {
    let (mut desk, message) = handed();
    let by_source = HandoverChange {
        desk: "telkomcare".into(),
        position: (9, 0),
        message: [150; 16],
        change: MessageChange::Removed,
        provides: Vec::new(),
    };
    let events = desk.judge(Body::HandoverChange(by_source));
    assert_eq!(events, [Happened::MessageRemoved { case: CaseId(1), message, part: 1 }]);
    desk.assert_fold_is_equal();
}

#[test]
fn at_the_door_a_later_message_of_a_handover_changes_by_its_own_id() {
    let (mut desk, message) = handed();
    let second = Message { kind: MessageKind::Remove, source: Some([150; 16]), ..answer(1) };
    let events = desk.judge(Body::Message(second));
    assert_eq!(events, [Happened::MessageRemoved { case: CaseId(1), message, part: 1 }]);
    desk.assert_fold_is_equal();
}

#[test]
fn of_a_case_that_comes_back_the_first_copy_is_told_and_hands_it_on() {
    let mut desk = Trial::new();
    desk.mail(1);
    let first = InputId { seq: desk.last_seq(), index: 0 };
    desk.leader("tl");
    desk.ask("tl", 1, Ask::Transfer { to: simpang_domain::input::TransferTo::Desk("other".into()) });
    let back = vec![Message { provides: vec![[1; 16], NAMES[0]], ..message(1) }];
    desk.judge(Body::Handover(Handover { desk: "telkomcare".into(), position: (7, 1), messages: back }));
    let copy = InputId { seq: desk.last_seq(), index: 0 };
    let edit = Message { kind: MessageKind::Edit, ..message(1) };
    let events = desk.judge(Body::Message(edit));
    assert_eq!(events, [Happened::MessageEdited { case: CaseId(1), message: first, part: 0 }]);
    let events = desk.judge(change(0, 0, MessageChange::Edited, &[]));
    assert_eq!(events, [Happened::MessageEdited { case: CaseId(2), message: copy, part: 0 }]);
    desk.assert_fold_is_equal();
}
