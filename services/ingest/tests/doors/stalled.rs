//! A log that acknowledges nothing for a while: the window holds, and nothing is lost when it goes on. And a directory
//! that can't be reached at first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use futures_util::FutureExt as _;
use prost::Message as _;
use simpang_log::{
    AppendError, BoxFuture, CommitError, DeskLog, DeskName, DirectoryStream, Door, LogError, LogStore,
    MemoryStore, Record, RecordStream,
};
use simpang_proto::log::v1 as log;
use tokio::sync::watch;

use crate::harness::{Doors, eventually};
use crate::push::{Stream, frame};

/// Frames that the server takes without acknowledging, and the few that are on their way through its hands.
const WINDOW: usize = 64 + 3;

#[derive(Debug, Clone)]
struct Stalled {
    inner: MemoryStore,
    kept: Arc<AtomicUsize>,
    open: watch::Receiver<bool>,
    directory: watch::Receiver<bool>,
}

#[derive(Debug)]
struct StalledDesk {
    inner: Arc<dyn DeskLog>,
    open: watch::Receiver<bool>,
}

impl DeskLog for StalledDesk {
    fn desk(&self) -> &DeskName {
        self.inner.desk()
    }

    fn append(&self, door: Door, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        let mut open = self.open.clone();
        async move {
            open.wait_for(|open| *open).await.unwrap();
            self.inner.append(door, payload).await
        }
        .boxed()
    }

    fn commit(&self, payload: Bytes, previous_seq: u64) -> BoxFuture<'_, Result<u64, CommitError>> {
        self.inner.commit(payload, previous_seq)
    }

    fn last_commit(&self) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.inner.last_commit()
    }

    fn get(&self, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.inner.get(seq)
    }

    fn first_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.inner.first_seq()
    }

    fn last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.inner.last_seq()
    }

    fn trim(&self, first: u64) -> BoxFuture<'_, Result<(), LogError>> {
        self.inner.trim(first)
    }

    fn losses(&self) -> u64 {
        0
    }

    fn read(&self, from: u64) -> BoxFuture<'_, Result<RecordStream, LogError>> {
        self.inner.read(from)
    }
}

impl LogStore for Stalled {
    fn create(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        self.inner.create(desk)
    }

    fn open(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        let desk = desk.clone();
        async move {
            let inner = self.inner.open(&desk).await?;
            Ok(Arc::new(StalledDesk { inner, open: self.open.clone() }) as Arc<dyn DeskLog>)
        }
        .boxed()
    }

    fn desks(&self) -> BoxFuture<'_, Result<Vec<DeskName>, LogError>> {
        self.inner.desks()
    }

    fn put_raw(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        self.kept.fetch_add(1, Ordering::Relaxed);
        self.inner.put_raw(digest, bytes)
    }

    fn put_delivery(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        self.kept.fetch_add(1, Ordering::SeqCst);
        self.inner.put_delivery(digest, bytes)
    }

    fn get_delivery(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        self.inner.get_delivery(digest)
    }

    fn has_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<bool, LogError>> {
        self.inner.has_raw(digest)
    }

    fn get_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        self.inner.get_raw(digest)
    }

    fn list_raw(&self) -> BoxFuture<'_, Result<Vec<[u8; 32]>, LogError>> {
        self.inner.list_raw()
    }

    fn remove_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<(), LogError>> {
        self.inner.remove_raw(digest)
    }

    fn append_directory(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.inner.append_directory(payload)
    }

    fn append_cursors(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.inner.append_cursors(payload)
    }

    fn directory_last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        if !*self.directory.borrow() {
            let (desk, reason) = ("directory".into(), "not now".into());
            return std::future::ready(Err(LogError::Unavailable { desk, reason })).boxed();
        }
        self.inner.directory_last_seq()
    }

    fn read_directory(&self, from: u64) -> BoxFuture<'_, Result<DirectoryStream, LogError>> {
        self.inner.read_directory(from)
    }
}

#[tokio::test]
async fn a_stream_takes_no_more_than_its_window_while_the_log_stalls_and_all_when_it_goes_on() {
    let (release, open) = watch::channel(false);
    let inner = MemoryStore::new();
    let kept = Arc::new(AtomicUsize::new(0));
    let store = Stalled { inner: inner.clone(), kept: kept.clone(), open, directory: watch::channel(true).1 };
    let doors = Doors::open_on(inner, Arc::new(store), |_| {}).await;
    let mut stream = Stream::open(&doors, "gateway").await;
    let frames = stream.frames.clone();
    const FRAMES: u64 = 200;
    tokio::spawn(async move {
        for number in 1..=FRAMES {
            let mut frame = frame(number, &[&number.to_string()]);
            frame.messages[0].raw = number.to_string().into_bytes();
            frames.send(frame).await.unwrap();
        }
    });
    eventually("the window is full", || kept.load(Ordering::Relaxed) >= 64).await;
    // Long enough for all frames to be taken if nothing held them back.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(kept.load(Ordering::Relaxed) <= WINDOW, "{} frames were taken", kept.load(Ordering::Relaxed));
    assert!(doors.inputs("telkomcare").is_empty());
    release.send(true).unwrap();
    for number in 1..=FRAMES {
        assert_eq!(stream.acknowledged().await.frame, number);
    }
    assert_eq!(doors.inputs("telkomcare").len(), FRAMES as usize);
}

#[tokio::test]
async fn until_the_directory_is_read_every_sender_is_told_to_come_again() {
    let (reach, directory) = watch::channel(false);
    let inner = MemoryStore::new();
    let kept = Arc::new(AtomicUsize::new(0));
    let store = Stalled { inner: inner.clone(), kept, open: watch::channel(true).1, directory };
    let doors = Doors::open_before_ready(inner, Arc::new(store), |_| {}).await;
    let request = || {
        let body = r#"{"channel":"other","account":"whatsapp","id":"1"}"#;
        Request::post("/v1/messages")
            .header("authorization", "Bearer gateway")
            .body(Body::from(body))
            .unwrap()
    };
    let (status, detail) = doors.call(request()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{detail}");
    assert!(!doors.ingest.is_ready());
    reach.send(true).unwrap();
    eventually("the directory is read", || doors.ingest.is_ready()).await;
    assert_eq!(doors.call(request()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_doors_follow_the_directory_as_it_changes() {
    let doors = Doors::open().await;
    let desk = log::DeskRecord {
        desk: "tenesa".into(),
        policy_version: 2,
        accounts: vec![log::Account {
            channel: log::Channel::Other.into(),
            account: "signal".into(),
            aliases: vec![],
        }],
        campaigns: vec![],
        ..log::DeskRecord::default()
    };
    let record = log::DirectoryRecord { schema: 1, desks: vec![desk], ..log::DirectoryRecord::default() };
    let seq = doors.store.append_directory(record.encode_to_vec().into()).await.unwrap();
    eventually("the change is read", || doors.ingest.directory_read_through() == seq).await;
    let body = r#"{"channel":"other","account":"signal","id":"1"}"#;
    let request = Request::post("/v1/messages").header("authorization", "Bearer gateway");
    let (status, detail) = doors.call(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{detail}");
    assert_eq!(doors.inputs("tenesa").len(), 1);
}
