//! Conditions changed in one place: an operand left out or negated, an item of a list left out, a number one off.

use std::ops::Range;

/// Every change of a condition: how it is called, and the new text.
pub(super) fn changes(text: &str) -> Vec<(String, String)> {
    let mut all = vec![("negated".to_owned(), format!("!({text})"))];
    visit(text, 0..text.len(), &mut all);
    all
}

fn visit(text: &str, range: Range<usize>, all: &mut Vec<(String, String)>) {
    let range = trimmed(text, range);
    for operator in ["||", "&&"] {
        let parts = split(text, &range, operator);
        if parts.len() < 2 {
            continue;
        }
        for part in parts {
            let cut = without(&range, &part, text, operator);
            all.push((format!("without `{}`", text[trimmed(text, part.clone())].trim()), cut));
            visit(text, part, all);
        }
        return;
    }
    if is_wrapped(text, &range) {
        return visit(text, range.start + 1..range.end - 1, all);
    }
    leaf(text, &range, all);
}

fn leaf(text: &str, range: &Range<usize>, all: &mut Vec<(String, String)>) {
    if range.len() < trimmed(text, 0..text.len()).len() {
        all.push((
            format!("`{}` negated", &text[range.clone()]),
            replaced(text, range, &format!("!({})", &text[range.clone()])),
        ));
    }
    let plain = outside_quotes(text);
    let bytes = text.as_bytes();
    let mut at = range.start;
    while at < range.end {
        let begins = bytes[at].is_ascii_digit() && plain[at] && (at == 0 || !is_word(bytes[at - 1]));
        if !begins {
            at += 1;
            continue;
        }
        let end = (at..range.end).find(|i| !bytes[*i].is_ascii_digit()).unwrap_or(range.end);
        if let Ok(number) = text[at..end].parse::<i64>() {
            for other in [number + 1, number - 1] {
                if other >= 0 {
                    all.push((
                        format!("{other} for {number} in `{}`", &text[range.clone()]),
                        replaced(text, &(at..end), &other.to_string()),
                    ));
                }
            }
        }
        at = end;
    }
    items(text, range, &plain, all);
}

/// Items of a list written out, each left out.
fn items(text: &str, range: &Range<usize>, plain: &[bool], all: &mut Vec<(String, String)>) {
    let bytes = text.as_bytes();
    let opens = |at: &usize| bytes[*at] == b'[' && plain[*at] && (*at == 0 || !is_word(bytes[*at - 1]));
    for open in range.clone().filter(opens) {
        let Some(close) = (open..range.end).find(|at| bytes[*at] == b']' && plain[*at]) else { continue };
        let inner = open + 1..close;
        let parts = split(text, &inner, ",");
        for part in &parts {
            let rest: Vec<&str> =
                parts.iter().filter(|p| *p != part).map(|p| text[p.clone()].trim()).collect();
            let what = format!("without {} in the list", text[part.clone()].trim());
            all.push((what, replaced(text, &inner, &rest.join(", "))));
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b']' || byte == b')'
}

fn replaced(text: &str, range: &Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

/// The text with one operand and its operator left out.
fn without(whole: &Range<usize>, part: &Range<usize>, text: &str, operator: &str) -> String {
    let (from, to) = if part.start == whole.start {
        (part.start, (part.end + operator.len()).min(whole.end))
    } else {
        (part.start - operator.len(), part.end)
    };
    replaced(text, &(from..to), "")
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let inner = &text[range.clone()];
    let start = range.start + (inner.len() - inner.trim_start().len());
    start..start + inner.trim().len()
}

/// Parts between an operator that stands in no brackets and no quotes.
fn split(text: &str, range: &Range<usize>, operator: &str) -> Vec<Range<usize>> {
    let plain = outside_quotes(text);
    let bytes = text.as_bytes();
    let (mut parts, mut depth, mut from, mut at) = (Vec::new(), 0_i32, range.start, range.start);
    while at < range.end {
        match bytes[at] {
            b'(' | b'[' | b'{' if plain[at] => depth += 1,
            b')' | b']' | b'}' if plain[at] => depth -= 1,
            _ => {}
        }
        if depth == 0 && plain[at] && bytes[at..range.end].starts_with(operator.as_bytes()) {
            parts.push(from..at);
            at += operator.len();
            from = at;
        } else {
            at += 1;
        }
    }
    parts.push(from..range.end);
    parts
}

/// Whether brackets stand around all of it.
fn is_wrapped(text: &str, range: &Range<usize>) -> bool {
    let plain = outside_quotes(text);
    let bytes = text.as_bytes();
    if range.is_empty() || bytes[range.start] != b'(' {
        return false;
    }
    let mut depth = 0;
    for at in range.clone().filter(|at| plain[*at]) {
        match bytes[at] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1 == range.end;
        }
    }
    false
}

/// For every byte, whether it stands outside quotation marks.
fn outside_quotes(text: &str) -> Vec<bool> {
    let mut quote = None;
    let mut plain = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        match (quote, byte) {
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                plain.push(false);
            }
            (Some(open), byte) if open == byte => {
                quote = None;
                plain.push(false);
            }
            (open, _) => plain.push(open.is_none()),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operand_item_and_number_is_changed_once() {
        let texts = |text| changes(text).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts("a"), ["!(a)"]);
        assert_eq!(texts("a && b"), ["!(a && b)", " b", "!(a) && b", "a ", "a && !(b)"]);
        assert_eq!(
            texts("(a || b) && c"),
            [
                "!((a || b) && c)",
                " c",
                "( b) && c",
                "(!(a) || b) && c",
                "(a ) && c",
                "(a || !(b)) && c",
                "(a || b) ",
                "(a || b) && !(c)",
            ]
        );
        assert_eq!(
            texts("x in ['a', \"b||c\"]"),
            ["!(x in ['a', \"b||c\"])", "x in [\"b||c\"]", "x in ['a']"]
        );
        assert_eq!(texts("n6 >= 6"), ["!(n6 >= 6)", "n6 >= 7", "n6 >= 5"]);
        assert_eq!(texts("l[0] == 'x1'"), ["!(l[0] == 'x1')", "l[1] == 'x1'"]);
    }
}
