//! Laws of all parsers: no bytes make them panic, and what they give keeps the shapes the log asks for.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use proptest::prelude::*;
use simpang_channels::calls::{CallList, Row, RowKey, numbers_in_cell, to_e164};
use simpang_channels::email::{html, ids, reply, subject};
use simpang_channels::{FactValue, Item, Parsed, email, facebook, outgoing, x};
use support::samples;

fn accounts() -> [x::Account; 1] {
    [x::Account { id: "1114".to_owned(), handle: "brand".to_owned() }]
}

/// What every message must keep, whatever it was read from.
fn check_message(parsed: &Parsed) {
    assert!(!parsed.source_id.is_empty());
    assert!(!parsed.idempotency.is_empty() && parsed.idempotency.iter().all(|p| !p.is_empty()));
    assert!(parsed.facts.windows(2).all(|w| w[0].0 < w[1].0), "facts are sorted and unique");
    for (name, value) in &parsed.facts {
        assert!(name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= 64);
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        if let FactValue::Text(text) = value {
            assert!(!text.is_empty() && text.chars().count() <= 500);
        }
    }
    for list in [&parsed.joins, &parsed.provides] {
        let mut seen = std::collections::BTreeSet::new();
        assert!(list.iter().all(|id| !id.is_empty() && seen.insert(id)), "ids are unique: {list:?}");
    }
    for file in &parsed.content.attachments {
        let length = file.name.chars().count();
        assert!((1..=200).contains(&length) && !file.name.contains(['/', '\\', '\0', '\n']));
    }
    assert!(!parsed.content.subject.contains(['\r', '\n']));
}

fn check_items(items: &[Item]) {
    for item in items {
        match item {
            Item::Message(parsed) => check_message(parsed),
            Item::Ignored { reason } | Item::Poison { reason } => assert!(reason.chars().count() <= 200),
        }
    }
}

fn read_everything(bytes: &[u8]) {
    check_message(&email::parse(
        bytes,
        &email::Options { trusted_authserv: "mx", ..email::Options::default() },
    ));
    let accounts = accounts();
    let options = x::Options { accounts: &accounts };
    for items in
        [x::parse_webhook(bytes, &options), x::parse_posts(bytes, &options), facebook::parse_webhook(bytes)]
    {
        check_items(&items.unwrap_or_default());
    }
    let _ = x::cursor(bytes);
    read_list(bytes);
    let answer = outgoing::HttpAnswer { status: 400, headers: &[], body: bytes };
    let _ = (outgoing::x::read_answer(&answer, 0), outgoing::facebook::read_answer(&answer));
}

fn read_list(bytes: &[u8]) {
    let Ok(list) = CallList::new(bytes) else { return };
    let mut last_line = 0;
    for row in list {
        let line = match row.unwrap() {
            Row::Accepted(contact) => {
                assert!(contact.phones.iter().all(|p| p.starts_with('+') && p.len() <= 16));
                assert!(!contact.phones.is_empty());
                if let RowKey::Phone(number) = &contact.row_key {
                    assert_eq!(number, &contact.phones[0]);
                }
                contact.line
            }
            Row::Duplicate { line, of_line } => {
                assert!(of_line < line);
                line
            }
            Row::Invalid { line, .. } => line,
        };
        assert!(line > last_line, "every row has its own verdict, in order");
        last_line = line;
    }
}

/// A stored sample of any channel with some bytes changed, removed or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for (folder, input, expected) in [
        ("mail", ".eml", ".json"),
        ("x", ".body.json", ".expected.json"),
        ("facebook", ".body.json", ".expected.json"),
        ("calls", ".csv", ".expected.json"),
    ] {
        all.extend(
            samples(folder, input, expected)
                .into_iter()
                .map(|(_, bytes, _)| bytes)
                .filter(|b| b.len() < 10_000),
        );
    }
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4, any::<u8>()), 1..8);
    (prop::sample::select(all), edits).prop_map(|(mut bytes, edits)| {
        for (index, kind, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at),
                _ => {
                    let tail = bytes[at..].to_vec();
                    bytes.splice(at..at, tail);
                }
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        read_everything(&bytes);
    }

    #[test]
    fn mutated_samples_never_panic(bytes in mutated()) {
        read_everything(&bytes);
    }

    #[test]
    fn mail_like_bytes_never_panic(
        head in "(From|Message-ID|References|Content-Type|Subject|Authentication-Results): [ -~]{0,60}\r?\n",
        body in prop::collection::vec(any::<u8>(), 0..500),
    ) {
        read_everything(&[head.as_bytes(), b"\r\n", &body].concat());
    }

    #[test]
    fn list_like_bytes_never_panic(rows in prop::collection::vec("[0-9A-Za-z+\"',;/ .E-]{0,30}", 0..20)) {
        read_list(format!("nama,hp\n{}", rows.join("\n")).as_bytes());
    }

    #[test]
    fn text_helpers_never_panic(text in "\\PC{0,300}") {
        let new = reply::new_part(&text);
        prop_assert!(new.left_out.windows(2).all(|w| w[0].1 <= w[1].0));
        prop_assert!(new.left_out.iter().all(|(from, to)| from < to && text.get(*from..*to).is_some()));
        let base = subject::base(&text);
        prop_assert_eq!(subject::base(base), base);
        let answer = subject::answer(&text);
        prop_assert_eq!(&subject::answer(&answer), &answer);
        let _ = (html::to_text(&text), html::without_quotation(&text), ids::tokens(&text), ids::message_id(&text));
        let _ = (numbers_in_cell(&text), email::SignedRef::parse_address(&text), email::SignedRef::parse_message_id(&text));
    }

    #[test]
    fn a_number_read_again_is_the_same(text in "(\\+62|0|62)?8[1-9][0-9 -]{6,11}") {
        if let Ok(number) = to_e164(&text) {
            prop_assert_eq!(to_e164(&number), Ok(number));
        }
    }

    #[test]
    fn parts_of_a_text_fit_and_lose_no_word(text in "([a-zA-Z]{1,12}|🙏|顧客|https://contoh\\.id/[a-z]{1,40}|\\n){1,300}", ) {
        let spaced: Vec<String> = text.chars().collect::<String>().split('\n').map(str::to_owned).collect();
        let text = spaced.join(" ");
        if let Ok(parts) = x::length::parts(&text) {
            prop_assert!(parts.iter().all(|p| x::length::fits(p)), "{:?}", parts);
            let several = parts.len() > 1;
            let joined: String = parts.iter().map(|p| if several { p.rsplit_once(" (").unwrap().0 } else { p }).collect();
            let squeeze = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(squeeze(&joined), squeeze(&text));
        }
    }
}
