//! Whether an answer of ours stands at the channel already: read from what the channel lists, where an attempt ended
//! without anybody knowing. Pure; asks nothing.

use serde_json::Value;

use crate::json;
use crate::x::unescape;

/// The post of ours that answers `to` with this text, in a listing of our posts.
#[must_use]
pub fn post(listing: &[u8], to: &str, text: &str) -> Option<String> {
    let listing: Value = serde_json::from_slice(listing).ok()?;
    let wanted = normal(text);
    let answers = |post: &&Value| {
        let referenced =
            ["referenced_tweets", "referenced_posts"].iter().flat_map(|name| json::list(post, name));
        let mut replied = referenced.filter(|r| json::text(r, "type") == "replied_to");
        replied.any(|r| json::id(r, "id").as_deref() == Some(to))
    };
    let is_ours = |post: &&Value| {
        let note =
            post.get("note_tweet").map(|note| json::text(note, "text")).filter(|text| !text.is_empty());
        normal(&unescape(note.unwrap_or_else(|| json::text(post, "text")))).ends_with(&wanted)
    };
    json::list(&listing, "data").iter().filter(answers).find(is_ours).and_then(|post| json::id(post, "id"))
}

/// The direct message of ours with this text, in a listing of a talk. `since_ms`: written then or later, since the same
/// is said to a person more than once.
#[must_use]
pub fn direct_message(listing: &[u8], ours: &str, text: &str, since_ms: i64) -> Option<String> {
    let listing: Value = serde_json::from_slice(listing).ok()?;
    let wanted = normal(text);
    let is_ours = |event: &&Value| {
        json::id(event, "sender_id").as_deref() == Some(ours)
            && crate::time::rfc3339_ms(json::text(event, "created_at")).is_some_and(|at| at >= since_ms)
            && normal(&unescape(json::text(event, "text"))) == wanted
    };
    json::list(&listing, "data").iter().find(is_ours).and_then(|event| json::id(event, "id"))
}

/// The comment of the page's with this text, in a listing of what stands below a comment or post, written at `since_ms`
/// or later: below one post the same is said more than once.
#[must_use]
pub fn comment(listing: &[u8], page: &str, text: &str, since_ms: i64) -> Option<String> {
    let listing: Value = serde_json::from_slice(listing).ok()?;
    of_page(json::list(&listing, "data").iter(), page, text, since_ms)
}

/// The messages of the page's with these texts, in a listing of the talks with one person, written at `since_ms` or
/// later: from the first on, each message for one text, up to the first text that is not there.
#[must_use]
pub fn messages(listing: &[u8], page: &str, texts: &[&str], since_ms: i64) -> Vec<String> {
    let Ok(listing) = serde_json::from_slice::<Value>(listing) else { return Vec::new() };
    let talks = json::list(&listing, "data").iter().filter_map(|talk| talk.get("messages"));
    let all: Vec<&Value> = talks.flat_map(|messages| json::list(messages, "data")).collect();
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        // The same may be said twice in one answer.
        let left = all.iter().copied().filter(|m| !json::id(m, "id").is_some_and(|id| found.contains(&id)));
        let Some(id) = of_page(left, page, text, since_ms) else { break };
        found.push(id);
    }
    found
}

fn of_page<'a>(
    mut list: impl Iterator<Item = &'a Value>,
    page: &str,
    text: &str,
    since_ms: i64,
) -> Option<String> {
    let wanted = normal(text);
    let is_ours = |entry: &&Value| {
        let from = entry.get("from").and_then(|from| json::id(from, "id"));
        from.as_deref() == Some(page)
            && crate::time::rfc3339_ms(json::text(entry, "created_time")).is_some_and(|at| at >= since_ms)
            && normal(json::text(entry, "message")) == wanted
    };
    list.find(is_ours).and_then(|entry| json::id(entry, "id"))
}

/// A text as channels give it back: links are theirs, blanks are one, names of those answered may stand in front.
fn normal(text: &str) -> String {
    let words = text.split_whitespace();
    let link = |word: &str| word.starts_with("http://") || word.starts_with("https://");
    words.map(|word| if link(word) { "link" } else { word }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_post_is_found_by_what_it_answers_and_says() {
        let listing = br#"{"data":[
            {"id":"3","text":"@budi Kami cek &amp; kabari https://t.co/x","referenced_tweets":[{"type":"replied_to","id":"9"}]},
            {"id":"2","text":"Kami cek","referenced_tweets":[{"type":"quoted","id":"9"}]},
            {"id":"1","text":"lain","referenced_tweets":[{"type":"replied_to","id":"9"}]}]}"#;
        let text = "Kami cek & kabari https://contoh.id/bantuan";
        assert_eq!(post(listing, "9", text), Some("3".into()));
        assert_eq!(post(listing, "8", text), None);
        assert_eq!(post(listing, "9", "Kami cek"), None);
        assert_eq!(post(b"<html>", "9", text), None);
    }

    #[test]
    fn our_messages_and_comments_are_told_from_those_of_others() {
        let talk =
            br#"{"data":[{"id":"1","sender_id":"42","text":"ya","created_at":"2026-08-03T03:14:30.000Z"},
            {"id":"2","sender_id":"1114","text":"ya","created_at":"2026-08-03T03:14:30.000Z"}]}"#;
        assert_eq!(direct_message(talk, "1114", "ya", 1_785_726_000_000), Some("2".into()));
        assert_eq!(direct_message(talk, "1114", "ya", 1_785_727_000_000), None);
        let below = br#"{"data":[
            {"id":"1","from":{"id":"3383"},"message":"ya","created_time":"2026-08-03T03:14:30+0000"},
            {"id":"2","from":{"id":444},"message":"ya","created_time":"2026-08-03T03:14:30+0000"}]}"#;
        assert_eq!(comment(below, "444", "ya", 1_785_726_000_000), Some("2".into()));
        assert_eq!(comment(below, "444", "ya", 1_785_727_000_000), None);
        assert_eq!(comment(below, "444", "tidak", 1_785_726_000_000), None);
        let talks = br#"{"data":[{"messages":{"data":[
            {"id":"m_2","from":{"id":"444"},"message":"ya","created_time":"2026-08-03T03:14:30+0000"},
            {"id":"m_1","from":{"id":"444"},"message":"ya","created_time":"2026-08-01T03:14:30+0000"}]}}]}"#;
        let since = |since_ms| messages(talks, "444", &["ya"], since_ms);
        assert_eq!(since(1_785_726_000_000), ["m_2"]);
        assert!(since(1_785_727_000_000).is_empty());
        assert_eq!(messages(talks, "444", &["ya", "ya", "lain"], 0), ["m_2", "m_1"], "each for one text");
        assert!(messages(talks, "444", &["lain", "ya"], 0).is_empty(), "from the first on");
    }
}
