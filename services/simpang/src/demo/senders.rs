//! The demo's customers: real messages through the real doors.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use lettre::address::Envelope;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const X_SECRET: &str = "demo-consumer-secret";
pub(crate) const FACEBOOK_SECRET: &str = "demo-app-secret";

/// Where the doors are.
#[derive(Debug, Clone)]
pub(crate) struct Doors {
    pub(crate) smtp: SocketAddr,
    pub(crate) http: SocketAddr,
}

impl Doors {
    /// Sends a mail by SMTP; `id` becomes its Message-ID.
    pub(crate) async fn mail(
        &self,
        from: &str,
        to: &str,
        id: &str,
        subject: &str,
        text: &str,
        more: &str,
    ) -> Result<()> {
        let raw = format!(
            "From: {from}\r\nTo: {to}\r\nMessage-ID: <{id}>\r\nSubject: {subject}\r\n{more}\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
        );
        self.raw_mail(from, to, raw.as_bytes()).await
    }

    /// Sends bytes as a mail.
    pub(crate) async fn raw_mail(&self, from: &str, to: &str, raw: &[u8]) -> Result<()> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(self.smtp.ip().to_string())
            .port(self.smtp.port())
            .build();
        let envelope = Envelope::new(Some(from.parse()?), vec![to.parse()?])?;
        transport.send_raw(&envelope, raw).await.context("the mail was not taken")?;
        Ok(())
    }

    /// A mention of @telkomcare on X, as the Account Activity webhook tells it, signed with `secret`; gives the
    /// status.
    pub(crate) async fn mention(
        &self,
        id: u64,
        author: (&str, &str, u64),
        text: &str,
        secret: &str,
    ) -> Result<u16> {
        let (user, name, followers) = author;
        let body = json!({
            "for_user_id": "1114", "user_has_blocked": false,
            "tweet_create_events": [{
                "created_at": "Sat Nov 21 05:30:03 +0000 2026", "id": id, "id_str": id.to_string(), "text": text,
                "truncated": false, "in_reply_to_status_id_str": null, "in_reply_to_user_id_str": null,
                "user": { "id_str": user, "name": name, "screen_name": name.to_lowercase().replace(' ', ""),
                          "followers_count": followers, "friends_count": 10, "statuses_count": 99, "verified": false },
                "entities": { "user_mentions": [{ "screen_name": "TelkomCare", "id_str": "1114", "indices": [0, 11] }],
                              "hashtags": [], "urls": [], "symbols": [] },
                "lang": "in", "timestamp_ms": "1795239003440"
            }]
        });
        let body = body.to_string();
        let signature = format!("sha256={}", STANDARD.encode(sign(secret, &body)));
        self.post("/webhooks/x", "x-twitter-webhooks-signature", &signature, body).await
    }

    /// Comments under posts of the Facebook page, all in one signed delivery; gives the status.
    pub(crate) async fn comments(&self, comments: &[(&str, &str, &str)]) -> Result<u16> {
        let changes: Vec<Value> = comments
            .iter()
            .map(|(id, name, text)| {
                json!({ "field": "feed", "value": {
                    "item": "comment", "verb": "add", "comment_id": format!("901_{id}"), "post_id": "444_901",
                    "parent_id": "444_901", "from": { "id": format!("fb-{name}"), "name": name }, "message": text,
                    "created_time": 1_795_239_003, "post": { "permalink_url": "https://www.facebook.com/444_901" }
                }})
            })
            .collect();
        let body = json!({ "object": "page", "entry": [{ "id": "444", "time": 1_795_239_003, "changes": changes }] });
        let body = body.to_string();
        let signature = format!("sha256={}", hex::encode(sign(FACEBOOK_SECRET, &body)));
        self.post("/webhooks/facebook", "x-hub-signature-256", &signature, body).await
    }

    async fn post(&self, path: &str, header: &str, signature: &str, body: String) -> Result<u16> {
        let client = reqwest::Client::new();
        let url = format!("http://{}{path}", self.http);
        let request = client.post(url).header(header, signature).header("content-type", "application/json");
        let answer = request.body(body).send().await.context("the webhook door did not answer")?;
        Ok(answer.status().as_u16())
    }
}

fn sign(secret: &str, body: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Fails unless the door took it.
pub(crate) fn taken(status: u16) -> Result<()> {
    ensure!(status == 200, "the webhook answered {status}");
    Ok(())
}
