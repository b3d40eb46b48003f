//! The timeline of mentions: pages from the newest back to where the last reading ended.

use std::time::Duration;

use bytes::Bytes;
use simpang_channels::x;

use super::super::pace::{self, Trouble};
use super::{FIELDS, Halt, Puller, since};
use crate::counters::{self, Source};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// Most bytes of an answer: a hundred posts of the longest text stay far under it.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Posts in a page, the most there may be.
const PAGE: &str = "100";
/// Pages that are held before they are brought to the logs: the timeline has 800 posts, which is eight.
const PAGES_MAX: usize = 16;

/// One answer.
struct Page {
    body: Bytes,
    newest: Option<String>,
    next: Option<String>,
    /// No more questions are left until then.
    pause: Option<Duration>,
}

impl Puller {
    /// Reads everything after the cursor, brings it to the logs in the order written, and moves the cursor.
    pub(super) async fn catch_up(&mut self) -> Result<(), Halt> {
        let since = self.cursor().and_then(|cursor| since(&cursor));
        let mut newest: Option<String> = None;
        let mut token: Option<String> = None;
        loop {
            let mut pages = Vec::new();
            while pages.len() < PAGES_MAX {
                let page = self.page(since.as_deref(), token.as_deref()).await?;
                newest = newest.or(page.newest);
                token = page.next;
                pages.push(page.body);
                self.pause(page.pause).await?;
                if token.is_none() {
                    break;
                }
            }
            for body in pages.iter().rev() {
                self.take(Source::XTimeline, body).await?;
            }
            if token.is_none() {
                break;
            }
        }
        match newest {
            Some(newest) => self.keep_cursor(&newest).await,
            None => Ok(()),
        }
    }

    async fn page(&mut self, since: Option<&str>, token: Option<&str>) -> Result<Page, Halt> {
        let url = format!("{}/2/users/{}/mentions", self.pull.base_url, self.pull.user_id);
        let mut query: Vec<(&str, &str)> = vec![("max_results", PAGE)];
        query.extend(FIELDS);
        query.extend(since.map(|id| ("since_id", id)));
        query.extend(token.map(|token| ("pagination_token", token)));
        let request =
            self.client.get(with_query(&url, &query)).bearer_auth(self.pull.token.reveal()).timeout(ANSWER);
        let stop = self.stop.clone();
        let answered = tokio::select! {
            answered = answer(request) => answered.map_err(Halt::Channel)?,
            () = stop.cancelled() => return Err(Halt::Stopping),
        };
        self.pace.worked();
        counters::asked("x", "ok");
        Ok(answered)
    }

    async fn pause(&self, pause: Option<Duration>) -> Result<(), Halt> {
        let Some(pause) = pause else { return Ok(()) };
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.stop.cancelled() => Err(Halt::Stopping),
        }
    }
}

/// An address with its query. Values are words, ids and tokens of X: what is none of these signs is escaped.
pub(super) fn with_query(url: &str, query: &[(&str, &str)]) -> String {
    let mut whole = url.to_owned();
    for (index, (name, value)) in query.iter().enumerate() {
        whole.push(if index == 0 { '?' } else { '&' });
        whole.push_str(name);
        whole.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b',' => {
                    whole.push(char::from(byte))
                }
                other => whole.push_str(&format!("%{other:02X}")),
            }
        }
    }
    whole
}

/// Asks; an answer that is not a whole one is trouble.
async fn answer(request: reqwest::RequestBuilder) -> Result<Page, Trouble> {
    let mut response = request.send().await.map_err(|_| Trouble::Network)?;
    let headers = response.headers().clone();
    trouble_of(response.status().as_u16(), &headers)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Trouble::Network)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(Trouble::Network);
        }
    }
    // An answer without its end is none: what comes after it in the timeline would be passed over.
    serde_json::from_slice::<serde::de::IgnoredAny>(&body).map_err(|_| Trouble::Network)?;
    let (newest, next) = x::cursor(&body);
    let pause = pace::is_used_up(&headers).then(|| pace::limit_ends(&headers)).flatten();
    Ok(Page { body: body.into(), newest, next, pause })
}

/// What a status says.
pub(super) fn trouble_of(status: u16, headers: &reqwest::header::HeaderMap) -> Result<(), Trouble> {
    match status {
        200..=299 => Ok(()),
        429 => Err(Trouble::Limited(pace::limit_ends(headers))),
        500..=599 => Err(Trouble::Server),
        other => Err(Trouble::Refused(other)),
    }
}
