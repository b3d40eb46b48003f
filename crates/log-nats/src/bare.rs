//! The broker by itself, for `simpang bench`: what publishing and consuming cost here without anything of ours, on a
//! stream that is set up exactly like a desk's. Nothing here is used by a service, and nothing of it reads or writes a
//! desk's log.

use std::time::{Duration, Instant};

use async_nats::Subscriber;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::PublishAckFuture;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{BoxStream, StreamExt};
use serde_json::Value;
use simpang_log::DeskName;
use simpang_log::port::{BoxFuture, LogError};
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::desk::stream_name;
use crate::settings::{self, Loses};
use crate::store::{NatsOptions, NatsStore};

/// Messages asked for at once, as readers of a desk's log ask.
const BATCH: usize = 5_000;
/// Bytes asked for at once, as readers of a desk's log ask.
const BATCH_BYTES: usize = 16 * 1024 * 1024;
/// How long a request for messages stands.
const EXPIRES: Duration = Duration::from_secs(30);
/// What errors call the stream.
const BARE: &str = "(bare)";
/// Messages after which a fast-ingest publisher would like the broker to say how far it is: the most it grants.
const FLOW: u64 = 500;
/// How long the broker may be silent while it is being published to.
const SILENCE: Duration = Duration::from_secs(10);

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
        let config = settings::config(&stream, std::slice::from_ref(&subject), 1, Loses::Nothing);
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

    /// Publishes `count` times by fast ingest (nats-server 2.14, design record ADR-50): no acknowledgement a message,
    /// the broker says now and then how far it is, and the last message ends the batch. On a stream of its own, since
    /// a desk's does not allow it. The time until the end is acknowledged.
    ///
    /// # Errors
    /// When the broker refuses the stream or a message, or falls silent.
    pub async fn publish_fast(&self, payload: &Bytes, count: u64) -> Result<Duration, LogError> {
        let (stream, subject) = (format!("{}_fast", self.stream), format!("{}.fast", self.subject));
        let mut config = settings::config(&stream, std::slice::from_ref(&subject), 1, Loses::Nothing);
        config["allow_batched"] = true.into();
        let made = self.connection.api(&format!("STREAM.CREATE.{stream}"), &config).await;
        made.map_err(|error| error.into_log_error(BARE))?;
        let client = self.connection.context.client();
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(format!("{inbox}.>")).await.map_err(unavailable)?;
        let began = Instant::now();
        let mut flow = Flow { stored: 0, every: 1 };
        for n in 1..=count {
            let operation = match n {
                last if last == count => 2,
                1 => 0,
                _ => 1,
            };
            let reply = format!("{inbox}.fast.{FLOW}.fail.{n}.{operation}.$FI");
            let sent = client.publish_with_reply(subject.clone(), reply, payload.clone());
            sent.await.map_err(unavailable)?;
            // One grant may be under way while the next is used up.
            while n < count && n >= flow.stored + 2 * flow.every {
                flow.heard(&answer(&mut answers).await?)?;
            }
        }
        while flow.stored < count {
            flow.heard(&answer(&mut answers).await?)?;
        }
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
        self.consume_from(&self.stream, count).await
    }

    /// Consumes the first `count` records of a desk's log as they are, without looking into them; the time until the
    /// last came.
    ///
    /// # Errors
    /// When there is no such desk, or the broker ends the delivery.
    pub async fn consume_desk(&self, desk: &DeskName, count: u64) -> Result<Duration, LogError> {
        self.consume_from(&stream_name(desk.as_str()), count).await
    }

    async fn consume_from(&self, stream: &str, count: u64) -> Result<Duration, LogError> {
        let began = Instant::now();
        let mut messages = self.messages(stream, DeliverPolicy::All).await?;
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
        self.messages(&self.stream, DeliverPolicy::New).await
    }

    async fn publish(&self, payload: Bytes) -> Result<PublishAckFuture, LogError> {
        self.connection.context.publish(self.subject.clone(), payload).await.map_err(unavailable)
    }

    async fn messages(
        &self,
        stream: &str,
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
        let consumer = context.create_consumer_on_stream(config, stream).await.map_err(unavailable)?;
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

/// How far the broker says that it is, and after how many messages it will say so again.
struct Flow {
    stored: u64,
    every: u64,
}

impl Flow {
    /// Takes in what the broker says: how far it is, that all is stored, or what is wrong.
    fn heard(&mut self, said: &Value) -> Result<(), LogError> {
        match (said["type"].as_str(), said["count"].as_u64(), &said["error"]) {
            (Some("ack"), _, _) => {
                self.stored = said["seq"].as_u64().unwrap_or(self.stored);
                self.every = said["msgs"].as_u64().unwrap_or(1).max(1);
            }
            (None, Some(count), Value::Null) => self.stored = count,
            _ => return Err(unavailable(format!("fast ingest was broken off: {said}"))),
        }
        Ok(())
    }
}

async fn answer(answers: &mut Subscriber) -> Result<Value, LogError> {
    let next = tokio::time::timeout(SILENCE, answers.next()).await;
    let message = next.ok().flatten().ok_or_else(|| unavailable("the broker says no more how far it is"))?;
    serde_json::from_slice(&message.payload).map_err(unavailable)
}

fn unavailable(reason: impl std::fmt::Display) -> LogError {
    LogError::Unavailable { desk: BARE.into(), reason: reason.to_string() }
}
