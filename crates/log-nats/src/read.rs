//! Reading a stream from a sequence on, live. A consumer of its own for each reader, pulled in big batches; it is
//! never recreated behind the reader's back: when the connection changes or a delivery is missing, the stream of
//! records ends and the caller opens it again, after making sure that the log still is what it was.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull};
use async_nats::jetstream::{ErrorCode, stream::ConsumerErrorKind};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::json;
use simpang_log::port::LogError;
use tokio::sync::watch;

use crate::connection::{ApiError, Connection, code};
use crate::desk;

/// Messages asked for at once. The client's default of 200 costs a tenth of the throughput.
const BATCH: usize = 5_000;
/// Bytes asked for at once: more than the largest message, and a bound on what a slow reader buffers.
const BATCH_BYTES: usize = 16 * 1024 * 1024;
/// The broker says this often that it is there.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a request for messages stands.
const EXPIRES: Duration = Duration::from_secs(30);
/// After so long without a delivery the broker is asked whether there is one to make.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// As often as this in a row it has to say that a record is missing: a new leader may be about to learn of it.
const MISSING_TIMES: u32 = 2;
/// The broker forgets a consumer that asks for nothing for this long.
const INACTIVE: Duration = Duration::from_secs(60);

/// A message as it stands on a stream.
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) at_ms: i64,
    pub(crate) subject: String,
    pub(crate) payload: Bytes,
}

struct Reader {
    connection: Connection,
    stream: String,
    desk: String,
    messages: pull::Stream,
    losses: watch::Receiver<u64>,
    next: u64,
    delivered: u64,
    started: bool,
    /// How often in a row the broker had the next message and did not deliver it, and had it not.
    withheld: u32,
    missing: u32,
}

/// Messages of a stream from `from` on. `desk` is for errors.
pub(crate) async fn read(
    connection: &Connection,
    stream: &str,
    desk: &str,
    from: u64,
) -> Result<BoxStream<'static, Result<Stored, LogError>>, LogError> {
    let losses = connection.losses();
    let messages = connection
        .while_connected(open(connection, stream, desk, from.max(1)))
        .await
        .map_err(|reason| LogError::Unavailable { desk: desk.to_owned(), reason })??;
    let reader = Reader {
        connection: connection.clone(),
        stream: stream.to_owned(),
        desk: desk.to_owned(),
        messages,
        losses,
        next: from.max(1),
        delivered: 0,
        started: false,
        withheld: 0,
        missing: 0,
    };
    let stream = stream::unfold(Some(reader), |reader| async {
        let mut reader = reader?;
        match reader.take().await {
            Ok(stored) => Some((Ok(stored), Some(reader))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(stream.boxed())
}

async fn open(
    connection: &Connection,
    stream: &str,
    desk: &str,
    from: u64,
) -> Result<pull::Stream, LogError> {
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
        ack_policy: AckPolicy::None,
        replay_policy: ReplayPolicy::Instant,
        inactive_threshold: INACTIVE,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let unavailable = |reason: String| LogError::Unavailable { desk: desk.to_owned(), reason };
    let consumer = connection.context.create_consumer_on_stream(config, stream).await.map_err(|error| {
        match error.kind() {
            ConsumerErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                LogError::NoSuchDesk { desk: desk.to_owned() }
            }
            _ => unavailable(error.to_string()),
        }
    })?;
    consumer
        .stream()
        .max_messages_per_batch(BATCH)
        .max_bytes_per_batch(BATCH_BYTES)
        .expires(EXPIRES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await
        .map_err(|error| unavailable(error.to_string()))
}

impl Reader {
    async fn take(&mut self) -> Result<Stored, LogError> {
        loop {
            let message = tokio::select! {
                biased;
                message = self.messages.next() => message,
                _ = self.losses.changed() => return Err(self.unavailable("the connection to the broker was lost")),
                () = tokio::time::sleep(LOOK_AFTER) => {
                    self.look().await?;
                    continue;
                }
            };
            (self.withheld, self.missing) = (0, 0);
            let message = match message {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Err(self.unavailable(&error.to_string())),
                None => return Err(self.unavailable("the broker ended the delivery")),
            };
            let (seq, delivered, at_ms) = match message.info() {
                Ok(info) => (
                    info.stream_sequence,
                    info.consumer_sequence,
                    millis(info.published.unix_timestamp_nanos()),
                ),
                Err(error) => return Err(self.unavailable(&format!("a delivery can't be read: {error}"))),
            };
            let is_complete = delivered == self.delivered + 1;
            self.delivered = delivered;
            // A consumer that is to begin after the end begins at the end.
            if !self.started && seq < self.next {
                continue;
            }
            if !self.started && seq > self.next {
                self.is_trimmed().await?;
            }
            self.started = true;
            if seq == self.next {
                self.next += 1;
                let async_nats::Message { subject, payload, .. } = message.message;
                return Ok(Stored { seq, at_ms, subject: subject.to_string(), payload });
            }
            return Err(self.out_of_order(seq, is_complete));
        }
    }

    /// A consumer that is to begin before the beginning begins at the beginning: an error when it was to.
    async fn is_trimmed(&self) -> Result<(), LogError> {
        let first = desk::first_seq(&self.connection, &self.stream, &self.desk).await?;
        let wanted = self.next;
        if first <= wanted {
            return Ok(());
        }
        Err(LogError::Trimmed { desk: self.desk.clone(), first, wanted })
    }

    /// Whether the broker keeps the next message back. A record that it can't read (its bytes on the disk are damaged)
    /// is passed over in silence: a reader would wait for ever at the end of a log that looks whole.
    async fn look(&mut self) -> Result<(), LogError> {
        let last = desk::last_seq(&self.connection, &self.stream, &self.desk).await;
        if last.unwrap_or(0) < self.next {
            (self.withheld, self.missing) = (0, 0);
            return Ok(());
        }
        let body = json!({"seq": self.next});
        match self.connection.api(&format!("STREAM.MSG.GET.{}", self.stream), &body).await {
            Ok(_) => self.withheld += 1,
            Err(ApiError::Refused { code: code::NO_MESSAGE, .. }) => self.missing += 1,
            Err(_) => {}
        }
        if self.missing >= MISSING_TIMES {
            let reason = "the broker counts this record and can't read it: its store is damaged; restore the stream \
                          from a backup or a replica";
            return Err(LogError::Broken { desk: self.desk.clone(), seq: self.next, reason: reason.into() });
        }
        if self.withheld >= MISSING_TIMES {
            return Err(self.unavailable("the broker does not deliver what it has"));
        }
        Ok(())
    }

    /// A delivery that was lost on the way is asked for again; one that the broker passed over is missing there.
    fn out_of_order(&self, seq: u64, is_complete: bool) -> LogError {
        if !is_complete {
            return self.unavailable("a delivery was lost on the way");
        }
        let reason = format!(
            "sequence {} has to come here: records are missing; restore the stream from an archive or a replica",
            self.next
        );
        LogError::Broken { desk: self.desk.clone(), seq, reason }
    }

    fn unavailable(&self, reason: &str) -> LogError {
        LogError::Unavailable { desk: self.desk.clone(), reason: reason.to_owned() }
    }
}

/// Nanoseconds since 1970 as milliseconds.
pub(crate) fn millis(nanos: i128) -> i64 {
    i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX)
}
