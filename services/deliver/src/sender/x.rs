//! X: replies as posts, private answers as direct messages. X has no idempotency key, so that whatever may have
//! arrived is unknown.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use reqwest::Client;
use simpang_channels::outgoing::x as outgoing;
use simpang_channels::x::length;
use simpang_proto::log::v1::{DeliveryOutcome, ReplyKind, Visibility};

use super::http::{self, Answered};
use super::{Outcome, Sender, Sent, is_automatic};
use crate::options::X;
use crate::parcel::{Message, Parcel};

/// Wait while nobody has put in a token.
const TOKEN_MS: i64 = 600_000;
/// Longest direct message.
const MESSAGE_CHARS: usize = 10_000;

/// Sends to X.
#[derive(Debug)]
pub(super) struct XSender {
    client: Client,
    options: Option<X>,
}

/// Where to and with which token.
struct Route<'a> {
    base: &'a str,
    token: &'a str,
}

impl XSender {
    pub(super) fn new(client: Client, options: Option<X>) -> Self {
        Self { client, options }
    }

    async fn try_once(&self, parcel: &Parcel) -> Result<Outcome, Outcome> {
        let route = self.route(&parcel.account)?;
        let answered = parcel.answered()?;
        if answered.visibility == Visibility::Private {
            return self.direct(&route, &answered.content.reply_to, parcel).await;
        }
        if parcel.reply == ReplyKind::Private {
            let person = self.user_id(&route, answered).await?;
            return self.direct(&route, &person, parcel).await;
        }
        let parts = parts(parcel)?;
        Ok(self.posts(&route, &answered.content.reply_to, &parts).await)
    }

    fn route(&self, account: &str) -> Result<Route<'_>, Outcome> {
        let missing = || Outcome::retry("no X token for this account: add it to the configuration", TOKEN_MS);
        let options = self.options.as_ref().ok_or_else(missing)?;
        let token = options.accounts.get(account).ok_or_else(missing)?;
        Ok(Route { base: &options.base_url, token: token.reveal() })
    }

    /// Posts part after part, each an answer to the one before. When one fails after another was posted, the whole
    /// can neither be sent again nor called delivered.
    async fn posts(&self, route: &Route<'_>, to: &str, parts: &[String]) -> Outcome {
        let url = format!("{}/2/tweets", route.base);
        let mut first: Option<Outcome> = None;
        let mut to = to.to_owned();
        for (index, text) in parts.iter().enumerate() {
            let outcome = match self.post(route, &url, outgoing::post_body(text, &to)).await {
                Ok(answer) => judge(&answer, |id| Sent::same("x", id)),
                Err(outcome) => outcome,
            };
            if outcome.class != DeliveryOutcome::Delivered {
                let Some(first) = first else { return outcome };
                let detail = format!("{index} of {} parts are posted, then: {}", parts.len(), outcome.detail);
                return Outcome { sent: first.sent, ..Outcome::unknown(detail) };
            }
            to = outcome.sent.as_ref().map(|sent| sent.source_id.clone()).unwrap_or_default();
            first.get_or_insert(outcome);
        }
        first.unwrap_or_else(|| Outcome::refused("the text is empty"))
    }

    /// Direct messages name no message they answer: the person's next one finds the case by who they are.
    async fn direct(&self, route: &Route<'_>, person: &str, parcel: &Parcel) -> Result<Outcome, Outcome> {
        if person.is_empty() || !person.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Outcome::refused("the message does not tell who wrote it"));
        }
        if parcel.text.chars().count() > MESSAGE_CHARS {
            return Err(Outcome::refused("the text is longer than a direct message may be"));
        }
        let url = format!("{}/2/dm_conversations/with/{person}/messages", route.base);
        let answer = self.post(route, &url, outgoing::direct_message_body(&parcel.text)).await?;
        let found_by = format!("dm-with:{person}");
        Ok(judge(&answer, |id| Sent { channel: "x", found_by, source_id: id }))
    }

    /// The id of whoever wrote a post. Asking does no harm, so that it may be asked again.
    async fn user_id(&self, route: &Route<'_>, answered: &Message) -> Result<String, Outcome> {
        let handle = answered.content.from_address.trim_start_matches('@');
        if handle.is_empty() || !handle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(Outcome::refused("the post does not tell who wrote it"));
        }
        let url = format!("{}/2/users/by/username/{handle}", route.base);
        let again = |detail: String| Outcome::retry(format!("asking who wrote the post: {detail}"), 0);
        let asked = http::ask(self.client.get(url).bearer_auth(route.token)).await;
        let answer = asked.map_err(|outcome| again(outcome.detail))?;
        match answer.text("data", "id") {
            Some(id) => Ok(id),
            None if answer.status < 300 => Err(Outcome::refused("X knows nobody of this name")),
            None => match judge(&answer, |id| Sent::same("x", id)) {
                outcome if outcome.class == DeliveryOutcome::Unknown => Err(again(outcome.detail)),
                outcome => Err(outcome),
            },
        }
    }

    async fn post(&self, route: &Route<'_>, url: &str, body: String) -> Result<Answered, Outcome> {
        let request = self.client.post(url).bearer_auth(route.token);
        http::ask(request.header("content-type", "application/json").body(body)).await
    }
}

impl Sender for XSender {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { self.try_once(parcel).await.unwrap_or_else(|outcome| outcome) })
    }
}

fn judge(answer: &Answered, sent: impl FnOnce(String) -> Sent) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    http::outcome(answer.judge(|answer| outgoing::read_answer(answer, now)), sent)
}

/// The posts that a parcel's text makes (M5).
fn parts(parcel: &Parcel) -> Result<Vec<String>, Outcome> {
    let too_long = |_| Outcome::refused("the text is empty, or too long even for a thread");
    if parcel.reply == ReplyKind::Thread || is_automatic(parcel.kind) {
        return length::parts(&parcel.text).map_err(too_long);
    }
    if length::fits(&parcel.text) {
        return Ok(vec![parcel.text.clone()]);
    }
    let (long, most) = (length::weighted(&parcel.text), length::POST_MAX);
    Err(Outcome::refused(format!(
        "the text counts {long} of at most {most}: shorten it or send it as a thread"
    )))
}
