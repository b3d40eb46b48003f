//! Facts: what rules may read. Never prose or personal data.

use crate::stored::stored;
use crate::words::{Channel, Key, Millis, Name, Occasion, Visibility};

/// Value of a fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Text.
    Text(Name),
    /// Whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    Texts(Box<[Name]>),
}

/// Facts by name, sorted by name, names unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Facts(Vec<(Name, Value)>);

impl Facts {
    /// No facts at all.
    pub const NONE: Self = Self(Vec::new());

    /// Takes facts in any order; of two with one name the later holds.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = (Name, Value)>) -> Self {
        let mut facts = Self::default();
        for (name, value) in all {
            facts.set(name, value);
        }
        facts
    }

    /// Takes changes to facts: unlike in [`Self::new`] an empty text stays, and removes the fact from what these are
    /// merged into.
    #[must_use]
    pub fn changes(all: impl IntoIterator<Item = (Name, Value)>) -> Self {
        let mut changes: Vec<_> = all.into_iter().collect();
        changes.sort_by(|(a, _), (b, _)| a.cmp(b));
        changes.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self(changes)
    }

    /// The value of a fact.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.binary_search_by(|(n, _)| (**n).cmp(name)).ok().map(|at| &self.0[at].1)
    }

    /// Sets a fact; an empty text removes it.
    pub fn set(&mut self, name: Name, value: Value) {
        let empty = matches!(&value, Value::Text(text) if text.is_empty());
        match (self.0.binary_search_by(|(n, _)| n.cmp(&name)), empty) {
            (Ok(at), true) => drop(self.0.remove(at)),
            (Ok(at), false) => self.0[at].1 = value,
            (Err(_), true) => {}
            (Err(at), false) => self.0.insert(at, (name, value)),
        }
    }

    /// Sets all of these.
    pub fn merge(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            self.set(name.clone(), value.clone());
        }
    }

    /// In order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.0.iter().map(|(n, v)| (n, v))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the directory says of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Customer {
    /// Directory id; empty for one who is described but not linked.
    pub id: Option<Name>,
    /// Segment (B2); none: unknown.
    pub segment: Option<Name>,
    /// Profession criterion (D1).
    pub profession: Option<Name>,
    /// Further facts.
    pub facts: Facts,
}

stored!(enum Value { 0 = Text(text: Name), 1 = Number(n: i64), 2 = Flag(flag: bool), 3 = Texts(texts: Box<[Name]>) });
stored!(tuple Facts(Vec<(Name, Value)>));
stored!(struct Customer { id, segment, profession, facts });

/// All that rules may read of a case when they run over it.
#[derive(Debug, Clone, Copy)]
pub struct CaseFacts<'a> {
    /// Why they run.
    pub occasion: Occasion,
    /// Channel.
    pub channel: Channel,
    /// Our account.
    pub account: &'a str,
    /// Public or private, of the message that opened it.
    pub visibility: Visibility,
    /// Campaign, for outbound contacts.
    pub campaign: Option<&'a str>,
    /// Entry criterion, for outbound contacts (A7).
    pub criterion: Option<&'a str>,
    /// Facts of the opening message, or of the contact.
    pub message: &'a Facts,
    /// The customer; none: unknown.
    pub customer: Option<&'a Customer>,
    /// Category path that an agent set, from the top.
    pub category: &'a [Name],
    /// Facts that agents set on the case.
    pub case: &'a Facts,
}

/// All that conditions over an agent may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFacts<'a> {
    /// Id.
    pub agent: &'a str,
    /// The record.
    pub record: &'a crate::input::AgentRecord,
    /// The time that tenure counts to.
    pub now: Millis,
}

/// A person's key on a channel; none when the channel does not tell.
pub type Author = Option<Key>;
