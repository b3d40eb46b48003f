//! The judgement that ends every test here finds what is wrong, when something is.

use simpang_checker::{DeliveryId, ReceivedEntry, SentEntry};
use simpang_tests::{Letter, Stand};

fn letter(id: &str) -> Letter {
    Letter {
        from: "it@sinarmaju.example".into(),
        subject: "Keluhan".into(),
        id: format!("{id}@sinarmaju.example"),
        answers: String::new(),
        text: "Internet mati.".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_journal_says_and_the_log_does_not_is_found() {
    let mut stand = Stand::up().await;
    assert!(letter("ada").send(stand.smtp(), stand.sent()).await);
    stand.finish().await;

    let verdict = async |entry: String| {
        let file = stand.dir().join("journal.jsonl");
        std::fs::write(&file, entry).unwrap();
        let file = file.display().to_string();
        let output = stand.simpang(&["verify", "tenesa", "--quiescent", "--journal", &file]).await;
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let acknowledged = SentEntry {
        desk: "tenesa".into(),
        door: "ingest".into(),
        key: Some("00112233445566778899aabbccddeeff".into()),
        input: None,
    };
    let (holds, printed) = verdict(serde_json::to_string(&acknowledged).unwrap()).await;
    assert!(!holds && printed.contains("not on the log"), "{printed}");

    let received = ReceivedEntry {
        desk: "tenesa".into(),
        channel: "email".into(),
        delivery: DeliveryId { seq: 1, index: 0, part: 0 },
        wire_id: "<tidak-pernah-dikirim@telkom.example>".into(),
        attempt: 1,
        piece: 0,
    };
    let (holds, printed) = verdict(serde_json::to_string(&received).unwrap()).await;
    assert!(!holds && printed.contains("tidak-pernah-dikirim"), "{printed}");

    let (holds, printed) = verdict("not a journal".into()).await;
    assert!(!holds, "{printed}");
}
