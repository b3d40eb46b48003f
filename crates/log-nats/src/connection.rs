//! One connection to the broker: requests to JetStream's interface and acknowledged publishing, with outcomes told
//! apart: surely done, surely not done, not known.

use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::connection::State;
use async_nats::{Client, HeaderMap, jetstream};
use bytes::Bytes;
use serde_json::Value;
use simpang_log::port::{AppendError, CommitError, LogError};
use tokio::sync::watch;

/// The fence: publish only if the last message on the subject stands at this sequence.
const EXPECTED_LAST_SUBJECT_SEQUENCE: &str = "Nats-Expected-Last-Subject-Sequence";

/// JetStream's error codes that mean something here.
pub(crate) mod code {
    /// No message found.
    pub(crate) const NO_MESSAGE: u64 = 10_037;
    /// Message is larger than the stream allows.
    pub(crate) const MESSAGE_TOO_LARGE: u64 = 10_054;
    /// Stream name already in use with a different configuration.
    pub(crate) const STREAM_EXISTS: u64 = 10_058;
    /// Stream not found.
    pub(crate) const STREAM_NOT_FOUND: u64 = 10_059;
    /// Subjects overlap with an existing stream.
    pub(crate) const SUBJECTS_OVERLAP: u64 = 10_065;
    /// Wrong last sequence: the fence; its text ends with the sequence that is the last.
    pub(crate) const WRONG_LAST_SEQUENCE: u64 = 10_071;
    /// Stream is sealed.
    pub(crate) const STREAM_SEALED: u64 = 10_109;
    /// Wrong last sequence, from a replicated stream while another write to the subject is under way.
    pub(crate) const WRONG_LAST_SEQUENCE_IN_PROCESS: u64 = 10_164;
    /// Insufficient resources: memory or storage of the account or server.
    pub(crate) const INSUFFICIENT_RESOURCES: u64 = 10_023;
    /// JetStream is not enabled for the account; and for the server.
    pub(crate) const NOT_ENABLED: [u64; 2] = [10_039, 10_076];
}

/// A connection, shared by everything that was made from one store.
#[derive(Clone)]
pub(crate) struct Connection {
    client: Client,
    pub(crate) context: jetstream::Context,
    /// Counts the times that the connection was lost.
    losses: watch::Receiver<u64>,
    timeout: Duration,
}

/// What the broker answered, or that it did not.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// It refused, with its code and text.
    Refused { code: u64, text: String },
    /// Nobody answers: surely not done.
    Absent(String),
    /// No answer came: may be done.
    Unknown(String),
}

/// What became of a publish.
#[derive(Debug)]
pub(crate) enum PublishError {
    Fenced {
        last_seq: u64,
    },
    Refused(String),
    /// Not written, and never will be.
    TooLarge(String),
    Unknown(String),
}

impl Connection {
    pub(crate) fn new(client: Client, losses: watch::Receiver<u64>, timeout: Duration) -> Self {
        let mut context = jetstream::new(client.clone());
        context.set_timeout(timeout);
        Self { client, context, losses, timeout }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Follows the connection: the value changes whenever it is lost from here on.
    pub(crate) fn losses(&self) -> watch::Receiver<u64> {
        let mut losses = self.losses.clone();
        losses.mark_unchanged();
        losses
    }

    /// How often the connection was lost so far.
    pub(crate) fn lost_so_far(&self) -> u64 {
        *self.losses.borrow()
    }

    /// Waits for the connection for as long as a request may take. What is sent while there is none would wait in
    /// the client and go out at some later time, after its sender has read back that it did not.
    async fn connected(&self) -> Result<(), String> {
        let wait = async {
            // Polled, because the client announces a connection just before it counts as connected.
            while self.client.connection_state() != State::Connected {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let lost = |_| "not connected to the broker".to_owned();
        tokio::time::timeout(self.timeout, wait).await.map_err(lost)
    }

    /// Waits for the connection, then for an answer of the client, which does not come once the connection is lost.
    pub(crate) async fn while_connected<T>(&self, answer: impl Future<Output = T>) -> Result<T, String> {
        self.connected().await?;
        let mut losses = self.losses();
        tokio::select! {
            biased;
            answer = answer => Ok(answer),
            _ = losses.changed() => Err("the connection to the broker was lost".into()),
        }
    }

    /// Sends a request and waits for the answer, which does not come once the connection is lost.
    async fn request(&self, subject: String, request: Request) -> Result<Bytes, ApiError> {
        self.connected().await.map_err(ApiError::Absent)?;
        let mut losses = self.losses();
        let request = request.timeout(Some(self.timeout));
        let answer = tokio::select! {
            biased;
            answer = self.client.send_request(subject, request) => answer,
            _ = losses.changed() => {
                return Err(ApiError::Unknown("the connection to the broker was lost".into()));
            }
        };
        match answer {
            Ok(message) => Ok(message.payload),
            Err(error) => Err(match error.kind() {
                RequestErrorKind::NoResponders => ApiError::Absent(
                    "no stream answers: JetStream is not enabled, has no leader, or this user may not".into(),
                ),
                RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                    ApiError::Refused { code: code::MESSAGE_TOO_LARGE, text: error.to_string() }
                }
                RequestErrorKind::TimedOut => {
                    ApiError::Unknown(format!("no answer within {:?}", self.timeout))
                }
                RequestErrorKind::Other => ApiError::Unknown(error.to_string()),
            }),
        }
    }

    /// Asks JetStream's interface, such as `STREAM.INFO.<name>`.
    pub(crate) async fn api(&self, subject: &str, body: &Value) -> Result<Value, ApiError> {
        let payload = Bytes::from(body.to_string());
        answer(&self.request(format!("$JS.API.{subject}"), Request::new().payload(payload)).await?)
    }

    /// Publishes and waits for the acknowledgement; returns the sequence. With `expected`, only if the last message
    /// on the subject stands there (0: there is none), and only over a connection that stood when it was asked for: a
    /// broker that comes back may have lost what the message stands on.
    pub(crate) async fn publish(
        &self,
        subject: String,
        payload: Bytes,
        expected: Option<u64>,
        mut headers: HeaderMap,
    ) -> Result<u64, PublishError> {
        let mut request = Request::new().payload(payload);
        if let Some(expected) = expected {
            headers.insert(EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string().as_str());
            let lost = self.lost_so_far();
            self.connected().await.map_err(PublishError::Refused)?;
            if self.lost_so_far() != lost {
                let reason = "the connection to the broker was lost before it was sent".to_owned();
                return Err(PublishError::Unknown(reason));
            }
        }
        if !headers.is_empty() {
            request = request.headers(headers);
        }
        let ack = match self.request(subject, request).await {
            Ok(payload) => answer(&payload),
            Err(error) => Err(error),
        };
        match ack {
            Ok(ack) => ack.get("seq").and_then(Value::as_u64).ok_or_else(|| {
                PublishError::Unknown(format!("the acknowledgement states no sequence: {ack}"))
            }),
            Err(error) => Err(error.into()),
        }
    }
}

/// Reads an answer of JetStream: JSON, either with `error` or without.
fn answer(payload: &[u8]) -> Result<Value, ApiError> {
    let answer: Value = serde_json::from_slice(payload)
        .map_err(|error| ApiError::Unknown(format!("no JSON came back: {error}")))?;
    match answer.get("error") {
        None => Ok(answer),
        Some(error) => {
            let code = error.get("err_code").and_then(Value::as_u64).unwrap_or(0);
            let text = error.get("description").and_then(Value::as_str).unwrap_or("no description");
            Err(ApiError::Refused { code, text: text.to_owned() })
        }
    }
}

impl ApiError {
    /// As an error of reading or managing the log of `desk`.
    pub(crate) fn into_log_error(self, desk: &str) -> LogError {
        let desk = desk.to_owned();
        match self {
            Self::Refused { code: code::STREAM_NOT_FOUND, .. } => LogError::NoSuchDesk { desk },
            Self::Refused { code, text } if code::NOT_ENABLED.contains(&code) => LogError::Misconfigured {
                desk,
                reason: format!("{text}: add a `jetstream` block to its configuration"),
            },
            Self::Refused { code: code::SUBJECTS_OVERLAP, text } => LogError::Misconfigured {
                desk,
                reason: format!("another stream takes its subjects ({text})"),
            },
            Self::Refused { code, text } => {
                LogError::Unavailable { desk, reason: format!("{text} (code {code})") }
            }
            Self::Absent(reason) | Self::Unknown(reason) => LogError::Unavailable { desk, reason },
        }
    }
}

impl From<ApiError> for PublishError {
    /// Only what is known to leave nothing behind counts as refused.
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Refused { code, text } => match code {
                code::WRONG_LAST_SEQUENCE | code::WRONG_LAST_SEQUENCE_IN_PROCESS => {
                    Self::Fenced { last_seq: trailing_number(&text) }
                }
                code::MESSAGE_TOO_LARGE => Self::TooLarge(format!("{text} (code {code})")),
                code::STREAM_SEALED | code::STREAM_NOT_FOUND | code::INSUFFICIENT_RESOURCES => {
                    Self::Refused(format!("{text} (code {code})"))
                }
                _ => Self::Unknown(format!("{text} (code {code})")),
            },
            ApiError::Absent(reason) => Self::Refused(reason),
            ApiError::Unknown(reason) => Self::Unknown(reason),
        }
    }
}

impl From<PublishError> for AppendError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Fenced { .. } => Self::Refused("the broker refused the expected sequence".into()),
            PublishError::TooLarge(reason) => Self::TooLarge(reason),
            PublishError::Refused(reason) => Self::Refused(reason),
            PublishError::Unknown(reason) => Self::Unknown(reason),
        }
    }
}

impl PublishError {
    /// As an error of a commit that was to follow the one at `expected`.
    pub(crate) fn into_commit_error(self, expected: u64) -> CommitError {
        match self {
            Self::Fenced { last_seq } => CommitError::Fenced { expected, last_seq },
            Self::TooLarge(reason) | Self::Refused(reason) => CommitError::Refused(reason),
            Self::Unknown(reason) => CommitError::Unknown(reason),
        }
    }
}

/// The number at the end of "wrong last sequence: 17"; 0 when there is none.
fn trailing_number(text: &str) -> u64 {
    text.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_the_broker_are_told_apart() {
        let refusal = |code: u64, text: &str| {
            let error = format!(r#"{{"error":{{"code":400,"err_code":{code},"description":"{text}"}}}}"#);
            PublishError::from(answer(error.as_bytes()).unwrap_err())
        };
        let cases = [
            (refusal(10_071, "wrong last sequence: 17"), "Fenced { last_seq: 17 }"),
            (refusal(10_164, "wrong last sequence"), "Fenced { last_seq: 0 }"),
            (refusal(10_054, "message size exceeds"), "TooLarge(\"message size exceeds (code 10054)\")"),
            (refusal(10_077, "store is closed"), "Unknown(\"store is closed (code 10077)\")"),
            (answer(b"{").unwrap_err().into(), "Unknown(\"no JSON came back: "),
        ];
        for (error, expected) in cases {
            assert!(format!("{error:?}").starts_with(expected), "{error:?} is not {expected}");
        }
        assert_eq!(answer(br#"{"stream":"S","seq":3}"#).unwrap()["seq"], 3);
    }
}
