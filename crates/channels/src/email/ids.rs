//! Message-IDs and the headers that cite them (RFC 5322 section 3.6.4).

/// Most ids that are taken from one mail's thread headers.
pub const IDS_MAX: usize = 100;

/// Longest id, as long as a line may be (RFC 5322 section 2.1.1).
const ID_CHARS_MAX: usize = 998;

/// The id in a Message-ID field: without angle brackets and white space, case kept.
#[must_use]
pub fn message_id(value: &str) -> Option<String> {
    if let Some(id) = tokens(value).into_iter().next() {
        return Some(id);
    }
    // Some programs forget the brackets.
    let bare: String = value.trim().trim_matches(['<', '>']).to_owned();
    let usable =
        !bare.is_empty() && bare.chars().count() <= ID_CHARS_MAX && !bare.chars().any(char::is_whitespace);
    usable.then_some(bare)
}

/// The `<...>` tokens of a field, in their order; junk between them is passed over.
#[must_use]
pub fn tokens(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        let Some(end) = rest.find(['<', '>']) else { break };
        if rest.as_bytes()[end] == b'>' {
            let id: String = rest[..end].chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
            if !id.is_empty() && id.chars().count() <= ID_CHARS_MAX {
                found.push(id);
            }
            rest = &rest[end + 1..];
        }
    }
    found
}

pub(crate) fn tokens_of<'v>(values: impl Iterator<Item = &'v str>) -> Vec<String> {
    values.flat_map(tokens).collect()
}

#[cfg(test)]
mod tests {
    use super::{message_id, tokens};

    #[test]
    fn only_bracketed_tokens_are_ids() {
        for (field, expected) in [
            ("<a@b>", vec!["a@b"]),
            ("<a@b> <C@d>", vec!["a@b", "C@d"]),
            ("<a@b><c@d>", vec!["a@b", "c@d"]),
            ("Your message of Monday <a@b> (was: help)", vec!["a@b"]),
            ("<a\t@ b>", vec!["a@b"]),
            ("<> < > <<x@y> junk <unclosed", vec!["x@y"]),
            ("no brackets", vec![]),
        ] {
            assert_eq!(tokens(field), expected, "{field}");
        }
    }

    #[test]
    fn a_message_id_without_brackets_is_taken() {
        assert_eq!(message_id(" <A@b> "), Some("A@b".into()));
        assert_eq!(message_id("a@b"), Some("a@b".into()));
        assert_eq!(message_id("two words"), None);
        assert_eq!(message_id(""), None);
        assert_eq!(message_id("<>"), None);
    }
}
