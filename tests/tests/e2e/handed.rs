//! A case that went to another desk: its channel goes on telling the desk it came to, and both show what it says.

use serde_json::json;
use simpang_proto::agent::v1::{TransferRequest, transfer_request::Target};
use simpang_proto::view::v1::{Case, CustomerMessage, entry};
use simpang_tests::{Mention, Signed, Stand};

fn message(case: &Case) -> &CustomerMessage {
    let message = |entry: &'_ entry::What| matches!(entry, entry::What::Message(_));
    match case.conversation.iter().filter_map(|entry| entry.what.as_ref()).find(|what| message(what)) {
        Some(entry::What::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_author_edits_or_deletes_after_it_went_is_so_on_both_desks() {
    let mut stand = Stand::up().await;
    let rina = stand.signed_in("rina", "telkomcare").await;
    let first = Mention {
        id: "9001".into(),
        author: "420042".into(),
        handle: "budi_s".into(),
        text: "nomor saya kudaterbang".into(),
        answers: String::new(),
    };
    assert!(first.send(stand.http(), stand.sent()).await);
    assert_eq!(rina.pull_one().await.case, 1);
    let request_id = rina.request_id();
    let request = TransferRequest {
        desk: "telkomcare".into(),
        request_id: request_id.clone(),
        case: 1,
        target: Some(Target::ToDesk("tenesa".into())),
        ..TransferRequest::default()
    };
    rina.command(&request_id, async |mut agent| agent.transfer(request.clone()).await).await.unwrap();
    let auditor = stand.client("admin");
    let arrived = |case: &Case| message(case).text.contains("kudaterbang");
    auditor.case_when("tenesa", 1, "is on the other desk", arrived).await;

    let mut edited = Mention { id: "9002".into(), text: "internet saya matilampu".into(), ..first }.post();
    edited["edit_history"] = json!({"initial_tweet_id": "9001"});
    let answer = Signed::x("tweet_create_events", &edited).call(stand.http()).await.unwrap();
    assert_eq!(answer.status, 200);
    let is_edited = |case: &Case| {
        let message = message(case);
        message.text.contains("internet saya matilampu") && message.edits[0].text.contains("kudaterbang")
    };
    for desk in ["telkomcare", "tenesa"] {
        auditor.case_when(desk, 1, "has the text of the edit", is_edited).await;
    }

    let deleted = json!({"status": {"id": "9001", "user_id": "420042"}, "timestamp_ms": "1795240000000"});
    let answer = Signed::x("tweet_delete_events", &deleted).call(stand.http()).await.unwrap();
    assert_eq!(answer.status, 200);
    let is_gone = |case: &Case| message(case).removed_ms > 0;
    for desk in ["telkomcare", "tenesa"] {
        let case = auditor.case_when(desk, 1, "has it no more", is_gone).await;
        let shown = format!("{case:?}");
        assert!(
            !shown.contains("kudaterbang") && !shown.contains("internet saya matilampu"),
            "{desk}: {shown}"
        );
        let told = stand.must(&["replay", desk, "--content", "--json"]).await;
        assert!(!told.contains("kudaterbang") && !told.contains("internet saya matilampu"), "{desk}: {told}");
        assert!(told.contains("[withdrawn by its author]"), "{desk}: {told}");
    }
    stand.finish().await;
}
