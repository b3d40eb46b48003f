//! A desk's log on a real server, written as a router writes it, and readers of it.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use simpang_log::port::{DeskName, Door, LogError, LogStore};
use simpang_log::{Anchor, ChainWriter, Tail, commit_settled};
use simpang_log_nats::{NatsOptions, NatsStore};
use simpang_proto::log::v1::{Commit, Input, InputRecord, Position};
use simpang_tests::Broker;

/// The stream of the desk.
pub(crate) const STREAM: &str = "SIMPANG_tenesa";
/// What is not read by then is not there to be read.
const READ_WITHIN: Duration = Duration::from_secs(40);

pub(crate) fn desk() -> DeskName {
    DeskName::new("tenesa").unwrap()
}

pub(crate) async fn connect(broker: &Broker) -> NatsStore {
    let options = NatsOptions { timeout: Duration::from_secs(2), ..NatsOptions::default() };
    NatsStore::connect(&broker.url(), options).await.unwrap()
}

/// An input record that holds one input.
pub(crate) fn record(key: u32) -> Bytes {
    let input = Input { key: Bytes::copy_from_slice(&key.to_be_bytes()), ..Input::default() };
    let record = InputRecord { schema: 1, writer: "test@here/1".into(), inputs: vec![input] };
    record.encode_to_vec().into()
}

/// Writes so many inputs, each with a commit after it; where the last commit stands.
pub(crate) async fn write(store: &NatsStore, inputs: u32) -> Anchor {
    let log = store.create(&desk()).await.unwrap();
    let mut chain = ChainWriter::new(&desk(), Anchor::Start);
    for key in 0..inputs {
        let payload = record(key);
        let seq = log.append(Door::Ingest, payload.clone()).await.unwrap();
        chain.absorb(seq, Door::Ingest, &payload);
        let through = Position { seq, index: 0, step: 0 };
        let sealed = chain.seal(Commit { decided_through: Some(through), ..Commit::default() }).unwrap();
        let at = commit_settled(log.as_ref(), sealed.payload.clone(), sealed.previous_seq, log.losses())
            .await
            .unwrap();
        chain.written(&sealed, at);
    }
    Anchor::Commit(*chain.head().unwrap())
}

/// A reader that has read so far.
pub(crate) async fn reader(store: &NatsStore, through: u64) -> Tail {
    let mut tail = Tail::start(store.open(&desk()).await.unwrap(), Anchor::Start);
    while tail.read_until(through).await.unwrap().is_some() {}
    tail
}

/// What a reader comes to: the digests of what it read, and why it stopped, if it did before `until`.
pub(crate) async fn read(tail: &mut Tail, until: u64) -> (Vec<Bytes>, Option<LogError>) {
    let mut payloads = Vec::new();
    let reading = async {
        loop {
            match tail.read_until(until).await {
                Ok(Some(entry)) => payloads.push(entry.payload),
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    };
    let ended = tokio::time::timeout(READ_WITHIN, reading).await;
    let ended = ended.unwrap_or_else(|_| panic!("neither read to {until} nor stopped"));
    (payloads, ended)
}
