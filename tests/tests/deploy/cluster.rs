//! Three servers on the deployed configuration: a desk is kept three times and goes on when the leader is killed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use simpang_log::port::{DeskLog, DeskName, Door, LogError, LogStore, RecordStream};

use crate::broker::{Broker, Secrets, store};
use crate::{until, within};

/// Appends before and after the kill.
const HALF: u32 = 20;

fn desk() -> DeskName {
    DeskName::new("tenesa").unwrap()
}

fn urls(servers: &[Broker]) -> String {
    servers.iter().map(Broker::url).collect::<Vec<_>>().join(",")
}

/// Appends numbers, each until it is acknowledged: one whose outcome is unknown may come to stand twice.
async fn append(log: &Arc<dyn DeskLog>, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let payload = Bytes::copy_from_slice(&number.to_be_bytes());
        until(60, || async { log.append(Door::Ingest, payload.clone()).await.ok() }).await;
    }
}

/// What the stream's information says of its cluster, from a server that runs.
async fn cluster_of(server: &Broker, secrets: &Secrets) -> serde_json::Value {
    let mut client = server.client("audit", secrets).await;
    client.ask("$JS.API.STREAM.INFO.SIMPANG_tenesa", b"").await["cluster"].take()
}

/// Reads numbers until the last one, opening the log again whenever the reading ends.
async fn read_through(log: Arc<dyn DeskLog>, last: u32) -> Vec<u32> {
    let (mut next, mut numbers) = (1, Vec::new());
    while numbers.last() != Some(&last) {
        let opened: Result<RecordStream, LogError> = log.read(next).await;
        let Ok(mut records) = opened else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        while numbers.last() != Some(&last) {
            let Some(Ok(record)) = records.next().await else { break };
            assert_eq!(record.seq, next, "no gap and no step back");
            next += 1;
            numbers.push(u32::from_be_bytes(record.payload[..].try_into().unwrap()));
        }
    }
    numbers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_on_three_servers_goes_on_when_its_leader_is_killed() {
    let (mut servers, secrets) = Broker::three().await;
    let urls = urls(&servers);
    let gateway = store(&urls, "gateway", &secrets, 3).await;
    until(60, || async { gateway.create(&desk()).await.ok() }).await;
    let ingest = store(&urls, "ingest", &secrets, 3).await.open(&desk()).await.unwrap();
    let reader = store(&urls, "project", &secrets, 3).await.open(&desk()).await.unwrap();
    let reading = tokio::spawn(read_through(reader, 2 * HALF - 1));
    append(&ingest, 0..HALF).await;

    let cluster = cluster_of(&servers[0], &secrets).await;
    assert_eq!(cluster["replicas"].as_array().map(Vec::len), Some(2), "{cluster}");
    let leader = cluster["leader"].as_str().unwrap();
    let killed = servers.iter().position(|server| server.name == leader).unwrap();
    servers[killed].kill();
    append(&ingest, HALF..2 * HALF).await;
    let mut numbers = within(60, reading).await.unwrap();
    numbers.dedup();
    assert_eq!(numbers, (0..2 * HALF).collect::<Vec<_>>(), "all that was acknowledged, in order");

    // A new machine in its place, under the same name: the others bring it up to date.
    servers[killed].lose_disk();
    servers[killed].start().await;
    let left = (killed + 1) % 3;
    let whole = |cluster: &serde_json::Value| {
        let current = |replica: &serde_json::Value| replica["current"] == true && replica["offline"] != true;
        cluster["replicas"].as_array().is_some_and(|all| all.len() == 2 && all.iter().all(current))
    };
    until(60, || async { Some(cluster_of(&servers[left], &secrets).await).filter(whole) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_that_is_kept_once_is_refused_where_three_copies_are_asked_for() {
    let secrets = Secrets::make(&[]);
    let broker = Broker::single(&secrets).await;
    store(&broker.url(), "gateway", &secrets, 1).await.create(&desk()).await.unwrap();
    let answer = store(&broker.url(), "router", &secrets, 3).await.open(&desk()).await;
    assert!(matches!(answer, Err(LogError::Misconfigured { .. })), "{answer:?}");
}
