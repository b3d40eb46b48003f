use prost::Message as _;
use simpang_channels::email::{self, SignedRef};
use simpang_channels::{Attachment, AttachmentBody, FactValue};
use simpang_proto::ingest::v1 as api;
use simpang_proto::log::v1::{
    Account, Customer, CustomerRecord, DeskRecord, DirectoryRecord, MessageContent,
};

use super::*;

fn keyer() -> Keyer {
    Keyer::new(b"a secret of the tests")
}

fn directory() -> Directory {
    let directory = Directory::default();
    let account = |channel: log::Channel, account: &str, alias: &str| Account {
        channel: channel.into(),
        account: account.into(),
        aliases: vec![alias.into()],
    };
    let desk = DeskRecord {
        desk: "tenesa".into(),
        policy_version: 1,
        accounts: vec![
            account(log::Channel::Email, "care@tenesa.example", "help@tenesa.example"),
            account(log::Channel::X, "telkomcare", "1114"),
        ],
        campaigns: vec![],
        ..DeskRecord::default()
    };
    let customer = CustomerRecord {
        customer: Some(Customer { id: "k1".into(), segment: "DES".into(), ..Customer::default() }),
        identities: vec![
            bytes(&keyer().person("email", "budi@example.id")),
            bytes(&keyer().person("x", "budi")),
        ],
        content: None,
        removed: false,
    };
    directory.apply(
        1,
        &DirectoryRecord {
            schema: 1,
            customers: vec![customer],
            desks: vec![desk],
            ..DirectoryRecord::default()
        },
    );
    directory
}

fn map(channel: log::Channel, account: &str, parsed: &Parsed) -> (log::Input, log::Message, MessageContent) {
    let directory = directory();
    let mailbox = directory.account(channel, account).unwrap();
    let origin =
        Origin { channel, mailbox: &mailbox, aliases: &[], raw: Some([7; 32]), traceparent: "00-1-2-3" };
    let input = message_input(&keyer(), &directory, &origin, parsed);
    let Some(log::input::Body::Message(message)) = input.body.clone() else { panic!("a message") };
    let content = MessageContent::decode(message.content.clone().unwrap().body).unwrap();
    (input, message, content)
}

fn mail(text: &str) -> Parsed {
    email::parse(text.as_bytes(), &email::Options::default())
}

const MAIL: &str = "From: Budi <Budi@Example.ID>\r\nTo: care@tenesa.example\r\nSubject: Internet mati\r\n\
    Message-ID: <m1@example.id>\r\nIn-Reply-To: <m0@example.id>\r\nDate: Fri, 21 Nov 2025 10:00:00 +0700\r\n\r\n\
    Internet saya mati.\r\n";

#[test]
fn a_mail_becomes_an_input_with_all_it_says() {
    let (input, message, content) = map(log::Channel::Email, "help@tenesa.example", &mail(MAIL));
    let keyer = keyer();
    assert_eq!(input.key.len(), 16);
    assert_eq!(input.traceparent, "00-1-2-3");
    assert_eq!(message.account, "care@tenesa.example");
    assert_eq!((message.channel(), message.kind()), (log::Channel::Email, log::MessageKind::New));
    assert_eq!(message.visibility(), log::Visibility::Private);
    assert_eq!(message.source[..], keyer.thread("email", "m1@example.id"));
    assert_eq!(message.joins, [bytes(&keyer.thread("email", "m0@example.id"))]);
    assert!(message.provides.contains(&message.source));
    assert_eq!(message.author[..], keyer.person("email", "budi@example.id"));
    assert_eq!(message.customer.unwrap().segment, "DES");
    assert_eq!(message.raw_digest[..], [7; 32]);
    assert_eq!(message.sent_at_ms, 1_763_694_000_000);
    assert_eq!(message.malformed, "");
    assert_eq!((content.subject.as_str(), content.text.trim()), ("Internet mati", "Internet saya mati."));
    assert_eq!(content.from_address, "Budi@Example.ID");
}

#[test]
fn personal_content_stands_under_the_seal_only() {
    let (input, mut message, _) = map(log::Channel::Email, "care@tenesa.example", &mail(MAIL));
    message.content = None;
    let open = log::Input { body: Some(log::input::Body::Message(message)), ..input };
    let shown = format!("{open:?}").to_lowercase();
    for personal in ["budi", "internet", "saya", "m1@", "m0@"] {
        assert!(!shown.contains(personal), "{personal} in {shown}");
    }
}

#[test]
fn a_repeat_has_the_same_key_and_anything_else_another() {
    let key = |text: &str, account: &str| map(log::Channel::Email, account, &mail(text)).0.key;
    let first = key(MAIL, "care@tenesa.example");
    assert_eq!(first, key(&format!("Received: from elsewhere\r\n{MAIL}"), "help@tenesa.example"));
    assert_ne!(first, key(&MAIL.replace("mati.", "hidup."), "care@tenesa.example"));
    assert_ne!(first, key(&MAIL.replace("m1@", "m2@"), "care@tenesa.example"));
}

#[test]
fn only_a_reference_under_our_own_signature_for_this_desk_names_a_case() {
    let signature = |desk: &str, case: u64| {
        let mut bytes = [0; 16];
        hex::decode_to_slice(keyer().case_signature(desk, case), &mut bytes).unwrap();
        bytes
    };
    let reference = |desk: &str, case: u64, signature: [u8; 16]| SignedRef {
        desk: desk.into(),
        case,
        nonce: if desk.is_empty() { String::new() } else { "n".into() },
        signature,
    };
    for (references, expected) in [
        (vec![reference("tenesa", 7, signature("tenesa", 7))], 7),
        (vec![reference("", 8, signature("tenesa", 8))], 8),
        (vec![reference("tenesa", 7, [0; 16]), reference("", 8, signature("tenesa", 8))], 8),
        (vec![reference("tenesa", 8, signature("tenesa", 7))], 0),
        (vec![reference("other", 7, signature("other", 7))], 0),
        (vec![reference("", 7, signature("other", 7))], 0),
        (vec![], 0),
    ] {
        let mut parsed = mail(MAIL);
        parsed.signed = references.clone();
        let (_, message, _) = map(log::Channel::Email, "care@tenesa.example", &parsed);
        assert_eq!(message.signed_case, expected, "{references:?}");
    }
}

#[test]
fn a_mail_of_ours_that_comes_back_is_a_machines_and_on_its_own_case_an_answer_to_nobody() {
    let own = |desk: &str, signed: &str| {
        let signature = keyer().case_signature(signed, 7);
        let id = SignedRef::new(desk, 7, "9-0-0", &signature).unwrap().message_id("desk.example");
        [MAIL.replace("m1@example.id", &id), format!("X-Loop: {id}\r\n{MAIL}")]
    };
    let reads = |text: &String| {
        let (_, message, _) = map(log::Channel::Email, "care@tenesa.example", &mail(text));
        let looped = message.facts.iter().any(|fact| fact.name == "loop");
        (message.kind(), message.signed_case, message.automatic, looped)
    };
    for text in own("tenesa", "tenesa") {
        assert_eq!(reads(&text), (log::MessageKind::Automatic, 7, true, true), "{text}");
    }
    for text in own("other", "other") {
        assert_eq!(reads(&text), (log::MessageKind::New, 0, true, false), "sent by another desk of ours");
    }
    for text in own("tenesa", "other") {
        assert_eq!(reads(&text), (log::MessageKind::New, 0, false, false), "forged");
    }
    let hops = format!("{}{MAIL}", "Received: from a by b\r\n".repeat(51));
    assert_eq!(reads(&hops), (log::MessageKind::New, 0, true, true), "it goes round in a circle");
    let far = format!("{}{MAIL}", "Received: from a by b\r\n".repeat(50));
    assert_eq!(reads(&far), (log::MessageKind::New, 0, false, false));
}

#[test]
fn content_too_large_for_a_record_is_cut_and_the_message_says_so() {
    let mut parsed = mail(MAIL);
    parsed.content.full_text = "é".repeat(200_000);
    parsed.content.cc = vec!["a@b".into(); 1_000];
    parsed.malformed = Some("no date".into());
    let (input, message, content) = map(log::Channel::Email, "care@tenesa.example", &parsed);
    assert_eq!(message.malformed, "no date; cut short: copies, full text");
    assert_eq!(content.full_text.len(), 256 << 10);
    assert!(input.encoded_len() < 900_000);
}

#[test]
fn attachments_name_the_digest_under_which_their_bytes_are_kept() {
    let mut parsed = mail(MAIL);
    let attachment = |body| Attachment { name: "a.txt".into(), media_type: "text/plain".into(), body };
    parsed.content.attachments = vec![
        attachment(AttachmentBody::Bytes(b"hello".to_vec())),
        attachment(AttachmentBody::Url("https://x.example/1".into())),
    ];
    let (_, _, content) = map(log::Channel::Email, "care@tenesa.example", &parsed);
    assert_eq!(hex::encode(&content.attachments[0].digest), hash(b"hello"));
    assert_eq!(content.attachments[0].size, 5);
    assert_eq!((content.attachments[1].digest.len(), content.attachments[1].url.len()), (0, 19));
}

#[test]
fn facts_are_sorted_and_named_once() {
    let facts = vec![
        ("b".to_owned(), FactValue::Number(1)),
        ("a".to_owned(), FactValue::Texts(vec!["x".into()])),
        ("b".to_owned(), FactValue::Flag(true)),
    ];
    let names: Vec<String> = log_facts(&facts).into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["a", "b"]);
}

fn api_message() -> api::Message {
    api::Message {
        channel: api::Channel::X.into(),
        account: "telkomcare".into(),
        id: "123".into(),
        text: "halo".into(),
        author: Some(api::Author { address: "42".into(), name: "Budi".into(), aliases: vec!["budi".into()] }),
        answers: vec!["122".into(), "122".into()],
        conversations: vec!["c9".into()],
        facts: vec![
            api::Fact { name: "followers".into(), value: Some(api::fact::Value::Number(20)) },
            api::Fact { name: "bod".into(), value: Some(api::fact::Value::Flag(true)) },
        ],
        ..api::Message::default()
    }
}

#[test]
fn a_push_is_read_into_the_common_shape() {
    let pushed = pushed(api_message()).unwrap();
    assert_eq!(pushed.parsed.idempotency, ["123"]);
    assert_eq!(pushed.parsed.joins, ["122", "c9"]);
    assert_eq!(pushed.parsed.provides, ["123", "c9"]);
    assert_eq!(pushed.parsed.facts[0].0, "bod");
    assert_eq!(pushed.aliases, ["budi"]);
}

#[test]
fn a_push_of_a_post_is_a_repeat_of_the_webhooks() {
    let body = br#"{"for_user_id":"1114","tweet_create_events":[{"id_str":"123","text":"@telkomcare halo",
        "created_at":"Sat Nov 28 05:30:03 +0000 2020","user":{"id_str":"42","screen_name":"budi"},
        "entities":{"user_mentions":[{"id_str":"1114","screen_name":"telkomcare"}]}}]}"#;
    let accounts = directory().x_accounts();
    let items =
        simpang_channels::x::parse_webhook(body, &simpang_channels::x::Options { accounts: &accounts });
    let [simpang_channels::Item::Message(parsed)] = &items.unwrap()[..] else { panic!("one message") };
    assert_eq!(parsed.account_hint, "telkomcare");
    let (webhook, message, _) = map(log::Channel::X, &parsed.account_hint, parsed);
    let (push, _, _) = map(log::Channel::X, "1114", &pushed(api_message()).unwrap().parsed);
    assert_eq!(webhook.key, push.key);
    assert_eq!(message.customer.unwrap().id, "k1", "known by the handle too");
}

#[test]
fn a_push_that_breaks_the_contract_is_refused_by_field() {
    type Break = fn(&mut api::Message);
    let cases: Vec<(&str, api::RefusalReason, Break)> = vec![
        ("channel", api::RefusalReason::Invalid, |m| m.channel = 0),
        ("channel", api::RefusalReason::Invalid, |m| m.channel = 99),
        ("id", api::RefusalReason::Invalid, |m| m.id = " ".into()),
        ("id", api::RefusalReason::Invalid, |m| m.id = "x".repeat(501)),
        ("id", api::RefusalReason::Invalid, |m| m.id = "a\nb".into()),
        ("account", api::RefusalReason::Invalid, |m| m.account.clear()),
        ("text", api::RefusalReason::TooLarge, |m| m.text = "x".repeat((256 << 10) + 1)),
        ("html", api::RefusalReason::TooLarge, |m| m.html = "x".repeat((256 << 10) + 1)),
        ("raw", api::RefusalReason::TooLarge, |m| m.raw = vec![0; (4 << 20) + 1]),
        ("subject", api::RefusalReason::TooLarge, |m| m.subject = "x".repeat(2_001)),
        ("answers", api::RefusalReason::Invalid, |m| m.answers = vec!["1".into(); 51]),
        ("facts", api::RefusalReason::Invalid, |m| m.facts[0].name = "Bad".into()),
        ("facts", api::RefusalReason::Invalid, |m| m.facts[0].name = m.facts[1].name.clone()),
        ("followers", api::RefusalReason::Invalid, |m| {
            m.facts[0].value = Some(api::fact::Value::Text("x".repeat(501)));
        }),
    ];
    for (field, reason, break_it) in cases {
        let mut message = api_message();
        break_it(&mut message);
        let refusal = pushed(message).unwrap_err();
        assert_eq!(refusal.reason, reason, "{field}");
        assert!(refusal.detail.contains(field), "{field} not in {}", refusal.detail);
    }
}
