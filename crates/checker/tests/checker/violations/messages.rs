//! Invariant 2.

use simpang_checker::Code;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::*;

use super::Break;
use crate::story::id;
use crate::story::words::*;

pub const ALL: &[Break] = &[
    (Code::MessageLost, "a message joins nothing", |t| remove!(t.story, MessageJoined(e) if e.case == 1)),
    (Code::MessageDoubled, "a message joins twice", |t| {
        let first = t.first_message;
        after!(t.story, MessageJoined(e) if e.case == 1 => joined(1, first, JoinedBy::Thread, 2));
    }),
    (Code::MessageDoubled, "a repeat joins after its key is forgotten", |t| {
        t.story.key_memory_ms = Some(-1);
        let repeat = t.repeat;
        after!(t.story, InputDuplicated(e) if e.case == 1 => joined(1, repeat, JoinedBy::Thread, 2));
        remove!(t.story, InputDuplicated(e) if e.case == 1);
    }),
    (Code::MessageDoubled, "a message that was split off joins twice", |t| {
        let (commit, at) = t.story.find(&|b| matches!(b, Body::MessageJoined(j) if j.case == 7));
        commit.events.insert(at, commit.events[at].clone());
    }),
    (Code::CaseNowhere, "a case waits in no queue", |t| remove!(t.story, CaseQueued(e) if e.case == 4)),
    (Code::MessageUnknown, "a tick joins a case", |t| {
        let last = t.last;
        after!(t.story, DayTurned(e) if e.day == 1 => joined(2, last, JoinedBy::Thread, 2));
    }),
    (Code::MessageUnknown, "a message joins that is not the cause", |t| {
        let other = id(t.first_message.seq, 1);
        edit!(t.story, MessageJoined(e) if e.case == 1 => e.message = Some(other));
    }),
    (Code::MessageUnknown, "what an agent moves is no message", |t| {
        let last = t.last;
        edit!(t.story, MessageJoined(e) if e.case == 7 => e.message = Some(last));
    }),
    (Code::MessageMoved, "a message moves without a split", |t| {
        edit!(t.story, MessageJoined(e) if e.case == 7 => e.case = 3);
    }),
    (Code::RereadAmiss, "a message is read again on another case", |t| {
        edit!(t.story, MessageReread(e) if e.case == 1 => e.case = 2);
    }),
    (Code::RereadAmiss, "another message is read again than was named", |t| {
        let other = t.handovers[0];
        edit!(t.story, MessageReread(e) if e.case == 1 => { e.message = Some(other); e.case = 9; });
    }),
    (Code::RereadAmiss, "a withdrawn message is read again", |t| {
        let message = Some(t.first_message);
        let removed = Body::MessageRemoved(MessageRemoved { case: 1, message, part: 0 });
        before!(t.story, MessageReread(e) if e.case == 1 => removed);
    }),
    (Code::InputUnanswered, "what is read again is passed over", |t| {
        remove!(t.story, MessageReread(e) if e.case == 1);
    }),
    (Code::MessageCount, "a message is not counted", |t| {
        edit!(t.story, MessageJoined(e) if e.case == 1 && e.count == 3 => e.count = 2);
    }),
    (Code::OpeningAmiss, "a message opens one case and joins another", |t| {
        edit!(t.story, MessageJoined(e) if e.case == 8 => e.case = 2);
    }),
    (Code::ContactLost, "a contact opens nothing", |t| remove!(t.story, CaseOpened(e) if e.case == 4)),
    (Code::ContactDoubled, "a contact opens two cases", |t| {
        after!(t.story, CaseOpened(e) if e.case == 4 => Body::CaseOpened(CaseOpened { case: 5, ..CaseOpened::default() }));
    }),
    (Code::RepeatJudged, "a repeat is judged", |t| {
        let repeat = t.repeat;
        after!(t.story, InputDuplicated(e) if e.case == 1 => joined(1, repeat, JoinedBy::Thread, 2));
        remove!(t.story, InputDuplicated(e) if e.case == 1);
    }),
    (Code::DuplicateAmiss, "a repeat points at another input", |t| {
        let other = id(t.first_message.seq, 1);
        edit!(t.story, InputDuplicated(e) if e.case == 1 => e.of = Some(other));
    }),
    (Code::DuplicateAmiss, "what repeats nothing is taken for a repeat", |t| {
        t.story.input_mut(t.repeat).key = vec![9; 16].into();
    }),
    (Code::DuplicateAmiss, "a keyless input is taken for a repeat", |t| {
        t.story.input_mut(t.repeat).key = Vec::new().into();
    }),
    (Code::HandoverAmiss, "a case handed over is on no case", |t| {
        remove!(t.story, CaseOpened(e) if e.case == 10);
        remove!(t.story, MessageJoined(e) if e.case == 10);
    }),
    (Code::HandoverAmiss, "a case closes as handed over to nobody", |t| {
        remove!(t.story, CaseHandedOver(e) if e.case == 8);
    }),
    (Code::HandoverAmiss, "a case that is handed over goes on", |t| {
        remove!(t.story, CaseClosed(e) if e.case == 8);
    }),
    (Code::ChangeAmiss, "another message of a handed-over case changes than was named", |t| {
        edit!(t.story, MessageEdited(e) if e.case == 9 => e.part = 0);
    }),
    (Code::ChangeAmiss, "a handed-over message changes on another case", |t| {
        edit!(t.story, MessageRemoved(e) if e.case == 9 => e.case = 10);
    }),
    (Code::RereadAmiss, "another message of a handed-over case is read again than was named", |t| {
        edit!(t.story, MessageReread(e) if e.case == 9 => e.part = 0);
    }),
    (Code::InputUnanswered, "what another desk says of a message is passed over", |t| {
        remove!(t.story, MessageRemoved(e) if e.case == 9);
    }),
    (Code::HandoverAmiss, "what another desk says is taken in out of order", |t| {
        let (commit, at) = t.story.find(&|b| matches!(b, Body::MessageRemoved(e) if e.case == 9));
        let by = commit.events[at].caused_by.unwrap();
        match &mut t.story.input_mut(by).body {
            Some(input::Body::HandoverChange(change)) => change.seq = 12,
            other => panic!("{other:?}"),
        }
    }),
    (Code::HandoverAmiss, "a case that came is handed over twice", |t| {
        let first = t.story.input_mut(t.handovers[0]).body.clone();
        t.story.input_mut(t.handovers[1]).body = first;
    }),
];
