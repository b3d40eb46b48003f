//! Subject lines: what stays when prefixes are gone, and the subject of an answer.

/// Prefixes of answers and forwards, without their colon, in the languages our customers' programs speak.
const PREFIXES: [&str; 22] = [
    "re", "fw", "fwd", "aw", "wg", "sv", "vs", "vb", "antw", "tr", "rv", "rif", "odp", "bls", "balas",
    "balasan", "ter", "trs", "terusan", "teruskan", "ref", "res",
];

/// The subject without answer and forward prefixes: `Re: RE[2]: Balas: Tagihan` is `Tagihan`. Applied twice it changes
/// nothing more.
#[must_use]
pub fn base(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some(shorter) = without_prefix(rest) {
        rest = shorter.trim();
    }
    rest
}

/// The subject of an answer: `Re: ` once.
#[must_use]
pub fn answer(subject: &str) -> String {
    let clean: String = base(subject).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("Re: {clean}").trim_end().to_owned()
}

/// The subject with a case's number in front, behind a leading `Re:`: `Re: [#17] Tagihan`. Wherever that stood already
/// it is taken out first, so that it stands there once however often mails go to and fro.
#[must_use]
pub fn tagged(subject: &str, case: u64) -> String {
    let tag = format!("[#{case}]");
    let words: String = subject.replace(&tag, " ").split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = base(&words);
    let prefix = if rest.len() < words.len() { "Re: " } else { "" };
    format!("{prefix}{tag} {rest}").trim_end().to_owned()
}

fn without_prefix(subject: &str) -> Option<&str> {
    let (prefix, rest) = subject.split_once([':', '：'])?;
    let word = prefix.trim();
    // Counters: `RE[2]`, `Re(3)`, `Re^4`.
    let word = word.split(['[', '(', '^']).next().unwrap_or_default().trim();
    let counted = &prefix.trim()[word.len()..];
    let only_counter =
        counted.chars().all(|c| c.is_ascii_digit() || matches!(c, '[' | ']' | '(' | ')' | '^' | ' '));
    let known = PREFIXES.iter().any(|p| p.eq_ignore_ascii_case(word));
    (known && only_counter).then_some(rest)
}

/// The number in a tag such as `[#123]` or `[Ticket#123]`.
#[must_use]
pub fn tag(subject: &str) -> Option<u64> {
    let mut rest = subject;
    while let Some(at) = rest.find('#') {
        let before = &rest[..at];
        let after = &rest[at + 1..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let label = before.rsplit('[').next().unwrap_or_default();
        let tagged = before.contains('[')
            && label.len() <= 20
            && label.chars().all(|c| c.is_alphanumeric() || c == ' ' || c == ':')
            && after[digits..].starts_with(']');
        if tagged && digits > 0 {
            return after[..digits].parse().ok();
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{answer, base, tag, tagged};

    #[test]
    fn an_answer_has_one_prefix() {
        for (given, expected) in [
            ("Tagihan", "Re: Tagihan"),
            ("Re: Tagihan", "Re: Tagihan"),
            ("RE: Re: Fwd: Tagihan", "Re: Tagihan"),
            ("RE[2]: Tagihan", "Re: Tagihan"),
            ("Balas: AW: Tagihan: Juli", "Re: Tagihan: Juli"),
            ("Re：Tagihan", "Re: Tagihan"),
            ("Regarding: x", "Re: Regarding: x"),
            ("", "Re:"),
            ("Re: a\r\nBcc: x@y", "Re: a  Bcc: x@y"),
        ] {
            assert_eq!(answer(given), expected, "{given}");
        }
        assert_eq!(base("Internet mati: Bandung"), "Internet mati: Bandung");
    }

    #[test]
    fn the_number_of_a_case_stands_in_a_subject_once() {
        for (given, expected) in [
            ("Re: Tagihan", "Re: [#17] Tagihan"),
            ("Re: [#17] Tagihan", "Re: [#17] Tagihan"),
            ("[#17] Re: [#17] Tagihan", "Re: [#17] Tagihan"),
            ("RE: AW: [#17] Re: Tagihan", "Re: [#17] Tagihan"),
            ("Tiket IN99", "[#17] Tiket IN99"),
            ("Re: [#9] Tagihan [#17]", "Re: [#17] [#9] Tagihan"),
            ("Re:", "Re: [#17]"),
            ("", "[#17]"),
        ] {
            assert_eq!(tagged(given, 17), expected, "{given}");
            assert_eq!(tagged(expected, 17), expected, "a second time");
            assert_eq!(tag(expected), Some(17), "found again");
        }
    }

    #[test]
    fn a_tag_is_a_number_in_brackets() {
        assert_eq!(tag("Re: [#123] mati"), Some(123));
        assert_eq!(tag("[Ticket#7] x"), Some(7));
        assert_eq!(tag("[Tiket: #88] x"), Some(88));
        for none in ["#123", "[#]", "[#12a]", "[# 12]", "[#99999999999999999999999]"] {
            assert_eq!(tag(none), None, "{none}");
        }
    }
}
