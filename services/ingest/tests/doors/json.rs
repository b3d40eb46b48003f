//! `POST /v1/messages`.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::harness::Doors;

pub(crate) const MESSAGE: &str = r#"{"channel":"other","account":"whatsapp","id":"wa-1","author":{"address":"+62811"},
    "text":"halo","facts":[{"name":"language","value":"id"},{"name":"vip","value":true}],"raw":"aGFsbw=="}"#;

pub(crate) fn post(token: &str, body: &str) -> Request<Body> {
    let request = Request::post("/v1/messages");
    let request =
        if token.is_empty() { request } else { request.header("authorization", format!("Bearer {token}")) };
    request.body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn a_message_as_json_is_on_the_log_when_it_is_answered_with_its_place() {
    let doors = Doors::open().await;
    let (status, answer) = doors.call(post("gateway", MESSAGE)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer, r#"{"places":[{"desk":"telkomcare","seq":1,"index":0}]}"#);
    let (message, content) = &doors.messages("telkomcare")[0];
    assert_eq!((content.text.as_str(), message.facts.len()), ("halo", 2));
    assert_eq!(doors.raw(&message.raw_digest).await.unwrap(), "halo");
}

#[tokio::test]
async fn what_is_not_a_message_or_not_allowed_is_refused_with_the_reason() {
    let doors = Doors::open().await;
    let cases = [
        ("", MESSAGE.to_owned(), StatusCode::UNAUTHORIZED, "token"),
        ("wrong", MESSAGE.to_owned(), StatusCode::UNAUTHORIZED, "token"),
        ("agent-7", MESSAGE.to_owned(), StatusCode::FORBIDDEN, "gateway"),
        ("tenesa-only", MESSAGE.to_owned(), StatusCode::FORBIDDEN, "telkomcare"),
        ("gateway", "{".to_owned(), StatusCode::BAD_REQUEST, "line 1"),
        ("gateway", MESSAGE.replace("text", "txet"), StatusCode::BAD_REQUEST, "txet"),
        ("gateway", MESSAGE.replace("\"other\"", "\"fax\""), StatusCode::BAD_REQUEST, "fax"),
        ("gateway", MESSAGE.replace("aGFsbw==", "%"), StatusCode::BAD_REQUEST, "raw"),
        ("gateway", MESSAGE.replace("wa-1", ""), StatusCode::BAD_REQUEST, "id"),
        ("gateway", MESSAGE.replace("whatsapp", "signal"), StatusCode::NOT_FOUND, "account"),
        ("gateway", "x".repeat((64 << 10) + 1), StatusCode::PAYLOAD_TOO_LARGE, ""),
    ];
    for (token, body, expected, word) in cases {
        let (status, detail) = doors.call(post(token, &body)).await;
        assert_eq!(status, expected, "{token}: {detail}");
        assert!(detail.contains(word), "{word} not in {detail}");
    }
    assert!(doors.inputs("telkomcare").is_empty());
}

#[tokio::test]
async fn while_the_log_is_away_the_sender_is_told_to_send_again() {
    let doors = Doors::open().await;
    doors.desk("telkomcare").set_reachable(false);
    let (status, detail) = doors.call(post("gateway", MESSAGE)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(detail.contains("send the same again"), "{detail}");
}
