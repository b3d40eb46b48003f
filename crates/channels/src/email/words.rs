//! Encoded words of header fields (RFC 2047), read as programs write them: characters split between two words, words
//! in the middle of text, blanks in them, labels that nobody knows. What is no word stays as it is.

use encoding_rs::Encoding;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;

use super::charset;
use crate::guard::fenced;

/// Longest field that is looked at for words.
const FIELD_BYTES_MAX: usize = 64 * 1024;

/// An encoded word: how it is labelled and the bytes it holds.
struct Word<'t> {
    charset: &'t str,
    bytes: Vec<u8>,
    /// Its length as written.
    length: usize,
}

/// The text of a field, its encoded words decoded. Words side by side with one label are one: their bytes are put
/// together first, since many programs split in the middle of a character.
pub(crate) fn decode(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut open: Option<(String, Vec<u8>)> = None;
    let mut rest = field;
    while let Some(at) = rest.find("=?").filter(|_| field.len() <= FIELD_BYTES_MAX) {
        let Some(word) = word(&rest[at..]) else {
            flush(&mut open, &mut text);
            text.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
            continue;
        };
        let between = &rest[..at];
        let joins = open.is_some() && between.chars().all(char::is_whitespace);
        match &mut open {
            Some((charset, bytes)) if joins && charset.eq_ignore_ascii_case(word.charset) => {
                bytes.extend_from_slice(&word.bytes);
            }
            _ => {
                flush(&mut open, &mut text);
                if !joins {
                    text.push_str(between);
                }
                open = Some((word.charset.to_owned(), word.bytes));
            }
        }
        rest = &rest[at + word.length..];
    }
    flush(&mut open, &mut text);
    text.push_str(rest);
    text
}

fn flush(open: &mut Option<(String, Vec<u8>)>, text: &mut String) {
    if let Some((charset, bytes)) = open.take() {
        text.push_str(&labelled(&charset, &bytes));
    }
}

/// Bytes by their label; by themselves where it says nothing.
pub(crate) fn labelled(label: &str, bytes: &[u8]) -> String {
    let label = label.to_ascii_lowercase();
    if bytes.is_ascii() && Encoding::for_label(label.as_bytes()).is_some_and(Encoding::is_ascii_compatible) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let decoder = (!is_loose(&label)).then(|| charset_decoder(label.as_bytes())).flatten();
    match decoder.and_then(|decode| fenced(|| decode(bytes))) {
        Some(text) => text,
        None => charset::utf8_or_1252(bytes).into_owned(),
    }
}

/// Labels under which anything comes: the bytes say more.
pub(crate) fn is_loose(label: &str) -> bool {
    ["", "us-ascii", "ascii", "ansi_x3.4-1968", "utf-8", "utf8"].contains(&label)
}

/// The word at the beginning of `text`.
fn word(text: &str) -> Option<Word<'_>> {
    let inner = text.strip_prefix("=?")?;
    let (label, inner) = inner.split_once('?')?;
    let (how, inner) = inner.split_once('?')?;
    let end = inner.find("?=")?;
    let fits = label.len() <= 60 && !label.contains(char::is_whitespace);
    let content = &inner[..end];
    let bytes = match how {
        "q" | "Q" if fits => quoted(content),
        "b" | "B" if fits => base64(content)?,
        _ => return None,
    };
    let length = text.len() - inner.len() + end + 2;
    // A language may follow the charset (RFC 2231 section 5).
    let charset = label.split('*').next().unwrap_or_default();
    Some(Word { charset, bytes, length })
}

/// The Q encoding (RFC 2047 section 4.2); what is no escape stays.
fn quoted(content: &str) -> Vec<u8> {
    let bytes = content.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1..at + 3).and_then(hex)) {
            (b'=', Some(value)) => {
                out.push(value);
                at += 2;
            }
            (b'_', _) => out.push(b' '),
            (other, _) => out.push(*other),
        }
        at += 1;
    }
    out
}

/// Quoted-printable of a body, as leniently: an escape that is none stays as written.
pub(crate) fn quoted_printable(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    let mut lines = content.split(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        let is_last = lines.peek().is_none();
        let line = line.trim_ascii_end();
        let (line, is_soft) = match line.strip_suffix(b"=") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let mut at = 0;
        while let Some(byte) = line.get(at) {
            match (byte, line.get(at + 1..at + 3).and_then(hex)) {
                (b'=', Some(value)) => {
                    out.push(value);
                    at += 2;
                }
                (other, _) => out.push(*other),
            }
            at += 1;
        }
        if !is_soft && !is_last {
            out.push(b'\n');
        }
    }
    out
}

fn hex(pair: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(pair).ok().filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(text, 16).ok()
}

/// Base64 whatever its padding, also when it breaks off.
pub(crate) fn base64(content: &str) -> Option<Vec<u8>> {
    let kept: String = content.chars().filter(|c| !c.is_whitespace() && *c != '=').collect();
    let is_ours = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    if !kept.chars().all(is_ours) {
        return None;
    }
    // A last character alone holds no byte.
    let kept = &kept[..kept.len() - usize::from(kept.len() % 4 == 1)];
    let padded = format!("{kept}{}", "=".repeat((4 - kept.len() % 4) % 4));
    fenced(|| base64_decode(padded.as_bytes())).flatten()
}

#[cfg(test)]
mod tests {
    use super::{decode, quoted_printable};

    #[test]
    fn words_are_read_as_programs_write_them() {
        for (field, text) in [
            ("=?utf-8?B?4oKs?=", "€"),
            ("=?utf-8?B?4oI=?= =?UTF-8?B?rA==?=", "€"),
            ("=?utf-8?Q?a?= =?iso-8859-1?Q?=E9?=", "aé"),
            ("a =?utf-8?Q?b?= c", "a b c"),
            ("=?utf-8?X?b?=", "=?utf-8?X?b?="),
            ("=?utf-8?B?***?=", "=?utf-8?B?***?="),
            ("=?=?=?", "=?=?=?"),
        ] {
            assert_eq!(decode(field), text, "{field}");
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for (content, text) in
            [("a = b", "a = b"), ("1=1", "1=1"), ("a=\nb", "ab"), ("a= \r\nb\r\n", "ab\n"), ("=C3=A9=", "é")]
        {
            assert_eq!(String::from_utf8_lossy(&quoted_printable(content.as_bytes())), text, "{content:?}");
        }
    }
}
