//! Mentions that tell no sender, completed by what the Graph API says of them.

use serde_json::Value;

use crate::json;
use crate::message::{FactValue, Kind, Parsed, truncate};

/// Longest text that is kept, in characters, as of the feed.
const TEXT_CHARS_MAX: usize = 70_000;

/// Whether a message tells nobody who wrote it though the Graph API may know.
#[must_use]
pub fn lacks_sender(parsed: &Parsed) -> bool {
    parsed.kind == Kind::New
        && parsed.author_address.is_none()
        && parsed.fact("is_mention") == Some(&FactValue::Flag(true))
}

/// Fills in sender, text and link from the answer to `GET /{id}?fields=from,message,permalink_url`. Without one, or
/// where it names nobody, the message says so. What makes a repeat of it known stays as it was delivered: another
/// delivery of it may not be looked up.
pub fn complete(parsed: &mut Parsed, answer: Option<&[u8]>) {
    let answer: Value = answer.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or(Value::Null);
    let from = answer.get("from").unwrap_or(&Value::Null);
    match json::id(from, "id") {
        Some(id) => {
            json::text(from, "name").clone_into(&mut parsed.content.from_name);
            parsed.content.from_address.clone_from(&id);
            parsed.author_address = Some(id);
        }
        None => parsed.mark_malformed("the channel does not tell who wrote it"),
    }
    let text = json::text(&answer, "message");
    if parsed.content.full_text.is_empty() && !text.is_empty() {
        parsed.content.full_text = truncate(text, TEXT_CHARS_MAX);
        parsed.content.text = parsed.content.full_text.clone();
    }
    let link = json::text(&answer, "permalink_url");
    if link.starts_with("https://") {
        link.clone_into(&mut parsed.content.permalink);
    }
}

#[cfg(test)]
mod tests {
    use super::{complete, lacks_sender};
    use crate::facebook::parse_webhook;
    use crate::message::{Item, Parsed};

    fn mention() -> Parsed {
        let body = br#"{"object":"page","entry":[{"id":"444","changes":[{"field":"mention","value":
            {"item":"post","verb":"add","post_id":"55_987","created_time":1750320340}}]}]}"#;
        match parse_webhook(body).unwrap().remove(0) {
            Item::Message(parsed) => *parsed,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_mention_gets_its_sender_and_keeps_what_makes_its_repeat_known() {
        let mut parsed = mention();
        assert!(lacks_sender(&parsed));
        let key = parsed.idempotency.clone();
        let answer = br#"{"id":"55_987","from":{"id":3383,"name":"Siti"},"message":"Halo @Kami","permalink_url":"https://fb.example/p"}"#;
        complete(&mut parsed, Some(answer));
        assert_eq!(
            (parsed.author_address.as_deref(), parsed.content.from_name.as_str()),
            (Some("3383"), "Siti")
        );
        assert_eq!(
            (parsed.content.text.as_str(), parsed.content.permalink.as_str()),
            ("Halo @Kami", "https://fb.example/p")
        );
        assert_eq!(parsed.idempotency, key);
        assert!(parsed.malformed.is_none() && !lacks_sender(&parsed));
    }

    #[test]
    fn one_that_nobody_tells_the_sender_of_says_so() {
        for answer in [None, Some(&b"<html>"[..]), Some(br#"{"id":"55_987"}"#)] {
            let mut parsed = mention();
            complete(&mut parsed, answer);
            assert_eq!(parsed.malformed.as_deref(), Some("the channel does not tell who wrote it"));
        }
    }
}
