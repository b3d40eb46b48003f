//! The bytes before MIME: what is stripped from a raw mail, its header lines, its limits, its digests.
//!
//! A mail over a limit is read up to the limit and marked; it is never refused here.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::charset;
use crate::signature::sha256_hex;

/// Largest header block that is read.
const HEAD_BYTES_MAX: usize = 256 * 1024;
/// Most header lines that are read.
const HEADERS_MAX: usize = 1_000;
/// Most lines beginning with `--`, each of which may begin a part.
const BOUNDARY_LINES_MAX: usize = 10_000;
/// Deepest nesting of mails in mails: each level costs the MIME parser stack.
const NESTED_MAX: usize = 50;

/// Header fields in their order; names in lower case, values unfolded and trimmed.
#[derive(Debug, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first field of this name.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All fields of this name, topmost first.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// Reads header lines of a block; a line that is none is passed over.
    pub(crate) fn read(block: &[u8]) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in block.split(|b| *b == b'\n') {
            let line = charset::utf8_or_1252(line.strip_suffix(b"\r").unwrap_or(line));
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':')
                && is_name(name.trim_end())
            {
                if fields.len() == HEADERS_MAX {
                    break;
                }
                fields.push((name.trim_end().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Self(fields)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
}

/// A raw mail, stripped of what stands before it and cut to the limits.
#[derive(Debug)]
pub(crate) struct Prepared<'r> {
    /// The mail as MIME is read from it.
    pub(crate) bytes: Cow<'r, [u8]>,
    /// Where its body begins in `bytes`.
    pub(crate) body_at: usize,
    /// Its header fields.
    pub(crate) headers: Headers,
    /// Why it can't be read in full.
    pub(crate) problems: Vec<&'static str>,
}

impl Prepared<'_> {
    /// The bytes below the header.
    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at..).unwrap_or_default()
    }

    /// SHA-256 of the body as every way in delivers it: line ends and blank lines at the end do not count.
    pub(crate) fn body_hash(&self) -> String {
        let kept: Vec<u8> = self.body().iter().copied().filter(|b| *b != b'\r').collect();
        let end = kept.iter().rposition(|b| *b != b'\n').map_or(0, |at| at + 1);
        sha256_hex(&kept[..end])
    }

    /// SHA-256 of the mail without the fields that its way added; stands in for a missing Message-ID.
    pub(crate) fn digest_without_trace(&self) -> String {
        let mut hasher = Sha256::new();
        for (name, value) in self.headers.iter().filter(|(name, _)| !is_trace(name)) {
            hasher.update(name.as_bytes());
            hasher.update(b":");
            hasher.update(value.as_bytes());
            hasher.update(b"\n");
        }
        hasher.update(self.body_hash().as_bytes());
        hex::encode(hasher.finalize())
    }
}

/// Fields that a mail's way adds, so that two copies of one mail differ in them.
fn is_trace(name: &str) -> bool {
    let listed =
        ["received", "return-path", "delivered-to", "delivery-date", "envelope-to", "authentication-results"];
    listed.contains(&name) || name == "received-spf" || name.starts_with("x-") || name.starts_with("arc-")
}

/// Strips, measures and cuts a raw mail.
pub(crate) fn prepare(raw: &[u8]) -> Prepared<'_> {
    let mut problems = Vec::new();
    let mut bytes = with_line_feeds(strip_front(raw));
    let (head_at, mut body_at) = head_end(&bytes);
    if head_at > HEAD_BYTES_MAX {
        problems.push("header block over 256 KiB, read in part");
        let cut = bytes[..HEAD_BYTES_MAX].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let joined = [&bytes[..cut], b"\n", &bytes[body_at..]].concat();
        body_at = cut + 1;
        bytes = Cow::Owned(joined);
    }
    let headers = Headers::read(&bytes[..body_at]);
    if headers.0.len() == HEADERS_MAX {
        problems.push("more than 1,000 header fields, read in part");
    }
    if !looks_like_mail(&headers) {
        problems.push("no mail header");
    }
    if std::str::from_utf8(&bytes[..body_at]).is_err() {
        let head = charset::lines_to_utf8(&bytes[..body_at]);
        let joined = [head.as_bytes(), &bytes[body_at..]].concat();
        body_at = head.len();
        bytes = Cow::Owned(joined);
    }
    if let Some((cut, problem)) = over_limit(&bytes) {
        problems.push(problem);
        bytes = match bytes {
            Cow::Borrowed(all) => Cow::Borrowed(&all[..cut.max(body_at)]),
            Cow::Owned(mut all) => {
                all.truncate(cut.max(body_at));
                Cow::Owned(all)
            }
        };
    }
    Prepared { bytes, body_at, headers, problems }
}

fn looks_like_mail(headers: &Headers) -> bool {
    ["from", "to", "subject", "date", "message-id", "received", "sender", "content-type"]
        .iter()
        .any(|name| headers.has(name))
}

/// A BOM, blank lines and mbox `From ` lines before the first field.
fn strip_front(raw: &[u8]) -> &[u8] {
    let mut rest = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    loop {
        let line_end = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
        let line = &rest[..line_end];
        let blank = line.iter().all(u8::is_ascii_whitespace);
        let mbox = line.starts_with(b"From ") || line.starts_with(b">From ");
        if rest.is_empty() || !(blank || mbox) || (mbox && line_end == rest.len()) {
            return rest;
        }
        rest = &rest[line_end..];
    }
}

/// Old line ends of a carriage return alone become line feeds.
fn with_line_feeds(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.contains(&b'\n') || !bytes.contains(&b'\r') {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(bytes.iter().map(|b| if *b == b'\r' { b'\n' } else { *b }).collect())
}

/// Where the header block ends and where the body begins.
fn head_end(bytes: &[u8]) -> (usize, usize) {
    let mut line_at = 0;
    for (at, _) in bytes.iter().enumerate().filter(|(_, b)| **b == b'\n') {
        if matches!(&bytes[line_at..at], b"" | b"\r") {
            return (line_at, at + 1);
        }
        line_at = at + 1;
    }
    (bytes.len(), bytes.len())
}

/// Where to cut a mail that has too many parts or mails in mails, and what to say of it.
fn over_limit(bytes: &[u8]) -> Option<(usize, &'static str)> {
    let mut boundaries = 0;
    let mut nested = 0;
    for at in 0..bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"\n--") {
            boundaries += 1;
            if boundaries > BOUNDARY_LINES_MAX {
                return Some((at, "more than 10,000 part boundaries, read in part"));
            }
        } else if is_nesting(rest) {
            nested += 1;
            if nested > NESTED_MAX {
                return Some((at, "more than 50 mails in the mail, read in part"));
            }
        }
    }
    None
}

/// A media type whose part is read as a mail.
fn is_nesting(rest: &[u8]) -> bool {
    matches!(rest.first(), Some(b'm' | b'M'))
        && [&b"message/rfc822"[..], b"message/global", b"multipart/digest"]
            .iter()
            .any(|name| rest.len() >= name.len() && rest[..name.len()].eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{Headers, prepare};

    #[test]
    fn folded_and_raw_eight_bit_lines_are_read() {
        let headers =
            Headers::read(b"Subject: satu\r\n dua\r\nX-Nama: caf\xe9\r\nnot a header\r\nTo : a@b\r\n");
        assert_eq!(headers.first("subject"), Some("satu dua"));
        assert_eq!(headers.first("x-nama"), Some("café"));
        assert_eq!(headers.first("to"), Some("a@b"));
    }

    #[test]
    fn copies_that_came_another_way_have_one_digest() {
        let one = prepare(b"Received: x\r\nFrom: a@b\r\nSubject: s\r\n\r\nhalo\r\n");
        let two = prepare(b"From mbox line\nX-Spam: no\nFrom: a@b\nSubject: s\n\nhalo\n\n");
        let other = prepare(b"From: a@b\nSubject: t\n\nhalo\n");
        assert_eq!(one.digest_without_trace(), two.digest_without_trace());
        assert_ne!(one.digest_without_trace(), other.digest_without_trace());
        assert_eq!(one.body_hash(), other.body_hash());
    }

    #[test]
    fn limits_cut_and_mark() {
        let long = format!("From: a@b\r\nX-Long: {}\r\nSubject: late\r\n\r\nhalo", "x".repeat(300_000));
        let cut = prepare(long.as_bytes());
        assert_eq!(cut.problems, ["header block over 256 KiB, read in part"]);
        assert_eq!(cut.body(), b"halo");
        let deep = format!("From: a@b\n\n{}", "Content-Type: message/rfc822\n\n".repeat(60));
        assert_eq!(prepare(deep.as_bytes()).problems, ["more than 50 mails in the mail, read in part"]);
    }
}
