//! Readers who share one reader of the log: each gets every record once and in order, however slow it is, and nothing
//! that was read before the connection was lost is handed out after it.

#![allow(clippy::unwrap_used)]
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, future};
use simpang_log::{
    DeskLog, DeskName, Door, LogError, LogStore, MemoryDesk, MemoryStore, Record, RecordStream, SharedStore,
};

/// More than a shared reader holds for slow readers.
const MANY: u64 = 40;
const MEBIBYTE: usize = 1024 * 1024;

async fn desk() -> (Arc<dyn DeskLog>, Arc<MemoryDesk>) {
    let store = MemoryStore::new();
    let name = DeskName::new("shared").unwrap();
    let below = store.desk(&name);
    (SharedStore::new(Arc::new(store)).open(&name).await.unwrap(), below)
}

async fn next(records: &mut RecordStream) -> Result<Record, LogError> {
    let next = tokio::time::timeout(Duration::from_secs(20), records.next()).await;
    next.expect("a record in time").expect("the stream goes on until an error")
}

async fn take(records: &mut RecordStream, count: u64) -> Vec<Record> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(next(records).await.unwrap());
    }
    taken
}

async fn append(log: &dyn DeskLog, text: &str) -> u64 {
    log.append(Door::Ingest, Bytes::copy_from_slice(text.as_bytes())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_everything_once_and_in_order_wherever_they_begin() {
    let (log, below) = desk().await;
    for n in 0..500 {
        append(log.as_ref(), &format!("before {n}")).await;
    }
    let readers = [1, 1, 250, 499, 501].map(|from| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let mut records = log.read(from).await.unwrap();
            let mut taken = Vec::new();
            for at in from..=2_000 {
                taken.push(next(&mut records).await.unwrap());
                // Some are slower than others.
                if at % (from + 7) == 0 {
                    tokio::task::yield_now().await;
                }
            }
            (from, taken)
        })
    });
    for n in 0..1_500 {
        append(log.as_ref(), &format!("after {n}")).await;
    }
    let all = below.records();
    for reader in future::join_all(readers).await {
        let (from, taken) = reader.unwrap();
        assert!(taken == all[usize::try_from(from - 1).unwrap()..], "the reader from {from}");
    }
}

#[tokio::test]
async fn who_falls_behind_what_is_held_reads_on_from_the_log() {
    let (log, below) = desk().await;
    let (mut quick, mut slow) = (log.read(1).await.unwrap(), log.read(1).await.unwrap());
    for n in 0..MANY {
        let byte = u8::try_from(n).unwrap();
        log.append(Door::Ingest, Bytes::from(vec![byte; MEBIBYTE])).await.unwrap();
        next(&mut quick).await.unwrap();
    }
    assert!(take(&mut slow, MANY).await == below.records());
    append(log.as_ref(), "and on").await;
    assert_eq!(next(&mut slow).await.unwrap().seq, MANY + 1);
}

#[tokio::test]
async fn a_reader_who_stops_holds_up_nobody_and_leaves_nothing_behind() {
    let (log, _below) = desk().await;
    let mut quick = log.read(1).await.unwrap();
    let stopped = log.read(1).await.unwrap();
    for _ in 0..MANY {
        log.append(Door::Ingest, Bytes::from(vec![0; MEBIBYTE])).await.unwrap();
        next(&mut quick).await.unwrap();
    }
    drop(stopped);
    append(log.as_ref(), "and on").await;
    assert_eq!(next(&mut quick).await.unwrap().seq, MANY + 1);
}

#[tokio::test]
async fn when_the_connection_breaks_everybody_hears_of_it_and_reads_again() {
    let (log, below) = desk().await;
    append(log.as_ref(), "first").await;
    let mut readers = [log.read(1).await.unwrap(), log.read(2).await.unwrap()];
    next(&mut readers[0]).await.unwrap();
    below.cut_connections();
    for reader in &mut readers {
        assert!(next(reader).await.unwrap_err().is_transient());
        assert!(reader.next().await.is_none(), "and nothing more");
    }
    append(log.as_ref(), "second").await;
    let mut again = log.read(1).await.unwrap();
    assert!(take(&mut again, 2).await == below.records());
}

#[tokio::test]
async fn what_a_broker_lost_is_not_handed_out_from_memory() {
    let (log, below) = desk().await;
    append(log.as_ref(), "kept").await;
    let mut reader = log.read(1).await.unwrap();
    append(log.as_ref(), "lost").await;
    take(&mut reader, 2).await;
    below.lose_tail(1);
    // Asked for again before anybody noticed that the connection was lost.
    let mut again = log.read(2).await.unwrap();
    append(log.as_ref(), "another").await;
    let record = next(&mut again).await.unwrap();
    assert_eq!((record.seq, &record.payload[..]), (2, &b"another"[..]));
    assert!(next(&mut reader).await.unwrap_err().is_transient());
}
