//! The personal part of a message. Bounded, so that a record fits a broker's largest message: what is cut away here
//! still stands in the raw bytes, and the message says so.

use sha2::{Digest as _, Sha256};
use simpang_channels::{Attachment, AttachmentBody, Parsed};
use simpang_proto::log::v1 as log;

/// Most bytes of each text; three of them and the rest stay under a broker's default of 1 MiB.
const TEXT_BYTES_MAX: usize = 256 << 10;
/// Most bytes of a name, an address, an id.
const WORD_BYTES_MAX: usize = 1_000;
/// Most bytes of a subject.
const SUBJECT_BYTES_MAX: usize = 4_000;
/// Most characters of a link.
const URL_CHARS_MAX: usize = 2_000;
/// Most entries of a list.
const ENTRIES_MAX: usize = 100;

/// Puts content under its seal: for now, none.
pub(crate) fn sealed(content: &impl prost::Message) -> log::Sealed {
    log::Sealed { sealing: log::Sealing::None.into(), body: content.encode_to_vec().into() }
}

/// The personal part, and what was cut; empty when nothing was.
pub(super) fn content(parsed: &Parsed) -> (log::MessageContent, String) {
    let from = &parsed.content;
    let mut cutter = Cutter::default();
    let content = log::MessageContent {
        from_name: cutter.text("sender's name", &from.from_name, WORD_BYTES_MAX),
        from_address: cutter.text("sender's address", &from.from_address, WORD_BYTES_MAX),
        reply_to: cutter.text("reply address", &from.reply_to, WORD_BYTES_MAX),
        to: cutter.list("recipients", &from.to),
        cc: cutter.list("copies", &from.cc),
        subject: cutter.text("subject", &from.subject, SUBJECT_BYTES_MAX),
        text: cutter.text("text", &from.text, TEXT_BYTES_MAX),
        full_text: cutter.text("full text", &from.full_text, TEXT_BYTES_MAX),
        html: cutter.text("html", &from.html, TEXT_BYTES_MAX),
        source_id: cutter.text("id", &parsed.source_id, WORD_BYTES_MAX),
        references: cutter.list("references", &from.references),
        attachments: cutter.first("attachments", &from.attachments).iter().map(attachment).collect(),
        permalink: cutter.text("permalink", &from.permalink, WORD_BYTES_MAX),
    };
    (content, cutter.said())
}

fn attachment(from: &Attachment) -> log::Attachment {
    let (size, digest, url) = match &from.body {
        AttachmentBody::Bytes(bytes) => (bytes.len() as u64, Sha256::digest(bytes).to_vec(), String::new()),
        AttachmentBody::Url(url) => (0, Vec::new(), url.chars().take(URL_CHARS_MAX).collect()),
        AttachmentBody::Kept { digest, size } => (*size, digest.to_vec(), String::new()),
    };
    log::Attachment {
        name: from.name.clone(),
        media_type: from.media_type.chars().take(200).collect(),
        size,
        digest: digest.into(),
        url,
    }
}

#[derive(Default)]
struct Cutter {
    cut: Vec<&'static str>,
}

impl Cutter {
    fn text(&mut self, what: &'static str, text: &str, max: usize) -> String {
        if text.len() <= max {
            return text.to_owned();
        }
        self.cut.push(what);
        text[..text.floor_char_boundary(max)].to_owned()
    }

    fn first<'a, T>(&mut self, what: &'static str, list: &'a [T]) -> &'a [T] {
        if list.len() > ENTRIES_MAX {
            self.cut.push(what);
        }
        &list[..list.len().min(ENTRIES_MAX)]
    }

    fn list(&mut self, what: &'static str, list: &[String]) -> Vec<String> {
        let first = self.first(what, list);
        first.iter().map(|entry| self.text(what, entry, WORD_BYTES_MAX)).collect()
    }

    fn said(mut self) -> String {
        self.cut.dedup();
        if self.cut.is_empty() { String::new() } else { format!("cut short: {}", self.cut.join(", ")) }
    }
}
