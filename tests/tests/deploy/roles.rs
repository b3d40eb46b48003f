//! Each service does its work on the log as its own user, and what it must not do leaves nothing behind.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use simpang_log::port::{AppendError, CommitError, DeskLog, DeskName, Door, LogError, LogStore, RecordKind};
use simpang_log::{Anchor, Tail};
use simpang_log_nats::NatsStore;

use crate::broker::{Broker, Secrets, store};
use crate::{until, within};

/// The stores of all services, each as its own user, and a desk.
struct Services {
    secrets: Secrets,
    broker: Broker,
    desk: DeskName,
}

impl Services {
    async fn start() -> Self {
        let secrets = Secrets::make(&[]);
        let broker = Broker::single(&secrets).await;
        let services = Self { secrets, broker, desk: DeskName::new("tenesa").unwrap() };
        let store = services.store("gateway").await;
        until(20, || async { store.create(&services.desk).await.ok() }).await;
        services
    }

    async fn store(&self, user: &str) -> NatsStore {
        store(&self.broker.url(), user, &self.secrets, 1).await
    }

    async fn log(&self, user: &str) -> Arc<dyn DeskLog> {
        let store = self.store(user).await;
        // A busy machine may take longer than these stores wait, who expect some questions not to be answered.
        until(20, || async { store.open(&self.desk).await.ok() }).await
    }
}

const DOORS: [(&str, Door); 4] = [
    ("ingest", Door::Ingest),
    ("gateway", Door::Gateway),
    ("deliver", Door::Deliver),
    ("router", Door::Router),
];

/// Those who read desks' logs.
const READERS: [&str; 5] = ["router", "project", "deliver", "gateway", "audit"];

#[tokio::test]
async fn each_service_appends_by_its_own_door_and_every_reader_reads_it() {
    let services = Services::start().await;
    for (index, (user, door)) in DOORS.into_iter().enumerate() {
        let seq = services.log(user).await.append(door, Bytes::from_static(b"input")).await.unwrap();
        assert_eq!(seq, index as u64 + 1, "{user}");
    }
    let router = services.log("router").await;
    assert_eq!(router.commit(Bytes::from_static(b"commit"), 0).await.unwrap(), 5);
    for user in READERS {
        let log = services.log(user).await;
        assert_eq!(log.last_commit().await.unwrap().unwrap().seq, 5, "{user}");
        let records = log.read(1).await.unwrap().take(5).map(|record| record.unwrap().kind);
        let kinds = within(20, records.collect::<Vec<_>>()).await;
        let inputs = DOORS.map(|(_, door)| RecordKind::Input(door));
        assert_eq!(kinds[..4], inputs, "{user}");
        assert_eq!(kinds[4], RecordKind::Commit, "{user}");
    }
}

#[tokio::test]
async fn the_directory_and_raw_objects_go_from_who_writes_them_to_who_reads_them() {
    let services = Services::start().await;
    services.store("gateway").await.append_directory(Bytes::from_static(b"customers")).await.unwrap();
    let ingest = services.store("ingest").await;
    assert_eq!(ingest.directory_last_seq().await.unwrap(), 1);
    let mut changes = ingest.read_directory(1).await.unwrap();
    assert_eq!(within(20, changes.next()).await.unwrap().unwrap().payload, "customers");

    let raw = Bytes::from(vec![7; 700_000]);
    let digest = simpang_log::chain::digest(&raw);
    ingest.put_raw(digest, raw.clone()).await.unwrap();
    assert!(ingest.has_raw(digest).await.unwrap(), "a door sees that it is kept, and can't read it");
    for user in ["deliver", "project", "audit"] {
        assert_eq!(services.store(user).await.get_raw(digest).await.unwrap().unwrap(), raw, "{user}");
    }
}

#[tokio::test]
async fn what_a_service_must_not_write_does_not_come_to_stand_on_the_log() {
    let services = Services::start().await;
    for user in ["ingest", "router", "project", "deliver", "gateway", "audit"] {
        let log = services.log(user).await;
        for door in Door::ALL.into_iter().filter(|door| !DOORS.contains(&(user, *door))) {
            let answer = log.append(door, Bytes::from_static(b"forged")).await;
            assert!(matches!(answer, Err(AppendError::Unknown(_))), "{user} by {door:?}: {answer:?}");
        }
        if user != "router" {
            let answer = log.commit(Bytes::from_static(b"forged"), 0).await;
            assert!(matches!(answer, Err(CommitError::Unknown(_))), "{user} committed: {answer:?}");
        }
    }
    let log = services.log("audit").await;
    assert_eq!(log.last_seq().await.unwrap(), 0);
}

#[tokio::test]
async fn only_the_gateway_makes_desks_and_only_it_changes_the_directory() {
    let services = Services::start().await;
    let other = DeskName::new("other").unwrap();
    for user in ["ingest", "router", "project", "deliver", "audit"] {
        let store = services.store(user).await;
        let answer = store.create(&other).await;
        assert!(matches!(answer, Err(LogError::Unavailable { .. })), "{user} made a desk: {answer:?}");
        let answer = store.append_directory(Bytes::from_static(b"forged")).await;
        assert!(matches!(answer, Err(AppendError::Unknown(_))), "{user} changed the directory: {answer:?}");
    }
    let gateway = services.store("gateway").await;
    assert_eq!(gateway.desks().await.unwrap(), std::slice::from_ref(&services.desk));
    assert_eq!(gateway.directory_last_seq().await.unwrap(), 0);
}

#[tokio::test]
async fn the_doors_read_no_desks_log() {
    let services = Services::start().await;
    services.log("ingest").await.append(Door::Ingest, Bytes::from_static(b"secret")).await.unwrap();
    let log = services.log("ingest").await;
    assert!(log.get(1).await.is_err(), "ingest read a record");
    assert!(log.read(1).await.is_err(), "ingest followed the log");
}

/// The broker delivers where a consumer says, whoever asked for it: no permission holds there (see
/// docs/operations.md). So readers must not believe what comes that way.
#[tokio::test]
async fn a_record_that_is_smuggled_onto_the_commits_stops_every_reader() {
    let services = Services::start().await;
    let raw = Bytes::from_static(b"no commit");
    services.store("ingest").await.put_raw(simpang_log::chain::digest(&raw), raw).await.unwrap();
    let mut client = services.broker.client("audit", &services.secrets).await;
    let consumer = serde_json::json!({"stream_name": "SIMPANG_RAW", "config": {
        "deliver_subject": "simpang.tenesa.commit", "ack_policy": "none", "deliver_policy": "all",
    }});
    client.ask("$JS.API.CONSUMER.CREATE.SIMPANG_RAW", consumer.to_string().as_bytes()).await;
    let log = services.log("project").await;
    until(20, || async { log.last_seq().await.ok().filter(|seq| *seq == 1) }).await;
    let read = within(20, Tail::start(log, Anchor::Start).next()).await;
    assert!(matches!(&read, Err(LogError::Broken { seq: 1, .. })), "{read:?}");
}

#[tokio::test]
async fn only_the_archives_user_takes_anything_out_of_the_live_log() {
    let services = Services::start().await;
    services.log("ingest").await.append(Door::Ingest, Bytes::from_static(b"input")).await.unwrap();
    services.log("router").await.commit(Bytes::from_static(b"commit"), 0).await.unwrap();
    let raw = Bytes::from_static(b"raw");
    let digest = simpang_log::chain::digest(&raw);
    services.store("ingest").await.put_raw(digest, raw).await.unwrap();
    for user in ["router", "project", "deliver", "gateway", "audit"] {
        let answer = services.log(user).await.trim(2).await;
        assert!(matches!(answer, Err(LogError::NotTrimmed { .. })), "{user} trimmed the log: {answer:?}");
        let answer = services.store(user).await.remove_raw(digest).await;
        assert!(matches!(answer, Err(LogError::NotTrimmed { .. })), "{user} removed an object: {answer:?}");
    }
    let (log, store) = (services.log("archive").await, services.store("archive").await);
    assert_eq!(log.first_seq().await.unwrap(), 1);
    log.trim(2).await.unwrap();
    store.remove_raw(digest).await.unwrap();
    assert_eq!(services.log("audit").await.first_seq().await.unwrap(), 2);
    assert!(!services.store("audit").await.has_raw(digest).await.unwrap());
}
