//! Answers at Facebook: request bodies, and what the Graph API's answer means.

use serde_json::{Value, json};

use super::{Answer, HttpAnswer, WAIT_SECONDS_MAX, reason};
use crate::json as read;
use crate::signature::hmac_sha256;

/// Longest comment, in characters.
pub const COMMENT_CHARS_MAX: usize = 8_000;

/// Longest Messenger text, in characters.
pub const MESSENGER_CHARS_MAX: usize = 2_000;

/// Body of `POST /{comment or post}/comments`.
#[must_use]
pub fn comment_body(text: &str) -> String {
    json!({"message": text}).to_string()
}

/// Body of `POST /{page}/messages` that answers a comment in private: once for each, within 7 days.
#[must_use]
pub fn private_reply_body(text: &str, comment_id: &str) -> String {
    json!({"recipient": {"comment_id": comment_id}, "message": {"text": text}}).to_string()
}

/// Body of `POST /{page}/messages` that answers a Messenger message. `human_agent` asks for the window of 7 days
/// instead of 24 hours.
#[must_use]
pub fn message_body(text: &str, recipient: &str, human_agent: bool) -> String {
    let mut body =
        json!({"recipient": {"id": recipient}, "message": {"text": text}, "messaging_type": "RESPONSE"});
    if human_agent {
        body["messaging_type"] = json!("MESSAGE_TAG");
        body["tag"] = json!("HUMAN_AGENT");
    }
    body.to_string()
}

/// The query parameter `appsecret_proof` for a call with this token.
#[must_use]
pub fn appsecret_proof(app_secret: &[u8], access_token: &str) -> String {
    hex::encode(hmac_sha256(app_secret, access_token.as_bytes()))
}

/// What the answer to any of them means.
#[must_use]
pub fn read_answer(answer: &HttpAnswer<'_>) -> Answer {
    let body: Value = serde_json::from_slice(answer.body).unwrap_or(Value::Null);
    if let Some(error) = body.get("error").filter(|e| e.is_object()) {
        return from_error(error, answer);
    }
    if (200..300).contains(&answer.status) {
        return match read::first_id(&body, &["id", "message_id"]) {
            Some(id) => Answer::Delivered { id },
            None => Answer::Unknown { reason: format!("HTTP {} without an id", answer.status) },
        };
    }
    let reason = format!("HTTP {}", answer.status);
    match answer.status {
        429 => Answer::Retry { after_ms: answer.retry_after_ms(), reason },
        503 if answer.retry_after_ms().is_some() => {
            Answer::Retry { after_ms: answer.retry_after_ms(), reason }
        }
        400..=499 => Answer::Refused { reason },
        _ => Answer::Unknown { reason },
    }
}

fn from_error(error: &Value, answer: &HttpAnswer<'_>) -> Answer {
    let code = read::number(error, "code").unwrap_or(0);
    let subcode = read::number(error, "error_subcode").unwrap_or(0);
    let kind = read::word(read::text(error, "type"));
    let reason = reason(&format!("HTTP {} {kind} code {code} subcode {subcode}", answer.status));
    match code {
        // Throttled: the call was not carried out.
        4 | 17 | 32 | 341 | 613 | 80_000..=80_014 => {
            Answer::Retry { after_ms: regain_ms(answer), reason: format!("throttled: {reason}") }
        }
        // "Service temporarily unavailable"; code 1 is "unknown" and leaves open whether the comment is there.
        2 => Answer::Retry { after_ms: answer.retry_after_ms(), reason },
        1 | 0 => Answer::Unknown { reason },
        _ if answer.status >= 500 => Answer::Unknown { reason },
        _ => Answer::Refused { reason },
    }
}

/// The longest time the usage headers name until calls are taken again.
fn regain_ms(answer: &HttpAnswer<'_>) -> Option<u64> {
    let usage = answer.header("x-business-use-case-usage")?;
    let value: Value = serde_json::from_str(usage).ok()?;
    let minutes = value
        .as_object()?
        .values()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|u| read::number(u, "estimated_time_to_regain_access"))
        .max()?;
    let minutes = u64::try_from(minutes).ok()?.min(WAIT_SECONDS_MAX / 60);
    (minutes > 0).then_some(minutes * 60_000)
}

#[cfg(test)]
mod tests {
    use super::{
        Answer, HttpAnswer, appsecret_proof, comment_body, message_body, private_reply_body, read_answer,
    };

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        read_answer(&HttpAnswer { status, headers, body: body.as_bytes() })
    }

    #[test]
    fn bodies_are_what_the_graph_api_takes() {
        assert_eq!(comment_body("Halo"), r#"{"message":"Halo"}"#);
        let private = r#"{"message":{"text":"Halo"},"recipient":{"comment_id":"1_2"}}"#;
        assert_eq!(private_reply_body("Halo", "1_2"), private);
        let response = r#"{"message":{"text":"Halo"},"messaging_type":"RESPONSE","recipient":{"id":"9"}}"#;
        assert_eq!(message_body("Halo", "9", false), response);
        assert!(message_body("Halo", "9", true).contains(r#""tag":"HUMAN_AGENT""#));
        // HMAC-SHA256 of the well-known test sentence.
        assert_eq!(
            appsecret_proof(b"key", "The quick brown fox jumps over the lazy dog"),
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        );
    }

    #[test]
    fn answers_are_told_apart() {
        let id = |id: &str| Answer::Delivered { id: id.into() };
        assert_eq!(answer(200, &[], r#"{"id":"901_905"}"#), id("901_905"));
        assert_eq!(answer(200, &[], r#"{"recipient_id":"9","message_id":"m_1"}"#), id("m_1"));
        assert!(matches!(answer(200, &[], "{}"), Answer::Unknown { .. }));
        let error =
            |code: u32| format!(r#"{{"error":{{"message":"x","type":"OAuthException","code":{code}}}}}"#);
        let usage = r#"{"1":[{"type":"pages","estimated_time_to_regain_access":5}]}"#;
        let limited = answer(400, &[("X-Business-Use-Case-Usage", usage)], &error(32));
        assert!(matches!(limited, Answer::Retry { after_ms: Some(300_000), .. }));
        for code in [190, 10, 200, 100, 551, 368] {
            assert!(matches!(answer(400, &[], &error(code)), Answer::Refused { .. }), "{code}");
        }
        assert!(matches!(answer(500, &[], &error(2)), Answer::Retry { .. }));
        assert!(matches!(answer(500, &[], &error(1)), Answer::Unknown { .. }));
        assert!(matches!(answer(502, &[], "bad gateway"), Answer::Unknown { .. }));
        assert!(matches!(answer(404, &[], ""), Answer::Refused { .. }));
    }
}
