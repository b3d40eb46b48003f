use simpang_proto::log::v1::{self, Channel, DeliveryKind, DeliveryOutcome, event::Body};

use super::{Board, Change, Id, Limit, State};

const LANE: &str = "CHANNEL_EMAIL/cs@a";

fn id(seq: u64) -> Id {
    Id { seq, index: 0, part: 0 }
}

fn event(at_ms: i64, body: Body) -> v1::Event {
    v1::Event { caused_by: None, at_ms, body: Some(body) }
}

fn queued(seq: u64, case: u64, kind: DeliveryKind) -> v1::Event {
    let queued = v1::DeliveryQueued {
        delivery: Some(id(seq).wire()),
        case,
        kind: kind.into(),
        channel: Channel::Email.into(),
        account: "cs@a".into(),
        ..Default::default()
    };
    event(seq as i64, Body::DeliveryQueued(queued))
}

fn started(seq: u64, by: &str, at: i64) -> v1::Event {
    let delivery = Some(id(seq).wire());
    let started = v1::DeliveryStarted { delivery, attempt: 1, deliverer: by.into(), case: 1 };
    event(at, Body::DeliveryStarted(started))
}

fn ended(seq: u64, outcome: DeliveryOutcome, not_before_ms: i64) -> v1::Event {
    let delivery = Some(id(seq).wire());
    let outcome = outcome.into();
    let ended = v1::DeliveryEnded { delivery, attempt: 1, outcome, not_before_ms, ..Default::default() };
    event(50, Body::DeliveryEnded(ended))
}

fn due(board: &Board, now: i64) -> Vec<u64> {
    board.due(LANE, now).map(|id| id.seq).collect()
}

#[test]
fn a_delivery_is_due_until_started_and_gone_when_it_ended() {
    let mut board = Board::default();
    assert!(board.fold(&[queued(3, 1, DeliveryKind::Reply)]).is_empty());
    assert_eq!(due(&board, 100), [3]);
    let change = board.fold(&[started(3, "a", 40)]);
    assert_eq!(change, [Change::Started { id: id(3), by: "a".into(), over_until: None }]);
    assert!(due(&board, 100).is_empty());
    assert_eq!(board.started_before(41).collect::<Vec<_>>(), [id(3)]);
    assert_eq!(board.started_before(40).count(), 0);
    assert_eq!(board.oldest_start(), Some(40));
    assert_eq!(board.fold(&[ended(3, DeliveryOutcome::Unknown, 0)]), [Change::Ended { id: id(3) }]);
    assert_eq!((board.len(), board.oldest_start(), board.lanes().count()), (0, None, 0));
}

#[test]
fn a_retry_is_due_again_at_its_time_and_not_before() {
    let mut board = Board::default();
    board.fold(&[queued(3, 1, DeliveryKind::Reply), started(3, "a", 40)]);
    board.fold(&[ended(3, DeliveryOutcome::Retry, 900)]);
    assert!(due(&board, 899).is_empty());
    assert_eq!(board.next_due(100), Some(900));
    assert_eq!(due(&board, 900), [3]);
    board.defer(id(3), 1_000);
    assert!(due(&board, 999).is_empty());
    assert_eq!(board.get(id(3)).unwrap().state, State::Waiting { not_before: 1_000 });
}

#[test]
fn a_case_s_later_reply_waits_for_the_earlier_one_and_nothing_else_does() {
    let mut board = Board::default();
    board.fold(&[queued(3, 1, DeliveryKind::Reply), queued(4, 1, DeliveryKind::Reply)]);
    board.fold(&[queued(5, 2, DeliveryKind::Reply), queued(6, 1, DeliveryKind::Acknowledgement)]);
    assert_eq!(due(&board, 100), [3, 5, 6]);
    board.fold(&[started(3, "a", 40), ended(3, DeliveryOutcome::Retry, 900)]);
    assert_eq!(due(&board, 100), [5, 6]);
    board.fold(&[started(3, "a", 40), ended(3, DeliveryOutcome::Delivered, 0)]);
    assert_eq!(due(&board, 100), [4, 5, 6]);
}

#[test]
fn what_the_commit_says_of_the_reason_goes_along() {
    let classified = v1::CaseClassified { case: 1, rule: "everything".into(), ..Default::default() };
    let escalated = v1::CaseEscalated { case: 1, step: "leader".into(), ..Default::default() };
    let mut board = Board::default();
    let notification = queued(3, 1, DeliveryKind::Notification);
    board.fold(&[
        event(1, Body::CaseClassified(classified)),
        event(1, Body::CaseEscalated(escalated)),
        notification,
    ]);
    assert_eq!(board.get(id(3)).unwrap().about.reason, "leader");
}

#[test]
fn events_without_a_whole_identity_are_passed_over() {
    let mut board = Board::default();
    let none = event(1, Body::DeliveryQueued(v1::DeliveryQueued::default()));
    let unknown = [started(9, "a", 1), ended(9, DeliveryOutcome::Delivered, 0), none];
    board.fold(&unknown);
    assert_eq!((board.len(), board.lanes().count(), board.started().count()), (0, 0, 0));
}

#[test]
fn a_limit_that_one_delivery_meets_holds_for_its_lane_until_it_ends() {
    let mut board = Board::default();
    board.fold(&[queued(3, 1, DeliveryKind::Reply), queued(4, 2, DeliveryKind::Reply)]);
    board.fold(&[started(3, "a", 40)]);
    assert_eq!((board.started_since(LANE, 40), board.started_since(LANE, 41)), (1, 0));
    let mut limited = ended(3, DeliveryOutcome::Retry, 500);
    if let Some(Body::DeliveryEnded(ended)) = &mut limited.body {
        ended.detail = "HTTP 429 rate-limit-exceeded".into();
    }
    board.fold(&[limited]);
    assert!(due(&board, 499).is_empty(), "also the one that nobody tried");
    assert_eq!(board.next_due(100), Some(500));
    assert_eq!(due(&board, 500), [4, 3]);
}

#[test]
fn of_two_deliverers_that_claim_the_last_place_of_a_limit_the_log_chooses_one() {
    let limit = Limit { lanes: "CHANNEL_EMAIL/", most: 2, within_ms: 100 };
    let mut board = Board::limited(Some(limit));
    for seq in 3..8 {
        board.fold(&[queued(seq, seq, DeliveryKind::Reply)]);
    }
    let over = |changes: &[Change]| match changes {
        [Change::Started { over_until, .. }] => *over_until,
        other => panic!("{other:?}"),
    };
    assert_eq!(over(&board.fold(&[started(3, "a", 10)])), None);
    assert_eq!(over(&board.fold(&[started(4, "b", 20)])), None);
    assert_eq!(
        over(&board.fold(&[started(5, "a", 20)])),
        Some(111),
        "not before the first has left the window"
    );
    assert_eq!(over(&board.fold(&[started(6, "b", 110)])), Some(111), "what was put off counts for nothing");
    assert_eq!(over(&board.fold(&[started(7, "a", 111)])), None);
    assert_eq!(board.started_since(LANE, 0), 3);
}
