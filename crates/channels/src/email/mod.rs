//! Mail: any bytes become a message.
//!
//! A mail that can't be read in full is still a message, with `malformed` saying why. Reads MIME with a library, and
//! headers that decide something (threads, loops, authentication) by itself, from the bytes. Speaks no SMTP or IMAP.
//!
//! Ids in `source_id`, `joins` and `provides` are Message-IDs without angle brackets, case kept.

mod auth;
mod automatic;
mod body;
mod bounce;
mod charset;
mod headers;
pub mod html;
pub mod ids;
pub mod reply;
mod signed;
pub mod subject;
mod words;

pub use signed::{SignedRef, Unsignable};

use crate::message::{FactValue, Kind, Parsed, Visibility, push_unique};
use headers::Prepared;

/// What the door knows besides the bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// The authserv-id of our own MTA; results of any other are not believed (RFC 8601 section 5). Empty: none.
    pub trusted_authserv: &'a str,
    /// Our own mail addresses, lower case: mail from them is a loop.
    pub own_addresses: &'a [String],
    /// Sender of the SMTP envelope: empty for the null sender; absent when mail came another way.
    pub envelope_from: Option<&'a str>,
    /// Recipients of the SMTP envelope, for the reference in a plus-address.
    pub envelope_to: &'a [String],
}

/// Reads one mail. Never fails and never panics.
#[must_use]
pub fn parse(raw: &[u8], options: &Options<'_>) -> Parsed {
    let prepared = headers::prepare(raw);
    let body_hash = prepared.body_hash();
    let own_id = prepared.headers.first("message-id").and_then(ids::message_id);
    let source_id = own_id.clone().unwrap_or_else(|| format!("sha256:{}", prepared.digest_without_trace()));

    let mut parsed = Parsed::new(Kind::New, source_id.clone(), Visibility::Private);
    parsed.idempotency = vec![source_id.clone(), body_hash];
    for reason in &prepared.problems {
        parsed.mark_malformed(reason);
    }
    parsed.provide(source_id);
    thread(&prepared, own_id.as_deref(), &mut parsed);
    let view = body::read(&prepared, &mut parsed);
    author(options, &mut parsed);
    if let Some(id) = &view.receipt_for {
        parsed.join(id.clone());
    }
    parsed.signed = signed_references(&prepared, options, &parsed);
    parsed.own = own_references(&prepared, own_id.as_deref());
    judge_origin(&prepared, &view, options, &mut parsed);
    auth::set_facts(&prepared.headers, options.trusted_authserv, &mut parsed);
    parsed
}

/// In-Reply-To before References, the last of each first: the nearest ancestor is the strongest.
fn thread(prepared: &Prepared<'_>, own_id: Option<&str>, parsed: &mut Parsed) {
    let headers = &prepared.headers;
    let in_reply_to = ids::tokens_of(headers.all("in-reply-to"));
    let references = ids::tokens_of(headers.all("references"));
    for id in in_reply_to.iter().rev().chain(references.iter().rev()).take(ids::IDS_MAX) {
        if own_id != Some(id.as_str()) {
            parsed.join(id.clone());
        }
    }
    let ancestors = if references.is_empty() { &in_reply_to } else { &references };
    let skipped = ancestors.len().saturating_sub(ids::IDS_MAX);
    for id in ancestors.iter().skip(skipped).map(String::as_str).chain(own_id) {
        push_unique(&mut parsed.content.references, format!("<{id}>"));
    }
}

fn author(options: &Options<'_>, parsed: &mut Parsed) {
    let address = parsed.content.from_address.trim().to_lowercase();
    if address.contains('@') {
        parsed.author_address = Some(address);
        return;
    }
    parsed.mark_malformed("no sender address in From");
    if let Some(envelope) = options.envelope_from.filter(|e| e.contains('@')) {
        parsed.author_address = Some(envelope.to_lowercase());
        parsed.content.from_address = envelope.to_owned();
    }
}

/// References in our signed form: in the thread headers first, then in the addresses written to, then where the text
/// of what we send on to others says which case it is.
fn signed_references(prepared: &Prepared<'_>, options: &Options<'_>, parsed: &Parsed) -> Vec<SignedRef> {
    let mut found: Vec<SignedRef> = Vec::new();
    let mut push = |reference: Option<SignedRef>| {
        if let Some(reference) = reference
            && found.len() < SIGNED_MAX
            && !found.contains(&reference)
        {
            found.push(reference);
        }
    };
    for id in &parsed.joins {
        push(SignedRef::parse_message_id(id));
    }
    for address in options.envelope_to {
        push(SignedRef::parse_address(address));
    }
    for name in ["to", "cc", "delivered-to", "x-original-to", "envelope-to", "resent-to"] {
        for value in prepared.headers.all(name) {
            value.split([',', ';', '<', '>', ' ', '"']).for_each(|word| push(SignedRef::parse_address(word)));
        }
    }
    let text = parsed.content.full_text.as_str();
    let text = &text[..text.floor_char_boundary(SIGNED_TEXT_BYTES)];
    for at in text.match_indices("case.").map(|(at, _)| at).take(SIGNED_MAX) {
        let word = text[at..].split(|c: char| c.is_whitespace() || "<>()[],;\"".contains(c)).next();
        push(word.and_then(SignedRef::parse_message_id));
    }
    found
}

/// What we send has a signed Message-ID, which a mailbox that redirects keeps, and what we send by ourselves the same
/// in `X-Loop`, which one that sends anew may keep.
fn own_references(prepared: &Prepared<'_>, own_id: Option<&str>) -> Vec<SignedRef> {
    let marks = prepared.headers.all("x-loop");
    own_id.into_iter().chain(marks).take(SIGNED_MAX).filter_map(SignedRef::parse_message_id).collect()
}

/// Bounce first, since a bounce too may call itself an automatic reply (channels reference 3.4).
fn judge_origin(prepared: &Prepared<'_>, view: &body::View, options: &Options<'_>, parsed: &mut Parsed) {
    let signs = automatic::signs(&prepared.headers, options, parsed);
    if let Some(bounce) = bounce::detect(prepared, view, options, parsed) {
        bounce::apply(bounce, parsed);
        return;
    }
    parsed.automatic = !signs.reasons.is_empty();
    if signs.is_answer {
        parsed.kind = Kind::Automatic;
    }
    let reasons = signs.reasons.iter().map(|r| (*r).to_owned()).collect();
    parsed.set_fact("automatic_reasons", FactValue::Texts(reasons));
    if signs.is_list {
        parsed.set_fact("list", FactValue::Flag(true));
    }
    if signs.is_loop {
        parsed.set_fact("loop", FactValue::Flag(true));
    }
}

/// More signed references than this in one mail are an attempt to make the door work.
const SIGNED_MAX: usize = 20;
/// How far into a text a reference is looked for.
const SIGNED_TEXT_BYTES: usize = 64 << 10;
