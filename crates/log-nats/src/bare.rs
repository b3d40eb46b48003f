//! The broker by itself, for `simpang bench`: what publishing and consuming cost here without anything of ours, on a
//! stream that is set up exactly like a desk's. Nothing here is used by a service, and nothing of it reads or writes a
//! desk's log.

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::PublishAckFuture;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{BoxStream, StreamExt};
use simpang_log::port::{BoxFuture, LogError};
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::settings;
use crate::store::{NatsOptions, NatsStore};

/// Messages asked for at once, as readers of a desk's log ask.
const BATCH: usize = 5_000;
/// Bytes asked for at once, as readers of a desk's log ask.
const BATCH_BYTES: usize = 16 * 1024 * 1024;
/// How long a request for messages stands.
const EXPIRES: Duration = Duration::from_secs(30);
/// What errors call the stream.
const BARE: &str = "(bare)";

/// A stream without any desk on it, over a connection of its own.
pub struct Bare {
    connection: Connection,
    stream: String,
    subject: String,
}

impl std::fmt::Debug for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bare").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Bare {
    /// Connects and makes a stream with the settings of a desk's. `name`: letters, digits and `-`.
    ///
    /// # Errors
    /// When no broker answers, or it refuses the stream.
    pub async fn open(url: &str, name: &str) -> Result<Self, LogError> {
        let store =
            NatsStore::connect(url, NatsOptions { name: "bench".into(), ..NatsOptions::default() }).await?;
        let connection = store.connection();
        let (stream, subject) = (format!("BARE_{name}"), format!("bare.{name}"));
        let config = settings::config(&stream, std::slice::from_ref(&subject), 1);
        let made = connection.api(&format!("STREAM.CREATE.{stream}"), &config).await;
        made.map_err(|error| error.into_log_error(BARE))?;
        Ok(Self { connection, stream, subject })
    }

    /// Publishes `count` times, with up to `window` acknowledgements outstanding; the time until the last came.
    ///
    /// # Errors
    /// When a publish is refused or not acknowledged.
    pub async fn publish_windowed(
        &self,
        payload: &Bytes,
        count: u64,
        window: usize,
    ) -> Result<Duration, LogError> {
        let (sent, mut waiting) = mpsc::channel::<PublishAckFuture>(window);
        let acknowledged = tokio::spawn(async move {
            while let Some(ack) = waiting.recv().await {
                ack.await.map_err(unavailable)?;
            }
            Ok(())
        });
        let began = Instant::now();
        for _ in 0..count {
            let ack = self.publish(payload.clone()).await?;
            if sent.send(ack).await.is_err() {
                break;
            }
        }
        drop(sent);
        acknowledged.await.map_err(unavailable)??;
        Ok(began.elapsed())
    }

    /// Publishes once and waits for the acknowledgement; how long that took.
    ///
    /// # Errors
    /// When it is refused or not acknowledged.
    pub async fn publish_awaited(&self, payload: &Bytes) -> Result<Duration, LogError> {
        let began = Instant::now();
        self.publish(payload.clone()).await?.await.map_err(unavailable)?;
        Ok(began.elapsed())
    }

    /// Publishes without waiting; the future is the acknowledgement.
    ///
    /// # Errors
    /// When it can't be sent.
    pub async fn send(&self, payload: Bytes) -> Result<BoxFuture<'static, Result<(), LogError>>, LogError> {
        let ack = self.publish(payload).await?.into_future();
        Ok(async move { ack.await.map(drop).map_err(unavailable) }.boxed())
    }

    /// Consumes the first `count` messages; the time until the last came.
    ///
    /// # Errors
    /// When the broker ends the delivery.
    pub async fn consume(&self, count: u64) -> Result<Duration, LogError> {
        let began = Instant::now();
        let mut messages = self.messages(DeliverPolicy::All).await?;
        for _ in 0..count {
            messages.next().await.unwrap_or_else(|| Err(unavailable("the broker ended the delivery")))?;
        }
        Ok(began.elapsed())
    }

    /// Messages that come from now on.
    ///
    /// # Errors
    /// When no consumer can be made.
    pub async fn follow(&self) -> Result<BoxStream<'static, Result<Bytes, LogError>>, LogError> {
        self.messages(DeliverPolicy::New).await
    }

    async fn publish(&self, payload: Bytes) -> Result<PublishAckFuture, LogError> {
        self.connection.context.publish(self.subject.clone(), payload).await.map_err(unavailable)
    }

    async fn messages(
        &self,
        deliver_policy: DeliverPolicy,
    ) -> Result<BoxStream<'static, Result<Bytes, LogError>>, LogError> {
        let config = pull::Config {
            deliver_policy,
            ack_policy: AckPolicy::None,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let context = &self.connection.context;
        let consumer = context.create_consumer_on_stream(config, &self.stream).await.map_err(unavailable)?;
        let pulled = consumer
            .stream()
            .max_messages_per_batch(BATCH)
            .max_bytes_per_batch(BATCH_BYTES)
            .expires(EXPIRES)
            .messages()
            .await
            .map_err(unavailable)?;
        Ok(pulled.map(|message| Ok(message.map_err(unavailable)?.message.payload)).boxed())
    }
}

fn unavailable(reason: impl std::fmt::Display) -> LogError {
    LogError::Unavailable { desk: BARE.into(), reason: reason.to_string() }
}
