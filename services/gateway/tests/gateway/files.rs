//! Files that go with an answer.

use prost::Message as _;
use simpang_log::LogStore as _;
use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1::{self as log, command};
use tonic::Code;

use crate::world::{DESK, World, pull};

fn reply(request_id: &str, case: u64, digest: &[u8]) -> api::ReplyRequest {
    let file = api::ReplyAttachment {
        digest: digest.to_vec(),
        name: "folder/tagihan.pdf".into(),
        media_type: "Application/PDF".into(),
        size: 3,
    };
    api::ReplyRequest {
        desk: DESK.into(),
        request_id: request_id.into(),
        case,
        text: "Terlampir.".into(),
        attachments: vec![file],
        ..Default::default()
    }
}

#[tokio::test]
async fn an_answer_names_files_that_are_kept_and_no_others() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    let digest = simpang_log::chain::digest(b"isi");
    let refused = agent.reply(reply("r1", 9, &digest)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("upload the file first"), "{refused}");
    assert!(agent.reply(reply("r1", 9, &[1; 31])).await.unwrap_err().code() == Code::InvalidArgument);
    let written = world.commands().len();
    world.store.put_raw(digest, b"isi".as_slice().into()).await.unwrap();
    // What the desk says of case 9 does not matter here: the command stands on its log.
    let _ = agent.reply(reply("r1", 9, &digest)).await;
    let is_reply = |body: &command::Body| matches!(body, command::Body::Reply(_));
    let Some(command::Body::Reply(asked)) = world.until_command(is_reply).await.body else { panic!() };
    let content = log::TextContent::decode(asked.content.unwrap().body).unwrap();
    let file = &content.attachments[0];
    assert_eq!((file.name.as_str(), file.media_type.as_str()), ("tagihan.pdf", "application/pdf"));
    assert_eq!((&file.digest[..], file.size), (&digest[..], 3));
    assert_eq!(world.commands().len(), written + 1, "nothing of what was refused stands there");
}

#[tokio::test]
async fn an_answer_with_files_on_x_is_refused_at_the_door_with_the_reason() {
    let world = World::start().await;
    world.router.script().stock.extend([7]);
    let (mut agent, _) = world.signed_in("sari-token").await;
    agent.pull(pull("p1", 1, 0)).await.unwrap();
    let digest = simpang_log::chain::digest(b"isi");
    world.store.put_raw(digest, b"isi".as_slice().into()).await.unwrap();
    let refused = agent.reply(reply("r1", 7, &digest)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("X takes no files") && refused.message().contains("link"),
        "{refused}"
    );
    assert!(!world.commands().iter().any(|c| matches!(c.body, Some(command::Body::Reply(_)))));
}
