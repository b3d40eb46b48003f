//! Posts, comments and messages: what X and Facebook get, and what their answers mean.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::http::{Answer, Asked, Fake, hangs_up, nobody};
use common::{Case, Desk, file, keyer, now_ms, start};
use serde_json::json;
use simpang_deliver::Channels;
use simpang_deliver::options::{Facebook, Page, Secret, X};
use simpang_log::MemoryStore;
use simpang_proto::log::v1::{self, DeliveryOutcome, ReplyKind, Visibility};

fn x_channels(base_url: String) -> Channels {
    let accounts = BTreeMap::from([("telkomcare".to_owned(), Secret::new("x-token"))]);
    Channels { x: Some(X { base_url, accounts, renewed: BTreeMap::new() }), ..Default::default() }
}

fn facebook_channels(base_url: String) -> Channels {
    let page =
        Page { id: "444".into(), token: Secret::new("page-token"), app_secret: Some(Secret::new("app")) };
    let pages = BTreeMap::from([("telkomcare".to_owned(), page)]);
    Channels { facebook: Some(Facebook { base_url, pages }), ..Default::default() }
}

fn post() -> Case {
    let content = v1::MessageContent {
        from_name: "Budi".into(),
        from_address: "budi".into(),
        reply_to: "1332557345071644672".into(),
        source_id: "1332557345071644672".into(),
        text: "@TelkomCare internet mati".into(),
        ..Default::default()
    };
    let (channel, account) = (v1::Channel::X, "telkomcare".to_owned());
    Case { number: 7, channel, account, visibility: Visibility::Public, content, raw_digest: Vec::new() }
}

fn comment() -> Case {
    let mut case = Case { channel: v1::Channel::Facebook, ..post() };
    case.content.reply_to = "901_903".into();
    case.content.from_address = "3383".into();
    case
}

/// What one reply becomes.
async fn reply(case: &Case, channels: Channels, kind: ReplyKind, text: &str) -> v1::DeliveryReport {
    reply_with(case, channels, kind, text, Vec::new()).await
}

async fn reply_with(
    case: &Case,
    channels: Channels,
    kind: ReplyKind,
    text: &str,
    files: Vec<v1::Attachment>,
) -> v1::DeliveryReport {
    let desk = Desk::new(&MemoryStore::new(), "telkomcare");
    desk.judge();
    let to = case.arrive(&desk).await;
    case.reply_with(&desk, to, kind, text, files).await;
    let deliver = start(&desk, channels).await;
    let report = desk.reported(1).await.remove(0);
    deliver.stop().await;
    report
}

fn bearer(asked: &Asked) -> &str {
    asked.headers["authorization"].to_str().unwrap()
}

const POSTED: Answer = (201, Vec::new(), r#"{"data":{"id":"1445880548472328192","text":"x"}}"#);

#[tokio::test]
async fn a_reply_at_x_answers_the_post_and_is_found_by_its_id() {
    let (fake, url) = Fake::start(vec![POSTED]).await;
    let report = reply(&post(), x_channels(url), ReplyKind::Normal, "Kami cek ya, Kak").await;
    assert_eq!(report.outcome(), DeliveryOutcome::Delivered);
    assert_eq!(report.source_id, "1445880548472328192");
    assert_eq!(report.source[..], keyer().thread("x", "1445880548472328192"));
    let asked = fake.asked().remove(0);
    assert_eq!((asked.path.as_str(), bearer(&asked)), ("/2/tweets", "Bearer x-token"));
    let body = json!({"text": "Kami cek ya, Kak", "reply": {"in_reply_to_tweet_id": "1332557345071644672"}});
    assert_eq!(asked.body, body);
}

#[tokio::test]
async fn a_long_reply_is_refused_unless_it_is_a_thread_whose_parts_follow_each_other() {
    let text = "Mohon maaf atas ketidaknyamanannya. ".repeat(15);
    let (fake, url) = Fake::start(vec![]).await;
    let report = reply(&post(), x_channels(url), ReplyKind::Normal, &text).await;
    assert_eq!(report.outcome(), DeliveryOutcome::Refused);
    assert!(report.detail.contains("of at most 280"), "{}", report.detail);
    assert!(fake.asked().is_empty());

    let second: Answer = (201, Vec::new(), r#"{"data":{"id":"222","text":"x"}}"#);
    let (fake, url) = Fake::start(vec![POSTED, second]).await;
    let report = reply(&post(), x_channels(url), ReplyKind::Thread, &text).await;
    assert_eq!(report.outcome(), DeliveryOutcome::Delivered);
    assert_eq!(report.source_id, "1445880548472328192", "its first part");
    let asked = fake.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].body["text"].as_str().unwrap().ends_with("(1/2)"));
    assert_eq!(asked[1].body["reply"]["in_reply_to_tweet_id"], "1445880548472328192");
}

#[tokio::test]
async fn a_thread_of_which_a_part_is_refused_is_unknown_and_says_how_far_it_came() {
    let text = "Mohon maaf atas ketidaknyamanannya. ".repeat(15);
    let (_fake, url) = Fake::start(vec![POSTED, (403, Vec::new(), "{}")]).await;
    let report = reply(&post(), x_channels(url), ReplyKind::Thread, &text).await;
    assert_eq!(report.outcome(), DeliveryOutcome::Unknown);
    assert!(report.detail.starts_with("1 of 2 parts are out, then: HTTP 403"), "{}", report.detail);
    assert_eq!(report.source_id, "1445880548472328192");
}

#[tokio::test]
async fn a_private_reply_at_x_asks_who_wrote_the_post_and_the_answer_finds_the_case() {
    let who: Answer = (200, Vec::new(), r#"{"data":{"id":"42","username":"budi"}}"#);
    let sent: Answer = (201, Vec::new(), r#"{"data":{"dm_conversation_id":"1-42","dm_event_id":"900"}}"#);
    let (fake, url) = Fake::start(vec![who, sent]).await;
    let report = reply(&post(), x_channels(url), ReplyKind::Private, "Boleh minta nomornya?").await;
    assert_eq!((report.outcome(), report.source_id.as_str()), (DeliveryOutcome::Delivered, "dm:900"));
    assert_eq!(report.source[..], keyer().thread("x", "dm-with:42"), "as the door names a talk");
    let paths: Vec<String> = fake.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/2/users/by/username/budi", "/2/dm_conversations/with/42/messages"]);
}

#[tokio::test]
async fn answers_of_x_are_told_apart() {
    let reset = (now_ms() / 1_000 + 300).to_string();
    let limited: Answer = (429, vec![("x-rate-limit-reset", reset)], "{}");
    let forbidden =
        r#"{"type":"https://api.x.com/2/problems/client-forbidden","detail":"not summoned","status":403}"#;
    let duplicate =
        r#"{"title":"Forbidden","detail":"You are not allowed to create a Tweet with duplicate content."}"#;
    let table = [
        (limited, DeliveryOutcome::Retry),
        ((403, Vec::new(), forbidden), DeliveryOutcome::Refused),
        ((403, Vec::new(), duplicate), DeliveryOutcome::Unknown),
        ((400, Vec::new(), "{}"), DeliveryOutcome::Refused),
        ((500, Vec::new(), "{}"), DeliveryOutcome::Unknown),
        ((502, Vec::new(), "<html>"), DeliveryOutcome::Unknown),
        ((503, vec![("retry-after", "7".to_owned())], "{}"), DeliveryOutcome::Retry),
        ((201, Vec::new(), "<html>"), DeliveryOutcome::Unknown),
    ];
    for (answer, outcome) in table {
        let said = format!("{answer:?}");
        let (_fake, url) = Fake::start(vec![answer.clone()]).await;
        let report = reply(&post(), x_channels(url), ReplyKind::Normal, "Halo").await;
        assert_eq!(report.outcome(), outcome, "{said}");
        match answer.0 {
            429 => assert!((290_000..=302_000).contains(&report.retry_after_ms), "{}", report.retry_after_ms),
            503 => assert_eq!(report.retry_after_ms, 7_000),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_cut_connection_is_unknown_and_none_at_all_is_another_try() {
    for partly in [false, true] {
        for (case, channels) in [
            (post(), x_channels(hangs_up(partly).await)),
            (comment(), facebook_channels(hangs_up(partly).await)),
        ] {
            let report = reply(&case, channels, ReplyKind::Normal, "Halo").await;
            assert_eq!(report.outcome(), DeliveryOutcome::Unknown, "{}", report.detail);
        }
    }
    let report = reply(&post(), x_channels(nobody().await), ReplyKind::Normal, "Halo").await;
    assert_eq!((report.outcome(), report.detail.as_str()), (DeliveryOutcome::Retry, "no connection"));
}

#[tokio::test]
async fn an_account_without_a_token_waits_for_one() {
    let channels = Channels {
        x: Some(X { base_url: nobody().await, accounts: BTreeMap::new(), renewed: BTreeMap::new() }),
        ..Default::default()
    };
    for channels in [channels, Channels::default()] {
        let report = reply(&post(), channels, ReplyKind::Normal, "Halo").await;
        assert_eq!(report.outcome(), DeliveryOutcome::Retry);
        assert!(report.detail.contains("add it to the configuration"), "{}", report.detail);
        assert!(report.retry_after_ms >= 60_000);
    }
}

#[tokio::test]
async fn a_comment_is_answered_below_it_with_a_proof_of_the_app() {
    let (fake, url) = Fake::start(vec![(200, Vec::new(), r#"{"id":"901_905"}"#)]).await;
    let report = reply(&comment(), facebook_channels(url), ReplyKind::Normal, "Halo Kak").await;
    assert_eq!((report.outcome(), report.source_id.as_str()), (DeliveryOutcome::Delivered, "901_905"));
    assert_eq!(report.source[..], keyer().thread("facebook", "901_905"));
    let asked = fake.asked().remove(0);
    let proof = simpang_channels::outgoing::facebook::appsecret_proof(b"app", "page-token");
    assert_eq!(asked.path, format!("/v25.0/901_903/comments?appsecret_proof={proof}"));
    assert_eq!((bearer(&asked), &asked.body), ("Bearer page-token", &json!({"message": "Halo Kak"})));
}

#[tokio::test]
async fn a_private_reply_to_a_comment_goes_by_the_page_and_its_answer_finds_the_case() {
    let sent: Answer = (200, Vec::new(), r#"{"recipient_id":"7788","message_id":"m_1"}"#);
    let (fake, url) = Fake::start(vec![sent]).await;
    let report = reply(&comment(), facebook_channels(url), ReplyKind::Private, "Halo Kak").await;
    assert_eq!((report.outcome(), report.source_id.as_str()), (DeliveryOutcome::Delivered, "m_1"));
    assert_eq!(report.source[..], keyer().thread("facebook", "with:7788"), "as the door names a talk");
    let asked = fake.asked().remove(0);
    assert!(asked.path.starts_with("/v25.0/444/messages"));
    assert_eq!(asked.body["recipient"], json!({"comment_id": "901_903"}));
}

#[tokio::test]
async fn a_messenger_talk_goes_on_in_messenger_in_as_many_messages_as_it_needs() {
    let mut case = comment();
    case.visibility = Visibility::Private;
    case.content.reply_to = "7788".into();
    let sent = |id: &'static str| -> Answer { (200, Vec::new(), id) };
    let answers = vec![
        sent(r#"{"recipient_id":"7788","message_id":"m_1"}"#),
        sent(r#"{"recipient_id":"7788","message_id":"m_2"}"#),
    ];
    let (fake, url) = Fake::start(answers).await;
    let text = "kata ".repeat(600);
    let report = reply(&case, facebook_channels(url), ReplyKind::Normal, &text).await;
    assert_eq!((report.outcome(), report.source_id.as_str()), (DeliveryOutcome::Delivered, "m_1"));
    let asked = fake.asked();
    assert_eq!(asked.len(), 2);
    let is_to =
        |asked: &Asked| asked.body["recipient"]["id"] == "7788" && asked.body["messaging_type"] == "RESPONSE";
    assert!(asked.iter().all(is_to));
}

/// What a talk is answered with when the customer last wrote so long ago.
async fn answered_after(hours: i64, minutes: i64) -> serde_json::Value {
    let late = Arc::new(AtomicI64::new((hours * 60 + minutes) * 60_000));
    let ago = late.clone();
    let store = MemoryStore::with_clock(Arc::new(move || now_ms() - ago.load(Ordering::SeqCst)));
    let desk = Desk::new(&store, "telkomcare");
    let mut case = Case { visibility: Visibility::Private, ..comment() };
    case.content.reply_to = "7788".into();
    let to = case.arrive(&desk).await;
    late.store(0, Ordering::SeqCst);
    desk.judge();
    case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    let sent: Answer = (200, Vec::new(), r#"{"recipient_id":"7788","message_id":"m_1"}"#);
    let (fake, url) = Fake::start(vec![sent]).await;
    let deliver = start(&desk, facebook_channels(url)).await;
    assert_eq!(desk.reported(1).await[0].outcome(), DeliveryOutcome::Delivered);
    deliver.stop().await;
    fake.asked().remove(0).body
}

#[tokio::test]
async fn a_messenger_talk_is_answered_as_a_human_agent_once_its_day_is_nearly_over() {
    for (hours, minutes) in [(0, 0), (23, 50)] {
        let body = answered_after(hours, minutes).await;
        assert_eq!((&body["messaging_type"], body.get("tag")), (&json!("RESPONSE"), None), "{hours} h");
    }
    for (hours, minutes) in [(23, 56), (24 * 6, 0)] {
        let body = answered_after(hours, minutes).await;
        let said = (&body["messaging_type"], &body["tag"]);
        assert_eq!(said, (&json!("MESSAGE_TAG"), &json!("HUMAN_AGENT")), "{hours} h");
    }
}

#[tokio::test]
async fn answers_of_facebook_are_told_apart() {
    let usage = r#"{"444":[{"type":"pages","estimated_time_to_regain_access":5}]}"#.to_owned();
    let throttled = r#"{"error":{"message":"x","type":"OAuthException","code":32}}"#;
    let gone = r#"{"error":{"message":"Budi","type":"GraphMethodException","code":100,"error_subcode":33}}"#;
    let busy = r#"{"error":{"message":"x","type":"OAuthException","code":2,"is_transient":true}}"#;
    let table = [
        ((400, vec![("x-business-use-case-usage", usage)], throttled), DeliveryOutcome::Retry),
        ((400, Vec::new(), gone), DeliveryOutcome::Refused),
        ((403, Vec::new(), "{}"), DeliveryOutcome::Refused),
        ((500, Vec::new(), busy), DeliveryOutcome::Retry),
        ((500, Vec::new(), "{}"), DeliveryOutcome::Unknown),
    ];
    for (answer, outcome) in table {
        let said = format!("{answer:?}");
        let (_fake, url) = Fake::start(vec![answer]).await;
        let report = reply(&comment(), facebook_channels(url), ReplyKind::Normal, "Halo").await;
        assert_eq!(report.outcome(), outcome, "{said}");
        assert!(!report.detail.contains("Budi"), "{}", report.detail);
        if said.contains("use-case") {
            assert_eq!(report.retry_after_ms, 300_000);
        }
    }
}

#[tokio::test]
async fn an_answer_for_another_gateway_is_posted_to_its_address() {
    let (fake, url) = Fake::start(vec![(202, Vec::new(), r#"{"id":"wa-1"}"#)]).await;
    let mut case = Case { channel: v1::Channel::Other, account: "whatsapp".into(), ..post() };
    case.content.source_id = "wamid.1".into();
    let channels = Channels { other: BTreeMap::from([("whatsapp".into(), url)]), ..Default::default() };
    let report = reply(&case, channels, ReplyKind::Normal, "Halo").await;
    assert_eq!((report.outcome(), report.source_id.as_str()), (DeliveryOutcome::Delivered, "wa-1"));
    let asked = fake.asked().remove(0);
    assert_eq!((&asked.body["in_reply_to"], &asked.body["text"]), (&json!("wamid.1"), &json!("Halo")));
    assert_eq!(asked.headers["idempotency-key"].to_str().unwrap(), asked.body["id"].as_str().unwrap());
}

#[tokio::test]
async fn another_gateway_is_told_which_files_go_with_an_answer() {
    let (fake, url) = Fake::start(vec![(202, Vec::new(), r#"{"id":"wa-1"}"#)]).await;
    let case = Case { channel: v1::Channel::Other, account: "whatsapp".into(), ..post() };
    let channels = Channels { other: BTreeMap::from([("whatsapp".into(), url)]), ..Default::default() };
    let files = vec![file("tagihan.pdf", "application/pdf", b"isi")];
    let report = reply_with(&case, channels, ReplyKind::Normal, "Halo", files).await;
    assert_eq!(report.outcome(), DeliveryOutcome::Delivered);
    let digest = hex::encode(simpang_log::chain::digest(b"isi"));
    let told = json!([{"name": "tagihan.pdf", "media_type": "application/pdf", "size": 3, "digest": digest}]);
    assert_eq!(fake.asked()[0].body["attachments"], told);
}

#[tokio::test]
async fn x_and_facebook_are_asked_nothing_for_an_answer_with_files_and_the_agent_is_told_why() {
    for (case, channels) in [
        (post(), x_channels as fn(String) -> Channels),
        (comment(), facebook_channels as fn(String) -> Channels),
    ] {
        let (fake, url) = Fake::start(vec![POSTED]).await;
        let files = vec![file("a.png", "image/png", b"isi")];
        let report = reply_with(&case, channels(url), ReplyKind::Normal, "Halo", files).await;
        assert_eq!(report.outcome(), DeliveryOutcome::Refused);
        assert!(report.detail.contains("takes no files"), "{}", report.detail);
        assert!(fake.asked().is_empty());
    }
}
