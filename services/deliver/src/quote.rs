//! The customer's words below an answer by mail, as mail programs quote them.

/// Most characters that are quoted: the customer has the mail; what is said of it stands further up.
const CHARS_MAX: usize = 20_000;
/// Most lines.
const LINES_MAX: usize = 400;
/// Stands where more was cut off.
const CUT: &str = "> […]\n";

/// A text with `> ` before each line, below the line that says who wrote it. Lines stay as long as they are: it is the
/// reader's program that wraps them. None when there is nothing to quote.
pub(crate) fn quoted(line: &str, text: &str) -> Option<String> {
    let text = text.trim_end().trim_start_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return None;
    }
    let kept = text.char_indices().nth(CHARS_MAX).map_or(text, |(end, _)| &text[..end]);
    let mut quoted = format!("{}\n", one_line(line));
    let mut lines = kept.lines();
    for line in lines.by_ref().take(LINES_MAX) {
        // What is quoted already gets deeper without a space between the marks (RFC 3676 section 4.5).
        let mark = if line.starts_with('>') || line.is_empty() { ">" } else { "> " };
        quoted.push_str(mark);
        quoted.push_str(line);
        quoted.push('\n');
    }
    if kept.len() < text.len() || lines.next().is_some() {
        quoted.push_str(CUT);
    }
    Some(quoted)
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{CHARS_MAX, CUT, LINES_MAX, quoted};

    #[test]
    fn each_line_is_marked_and_what_was_quoted_before_gets_deeper() {
        let text = "\r\nHalo,\r\n\r\n  menjorok\n> lama\n>> lebih lama\n\n";
        let expected = "Budi wrote:\n> Halo,\n>\n>   menjorok\n>> lama\n>>> lebih lama\n";
        assert_eq!(quoted("Budi wrote:", text).as_deref(), Some(expected));
        assert_eq!(quoted("Budi\r\nwrote:", "x").as_deref(), Some("Budi  wrote:\n> x\n"));
        assert_eq!(quoted("Budi wrote:", " \n\n"), None);
    }

    #[test]
    fn a_long_line_stays_one_and_too_much_is_cut() {
        let long = "kata ".repeat(600);
        let text = quoted("Budi wrote:", &long).unwrap();
        assert_eq!(text, format!("Budi wrote:\n> {}\n", long.trim_end()));
        let many = "é\n".repeat(LINES_MAX + 1);
        let text = quoted("Budi wrote:", &many).unwrap();
        assert!(text.ends_with(&format!("> é\n{CUT}")) && text.lines().count() == LINES_MAX + 2);
        let text = quoted("Budi wrote:", &"é".repeat(CHARS_MAX + 1)).unwrap();
        assert_eq!(text, format!("Budi wrote:\n> {}\n{CUT}", "é".repeat(CHARS_MAX)));
        assert_eq!(quoted("x", &"é".repeat(CHARS_MAX)).unwrap().lines().count(), 2);
    }
}
