//! Cases that go to another desk arrive there once, in order, with their messages.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{Desk, happened, mail_case, start, until};
use prost::Message as _;
use simpang_deliver::Channels;
use simpang_log::MemoryStore;
use simpang_proto::log::v1::{self, event::Body as Event, input::Body as Input};

fn handovers(desk: &Desk) -> Vec<v1::Handover> {
    let inputs =
        desk.log.records().into_iter().filter_map(|record| v1::InputRecord::decode(record.payload).ok());
    inputs
        .flat_map(|record| record.inputs)
        .filter_map(|input| match input.body {
            Some(Input::Handover(handover)) => Some(handover),
            _ => None,
        })
        .collect()
}

async fn hand_over(from: &Desk, case: u64, to: &str, texts: &[&str]) {
    let mut cause = v1::InputId::default();
    for text in texts {
        let mut message = mail_case();
        message.content.text = (*text).to_owned();
        cause = message.arrive(from).await;
        let joined = v1::MessageJoined { case, message: Some(cause), ..Default::default() };
        from.commit(vec![happened(cause, 1, Event::MessageJoined(joined))]).await;
    }
    let handed = v1::CaseHandedOver { case, desk: to.into() };
    from.commit(vec![happened(cause, 1, Event::CaseHandedOver(handed))]).await;
}

fn texts(handover: &v1::Handover) -> Vec<String> {
    let content = |message: &v1::Message| {
        let body = message.content.as_ref().unwrap().body.clone();
        v1::MessageContent::decode(body).unwrap().text
    };
    handover.messages.iter().map(content).collect()
}

#[tokio::test]
async fn cases_arrive_at_the_other_desk_in_order_with_all_their_messages() {
    let store = MemoryStore::new();
    let (from, to) = (Desk::new(&store, "telkomcare"), Desk::new(&store, "tenesa"));
    hand_over(&from, 1, "tenesa", &["satu", "dua"]).await;
    hand_over(&from, 2, "tenesa", &["tiga"]).await;
    let deliver = start(&from, Channels::default()).await;
    until("two handovers", || (handovers(&to).len() == 2).then_some(())).await;
    hand_over(&from, 3, "tenesa", &["empat"]).await;
    until("three handovers", || (handovers(&to).len() == 3).then_some(())).await;
    let arrived = handovers(&to);
    assert_eq!(arrived.iter().map(|handover| handover.case).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(texts(&arrived[0]), ["satu", "dua"]);
    assert!(arrived.iter().all(|handover| handover.desk == "telkomcare"));
    let places: Vec<_> = arrived.iter().map(|handover| (handover.seq, handover.index)).collect();
    assert!(places.is_sorted() && places[0].0 > 0, "{places:?}");
    deliver.stop().await;
}

#[tokio::test]
async fn what_the_customer_took_back_or_edited_away_does_not_go_to_the_other_desk() {
    let store = MemoryStore::new();
    let (from, to) = (Desk::new(&store, "telkomcare"), Desk::new(&store, "tenesa"));
    let mut places = Vec::new();
    for text in ["rahasia", "lama", "tetap"] {
        let mut message = mail_case();
        message.content.text = text.to_owned();
        message.content.full_text = text.to_owned();
        message.raw_digest = vec![7; 32];
        let place = message.arrive(&from).await;
        let joined = v1::MessageJoined { case: 1, message: Some(place), ..Default::default() };
        from.commit(vec![happened(place, 1, Event::MessageJoined(joined))]).await;
        places.push(place);
    }
    let mut edit = mail_case();
    edit.content.text = "baru".to_owned();
    edit.content.subject = String::new();
    let edit = edit.arrive(&from).await;
    let edited = v1::MessageEdited { case: 1, message: Some(places[1]), part: 0 };
    let removed = v1::MessageRemoved { case: 1, message: Some(places[0]), part: 0 };
    let late = v1::MessageEdited { case: 1, message: Some(places[0]), part: 0 };
    let handed = v1::CaseHandedOver { case: 1, desk: "tenesa".into() };
    from.commit(vec![
        happened(edit, 1, Event::MessageEdited(edited)),
        happened(edit, 1, Event::MessageRemoved(removed)),
        happened(edit, 1, Event::MessageEdited(late)),
        happened(edit, 1, Event::CaseHandedOver(handed)),
    ])
    .await;
    let deliver = start(&from, Channels::default()).await;
    let arrived = until("a handover", || handovers(&to).pop()).await;
    deliver.stop().await;
    assert_eq!(texts(&arrived), ["", "baru", "tetap"]);
    assert!(!format!("{arrived:?}").contains("rahasia") && !format!("{arrived:?}").contains("lama"));
    let content = |message: &v1::Message| {
        v1::MessageContent::decode(message.content.as_ref().unwrap().body.clone()).unwrap()
    };
    let [gone, new, kept] = [0, 1, 2].map(|at| content(&arrived.messages[at]));
    assert_eq!((gone.from_address.as_str(), gone.subject.as_str()), ("budi@pelanggan.example", ""));
    assert_eq!(new.subject, kept.subject, "an edit without a subject leaves it");
    assert!(arrived.messages[0].raw_digest.is_empty(), "nor the mail as it came");
    assert_eq!(arrived.messages[2].raw_digest, vec![7; 32]);
}

#[tokio::test]
async fn what_was_read_again_goes_to_the_other_desk_as_it_was_read_last() {
    let store = MemoryStore::new();
    let (from, to) = (Desk::new(&store, "telkomcare"), Desk::new(&store, "tenesa"));
    let (mut places, mut events) = (Vec::new(), Vec::new());
    for text in ["salah", "salah, lalu baru", "rahasia", "lama"] {
        let mut message = mail_case();
        message.content.text = text.to_owned();
        let place = message.arrive(&from).await;
        let joined = v1::MessageJoined { case: 1, message: Some(place), ..Default::default() };
        events.push(happened(place, 1, Event::MessageJoined(joined)));
        places.push(place);
    }
    let read = async |at: usize, text: &str| {
        let content =
            v1::MessageContent { text: text.into(), subject: "Tagihan".into(), ..Default::default() };
        let body = content.encode_to_vec().into();
        let (message, raw_digest) = (Some(places[at]), vec![8; 32].into());
        let content = Some(v1::Sealed { sealing: v1::Sealing::None.into(), body });
        let reread = v1::Reread { message, of: message, case: 1, raw_digest, content, ..Default::default() };
        let by = from.bring(simpang_log::Door::Ingest, Input::Reread(reread)).await;
        let reread = v1::MessageReread { case: 1, message: Some(places[at]), part: 0 };
        happened(by, 1, Event::MessageReread(reread))
    };
    let edit = async |at: usize, text: &str| {
        let mut edit = mail_case();
        (edit.content.text, edit.content.subject) = (text.to_owned(), String::new());
        let by = edit.arrive(&from).await;
        let edited = v1::MessageEdited { case: 1, message: Some(places[at]), part: 0 };
        happened(by, 1, Event::MessageEdited(edited))
    };
    let removed = v1::MessageRemoved { case: 1, message: Some(places[2]), part: 0 };
    events.push(read(0, "benar").await);
    events.push(read(1, "benar, lalu baru").await);
    events.push(edit(1, "baru").await);
    events.push(happened(places[2], 1, Event::MessageRemoved(removed)));
    events.push(read(2, "rahasia").await);
    events.push(edit(3, "baru, salah").await);
    events.push(read(3, "baru, benar").await);
    let handed = v1::CaseHandedOver { case: 1, desk: "tenesa".into() };
    events.push(happened(places[0], 1, Event::CaseHandedOver(handed)));
    from.commit(events).await;
    let deliver = start(&from, Channels::default()).await;
    let arrived = until("a handover", || handovers(&to).pop()).await;
    deliver.stop().await;
    assert_eq!(texts(&arrived), ["benar", "baru", "", "baru, benar"]);
    let content = |at: usize| {
        let sealed = arrived.messages[at].content.as_ref().unwrap();
        v1::MessageContent::decode(sealed.body.clone()).unwrap()
    };
    assert_eq!((content(0).subject.as_str(), content(1).subject.as_str()), ("Tagihan", "Tagihan"));
    assert_eq!(arrived.messages[0].raw_digest, vec![8; 32]);
    assert!(!format!("{arrived:?}").contains("rahasia"));
}

#[tokio::test]
async fn after_a_restart_nothing_is_carried_twice() {
    let store = MemoryStore::new();
    let (from, to) = (Desk::new(&store, "telkomcare"), Desk::new(&store, "tenesa"));
    hand_over(&from, 1, "tenesa", &["satu"]).await;
    let deliver = start(&from, Channels::default()).await;
    until("a handover", || (handovers(&to).len() == 1).then_some(())).await;
    deliver.stop().await;
    hand_over(&from, 2, "tenesa", &["dua"]).await;
    let deliver = start(&from, Channels::default()).await;
    until("the other handover", || (handovers(&to).len() == 2).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(handovers(&to).iter().map(|handover| handover.case).collect::<Vec<_>>(), [1, 2]);
    deliver.stop().await;
}

fn failures(desk: &Desk) -> Vec<v1::HandoverFailure> {
    let inputs =
        desk.log.records().into_iter().filter_map(|record| v1::InputRecord::decode(record.payload).ok());
    inputs
        .flat_map(|record| record.inputs)
        .filter_map(|input| match input.body {
            Some(Input::HandoverFailure(failure)) => Some(failure),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn what_no_desk_can_get_comes_back_once_and_holds_up_nothing() {
    let store = MemoryStore::new();
    let (from, to) = (Desk::new(&store, "telkomcare"), Desk::new(&store, "tenesa"));
    hand_over(&from, 1, "nowhere", &["satu"]).await;
    let large = "x".repeat(4 * 1024 * 1024);
    hand_over(&from, 2, "tenesa", &[&large, &large]).await;
    hand_over(&from, 3, "tenesa", &["tiga"]).await;
    let deliver = start(&from, Channels::default()).await;
    until("a handover", || (handovers(&to).len() == 1).then_some(())).await;
    let failed = until("two failures", || Some(failures(&from)).filter(|all| all.len() == 2)).await;
    deliver.stop().await;
    assert_eq!((failed[0].case, failed[0].desk.as_str()), (1, "nowhere"));
    assert_eq!(failed[0].reason, "there is no such desk");
    assert_eq!((failed[1].case, failed[1].desk.as_str()), (2, "tenesa"));
    assert!(failed[1].reason.contains("too large"), "{}", failed[1].reason);
    assert!(failed.iter().all(|failure| failure.seq > 0));
    assert_eq!(handovers(&to)[0].case, 3);

    // What came back does not go again, though the desk is there now.
    let late = Desk::new(&store, "nowhere");
    hand_over(&from, 4, "nowhere", &["empat"]).await;
    let deliver = start(&from, Channels::default()).await;
    until("the later handover", || (handovers(&late).len() == 1).then_some(())).await;
    deliver.stop().await;
    assert_eq!(handovers(&late)[0].case, 4);
    assert_eq!(failures(&from).len(), 2);
}

fn changes(desk: &Desk) -> Vec<v1::HandoverChange> {
    let inputs =
        desk.log.records().into_iter().filter_map(|record| v1::InputRecord::decode(record.payload).ok());
    let change = |input: v1::Input| match input.body {
        Some(Input::HandoverChange(change)) => Some(change),
        _ => None,
    };
    inputs.flat_map(|record| record.inputs).filter_map(change).collect()
}

/// A case with two messages goes to the other desk; gives where they stand.
async fn two_go(from: &Desk) -> [v1::InputId; 2] {
    let mut places = [v1::InputId::default(); 2];
    for (place, text) in places.iter_mut().zip(["satu", "dua"]) {
        let mut message = mail_case();
        message.content.text = text.to_owned();
        *place = message.arrive(from).await;
        let joined = v1::MessageJoined { case: 1, message: Some(*place), ..Default::default() };
        from.commit(vec![happened(*place, 1, Event::MessageJoined(joined))]).await;
    }
    let handed = v1::CaseHandedOver { case: 1, desk: "tenesa".into() };
    from.commit(vec![happened(places[1], 1, Event::CaseHandedOver(handed))]).await;
    places
}

async fn edit(from: &Desk, message: v1::InputId, text: &str) {
    let mut edit = mail_case();
    edit.content.text = text.to_owned();
    let by = edit.arrive(from).await;
    let edited = v1::MessageEdited { case: 1, message: Some(message), part: 0 };
    from.commit(vec![happened(by, 1, Event::MessageEdited(edited))]).await;
}

async fn withdraw(from: &Desk, message: v1::InputId) {
    let mut removal = mail_case();
    removal.content.text.clear();
    let by = removal.arrive(from).await;
    let removed = v1::MessageRemoved { case: 1, message: Some(message), part: 0 };
    from.commit(vec![happened(by, 1, Event::MessageRemoved(removed))]).await;
}

#[tokio::test]
async fn what_becomes_of_a_message_after_its_case_went_follows_it_once_and_in_order() {
    let store = MemoryStore::new();
    let (from, to) = (Desk::new(&store, "telkomcare"), Desk::new(&store, "tenesa"));
    let [first, second] = two_go(&from).await;
    let deliver = start(&from, Channels::default()).await;
    let case = until("the case", || handovers(&to).pop()).await;
    edit(&from, second, "dua, benar").await;
    until("the edit", || (changes(&to).len() == 1).then_some(())).await;
    deliver.stop().await;
    withdraw(&from, first).await;
    let content = v1::MessageContent { text: "dua, dibaca lagi".into(), ..Default::default() };
    let body = content.encode_to_vec().into();
    let content = Some(v1::Sealed { sealing: v1::Sealing::None.into(), body });
    let message = Some(second);
    let reread = v1::Reread { message, of: message, case: 1, content, ..Default::default() };
    let by = from.bring(simpang_log::Door::Ingest, Input::Reread(reread)).await;
    let reread = v1::MessageReread { case: 1, message, part: 0 };
    from.commit(vec![happened(by, 1, Event::MessageReread(reread))]).await;
    let deliver = start(&from, Channels::default()).await;
    until("all three", || (changes(&to).len() >= 3).then_some(())).await;
    hand_over(&from, 2, "tenesa", &["tiga"]).await;
    until("the next case", || (handovers(&to).len() == 2).then_some(())).await;
    deliver.stop().await;
    let followed = changes(&to);
    let kinds: Vec<_> = followed.iter().map(v1::HandoverChange::change).collect();
    use v1::MessageChange::{Edited, Removed, Reread};
    assert_eq!(kinds, [Edited, Removed, Reread], "each once, though another process went on");
    let names: Vec<_> = case.messages.iter().map(|message| message.provides.last().unwrap()).collect();
    let named: Vec<_> = followed.iter().map(|change| &change.message).collect();
    assert_eq!(named, [names[1], names[0], names[1]], "by what the handover named them");
    let text = |change: &v1::HandoverChange| {
        let sealed = change.says.as_ref().unwrap().content.clone().unwrap_or_default();
        v1::MessageContent::decode(sealed.body).unwrap().text
    };
    assert_eq!(followed.iter().map(text).collect::<Vec<_>>(), ["dua, benar", "", "dua, dibaca lagi"]);
    let places: Vec<_> = followed.iter().map(|change| (change.seq, change.index)).collect();
    assert!(places.is_sorted() && places[0] > (case.seq, case.index), "{places:?}");
    assert!(!format!("{:?}", followed[1]).contains("satu"), "a withdrawal brings no words");
}

#[tokio::test]
async fn what_comes_back_takes_its_changes_along_and_none_goes_on_to_another_desk() {
    let store = MemoryStore::new();
    let from = Desk::new(&store, "telkomcare");
    let [first, second] = two_go(&from).await;
    edit(&from, second, "dua, benar").await;
    let deliver = start(&from, Channels::default()).await;
    until("a failure", || (failures(&from).len() == 1).then_some(())).await;
    withdraw(&from, first).await;
    let to = Desk::new(&store, "tenesa");
    hand_over(&from, 2, "tenesa", &["tiga"]).await;
    until("the later case", || (handovers(&to).len() == 1).then_some(())).await;
    deliver.stop().await;
    assert!(changes(&to).is_empty(), "{:?}", changes(&to));
}

#[tokio::test]
async fn a_change_that_another_desk_brought_goes_on_with_a_case_that_was_handed_on() {
    let store = MemoryStore::new();
    let (from, to) = (Desk::new(&store, "telkomcare"), Desk::new(&store, "tenesa"));
    let [_, second] = two_go(&from).await;
    let says = v1::Message {
        provides: vec![vec![8; 16].into()],
        content: Some(v1::Sealed {
            sealing: v1::Sealing::None.into(),
            body: v1::MessageContent { text: "dari jauh".into(), ..Default::default() }
                .encode_to_vec()
                .into(),
        }),
        ..Default::default()
    };
    let change = v1::HandoverChange {
        desk: "infomedia".into(),
        seq: 4,
        change: v1::MessageChange::Edited.into(),
        says: Some(says.clone()),
        ..Default::default()
    };
    let by = from.bring(simpang_log::Door::Deliver, Input::HandoverChange(change)).await;
    let edited = v1::MessageEdited { case: 1, message: Some(second), part: 0 };
    from.commit(vec![happened(by, 1, Event::MessageEdited(edited))]).await;
    let deliver = start(&from, Channels::default()).await;
    let followed = until("the change", || changes(&to).pop()).await;
    deliver.stop().await;
    assert_eq!((followed.desk.as_str(), followed.says), ("telkomcare", Some(says)));
    assert_eq!(texts(&handovers(&to)[0]), ["satu", "dari jauh"], "and so the case stands when it goes");
}

#[tokio::test]
async fn a_withdrawal_that_nobody_can_place_here_goes_to_whom_cases_went() {
    let store = MemoryStore::new();
    let (from, to) = (Desk::new(&store, "telkomcare"), Desk::new(&store, "tenesa"));
    let other = Desk::new(&store, "other");
    two_go(&from).await;
    let withdraws = |source: &[u8]| {
        let content = v1::MessageContent { text: "rahasia".into(), ..Default::default() };
        Input::Message(v1::Message {
            kind: v1::MessageKind::Remove.into(),
            account: "telkomcare".into(),
            source: source.to_vec().into(),
            content: Some(v1::Sealed { sealing: 0, body: content.encode_to_vec().into() }),
            ..Default::default()
        })
    };
    let refused = |by| happened(by, 1, Event::InputRefused(v1::InputRefused { reason: "not known".into() }));
    let known = from.bring(simpang_log::Door::Ingest, withdraws(&[7; 16])).await;
    from.commit(vec![happened(known, 1, Event::SlaCancelled(v1::SlaCancelled::default()))]).await;
    let nameless = from.bring(simpang_log::Door::Ingest, withdraws(&[])).await;
    from.commit(vec![refused(nameless)]).await;
    let late = from.bring(simpang_log::Door::Ingest, withdraws(&[9; 16])).await;
    from.commit(vec![refused(late)]).await;
    let deliver = start(&from, Channels::default()).await;
    let told = until("the withdrawal", || changes(&to).pop()).await;
    deliver.stop().await;
    assert_eq!((told.change(), told.message.as_ref()), (v1::MessageChange::Removed, &[9; 16][..]));
    let says = told.says.unwrap();
    assert_eq!(
        (says.account.as_str(), says.source.as_ref(), says.content),
        ("telkomcare", &[9; 16][..], None)
    );
    assert!(changes(&to).len() == 1 && changes(&other).is_empty());
}

#[tokio::test]
async fn a_file_of_an_earlier_edit_stays_when_a_later_edit_leaves_files_out() {
    let store = MemoryStore::new();
    let (from, to) = (Desk::new(&store, "telkomcare"), Desk::new(&store, "tenesa"));
    let place = mail_case().arrive(&from).await;
    let joined = v1::MessageJoined { case: 1, message: Some(place), ..Default::default() };
    from.commit(vec![happened(place, 1, Event::MessageJoined(joined))]).await;
    let edited = || Event::MessageEdited(v1::MessageEdited { case: 1, message: Some(place), part: 0 });
    let mut with_file = mail_case();
    with_file.content.attachments = vec![v1::Attachment { name: "bukti.png".into(), ..Default::default() }];
    let by = with_file.arrive(&from).await;
    from.commit(vec![happened(by, 1, edited())]).await;
    let mut later = mail_case();
    later.content.attachments.clear();
    later.content.text = "akhir".into();
    let by = later.arrive(&from).await;
    let handed = v1::CaseHandedOver { case: 1, desk: "tenesa".into() };
    from.commit(vec![happened(by, 1, edited()), happened(by, 1, Event::CaseHandedOver(handed))]).await;
    let deliver = start(&from, Channels::default()).await;
    let arrived = until("a handover", || handovers(&to).pop()).await;
    deliver.stop().await;
    let body = arrived.messages[0].content.as_ref().unwrap().body.clone();
    let content = v1::MessageContent::decode(body).unwrap();
    let files: Vec<_> = content.attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((content.text.as_str(), files), ("akhir", vec!["bukti.png"]));
}
