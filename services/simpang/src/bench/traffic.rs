//! What is sent: public mentions on X, each of another person, some of them known to the directory.

use bytes::Bytes;
use prost::Message as _;
use simpang_proto::ingest::v1 as api;
use simpang_proto::log::v1::{
    Channel, Customer, Fact, Input, Message, MessageContent, MessageKind, Sealed, Texts, Visibility, fact,
    input,
};
use simpang_wire::key::{Keyer, Purpose};

/// The desk that everything goes to, and its account on X.
pub(super) const DESK: &str = "telkomcare";

const SEGMENTS: [&str; 4] = ["DCS", "DBS", "DES", "DGS"];
const TEXT: &str = "Selamat pagi, internet di rumah saya mati sejak tadi malam dan lampu LOS berkedip merah. \
                    Mohon segera dibantu, nomor layanan sudah saya kirim lewat DM.";

/// Makes messages: the n-th is always the same one.
#[derive(Debug, Clone)]
pub(super) struct Traffic {
    keyer: Keyer,
}

impl Traffic {
    pub(super) fn new() -> Self {
        Self { keyer: Keyer::new(b"the benchmark's own secret") }
    }

    /// As the role `ingest` would put it on the log; about 400 bytes. Four in five senders are known customers.
    pub(super) fn input(&self, n: u64) -> Input {
        let (id, person) = (format!("post-{n}"), format!("person-{n}"));
        let customer = (!n.is_multiple_of(5)).then(|| Customer {
            id: format!("c{n}"),
            segment: SEGMENTS[usize::try_from(n % 4).unwrap_or(0)].into(),
            profession: if n % 50 == 1 { "writer".into() } else { String::new() },
            facts: Vec::new(),
        });
        let content = MessageContent {
            from_name: format!("Pelanggan {n}"),
            from_address: person.clone(),
            reply_to: id.clone(),
            text: TEXT.into(),
            source_id: id.clone(),
            ..MessageContent::default()
        };
        let post = self.keyer.thread("x", &id);
        let message = Message {
            channel: Channel::X.into(),
            account: DESK.into(),
            kind: MessageKind::New.into(),
            visibility: Visibility::Public.into(),
            source: Bytes::copy_from_slice(&post),
            provides: vec![Bytes::copy_from_slice(&post)],
            author: Bytes::copy_from_slice(&self.keyer.person("x", &person)),
            customer,
            facts: facts(n),
            sent_at_ms: 1_700_000_000_000,
            content: Some(Sealed { body: content.encode_to_vec().into(), ..Sealed::default() }),
            ..Message::default()
        };
        let key = self.keyer.key(Purpose::Idempotency, &[b"x", DESK.as_bytes(), id.as_bytes(), b"new"]);
        Input {
            key: Bytes::copy_from_slice(&key),
            body: Some(input::Body::Message(message)),
            ..Input::default()
        }
    }

    /// As another program pushes it over gRPC. The directory knows nobody of them.
    pub(super) fn pushed(&self, n: u64) -> api::Message {
        api::Message {
            channel: api::Channel::X.into(),
            account: DESK.into(),
            id: format!("post-{n}"),
            visibility: api::Visibility::Public.into(),
            author: Some(api::Author {
                address: format!("person-{n}"),
                name: format!("Pelanggan {n}"),
                aliases: Vec::new(),
            }),
            text: TEXT.into(),
            sent_at_ms: 1_700_000_000_000,
            ..api::Message::default()
        }
    }
}

/// What the door for X brings, sorted by name.
fn facts(n: u64) -> Vec<Fact> {
    let fact = |name: &str, value| Fact { name: name.into(), value: Some(value) };
    let mentions = Texts { items: vec![DESK.into()] };
    vec![
        fact("followers", fact::Value::Number(i64::try_from(n % 997).unwrap_or(0))),
        fact("lang", fact::Value::Text("id".into())),
        fact("mentions", fact::Value::Texts(mentions)),
        fact("verified", fact::Value::Flag(n.is_multiple_of(100))),
    ]
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::Traffic;

    #[test]
    fn a_message_is_as_large_as_a_real_mention_and_like_no_other() {
        let traffic = Traffic::new();
        let (one, two) = (traffic.input(1), traffic.input(2));
        assert!((350..500).contains(&one.encoded_len()), "{}", one.encoded_len());
        assert_ne!(one.key, two.key);
        assert_eq!(one, traffic.input(1));
    }
}
