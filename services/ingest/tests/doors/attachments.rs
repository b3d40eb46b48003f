//! Files by chunk, and messages that name them.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use futures_util::stream;
use simpang_log::{LogStore as _, chain};
use simpang_proto::ingest::v1 as api;
use simpang_proto::ingest::v1::upload_attachment_request::Body as Piece;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::harness::{ATTACHMENT_BYTES, DEADLINE, Doors, eventually, with_token};
use crate::push::{self, Stream};

fn begin(size: u64, digest: &[u8]) -> Piece {
    Piece::Begin(api::BeginUpload { size, digest: digest.to_vec() })
}

async fn send(
    doors: &Doors,
    token: &str,
    pieces: Vec<Piece>,
) -> Result<api::UploadAttachmentResponse, Status> {
    let pieces = pieces.into_iter().map(|body| api::UploadAttachmentRequest { body: Some(body) });
    let request = with_token(stream::iter(pieces.collect::<Vec<_>>()), token);
    Ok(doors.client().await.upload_attachment(request).await?.into_inner())
}

/// Uploads a file in pieces of 64 KiB.
pub(crate) async fn upload(
    doors: &Doors,
    token: &str,
    bytes: &[u8],
) -> Result<api::UploadAttachmentResponse, Status> {
    let chunks = bytes.chunks(64 << 10).map(|chunk| Piece::Chunk(chunk.to_vec()));
    send(doors, token, std::iter::once(begin(0, &[])).chain(chunks).collect()).await
}

fn file(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 253) as u8).collect()
}

async fn kept(doors: &Doors) -> usize {
    doors.store.list_raw().await.unwrap().len()
}

#[tokio::test]
async fn a_file_in_pieces_is_kept_whole_under_the_digest_that_is_answered() {
    let doors = Doors::open().await;
    let bytes = file(1_500_000);
    let answer = upload(&doors, "gateway", &bytes).await.unwrap();
    assert_eq!((answer.digest.clone(), answer.size), (chain::digest(&bytes).to_vec(), 1_500_000));
    assert_eq!(doors.raw(&answer.digest).await.unwrap(), bytes);
    let again = upload(&doors, "agent-7", &bytes).await.unwrap();
    assert_eq!(again, answer, "a repeat is answered the same");
    assert_eq!(kept(&doors).await, 1, "and keeps nothing more");
}

#[tokio::test]
async fn a_file_over_the_limit_or_other_than_announced_is_refused_and_leaves_nothing() {
    let doors = Doors::open().await;
    let chunk = || Piece::Chunk(b"halo".to_vec());
    let digest = chain::digest(b"halo");
    let large = |size: usize| std::iter::repeat_n(Piece::Chunk(vec![7; 64 << 10]), size.div_ceil(64 << 10));
    let too_large = std::iter::once(begin(0, &[])).chain(large(ATTACHMENT_BYTES + 1));
    for (pieces, code, word) in [
        (vec![begin(ATTACHMENT_BYTES as u64 + 1, &[])], Code::ResourceExhausted, "link"),
        (too_large.collect(), Code::ResourceExhausted, "link"),
        (vec![begin(5, &digest), chunk()], Code::InvalidArgument, "4 bytes"),
        (vec![begin(0, &[1; 32]), chunk()], Code::InvalidArgument, "digest"),
        (vec![begin(0, &[1; 31]), chunk()], Code::InvalidArgument, "SHA-256"),
        (vec![begin(0, &[])], Code::InvalidArgument, "no bytes"),
        (vec![chunk()], Code::InvalidArgument, "begin"),
        (vec![begin(0, &[]), chunk(), begin(0, &[])], Code::InvalidArgument, "chunk"),
    ] {
        let refused = send(&doors, "gateway", pieces).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.message().contains(word), "{word}: {refused}");
    }
    assert_eq!(upload(&doors, "nobody", b"halo").await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(kept(&doors).await, 0);
    assert!(send(&doors, "gateway", vec![begin(4, &digest), chunk()]).await.is_ok());
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_and_its_place_to_others() {
    let doors = Doors::open().await;
    let mut client = doors.client().await;
    for _ in 0..10 {
        let (pieces, outbound) = mpsc::channel(4);
        let request = with_token(ReceiverStream::new(outbound), "gateway");
        let mut own = client.clone();
        let uploading = tokio::spawn(async move { own.upload_attachment(request).await });
        for piece in [begin(8, &[]), Piece::Chunk(b"half".to_vec())] {
            pieces.send(api::UploadAttachmentRequest { body: Some(piece) }).await.unwrap();
        }
        uploading.abort();
        let _ = uploading.await;
    }
    // More than are taken at once broke off; the next is taken all the same.
    let taken = async {
        loop {
            let pieces = [begin(0, &[]), Piece::Chunk(b"whole".to_vec())];
            let pieces = pieces.map(|body| api::UploadAttachmentRequest { body: Some(body) });
            match client.upload_attachment(with_token(stream::iter(pieces), "gateway")).await {
                Ok(answer) => return answer.into_inner(),
                Err(busy) => assert_eq!(busy.code(), Code::Unavailable, "{busy}"),
            }
        }
    };
    let answer = timeout(DEADLINE, taken).await.unwrap();
    assert_eq!(doors.raw(&answer.digest).await.unwrap(), "whole");
    assert_eq!(kept(&doors).await, 1);
}

fn put(token: &str, query: &str, body: Body) -> Request<Body> {
    let request = Request::put(format!("/v1/attachments{query}"));
    request.header("authorization", format!("Bearer {token}")).body(body).unwrap()
}

#[tokio::test]
async fn a_file_by_http_is_read_piece_by_piece_and_answered_with_its_digest() {
    let doors = Doors::open().await;
    let bytes = file(300_000);
    let pieces: Vec<_> =
        bytes.chunks(1_000).map(|c| Ok::<_, std::io::Error>(Bytes::copy_from_slice(c))).collect();
    let digest = hex::encode(chain::digest(&bytes));
    let streamed = || Body::from_stream(stream::iter(pieces_of(&bytes)));
    let (status, answer) = doors.call(put("gateway", "", Body::from_stream(stream::iter(pieces)))).await;
    assert_eq!((status, answer), (StatusCode::OK, format!(r#"{{"digest":"{digest}","size":300000}}"#)));
    let (status, _) = doors.call(put("gateway", &format!("?sha256={digest}"), streamed())).await;
    assert_eq!(status, StatusCode::OK);
    let broken = stream::iter([Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("cut"))]);
    for (request, expected, word) in [
        (put("gateway", &format!("?sha256={digest}"), Body::from("other")), 400, "digest"),
        (put("gateway", "?sha256=x", Body::from("other")), 400, "hexadecimal"),
        (put("gateway", "", Body::from(vec![0; ATTACHMENT_BYTES + 1])), 413, "link"),
        (put("gateway", "", Body::from_stream(broken)), 400, "broke off"),
        (put("nobody", "", Body::from("a")), 401, "token"),
    ] {
        let (status, detail) = doors.call(request).await;
        assert_eq!(status.as_u16(), expected, "{detail}");
        assert!(detail.contains(word), "{word}: {detail}");
    }
    assert_eq!(kept(&doors).await, 1);
}

fn pieces_of(bytes: &[u8]) -> Vec<Result<Bytes, std::io::Error>> {
    bytes.chunks(7_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect()
}

fn naming(id: &str, digest: &[u8]) -> api::Message {
    let attachment = api::Attachment {
        name: "../C:\\surat\u{202e}fdp.exe".into(),
        media_type: "application/pdf".into(),
        digest: digest.to_vec(),
        size: 4,
        ..api::Attachment::default()
    };
    api::Message { attachments: vec![attachment], ..push::message(id) }
}

#[tokio::test]
async fn a_message_may_name_a_file_that_is_kept_and_is_refused_with_one_that_is_not() {
    let doors = Doors::open().await;
    let mut client = doors.client().await;
    let push = |message| api::PushRequest { message: Some(message) };
    let refused = client.push(with_token(push(naming("1", &[9; 32])), "gateway")).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("upload the file first"), "{refused}");
    let short = client.push(with_token(push(naming("1", &[9; 31])), "gateway")).await.unwrap_err();
    assert_eq!(short.code(), Code::InvalidArgument);
    let mut both = naming("1", &[9; 32]);
    both.attachments[0].url = "https://a.example/1".into();
    assert_eq!(
        client.push(with_token(push(both), "gateway")).await.unwrap_err().code(),
        Code::InvalidArgument
    );

    let digest = upload(&doors, "gateway", b"isi\n").await.unwrap().digest;
    let mut stream = Stream::open(&doors, "gateway").await;
    let messages = vec![naming("1", &digest), naming("2", &[9; 32])];
    stream.frames.send(api::PushStreamRequest { frame: 1, messages }).await.unwrap();
    let verdicts = stream.acknowledged().await.verdicts;
    assert!(matches!(verdicts[0].outcome, Some(api::message_verdict::Outcome::Accepted(_))));
    let Some(api::message_verdict::Outcome::Refused(refusal)) = &verdicts[1].outcome else { panic!() };
    assert_eq!(refusal.reason(), api::RefusalReason::UnknownAttachment);

    eventually("the message is on the log", || doors.messages("telkomcare").len() == 1).await;
    let content = doors.messages("telkomcare").remove(0).1;
    let attachment = &content.attachments[0];
    assert_eq!(attachment.name, "suratfdp.exe", "a safe name");
    assert_eq!((attachment.digest.to_vec(), attachment.size), (digest, 4));
    assert_eq!(doors.raw(&attachment.digest).await.unwrap(), "isi\n");
}

#[tokio::test]
async fn a_message_as_json_names_a_file_by_its_digest_in_hexadecimal() {
    let doors = Doors::open().await;
    let digest = hex::encode(upload(&doors, "gateway", b"isi").await.unwrap().digest);
    let message = |digest: &str| {
        let body = format!(
            r#"{{"channel":"other","account":"whatsapp","id":"1","author":{{"address":"+62811"}},
               "attachments":[{{"name":"a.pdf","digest":"{digest}","size":3}}]}}"#
        );
        let request = Request::post("/v1/messages").header("authorization", "Bearer gateway");
        request.body(Body::from(body)).unwrap()
    };
    assert_eq!(doors.call(message(&"0".repeat(64))).await.0, StatusCode::CONFLICT);
    assert_eq!(doors.call(message("zz")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(doors.call(message(&digest)).await.0, StatusCode::OK);
    assert_eq!(hex::encode(&doors.messages("telkomcare")[0].1.attachments[0].digest), digest);
}
