//! JSON posts: notifications to a group's webhook, and answers on channels of other gateways.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use reqwest::Client;
use serde_json::json;
use simpang_channels::outgoing::{SIGNATURE_HEADER, webhook_signature};
use simpang_proto::log::v1::{Attachment, DeliveryKind, DeliveryOutcome};

use super::{Outcome, Sender, Sent, http};
use crate::options::Secret;
use crate::parcel::{Parcel, Target};

/// Wait while nobody has put in an address.
const ADDRESS_MS: i64 = 600_000;

/// Posts to webhooks.
#[derive(Debug)]
pub(super) struct WebhookSender {
    client: Client,
    other: BTreeMap<String, String>,
    secret: Option<Secret>,
}

impl WebhookSender {
    pub(super) fn new(client: Client, other: BTreeMap<String, String>, secret: Option<Secret>) -> Self {
        Self { client, other, secret }
    }

    fn address<'a>(&'a self, parcel: &'a Parcel) -> Option<&'a str> {
        match &parcel.target {
            Some(Target::Webhook(url)) => Some(url),
            _ => self.other.get(&parcel.account).map(String::as_str),
        }
    }

    async fn try_once(&self, parcel: &Parcel) -> Outcome {
        let Some(url) = self.address(parcel) else {
            return Outcome::retry(
                "no address for answers of this account: add it to the configuration",
                ADDRESS_MS,
            );
        };
        let body = body(parcel).to_string();
        let request = self.client.post(url).header("idempotency-key", &parcel.stable_id);
        let request = match &self.secret {
            Some(secret) => {
                let at_s = super::now_ms() / 1_000;
                request.header(SIGNATURE_HEADER, webhook_signature(secret.reveal().as_bytes(), at_s, &body))
            }
            None => request,
        };
        let request = request.header("content-type", "application/json").body(body);
        // A notification carries its own id and does no harm twice; an answer to a customer does.
        let again = parcel.kind == DeliveryKind::Notification;
        let answer = match http::ask(request).await {
            Ok(answer) => answer,
            Err(outcome) if again && outcome.class == DeliveryOutcome::Unknown => {
                return Outcome::retry(outcome.detail, 0);
            }
            Err(outcome) => return outcome,
        };
        let detail = format!("HTTP {}", answer.status);
        match answer.status {
            200..=299 => Outcome::delivered(detail, answer.text("", "id").map(|id| Sent::same("other", id))),
            408 | 425 | 429 | 503 => Outcome::retry(detail, 0),
            500..=599 if again => Outcome::retry(detail, 0),
            500..=599 => Outcome::unknown(detail),
            _ => Outcome::refused(detail),
        }
    }
}

impl Sender for WebhookSender {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        Box::pin(self.try_once(parcel))
    }
}

/// A notification tells what the template says and which case; an answer also to what.
fn body(parcel: &Parcel) -> serde_json::Value {
    let mut body = json!({
        "id": parcel.stable_id,
        "desk": parcel.desk,
        "case": parcel.case,
        "subject": parcel.subject,
        "text": parcel.text,
    });
    if parcel.kind != DeliveryKind::Notification
        && let Some(answered) = &parcel.message
    {
        body["account"] = parcel.account.as_str().into();
        body["to"] = answered.content.from_address.as_str().into();
        body["in_reply_to"] = answered.content.source_id.as_str().into();
    }
    if !parcel.files.is_empty() {
        body["attachments"] = parcel.files.iter().map(|file| file_of(&file.about)).collect();
    }
    body
}

/// What `simpang.view.v1.View/GetAttachment` gives the bytes of.
fn file_of(about: &Attachment) -> serde_json::Value {
    json!({
        "name": about.name,
        "media_type": about.media_type,
        "size": about.size,
        "digest": hex::encode(&about.digest),
    })
}
