//! Names that are defined and names that are used: each used one must be defined, each defined one only once.

use std::collections::{BTreeMap, BTreeSet};

use simpang_domain::words::Name;

use crate::problem::{Report, Spot, Text, hint};

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Calendar,
    Campaign,
    Desk,
    Escalation,
    Group,
    Holidays,
    Link,
    Priority,
    Queue,
    Rule,
    Segment,
    Sla,
    Template,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Calendar => "calendar",
            Self::Campaign => "campaign",
            Self::Desk => "desk",
            Self::Escalation => "escalation",
            Self::Group => "group",
            Self::Holidays => "holidays table",
            Self::Link => "link",
            Self::Priority => "priority",
            Self::Queue => "queue",
            Self::Rule => "rule",
            Self::Segment => "segment",
            Self::Sla => "SLA",
            Self::Template => "template",
        }
    }
}

/// Names of one policy.
#[derive(Debug, Default)]
pub(crate) struct Names {
    defined: BTreeMap<(Kind, String), Spot>,
    used: Vec<(Kind, Text)>,
}

impl Names {
    /// Takes a name as defined; the second definition of one is an error.
    pub(crate) fn define(&mut self, report: &Report<'_>, kind: Kind, name: &Text) -> Name {
        if !is_name(&name.value) {
            let message = format!(
                "{:?} can't name a {}: use letters, digits, `.`, `_`, `-`, at most 64",
                name.value,
                kind.as_str()
            );
            report.error(name.spot, message);
        }
        let before = self.defined.insert((kind, name.value.clone()), name.spot);
        if let Some(first) = before {
            let place = report.path(first.file);
            report.error(
                name.spot,
                format!("{} `{}` is defined twice; first in {place}", kind.as_str(), name.value),
            );
        }
        name.name()
    }

    /// Takes a name as used.
    pub(crate) fn refer(&mut self, kind: Kind, name: &Text) -> Name {
        self.used.push((kind, name.clone()));
        name.name()
    }

    /// Whether the name is defined.
    pub(crate) fn has(&self, kind: Kind, name: &str) -> bool {
        self.defined.contains_key(&(kind, name.to_owned()))
    }

    /// Names of a kind that are defined.
    pub(crate) fn defined(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.defined.keys().filter(move |(k, _)| *k == kind).map(|(_, name)| name.as_str())
    }

    /// Uses of names of a kind, with their places.
    pub(crate) fn uses(&self, kind: Kind) -> impl Iterator<Item = &Text> {
        self.used.iter().filter(move |(k, _)| *k == kind).map(|(_, name)| name)
    }

    /// Where a name is used that something routes to.
    pub(crate) fn used(&self, kind: Kind) -> BTreeSet<&str> {
        self.used.iter().filter(|(k, _)| *k == kind).map(|(_, name)| name.as_str()).collect()
    }

    /// Reports names that are used and not defined. Segments are free where none is defined.
    pub(crate) fn check(&self, report: &Report<'_>) {
        for (kind, name) in &self.used {
            if self.has(*kind, &name.value) {
                continue;
            }
            let known: Vec<&str> =
                self.defined.keys().filter(|(k, _)| k == kind).map(|(_, n)| n.as_str()).collect();
            if *kind == Kind::Segment && known.is_empty() {
                continue;
            }
            let hint = hint(&name.value, known);
            report.error(name.spot, format!("undefined {} `{}`{hint}", kind.as_str(), name.value));
        }
    }
}

/// Whether a text can be a name: it goes into subjects, labels and addresses of views.
fn is_name(text: &str) -> bool {
    let body = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(body)
}
