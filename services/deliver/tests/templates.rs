//! What templates say of a case: its words and numbers as the log has them, times in the desk's zone.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::smtp::{Mood, Sink};
use common::{Desk, happened, mail_case, sealed, start};
use simpang_log::{Door, MemoryStore};
use simpang_proto::log::v1::{self, DeliveryKind, ReplyKind, event::Body as Event, input::Body as Input};

const POLICY: &str = r#"
[desk]
zone = "Asia/Jakarta"
[defaults]
priority = "normal"
[[priority]]
name = "normal"
[[queue]]
name = "all"
[[group]]
name = "leaders"
mailbox = "leaders@tenesa.example"
[[template]]
name = "all-fields"
subject = "Tiket {{ticket}}"
text = """
{{category}}|{{campaign}}|{{channel}}|{{priority}}|{{queue}}|{{segment}}|{{reason}}
{{due}}|{{ticket}}|{{phone_number}}|{{internet_number}}|{{customer}}|{{text}}|"""
[[rule]]
name = "everything"
when = "true"
queue = "all"
"#;

async fn apply_policy(desk: &Desk) {
    let file = |path: &str, text: &str| v1::PolicyFile { path: path.into(), text: text.into() };
    let manifest = "name = \"test\"\nversion = 1\ndesks = [\"tenesa\"]\n";
    let files = vec![file("desks/tenesa.toml", POLICY), file("policy.toml", manifest)];
    let document = v1::PolicyDocument { version: 1, files, ..Default::default() };
    let cause = desk.bring(Door::Gateway, Input::Policy(document)).await;
    let applied = v1::PolicyApplied { version: 1, ..Default::default() };
    desk.commit(vec![happened(cause, 1, Event::PolicyApplied(applied))]).await;
}

fn text(name: &str, value: &str) -> v1::Fact {
    v1::Fact { name: name.into(), value: Some(v1::fact::Value::Text(value.into())) }
}

fn command(body: v1::command::Body) -> Input {
    Input::Command(v1::Command { principal: "rina".into(), case: 41, seen_messages: 0, body: Some(body) })
}

fn clock(clock: v1::SlaClock, deadline_ms: i64) -> Event {
    Event::SlaStarted(v1::SlaStarted { case: 41, clock: clock.into(), deadline_ms, ..Default::default() })
}

/// The text of the one mail that the last delivery became.
async fn sent(desk: &Desk) -> (String, String) {
    let sink = Sink::start(Mood::Fine).await;
    desk.judge();
    let channels =
        simpang_deliver::Channels { notices_from: Some("simpang@tenesa.example".into()), ..sink.channels() };
    let deliver = start(desk, channels).await;
    let report = desk.reported(1).await.remove(0);
    deliver.stop().await;
    let mails = sink.mails();
    assert_eq!(mails.len(), 1, "{report:?}");
    let mail = mail_parser::MessageParser::default().parse(&mails[0].bytes).unwrap();
    let body = mail.body_text(0).unwrap().replace("\r\n", "\n");
    (mail.subject().unwrap().to_owned(), body.trim().to_owned())
}

#[tokio::test]
async fn a_notification_about_a_mail_case_says_what_has_become_known_of_it_by_then() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    apply_policy(&desk).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let opened = v1::CaseOpened { case: 41, channel: v1::Channel::Email.into(), ..Default::default() };
    let joined = v1::MessageJoined { case: 41, message: Some(to), count: 1, ..Default::default() };
    let classified = v1::CaseClassified {
        case: 41,
        rule: "vip".into(),
        segment: "DES".into(),
        priority: "vvip".into(),
        queue: "all".into(),
        ..Default::default()
    };
    let resolution = clock(v1::SlaClock::Resolution, 1_795_329_000_000);
    let first = clock(v1::SlaClock::FirstResponse, 1_795_318_200_000);
    let events = vec![
        Event::CaseOpened(opened),
        Event::MessageJoined(joined),
        Event::CaseClassified(classified),
        resolution,
        first,
    ];
    desk.commit(events.into_iter().map(|body| happened(to, 1, body)).collect()).await;

    let facts = vec![text("internet_number", "122243215678"), text("ticket", "IN1")];
    let classify = v1::Classify { facts, ..Default::default() };
    let cause = desk.bring(Door::Gateway, command(v1::command::Body::Classify(classify))).await;
    let category = vec!["Komplain".to_owned(), "Internet".to_owned()];
    let categorised = v1::CaseCategorised { case: 41, category, agent: "rina".into() };
    desk.commit(vec![happened(cause, 2, Event::CaseCategorised(categorised))]).await;
    let linked = v1::ReferenceLinked { case: 41, number: "IN99".into(), ..Default::default() };
    let met = v1::SlaMet { case: 41, clock: v1::SlaClock::FirstResponse.into(), ..Default::default() };
    desk.commit(vec![
        happened(cause, 3, Event::ReferenceLinked(linked)),
        happened(cause, 3, Event::SlaMet(met)),
    ])
    .await;

    let tick = desk.bring(Door::Router, Input::Tick(v1::Tick {})).await;
    let escalated = v1::CaseEscalated { case: 41, cause: "resolution".into(), ..Default::default() };
    let queued = v1::DeliveryQueued {
        delivery: Some(v1::DeliveryId { input: Some(tick), part: 0 }),
        case: 41,
        kind: DeliveryKind::Notification.into(),
        template: "all-fields".into(),
        target: "leaders".into(),
        ..Default::default()
    };
    desk.commit(vec![
        happened(tick, 4, Event::CaseEscalated(escalated)),
        happened(tick, 4, Event::DeliveryQueued(queued)),
    ])
    .await;
    let (subject, body) = sent(&desk).await;
    assert_eq!(subject, "Tiket IN99");
    assert_eq!(
        body,
        "Komplain > Internet||email|vvip|all|DES|resolution\n\
         2026-11-22 13:30 WIB|IN99||122243215678|Budi Santoso|Kenapa tagihan saya dobel?|"
    );
}

#[tokio::test]
async fn a_contact_to_be_called_brings_its_number_ticket_and_campaign() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    apply_policy(&desk).await;
    let content = v1::ContactContent { phones: vec!["+6281234567890".into()], ..Default::default() };
    let contact = v1::Contact {
        campaign: "callback".into(),
        facts: vec![text("ticket", "IN7")],
        content: sealed(&content),
        ..Default::default()
    };
    let cause = desk.bring(Door::Ingest, Input::Contact(contact)).await;
    let opened = v1::CaseOpened {
        case: 41,
        channel: v1::Channel::Call.into(),
        campaign: "callback".into(),
        ..Default::default()
    };
    desk.commit(vec![happened(cause, 1, Event::CaseOpened(opened))]).await;
    let case = mail_case();
    let kind = DeliveryKind::Notification;
    case.queue(&desk, cause, cause, kind, ReplyKind::Normal, ("all-fields", "leaders")).await;
    let (subject, body) = sent(&desk).await;
    assert_eq!(subject, "Tiket IN7");
    assert_eq!(body, "|callback|call||||\n|IN7|+6281234567890||||");
}
