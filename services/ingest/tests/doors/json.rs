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
async fn a_list_is_answered_with_a_verdict_for_each_message_in_its_order() {
    let doors = Doors::open().await;
    let list = [
        MESSAGE.to_owned(),
        MESSAGE.replace("whatsapp", "signal"),
        "7".to_owned(),
        MESSAGE.replace("text", "txet"),
        MESSAGE.replace("wa-1", ""),
        MESSAGE.replace("aGFsbw==", "%"),
        MESSAGE.replace("wa-1", "wa-2").replace("halo", "kedua"),
    ];
    let (status, answer) = doors.call(post("gateway", &format!(" \n[{}]", list.join(",")))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let verdicts = answer["verdicts"].as_array().unwrap();
    let at = |verdict: &serde_json::Value| {
        let place = &verdict["accepted"]["places"][0];
        assert_eq!(place["desk"], "telkomcare", "{verdict}");
        (place["seq"].as_u64().unwrap(), place["index"].as_u64().unwrap())
    };
    assert!(at(&verdicts[0]) < at(&verdicts[6]), "{answer}");
    let why = |verdict: &serde_json::Value| verdict["refused"]["reason"].as_str().unwrap().to_owned();
    let reasons: Vec<String> = verdicts[1..6].iter().map(why).collect();
    assert_eq!(reasons, ["unknown_account", "invalid", "invalid", "invalid", "invalid"]);
    assert!(verdicts[3]["refused"]["detail"].as_str().unwrap().contains("txet"), "{answer}");
    let texts: Vec<String> =
        doors.messages("telkomcare").into_iter().map(|(_, content)| content.text).collect();
    assert_eq!(texts, ["halo", "kedua"]);
}

#[tokio::test]
async fn a_list_that_is_empty_too_long_or_none_is_refused_whole() {
    let doors = Doors::open().await;
    let long = format!("[{}]", ["7"; 1_001].join(","));
    let cases = [
        ("gateway", "[]", StatusCode::BAD_REQUEST, "no messages"),
        ("gateway", "[{},", StatusCode::BAD_REQUEST, "line 1"),
        ("gateway", long.as_str(), StatusCode::PAYLOAD_TOO_LARGE, "at most 1000"),
        ("agent-7", "[{}]", StatusCode::FORBIDDEN, "gateway"),
    ];
    for (token, body, expected, word) in cases {
        let (status, detail) = doors.call(post(token, body)).await;
        assert_eq!(status, expected, "{detail}");
        assert!(detail.contains(word), "{word} not in {detail}");
    }
    doors.desk("telkomcare").set_reachable(false);
    let (status, detail) = doors.call(post("gateway", &format!("[{MESSAGE},7]"))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(detail.contains("send the same again"), "{detail}");
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
