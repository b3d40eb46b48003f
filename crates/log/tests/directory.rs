//! Reading the directory.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use simpang_log::{DirectoryTail, LogError, LogStore, MemoryStore};
use simpang_proto::log::v1::{Customer, CustomerRecord, DirectoryRecord};

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
