//! What is compared: things with a name, their fields and their parts, all as people read them.

use std::collections::BTreeSet;

use simpang_domain::words::Name;

/// Kinds of things, in the order in which they are told, and whether their order in a policy counts.
pub(super) const KINDS: &[(&str, bool)] = &[
    ("document", false),
    ("retention", false),
    ("desk", false),
    ("account", true),
    ("capacity", false),
    ("limits", false),
    ("segment", false),
    ("priority", false),
    ("queue", false),
    ("widening", true),
    ("rule", true),
    ("sla", false),
    ("clock", false),
    ("choice", true),
    ("calendar", false),
    ("escalation", true),
    ("group", false),
    ("roster", false),
    ("shift", true),
    ("exception", false),
    ("reasons", false),
    ("categories", false),
    ("campaign", false),
    ("criterion", true),
    ("disposition", true),
    ("fault", false),
    ("field", true),
    ("template", false),
    ("link", true),
    ("list", false),
    ("fact", false),
];

/// A thing of a policy.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) fields: Vec<(&'static str, Value)>,
    pub(super) parts: Vec<Item>,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// A condition: spaces do not count.
    Condition(String),
    /// Members in an order that counts.
    List(Vec<String>),
    /// Members in no order.
    Set(BTreeSet<String>),
}

impl Item {
    pub(super) fn new(kind: &'static str, name: impl Into<String>) -> Self {
        debug_assert!(KINDS.iter().any(|(known, _)| *known == kind), "{kind}");
        Self { kind, name: name.into(), fields: Vec::new(), parts: Vec::new() }
    }

    /// With a value that is always there.
    pub(super) fn with(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.fields.push((name, Value::Text(value.to_string())));
        self
    }

    /// With a value that may not be there; an empty one is none.
    pub(super) fn maybe(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value.map(|value| value.to_string()).filter(|text| !text.is_empty()) {
            Some(text) => self.with(name, &text),
            None => self,
        }
    }

    /// With a yes, or nothing.
    pub(super) fn flag(self, name: &'static str, yes: bool) -> Self {
        self.maybe(name, yes.then_some("yes"))
    }

    pub(super) fn condition(mut self, name: &'static str, text: Option<&str>) -> Self {
        self.fields.extend(text.map(|text| (name, Value::Condition(spaced(text)))));
        self
    }

    pub(super) fn list(mut self, name: &'static str, members: impl IntoIterator<Item = String>) -> Self {
        let members: Vec<String> = members.into_iter().collect();
        if !members.is_empty() {
            self.fields.push((name, Value::List(members)));
        }
        self
    }

    pub(super) fn set(mut self, name: &'static str, members: impl IntoIterator<Item = String>) -> Self {
        let members: BTreeSet<String> = members.into_iter().collect();
        if !members.is_empty() {
            self.fields.push((name, Value::Set(members)));
        }
        self
    }

    pub(super) fn parts(mut self, parts: impl IntoIterator<Item = Self>) -> Self {
        self.parts.extend(parts);
        self
    }
}

pub(super) fn texts(names: &[Name]) -> impl Iterator<Item = String> {
    names.iter().map(ToString::to_string)
}

/// A length of time as policies write it.
pub(super) fn span(ms: i64) -> String {
    let mut rest = ms;
    let mut text = String::new();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A condition on one line, with one space where there were several; quoted texts stay as they are, and comments go.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Space if out.is_empty() || out.ends_with(' ') => {}
            Piece::Space => out.push(' '),
            Piece::Plain(c) | Piece::Quoted(c) => out.push(c),
        }
    }
    out.trim_end().to_owned()
}

/// A condition without the spaces that mean nothing: equal for two that mean the same.
pub(super) fn plain(condition: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(condition.len());
    let mut all = pieces(condition).into_iter().peekable();
    while let Some(piece) = all.next() {
        match piece {
            Piece::Plain(c) | Piece::Quoted(c) => out.push(c),
            Piece::Space => {
                while all.next_if_eq(&Piece::Space).is_some() {}
                let parts_words = out.ends_with(is_word)
                    && matches!(all.peek(), Some(Piece::Plain(next)) if is_word(*next));
                if parts_words {
                    out.push(' ');
                }
            }
        }
    }
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Space,
    Plain(char),
    Quoted(char),
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(text.len());
    let mut quote: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match quote {
            Some(open) => {
                pieces.push(Piece::Quoted(c));
                if c == '\\' {
                    pieces.extend(chars.next().map(Piece::Quoted));
                } else if c == open {
                    quote = None;
                }
            }
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                pieces.push(Piece::Quoted(c));
            }
            None if c == '/' && chars.peek() == Some(&'/') => {
                while chars.next_if(|c| *c != '\n').is_some() {}
                pieces.push(Piece::Space);
            }
            None if c.is_whitespace() => pieces.push(Piece::Space),
            None => pieces.push(Piece::Plain(c)),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{plain, spaced, span};

    #[test]
    fn only_spaces_outside_quotes_mean_nothing() {
        for (one, other, same) in [
            ("a  &&\n b", "a&&b", true),
            ("a in b", "a  in\tb", true),
            ("a in b", "ain b", false),
            ("x == \"a b\"", "x == \"a  b\"", false),
            ("x == \"a\\\" b\"", "x == \"a\\\"  b\"", false),
            ("x // why\n && y", "x && y", true),
            ("x == 'http://a'", "x == 'http://b'", false),
        ] {
            assert_eq!(plain(one) == plain(other), same, "{one:?} {other:?}");
        }
        assert_eq!(spaced("\n a  ==\n\t\"x  y\"  // why\n"), "a == \"x  y\"");
    }

    #[test]
    fn lengths_read_as_policies_write_them() {
        for (ms, text) in [(0, "0s"), (5_400_000, "1h30m"), (2_592_000_000, "30d"), (61_000, "1m1s")] {
            assert_eq!(span(ms), text);
        }
    }
}
