//! Facts: what rules may read. Never prose or personal data.

use crate::stored::{Damaged, Reader, Shape, Stored, Writer, stored};
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

/// Facts by name, sorted by name, names unique. None at all are no list, which could not be a constant.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Facts(Option<Box<[(Name, Value)]>>);

// As the list that they are.
impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Facts").field(&self.all()).finish()
    }
}

impl Facts {
    /// No facts at all.
    pub const NONE: Self = Self(None);

    /// Takes facts in any order; of two with one name the later holds.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = (Name, Value)>) -> Self {
        let mut facts = Vec::new();
        for (name, value) in all {
            set(&mut facts, name, value);
        }
        Self::of(facts)
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
        Self::of(changes)
    }

    fn of(sorted: Vec<(Name, Value)>) -> Self {
        Self((!sorted.is_empty()).then(|| sorted.into_boxed_slice()))
    }

    fn all(&self) -> &[(Name, Value)] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The value of a fact.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.all().binary_search_by(|(n, _)| (**n).cmp(name)).ok().map(|at| &self.all()[at].1)
    }

    /// Sets a fact; an empty text removes it.
    pub fn set(&mut self, name: Name, value: Value) {
        let mut facts = self.0.take().map_or_else(Vec::new, Vec::from);
        set(&mut facts, name, value);
        *self = Self::of(facts);
    }

    /// Sets all of these.
    pub fn merge(&mut self, other: &Self) {
        let mut facts = self.0.take().map_or_else(Vec::new, Vec::from);
        for (name, value) in other.iter() {
            set(&mut facts, name.clone(), value.clone());
        }
        *self = Self::of(facts);
    }

    /// In order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.all().iter().map(|(n, v)| (n, v))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

fn set(facts: &mut Vec<(Name, Value)>, name: Name, value: Value) {
    let empty = matches!(&value, Value::Text(text) if text.is_empty());
    match (facts.binary_search_by(|(n, _)| n.cmp(&name)), empty) {
        (Ok(at), true) => drop(facts.remove(at)),
        (Ok(at), false) => facts[at].1 = value,
        (Err(_), true) => {}
        (Err(at), false) => facts.insert(at, (name, value)),
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
// As a list, which may be empty.
impl Stored for Facts {
    fn shape(shape: &mut Shape) {
        shape.word("Facts");
        Vec::<(Name, Value)>::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        match &self.0 {
            Some(facts) => facts.store(to),
            None => to.count(0),
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Vec::load(from).map(Self::of)
    }
}

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
