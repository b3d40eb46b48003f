//! Attempts whose end nobody saw: what may have arrived is looked for at the channel, a thread goes on after what is
//! posted, a token at its end is renewed and never told.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use common::{Case, Desk, now_ms, options, start, started};
use serde_json::{Value, json};
use simpang_deliver::options::{Facebook, Page, Refresh, Secret, X};
use simpang_deliver::{Channels, Deliver};
use simpang_log::MemoryStore;
use simpang_proto::log::v1::{self, DeliveryOutcome, ReplyKind, Visibility};
use tokio::net::TcpListener;

/// What goes wrong with one post.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It is taken, and the answer is an error.
    TakenThenError,
    /// It is not taken, and the answer is an error.
    Error,
    /// It is taken, and the connection is cut before the answer.
    TakenThenCut,
    /// 429.
    Limited,
    /// 503 naming a wait.
    Later,
}

/// X and Facebook as far as they take answers, written from their documentation. Knows nothing of our client.
#[derive(Debug, Clone, Default)]
struct Channel(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    posts: Vec<Value>,
    comments: Vec<Value>,
    messages: Vec<Value>,
    faults: VecDeque<Option<Fault>>,
    /// The token that is good; empty: all are.
    token: String,
    renewed: usize,
}

impl Channel {
    async fn start(faults: &[Option<Fault>]) -> (Self, String) {
        let channel = Self::default();
        channel.0.lock().unwrap().faults.extend(faults);
        let router = Router::new()
            .route("/2/tweets", post(take_post))
            .route("/2/users/me", get(|| async { r#"{"data":{"id":"1114","username":"telkomcare"}}"# }))
            .route("/2/users/{id}/tweets", get(list_posts))
            .route("/2/oauth2/token", post(renew))
            .route("/v25.0/{id}/comments", get(list_comments).post(take_comment))
            .route("/v25.0/444/messages", post(take_message))
            .route("/v25.0/444/conversations", get(list_talk))
            .with_state(channel.clone());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (channel, url)
    }

    fn posts(&self) -> Vec<Value> {
        self.0.lock().unwrap().posts.clone()
    }
}

/// Takes something with the next fault; `keep` gives it its id.
fn take(channel: &Channel, keep: impl FnOnce(&mut Inner) -> Value) -> Response {
    let mut inner = channel.0.lock().unwrap();
    let fault = inner.faults.pop_front().flatten();
    match fault {
        Some(Fault::Error) => StatusCode::BAD_GATEWAY.into_response(),
        Some(Fault::Limited) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], "{}").into_response(),
        Some(Fault::Later) => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")], "{}").into_response(),
        Some(Fault::TakenThenError) => {
            keep(&mut inner);
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Some(Fault::TakenThenCut) => {
            keep(&mut inner);
            // The server's task ends with the connection still waiting for its answer.
            drop(inner);
            std::panic::resume_unwind(Box::new("cut"))
        }
        None => (StatusCode::CREATED, keep(&mut inner).to_string()).into_response(),
    }
}

async fn take_post(State(channel): State<Channel>, headers: HeaderMap, body: Bytes) -> Response {
    {
        let inner = channel.0.lock().unwrap();
        let good = format!("Bearer {}", inner.token);
        if !inner.token.is_empty() && headers["authorization"].as_bytes() != good.as_bytes() {
            return (StatusCode::UNAUTHORIZED, r#"{"title":"Unauthorized"}"#).into_response();
        }
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    take(&channel, |inner| {
        let id = (5_000 + inner.posts.len()).to_string();
        let to = body["reply"]["in_reply_to_tweet_id"].clone();
        let text = format!("@budi {}", body["text"].as_str().unwrap().replace('&', "&amp;"));
        inner
            .posts
            .push(json!({"id": id, "text": text, "referenced_tweets": [{"type": "replied_to", "id": to}]}));
        json!({"data": {"id": id, "text": text}})
    })
}

async fn list_posts(State(channel): State<Channel>) -> String {
    let mut posts = channel.posts();
    posts.reverse();
    json!({"data": posts, "meta": {"result_count": posts.len()}}).to_string()
}

async fn take_comment(State(channel): State<Channel>, Path(below): Path<String>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    take(&channel, |inner| {
        let id = format!("{below}_{}", inner.comments.len());
        inner
            .comments
            .push(json!({"id": id, "message": body["message"], "from": {"id": "444", "name": "Kami"},
                "created_time": "2100-01-01T00:00:00+0000"}));
        json!({"id": id})
    })
}

async fn list_comments(State(channel): State<Channel>) -> String {
    json!({"data": channel.0.lock().unwrap().comments}).to_string()
}

async fn take_message(State(channel): State<Channel>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    take(&channel, |inner| {
        let id = format!("m_{}", inner.messages.len());
        inner.messages.push(said(&id, body["message"]["text"].as_str().unwrap()));
        json!({"recipient_id": "3383", "message_id": id})
    })
}

/// What the page said to a person.
fn said(id: &str, text: &str) -> Value {
    json!({"id": id, "message": text, "from": {"id": "444", "name": "Kami"},
        "created_time": "2100-01-01T00:00:00+0000"})
}

async fn list_talk(State(channel): State<Channel>) -> String {
    let mut messages = channel.0.lock().unwrap().messages.clone();
    messages.reverse();
    json!({"data": [{"messages": {"data": messages}}]}).to_string()
}

async fn renew(State(channel): State<Channel>, body: String) -> Response {
    let mut inner = channel.0.lock().unwrap();
    let expected = format!("grant_type=refresh_token&refresh_token=old%2B{}&client_id=app", inner.renewed);
    if body != expected {
        return (StatusCode::BAD_REQUEST, r#"{"error":"invalid_request"}"#).into_response();
    }
    inner.renewed += 1;
    inner.token = format!("fresh-{}", inner.renewed);
    let next = format!("old+{}", inner.renewed);
    json!({"token_type": "bearer", "expires_in": 7200, "access_token": inner.token, "refresh_token": next})
        .to_string()
        .into_response()
}

fn x_case() -> Case {
    let content = v1::MessageContent {
        from_address: "budi".into(),
        reply_to: "133".into(),
        source_id: "133".into(),
        ..Default::default()
    };
    let (channel, account) = (v1::Channel::X, "telkomcare".to_owned());
    Case { number: 7, channel, account, visibility: Visibility::Public, content, raw_digest: Vec::new() }
}

fn x(base_url: String) -> Channels {
    let accounts = BTreeMap::from([("telkomcare".to_owned(), Secret::new("t"))]);
    Channels { x: Some(X { base_url, accounts, renewed: BTreeMap::new() }), ..Default::default() }
}

fn renewing(base_url: String, file: PathBuf) -> Channels {
    let refresh = Refresh { client_id: "app".into(), client_secret: None, file };
    let renewed = BTreeMap::from([("telkomcare".to_owned(), refresh)]);
    Channels { x: Some(X { base_url, accounts: BTreeMap::new(), renewed }), ..Default::default() }
}

/// The reports of one reply, as many as there are to come.
async fn reports(
    case: &Case,
    channels: Channels,
    kind: ReplyKind,
    text: &str,
    count: usize,
) -> Vec<v1::DeliveryReport> {
    let desk = Desk::new(&MemoryStore::new(), "telkomcare");
    desk.judge();
    let to = case.arrive(&desk).await;
    case.reply(&desk, to, kind, text).await;
    let deliver = start(&desk, channels).await;
    let reports = desk.reported(count).await;
    deliver.stop().await;
    reports
}

/// The reports of one reply that a deliverer begins and, after that one stopped, the next goes on with.
async fn one_after_another(
    case: &Case,
    channels: Channels,
    kind: ReplyKind,
    text: &str,
) -> [v1::DeliveryReport; 2] {
    let desk = Desk::new(&MemoryStore::new(), "telkomcare");
    desk.judge();
    let to = case.arrive(&desk).await;
    case.reply(&desk, to, kind, text).await;
    let mut options = options(&desk, "deliver@test/1", channels.clone());
    // Long enough that the first one has stopped before the next attempt is due.
    options.timing.retry_first = Duration::from_secs(2);
    let first = Deliver::start(options).await.unwrap();
    let begun = desk.reported(1).await.remove(0);
    first.stop().await;
    let second = start(&desk, channels).await;
    let ended = desk.reported(2).await.remove(1);
    second.stop().await;
    [begun, ended]
}

fn thread() -> String {
    "Mohon maaf & terima kasih atas kesabarannya. ".repeat(15)
}

#[tokio::test]
async fn a_post_that_arrived_before_the_error_is_found_and_not_posted_again() {
    for fault in [Fault::TakenThenError, Fault::TakenThenCut] {
        let (channel, url) = Channel::start(&[Some(fault)]).await;
        let report = reports(&x_case(), x(url), ReplyKind::Normal, "Kami cek & kabari", 1).await.remove(0);
        assert_eq!(
            (report.outcome(), report.source_id.as_str()),
            (DeliveryOutcome::Delivered, "5000"),
            "{fault:?}"
        );
        assert_eq!(channel.posts().len(), 1);
    }
}

#[tokio::test]
async fn a_post_that_is_not_found_is_left_to_the_agent() {
    let (channel, url) = Channel::start(&[Some(Fault::Error)]).await;
    let report = reports(&x_case(), x(url), ReplyKind::Normal, "Kami cek", 1).await.remove(0);
    assert_eq!(report.outcome(), DeliveryOutcome::Unknown, "{}", report.detail);
    assert!(channel.posts().is_empty());
}

#[tokio::test]
async fn a_thread_goes_on_after_the_part_that_is_posted() {
    for fault in [Fault::Limited, Fault::Later, Fault::TakenThenError] {
        let (channel, url) = Channel::start(&[None, Some(fault)]).await;
        let count = if matches!(fault, Fault::TakenThenError) { 1 } else { 2 };
        let last = reports(&x_case(), x(url), ReplyKind::Thread, &thread(), count).await.pop().unwrap();
        assert_eq!(
            (last.outcome(), last.source_id.as_str()),
            (DeliveryOutcome::Delivered, "5000"),
            "{fault:?}"
        );
        let posts = channel.posts();
        let answered: Vec<&Value> = posts.iter().map(|post| &post["referenced_tweets"][0]["id"]).collect();
        let whole: Vec<Value> = (0..posts.len())
            .map(|n| if n == 0 { "133".into() } else { (4_999 + n).to_string().into() })
            .collect();
        assert_eq!(answered, whole.iter().collect::<Vec<_>>(), "each once, each below the one before");
        assert!(posts.len() >= 3);
    }
}

#[tokio::test]
async fn another_process_goes_on_with_a_thread_by_what_x_lists() {
    let (channel, url) = Channel::start(&[None, Some(Fault::Limited)]).await;
    let [first, last] = one_after_another(&x_case(), x(url), ReplyKind::Thread, &thread()).await;
    assert_eq!(first.outcome(), DeliveryOutcome::Retry, "{}", first.detail);
    assert!(first.detail.starts_with("1 of "), "{}", first.detail);
    assert_eq!(last.outcome(), DeliveryOutcome::Delivered, "{}", last.detail);
    let posts = channel.posts();
    let begins = posts.iter().filter(|post| post["referenced_tweets"][0]["id"] == "133").count();
    assert_eq!(begins, 1, "the first part is not posted again: {posts:?}");
}

#[tokio::test]
async fn a_comment_that_arrived_before_the_error_is_found() {
    let (channel, base_url) = Channel::start(&[Some(Fault::TakenThenError)]).await;
    let page = Page { id: "444".into(), token: Secret::new("t"), app_secret: None };
    let pages = BTreeMap::from([("telkomcare".to_owned(), page)]);
    let channels = Channels { facebook: Some(Facebook { base_url, pages }), ..Default::default() };
    let mut case = Case { channel: v1::Channel::Facebook, ..x_case() };
    case.content.reply_to = "901_903".into();
    let report = reports(&case, channels, ReplyKind::Normal, "Halo Kak", 1).await.remove(0);
    assert_eq!((report.outcome(), report.source_id.as_str()), (DeliveryOutcome::Delivered, "901_903_0"));
    assert_eq!(channel.0.lock().unwrap().comments.len(), 1);
}

fn messenger_case() -> Case {
    let mut case = Case { channel: v1::Channel::Facebook, visibility: Visibility::Private, ..x_case() };
    case.content.reply_to = "3383".into();
    case
}

fn messenger(base_url: String) -> Channels {
    let page = Page { id: "444".into(), token: Secret::new("t"), app_secret: None };
    let pages = BTreeMap::from([("telkomcare".to_owned(), page)]);
    Channels { facebook: Some(Facebook { base_url, pages }), ..Default::default() }
}

/// More than one message by Messenger holds, the second part the same as the third.
fn long_answer() -> String {
    format!("{}\n{}\n{}", "a".repeat(1_999), "b".repeat(1_999), "b".repeat(1_999))
}

fn texts(channel: &Channel) -> Vec<char> {
    let messages = channel.0.lock().unwrap().messages.clone();
    messages.iter().map(|message| message["message"].as_str().unwrap().chars().next().unwrap()).collect()
}

#[tokio::test]
async fn a_long_answer_by_messenger_goes_on_after_the_part_that_is_out() {
    for fault in [Fault::Limited, Fault::Later, Fault::TakenThenError] {
        let (channel, url) = Channel::start(&[None, Some(fault)]).await;
        let count = if matches!(fault, Fault::TakenThenError) { 1 } else { 2 };
        let all = reports(&messenger_case(), messenger(url), ReplyKind::Normal, &long_answer(), count).await;
        let last = all.last().unwrap();
        assert_eq!(
            (last.outcome(), last.source_id.as_str()),
            (DeliveryOutcome::Delivered, "m_0"),
            "{fault:?}"
        );
        assert_eq!(texts(&channel), ['a', 'b', 'b'], "{fault:?}: each once, in order");
    }
}

#[tokio::test]
async fn another_process_goes_on_with_a_long_answer_by_what_facebook_lists() {
    let (channel, url) = Channel::start(&[None, None, Some(Fault::Limited)]).await;
    let answer = long_answer();
    let [first, last] =
        one_after_another(&messenger_case(), messenger(url), ReplyKind::Normal, &answer).await;
    assert_eq!(first.outcome(), DeliveryOutcome::Retry, "{}", first.detail);
    assert!(first.detail.starts_with("2 of 3"), "{}", first.detail);
    assert_eq!(last.outcome(), DeliveryOutcome::Delivered, "{}", last.detail);
    assert_eq!(texts(&channel), ['a', 'b', 'b']);
}

#[tokio::test]
async fn every_part_of_what_a_killed_deliverer_left_at_messenger_is_looked_for() {
    let text = long_answer();
    let parts: Vec<&str> = text.split('\n').collect();
    for (out, outcome, word) in [
        (3, DeliveryOutcome::Delivered, "found"),
        (2, DeliveryOutcome::Unknown, "when 2 of 3"),
        (0, DeliveryOutcome::Unknown, ""),
    ] {
        let (channel, url) = Channel::start(&[]).await;
        for (n, part) in parts.iter().take(out).enumerate() {
            channel.0.lock().unwrap().messages.push(said(&format!("m_{n}"), part));
        }
        let desk = left_behind(&messenger_case(), ReplyKind::Normal, &text).await;
        let deliver = start(&desk, messenger(url)).await;
        let report = desk.reported(1).await.remove(0);
        deliver.stop().await;
        assert_eq!(report.outcome(), outcome, "{}", report.detail);
        assert!(report.detail.contains(word), "{}", report.detail);
        assert_eq!(texts(&channel).len(), out, "nothing is sent again");
    }
}

/// A delivery that a deliverer began and never reported, since it was killed.
async fn left_behind(case: &Case, kind: ReplyKind, text: &str) -> Desk {
    let desk = Desk::new(&MemoryStore::new(), "telkomcare");
    let to = case.arrive(&desk).await;
    let delivery = case.reply(&desk, to, kind, text).await;
    desk.commit(vec![started(delivery, 1, "deliver@test/1+former", now_ms())]).await;
    desk
}

#[tokio::test]
async fn what_a_killed_deliverer_left_is_looked_for_before_it_is_given_to_the_agent() {
    let (channel, url) = Channel::start(&[]).await;
    let text = "@budi Kami cek";
    let there =
        json!({"id": "5000", "text": text, "referenced_tweets": [{"type": "replied_to", "id": "133"}]});
    channel.0.lock().unwrap().posts.push(there);
    for (said, outcome) in [("Kami cek", DeliveryOutcome::Delivered), ("Lain", DeliveryOutcome::Unknown)] {
        let desk = left_behind(&x_case(), ReplyKind::Normal, said).await;
        let deliver = start(&desk, x(url.clone())).await;
        let report = desk.reported(1).await.remove(0);
        deliver.stop().await;
        assert_eq!(report.outcome(), outcome, "{}", report.detail);
        assert_eq!(channel.posts().len(), 1, "nothing is sent again");
    }
    let parts = simpang_channels::x::length::parts(&thread()).unwrap();
    channel.0.lock().unwrap().posts[0]["text"] = parts[0].clone().into();
    let desk = left_behind(&x_case(), ReplyKind::Thread, &thread()).await;
    let deliver = start(&desk, x(url)).await;
    let report = desk.reported(1).await.remove(0);
    deliver.stop().await;
    assert_eq!((report.outcome(), report.source_id.as_str()), (DeliveryOutcome::Unknown, "5000"));
    assert!(report.detail.contains("when 1 of "), "{}", report.detail);
}

#[tokio::test]
async fn a_token_at_its_end_is_renewed_kept_and_never_told() {
    let folder = std::env::temp_dir().join(format!("simpang-token-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("x.json");
    std::fs::write(&file, r#"{"refresh_token":"old+0"}"#).unwrap();
    let (channel, url) = Channel::start(&[]).await;
    let report =
        reports(&x_case(), renewing(url.clone(), file.clone()), ReplyKind::Normal, "Satu", 1).await.remove(0);
    assert_eq!(report.outcome(), DeliveryOutcome::Delivered, "{}", report.detail);
    let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((&kept["access_token"], &kept["refresh_token"]), (&json!("fresh-1"), &json!("old+1")));

    // X ends a token early: it is renewed once and the post goes out.
    channel.0.lock().unwrap().token = "another".into();
    let report =
        reports(&x_case(), renewing(url.clone(), file.clone()), ReplyKind::Normal, "Dua", 1).await.remove(0);
    assert_eq!(report.outcome(), DeliveryOutcome::Delivered, "{}", report.detail);
    assert_eq!(channel.0.lock().unwrap().renewed, 2);

    // Nobody is signed in any more.
    std::fs::write(&file, r#"{"refresh_token":"stolen"}"#).unwrap();
    let report = reports(&x_case(), renewing(url, file), ReplyKind::Normal, "Tiga", 1).await.remove(0);
    assert_eq!(report.outcome(), DeliveryOutcome::Retry);
    assert!(
        report.detail.contains("sign in again") && !report.detail.contains("stolen"),
        "{}",
        report.detail
    );
    std::fs::remove_dir_all(folder).unwrap();
}
