//! What every keeper of logs must do, as tests that run against any [`LogStore`]: the in-memory twin and NATS pass
//! the same list. Hidden because it is for tests only; use it with [`log_contract!`](crate::log_contract).

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, future};
use prost::Message;
use simpang_proto::log::v1::{Commit, Input, InputRecord};

use crate::chain::digest;
use crate::port::{
    CommitError, DeskLog, DeskName, Door, LogError, LogStore, Record, RecordKind, RecordStream,
};

/// How long anything may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// Defines one test for each part of the contract. The argument is an async function that returns the store and
/// whatever has to live as long as it.
#[macro_export]
macro_rules! log_contract {
    ($store:path) => {
        $crate::log_contract!(@each $store:
            sequences_grow_and_records_are_read_back,
            the_fence_admits_only_the_successor_of_the_last_commit,
            of_two_concurrent_committers_exactly_one_wins,
            reading_begins_anywhere,
            an_idle_reader_sees_later_records,
            absent_things_are_absent,
            an_unknown_desk_is_refused,
            creating_a_desk_twice_is_harmless,
            a_large_payload_comes_back_unchanged,
            thousands_of_records_come_in_order,
            raw_objects_are_kept_by_digest,
            the_directory_is_a_log_of_its_own,
            a_trimmed_log_begins_later_and_goes_on,
            the_last_commit_is_never_trimmed,
            a_removed_raw_object_can_be_kept_again,
        );
    };
    (@each $store:path: $($name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (store, _keep) = $store().await;
                $crate::contract::within_deadline($crate::contract::$name(store)).await;
            }
        )*
    };
}

pub async fn within_deadline(test: impl Future<Output = ()>) {
    assert!(tokio::time::timeout(DEADLINE, test).await.is_ok(), "not done within {DEADLINE:?}");
}

fn name(text: &str) -> DeskName {
    DeskName::new(text).unwrap()
}

fn inputs(key: &str) -> Bytes {
    let input = Input { key: Bytes::copy_from_slice(key.as_bytes()), ..Input::default() };
    InputRecord { schema: 1, writer: "contract".into(), inputs: vec![input] }.encode_to_vec().into()
}

fn commit(number: u64, writer: &str) -> Bytes {
    Commit { schema: 1, number, writer: writer.into(), ..Commit::default() }.encode_to_vec().into()
}

async fn take(stream: &mut RecordStream, count: usize) -> Vec<Record> {
    let mut records = Vec::with_capacity(count);
    while records.len() < count {
        records.push(stream.next().await.expect("the stream does not end").unwrap());
    }
    records
}

pub async fn sequences_grow_and_records_are_read_back(store: Arc<dyn LogStore>) {
    let log = store.create(&name("contract-append")).await.unwrap();
    let first = log.append(Door::Ingest, inputs("a")).await.unwrap();
    let second = log.append(Door::Gateway, inputs("b")).await.unwrap();
    let third = log.commit(commit(1, "r"), 0).await.unwrap();
    assert_eq!([first, second, third], [1, 2, 3]);
    assert_eq!(log.last_seq().await.unwrap(), 3);

    let records = take(&mut log.read(1).await.unwrap(), 3).await;
    let expected =
        [RecordKind::Input(Door::Ingest), RecordKind::Input(Door::Gateway), RecordKind::Commit].into_iter();
    assert!(records.iter().map(|record| record.kind).eq(expected));
    assert_eq!(
        records.iter().map(|r| r.payload.clone()).collect::<Vec<_>>(),
        [inputs("a"), inputs("b"), commit(1, "r")]
    );
    assert!(records.is_sorted_by_key(|record| record.at_ms));
    assert!(records[0].at_ms > 1_500_000_000_000, "a timestamp in ms since 1970: {}", records[0].at_ms);
    for record in records {
        assert_eq!(log.get(record.seq).await.unwrap(), Some(record));
    }
}

pub async fn the_fence_admits_only_the_successor_of_the_last_commit(store: Arc<dyn LogStore>) {
    let log = store.create(&name("contract-fence")).await.unwrap();
    log.append(Door::Router, inputs("tick")).await.unwrap();
    assert!(matches!(log.commit(commit(1, "r"), 1).await, Err(CommitError::Fenced { expected: 1, .. })));
    let first = log.commit(commit(1, "r"), 0).await.unwrap();
    assert!(matches!(log.commit(commit(1, "late"), 0).await, Err(CommitError::Fenced { expected: 0, .. })));
    log.append(Door::Router, inputs("tock")).await.unwrap();
    let second = log.commit(commit(2, "r"), first).await.unwrap();
    let refused = log.commit(commit(2, "late"), first).await;
    let Err(CommitError::Fenced { expected, last_seq }) = refused else { panic!("{refused:?}") };
    assert_eq!(expected, first);
    assert!(last_seq == second || last_seq == 0, "{last_seq}");
    assert_eq!(log.last_commit().await.unwrap().unwrap().payload, commit(2, "r"));
    assert_eq!(log.last_seq().await.unwrap(), 4);
}

pub async fn of_two_concurrent_committers_exactly_one_wins(store: Arc<dyn LogStore>) {
    let desk = name("contract-race");
    let one = store.create(&desk).await.unwrap();
    let other = store.open(&desk).await.unwrap();
    let mut previous = 0;
    for number in 1..=100 {
        let (a, b) = future::join(
            one.commit(commit(number, "one"), previous),
            other.commit(commit(number, "other"), previous),
        )
        .await;
        previous = match (a, b) {
            (Ok(seq), Err(CommitError::Fenced { .. })) | (Err(CommitError::Fenced { .. }), Ok(seq)) => seq,
            both => panic!("exactly one has to win: {both:?}"),
        };
    }
    assert_eq!(one.last_seq().await.unwrap(), 100);
}

pub async fn reading_begins_anywhere(store: Arc<dyn LogStore>) {
    let log = store.create(&name("contract-middle")).await.unwrap();
    for number in 1..=9 {
        log.append(Door::Deliver, inputs(&number.to_string())).await.unwrap();
    }
    let sequences = |records: Vec<Record>| records.iter().map(|r| r.seq).collect::<Vec<_>>();
    assert_eq!(sequences(take(&mut log.read(5).await.unwrap(), 5).await), [5, 6, 7, 8, 9]);
    assert_eq!(sequences(take(&mut log.read(0).await.unwrap(), 2).await), [1, 2]);
    let mut later = log.read(11).await.unwrap();
    log.append(Door::Deliver, inputs("10")).await.unwrap();
    log.append(Door::Deliver, inputs("11")).await.unwrap();
    assert_eq!(sequences(take(&mut later, 1).await), [11]);
}

pub async fn an_idle_reader_sees_later_records(store: Arc<dyn LogStore>) {
    let log = store.create(&name("contract-live")).await.unwrap();
    let mut reader = log.read(1).await.unwrap();
    let idle = tokio::time::timeout(Duration::from_millis(300), reader.next()).await;
    assert!(idle.is_err(), "nothing stands there yet: {idle:?}");
    for number in 1..=3 {
        let seq = log.append(Door::Ingest, inputs(&number.to_string())).await.unwrap();
        assert_eq!(take(&mut reader, 1).await[0].seq, seq);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn absent_things_are_absent(store: Arc<dyn LogStore>) {
    let log = store.create(&name("contract-empty")).await.unwrap();
    assert_eq!(log.last_seq().await.unwrap(), 0);
    assert_eq!(log.last_commit().await.unwrap(), None);
    assert_eq!(log.get(1).await.unwrap(), None);
    log.append(Door::Ingest, inputs("a")).await.unwrap();
    assert_eq!(log.last_commit().await.unwrap(), None);
    assert_eq!(log.get(2).await.unwrap(), None);
    assert_eq!(store.get_raw([7; 32]).await.unwrap(), None);
}

pub async fn an_unknown_desk_is_refused(store: Arc<dyn LogStore>) {
    let opened = store.open(&name("contract-nobody")).await;
    assert!(matches!(opened, Err(LogError::NoSuchDesk { .. })), "{opened:?}");
}

pub async fn creating_a_desk_twice_is_harmless(store: Arc<dyn LogStore>) {
    let (beta, alpha) = (name("contract-b"), name("contract-a"));
    store.create(&beta).await.unwrap().append(Door::Ingest, inputs("kept")).await.unwrap();
    store.create(&alpha).await.unwrap();
    let again = store.create(&beta).await.unwrap();
    assert_eq!(again.desk(), &beta);
    assert_eq!(again.last_seq().await.unwrap(), 1);
    assert_eq!(store.desks().await.unwrap(), [alpha, beta]);
}

pub async fn a_large_payload_comes_back_unchanged(store: Arc<dyn LogStore>) {
    let log = store.create(&name("contract-large")).await.unwrap();
    let payload: Bytes = (0..1024 * 1024_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let seq = log.append(Door::Gateway, payload.clone()).await.unwrap();
    assert_eq!(take(&mut log.read(seq).await.unwrap(), 1).await[0].payload, payload);
    assert_eq!(log.get(seq).await.unwrap().unwrap().payload, payload);
}

pub async fn thousands_of_records_come_in_order(store: Arc<dyn LogStore>) {
    const COUNT: usize = 6_000;
    let log: Arc<dyn DeskLog> = store.create(&name("contract-many")).await.unwrap();
    let writer = log.clone();
    let writing = tokio::spawn(async move {
        for number in 0..COUNT {
            writer.append(Door::Ingest, inputs(&number.to_string())).await.unwrap();
        }
    });
    let records = take(&mut log.read(1).await.unwrap(), COUNT).await;
    writing.await.unwrap();
    for (number, record) in records.iter().enumerate() {
        assert_eq!((record.seq, &record.payload), (number as u64 + 1, &inputs(&number.to_string())));
    }
    assert_eq!(take(&mut log.read(1).await.unwrap(), COUNT).await, records);
}

pub async fn raw_objects_are_kept_by_digest(store: Arc<dyn LogStore>) {
    for length in [0, 1, 3_000_000] {
        let bytes: Bytes = (0..length).map(|i: u32| (i % 251) as u8).collect();
        let key = digest(&bytes);
        store.put_raw(key, bytes.clone()).await.unwrap();
        store.put_raw(key, bytes.clone()).await.unwrap();
        assert_eq!(store.get_raw(key).await.unwrap(), Some(bytes));
        assert!(store.has_raw(key).await.unwrap());
        assert_eq!(store.get_delivery(key).await.unwrap(), None, "no channel delivered it");
    }
    let delivered = Bytes::from_static(b"delivered by a channel");
    let key = digest(&delivered);
    store.put_delivery(key, delivered.clone()).await.unwrap();
    store.put_raw(key, delivered.clone()).await.unwrap();
    assert_eq!(store.get_delivery(key).await.unwrap(), Some(delivered.clone()));
    assert_eq!(store.get_raw(key).await.unwrap(), Some(delivered));
    let wrong = store.put_raw([1; 32], Bytes::from_static(b"other")).await;
    assert!(wrong.is_err(), "bytes under a digest that is not theirs");
    assert_eq!(store.get_raw([1; 32]).await.unwrap(), None);
    assert!(!store.has_raw([1; 32]).await.unwrap());
}

pub async fn the_directory_is_a_log_of_its_own(store: Arc<dyn LogStore>) {
    assert_eq!(store.directory_last_seq().await.unwrap(), 0);
    let first = store.append_directory(Bytes::from_static(b"one")).await.unwrap();
    let mut reader = store.read_directory(1).await.unwrap();
    let second = store.append_directory(Bytes::from_static(b"two")).await.unwrap();
    assert_eq!([first, second], [1, 2]);
    let third = store.append_cursors(Bytes::from_static(b"three")).await.unwrap();
    assert_eq!(third, 3, "cursors stand in the same order");
    assert_eq!(store.directory_last_seq().await.unwrap(), 3);
    for (seq, payload) in [(1, "one"), (2, "two")] {
        let entry = reader.next().await.unwrap().unwrap();
        assert_eq!((entry.seq, &entry.payload[..]), (seq, payload.as_bytes()));
        assert!(entry.at_ms > 1_500_000_000_000 && !entry.is_cursor);
    }
    assert!(reader.next().await.unwrap().unwrap().is_cursor, "and tell that they are some");
    assert!(store.desks().await.unwrap().is_empty(), "the directory is no desk");
}

pub async fn a_trimmed_log_begins_later_and_goes_on(store: Arc<dyn LogStore>) {
    let log = store.create(&name("contract-trim")).await.unwrap();
    assert_eq!(log.first_seq().await.unwrap(), 1, "of nothing");
    log.append(Door::Ingest, inputs("a")).await.unwrap();
    let first = log.commit(commit(1, "r"), 0).await.unwrap();
    log.append(Door::Ingest, inputs("b")).await.unwrap();
    let second = log.commit(commit(2, "r"), first).await.unwrap();
    assert_eq!(log.first_seq().await.unwrap(), 1);
    log.trim(3).await.unwrap();
    log.trim(3).await.unwrap();
    log.trim(1).await.unwrap();

    assert_eq!((log.first_seq().await.unwrap(), log.last_seq().await.unwrap()), (3, 4));
    assert_eq!(log.get(2).await.unwrap(), None);
    assert_eq!(log.get(3).await.unwrap().unwrap().payload, inputs("b"));
    assert_eq!(log.last_commit().await.unwrap().unwrap().seq, second);
    let third = log.commit(commit(3, "r"), second).await.unwrap();
    let records = take(&mut log.read(3).await.unwrap(), 3).await;
    assert_eq!(records.iter().map(|record| record.seq).collect::<Vec<_>>(), [3, 4, third]);
    for wanted in [1, 2] {
        let early = log.read(wanted).await.unwrap().next().await.unwrap();
        let Err(LogError::Trimmed { first, wanted: asked, .. }) = early else { panic!("{early:?}") };
        assert_eq!((first, asked), (3, wanted));
    }
    let again = store.open(&name("contract-trim")).await.unwrap();
    assert_eq!(again.first_seq().await.unwrap(), 3);
}

pub async fn the_last_commit_is_never_trimmed(store: Arc<dyn LogStore>) {
    let log = store.create(&name("contract-keep")).await.unwrap();
    log.append(Door::Ingest, inputs("a")).await.unwrap();
    assert!(matches!(log.trim(2).await, Err(LogError::NotTrimmed { .. })), "there is no commit");
    let last = log.commit(commit(1, "r"), 0).await.unwrap();
    log.append(Door::Ingest, inputs("b")).await.unwrap();
    assert!(matches!(log.trim(last + 1).await, Err(LogError::NotTrimmed { .. })));
    assert_eq!(log.first_seq().await.unwrap(), 1);
    log.trim(last).await.unwrap();
    assert_eq!(log.commit(commit(2, "r"), last).await.unwrap(), 4, "the fence still stands");
}

pub async fn a_removed_raw_object_can_be_kept_again(store: Arc<dyn LogStore>) {
    let bytes: Bytes = vec![7; 1_300_000].into();
    let other = Bytes::from_static(b"stays");
    store.put_raw(digest(&other), other.clone()).await.unwrap();
    for _ in 0..2 {
        store.put_delivery(digest(&bytes), bytes.clone()).await.unwrap();
        assert_eq!(store.get_delivery(digest(&bytes)).await.unwrap(), Some(bytes.clone()));
        store.remove_raw(digest(&bytes)).await.unwrap();
        assert_eq!(store.get_raw(digest(&bytes)).await.unwrap(), None);
        assert!(!store.has_raw(digest(&bytes)).await.unwrap());
        assert_eq!(store.list_raw().await.unwrap(), [digest(&other)]);
    }
    store.remove_raw(digest(&bytes)).await.unwrap();
    assert_eq!(store.get_raw(digest(&other)).await.unwrap(), Some(other));
}
