//! `POST /v1/messages`: the same as gRPC Push, for programs without gRPC. Fields are named as in `ingest.proto`;
//! channel, kind and visibility are words in lower case, `raw` is base64. A list of messages is answered with a verdict
//! for each, in its order.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use simpang_access::Principal;
use simpang_log::DeskName;
use simpang_proto::ingest::v1 as api;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::{Refused, Shared};
use crate::counters::{self, Reason, Source};
use crate::grpc::push_one;
use crate::mapping::Refusal;
use crate::messages::{self, NotTaken};
use crate::ticket::Ticket;

const PUSH: &str = "simpang.ingest.v1.Ingest/Push";
/// Most messages in a list, as in a frame of PushStream.
const LIST_MAX: usize = 1_000;

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

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    /// To one message.
    One(Accepted),
    /// To a list, in its order.
    List { verdicts: Vec<Verdict> },
}

/// What became of one message of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It stands on the log.
    Accepted(Accepted),
    /// It will not, as it is.
    Refused { reason: &'static str, detail: String },
}

/// Takes one message or a list.
pub(super) async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Answer>, Refused> {
    let metadata = MetadataMap::from_headers(headers.clone());
    let principal = shared.gatekeeper.authorise(&metadata, PUSH, "", |_| Vec::new()).map_err(|status| {
        counters::refused(Source::Http, Reason::Forbidden);
        refused(&status)
    })?;
    let body = super::body(Source::Http, body)?;
    let traceparent = simpang_trace::of_header(Some(super::header(&headers, "traceparent")));
    if body.trim_ascii_start().starts_with(b"[") {
        return receive_list(&shared, &principal, &body, &traceparent).await.map(Json);
    }
    let message = read(&body).map_err(invalid)?;
    let pushed = push_one(&shared.intake, &principal, message, &traceparent).await.map_err(|not_taken| {
        messages::count(Source::Http, &not_taken);
        refused(&messages::status(not_taken))
    })?;
    counters::accepted(Source::Http, 1);
    Ok(Json(Answer::One(accepted(pushed.places))))
}

fn invalid(detail: String) -> Refused {
    counters::refused(Source::Http, Reason::Invalid);
    Refused::new(StatusCode::BAD_REQUEST, detail)
}

fn accepted(places: Vec<api::Place>) -> Accepted {
    let place = |p: api::Place| Place { desk: p.desk, seq: p.seq, index: p.index };
    Accepted { places: places.into_iter().map(place).collect() }
}

/// A message of a list on its way.
enum Queued {
    Accepted(DeskName, Ticket),
    Refused(Refusal),
}

/// Takes a list; answered once all of it that is taken stands on the log. When the log goes away in between, all of it
/// is to be sent again: what stands there already is judged as a repeat.
async fn receive_list(
    shared: &Shared,
    principal: &Principal,
    body: &[u8],
    traceparent: &str,
) -> Result<Answer, Refused> {
    let list: Vec<serde_json::Value> =
        serde_json::from_slice(body).map_err(|error| invalid(format!("not a list of messages: {error}")))?;
    if list.is_empty() {
        return Err(invalid("the list has no messages".into()));
    }
    if list.len() > LIST_MAX {
        counters::refused(Source::Http, Reason::TooLarge);
        let detail = format!("the list has {} messages: send at most {LIST_MAX} at once", list.len());
        return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let away = |away: NotTaken| {
        messages::count(Source::Http, &away);
        refused(&messages::status(away))
    };
    let mut queued = Vec::with_capacity(list.len());
    for message in list {
        match queue(shared, principal, message, traceparent).await {
            Err(NotTaken::Refused(refusal)) => queued.push(Queued::Refused(refusal)),
            taken => queued.push(taken.map_err(away)?),
        }
    }
    let mut verdicts = Vec::with_capacity(queued.len());
    for message in queued {
        verdicts.push(match message {
            Queued::Refused(refusal) => {
                let reason = messages::reason_word(refusal.reason);
                Verdict::Refused { reason, detail: refusal.detail }
            }
            Queued::Accepted(desk, ticket) => {
                let place = ticket.place().await.map_err(|error| away(NotTaken::Away(error.into())))?;
                counters::accepted(Source::Http, 1);
                Verdict::Accepted(accepted(vec![messages::place(&desk, place)]))
            }
        });
    }
    Ok(Answer::List { verdicts })
}

/// Checks a message and hands it to its desk's log, without waiting for it to stand there.
async fn queue(
    shared: &Shared,
    principal: &Principal,
    message: serde_json::Value,
    traceparent: &str,
) -> Result<Queued, NotTaken> {
    let message = serde_json::from_value(message).map_err(|error| format!("not a message: {error}"));
    let message = message
        .and_then(of_json)
        .map_err(|detail| NotTaken::Refused(Refusal::new(api::RefusalReason::Invalid, detail)));
    let prepared = match message {
        Ok(message) => messages::prepare(&shared.intake, principal, message, traceparent).await,
        Err(not_taken) => Err(not_taken),
    };
    let prepared = prepared.inspect_err(|not_taken| {
        // What is away is counted once, where the whole list is turned away.
        if matches!(not_taken, NotTaken::Refused(_)) {
            messages::count(Source::Http, not_taken);
        }
    })?;
    let ticket = shared.intake.submit(Source::Http, &prepared.desk, &prepared.input).await?;
    Ok(Queued::Accepted(prepared.desk, ticket))
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
    of_json(serde_json::from_slice(body).map_err(|error| format!("not a message: {error}"))?)
}

fn of_json(message: Message) -> Result<api::Message, String> {
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
