//! A message of the API, checked, as the shape all channels share. What is checked here is said in `ingest.proto`.

use simpang_channels::{
    Attachment, AttachmentBody, Content, FactValue, Facts, Kind, Parsed, Visibility, safe_file_name,
};
use simpang_proto::ingest::v1 as api;
use simpang_proto::log::v1::Channel;

use super::hash;

/// Most bytes of a message's text and of its HTML: both have to fit the largest record a broker takes.
const TEXT_BYTES_MAX: usize = 256 << 10;
/// Most bytes of an id, an address or a link.
const WORD_BYTES_MAX: usize = 500;
/// Most bytes of a subject.
const SUBJECT_BYTES_MAX: usize = 2_000;
/// Most bytes of what the channel sent.
const RAW_BYTES_MAX: usize = 4 << 20;

/// Why a message of the API is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Kind of reason.
    pub(crate) reason: api::RefusalReason,
    /// What is wrong with which field, and what to do.
    pub(crate) detail: String,
}

impl Refusal {
    pub(crate) fn new(reason: api::RefusalReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    fn invalid(detail: impl Into<String>) -> Self {
        Self::new(api::RefusalReason::Invalid, detail)
    }
}

/// A message of the API in the shape of the channels' parsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Channel it came by.
    pub(crate) channel: Channel,
    /// Our account, as the client names it.
    pub(crate) account: String,
    /// Other addresses of the author.
    pub(crate) aliases: Vec<String>,
    /// The message.
    pub(crate) parsed: Parsed,
    /// As the channel sent it; may be empty.
    pub(crate) raw: Vec<u8>,
}

/// Checks a message and brings it into the common shape.
pub(crate) fn pushed(message: api::Message) -> Result<Pushed, Refusal> {
    let channel = channel(message.channel())?;
    check(&message)?;
    let kind = kind(message.kind());
    let id = message.id.trim().to_owned();
    let mut parsed = Parsed::new(kind, id.as_str(), visibility(message.visibility()));
    parsed.joins = unique(message.answers.iter().chain(&message.conversations));
    parsed.provides = unique(std::iter::once(&id).chain(&message.conversations));
    parsed.sent_at_ms = message.sent_at_ms;
    parsed.automatic = message.automatic;
    parsed.facts = facts(&message.facts)?;
    let author = message.author.unwrap_or_default();
    parsed.author_address = Some(author.address.trim().to_owned()).filter(|a| !a.is_empty());
    parsed.content = Content {
        from_name: author.name,
        from_address: author.address,
        reply_to: message.reply_to,
        subject: message.subject,
        text: message.text.clone(),
        full_text: message.text,
        html: message.html,
        attachments: message.attachments.into_iter().map(attachment).collect::<Result<_, _>>()?,
        permalink: message.permalink,
        ..Content::default()
    };
    parsed.idempotency = idempotency(channel, &parsed);
    Ok(Pushed { channel, account: message.account, aliases: author.aliases, parsed, raw: message.raw })
}

/// What makes a push a repeat: as the channels' own doors have it, so that a message known by one is known by all.
fn idempotency(channel: Channel, parsed: &Parsed) -> Vec<String> {
    let comment = channel == Channel::Facebook && parsed.visibility == Visibility::Public;
    let text_hash = hash(parsed.content.full_text.as_bytes());
    let mut parts = vec![parsed.source_id.clone()];
    match parsed.kind {
        Kind::New | Kind::Bounce | Kind::Automatic if comment => parts.extend(["add".to_owned(), text_hash]),
        Kind::New | Kind::Bounce | Kind::Automatic => {}
        Kind::Edit => {
            let seconds = (parsed.sent_at_ms / 1_000).to_string();
            parts.extend(["edited".to_owned(), text_hash, seconds]);
        }
        Kind::Remove if comment => parts.push("remove".to_owned()),
        Kind::Remove => parts.push("delete".to_owned()),
    }
    parts
}

fn check(message: &api::Message) -> Result<(), Refusal> {
    if message.id.trim().is_empty() {
        return Err(Refusal::invalid("`id` is empty: send the channel's own id of the message"));
    }
    if message.account.trim().is_empty() {
        return Err(Refusal::invalid("`account` is empty: say which of our accounts the message came to"));
    }
    check_words(message)?;
    let sizes = [
        ("subject", message.subject.len(), SUBJECT_BYTES_MAX),
        ("text", message.text.len(), TEXT_BYTES_MAX),
        ("html", message.html.len(), TEXT_BYTES_MAX),
        ("raw", message.raw.len(), RAW_BYTES_MAX),
    ];
    for (field, size, max) in sizes {
        if size > max {
            let detail = format!("`{field}` has {size} bytes, at most {max} are taken");
            return Err(Refusal::new(api::RefusalReason::TooLarge, detail));
        }
    }
    let aliases = message.author.as_ref().map_or(0, |a| a.aliases.len());
    let counts = [
        ("answers", message.answers.len(), 50),
        ("conversations", message.conversations.len(), 10),
        ("facts", message.facts.len(), 50),
        ("attachments", message.attachments.len(), 100),
        ("author.aliases", aliases, 5),
    ];
    match counts.iter().find(|(_, count, max)| count > max) {
        Some((field, count, max)) => {
            Err(Refusal::invalid(format!("`{field}` has {count} entries, at most {max} are taken")))
        }
        None => Ok(()),
    }
}

fn check_words(message: &api::Message) -> Result<(), Refusal> {
    let author = message.author.iter().flat_map(|a| {
        let own = [("author.address", &a.address), ("author.name", &a.name)];
        own.into_iter().chain(a.aliases.iter().map(|alias| ("author.aliases", alias)))
    });
    let files = message.attachments.iter().flat_map(|a| {
        [
            ("attachments.name", &a.name),
            ("attachments.media_type", &a.media_type),
            ("attachments.url", &a.url),
        ]
    });
    let words = [
        ("id", &message.id),
        ("account", &message.account),
        ("permalink", &message.permalink),
        ("reply_to", &message.reply_to),
    ];
    let ids = message.answers.iter().map(|id| ("answers", id));
    let conversations = message.conversations.iter().map(|id| ("conversations", id));
    let all = words.into_iter().chain(author).chain(files).chain(ids).chain(conversations);
    for (field, word) in all {
        if word.len() > WORD_BYTES_MAX || word.chars().any(char::is_control) {
            let detail = format!("`{field}` is over {WORD_BYTES_MAX} bytes or has control characters");
            return Err(Refusal::invalid(detail));
        }
    }
    Ok(())
}

fn channel(channel: api::Channel) -> Result<Channel, Refusal> {
    match channel {
        api::Channel::Unspecified => Err(Refusal::invalid("`channel` is not said, or not a known one")),
        api::Channel::Email => Ok(Channel::Email),
        api::Channel::X => Ok(Channel::X),
        api::Channel::Facebook => Ok(Channel::Facebook),
        api::Channel::Call => Ok(Channel::Call),
        api::Channel::Other => Ok(Channel::Other),
    }
}

fn kind(kind: api::MessageKind) -> Kind {
    match kind {
        api::MessageKind::Unspecified | api::MessageKind::New => Kind::New,
        api::MessageKind::Edit => Kind::Edit,
        api::MessageKind::Remove => Kind::Remove,
        api::MessageKind::Bounce => Kind::Bounce,
        api::MessageKind::Automatic => Kind::Automatic,
    }
}

fn visibility(visibility: api::Visibility) -> Visibility {
    match visibility {
        api::Visibility::Public => Visibility::Public,
        api::Visibility::Unspecified | api::Visibility::Private => Visibility::Private,
    }
}

fn facts(facts: &[api::Fact]) -> Result<Facts, Refusal> {
    let mut read = facts.iter().map(fact).collect::<Result<Facts, _>>()?;
    read.sort_by(|(a, _), (b, _)| a.cmp(b));
    match read.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(Refusal::invalid(format!("`facts` names `{}` twice", pair[0].0))),
        None => Ok(read),
    }
}

fn fact(fact: &api::Fact) -> Result<(String, FactValue), Refusal> {
    if !is_fact_name(&fact.name) {
        return Err(Refusal::invalid("`facts` has a name that is not `[a-z][a-z0-9_]{0,63}`"));
    }
    let value = match &fact.value {
        None => FactValue::Text(String::new()),
        Some(api::fact::Value::Text(text)) if text.chars().count() > 500 => {
            return Err(Refusal::invalid(format!("fact `{}` has over 500 characters", fact.name)));
        }
        Some(api::fact::Value::Text(text)) => FactValue::Text(text.clone()),
        Some(api::fact::Value::Number(number)) => FactValue::Number(*number),
        Some(api::fact::Value::Flag(flag)) => FactValue::Flag(*flag),
    };
    Ok((fact.name.clone(), value))
}

fn is_fact_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && name.len() <= 64
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn attachment(attachment: api::Attachment) -> Result<Attachment, Refusal> {
    let body = match (attachment.digest.is_empty(), attachment.url.is_empty()) {
        (true, _) => AttachmentBody::Url(attachment.url),
        (false, false) => return Err(Refusal::invalid("`attachments` has one with both `digest` and `url`")),
        (false, true) => {
            let digest = attachment.digest.as_slice().try_into();
            let digest = digest.map_err(|_| {
                Refusal::invalid(
                    "`attachments.digest` is no SHA-256: send the 32 bytes that the upload answered",
                )
            })?;
            AttachmentBody::Kept { digest, size: attachment.size }
        }
    };
    let name = safe_file_name(&attachment.name, "attachment");
    Ok(Attachment { name, media_type: attachment.media_type, body })
}

fn unique<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for id in ids.map(|id| id.trim()).filter(|id| !id.is_empty()) {
        if !seen.iter().any(|s| s == id) {
            seen.push(id.to_owned());
        }
    }
    seen
}
