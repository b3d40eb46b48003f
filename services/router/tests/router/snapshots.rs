//! A restart goes on from a snapshot, and never from one that is not whole or not of this log.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use prost::Message as _;
use simpang_log::Place;
use simpang_proto::log::v1::Commit;

use crate::support::{Desk, stopped};

const NEVER: u64 = u64::MAX;

/// The snapshots in a folder, oldest first.
fn kept(dir: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = files.filter(|path| path.extension().unwrap() == "snapshot").collect();
    all.sort();
    all
}

fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// Waits until the last commit says that an input is judged; the log before it may be unreadable.
async fn judged(desk: &Desk, place: Place) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let last = desk.log.last_commit().await.unwrap().unwrap();
        let at = Commit::decode(last.payload).unwrap().decided_through.unwrap();
        if at.step == 0 && (at.seq, at.index) >= (place.seq, place.index) {
            return;
        }
        assert!(Instant::now() < deadline, "{place:?} is not judged within 30 s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A desk with some history and two snapshots of it, its router stopped.
async fn with_history(dir: &Path) -> Desk {
    let desk = Desk::new().await;
    for (seed, version) in [(3, 1), (4, 2)] {
        let router = desk.keeping(dir, NEVER).await;
        desk.policy(version).await;
        let last = desk.random_floor(seed, 60).await;
        desk.decided(last).await;
        router.stop().await;
    }
    assert_eq!(kept(dir).len(), 2);
    desk
}

/// Makes the log unreadable from its beginning, so that only a snapshot leads past it; gives the way back.
fn block_the_beginning(desk: &Desk) -> impl FnOnce() {
    let log = desk.memory();
    log.flip_byte(2, 20);
    move || log.flip_byte(2, 20)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_floors_hold_over_restarts_from_snapshots() {
    for seed in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk::new().await;
        for part in 0..4 {
            let router = desk.keeping(dir.path(), 40).await;
            desk.policy(part + 1).await;
            let last = desk.random_floor(seed * 10 + part, 80).await;
            desk.decided(last).await;
            router.stop().await;
        }
        // Judging all of the log again gives what was judged after restarts from snapshots.
        desk.check(false).await;
        assert_eq!(kept(dir.path()).len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_are_made_while_the_desk_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new().await;
    let router = desk.keeping(dir.path(), 10).await;
    desk.policy(1).await;
    let mut n = 0;
    let deadline = Instant::now() + Duration::from_secs(30);
    while kept(dir.path()).len() < 2 {
        assert!(Instant::now() < deadline, "no two snapshots within 30 s");
        let last = desk.mails(n, 20).await;
        desk.decided(last).await;
        n += 20;
    }
    router.stop().await;
    desk.check(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_judged_and_is_not_written_is_in_no_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new().await;
    let router = desk.keeping(dir.path(), NEVER).await;
    desk.policy(1).await;
    let first = desk.mail(1).await;
    desk.decided(first).await;
    desk.memory().set_answering(false);
    let second = desk.mail(2).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while desk.memory().unanswered_commits() == 0 {
        assert!(Instant::now() < deadline, "the second mail is not judged within 30 s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    router.stop().await;
    assert_eq!(kept(dir.path()).len(), 0, "it would hold what does not stand on the log");
    desk.memory().set_answering(true);
    let router = desk.keeping(dir.path(), NEVER).await;
    desk.decided(second).await;
    router.stop().await;
    assert_eq!((desk.check(true).await.counts.cases, kept(dir.path()).len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_reads_only_what_came_after_the_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let desk = with_history(dir.path()).await;
    let mend = block_the_beginning(&desk);
    let router = desk.keeping(dir.path(), NEVER).await;
    let last = desk.random_floor(5, 40).await;
    judged(&desk, last).await;
    router.stop().await;
    mend();
    desk.check(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_damaged_snapshot_the_one_before_it_is_used() {
    type Change = fn(&mut Vec<u8>);
    let changes: [Change; 6] = [
        |bytes| bytes[3] ^= 1,
        |bytes| bytes[30] ^= 1,
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
        },
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| bytes.truncate(bytes.len() / 3),
        |bytes| bytes.push(0),
    ];
    let dir = tempfile::tempdir().unwrap();
    let desk = with_history(dir.path()).await;
    let mend = block_the_beginning(&desk);
    for change in changes {
        damage(kept(dir.path()).last().unwrap(), change);
        let router = desk.keeping(dir.path(), NEVER).await;
        let last = desk.mail(9).await;
        judged(&desk, last).await;
        router.stop().await;
    }
    mend();
    desk.check(false).await;
}

/// A state that can be read, and is not the one that was written down: only the digest tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_in_which_somebody_has_another_name_is_not_gone_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let desk = with_history(dir.path()).await;
    damage(kept(dir.path()).last().unwrap(), |bytes| {
        let named: Vec<usize> = (0..bytes.len() - 4).filter(|at| bytes[*at..].starts_with(b"budi")).collect();
        assert!(!named.is_empty());
        for at in named {
            bytes[at..at + 4].copy_from_slice(b"bodi");
        }
    });
    let router = desk.keeping(dir.path(), NEVER).await;
    let asked = desk.sign_in("budi").await;
    desk.decided(asked).await;
    router.stop().await;
    desk.check(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_whole_snapshot_the_log_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let desk = with_history(dir.path()).await;
    for file in kept(dir.path()) {
        damage(&file, |bytes| bytes.truncate(100));
    }
    let router = desk.keeping(dir.path(), NEVER).await;
    let last = desk.mail(9).await;
    desk.decided(last).await;
    router.stop().await;
    desk.check(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_shorter_than_a_snapshot_of_it_stops_the_desk() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = with_history(dir.path()).await;
    let last = desk.log.last_seq().await.unwrap();
    desk.memory().lose_tail(last - 3);
    let router = desk.keeping(dir.path(), NEVER).await;
    let reason = stopped(&router).await;
    assert!(reason.contains("the log is shorter") && reason.contains("restore the log"), "{reason}");
    // Records that come to stand there meanwhile make it no better.
    desk.restart_doors();
    desk.mails(100, 1).await;
    for n in 101..105 {
        desk.mails(n, 1).await;
    }
    router.stop().await;
    let router = desk.keeping(dir.path(), NEVER).await;
    let reason = stopped(&router).await;
    assert!(reason.contains("now another record does"), "{reason}");
    router.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_of_another_log_stops_the_desk_and_does_not_change_it() {
    let dir = tempfile::tempdir().unwrap();
    with_history(dir.path()).await;
    let other = Desk::new().await;
    let last = other.random_floor(8, 200).await;
    let router = other.keeping(dir.path(), NEVER).await;
    let reason = stopped(&router).await;
    assert!(reason.contains("another log") && reason.contains("remove the desk's files"), "{reason}");
    router.stop().await;
    assert_eq!(other.log.last_seq().await.unwrap(), last.seq);
}
