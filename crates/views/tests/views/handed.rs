//! Messages of a case from another desk that changed there afterwards, and what is taken back when the desk itself has
//! forgotten it.

use simpang_log::Door;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1::CustomerMessage;
use simpang_proto::view::v1::entry::What;
use simpang_views::{Views, WITHDRAWN};

use crate::cases::case;
use crate::script::{Script, joined, mail, opened, queued};

fn post(source: u8, text: &str) -> log::Message {
    log::Message { source: vec![source; 16].into(), ..mail("budi", "", text) }
}

async fn folded(s: &Script) -> Views {
    let mut views = Views::in_memory(&s.desk).unwrap();
    views.fold(&s.entries().await).unwrap();
    views
}

fn messages(views: &Views) -> Vec<CustomerMessage> {
    let message = |what| if let Some(What::Message(message)) = what { Some(message) } else { None };
    case(views, 1).conversation.into_iter().filter_map(|entry| message(entry.what)).collect()
}

fn change(seq: u64, change: log::MessageChange, says: log::Message) -> Arrived {
    let (desk, change, says) = ("telkomcare".into(), change.into(), Some(says));
    Arrived::HandoverChange(log::HandoverChange { desk, seq, change, says, ..Default::default() })
}

#[tokio::test]
async fn each_message_of_a_handover_changes_as_the_other_desk_says() {
    let mut s = Script::new("tenesa").await;
    let messages_there = vec![post(1, "rahasia"), post(2, "dobelsalah"), post(3, "tetap")];
    let handover = log::Handover {
        desk: "telkomcare".into(),
        seq: 7,
        case: 3,
        messages: messages_there,
        ..Default::default()
    };
    let came = s.input(Door::Deliver, Arrived::Handover(handover)).await;
    s.commit(came, vec![opened(1), joined(1, came, 3), queued(1, "email")]).await;
    s.wait(60_000);
    let message = Some(came);
    let said = change(8, log::MessageChange::Edited, post(6, "dobelbenar"));
    let edit = s.input(Door::Deliver, said).await;
    let edited = log::MessageEdited { case: 1, message, part: 1 };
    s.commit(edit, vec![Happened::MessageEdited(edited)]).await;
    let said =
        change(9, log::MessageChange::Reread, log::Message { malformed: "cut".into(), ..post(0, "utuh") });
    let reread = s.input(Door::Deliver, said.clone()).await;
    let read = log::MessageReread { case: 1, message, part: 2 };
    s.commit(reread, vec![Happened::MessageReread(read)]).await;
    let said = change(10, log::MessageChange::Removed, post(1, ""));
    let removal = s.input(Door::Deliver, said).await;
    let removed = log::MessageRemoved { case: 1, message, part: 0 };
    s.commit(removal, vec![Happened::MessageRemoved(removed)]).await;
    let views = folded(&s).await;
    let [first, second, third] = messages(&views).try_into().unwrap();
    assert_eq!((first.text.as_str(), first.removed_ms > 0), ("", true));
    assert_eq!((second.text.as_str(), second.edits[0].text.as_str()), ("dobelbenar", "dobelsalah"));
    assert_eq!((third.text.as_str(), third.malformed.as_str(), third.edited_ms), ("utuh", "cut", 0));
    let found = |words: &str| views.snapshot().search(words, 10).unwrap().hits.len();
    assert_eq!([found("rahasia"), found("dobelsalah"), found("dobelbenar"), found("utuh")], [0, 0, 1, 1]);
}

#[tokio::test]
async fn an_edit_under_an_id_of_its_own_is_hidden_with_the_message_that_was_withdrawn_later() {
    let mut s = Script::new("tenesa").await;
    let first = s.input(Door::Ingest, Arrived::Message(post(1, "satu"))).await;
    s.commit(first, vec![opened(1), joined(1, first, 1), queued(1, "email")]).await;
    let edit = log::Message { kind: log::MessageKind::Edit.into(), ..post(2, "rahasia") };
    let edit = log::Input { body: Some(Arrived::Message(edit)), ..Default::default() };
    let by = s.inputs(Door::Ingest, vec![edit.clone()]).await[0];
    let edited = log::MessageEdited { case: 1, message: Some(first), part: 0 };
    s.commit(by, vec![Happened::MessageEdited(edited)]).await;
    let removal = log::Message { kind: log::MessageKind::Remove.into(), ..post(1, "") };
    let removal = s.input(Door::Ingest, Arrived::Message(removal)).await;
    let removed = log::MessageRemoved { case: 1, message: Some(first), part: 0 };
    s.commit(removal, vec![Happened::MessageRemoved(removed)]).await;
    let place = (by.seq, by.index);
    let withdrawn = folded(&s).await.snapshot().withdrawn([(place, &edit)]).unwrap();
    let shown = withdrawn.input(place, &edit, true).to_string();
    assert!(shown.contains(WITHDRAWN) && !shown.contains("rahasia"), "{shown}");
}

#[tokio::test]
async fn what_is_taken_back_after_the_desk_forgot_it_is_shown_no_more_all_the_same() {
    let mut s = Script::new("tenesa").await;
    let first = s.input(Door::Ingest, Arrived::Message(post(1, "rahasia"))).await;
    s.commit(first, vec![opened(1), joined(1, first, 1), queued(1, "email")]).await;
    let other = s.input(Door::Ingest, Arrived::Message(post(2, "tetap"))).await;
    s.commit(other, vec![joined(1, other, 2)]).await;
    let removal = log::Message { kind: log::MessageKind::Remove.into(), ..post(1, "") };
    let removal = s.input(Door::Ingest, Arrived::Message(removal)).await;
    let reason = "withdraws a message that is not known here".into();
    s.commit(removal, vec![Happened::InputRefused(log::InputRefused { reason })]).await;
    let views = folded(&s).await;
    let texts: Vec<_> = messages(&views).into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["", "tetap"]);
    assert!(views.snapshot().search("rahasia", 10).unwrap().hits.is_empty());
    assert!(views.snapshot().is_withdrawn((first.seq, first.index), 0).unwrap());
}
