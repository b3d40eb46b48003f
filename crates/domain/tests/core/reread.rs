//! Messages that are read again after a parser was mended: what people read of them changes, and nothing else.

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body, Handover, Message, Reread};
use simpang_domain::words::{CaseId, InputId, MessageKind};

use crate::support::{DAY, Trial, answer, message, names};

/// The place of what was brought last.
fn last(desk: &Trial) -> InputId {
    InputId { seq: desk.last_seq(), index: 0 }
}

fn reread(case: u64, message: InputId, of: InputId) -> Body {
    Body::Reread(Reread { message, part: 0, of, case: CaseId(case) })
}

fn refused(events: &[Happened]) -> &str {
    match events {
        [Happened::InputRefused { reason }] => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_that_is_known_is_read_again_and_nothing_follows() {
    let mut desk = Trial::new();
    desk.mail(1);
    let first = last(&desk);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.now += 1_000;
    let before = desk.desk.state().clone();
    let events = desk.judge(reread(1, first, first));
    assert_eq!(events, [Happened::MessageReread { case: CaseId(1), message: first, part: 0 }]);
    let mut after = desk.desk.state().clone();
    after.now = before.now;
    assert_eq!(after, before, "not a clock, not a place, not a key");
    desk.assert_fold_is_equal();
}

#[test]
fn one_of_a_resolved_case_does_not_wake_it() {
    let mut desk = Trial::new();
    desk.mail(1);
    let first = last(&desk);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.ask("rina", 1, Ask::Resolve { outcome: "done".into() });
    assert_eq!(names(&desk.judge(reread(1, first, first))), ["MessageReread"]);
    desk.assert_fold_is_equal();
}

#[test]
fn one_that_is_not_known_any_more_is_set_aside_and_opens_nothing() {
    let mut desk = Trial::new();
    desk.mail(1);
    let first = last(&desk);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.ask("rina", 1, Ask::Resolve { outcome: "done".into() });
    let ended = [names(&desk.pass(5 * DAY)), names(&desk.pass(8 * DAY))].concat();
    assert!(ended.contains(&"CaseForgotten".to_owned()), "{ended:?}");
    let reason = "reads again a message that is not known any more";
    assert_eq!(refused(&desk.judge(reread(1, first, first))), reason);
    let stranger = InputId { seq: 1_000, index: 0 };
    assert_eq!(refused(&desk.judge(reread(9, stranger, stranger))), reason);
    desk.mail(2);
    let second = last(&desk);
    assert_eq!(refused(&desk.judge(reread(1, second, second))), reason, "it is on another case");
    desk.assert_fold_is_equal();
}

#[test]
fn a_withdrawn_message_stays_withdrawn() {
    let mut desk = Trial::new();
    desk.mail(1);
    let first = last(&desk);
    desk.judge(Body::Message(Message { kind: MessageKind::Remove, ..message(1) }));
    let withdrawn = "reads again a message that was withdrawn";
    assert_eq!(refused(&desk.judge(reread(1, first, first))), withdrawn);
    desk.judge(Body::Message(Message { kind: MessageKind::Edit, ..message(1) }));
    let edit = last(&desk);
    assert_eq!(refused(&desk.judge(reread(1, first, edit))), withdrawn, "whatever comes late");
    desk.assert_fold_is_equal();
}

#[test]
fn one_withdrawn_before_it_came_is_not_read_again() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.judge(Body::Message(Message { kind: MessageKind::Remove, ..message(2) }));
    desk.judge(Body::Message(Message { source: message(2).source, ..answer(1) }));
    let late = last(&desk);
    assert_eq!(refused(&desk.judge(reread(1, late, late))), "reads again a message that was withdrawn");
    desk.assert_fold_is_equal();
}

#[test]
fn old_bytes_do_not_undo_what_the_author_wrote_since() {
    let mut desk = Trial::new();
    desk.mail(1);
    let first = last(&desk);
    desk.judge(Body::Message(Message { kind: MessageKind::Edit, ..message(1) }));
    let edit = last(&desk);
    let since = "reads again words that its author has changed since";
    assert_eq!(refused(&desk.judge(reread(1, first, first))), since);
    assert_eq!(names(&desk.judge(reread(1, first, edit))), ["MessageReread"], "the bytes of the edit itself");
    desk.judge(Body::Message(Message { kind: MessageKind::Edit, ..message(1) }));
    assert_eq!(refused(&desk.judge(reread(1, first, edit))), since);
    desk.assert_fold_is_equal();
}

#[test]
fn it_finds_its_message_through_a_merge() {
    let mut desk = Trial::new();
    desk.mail(1);
    let first = last(&desk);
    desk.mail(2);
    desk.leader("tl");
    desk.ask("tl", 1, Ask::Merge { into: CaseId(2) });
    let events = desk.judge(reread(1, first, first));
    assert_eq!(events, [Happened::MessageReread { case: CaseId(2), message: first, part: 0 }]);
    desk.assert_fold_is_equal();
}

#[test]
fn each_message_of_a_handover_can_be_read_again() {
    let mut desk = Trial::new();
    let messages = vec![message(1), answer(1)];
    desk.judge(Body::Handover(Handover { desk: "telkomcare".into(), position: (7, 1), messages }));
    let handover = last(&desk);
    desk.judge(Body::Message(Message { kind: MessageKind::Remove, ..message(1) }));
    let second = Reread { message: handover, part: 1, of: handover, case: CaseId(1) };
    assert_eq!(
        names(&desk.judge(Body::Reread(second))),
        ["MessageReread"],
        "the first was withdrawn, not this"
    );
    desk.assert_fold_is_equal();
}
