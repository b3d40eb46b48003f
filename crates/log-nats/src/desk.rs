//! One desk's log as a JetStream stream.

use std::fmt::{self, Debug};

use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageError, Stream};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use simpang_log::port::{
    AppendError, BoxFuture, CommitError, DeskLog, DeskName, Door, LogError, Record, RecordKind, RecordStream,
};

use crate::connection::{ApiError, Connection, code};
use crate::read::{self, Stored, millis};

/// A desk's log on NATS.
pub(crate) struct NatsDesk {
    desk: DeskName,
    connection: Connection,
    stream: Stream<()>,
    stream_name: String,
}

/// The stream of a desk, or of the directory.
pub(crate) fn stream_name(desk: &str) -> String {
    format!("SIMPANG_{desk}")
}

/// All subjects of a desk: one for each door, and the commits'.
pub(crate) fn subjects(desk: &DeskName) -> Vec<String> {
    let inputs = Door::ALL.map(RecordKind::Input);
    inputs.into_iter().chain([RecordKind::Commit]).map(|kind| kind.subject(desk)).collect()
}

impl NatsDesk {
    pub(crate) async fn new(desk: DeskName, connection: Connection) -> Result<Self, LogError> {
        let stream_name = stream_name(desk.as_str());
        let stream =
            connection.context.get_stream_no_info(&stream_name).await.map_err(|error| {
                LogError::Unavailable { desk: desk.to_string(), reason: error.to_string() }
            })?;
        Ok(Self { desk, connection, stream, stream_name })
    }

    fn record(&self, stored: Stored) -> Result<Record, LogError> {
        let Stored { seq, at_ms, subject, payload } = stored;
        match RecordKind::of_subject(&subject, &self.desk) {
            Some(kind) => Ok(Record { seq, at_ms, kind, payload }),
            None => {
                let reason = format!("a record stands on subject {subject}, which no service writes");
                Err(LogError::Broken { desk: self.desk.to_string(), seq, reason })
            }
        }
    }

    /// What the leader says stands somewhere.
    async fn found(
        &self,
        answer: impl Future<Output = Result<StreamMessage, RawMessageError>>,
    ) -> Result<Option<Record>, LogError> {
        let lost = |reason| LogError::Unavailable { desk: self.desk.to_string(), reason };
        let message = match self.connection.while_connected(answer).await.map_err(lost)? {
            Ok(message) => message,
            Err(error) => return self.not_found(&error),
        };
        let at_ms = millis(message.time.unix_timestamp_nanos());
        let StreamMessage { subject, sequence, payload, .. } = message;
        self.record(Stored { seq: sequence, at_ms, subject: subject.to_string(), payload }).map(Some)
    }

    fn not_found(&self, error: &RawMessageError) -> Result<Option<Record>, LogError> {
        let desk = self.desk.to_string();
        match error.kind() {
            LastRawMessageErrorKind::NoMessageFound => Ok(None),
            LastRawMessageErrorKind::JetStream(refusal) => match refusal.error_code().0 {
                code::NO_MESSAGE => Ok(None),
                code::STREAM_NOT_FOUND => Err(LogError::NoSuchDesk { desk }),
                _ => Err(LogError::Unavailable { desk, reason: error.to_string() }),
            },
            LastRawMessageErrorKind::InvalidSubject | LastRawMessageErrorKind::Other => {
                Err(LogError::Unavailable { desk, reason: error.to_string() })
            }
        }
    }
}

/// The last sequence of a stream, as its leader says.
pub(crate) async fn last_seq(connection: &Connection, stream: &str, desk: &str) -> Result<u64, LogError> {
    seq(connection, stream, desk, "last_seq").await
}

/// The sequence of a stream's first message, as its leader says; an empty stream's is 1.
pub(crate) async fn first_seq(connection: &Connection, stream: &str, desk: &str) -> Result<u64, LogError> {
    Ok(seq(connection, stream, desk, "first_seq").await?.max(1))
}

/// A sequence in a stream's state, as its leader says.
async fn seq(connection: &Connection, stream: &str, desk: &str, key: &str) -> Result<u64, LogError> {
    let info = connection
        .api(&format!("STREAM.INFO.{stream}"), &json!({}))
        .await
        .map_err(|error| error.into_log_error(desk))?;
    info["state"][key].as_u64().ok_or_else(|| {
        let reason = format!("the stream's information states no {key}");
        LogError::Unavailable { desk: desk.to_owned(), reason }
    })
}

/// Asks the broker to purge a part of a stream.
pub(crate) async fn purge(
    connection: &Connection,
    stream: &str,
    desk: &str,
    what: &Value,
) -> Result<(), LogError> {
    let refused = |reason: String| LogError::NotTrimmed { desk: desk.to_owned(), reason };
    let info = connection.api(&format!("STREAM.INFO.{stream}"), &json!({})).await;
    let info = info.map_err(|error| error.into_log_error(desk))?;
    if info["config"]["deny_purge"].as_bool().unwrap_or(false) {
        return Err(refused(format!(
            "stream {stream} was made with deny_purge, which can't be taken back; it keeps everything, unless it is \
             backed up and restored without (docs/archive.md, \"A desk from before\")"
        )));
    }
    match connection.api(&format!("STREAM.PURGE.{stream}"), what).await {
        Ok(_) => Ok(()),
        Err(ApiError::Refused { code, text }) => {
            Err(refused(format!("the broker says: {text} (code {code})")))
        }
        Err(ApiError::Absent(reason) | ApiError::Unknown(reason)) => Err(refused(format!(
            "{reason}; the broker lets only its administrative user purge (docs/operations.md, \"The broker's users\")"
        ))),
    }
}

impl Debug for NatsDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsDesk").field("desk", &self.desk).finish_non_exhaustive()
    }
}

impl DeskLog for NatsDesk {
    fn desk(&self) -> &DeskName {
        &self.desk
    }

    fn append(&self, door: Door, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        let subject = RecordKind::Input(door).subject(&self.desk);
        async move { Ok(self.connection.publish(subject, payload, None, HeaderMap::new()).await?) }.boxed()
    }

    fn commit(&self, payload: Bytes, previous_seq: u64) -> BoxFuture<'_, Result<u64, CommitError>> {
        let subject = RecordKind::Commit.subject(&self.desk);
        async move {
            let published =
                self.connection.publish(subject, payload, Some(previous_seq), HeaderMap::new()).await;
            published.map_err(|error| error.into_commit_error(previous_seq))
        }
        .boxed()
    }

    fn last_commit(&self) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        let subject = RecordKind::Commit.subject(&self.desk);
        async move { self.found(self.stream.get_last_raw_message_by_subject(&subject)).await }.boxed()
    }

    fn get(&self, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        async move {
            if seq == 0 {
                return Ok(None);
            }
            self.found(self.stream.get_raw_message(seq)).await
        }
        .boxed()
    }

    fn first_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        first_seq(&self.connection, &self.stream_name, self.desk.as_str()).boxed()
    }

    fn last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        last_seq(&self.connection, &self.stream_name, self.desk.as_str()).boxed()
    }

    fn trim(&self, first: u64) -> BoxFuture<'_, Result<(), LogError>> {
        async move {
            let last = self.last_commit().await?.map_or(0, |record| record.seq);
            if first > last {
                return Err(LogError::beyond_last_commit(&self.desk, first, last));
            }
            // The broker keeps what stands at `seq` and after; what it makes of a beginning it has none of is its own.
            if first <= self.first_seq().await? {
                return Ok(());
            }
            let what = json!({"seq": first});
            purge(&self.connection, &self.stream_name, self.desk.as_str(), &what).await
        }
        .boxed()
    }

    fn losses(&self) -> u64 {
        self.connection.lost_so_far()
    }

    fn read(&self, from: u64) -> BoxFuture<'_, Result<RecordStream, LogError>> {
        async move {
            let stored = read::read(&self.connection, &self.stream_name, self.desk.as_str(), from).await?;
            let desk = Self::new(self.desk.clone(), self.connection.clone()).await?;
            Ok(stored.map(move |stored| desk.record(stored?)).boxed())
        }
        .boxed()
    }
}

/// A JSON field as text, for lists of names.
pub(crate) fn names(answer: &Value) -> Vec<String> {
    answer["streams"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
