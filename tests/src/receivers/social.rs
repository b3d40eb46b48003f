//! Fakes of X's and Facebook's APIs: as much as answers need, and the listings in which a deliverer that was killed
//! looks for what it may have sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use simpang_checker::ReceivedEntry;
use tokio::net::TcpListener;

use crate::logs::Logs;
use crate::policy::FACEBOOK_PAGE;

/// Something that was posted.
#[derive(Debug, Clone)]
pub struct Posted {
    /// `x` or `facebook`.
    pub channel: &'static str,
    /// Path it was posted to.
    pub path: String,
    /// The token it came with.
    pub token: String,
    /// The request.
    pub body: Value,
    /// The id that was given.
    pub id: String,
}

impl Posted {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        let field = if self.channel == "x" { "text" } else { "message" };
        self.body[field].as_str().unwrap_or_default()
    }

    pub(crate) fn entry(&self, logs: &Logs) -> ReceivedEntry {
        let reply = logs.reply(self.text());
        let reply = reply.unwrap_or_else(|| panic!("nobody asked to send what came: {self:?}"));
        ReceivedEntry {
            desk: reply.desk.clone(),
            channel: self.channel.to_owned(),
            delivery: reply.delivery(),
            wire_id: self.id.clone(),
            attempt: 0,
            piece: 0,
        }
    }
}

/// The servers.
#[derive(Debug, Clone)]
pub struct SocialFakes {
    pub(crate) address: SocketAddr,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl SocialFakes {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for the fakes");
        let address = listener.local_addr().expect("an address");
        let fakes = Self { address, posted: Arc::default() };
        let app = Router::new().fallback(take).with_state(fakes.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        fakes
    }

    /// What was posted, in order.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }
}

/// Most entries of a listing.
const LISTED_MAX: usize = 100;

impl SocialFakes {
    /// What is listed at a path, the latest first.
    fn listing(&self, path: &str) -> Option<Value> {
        if path == "/2/users/me" {
            return Some(json!({"data": {"id": "1114", "username": "telkomcare"}}));
        }
        let posted = self.posted.lock().unwrap();
        let of = |channel: &'static str| posted.iter().rev().filter(move |entry| entry.channel == channel);
        let data: Vec<Value> = if path == "/2/users/1114/tweets" {
            let post = |entry: &Posted| {
                let answered = &entry.body["reply"]["in_reply_to_tweet_id"];
                let referenced = json!([{"type": "replied_to", "id": answered}]);
                json!({"id": entry.id, "text": entry.text(), "referenced_tweets": referenced})
            };
            of("x").take(LISTED_MAX).map(post).collect()
        } else if path.ends_with("/comments") {
            let comment = |entry: &Posted| {
                json!({"id": entry.id, "message": entry.text(), "from": {"id": FACEBOOK_PAGE},
                    "created_time": "2100-01-01T00:00:00+0000"})
            };
            of("facebook").filter(|entry| entry.path == path).take(LISTED_MAX).map(comment).collect()
        } else {
            return None;
        };
        Some(json!({"data": data}))
    }
}

async fn take(
    State(fakes): State<SocialFakes>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, axum::Json<Value>) {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let token = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let path = uri.path().to_owned();
    if method == Method::GET {
        return match fakes.listing(&path) {
            Some(listing) => (StatusCode::OK, axum::Json(listing)),
            None => (StatusCode::NOT_FOUND, axum::Json(json!({"title": "no such call"}))),
        };
    }
    let mut posted = fakes.posted.lock().unwrap();
    let number = 5_000_000 + posted.len();
    if path == "/2/tweets" {
        let id = number.to_string();
        posted.push(Posted { channel: "x", path, token, body, id: id.clone() });
        return (StatusCode::CREATED, axum::Json(json!({"data": {"id": id, "text": ""}})));
    }
    if path.ends_with("/comments") {
        let id = format!("901_{number}");
        posted.push(Posted { channel: "facebook", path, token, body, id: id.clone() });
        return (StatusCode::OK, axum::Json(json!({"id": id})));
    }
    (StatusCode::NOT_FOUND, axum::Json(json!({"title": "no such call"})))
}
