//! Facebook: the page webhook's envelope, its handshake and its signature.
//!
//! One delivery may hold up to 1,000 updates of several pages. What is unknown is passed over with its name, never an
//! error: a refused delivery would be sent again for 36 hours and hold the others up. Fetches nothing.
//!
//! Ids: posts and comments are their ids as the channel writes them, Messenger messages their `mid`. `provides` and
//! `joins` also hold `talk:{post}:{user}`, which keeps two customers below one post apart, and `with:{user}` for
//! Messenger.

mod feed;
mod lookup;
mod messenger;
mod security;

pub use lookup::{complete, lacks_sender};
pub use security::{SIGNATURE_HEADER, challenge_answer, is_signed};

use serde_json::Value;

use crate::json;
use crate::message::{Item, Unreadable};

/// Most updates of one delivery, as the channel's documentation has it.
pub const UPDATES_MAX: usize = 1_000;

/// Reads the body of a webhook call.
///
/// # Errors
/// When the body is not a JSON object or holds more than [`UPDATES_MAX`] updates. Everything else comes back as items.
pub fn parse_webhook(body: &[u8]) -> Result<Vec<Item>, Unreadable> {
    let value = json::body(body)?;
    if !value.is_object() {
        return Err(Unreadable("body is not a JSON object".into()));
    }
    let object = json::text(&value, "object");
    if object != "page" {
        return Ok(vec![Item::ignored(format!("object: {}", json::word(object)))]);
    }
    let entries = json::list(&value, "entry");
    let updates: usize = entries.iter().map(updates_of).sum();
    if entries.len() > UPDATES_MAX || updates > UPDATES_MAX {
        return Err(Unreadable(format!("more than {UPDATES_MAX} updates in one delivery")));
    }
    let mut items: Vec<Item> = entries.iter().flat_map(entry).collect();
    if items.is_empty() {
        items.push(Item::ignored("no updates in the envelope"));
    }
    Ok(items)
}

fn updates_of(entry: &Value) -> usize {
    ["changes", "messaging", "standby"].iter().map(|key| json::list(entry, key).len()).sum()
}

fn entry(entry: &Value) -> Vec<Item> {
    let Some(page) = json::id(entry, "id") else { return vec![Item::poison("entry without a page id")] };
    let mut items: Vec<Item> = json::list(entry, "changes").iter().map(|c| feed::change(c, &page)).collect();
    items.extend(json::list(entry, "messaging").iter().map(|m| messenger::item(m, &page)));
    // Another app owns these threads at the moment.
    items.extend(
        json::list(entry, "standby").iter().map(|_| Item::ignored("standby: another app has the thread")),
    );
    if items.is_empty() {
        items.push(Item::ignored("entry without updates"));
    }
    items
}
