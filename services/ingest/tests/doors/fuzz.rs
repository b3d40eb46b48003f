//! The doors against inputs that nobody thought of: they answer, and go on serving.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{DEADLINE, Doors};
use crate::mutate::{Mutator, run};

/// What a test's runtime does until it is done.
fn block<T>(work: impl std::future::Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

const MESSAGE: &str = r#"{"channel":"other","account":"whatsapp","id":"wamid.1","author":{"address":"62812","name":"Budi"},
    "text":"halo","sent_at_ms":1785726870000,"facts":[{"name":"followers","value":7},{"name":"vip","value":true}],
    "attachments":[{"name":"a.png","media_type":"image/png","url":"https://x.example/a.png"}],"raw":"aGFsbw=="}"#;

fn post(bytes: &[u8]) -> Request<Body> {
    let request = Request::post("/v1/messages").header("authorization", "Bearer gateway");
    request.header("content-type", "application/json").body(Body::from(bytes.to_vec())).unwrap()
}

#[test]
fn the_json_door_answers_whatever_comes() {
    const WORDS: &[&str] =
        &["{", "}", "[", "null", "1e999", "\"\\ud800\"", "\"facts\":", "true", "\"raw\":\"AAAA\"", ","];
    let samples = vec![MESSAGE.into(), format!("[{MESSAGE},{MESSAGE}]").into_bytes()];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let doors = runtime.block_on(Doors::open());
    for sample in &samples {
        let (status, answer) = runtime.block_on(doors.call(post(sample)));
        assert_eq!(status, StatusCode::OK, "a sample that is refused leads no mutation inside: {answer}");
        assert!(!answer.contains("refused"), "{answer}");
    }
    let (mut taken, mut not_taken) = (0, 0);
    run("json-door", Mutator::new(samples, WORDS), |bytes| {
        let (status, answer) = runtime.block_on(doors.call(post(bytes)));
        assert!(status != StatusCode::INTERNAL_SERVER_ERROR, "{status}");
        let is_taken = status == StatusCode::OK && answer.contains("places");
        *(if is_taken { &mut taken } else { &mut not_taken }) += 1;
    });
    assert!(taken > 0 && not_taken > 0, "{taken} were taken and {not_taken} were not");
    runtime.block_on(doors.ingest.stop());
}

const DIALOGUE: &str = "EHLO a.example\r\nMAIL FROM:<budi@b.example> SIZE=100 BODY=8BITMIME\r\n\
    RCPT TO:<care@tenesa.example>\r\nDATA\r\nFrom: budi@b.example\r\nSubject: x\r\n\r\nhalo\r\n.\r\nRSET\r\nNOOP\r\nQUIT\r\n";

#[test]
fn the_mail_door_answers_whatever_commands_come() {
    const WORDS: &[&str] = &[
        "\r\n",
        "\n",
        "\r",
        "\0",
        ".\r\n",
        "..",
        "MAIL FROM:<>",
        "RCPT TO:<care@tenesa.example>\r\n",
        "DATA\r\n",
        "BDAT 10 LAST\r\n",
        "LHLO x\r\n",
        "HELO x\r\n",
        "STARTTLS\r\n",
        "AUTH PLAIN AAAA\r\n",
        "SIZE=99999999999999999999",
        "<",
        ">",
        "\u{ff}",
        "VRFY ",
        "HELP\r\n",
    ];
    block(async {
        let doors = Doors::open().await;
        let address = doors.smtp();
        let dialogue = move |bytes: Vec<u8>| async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let mut answers = Vec::new();
            let read = timeout(DEADLINE, stream.read_to_end(&mut answers)).await;
            assert!(read.is_ok(), "the door neither answers nor hangs up");
            assert!(
                answers.len() <= 64 * bytes.len() + 10_000,
                "{} bytes were answered by {}",
                bytes.len(),
                answers.len()
            );
        };
        let handle = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            run("mail-door", Mutator::new(vec![DIALOGUE.into()], WORDS), |bytes| {
                handle.block_on(dialogue(bytes.to_vec()));
            });
        })
        .await
        .unwrap();
        // It still serves.
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"QUIT\r\n").await.unwrap();
        let mut answers = String::new();
        timeout(DEADLINE, stream.read_to_string(&mut answers)).await.unwrap().unwrap();
        assert!(answers.starts_with("220"), "{answers}");
        doors.ingest.stop().await;
    });
}
