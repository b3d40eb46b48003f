//! Records of a CSV: separators, quotes, line ends and character sets as they come.
//!
//! A quote that nobody closes costs its own row, not the rest of the list.

use std::collections::VecDeque;
use std::io::Read;

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::columns;

/// Longest line that is kept.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Most lines one quoted field may span.
const QUOTED_LINES_MAX: usize = 50;
/// Most fields of one row.
const FIELDS_MAX: usize = 500;
/// Among how many lines the header row is looked for: people put titles above it.
const HEADER_LINES_MAX: usize = 10;
/// How much is read at a time, and looked at to find the separator.
const CHUNK_BYTES: usize = 64 * 1024;

/// One record.
#[derive(Debug)]
pub(crate) enum RawRow {
    Fields { line: u64, fields: Vec<String> },
    Broken { line: u64, reason: &'static str },
}

/// A line of the file, without its end.
#[derive(Debug, Clone)]
struct Line {
    number: u64,
    text: String,
    cut: bool,
}

/// Reads records one by one.
pub(crate) struct RowReader<R> {
    source: R,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    /// The byte before was a carriage return that ended a line.
    after_return: bool,
    next_number: u64,
    /// Lines that were read ahead.
    ahead: VecDeque<Line>,
    separator: char,
    format: Option<&'static str>,
    /// Makes UTF-8 of what Excel calls Unicode text.
    decoder: Option<Decoder>,
}

impl<R> std::fmt::Debug for RowReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowReader").field("next_number", &self.next_number).finish_non_exhaustive()
    }
}

impl<R: Read> RowReader<R> {
    /// Looks at the first bytes: other formats, a mark of the character set, the separator.
    pub(crate) fn new(source: R) -> std::io::Result<Self> {
        let mut reader = Self {
            source,
            buffer: Vec::new(),
            at: 0,
            ended: false,
            after_return: false,
            next_number: 1,
            ahead: VecDeque::new(),
            separator: ',',
            format: None,
            decoder: None,
        };
        while reader.buffer.len() < 4 && !reader.ended {
            reader.fill()?;
        }
        reader.format = other_format(&reader.buffer);
        reader.decode_utf16();
        if reader.buffer.starts_with(b"\xef\xbb\xbf") {
            reader.at = 3;
        }
        if reader.format.is_none() {
            reader.find_separator()?;
        }
        Ok(reader)
    }

    /// A format that is not CSV, when the bytes show one.
    pub(crate) fn other_format(&self) -> Option<&'static str> {
        self.format
    }

    /// From a mark of UTF-16 on, bytes are made UTF-8 as they are read.
    fn decode_utf16(&mut self) {
        let encoding = match self.buffer.get(..2) {
            Some(b"\xff\xfe") => UTF_16LE,
            Some(b"\xfe\xff") => UTF_16BE,
            _ => return,
        };
        let mut decoder = encoding.new_decoder_with_bom_removal();
        self.buffer = decoded(&mut decoder, &self.buffer, self.ended);
        self.decoder = Some(decoder);
    }

    /// Looks for the header row among the first lines: the first with a column of phone numbers, else the first that
    /// is not blank. Excel may name the separator in a line of its own.
    fn find_separator(&mut self) -> std::io::Result<()> {
        let mut lines: VecDeque<Line> = VecDeque::new();
        while lines.len() < HEADER_LINES_MAX {
            let Some(line) = self.read_line()? else { break };
            let text = line.text.trim_matches(['\u{feff}', ' ', '\u{a0}']);
            if text.is_empty() {
                continue;
            }
            let named = text.strip_prefix("sep=").or_else(|| text.strip_prefix("SEP="));
            if let Some(separator) = named.and_then(|s| s.chars().next()).filter(|_| lines.is_empty()) {
                self.separator = separator;
                return Ok(());
            }
            let separator = separator_of(text);
            if is_header(text, separator) {
                self.separator = separator;
                self.ahead.push_front(line);
                return Ok(());
            }
            if lines.is_empty() {
                self.separator = separator;
            }
            lines.push_back(line);
        }
        self.ahead = lines;
        Ok(())
    }

    /// The next record.
    pub(crate) fn next_row(&mut self) -> std::io::Result<Option<RawRow>> {
        let Some(first) = self.line()? else { return Ok(None) };
        let number = first.number;
        if first.cut {
            return Ok(Some(RawRow::Broken { line: number, reason: "the row is longer than 64 KiB" }));
        }
        let mut text = first.text;
        let mut taken: Vec<Line> = Vec::new();
        loop {
            match split(&text, self.separator) {
                Ok(fields) if fields.len() > FIELDS_MAX => {
                    return Ok(Some(RawRow::Broken {
                        line: number,
                        reason: "the row has more than 500 fields",
                    }));
                }
                Ok(fields) => return Ok(Some(RawRow::Fields { line: number, fields })),
                Err(Quote::Open) => {}
                Err(Quote::Stray) => return Ok(Some(self.broken(number, taken))),
            }
            // A quote is open: the field goes on in the next line, if it ever ends.
            let next = if taken.len() < QUOTED_LINES_MAX && text.len() < LINE_BYTES_MAX {
                self.line()?
            } else {
                None
            };
            let Some(next) = next else { return Ok(Some(self.broken(number, taken))) };
            text.push('\n');
            text.push_str(&next.text);
            taken.push(next);
        }
    }

    /// Gives the lines back that an open quote took.
    fn broken(&mut self, line: u64, taken: Vec<Line>) -> RawRow {
        for line in taken.into_iter().rev() {
            self.ahead.push_front(line);
        }
        RawRow::Broken { line, reason: "a quote is opened and never closed" }
    }

    fn line(&mut self) -> std::io::Result<Option<Line>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read_line(),
        }
    }

    fn fill(&mut self) -> std::io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + CHUNK_BYTES, 0);
        let read = self.source.read(&mut self.buffer[filled..])?;
        self.buffer.truncate(filled + read);
        self.ended = read == 0;
        if let Some(decoder) = &mut self.decoder {
            let text = decoded(decoder, &self.buffer[filled..], self.ended);
            self.buffer.truncate(filled);
            self.buffer.extend(text);
        }
        Ok(())
    }

    /// The next line; ends are a line feed, a carriage return, or both.
    fn read_line(&mut self) -> std::io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut cut = false;
        let mut any = false;
        loop {
            if self.at == self.buffer.len() {
                if self.ended {
                    break;
                }
                self.fill()?;
                continue;
            }
            let byte = self.buffer[self.at];
            self.at += 1;
            if byte == b'\n' && std::mem::take(&mut self.after_return) {
                continue;
            }
            self.after_return = byte == b'\r';
            any = true;
            if byte == b'\n' || byte == b'\r' {
                return Ok(Some(self.finish(&bytes, cut)));
            }
            if bytes.len() < LINE_BYTES_MAX {
                bytes.push(byte);
            } else {
                cut = true;
            }
        }
        Ok(any.then(|| self.finish(&bytes, cut)))
    }

    fn finish(&mut self, bytes: &[u8], cut: bool) -> Line {
        let number = self.next_number;
        self.next_number += 1;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
        };
        Line { number, text: text.replace('\0', ""), cut }
    }
}

fn other_format(bytes: &[u8]) -> Option<&'static str> {
    let starts = |mark: &[u8]| bytes.starts_with(mark);
    match () {
        () if starts(b"PK\x03\x04") => Some("an Excel workbook (XLSX)"),
        () if starts(b"\xd0\xcf\x11\xe0") => Some("an old Excel workbook (XLS)"),
        () if starts(b"%PDF") => Some("a PDF"),
        () => None,
    }
}

/// UTF-8 of the next bytes; what is none is replaced.
fn decoded(decoder: &mut Decoder, bytes: &[u8], is_last: bool) -> Vec<u8> {
    let room = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len().saturating_mul(3));
    let mut text = vec![0; room];
    let (_, _, written, _) = decoder.decode_to_utf8(bytes, &mut text, is_last);
    text.truncate(written);
    text
}

/// Whether a line names a column of phone numbers.
fn is_header(line: &str, separator: char) -> bool {
    split(line, separator).is_ok_and(|fields| fields.iter().any(|field| columns::is_phone(field)))
}

/// The separator that the header row uses most; commas when there is none.
fn separator_of(header: &str) -> char {
    let mut quoted = false;
    let mut counts = [(';', 0), ('\t', 0), ('|', 0), (',', 0)];
    for c in header.chars() {
        if c == '"' {
            quoted = !quoted;
        } else if !quoted && let Some((_, count)) = counts.iter_mut().find(|(s, _)| *s == c) {
            *count += 1;
        }
    }
    counts.iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0).map_or(',', |(s, _)| *s)
}

/// Why a text is not yet, or not at all, a record.
#[derive(Debug, PartialEq, Eq)]
enum Quote {
    /// A quote is still open at its end.
    Open,
    /// A field of several lines is closed in the middle of a word: the quote that opened it was never closed, and this
    /// one opens another field.
    Stray,
}

/// The fields of a record (RFC 4180).
fn split(text: &str, separator: char) -> Result<Vec<String>, Quote> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut chars = text.chars().peekable();
    loop {
        // A quote counts only where a field begins; elsewhere it is a character like others.
        if field.trim().is_empty() && chars.peek() == Some(&'"') {
            chars.next();
            field.clear();
            quoted(&mut chars, &mut field).ok_or(Quote::Open)?;
            let closed = chars.peek().is_none_or(|c| *c == separator || c.is_whitespace());
            if !closed && field.contains('\n') {
                return Err(Quote::Stray);
            }
        }
        match chars.next() {
            None => {
                fields.push(field);
                return Ok(fields);
            }
            Some(c) if c == separator => fields.push(std::mem::take(&mut field)),
            Some(c) => field.push(c),
        }
    }
}

/// The rest of a quoted field; a doubled quote is one.
fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, field: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' if chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => return Some(()),
            c => field.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Quote, RawRow, RowReader, separator_of, split};

    fn rows(bytes: &[u8]) -> Vec<(u64, Vec<String>)> {
        let mut reader = RowReader::new(bytes).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row().unwrap() {
            rows.push(match row {
                RawRow::Fields { line, fields } => (line, fields),
                RawRow::Broken { line, reason } => (line, vec![format!("! {reason}")]),
            });
        }
        rows
    }

    #[test]
    fn fields_are_split_as_written() {
        for (text, expected) in [
            ("a,b", vec!["a", "b"]),
            ("a,,", vec!["a", "", ""]),
            ("\"a,b\",c", vec!["a,b", "c"]),
            ("\"a \"\"b\"\"\",c", vec!["a \"b\"", "c"]),
            (" \"a\" ,b", vec!["a ", "b"]),
            ("5\" pipe,b", vec!["5\" pipe", "b"]),
            ("", vec![""]),
        ] {
            assert_eq!(split(text, ',').unwrap(), expected, "{text}");
        }
        assert_eq!(split("\"a,b", ','), Err(Quote::Open));
        assert_eq!(split("\"a,b\nc,\"d", ','), Err(Quote::Stray));
    }

    #[test]
    fn lines_end_in_three_ways_and_keep_their_numbers() {
        for bytes in [&b"a,b\n\nc,d\n"[..], b"a,b\r\n\r\nc,d", b"a,b\r\rc,d\r"] {
            let rows = rows(bytes);
            assert_eq!(rows.first().unwrap(), &(1, vec!["a".to_owned(), "b".to_owned()]));
            assert_eq!(rows.last().unwrap(), &(3, vec!["c".to_owned(), "d".to_owned()]));
        }
    }

    #[test]
    fn an_open_quote_costs_one_row() {
        let rows = rows(b"h,i\n\"a,1\nb,2\nc,3\n");
        assert_eq!(rows[1], (2, vec!["! a quote is opened and never closed".to_owned()]));
        assert_eq!(rows[2].0, 3);
        assert_eq!(rows[3], (4, vec!["c".to_owned(), "3".to_owned()]));
    }

    #[test]
    fn a_quoted_field_may_span_lines() {
        let rows = rows(b"h,i\n\"a\nb\",1\nc,2\n");
        assert_eq!(rows[1], (2, vec!["a\nb".to_owned(), "1".to_owned()]));
        assert_eq!(rows[2].0, 4);
    }

    #[test]
    fn the_separator_is_the_headers() {
        for (header, expected) in
            [("a;b;c", ';'), ("a\tb", '\t'), ("a,b;c,d", ','), ("\"a;b\",c", ','), ("phone", ',')]
        {
            assert_eq!(separator_of(header), expected, "{header}");
        }
        assert_eq!(rows(b"sep=;\na;b\n")[0], (2, vec!["a".to_owned(), "b".to_owned()]));
    }
}
