//! Bounces: reports of RFC 3464, and the plain-text kinds that real servers send.

use super::automatic::{has_null_sender, is_mail_system};
use super::body::View;
use super::headers::{Headers, Prepared};
use super::{Options, ids};
use crate::message::{FactValue, Kind, Parsed};

/// What a bounce says.
#[derive(Debug, Default)]
pub(crate) struct Bounce {
    action: String,
    status: String,
    originals: Vec<String>,
}

/// Whether this mail is a report about a mail of ours.
pub(crate) fn detect(
    prepared: &Prepared<'_>,
    view: &View,
    options: &Options<'_>,
    parsed: &Parsed,
) -> Option<Bounce> {
    let bounce = match &view.delivery_status {
        Some(status) => from_report(status),
        None if is_receipt(&prepared.headers) => return None,
        None => from_text(prepared, options, parsed)?,
    };
    Some(Bounce { originals: originals(prepared, view), ..bounce })
}

/// Makes the message a bounce, or for a mere delay an automatic notice.
pub(crate) fn apply(bounce: Bounce, parsed: &mut Parsed) {
    parsed.automatic = true;
    parsed.kind = if bounce.action == "failed" { Kind::Bounce } else { Kind::Automatic };
    parsed.set_fact("bounce_action", FactValue::Text(bounce.action));
    parsed.set_fact("bounce_permanent", FactValue::Flag(!bounce.status.starts_with('4')));
    parsed.set_fact("bounce_status", FactValue::Text(bounce.status));
    // The original's id is what finds our mail; it goes before the report's own thread.
    let thread = std::mem::take(&mut parsed.joins);
    for id in bounce.originals.into_iter().chain(thread) {
        if id != parsed.source_id {
            parsed.join(id);
        }
    }
    for id in &parsed.joins {
        if let Some(reference) = super::SignedRef::parse_message_id(id)
            && !parsed.signed.contains(&reference)
        {
            parsed.signed.push(reference);
        }
    }
}

/// The per-recipient blocks of a `message/delivery-status` part; one failure makes the whole report a failure.
fn from_report(status: &str) -> Bounce {
    let mut found = Bounce::default();
    for block in status.replace('\r', "").split("\n\n") {
        let fields = Headers::read(block.as_bytes());
        let Some(action) = fields.first("action").map(first_word) else { continue };
        if found.action.is_empty() || action == "failed" {
            let code = fields.first("status").map(first_word).unwrap_or_default();
            found = Bounce { action, status: status_code(&code).unwrap_or_default(), originals: Vec::new() };
        }
    }
    if found.action.is_empty() {
        // A report without a readable action: only what the code says.
        let code = Headers::read(status.as_bytes()).first("status").map(first_word).unwrap_or_default();
        let delayed = code.starts_with('4');
        found.action = if delayed { "delayed" } else { "failed" }.to_owned();
        found.status = status_code(&code).unwrap_or_default();
    }
    found
}

fn first_word(value: &str) -> String {
    value.split([' ', ';', '(']).next().unwrap_or_default().to_ascii_lowercase()
}

/// An enhanced status code (RFC 3463) such as `5.1.1`.
fn status_code(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('.').collect();
    let numeric = |p: &&str| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit());
    let fits = parts.len() == 3 && parts.iter().all(numeric) && ["2", "4", "5"].contains(&parts[0]);
    fits.then(|| text.to_owned())
}

/// Plain-text bounces: a mail system wrote it, and it says that delivery failed.
fn from_text(prepared: &Prepared<'_>, options: &Options<'_>, parsed: &Parsed) -> Option<Bounce> {
    let headers = &prepared.headers;
    let exim = headers.has("x-failed-recipients");
    let author = parsed.author_address.as_deref().unwrap_or_default();
    let system = is_mail_system(author) || has_null_sender(headers, options);
    let subject = parsed.content.subject.to_lowercase();
    let says_failed = FAILURE_SUBJECTS.iter().any(|s| subject.contains(s));
    let says_delayed = DELAY_SUBJECTS.iter().any(|s| subject.contains(s));
    if !(exim || (system && (says_failed || says_delayed))) {
        return None;
    }
    let text = &parsed.content.full_text;
    let status = text.split(|c: char| c.is_whitespace() || "()#:;,".contains(c)).find_map(status_code);
    let action = if says_delayed { "delayed" } else { "failed" };
    Some(Bounce { action: action.to_owned(), status: status.unwrap_or_default(), originals: Vec::new() })
}

/// Message-IDs of the mail that is reported, wherever the report quotes it.
fn originals(prepared: &Prepared<'_>, view: &View) -> Vec<String> {
    if let Some(id) =
        view.original_headers.as_ref().and_then(|h| h.first("message-id")).and_then(ids::message_id)
    {
        return vec![id];
    }
    let body = String::from_utf8_lossy(prepared.body());
    let fields = body.lines().filter_map(|line| {
        let line = line.trim_start_matches([' ', '\t', '>']);
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("message-id").then_some(value)
    });
    let mut found: Vec<String> = fields.filter_map(ids::message_id).take(10).collect();
    found.dedup();
    found
}

fn is_receipt(headers: &Headers) -> bool {
    let media_type = headers.first("content-type").unwrap_or_default().to_ascii_lowercase();
    media_type.contains("disposition-notification") || media_type.contains("feedback-report")
}

const FAILURE_SUBJECTS: [&str; 16] = [
    "undeliver",
    "failure notice",
    "delivery failure",
    "delivery status notification (failure)",
    "delivery notification: delivery has failed",
    "delivery has failed",
    "mail delivery failed",
    "mail delivery failure",
    "mail delivery system",
    "returned mail",
    "mail failure",
    "tidak dapat dikirim",
    "message not delivered",
    "could not be delivered",
    "gagal terkirim",
    "tidak terkirim",
];

const DELAY_SUBJECTS: [&str; 4] =
    ["(delay)", "warning: message", "delivery delayed", "delivery status notification (delay)"];
