//! What `simpang bench` compares with: a stream of the broker's own, against a real nats-server.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use simpang_log_nats::bare::Bare;
use simpang_log_nats::{NatsServer, ServerOptions};

#[tokio::test]
async fn what_is_published_bare_is_consumed_bare() {
    let dir = tempfile::tempdir().unwrap();
    let workspace = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    let options = ServerOptions { dir: dir.path().to_owned(), workspace, ..ServerOptions::default() };
    let server = NatsServer::start(options).await.unwrap();
    let bare = Bare::open(&server.url(), "try").await.unwrap();
    let work = async {
        let payload = Bytes::from_static(b"one");
        bare.publish_windowed(&payload, 3_000, 500).await.unwrap();
        let mut later = bare.follow().await.unwrap();
        bare.publish_awaited(&payload).await.unwrap();
        bare.send(Bytes::from_static(b"two")).await.unwrap().await.unwrap();
        // Only what came after the consumer was made, in order.
        assert_eq!(later.next().await.unwrap().unwrap(), "one");
        assert_eq!(later.next().await.unwrap().unwrap(), "two");
        // And from the beginning everything: one more would wait for ever.
        bare.consume(3_002).await.unwrap();
        let one_more = tokio::time::timeout(Duration::from_millis(200), bare.consume(3_003)).await;
        assert!(one_more.is_err());
    };
    tokio::time::timeout(Duration::from_secs(30), work).await.unwrap();
}
