//! Who mentioned a page: where a mention tells no sender, the Graph API is asked, for a short time only. Whatever comes
//! of it, the message goes on to the log.

use std::time::Duration;

use reqwest::Client;
use simpang_channels::outgoing::facebook::appsecret_proof;
use simpang_channels::{Item, facebook};

use crate::counters;
use crate::pull::Token;

/// The version of the Graph API whose answers are read here.
const VERSION: &str = "v25.0";
/// Longest time for all questions of one delivery: Facebook waits for our answer.
const ALL: Duration = Duration::from_secs(4);
/// Most questions of one delivery.
const ASKED_MAX: usize = 20;
/// Most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 256 << 10;

/// A page that may ask about who mentioned it.
#[derive(Debug, Clone)]
pub struct GraphPage {
    /// Address of the Graph API without version and without a slash at its end.
    pub base_url: String,
    /// The page's id.
    pub id: String,
    /// Its access token.
    pub token: Token,
    /// The app's secret, where the app demands a proof with each call.
    pub app_secret: Option<Token>,
}

/// Completes the mentions among a delivery's items.
pub(super) async fn complete(client: &Client, pages: &[GraphPage], items: &mut [Item]) {
    let began = tokio::time::Instant::now();
    let mut asked = 0;
    for item in items {
        let Item::Message(parsed) = item else { continue };
        if !facebook::lacks_sender(parsed) {
            continue;
        }
        let page = pages.iter().find(|page| page.id == parsed.account_hint);
        let answer = match page.filter(|_| asked < ASKED_MAX) {
            Some(page) => {
                asked += 1;
                let answer = tokio::time::timeout_at(began + ALL, ask(client, page, &parsed.source_id)).await;
                answer.ok().flatten()
            }
            None => None,
        };
        counters::asked("graph", if answer.is_some() { "ok" } else { "failed" });
        facebook::complete(parsed, answer.as_deref());
    }
}

async fn ask(client: &Client, page: &GraphPage, id: &str) -> Option<Vec<u8>> {
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    let token = page.token.reveal();
    let proof = page.app_secret.as_ref().map(|secret| appsecret_proof(secret.reveal().as_bytes(), token));
    let proof = proof.map(|proof| format!("&appsecret_proof={proof}")).unwrap_or_default();
    let fields = "fields=from,message,permalink_url,created_time";
    let url = format!("{}/{VERSION}/{id}?{fields}{proof}", page.base_url);
    let mut response = client.get(url).bearer_auth(token).send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return None;
        }
    }
    Some(body)
}
