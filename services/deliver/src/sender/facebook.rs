//! Facebook: public answers as comments, private answers and Messenger as messages of the page. A long answer by
//! Messenger goes in parts, in order, and goes on after the part that is out.

use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::Client;
use simpang_channels::outgoing::{facebook as outgoing, found};
use simpang_proto::log::v1::{DeliveryOutcome, ReplyKind, Visibility};

use super::http::{self, Answered};
use super::parts::{Parts, left};
use super::{Outcome, Sender, Sent};
use crate::options::{Facebook, Page, Secret};
use crate::parcel::{Message, Parcel};

/// The version of the Graph API whose answers are read here.
const VERSION: &str = "v25.0";
/// For so long after a person's message the page may answer without a tag; a little less than their 24 hours.
const WINDOW_MS: i64 = (24 * 60 - 5) * 60 * 1_000;
/// How often what may have arrived is looked for, and the wait before each time.
const LOOKS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(2)];
/// Wait while nobody has put in a token.
const TOKEN_MS: i64 = 600_000;

/// Sends to Facebook.
#[derive(Debug)]
pub(super) struct FacebookSender {
    client: Client,
    options: Option<Facebook>,
    /// Parts of answers that have to go on.
    sent: Parts,
}

/// Which page's, and where.
struct Route<'a> {
    base: String,
    page: &'a Page,
}

impl Route<'_> {
    /// The proof that an app with a secret adds to each call, behind this sign.
    fn proof(&self, sign: &str) -> String {
        let proof = |secret: &Secret| {
            let proof = outgoing::appsecret_proof(secret.reveal().as_bytes(), self.page.token.reveal());
            format!("{sign}appsecret_proof={proof}")
        };
        self.page.app_secret.as_ref().map(proof).unwrap_or_default()
    }
}

impl FacebookSender {
    pub(super) fn new(client: Client, options: Option<Facebook>) -> Self {
        Self { client, options, sent: Parts::default() }
    }

    fn route(&self, parcel: &Parcel) -> Result<Route<'_>, Outcome> {
        let missing = || Outcome::retry("no token for this page: add it to the configuration", TOKEN_MS);
        let options = self.options.as_ref().ok_or_else(missing)?;
        let page = options.pages.get(&parcel.account).ok_or_else(missing)?;
        Ok(Route { base: format!("{}/{VERSION}", options.base_url), page })
    }

    /// What an attempt left that nobody saw the end of. An answer in parts counts when all of them are out; of one that
    /// stopped in the middle it is told how far it came.
    async fn left_behind(&self, parcel: &Parcel, since_ms: i64) -> Result<Option<Outcome>, Outcome> {
        let (route, answered) = (self.route(parcel)?, parcel.answered()?);
        if answered.visibility == Visibility::Private {
            let parts = pieces(&parcel.text, outgoing::MESSENGER_CHARS_MAX);
            let out = self.look_in_talk(&route, answered, &parts, since_ms).await;
            return Ok(left("facebook", &out, parts.len()));
        }
        match parcel.reply {
            ReplyKind::Private => Ok(None),
            _ => self.look_below(&route, answered, &parcel.text, since_ms).await,
        }
    }

    async fn try_once(&self, parcel: &Parcel) -> Result<Outcome, Outcome> {
        let route = self.route(parcel)?;
        let answered = parcel.answered()?;
        if answered.visibility == Visibility::Private {
            return self.messages(&route, answered, parcel).await;
        }
        if parcel.reply == ReplyKind::Private {
            return self.private(&route, answered, &parcel.text).await;
        }
        self.comment(&route, answered, &parcel.text).await
    }

    async fn comment(&self, route: &Route<'_>, to: &Message, text: &str) -> Result<Outcome, Outcome> {
        at_most(text, outgoing::COMMENT_CHARS_MAX)?;
        let object = object_id(&to.content.reply_to)?;
        let edge = format!("{object}/comments");
        let began_ms = super::now_ms();
        let outcome = match self.post(route, &edge, outgoing::comment_body(text)).await {
            Ok(answer) => judge(&answer, |id| Sent::same("facebook", id)),
            Err(outcome) => outcome,
        };
        if outcome.class != DeliveryOutcome::Unknown {
            return Ok(outcome);
        }
        Ok(self.look_below(route, to, text, began_ms).await?.unwrap_or(outcome))
    }

    /// Looks for a comment of ours.
    async fn look_below(
        &self,
        route: &Route<'_>,
        to: &Message,
        text: &str,
        began_ms: i64,
    ) -> Result<Option<Outcome>, Outcome> {
        let edge = format!("{}/comments", object_id(&to.content.reply_to)?);
        let query = "filter=stream&order=reverse_chronological&limit=100&fields=id,message,from,created_time";
        let since_ms = began_ms - super::CLOCKS_MS;
        let found = |body: &[u8]| found::comment(body, &route.page.id, text, since_ms);
        Ok(self.look(route, &edge, query, found).await)
    }

    /// Looks for what may have arrived.
    async fn look(
        &self,
        route: &Route<'_>,
        edge: &str,
        query: &str,
        found: impl Fn(&[u8]) -> Option<String>,
    ) -> Option<Outcome> {
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            let url = format!("{}/{edge}?{query}{}", route.base, route.proof("&"));
            let asked = http::ask(self.client.get(url).bearer_auth(route.page.token.reveal())).await;
            if let Some(id) =
                asked.ok().filter(|answer| answer.status < 300).and_then(|answer| found(&answer.body))
            {
                return Some(Outcome::delivered("found at the channel", Some(Sent::same("facebook", id))));
            }
        }
        None
    }

    /// One private message below a comment, within seven days; the person's answer comes by Messenger.
    async fn private(&self, route: &Route<'_>, to: &Message, text: &str) -> Result<Outcome, Outcome> {
        at_most(text, outgoing::MESSENGER_CHARS_MAX)?;
        let body = outgoing::private_reply_body(text, object_id(&to.content.reply_to)?);
        let answer = self.post(route, &format!("{}/messages", object_id(&route.page.id)?), body).await?;
        let person = answer.text("", "recipient_id");
        let found_by = |id: &str| person.map_or_else(|| id.to_owned(), |person| format!("with:{person}"));
        Ok(judge(&answer, |id| Sent { channel: "facebook", found_by: found_by(&id), source_id: id }))
    }

    /// Sends part after part. What an earlier attempt sent is not sent again.
    async fn messages(&self, route: &Route<'_>, to: &Message, parcel: &Parcel) -> Result<Outcome, Outcome> {
        let parts = pieces(&parcel.text, outgoing::MESSENGER_CHARS_MAX);
        let mut out = self.sent_before(route, to, &parts, parcel).await?;
        while let Some(part) = parts.get(out.len()) {
            let outcome = self.message(route, to, part).await?;
            match &outcome.sent {
                Some(sent) if outcome.class == DeliveryOutcome::Delivered => out.push(sent.source_id.clone()),
                _ => return Ok(self.sent.broke_off("facebook", &out, parts.len(), outcome, parcel)),
            }
        }
        self.sent.forget(parcel);
        let first = out.into_iter().next().ok_or_else(|| Outcome::refused("the text is empty"))?;
        Ok(Outcome::delivered("accepted", Some(Sent::same("facebook", first))))
    }

    /// Parts that earlier attempts sent: as remembered, or as Facebook lists the talk.
    async fn sent_before(
        &self,
        route: &Route<'_>,
        to: &Message,
        parts: &[&str],
        parcel: &Parcel,
    ) -> Result<Vec<String>, Outcome> {
        let known = self.sent.known(parcel);
        if known.is_some() || parcel.attempt <= 1 || parts.len() < 2 {
            return Ok(known.unwrap_or_default());
        }
        let listed = self.talk(route, to).await.map_err(|outcome| {
            Outcome::retry(format!("looking for the parts that are out: {}", outcome.detail), 0)
        })?;
        Ok(found::messages(&listed.body, &route.page.id, parts, to.at_ms - super::CLOCKS_MS))
    }

    async fn message(&self, route: &Route<'_>, to: &Message, text: &str) -> Result<Outcome, Outcome> {
        let edge = format!("{}/messages", object_id(&route.page.id)?);
        let body = outgoing::message_body(text, &to.content.reply_to, !is_recent(to));
        let began_ms = super::now_ms();
        let outcome = match self.post(route, &edge, body).await {
            Ok(answer) => judge(&answer, |id| Sent::same("facebook", id)),
            Err(outcome) => outcome,
        };
        if outcome.class != DeliveryOutcome::Unknown {
            return Ok(outcome);
        }
        let out = self.look_in_talk(route, to, &[text], began_ms).await;
        Ok(left("facebook", &out, 1).unwrap_or(outcome))
    }

    /// The parts of an answer that stand in the talk, from the first on.
    async fn look_in_talk(
        &self,
        route: &Route<'_>,
        to: &Message,
        parts: &[&str],
        began_ms: i64,
    ) -> Vec<String> {
        let mut out = Vec::new();
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            let Ok(listed) = self.talk(route, to).await else { continue };
            out = found::messages(&listed.body, &route.page.id, parts, began_ms - super::CLOCKS_MS);
            if out.len() == parts.len() {
                break;
            }
        }
        out
    }

    /// The latest of what the page and a person said to each other.
    async fn talk(&self, route: &Route<'_>, to: &Message) -> Result<Answered, Outcome> {
        let (page, person) = (object_id(&route.page.id)?, object_id(&to.content.reply_to)?);
        let fields = "fields=messages.limit(50)%7Bid,message,from,created_time%7D";
        let query = format!("platform=MESSENGER&user_id={person}&{fields}");
        let url = format!("{}/{page}/conversations?{query}{}", route.base, route.proof("&"));
        let answer = http::ask(self.client.get(url).bearer_auth(route.page.token.reveal())).await?;
        match answer.status {
            200..=299 => Ok(answer),
            status => Err(Outcome::unknown(format!("HTTP {status}"))),
        }
    }

    async fn post(&self, route: &Route<'_>, edge: &str, body: String) -> Result<Answered, Outcome> {
        let token = route.page.token.reveal();
        let url = format!("{}/{edge}{}", route.base, route.proof("?"));
        let request = self.client.post(url).bearer_auth(token);
        http::ask(request.header("content-type", "application/json").body(body)).await
    }
}

impl Sender for FacebookSender {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { self.try_once(parcel).await.unwrap_or_else(|outcome| outcome) })
    }

    fn find<'a>(&'a self, parcel: &'a Parcel, since_ms: i64) -> BoxFuture<'a, Option<Outcome>> {
        Box::pin(async move { self.left_behind(parcel, since_ms).await.ok().flatten() })
    }
}

fn judge(answer: &Answered, sent: impl FnOnce(String) -> Sent) -> Outcome {
    http::outcome(answer.judge(outgoing::read_answer), sent)
}

fn is_recent(message: &Message) -> bool {
    super::now_ms().saturating_sub(message.at_ms) < WINDOW_MS
}

fn at_most(text: &str, most: usize) -> Result<(), Outcome> {
    if text.chars().count() > most {
        return Err(Outcome::refused(format!("the text has more than {most} characters: shorten it")));
    }
    Ok(())
}

/// An id that goes into a path.
fn object_id(id: &str) -> Result<&str, Outcome> {
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain { Ok(id) } else { Err(Outcome::refused("the message does not tell what to answer")) }
}

/// Pieces of at most so many characters, cut at white space where there is any.
fn pieces(text: &str, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while let Some((limit, _)) = rest.char_indices().nth(most) {
        let cut = rest[..limit].rfind(char::is_whitespace).filter(|cut| *cut > 0).unwrap_or(limit);
        pieces.push(rest[..cut].trim_end());
        rest = rest[cut..].trim_start();
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn a_long_text_is_cut_between_words_and_loses_none() {
        let text = "satu dua tiga empat ".repeat(3);
        let cut = pieces(&text, 10);
        assert!(cut.iter().all(|piece| piece.chars().count() <= 10), "{cut:?}");
        assert_eq!(cut.join(" "), text.trim());
        assert_eq!(pieces("ééé", 2), ["éé", "é"]);
        assert_eq!(pieces("pendek", 10), ["pendek"]);
        assert!(pieces("  ", 10).is_empty());
    }
}
