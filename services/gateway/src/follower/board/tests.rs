use api::watch_response::Change as What;
use simpang_log::snapshot::Kept as _;
use simpang_log::snapshot::proof::written;

use super::*;

fn commit(events: Vec<Body>) -> log::Commit {
    let event = |(index, body)| log::Event {
        caused_by: Some(log::InputId { seq: 1, index }),
        at_ms: 1_000,
        body: Some(body),
    };
    log::Commit {
        writer: "router@test/1".into(),
        events: (0..).zip(events).map(event).collect(),
        ..log::Commit::default()
    }
}

fn opened(case: u64) -> Body {
    Body::CaseOpened(log::CaseOpened {
        case,
        channel: log::Channel::X.into(),
        account: "telkomcare".into(),
        arrived_ms: 500,
        ..log::CaseOpened::default()
    })
}

fn classified(case: u64, priority: &str) -> Body {
    Body::CaseClassified(log::CaseClassified {
        case,
        queue: "social".into(),
        priority: priority.into(),
        segment: "DES".into(),
        actions: vec!["educate".into()],
        ..log::CaseClassified::default()
    })
}

fn signed_in(agent: &str, session: &str) -> Body {
    Body::AgentSignedIn(log::AgentSignedIn {
        agent: agent.into(),
        session: session.into(),
        gateway: "gateway@test/1".into(),
    })
}

fn assigned(case: u64, agent: &str, pull: Option<log::InputId>) -> Body {
    Body::CaseAssigned(log::CaseAssigned {
        case,
        agent: agent.into(),
        by: log::AssignedBy::Pull.into(),
        explanation: Some(log::Explanation {
            rule: "complaints".into(),
            queue: "social".into(),
            key_ms: 400,
            candidates: vec![log::Candidate::default(); 3],
            other_candidates: 2,
            sticky: true,
            ..log::Explanation::default()
        }),
        pull,
    })
}

/// Something of everything that is remembered.
fn history() -> Vec<log::Commit> {
    let record = log::InputId { seq: 1, index: 0 };
    let limit = log::SessionLimit { total: Some(3), channels: vec![log::Capacity { channel: 2, limit: 1 }] };
    let presence = log::AgentPresenceChanged {
        agent: "budi".into(),
        presence: 2,
        auto: true,
        limit: Some(limit),
        ..log::AgentPresenceChanged::default()
    };
    let waiting = log::PullWaiting {
        agent: "budi".into(),
        pull: Some(record),
        count: 2,
        queues: vec!["social".into()],
        ..log::PullWaiting::default()
    };
    let offered =
        log::CaseOffered { case: 8, agent: "budi".into(), expires_ms: 9, ..log::CaseOffered::default() };
    let changed = Body::AgentChanged(log::AgentChanged { agent: "sari".into() });
    let policy = log::PolicyApplied { version: 3, cites: "SOP-1".into(), ..log::PolicyApplied::default() };
    vec![
        commit(vec![changed, Body::PolicyApplied(policy), signed_in("sari", "s1"), signed_in("budi", "s2")]),
        commit(vec![opened(7), joined(7, 1), classified(7, "high"), assigned(7, "sari", Some(record))]),
        commit(vec![opened(8), classified(8, "low"), Body::CaseOffered(offered)]),
        commit(vec![Body::AgentPresenceChanged(presence), Body::PullWaiting(waiting), followed(7, "budi")]),
        commit(vec![opened(9), Body::CaseClosed(log::CaseClosed { case: 9, ..log::CaseClosed::default() })]),
    ]
}

fn folded(board: &mut Board, history: &[log::Commit], from: u64) {
    for (seq, commit) in (from..).zip(history) {
        board.committed(commit);
        board.stands(seq, 1_000, None);
    }
}

/// A board that has all of it, and records that nobody has judged.
fn full() -> Board {
    let mut board = Board::default();
    for (index, agent) in (0..).zip(["sari", "tono"]) {
        let record =
            log::AgentRecord { agent: agent.into(), roles: vec![2, 3], ..log::AgentRecord::default() };
        let input = log::Input { body: Some(log::input::Body::Agent(record)), ..log::Input::default() };
        board.arrived(Place { seq: 1, index }, &input);
    }
    board
}

#[test]
fn what_is_written_down_is_read_back_and_goes_on_alike() {
    let history = history();
    let mut whole = full();
    folded(&mut whole, &history, 2);
    for cut in 0..=history.len() {
        let mut before = full();
        folded(&mut before, &history[..cut], 2);
        let mut part = Some(written(&before));
        let desk = simpang_log::DeskName::new("tenesa").unwrap();
        let mut again = Board::load(&(), &log::SnapshotHead::default(), &desk, &mut || part.take()).unwrap();
        folded(&mut again, &history[cut..], 2 + cut as u64);
        assert_eq!(written(&again), written(&whole), "cut at {cut}");
        for agent in ["sari", "budi"] {
            assert_eq!(again.work(agent), whole.work(agent));
            assert_eq!(again.roles(agent), whole.roles(agent));
        }
        assert_eq!((again.policy(), again.policy_input()), (whole.policy(), whole.policy_input()));
        assert_eq!((again.open_cases(), again.signed_in(), again.position()), (2, 2, 6));
    }
}

/// Fails when the same history is written down in other bytes. If the layout changed, its number did so by itself; if the
/// same records are folded to something else, raise the number in `MAKER`. Then set the new digest.
#[test]
fn a_known_history_is_written_down_as_ever() {
    let mut board = full();
    folded(&mut board, &history(), 2);
    let bytes = written(&board);
    let found = format!("{} bytes, {:x}", bytes.len(), digest(&bytes));
    assert_eq!(found, "270 bytes, 94f8af83d9c27313");
}

/// FNV-1a.
fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn joined(case: u64, count: u32) -> Body {
    Body::MessageJoined(log::MessageJoined { case, count, ..log::MessageJoined::default() })
}

#[test]
fn an_assignment_tells_what_is_known_of_the_case() {
    let mut board = Board::default();
    let events = vec![opened(7), joined(7, 1), classified(7, "high"), assigned(7, "sari", None)];
    let changes = board.committed(&commit(events));
    let What::Assigned(assignment) = &changes[0].change else { panic!("{changes:?}") };
    assert_eq!((changes[0].agent.as_ref(), assignment.case), ("sari", 7));
    let summary = assignment.summary.clone().unwrap();
    assert_eq!((summary.queue.as_str(), summary.priority.as_str()), ("social", "high"));
    assert_eq!((summary.segment.as_str(), summary.messages), ("DES", 1));
    assert_eq!((summary.channel(), summary.account.as_str()), (api::Channel::X, "telkomcare"));
    assert_eq!(summary.actions, ["educate"]);
    let why = assignment.explanation.clone().unwrap();
    assert_eq!((why.candidates, why.key_ms, why.last_agent), (5, 400, true));
    assert!(why.text.contains("rule complaints") && why.text.contains("4 other agents"), "{}", why.text);
    assert_eq!(board.work("sari").assignments, std::slice::from_ref(assignment));
}

#[test]
fn what_is_new_on_a_held_case_is_told_once_a_commit_and_only_to_its_agent() {
    let mut board = Board::default();
    board.committed(&commit(vec![opened(7), opened(8), assigned(7, "sari", None)]));
    let events = vec![joined(7, 2), classified(7, "high"), joined(8, 1)];
    let changes = board.committed(&commit(events));
    assert_eq!(changes.len(), 1, "{changes:?}");
    let What::Update(update) = &changes[0].change else { panic!("{changes:?}") };
    assert_eq!((update.case, update.summary.clone().unwrap().messages), (7, 2));
}

#[test]
fn a_case_has_one_holder_and_leaves_with_its_end() {
    let mut board = Board::default();
    board.committed(&commit(vec![opened(7), assigned(7, "sari", None), assigned(7, "budi", None)]));
    assert!(board.held("sari", 7).is_none());
    assert!(board.held("budi", 7).is_some());
    assert_eq!(board.open_cases(), 1);
    let closed = Body::CaseClosed(log::CaseClosed { case: 7, ..log::CaseClosed::default() });
    board.committed(&commit(vec![closed.clone(), closed]));
    assert!(board.held("budi", 7).is_none());
    assert_eq!(board.open_cases(), 0, "closed once");
    let forgotten = Body::CaseForgotten(log::CaseForgotten { case: 7 });
    board.committed(&commit(vec![forgotten]));
    assert!(board.summary(7).is_none());
}

#[test]
fn a_pull_waits_for_fewer_with_each_case_it_gets() {
    let pull = Some(log::InputId { seq: 9, index: 1 });
    let waiting = |count| {
        Body::PullWaiting(log::PullWaiting {
            agent: "sari".into(),
            count,
            pull,
            ..log::PullWaiting::default()
        })
    };
    let mut board = Board::default();
    board.committed(&commit(vec![opened(7), opened(8), waiting(2), assigned(7, "sari", pull)]));
    assert_eq!(board.agent("sari").unwrap().pull().unwrap().count, 1);
    board.committed(&commit(vec![assigned(8, "sari", None)]));
    assert_eq!(board.agent("sari").unwrap().pull().unwrap().count, 1, "that one came another way");
    let ended =
        |pull| Body::PullEnded(log::PullEnded { agent: "sari".into(), pull, ..log::PullEnded::default() });
    board.committed(&commit(vec![ended(Some(log::InputId { seq: 8, index: 0 }))]));
    assert!(board.agent("sari").unwrap().pull().is_some(), "that was an older pull");
    board.committed(&commit(vec![ended(pull)]));
    assert!(board.agent("sari").unwrap().pull().is_none());
}

#[test]
fn an_offer_ends_when_taken_or_over() {
    let offer = |case| {
        Body::CaseOffered(log::CaseOffered {
            case,
            agent: "sari".into(),
            expires_ms: 9_000,
            explanation: None,
        })
    };
    let mut board = Board::default();
    let changes = board.committed(&commit(vec![opened(7), opened(8), offer(7), offer(8)]));
    assert!(matches!(&changes[0].change, What::Offered(offer) if offer.expires_ms == 9_000));
    board.committed(&commit(vec![assigned(7, "sari", None)]));
    assert_eq!(board.work("sari").offers.iter().map(|offer| offer.case).collect::<Vec<_>>(), [8]);
    let over = log::OfferEnded {
        case: 8,
        agent: "sari".into(),
        reason: log::OfferEnd::Expired.into(),
        cause: String::new(),
    };
    let changes = board.committed(&commit(vec![Body::OfferEnded(over)]));
    assert!(matches!(&changes[0].change, What::OfferOver(over) if over.reason() == api::OfferEnd::Expired));
    assert!(board.work("sari").offers.is_empty());
}

#[test]
fn signing_in_elsewhere_ends_the_older_session_even_if_nobody_says_so() {
    let mut board = Board::default();
    let offered = log::CaseOffered { case: 7, agent: "sari".into(), ..log::CaseOffered::default() };
    board.committed(&commit(vec![signed_in("sari", "s1"), opened(7), Body::CaseOffered(offered)]));
    let changes = board.committed(&commit(vec![signed_in("sari", "s2")]));
    assert!(matches!(&changes[0].change, What::Ended(over) if over.session == "s1"));
    assert_eq!(board.work("sari").session, "s2");
    assert_eq!(board.work("sari").offers.len(), 1, "what is offered stays offered");
    let late = log::AgentSignedOut { agent: "sari".into(), session: "s1".into(), reason: 2 };
    board.committed(&commit(vec![Body::AgentSignedOut(late)]));
    assert_eq!(board.work("sari").session, "s2", "the end of an older session is not the newer one's");
    assert_eq!(board.signed_in(), 1);
}

#[test]
fn roles_are_those_of_the_record_that_was_judged_and_none_for_the_inactive() {
    let record = |agent: &str, role: Role, inactive| log::Input {
        body: Some(log::input::Body::Agent(log::AgentRecord {
            agent: agent.into(),
            roles: vec![role.into()],
            inactive,
            ..log::AgentRecord::default()
        })),
        ..log::Input::default()
    };
    let changed = |agent: &str| Body::AgentChanged(log::AgentChanged { agent: agent.into() });
    let mut board = Board::default();
    board.arrived(Place { seq: 1, index: 0 }, &record("sari", Role::TeamLeader, false));
    board.arrived(Place { seq: 1, index: 1 }, &record("budi", Role::Agent, true));
    board.arrived(Place { seq: 1, index: 2 }, &record("tono", Role::Agent, false));
    assert!(board.roles("sari").is_empty(), "not judged yet");
    board.committed(&commit(vec![changed("sari"), changed("budi")]));
    assert_eq!(board.roles("sari"), [Role::TeamLeader]);
    assert!(board.roles("budi").is_empty(), "no longer works here");
    board.committed(&commit(vec![Body::DayTurned(log::DayTurned { day: 1 })]));
    board.stands(2, 1, Some(Place { seq: 1, index: 2 }));
    assert!(board.records.is_empty(), "a record that was judged without a change is not kept");
    assert!(board.roles("tono").is_empty());
}

fn followed(case: u64, agent: &str) -> Body {
    Body::CaseFollowed(log::CaseFollowed { case, agent: agent.into(), step: "pic".into() })
}

fn following(board: &Board, agent: &str) -> Vec<(u64, String)> {
    board.work(agent).following.into_iter().map(|case| (case.case, case.holder)).collect()
}

#[test]
fn who_is_on_duty_gets_a_notice_and_who_follows_a_case_hears_of_it_to_its_end() {
    let mut board = Board::default();
    let called = log::DutyCalled {
        case: 7,
        group: "leaders".into(),
        called: vec![log::OnDuty { agent: "tari".into(), shift: "pagi".into() }],
    };
    let events = vec![opened(7), classified(7, "high"), Body::DutyCalled(called), followed(7, "dewi")];
    let changes = board.committed(&commit(events));
    let What::Notice(notice) = &changes[0].change else { panic!("{changes:?}") };
    assert_eq!((changes[0].agent.as_ref(), notice.case, notice.shift.as_str()), ("tari", 7, "pagi"));
    assert!(matches!(&changes[1].change, What::Followed(case) if case.case == 7), "{changes:?}");
    let changes = board.committed(&commit(vec![assigned(7, "sari", None)]));
    let told: Vec<&str> = changes
        .iter()
        .filter(|change| matches!(&change.change, What::FollowedUpdate(case) if case.holder == "sari"))
        .map(|change| change.agent.as_ref())
        .collect();
    assert_eq!(told, ["dewi"]);
    assert_eq!(following(&board, "dewi"), [(7, "sari".to_owned())]);
    let closed = Body::CaseClosed(log::CaseClosed { case: 7, ..log::CaseClosed::default() });
    let changes = board.committed(&commit(vec![closed]));
    let over = |change: &Change| matches!(&change.change, What::Unfollowed(over) if over.closed);
    assert!(changes.iter().any(|change| change.agent == "dewi" && over(change)), "{changes:?}");
    assert_eq!(following(&board, "dewi"), []);
}
