//! Webhooks of X and Facebook: handshakes, signatures, batches with entries nobody can read.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::harness::{APP_SECRET, CONSUMER_SECRET, Doors, VERIFY_TOKEN};

pub(crate) const MENTION: &str = r#"{"for_user_id":"1114","tweet_create_events":[
    {"id_str":"9001","text":"@telkomcare internet mati","created_at":"Sat Nov 28 05:30:03 +0000 2020",
     "user":{"id_str":"42","screen_name":"budi","name":"Budi","followers_count":20},
     "entities":{"user_mentions":[{"id_str":"1114","screen_name":"telkomcare"}]}}]}"#;

/// A comment, an unknown item, an entry without a page, and a Messenger message of another's page.
pub(crate) const BATCH: &str = r#"{"object":"page","entry":[
    {"id":"444","time":1750320343,"changes":[
        {"field":"feed","value":{"item":"comment","verb":"add","comment_id":"901_903","post_id":"444_901",
            "parent_id":"444_901","from":{"id":"3383","name":"Siti"},"message":"Kartu saya hilang",
            "created_time":1750320340}},
        {"field":"feed","value":{"item":"hologram","verb":"add"}},
        {"field":"feed","value":7}]},
    {"time":1750320343},
    {"id":"999","time":1750320343000,"messaging":[{"sender":{"id":"7"},"recipient":{"id":"999"},
        "timestamp":1750320343000,"message":{"mid":"m_1","text":"halo"}}]}]}"#;

fn hmac(secret: &str, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

fn x_signature(secret: &str, body: &str) -> String {
    format!("sha256={}", STANDARD.encode(hmac(secret, body.as_bytes())))
}

fn facebook_signature(secret: &str, body: &str) -> String {
    format!("sha256={}", hex::encode(hmac(secret, body.as_bytes())))
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

pub(crate) fn post(path: &str, header: &str, signature: &str, body: &str) -> Request<Body> {
    let request = Request::post(path);
    let request = if signature.is_empty() { request } else { request.header(header, signature) };
    request.body(Body::from(body.to_owned())).unwrap()
}

pub(crate) fn to_x(body: &str) -> Request<Body> {
    post("/webhooks/x", "x-twitter-webhooks-signature", &x_signature(CONSUMER_SECRET, body), body)
}

pub(crate) fn to_facebook(body: &str) -> Request<Body> {
    post("/webhooks/facebook", "X-Hub-Signature-256", &facebook_signature(APP_SECRET, body), body)
}

#[tokio::test]
async fn x_is_shown_that_we_hold_the_secret() {
    let doors = Doors::open().await;
    let expected = format!(r#"{{"response_token":"{}"}}"#, x_signature(CONSUMER_SECRET, "a b+c"));
    for path in ["/webhooks/x?crc_token=a%20b%2Bc", "/webhooks/x/main?crc_token=a%20b%2Bc"] {
        assert_eq!(doors.call(get(path)).await, (StatusCode::OK, expected.clone()), "{path}");
    }
    assert_eq!(doors.call(get("/webhooks/x")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(doors.call(get("/webhooks/x/other?crc_token=a")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn facebook_gets_its_challenge_back_only_with_our_token() {
    let doors = Doors::open().await;
    let path = |mode: &str, token: &str| {
        get(&format!("/webhooks/facebook?hub.mode={mode}&hub.challenge=1158&hub.verify_token={token}"))
    };
    let token = VERIFY_TOKEN.replace(' ', "%20");
    assert_eq!(doors.call(path("subscribe", &token)).await, (StatusCode::OK, "1158".to_owned()));
    assert_eq!(doors.call(path("subscribe", "wrong")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(doors.call(path("unsubscribe", &token)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(doors.call(get("/webhooks/facebook")).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_signed_mention_is_on_the_log_when_it_is_answered_200() {
    let doors = Doors::open().await;
    assert_eq!(doors.call(to_x(MENTION)).await.0, StatusCode::OK);
    let messages = doors.messages("telkomcare");
    let (message, content) = &messages[0];
    assert_eq!((messages.len(), message.account.as_str()), (1, "telkomcare"));
    assert_eq!(message.customer.as_ref().unwrap().id, "k1");
    assert!(content.text.contains("internet mati"));
    assert_eq!(doors.raw(&message.raw_digest).await.unwrap(), MENTION);
}

#[tokio::test]
async fn a_mention_that_comes_twice_has_one_key() {
    let doors = Doors::open().await;
    doors.call(to_x(MENTION)).await;
    let with_duplicate_fields = MENTION.replace("\"name\":\"Budi\"", "\"name\":\"Budi S\"");
    doors.call(to_x(&with_duplicate_fields)).await;
    let inputs = doors.inputs("telkomcare");
    assert_eq!((inputs.len(), &inputs[0].key), (2, &inputs[1].key));
}

#[tokio::test]
async fn what_is_not_signed_or_wrongly_is_turned_away_and_not_kept() {
    let doors = Doors::open().await;
    let header = "x-twitter-webhooks-signature";
    for (signature, expected) in [
        (String::new(), StatusCode::UNAUTHORIZED),
        ("sha256=".to_owned(), StatusCode::FORBIDDEN),
        ("rubbish".to_owned(), StatusCode::FORBIDDEN),
        (x_signature("another secret", MENTION), StatusCode::FORBIDDEN),
        (x_signature(CONSUMER_SECRET, "another body"), StatusCode::FORBIDDEN),
    ] {
        let (status, _) = doors.call(post("/webhooks/x", header, &signature, MENTION)).await;
        assert_eq!(status, expected, "{signature}");
    }
    let wrong = facebook_signature("another secret", BATCH);
    let request = post("/webhooks/facebook", "x-hub-signature-256", &wrong, BATCH);
    assert_eq!(doors.call(request).await.0, StatusCode::FORBIDDEN);
    let request = post("/webhooks/facebook", "x-hub-signature-256", "", BATCH);
    assert_eq!(doors.call(request).await.0, StatusCode::UNAUTHORIZED);
    assert!(doors.inputs("telkomcare").is_empty());
    assert_eq!(doors.raw(&Sha256::digest(MENTION)).await, None);
    assert_eq!(doors.raw(&Sha256::digest(BATCH)).await, None);
}

#[tokio::test]
async fn what_nobody_can_read_does_not_keep_the_rest_of_a_batch_away() {
    let doors = Doors::open().await;
    assert_eq!(doors.call(to_facebook(BATCH)).await.0, StatusCode::OK);
    let messages = doors.messages("telkomcare");
    assert_eq!(messages.len(), 1, "the comment; page 999 is no desk's account");
    assert_eq!(messages[0].1.text, "Kartu saya hilang");
    assert_eq!(doors.raw(&Sha256::digest(BATCH)).await.unwrap(), BATCH);
}

#[tokio::test]
async fn an_event_for_an_unknown_account_is_kept_raw_and_answered_200() {
    let doors = Doors::open().await;
    let body = MENTION.replace("1114", "555");
    assert_eq!(doors.call(to_x(&body)).await.0, StatusCode::OK);
    assert!(doors.inputs("telkomcare").is_empty());
    assert_eq!(doors.raw(&Sha256::digest(&body)).await.unwrap(), body);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_not_json_is_refused_before_anything_is_written() {
    let doors = Doors::open().await;
    let large = "x".repeat((64 << 10) + 1);
    for request in [to_x(&large), to_facebook(&large)] {
        assert_eq!(doors.call(request).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    }
    for request in [to_x("not json"), to_facebook("not json"), to_facebook("[]")] {
        assert_eq!(doors.call(request).await.0, StatusCode::BAD_REQUEST);
    }
    assert_eq!(doors.raw(&Sha256::digest("not json")).await, None);
    assert!(doors.inputs("telkomcare").is_empty());
}

#[tokio::test]
async fn while_the_log_is_away_the_channel_is_told_to_come_again() {
    let doors = Doors::open().await;
    doors.desk("telkomcare").set_reachable(false);
    assert_eq!(doors.call(to_x(MENTION)).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(doors.call(to_facebook(BATCH)).await.0, StatusCode::SERVICE_UNAVAILABLE);
    doors.desk("telkomcare").set_reachable(true);
    assert_eq!(doors.call(to_x(MENTION)).await.0, StatusCode::OK);
    assert_eq!(doors.inputs("telkomcare").len(), 1);
}
