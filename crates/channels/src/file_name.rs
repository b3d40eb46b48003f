//! File names that are safe to store and to show.

/// Longest name, in characters, as the log's contract has it.
const NAME_CHARS_MAX: usize = 200;

/// `name` without path, control and reserved characters, at most 200 characters; `fallback` when nothing is left.
#[must_use]
pub fn safe(name: &str, fallback: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !is_unsafe(*c)).collect();
    let kept = kept.trim_matches(|c: char| c.is_whitespace() || c == '.');
    match kept {
        "" => fallback.to_owned(),
        _ => shorten(kept),
    }
}

fn is_unsafe(c: char) -> bool {
    // The second group changes the direction of text: `gpj.exe` can be shown as `exe.jpg`.
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

/// Shortens the stem so that the extension stays.
fn shorten(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME_CHARS_MAX {
        return name.to_owned();
    }
    let extension = name.rsplit_once('.').map(|(_, e)| e).filter(|e| e.chars().count() <= 16);
    match extension {
        Some(extension) => {
            let stem_max = NAME_CHARS_MAX - extension.chars().count() - 1;
            let stem: String = name.chars().take(stem_max).collect();
            format!("{stem}.{extension}")
        }
        None => name.chars().take(NAME_CHARS_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn names_lose_paths_controls_and_direction_marks() {
        for (given, expected) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\a\\tagihan.pdf", "tagihan.pdf"),
            ("a\0b\r\n.txt", "ab.txt"),
            ("foto\u{202e}gpj.exe", "fotogpj.exe"),
            ("..", "file"),
            ("", "file"),
            (" . ", "file"),
            ("tagihan juli.pdf", "tagihan juli.pdf"),
        ] {
            assert_eq!(safe(given, "file"), expected, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = safe(&format!("{}.pdf", "x".repeat(500)), "file");
        assert_eq!(name.chars().count(), 200);
        assert!(name.ends_with("x.pdf"));
    }
}
