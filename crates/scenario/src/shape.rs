//! Between what a scenario writes and the shapes of `simpang.log.v1`, by their descriptors: whatever the proto gets, a
//! scenario can say.
//!
//! Names are the proto's. Enumerations are words (`team-leader`), a time or span in ms may be written without `_ms` as
//! text (`again_at = "+2h"`, `wait = "30m"`), facts, skills and capacities are tables by name, and a key of 16 bytes is
//! any text: equal texts, equal keys.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};
use sha2::{Digest, Sha256};
use simpang_domain::words::{InputId, Millis};
use toml::{Table, Value as Toml};

use crate::time;

const PACKAGE: &str = "simpang.log.v1";

/// What names in a scenario stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cast {
    /// The time of the step.
    pub(crate) now: Millis,
    /// Customers by the name that the file gives them.
    pub(crate) customers: BTreeMap<String, Table>,
    /// Inputs by number, in the order of the steps, from 1.
    pub(crate) inputs: Vec<InputId>,
}

/// A message of the log by its name in the package.
pub(crate) fn descriptor(name: &str) -> Option<MessageDescriptor> {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    // The descriptors are generated with the shapes; a test reads them.
    let pool = POOL.get_or_init(|| DescriptorPool::decode(simpang_proto::DESCRIPTORS).unwrap_or_default());
    pool.get_message_by_name(&format!("{PACKAGE}.{name}"))
}

/// The key of a text.
pub(crate) fn key_of(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes())[..16].to_vec()
}

/// Builds a message from a table.
///
/// # Errors
/// What can't be put into the message, with the names that lead there.
pub(crate) fn build(of: &MessageDescriptor, table: &Table, cast: &Cast) -> Result<DynamicMessage, String> {
    let mut message = DynamicMessage::new(of.clone());
    for (key, value) in table {
        let field = field_of(of, key)?;
        let built = build_field(&field, value, cast).map_err(|why| format!("{key}: {why}"))?;
        message.set_field(&field, built);
    }
    Ok(message)
}

/// The field of a name, or of the name with `_ms`.
fn field_of(of: &MessageDescriptor, key: &str) -> Result<FieldDescriptor, String> {
    let found = of.get_field_by_name(key).or_else(|| of.get_field_by_name(&format!("{key}_ms")));
    found.ok_or_else(|| {
        let known: Vec<String> = of.fields().map(|f| f.name().to_owned()).collect();
        format!("`{}` has no `{key}`; known: {}", of.name(), known.join(", "))
    })
}

fn build_field(field: &FieldDescriptor, value: &Toml, cast: &Cast) -> Result<Value, String> {
    if !field.is_list() {
        return build_one(field, value, cast);
    }
    let items = match (value, field.kind()) {
        (Toml::Table(named), Kind::Message(of)) => {
            named.iter().map(|(name, value)| build_named(&of, name, value)).collect::<Result<_, _>>()?
        }
        (Toml::Array(items), _) => {
            items.iter().map(|item| build_one(field, item, cast)).collect::<Result<_, _>>()?
        }
        (one, _) => vec![build_one(field, one, cast)?],
    };
    Ok(Value::List(items))
}

/// One of a list that scenarios write as a table: facts, skills, capacities.
fn build_named(of: &MessageDescriptor, name: &str, value: &Toml) -> Result<Value, String> {
    let mut message = DynamicMessage::new(of.clone());
    let mut set = |key: &str, value: Value| message.set_field_by_name(key, value);
    let number = |value: &Toml| value.as_integer().and_then(|n| u32::try_from(n).ok());
    match of.name() {
        "Fact" => {
            set("name", Value::String(name.to_owned()));
            match value {
                Toml::String(text) => set("text", Value::String(text.clone())),
                Toml::Integer(number) => set("number", Value::I64(*number)),
                Toml::Boolean(flag) => set("flag", Value::Bool(*flag)),
                Toml::Array(items) => set("texts", texts(items)?),
                other => return Err(format!("`{name}` can't be {}", other.type_str())),
            }
        }
        "Skill" => {
            set("name", Value::String(name.to_owned()));
            set("level", Value::U32(number(value).ok_or_else(|| format!("`{name}` needs a level"))?));
        }
        "Capacity" => {
            let channel = of.get_field_by_name("channel").ok_or("`Capacity` has no channel")?;
            set("channel", enumeration(&channel, name)?);
            set("limit", Value::U32(number(value).ok_or_else(|| format!("`{name}` needs a number"))?));
        }
        other => return Err(format!("a list of `{other}` is not written as a table")),
    }
    Ok(Value::Message(message))
}

fn texts(items: &[Toml]) -> Result<Value, String> {
    let of = descriptor("Texts").ok_or("the descriptors have no `Texts`")?;
    let mut message = DynamicMessage::new(of);
    let items: Option<Vec<Value>> =
        items.iter().map(|item| item.as_str().map(|text| Value::String(text.to_owned()))).collect();
    message.set_field_by_name("items", Value::List(items.ok_or("a list holds texts")?));
    Ok(Value::Message(message))
}

fn build_one(field: &FieldDescriptor, value: &Toml, cast: &Cast) -> Result<Value, String> {
    let wrong = || format!("{} does not fit", value.type_str());
    Ok(match (field.kind(), value) {
        (Kind::Bool, Toml::Boolean(flag)) => Value::Bool(*flag),
        (Kind::String, Toml::String(text)) => Value::String(text.clone()),
        (Kind::Bytes, Toml::String(text)) => Value::Bytes(key_of(text).into()),
        (Kind::Enum(_), Toml::String(word)) => enumeration(field, word)?,
        (Kind::Int64, Toml::String(text)) => Value::I64(millis(field.name(), text, cast.now)?),
        (Kind::Int64, Toml::Integer(number)) => Value::I64(*number),
        (Kind::Uint32, Toml::Integer(number)) => Value::U32(u32::try_from(*number).map_err(|_| wrong())?),
        (Kind::Uint64, Toml::Integer(number)) => Value::U64(u64::try_from(*number).map_err(|_| wrong())?),
        (Kind::Message(of), Toml::Integer(number)) if of.name() == "InputId" => {
            Value::Message(input_id(&of, *number, cast)?)
        }
        (Kind::Message(of), Toml::String(name)) if of.name() == "Customer" => {
            let customer =
                cast.customers.get(name).ok_or_else(|| format!("no [customer.{name}] in the file"))?;
            Value::Message(build(&of, customer, cast)?)
        }
        (Kind::Message(of), Toml::Table(table)) => Value::Message(build(&of, table, cast)?),
        _ => return Err(wrong()),
    })
}

/// The input of a step: its number among the steps that brought one.
fn input_id(of: &MessageDescriptor, number: i64, cast: &Cast) -> Result<DynamicMessage, String> {
    let at = usize::try_from(number - 1).ok().and_then(|at| cast.inputs.get(at));
    let id = at.ok_or_else(|| format!("there were {} messages before, not {number}", cast.inputs.len()))?;
    let mut message = DynamicMessage::new(of.clone());
    message.set_field_by_name("seq", Value::U64(id.seq));
    message.set_field_by_name("index", Value::U32(id.index));
    Ok(message)
}

/// A span for `wait_ms` and the like; else a time.
fn millis(field: &str, text: &str, now: Millis) -> Result<i64, String> {
    let found = time::span(text).or_else(|| time::time(text, now));
    found.ok_or_else(|| {
        format!("`{field}`: {text:?} is neither a time (RFC 3339, or \"+2h\") nor a span (\"30m\")")
    })
}

/// The number of a word in an enumeration that a field of a message holds.
///
/// # Errors
/// When there is no such word.
pub(crate) fn word(message: &str, field: &str, word: &str) -> Result<i32, String> {
    let field = descriptor(message).and_then(|of| of.get_field_by_name(field));
    match enumeration(&field.ok_or("the descriptors have no such field")?, word)? {
        Value::EnumNumber(number) => Ok(number),
        _ => Err("it is no enumeration".to_owned()),
    }
}

/// `team-leader` for `ROLE_TEAM_LEADER`.
fn enumeration(field: &FieldDescriptor, word: &str) -> Result<Value, String> {
    let Kind::Enum(of) = field.kind() else { return Err("it is no enumeration".to_owned()) };
    let known: Vec<(String, i32)> = of.values().map(|v| (word_of(of.name(), v.name()), v.number())).collect();
    let found = known.iter().find(|(known, _)| known == word);
    found.map(|(_, number)| Value::EnumNumber(*number)).ok_or_else(|| {
        let known: Vec<&str> = known.iter().skip(1).map(|(word, _)| word.as_str()).collect();
        format!("unknown word `{word}`; known: {}", known.join(", "))
    })
}

/// The word of an enumeration's value: without the enumeration's own name, in lower case.
fn word_of(of: &str, name: &str) -> String {
    let mut prefix = String::new();
    for (at, letter) in of.char_indices() {
        if at > 0 && letter.is_ascii_uppercase() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    name.strip_prefix(&format!("{prefix}_")).unwrap_or(name).to_lowercase().replace('_', "-")
}

/// What of an expected table a message does not have: the name, what was expected, what is there.
pub(crate) fn differences(
    expected: &Table,
    message: &DynamicMessage,
    cast: &Cast,
) -> Result<Vec<[String; 3]>, String> {
    let mut found = Vec::new();
    for (key, value) in expected {
        let field = field_of(&message.descriptor(), key)?;
        let wanted = build_field(&field, value, cast).map_err(|why| format!("{key}: {why}"))?;
        let there = message.get_field(&field);
        if let (Toml::Table(inner), Value::Message(below)) = (value, there.as_ref()) {
            let below = differences(inner, below, cast)?;
            found.extend(below.into_iter().map(|[name, a, b]| [format!("{key}.{name}"), a, b]));
        } else if *there != wanted {
            found.push([key.clone(), shown(&field, &wanted), shown(&field, there.as_ref())]);
        }
    }
    Ok(found)
}

/// A value for people.
pub(crate) fn shown(field: &FieldDescriptor, value: &Value) -> String {
    match value {
        Value::Bool(flag) => flag.to_string(),
        Value::I64(ms) if field.name().ends_with("_ms") => {
            if *ms > 1_000_000_000_000 {
                time::shown(*ms, None)
            } else {
                time::shown_span(*ms)
            }
        }
        Value::I64(number) => number.to_string(),
        Value::U32(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::EnumNumber(number) => match field.kind() {
            Kind::Enum(of) => of
                .get_value(*number)
                .map_or_else(|| number.to_string(), |value| word_of(of.name(), value.name())),
            _ => number.to_string(),
        },
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(field, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Message(message) => {
            let fields: Vec<String> = message
                .fields()
                .map(|(field, value)| format!("{} = {}", field.name(), shown(&field, value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use simpang_proto::log::v1;

    use super::*;

    fn built<M: Message + Default>(name: &str, text: &str) -> Result<M, String> {
        let cast = Cast { now: 1_000, inputs: vec![InputId { seq: 9, index: 0 }], ..Cast::default() };
        let message = build(&descriptor(name).unwrap(), &text.parse().unwrap(), &cast)?;
        Ok(M::decode(message.encode_to_vec().as_slice()).unwrap())
    }

    #[test]
    fn tables_become_messages() {
        let record: v1::AgentRecord = built(
            "AgentRecord",
            "agent = \"rina\"\nroles = [\"team-leader\"]\nskills = { b = 2, a = 1 }\nsince = \"1970-01-01T00:00:02Z\"\n\
             qa_met = [true]\ncapacities = { email = 3 }\nfacts = { busy = true, tags = [\"x\"] }",
        )
        .unwrap();
        assert_eq!(record.roles, [v1::Role::TeamLeader as i32]);
        assert_eq!(
            record.skills.iter().map(|s| (s.name.as_str(), s.level)).collect::<Vec<_>>(),
            [("a", 1), ("b", 2)]
        );
        assert_eq!((record.since_ms, record.capacities[0].limit), (2_000, 3));
        assert_eq!(record.facts[1].name, "tags");
        let command: v1::Disposition = built("Disposition", "again_at = \"+2s\"").unwrap();
        assert_eq!(command.again_at_ms, 3_000);
        let split: v1::Split = built("Split", "messages = [1]").unwrap();
        assert_eq!(split.messages[0].seq, 9);
    }

    #[test]
    fn what_does_not_fit_is_told_by_name() {
        let wrong = |name, text| built::<v1::AgentRecord>(name, text).unwrap_err();
        assert!(
            wrong("AgentRecord", "agnet = 1")
                .starts_with("`AgentRecord` has no `agnet`; known: agent, roles")
        );
        assert!(
            wrong("AgentRecord", "roles = [\"boss\"]")
                .starts_with("roles: unknown word `boss`; known: gateway")
        );
        assert!(wrong("AgentRecord", "agent = 1").starts_with("agent: integer does not fit"));
        assert!(wrong("AgentRecord", "since = \"soon\"").contains("\"soon\" is neither a time"));
        assert!(wrong("Split", "messages = [2]").contains("there were 1 messages before, not 2"));
        assert!(wrong("Message", "customer = \"nobody\"").contains("no [customer.nobody]"));
    }

    #[test]
    fn only_what_is_named_is_compared() {
        let of = descriptor("CaseEscalated").unwrap();
        let cast = Cast::default();
        let happened = build(&of, &"case = 1\nstep = \"pic\"".parse().unwrap(), &cast).unwrap();
        assert_eq!(
            differences(&"step = \"pic\"".parse().unwrap(), &happened, &cast).unwrap(),
            Vec::<[String; 3]>::new()
        );
        let found = differences(&"step = \"tl\"".parse().unwrap(), &happened, &cast).unwrap();
        assert_eq!(found, [["step".to_owned(), "\"tl\"".to_owned(), "\"pic\"".to_owned()]]);
    }
}
