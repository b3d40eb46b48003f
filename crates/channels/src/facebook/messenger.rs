//! Messenger: what a person writes to a page in private.

use serde_json::Value;

use crate::message::{Attachment, AttachmentBody, FactValue, Item, Kind, Parsed, Visibility, truncate};
use crate::signature::sha256_hex;
use crate::{file_name, json};

/// Longest text that is kept, in characters; the channel's own limit is 2,000.
const TEXT_CHARS_MAX: usize = 20_000;
/// Most files that are kept of a message.
const ATTACHMENTS_MAX: usize = 100;

/// One element of `messaging`.
pub(crate) fn item(value: &Value, page: &str) -> Item {
    let part = |key: &str| value.get(key).filter(|v| v.is_object());
    if let Some(message) = part("message") {
        return message_item(value, message, page);
    }
    if let Some(edit) = part("message_edit") {
        return edit_item(value, edit, page);
    }
    if let Some(postback) = part("postback") {
        return postback_item(value, postback, page);
    }
    let kind = value.as_object().and_then(|o| o.keys().find(|k| !ENVELOPE.contains(&k.as_str())));
    match kind {
        Some(kind) => Item::ignored(format!("messaging: {}", json::word(kind))),
        None => Item::poison("messaging entry without a kind"),
    }
}

/// Keys of every entry, which say nothing about its kind.
const ENVELOPE: [&str; 4] = ["sender", "recipient", "timestamp", "hop_context"];

fn message_item(value: &Value, message: &Value, page: &str) -> Item {
    if json::flag(message, "is_echo") == Some(true) {
        return Item::ignored("echo of an outgoing message");
    }
    let Some(mid) = json::id(message, "mid") else { return Item::poison("message without a mid") };
    let deleted = json::flag(message, "is_deleted") == Some(true);
    let kind = if deleted { Kind::Remove } else { Kind::New };
    let mut parsed = match begin(value, kind, &mid, page) {
        Ok(parsed) => parsed,
        Err(item) => return item,
    };
    if deleted {
        parsed.idempotency.push("delete".to_owned());
        return parsed.into();
    }
    if let Some(answered) = message.get("reply_to").and_then(|r| json::id(r, "mid")) {
        parsed.joins.insert(0, answered);
    }
    set_text(json::text(message, "text"), &mut parsed);
    let attachments = json::list(message, "attachments").iter().filter_map(attachment);
    parsed.content.attachments = attachments.take(ATTACHMENTS_MAX).collect();
    if !parsed.content.attachments.is_empty() {
        let count = i64::try_from(parsed.content.attachments.len()).unwrap_or(i64::MAX);
        parsed.set_fact("attachments", FactValue::Number(count));
    }
    if json::flag(message, "is_unsupported") == Some(true) {
        parsed.mark_malformed("the channel does not pass this kind of message on");
    }
    parsed.into()
}

fn edit_item(value: &Value, edit: &Value, page: &str) -> Item {
    let Some(mid) = json::id(edit, "mid") else { return Item::poison("edit without a mid") };
    let mut parsed = match begin(value, Kind::Edit, &mid, page) {
        Ok(parsed) => parsed,
        Err(item) => return item,
    };
    parsed.joins.insert(0, mid);
    set_text(json::text(edit, "text"), &mut parsed);
    let number = json::number(edit, "num_edit").unwrap_or(0).to_string();
    let hash = sha256_hex(parsed.content.full_text.as_bytes());
    parsed.idempotency.extend(["edited".to_owned(), number, hash]);
    parsed.into()
}

fn postback_item(value: &Value, postback: &Value, page: &str) -> Item {
    let sender = value.get("sender").and_then(|s| json::id(s, "id")).unwrap_or_default();
    let at = json::number(value, "timestamp").unwrap_or(0);
    let payload = json::text(postback, "payload");
    // Before version 11 a postback had no id of its own.
    let made = || format!("postback:{}", sha256_hex(format!("{sender}\n{at}\n{payload}").as_bytes()));
    let mid = json::id(postback, "mid").unwrap_or_else(made);
    match begin(value, Kind::New, &mid, page) {
        Ok(mut parsed) => {
            set_text(json::first_text(postback, &["title", "payload"]), &mut parsed);
            parsed.set_fact("postback", FactValue::Text(payload.to_owned()));
            parsed.into()
        }
        Err(item) => item,
    }
}

/// The parts that every kind shares.
fn begin(value: &Value, kind: Kind, mid: &str, page: &str) -> Result<Parsed, Item> {
    let Some(sender) = value.get("sender").and_then(|s| json::first_id(s, &["id", "user_ref"])) else {
        return Err(Item::poison("message without a sender"));
    };
    if sender == page {
        return Err(Item::ignored("the page's own"));
    }
    let mut parsed = Parsed::new(kind, mid, Visibility::Private);
    parsed.account_hint = page.to_owned();
    parsed.idempotency = vec![mid.to_owned()];
    parsed.sent_at_ms = json::number(value, "timestamp").filter(|t| *t > 0).unwrap_or(0);
    let talk = format!("with:{sender}");
    if kind == Kind::Remove {
        parsed.join(mid);
    } else {
        parsed.provide(mid);
        parsed.provide(talk.clone());
    }
    parsed.join(talk);
    parsed.content.from_address = sender.clone();
    parsed.content.reply_to = sender.clone();
    parsed.author_address = Some(sender);
    Ok(parsed)
}

fn set_text(text: &str, parsed: &mut Parsed) {
    parsed.content.full_text = truncate(text, TEXT_CHARS_MAX);
    parsed.content.text = parsed.content.full_text.clone();
}

fn attachment(value: &Value) -> Option<Attachment> {
    let url = json::text(value.get("payload")?, "url");
    if !url.starts_with("http") {
        return None;
    }
    let kind = json::text(value, "type");
    let media_type = match kind {
        "image" => "image/jpeg",
        "audio" => "audio/mp4",
        "video" => "video/mp4",
        _ => "application/octet-stream",
    };
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = file_name::safe(path, "attachment");
    Some(Attachment { name, media_type: media_type.to_owned(), body: AttachmentBody::Url(url.to_owned()) })
}
