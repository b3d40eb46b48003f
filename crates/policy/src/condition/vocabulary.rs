//! Which names a condition may use, and of what type each is.

use std::collections::BTreeMap;

/// What a name stands before the dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Root {
    Message,
    Customer,
    Case,
    Contact,
    Agent,
    Lists,
}

impl Root {
    /// Roots whose facts a policy declares.
    pub(crate) const WITH_FACTS: &'static [Self] =
        &[Self::Message, Self::Customer, Self::Case, Self::Contact, Self::Agent];

    /// Roots a rule may read.
    pub(crate) const OF_RULES: &'static [Self] =
        &[Self::Message, Self::Customer, Self::Case, Self::Contact, Self::Lists];

    /// Roots a condition over an agent may read.
    pub(crate) const OF_AGENTS: &'static [Self] = &[Self::Agent, Self::Lists];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Customer => "customer",
            Self::Case => "case",
            Self::Contact => "contact",
            Self::Agent => "agent",
            Self::Lists => "lists",
        }
    }

    /// Names that are always there.
    pub(crate) fn fixed(self) -> &'static [(&'static str, FactType)] {
        use FactType::{Flag, Number, Text, Texts};
        match self {
            Self::Message => &[("account", Text), ("channel", Text), ("visibility", Text)],
            Self::Customer => &[("id", Text), ("known", Flag), ("profession", Text), ("segment", Text)],
            Self::Case => &[("category", Texts), ("occasion", Text)],
            Self::Contact => &[("campaign", Text), ("criterion", Text)],
            Self::Agent => &[
                ("groups", Texts),
                ("id", Text),
                ("qa_met_months", Number),
                ("roles", Texts),
                ("site", Text),
                ("skills", Texts),
                ("tenure_days", Number),
                ("tenure_extra_days", Number),
                ("tenure_months", Number),
            ],
            Self::Lists => &[],
        }
    }
}

/// Type of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FactType {
    Text,
    Number,
    Flag,
    Texts,
}

impl FactType {
    pub(crate) const ALL: &'static [Self] = &[Self::Text, Self::Number, Self::Flag, Self::Texts];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Texts => "texts",
        }
    }

    pub(crate) fn of_str(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.as_str() == text)
    }
}

/// Facts that a policy declares.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    facts: BTreeMap<(Root, String), FactType>,
    /// Names that can be these words only.
    words: BTreeMap<(Root, &'static str), Vec<String>>,
}

impl Vocabulary {
    /// Takes a fact; says what is wrong with it.
    pub(crate) fn declare(&mut self, root: Root, name: &str, of: FactType) -> Result<(), String> {
        if !is_identifier(name) {
            return Err(format!("`{name}` can't name a fact: use lower-case letters, digits and `_`"));
        }
        if root.fixed().iter().any(|(fixed, _)| *fixed == name) {
            return Err(format!("`{}.{name}` is always there and needs no declaration", root.as_str()));
        }
        match self.facts.insert((root, name.to_owned()), of) {
            Some(before) if before != of => Err(format!(
                "`{}.{name}` is declared as {} and as {}",
                root.as_str(),
                before.as_str(),
                of.as_str()
            )),
            _ => Ok(()),
        }
    }

    /// Takes all that a name can be; nothing is held against one of which no word is known.
    pub(crate) fn close(&mut self, root: Root, name: &'static str, words: impl IntoIterator<Item = String>) {
        let words: Vec<String> = words.into_iter().collect();
        if !words.is_empty() {
            self.words.insert((root, name), words);
        }
    }

    /// All that a name can be, where that is known.
    pub(crate) fn words(&self, root: Root, name: &str) -> Option<&[String]> {
        let found = self.words.iter().find(|((r, n), _)| *r == root && *n == name);
        found.map(|(_, words)| words.as_slice())
    }

    /// All facts that are declared, as conditions write them.
    pub(crate) fn declared(&self) -> impl Iterator<Item = (String, FactType)> {
        self.facts.iter().map(|((root, name), of)| (format!("{}.{name}", root.as_str()), *of))
    }

    /// The type of a name after a root; none: there is no such name.
    pub(crate) fn type_of(&self, root: Root, name: &str) -> Option<FactType> {
        let fixed = root.fixed().iter().find(|(fixed, _)| *fixed == name).map(|(_, of)| *of);
        fixed.or_else(|| self.facts.get(&(root, name.to_owned())).copied())
    }

    /// All names after a root.
    pub(crate) fn names(&self, root: Root) -> Vec<&str> {
        let declared = self.facts.keys().filter(|(r, _)| *r == root).map(|(_, name)| name.as_str());
        root.fixed().iter().map(|(name, _)| *name).chain(declared).collect()
    }
}

/// Whether a text is a name that conditions can write after a dot.
pub(crate) fn is_identifier(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
