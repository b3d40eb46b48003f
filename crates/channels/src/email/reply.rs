//! What a customer newly wrote in an answer: without the quotation below or between, and without the signature.
//!
//! Nothing is deleted: the full text stays beside it. A text that would become empty is taken whole.

/// The newly written part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPart {
    /// The text, without blank lines at its ends.
    pub text: String,
    /// Byte ranges of the full text that were left out, in order, without overlap.
    pub left_out: Vec<(usize, usize)>,
}

/// Most lines that are looked at; what follows is kept as it is.
const LINES_MAX: usize = 20_000;

/// Separates new from old. `full` has `\n` line ends.
#[must_use]
pub fn new_part(full: &str) -> NewPart {
    let lines: Vec<&str> = full.split('\n').collect();
    let kept = keep(&lines);
    let mut text = String::with_capacity(full.len());
    let mut left_out: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    for (line, keep) in lines.iter().zip(&kept) {
        let end = (at + line.len() + 1).min(full.len());
        if *keep {
            text.push_str(line.trim_end());
            text.push('\n');
        } else {
            match left_out.last_mut() {
                Some((_, last)) if *last == at => *last = end,
                _ => left_out.push((at, end)),
            }
        }
        at = end;
    }
    let text = text.trim_matches('\n').trim_end().to_owned();
    if text.trim().is_empty() {
        return NewPart { text: full.trim().to_owned(), left_out: Vec::new() };
    }
    NewPart { text, left_out }
}

/// For each line whether it is new.
fn keep(lines: &[&str]) -> Vec<bool> {
    let mut kept = vec![true; lines.len()];
    let mut at = 0;
    while at < lines.len().min(LINES_MAX) {
        let line = lines[at].trim();
        if is_forward_mark(line) {
            // What a customer passes on is what they want to say.
            break;
        }
        if line.starts_with('>') {
            kept[at] = false;
        } else if let Some(length) = attribution(&lines[at..]) {
            if quoted_below(&lines[at + length..]) {
                // Answers below or between the quotation are new: only the quoted lines go.
                kept[at..at + length].fill(false);
                at += length;
                continue;
            }
            if has_new(lines, &kept, at) {
                kept[at..].fill(false);
                break;
            }
        } else if (is_separator(line) || is_header_block(&lines[at..])) && has_new(lines, &kept, at) {
            kept[at..].fill(false);
            break;
        } else if (is_signature_mark(lines[at]) || is_footer(&lines[at..])) && has_new(lines, &kept, at) {
            let end = signature_end(lines, at);
            kept[at..end].fill(false);
            at = end;
            continue;
        } else if is_device_line(line) {
            kept[at] = false;
        }
        at += 1;
    }
    kept
}

/// Whether something new stands above: a text that begins with a quotation mark of this kind is a forward.
fn has_new(lines: &[&str], kept: &[bool], at: usize) -> bool {
    lines[..at].iter().zip(kept).any(|(line, keep)| *keep && !line.trim().is_empty())
}

/// `On … wrote:` and its like, over one to three lines; how many.
fn attribution(lines: &[&str]) -> Option<usize> {
    let first = lines[0].trim();
    let opened =
        OPENERS.iter().any(|opener| starts_with_ignore_case(first, opener)) || starts_with_date(first);
    if !opened {
        return None;
    }
    (1..=lines.len().min(3)).find(|length| {
        let last = lines[length - 1].trim();
        let joined_length: usize = lines[..*length].iter().map(|l| l.len()).sum();
        joined_length <= 400 && (closes(last) || (*length == 1 && starts_with_date(first)))
    })
}

/// Whether a line ends what an attribution says; some languages put the name behind the verb.
fn closes(line: &str) -> bool {
    CLOSERS.iter().any(|closer| ends_with_ignore_case(line, closer))
        || (line.ends_with(':') && INNER_VERBS.iter().any(|verb| line.contains(verb)))
}

const INNER_VERBS: [&str; 4] = [" schrieb ", " schreef ", " skrev ", " het geskryf "];

/// What a company or a list puts below every mail: a notice of confidentiality, a list's address.
fn is_footer(lines: &[&str]) -> bool {
    let line = lines[0].trim();
    if NOTICES.iter().any(|notice| starts_with_ignore_case(line, notice)) {
        return true;
    }
    let is_rule = line.len() >= 20 && line.chars().all(|c| matches!(c, '_' | '-' | '='));
    let is_list = |line: &&str| {
        let lower = line.to_lowercase();
        LIST_WORDS.iter().any(|word| lower.contains(word))
    };
    is_rule && lines.iter().skip(1).take(5).any(is_list)
}

const NOTICES: [&str; 10] = [
    "DISCLAIMER:",
    "DISCLAIMER :",
    "CONFIDENTIALITY NOTICE",
    "CONFIDENTIAL:",
    "PERNYATAAN:",
    "SANGGAHAN:",
    "PEMBERITAHUAN KERAHASIAAN",
    "This email and any attachments",
    "This e-mail and any attachments",
    "Email ini beserta lampirannya",
];

const LIST_WORDS: [&str; 4] = ["mailing list", "listinfo", "unsubscribe", "berhenti berlangganan"];

const OPENERS: [&str; 8] = ["On ", "Pada ", "Am ", "Le ", "El ", "Em ", "Op ", "Il "];

const CLOSERS: [&str; 14] = [
    "wrote:",
    "wrote :",
    "writes:",
    "menulis:",
    "menulis :",
    "tulis:",
    "schrieb:",
    "a écrit :",
    "a écrit\u{a0}:",
    "escribió:",
    "escreveu:",
    "schreef:",
    "ha scritto:",
    "telah menulis:",
];

/// Gmail's older form: `2026-08-03 10:15 GMT+07:00 Budi <b@x>:`.
fn starts_with_date(line: &str) -> bool {
    let bytes = line.as_bytes();
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|b| b.iter().all(u8::is_ascii_digit));
    let dated = digits(0..4) && bytes.get(4) == Some(&b'-') && digits(5..7) && bytes.get(7) == Some(&b'-');
    dated && (line.ends_with(">:") || CLOSERS.iter().any(|c| ends_with_ignore_case(line, c)))
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn ends_with_ignore_case(text: &str, suffix: &str) -> bool {
    let from = text.len().checked_sub(suffix.len());
    from.and_then(|from| text.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

/// Whether the next line that is not blank is quoted with `>`.
fn quoted_below(lines: &[&str]) -> bool {
    lines.iter().map(|l| l.trim()).find(|l| !l.is_empty()).is_some_and(|l| l.starts_with('>'))
}

/// `-----Original Message-----` in several languages. Forwards are not in it: what is passed on is meant to be read.
fn is_separator(line: &str) -> bool {
    let bare = line.trim_matches(['-', ' ', '_', '*']).to_lowercase();
    let ruled = line.starts_with("--") || line.starts_with("__") || line.starts_with("*-");
    ruled && SEPARATORS.contains(&bare.as_str())
}

const SEPARATORS: [&str; 9] = [
    "original message",
    "pesan asli",
    "pesan asal",
    "original appointment",
    "ursprüngliche nachricht",
    "message d'origine",
    "mensaje original",
    "reply message",
    "pesan balasan",
];

/// `---------- Forwarded message ---------` and its like.
fn is_forward_mark(line: &str) -> bool {
    let bare = line.trim_matches(['-', ' ', '_', '*', ':']).to_lowercase();
    let ruled = line.starts_with("--") || line.ends_with(':');
    ruled && FORWARD_MARKS.contains(&bare.as_str())
}

const FORWARD_MARKS: [&str; 6] = [
    "forwarded message",
    "begin forwarded message",
    "pesan terusan",
    "pesan yang diteruskan",
    "pesan diteruskan",
    "mulai pesan terusan",
];

/// Outlook's block of `From:`, `Sent:`, `To:`, `Subject:`, perhaps below a rule.
fn is_header_block(lines: &[&str]) -> bool {
    if lines[0].trim().is_empty() {
        return false;
    }
    let mut seen = lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty()).take(8);
    let mut first = seen.next().unwrap_or_default();
    if first.len() >= 10 && first.chars().all(|c| c == '_' || c == '-') {
        first = seen.next().unwrap_or_default();
    }
    if !FROM_LABELS.contains(&label(first).as_str()) {
        return false;
    }
    seen.filter(|line| OTHER_LABELS.contains(&label(line).as_str())).count() >= 2
}

/// The word before the colon, without the asterisks some programs put around it.
fn label(line: &str) -> String {
    let Some((name, _)) = line.split_once(':') else { return String::new() };
    if name.len() > 24 {
        return String::new();
    }
    name.trim_matches(['*', ' ', '\u{a0}']).to_lowercase()
}

const FROM_LABELS: [&str; 6] = ["from", "dari", "von", "de", "pengirim", "van"];

const OTHER_LABELS: [&str; 22] = [
    "sent", "date", "to", "subject", "cc", "dikirim", "terkirim", "tanggal", "kepada", "ke", "untuk",
    "subjek", "perihal", "hal", "tembusan", "gesendet", "an", "betreff", "envoyé", "à", "objet", "asunto",
];

/// RFC 3676 section 4.3, and without its blank as many programs send it.
fn is_signature_mark(line: &str) -> bool {
    matches!(line, "-- " | "--" | "--\u{a0}")
}

/// A signature ends where a quotation begins, or with the text.
fn signature_end(lines: &[&str], at: usize) -> usize {
    let begins = |index: &usize| {
        let line = lines[*index].trim();
        line.starts_with('>') || is_separator(line) || attribution(&lines[*index..]).is_some()
    };
    (at + 1..lines.len().min(LINES_MAX)).find(begins).unwrap_or(lines.len())
}

fn is_device_line(line: &str) -> bool {
    line.chars().count() <= 120 && DEVICE_LINES.iter().any(|start| starts_with_ignore_case(line, start))
}

const DEVICE_LINES: [&str; 14] = [
    "Sent from my ",
    "Sent from Mail for",
    "Sent from Yahoo",
    "Sent from Outlook",
    "Sent from Gmail",
    "Sent from Samsung",
    "Get Outlook for",
    "Dikirim dari iPhone",
    "Dikirim dari ponsel",
    "Dikirim dari Yahoo",
    "Dikirim dari perangkat",
    "Dikirim dari Samsung",
    "Dapatkan Outlook untuk",
    "Terkirim dari ",
];
