use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use prost::Message as _;
use simpang_proto::log::v1::{Commit, Event, Input, InputRecord, Position, SnapshotHead, Tick, input};
use tokio_util::sync::CancellationToken;

use super::{
    Folder, Kept, Memory, Metrics, Refusal, Scribe, Snapshots, Unfit, belongs, describe, file, proof, resume,
    usable,
};
use crate::chain::{self, Anchor, ChainWriter, CommitRef};
use crate::memory::MemoryStore;
use crate::port::{DeskLog, DeskName, Door, LogError, LogStore, Record, RecordKind};
use crate::tail::{Body, Entry};

/// Remembers the sequence of every commit it was given, and how often it was given a record.
#[derive(Debug, Default, PartialEq, Eq)]
struct Commits {
    stood: Vec<u8>,
}

impl Kept for Commits {
    type Setting = u64;
    const METRICS: Metrics = Metrics { written: "w", failed: "f", refused: "r", seconds: "s", bytes: "b" };

    fn begin(_: &u64, _: &DeskName) -> Self {
        Self::default()
    }

    fn follow(&mut self, entry: &Entry) -> Result<(), LogError> {
        if let Body::Commit { .. } = entry.body {
            self.stood.push(u8::try_from(entry.seq).unwrap());
        }
        Ok(())
    }

    fn describe(&self, desk: &DeskName, at: &CommitRef) -> SnapshotHead {
        describe(desk, at, "test", 1)
    }

    fn usable(layout: &u64, head: &SnapshotHead, desk: &DeskName) -> Result<CommitRef, Unfit> {
        usable(head, desk, "test", *layout)
    }

    fn store(&self, give: &mut dyn FnMut(Vec<u8>)) {
        self.stood.chunks(2).for_each(|part| give(part.to_vec()));
    }

    fn load(
        _: &u64,
        _: &SnapshotHead,
        _: &DeskName,
        next: &mut dyn FnMut() -> Option<Vec<u8>>,
    ) -> Result<Self, Refusal> {
        Ok(Self { stood: std::iter::from_fn(next).flatten().collect() })
    }
}

struct Desk {
    log: Arc<dyn DeskLog>,
    chain: ChainWriter,
}

impl Desk {
    async fn new() -> Self {
        let desk = DeskName::new("tenesa").unwrap();
        let log = MemoryStore::new().create(&desk).await.unwrap();
        Self { log, chain: ChainWriter::new(&desk, Anchor::Start) }
    }

    /// An input and the commit that judges it, so many times.
    async fn goes_on(&mut self, times: usize, writer: &str) {
        for _ in 0..times {
            let tick = Input { body: Some(input::Body::Tick(Tick {})), ..Input::default() };
            let record = InputRecord { schema: 1, writer: writer.into(), inputs: vec![tick] };
            let payload = Bytes::from(record.encode_to_vec());
            let seq = self.log.append(Door::Router, payload.clone()).await.unwrap();
            self.chain.absorb(seq, Door::Router, &payload);
            let decided_through = Some(Position { seq, index: 0, step: 0 });
            let events = vec![Event::default(); 3];
            let commit = Commit { decided_through, events, ..Commit::default() };
            let sealed = self.chain.seal(commit).unwrap();
            let seq = self.log.commit(sealed.payload.clone(), sealed.previous_seq).await.unwrap();
            self.chain.written(&sealed, seq);
        }
    }

    /// Has a snapshot made of all that stands.
    async fn keep(&self, folder: &Folder) {
        let mut scribe = Scribe::<Commits>::new(&Snapshots { folder: folder.clone(), every_events: 1 }, 1);
        scribe.note(1);
        scribe.look(&self.log, &CancellationToken::new()).await;
        assert_eq!(scribe.rest().await, self.chain.head().unwrap().number);
    }

    async fn resume(&self, folder: &Folder, layout: u64) -> (u64, Commits) {
        let (anchor, kept) = resume(Some(folder), &layout, &self.log).await.unwrap();
        (anchor.commit().map_or(0, |at| at.number), kept)
    }
}

fn of(stood: impl IntoIterator<Item = u8>) -> Commits {
    Commits { stood: stood.into_iter().collect() }
}

/// The files in memory, oldest first.
fn files(memory: &Memory) -> BTreeMap<String, Vec<u8>> {
    memory.lock().unwrap().all.clone()
}

#[tokio::test]
async fn the_last_two_are_kept_and_the_newest_is_gone_on_from() {
    let dir = tempfile::tempdir().unwrap();
    for folder in [Folder::in_memory(Memory::default()), Folder::on_disk(dir.path())] {
        let mut desk = Desk::new().await;
        assert_eq!(desk.resume(&folder, 1).await, (0, of([])));
        for _ in 0..3 {
            desk.goes_on(2, "a").await;
            desk.keep(&folder).await;
        }
        desk.goes_on(1, "a").await;
        assert_eq!(folder.numbers(desk.log.desk()).unwrap(), [6, 4]);
        assert_eq!(desk.resume(&folder, 1).await, (6, of([2, 4, 6, 8, 10, 12])));
    }
}

#[tokio::test]
async fn of_a_damaged_one_the_one_before_it_and_then_the_log_serves() {
    let memory = Memory::default();
    let folder = Folder::in_memory(memory.clone());
    let mut desk = Desk::new().await;
    for _ in 0..2 {
        desk.goes_on(2, "a").await;
        desk.keep(&folder).await;
    }
    let whole = files(&memory);
    let length = whole.values().next_back().unwrap().len();
    for at in 0..length {
        let mut damaged = whole.clone();
        *damaged.values_mut().next_back().unwrap().get_mut(at).unwrap() ^= 4;
        memory.lock().unwrap().all.clone_from(&damaged);
        assert_eq!(desk.resume(&folder, 1).await, (2, of([2, 4])), "byte {at}");
        assert_eq!(files(&memory).len(), 1, "it would count as one that is kept");
    }
    let shorter = whole.values().map(Vec::len).min().unwrap();
    for length in 0..shorter {
        let mut damaged = whole.clone();
        damaged.values_mut().for_each(|bytes| bytes.truncate(length));
        memory.lock().unwrap().all.clone_from(&damaged);
        assert_eq!(desk.resume(&folder, 1).await, (0, of([])), "{length} bytes");
    }
}

#[tokio::test]
async fn one_that_another_program_or_desk_wrote_is_left_alone() {
    let memory = Memory::default();
    let folder = Folder::in_memory(memory.clone());
    let mut desk = Desk::new().await;
    desk.goes_on(2, "a").await;
    desk.keep(&folder).await;
    assert_eq!(desk.resume(&folder, 2).await, (0, of([])));
    let renamed = files(&memory).into_values().next().unwrap();
    memory.lock().unwrap().all.insert("other.00000000000000000002.snapshot".into(), renamed);
    let other = DeskName::new("other").unwrap();
    assert!(folder.load::<Commits>(&1, &other).is_none());
    assert_eq!(files(&memory).len(), 2);
    assert_eq!(desk.resume(&folder, 1).await.0, 2);
}

#[tokio::test]
async fn one_of_a_commit_that_does_not_stand_on_the_log_is_never_believed() {
    let memory = Memory::default();
    let folder = Folder::in_memory(memory.clone());
    let mut desk = Desk::new().await;
    desk.goes_on(2, "a").await;
    desk.keep(&folder).await;
    let mut other = Desk::new().await;
    other.goes_on(1, "a").await;
    assert_eq!(other.resume(&folder, 1).await, (0, of([])), "its log is shorter");
    desk.keep(&folder).await;
    other.goes_on(3, "b").await;
    assert_eq!(other.resume(&folder, 1).await, (0, of([])), "another commit stands there");
    assert!(files(&memory).is_empty(), "else it would stay the newest for long");
    assert_eq!(desk.resume(&folder, 1).await, (0, of([])));
}

#[tokio::test]
async fn another_is_made_after_so_many_events_and_not_before() {
    let memory = Memory::default();
    let folder = Folder::in_memory(memory.clone());
    let mut desk = Desk::new().await;
    desk.goes_on(4, "a").await;
    let mut scribe = Scribe::<Commits>::new(&Snapshots { folder, every_events: 10 }, 1);
    let cancel = CancellationToken::new();
    scribe.note(9);
    scribe.look(&desk.log, &cancel).await;
    assert_eq!(scribe.rest().await, 0);
    scribe.note(1);
    scribe.look(&desk.log, &cancel).await;
    assert_eq!(scribe.rest().await, 4);
    scribe.look(&desk.log, &cancel).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(scribe.rest().await, 4);
}

#[test]
fn only_the_very_commit_of_a_snapshot_is_where_it_goes_on() {
    let bytes = Bytes::from_static(b"a commit");
    let digest = chain::digest(&bytes);
    let at = CommitRef { seq: 7, number: 3, digest, decided_through: Position::default() };
    let record = |kind, payload| Record { seq: 7, at_ms: 0, kind, payload };
    assert_eq!(belongs(&at, Some(&record(RecordKind::Commit, bytes.clone()))), Ok(()));
    let another = record(RecordKind::Commit, Bytes::from_static(b"another commit"));
    let input = record(RecordKind::Input(Door::Ingest), bytes);
    for found in [None, Some(&another), Some(&input)] {
        assert!(belongs(&at, found).is_err(), "{found:?}");
    }
}

#[tokio::test]
async fn both_ways_are_what_was_read_and_what_was_gone_on_from() {
    let mut desk = Desk::new().await;
    desk.goes_on(4, "a").await;
    let both = async |cut| proof::both_ways::<Commits>(&1, &desk.log, 8, cut).await.unwrap();
    assert_eq!(both(2).await, (vec![2, 4, 6, 8], vec![2, 4, 6, 8], 4));
    assert_eq!(both(8).await, (vec![2, 4, 6, 8], vec![2, 4, 6, 8], 0), "no commit comes after");
}

#[test]
fn an_empty_part_is_not_taken_for_the_end() {
    let head = SnapshotHead { desk: "tenesa".into(), ..SnapshotHead::default() };
    let give_three =
        |give: &mut dyn FnMut(Vec<u8>)| [vec![1], Vec::new(), vec![2]].into_iter().for_each(give);
    let (bytes, size) = file::write(Vec::new(), &head, give_three).unwrap();
    assert_eq!(size, bytes.len() as u64);
    let read =
        file::read(&bytes[..], |_| Ok(()), |_, parts| Ok(std::iter::from_fn(parts).collect::<Vec<_>>()));
    assert_eq!(read.unwrap().1, [[1], [2]]);
}

#[test]
fn what_a_killed_process_left_unfinished_is_removed_after_a_while_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (long_ago, desk) = (SystemTime::now() - Duration::from_secs(4_000), DeskName::new("tenesa").unwrap());
    for (name, is_old) in [
        ("tenesa.00000000000000000002.snapshot.17", true),
        ("tenesa.00000000000000000003.snapshot.18", false),
        ("tenesa.00000000000000000001.snapshot", true),
        ("other.00000000000000000002.snapshot.17", true),
        ("tenesa.notes", true),
    ] {
        let file = std::fs::File::create(dir.path().join(name)).unwrap();
        if is_old {
            file.set_modified(long_ago).unwrap();
        }
    }
    Folder::on_disk(dir.path()).tidy(&desk);
    let names =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: std::collections::BTreeSet<String> = names.collect();
    let kept = [
        "other.00000000000000000002.snapshot.17",
        "tenesa.00000000000000000001.snapshot",
        "tenesa.00000000000000000003.snapshot.18",
        "tenesa.notes",
    ];
    assert_eq!(left, kept.map(str::to_owned).into());
}
