//! Answers of an IMAP server as bytes: lines, with literals in them.

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longest line: a folder's UIDs come in one.
const LINE_MAX: usize = 8 << 20;

/// Why a server can't be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No connection, or one that broke or is silent.
    Network(String),
    /// The server said no: an operator has to mend something.
    Refused(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Network(what) => f.write_str(what),
            Self::Refused(what) => write!(f, "the server refuses: {what}; see the settings of this mailbox"),
        }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Network(error.to_string())
    }
}

/// One answer: its text with literals cut out, and the literals.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) literals: Vec<Vec<u8>>,
}

impl Answer {
    /// The number that follows a word, such as `UIDNEXT 5`.
    pub(super) fn number_after(&self, word: &str) -> Option<u64> {
        let upper = self.text.to_ascii_uppercase();
        let rest = upper.split_once(word)?.1.trim_start();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }

    /// What follows `* SEARCH`.
    pub(super) fn search(&self) -> Option<impl Iterator<Item = u32> + '_> {
        let head = self.text.get(..8).filter(|head| head.eq_ignore_ascii_case("* SEARCH"))?;
        Some(self.text[head.len()..].split_ascii_whitespace().filter_map(|uid| uid.parse().ok()))
    }

    /// Whether it tells of mail that came.
    pub(super) fn tells_of_mail(&self) -> bool {
        let text = self.text.to_ascii_uppercase();
        text.starts_with("* ") && (text.ends_with(" EXISTS") || text.ends_with(" RECENT"))
    }
}

/// Reads one answer, keeping what comes after it in `buffer`. A literal may have at most `literal_max` bytes.
pub(super) async fn answer(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    literal_max: usize,
) -> Result<Answer, Trouble> {
    let mut answer = Answer::default();
    loop {
        let line = line(stream, buffer).await?;
        answer.text.push_str(&String::from_utf8_lossy(&line));
        let Some((begin, length)) = literal_of(&answer.text) else { return Ok(answer) };
        if length > literal_max {
            return Err(Trouble::Network(format!("an answer of {length} bytes is over the limit")));
        }
        answer.text.truncate(begin);
        while buffer.len() < length {
            fill(stream, buffer).await?;
        }
        answer.literals.push(buffer.split_to(length).to_vec());
    }
}

/// Where a line announces a literal, and its length: `{12}` at its end.
fn literal_of(text: &str) -> Option<(usize, usize)> {
    let begin = text.rfind('{')?;
    let digits = text[begin + 1..].strip_suffix('}')?;
    Some((begin, digits.trim_end_matches('+').parse().ok()?))
}

async fn line(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Result<Vec<u8>, Trouble> {
    let mut seen = 0;
    loop {
        if let Some(end) = buffer[seen..].iter().position(|b| *b == b'\n').map(|at| seen + at) {
            let mut line = buffer.split_to(end).to_vec();
            buffer.advance(1);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(line);
        }
        seen = buffer.len();
        if seen > LINE_MAX {
            return Err(Trouble::Network("a line of the server has no end".into()));
        }
        fill(stream, buffer).await?;
    }
}

async fn fill(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Result<(), Trouble> {
    match stream.read_buf(buffer).await? {
        0 => Err(Trouble::Network("the server closed the connection".into())),
        _ => Ok(()),
    }
}

/// A text as a quoted string; none when it can't be one.
pub(super) fn quoted(text: &str) -> Option<String> {
    let plain = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    plain.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
#[path = "../../../../../crates/channels/tests/support/mutate.rs"]
mod mutate;

#[cfg(test)]
mod tests {
    use super::mutate::{Mutator, run};
    use super::*;

    async fn read(bytes: &[u8]) -> Result<(Answer, Vec<u8>), Trouble> {
        let mut buffer = BytesMut::new();
        let mut stream = bytes;
        let read = answer(&mut stream, &mut buffer, 100).await?;
        buffer.extend_from_slice(stream);
        Ok((read, buffer.to_vec()))
    }

    #[tokio::test]
    async fn answers_are_lines_with_literals_in_them() {
        let (plain, rest) = read(b"* OK [UIDNEXT 5] next\r\n* more").await.unwrap();
        assert_eq!((plain.number_after("UIDNEXT"), rest), (Some(5), b"* more".to_vec()));
        let fetched = b"* 1 FETCH (UID 7 BODY[] {9}\r\na: {3}\r\nb)\r\n";
        let (fetched, rest) = read(fetched).await.unwrap();
        assert_eq!((fetched.literals[0].as_slice(), rest.len()), (&b"a: {3}\r\nb"[..], 0));
        assert_eq!(fetched.text, "* 1 FETCH (UID 7 BODY[] )");
        let (none, _) = read(b"* SEARCH\r\n").await.unwrap();
        assert_eq!(none.search().unwrap().count(), 0);
        let (some, _) = read(b"* SEARCH 2 84 882\r\n").await.unwrap();
        assert_eq!(some.search().unwrap().collect::<Vec<_>>(), [2, 84, 882]);
        let (exists, _) = read(b"* 23 EXISTS\r\n").await.unwrap();
        assert!(exists.tells_of_mail() && !none.tells_of_mail());
    }

    #[tokio::test]
    async fn what_is_too_long_or_ends_early_is_no_answer() {
        for bytes in [&b"* OK"[..], b"* 1 FETCH (BODY[] {101}\r\n", b"* 1 FETCH (BODY[] {9}\r\nab"] {
            assert!(read(bytes).await.is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn whatever_a_server_answers_is_read_or_refused() {
        const WORDS: &[&str] = &[
            "\r\n",
            "{",
            "}",
            "{9}\r\n",
            "{99999999999999999999}\r\n",
            "* ",
            " EXISTS",
            "SEARCH ",
            "UIDNEXT ",
        ];
        let samples = [
            "* OK [UIDNEXT 5] next\r\n* 23 EXISTS\r\na1 OK [READ-ONLY] done\r\n",
            "* 1 FETCH (UID 7 BODY[] {9}\r\na: {3}\r\nb)\r\na2 OK done\r\n",
            "* SEARCH 2 84 882\r\n* CAPABILITY IMAP4rev1 IDLE\r\na3 NO no\r\n",
        ];
        let samples = samples.map(|text| text.as_bytes().to_vec()).to_vec();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut read_whole = 0;
        run("imap", Mutator::new(samples, WORDS), |bytes| {
            let (mut stream, mut buffer, mut kept) = (bytes, BytesMut::new(), 0);
            while let Ok(answer) = runtime.block_on(answer(&mut stream, &mut buffer, 1_000)) {
                let _ = (answer.number_after("UIDNEXT"), answer.tells_of_mail());
                kept += answer.literals.iter().map(Vec::len).sum::<usize>()
                    + answer.search().map_or(0, Iterator::count);
                read_whole += 1;
            }
            assert!(kept <= bytes.len(), "{kept} of {} bytes", bytes.len());
        });
        assert!(read_whole > 0);
    }

    #[test]
    fn strings_are_quoted_and_nothing_gets_out_of_them() {
        assert_eq!(quoted(r#"a"b\c"#).as_deref(), Some(r#""a\"b\\c""#));
        assert_eq!(quoted("a\r\nA2 DELETE x"), None);
    }
}
