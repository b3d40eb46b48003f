//! Times, cases' lives, and invariant 1.

use simpang_checker::{Code, InputId, SentEntry};
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::*;

use super::Break;
use crate::story::words::*;

pub const ALL: &[Break] = &[
    (Code::EventTimeBack, "an event of the past", |t| {
        t.story.edit(&|b| matches!(b, Body::CaseParked(_)), &mut |e| e.at_ms -= 60_000);
    }),
    (Code::EventTimeAhead, "an event of the future", |t| {
        t.story.edit(&|b| matches!(b, Body::DayTurned(_)), &mut |e| e.at_ms += 1);
    }),
    (Code::EventUnreadable, "an event of a kind that is not known", |t| {
        t.story.edit(&|b| matches!(b, Body::DayTurned(_)), &mut |e| e.body = None);
    }),
    (
        Code::CaseNumber,
        "a number is left out",
        |t| edit!(t.story, CaseOpened(e) if e.case == 10 => e.case = 11),
    ),
    (Code::CaseUnknown, "a case that was not opened is widened", |t| {
        edit!(t.story, CaseWidened(e) if e.case == 2 => e.case = 77);
    }),
    (Code::CaseUnknown, "a case is forgotten twice", |t| {
        after!(t.story, CaseForgotten(e) if e.case == 1 => Body::CaseForgotten(CaseForgotten { case: 1 }));
    }),
    (Code::CaseState, "a closed case waits", |t| {
        after!(t.story, CaseClosed(e) if e.case == 1 => queued(1, "mail", 0, &[]));
    }),
    (Code::CaseState, "an open case is forgotten", |t| remove!(t.story, CaseClosed(e) if e.case == 1)),
    (Code::CaseState, "an open case is reopened", |t| remove!(t.story, CaseResolved(e) if e.case == 1)),
    (Code::CaseState, "a case goes on that was not away", |t| remove!(t.story, CaseParked(e) if e.case == 1)),
    (Code::CaseState, "a case follows one that goes on", |t| {
        edit!(t.story, CaseOpened(e) if e.case == 8 => e.follows = 2);
    }),
    (Code::SplitAmiss, "a message leaves a case that it was not on", |t| {
        let other = t.first_message;
        edit!(t.story, CaseSplit(e) if e.case == 3 => e.messages = vec![other]);
    }),
    (
        Code::SplitAmiss,
        "no message leaves",
        |t| edit!(t.story, CaseSplit(e) if e.case == 3 => e.messages.clear()),
    ),
    (Code::SplitAmiss, "a split opens no case", |t| remove!(t.story, CaseOpened(e) if e.case == 7)),
    (
        Code::SplitAmiss,
        "a case is split off without a split",
        |t| remove!(t.story, CaseSplit(e) if e.case == 3),
    ),
    (
        Code::MergeAmiss,
        "a case merges into itself",
        |t| edit!(t.story, CaseMerged(e) if e.case == 7 => e.into = 7),
    ),
    (Code::MergeAmiss, "a case merges twice", |t| {
        let again = CaseMerged { case: 7, into: 3 };
        after!(t.story, CaseMerged(e) if e.case == 7 => Body::CaseMerged(again));
    }),
    (Code::FaultTwice, "an open report is passed over", |t| {
        edit!(t.story, FaultReported(e) if e.case == 2 => e.repeats = 0);
    }),
    (Code::FaultTwice, "a report is said twice", |t| {
        let again = FaultReported { case: 1, product: vec![9; 16].into(), ..FaultReported::default() };
        after!(t.story, FaultReported(e) if e.case == 1 => Body::FaultReported(again));
    }),
    (Code::FaultAmiss, "another product is reported than was asked", |t| {
        edit!(t.story, FaultReported(e) if e.case == 1 => e.product = vec![8; 16].into());
    }),
    (Code::FaultAmiss, "a report is repeated that is not open there", |t| {
        edit!(t.story, FaultReported(e) if e.case == 2 => e.repeats = 3);
    }),
    (Code::FaultAmiss, "a report ends that is not open", |t| {
        edit!(t.story, FaultEnded(e) if e.case == 1 => e.case = 2);
    }),
    (Code::MergeAmiss, "a merged case goes on", |t| remove!(t.story, CaseClosed(e) if e.case == 7)),
    (Code::AcknowledgedMissing, "an acknowledged key is not on the log", |t| {
        t.story.journals.sent[0].key = Some("ff".repeat(16));
    }),
    (Code::AcknowledgedMissing, "an acknowledged identity is not on the log", |t| {
        t.story.journals.sent[0].input = Some(InputId { seq: 999_999, index: 0 });
    }),
    (Code::AcknowledgedMissing, "an acknowledged identity is another door's", |t| {
        t.story.journals.sent[0].door = "gateway".into();
    }),
    (Code::AcknowledgedMissing, "an entry says nothing", |t| {
        let entry = SentEntry { desk: "demo".into(), door: "ingest".into(), key: None, input: None };
        t.story.journals.sent.push(entry);
    }),
    (Code::DecidedBack, "the last commit judges what was judged", |t| {
        let through = t.policy;
        let last = t.story.commits().last().unwrap();
        last.decided_through = Some(Position { seq: through.seq, index: 0, step: 0 });
    }),
    (Code::DecidedBack, "an earlier position", |t| {
        let last = t.story.commits().last().unwrap();
        last.decided_through = Some(Position { seq: 1, index: 0, step: 0 });
    }),
    (Code::DecidedBack, "a part after the end", |t| {
        let through = t.handovers[1];
        let taken = t.story.commits().find(|c| c.epoch == 2).unwrap();
        taken.decided_through = Some(Position { seq: through.seq, index: 0, step: 1 });
    }),
    (Code::DecidedUnknown, "an input that is not in its record", |t| {
        let last = t.story.commits().last().unwrap();
        last.decided_through.as_mut().unwrap().index = 1;
    }),
    (Code::DecidedUnknown, "an input of the future", |t| {
        let last = t.story.commits().last().unwrap();
        last.decided_through.as_mut().unwrap().seq += 10;
    }),
    (Code::CauseOutOfRange, "an event follows from an input judged before", |t| {
        let first = t.first_message;
        t.story.edit(&|b| matches!(b, Body::DayTurned(_)), &mut |e| e.caused_by = Some(first));
    }),
    (Code::CauseOutOfRange, "an event follows from nothing", |t| {
        t.story.edit(&|b| matches!(b, Body::DayTurned(_)), &mut |e| e.caused_by = None);
    }),
    (Code::CauseOutOfOrder, "events of two inputs change places", |t| {
        let (commit, at) = t.story.find(&|b| matches!(b, Body::InputRefused(_)));
        commit.events.swap(at - 1, at);
    }),
    (Code::Unjudged, "the last input is not judged", |t| {
        t.story.entries.pop();
    }),
    (Code::Unjudged, "the last input is judged in part", |t| {
        t.story.commits().last().unwrap().decided_through.as_mut().unwrap().step = 2;
    }),
    (Code::RejectedTwice, "a command is rejected again", |t| {
        let again = CommandRejected { principal: "ani".into(), ..CommandRejected::default() };
        after!(t.story, CommandRejected(e) if e.case == 1 => Body::CommandRejected(again));
    }),
    (Code::RejectedWrongly, "another principal is told", |t| {
        edit!(t.story, CommandRejected(e) if e.case == 1 => e.principal = "budi".into());
    }),
    (Code::RejectedWrongly, "a tick is rejected", |t| {
        let nobody = CommandRejected::default();
        after!(t.story, DayTurned(e) if e.day == 1 => Body::CommandRejected(nobody));
    }),
    (Code::FollowsRefusal, "something follows a rejection", |t| {
        let note = NoteAdded { case: 1, agent: "ani".into() };
        after!(t.story, CommandRejected(e) if e.case == 1 => Body::NoteAdded(note));
    }),
    (Code::FollowsRefusal, "a message joins and is set aside", |t| {
        let refused = InputRefused { reason: "no".into() };
        after!(t.story, MessageJoined(e) if e.case == 10 => Body::InputRefused(refused));
        let kind = MessageKind::New as i32;
        t.story.input_mut(t.handovers[1]).body =
            Some(input::Body::Message(Message { kind, ..Message::default() }));
    }),
    (Code::InputUnanswered, "an agent's record is passed over", |t| {
        remove!(t.story, AgentChanged(e) if e.agent == "budi");
    }),
    (Code::InputUnanswered, "what can't be read is passed over", |t| {
        remove!(t.story, InputRefused(e) if !e.reason.is_empty());
    }),
    (Code::InputUnanswered, "a case that comes back is passed over", |t| {
        remove!(t.story, HandoverFailed(e) if e.case == 8);
    }),
    (Code::InputUnanswered, "a command does nothing", |t| remove!(t.story, CaseParked(e) if e.case == 1)),
    (
        Code::InputUnanswered,
        "a claim is passed over",
        |t| remove!(t.story, DeliveryStarted(e) if e.attempt == 1),
    ),
    (
        Code::PolicyUndecided,
        "a policy is passed over",
        |t| remove!(t.story, PolicyApplied(e) if e.version == 2),
    ),
];
