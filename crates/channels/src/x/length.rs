//! How long X counts a text (its configuration v3), and the parts of a text that is too long for one post.
//!
//! Counts the NFC form: Latin and most European letters 1, other characters 2, an emoji sequence 2, a link 23. Emoji
//! and link borders are close approximations of X's own; where they are in doubt the longer count is taken, so that a
//! text that fits here fits there.

use unicode_normalization::UnicodeNormalization;

/// Longest post, in weighted characters.
pub const POST_MAX: usize = 280;

/// What a link counts, however long it is.
const LINK_WEIGHT: usize = 23;

/// Most parts of one text.
pub const PARTS_MAX: usize = 25;

/// The weighted length of a text.
#[must_use]
pub fn weighted(text: &str) -> usize {
    weight(&normal(text))
}

/// Whether X takes this text as one post.
#[must_use]
pub fn fits(text: &str) -> bool {
    let empty = text.trim().is_empty();
    let forbidden = text.chars().any(|c| matches!(c, '\u{fffe}' | '\u{feff}' | '\u{ffff}'));
    !empty && !forbidden && weighted(text) <= POST_MAX
}

/// A text that needs more than [`PARTS_MAX`] posts, or has nothing to post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text does not fit in 1 to {PARTS_MAX} posts")]
pub struct TooLong;

/// The posts a text needs: itself when it fits, else parts that end in ` (1/3)`. Breaks between words where there are
/// any, never inside a link or an emoji.
///
/// # Errors
/// When the text is empty or needs more than [`PARTS_MAX`] parts.
pub fn parts(text: &str) -> Result<Vec<String>, TooLong> {
    let clean: String = text.chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{feff}' | '\u{ffff}')).collect();
    let text = normal(clean.trim());
    if text.is_empty() {
        return Err(TooLong);
    }
    if weight(&text) <= POST_MAX {
        return Ok(vec![text]);
    }
    // " (1/9)" or " (12/25)": with one digit where that is enough.
    let few = cut(&text, POST_MAX - 6);
    let parts = if few.len() <= 9 { few } else { cut(&text, POST_MAX - 8) };
    let count = parts.len();
    if count > PARTS_MAX {
        return Err(TooLong);
    }
    Ok(parts.iter().enumerate().map(|(index, part)| format!("{part} ({}/{count})", index + 1)).collect())
}

fn normal(text: &str) -> String {
    text.nfc().collect()
}

/// A piece of a text that is counted and kept as a whole.
#[derive(Debug)]
struct Unit {
    end: usize,
    weight: usize,
    blank: bool,
}

/// The parts, or the first of them where they are too many.
fn cut(text: &str, weight_max: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && parts.len() <= PARTS_MAX {
        // Counted anew: what is left of a word that was cut may read as a link, at its beginning and at its end.
        let mut ends = part_ends(rest, weight_max);
        let mut end = ends.pop().unwrap_or(rest.len());
        while weight(rest[..end].trim()) > weight_max
            && let Some(earlier) = ends.pop()
        {
            end = earlier;
        }
        let (part, after) = rest.split_at(end);
        parts.push(part.trim_end());
        rest = after.trim_start();
    }
    parts
}

/// Where the first part may end, the best place last: at its last blank where it has one. At least one unit goes, else
/// nothing would ever move.
fn part_ends(text: &str, weight_max: usize) -> Vec<usize> {
    let mut weight = 0;
    let mut last_blank = None;
    let mut ends: Vec<usize> = Vec::new();
    for unit in units(text) {
        weight += unit.weight;
        // A blank at the end is trimmed and does not count.
        if weight > weight_max && !unit.blank && !ends.is_empty() {
            ends.truncate(last_blank.unwrap_or(ends.len()));
            return ends;
        }
        ends.push(unit.end);
        if unit.blank {
            last_blank = Some(ends.len());
        }
    }
    ends
}

/// The weighted length of a text that is in its normal form.
fn weight(text: &str) -> usize {
    units(text).map(|unit| unit.weight).sum()
}

/// The units of a text, found as they are asked for.
fn units(text: &str) -> impl Iterator<Item = Unit> {
    let (mut at, mut before) = (0, None);
    std::iter::from_fn(move || {
        let rest = &text[at..];
        let c = rest.chars().next()?;
        let (length, weight) = match link_length(rest, before) {
            Some((length, certain)) => {
                let own: usize = rest[..length].chars().map(char_weight).sum();
                (length, if certain { LINK_WEIGHT } else { LINK_WEIGHT.max(own) })
            }
            None => match emoji_length(rest) {
                Some(length) => (length, 2),
                None => (c.len_utf8(), char_weight(c)),
            },
        };
        before = rest[..length].chars().next_back();
        at += length;
        Some(Unit { end: at, weight, blank: c.is_whitespace() })
    })
}

fn char_weight(c: char) -> usize {
    match u32::from(c) {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 1,
        _ => 2,
    }
}

/// The bytes of an emoji sequence at the start of `rest` that counts as one; single characters count the same anyway.
fn emoji_length(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().peekable();
    let (_, first) = chars.next()?;
    if is_regional(first) {
        let (at, second) = chars.next()?;
        return is_regional(second).then(|| at + second.len_utf8());
    }
    if matches!(first, '0'..='9' | '#' | '*') {
        let after = &rest[1..];
        let keycap = after.strip_prefix('\u{fe0f}').unwrap_or(after).strip_prefix('\u{20e3}');
        return keycap.map(|left| rest.len() - left.len());
    }
    if matches!(first, '©' | '®' | '™') {
        return rest[first.len_utf8()..].starts_with('\u{fe0f}').then(|| first.len_utf8() + 3);
    }
    if !is_emoji(first) {
        return None;
    }
    let mut end = first.len_utf8();
    while let Some((at, c)) = chars.next() {
        let joined = c == '\u{200d}' && chars.peek().is_some_and(|(_, next)| is_emoji(*next));
        if joined {
            let (next_at, next) = chars.next()?;
            end = next_at + next.len_utf8();
        } else if c == '\u{fe0f}' || is_skin(c) || is_tag(c) || c == '\u{20e3}' {
            end = at + c.len_utf8();
        } else {
            break;
        }
    }
    Some(end)
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

fn is_skin(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

/// Characters that begin an emoji or stand behind a joiner.
fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b05}'..='\u{2b07}' | '\u{2b1b}' | '\u{2b1c}'
        | '\u{2b50}' | '\u{2b55}' | '\u{2194}'..='\u{2199}' | '\u{21a9}' | '\u{21aa}' | '\u{231a}' | '\u{231b}'
        | '\u{2328}' | '\u{23cf}' | '\u{23e9}'..='\u{23f3}' | '\u{23f8}'..='\u{23fa}' | '\u{24c2}' | '\u{25aa}'
        | '\u{25ab}' | '\u{25b6}' | '\u{25c0}' | '\u{25fb}'..='\u{25fe}' | '\u{2934}' | '\u{2935}' | '\u{3030}'
        | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{203c}' | '\u{2049}' | '\u{2139}')
}

/// The bytes of a link at the start of `rest`, and whether it is certain that X sees one.
fn link_length(rest: &str, before: Option<char>) -> Option<(usize, bool)> {
    let begins =
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '@' | '＠' | '$' | '#' | '＃' | '_'));
    if !begins {
        return None;
    }
    let scheme =
        ["https://", "http://"].iter().find(|s| starts_with_ignore_case(rest, s)).map_or(0, |s| s.len());
    if scheme == 0 && before.is_some_and(|c| matches!(c, '-' | '.' | '/')) {
        return None;
    }
    let (host, known) = host_length(&rest[scheme..])?;
    // An address of a person: the part before `@` is no host.
    if rest[scheme + host..].starts_with(['@', '＠']) {
        return None;
    }
    let end = scheme + host + tail_length(&rest[scheme + host..]);
    let has_path = rest[scheme + host..end].starts_with('/');
    let long_domain = rest[scheme..scheme + host].split('.').next_back().is_some_and(|tld| tld.len() > 2);
    if scheme == 0 && !known {
        return None;
    }
    Some((end, known && (scheme > 0 || has_path || long_domain)))
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The bytes of a host name with at least two labels, and whether its last label is a known top-level domain.
fn host_length(rest: &str) -> Option<(usize, bool)> {
    let host: &str = &rest
        [..rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.')).unwrap_or(rest.len())];
    let host = host.trim_end_matches(['.', '-']);
    let labels: Vec<&str> = host.split('.').collect();
    let valid =
        labels.len() >= 2 && labels.iter().all(|l| !l.is_empty() && !l.starts_with('-') && !l.ends_with('-'));
    let last = labels.last()?.to_ascii_lowercase();
    if !valid || !last.bytes().all(|b| b.is_ascii_alphabetic()) || last.len() < 2 {
        return None;
    }
    Some((host.len(), is_top_level(&last)))
}

/// Port, path and query behind a host, without punctuation that ends a sentence.
fn tail_length(rest: &str) -> usize {
    let port = rest.strip_prefix(':').map_or(0, |r| {
        let digits = r.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 { digits + 1 } else { 0 }
    });
    let rest = &rest[port..];
    if !rest.starts_with(['/', '?']) {
        return port;
    }
    let in_url = |c: char| c.is_ascii_alphanumeric() || "!*';:=+,.$/%#[]-_~@|&()?".contains(c) || is_latin(c);
    let all = &rest[..rest.find(|c: char| !in_url(c)).unwrap_or(rest.len())];
    let mut end = all;
    loop {
        let open = end.matches('(').count() >= end.matches(')').count();
        let shorter = end.trim_end_matches([
            '!', '*', '\'', ';', ':', ',', '.', '$', '%', '[', ']', '~', '|', '?', '@', '(',
        ]);
        let shorter = if open { shorter } else { shorter.strip_suffix(')').unwrap_or(shorter) };
        if shorter.len() == end.len() {
            return port + end.len();
        }
        end = shorter;
    }
}

fn is_latin(c: char) -> bool {
    matches!(c, '\u{c0}'..='\u{24f}' | '\u{400}'..='\u{4ff}')
}

/// Top-level domains whose bare names X makes links of: all of two letters that are not words of their own kind, and
/// the common long ones.
fn is_top_level(label: &str) -> bool {
    label.len() == 2 || LONG_DOMAINS.contains(&label)
}

const LONG_DOMAINS: [&str; 44] = [
    "com", "net", "org", "info", "biz", "edu", "gov", "mil", "int", "name", "pro", "mobi", "asia", "tel",
    "jobs", "travel", "xyz", "online", "site", "website", "shop", "store", "club", "app", "dev", "page",
    "blog", "cloud", "tech", "link", "live", "news", "media", "social", "agency", "digital", "email",
    "support", "services", "today", "world", "top", "vip", "space",
];

#[cfg(test)]
mod tests {
    use super::{POST_MAX, fits, parts, weighted};

    #[test]
    fn length_is_what_the_channel_counts() {
        for (text, expected) in [
            ("", 0),
            ("This is a test.", 15),
            ("http://test.com", 23),
            ("https://test.com/a/very/long/path?with=query&and=more#fragment", 23),
            ("test.com", 23),
            ("Test https://test.com test https://test.com test.com test", 86),
            ("Selamat pagi 🙏", 15),
            ("H🐱☺👨\u{200d}👩\u{200d}👧\u{200d}👦", 7),
            ("😷👾😡🔥💩", 10),
            ("🇮🇩", 2),
            ("1\u{fe0f}\u{20e3}", 2),
            ("👍🏽", 2),
            ("cafe\u{301}", 4),
            ("顧客", 4),
            ("ขอบคุณ", 6),
            ("“kutipan” — dash…", 18),
            ("budi@test.com", 13),
            ("1.5 dan 2.3", 11),
        ] {
            assert_eq!(weighted(text), expected, "{text}");
        }
    }

    #[test]
    fn a_post_holds_280_latin_or_140_wide_characters() {
        assert!(fits(&"a".repeat(280)));
        assert!(!fits(&"a".repeat(281)));
        assert!(fits(&"あ".repeat(140)));
        assert!(!fits(&"あ".repeat(141)));
        assert!(!fits("  "));
        assert!(!fits("a\u{feff}"));
    }

    #[test]
    fn what_is_left_of_a_cut_word_is_counted_as_it_reads_then() {
        // In the word there is no link; its rest `h.id/a`, at the beginning of a part, is one.
        let word = format!("{}Ahttps://contoh.id/a", "a".repeat(POST_MAX - 6 - 14));
        let text = format!("{word} {}", "b".repeat(POST_MAX - 6 - 8));
        let parts = parts(&text).unwrap();
        assert!(parts.iter().all(|part| fits(part)), "{parts:?}");
        let words: String =
            parts.iter().filter_map(|part| part.rsplit_once(" (")).map(|(part, _)| part).collect();
        assert_eq!(words.replace(' ', ""), text.replace(' ', ""));
    }

    #[test]
    fn a_long_text_becomes_numbered_parts_between_words() {
        let text = "Terima kasih sudah menghubungi kami. ".repeat(20);
        let parts = parts(&text).unwrap();
        assert_eq!(parts.len(), 3);
        assert!(parts[0].ends_with(" (1/3)") && parts[2].ends_with(" (3/3)"));
        let joined: String = parts.iter().map(|p| format!("{} ", &p[..p.len() - 6])).collect();
        assert_eq!(joined, text);
        assert!(parts.iter().all(|p| weighted(p) <= POST_MAX));
        assert_eq!(super::parts("pendek").unwrap(), ["pendek"]);
    }

    #[test]
    fn a_text_without_blanks_is_cut_between_characters_and_links_stay_whole() {
        let wide = parts(&"あ".repeat(300)).unwrap();
        assert_eq!(wide.len(), 3);
        assert!(wide.iter().all(|p| fits(p)));
        let link = format!("{} https://example.com/{}", "a".repeat(270), "b".repeat(300));
        let split = parts(&link).unwrap();
        assert_eq!(split[1], format!("https://example.com/{} (2/2)", "b".repeat(300)));
        assert!(parts(&"a".repeat(8_000)).is_err());
        assert!(parts("").is_err());
    }
}
