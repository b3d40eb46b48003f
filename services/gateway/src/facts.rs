//! Facts, which agents and administrators write in the same form, as the log has them.

use simpang_proto::log::v1 as log;
use simpang_proto::{admin, agent};

use crate::check::{self, Invalid, LIST_MAX};

/// A fact of either API.
pub(crate) trait ApiFact {
    /// Its name and value.
    fn parts(self) -> (String, Option<log::fact::Value>);
}

impl ApiFact for agent::v1::Fact {
    fn parts(self) -> (String, Option<log::fact::Value>) {
        use agent::v1::fact::Value;
        let value = self.value.map(|value| match value {
            Value::Text(text) => log::fact::Value::Text(text),
            Value::Number(number) => log::fact::Value::Number(number),
            Value::Flag(flag) => log::fact::Value::Flag(flag),
            Value::Texts(texts) => log::fact::Value::Texts(log::Texts { items: texts.items }),
        });
        (self.name, value)
    }
}

impl ApiFact for admin::v1::Fact {
    fn parts(self) -> (String, Option<log::fact::Value>) {
        use admin::v1::fact::Value;
        let value = self.value.map(|value| match value {
            Value::Text(text) => log::fact::Value::Text(text),
            Value::Number(number) => log::fact::Value::Number(number),
            Value::Flag(flag) => log::fact::Value::Flag(flag),
            Value::Texts(texts) => log::fact::Value::Texts(log::Texts { items: texts.items }),
        });
        (self.name, value)
    }
}

/// Facts for the log: sorted by name, each name once, within the bounds of `log.v1`.
pub(crate) fn facts<F: ApiFact>(field: &str, facts: Vec<F>) -> Result<Vec<log::Fact>, Invalid> {
    check::count(field, facts.len(), 0, LIST_MAX)?;
    let mut checked = facts.into_iter().map(|fact| one(field, fact)).collect::<Result<Vec<_>, _>>()?;
    checked.sort_by(|a, b| a.name.cmp(&b.name));
    check::once(field, checked.iter().map(|fact| &fact.name))?;
    Ok(checked)
}

fn one(field: &str, fact: impl ApiFact) -> Result<log::Fact, Invalid> {
    let (name, value) = fact.parts();
    if !is_fact_name(&name) {
        let shown: String = name.chars().take(64).collect();
        let reason = format!("has the name `{shown}`: 1 to 64 of a-z, 0-9 and `_`, beginning with a letter");
        return Err(Invalid::new(field, reason));
    }
    let of_name = format!("{field}.{name}");
    match &value {
        Some(log::fact::Value::Text(text)) => check::chars(&of_name, text, 0, 500)?,
        Some(log::fact::Value::Texts(texts)) => {
            check::count(&of_name, texts.items.len(), 0, LIST_MAX)?;
            texts.items.iter().try_for_each(|text| check::chars(&of_name, text, 0, 500))?;
        }
        Some(log::fact::Value::Number(_) | log::fact::Value::Flag(_)) | None => {}
    }
    Ok(log::Fact { name, value })
}

fn is_fact_name(name: &str) -> bool {
    let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use agent::v1::fact::Value;

    use super::*;

    fn fact(name: &str, value: &str) -> agent::v1::Fact {
        agent::v1::Fact { name: name.into(), value: Some(Value::Text(value.into())) }
    }

    #[test]
    fn facts_stand_sorted_by_name() {
        let sorted = facts("facts", vec![fact("b", "2"), fact("a", "1")]).unwrap();
        assert_eq!(sorted.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_fact_out_of_bounds_is_refused() {
        let long = "x".repeat(501);
        let table = [
            vec![fact("", "1")],
            vec![fact("A", "1")],
            vec![fact("1a", "1")],
            vec![fact("a-b", "1")],
            vec![fact(&"a".repeat(65), "1")],
            vec![fact("a", &long)],
            vec![fact("a", "1"), fact("a", "2")],
            (0..101).map(|i| fact(&format!("f{i}"), "")).collect(),
        ];
        for row in table {
            assert!(facts("facts", row.clone()).is_err(), "{row:?}");
        }
    }
}
