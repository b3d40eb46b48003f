//! Reads the text after DATA: takes the dots off that were stuffed in, and finds the end (RFC 5321 §4.1.1.4, §4.5.2).
//!
//! Only `CRLF . CRLF` ends it. A bare line feed or carriage return is kept as it is and ends nothing, so that no
//! second message can be smuggled in behind a laxer relay.

/// Where in the text the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    Dot,
    DotCr,
    Inside,
    Cr,
}

/// Reads one message's text.
#[derive(Debug)]
pub(super) struct DataReader {
    at: At,
    kept: Vec<u8>,
    max: usize,
    oversize: bool,
}

impl DataReader {
    /// Begins right after the line that said DATA; keeps no more than `max` bytes.
    pub(super) fn new(max: usize) -> Self {
        Self { at: At::LineStart, kept: Vec::new(), max, oversize: false }
    }

    /// Takes bytes; returns how many belong to the message, and whether its end was among them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut used = 0;
        while let Some(&byte) = bytes.get(used) {
            if self.at == At::Inside {
                let rest = &bytes[used..];
                let plain = rest.iter().position(|b| *b == b'\r').unwrap_or(rest.len());
                self.keep(&rest[..plain]);
                used += plain;
                if plain == rest.len() {
                    break;
                }
            }
            used += 1;
            if self.step(if self.at == At::Inside { b'\r' } else { byte }) {
                return (used, true);
            }
        }
        (used, false)
    }

    /// Bytes held so far.
    pub(super) fn held(&self) -> usize {
        self.kept.len()
    }

    /// The text; `None` when it was over the limit.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        (!self.oversize).then_some(self.kept)
    }

    fn step(&mut self, byte: u8) -> bool {
        self.at = match (self.at, byte) {
            (At::LineStart, b'.') => At::Dot,
            (At::Dot, b'\r') => At::DotCr,
            (At::DotCr, b'\n') => return true,
            (At::DotCr, _) => {
                self.keep(b"\r");
                self.plain(At::Cr, byte)
            }
            (at, _) => self.plain(at, byte),
        };
        false
    }

    fn plain(&mut self, before: At, byte: u8) -> At {
        self.keep(&[byte]);
        match (before, byte) {
            (_, b'\r') => At::Cr,
            (At::Cr, b'\n') => At::LineStart,
            _ => At::Inside,
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.oversize || self.kept.len() + bytes.len() > self.max {
            self.oversize = true;
            self.kept = Vec::new();
        } else {
            self.kept.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DataReader;

    /// Reads `wire` in pieces of `piece` bytes; gives the text and what is left over.
    fn read(wire: &[u8], piece: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut reader = DataReader::new(1 << 20);
        let mut done = 0;
        for part in wire.chunks(piece) {
            let (used, end) = reader.take(part);
            done += used;
            if end {
                return Some((reader.finish()?, wire[done..].to_vec()));
            }
            assert_eq!(used, part.len(), "all bytes before the end belong to the message");
        }
        None
    }

    #[test]
    fn only_a_dot_alone_between_crlfs_ends_the_text() {
        let cases: &[(&[u8], &[u8], &[u8])] = &[
            (b".\r\n", b"", b""),
            (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n"),
            (b"..a\r\n.\r\n", b".a\r\n", b""),
            (b"...\r\n.\r\n", b"..\r\n", b""),
            (b".a\r\n.\r\n", b"a\r\n", b""),
            (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", b""),
            (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n", b""),
            (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n", b""),
            (b"a\r\r\n.\r\n", b"a\r\r\n", b""),
            (b"a\r\n.\n.\r\n.\r\n", b"a\r\n\n.\r\n", b""),
        ];
        for (wire, text, rest) in cases {
            for piece in 1..=wire.len() {
                let got = read(wire, piece);
                assert_eq!(got, Some((text.to_vec(), rest.to_vec())), "{:?} by {piece}", wire.escape_ascii());
            }
        }
    }

    #[test]
    fn keeps_nothing_of_a_text_over_the_limit_but_finds_its_end() {
        let mut reader = DataReader::new(4);
        assert_eq!(reader.take(b"12345\r\n.\r\nX"), (10, true));
        assert_eq!(reader.finish(), None);
    }

    proptest! {
        #[test]
        fn what_a_sender_stuffs_comes_out_as_it_was(lines in prop::collection::vec("[^\r\n]{0,20}", 0..8), piece in 1usize..40) {
            let mut wire = String::new();
            let mut text = String::new();
            for line in &lines {
                let dot = if line.starts_with('.') { "." } else { "" };
                wire.push_str(&format!("{dot}{line}\r\n"));
                text.push_str(&format!("{line}\r\n"));
            }
            wire.push_str(".\r\n");
            prop_assert_eq!(read(wire.as_bytes(), piece), Some((text.into_bytes(), Vec::new())));
        }
    }
}
