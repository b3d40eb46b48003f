//! X asked for mentions: by polling its timeline, or by its filtered stream with the timeline filling what the stream
//! missed. Both know by one cursor, the highest post id, how far they have read.

mod stream;
mod timeline;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Client;
use simpang_channels::x::Options;
use simpang_channels::{Item, x};
use simpang_proto::log::v1::Channel;
use tokio_util::sync::CancellationToken;

use super::Token;
use super::pace::{Pace, Trouble};
use crate::bring::{Delivery, bring};
use crate::counters::{self, Reason, Source};
use crate::intake::{Away, Intake};

/// What is asked of each post: the default answer holds an id and a short text.
const FIELDS: [(&str, &str); 3] = [
    (
        "tweet.fields",
        "author_id,created_at,conversation_id,in_reply_to_user_id,referenced_tweets,entities,lang,public_metrics,\
         note_tweet,edit_history_tweet_ids,attachments",
    ),
    ("expansions", "author_id,referenced_tweets.id,attachments.media_keys"),
    ("user.fields", "username,name,verified,verified_type,public_metrics"),
];

/// One account at X that is asked for its mentions.
#[derive(Debug, Clone)]
pub struct XPull {
    /// Address of the API without a slash at its end, such as `https://api.x.com`.
    pub base_url: String,
    /// The account's handle, lower case, without `@`.
    pub account: String,
    /// Its user id.
    pub user_id: String,
    /// A user token for the timeline; the app's bearer token where only a stream is read.
    pub token: Token,
    /// How it is asked.
    pub way: XWay,
    /// Wait between two questions of the timeline.
    pub every: Duration,
    /// A second, of which all waits after troubles are made; tests take less.
    pub unit: Duration,
}

/// How X is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XWay {
    /// By the timeline of mentions, again and again.
    Timeline,
    /// By the filtered stream, with this app token for it; the timeline fills what it missed at each connection.
    Stream(Token),
}

/// A running reader of one account.
struct Puller {
    pull: XPull,
    client: Client,
    intake: Arc<Intake>,
    stop: CancellationToken,
    pace: Pace,
    /// The latest posts that stand on the logs: the timeline is asked a little further back than the cursor.
    recent: Mutex<VecDeque<String>>,
}

/// How many posts are remembered.
const RECENT_MAX: usize = 4_096;
/// How far behind the cursor the timeline is asked: posts do not show there in the order of their ids.
const MARGIN_MS: u64 = 120_000;
/// A post id is a time in ms above this many bits.
const ID_TIME_BITS: u32 = 22;

/// Why reading does not go on for now.
enum Halt {
    /// The role stops.
    Stopping,
    /// X, by this trouble.
    Channel(Trouble),
    /// Our log.
    Log(Away),
}

impl From<Away> for Halt {
    fn from(away: Away) -> Self {
        Self::Log(away)
    }
}

/// Asks until told to stop.
pub(crate) async fn run(pull: XPull, client: Client, intake: Arc<Intake>, stop: CancellationToken) {
    let pace = Pace::new(pull.unit);
    let mut puller = Puller { pull, client, intake, stop, pace, recent: Mutex::default() };
    while !puller.stop.is_cancelled() {
        let wait = match puller.turn().await {
            Ok(()) => puller.pull.every,
            Err(Halt::Stopping) => return,
            Err(Halt::Channel(trouble)) => puller.troubled(trouble),
            Err(Halt::Log(away)) => {
                tracing::warn!(account = puller.pull.account, error = %away, "what X gave is not yet on the log");
                puller.pull.unit
            }
        };
        tokio::select! {
            () = puller.stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

impl Puller {
    /// One question and all that follows from its answer.
    async fn turn(&mut self) -> Result<(), Halt> {
        self.intake.check_ready()?;
        self.catch_up().await?;
        match self.pull.way.clone() {
            XWay::Timeline => Ok(()),
            XWay::Stream(token) => self.follow(&token).await,
        }
    }

    fn troubled(&mut self, trouble: Trouble) -> Duration {
        counters::asked("x", trouble.as_str());
        let wait = self.pace.after(trouble);
        let (account, wait_ms) = (&self.pull.account, wait.as_millis());
        match trouble {
            Trouble::Refused(status) => tracing::error!(
                account,
                status,
                "X refuses to be asked: look at the token, the user id and the app's access"
            ),
            other => tracing::warn!(account, trouble = ?other, wait_ms, "X can't be asked now"),
        }
        wait
    }

    fn cursor_name(&self) -> String {
        format!("x-mentions/{}", self.pull.account)
    }

    fn cursor(&self) -> Option<String> {
        self.intake.directory.cursor(&self.cursor_name())
    }

    /// Writes the cursor down unless it stands there or further.
    async fn keep_cursor(&self, id: &str) -> Result<(), Halt> {
        let moves = self.cursor().is_none_or(|old| is_later(id, &old));
        if moves {
            self.intake.keep_cursor(&self.cursor_name(), id).await?;
        }
        Ok(())
    }

    /// Reads an answer's entries and brings them to the logs, oldest first.
    async fn take(&self, source: Source, body: &Bytes) -> Result<(), Halt> {
        let accounts = self.intake.directory.x_accounts();
        let items = x::parse_posts(body, &Options { accounts: &accounts });
        let mut items: Vec<Item> = match items {
            Ok(items) => items,
            Err(unreadable) => {
                counters::refused(source, Reason::Invalid);
                tracing::warn!(door = source.as_str(), reason = %unreadable, "an answer of X can't be read; it is kept raw");
                Vec::new()
            }
        };
        counters::given(source.as_str(), items.len() as u64);
        items.reverse();
        let mut new: Vec<String> = Vec::new();
        items.retain(|item| {
            let Some(id) = id_of(item) else { return true };
            let is_new = !self.is_known(id) && !new.iter().any(|seen| seen == id);
            if is_new {
                new.push(id.to_owned());
            } else {
                counters::given_again(source.as_str());
            }
            is_new
        });
        if items.is_empty() {
            return Ok(());
        }
        let delivery = Delivery { source, channel: Channel::X, body: body.clone(), traceparent: "" };
        bring(&self.intake, &delivery, items).await?;
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.extend(new);
        let over = recent.len().saturating_sub(RECENT_MAX);
        recent.drain(..over);
        Ok(())
    }

    fn is_known(&self, id: &str) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().any(|known| known == id)
    }
}

/// What makes a message's repeat one.
fn id_of(item: &Item) -> Option<&str> {
    match item {
        Item::Message(parsed) => parsed.idempotency.first().map(String::as_str),
        Item::Ignored { .. } | Item::Poison { .. } => None,
    }
}

/// The id from which on the timeline is asked, for a cursor.
fn since(cursor: &str) -> Option<String> {
    let id: u64 = cursor.parse().ok()?;
    let margin = MARGIN_MS << ID_TIME_BITS;
    Some(if id > margin { id - margin } else { id }.to_string())
}

/// Whether one post id is later than another: they are numbers of up to 64 bits.
fn is_later(id: &str, than: &str) -> bool {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    number(id) > number(than)
}
