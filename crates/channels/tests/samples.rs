//! Stored samples of every channel are read as somebody wrote down beforehand that they must be.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use serde_json::{Value, json};
use simpang_channels::calls::{CallList, Row, RowKey};
use simpang_channels::{Item, Unreadable, email, facebook, x};
use support::{differences, item_differences, message, samples};

fn report(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn mails_are_read_as_written_down() {
    let own = ["care@desk.example".to_owned()];
    let options = email::Options {
        trusted_authserv: "mx.desk.example",
        own_addresses: &own,
        ..email::Options::default()
    };
    let samples = samples("mail", ".eml", ".json");
    assert!(samples.len() >= 290, "samples are missing: {}", samples.len());
    let mut found = Vec::new();
    for (name, raw, expected) in samples {
        found.extend(differences(&name, &message(&email::parse(&raw, &options)), &expected));
    }
    report(&found);
}

type Reading = Result<Vec<Item>, Unreadable>;

fn check_deliveries(folder: &str, least: usize, parse: impl Fn(&str, &[u8]) -> Reading) {
    let samples = samples(folder, ".body.json", ".expected.json");
    assert!(samples.len() >= least, "samples are missing: {}", samples.len());
    let mut found = Vec::new();
    for (name, body, expected) in samples {
        match (parse(&name, &body), expected.as_array()) {
            (Ok(items), Some(wanted)) => found.extend(item_differences(&name, &items, wanted)),
            (Err(error), None) if error.to_string().starts_with(expected["unreadable"].as_str().unwrap()) => {
            }
            (other, _) => found.push(format!("{name}: expected {expected}, found {other:?}")),
        }
    }
    report(&found);
}

#[test]
fn x_deliveries_are_read_as_written_down() {
    let accounts = [x::Account { id: "1114".to_owned(), handle: "brand".to_owned() }];
    let options = x::Options { accounts: &accounts };
    check_deliveries("x", 85, |_, body| x::parse_webhook(body, &options));
}

#[test]
fn facebook_deliveries_are_read_as_written_down() {
    check_deliveries("facebook", 75, |_, body| facebook::parse_webhook(body));
}

fn row(row: &Row) -> Value {
    match row {
        Row::Accepted(contact) => json!({"accepted": {
            "line": contact.line,
            "key": match &contact.row_key {
                RowKey::Given(key) => format!("given {key}"),
                RowKey::Phone(number) => format!("phone {number}"),
            },
            "name": contact.name,
            "phones": contact.phones,
            "note": contact.note,
            "criterion": contact.criterion,
            "ticket": contact.ticket,
            "zone": contact.zone,
            "attributes": contact.attributes,
        }}),
        Row::Duplicate { line, of_line } => json!({"duplicate": {"line": line, "of_line": of_line}}),
        Row::Invalid { line, reason } => json!({"invalid": {"line": line, "reason": reason}}),
    }
}

fn list_differences(name: &str, bytes: &[u8], expected: &Value) -> Vec<String> {
    let list = match CallList::new(bytes) {
        Ok(list) => list,
        Err(error) if expected["refused"] == json!(error.to_string()) => return Vec::new(),
        Err(error) => return vec![format!("{name}: expected {expected}, found {error}")],
    };
    let rows: Vec<Value> = list.map(|r| row(&r.unwrap())).collect();
    let wanted = expected.as_array().unwrap();
    if rows.len() != wanted.len() {
        return vec![format!("{name}: {} rows where {} are expected: {rows:?}", rows.len(), wanted.len())];
    }
    let mut found = Vec::new();
    for (actual, wanted) in rows.iter().zip(wanted) {
        match (actual.get("accepted"), wanted.get("accepted")) {
            (Some(actual), Some(wanted)) => found.extend(differences(name, actual, wanted)),
            _ if actual == wanted => {}
            _ => found.push(format!("{name}: expected {wanted}, found {actual}")),
        }
    }
    found
}

#[test]
fn call_lists_are_read_as_written_down() {
    let samples = samples("calls", ".csv", ".expected.json");
    assert!(samples.len() >= 80, "samples are missing: {}", samples.len());
    let found: Vec<String> =
        samples.iter().flat_map(|(name, bytes, expected)| list_differences(name, bytes, expected)).collect();
    report(&found);
}
