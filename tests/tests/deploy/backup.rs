//! The user `backup` takes a stream's snapshot as `nats stream backup` does, and another server restores it as
//! `nats stream restore` does: the records are the same, sequence by sequence.

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Value, json};
use simpang_log::port::{DeskName, Door, LogStore, Record};

use crate::broker::{Broker, Secrets, store};
use crate::client::Client;
use crate::within;

const STREAMS: [&str; 3] = ["SIMPANG_tenesa", "SIMPANG_directory", "SIMPANG_RAW"];

/// A stream's configuration, its state and the bytes of its snapshot.
struct Snapshot {
    about: Value,
    chunks: Vec<Vec<u8>>,
}

async fn take(client: &mut Client, stream: &str) -> Snapshot {
    let deliver = client.inbox().await;
    let body = json!({"deliver_subject": deliver}).to_string();
    let answer = client.ask(&format!("$JS.API.STREAM.SNAPSHOT.{stream}"), body.as_bytes()).await;
    assert!(answer["error"].is_null(), "{stream}: {answer}");
    let mut chunks = Vec::new();
    loop {
        let chunk = client.next().await;
        // The last chunk is empty.
        if chunk.payload.is_empty() {
            assert!(!chunk.headers.contains("NATS/1.0 4"), "{stream}: {}", chunk.headers);
            break;
        }
        if !chunk.reply.is_empty() {
            client.put(&chunk.reply, "", b"").await;
        }
        chunks.push(chunk.payload);
    }
    Snapshot { about: json!({"config": answer["config"], "state": answer["state"]}), chunks }
}

async fn restore(client: &mut Client, stream: &str, snapshot: &Snapshot) -> Value {
    let about = snapshot.about.to_string();
    let answer = client.ask(&format!("$JS.API.STREAM.RESTORE.{stream}"), about.as_bytes()).await;
    let Some(deliver) = answer["deliver_subject"].as_str().filter(|subject| !subject.is_empty()) else {
        return answer;
    };
    for chunk in &snapshot.chunks {
        let inbox = client.inbox().await;
        client.put(deliver, &inbox, chunk).await;
        client.next().await;
    }
    client.ask(deliver, b"").await
}

async fn records(broker: &Broker, secrets: &Secrets, count: usize) -> Vec<Record> {
    let log = store(&broker.url(), "audit", secrets, 1).await;
    let log = log.open(&DeskName::new("tenesa").unwrap()).await.unwrap();
    let records = log.read(1).await.unwrap().take(count).map(Result::unwrap);
    within(20, records.collect()).await
}

#[tokio::test]
async fn a_backup_restores_every_record_at_its_place() {
    let (secrets, other_secrets) = (Secrets::make(&[]), Secrets::make(&[]));
    let (broker, other) = (Broker::single(&secrets).await, Broker::single(&other_secrets).await);
    let desk = DeskName::new("tenesa").unwrap();
    store(&broker.url(), "gateway", &secrets, 1).await.create(&desk).await.unwrap();
    let ingest = store(&broker.url(), "ingest", &secrets, 1).await.open(&desk).await.unwrap();
    for number in 0_u8..50 {
        ingest.append(Door::Ingest, Bytes::from(vec![number; 10_000])).await.unwrap();
    }

    let mut client = broker.client("backup", &secrets).await;
    let mut elsewhere = other.client("backup", &other_secrets).await;
    for stream in STREAMS {
        let snapshot = take(&mut client, stream).await;
        let answer = restore(&mut elsewhere, stream, &snapshot).await;
        assert!(answer["error"].is_null(), "{stream}: {answer}");
        let again = restore(&mut elsewhere, stream, &snapshot).await;
        assert!(!again["error"].is_null(), "{stream} was restored over one that is there: {again}");
    }
    assert_eq!(records(&other, &other_secrets, 50).await, records(&broker, &secrets, 50).await);
    let ingest = store(&other.url(), "ingest", &other_secrets, 1).await.open(&desk).await.unwrap();
    assert_eq!(ingest.append(Door::Ingest, Bytes::from_static(b"next")).await.unwrap(), 51);
}
