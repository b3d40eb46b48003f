//! What people read of a message that was read again, and what nobody reads of one that was withdrawn.

use simpang_log::Door;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1::entry::What;
use simpang_views::{Views, WITHDRAWN};

use crate::cases::case;
use crate::script::{Script, joined, mail, opened, queued, sealed};

fn content(text: &str) -> log::MessageContent {
    let file = log::Attachment { name: "a.csv".into(), ..Default::default() };
    log::MessageContent {
        from_name: "Budi".into(),
        subject: "Tagihan".into(),
        text: text.into(),
        attachments: vec![file],
        ..Default::default()
    }
}

async fn read_again(s: &mut Script, message: log::InputId, text: &str) {
    let reread = log::Reread {
        message: Some(message),
        of: Some(message),
        case: 1,
        corrected: vec!["subject".into(), "text".into()],
        content: sealed(&content(text)),
        ..Default::default()
    };
    let by = s.input(Door::Ingest, Arrived::Reread(reread)).await;
    let reread = log::MessageReread { case: 1, message: Some(message), part: 0 };
    s.commit(by, vec![Happened::MessageReread(reread)]).await;
}

async fn folded(s: &Script) -> Views {
    let mut views = Views::in_memory(&s.desk).unwrap();
    views.fold(&s.entries().await).unwrap();
    views
}

#[tokio::test]
async fn a_message_that_was_read_again_says_what_it_says_and_that_nobody_edited_it() {
    let mut s = Script::new("tenesa").await;
    let misread = log::Message { malformed: "no text".into(), ..mail("=?b?", "=54agihan", "dobelsalah") };
    let first = s.input(Door::Ingest, Arrived::Message(misread)).await;
    s.commit(first, vec![opened(1), joined(1, first, 1), queued(1, "email")]).await;
    s.wait(60_000);
    read_again(&mut s, first, "Tagihan dobelbenar").await;
    let views = folded(&s).await;
    let case = case(&views, 1);
    let summary = case.summary.unwrap();
    assert_eq!((summary.subject.as_str(), summary.customer_name.as_str()), ("Tagihan", "Budi"));
    assert_eq!((summary.messages, summary.unanswered), (1, true));
    let Some(What::Message(message)) = &case.conversation[0].what else { panic!("a message") };
    assert_eq!((message.text.as_str(), message.malformed.as_str()), ("Tagihan dobelbenar", ""));
    assert_eq!(message.attachments[0].name, "a.csv");
    assert!(message.edited_ms == 0 && message.edits.is_empty(), "its author did nothing");
    assert!(message.reread_ms > message.at_ms);
    let found = |words: &str| views.snapshot().search(words, 10).unwrap().hits.len();
    assert_eq!((found("dobelbenar"), found("dobelsalah")), (1, 0));
}

#[tokio::test]
async fn what_its_author_withdrew_stays_away_whatever_is_read_again() {
    let mut s = Script::new("tenesa").await;
    let source = vec![5; 16];
    let post = |kind: log::MessageKind, text: &str| log::Message {
        kind: kind.into(),
        source: source.clone().into(),
        ..mail("budi", "", text)
    };
    let first = s.input(Door::Ingest, Arrived::Message(post(log::MessageKind::New, "rahasia"))).await;
    s.commit(first, vec![opened(1), joined(1, first, 1), queued(1, "email")]).await;
    let before = folded(&s).await;
    let late = post(log::MessageKind::New, "rahasia, lagi");
    let late_input = log::Input { body: Some(Arrived::Message(late)), ..Default::default() };
    let hidden = |views: &Views| {
        let withdrawn = views.snapshot().withdrawn([((90, 0), &late_input)]).unwrap();
        withdrawn.input((90, 0), &late_input, true).to_string().contains(WITHDRAWN)
    };
    assert!(!hidden(&before));
    let removal = s.input(Door::Ingest, Arrived::Message(post(log::MessageKind::Remove, ""))).await;
    let removed = log::MessageRemoved { case: 1, message: Some(first), part: 0 };
    s.commit(removal, vec![Happened::MessageRemoved(removed)]).await;
    read_again(&mut s, first, "rahasia").await;
    let views = folded(&s).await;
    let case = case(&views, 1);
    let Some(What::Message(message)) = &case.conversation[0].what else { panic!("a message") };
    assert_eq!((message.text.as_str(), message.reread_ms), ("", 0));
    assert!(views.snapshot().search("rahasia", 10).unwrap().hits.is_empty());
    assert!(views.snapshot().is_withdrawn((first.seq, first.index), 0).unwrap());
    assert!(hidden(&views), "under the same source, wherever it stands");
}

#[tokio::test]
async fn a_withdrawal_that_was_set_aside_counts_all_the_same() {
    let mut s = Script::new("tenesa").await;
    let removal = log::Message {
        kind: log::MessageKind::Remove.into(),
        source: vec![6; 16].into(),
        ..mail("budi", "", "")
    };
    let removal = s.input(Door::Ingest, Arrived::Message(removal)).await;
    let refused = log::InputRefused { reason: "withdraws a message that is not known here".into() };
    s.commit(removal, vec![Happened::InputRefused(refused)]).await;
    let late = log::Message { source: vec![6; 16].into(), ..mail("budi", "", "rahasia") };
    let late = log::Input { body: Some(Arrived::Message(late)), ..Default::default() };
    let withdrawn = folded(&s).await.snapshot().withdrawn([((90, 0), &late)]).unwrap();
    assert!(withdrawn.input((90, 0), &late, true).to_string().contains(WITHDRAWN));
}
