//! Answers at X: request bodies, and what the API's answer means.

use serde_json::{Value, json};

use super::{Answer, HttpAnswer, WAIT_SECONDS_MAX, reason};
use crate::json as read;

/// Longest direct message, in characters.
pub const MESSAGE_CHARS_MAX: usize = 10_000;

/// Body of `POST /2/tweets` that answers a post.
#[must_use]
pub fn post_body(text: &str, in_reply_to: &str) -> String {
    json!({"text": text, "reply": {"in_reply_to_tweet_id": in_reply_to}}).to_string()
}

/// Body of `POST /2/dm_conversations/with/{user}/messages`.
#[must_use]
pub fn direct_message_body(text: &str) -> String {
    json!({"text": text}).to_string()
}

/// What the answer to either means. `now_ms` is for the header that names the end of a limit as a point in time.
#[must_use]
pub fn read_answer(answer: &HttpAnswer<'_>, now_ms: u64) -> Answer {
    let body: Value = serde_json::from_slice(answer.body).unwrap_or(Value::Null);
    if (200..300).contains(&answer.status) {
        return match delivered(&body) {
            Some(id) => Answer::Delivered { id },
            None => Answer::Unknown { reason: format!("HTTP {} without an id", answer.status) },
        };
    }
    let (kind, detail) = problem(&body);
    let reason = reason(&format!("HTTP {} {kind} {detail}", answer.status));
    match answer.status {
        429 => Answer::Retry { after_ms: limit_ends(answer, now_ms), reason },
        // The same text is refused when it is there already: it may be ours, sent before the answer got lost.
        403 if detail.to_lowercase().contains("duplicate") => Answer::Unknown { reason },
        503 if answer.retry_after_ms().is_some() => {
            Answer::Retry { after_ms: answer.retry_after_ms(), reason }
        }
        400..=499 => Answer::Refused { reason },
        _ => Answer::Unknown { reason },
    }
}

fn delivered(body: &Value) -> Option<String> {
    let data = body.get("data")?;
    read::id(data, "id").or_else(|| read::id(data, "dm_event_id").map(|id| format!("dm:{id}")))
}

/// Kind and detail of an error in either of its two forms.
fn problem(body: &Value) -> (String, String) {
    let old = read::list(body, "errors").first();
    let kind = read::first_text(body, &["type", "title"]);
    let kind = kind.rsplit('/').next().unwrap_or_default();
    let detail = match read::first_text(body, &["detail", "title"]) {
        "" => old.map(|e| read::first_text(e, &["message", "detail"])).unwrap_or_default(),
        detail => detail,
    };
    (read::word(kind), crate::message::truncate(detail, 200))
}

fn limit_ends(answer: &HttpAnswer<'_>, now_ms: u64) -> Option<u64> {
    let reset = answer.header("x-rate-limit-reset").and_then(|v| v.parse::<u64>().ok());
    let until = reset.map(|s| s.saturating_mul(1_000).saturating_sub(now_ms).min(WAIT_SECONDS_MAX * 1_000));
    answer.retry_after_ms().or(until)
}

#[cfg(test)]
mod tests {
    use super::{Answer, HttpAnswer, direct_message_body, post_body, read_answer};

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        read_answer(&HttpAnswer { status, headers, body: body.as_bytes() }, 1_000_000)
    }

    #[test]
    fn bodies_hold_nothing_but_what_the_api_knows() {
        assert_eq!(post_body("a \"b\"", "12"), r#"{"reply":{"in_reply_to_tweet_id":"12"},"text":"a \"b\""}"#);
        assert_eq!(direct_message_body("x"), r#"{"text":"x"}"#);
    }

    #[test]
    fn answers_are_told_apart() {
        let id = |id: &str| Answer::Delivered { id: id.into() };
        assert_eq!(
            answer(201, &[], r#"{"data":{"id":"1445880548472328192","text":"x"}}"#),
            id("1445880548472328192")
        );
        assert_eq!(
            answer(201, &[], r#"{"data":{"dm_conversation_id":"1-2","dm_event_id":"77"}}"#),
            id("dm:77")
        );
        assert!(matches!(answer(200, &[], "<html>"), Answer::Unknown { .. }));
        let limited = answer(429, &[("X-Rate-Limit-Reset", "1060")], "{}");
        assert!(matches!(limited, Answer::Retry { after_ms: Some(60_000), .. }));
        let duplicate = r#"{"type":"about:blank","title":"Forbidden","detail":"You are not allowed to create a Tweet with duplicate content.","status":403}"#;
        assert!(matches!(answer(403, &[], duplicate), Answer::Unknown { .. }));
        let summoned = r#"{"type":"https://api.x.com/2/problems/client-forbidden","detail":"not mentioned","status":403}"#;
        let Answer::Refused { reason } = answer(403, &[], summoned) else { panic!("not refused") };
        assert_eq!(reason, "HTTP 403 client-forbidden not mentioned");
        assert!(matches!(answer(401, &[], ""), Answer::Refused { .. }));
        assert!(matches!(answer(500, &[], ""), Answer::Unknown { .. }));
        assert!(matches!(
            answer(503, &[("Retry-After", "5")], ""),
            Answer::Retry { after_ms: Some(5_000), .. }
        ));
    }
}
