//! X's API as far as it gives mentions, written from its documentation, with the faults that it has in life: answers
//! that break off, limits with their header fields, errors, posts twice and out of order. Knows nothing of our client.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::BroadcastStream;

/// What goes wrong with one answer of the timeline.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// 429, naming the second at which the limit ends.
    Limited,
    /// 500.
    Server,
    /// Half of an answer, then the connection is cut.
    Cut,
    /// A page's posts twice and in no order.
    Shuffled,
    /// An answer that is no JSON.
    Html,
}

/// The server.
#[derive(Debug, Clone)]
pub(crate) struct XApi {
    inner: Arc<Mutex<Inner>>,
    lines: broadcast::Sender<Line>,
    pub(crate) url: String,
}

#[derive(Debug, Default)]
struct Inner {
    posts: Vec<Value>,
    faults: VecDeque<Fault>,
    asked: Vec<HashMap<String, String>>,
    rules: Vec<Value>,
    connections: usize,
}

#[derive(Debug, Clone)]
enum Line {
    Text(String),
    Cut,
}

/// Posts of one page: few, so that there are pages.
const PAGE: usize = 4;
pub(crate) const TOKEN: &str = "user token";
pub(crate) const APP_TOKEN: &str = "app token";

/// An id of a post, written so many seconds after others.
pub(crate) fn id(seconds: u64) -> String {
    (1_900_000_000_000_000_000 + ((seconds * 1_000) << 22)).to_string()
}

fn post(id: &str) -> Value {
    json!({"id": id, "text": format!("@TelkomCare mati {id}"), "author_id": "42", "conversation_id": id,
           "created_at": "2026-07-24T21:23:23.000Z", "edit_history_tweet_ids": [id],
           "entities": {"mentions": [{"start": 0, "end": 11, "username": "TelkomCare", "id": "1114"}]}})
}

fn users() -> Value {
    json!({"users": [{"id": "42", "username": "budi", "name": "Budi", "public_metrics": {"followers_count": 7}}]})
}

impl XApi {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let api = Self { inner: Arc::default(), lines: broadcast::channel(64).0, url };
        let router = Router::new()
            .route("/2/users/{id}/mentions", get(mentions))
            .route("/2/tweets/search/stream", get(stream))
            .route("/2/tweets/search/stream/rules", get(rules).post(add_rules))
            .with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        api
    }

    /// Somebody writes to the account; the stream does not say so.
    pub(crate) fn write(&self, id: &str) {
        self.inner.lock().unwrap().posts.push(post(id));
    }

    /// Somebody writes to the account, and the stream says so.
    pub(crate) fn write_live(&self, id: &str) {
        self.write(id);
        let line =
            json!({"data": post(id), "includes": users(), "matching_rules": [{"id": "1", "tag": "t"}]});
        self.send(&format!("{line}\r\n"));
    }

    pub(crate) fn send(&self, line: &str) {
        let _ = self.lines.send(Line::Text(line.to_owned()));
    }

    /// Ends the stream's connections.
    pub(crate) fn cut(&self) {
        let _ = self.lines.send(Line::Cut);
    }

    /// The next answers of the timeline have these faults.
    pub(crate) fn break_next(&self, faults: &[Fault]) {
        self.inner.lock().unwrap().faults.extend(faults);
    }

    pub(crate) fn asked(&self) -> Vec<HashMap<String, String>> {
        self.inner.lock().unwrap().asked.clone()
    }

    pub(crate) fn rules(&self) -> Vec<Value> {
        self.inner.lock().unwrap().rules.clone()
    }

    /// How often the stream was connected to.
    pub(crate) fn connections(&self) -> usize {
        self.inner.lock().unwrap().connections
    }
}

fn is_bearer(headers: &HeaderMap, token: &str) -> bool {
    headers.get("authorization").is_some_and(|value| value.as_bytes() == format!("Bearer {token}").as_bytes())
}

async fn mentions(
    State(api): State<XApi>,
    Path(user): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if user != "1114" || !is_bearer(&headers, TOKEN) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"title": "Unauthorized", "status": 401})))
            .into_response();
    }
    let mut inner = api.inner.lock().unwrap();
    inner.asked.push(query.clone());
    let fault = inner.faults.pop_front();
    let number = |text: &String| text.parse::<u64>().unwrap();
    let since = query.get("since_id").map_or(0, number);
    let from: usize = query.get("pagination_token").map_or(0, |token| token.parse().unwrap());
    let id_of = |post: &Value| post["id"].as_str().unwrap().parse::<u64>().unwrap();
    let mut posts: Vec<Value> = inner.posts.iter().filter(|post| id_of(post) > since).cloned().collect();
    posts.sort_by_key(|post| std::cmp::Reverse(id_of(post)));
    let page: Vec<Value> = posts.iter().skip(from).take(PAGE).cloned().collect();
    let mut meta = json!({"result_count": page.len()});
    if let (Some(newest), Some(oldest)) = (page.first(), page.last()) {
        meta["newest_id"] = newest["id"].clone();
        meta["oldest_id"] = oldest["id"].clone();
    }
    if posts.len() > from + PAGE {
        meta["next_token"] = json!((from + PAGE).to_string());
    }
    drop(inner);
    answer(fault, page, &meta)
}

fn answer(fault: Option<Fault>, mut page: Vec<Value>, meta: &Value) -> Response {
    if let Some(Fault::Shuffled) = fault {
        page.extend(page.clone());
        page.rotate_left(1);
    }
    let mut body = json!({"meta": meta, "includes": users()});
    if !page.is_empty() {
        body["data"] = json!(page);
    }
    let whole = body.to_string();
    match fault {
        Some(Fault::Limited) => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            let reset = [("x-rate-limit-limit", "300".into()), ("x-rate-limit-reset", (now + 1).to_string())];
            (StatusCode::TOO_MANY_REQUESTS, reset, r#"{"title":"Too Many Requests"}"#).into_response()
        }
        Some(Fault::Server) => (StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response(),
        Some(Fault::Cut) => {
            let half = whole[..whole.len() / 2].to_owned();
            let parts = [Ok(half), Err(std::io::Error::other("cut"))];
            Body::from_stream(futures_util::stream::iter(parts)).into_response()
        }
        Some(Fault::Html) => "<html>soon back</html>".into_response(),
        Some(Fault::Shuffled) | None => whole.into_response(),
    }
}

async fn stream(State(api): State<XApi>, headers: HeaderMap) -> Response {
    if !is_bearer(&headers, APP_TOKEN) || api.rules().is_empty() {
        return (StatusCode::FORBIDDEN, "{}").into_response();
    }
    let lines = BroadcastStream::new(api.lines.subscribe());
    api.inner.lock().unwrap().connections += 1;
    let alive = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok(Line::Text("\r\n".into())), ()))
    });
    let lines = lines.merge(alive).map_while(|line| match line {
        Ok(Line::Text(text)) => Some(Ok::<_, std::io::Error>(text)),
        Ok(Line::Cut) | Err(_) => None,
    });
    Body::from_stream(lines).into_response()
}

async fn rules(State(api): State<XApi>) -> Json<Value> {
    Json(json!({"data": api.rules(), "meta": {"result_count": api.rules().len()}}))
}

async fn add_rules(State(api): State<XApi>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let added = body["add"].as_array().unwrap().clone();
    api.inner.lock().unwrap().rules.extend(added.clone());
    (StatusCode::CREATED, Json(json!({"data": added})))
}
