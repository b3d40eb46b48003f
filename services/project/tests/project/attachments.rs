//! The bytes of files that a case names.

use std::sync::Arc;

use simpang_log::{DeskLog as _, Door, LogStore as _, chain};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::command::Body as Asked;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;
use simpang_proto::view::v1::get_attachment_response::Body;
use tonic::{Code, Status};

use crate::script::{Script, joined, mail, opened, sealed};
use crate::server::Running;

fn file(name: &str, bytes: &[u8]) -> log::Attachment {
    log::Attachment { name: name.into(), digest: chain::digest(bytes).to_vec().into(), ..Default::default() }
}

fn message(attachment: log::Attachment) -> log::Message {
    let content = log::MessageContent { attachments: vec![attachment], ..Default::default() };
    log::Message { content: sealed(&content), ..mail("budi", "", "") }
}

async fn get(
    running: &Running,
    token: &'static str,
    case: u64,
    bytes: &[u8],
) -> Result<(api::Attachment, Vec<u8>), Status> {
    let digest = chain::digest(bytes).to_vec();
    let asked = api::GetAttachmentRequest { desk: "tenesa".into(), case, digest, at_least: 0 };
    let mut pieces = running.view(token).get_attachment(asked).await?.into_inner();
    let Some(Body::File(file)) = pieces.message().await?.unwrap().body else {
        panic!("the name comes first")
    };
    let mut all = Vec::new();
    while let Some(piece) = pieces.message().await? {
        let Some(Body::Chunk(chunk)) = piece.body else { panic!("then bytes") };
        assert!(chunk.len() <= 256 << 10);
        all.extend(chunk);
    }
    Ok((file, all))
}

#[tokio::test]
async fn a_file_is_given_to_those_who_may_read_the_case_that_names_it() {
    let mut s = Script::new("tenesa").await;
    let large: Vec<u8> = (0..700_000_u32).map(|i| (i % 249) as u8).collect();
    for bytes in [large.as_slice(), b"answer", b"withdrawn", b"elsewhere"] {
        s.store.put_raw(chain::digest(bytes), bytes.to_vec().into()).await.unwrap();
    }
    let first = s.input(Door::Ingest, Arrived::Message(message(file("tagihan.pdf", &large)))).await;
    s.commit(first, vec![opened(1), joined(1, first, 1)]).await;
    let second = s.input(Door::Ingest, Arrived::Message(message(file("b", b"withdrawn")))).await;
    s.commit(second, vec![joined(1, second, 2)]).await;
    let other = s.input(Door::Ingest, Arrived::Message(message(file("c", b"elsewhere")))).await;
    s.commit(other, vec![opened(2), joined(2, other, 1)]).await;
    let gone = s.input(Door::Ingest, Arrived::Message(message(file("d", b"never kept")))).await;
    s.commit(gone, vec![joined(1, gone, 3)]).await;
    let content =
        log::TextContent { attachments: vec![file("jawaban.pdf", b"answer")], ..Default::default() };
    let reply = log::Reply { content: sealed(&content), ..Default::default() };
    let reply = s.command("siti", 1, Asked::Reply(reply)).await;
    let delivery = log::DeliveryQueued {
        delivery: Some(log::DeliveryId { input: Some(reply), part: 0 }),
        case: 1,
        kind: log::DeliveryKind::Reply.into(),
        channel: log::Channel::Email.into(),
        to: Some(first),
        ..Default::default()
    };
    s.commit(reply, vec![Happened::DeliveryQueued(delivery)]).await;

    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(s.store.clone()), folder.path()).await;
    let last = s.store.desk(&s.desk).last_seq().await.unwrap();
    running.until(|running| running.project.health()[0].position == Some(last)).await;
    let code = |got: Result<_, Status>| got.map(|(_, _): (api::Attachment, Vec<u8>)| ()).unwrap_err().code();

    let (about, bytes) = get(&running, "auditor", 1, &large).await.unwrap();
    assert_eq!((about.name.as_str(), about.size), ("tagihan.pdf", 700_000));
    assert!(bytes == large, "whole and in order");
    let (about, bytes) = get(&running, "gateway", 1, b"answer").await.unwrap();
    assert_eq!((about.name.as_str(), bytes.as_slice()), ("jawaban.pdf", &b"answer"[..]));
    assert!(get(&running, "auditor", 1, b"withdrawn").await.is_ok());
    assert_eq!(code(get(&running, "auditor", 1, b"elsewhere").await), Code::NotFound, "another case's");
    assert_eq!(code(get(&running, "auditor", 1, b"never kept").await), Code::NotFound);
    for (token, expected) in [
        ("stranger", Code::PermissionDenied),
        ("elsewhere", Code::PermissionDenied),
        ("nobody", Code::Unauthenticated),
    ] {
        assert_eq!(code(get(&running, token, 1, &large).await), expected, "{token}");
    }

    let removal = log::Message { kind: log::MessageKind::Remove.into(), ..mail("budi", "", "") };
    let removal = s.input(Door::Ingest, Arrived::Message(removal)).await;
    let removed = log::MessageRemoved { case: 1, message: Some(second), part: 0 };
    let last = s.commit(removal, vec![Happened::MessageRemoved(removed)]).await;
    running.until(|running| running.project.health()[0].position == Some(last)).await;
    assert_eq!(code(get(&running, "auditor", 1, b"withdrawn").await), Code::NotFound, "it was withdrawn");
    running.stop().await;
}
