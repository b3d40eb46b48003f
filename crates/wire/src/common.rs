//! What inputs and events share: words, keys, ids, facts, customers.

use std::borrow::Cow;

use simpang_domain::facts::{Customer, Facts, Value};
use simpang_domain::words::{
    Answered, AssignedBy, Channel, CloseReason, DeliveryId, DeliveryKind, DeliveryOutcome, FaultEnd,
    FieldShape, InputId, JoinedBy, Key, MessageChange, MessageKind, Name, Occasion, OfferEnd, Presence,
    PullEnd, Rejection, ReplyKind, Role, SignOutReason, SlaClock, UnassignedBy, Visibility, WaitingOn,
};
use simpang_proto::log::v1;

use crate::error::ReadError;
use crate::names::Names;

/// Most characters of a fact's text.
const FACT_TEXT: usize = 500;
/// Most characters of a fact's name.
const FACT_NAME: usize = 64;

/// A closed list of words whose numbers stand on the log.
pub(crate) trait Word: Copy {
    /// What one of them is called in an error.
    const WHAT: &'static str;
    /// The word of a number.
    fn of_number(number: i32) -> Option<Self>;
    /// The number of the word.
    fn number(self) -> i32;
}

macro_rules! word {
    ($($word:ident $what:literal),+ $(,)?) => {$(
        impl Word for $word {
            const WHAT: &'static str = $what;
            fn of_number(number: i32) -> Option<Self> {
                $word::of_number(number)
            }
            fn number(self) -> i32 {
                $word::number(self)
            }
        }
    )+};
}

word! {
    Channel "channel", MessageKind "kind of message", MessageChange "change of a message", Visibility "visibility", Presence "presence", Role "role",
    ReplyKind "kind of reply", WaitingOn "party to wait for", Answered "answerer", DeliveryOutcome "outcome",
    DeliveryKind "kind of delivery", SlaClock "clock", Occasion "occasion", Rejection "rejection",
    SignOutReason "reason to sign out", PullEnd "end of a pull", JoinedBy "way to join", OfferEnd "end of an offer",
    AssignedBy "way to assign", UnassignedBy "way to unassign", CloseReason "reason to close", FieldShape "shape of a value",
    FaultEnd "end of a fault report",
}

/// The word of a number; 0 ("not said") and unknown numbers are errors.
pub(crate) fn word<W: Word>(number: i32) -> Result<W, Cow<'static, str>> {
    W::of_number(number).ok_or_else(|| match number {
        0 => format!("no {} is given", W::WHAT).into(),
        _ => format!("{number} is no {} that this program knows", W::WHAT).into(),
    })
}

/// The word of a number; none for 0 ("not said").
pub(crate) fn optional_word<W: Word>(number: i32) -> Result<Option<W>, Cow<'static, str>> {
    if number == 0 { Ok(None) } else { word(number).map(Some) }
}

/// An input's identity.
pub(crate) fn input_id(id: &v1::InputId) -> InputId {
    InputId { seq: id.seq, index: id.index }
}

/// An input's identity for the log.
pub(crate) fn write_input_id(id: InputId) -> v1::InputId {
    v1::InputId { seq: id.seq, index: id.index }
}

/// An input's identity where zeroes say that none is meant.
pub(crate) fn optional_input_id(id: Option<&v1::InputId>) -> Option<InputId> {
    id.map(input_id).filter(|id| *id != InputId::default())
}

/// A delivery's identity.
pub(crate) fn delivery_id(id: Option<&v1::DeliveryId>) -> Result<DeliveryId, ReadError> {
    let id = id.ok_or_else(|| ReadError::new("delivery", "is missing"))?;
    let input = id.input.as_ref().ok_or_else(|| ReadError::new("delivery.input", "is missing"))?;
    Ok(DeliveryId { input: input_id(input), part: id.part })
}

/// A keyed hash; none when empty.
pub(crate) fn key(bytes: &[u8]) -> Result<Option<Key>, Cow<'static, str>> {
    match bytes.len() {
        0 => Ok(None),
        16 => Ok(Key::try_from(bytes).ok()),
        other => Err(format!("a key has 16 bytes, not {other}").into()),
    }
}

/// Keyed hashes, none of them empty.
pub(crate) fn keys<B: AsRef<[u8]>>(list: &'static str, all: &[B]) -> Result<Vec<Key>, ReadError> {
    let read = |(index, bytes): (usize, &B)| {
        Key::try_from(bytes.as_ref()).map_err(|_| {
            ReadError::new("", format!("a key has 16 bytes, not {}", bytes.as_ref().len()))
                .in_list(list, index)
        })
    };
    all.iter().enumerate().map(read).collect()
}

/// Whether a text has at most so many characters.
pub(crate) fn fits(text: &str, most: usize) -> bool {
    text.len() <= most || text.chars().count() <= most
}

/// Whether each is greater than the one before.
pub(crate) fn ascending<T: Ord + ?Sized>(all: &[impl AsRef<T>]) -> bool {
    all.windows(2).all(|pair| pair[0].as_ref() < pair[1].as_ref())
}

/// A customer as the directory has them.
pub(crate) fn customer(names: &mut Names, customer: &v1::Customer) -> Result<Customer, ReadError> {
    Ok(Customer {
        id: names.optional(&customer.id),
        segment: names.optional(&customer.segment),
        profession: names.optional(&customer.profession),
        facts: facts(names, &customer.facts)?,
    })
}

/// Facts. One without a value says nothing.
pub(crate) fn facts(names: &mut Names, all: &[v1::Fact]) -> Result<Facts, ReadError> {
    Ok(Facts::new(fact_list(names, all)?))
}

/// Changes to facts: one without a value removes the fact.
pub(crate) fn fact_changes(names: &mut Names, all: &[v1::Fact]) -> Result<Facts, ReadError> {
    Ok(Facts::changes(fact_list(names, all)?))
}

/// Facts as they stand on the log, in order of their names.
pub(crate) fn write_facts(facts: &Facts) -> Vec<v1::Fact> {
    use v1::fact::Value as Wire;
    let value = |value: &Value| match value {
        Value::Text(text) => Wire::Text(text.to_string()),
        Value::Number(number) => Wire::Number(*number),
        Value::Flag(flag) => Wire::Flag(*flag),
        Value::Texts(texts) => {
            Wire::Texts(v1::Texts { items: texts.iter().map(ToString::to_string).collect() })
        }
    };
    facts.iter().map(|(name, of)| v1::Fact { name: name.to_string(), value: Some(value(of)) }).collect()
}

fn fact_list(names: &mut Names, all: &[v1::Fact]) -> Result<Vec<(Name, Value)>, ReadError> {
    let mut list = Vec::with_capacity(all.len());
    let mut before = "";
    for (index, fact) in all.iter().enumerate() {
        let wrong = |what: &'static str| ReadError::new("", what).in_list("facts", index);
        if !is_fact_name(&fact.name) {
            return Err(wrong("the name is not [a-z][a-z0-9_]{0,63}"));
        }
        if fact.name.as_str() <= before {
            return Err(wrong("names have to be sorted and unique"));
        }
        before = &fact.name;
        let value = fact_value(names, fact.value.as_ref()).map_err(wrong)?;
        list.push((names.name(&fact.name), value));
    }
    Ok(list)
}

fn fact_value(names: &mut Names, value: Option<&v1::fact::Value>) -> Result<Value, &'static str> {
    use v1::fact::Value as Wire;
    let mut text = |text: &str| match fits(text, FACT_TEXT) {
        true => Ok(names.name(text)),
        false => Err("a text has at most 500 characters"),
    };
    match value {
        None => Ok(Value::Text(text("")?)),
        Some(Wire::Text(value)) => Ok(Value::Text(text(value)?)),
        Some(Wire::Number(value)) => Ok(Value::Number(*value)),
        Some(Wire::Flag(value)) => Ok(Value::Flag(*value)),
        Some(Wire::Texts(values)) => {
            Ok(Value::Texts(values.items.iter().map(|item| text(item)).collect::<Result<_, _>>()?))
        }
    }
}

/// `[a-z][a-z0-9_]{0,63}`
fn is_fact_name(name: &str) -> bool {
    let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    name.len() <= FACT_NAME && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(rest)
}
