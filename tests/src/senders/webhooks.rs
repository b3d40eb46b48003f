//! X and Facebook as callers of webhooks: bodies as they send them, signed as they sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::journal::Sent;
use crate::policy::{FACEBOOK_PAGE, X_USER};
use crate::senders::http::{Http, HttpAnswer};

/// The consumer secret of our app at X.
pub(crate) const X_SECRET: &str = "consumer secret of the tests";
/// The secret of our app at Facebook.
pub(crate) const FACEBOOK_SECRET: &str = "app secret of the tests";
/// The desk that both accounts belong to.
const DESK: &str = "telkomcare";

/// A webhook call with its signature.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Path of the webhook.
    pub path: &'static str,
    /// Name of the header with the signature.
    pub header: &'static str,
    /// The signature.
    pub signature: String,
    /// The body.
    pub body: String,
}

impl Signed {
    /// A call of X with one event of this kind, such as `tweet_delete_events`.
    #[must_use]
    pub fn x(kind: &str, event: &Value) -> Self {
        let body = json!({"for_user_id": X_USER, kind: [event]}).to_string();
        let signature = format!("sha256={}", STANDARD.encode(mac(X_SECRET, &body)));
        Self { path: "/webhooks/x", header: "x-twitter-webhooks-signature", signature, body }
    }

    /// Calls the webhook.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(&self, http: Http) -> std::io::Result<HttpAnswer> {
        http.post(self.path, &[(self.header, &self.signature)], self.body.as_bytes()).await
    }
}

fn mac(secret: &str, body: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A post that mentions us.
#[derive(Debug, Clone)]
pub struct Mention {
    /// Its id, digits.
    pub id: String,
    /// Its author's user id.
    pub author: String,
    /// Its author's handle.
    pub handle: String,
    /// What it says after `@telkomcare `.
    pub text: String,
    /// The post it answers; empty: none.
    pub answers: String,
}

impl Mention {
    /// The post as X shows it.
    #[must_use]
    pub fn post(&self) -> Value {
        let mut post = json!({
            "id_str": self.id, "text": format!("@telkomcare {}", self.text),
            "created_at": "Sat Nov 21 05:30:03 +0000 2026",
            "user": {"id_str": self.author, "screen_name": self.handle, "name": self.handle, "followers_count": 20},
            "entities": {"user_mentions": [{"id_str": X_USER, "screen_name": "telkomcare"}]},
        });
        if !self.answers.is_empty() {
            post["in_reply_to_status_id_str"] = json!(self.answers);
        }
        post
    }

    /// The call that X makes.
    #[must_use]
    pub fn signed(&self) -> Signed {
        Signed::x("tweet_create_events", &self.post())
    }

    /// Calls the webhook and notes when it is answered 200; whether it was.
    pub async fn send(&self, http: Http, sent: &Sent) -> bool {
        let is_taken = self.signed().call(http).await.is_ok_and(|answer| answer.status == 200);
        if is_taken {
            sent.post(DESK, "telkomcare", &self.id);
        }
        is_taken
    }
}

/// A comment on our page.
#[derive(Debug, Clone)]
pub struct FacebookComment {
    /// Its id, `post_comment`.
    pub id: String,
    /// Its author's id.
    pub author: String,
    /// What it says.
    pub text: String,
}

impl FacebookComment {
    /// The call that Facebook makes.
    #[must_use]
    pub fn signed(&self) -> Signed {
        let post = format!("{FACEBOOK_PAGE}_901");
        let value = json!({
            "item": "comment", "verb": "add", "comment_id": self.id, "post_id": post, "parent_id": post,
            "from": {"id": self.author, "name": "Siti"}, "message": self.text, "created_time": 1_795_240_000,
        });
        let changes = json!([{"field": "feed", "value": value}]);
        let entry = json!([{"id": FACEBOOK_PAGE, "time": 1_795_240_000, "changes": changes}]);
        let body = json!({"object": "page", "entry": entry}).to_string();
        let signature = format!("sha256={}", hex::encode(mac(FACEBOOK_SECRET, &body)));
        Signed { path: "/webhooks/facebook", header: "x-hub-signature-256", signature, body }
    }

    /// Calls the webhook and notes when it is answered 200; whether it was.
    pub async fn send(&self, http: Http, sent: &Sent) -> bool {
        let is_taken = self.signed().call(http).await.is_ok_and(|answer| answer.status == 200);
        if is_taken {
            sent.comment(DESK, "telkomcare", &self.id, &self.text);
        }
        is_taken
    }
}
