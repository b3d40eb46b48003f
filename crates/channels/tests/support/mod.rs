//! What the sample tests share: stored inputs, and readings as JSON beside expectations written by hand.
//!
//! An expectation names the fields that its sample is about; each of them must be equal. It is never made from output.

use std::path::PathBuf;

use serde_json::{Value, json};
use simpang_channels::{AttachmentBody, FactValue, Item, Parsed};

/// Samples of a folder under `tests/data`: (name, input, expectation).
pub(crate) fn samples(folder: &str, input: &str, expected: &str) -> Vec<(String, Vec<u8>, Value)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
    let mut names: Vec<String> = std::fs::read_dir(&root)
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().into_string().unwrap().strip_suffix(input).map(str::to_owned)
        })
        .collect();
    names.sort();
    let read = |name: &str, end: &str| std::fs::read(root.join(format!("{name}{end}"))).unwrap();
    names
        .into_iter()
        .map(|name| {
            let expectation = serde_json::from_slice(&read(&name, expected)).unwrap();
            (name.clone(), read(&name, input), expectation)
        })
        .collect()
}

/// Says where `actual` differs from what `expected` names.
pub(crate) fn differences(name: &str, actual: &Value, expected: &Value) -> Vec<String> {
    let expected = expected.as_object().unwrap();
    expected
        .iter()
        .filter_map(|(field, wanted)| {
            let (found, fits) = match field.as_str() {
                "source_id_begins" => {
                    let found = &actual["source_id"];
                    (found, found.as_str().unwrap().starts_with(wanted.as_str().unwrap()))
                }
                "malformed_says" => {
                    let found = &actual["malformed"];
                    (found, found.as_str().unwrap_or_default().contains(wanted.as_str().unwrap()))
                }
                "facts_include" => {
                    let found = &actual["facts"];
                    (found, wanted.as_object().unwrap().iter().all(|(n, v)| found.get(n) == Some(v)))
                }
                "attachment_names" => (&actual["attachment_names"], actual["attachment_names"] == *wanted),
                other => {
                    let found = actual.get(other).unwrap_or_else(|| panic!("{name}: no field {other}"));
                    (found, found == wanted)
                }
            };
            (!fits).then(|| format!("{name}: {field}\n  expected {wanted}\n  found    {found}"))
        })
        .collect()
}

/// A reading as JSON.
pub(crate) fn message(parsed: &Parsed) -> Value {
    let content = &parsed.content;
    let signed: Vec<Value> = parsed
        .signed
        .iter()
        .map(|s| json!({"desk": s.desk, "case": s.case, "nonce": s.nonce, "signature": hex(&s.signature)}))
        .collect();
    let facts: serde_json::Map<String, Value> =
        parsed.facts.iter().map(|(name, value)| (name.clone(), fact(value))).collect();
    let attachments: Vec<Value> = content
        .attachments
        .iter()
        .map(|a| match &a.body {
            AttachmentBody::Bytes(bytes) => json!([a.name, a.media_type, bytes.len()]),
            AttachmentBody::Url(url) => json!([a.name, a.media_type, url]),
            AttachmentBody::Kept { size, .. } => json!([a.name, a.media_type, size]),
        })
        .collect();
    let names: Vec<&str> = content.attachments.iter().map(|a| a.name.as_str()).collect();
    json!({
        "kind": format!("{:?}", parsed.kind),
        "account": parsed.account_hint,
        "source_id": parsed.source_id,
        "idempotency": parsed.idempotency,
        "joins": parsed.joins,
        "provides": parsed.provides,
        "signed": signed,
        "author": parsed.author_address,
        "sent_at_ms": parsed.sent_at_ms,
        "visibility": format!("{:?}", parsed.visibility),
        "automatic": parsed.automatic,
        "malformed": parsed.malformed,
        "facts": facts,
        "from_name": content.from_name,
        "from_address": content.from_address,
        "reply_to": content.reply_to,
        "to": content.to,
        "cc": content.cc,
        "subject": content.subject,
        "text": content.text,
        "full_text": content.full_text,
        "html": content.html,
        "references": content.references,
        "attachments": attachments,
        "attachment_names": names,
        "permalink": content.permalink,
    })
}

fn fact(value: &FactValue) -> Value {
    match value {
        FactValue::Text(text) => json!(text),
        FactValue::Number(number) => json!(number),
        FactValue::Flag(flag) => json!(flag),
        FactValue::Texts(items) => json!(items),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Compares a delivery's items with a list of expected ones.
#[allow(dead_code)] // mails have no items
pub(crate) fn item_differences(name: &str, items: &[Item], expected: &[Value]) -> Vec<String> {
    if items.len() != expected.len() {
        return vec![format!(
            "{name}: {} items where {} are expected: {items:?}",
            items.len(),
            expected.len()
        )];
    }
    let mut found = Vec::new();
    for (index, (item, wanted)) in items.iter().zip(expected).enumerate() {
        let place = format!("{name}[{index}]");
        match item {
            Item::Message(parsed) if wanted.get("message").is_some() => {
                found.extend(differences(&place, &message(parsed), &wanted["message"]));
            }
            Item::Ignored { reason } if wanted["ignored"] == json!(reason) => {}
            Item::Poison { reason } if wanted["poison"] == json!(reason) => {}
            other => found.push(format!("{place}: expected {wanted}, found {other:?}")),
        }
    }
    found
}
