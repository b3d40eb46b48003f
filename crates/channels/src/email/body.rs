//! What a person sees of a mail: sender, subject, text, files. MIME is the library's work; choices are ours.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Addr, Address, Encoding, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::headers::{Headers, Prepared};
use super::{charset, html, reply, subject};
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
    parsed.content.subject = truncate(&subject_of(&message), SUBJECT_CHARS_MAX);
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

fn subject_of(message: &Message<'_>) -> String {
    let text = message.subject().unwrap_or_default();
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

fn set_text(full: &str, parsed: &mut Parsed) {
    let full = lines(full);
    parsed.content.text = reply::new_part(&full).text;
    parsed.content.full_text = full;
}

/// One kind of line end, no NUL, no blank lines at the end.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "").trim_end().to_owned()
}

/// A part's text. Where the label was wrong or missing, the bytes are read again (channels reference 3.6).
fn text_of(part: &MessagePart<'_>, prepared: &Prepared<'_>) -> Option<String> {
    let (PartType::Text(text) | PartType::Html(text)) = &part.body else { return None };
    let label =
        part.content_type().and_then(|t| t.attribute("charset")).unwrap_or_default().to_ascii_lowercase();
    if label.contains("utf-7") && charset_decoder(label.as_bytes()).is_none() {
        return charset_decoder(b"utf-7").map(|decode| decode(text.as_bytes()));
    }
    let trusted =
        !label.is_empty() && !label.contains("utf-8") && charset_decoder(label.as_bytes()).is_some();
    if trusted || !text.contains('\u{fffd}') {
        return Some(text.to_string());
    }
    let raw = prepared.bytes.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
    let decoded = match part.encoding {
        Encoding::None => Some(raw.to_vec()),
        Encoding::QuotedPrintable => fenced(|| quoted_printable_decode(raw)).flatten(),
        Encoding::Base64 => fenced(|| base64_decode(raw)).flatten(),
    };
    let reread = decoded.map(|bytes| charset::utf8_or_1252(&bytes).into_owned());
    Some(reread.unwrap_or_else(|| text.to_string()))
}

fn attachments(message: &Message<'_>, prepared: &Prepared<'_>, parsed: &mut Parsed) {
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
    let name = part.attachment_name().map(decoded_words).unwrap_or_default();
    let name = file_name::safe(&name, &fallback);
    Some(Attachment { name, media_type, body: AttachmentBody::Bytes(bytes) })
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
    if !name.contains("=?") {
        return name.to_owned();
    }
    let field = format!("Subject: {}\r\n\r\n", name.replace(['\r', '\n'], " "));
    let read = fenced(|| {
        let message = MessageParser::default().parse_headers(field.as_bytes());
        message.and_then(|m| m.subject().map(str::to_owned))
    });
    read.flatten().unwrap_or_else(|| name.to_owned())
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
        if is_report && part.is_content_type("message", "delivery-status") && view.delivery_status.is_none() {
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
