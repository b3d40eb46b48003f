//! An archive gives back what was put in, refuses what was not, and a pruned log with its archive reads as the whole.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use prost::Message as _;
use simpang_archive::take::SEGMENT_BYTES;
use simpang_archive::{
    Archive, ArchiveError, Archived, Pruned, Taken, Taking, join, prune, prune_raw, take, verify,
};
use simpang_log::chain::digest;
use simpang_log::{
    Anchor, ChainWriter, DeskLog, DeskName, Door, LogError, LogStore, MemoryDesk, MemoryStore, Record,
    RecordKind, Tail,
};
use simpang_proto::log::v1::{Commit, Input, InputRecord, Message, Position, input};
use tempfile::TempDir;

const DAY: i64 = 86_400_000;
const BEGIN: i64 = 1_790_000_000_000;

/// A desk in memory on a clock of its own, and an empty archive.
struct Scene {
    dir: TempDir,
    clock: Arc<AtomicI64>,
    store: MemoryStore,
    log: Arc<MemoryDesk>,
    chain: ChainWriter,
    decided: Position,
}

impl Scene {
    fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let time = clock.clone();
        let store = MemoryStore::with_clock(Arc::new(move || time.load(Ordering::Relaxed)));
        let log = store.desk(&desk());
        let chain = ChainWriter::new(&desk(), Anchor::Start);
        Self { dir: tempfile::tempdir().unwrap(), clock, store, log, chain, decided: Position::default() }
    }

    /// Sixty days, each with a message at noon and its commit: sequences 1 to 120, two periods of thirty days.
    async fn of_sixty_days() -> Self {
        let mut scene = Self::new();
        for day in 0..60 {
            scene.clock.store(BEGIN + day * DAY, Ordering::Relaxed);
            scene.message(&format!("message of day {day}")).await;
            scene.commit();
        }
        scene
    }

    /// A message whose raw bytes are kept, every second one as a delivery.
    async fn message(&mut self, text: &str) -> u64 {
        let raw = Bytes::from(text.to_owned());
        let name = digest(&raw);
        if text.len().is_multiple_of(2) {
            self.store.put_delivery(name, raw).await.unwrap();
        } else {
            self.store.put_raw(name, raw).await.unwrap();
        }
        let message = Message { raw_digest: Bytes::copy_from_slice(&name), ..Message::default() };
        let input = Input { body: Some(input::Body::Message(message)), ..Input::default() };
        let record = InputRecord { schema: 1, writer: "test".into(), inputs: vec![input] };
        let payload = Bytes::from(record.encode_to_vec());
        let seq = self.log.push(RecordKind::Input(Door::Ingest), payload.clone());
        self.chain.absorb(seq, Door::Ingest, &payload);
        self.decided = Position { seq, index: 0, step: 0 };
        seq
    }

    fn commit(&mut self) -> u64 {
        let commit = Commit { decided_through: Some(self.decided), policy_version: 3, ..Commit::default() };
        let sealed = self.chain.seal(commit).unwrap();
        let seq = self.log.push(RecordKind::Commit, sealed.payload.clone());
        self.chain.written(&sealed, seq);
        seq
    }

    fn archive(&self) -> Archive {
        Archive::new(self.dir.path())
    }

    fn live(&self) -> Arc<dyn LogStore> {
        Arc::new(self.store.clone())
    }

    fn both(&self) -> Archived {
        Archived::new(self.live(), self.archive())
    }

    async fn take(&self, days: i64) -> Taken {
        self.take_in(days, SEGMENT_BYTES).await.unwrap()
    }

    async fn take_in(&self, days: i64, segment_bytes: u64) -> Result<Taken, ArchiveError> {
        let how = Taking {
            is_closed: &|at_ms| at_ms < BEGIN + days * DAY,
            period: &|at_ms| format!("month {}", (at_ms - BEGIN) / (30 * DAY)),
            segment_bytes,
            retention: None,
            by: "test".into(),
            now_ms: BEGIN + 100 * DAY,
            progress: &|_| {},
        };
        take(&self.archive(), &self.live(), &desk(), &how).await
    }

    async fn prune(&self, days: i64) -> Result<Pruned, ArchiveError> {
        prune(&self.archive(), &self.live(), &desk(), BEGIN + days * DAY, &|_| {}).await
    }

    async fn read(&self, from: u64, count: usize) -> Vec<Record> {
        let log = self.both().open(&desk()).await.unwrap();
        let records = log.read(from).await.unwrap().take(count).map(Result::unwrap).collect();
        tokio::time::timeout(Duration::from_secs(20), records).await.expect("records come")
    }

    /// The only file with this ending in the desk's folder, or the first by name.
    fn file(&self, ending: &str) -> PathBuf {
        let mut all: Vec<PathBuf> = files(&self.dir.path().join("desk"));
        all.retain(|path| path.to_string_lossy().ends_with(ending));
        all.sort();
        all.swap_remove(0)
    }

    fn raw_file(&self) -> PathBuf {
        let folders = files(&self.dir.path().join("raw"));
        files(&folders[0]).swap_remove(0)
    }
}

fn desk() -> DeskName {
    DeskName::new("desk").unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn closed_periods_are_taken_once_and_end_with_a_commit() {
    let scene = Scene::of_sixty_days().await;
    let taken = scene.take(45).await;
    let ranges: Vec<_> = taken.segments.iter().map(|m| (&*m.period, m.first_seq, m.last_seq)).collect();
    assert_eq!(ranges, [("month 0", 1, 60), ("month 1", 61, 90)]);
    assert_eq!((taken.last_seq, taken.raw_objects), (90, 45));
    let first = &taken.segments[0];
    assert_eq!((first.records, first.raw_objects, first.policy_version), (60, 30, 3));
    assert_eq!((first.first_at_ms, first.last_at_ms), (BEGIN, BEGIN + 29 * DAY));

    assert!(scene.take(45).await.segments.is_empty(), "nothing is taken twice");
    let rest = scene.take(60).await;
    assert_eq!((rest.segments[0].first_seq, rest.last_seq, rest.raw_objects), (91, 120, 15));
    let verified = verify(&scene.archive(), &desk(), &|_| {}).await.unwrap();
    assert_eq!((verified.records, verified.raw_objects, verified.segments.len()), (120, 60, 3));
    let joined = join(&scene.archive(), &scene.live(), &verified).await.unwrap();
    assert_eq!((joined.archived, joined.first_seq, joined.last_seq), (120, 1, 120));
}

#[tokio::test]
async fn a_segment_stays_small_and_inputs_wait_for_their_commit() {
    let mut scene = Scene::of_sixty_days().await;
    scene.clock.fetch_add(DAY, Ordering::Relaxed);
    scene.message("nobody has judged this").await;
    let taken = scene.take_in(70, 500).await.unwrap();
    assert!(taken.segments.len() > 10, "{} segments", taken.segments.len());
    assert_eq!(taken.last_seq, 120, "the input after the last commit is not taken");
    verify(&scene.archive(), &desk(), &|_| {}).await.unwrap();
}

#[tokio::test]
async fn a_pruned_log_reads_as_before_through_its_archive() {
    let mut scene = Scene::of_sixty_days().await;
    let whole = scene.log.records();
    scene.take(50).await;
    let pruned = scene.prune(40).await.unwrap();
    assert_eq!(pruned, Pruned { first_before: 1, first_seq: 61 }, "the second segment is too young");
    assert!(prune_raw(&scene.archive(), &scene.live(), &|_, _| {}).await.unwrap() == 30);

    for from in [0, 1, 2, 59, 60, 61, 62, 119] {
        let rest = whole[usize::try_from(from.max(1) - 1).unwrap()..].to_vec();
        assert_eq!(scene.read(from, rest.len()).await, rest, "from {from}");
    }
    let both = scene.both();
    let log = both.open(&desk()).await.unwrap();
    for seq in [1, 60, 61, 120] {
        assert_eq!(log.get(seq).await.unwrap().as_ref(), whole.get(usize::try_from(seq).unwrap() - 1));
    }
    assert_eq!((log.get(0).await.unwrap(), log.get(121).await.unwrap()), (None, None));
    let raw = Bytes::from("message of day 7");
    assert_eq!(scene.store.get_raw(digest(&raw)).await.unwrap(), None, "pruned");
    assert_eq!(both.get_delivery(digest(&raw)).await.unwrap().as_ref(), Some(&raw));
    assert_eq!(both.get_raw(digest(&raw)).await.unwrap(), Some(raw.clone()));
    assert!(both.has_raw(digest(&raw)).await.unwrap());
    let other = digest(b"message of day 11");
    assert!(both.get_raw(other).await.unwrap().is_some());
    assert_eq!(both.get_delivery(other).await.unwrap(), None, "what was no delivery is none");
    assert_eq!(both.list_raw().await.unwrap().len(), 60);

    let mut tail = Tail::start(log, Anchor::Start);
    while tail.read_until(120).await.unwrap().is_some() {}
    scene.message("later").await;
    let last = scene.commit();
    assert!(tail.read_until(last).await.unwrap().is_some(), "and it goes on");
    scene.take(70).await;
    assert_eq!(scene.prune(55).await.unwrap(), Pruned { first_before: 61, first_seq: 101 });
    assert_eq!(scene.read(1, 122).await, [whole, scene.log.records()[20..].to_vec()].concat());
}

#[tokio::test]
async fn without_its_archive_a_pruned_log_says_where_it_begins() {
    let scene = Scene::of_sixty_days().await;
    scene.take(60).await;
    scene.prune(50).await.unwrap();
    let alone = Tail::start(scene.log.clone(), Anchor::Start).next().await.unwrap_err();
    assert!(matches!(alone, LogError::Trimmed { first: 61, wanted: 1, .. }), "{alone}");
    assert!(alone.to_string().contains("log.archive"), "{alone}");
    let elsewhere = Archived::new(scene.live(), Archive::new(scene.dir.path().join("empty")));
    let mut tail = Tail::start(elsewhere.open(&desk()).await.unwrap(), Anchor::Start);
    let error = tail.next().await.unwrap_err().to_string();
    assert!(error.contains("the live log begins at 61"), "{error}");
}

#[tokio::test]
async fn what_is_still_needed_is_never_pruned() {
    let mut scene = Scene::of_sixty_days().await;
    scene.take(60).await;
    let refused = scene.prune(0).await.unwrap_err().to_string();
    assert!(refused.contains("old enough ends at 0"), "{refused}");
    let refused = scene.prune(100).await.unwrap();
    assert_eq!(refused.first_seq, 61, "the segment that ends with the last commit stays");
    scene.message("judged").await;
    scene.commit();
    assert_eq!(scene.prune(100).await.unwrap().first_seq, 121);
    assert!(scene.prune(100).await.is_err(), "there is nothing left to prune");
}

#[tokio::test]
async fn a_raw_object_that_a_live_record_names_stays() {
    let mut scene = Scene::of_sixty_days().await;
    scene.message("message of day 3").await;
    scene.commit();
    scene.take(50).await;
    scene.prune(50).await.unwrap();
    let removed = prune_raw(&scene.archive(), &scene.live(), &|_, _| {}).await.unwrap();
    assert_eq!(removed, 49, "of fifty");
    assert!(scene.store.has_raw(digest(b"message of day 3")).await.unwrap());
    assert!(!scene.store.has_raw(digest(b"message of day 4")).await.unwrap());
}

/// A way to damage an archive, and what is said about it.
type Damage = (&'static str, fn(&Scene), &'static str);

const DAMAGES: [Damage; 10] = [
    ("a bit of a segment", |scene| flip(&scene.file(".records.gz")), "its manifest says"),
    ("a cut segment", |scene| cut(&scene.file(".records.gz")), "its manifest says"),
    ("no segment", |scene| fs::remove_file(scene.file(".records.gz")).unwrap(), "can't open"),
    ("no manifest", |scene| fs::remove_file(scene.file(".json")).unwrap(), "a segment is missing"),
    ("swapped segments", swap, "its manifest says"),
    ("a renamed manifest", |scene| rename(&scene.file(".json")), "its name is"),
    ("no JSON", |scene| cut(&scene.file(".json")), "no manifest"),
    ("another digest", |scene| edit(&scene.file(".json")), "its manifest says"),
    ("a bit of a raw object", |scene| flip(&scene.raw_file()), ".gz"),
    ("no raw object", |scene| fs::remove_file(scene.raw_file()).unwrap(), "is missing, and records name it"),
];

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 9]).unwrap();
}

fn swap(scene: &Scene) {
    let mut all = files(&scene.dir.path().join("desk"));
    all.retain(|path| path.to_string_lossy().ends_with(".records.gz"));
    let (one, other) = (fs::read(&all[0]).unwrap(), fs::read(&all[1]).unwrap());
    fs::write(&all[0], other).unwrap();
    fs::write(&all[1], one).unwrap();
}

fn rename(path: &Path) {
    fs::rename(path, path.with_file_name("000000000001-000000000059.json")).unwrap();
}

fn edit(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let at = text.find("\"sha256\": \"").unwrap() + 11;
    let digit = if &text[at..=at] == "0" { "1" } else { "0" };
    fs::write(path, format!("{}{digit}{}", &text[..at], &text[at + 1..])).unwrap();
}

#[tokio::test]
async fn a_damaged_archive_is_refused_with_the_reason_and_nothing_is_pruned() {
    for (what, damage, expected) in DAMAGES {
        let scene = Scene::of_sixty_days().await;
        scene.take(60).await;
        damage(&scene);
        let error = verify(&scene.archive(), &desk(), &|_| {}).await.expect_err(what).to_string();
        assert!(error.contains(expected), "{what}: {error}");
        assert!(scene.prune(50).await.is_err(), "{what}");
        assert_eq!(scene.log.first_seq().await.unwrap(), 1, "{what}: nothing is pruned");
    }
}

#[tokio::test]
async fn an_archive_of_another_log_prunes_nothing() {
    let (scene, mut other) = (Scene::of_sixty_days().await, Scene::new());
    scene.take(60).await;
    for day in 0..70 {
        other.message(&format!("other message {day}")).await;
        other.commit();
    }
    let pruned = prune(&scene.archive(), &other.live(), &desk(), i64::MAX, &|_| {}).await;
    assert!(pruned.is_err(), "{pruned:?}");
    assert_eq!(other.log.first_seq().await.unwrap(), 1);

    scene.log.flip_byte(20, 5);
    let error = scene.prune(50).await.unwrap_err().to_string();
    assert!(error.contains("its copy of sequence 20 is not what stands on the live log"), "{error}");
    scene.log.lose_tail(80);
    assert!(scene.prune(50).await.is_err(), "the live log lost its tail");
}

#[tokio::test]
async fn a_taking_that_broke_off_is_taken_up_again() {
    let scene = Scene::of_sixty_days().await;
    let dir = scene.dir.path().join("desk");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("segment.part"), b"half").unwrap();
    fs::write(dir.join("000000000001-000000000060.records.gz"), b"without a manifest").unwrap();
    assert_eq!(scene.take(60).await.last_seq, 120);
    verify(&scene.archive(), &desk(), &|_| {}).await.unwrap();
    let lock = fs::File::create(dir.join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(scene.take_in(60, SEGMENT_BYTES).await.is_err(), "somebody else takes");
}

#[tokio::test]
async fn what_does_not_hold_is_not_taken() {
    let scene = Scene::of_sixty_days().await;
    scene.log.flip_byte(31, 5);
    let error = scene.take_in(60, SEGMENT_BYTES).await.unwrap_err().to_string();
    assert!(error.contains("broken at sequence 32"), "{error}");
    assert!(scene.archive().segments(&desk()).unwrap().is_empty(), "no manifest stands for it");
}
