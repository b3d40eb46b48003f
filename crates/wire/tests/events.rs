//! Events and commits keep their meaning through the log: any of them, and those whose bytes were written once.

#![allow(clippy::unwrap_used, clippy::panic)]

mod any;

use bytes::Bytes;
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
use prost::Message as _;
use simpang_domain::words::InputId;
use simpang_proto::log::v1;
use simpang_wire::commit::{self, Commit, DecodeError, Position};
use simpang_wire::{Names, event};

fn any_commit() -> impl Strategy<Value = Commit> {
    let digests = any::<([u8; 32], [u8; 32])>();
    let numbers = any::<(u64, u64, u64, u32, u32, u64, u64)>();
    let events = proptest::collection::vec(any::event(), 0..6);
    (digests, numbers, any::name(), events).prop_map(|(digests, numbers, writer, events)| Commit {
        number: numbers.0,
        previous_seq: numbers.1,
        previous_digest: digests.0,
        inputs_digest: digests.1,
        decided_through: Position { input: InputId { seq: numbers.2, index: numbers.3 }, step: numbers.4 },
        policy_version: numbers.5,
        writer,
        epoch: numbers.6,
        events,
    })
}

proptest! {
    #[test]
    fn any_event_is_read_as_it_was_written(written in any::event()) {
        let wire = event::write(&written);
        let read = event::read_with(&mut Names::new(), &wire).unwrap();
        prop_assert_eq!(&read, &written);
        prop_assert_eq!(event::write(&read).encode_to_vec(), wire.encode_to_vec());
    }

    #[test]
    fn any_commit_is_read_as_it_was_written(written in any_commit()) {
        let bytes = commit::encode(&written);
        let read = commit::decode(&mut Names::new(), bytes.clone()).unwrap();
        prop_assert_eq!(&read, &written);
        prop_assert_eq!(commit::encode(&read), bytes);
    }

    #[test]
    fn a_commit_without_events_with_them_behind_it_is_the_commit(written in any_commit()) {
        let mut bytes = commit::encode(&Commit { events: Vec::new(), ..written.clone() }).to_vec();
        for event in &written.events {
            let before = bytes.len();
            let took = commit::append_event(event, &mut bytes);
            prop_assert_eq!(bytes.len() - before, took);
        }
        prop_assert_eq!(Bytes::from(bytes), commit::encode(&written));
    }

    #[test]
    fn the_encoded_events_of_a_commit_are_those_that_were_appended(written in any_commit()) {
        let mut events = Vec::new();
        for event in &written.events {
            commit::append_event(event, &mut events);
        }
        let encoded = commit::encoded_events(&commit::encode(&written));
        prop_assert_eq!(&encoded[..], &events[..]);
        let first = written.events.first().map(event::write);
        prop_assert_eq!(commit::first_event(&encoded), first);
    }

    #[test]
    fn no_bytes_make_the_reader_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        let _ = commit::first_event(&commit::encoded_events(&bytes));
        let _ = commit::decode(&mut Names::unshared(), bytes);
    }
}

/// Made of one event of every kind; lines in pairs, the event's bytes and what they mean.
const STORED: &str = include_str!("data/events.txt");

#[test]
fn bytes_that_were_written_once_stay_readable_and_mean_the_same() {
    let lines: Vec<&str> = STORED.lines().filter(|line| !line.starts_with('#')).collect();
    let mut kinds = Vec::new();
    for pair in lines.chunks(2) {
        let bytes = hex::decode(pair[0]).unwrap();
        let wire = v1::Event::decode(&bytes[..]).unwrap();
        let read = event::read(&wire).unwrap();
        assert_eq!(format!("{read:?}"), pair[1], "the meaning of stored bytes changed");
        kinds.push(any::kind(&read.body));
    }
    for kind in any::KINDS {
        assert!(kinds.contains(kind), "no stored {kind}: run the ignored test that stores missing kinds");
    }
}

#[test]
#[ignore = "writes tests/data/events.txt: appends an event of each kind that is not stored yet"]
fn store_an_event_of_each_missing_kind() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut stored = String::from(STORED);
    for (kind, strategy) in any::KINDS.iter().zip(any::bodies()) {
        if STORED.contains(&format!("body: {kind}")) {
            continue;
        }
        let caused_by = InputId { seq: 7, index: 2 };
        let mut draw = || {
            let body = strategy.new_tree(&mut runner).unwrap().current();
            simpang_domain::event::Event { caused_by, at: 1_790_000_000_123, body }
        };
        let bytes = |event: &simpang_domain::event::Event| event::write(event).encode_to_vec();
        let plain = |event: &simpang_domain::event::Event| format!("{event:?}").is_ascii();
        let fullest = (0..500).map(|_| draw()).filter(plain).max_by_key(|event| bytes(event).len()).unwrap();
        stored.push_str(&format!("{}\n{fullest:?}\n", hex::encode(bytes(&fullest))));
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/events.txt"), stored).unwrap();
}

#[test]
fn an_event_that_is_not_whole_says_what_is_missing_and_where() {
    use simpang_proto::log::v1::event::Body;
    let caused_by = Some(v1::InputId { seq: 1, index: 0 });
    let case_parked = Body::CaseParked(v1::CaseParked { case: 1, on: 9 });
    let pull_ended = Body::PullEnded(v1::PullEnded { agent: "a".into(), pull: None, reason: 1 });
    let applied = Body::PolicyApplied(v1::PolicyApplied { digest: vec![1; 3].into(), ..Default::default() });
    let offered = Body::CaseOffered(v1::CaseOffered { case: 1, ..Default::default() });
    let queued = Body::DeliveryQueued(v1::DeliveryQueued { kind: 1, ..Default::default() });
    let table = [
        (None, None, "caused_by: is missing"),
        (caused_by, None, "body: there is none, or none of a kind that this program knows"),
        (caused_by, Some(case_parked), "CaseParked.on: 9 is no party to wait for that this program knows"),
        (caused_by, Some(pull_ended), "PullEnded.pull: is missing"),
        (caused_by, Some(applied), "PolicyApplied.digest: a digest has 32 bytes, not 3"),
        (caused_by, Some(offered), "CaseOffered.explanation: is missing"),
        (caused_by, Some(queued), "DeliveryQueued.delivery: is missing"),
    ];
    for (caused_by, body, expected) in table {
        let error = event::read(&v1::Event { caused_by, at_ms: 1, body }).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_commit_of_a_newer_layout_or_with_a_bad_event_is_refused_with_its_place() {
    let names = &mut Names::unshared();
    let mut wire = commit::write(&Commit::default());
    wire.events.push(v1::Event::default());
    let error = commit::read(names, &wire).unwrap_err();
    assert_eq!(error.to_string(), "commit: events[0].caused_by: is missing");
    wire.schema = 2;
    assert_eq!(commit::read(names, &wire).unwrap_err(), DecodeError::Schema(2));
    wire.schema = 1;
    wire.events.clear();
    wire.inputs_digest = Bytes::new();
    let error = commit::read(names, &wire).unwrap_err();
    assert_eq!(error.to_string(), "commit: inputs_digest: a digest has 32 bytes, not 0");
    assert!(matches!(commit::decode(names, Bytes::from_static(b"\xff\xff")), Err(DecodeError::Bytes(_))));
}
