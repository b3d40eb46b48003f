//! A mail as it goes out: its headers, text and attachments.

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, Message, MessageBuilder, MultiPart, SinglePart};
use simpang_channels::email::subject;
use simpang_channels::outgoing::mail;
use simpang_proto::log::v1::DeliveryKind;

use super::target;
use crate::parcel::{File, Parcel};
use crate::sender::{Outcome, is_automatic};

/// Longest line of a message (RFC 5321 section 4.5.3.1.6), without its end.
const LINE_MAX: usize = 998;

/// A mail ready to go.
#[derive(Debug)]
pub(super) struct Letter {
    /// Its Message-ID, without angle brackets.
    pub(super) message_id: String,
    /// Who it is from and for.
    pub(super) envelope: Envelope,
    builder: MessageBuilder,
    text: String,
    forwarded: Option<Vec<u8>>,
    files: Vec<File>,
}

/// Puts a letter together.
pub(super) fn letter(parcel: &Parcel, from: &str, name: Option<String>) -> Result<Letter, Outcome> {
    let sender: Address = from
        .parse()
        .map_err(|_| Outcome::refused("our own mailbox is no mail address: look at the policy"))?;
    let to = recipient(parcel)?;
    let domain = from.rsplit('@').next().unwrap_or(from);
    let message_id = parcel.reference.message_id(domain);
    // Nobody should answer the bounce of a machine's answer (RFC 3834 section 3.3).
    let return_path = (!is_automatic(parcel.kind)).then(|| sender.clone());
    let envelope = Envelope::new(return_path, vec![to.email.clone()])
        .map_err(|_| Outcome::refused("there is nobody to send it to"))?;
    let mut builder = Message::builder()
        .from(Mailbox::new(name.map(|name| clean(&name)), sender))
        .to(to)
        .date_now()
        .message_id(Some(format!("<{message_id}>")))
        .subject(subject_of(parcel))
        .raw_header(raw("Auto-Submitted", auto_submitted(parcel.kind)))
        .envelope(envelope.clone());
    if auto_submitted(parcel.kind) != NO {
        // By this our own doors know it again, where a mailbox sends it back to us under another Message-ID.
        builder = builder.raw_header(raw("X-Loop", &message_id));
    }
    if is_automatic(parcel.kind) {
        builder = builder.raw_header(raw("X-Auto-Response-Suppress", "All"));
    }
    let builder = if target(parcel).is_none() { thread(builder, parcel) } else { builder };
    let forwarded = parcel.raw.as_ref().map(|raw| raw.to_vec());
    let (text, files) = (parcel.text.clone(), parcel.files.clone());
    Ok(Letter { message_id, envelope, builder, text, forwarded, files })
}

impl Letter {
    /// The bytes; `eight_bit` says whether the server takes 8BITMIME (RFC 6152).
    pub(super) fn bytes(&self, eight_bit: bool) -> Result<Vec<u8>, Outcome> {
        let text = SinglePart::plain(self.text.clone());
        let builder = self.builder.clone();
        let parts = self.forwarded.iter().map(|raw| enclosed(raw, eight_bit));
        let parts: Vec<SinglePart> = parts.chain(self.files.iter().map(attached)).collect();
        let message = if parts.is_empty() {
            builder.singlepart(text)
        } else {
            let mixed = MultiPart::mixed().singlepart(text);
            builder.multipart(parts.into_iter().fold(mixed, MultiPart::singlepart))
        };
        let message = message.map_err(|_| Outcome::refused("the mail could not be put together"))?;
        Ok(message.formatted())
    }
}

/// A file of the agent's, in base64 whatever it holds: nothing on the way changes it then.
fn attached(file: &File) -> SinglePart {
    // A type that is none, or that would be read as a part of the mail's own structure, says nothing.
    let named = Some(&file.about.media_type).filter(|kind| !kind.starts_with("multipart/"));
    let named = named.filter(|kind| !kind.starts_with("message/"));
    let kind = named.and_then(|kind| ContentType::parse(kind).ok());
    let octets = ContentType::parse("application/octet-stream").unwrap_or(ContentType::TEXT_PLAIN);
    let body = Body::new_with_encoding(file.bytes.to_vec(), ContentTransferEncoding::Base64);
    let body = body.unwrap_or_else(Body::new);
    Attachment::new(clean(&file.about.name)).body(body, kind.unwrap_or(octets))
}

/// The forwarded mail, whole. `message/rfc822` allows no encoding (RFC 2046 section 5.2.1), so that what can't be
/// carried without one is enclosed as a file.
fn enclosed(raw: &[u8], eight_bit: bool) -> SinglePart {
    let short = raw.split(|b| *b == b'\n').all(|line| line.len() <= LINE_MAX + 1);
    let plain = short && !raw.contains(&0) && !lone_cr(raw);
    let encoding = match (plain, raw.is_ascii()) {
        (true, true) => Some(ContentTransferEncoding::SevenBit),
        (true, false) if eight_bit => Some(ContentTransferEncoding::EightBit),
        _ => None,
    };
    let attachment = Attachment::new("message.eml".to_owned());
    let rfc822 = ContentType::parse("message/rfc822").ok();
    if let (Some(encoding), Some(rfc822)) = (encoding, rfc822) {
        let body = Body::dangerous_pre_encoded(crlf(raw), encoding);
        return attachment.body(body, rfc822);
    }
    let octets = ContentType::parse("application/octet-stream").unwrap_or(ContentType::TEXT_PLAIN);
    attachment.body(raw.to_vec(), octets)
}

fn lone_cr(raw: &[u8]) -> bool {
    raw.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n') || raw.last() == Some(&b'\r')
}

/// Lines ended as mail ends them; mail that came by another way than SMTP may not have them so.
fn crlf(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len() + 64);
    let mut before = 0;
    for byte in raw {
        if *byte == b'\n' && before != b'\r' {
            bytes.push(b'\r');
        }
        bytes.push(*byte);
        before = *byte;
    }
    bytes
}

/// Whom it is for: the mailbox that is named, or whoever wrote the message that it answers.
fn recipient(parcel: &Parcel) -> Result<Mailbox, Outcome> {
    if let Some(address) = target(parcel) {
        let author = parcel.message.as_ref().map_or("", |message| message.content.from_address.trim());
        if author.eq_ignore_ascii_case(address) {
            return Err(Outcome::refused("it came from the very mailbox that it would be sent to: a circle"));
        }
        let address =
            address.parse().map_err(|_| Outcome::refused("the policy's mailbox is no mail address"))?;
        return Ok(Mailbox::new(None, address));
    }
    let content = &parcel.answered()?.content;
    let replies: Result<Mailbox, _> = clean(&content.reply_to).parse();
    if let Ok(mailbox) = replies {
        return Ok(mailbox);
    }
    let address = content.from_address.parse();
    let address = address.map_err(|_| Outcome::refused("the customer's mail address can't be written to"))?;
    let name = Some(clean(&content.from_name)).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, address))
}

/// A text for a header: a line feed in it would begin another one.
fn clean(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}

/// In-Reply-To and References (RFC 5322 section 3.6.4).
fn thread(builder: MessageBuilder, parcel: &Parcel) -> MessageBuilder {
    let Ok(answered) = parcel.answered() else { return builder };
    let content = &answered.content;
    let headers = mail::reply_headers(&content.subject, &content.source_id, &content.references, "");
    let mut builder = builder;
    if !headers.in_reply_to.is_empty() {
        builder = builder.in_reply_to(headers.in_reply_to);
    }
    if !headers.references.is_empty() {
        builder = builder.references(headers.references);
    }
    builder
}

fn subject_of(parcel: &Parcel) -> String {
    let asked = parcel.message.as_ref().map_or("", |answered| answered.content.subject.as_str());
    let tagged = |subject: &str| match parcel.subject_tag {
        true => subject::tagged(subject, parcel.case),
        false => subject.to_owned(),
    };
    match parcel.kind {
        DeliveryKind::Notification if !parcel.subject.trim().is_empty() => clean(&parcel.subject),
        _ if !parcel.subject.trim().is_empty() => tagged(&clean(&parcel.subject)),
        DeliveryKind::Forward => format!("Fwd: {}", clean(subject::base(asked))).trim_end().to_owned(),
        DeliveryKind::Notification => format!("[{}] case {}", parcel.desk, parcel.case),
        _ => tagged(&subject::answer(asked)),
    }
}

/// What a person wrote is not submitted automatically.
const NO: &str = "no";

/// RFC 3834 section 5.
fn auto_submitted(kind: DeliveryKind) -> &'static str {
    match kind {
        DeliveryKind::Reply | DeliveryKind::Unspecified => NO,
        DeliveryKind::Template | DeliveryKind::Acknowledgement => "auto-replied",
        DeliveryKind::Forward | DeliveryKind::Notification => "auto-generated",
    }
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}
