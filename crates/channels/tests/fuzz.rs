//! Every parser of this crate against inputs that nobody thought of: none panics, hangs or takes memory out of
//! proportion. `make fuzz SECONDS=600` does it for longer.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

#[path = "support/mutate.rs"]
mod mutate;

use mutate::{Mutator, run};
use simpang_channels::calls::{CallList, numbers_in_cell};
use simpang_channels::email::{html, reply, subject};
use simpang_channels::outgoing::{self, HttpAnswer, found};
use simpang_channels::{Item, email, facebook, x};
use support::samples;

fn inputs(folder: &str, input: &str, expected: &str) -> Vec<Vec<u8>> {
    samples(folder, input, expected)
        .into_iter()
        .map(|(_, bytes, _)| bytes)
        .filter(|b| b.len() < 50_000)
        .collect()
}

const MAIL: &[&str] = &[
    "\r\n",
    "\n\n",
    "--b\n",
    "Content-Type: multipart/mixed; boundary=b\n\n",
    "Content-Type: message/rfc822\n\n",
    "=?utf-8?B?",
    "=?utf-8?Q?",
    "?=",
    "=\n",
    "=C3",
    "<a@b>",
    "References: ",
    "On x wrote:\n",
    "> ",
    "-- \n",
    "From: ",
    "<div>",
    "<table><tr>",
    "</b>",
    "&#x10ffff;",
    "begin 644 a\n",
    "; filename*0*=utf-8''",
    "charset=utf-7",
    "charset=iso-2022-jp",
    "\u{1b}$B",
    "\u{feff}",
];

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "null",
    "1e999",
    "-0",
    "18446744073709551616",
    "\"\\ud800\"",
    "\"\\u0000\"",
    ",",
    ":",
    "\"id\":",
    "\"text\":",
    "\"data\":",
    "\"entry\":",
    "\"from\":",
    "true",
    "\u{202e}",
    "[[[[[[[[",
    "{\"a\":",
];

#[test]
fn mails() {
    run("mail", Mutator::new(inputs("mail", ".eml", ".json"), MAIL), |bytes| {
        let own = ["care@desk.example".to_owned()];
        let options = email::Options {
            trusted_authserv: "mx.desk.example",
            own_addresses: &own,
            ..email::Options::default()
        };
        let parsed = email::parse(bytes, &options);
        // A mail of so many bytes makes no more than some of it: text, the same new, HTML, files.
        let content = &parsed.content;
        let made = content.text.len() + content.full_text.len() + content.html.len() + content.subject.len();
        assert!(made <= 40 * bytes.len() + 10_000, "{} bytes made {made}", bytes.len());
    });
}

#[test]
fn texts_of_mails() {
    run("text", Mutator::new(inputs("mail", ".eml", ".json"), MAIL), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = (
            reply::new_part(&text),
            html::to_text(&text),
            html::without_quotation(&text),
            html::sanitised(&text),
        );
        let _ = (subject::answer(&text), subject::tag(&text));
    });
}

#[test]
fn deliveries_of_x() {
    let accounts = [x::Account { id: "1114".to_owned(), handle: "brand".to_owned() }];
    run("x", Mutator::new(inputs("x", ".body.json", ".expected.json"), JSON), |bytes| {
        let options = x::Options { accounts: &accounts };
        let _ = (x::parse_webhook(bytes, &options), x::parse_posts(bytes, &options), x::cursor(bytes));
        let _ = x::length::parts(&String::from_utf8_lossy(bytes));
    });
}

#[test]
fn deliveries_of_facebook() {
    run("facebook", Mutator::new(inputs("facebook", ".body.json", ".expected.json"), JSON), |bytes| {
        for item in facebook::parse_webhook(bytes).unwrap_or_default() {
            // What the channel answers when it is asked who wrote it may be anything, too.
            if let Item::Message(mut message) = item {
                facebook::complete(&mut message, Some(bytes));
            }
        }
    });
}

#[test]
fn answers_of_channels() {
    let samples = [
        r#"{"data":{"id":"1445880548472328192","text":"x"}}"#,
        r#"{"error":{"message":"x","type":"OAuthException","code":32,"error_subcode":1}}"#,
        r#"{"errors":[{"code":187,"message":"Status is a duplicate."}]}"#,
        r#"{"data":[{"id":"3","text":"@budi x","referenced_tweets":[{"type":"replied_to","id":"9"}]}]}"#,
        r#"{"data":[{"messages":{"data":[{"id":"m","from":{"id":"444"},"message":"x"}]}}]}"#,
    ];
    let samples = samples.map(|text| text.as_bytes().to_vec()).to_vec();
    run("answers", Mutator::new(samples, JSON), |body| {
        for status in [200, 400, 403, 429, 500] {
            let answer = HttpAnswer { status, headers: &[("x-rate-limit-reset", "9")], body };
            let _ = (outgoing::x::read_answer(&answer, 0), outgoing::facebook::read_answer(&answer));
        }
        let _ = (found::post(body, "9", "x"), found::direct_message(body, "9", "x", 0));
        let _ = (found::comment(body, "444", "x", 0), found::messages(body, "444", &["x", "y"], 0));
    });
}

#[test]
fn call_lists() {
    const WORDS: &[&str] = &[
        "\"",
        "\"\"",
        ",",
        ";",
        "\t",
        "\r",
        "\n",
        "6.28E+12",
        "0812-3456-7890",
        "+62",
        "sep=;\n",
        "\u{feff}",
        "hp",
        "'",
        "=\"",
        "/",
    ];
    run("calls", Mutator::new(inputs("calls", ".csv", ".expected.json"), WORDS), |bytes| {
        if let Ok(list) = CallList::new(bytes) {
            let rows = list.filter(Result::is_ok).count();
            assert!(rows <= bytes.len() + 1);
        }
        let _ = numbers_in_cell(&String::from_utf8_lossy(bytes));
    });
}
