//! Post objects of API v2, as streams, timelines and the new activity product send them.

use serde_json::Value;

use super::post::{self, Mention, Post, User};
use super::{ENTRIES_MAX, Options, aaa};
use crate::message::Item;
use crate::{json, time};

/// One entry under `data`: an activity event or a bare post.
pub(crate) fn entry(entry: &Value, envelope: &Value, options: &Options<'_>) -> Vec<Item> {
    let kind = json::text(entry, "event_type");
    if kind.is_empty() && entry.get("payload").is_none() {
        return vec![post_item(entry, envelope, None, options)];
    }
    let Some(payload) = entry.get("payload") else {
        return vec![Item::poison("activity event without a payload")];
    };
    let account = entry.get("filter").and_then(|f| json::id(f, "user_id"));
    activity(&normal(kind), payload, envelope, account, options)
}

/// Names before March 2026 were in Pascal case: `PostMentionCreate` is `post.mention.create`.
fn normal(kind: &str) -> String {
    if !kind.starts_with(|c: char| c.is_ascii_uppercase()) {
        return kind.to_owned();
    }
    let mut name = String::new();
    for c in kind.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('.');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

fn activity(
    kind: &str,
    payload: &Value,
    envelope: &Value,
    account: Option<String>,
    options: &Options<'_>,
) -> Vec<Item> {
    match kind {
        "post.delete" => vec![deletion(payload, account, options)],
        "dm.received" | "dm.sent" | "dm.message.received" => {
            let account = account.unwrap_or_default();
            let events = json::list(payload, "direct_message_events");
            if events.is_empty() {
                return vec![Item::poison("direct message event without a message")];
            }
            let events = events.iter().take(ENTRIES_MAX);
            events.map(|event| aaa::direct_message(event, payload, &account, options)).collect()
        }
        "post.create" | "post.mention.create" | "post.reply.create" | "post.quote.create" => {
            vec![post_item(payload, envelope, account, options)]
        }
        other => vec![Item::ignored(format!("activity event: {}", json::word(other)))],
    }
}

fn deletion(payload: &Value, account: Option<String>, options: &Options<'_>) -> Item {
    let Some(id) = json::id(payload, "id") else { return Item::poison("deletion without an id") };
    let author = json::id(payload, "author_id");
    if author.is_some() && author == account || author.as_deref().is_some_and(|a| options.is_ours(a, "")) {
        return Item::ignored("our own post");
    }
    aaa::removal(&id, author, options.hint(&account.unwrap_or_default()), 0).into()
}

fn post_item(value: &Value, envelope: &Value, account: Option<String>, options: &Options<'_>) -> Item {
    match read(value, envelope, account) {
        Some(post) => post::item(post, options),
        None => Item::poison("post without an id"),
    }
}

fn read(value: &Value, envelope: &Value, delivered_for: Option<String>) -> Option<Post> {
    let id = json::id(value, "id")?;
    // A long post has its whole text and entities in a note.
    let note = value.get("note_tweet").or_else(|| value.get("note_post")).filter(|n| n.is_object());
    let full = note.map(|n| json::text(n, "text")).filter(|t| !t.is_empty());
    let text = full.unwrap_or_else(|| json::text(value, "text"));
    let entities =
        note.and_then(|n| n.get("entities")).or_else(|| value.get("entities")).unwrap_or(&Value::Null);
    let author_id = json::id(value, "author_id").unwrap_or_default();
    let references = |kind: &str| referenced(value, kind);
    let reply_to_post = references("replied_to")
        .or_else(|| json::first_id(value, &["in_reply_to_tweet_id", "in_reply_to_post_id"]));
    let quoted = references("quoted");
    let quoted_user = quoted.as_deref().and_then(|id| author_of(envelope, id));
    Some(Post {
        id,
        text: post::unescape(text),
        author: user(envelope, &author_id),
        mentions: json::list(entities, "mentions").iter().map(mention).collect(),
        reply_to_post,
        reply_to_user: json::id(value, "in_reply_to_user_id"),
        quoted,
        quoted_user,
        conversation: json::id(value, "conversation_id"),
        history: history(value),
        lang: json::text(value, "lang").to_owned(),
        created_ms: time::rfc3339_ms(json::text(value, "created_at")).unwrap_or(0),
        is_repost: references("retweeted").or_else(|| references("reposted")).is_some()
            || text.starts_with("RT @"),
        media: media(value, envelope),
        delivered_for,
    })
}

fn referenced(value: &Value, kind: &str) -> Option<String> {
    let lists = ["referenced_tweets", "referenced_posts"];
    let mut all = lists.iter().flat_map(|name| json::list(value, name));
    all.find(|r| json::text(r, "type") == kind).and_then(|r| json::id(r, "id"))
}

fn history(value: &Value) -> Vec<String> {
    let lists = ["edit_history_tweet_ids", "edit_history_post_ids"];
    let ids = lists.iter().map(|name| json::list(value, name)).find(|l| !l.is_empty()).unwrap_or_default();
    ids.iter().take(ENTRIES_MAX).filter_map(json::as_id).collect()
}

fn mention(value: &Value) -> Mention {
    Mention {
        id: json::id(value, "id").unwrap_or_default(),
        handle: json::first_text(value, &["username", "screen_name"]).to_lowercase(),
    }
}

/// Objects of one kind that came along; each may be wrapped in a `data` of its own.
fn included<'v>(envelope: &'v Value, kind: &str) -> impl Iterator<Item = &'v Value> {
    let outer = envelope.get("includes");
    let inner = envelope.get("data").and_then(|d| d.get("includes"));
    let lists = [outer, inner].into_iter().flatten().map(|i| json::list(i, kind)).collect::<Vec<_>>();
    lists.into_iter().flatten().map(|v| v.get("data").filter(|d| d.is_object()).unwrap_or(v))
}

fn user(envelope: &Value, id: &str) -> User {
    let known = included(envelope, "users").find(|u| json::id(u, "id").as_deref() == Some(id));
    let Some(value) = known else { return User { id: id.to_owned(), ..User::default() } };
    let metrics = value.get("public_metrics").unwrap_or(&Value::Null);
    User {
        id: id.to_owned(),
        handle: json::text(value, "username").to_lowercase(),
        name: json::text(value, "name").to_owned(),
        followers: json::number(metrics, "followers_count"),
        verified: json::flag(value, "verified"),
        verified_type: json::text(value, "verified_type").to_owned(),
    }
}

/// Who wrote a post that came along.
fn author_of(envelope: &Value, post: &str) -> Option<String> {
    let mut posts = ["tweets", "posts"].into_iter().flat_map(|kind| included(envelope, kind));
    posts.find(|p| json::id(p, "id").as_deref() == Some(post)).and_then(|p| json::id(p, "author_id"))
}

fn media(value: &Value, envelope: &Value) -> Vec<(String, String)> {
    let keys: Vec<String> = value
        .get("attachments")
        .map(|a| json::list(a, "media_keys").iter().filter_map(json::as_id).collect())
        .unwrap_or_default();
    let ours = |m: &&Value| json::id(m, "media_key").is_some_and(|k| keys.contains(&k));
    included(envelope, "media")
        .filter(ours)
        .filter_map(|m| {
            let url = json::first_text(m, &["url", "preview_image_url"]);
            (!url.is_empty()).then(|| (json::text(m, "type").to_owned(), url.to_owned()))
        })
        .collect()
}
