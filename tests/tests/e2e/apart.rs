//! Every role in a process of its own, against one nats-server.

use simpang_proto::view::v1::{Case, DeliveryState, entry};
use simpang_tests::{Layout, Letter, Stand, eventually};

fn letter(number: u32) -> Letter {
    Letter {
        from: "it@sinarmaju.example".into(),
        subject: format!("Keluhan {number}"),
        id: format!("apart-{number}@sinarmaju.example"),
        answers: String::new(),
        text: "Internet mati.".into(),
    }
}

fn is_delivered(case: &Case) -> bool {
    case.conversation.iter().any(|entry| {
        matches!(&entry.what, Some(entry::What::Delivery(sent)) if sent.state() == DeliveryState::Delivered)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_in_processes_of_their_own_do_the_same_and_stop_without_loss() {
    let mut stand = Stand::start(Layout::Apart, |_| {}).await;
    assert!(letter(1).send(stand.smtp(), stand.sent()).await);
    let rina = stand.signed_in("rina", "tenesa").await;
    let first = rina.pull_one().await.case;
    rina.reply(first, 1, "Kami cek dulu.", false).await.unwrap();
    rina.client.case_when("tenesa", first, "has its answer delivered", is_delivered).await;

    // What is accepted until the very moment of stopping is there afterwards.
    let (smtp, sent) = (stand.smtp(), stand.sent().clone());
    let sender = tokio::spawn(async move {
        let mut accepted = 0;
        for number in 2..200 {
            accepted += u32::from(letter(number).send(smtp, &sent).await);
        }
        accepted
    });
    let sent = stand.sent().clone();
    let begun = sent.count();
    eventually("some mails on their way", async || (sent.count() > begun + 20).then_some(())).await;
    stand.stop_all().await;
    let accepted = sender.await.unwrap();
    assert!(accepted >= 20, "{accepted}");

    stand.run_all();
    stand.until_ready().await;
    let rina = stand.signed_in("rina", "tenesa").await;
    let second = rina.pull_one().await;
    rina.reply(second.case, 1, "Sudah kami teruskan.", true).await.unwrap();
    rina.client.case_when("tenesa", second.case, "has its answer delivered", is_delivered).await;
    let finished = stand.finish().await;
    let verdict = finished.verdicts.iter().find(|v| v["desk"] == "tenesa").unwrap();
    assert_eq!(verdict["checker"]["counts"]["messages"], accepted + 1, "{verdict:#}");
    assert_eq!(finished.received.len(), 2);
    stand.stop_all().await;
}
