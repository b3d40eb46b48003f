//! X: webhook payloads of both activity products, posts of streams and timelines, and the handshake.
//!
//! All products name one thing, the post id, so that a post that comes twice by two ways is one message. Speaks no
//! HTTP and fetches nothing.
//!
//! Ids: a post is its id; a direct message `dm:{id}`. `provides` and `joins` also hold `talk:{conversation}:{user}`,
//! which keeps two customers below one post apart, and `dm-with:{user}` for direct messages.

mod aaa;
pub mod length;
mod post;
mod security;
mod v2;

pub use security::{SIGNATURE_HEADER, crc_answer, is_signed};

use serde_json::Value;

use crate::json;
use crate::message::{Item, Unreadable};
pub(crate) use post::unescape;

/// One of our accounts at X.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its user id, digits.
    pub id: String,
    /// Its handle, lower case, without `@`.
    pub handle: String,
}

/// What the door knows besides the bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Our accounts: their posts are dropped, and posts of streams are matched to them.
    pub accounts: &'a [Account],
}

impl Options<'_> {
    /// Whether this user is one of our accounts.
    fn is_ours(&self, id: &str, handle: &str) -> bool {
        self.accounts
            .iter()
            .any(|a| (!id.is_empty() && a.id == id) || (!handle.is_empty() && a.handle == handle))
    }

    /// The handle of the account with this id; the id itself where it is not known.
    fn hint(&self, id: &str) -> String {
        let account = self.accounts.iter().find(|a| a.id == id);
        account.map_or_else(|| id.to_owned(), |a| a.handle.clone())
    }
}

/// Most entries of one delivery; a timeline page has at most 100.
pub const ENTRIES_MAX: usize = 1_000;

/// Reads the body of a webhook call, of either activity product.
///
/// # Errors
/// When the body is not JSON or holds more than [`ENTRIES_MAX`] entries. Everything else comes back as items.
pub fn parse_webhook(body: &[u8], options: &Options<'_>) -> Result<Vec<Item>, Unreadable> {
    let value = json::body(body)?;
    if value.get("data").is_some() || value.get("errors").is_some() {
        return parse_v2(&value, options);
    }
    aaa::parse(&value, options)
}

/// Reads one answer of the mentions timeline, or one line of a stream. A keep-alive line gives nothing.
///
/// # Errors
/// When it is not JSON or holds more than [`ENTRIES_MAX`] entries.
pub fn parse_posts(body: &[u8], options: &Options<'_>) -> Result<Vec<Item>, Unreadable> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Vec::new());
    }
    parse_v2(&json::body(body)?, options)
}

/// The cursor of a timeline answer: the highest post id it names, for `since_id`, and the token of the next page.
#[must_use]
pub fn cursor(body: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(value) = json::body(body) else { return (None, None) };
    let Some(meta) = value.get("meta") else { return (None, None) };
    (json::id(meta, "newest_id"), json::id(meta, "next_token"))
}

fn parse_v2(value: &Value, options: &Options<'_>) -> Result<Vec<Item>, Unreadable> {
    let entries: &[Value] = match value.get("data") {
        Some(Value::Array(entries)) => entries,
        Some(entry @ Value::Object(_)) => std::slice::from_ref(entry),
        Some(_) => return Ok(vec![Item::poison("data is neither an object nor a list")]),
        None => &[],
    };
    if entries.len() > ENTRIES_MAX {
        return Err(Unreadable(format!("more than {ENTRIES_MAX} entries in one delivery")));
    }
    // An answer may hold both data and errors; the errors concern what could not be expanded.
    let errors = json::list(value, "errors");
    let mut items: Vec<Item> = entries.iter().flat_map(|e| v2::entry(e, value, options)).collect();
    items.extend(errors.iter().take(ENTRIES_MAX).map(|e| {
        let title = json::word(json::first_text(e, &["title", "message", "type"]));
        Item::ignored(format!("the channel reports: {title}"))
    }));
    Ok(items)
}
