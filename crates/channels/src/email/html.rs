//! HTML to text, HTML that is safe to show, and where a quotation begins in HTML. On the log it stays as received; it
//! is made safe when somebody asks for it, by the rules of that day.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use html2text::render::TextDecorator;

use crate::guard::fenced;

/// Most HTML that is laid out; what is longer is read as tags and text only.
const LAYOUT_BYTES_MAX: usize = 512 * 1024;
/// Deepest nesting that is laid out.
const LAYOUT_DEPTH_MAX: usize = 200;
/// Most elements that a layout may come to.
const LAYOUT_NODES_MAX: usize = 200_000;
/// Widest line. Lines break where the HTML says, not at a column.
const WIDTH: usize = 4_000;

/// The text of HTML.
#[must_use]
pub fn to_text(html: &str) -> String {
    let text = if html.len() <= LAYOUT_BYTES_MAX && is_modest(html) { laid_out(html) } else { None };
    let text = text.unwrap_or_else(|| without_tags(html));
    tidy(&text)
}

fn laid_out(html: &str) -> Option<String> {
    let convert = || {
        html2text::config::with_decorator(Plain)
            .raw_mode(true)
            .allow_width_overflow()
            .link_footnotes(false)
            .string_from_read(html.as_bytes(), WIDTH)
    };
    fenced(convert).and_then(Result::ok)
}

/// Where links may lead. `cid:` names a part of the same mail.
const SCHEMES: [&str; 5] = ["http", "https", "mailto", "tel", "cid"];

/// Keeps how a text is laid out and where it links to, and nothing that runs, loads, submits or covers the page.
static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::default();
    cleaner
        .url_schemes(HashSet::from(SCHEMES))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            // An image from elsewhere tells its server who read the mail, and when.
            ("img", "src") if !value.to_ascii_lowercase().starts_with("cid:") => None,
            _ => Some(Cow::Borrowed(value)),
        });
    cleaner
});

/// HTML that can be put into a page: structure, text, links with `rel="noopener noreferrer nofollow"`, images that came
/// with the mail (`cid:`). No scripts, styles, forms, frames, nothing loaded from elsewhere. What is too deep or too
/// long to be read safely comes as preformatted text.
#[must_use]
pub fn sanitised(html: &str) -> String {
    let readable = html.len() <= LAYOUT_BYTES_MAX && is_modest(html);
    let clean = readable.then(|| fenced(|| CLEANER.clean(html).to_string())).flatten();
    clean.unwrap_or_else(|| format!("<pre>{}</pre>", ammonia::clean_text(&to_text(html))))
}

/// Marks quotations and list items, nothing else.
#[derive(Debug, Clone, Copy)]
struct Plain;

impl TextDecorator for Plain {
    type Annotation = ();

    fn decorate_link_start(&mut self, _url: &str) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_link_end(&mut self) -> String {
        String::new()
    }

    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _src: &str, title: &str) -> (String, ()) {
        (if title.is_empty() { String::new() } else { format!("[{title}]") }, ())
    }

    fn header_prefix(&self, _level: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "* ".to_owned()
    }

    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        *self
    }
}

/// Whether laying out is cheap: tags are not nested too deeply, and formatting that is left open is not opened again
/// by too many blocks (the HTML standard has every block repeat it).
fn is_modest(html: &str) -> bool {
    let mut open: HashMap<String, usize> = HashMap::new();
    let (mut depth, mut formatting, mut formatting_max, mut tags) = (0_usize, 0_usize, 0_usize, 0_usize);
    for tag in html.split('<').skip(1) {
        let name = tag_name(tag);
        if name.is_empty() || NOT_NESTING.contains(&name.as_str()) {
            tags += 1;
            continue;
        }
        let is_formatting = FORMATTING.contains(&name.as_str());
        let count = open.entry(name).or_default();
        if tag.starts_with('/') {
            // A closing tag closes only what is open; others mean nothing.
            if *count > 0 {
                *count -= 1;
                depth -= 1;
                formatting -= usize::from(is_formatting);
            }
            continue;
        }
        tags += 1;
        *count += 1;
        depth += 1;
        formatting += usize::from(is_formatting);
        formatting_max = formatting_max.max(formatting);
        if depth > LAYOUT_DEPTH_MAX {
            return false;
        }
    }
    tags.saturating_mul(formatting_max + 1) <= LAYOUT_NODES_MAX
}

/// Tags that enclose nothing, or that the next of their kind closes.
const NOT_NESTING: [&str; 16] = [
    "br", "img", "hr", "meta", "link", "input", "p", "li", "td", "tr", "th", "col", "base", "wbr", "option",
    "tbody",
];

/// Tags that stay open across blocks.
const FORMATTING: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

fn tag_name(tag: &str) -> String {
    let name = tag.trim_start_matches('/');
    name.chars().take_while(char::is_ascii_alphanumeric).take(16).collect::<String>().to_ascii_lowercase()
}

/// Text between tags, with line breaks where blocks end; for what is too big or too deep to lay out.
fn without_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut hidden: Option<String> = None;
    for (index, piece) in html.split('<').enumerate() {
        let (tag, text) = match piece.split_once('>') {
            _ if index == 0 => ("", piece),
            Some((tag, text)) => (tag, text),
            None => ("", piece),
        };
        let name = tag_name(tag);
        match &hidden {
            Some(until) if tag.starts_with('/') && name == *until => hidden = None,
            Some(_) => continue,
            None if !tag.starts_with('/') && (name == "script" || name == "style") => {
                hidden = Some(name);
                continue;
            }
            None => {}
        }
        if ["br", "p", "div", "tr", "li", "h1", "h2", "h3", "blockquote", "table"].contains(&name.as_str()) {
            out.push('\n');
        }
        out.push_str(text);
    }
    let named =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&nbsp;", " "), ("&#39;", "'"), ("&amp;", "&")];
    named.iter().fold(out, |text, (from, to)| text.replace(from, to))
}

/// No trailing blanks, at most one blank line in a row.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = 0;
    for line in text.lines().map(|l| l.trim_end_matches([' ', '\t', '\u{a0}', '\r'])) {
        blank = if line.is_empty() { blank + 1 } else { 0 };
        if blank <= 1 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.trim_matches('\n').to_owned()
}

/// What common programs put around the mail they answer, lower case.
const QUOTATION_MARKS: [&str; 14] = [
    "class=\"gmail_quote",
    "class=3d\"gmail_quote",
    "class='gmail_quote",
    "id=\"divrplyfwdmsg\"",
    "id=\"appendonsend\"",
    "id=\"mail-editor-reference-message-container\"",
    "<blockquote type=\"cite\"",
    "<blockquote type=cite",
    "class=\"yahoo_quoted",
    "class=\"moz-cite-prefix\"",
    "class=\"protonmail_quote",
    "class=\"zmail_extra",
    "id=\"zwchr\"",
    "id=\"ymail_android_signature\"",
];

/// What says that the customer passes a mail on: then it is what they want to say, not a quotation.
const FORWARD_MARKS: [&str; 4] =
    ["forwarded message", "pesan terusan", "pesan yang diteruskan", "diteruskan"];

/// The HTML before the first quotation; all of it where there is none, or where it is a forward.
#[must_use]
pub fn without_quotation(html: &str) -> &str {
    let lower = html.to_ascii_lowercase();
    let Some(at) = QUOTATION_MARKS.iter().filter_map(|mark| lower.find(mark)).min() else { return html };
    let ahead: String = lower[at..].chars().take(600).collect();
    if FORWARD_MARKS.iter().any(|mark| ahead.contains(mark)) {
        return html;
    }
    let tag_at = lower[..=at].rfind('<').unwrap_or(at);
    &html[..tag_at]
}

#[cfg(test)]
mod tests {
    use super::{sanitised, to_text, without_quotation, without_tags};

    #[test]
    fn what_runs_loads_or_leads_astray_is_taken_out_and_the_rest_stays() {
        for (html, safe) in [
            ("<p>Halo <b>Budi</b><br>baris dua</p>", "<p>Halo <b>Budi</b><br>baris dua</p>"),
            ("<table><tr><td>1</td></tr></table>", "<table><tbody><tr><td>1</td></tr></tbody></table>"),
            ("a<script>alert(1)</script>b", "ab"),
            ("a<style>p{background:url(http://x)}</style>b", "ab"),
            ("<p onclick=\"f()\" style=\"position:fixed\">x</p>", "<p>x</p>"),
            ("<img src=\"https://x/pixel.gif\" alt=\"logo\">", "<img alt=\"logo\">"),
            ("<img src=\"CID:part1\">", "<img src=\"CID:part1\">"),
            ("<img src=x onerror=alert(1)>", "<img>"),
            ("<img srcset=\"https://x/a 2x\">", "<img>"),
            ("a<svg onload=alert(1)><a xlink:href=\"javascript:f()\">x</a></svg>b", "ab"),
            ("<a href=\"JaVaScRiPt:f()\">x</a>", "<a rel=\"noopener noreferrer nofollow\">x</a>"),
            ("<a href=\"data:text/html,x\">x</a>", "<a rel=\"noopener noreferrer nofollow\">x</a>"),
            ("<a href=\"/inside\">x</a>", "<a rel=\"noopener noreferrer nofollow\">x</a>"),
            (
                "<a href=\"https://telkom.co.id/?a=1&amp;b=2\" target=_top>x</a>",
                "<a href=\"https://telkom.co.id/?a=1&amp;b=2\" rel=\"noopener noreferrer nofollow\">x</a>",
            ),
            ("<form action=\"https://x\"><input name=pin><button>Kirim</button></form>", "Kirim"),
            ("<iframe src=\"https://x\"></iframe><object data=x></object><base href=x>y", "y"),
            ("<!--[if mso]><p>x</p><![endif]-->y", "y"),
            ("1 &lt; 2 &amp; 3", "1 &lt; 2 &amp; 3"),
        ] {
            assert_eq!(sanitised(html), safe, "{html}");
            assert_eq!(sanitised(safe), safe, "what is safe stays as it is: {html}");
        }
    }

    #[test]
    fn what_is_too_deep_to_be_made_safe_comes_as_text() {
        let deep = format!(
            "{}satu &amp; dua &lt;b&gt;<script>f()</script>{}",
            "<div>".repeat(50_000),
            "</div>".repeat(50_000)
        );
        let safe = sanitised(&deep);
        assert!(safe.starts_with("<pre>") && safe.contains("satu&#32;&amp;&#32;dua&#32;&lt;b&gt;"), "{safe}");
        assert!(!safe.contains("f()"), "{safe}");
    }

    #[test]
    fn text_keeps_lines_and_loses_tags() {
        assert_eq!(to_text("<p>Satu &amp; dua</p><p>tiga<br>empat</p>"), "Satu & dua\n\ntiga\nempat");
        assert_eq!(
            to_text("<style>p{}</style><b>Halo</b> <a href=\"http://a.id\">tautan</a>"),
            "Halo tautan"
        );
        assert_eq!(to_text("plain"), "plain");
        assert_eq!(to_text(""), "");
    }

    #[test]
    fn too_deep_html_is_read_without_layout() {
        let deep = format!("{}isi{}", "<div>".repeat(50_000), "</div>".repeat(50_000));
        assert_eq!(to_text(&deep).trim(), "isi");
        assert_eq!(without_tags("a<script>x</script>b &lt;c&gt;"), "ab <c>");
    }

    #[test]
    fn quotations_are_cut_and_forwards_are_not() {
        let quoted = "<p>baru</p><div class=\"gmail_quote\">On x wrote: lama</div>";
        assert_eq!(without_quotation(quoted), "<p>baru</p>");
        let forwarded =
            "<p>lihat</p><div class=\"gmail_quote\">---------- Forwarded message ---------<br>isi</div>";
        assert_eq!(without_quotation(forwarded), forwarded);
    }
}
