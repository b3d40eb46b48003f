//! The filtered stream: one JSON object a line, blank lines to show that it lives. It is set up with one rule for the
//! account; whatever it misses while it is away, the timeline gives at the next connection.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::super::Token;
use super::super::pace::Trouble;
use super::timeline::{trouble_of, with_query};
use super::{FIELDS, Halt, Puller, is_later};
use crate::counters::{self, Source};

/// X sends something every 20 s; without a sign of life for this many units the connection is dead.
const SILENCE_UNITS: u32 = 25;
/// Longest line.
const LINE_BYTES_MAX: usize = 4 << 20;
/// Between two writings of the cursor while the stream runs.
const CURSOR_EVERY: Duration = Duration::from_secs(5);
/// How long the questions about rules may take.
const ANSWER: Duration = Duration::from_secs(30);

impl Puller {
    /// Reads the stream until it ends.
    pub(super) async fn follow(&mut self, token: &Token) -> Result<(), Halt> {
        let url = format!("{}/2/tweets/search/stream", self.pull.base_url);
        let stop = self.stop.clone();
        let connect = async {
            self.ensure_rule(&format!("{url}/rules"), token).await?;
            let request = self.client.get(with_query(&url, &FIELDS)).bearer_auth(token.reveal());
            let response = request.send().await.map_err(|_| Trouble::Network)?;
            trouble_of(response.status().as_u16(), response.headers())?;
            Ok(response)
        };
        let connected: Result<reqwest::Response, Trouble> = tokio::select! {
            connected = connect => connected,
            () = stop.cancelled() => return Err(Halt::Stopping),
        };
        let response = connected.map_err(Halt::Channel)?;
        counters::asked("x", "ok");
        // What came between the timeline's answer and this connection is asked for now.
        self.catch_up().await?;
        self.lines(response).await
    }

    async fn lines(&mut self, mut response: reqwest::Response) -> Result<(), Halt> {
        let mut read = BytesMut::new();
        let mut newest: Option<String> = None;
        let mut written = Instant::now();
        let silence = self.pull.unit * SILENCE_UNITS;
        let ended = loop {
            let chunk = tokio::select! {
                chunk = tokio::time::timeout(silence, response.chunk()) => chunk,
                () = self.stop.cancelled() => break Halt::Stopping,
            };
            let Ok(Ok(Some(chunk))) = chunk else { break Halt::Channel(Trouble::Network) };
            self.pace.worked();
            read.extend_from_slice(&chunk);
            while let Some(end) = read.iter().position(|b| *b == b'\n') {
                let line = read.split_to(end + 1).freeze();
                self.line(&line, &mut newest).await?;
            }
            if read.len() > LINE_BYTES_MAX {
                break Halt::Channel(Trouble::Network);
            }
            if written.elapsed() >= CURSOR_EVERY {
                written = Instant::now();
                self.keep_newest(newest.take()).await?;
            }
        };
        self.keep_newest(newest).await?;
        Err(ended)
    }

    async fn line(&self, line: &Bytes, newest: &mut Option<String>) -> Result<(), Halt> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        self.take(Source::XStream, line).await?;
        let id = serde_json::from_slice::<Value>(line).ok();
        let id = id.and_then(|line| line["data"]["id"].as_str().map(str::to_owned));
        if let Some(id) = id
            && newest.as_ref().is_none_or(|old| is_later(&id, old))
        {
            *newest = Some(id);
        }
        Ok(())
    }

    async fn keep_newest(&self, newest: Option<String>) -> Result<(), Halt> {
        match newest {
            Some(newest) => self.keep_cursor(&newest).await,
            None => Ok(()),
        }
    }

    /// Adds the account's rule unless it is there. Rules of others stay.
    async fn ensure_rule(&self, url: &str, token: &Token) -> Result<(), Trouble> {
        let account = &self.pull.account;
        let (tag, value) =
            (format!("simpang:{account}"), format!("(@{account} OR to:{account}) -is:retweet"));
        let rules = self.ask_rules(self.client.get(url), token).await?;
        let rules = rules["data"].as_array().cloned().unwrap_or_default();
        if rules.iter().any(|rule| rule["tag"] == tag.as_str() && rule["value"] == value.as_str()) {
            return Ok(());
        }
        let body = json!({"add": [{"value": value, "tag": tag}]}).to_string();
        let request = self.client.post(url).header("content-type", "application/json").body(body);
        self.ask_rules(request, token).await.map(|_| ())
    }

    async fn ask_rules(&self, request: reqwest::RequestBuilder, token: &Token) -> Result<Value, Trouble> {
        let request = request.bearer_auth(token.reveal()).timeout(ANSWER);
        let response = request.send().await.map_err(|_| Trouble::Network)?;
        trouble_of(response.status().as_u16(), response.headers())?;
        let body = response.bytes().await.map_err(|_| Trouble::Network)?;
        serde_json::from_slice(&body).map_err(|_| Trouble::Network)
    }
}
