//! Lenient reading of JSON: ids as strings or numbers, flags as booleans or words, wrong types as absent.

use serde_json::Value;

use crate::message::{Unreadable, truncate};

/// Reads a body; the error says what is wrong without quoting it.
pub(crate) fn body(bytes: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(bytes).map_err(|error| Unreadable(format!("body is not JSON: {error}")))
}

/// The id under `key`, whether written as a string or as a whole number. Never through a float: ids exceed 2^53.
pub(crate) fn id(value: &Value, key: &str) -> Option<String> {
    as_id(value.get(key)?)
}

/// A value as an id.
pub(crate) fn as_id(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) if number.is_u64() || number.is_i64() => number.to_string(),
        _ => return None,
    };
    let fits = !text.is_empty() && text.len() <= ID_BYTES_MAX && !text.chars().any(char::is_control);
    fits.then_some(text)
}

/// The first id found under one of `keys`.
pub(crate) fn first_id(value: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| id(value, key))
}

/// The text under `key`, empty when there is none.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The first text found under one of `keys` that is not empty.
pub(crate) fn first_text<'v>(value: &'v Value, keys: &[&str]) -> &'v str {
    keys.iter().map(|key| text(value, key)).find(|text| !text.is_empty()).unwrap_or_default()
}

/// A whole number, whether written as one or as a string.
pub(crate) fn number(value: &Value, key: &str) -> Option<i64> {
    match value.get(key)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A flag, whether written as a boolean or as the word.
pub(crate) fn flag(value: &Value, key: &str) -> Option<bool> {
    match value.get(key)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text == "true" => Some(true),
        Value::String(text) if text == "false" => Some(false),
        _ => None,
    }
}

/// The list under `key`, empty when there is none.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A word of a foreign payload, short and printable, fit to stand in a reason.
pub(crate) fn word(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    truncate(&clean, 60)
}

/// Ids are short at both channels; longer is no id.
const ID_BYTES_MAX: usize = 300;
