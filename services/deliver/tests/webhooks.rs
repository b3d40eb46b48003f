//! Groups that are told by webhook: signed posts, tried again until the receiver has them or says no.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::http::{Answer, Asked, Fake, hangs_up};
use common::{Case, Desk, happened, mail_case, now_ms, start, until};
use prost::Message as _;
use simpang_deliver::Channels;
use simpang_deliver::options::Secret;
use simpang_log::{Door, MemoryStore, RecordKind};
use simpang_proto::log::v1::{self, DeliveryKind, DeliveryOutcome, ReplyKind, event::Body as Event};

const SECRET: &str = "kunci webhook";

/// The policy of these tests.
fn policy(url: &str) -> String {
    format!(
        r#"
[defaults]
priority = "normal"
[[priority]]
name = "normal"
[[queue]]
name = "all"
[[template]]
name = "tell"
subject = "Kasus {{{{case}}}}"
text = "Kasus {{{{case}}}} dari {{{{desk}}}}: {{{{text}}}}"
[[group]]
name = "leaders"
webhook = "{url}/hook"
[[rule]]
name = "everything"
when = "true"
queue = "all"
"#
    )
}

/// A desk whose group was told of a case; [`Desk::judge`] begins.
async fn told(url: &str) -> (Desk, Case) {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let file = |path: &str, text: &str| v1::PolicyFile { path: path.into(), text: text.into() };
    let manifest = "name = \"test\"\nversion = 1\ndesks = [\"tenesa\"]\n";
    let files = vec![file("desks/tenesa.toml", &policy(url)), file("policy.toml", manifest)];
    let document = v1::PolicyDocument { version: 1, files, ..Default::default() };
    let cause = desk.bring(Door::Gateway, v1::input::Body::Policy(document)).await;
    let applied = v1::PolicyApplied { version: 1, ..Default::default() };
    desk.commit(vec![happened(cause, 1, Event::PolicyApplied(applied))]).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let by = ("tell", "leaders");
    case.queue(&desk, to, to, DeliveryKind::Notification, ReplyKind::Unspecified, by).await;
    desk.judge();
    (desk, case)
}

fn channels() -> Channels {
    Channels { webhook_secret: Some(Secret::new(SECRET)), ..Default::default() }
}

/// What stands on the log of how each attempt ended.
fn ended(desk: &Desk) -> Vec<v1::DeliveryEnded> {
    let records = desk.log.records();
    let commits = records.into_iter().filter(|record| record.kind == RecordKind::Commit);
    let events = commits.flat_map(|record| v1::Commit::decode(record.payload).unwrap().events);
    events
        .filter_map(
            |event| if let Some(Event::DeliveryEnded(ended)) = event.body { Some(ended) } else { None },
        )
        .collect()
}

/// The outcomes on the log once there are so many.
async fn outcomes(desk: &Desk, count: usize) -> Vec<DeliveryOutcome> {
    let all = until("the outcomes", || Some(ended(desk)).filter(|ended| ended.len() >= count)).await;
    all.iter().map(v1::DeliveryEnded::outcome).collect()
}

/// The HMAC-SHA256 as another program reckons it.
fn hmac(message: &[u8]) -> String {
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-r", "-hmac", SECRET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`openssl` is there, as tools/run_tests.sh installs it");
    openssl.stdin.take().unwrap().write_all(message).unwrap();
    let printed = openssl.wait_with_output().unwrap().stdout;
    String::from_utf8(printed).unwrap().split_whitespace().next().unwrap().to_owned()
}

/// Checks a post's signature as docs/channels/gateway.md tells a receiver to.
fn assert_signed(asked: &Asked) {
    let signature = asked.headers["x-simpang-signature"].to_str().unwrap();
    let (second, hex) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let age = now_ms() / 1_000 - second.parse::<i64>().unwrap();
    assert!((0..60).contains(&age), "{signature}");
    assert_eq!(hex, hmac(&[second.as_bytes(), b".", &asked.raw].concat()));
}

const TAKEN: Answer = (204, Vec::new(), "");

#[tokio::test]
async fn a_group_is_told_in_a_signed_post() {
    let (fake, url) = Fake::start(vec![TAKEN]).await;
    let (desk, case) = told(&url).await;
    let deliver = start(&desk, channels()).await;
    assert_eq!(outcomes(&desk, 1).await, [DeliveryOutcome::Delivered]);
    deliver.stop().await;
    let asked = fake.asked().remove(0);
    assert_signed(&asked);
    assert_eq!(
        (asked.path.as_str(), asked.headers["content-type"].to_str().unwrap()),
        ("/hook", "application/json")
    );
    let said = (&asked.body["desk"], &asked.body["case"], &asked.body["subject"], &asked.body["text"]);
    let text = "Kasus 41 dari tenesa: Kenapa tagihan saya dobel?";
    assert_eq!(said, (&"tenesa".into(), &case.number.into(), &"Kasus 41".into(), &text.into()));
    assert_eq!(asked.headers["idempotency-key"].to_str().unwrap(), asked.body["id"].as_str().unwrap());
    assert!(asked.body.get("to").is_none(), "a notice names no customer's address");
}

#[tokio::test]
async fn a_notice_is_posted_again_after_each_error_of_the_server_with_the_same_id_and_a_signature_of_its_own()
{
    let fails = |status| (status, Vec::new(), "");
    let (fake, url) = Fake::start(vec![fails(500), fails(429), fails(502), fails(503), TAKEN]).await;
    let (desk, _case) = told(&url).await;
    let deliver = start(&desk, channels()).await;
    let retry = DeliveryOutcome::Retry;
    assert_eq!(outcomes(&desk, 5).await, [retry, retry, retry, retry, DeliveryOutcome::Delivered]);
    deliver.stop().await;
    let (details, asked) = (ended(&desk), fake.asked());
    let details: Vec<&str> = details.iter().map(|ended| ended.detail.as_str()).collect();
    assert_eq!(details, ["HTTP 500", "HTTP 429", "HTTP 502", "HTTP 503", "HTTP 204"]);
    assert_eq!(asked.len(), 5);
    asked.iter().for_each(assert_signed);
    assert!(asked.iter().all(|again| again.body == asked[0].body), "the receiver sees that it is one");
    assert!(
        asked.iter().all(|again| again.headers["idempotency-key"] == asked[0].headers["idempotency-key"])
    );
}

#[tokio::test]
async fn a_notice_whose_connection_is_cut_is_posted_again() {
    for partly in [false, true] {
        let (desk, _case) = told(&hangs_up(partly).await).await;
        let deliver = start(&desk, channels()).await;
        let outcomes = outcomes(&desk, 2).await;
        deliver.stop().await;
        assert_eq!(outcomes[..2], [DeliveryOutcome::Retry; 2]);
    }
}

#[tokio::test]
async fn a_notice_that_the_receiver_does_not_want_is_refused_and_posted_once() {
    for (status, detail) in [(400, "HTTP 400"), (404, "HTTP 404"), (410, "HTTP 410")] {
        let (fake, url) = Fake::start(vec![(status, Vec::new(), "")]).await;
        let (desk, _case) = told(&url).await;
        let deliver = start(&desk, channels()).await;
        assert_eq!(outcomes(&desk, 1).await, [DeliveryOutcome::Refused]);
        deliver.stop().await;
        assert_eq!((ended(&desk)[0].detail.as_str(), fake.asked().len()), (detail, 1));
    }
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed() {
    let (fake, url) = Fake::start(vec![TAKEN]).await;
    let (desk, _case) = told(&url).await;
    let deliver = start(&desk, Channels::default()).await;
    assert_eq!(outcomes(&desk, 1).await, [DeliveryOutcome::Delivered]);
    deliver.stop().await;
    assert!(!fake.asked()[0].headers.contains_key("x-simpang-signature"));
}
