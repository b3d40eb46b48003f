//! From the channels' plain values to inputs of the log. The one place where addresses and ids become keyed hashes
//! and personal content goes under its seal; nothing personal is written anywhere else in an input.

mod contact;
mod content;
mod facts;
mod push;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use simpang_channels::email::SignedRef;
use simpang_channels::{Kind, Parsed, Visibility};
use simpang_log::DeskName;
use simpang_proto::log::v1 as log;
use simpang_wire::key::{Key, Keyer, Purpose};

use crate::directory::{Directory, Mailbox};
use crate::intake::Digest;

pub(crate) use contact::{Load, Loaded, contact_input};
pub(crate) use content::sealed;
pub(crate) use facts::log_facts;
pub(crate) use push::{Pushed, Refusal, pushed};

/// Where a message came from, besides what it says itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Channel it came by.
    pub(crate) channel: log::Channel,
    /// Our account it came to.
    pub(crate) mailbox: &'a Mailbox,
    /// Further addresses under which the directory may know the author.
    pub(crate) aliases: &'a [String],
    /// Where the raw bytes are kept.
    pub(crate) raw: Option<Digest>,
    /// W3C trace context; may be empty.
    pub(crate) traceparent: &'a str,
}

/// The channel's word in keyed hashes.
pub(crate) fn channel_word(channel: log::Channel) -> &'static str {
    match channel {
        log::Channel::Email => "email",
        log::Channel::X => "x",
        log::Channel::Facebook => "facebook",
        log::Channel::Call => "call",
        log::Channel::Other | log::Channel::Unspecified => "other",
    }
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn bytes(of: &[u8]) -> Bytes {
    Bytes::copy_from_slice(of)
}

/// What is to be read of a message: its personal part, and why it could not be read in full.
pub(crate) fn reading(parsed: &Parsed) -> (log::MessageContent, String) {
    let (content, cut) = content::content(parsed);
    (content, malformed(parsed, &cut))
}

/// A message as an input.
pub(crate) fn message_input(
    keyer: &Keyer,
    directory: &Directory,
    origin: &Origin<'_>,
    parsed: &Parsed,
) -> log::Input {
    let (content, malformed) = reading(parsed);
    log::Input {
        key: bytes(&idempotency_key(keyer, origin.channel, &origin.mailbox.account, parsed)),
        traceparent: origin.traceparent.to_owned(),
        body: Some(log::input::Body::Message(log::Message {
            malformed,
            content: Some(content::sealed(&content)),
            ..message(keyer, directory, origin, parsed)
        })),
    }
}

/// What came back to us is put on the case it was sent on and answered by nobody; what another desk of ours sent is a
/// message like another, and a machine's.
fn message(keyer: &Keyer, directory: &Directory, origin: &Origin<'_>, parsed: &Parsed) -> log::Message {
    let message = as_it_says(keyer, directory, origin, parsed);
    match sent_by_us(keyer, parsed) {
        Some(ours) if ours.desk == origin.mailbox.desk.as_str() => {
            let kind = match message.kind() {
                log::MessageKind::New => log::MessageKind::Automatic,
                other => other,
            };
            let facts = facts::with_flag(message.facts, "loop");
            log::Message { kind: kind.into(), signed_case: ours.case, automatic: true, facts, ..message }
        }
        Some(_) => log::Message { automatic: true, ..message },
        None => message,
    }
}

/// Under which of our references we sent the message itself, on whichever desk.
fn sent_by_us<'p>(keyer: &Keyer, parsed: &'p Parsed) -> Option<&'p SignedRef> {
    parsed
        .own
        .iter()
        .find(|ours| !ours.desk.is_empty() && ours.carries(&keyer.case_signature(&ours.desk, ours.case)))
}

fn as_it_says(keyer: &Keyer, directory: &Directory, origin: &Origin<'_>, parsed: &Parsed) -> log::Message {
    let word = channel_word(origin.channel);
    let thread = |id: &String| bytes(&keyer.thread(word, id));
    let people = people(keyer, word, origin, parsed);
    let source = Some(&parsed.source_id).filter(|id| !id.is_empty());
    log::Message {
        channel: origin.channel.into(),
        account: origin.mailbox.account.to_string(),
        kind: kind(parsed.kind).into(),
        visibility: visibility(parsed.visibility).into(),
        source: source.map(thread).unwrap_or_default(),
        joins: parsed.joins.iter().map(thread).collect(),
        provides: parsed.provides.iter().map(thread).collect(),
        signed_case: signed_case(keyer, &origin.mailbox.desk, parsed),
        author: parsed.author_address.as_ref().map(|a| bytes(&keyer.person(word, a))).unwrap_or_default(),
        customer: directory.customer(&people),
        facts: log_facts(&parsed.facts),
        sent_at_ms: parsed.sent_at_ms,
        automatic: parsed.automatic,
        raw_digest: origin.raw.map(|digest| bytes(&digest)).unwrap_or_default(),
        ..log::Message::default()
    }
}

/// The keys under which the directory may have the author, the stable address first.
fn people(keyer: &Keyer, word: &str, origin: &Origin<'_>, parsed: &Parsed) -> Vec<Key> {
    let Some(stable) = &parsed.author_address else { return Vec::new() };
    let shown = parsed.content.from_address.trim().trim_start_matches('@');
    let all = [stable.as_str(), shown].into_iter().chain(origin.aliases.iter().map(String::as_str));
    all.filter(|address| !address.is_empty()).map(|address| keyer.person(word, address)).collect()
}

/// What makes a repeat of a message at one of our accounts known as one.
pub(crate) fn idempotency_key(keyer: &Keyer, channel: log::Channel, account: &str, parsed: &Parsed) -> Key {
    let mut parts: Vec<&[u8]> = vec![channel_word(channel).as_bytes(), account.as_bytes()];
    parts.extend(parsed.idempotency.iter().map(String::as_bytes));
    keyer.key(Purpose::Idempotency, &parts)
}

/// The first case that the message names under our own signature for this desk; 0 for none.
fn signed_case(keyer: &Keyer, desk: &DeskName, parsed: &Parsed) -> u64 {
    let ours = parsed.signed.iter().find(|reference| {
        let names_desk = reference.desk.is_empty() || reference.desk == desk.as_str();
        names_desk && hex::encode(reference.signature) == keyer.case_signature(desk.as_str(), reference.case)
    });
    ours.map_or(0, |reference| reference.case)
}

fn malformed(parsed: &Parsed, cut: &str) -> String {
    let said = parsed.malformed.as_deref().unwrap_or_default();
    [said, cut].into_iter().filter(|reason| !reason.is_empty()).collect::<Vec<_>>().join("; ")
}

fn kind(kind: Kind) -> log::MessageKind {
    match kind {
        Kind::New => log::MessageKind::New,
        Kind::Edit => log::MessageKind::Edit,
        Kind::Remove => log::MessageKind::Remove,
        Kind::Bounce => log::MessageKind::Bounce,
        Kind::Automatic => log::MessageKind::Automatic,
    }
}

fn visibility(visibility: Visibility) -> log::Visibility {
    match visibility {
        Visibility::Public => log::Visibility::Public,
        Visibility::Private => log::Visibility::Private,
    }
}

#[cfg(test)]
mod tests;
