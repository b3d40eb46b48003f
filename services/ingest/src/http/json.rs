//! `POST /v1/messages`: the same as gRPC Push, for programs without gRPC. Fields are named as in `ingest.proto`;
//! channel, kind and visibility are words in lower case, `raw` is base64.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use simpang_proto::ingest::v1 as api;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::{Refused, Shared};
use crate::counters::{self, Reason, Source};
use crate::grpc::push_one;
use crate::messages;

const PUSH: &str = "simpang.ingest.v1.Ingest/Push";

/// Where an accepted message stands.
#[derive(Debug, Serialize)]
pub(super) struct Accepted {
    places: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Place {
    desk: String,
    seq: u64,
    index: u32,
}

/// Takes one message.
pub(super) async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Accepted>, Refused> {
    let metadata = MetadataMap::from_headers(headers.clone());
    let principal = shared.gatekeeper.authorise(&metadata, PUSH, "", |_| Vec::new()).map_err(|status| {
        counters::refused(Source::Http, Reason::Forbidden);
        refused(&status)
    })?;
    let body = super::body(Source::Http, body)?;
    let message = read(&body).map_err(|detail| {
        counters::refused(Source::Http, Reason::Invalid);
        Refused::new(StatusCode::BAD_REQUEST, detail)
    })?;
    let traceparent = simpang_trace::of_header(Some(super::header(&headers, "traceparent")));
    let pushed = push_one(&shared.intake, &principal, message, &traceparent).await.map_err(|not_taken| {
        messages::count(Source::Http, &not_taken);
        refused(&messages::status(not_taken))
    })?;
    counters::accepted(Source::Http, 1);
    let place = |p: api::Place| Place { desk: p.desk, seq: p.seq, index: p.index };
    Ok(Json(Accepted { places: pushed.places.into_iter().map(place).collect() }))
}

pub(super) fn refused(status: &Status) -> Refused {
    let code = match status.code() {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::FailedPrecondition => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    Refused::new(code, status.message())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct Message {
    channel: Channel,
    account: String,
    id: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    visibility: Visibility,
    author: Option<Author>,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    html: String,
    #[serde(default)]
    answers: Vec<String>,
    #[serde(default)]
    conversations: Vec<String>,
    #[serde(default)]
    facts: Vec<Fact>,
    #[serde(default)]
    sent_at_ms: i64,
    #[serde(default)]
    automatic: bool,
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    permalink: String,
    #[serde(default)]
    reply_to: String,
    #[serde(default)]
    raw: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Channel {
    Email,
    X,
    Facebook,
    Call,
    Other,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    New,
    Edit,
    Remove,
    Bounce,
    Automatic,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Visibility {
    Public,
    #[default]
    Private,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Author {
    address: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attachment {
    name: String,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    size: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    name: String,
    value: FactValue,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum FactValue {
    Flag(bool),
    Number(i64),
    Text(String),
}

/// Reads a body; the error says line, column and field without quoting what was written.
fn read(body: &[u8]) -> Result<api::Message, String> {
    let message: Message = serde_json::from_slice(body).map_err(|error| format!("not a message: {error}"))?;
    let raw = STANDARD.decode(&message.raw).map_err(|error| format!("`raw` is not base64: {error}"))?;
    Ok(api::Message {
        channel: channel(message.channel).into(),
        account: message.account,
        id: message.id,
        kind: kind(message.kind).into(),
        visibility: visibility(message.visibility).into(),
        author: message.author.map(|a| api::Author { address: a.address, name: a.name, aliases: a.aliases }),
        subject: message.subject,
        text: message.text,
        html: message.html,
        answers: message.answers,
        conversations: message.conversations,
        facts: message.facts.into_iter().map(fact).collect(),
        sent_at_ms: message.sent_at_ms,
        automatic: message.automatic,
        attachments: message.attachments.into_iter().map(attachment).collect::<Result<_, _>>()?,
        permalink: message.permalink,
        reply_to: message.reply_to,
        raw,
    })
}

fn channel(channel: Channel) -> api::Channel {
    match channel {
        Channel::Email => api::Channel::Email,
        Channel::X => api::Channel::X,
        Channel::Facebook => api::Channel::Facebook,
        Channel::Call => api::Channel::Call,
        Channel::Other => api::Channel::Other,
    }
}

fn kind(kind: Kind) -> api::MessageKind {
    match kind {
        Kind::New => api::MessageKind::New,
        Kind::Edit => api::MessageKind::Edit,
        Kind::Remove => api::MessageKind::Remove,
        Kind::Bounce => api::MessageKind::Bounce,
        Kind::Automatic => api::MessageKind::Automatic,
    }
}

fn visibility(visibility: Visibility) -> api::Visibility {
    match visibility {
        Visibility::Public => api::Visibility::Public,
        Visibility::Private => api::Visibility::Private,
    }
}

fn fact(fact: Fact) -> api::Fact {
    use api::fact::Value;
    let value = match fact.value {
        FactValue::Flag(flag) => Value::Flag(flag),
        FactValue::Number(number) => Value::Number(number),
        FactValue::Text(text) => Value::Text(text),
    };
    api::Fact { name: fact.name, value: Some(value) }
}

fn attachment(attachment: Attachment) -> Result<api::Attachment, String> {
    let Attachment { name, media_type, url, digest, size } = attachment;
    let digest =
        hex::decode(digest).map_err(|error| format!("`attachments.digest` is not hexadecimal: {error}"))?;
    Ok(api::Attachment { name, media_type, url, digest, size })
}
