//! Facts, as the log has them.

use simpang_channels::{FactValue, Facts};
use simpang_proto::log::v1 as log;

/// The same facts in the log's form: sorted by name, names unique.
pub(crate) fn log_facts(facts: &Facts) -> Vec<log::Fact> {
    let mut all: Vec<log::Fact> = facts.iter().map(|(name, value)| fact(name, value)).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.dedup_by(|later, earlier| later.name == earlier.name);
    all
}

/// The same facts and a flag.
pub(super) fn with_flag(mut facts: Vec<log::Fact>, name: &str) -> Vec<log::Fact> {
    let flag = fact(name, &FactValue::Flag(true));
    match facts.binary_search_by(|fact| fact.name.as_str().cmp(name)) {
        Ok(at) => facts[at] = flag,
        Err(at) => facts.insert(at, flag),
    }
    facts
}

fn fact(name: &str, value: &FactValue) -> log::Fact {
    use log::fact::Value;
    let value = match value {
        FactValue::Text(text) => Value::Text(text.clone()),
        FactValue::Number(number) => Value::Number(*number),
        FactValue::Flag(flag) => Value::Flag(*flag),
        FactValue::Texts(items) => Value::Texts(log::Texts { items: items.clone() }),
    };
    log::Fact { name: name.to_owned(), value: Some(value) }
}
