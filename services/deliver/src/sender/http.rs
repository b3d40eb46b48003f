//! One request and what can be said of it: an answer, surely not sent, or nobody knows.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, redirect};
use simpang_channels::outgoing::{Answer, HttpAnswer};

use super::{Outcome, Sent};

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long to wait for an answer.
const ANSWER: Duration = Duration::from_secs(30);
/// Most bytes of an answer that are read.
const ANSWER_MAX: usize = 64 * 1024;

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answered {
    /// Lets a channel's reader judge it.
    pub(super) fn judge<T>(&self, read: impl FnOnce(&HttpAnswer<'_>) -> T) -> T {
        let headers = self.headers.iter();
        let headers: Vec<(&str, &str)> =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        read(&HttpAnswer { status: self.status, headers: &headers, body: &self.body })
    }

    /// A text of the body, in this object of it (empty: at its top).
    pub(super) fn text(&self, object: &str, field: &str) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let object = if object.is_empty() { &body } else { body.get(object)? };
        object.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

/// A client that follows no redirect (a token belongs to one address) and keeps no connection: one that the server
/// closes just then leaves everybody guessing.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    // The process chooses one; where it has not, ours is as good as any. An error says that one is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .pool_max_idle_per_host(0)
        .user_agent("simpang")
        .build()
}

/// Sends a request. An error is the outcome of the attempt.
pub(super) async fn ask(request: RequestBuilder) -> Result<Answered, Outcome> {
    let mut response = request.send().await.map_err(|error| failed(&error))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    // What the status says stands, whether or not all of the body arrives.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            break;
        }
    }
    Ok(Answered { status, headers, body: body.into() })
}

/// What can be said without an answer. Names no address: it may hold a token or a person's id.
fn failed(error: &reqwest::Error) -> Outcome {
    if error.is_builder() {
        Outcome::refused("the request could not be made: look at the channel's address in the configuration")
    } else if error.is_connect() {
        Outcome::retry("no connection", 0)
    } else if error.is_timeout() {
        Outcome::unknown("no answer in time after the request was sent")
    } else {
        Outcome::unknown("the connection broke after the request was sent")
    }
}

/// The outcome that a channel's answer makes; `sent` tells the ids of what was delivered from the one it gave.
pub(super) fn outcome(answer: Answer, sent: impl FnOnce(String) -> Sent) -> Outcome {
    match answer {
        Answer::Delivered { id } => Outcome::delivered("accepted", Some(sent(id))),
        Answer::Retry { after_ms, reason } => {
            Outcome::retry(reason, after_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0))
        }
        Answer::Refused { reason } => Outcome::refused(reason),
        Answer::Unknown { reason } => Outcome::unknown(reason),
    }
}
