//! The shape that all channels share: one message, as plain values.
//!
//! It mirrors what the log keeps of a message without depending on it. Nothing here is hashed or sealed.

use crate::email::SignedRef;

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something the customer says.
    New,
    /// Another text for an earlier one.
    Edit,
    /// An earlier one is withdrawn; stored text must go.
    Remove,
    /// A bounce of something we sent.
    Bounce,
    /// An automatic answer or a receipt.
    Automatic,
}

/// Who can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Only sender and receiver.
    Private,
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactValue {
    /// Text, at most 500 characters.
    Text(String),
    /// Whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Several texts, in the source's order.
    Texts(Vec<String>),
}

/// Named values that rules may read, sorted by name, names unique.
pub type Facts = Vec<(String, FactValue)>;

/// Where an attachment's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachmentBody {
    /// They came with the message, decoded.
    Bytes(Vec<u8>),
    /// The channel keeps them under this link, often for a short time only.
    Url(String),
    /// They were brought before and are kept under their SHA-256.
    Kept {
        /// The SHA-256.
        digest: [u8; 32],
        /// How many bytes they are said to be.
        size: u64,
    },
}

/// A file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Safe file name: no path, no control characters, at most 200 characters, never empty.
    pub name: String,
    /// Media type as declared, lower case, such as `image/png`.
    pub media_type: String,
    /// The bytes, or where they are.
    pub body: AttachmentBody,
}

/// The personal part of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// Sender's name as the channel shows it.
    pub from_name: String,
    /// Sender's address: mail address as written, handle, or page-scoped id.
    pub from_address: String,
    /// Where an answer goes, if elsewhere than `from_address`; for X and Facebook the id of the post or comment.
    pub reply_to: String,
    /// Recipients as written.
    pub to: Vec<String>,
    /// Copies as written.
    pub cc: Vec<String>,
    /// Subject line, decoded; empty for channels without one.
    pub subject: String,
    /// What the customer newly wrote, without quotation and signature.
    pub text: String,
    /// All of the text.
    pub full_text: String,
    /// HTML as received, not sanitised.
    pub html: String,
    /// References for an answer's header, each in angle brackets: the message's own, then its id. Mail only.
    pub references: Vec<String>,
    /// Attachments.
    pub attachments: Vec<Attachment>,
    /// A page that shows the message at the channel, if it has one.
    pub permalink: String,
}

/// One message of any channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What it is.
    pub kind: Kind,
    /// Which of our accounts it came to, as far as the bytes tell: user id or handle at X, page id at Facebook,
    /// empty for mail (the envelope's recipient tells). Lower case.
    pub account_hint: String,
    /// The channel's id of the message. An edit or removal carries the id of what it changes.
    pub source_id: String,
    /// What makes this arrival a repeat of an earlier one. The door puts channel and account in front.
    pub idempotency: Vec<String>,
    /// Ids under which an earlier message may be known, strongest first, without repeats.
    pub joins: Vec<String>,
    /// Ids under which a later message will find this one's case.
    pub provides: Vec<String>,
    /// References in our own signed form that the message carries, strongest first. Nobody has verified them.
    pub signed: Vec<SignedRef>,
    /// References in our own signed form that say we sent the message itself: it came back. Nobody has verified them.
    pub own: Vec<SignedRef>,
    /// Sender's stable address on the channel: mail address in lower case, user id, page-scoped id.
    pub author_address: Option<String>,
    /// When the source says it was written, ms since 1970 UTC; 0 for unknown. For people only.
    pub sent_at_ms: i64,
    /// Whether others can read it.
    pub visibility: Visibility,
    /// Written by a machine (RFC 3834): it never gets an automatic answer.
    pub automatic: bool,
    /// Why it could not be read in full.
    pub malformed: Option<String>,
    /// What rules may read. Holds no prose and no private address.
    pub facts: Facts,
    /// The personal part.
    pub content: Content,
}

impl Parsed {
    /// A message of this kind with this id and nothing else.
    #[must_use]
    pub fn new(kind: Kind, source_id: impl Into<String>, visibility: Visibility) -> Self {
        let source_id = source_id.into();
        Self {
            kind,
            account_hint: String::new(),
            source_id,
            idempotency: Vec::new(),
            joins: Vec::new(),
            provides: Vec::new(),
            signed: Vec::new(),
            own: Vec::new(),
            author_address: None,
            sent_at_ms: 0,
            visibility,
            automatic: false,
            malformed: None,
            facts: Vec::new(),
            content: Content::default(),
        }
    }

    /// The fact of this name.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&FactValue> {
        self.facts.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    pub(crate) fn join(&mut self, id: impl Into<String>) {
        push_unique(&mut self.joins, id.into());
    }

    pub(crate) fn provide(&mut self, id: impl Into<String>) {
        push_unique(&mut self.provides, id.into());
    }

    /// Adds a reason to `malformed`; the first keeps its place.
    pub(crate) fn mark_malformed(&mut self, reason: &str) {
        match &mut self.malformed {
            None => self.malformed = Some(reason.to_owned()),
            Some(all) if !all.contains(reason) => {
                all.push_str("; ");
                all.push_str(reason);
            }
            Some(_) => {}
        }
    }

    /// Sets a fact; an empty text or list is none.
    pub(crate) fn set_fact(&mut self, name: &str, value: FactValue) {
        let value = match value {
            FactValue::Text(text) if text.is_empty() => return,
            FactValue::Texts(items) if items.is_empty() => return,
            FactValue::Text(text) => FactValue::Text(truncate(&text, FACT_CHARS_MAX)),
            other => other,
        };
        match self.facts.binary_search_by(|(n, _)| n.as_str().cmp(name)) {
            Ok(at) => self.facts[at].1 = value,
            Err(at) => self.facts.insert(at, (name.to_owned(), value)),
        }
    }
}

/// What one entry of a channel's delivery turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A message.
    Message(Box<Parsed>),
    /// Understood, and not for a case: our own post, a like, a read receipt.
    Ignored {
        /// Why, for a counter and the trace.
        reason: String,
    },
    /// Not understood. The other entries of the delivery are not affected; the raw body must be kept.
    Poison {
        /// What is wrong with it.
        reason: String,
    },
}

impl Item {
    pub(crate) fn ignored(reason: impl Into<String>) -> Self {
        Self::Ignored { reason: reason.into() }
    }

    pub(crate) fn poison(reason: impl Into<String>) -> Self {
        Self::Poison { reason: reason.into() }
    }
}

impl From<Parsed> for Item {
    fn from(parsed: Parsed) -> Self {
        Self::Message(Box::new(parsed))
    }
}

/// A delivery that is not in the channel's form at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Longest text of a fact, as the log's contract has it.
const FACT_CHARS_MAX: usize = 500;

/// The first `chars_max` characters.
pub(crate) fn truncate(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

/// Appends unless empty or there already.
pub(crate) fn push_unique(list: &mut Vec<String>, item: String) {
    if !item.is_empty() && !list.contains(&item) {
        list.push(item);
    }
}
