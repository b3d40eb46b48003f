//! Stored raw bytes read again after a parser was mended, and what nobody reads again: what its author withdrew.

use prost::Message as _;
use simpang_log::{DeskName, Door, LogStore, RecordKind};
use simpang_log_nats::{NatsOptions, NatsStore};
use simpang_proto::ingest::v1::{Message as Pushed, MessageKind};
use simpang_proto::log::v1::{self as log, input::Body as Input};
use simpang_proto::view::v1::{Case, CustomerMessage, entry};
use simpang_tests::{Letter, Pusher, Stand, eventually};

const TEXT: &str = "Selamat pagi, tagihan kami naik dua kali.";

/// The mail as a parser made it whose mistake was found later: another one of the same raw bytes, on the same case.
async fn misread(stand: &Stand) -> u64 {
    let store = NatsStore::connect(&stand.nats_url(), NatsOptions::default()).await.unwrap();
    let log = store.open(&DeskName::new("tenesa").unwrap()).await.unwrap();
    let last = log.last_seq().await.unwrap();
    let mut found = None;
    for seq in 1..=last {
        let record = log.get(seq).await.unwrap().unwrap();
        if record.kind != RecordKind::Commit {
            let inputs = log::InputRecord::decode(record.payload).unwrap().inputs;
            found = inputs.into_iter().find_map(|input| match input.body {
                Some(Input::Message(message)) => Some(message),
                _ => None,
            });
        }
        if found.is_some() {
            break;
        }
    }
    let mail = found.unwrap();
    let mut content = log::MessageContent::decode(mail.content.as_ref().unwrap().body.clone()).unwrap();
    content.text = "=53elamat".into();
    content.full_text = content.text.clone();
    let body = content.encode_to_vec().into();
    let message = log::Message {
        source: vec![9; 16].into(),
        joins: mail.provides.clone(),
        provides: vec![vec![9; 16].into()],
        content: Some(log::Sealed { sealing: log::Sealing::None.into(), body }),
        ..mail
    };
    let input =
        log::Input { key: vec![7; 16].into(), body: Some(Input::Message(message)), ..Default::default() };
    let record = log::InputRecord { schema: 1, writer: "an older door".into(), inputs: vec![input] };
    log.append(Door::Ingest, record.encode_to_vec().into()).await.unwrap()
}

fn messages(case: &Case) -> impl Iterator<Item = &CustomerMessage> {
    case.conversation.iter().filter_map(|entry| match &entry.what {
        Some(entry::What::Message(message)) => Some(message),
        _ => None,
    })
}

fn at(case: &Case, seq: u64) -> Option<&CustomerMessage> {
    messages(case).find(|message| message.place.unwrap_or_default().seq == seq)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_misread_is_corrected_once_and_wakes_nobody() {
    let mut stand = Stand::up().await;
    let letter = Letter {
        from: "it@sinarmaju.example".into(),
        subject: "Tagihan".into(),
        id: "tagihan-1@sinarmaju.example".into(),
        answers: String::new(),
        text: TEXT.into(),
    };
    assert!(letter.send(stand.smtp(), stand.sent()).await);
    let rina = stand.signed_in("rina", "tenesa").await;
    assert_eq!(rina.pull_one().await.case, 1);
    let seq = misread(&stand).await;
    let joined = |case: &Case| at(case, seq).is_some();
    let case = rina.client.case_when("tenesa", 1, "has the misread mail", joined).await;
    assert_eq!(at(&case, seq).unwrap().text, "=53elamat");
    rina.resolve(1).await.unwrap();

    let trial = stand.must(&["ingest", "replay", "--dry-run"]).await;
    assert!(trial.contains(&format!("desk tenesa {seq}.0: would be corrected: full_text, text")), "{trial}");
    assert!(trial.contains("1 would be corrected") && !trial.contains("tagihan kami"), "{trial}");
    let corrected = async || {
        let told = stand.must(&["ingest", "replay", "--json"]).await;
        serde_json::from_str::<serde_json::Value>(&told).unwrap()
    };
    let told = corrected().await;
    assert_eq!((&told["corrected"], &told["corrections"][0]["seq"]), (&1.into(), &seq.into()), "{told}");
    let read = |case: &Case| at(case, seq).is_some_and(|message| message.text.contains(TEXT));
    let case = rina.client.case_when("tenesa", 1, "says what the mail says", read).await;
    let message = at(&case, seq).unwrap();
    assert!(message.reread_ms > 0 && message.edited_ms == 0);
    assert!(case.resolved_ms > 0, "it sleeps on");
    assert_eq!(corrected().await["corrected"], 0);
    let replay = stand.must(&["replay", "tenesa", "--case", "1"]).await;
    let sentence =
        format!("The message at {seq}.0 was read again from its raw bytes; corrected: full_text, text.");
    assert!(replay.contains(&sentence), "{replay}");
    assert!(replay.contains("A message on case 1 was read again and corrected."), "{replay}");
    stand.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withdrawn_is_in_no_reading_of_the_log() {
    let mut stand = Stand::up().await;
    let client = stand.client("admin");
    let mut pusher = Pusher::open(&client, stand.sent()).await.unwrap();
    let post = |id: &str, kind: MessageKind, text: &str| Pushed {
        kind: kind.into(),
        sent_at_ms: 1,
        ..Pusher::message(id, "420042", text)
    };
    pusher.push(vec![post("1", MessageKind::New, "sandi saya rahasia123")]).await.unwrap();
    pusher.push(vec![post("1", MessageKind::New, "sandi saya rahasia123")]).await.unwrap();
    pusher.push(vec![post("1", MessageKind::Edit, "sandi saya rahasia456")]).await.unwrap();
    pusher.push(vec![post("2", MessageKind::New, "internet mati")]).await.unwrap();
    let content = async || stand.must(&["replay", "telkomcare", "--content"]).await;
    eventually("the edit to be judged", async || content().await.contains("was edited").then_some(())).await;
    assert_eq!(content().await.matches("rahasia").count() % 3, 0, "three inputs say it");
    pusher.push(vec![post("1", MessageKind::Remove, "")]).await.unwrap();
    let told = eventually("the removal to be judged", async || {
        let told = content().await;
        told.contains("was withdrawn by its author").then_some(told)
    })
    .await;
    assert!(!told.contains("rahasia") && told.contains("internet mati"), "{told}");
    assert_eq!(told.matches("[withdrawn by its author]").count(), 4, "{told}");
    let json = stand.must(&["replay", "telkomcare", "--content", "--json"]).await;
    assert!(!json.contains("rahasia") && json.contains("[withdrawn by its author]"), "{json}");
    stand.finish().await;
}
