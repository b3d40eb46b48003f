//! Reading the directory.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use simpang_log::{DirectoryTail, LogError, LogStore, MemoryStore};
use simpang_proto::log::v1::{
    Customer, CustomerRecord, DeskRecord, DirectoryRecord, SourceCursor, SuppressedNumber,
};

fn record(id: &str) -> Bytes {
    let customer = Some(Customer { id: id.into(), ..Customer::default() });
    let customers = vec![CustomerRecord { customer, ..CustomerRecord::default() }];
    DirectoryRecord { schema: 1, customers, ..DirectoryRecord::default() }.encode_to_vec().into()
}

#[tokio::test]
async fn customers_come_in_order_and_reading_goes_on_from_a_position() {
    let store: Arc<dyn LogStore> = Arc::new(MemoryStore::new());
    for id in ["a", "b", "c"] {
        store.append_directory(record(id)).await.unwrap();
    }
    let mut tail = DirectoryTail::start(store.clone(), 1);
    let mut ids = Vec::new();
    tail.catch_up(|change| ids.push(change.record.unwrap().customers[0].customer.clone().unwrap().id))
        .await
        .unwrap();
    assert_eq!((ids, tail.position(), tail.is_caught_up()), (vec!["b".to_owned(), "c".to_owned()], 3, true));
    store.append_directory(Bytes::from_static(b"GET")).await.unwrap();
    assert!(tail.next().await.unwrap().record.is_err(), "what can't be read is handed on as such");
}

#[tokio::test]
async fn a_newer_schema_or_a_lost_tail_stops_the_reader() {
    let store: Arc<dyn LogStore> = Arc::new(MemoryStore::new());
    store
        .append_directory(DirectoryRecord { schema: 9, ..DirectoryRecord::default() }.encode_to_vec().into())
        .await
        .unwrap();
    for position in [0, 7] {
        let mut tail = DirectoryTail::start(store.clone(), position);
        assert!(matches!(tail.next().await, Err(LogError::Broken { .. })), "from {position}");
        assert!(matches!(tail.next().await, Err(LogError::Broken { .. })), "and stays so");
    }
}

#[tokio::test]
async fn what_was_read_comes_once_when_the_connection_breaks() {
    let memory = MemoryStore::new();
    let store: Arc<dyn LogStore> = Arc::new(memory.clone());
    store.append_directory(record("a")).await.unwrap();
    let mut tail = DirectoryTail::start(store.clone(), 0);
    assert_eq!(tail.next().await.unwrap().seq, 1);
    memory.cut_directory();
    store.append_directory(record("b")).await.unwrap();
    let next = tokio::time::timeout(std::time::Duration::from_secs(10), tail.next()).await.unwrap();
    assert_eq!(
        (next.unwrap().seq, tail.position()),
        (2, 2),
        "not the first once more, nor taken for another"
    );
}

#[tokio::test]
async fn of_what_doors_write_only_their_cursors_count() {
    let store: Arc<dyn LogStore> = Arc::new(MemoryStore::new());
    let whole = DirectoryRecord {
        schema: 1,
        writer: "ingest@a/1".into(),
        customers: vec![CustomerRecord::default()],
        desks: vec![DeskRecord::default()],
        suppressed: vec![SuppressedNumber::default()],
        cursors: vec![SourceCursor::default()],
    };
    let payload: Bytes = whole.encode_to_vec().into();
    store.append_cursors(payload.clone()).await.unwrap();
    store.append_directory(payload).await.unwrap();
    let mut tail = DirectoryTail::start(store, 0);
    let (writer, cursors) = (whole.writer.clone(), whole.cursors.clone());
    let of_doors = DirectoryRecord { schema: 1, writer, cursors, ..DirectoryRecord::default() };
    assert_eq!(tail.next().await.unwrap().record, Ok(of_doors));
    let of_others = DirectoryRecord { cursors: Vec::new(), ..whole };
    assert_eq!(tail.next().await.unwrap().record, Ok(of_others));
}
