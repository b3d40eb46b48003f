//! What a person sees of a mail: sender, subject, text, files. MIME is the library's work; choices are ours.

use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::{Addr, Address, Encoding, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::headers::{Headers, Prepared};
use super::{charset, html, ids, reply, subject, words};
use crate::file_name;
use crate::guard::fenced;
use crate::message::{Attachment, AttachmentBody, FactValue, Parsed, truncate};

/// Most addresses of one field.
const ADDRESSES_MAX: usize = 500;
/// Most files of one mail.
const ATTACHMENTS_MAX: usize = 1_000;
/// Longest subject, in characters: as long as a line may be (RFC 5322 section 2.1.1).
const SUBJECT_CHARS_MAX: usize = 998;

/// Parts that decide what kind of mail it is.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// A `message/delivery-status` part, decoded.
    pub(crate) delivery_status: Option<String>,
    /// The id that a receipt names (RFC 8098 section 3.2.5).
    pub(crate) receipt_for: Option<String>,
    /// Header of the mail that a report encloses.
    pub(crate) original_headers: Option<Headers>,
}

/// Fills the content of `parsed`.
pub(crate) fn read(prepared: &Prepared<'_>, parsed: &mut Parsed) -> View {
    let message = fenced(|| MessageParser::default().parse(prepared.bytes.as_ref())).flatten();
    let Some(message) = message else {
        parsed.mark_malformed("not readable as MIME");
        set_text(&charset::utf8_or_1252(prepared.body()), parsed);
        return View::default();
    };
    addresses(&message, parsed);
    parsed.content.subject = truncate(&subject_of(prepared), SUBJECT_CHARS_MAX);
    if let Some(number) = subject::tag(&parsed.content.subject).and_then(|n| i64::try_from(n).ok()) {
        parsed.set_fact("subject_tag", FactValue::Number(number));
    }
    let written = fenced(|| message.date().filter(|d| d.is_valid()).map(mail_parser::DateTime::to_timestamp));
    parsed.sent_at_ms = written.flatten().filter(|s| *s > 0).and_then(|s| s.checked_mul(1000)).unwrap_or(0);
    text_and_html(&message, prepared, parsed);
    attachments(&message, prepared, parsed);
    doubts(&message, prepared, parsed);
    view(&message)
}

fn subject_of(prepared: &Prepared<'_>) -> String {
    let text = words::decode(prepared.headers.first("subject").unwrap_or_default());
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

fn addresses(message: &Message<'_>, parsed: &mut Parsed) {
    let sender = first_address(message.from()).or_else(|| first_address(message.sender()));
    if let Some(sender) = sender {
        parsed.content.from_name = clean(sender.name.as_deref().unwrap_or_default());
        parsed.content.from_address = clean(sender.address.as_deref().unwrap_or_default());
    }
    if let Some(address) = first_address(message.reply_to()).and_then(|a| a.address.as_deref()) {
        let address = clean(address);
        if !address.eq_ignore_ascii_case(&parsed.content.from_address) {
            parsed.content.reply_to = address;
        }
    }
    parsed.content.to = message.all_to().flat_map(written).take(ADDRESSES_MAX).collect();
    parsed.content.cc = message.all_cc().flat_map(written).take(ADDRESSES_MAX).collect();
}

/// The first address that has an `@`, else the first at all.
fn first_address<'m>(list: Option<&'m Address<'m>>) -> Option<&'m Addr<'m>> {
    let list = list?;
    let real = list.iter().find(|a| a.address.as_deref().is_some_and(|a| a.contains('@')));
    real.or_else(|| list.first())
}

fn written<'m>(list: &'m Address<'m>) -> Vec<String> {
    let form = |addr: &Addr<'_>| match (addr.name.as_deref(), addr.address.as_deref()) {
        (Some(name), Some(address)) => Some(format!("{} <{}>", clean(name), clean(address))),
        (None, Some(address)) => Some(clean(address)),
        (Some(name), None) => Some(clean(name)),
        (None, None) => None,
    };
    list.iter().take(ADDRESSES_MAX).filter_map(form).collect()
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned()
}

/// `text/plain` where there is one, else the HTML as text; both kept in full beside the newly written part.
fn text_and_html(message: &Message<'_>, prepared: &Prepared<'_>, parsed: &mut Parsed) {
    let parts = |ids: &[u32]| -> Vec<&MessagePart<'_>> {
        ids.iter().filter_map(|id| message.parts.get(*id as usize)).collect()
    };
    let is_html = |part: &&MessagePart<'_>| matches!(part.body, PartType::Html(_));
    let html: Vec<String> = parts(&message.html_body)
        .into_iter()
        .filter(is_html)
        .filter_map(|part| text_of(part, prepared))
        .collect();
    parsed.content.html = html.join("\n");
    if let Some(text) = untyped(message, prepared) {
        return set_text(&text, parsed);
    }

    let mut full = Vec::new();
    let mut new = Vec::new();
    for part in parts(&message.text_body) {
        let Some(text) = text_of(part, prepared) else { continue };
        if is_html(&part) {
            full.push(html::to_text(&text));
            new.push(html::to_text(html::without_quotation(&text)));
        } else {
            new.push(text.clone());
            full.push(text);
        }
    }
    set_text(&full.join("\n"), parsed);
    let new = reply::new_part(&lines(&new.join("\n"))).text;
    if !new.is_empty() {
        parsed.content.text = new;
    }
}

/// The text of a mail whose media type is not one: it is text (RFC 2045 section 5.2).
fn untyped(message: &Message<'_>, prepared: &Prepared<'_>) -> Option<String> {
    let [part] = message.parts.as_slice() else { return None };
    let is_untyped = part.content_type().is_none_or(|t| t.subtype().is_none());
    let is_hidden = message.text_body.is_empty() && message.html_body.is_empty();
    let is_file = part.attachment_name().is_some() || part.content_disposition().is_some();
    (is_untyped && is_hidden && !is_file && !prepared.body().contains(&0))
        .then(|| charset::utf8_or_1252(&bytes_of(part, prepared)).into_owned())
}

fn set_text(full: &str, parsed: &mut Parsed) {
    let full = lines(full);
    parsed.content.text = reply::new_part(&full).text;
    parsed.content.full_text = full;
}

/// One kind of line end, no NUL, no mark of byte order, no blank lines at the end.
fn lines(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "").trim_end().to_owned()
}

/// A part's text. Where the label was wrong or missing, or the encoding damaged, the bytes are read again (channels
/// reference 3.6).
fn text_of(part: &MessagePart<'_>, prepared: &Prepared<'_>) -> Option<String> {
    let (PartType::Text(text) | PartType::Html(text)) = &part.body else { return None };
    let label =
        part.content_type().and_then(|t| t.attribute("charset")).unwrap_or_default().to_ascii_lowercase();
    if label.contains("utf-7") && charset_decoder(label.as_bytes()).is_none() {
        return charset_decoder(b"utf-7").map(|decode| decode(text.as_bytes()));
    }
    if is_misread(part, prepared) {
        return Some(words::labelled(&label, &bytes_of(part, prepared)));
    }
    let trusted = !words::is_loose(&label) && charset_decoder(label.as_bytes()).is_some();
    let is_doubtful = text.contains('\u{fffd}') || (label.contains("ascii") && !text.is_ascii());
    if trusted || !(is_doubtful || label.contains("ansi_x3")) {
        return Some(text.to_string());
    }
    Some(charset::utf8_or_1252(&bytes_of(part, prepared)).into_owned())
}

/// Whether the library left the transfer encoding alone, or lost characters that are no escapes.
fn is_misread(part: &MessagePart<'_>, prepared: &Prepared<'_>) -> bool {
    match part.encoding {
        Encoding::None => is_declared(part, "quoted-printable"),
        Encoding::QuotedPrintable => {
            let raw = raw_of(part, prepared);
            let escapes = raw.iter().enumerate().filter(|(_, b)| **b == b'=');
            let is_escape = |at: usize| {
                let next = raw.get(at + 1..).unwrap_or_default();
                let is_soft =
                    next.iter().find(|b| !matches!(b, b' ' | b'\t' | b'\r')).is_none_or(|b| *b == b'\n');
                is_soft || (next.len() >= 2 && next[..2].iter().all(u8::is_ascii_hexdigit))
            };
            !escapes.map(|(at, _)| at).all(is_escape)
        }
        Encoding::Base64 => false,
    }
}

/// Whether the first word of the part's transfer encoding is this.
fn is_declared(part: &MessagePart<'_>, how: &str) -> bool {
    let declared = part.content_transfer_encoding().unwrap_or_default();
    declared.split([' ', '(', ';', '\t']).next().is_some_and(|word| word.eq_ignore_ascii_case(how))
}

fn raw_of<'p>(part: &MessagePart<'_>, prepared: &'p Prepared<'_>) -> &'p [u8] {
    prepared.bytes.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default()
}

/// A part's bytes without its transfer encoding; as they came where they are not in it.
fn bytes_of(part: &MessagePart<'_>, prepared: &Prepared<'_>) -> Vec<u8> {
    let raw = raw_of(part, prepared);
    let decoded = match part.encoding {
        Encoding::None if is_declared(part, "quoted-printable") => Some(words::quoted_printable(raw)),
        Encoding::None if is_declared(part, "base64") => {
            std::str::from_utf8(raw).ok().and_then(words::base64)
        }
        Encoding::None => None,
        Encoding::QuotedPrintable => Some(words::quoted_printable(raw)),
        Encoding::Base64 => std::str::from_utf8(raw).ok().and_then(words::base64),
    };
    decoded.unwrap_or_else(|| raw.to_vec())
}

fn attachments(message: &Message<'_>, prepared: &Prepared<'_>, parsed: &mut Parsed) {
    if untyped(message, prepared).is_some() {
        return;
    }
    for id in message.attachments.iter().take(ATTACHMENTS_MAX) {
        let Some(part) = message.parts.get(*id as usize) else { continue };
        let number = parsed.content.attachments.len() + 1;
        let Some(attachment) = attachment(part, prepared, number) else { continue };
        parsed.content.attachments.push(attachment);
    }
    let count = i64::try_from(parsed.content.attachments.len()).unwrap_or(i64::MAX);
    if count > 0 {
        parsed.set_fact("attachments", FactValue::Number(count));
    }
}

fn attachment(part: &MessagePart<'_>, prepared: &Prepared<'_>, number: usize) -> Option<Attachment> {
    let media_type = media_type(part);
    let bytes = match &part.body {
        // Broken off before its end, and then taken for text.
        _ if part.is_encoding_problem && is_declared(part, "base64") => bytes_of(part, prepared),
        PartType::Text(text) | PartType::Html(text) => text.as_bytes().to_vec(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.to_vec(),
        PartType::Message(_) => prepared
            .bytes
            .get(part.offset_body as usize..part.offset_end as usize)
            .unwrap_or_default()
            .to_vec(),
        PartType::Multipart(_) => return None,
    };
    let fallback = format!("attachment-{number}{}", extension(&media_type));
    let name = declared_name(part).map(decoded_words).unwrap_or_default();
    let name = file_name::safe(&name, &fallback);
    Some(Attachment { name, media_type, body: AttachmentBody::Bytes(bytes) })
}

/// Of several names the one that is not ASCII alone: the other is for programs that can't read it (RFC 6266
/// appendix D).
fn declared_name<'m>(part: &'m MessagePart<'_>) -> Option<&'m str> {
    let attributes = part.content_disposition().and_then(|d| d.attributes()).unwrap_or_default();
    let mut names = attributes.iter().filter(|a| a.name == "filename").map(|a| a.value.as_ref());
    names.rfind(|name| !name.is_ascii()).or_else(|| part.attachment_name())
}

fn media_type(part: &MessagePart<'_>) -> String {
    let declared = part.content_type().map(|t| match t.subtype() {
        Some(subtype) => format!("{}/{subtype}", t.ctype()),
        None => t.ctype().to_owned(),
    });
    let fallback = || match part.body {
        PartType::Text(_) => "text/plain",
        PartType::Html(_) => "text/html",
        PartType::Message(_) => "message/rfc822",
        _ => "application/octet-stream",
    };
    let usable = |t: &String| t.len() <= 127 && t.bytes().all(|b| b.is_ascii_graphic());
    declared.filter(usable).map_or_else(|| fallback().to_owned(), |t| t.to_ascii_lowercase())
}

fn extension(media_type: &str) -> &'static str {
    match media_type {
        "message/rfc822" => ".eml",
        "text/plain" => ".txt",
        "text/html" => ".html",
        "text/calendar" => ".ics",
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/gif" => ".gif",
        "application/pdf" => ".pdf",
        _ => "",
    }
}

/// Encoded words have no place in a parameter (RFC 2047 section 5), and stand there all the same.
fn decoded_words(name: &str) -> String {
    words::decode(&name.replace(['\r', '\n'], " "))
}

/// Marks what the library had to guess.
fn doubts(message: &Message<'_>, prepared: &Prepared<'_>, parsed: &mut Parsed) {
    if message.parts.iter().any(|p| p.is_encoding_problem) {
        parsed.mark_malformed("a part is not encoded as it says");
    }
    let declared = prepared.headers.first("content-type").unwrap_or_default();
    let multipart = declared.trim_start().to_ascii_lowercase().starts_with("multipart/");
    if multipart && !message.parts.first().is_some_and(MessagePart::is_multipart) {
        parsed.mark_malformed("multipart without its boundary");
        if parsed.content.full_text.is_empty() {
            set_text(&charset::utf8_or_1252(prepared.body()), parsed);
        }
    }
}

fn view(message: &Message<'_>) -> View {
    let mut view = View::default();
    let is_report = message.parts.first().is_some_and(|p| p.is_content_type("multipart", "report"));
    for part in &message.parts {
        if is_report && part.is_content_type("message", "disposition-notification") {
            let fields = Headers::read(charset::utf8_or_1252(part.contents()).as_bytes());
            view.receipt_for = fields.first("original-message-id").and_then(ids::message_id);
        }
        let is_status = ["delivery-status", "global-delivery-status"]
            .iter()
            .any(|subtype| part.is_content_type("message", subtype));
        if is_report && is_status && view.delivery_status.is_none() {
            view.delivery_status = Some(charset::utf8_or_1252(part.contents()).into_owned());
        }
        let enclosed = match &part.body {
            PartType::Message(inner) => {
                inner.headers_raw().map(|(n, v)| format!("{n}: {}\n", v.trim_end())).collect()
            }
            PartType::Text(text) if part.is_content_type("text", "rfc822-headers") => text.to_string(),
            _ => continue,
        };
        if view.original_headers.is_none() {
            view.original_headers = Some(Headers::read(enclosed.as_bytes()));
        }
    }
    view
}
