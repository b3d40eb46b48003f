//! Reading ahead gives what reading gives, and stops where reading stops.

use std::time::{Duration, Instant};

use super::{Desk, LogError, RecordKind, chain};
use crate::ahead::Ahead;
use crate::chain::Anchor;

async fn sequences(ahead: &mut Ahead, last: u64) -> Vec<u64> {
    let mut sequences = Vec::new();
    let all = async {
        while let Some(entry) = ahead.read_until(last).await.unwrap() {
            sequences.push(entry.seq);
            let stands = sequences.len() as u64 == entry.seq;
            assert!(stands && ahead.position() == entry.seq, "what was given out counts, not what was read");
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("records come");
    sequences
}

#[tokio::test]
async fn the_same_comes_and_the_anchor_is_of_what_came() {
    let mut desk = Desk::with_two_commits();
    let mut ahead = Ahead::start(desk.tail(Anchor::Start));
    assert_eq!(sequences(&mut ahead, 3).await, [1, 2, 3]);
    let Anchor::Commit(first) = ahead.anchor() else { panic!("a commit was read") };
    assert_eq!((first.seq, first.number), (3, 1), "the commit at 5 was read, but not given out");
    assert!(ahead.read_until(3).await.unwrap().is_none());
    assert_eq!(ahead.next().await.unwrap().seq, 4);
    assert_eq!(ahead.next().await.unwrap().seq, 5);
    assert_eq!(ahead.anchor(), Anchor::Commit(*desk.chain.head().unwrap()));
    let later = desk.input("d");
    assert_eq!(ahead.next().await.unwrap().seq, later);
}

#[tokio::test]
async fn an_anchor_at_the_end_of_the_log_is_passed_without_a_record() {
    let desk = Desk::with_two_commits();
    let mut ahead = Ahead::start(desk.tail(Anchor::Commit(*desk.chain.head().unwrap())));
    let read = tokio::time::timeout(Duration::from_secs(10), ahead.read_until(5)).await;
    assert!(read.expect("it does not wait for more").unwrap().is_none());
    assert_eq!(ahead.position(), 5);
}

#[tokio::test]
async fn more_than_is_read_ahead_comes_all_the_same() {
    let mut desk = Desk::new();
    for n in 0..500 {
        desk.input(&format!("{n}"));
    }
    desk.commit();
    let mut ahead = Ahead::start(desk.tail(Anchor::Start));
    assert_eq!(sequences(&mut ahead, 501).await.len(), 501);
}

#[tokio::test]
async fn what_does_not_hold_ends_it_after_all_that_does() {
    let mut desk = Desk::with_two_commits();
    desk.input("d");
    desk.forge(|commit| commit.number = 7);
    desk.log.push(RecordKind::Commit, bytes::Bytes::from_static(b"after it"));
    let mut ahead = Ahead::start(desk.tail(Anchor::Start));
    assert_eq!(sequences(&mut ahead, 6).await.len(), 6);
    for _ in 0..2 {
        let failed = tokio::time::timeout(Duration::from_secs(10), ahead.next()).await.unwrap();
        assert!(matches!(failed, Err(LogError::Broken { seq: 7, .. })), "{failed:?}");
    }
    assert_eq!(ahead.position(), 6);
}

#[tokio::test]
async fn a_connection_that_was_found_again_is_told_of_while_nothing_comes() {
    let desk = Desk::with_two_commits();
    let mut ahead = Ahead::start(desk.tail(Anchor::Start));
    sequences(&mut ahead, 5).await;
    desk.log.cut_connections();
    let log = ahead.log().clone();
    let begun = Instant::now();
    while ahead.losses() != log.losses() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the reader never says that the log is what it was"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn nobody_reads_on_when_it_is_dropped() {
    let desk = Desk::with_two_commits();
    let mut ahead = Ahead::start(desk.tail(Anchor::Start));
    sequences(&mut ahead, 5).await;
    let log = std::sync::Arc::downgrade(ahead.log());
    drop(ahead);
    drop(desk);
    let begun = Instant::now();
    while log.strong_count() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "its task still waits for records of the log");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn events_may_be_left_out_from_some_record_on() {
    let mut desk = Desk::with_two_commits();
    let mut ahead = Ahead::start(desk.tail(Anchor::Start));
    sequences(&mut ahead, 5).await;
    ahead.leave_out_events_of("one", 3);
    // The reader waits already: what it waits for comes as it stands, what follows without events.
    for index in 0..2 {
        desk.input("more");
        desk.forge(|commit| {
            (commit.writer, commit.epoch) = ("one".into(), 3);
            commit.events = vec![simpang_proto::log::v1::Event::default()];
        });
        ahead.next().await.unwrap();
        let entry = ahead.next().await.unwrap();
        let super::Body::Commit { commit, digest } = entry.body else { panic!("a commit stands here") };
        assert_eq!(digest, chain::digest(&entry.payload));
        assert!(index == 0 || commit.events.is_empty(), "{commit:?}");
    }
}
