//! Fakes of X's and Facebook's APIs: as much as answers need.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use simpang_checker::ReceivedEntry;
use tokio::net::TcpListener;

use crate::logs::Logs;

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

async fn take(
    State(fakes): State<SocialFakes>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, axum::Json<Value>) {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let token = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let path = uri.path().to_owned();
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
