//! Comments and posts on a page, and mentions of it elsewhere.

use serde_json::Value;

use crate::message::{Attachment, AttachmentBody, FactValue, Item, Kind, Parsed, Visibility, truncate};
use crate::signature::sha256_hex;
use crate::{file_name, json, time};

/// Longest text that is kept, in characters: comments have up to 8,000, posts up to 63,206.
const TEXT_CHARS_MAX: usize = 70_000;
/// Most files that are kept of a post.
const ATTACHMENTS_MAX: usize = 100;

/// One element of `changes`.
pub(crate) fn change(change: &Value, page: &str) -> Item {
    let field = json::text(change, "field");
    let Some(value) = change.get("value").filter(|v| v.is_object()) else {
        return Item::poison(format!("change of {} without a value", json::word(field)));
    };
    let item = json::text(value, "item");
    match field {
        "feed" | "mention" => {}
        other => return Item::ignored(format!("field: {}", json::word(other))),
    }
    match item {
        "comment" => update(value, page, field, "comment_id"),
        "post" | "status" | "photo" | "video" | "share" | "album" | "note" => {
            update(value, page, field, "post_id")
        }
        other => Item::ignored(format!("item: {}", json::word(other))),
    }
}

fn update(value: &Value, page: &str, field: &str, id_key: &str) -> Item {
    let kind = match json::text(value, "verb") {
        "add" => Kind::New,
        "edit" | "edited" | "update" => Kind::Edit,
        "remove" | "delete" => Kind::Remove,
        other => return Item::ignored(format!("verb: {}", json::word(other))),
    };
    let Some(id) = json::id(value, id_key) else { return Item::poison(format!("update without a {id_key}")) };
    let author = author(value);
    if author.as_ref().is_some_and(|(id, _)| id == page) {
        return Item::ignored("the page's own");
    }
    let mut parsed = Parsed::new(kind, id.clone(), Visibility::Public);
    parsed.account_hint = page.to_owned();
    content(value, author, &id, &mut parsed);
    threads(value, &id, &mut parsed);
    parsed.idempotency = repeat_key(value, &id, kind, &parsed.content.full_text);
    facts(value, field, &mut parsed);
    parsed.into()
}

/// Id, verb and text: an edit repeats the id, and a delivery repeats everything (channels reference 2.3).
fn repeat_key(value: &Value, id: &str, kind: Kind, text: &str) -> Vec<String> {
    let verb = match kind {
        Kind::Edit => "edited",
        Kind::Remove => "remove",
        _ => "add",
    };
    let mut key = vec![id.to_owned(), verb.to_owned()];
    if kind != Kind::Remove {
        key.push(sha256_hex(text.as_bytes()));
    }
    if kind == Kind::Edit {
        // A text may be changed and changed back; the time tells the two edits apart.
        key.push(json::number(value, "created_time").unwrap_or(0).to_string());
    }
    key
}

/// Newer payloads have `from`, older ones `sender_id`; some have no sender at all.
fn author(value: &Value) -> Option<(String, String)> {
    if let Some(from) = value.get("from").filter(|f| f.is_object()) {
        let id = json::id(from, "id")?;
        return Some((id, json::text(from, "name").to_owned()));
    }
    let id = json::id(value, "sender_id")?;
    Some((id, json::text(value, "sender_name").to_owned()))
}

/// The comment answered, then the talk with this author; a page's post is shared by all who comment on it.
fn threads(value: &Value, id: &str, parsed: &mut Parsed) {
    if parsed.kind != Kind::New {
        parsed.join(id);
    }
    let post = json::id(value, "post_id").unwrap_or_default();
    if let Some(parent) = json::id(value, "parent_id").filter(|p| *p != post && p != id) {
        parsed.join(parent);
    }
    if parsed.kind == Kind::Remove {
        return;
    }
    parsed.provide(id);
    if let Some(author) = &parsed.author_address
        && !post.is_empty()
    {
        let talk = format!("talk:{post}:{author}");
        parsed.join(talk.clone());
        parsed.provide(talk);
    }
}

fn content(value: &Value, author: Option<(String, String)>, id: &str, parsed: &mut Parsed) {
    let (author_id, name) = author.unwrap_or_default();
    parsed.author_address = (!author_id.is_empty()).then(|| author_id.clone());
    parsed.content.from_address = author_id;
    parsed.content.from_name = name;
    parsed.content.reply_to = id.to_owned();
    parsed.content.full_text = truncate(json::first_text(value, &["message", "story"]), TEXT_CHARS_MAX);
    parsed.content.text = parsed.content.full_text.clone();
    parsed.sent_at_ms = created_ms(value);
    parsed.content.permalink = permalink(value, id);
    parsed.content.attachments = attachments(value);
}

/// Seconds as a number, or a date as text.
fn created_ms(value: &Value) -> i64 {
    let seconds = json::number(value, "created_time").filter(|s| *s > 0).and_then(|s| s.checked_mul(1000));
    seconds.or_else(|| time::rfc3339_ms(json::text(value, "created_time"))).unwrap_or(0)
}

fn permalink(value: &Value, id: &str) -> String {
    let given = value.get("post").map(|p| json::text(p, "permalink_url")).unwrap_or_default();
    let given = if given.is_empty() { json::text(value, "permalink_url") } else { given };
    if given.starts_with("https://") { given.to_owned() } else { format!("https://www.facebook.com/{id}") }
}

fn attachments(value: &Value) -> Vec<Attachment> {
    let named = [("photo", "image/jpeg"), ("video", "video/mp4")];
    let single = named.iter().map(|(key, kind)| (json::text(value, key), *kind));
    let several = json::list(value, "photos").iter().map(|p| (p.as_str().unwrap_or_default(), "image/jpeg"));
    let link = std::iter::once(match json::text(value, "item") {
        "photo" => (json::text(value, "link"), "image/jpeg"),
        "video" => (json::text(value, "link"), "video/mp4"),
        _ => ("", ""),
    });
    let mut found: Vec<Attachment> = Vec::new();
    for (url, media_type) in single.chain(several).chain(link).filter(|(url, _)| url.starts_with("http")) {
        let body = AttachmentBody::Url(url.to_owned());
        if found.len() < ATTACHMENTS_MAX && !found.iter().any(|a| a.body == body) {
            let path = url.split(['?', '#']).next().unwrap_or_default();
            let name = file_name::safe(path, "attachment");
            found.push(Attachment { name, media_type: media_type.to_owned(), body });
        }
    }
    found
}

fn facts(value: &Value, field: &str, parsed: &mut Parsed) {
    parsed.set_fact("item", FactValue::Text(json::text(value, "item").to_owned()));
    parsed.set_fact("is_mention", FactValue::Flag(field == "mention"));
    let post = json::id(value, "post_id").unwrap_or_default();
    let parent = json::id(value, "parent_id").unwrap_or_default();
    parsed.set_fact("is_reply", FactValue::Flag(!parent.is_empty() && parent != post));
    if let Some(hidden) = json::flag(value, "is_hidden") {
        parsed.set_fact("hidden", FactValue::Flag(hidden));
    }
    if !parsed.content.attachments.is_empty() {
        let count = i64::try_from(parsed.content.attachments.len()).unwrap_or(i64::MAX);
        parsed.set_fact("attachments", FactValue::Number(count));
    }
}
