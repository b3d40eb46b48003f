//! The old activity product's envelope: `for_user_id` and one list of events.

use serde_json::Value;

use super::post::{self, Mention, Post, User};
use super::{ENTRIES_MAX, Options};
use crate::message::{
    Attachment, AttachmentBody, FactValue, Item, Kind, Parsed, Unreadable, Visibility, truncate,
};
use crate::{json, time};

/// Event lists that say nothing a case needs.
const IGNORED: [&str; 6] = [
    "favorite_events",
    "follow_events",
    "block_events",
    "mute_events",
    "direct_message_indicate_typing_events",
    "direct_message_mark_read_events",
];

/// Reads an envelope.
pub(crate) fn parse(value: &Value, options: &Options<'_>) -> Result<Vec<Item>, Unreadable> {
    let Some(envelope) = value.as_object() else {
        return Err(Unreadable("body is not a JSON object".into()));
    };
    let account = json::id(value, "for_user_id").unwrap_or_default();
    let mut items = Vec::new();
    for (name, events) in envelope {
        if !name.ends_with("_events") && name != "user_event" {
            continue;
        }
        if IGNORED.contains(&name.as_str()) || name == "user_event" {
            items.push(Item::ignored(name.clone()));
            continue;
        }
        let Some(events) = events.as_array() else {
            items.push(Item::poison(format!("{} is not a list", json::word(name))));
            continue;
        };
        if events.len() > ENTRIES_MAX {
            return Err(Unreadable(format!("more than {ENTRIES_MAX} entries in one delivery")));
        }
        items.extend(events.iter().map(|event| event_item(name, event, value, &account, options)));
    }
    if items.is_empty() {
        items.push(Item::ignored("no events in the envelope"));
    }
    Ok(items)
}

fn event_item(name: &str, event: &Value, envelope: &Value, account: &str, options: &Options<'_>) -> Item {
    match name {
        "tweet_create_events" => match read_post(event, account) {
            Some(post) => post::item(post, options),
            None => Item::poison("post without an id"),
        },
        "tweet_delete_events" => deletion(event, account, options),
        "direct_message_events" => direct_message(event, envelope, account, options),
        other => Item::ignored(format!("unknown events: {}", json::word(other))),
    }
}

fn read_post(event: &Value, account: &str) -> Option<Post> {
    let id = json::first_id(event, &["id_str", "id"])?;
    let extended = event.get("extended_tweet").filter(|e| e.is_object());
    let full = extended.map(|e| json::text(e, "full_text")).filter(|t| !t.is_empty());
    let text = full.unwrap_or_else(|| json::first_text(event, &["full_text", "text"]));
    // The extended text has entities of its own.
    let entities =
        extended.and_then(|e| e.get("entities")).or_else(|| event.get("entities")).unwrap_or(&Value::Null);
    let media_of =
        |v: &Value| v.get("extended_entities").or_else(|| v.get("entities")).map(media).unwrap_or_default();
    let created = json::number(event, "timestamp_ms")
        .filter(|ms| *ms > 0)
        .or_else(|| time::old_x_ms(json::text(event, "created_at")));
    Some(Post {
        id,
        text: post::unescape(text),
        author: event.get("user").map(user).unwrap_or_default(),
        mentions: json::list(entities, "user_mentions").iter().map(mention).collect(),
        reply_to_post: json::first_id(event, &["in_reply_to_status_id_str", "in_reply_to_status_id"]),
        reply_to_user: json::first_id(event, &["in_reply_to_user_id_str", "in_reply_to_user_id"]),
        quoted: json::first_id(event, &["quoted_status_id_str", "quoted_status_id"]),
        quoted_user: event.get("quoted_status").and_then(|q| q.get("user")).map(user).map(|u| u.id),
        conversation: json::first_id(event, &["conversation_id_str", "conversation_id"]),
        history: history(event),
        lang: json::text(event, "lang").to_owned(),
        created_ms: created.unwrap_or(0),
        is_repost: event.get("retweeted_status").is_some_and(Value::is_object) || text.starts_with("RT @"),
        media: extended.map_or_else(|| media_of(event), media_of),
        delivered_for: (!account.is_empty()).then(|| account.to_owned()),
    })
}

fn history(event: &Value) -> Vec<String> {
    let ids = event.get("edit_history").map(|h| json::list(h, "initial_tweet_id_str")).unwrap_or_default();
    let first = event.get("edit_history").and_then(|h| json::id(h, "initial_tweet_id"));
    first.into_iter().chain(ids.iter().filter_map(json::as_id)).collect()
}

fn user(value: &Value) -> User {
    User {
        id: json::first_id(value, &["id_str", "id"]).unwrap_or_default(),
        handle: json::text(value, "screen_name").to_lowercase(),
        name: json::text(value, "name").to_owned(),
        followers: json::number(value, "followers_count"),
        verified: json::flag(value, "verified"),
        verified_type: json::text(value, "verified_type").to_owned(),
    }
}

fn mention(value: &Value) -> Mention {
    Mention {
        id: json::first_id(value, &["id_str", "id"]).unwrap_or_default(),
        handle: json::text(value, "screen_name").to_lowercase(),
    }
}

fn media(entities: &Value) -> Vec<(String, String)> {
    let one = |m: &Value| {
        let url = json::first_text(m, &["media_url_https", "media_url"]);
        (!url.is_empty()).then(|| (json::text(m, "type").to_owned(), url.to_owned()))
    };
    json::list(entities, "media").iter().filter_map(one).collect()
}

/// A post is gone at the channel, so its stored text must go too.
fn deletion(event: &Value, account: &str, options: &Options<'_>) -> Item {
    let status = event.get("status").unwrap_or(event);
    let Some(id) = json::first_id(status, &["id_str", "id"]) else {
        return Item::poison("deletion without an id");
    };
    let author = json::first_id(status, &["user_id_str", "user_id"]);
    if author.as_deref().is_some_and(|a| a == account || options.is_ours(a, "")) {
        return Item::ignored("our own post");
    }
    removal(&id, author, options.hint(account), json::number(event, "timestamp_ms").unwrap_or(0)).into()
}

/// The message that takes a post away.
pub(crate) fn removal(id: &str, author: Option<String>, account_hint: String, at_ms: i64) -> Parsed {
    let mut parsed = Parsed::new(Kind::Remove, id, Visibility::Public);
    parsed.account_hint = account_hint;
    parsed.idempotency = vec![id.to_owned(), "delete".to_owned()];
    parsed.join(id);
    parsed.author_address = author;
    parsed.sent_at_ms = at_ms;
    parsed
}

/// Longest direct message, in characters.
const DM_CHARS_MAX: usize = 30_000;

/// A direct message; both products keep this shape.
pub(crate) fn direct_message(event: &Value, envelope: &Value, account: &str, options: &Options<'_>) -> Item {
    if json::first_text(event, &["type"]) != "message_create" {
        return Item::ignored(format!("direct message event: {}", json::word(json::text(event, "type"))));
    }
    let Some(id) = json::id(event, "id") else { return Item::poison("direct message without an id") };
    let Some(create) = event.get("message_create") else {
        return Item::poison("direct message without a body");
    };
    let Some(sender) = json::id(create, "sender_id") else {
        return Item::poison("direct message without a sender");
    };
    if sender == account || options.is_ours(&sender, "") {
        return Item::ignored("our own direct message");
    }
    let recipient = create.get("target").and_then(|t| json::id(t, "recipient_id"));
    let account = if account.is_empty() { recipient.unwrap_or_default() } else { account.to_owned() };
    let source_id = format!("dm:{id}");
    let mut parsed = Parsed::new(Kind::New, source_id.clone(), Visibility::Private);
    parsed.account_hint = options.hint(&account);
    parsed.idempotency = vec![source_id.clone()];
    parsed.provide(source_id);
    let talk = format!("dm-with:{sender}");
    parsed.join(talk.clone());
    parsed.provide(talk);
    parsed.sent_at_ms = json::number(event, "created_timestamp").unwrap_or(0);
    let user = envelope.get("users").and_then(|users| users.get(&sender)).map(user).unwrap_or_default();
    post::user_facts(&user, &mut parsed);
    let data = create.get("message_data").unwrap_or(&Value::Null);
    parsed.content.from_name = user.name;
    parsed.content.from_address = if user.handle.is_empty() { sender.clone() } else { user.handle };
    parsed.content.reply_to = sender.clone();
    parsed.content.full_text = truncate(&post::unescape(json::text(data, "text")), DM_CHARS_MAX);
    parsed.content.text = parsed.content.full_text.clone();
    parsed.content.attachments = dm_attachment(data).into_iter().collect();
    if !parsed.content.attachments.is_empty() {
        parsed.set_fact("attachments", FactValue::Number(1));
    }
    parsed.author_address = Some(sender);
    parsed.into()
}

fn dm_attachment(data: &Value) -> Option<Attachment> {
    let media = data.get("attachment")?.get("media")?;
    let url = json::first_text(media, &["media_url_https", "media_url"]);
    let kind = json::text(media, "type");
    let media_type = if kind == "photo" { "image/jpeg" } else { "video/mp4" };
    (!url.is_empty()).then(|| Attachment {
        name: crate::file_name::safe(url, "media"),
        media_type: media_type.to_owned(),
        body: AttachmentBody::Url(url.to_owned()),
    })
}
