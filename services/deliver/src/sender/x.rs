//! X: replies as posts, private answers as direct messages. X has no idempotency key: what may have arrived is looked
//! for among our own posts, and unknown where it can't be found. A thread goes on after the part that is posted.

mod tokens;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use reqwest::{Client, Method};
use simpang_channels::outgoing::{found, x as outgoing};
use simpang_channels::x::length;
use simpang_proto::log::v1::{DeliveryOutcome, ReplyKind, Visibility};

use self::tokens::Tokens;
use super::http::{self, Answered};
use super::parts::{Parts, left};
use super::{Outcome, Sender, Sent, is_automatic};
use crate::options::X;
use crate::parcel::{Message, Parcel};

/// Wait while nobody has put in a token.
const TOKEN_MS: i64 = 600_000;
/// How often a post that may have arrived is looked for, and the wait before each time: X shows posts a little late.
const LOOKS: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// Sends to X.
#[derive(Debug)]
pub(super) struct XSender {
    client: Client,
    options: Option<X>,
    tokens: Option<Tokens>,
    /// Ids of our accounts, as X said.
    ours: Mutex<HashMap<String, String>>,
    /// Posted parts of threads that have to go on.
    posted: Parts,
}

/// Where to and for which account.
struct Route<'a> {
    base: &'a str,
    account: &'a str,
    tokens: &'a Tokens,
}

impl XSender {
    pub(super) fn new(client: Client, options: Option<X>) -> Self {
        let tokens = options.as_ref().map(|options| Tokens::new(client.clone(), options));
        Self { client, options, tokens, ours: Mutex::default(), posted: Parts::default() }
    }

    fn route<'a>(&'a self, parcel: &'a Parcel) -> Result<Route<'a>, Outcome> {
        let missing = || Outcome::retry("no X token for this account: add it to the configuration", TOKEN_MS);
        let base = &self.options.as_ref().ok_or_else(missing)?.base_url;
        let tokens = self.tokens.as_ref().ok_or_else(missing)?;
        Ok(Route { base, account: &parcel.account, tokens })
    }

    /// What an attempt left that nobody saw the end of. A thread counts when all its parts are posted; of one that
    /// breaks off it is told how far it came.
    async fn left_behind(&self, parcel: &Parcel, since_ms: i64) -> Result<Option<Outcome>, Outcome> {
        let (route, answered) = (self.route(parcel)?, parcel.answered()?);
        if answered.visibility == Visibility::Private {
            return Ok(self.message_of(&route, &answered.content.reply_to, parcel, since_ms).await);
        }
        if parcel.reply == ReplyKind::Private {
            let person = self.user_id(&route, answered).await?;
            return Ok(self.message_of(&route, &person, parcel, since_ms).await);
        }
        let parts = parts(parcel)?;
        let mut posted: Vec<String> = Vec::new();
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            posted = self.listed(&route, &answered.content.reply_to, &parts).await?;
            if posted.len() == parts.len() {
                break;
            }
        }
        Ok(left("x", &posted, parts.len()))
    }

    async fn try_once(&self, parcel: &Parcel) -> Result<Outcome, Outcome> {
        let route = self.route(parcel)?;
        let answered = parcel.answered()?;
        if answered.visibility == Visibility::Private {
            return self.direct(&route, &answered.content.reply_to, parcel).await;
        }
        if parcel.reply == ReplyKind::Private {
            let person = self.user_id(&route, answered).await?;
            return self.direct(&route, &person, parcel).await;
        }
        let parts = parts(parcel)?;
        self.posts(&route, &answered.content.reply_to, &parts, parcel).await
    }

    /// Posts part after part, each an answer to the one before. What an earlier attempt posted is not posted again.
    async fn posts(
        &self,
        route: &Route<'_>,
        to: &str,
        parts: &[String],
        parcel: &Parcel,
    ) -> Result<Outcome, Outcome> {
        let url = format!("{}/2/tweets", route.base);
        let mut posted = self.posted_before(route, to, parts, parcel).await?;
        while let Some(text) = parts.get(posted.len()) {
            let to = posted.last().map_or(to, String::as_str);
            let outcome =
                match self.call(route, Method::POST, &url, Some(outgoing::post_body(text, to))).await {
                    Ok(answer) => judge(&answer, |id| Sent::same("x", id)),
                    Err(outcome) => outcome,
                };
            let outcome = match outcome.class {
                DeliveryOutcome::Unknown => self.look(route, to, text).await.unwrap_or(outcome),
                _ => outcome,
            };
            match outcome.sent.filter(|_| outcome.class == DeliveryOutcome::Delivered) {
                Some(sent) => posted.push(sent.source_id),
                None => {
                    let ended = Outcome { sent: None, ..outcome };
                    return Ok(self.posted.broke_off("x", &posted, parts.len(), ended, parcel));
                }
            }
        }
        self.posted.forget(parcel);
        let first = posted.into_iter().next();
        let first = first.ok_or_else(|| Outcome::refused("the text is empty"))?;
        Ok(Outcome::delivered("accepted", Some(Sent::same("x", first))))
    }

    /// Parts that earlier attempts posted: as remembered, or as X lists our posts.
    async fn posted_before(
        &self,
        route: &Route<'_>,
        to: &str,
        parts: &[String],
        parcel: &Parcel,
    ) -> Result<Vec<String>, Outcome> {
        let known = self.posted.known(parcel);
        if known.is_some() || parcel.attempt <= 1 || parts.len() < 2 {
            return Ok(known.unwrap_or_default());
        }
        self.listed(route, to, parts).await.map_err(|outcome| {
            Outcome::retry(format!("looking for the parts that are posted: {}", outcome.detail), 0)
        })
    }

    /// The parts of a thread that X lists among our posts, from the first on.
    async fn listed(&self, route: &Route<'_>, to: &str, parts: &[String]) -> Result<Vec<String>, Outcome> {
        let listing = self.our_posts(route).await?;
        let mut posted: Vec<String> = Vec::new();
        for text in parts {
            let Some(id) = found::post(&listing.body, posted.last().map_or(to, String::as_str), text) else {
                break;
            };
            posted.push(id);
        }
        Ok(posted)
    }

    /// Looks for a post that may have arrived.
    async fn look(&self, route: &Route<'_>, to: &str, text: &str) -> Option<Outcome> {
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            let Ok(listing) = self.our_posts(route).await else { continue };
            if let Some(id) = found::post(&listing.body, to, text) {
                return Some(Outcome::delivered("found among our posts", Some(Sent::same("x", id))));
            }
        }
        None
    }

    async fn our_posts(&self, route: &Route<'_>) -> Result<Answered, Outcome> {
        let us = self.our_id(route).await?;
        let fields = "max_results=100&tweet.fields=referenced_tweets,note_tweet";
        self.listing(route, &format!("{}/2/users/{us}/tweets?{fields}", route.base)).await
    }

    async fn our_id(&self, route: &Route<'_>) -> Result<String, Outcome> {
        let known = self.ours.lock().unwrap_or_else(PoisonError::into_inner).get(route.account).cloned();
        if let Some(id) = known {
            return Ok(id);
        }
        let answer = self.listing(route, &format!("{}/2/users/me", route.base)).await?;
        let id = answer.text("data", "id").filter(|id| id.bytes().all(|b| b.is_ascii_digit()));
        let id = id.ok_or_else(|| Outcome::unknown("X does not say who we are"))?;
        self.ours.lock().unwrap_or_else(PoisonError::into_inner).insert(route.account.to_owned(), id.clone());
        Ok(id)
    }

    async fn listing(&self, route: &Route<'_>, url: &str) -> Result<Answered, Outcome> {
        let answer = self.call(route, Method::GET, url, None).await?;
        match answer.status {
            200..=299 => Ok(answer),
            status => Err(Outcome::unknown(format!("HTTP {status}"))),
        }
    }

    /// Direct messages name no message they answer: the person's next one finds the case by who they are.
    async fn direct(&self, route: &Route<'_>, person: &str, parcel: &Parcel) -> Result<Outcome, Outcome> {
        if person.is_empty() || !person.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Outcome::refused("the message does not tell who wrote it"));
        }
        if parcel.text.chars().count() > outgoing::MESSAGE_CHARS_MAX {
            return Err(Outcome::refused("the text is longer than a direct message may be"));
        }
        let url = format!("{}/2/dm_conversations/with/{person}/messages", route.base);
        let sent = |id: String| message_sent(person, id);
        let body = Some(outgoing::direct_message_body(&parcel.text));
        let began_ms = super::now_ms();
        let outcome = match self.call(route, Method::POST, &url, body).await {
            Ok(answer) => judge(&answer, sent),
            Err(outcome) => outcome,
        };
        if outcome.class != DeliveryOutcome::Unknown {
            return Ok(outcome);
        }
        Ok(self.message_of(route, person, parcel, began_ms).await.unwrap_or(outcome))
    }

    /// A direct message of ours that may have arrived.
    async fn message_of(
        &self,
        route: &Route<'_>,
        person: &str,
        parcel: &Parcel,
        began_ms: i64,
    ) -> Option<Outcome> {
        let id = self.look_for_message(route, person, &parcel.text, began_ms).await?;
        Some(Outcome::delivered("found in the talk", Some(message_sent(person, format!("dm:{id}")))))
    }

    async fn look_for_message(
        &self,
        route: &Route<'_>,
        person: &str,
        text: &str,
        began_ms: i64,
    ) -> Option<String> {
        if person.is_empty() || !person.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let us = self.our_id(route).await.ok()?;
        let fields = "max_results=20&dm_event.fields=text,sender_id,created_at&event_types=MessageCreate";
        let url = format!("{}/2/dm_conversations/with/{person}/dm_events?{fields}", route.base);
        tokio::time::sleep(LOOKS[0]).await;
        let listing = self.listing(route, &url).await.ok()?;
        found::direct_message(&listing.body, &us, text, began_ms - super::CLOCKS_MS)
    }

    /// The id of whoever wrote a post. Asking does no harm, so that it may be asked again.
    async fn user_id(&self, route: &Route<'_>, answered: &Message) -> Result<String, Outcome> {
        let handle = answered.content.from_address.trim_start_matches('@');
        if handle.is_empty() || !handle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(Outcome::refused("the post does not tell who wrote it"));
        }
        let url = format!("{}/2/users/by/username/{handle}", route.base);
        let again = |detail: String| Outcome::retry(format!("asking who wrote the post: {detail}"), 0);
        let asked = self.call(route, Method::GET, &url, None).await;
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

    /// One call with the account's token; once more with a new one where X says that the token is at its end.
    async fn call(
        &self,
        route: &Route<'_>,
        method: Method,
        url: &str,
        body: Option<String>,
    ) -> Result<Answered, Outcome> {
        let token = route.tokens.get(route.account, None).await?;
        let answer = self.ask(method.clone(), url, &token, body.clone()).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let token = route.tokens.get(route.account, Some(&token)).await?;
        self.ask(method, url, &token, body).await
    }

    async fn ask(
        &self,
        method: Method,
        url: &str,
        token: &str,
        body: Option<String>,
    ) -> Result<Answered, Outcome> {
        let request = self.client.request(method, url).bearer_auth(token);
        http::ask(match body {
            Some(body) => request.header("content-type", "application/json").body(body),
            None => request,
        })
        .await
    }
}
impl Sender for XSender {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { self.try_once(parcel).await.unwrap_or_else(|outcome| outcome) })
    }

    fn find<'a>(&'a self, parcel: &'a Parcel, since_ms: i64) -> BoxFuture<'a, Option<Outcome>> {
        Box::pin(async move { self.left_behind(parcel, since_ms).await.ok().flatten() })
    }
}

/// A direct message: the person's next one finds the case.
fn message_sent(person: &str, id: String) -> Sent {
    Sent { channel: "x", found_by: format!("dm-with:{person}"), source_id: id }
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
