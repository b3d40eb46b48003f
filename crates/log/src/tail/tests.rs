//! A chain is written as a router would, then something is broken, and the reader has to notice.

use std::time::Duration;

use futures_util::{FutureExt, stream};
use simpang_proto::log::v1::{Input, Position};

use super::*;
use crate::chain::ChainWriter;
use crate::memory::{MemoryDesk, MemoryStore};
use crate::port::{AppendError, BoxFuture, CommitError, DeskName};

mod ahead;

/// A desk in memory with a router that judges whatever is appended.
struct Desk {
    log: Arc<MemoryDesk>,
    chain: ChainWriter,
    decided: Position,
}

impl Desk {
    fn new() -> Self {
        let name = DeskName::new("desk").unwrap();
        let chain = ChainWriter::new(&name, Anchor::Start);
        Self { log: MemoryStore::new().desk(&name), chain, decided: Position::default() }
    }

    /// A desk with inputs at 1, 2, 4, a commit at 3 over both first ones and one at 5 over the last.
    fn with_two_commits() -> Self {
        let mut desk = Self::new();
        desk.input("a");
        desk.input("b");
        desk.commit();
        desk.input("c");
        desk.commit();
        desk
    }

    fn input(&mut self, key: &str) -> u64 {
        let seq = self.log.push(RecordKind::Input(Door::Ingest), inputs(key));
        self.chain.absorb(seq, Door::Ingest, &inputs(key));
        self.decided = Position { seq, index: 0, step: 0 };
        seq
    }

    fn commit(&mut self) -> CommitRef {
        self.forge(|_| {})
    }

    /// Writes the next commit after `change`.
    fn forge(&mut self, change: impl FnOnce(&mut Commit)) -> CommitRef {
        let commit = Commit { decided_through: Some(self.decided), ..Commit::default() };
        let mut sealed = self.chain.seal(commit).unwrap();
        let mut commit = Commit::decode(sealed.payload.clone()).unwrap();
        change(&mut commit);
        sealed.payload = commit.encode_to_vec().into();
        sealed.digest = chain::digest(&sealed.payload);
        let seq = self.log.push(RecordKind::Commit, sealed.payload.clone());
        self.chain.written(&sealed, seq);
        sealed.at(seq)
    }

    fn tail(&self, anchor: Anchor) -> Tail {
        Tail::start(self.log.clone(), anchor)
    }
}

fn inputs(key: &str) -> Bytes {
    let input = Input { key: Bytes::copy_from_slice(key.as_bytes()), ..Input::default() };
    InputRecord { schema: 1, writer: "test".into(), inputs: vec![input] }.encode_to_vec().into()
}

/// What comes, or fails the test after a while.
async fn next(tail: &mut Tail) -> Result<Entry, LogError> {
    tokio::time::timeout(Duration::from_secs(10), tail.next()).await.expect("a record or an error comes")
}

/// Sequences of the records that come until `last`.
async fn sequences(tail: &mut Tail, last: u64) -> Vec<u64> {
    let mut sequences = Vec::new();
    while let Some(entry) = tail.read_until(last).await.unwrap() {
        sequences.push(entry.seq);
    }
    sequences
}

/// Reads until it stops; where, and why.
async fn stops(tail: &mut Tail) -> (u64, String) {
    loop {
        match next(tail).await {
            Ok(_) => {}
            Err(LogError::Broken { desk, seq, reason }) => {
                assert_eq!(desk, "desk");
                assert!(matches!(next(tail).await, Err(LogError::Broken { .. })), "it stays broken");
                return (seq, reason);
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn records_come_in_order_and_decoded() {
    let desk = Desk::with_two_commits();
    let mut tail = desk.tail(Anchor::Start);
    let mut kinds = Vec::new();
    while let Some(entry) = tail.read_until(5).await.unwrap() {
        kinds.push(match entry.body {
            Body::Inputs { door: Door::Ingest, record } => format!("{:?}", record.inputs[0].key),
            Body::Commit { commit, digest } => {
                assert_eq!(digest, chain::digest(&entry.payload));
                format!("commit {}", commit.number)
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(kinds, ["b\"a\"", "b\"b\"", "commit 1", "b\"c\"", "commit 2"]);
    assert_eq!((tail.position(), tail.is_caught_up()), (5, true));
    assert_eq!(tail.anchor(), Anchor::Commit(*desk.chain.head().unwrap()));
}

type Forgery = (&'static str, fn(&mut Commit));

#[tokio::test]
async fn a_commit_that_does_not_follow_stops_the_reader() {
    let forgeries: [Forgery; 12] = [
        ("commit number 4 where 3 has to follow", |c| c.number = 4),
        ("commit number 2 where 3 has to follow", |c| c.number = 2),
        ("previous_seq 4, but the commit before stands at 5", |c| c.previous_seq = 4),
        ("previous_digest 00", |c| c.previous_digest = vec![0; 32].into()),
        ("previous_digest , but", |c| c.previous_digest = Bytes::new()),
        ("inputs_digest 00", |c| c.inputs_digest = vec![0; 32].into()),
        ("goes back", |c| c.decided_through = Some(Position { seq: 2, index: 0, step: 0 })),
        ("goes back", |c| c.decided_through = None),
        ("where no input record stands", |c| {
            c.decided_through = Some(Position { seq: 5, index: 0, step: 0 })
        }),
        ("where no input record stands", |c| {
            c.decided_through = Some(Position { seq: 900, index: 0, step: 0 })
        }),
        ("schema 2, this program knows 1: start a newer program", |c| c.schema = 2),
        ("states no schema", |c| c.schema = 0),
    ];
    for (expected, change) in forgeries {
        let mut desk = Desk::with_two_commits();
        desk.input("d");
        desk.forge(change);
        let (seq, reason) = stops(&mut desk.tail(Anchor::Start)).await;
        assert_eq!(seq, 7, "{reason}");
        assert!(reason.contains(expected), "{reason:?} does not say {expected:?}");
    }
}

#[tokio::test]
async fn a_commit_that_does_not_decode_stops_the_reader() {
    let desk = Desk::with_two_commits();
    desk.log.push(RecordKind::Commit, Bytes::from_static(b"\x08\x01\x12"));
    let (seq, reason) = stops(&mut desk.tail(Anchor::Start)).await;
    assert_eq!(seq, 6);
    assert!(reason.contains("no Commit"), "{reason}");
}

#[tokio::test]
async fn an_edit_anywhere_stops_the_reader() {
    // Where the byte is, and at which commit the edit shows: its own, or the next for a commit's own bytes.
    let desk = Desk::with_two_commits();
    for record in desk.log.records() {
        let shows_at = if record.seq < 3 { 3 } else { 5 };
        for offset in 0..record.payload.len() {
            let desk = Desk::with_two_commits();
            desk.log.flip_byte(record.seq, offset);
            let mut tail = desk.tail(Anchor::Start);
            if record.seq == 5 {
                // Nothing stands behind the last commit that could tell, except an anchor.
                tail = desk.tail(Anchor::Commit(*desk.chain.head().unwrap()));
                desk.log.push(RecordKind::Commit, Bytes::new());
            }
            let (seq, reason) = stops(&mut tail).await;
            assert!(seq <= shows_at, "byte {offset} of {}: {seq} {reason}", record.seq);
        }
    }
}

#[tokio::test]
async fn a_gap_stops_the_reader() {
    let desk = Desk::with_two_commits();
    desk.log.edit(4, |record| record.seq = 5);
    let (seq, reason) = stops(&mut desk.tail(Anchor::Start)).await;
    assert!(seq == 5 && reason.contains("sequence 4 has to come here"), "{reason}");
}

#[tokio::test]
async fn an_input_of_a_newer_schema_stops_the_reader() {
    for newer in [
        Bytes::from(InputRecord { schema: 2, ..InputRecord::default() }.encode_to_vec()),
        Bytes::from_static(b"\x08\x07 whatever a newer program may write"),
    ] {
        let desk = Desk::with_two_commits();
        desk.log.push(RecordKind::Input(Door::Gateway), newer);
        let (seq, reason) = stops(&mut desk.tail(Anchor::Start)).await;
        assert!(seq == 6 && reason.contains("start a newer program"), "{reason}");
    }
}

#[tokio::test]
async fn an_input_that_can_not_be_read_is_handed_on() {
    let cases = [
        (Bytes::from_static(b"\x08\x01\x1a\xff"), "no InputRecord"),
        (Bytes::from_static(b"GET / HTTP/1.1"), "no InputRecord"),
        (Bytes::new(), "states no schema"),
        (Bytes::from_static(b"\x08\x01"), "holds no input"),
    ];
    for (payload, expected) in cases {
        let mut desk = Desk::with_two_commits();
        let seq = desk.log.push(RecordKind::Input(Door::Gateway), payload.clone());
        desk.chain.absorb(seq, Door::Gateway, &payload);
        desk.decided.seq = seq;
        desk.commit();
        let mut tail = desk.tail(Anchor::Commit(CommitRef { number: 2, ..head_of(&desk, 5) }));
        let entry = next(&mut tail).await.unwrap();
        let Body::Unreadable { door: Door::Gateway, reason } = entry.body else { panic!("{entry:?}") };
        assert!(reason.contains(expected), "{reason}");
        assert!(matches!(next(&mut tail).await.unwrap().body, Body::Commit { .. }), "and the chain goes on");
    }
}

/// The commit that stands at a sequence.
fn head_of(desk: &Desk, seq: u64) -> CommitRef {
    let record = desk.log.records()[seq as usize - 1].clone();
    CommitRef::of(seq, &record.payload, &Commit::decode(record.payload.clone()).unwrap())
}

#[tokio::test]
async fn a_lost_tail_stops_a_reader_that_was_beyond_it() {
    let mut desk = Desk::with_two_commits();
    let mut tail = desk.tail(Anchor::Start);
    assert_eq!(sequences(&mut tail, 5).await, [1, 2, 3, 4, 5]);
    desk.log.lose_tail(3);
    let (seq, reason) = stops(&mut tail).await;
    assert!(seq == 3 && reason.contains("its tail is lost"), "{reason}");

    // The same sequences are given out again before anybody looks.
    desk = Desk::with_two_commits();
    let mut tail = desk.tail(Anchor::Start);
    sequences(&mut tail, 5).await;
    desk.log.lose_tail(4);
    for _ in 0..3 {
        desk.log.push(RecordKind::Input(Door::Ingest), inputs("other"));
    }
    let (seq, reason) = stops(&mut tail).await;
    assert!(seq == 5 && reason.contains("another record stands here"), "{reason}");

    // The record that stands there now is of the same kind.
    desk = Desk::with_two_commits();
    desk.input("d");
    let mut tail = desk.tail(Anchor::Start);
    sequences(&mut tail, 6).await;
    desk.log.lose_tail(5);
    desk.log.push(RecordKind::Input(Door::Ingest), inputs("other"));
    let (seq, reason) = stops(&mut tail).await;
    assert!(seq == 6 && reason.contains("another record stands here"), "{reason}");
}

#[tokio::test]
async fn an_anchor_that_is_gone_or_another_stops_the_reader() {
    let mut desk = Desk::with_two_commits();
    let anchor = Anchor::Commit(*desk.chain.head().unwrap());
    desk.log.lose_tail(4);
    let (seq, reason) = stops(&mut desk.tail(anchor)).await;
    assert!(seq == 4 && reason.contains("its tail is lost"), "{reason}");

    desk.log.push(RecordKind::Input(Door::Ingest), inputs("other"));
    desk.log.push(RecordKind::Input(Door::Ingest), inputs("other"));
    let (seq, reason) = stops(&mut desk.tail(anchor)).await;
    assert!(seq == 5 && reason.contains("an input stands where a commit was read"), "{reason}");

    desk = Desk::with_two_commits();
    desk.log.lose_tail(4);
    desk.forge(|commit| commit.writer = "somebody else".into());
    let (seq, reason) = stops(&mut desk.tail(anchor)).await;
    assert!(seq == 5 && reason.contains("another commit stands here"), "{reason}");
}

#[tokio::test]
async fn reading_goes_on_after_an_anchor_with_the_inputs_it_had_not_judged() {
    let mut desk = Desk::new();
    desk.input("judged");
    let judged = (desk.chain.clone(), desk.decided);
    desk.input("waits");
    let waits = desk.decided;
    // The commit at 3 judges only the first of the two inputs before it.
    (desk.chain, desk.decided) = judged;
    let anchor = Anchor::Commit(desk.commit());
    desk.chain.absorb(2, Door::Ingest, &inputs("waits"));
    desk.decided = waits;
    desk.input("later");
    desk.commit();
    assert_eq!(sequences(&mut desk.tail(anchor), 5).await, [2, 4, 5]);
    assert_eq!(sequences(&mut desk.tail(anchor).with_decided_record(), 5).await, [1, 2, 4, 5]);
    assert_eq!(sequences(&mut desk.tail(Anchor::Start), 5).await, [1, 2, 3, 4, 5]);
    assert_eq!(sequences(&mut desk.tail(anchor), 3).await, [2], "nothing new up to the anchor but the input");
}

#[tokio::test]
async fn a_record_may_be_judged_in_several_commits() {
    let mut desk = Desk::new();
    desk.input("large");
    for step in [1, 2, 0] {
        desk.decided = Position { seq: 1, index: 0, step };
        desk.commit();
    }
    assert_eq!(sequences(&mut desk.tail(Anchor::Start), 4).await, [1, 2, 3, 4]);
    desk.decided = Position { seq: 1, index: 0, step: 2 };
    desk.forge(|_| {});
    let (seq, reason) = stops(&mut desk.tail(Anchor::Start)).await;
    assert!(seq == 5 && reason.contains("goes back"), "{reason}");
}

#[tokio::test]
async fn a_lost_connection_loses_and_doubles_nothing() {
    let mut desk = Desk::with_two_commits();
    let mut tail = desk.tail(Anchor::Start);
    assert_eq!(sequences(&mut tail, 4).await, [1, 2, 3, 4]);
    desk.log.set_reachable(false);
    desk.input("d");
    assert!(tokio::time::timeout(Duration::from_millis(200), tail.next()).await.is_err(), "it waits");
    assert!(!tail.is_connected());
    desk.log.set_reachable(true);
    desk.commit();
    assert_eq!(sequences(&mut tail, 7).await, [5, 6, 7]);
    for _ in 0..5 {
        desk.log.cut_connections();
        let seq = desk.input("more");
        assert_eq!(next(&mut tail).await.unwrap().seq, seq);
    }
}

#[tokio::test]
async fn dropping_the_future_loses_nothing() {
    let mut desk = Desk::new();
    let mut tail = desk.tail(Anchor::Start);
    tail.held.set_bytes_max(0);
    let mut seen = Vec::new();
    for _ in 0..50 {
        desk.input("a");
        desk.input("b");
        desk.commit();
        // Polled once and dropped, again and again.
        seen.extend(tail.next().now_or_never().map(|entry| entry.unwrap().seq));
    }
    while seen.len() < 150 {
        seen.extend(tail.next().now_or_never().map(|entry| entry.unwrap().seq));
        tokio::task::yield_now().await;
    }
    assert_eq!(seen, (1..=150).collect::<Vec<_>>());
}

#[tokio::test]
async fn inputs_beyond_what_is_held_are_read_again() {
    for bytes_max in [0, 1, 60, 200, usize::MAX] {
        let mut desk = Desk::new();
        let mut behind = desk.chain.clone();
        for key in 0..40 {
            desk.input(&key.to_string());
        }
        // A router that is behind: commits over 7 inputs each, while all of them stand there already.
        let records = desk.log.records();
        for judged in records.chunks(7) {
            for record in judged {
                behind.absorb(record.seq, Door::Ingest, &record.payload);
            }
            let decided_through = Some(Position { seq: judged.last().unwrap().seq, index: 0, step: 0 });
            let sealed = behind.seal(Commit { decided_through, ..Commit::default() }).unwrap();
            let seq = desk.log.push(RecordKind::Commit, sealed.payload.clone());
            behind.written(&sealed, seq);
        }
        let mut tail = desk.tail(Anchor::Start);
        tail.held.set_bytes_max(bytes_max);
        assert_eq!(sequences(&mut tail, 46).await, (1..=46).collect::<Vec<_>>());
        assert_eq!(tail.anchor(), Anchor::Commit(*behind.head().unwrap()));
    }
}

#[tokio::test]
async fn inputs_that_are_read_again_may_be_away_for_a_while() {
    let mut desk = Desk::new();
    desk.input("a");
    let mut tail = desk.tail(Anchor::Start);
    tail.held.set_bytes_max(0);
    assert_eq!(sequences(&mut tail, 1).await, [1]);
    desk.log.set_reachable(false);
    let log = desk.log.clone();
    let back = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        log.set_reachable(true);
    };
    let (absorbed, ()) = tokio::join!(tail.held.absorb_through(1, 1, desk.log.as_ref()), back);
    absorbed.unwrap();
    assert_eq!(tail.held.finish().0, 1);
}

#[tokio::test]
async fn a_writer_may_leave_out_the_events_of_its_own_epoch_and_no_others() {
    let mut desk = Desk::new();
    for (writer, epoch) in [("one", 1), ("one", 2), ("two", 2)] {
        desk.input(writer);
        desk.forge(|commit| {
            commit.writer = writer.into();
            commit.epoch = epoch;
            commit.events = vec![simpang_proto::log::v1::Event { at_ms: 7, ..Default::default() }];
        });
    }
    let (mut whole, mut tail) = (desk.tail(Anchor::Start), desk.tail(Anchor::Start));
    tail.leave_out_events_of("one", 2);
    let mut events = Vec::new();
    for _ in 0..6 {
        let (all, own) = (next(&mut whole).await.unwrap(), next(&mut tail).await.unwrap());
        if let (Body::Commit { commit: all, digest }, Body::Commit { commit: own, digest: same }) =
            (all.body, own.body)
        {
            assert_eq!(digest, same);
            events.push(own.events.len());
            let without = |commit: &Commit| Commit { events: Vec::new(), ..commit.clone() };
            assert_eq!(without(&own), without(&all));
        }
    }
    assert_eq!(events, [1, 0, 1]);
}

#[tokio::test]
async fn a_broken_chain_stops_a_reader_that_leaves_events_out() {
    let mut desk = Desk::new();
    desk.input("a");
    desk.forge(|commit| {
        commit.writer = "one".into();
        commit.inputs_digest = Bytes::from_static(&[9; 32]);
    });
    let mut tail = desk.tail(Anchor::Start);
    tail.leave_out_events_of("one", 0);
    assert_eq!(stops(&mut tail).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_desk_that_is_not_there_for_a_moment_is_read_on_and_one_that_stays_away_stops_its_readers() {
    let desk = Desk::with_two_commits();
    let mut tail = desk.tail(Anchor::Start);
    sequences(&mut tail, 3).await;
    desk.log.set_known(false);
    assert!(tokio::time::timeout(Duration::from_secs(5), tail.next()).await.is_err(), "it is looked for");
    desk.log.set_known(true);
    sequences(&mut tail, 5).await;
    desk.log.set_known(false);
    let stopped = tokio::time::timeout(Duration::from_secs(20), tail.next()).await.unwrap();
    assert!(matches!(stopped, Err(LogError::NoSuchDesk { .. })), "{stopped:?}");
}

/// A log whose readers get nothing for a while, although they are connected.
#[derive(Debug)]
struct Slow {
    log: Arc<MemoryDesk>,
    passes: tokio::sync::watch::Sender<bool>,
}

impl DeskLog for Slow {
    fn desk(&self) -> &DeskName {
        self.log.desk()
    }

    fn append(&self, door: Door, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.log.append(door, payload)
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
        self.log.losses()
    }

    fn read(&self, from: u64) -> BoxFuture<'_, Result<RecordStream, LogError>> {
        async move {
            let (records, mut passes) = (self.log.read(from).await?, self.passes.subscribe());
            let later = async move {
                let _ = passes.wait_for(|passes| *passes).await;
                records
            };
            Ok(stream::once(later).flatten().boxed())
        }
        .boxed()
    }
}

/// Reads for a short while, until it is so; nothing comes.
async fn until(tail: &mut Tail, is_so: impl Fn(&Tail) -> bool) {
    let begun = std::time::Instant::now();
    while !is_so(tail) {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is never so");
        assert!(tokio::time::timeout(Duration::from_millis(10), tail.next()).await.is_err(), "nothing comes");
    }
}

#[tokio::test]
async fn after_a_lost_connection_what_was_read_counts_again_only_once_its_end_was_seen_again() {
    let desk = Desk::with_two_commits();
    let log = Arc::new(Slow { log: desk.log.clone(), passes: tokio::sync::watch::Sender::new(true) });
    let mut tail = Tail::start(log.clone(), Anchor::Start);
    sequences(&mut tail, 5).await;
    assert_eq!(tail.losses(), log.losses());

    log.passes.send_replace(false);
    desk.log.cut_connections();
    until(&mut tail, |tail| !tail.is_connected()).await;
    until(&mut tail, Tail::is_connected).await;
    assert_ne!(tail.losses(), log.losses(), "the log is open, and may be another one");
    log.passes.send_replace(true);
    until(&mut tail, |tail| tail.losses() == log.losses()).await;
}
