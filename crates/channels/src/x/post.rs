//! The one form of a post that all products are brought to, and the message it makes.

use super::Options;
use crate::message::{
    Attachment, AttachmentBody, FactValue, Item, Kind, Parsed, Visibility, push_unique, truncate,
};

/// A user as far as a payload tells.
#[derive(Debug, Default, Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) handle: String,
    pub(crate) name: String,
    pub(crate) followers: Option<i64>,
    pub(crate) verified: Option<bool>,
    pub(crate) verified_type: String,
}

/// A mention in a text.
#[derive(Debug, Clone)]
pub(crate) struct Mention {
    pub(crate) id: String,
    pub(crate) handle: String,
}

/// A post of any product.
#[derive(Debug, Default)]
pub(crate) struct Post {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) author: User,
    pub(crate) mentions: Vec<Mention>,
    pub(crate) reply_to_post: Option<String>,
    pub(crate) reply_to_user: Option<String>,
    pub(crate) quoted: Option<String>,
    /// Who wrote the quoted post, where the payload tells.
    pub(crate) quoted_user: Option<String>,
    pub(crate) conversation: Option<String>,
    pub(crate) history: Vec<String>,
    pub(crate) lang: String,
    pub(crate) created_ms: i64,
    pub(crate) is_repost: bool,
    pub(crate) media: Vec<(String, String)>,
    /// The account that a webhook was delivered for.
    pub(crate) delivered_for: Option<String>,
}

/// Most mentions, files and words that are kept of a post.
const KEPT_MAX: usize = 100;
/// Longest text that is kept, in characters: long posts have up to 25,000.
const TEXT_CHARS_MAX: usize = 30_000;

/// The message a post makes, or why it makes none.
pub(crate) fn item(post: Post, options: &Options<'_>) -> Item {
    if post.is_repost {
        return Item::ignored("repost");
    }
    let own = post.delivered_for.as_deref().is_some_and(|id| id == post.author.id);
    if own || options.is_ours(&post.author.id, &post.author.handle) {
        return Item::ignored("our own post");
    }
    match account(&post, options) {
        Ok(account_hint) => message(post, account_hint).into(),
        Err(reason) => Item::ignored(reason),
    }
}

/// Which account of ours a post speaks to.
fn account(post: &Post, options: &Options<'_>) -> Result<String, &'static str> {
    if let Some(id) = &post.delivered_for {
        let addressed = post.mentions.iter().any(|m| m.id == *id)
            || post.reply_to_user.as_deref() == Some(id)
            || post.quoted_user.as_deref() == Some(id);
        let handle = options.hint(id);
        let named = post.mentions.iter().any(|m| m.handle == handle);
        // A payload without mentions and without a reply says nothing against being addressed to us.
        let unsaid = post.mentions.is_empty() && post.reply_to_user.is_none() && names(&post.text, &handle);
        return if addressed || named || unsaid {
            Ok(handle)
        } else {
            Err("neither mentions nor answers us")
        };
    }
    let replied = post.reply_to_user.as_deref().and_then(|id| options.accounts.iter().find(|a| a.id == id));
    let mentioned = || {
        let ours = |m: &Mention| options.accounts.iter().find(|a| a.id == m.id || a.handle == m.handle);
        post.mentions.iter().find_map(ours)
    };
    let named = || options.accounts.iter().find(|a| names(&post.text, &a.handle));
    let quoted = || options.accounts.iter().find(|a| post.quoted_user.as_deref() == Some(a.id.as_str()));
    let found = replied.or_else(mentioned).or_else(named).or_else(quoted);
    found.map(|a| a.handle.clone()).ok_or("neither mentions nor answers us")
}

/// Whether a text holds `@handle` as a word.
fn names(text: &str, handle: &str) -> bool {
    let lower = text.to_lowercase();
    lower.split('@').skip(1).any(|rest| {
        let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        !handle.is_empty() && word == handle
    })
}

fn message(post: Post, account_hint: String) -> Parsed {
    let first = post.history.first().cloned().unwrap_or_else(|| post.id.clone());
    let is_edit = first != post.id;
    let kind = if is_edit { Kind::Edit } else { Kind::New };
    let mut parsed = Parsed::new(kind, first.clone(), Visibility::Public);
    parsed.account_hint = account_hint;
    parsed.idempotency = vec![post.id.clone()];
    threads(&post, &first, &mut parsed);
    facts(&post, &mut parsed);

    parsed.sent_at_ms = post.created_ms;
    parsed.author_address = (!post.author.id.is_empty()).then(|| post.author.id.clone());
    if parsed.author_address.is_none() {
        parsed.mark_malformed("no author");
    }
    let who = if post.author.handle.is_empty() { "i".to_owned() } else { post.author.handle.clone() };
    parsed.content.permalink = format!("https://x.com/{who}/status/{}", post.id);
    parsed.content.from_name = post.author.name;
    parsed.content.from_address = post.author.handle;
    parsed.content.reply_to = post.id;
    parsed.content.to = post.mentions.iter().take(KEPT_MAX).map(|m| format!("@{}", m.handle)).collect();
    parsed.content.full_text = truncate(&post.text, TEXT_CHARS_MAX);
    parsed.content.text = parsed.content.full_text.clone();
    parsed.content.attachments = post.media.into_iter().take(KEPT_MAX).map(media).collect();
    parsed
}

/// The post answered, then the talk with this author; for an edit first of all the post it was.
fn threads(post: &Post, first: &str, parsed: &mut Parsed) {
    for id in post.history.iter().filter(|id| **id != post.id) {
        parsed.join(id.clone());
    }
    if let Some(id) = &post.reply_to_post {
        parsed.join(id.clone());
    }
    if let Some(id) = &post.quoted {
        parsed.join(id.clone());
    }
    parsed.provide(post.id.clone());
    parsed.provide(first);
    if let Some(conversation) = &post.conversation
        && !post.author.id.is_empty()
    {
        let talk = format!("talk:{conversation}:{}", post.author.id);
        parsed.join(talk.clone());
        parsed.provide(talk);
    }
}

fn facts(post: &Post, parsed: &mut Parsed) {
    let mut mentions = Vec::new();
    for mention in post.mentions.iter().take(KEPT_MAX) {
        push_unique(&mut mentions, mention.handle.clone());
    }
    parsed.set_fact("mentions", FactValue::Texts(mentions));
    parsed.set_fact("lang", FactValue::Text(post.lang.clone()));
    user_facts(&post.author, parsed);
    parsed.set_fact("is_reply", FactValue::Flag(post.reply_to_post.is_some()));
    if post.quoted.is_some() {
        parsed.set_fact("is_quote", FactValue::Flag(true));
    }
    let media = i64::try_from(post.media.len()).unwrap_or(i64::MAX);
    if media > 0 {
        parsed.set_fact("attachments", FactValue::Number(media));
    }
}

/// `followers`, `verified`, `verified_type`.
pub(crate) fn user_facts(user: &User, parsed: &mut Parsed) {
    if let Some(followers) = user.followers {
        parsed.set_fact("followers", FactValue::Number(followers));
    }
    if let Some(verified) = user.verified {
        parsed.set_fact("verified", FactValue::Flag(verified));
    }
    parsed.set_fact("verified_type", FactValue::Text(user.verified_type.clone()));
}

fn media((kind, url): (String, String)) -> Attachment {
    let media_type = match kind.as_str() {
        "photo" => "image/jpeg",
        "video" | "animated_gif" => "video/mp4",
        _ => "application/octet-stream",
    };
    let name = crate::file_name::safe(url.split(['?', '#']).next().unwrap_or_default(), &kind);
    Attachment { name, media_type: media_type.to_owned(), body: AttachmentBody::Url(url) }
}

/// Text as the API escapes it: only these three.
pub(crate) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
