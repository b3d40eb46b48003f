//! How deep a condition is nested, told from its text before it is parsed: the parser calls itself for every level,
//! and a text that is deep enough would end the process rather than be refused.

/// Deepest condition. Parsing one takes some megabytes of stack at most, see [`crate::compile()`].
pub(super) const DEPTH_MAX: usize = 40;

/// The most levels any place of the text can have: brackets that are open, and operands that are chained within each
/// (`a + b + c`, `a.b.c`, `a[0][1]`). `&&`, `||` and `,` begin a new chain.
pub(super) fn depth(text: &str) -> usize {
    let mut chains: Vec<usize> = vec![0];
    let mut deepest = 0;
    let mut rest = text.char_indices().peekable();
    let mut in_word = false;
    while let Some((at, c)) = rest.next() {
        let is_word = c.is_alphanumeric() || c == '_';
        let is_quote = matches!(c, '\'' | '"');
        if is_quote {
            let end = end_of_string(text, at, in_word);
            while rest.peek().is_some_and(|(next, _)| *next < end) {
                rest.next();
            }
        }
        let level = chains.len() - 1;
        match c {
            '(' | '[' | '{' => {
                chains[level] += 1;
                chains.push(0);
            }
            ')' | ']' | '}' if level > 0 => drop(chains.pop()),
            '&' | '|' | ',' => chains[level] = 0,
            _ if is_quote || (is_word && !in_word) => chains[level] += 1,
            _ => {}
        }
        in_word = is_word;
        deepest = deepest.max(chains.len() + chains.iter().sum::<usize>());
    }
    deepest
}

/// Where the string that begins here ends. The word before it tells a raw one (`r'…'`), where `\` means itself.
fn end_of_string(text: &str, begin: usize, after_word: bool) -> usize {
    let quote = &text[begin..=begin];
    let is_raw = after_word && text[..begin].ends_with(['r', 'R', 'b', 'B']) && {
        let prefix = text[..begin].trim_end_matches(|c: char| !matches!(c, 'r' | 'R'));
        prefix.len() + 1 >= begin
    };
    let triple = quote.repeat(3);
    let mark = if text[begin..].starts_with(&triple) { triple.as_str() } else { quote };
    let mut at = begin + mark.len();
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(mark) {
            return at + mark.len();
        }
        let skipped = usize::from(!is_raw && rest.starts_with('\\')) + 1;
        at += rest.chars().take(skipped).map(char::len_utf8).sum::<usize>();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_open_brackets_and_chained_operands() {
        for (text, expected) in [
            ("true", 2),
            ("a.b == 'x' && c.d == 'y' && e", 4),
            ("((a))", 6),
            ("a[0][0]", 6),
            ("'((((((((((' == \"[[[[\"", 3),
            ("'\\'((((' == a", 3),
            ("r'\\' == '('", 4),
            ("'''it's ((( ''' == a", 3),
            ("a in ['b', 'c', 'd', 'e']", 6),
        ] {
            assert_eq!(depth(text), expected, "{text}");
        }
        assert!(depth(&"(".repeat(50)) > DEPTH_MAX);
        assert!(depth(&"1+".repeat(50)) > DEPTH_MAX);
        assert!(depth(&"a.b ? c : ".repeat(50)) > DEPTH_MAX);
    }
}
