use sha2::{Digest as _, Sha256};
use simpang_log::snapshot::Kept as _;
use simpang_log::snapshot::proof::written;
use simpang_log::{Body, DeskName, Door, Entry};
use simpang_proto::log::v1::{self, event, input};

use super::Folded;
use crate::board::Limit;

const LIMIT: Option<Limit> = Some(Limit { lanes: "CHANNEL_X/", most: 2, within_ms: 900_000 });

fn place(seq: u64) -> Option<v1::InputId> {
    Some(v1::InputId { seq, index: 0 })
}

fn commit(seq: u64, events: Vec<event::Body>) -> Entry {
    let event = |body| v1::Event { caused_by: place(seq - 1), at_ms: 1_000, body: Some(body) };
    let decided_through = Some(v1::Position { seq: seq - 1, index: 0, step: 0 });
    let commit =
        v1::Commit { decided_through, events: events.into_iter().map(event).collect(), ..Default::default() };
    let body = Body::Commit { commit: Box::new(commit), digest: [0; 32] };
    Entry { seq, at_ms: 1_000, body, payload: Default::default() }
}

fn inputs(seq: u64, door: Door, bodies: Vec<input::Body>) -> Entry {
    let inputs = bodies.into_iter().map(|body| v1::Input { body: Some(body), ..Default::default() });
    let record = v1::InputRecord { schema: 1, writer: String::new(), inputs: inputs.collect() };
    Entry { seq, at_ms: 1_000, body: Body::Inputs { door, record }, payload: Default::default() }
}

fn policy(version: u64) -> input::Body {
    input::Body::Policy(v1::PolicyDocument { version, ..Default::default() })
}

fn opened(case: u64) -> Vec<event::Body> {
    vec![
        event::Body::CaseOpened(v1::CaseOpened {
            case,
            channel: v1::Channel::X.into(),
            ..Default::default()
        }),
        event::Body::MessageJoined(v1::MessageJoined {
            case,
            message: place(5),
            count: 1,
            ..Default::default()
        }),
        event::Body::CaseClassified(v1::CaseClassified {
            case,
            queue: "social".into(),
            priority: "high".into(),
            segment: "DES".into(),
            rule: "complaints".into(),
            ..Default::default()
        }),
        event::Body::CaseCategorised(v1::CaseCategorised {
            case,
            category: vec!["network".into(), "slow".into()],
            ..Default::default()
        }),
        event::Body::SlaStarted(v1::SlaStarted { case, clock: 1, deadline_ms: 90_000, ..Default::default() }),
        event::Body::ReferenceLinked(v1::ReferenceLinked {
            case,
            number: "IN1".into(),
            ..Default::default()
        }),
    ]
}

fn queued(seq: u64, case: u64) -> event::Body {
    event::Body::DeliveryQueued(v1::DeliveryQueued {
        delivery: Some(v1::DeliveryId { input: place(seq), part: 0 }),
        case,
        kind: v1::DeliveryKind::Reply.into(),
        channel: v1::Channel::X.into(),
        account: "telkomcare".into(),
        ..Default::default()
    })
}

fn started(seq: u64) -> event::Body {
    event::Body::DeliveryStarted(v1::DeliveryStarted {
        delivery: Some(v1::DeliveryId { input: place(seq), part: 0 }),
        attempt: 1,
        deliverer: "deliver@a/1+1".into(),
        case: 7,
    })
}

fn ended(seq: u64) -> event::Body {
    event::Body::DeliveryEnded(v1::DeliveryEnded {
        delivery: Some(v1::DeliveryId { input: place(seq), part: 0 }),
        attempt: 1,
        outcome: v1::DeliveryOutcome::Retry.into(),
        not_before_ms: 70_000,
        detail: "HTTP 429".into(),
        ..Default::default()
    })
}

fn edited(case: u64) -> event::Body {
    event::Body::MessageEdited(v1::MessageEdited { case, message: place(6), part: 0 })
}

/// Something of everything that is remembered.
fn history() -> Vec<Entry> {
    let handover = v1::Handover { desk: "infomedia".into(), seq: 9, index: 1, case: 3, ..Default::default() };
    let handed = v1::CaseHandedOver { case: 8, desk: "infomedia".into() };
    let withdrawal = v1::Message { kind: v1::MessageKind::Remove.into(), ..Default::default() };
    vec![
        inputs(1, Door::Gateway, vec![policy(1)]),
        commit(2, vec![event::Body::PolicyApplied(v1::PolicyApplied { version: 1, ..Default::default() })]),
        inputs(3, Door::Gateway, vec![policy(2)]),
        inputs(5, Door::Deliver, vec![input::Body::Handover(handover)]),
        commit(6, [opened(7), opened(8)].concat()),
        commit(7, vec![queued(6, 7), queued(7, 7), queued(8, 8), queued(9, 8)]),
        commit(8, vec![started(6), started(8), event::Body::CaseHandedOver(handed)]),
        commit(9, vec![ended(8), edited(8)]),
        inputs(10, Door::Gateway, vec![policy(3)]),
        inputs(11, Door::Ingest, vec![input::Body::Message(withdrawal)]),
    ]
}

fn folded(entries: &[Entry]) -> Folded {
    let mut folded = Folded::begin(&LIMIT, &desk());
    entries.iter().for_each(|entry| drop(folded.take(entry)));
    folded
}

fn desk() -> DeskName {
    DeskName::new("tenesa").unwrap()
}

fn restored(bytes: Vec<u8>) -> Folded {
    let mut part = Some(bytes);
    Folded::load(&LIMIT, &v1::SnapshotHead::default(), &desk(), &mut || part.take()).unwrap()
}

#[test]
fn what_is_written_down_is_read_back_and_goes_on_alike() {
    let history = history();
    for cut in 0..=history.len() {
        let (before, after) = history.split_at(cut);
        let mut again = restored(written(&folded(before)));
        // A reader that resumes gets inputs which nobody has judged once more.
        let unjudged =
            before.iter().filter(|entry| matches!(entry.body, Body::Inputs { .. }) && entry.seq > 8);
        unjudged.chain(after).for_each(|entry| drop(again.take(entry)));
        let whole = folded(&history);
        assert_eq!(written(&again), written(&whole), "cut at {cut}");
        for now in [0, 1_000, 80_000] {
            for lane in whole.board.lanes() {
                assert!(again.board.due(lane, now).eq(whole.board.due(lane, now)));
                assert_eq!(again.board.started_since(lane, now), whole.board.started_since(lane, now));
            }
            assert_eq!(again.board.next_due(now), whole.board.next_due(now));
        }
        assert!(again.board.lanes().eq(whole.board.lanes()));
        assert!(again.board.started().eq(whole.board.started()));
    }
}

/// Fails when the same history is written down in other bytes. If the layout changed, its number did so by itself; if the
/// same records are folded to something else, raise `FOLDING`. Then set the new digest.
#[test]
fn a_known_history_is_written_down_as_ever() {
    let bytes = written(&folded(&history()));
    let found = format!("{} bytes {:x?}", bytes.len(), &Sha256::digest(&bytes)[..8]);
    assert_eq!(found, "408 bytes [71, 8f, fb, c, 84, f5, bd, 6a]");
}

#[test]
fn another_limit_is_another_fold() {
    let at =
        simpang_log::CommitRef { seq: 2, number: 1, digest: [1; 32], decided_through: Default::default() };
    let head = folded(&history()).describe(&desk(), &at);
    assert_eq!(Folded::usable(&LIMIT, &head, &desk()), Ok(at));
    assert!(Folded::usable(&None, &head, &desk()).is_err());
}
