//! Signs that a machine wrote a mail (RFC 3834 and the fields that programs really send).

use super::Options;
use super::headers::Headers;
use crate::message::Parsed;

/// A mail that passed more servers goes round in a circle; Postfix gives up at as many.
const HOPS_MAX: usize = 50;

/// What the signs say together.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    /// Why it never gets an automatic answer; empty when a person may have written it.
    pub(crate) reasons: Vec<&'static str>,
    /// It answers something by itself (out of office and the like), so that it must wake nobody.
    pub(crate) is_answer: bool,
    /// It came through a mailing list.
    pub(crate) is_list: bool,
    /// We, or our own mail, wrote it.
    pub(crate) is_loop: bool,
}

impl Signs {
    fn add(&mut self, reason: &'static str, holds: bool) -> bool {
        if holds {
            self.reasons.push(reason);
        }
        holds
    }
}

/// Reads the signs.
pub(crate) fn signs(headers: &Headers, options: &Options<'_>, parsed: &Parsed) -> Signs {
    let mut signs = Signs::default();
    let submitted = word(headers.first("auto-submitted"));
    signs.add("auto-submitted", !submitted.is_empty() && submitted != "no");
    let precedence = word(headers.first("precedence"));
    signs.add("precedence", ["bulk", "list", "junk", "auto_reply"].contains(&precedence.as_str()));
    signs.add("response-suppressed", suppresses(headers));
    let autoreply = ["x-autoreply", "x-autorespond", "x-autoreply-from", "x-ms-exchange-inbox-rules-loop"];
    let declared = autoreply.iter().any(|name| headers.has(name)) || is_apple_vacation(headers);
    signs.add("autoreply", declared);
    signs.is_list = signs.add("list", headers.has("list-id") || headers.has("list-unsubscribe"));
    signs.add("null-sender", has_null_sender(headers, options));
    let author = parsed.author_address.as_deref().unwrap_or_default();
    signs.add("robot-sender", is_robot(author));
    let own = |address: &str| options.own_addresses.iter().any(|a| a == address);
    let looped = headers.all("x-loop").any(|v| own(&v.trim_matches(['<', '>']).to_lowercase()));
    signs.is_loop = signs.add("loop", looped || own(author));
    signs.is_loop |= signs.add("hops", headers.all("received").count() > HOPS_MAX);
    let subject = parsed.content.subject.to_lowercase();
    let hinted = signs.add("subject", SUBJECT_HINTS.iter().any(|hint| subject.starts_with(hint)));
    signs.add("receipt", is_receipt(headers));

    // A subject alone is weak: only together with a thread does it make an answer.
    signs.is_answer = submitted.starts_with("auto-replied")
        || precedence == "auto_reply"
        || declared
        || is_receipt(headers)
        || (hinted && !parsed.joins.is_empty());
    signs
}

/// Whether the envelope or the Return-Path says `<>`.
pub(crate) fn has_null_sender(headers: &Headers, options: &Options<'_>) -> bool {
    let null = |value: &str| matches!(value.trim(), "" | "<>");
    options.envelope_from.map_or_else(|| headers.first("return-path").is_some_and(null), null)
}

/// Whether a mail system, not a person, sends from this address.
pub(crate) fn is_mail_system(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default();
    local.starts_with("mailer-daemon") || local.starts_with("postmaster") || local == "mail-daemon"
}

fn is_robot(address: &str) -> bool {
    let local: String =
        address.split('@').next().unwrap_or_default().chars().filter(|c| c.is_alphanumeric()).collect();
    is_mail_system(address) || ["noreply", "donotreply", "nepasrepondre"].iter().any(|w| local.starts_with(w))
}

fn suppresses(headers: &Headers) -> bool {
    headers.all("x-auto-response-suppress").any(|value| {
        value
            .split(',')
            .any(|w| ["all", "oof", "autoreply"].contains(&w.trim().to_ascii_lowercase().as_str()))
    })
}

fn is_apple_vacation(headers: &Headers) -> bool {
    word(headers.first("x-apple-action")) == "vacation"
}

/// A read receipt (RFC 8098) or an abuse complaint (RFC 5965).
fn is_receipt(headers: &Headers) -> bool {
    let media_type = headers.first("content-type").unwrap_or_default().to_ascii_lowercase();
    media_type.starts_with("multipart/report")
        && (media_type.contains("disposition-notification") || media_type.contains("feedback-report"))
}

/// The first word of a field, lower case, without comments and parameters.
fn word(value: Option<&str>) -> String {
    let value = value.unwrap_or_default().trim_start();
    value.split([';', ' ', '(', ',']).next().unwrap_or_default().trim().to_ascii_lowercase()
}

const SUBJECT_HINTS: [&str; 9] = [
    "automatic reply:",
    "auto:",
    "auto reply:",
    "autoreply:",
    "out of office",
    "out of the office",
    "balasan otomatis",
    "jawaban otomatis",
    "automatische antwort",
];
