//! Group append: order, sizes, outcomes.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, future};
use prost::Message;
use simpang_log::{
    AppendError, Appender, BoxFuture, CommitError, DeskLog, DeskName, Door, Limits, LogError, MemoryDesk,
    MemoryStore, Place, Record, RecordStream,
};
use simpang_proto::log::v1::{Input, InputRecord};
use tokio::sync::Semaphore;

/// A log in memory that appends only as often as it is let.
#[derive(Debug)]
struct Gated {
    log: Arc<MemoryDesk>,
    gate: Semaphore,
}

impl Gated {
    fn new() -> Arc<Self> {
        let log = MemoryStore::new().desk(&DeskName::new("desk").unwrap());
        Arc::new(Self { log, gate: Semaphore::new(0) })
    }

    fn open() -> Arc<Self> {
        let log = Self::new();
        log.gate.add_permits(Semaphore::MAX_PERMITS);
        log
    }

    fn appender(self: &Arc<Self>, limits: Limits) -> Appender {
        Appender::new(self.clone(), Door::Ingest, "test@here/1", limits)
    }

    fn records(&self) -> Vec<Vec<Bytes>> {
        let decode = |record: Record| {
            let record = InputRecord::decode(record.payload).unwrap();
            assert_eq!((record.schema, record.writer.as_str()), (1, "test@here/1"));
            record.inputs.into_iter().map(|input| input.key).collect()
        };
        self.log.records().into_iter().map(decode).collect()
    }
}

impl DeskLog for Gated {
    fn desk(&self) -> &DeskName {
        self.log.desk()
    }

    fn append(&self, door: Door, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        async move {
            self.gate.acquire().await.unwrap().forget();
            self.log.append(door, payload).await
        }
        .boxed()
    }

    fn commit(&self, payload: Bytes, previous_seq: u64) -> BoxFuture<'_, Result<u64, CommitError>> {
        self.log.commit(payload, previous_seq)
    }

    fn last_commit(&self) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.log.last_commit()
    }

    fn get(&self, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.log.get(seq)
    }

    fn first_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.log.first_seq()
    }

    fn last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.log.last_seq()
    }

    fn trim(&self, first: u64) -> BoxFuture<'_, Result<(), LogError>> {
        self.log.trim(first)
    }

    fn losses(&self) -> u64 {
        0
    }

    fn read(&self, from: u64) -> BoxFuture<'_, Result<RecordStream, LogError>> {
        self.log.read(from)
    }
}

fn input(key: impl Into<Bytes>) -> Input {
    Input { key: key.into(), ..Input::default() }
}

#[tokio::test]
async fn one_input_alone_goes_at_once() {
    let log = Gated::open();
    let appender = log.appender(Limits::default());
    for seq in 1..=3 {
        assert_eq!(appender.append(input("a")).await.unwrap(), Place { seq, index: 0 });
    }
}

#[tokio::test]
async fn what_arrives_while_a_record_is_in_flight_shares_the_next() {
    let log = Gated::new();
    let appender = log.appender(Limits::default());
    let mut tickets = vec![appender.submit(&input("0")).await.unwrap()];
    tokio::task::yield_now().await;
    for number in 1..=5 {
        tickets.push(appender.submit(&input(number.to_string())).await.unwrap());
    }
    log.gate.add_permits(2);
    let places = future::try_join_all(tickets.into_iter().map(simpang_log::Ticket::place)).await.unwrap();
    let later = (0..5).map(|index| Place { seq: 2, index });
    assert_eq!(places, [Place { seq: 1, index: 0 }].into_iter().chain(later).collect::<Vec<_>>());
    assert_eq!(log.records(), [vec!["0"], vec!["1", "2", "3", "4", "5"]]);
}

#[tokio::test]
async fn a_record_has_at_most_so_many_inputs_and_bytes() {
    let limits = Limits { inputs_max: 10, bytes_max: 100, ..Limits::default() };
    for (size, expected) in [(1, 10), (30, 2), (300, 1)] {
        let log = Gated::new();
        let appender = log.appender(limits);
        let mut tickets = Vec::new();
        for _ in 0..25 {
            tickets.push(appender.submit(&input(vec![b'x'; size])).await.unwrap());
        }
        log.gate.add_permits(100);
        future::try_join_all(tickets.into_iter().map(simpang_log::Ticket::place)).await.unwrap();
        let sizes: Vec<usize> = log.records().iter().map(Vec::len).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 25);
        assert_eq!(sizes.iter().max(), Some(&expected), "inputs of {size} bytes: {sizes:?}");
    }
}

#[tokio::test]
async fn inputs_given_together_stay_together_when_they_fit() {
    let log = Gated::new();
    let appender = log.appender(Limits { inputs_max: 4, ..Limits::default() });
    let _first = appender.submit(&input("alone")).await.unwrap();
    tokio::task::yield_now().await;
    let _second = appender.submit(&input("before")).await.unwrap();
    log.gate.add_permits(100);
    let four = (0..4).map(|number: u8| input(vec![b'0' + number])).collect::<Vec<_>>();
    let places = appender.append_all(four.clone()).await.unwrap();
    assert_eq!(places, (0..4).map(|index| Place { seq: 3, index }).collect::<Vec<_>>());

    let six = [four, vec![input("4"), input("5")]].concat();
    let places = appender.append_all(six).await.unwrap();
    assert_eq!(
        places.iter().map(|place| (place.seq, place.index)).collect::<Vec<_>>(),
        [(4, 0), (4, 1), (4, 2), (4, 3), (5, 0), (5, 1)]
    );
    assert_eq!(log.records()[3..], [vec!["0", "1", "2", "3"], vec!["4", "5"]]);
    assert_eq!(appender.append_all(Vec::new()).await.unwrap(), []);
}

#[tokio::test]
async fn who_shares_a_record_with_inputs_given_together_is_told_their_own_place() {
    let log = Gated::new();
    let appender = log.appender(Limits::default());
    let first = appender.submit(&input("alone")).await.unwrap();
    tokio::task::yield_now().await;
    let together = appender.append_all(vec![input("0"), input("1"), input("2")]);
    let later = async {
        tokio::task::yield_now().await;
        let ticket = appender.submit(&input("later")).await.unwrap();
        log.gate.add_permits(2);
        ticket.place().await.unwrap()
    };
    let (together, later) = future::join(together, later).await;
    assert_eq!(first.place().await.unwrap(), Place { seq: 1, index: 0 });
    assert_eq!(together.unwrap(), (0..3).map(|index| Place { seq: 2, index }).collect::<Vec<_>>());
    assert_eq!(later, Place { seq: 2, index: 3 });
    assert_eq!(log.records(), [vec!["alone"], vec!["0", "1", "2", "later"]]);
}

#[tokio::test]
async fn an_unknown_outcome_is_told_to_everybody_in_the_record() {
    let log = Gated::new();
    let appender = log.appender(Limits::default());
    let first = appender.submit(&input("first")).await.unwrap();
    tokio::task::yield_now().await;
    let mut tickets = Vec::new();
    for number in 0..3 {
        tickets.push(appender.submit(&input(number.to_string())).await.unwrap());
    }
    log.gate.add_permits(1);
    first.place().await.unwrap();
    log.log.lose_next_ack();
    log.gate.add_permits(1);
    for ticket in tickets {
        assert!(matches!(ticket.place().await, Err(AppendError::Unknown(_))));
    }
    log.gate.add_permits(1);
    assert_eq!(appender.append(input("next")).await.unwrap(), Place { seq: 3, index: 0 }, "and it goes on");
}

#[tokio::test]
async fn an_input_that_fits_no_record_is_refused_before_anything_is_written() {
    let log = Gated::open();
    let appender = log.appender(Limits { input_bytes_max: 100, ..Limits::default() });
    let large = input(vec![0; 200]);
    let refused = appender.append_all(vec![input("fits"), large]).await;
    let Err(AppendError::TooLarge(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("at most 100"), "{reason}");
    assert!(log.records().is_empty());
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait() {
    let log = Gated::new();
    let appender = log.appender(Limits { queue_bytes_max: 100, ..Limits::default() });
    let mut tickets = Vec::new();
    let small = input(vec![b'x'; 20]);
    while let Ok(ticket) = tokio::time::timeout(Duration::from_millis(200), appender.submit(&small)).await {
        tickets.push(ticket.unwrap());
        assert!(tickets.len() < 100, "nothing ever waits");
    }
    assert_eq!(tickets.len(), 4, "each takes 24 bytes of 100");
    log.gate.add_permits(100);
    appender.append(input("room again")).await.unwrap();
}

#[tokio::test]
async fn what_is_queued_is_written_after_the_last_clone_is_dropped() {
    let log = Gated::new();
    let appender = log.appender(Limits::default());
    let ticket = appender.submit(&input("last words")).await.unwrap();
    drop(appender);
    log.gate.add_permits(1);
    assert_eq!(ticket.place().await.unwrap(), Place { seq: 1, index: 0 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_each_keep_their_order_and_lose_nothing() {
    const CALLERS: u8 = 50;
    const EACH: u32 = 200;
    let log = Gated::open();
    let appender = log.appender(Limits { inputs_max: 37, queue_bytes_max: 2_000, ..Limits::default() });
    let callers = (0..CALLERS).map(|caller| {
        let appender = appender.clone();
        tokio::spawn(async move {
            let mut places = Vec::new();
            for number in 0..EACH {
                let key = [&[caller][..], &number.to_be_bytes()].concat();
                places.push((appender.append(input(key.clone())).await.unwrap(), Bytes::from(key)));
            }
            places
        })
    });
    let told: BTreeMap<Place, Bytes> =
        future::try_join_all(callers).await.unwrap().into_iter().flatten().collect();

    let stands = log.records();
    assert!(stands.iter().all(|record| record.len() <= 37));
    let stands: BTreeMap<Place, Bytes> = (1..)
        .zip(stands)
        .flat_map(|(seq, keys)| (0..).zip(keys).map(move |(index, key)| (Place { seq, index }, key)))
        .collect();
    assert_eq!(told, stands, "everything stands where its caller was told, and nothing else");
    for caller in 0..CALLERS {
        let of_caller = stands.values().filter(|key| key[0] == caller);
        assert!(of_caller.is_sorted(), "caller {caller} kept its order");
    }
}

#[tokio::test]
async fn nothing_is_written_any_more_once_the_log_gives_out_a_place_that_it_gave_before() {
    let log = Gated::open();
    let appender = log.appender(Limits::default());
    let input = |key: &'static [u8]| Input { key: Bytes::from_static(key), ..Input::default() };
    for key in [b"a", b"b", b"c"] {
        appender.append(input(key)).await.unwrap();
    }
    log.log.lose_tail(2);
    log.log.set_reachable(true);
    let lost = appender.append(input(b"d")).await;
    assert!(
        matches!(&lost, Err(AppendError::Unknown(reason)) if reason.contains("lost its tail")),
        "{lost:?}"
    );
    let stood = log.records().len();
    let refused = appender.append(input(b"e")).await;
    assert!(
        matches!(&refused, Err(AppendError::Refused(reason)) if reason.contains("restore")),
        "{refused:?}"
    );
    assert_eq!(log.records().len(), stood, "and it was not written");
}
