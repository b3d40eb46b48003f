//! What an older parser misread is corrected from the raw bytes: once, in the author's last words, and only what
//! stands.

use std::sync::Arc;

use axum::http::StatusCode;
use prost::Message as _;
use simpang_ingest::{Replayed, replay};
use simpang_log::{Anchor, ChainWriter, DeskLog as _, DeskName, LogStore as _, MemoryDesk, RecordKind};
use simpang_proto::ingest::v1 as api;
use simpang_proto::log::v1::event::Body as Event;
use simpang_proto::log::v1::{self as log, InputId, MessageContent};

use crate::harness::{Doors, with_token};
use crate::push;
use crate::webhooks::{to_facebook, to_x};

const MAIL: &str = "From: Budi <budi@example.id>\r\nTo: care@tenesa.example\r\nSubject: Internet mati\r\n\
    Message-ID: <reread@example.id>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\nSejak semalam.\r\n--b\r\nContent-Type: text/csv; name=a.csv\r\n\
    Content-Disposition: attachment; filename=a.csv\r\n\r\n1,2\r\n--b--\r\n";

/// A desk whose router is this test.
struct Judge {
    log: Arc<MemoryDesk>,
    chain: ChainWriter,
    seen: usize,
}

impl Judge {
    fn of(doors: &Doors, desk: &str) -> Self {
        let chain = ChainWriter::new(&DeskName::new(desk).unwrap(), Anchor::Start);
        Self { log: doors.desk(desk), chain, seen: 0 }
    }

    /// Commits what is said to have happened, over all that stands.
    async fn commit(&mut self, events: Vec<(InputId, Event)>) {
        let mut through = self.chain.head().map(|head| head.decided_through).unwrap_or_default();
        for record in &self.log.records()[self.seen..] {
            let RecordKind::Input(door) = record.kind else { continue };
            self.chain.absorb(record.seq, door, &record.payload);
            let count = log::InputRecord::decode(record.payload.clone()).unwrap().inputs.len();
            through = log::Position { seq: record.seq, index: u32::try_from(count).unwrap() - 1, step: 0 };
        }
        self.seen = self.log.records().len();
        let event = |(by, body)| log::Event { caused_by: Some(by), at_ms: 1, body: Some(body) };
        let events = events.into_iter().map(event).collect();
        let commit = log::Commit { decided_through: Some(through), events, ..log::Commit::default() };
        let sealed = self.chain.seal(commit).unwrap();
        let seq = self.log.commit(sealed.payload.clone(), sealed.previous_seq).await.unwrap();
        self.chain.written(&sealed, seq);
    }

    /// Where the last input stands, and what it is.
    fn last(&self) -> (InputId, log::Input) {
        let records = self.log.records();
        let record = records.iter().rev().find(|record| record.kind != RecordKind::Commit).unwrap();
        let inputs = log::InputRecord::decode(record.payload.clone()).unwrap().inputs;
        let index = u32::try_from(inputs.len()).unwrap() - 1;
        (InputId { seq: record.seq, index }, inputs.into_iter().next_back().unwrap())
    }

    /// Makes the last message say what an older parser made of it.
    fn misread(&self, change: impl FnOnce(&mut MessageContent)) -> InputId {
        let id = self.last().0;
        self.log.edit(id.seq, |record| {
            let mut inputs = log::InputRecord::decode(record.payload.clone()).unwrap();
            let input = inputs.inputs.last_mut().unwrap();
            let sealed = match input.body.as_mut().unwrap() {
                log::input::Body::Message(message) => message.content.as_mut().unwrap(),
                log::input::Body::Reread(reread) => reread.content.as_mut().unwrap(),
                other => panic!("{other:?}"),
            };
            let mut content = MessageContent::decode(sealed.body.clone()).unwrap();
            change(&mut content);
            sealed.body = content.encode_to_vec().into();
            record.payload = inputs.encode_to_vec().into();
        });
        id
    }

    /// The last input as a correction.
    fn correction(&self) -> (log::Reread, MessageContent) {
        match self.last().1.body {
            Some(log::input::Body::Reread(reread)) => {
                let content = MessageContent::decode(reread.content.clone().unwrap().body).unwrap();
                (reread, content)
            }
            other => panic!("no correction: {other:?}"),
        }
    }

    fn is_correction(&self) -> bool {
        matches!(self.last().1.body, Some(log::input::Body::Reread(_)))
    }
}

fn joined(message: InputId, case: u64) -> (InputId, Event) {
    let joined = log::MessageJoined { case, message: Some(message), ..log::MessageJoined::default() };
    (message, Event::MessageJoined(joined))
}

async fn run(doors: &Doors, trial: bool) -> Replayed {
    replay(Arc::new(doors.store.clone()), doors.keyer.clone(), "ingest@test/replay", trial).await.unwrap()
}

/// What was corrected, and what was not since nobody knows it any more.
async fn corrected(doors: &Doors) -> (u64, u64) {
    let done = run(doors, false).await;
    (done.corrected, done.forgotten)
}

#[tokio::test]
async fn a_mail_that_an_older_parser_misread_is_corrected_once() {
    let doors = Doors::open().await;
    let mut desk = Judge::of(&doors, "tenesa");
    crate::smtp::send(&doors, "care@tenesa.example", MAIL).await;
    let attachment = doors.messages("tenesa")[0].1.attachments[0].clone();
    let message = desk.misread(|content| {
        content.text = "=53ejak".into();
        content.attachments.clear();
    });
    desk.commit(vec![joined(message, 7)]).await;
    doors.store.remove_raw(attachment.digest[..].try_into().unwrap()).await.unwrap();

    let trial = run(&doors, true).await;
    assert_eq!((trial.corrected, trial.corrections[0].fields.clone()), (1, vec!["attachments", "text"]));
    assert_eq!((trial.corrections[0].desk.as_str(), trial.corrections[0].seq), ("tenesa", message.seq));
    assert!(!desk.is_correction(), "a trial brings nothing");
    assert_eq!(corrected(&doors).await, (1, 0));
    let (reread, content) = desk.correction();
    assert_eq!((reread.message, reread.of, reread.case), (Some(message), Some(message), 7));
    assert_eq!(reread.corrected, ["attachments", "text"]);
    assert_eq!((content.text.trim(), content.subject.as_str()), ("Sejak semalam.", "Internet mati"));
    assert_eq!(content.attachments, std::slice::from_ref(&attachment));
    assert_eq!(doors.raw(&attachment.digest).await.unwrap(), "1,2", "a file that nobody had seen is kept");

    assert_eq!(corrected(&doors).await, (0, 0), "before the desk has judged it");
    let again = log::MessageReread { case: 7, message: Some(message), part: 0 };
    desk.commit(vec![(desk.last().0, Event::MessageReread(again))]).await;
    assert_eq!(corrected(&doors).await, (0, 0), "and after");
    doors.ingest.stop().await;
}

#[tokio::test]
async fn a_parser_that_is_mended_again_corrects_its_own_correction() {
    let doors = Doors::open().await;
    let mut desk = Judge::of(&doors, "tenesa");
    crate::smtp::send(&doors, "care@tenesa.example", MAIL).await;
    let message = desk.misread(|content| content.subject = "=?utf-8?".into());
    desk.commit(vec![joined(message, 7)]).await;
    assert_eq!(corrected(&doors).await, (1, 0));
    let by = desk.misread(|content| content.subject = "half mended".into());
    let again = log::MessageReread { case: 7, message: Some(message), part: 0 };
    desk.commit(vec![(by, Event::MessageReread(again))]).await;
    assert_eq!(corrected(&doors).await, (1, 0));
    let (reread, content) = desk.correction();
    assert_eq!((reread.corrected, content.subject.as_str()), (vec!["subject".to_owned()], "Internet mati"));
    doors.ingest.stop().await;
}

#[tokio::test]
async fn what_was_withdrawn_or_is_forgotten_or_on_no_case_stays_as_it_is() {
    let doors = Doors::open().await;
    let mut desk = Judge::of(&doors, "tenesa");
    let mut places = Vec::new();
    for n in 1..=3 {
        let mail = MAIL.replace("reread@", &format!("{n}@"));
        crate::smtp::send(&doors, "care@tenesa.example", &mail).await;
        places.push(desk.misread(|content| content.text = "salah".into()));
    }
    let removed = log::MessageRemoved { case: 1, message: Some(places[0]), part: 0 };
    desk.commit(vec![
        joined(places[0], 1),
        joined(places[1], 2),
        (places[1], Event::MessageRemoved(removed)),
        (places[2], Event::CaseForgotten(log::CaseForgotten { case: 2 })),
    ])
    .await;
    assert_eq!(corrected(&doors).await, (0, 1), "the forgotten one is told of");
    assert!(!desk.is_correction());
    doors.ingest.stop().await;
}

#[tokio::test]
async fn a_mail_that_names_no_sender_keeps_the_one_of_its_envelope() {
    let doors = Doors::open().await;
    let mut desk = Judge::of(&doors, "tenesa");
    crate::smtp::send(&doors, "care@tenesa.example", &MAIL.replace("From: Budi <budi@example.id>\r\n", ""))
        .await;
    let from = doors.messages("tenesa")[0].1.from_address.clone();
    assert!(!from.is_empty());
    desk.commit(vec![joined(desk.last().0, 1)]).await;
    assert_eq!(corrected(&doors).await, (0, 0));
    doors.ingest.stop().await;
}

const COMMENT: &str = r#"{"object":"page","entry":[{"id":"444","changes":[{"field":"feed","value":{"item":"comment",
    "verb":"VERB","comment_id":"901_903","post_id":"444_901","from":{"id":"3383","name":"Siti"},"message":"TEXT",
    "created_time":1750320340}}]}]}"#;

fn comment(verb: &str, text: &str) -> String {
    COMMENT.replace("VERB", verb).replace("TEXT", text)
}

#[tokio::test]
async fn old_bytes_do_not_undo_an_edit_and_a_misread_edit_is_corrected_from_its_own() {
    let doors = Doors::open().await;
    let mut desk = Judge::of(&doors, "telkomcare");
    assert_eq!(doors.call(to_facebook(&comment("add", "Kartu saya hilang"))).await.0, StatusCode::OK);
    let message = desk.misread(|content| content.text = "Kartu".into());
    assert_eq!(doors.call(to_facebook(&comment("edited", "Sudah ketemu"))).await.0, StatusCode::OK);
    let edit = desk.last().0;
    let edited = log::MessageEdited { case: 1, message: Some(message), part: 0 };
    desk.commit(vec![joined(message, 1), (edit, Event::MessageEdited(edited))]).await;
    assert_eq!(corrected(&doors).await, (0, 0), "what the author wrote since is what stands");

    let doubly = Doors::open().await;
    let mut desk = Judge::of(&doubly, "telkomcare");
    doubly.call(to_facebook(&comment("add", "Kartu saya hilang"))).await;
    let message = desk.last().0;
    doubly.call(to_facebook(&comment("edited", "Sudah ketemu"))).await;
    let edit = desk.misread(|content| content.text = "Sudah".into());
    desk.commit(vec![joined(message, 1), (edit, Event::MessageEdited(edited))]).await;
    assert_eq!(corrected(&doubly).await, (1, 0));
    let (reread, content) = desk.correction();
    assert_eq!((reread.message, reread.of), (Some(message), Some(edit)));
    assert_eq!(content.text, "Sudah ketemu");
    doors.ingest.stop().await;
    doubly.ingest.stop().await;
}

#[tokio::test]
async fn a_post_of_x_is_corrected_too() {
    let doors = Doors::open().await;
    let mut desk = Judge::of(&doors, "telkomcare");
    doors.call(to_x(crate::webhooks::MENTION)).await;
    let message = desk.misread(|content| content.text = "&amp;".into());
    desk.commit(vec![joined(message, 1)]).await;
    let done = run(&doors, false).await;
    assert_eq!((done.corrected, done.known, done.brought), (1, 1, 0), "it is no new message");
    assert!(desk.correction().1.text.contains("internet mati"));
    doors.ingest.stop().await;
}

#[tokio::test]
async fn what_another_program_read_stays_as_it_read_it() {
    let doors = Doors::open().await;
    let mut desk = Judge::of(&doors, "tenesa");
    let mail = api::Message {
        channel: api::Channel::Email.into(),
        account: "care@tenesa.example".into(),
        id: "reread@example.id".into(),
        text: "our own words for it".into(),
        raw: MAIL.into(),
        ..push::message("1")
    };
    doors.client().await.push(with_token(push::push(mail), "gateway")).await.unwrap();
    desk.commit(vec![joined(desk.last().0, 1)]).await;
    assert_eq!(corrected(&doors).await, (0, 0));
    doors.ingest.stop().await;
}

#[tokio::test]
async fn messages_of_a_case_from_another_desk_are_corrected_where_they_are_now() {
    let doors = Doors::open().await;
    let mut sending = Judge::of(&doors, "tenesa");
    let mut desk = Judge::of(&doors, "telkomcare");
    crate::smtp::send(&doors, "care@tenesa.example", MAIL).await;
    sending.misread(|content| content.text = "salah".into());
    let (place, input) = sending.last();
    sending
        .commit(vec![joined(place, 3), (place, Event::CaseForgotten(log::CaseForgotten { case: 3 }))])
        .await;
    let Some(log::input::Body::Message(message)) = input.body else { panic!("a message") };
    let messages = vec![log::Message { raw_digest: Default::default(), ..message.clone() }, message];
    let handover = log::Handover { desk: "tenesa".into(), seq: 2, index: 0, case: 3, messages };
    let input = log::Input { body: Some(log::input::Body::Handover(handover)), ..log::Input::default() };
    let record = log::InputRecord { schema: 1, writer: "test".into(), inputs: vec![input] };
    desk.log.append(simpang_log::Door::Deliver, record.encode_to_vec().into()).await.unwrap();
    let handover = desk.last().0;
    desk.commit(vec![joined(handover, 1)]).await;
    assert_eq!(corrected(&doors).await, (1, 1), "where it is, not where it was");
    let (reread, content) = desk.correction();
    assert_eq!((reread.message, reread.part, reread.case), (Some(handover), 1, 1));
    assert_eq!(content.text.trim(), "Sejak semalam.");
    doors.ingest.stop().await;
}
