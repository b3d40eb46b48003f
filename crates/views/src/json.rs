//! Records as JSON for people, by the descriptors of `simpang.log.v1`, so that a new field shows by itself.
//!
//! Names are the proto's, enumerations by name, bytes in hexadecimal, 64-bit numbers as numbers. Fields that are not
//! set are left out. Personal content is replaced by how many bytes it has, unless it is asked for.

use std::sync::OnceLock;

use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};
use serde_json::{Map, Value as Json, json};
use simpang_proto::log::v1 as log;

const SEALED: &str = "simpang.log.v1.Sealed";

/// An event as JSON.
#[must_use]
pub fn event(event: &log::Event, content: bool) -> Json {
    message("simpang.log.v1.Event", &event.encode_to_vec(), content)
}

/// An input as JSON.
#[must_use]
pub fn input(input: &log::Input, content: bool) -> Json {
    message("simpang.log.v1.Input", &input.encode_to_vec(), content)
}

/// Any message of the log as JSON, by its full name; `null` when it can't be read as such.
#[must_use]
pub fn message(full_name: &str, bytes: &[u8], content: bool) -> Json {
    let Some(descriptor) = pool().get_message_by_name(full_name) else { return Json::Null };
    decoded(descriptor, bytes, content)
}

fn decoded(descriptor: MessageDescriptor, bytes: &[u8], content: bool) -> Json {
    match DynamicMessage::decode(descriptor, bytes) {
        Ok(message) => fields(&message, content),
        Err(_) => Json::Null,
    }
}

fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    // The descriptors are generated with the shapes; a test reads them.
    POOL.get_or_init(|| DescriptorPool::decode(simpang_proto::DESCRIPTORS).unwrap_or_default())
}

fn fields(message: &DynamicMessage, content: bool) -> Json {
    let parent = message.descriptor();
    let pairs = message.fields().map(|(field, value)| {
        let shown = match value {
            Value::Message(sealed) if sealed.descriptor().full_name() == SEALED => {
                unseal(&parent, sealed, content)
            }
            other => one(&field, other, content),
        };
        (field.name().to_owned(), shown)
    });
    Json::Object(pairs.collect::<Map<_, _>>())
}

/// What is sealed depends on the message it stands in.
fn unseal(parent: &MessageDescriptor, sealed: &DynamicMessage, content: bool) -> Json {
    let sealed = log::Sealed::decode(sealed.encode_to_vec().as_slice()).unwrap_or_default();
    let hidden = json!({ "sealed_bytes": sealed.body.len() });
    let readable = content && sealed.sealing() == log::Sealing::None;
    let inner = match parent.name() {
        "Message" | "Reread" => "MessageContent",
        "Contact" => "ContactContent",
        "AgentRecord" => "AgentContent",
        "CustomerRecord" => "CustomerContent",
        _ => "TextContent",
    };
    let descriptor = pool().get_message_by_name(&format!("simpang.log.v1.{inner}"));
    match descriptor.filter(|_| readable) {
        Some(descriptor) => decoded(descriptor, &sealed.body, content),
        None => hidden,
    }
}

fn one(field: &FieldDescriptor, value: &Value, content: bool) -> Json {
    match value {
        Value::Bool(flag) => json!(flag),
        Value::I32(number) => json!(number),
        Value::I64(number) => json!(number),
        Value::U32(number) => json!(number),
        Value::U64(number) => json!(number),
        Value::F32(number) => json!(number),
        Value::F64(number) => json!(number),
        Value::String(text) => json!(text),
        Value::Bytes(bytes) => json!(hex::encode(bytes)),
        Value::EnumNumber(number) => enumeration(field, *number),
        Value::Message(message) => fields(message, content),
        Value::List(values) => values.iter().map(|value| one(field, value, content)).collect(),
        Value::Map(values) => {
            let pairs = values.iter().map(|(key, value)| (map_key(key), one(field, value, content)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
    }
}

fn enumeration(field: &FieldDescriptor, number: i32) -> Json {
    let Kind::Enum(kind) = field.kind() else { return json!(number) };
    kind.get_value(number).map_or_else(|| json!(number), |value| json!(value.name()))
}

fn map_key(key: &MapKey) -> String {
    match key {
        MapKey::Bool(flag) => flag.to_string(),
        MapKey::I32(number) => number.to_string(),
        MapKey::I64(number) => number.to_string(),
        MapKey::U32(number) => number.to_string(),
        MapKey::U64(number) => number.to_string(),
        MapKey::String(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use serde_json::json;
    use simpang_proto::log::v1 as log;

    use super::{event, input};

    fn mail() -> log::Input {
        let content = log::MessageContent { text: "Halo".into(), ..Default::default() };
        let sealed = log::Sealed { sealing: 0, body: content.encode_to_vec().into() };
        let channel = log::Channel::Email as i32;
        let message = log::Message { channel, content: Some(sealed), ..Default::default() };
        log::Input { body: Some(log::input::Body::Message(message)), ..Default::default() }
    }

    #[test]
    fn personal_content_shows_only_when_asked_for() {
        let hidden = json!({ "message": { "channel": "CHANNEL_EMAIL", "content": { "sealed_bytes": 6 } } });
        assert_eq!(input(&mail(), false), hidden);
        let shown = json!({ "message": { "channel": "CHANNEL_EMAIL", "content": { "text": "Halo" } } });
        assert_eq!(input(&mail(), true), shown);
    }

    #[test]
    fn an_event_reads_by_the_names_of_the_proto() {
        let caused_by = Some(log::InputId { seq: 7, index: 0 });
        let body = Some(log::event::Body::CaseQueued(log::CaseQueued {
            case: 3,
            queue: "social".into(),
            key_ms: -1,
            skills: vec!["id".into()],
        }));
        let wanted = json!({
            "caused_by": { "seq": 7 },
            "at_ms": 5,
            "case_queued": { "case": 3, "queue": "social", "key_ms": -1, "skills": ["id"] },
        });
        assert_eq!(event(&log::Event { caused_by, at_ms: 5, body }, false), wanted);
    }
}
