//! A mail's way: in by SMTP, to an agent by gRPC, the answer out by SMTP, the customer's next mail to the same case.

use simpang_proto::view::v1::{CaseState, Clock, ClockState, DeliveryState, entry};
use simpang_tests::{Letter, Stand, eventually};

fn first_letter() -> Letter {
    Letter {
        from: "it@sinarmaju.example".into(),
        subject: "Internet kantor mati".into(),
        id: "keluhan-1@sinarmaju.example".into(),
        answers: String::new(),
        text: "Selamat pagi,\ninternet kantor kami mati sejak semalam.\n.titik di awal baris\n".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_answered_and_its_thread_stays_one_case() {
    let mut stand = Stand::up().await;
    assert!(first_letter().send(stand.smtp(), stand.sent()).await);

    let rina = stand.signed_in("rina", "tenesa").await;
    let got = rina.pull_one().await;
    let summary = got.summary.unwrap();
    assert_eq!((got.case, summary.queue.as_str(), summary.segment.as_str()), (1, "enterprise", "DES"));
    assert_eq!((summary.customer.as_str(), summary.messages), ("C-1001", 1));
    assert_eq!(got.explanation.unwrap().rule, "enterprise");

    let classified = rina.classify(1, &["Komplain", "Internet", "Tidak Bisa Connect"], &[]).await.unwrap();
    let case = rina.client.case("tenesa", 1, classified.position).await.unwrap();
    assert_eq!(case.rule, "fault-new");
    let Some(entry::What::Message(message)) = &case.conversation[0].what else { panic!("{case:?}") };
    assert_eq!(message.from_address, "it@sinarmaju.example");
    assert!(message.text.contains("mati sejak semalam.\n.titik"), "{:?}", message.text);

    rina.reply(1, 1, "Mohon maaf, teknisi kami sedang menuju lokasi.", false).await.unwrap();
    let answer =
        eventually("the answer to arrive", async || stand.mail_sink().mails().into_iter().next()).await;
    assert_eq!(answer.to, ["it@sinarmaju.example"]);
    assert_eq!(answer.header("In-Reply-To"), "<keluhan-1@sinarmaju.example>");
    assert_eq!(answer.header("References"), "<keluhan-1@sinarmaju.example>");
    assert_eq!(answer.header("Subject"), "Re: [#1] Internet kantor mati");
    assert!(answer.raw.contains("teknisi kami sedang menuju lokasi"), "{}", answer.raw);
    assert!(answer.raw.contains("TENESA - Telkom Enhanced Enterprise"), "the desk's signature (E6)");
    let reference = answer.reference().expect("our own signed reference");
    assert_eq!((reference.desk.as_str(), reference.case), ("tenesa", 1));

    let id = answer.header("Message-ID").trim_matches(['<', '>']).to_owned();
    let next = Letter {
        from: "orang.lain@gmail.example".into(),
        subject: "Re: Internet kantor mati".into(),
        id: "keluhan-2@gmail.example".into(),
        answers: id,
        text: "Sudah menyala, terima kasih.".into(),
    };
    assert!(next.send(stand.smtp(), stand.sent()).await);
    let joined =
        |case: &simpang_proto::view::v1::Case| case.summary.as_ref().is_some_and(|s| s.messages == 2);
    let case = rina.client.case_when("tenesa", 1, "has the customer's answer", joined).await;
    let Some(entry::What::Message(message)) = &case.conversation[2].what else { panic!("{case:?}") };
    assert_eq!(message.joined_by, "signature");

    let resolved = rina.resolve(1).await.unwrap();
    let case = rina.client.case("tenesa", 1, resolved.position).await.unwrap();
    assert_eq!(case.summary.as_ref().unwrap().state(), CaseState::Resolved);
    let Some(entry::What::Delivery(sent)) = &case.conversation[1].what else { panic!("{case:?}") };
    assert_eq!((sent.state(), sent.agent.as_str()), (DeliveryState::Delivered, "rina"));
    let clock = |which: Clock| case.clocks.iter().find(|c| c.clock() == which).unwrap().state();
    assert_eq!((clock(Clock::FirstResponse), clock(Clock::Resolution)), (ClockState::Met, ClockState::Met));
    let board = rina.client.sla("tenesa", resolved.position).await.unwrap();
    let kept =
        |clock: Clock| board.attainment.iter().filter(|a| a.clock() == clock).map(|a| a.met).sum::<u32>();
    assert_eq!((kept(Clock::FirstResponse), kept(Clock::Resolution)), (1, 1));

    tells_what_happened(&stand).await;
    let finished = stand.finish().await;
    assert_eq!(finished.received.len(), 1);
}

/// The commands that read the log.
async fn tells_what_happened(stand: &Stand) {
    let replay = stand.must(&["replay", "tenesa", "--case", "1"]).await;
    for told in [
        "Case 1 was opened by email",
        "Rule enterprise classified case 1: segment DES, priority normal, queue enterprise",
        "rina pulled case 1",
        "was accepted by the channel",
        "joined case 1 by our own signature",
        "rina resolved case 1",
    ] {
        assert!(replay.contains(told), "{told} is not in\n{replay}");
    }
    assert!(
        !replay.contains("sejak semalam") && !replay.contains("sinarmaju"),
        "nothing personal unasked:\n{replay}"
    );
    let with_content = stand.must(&["replay", "tenesa", "--case", "1", "--content"]).await;
    assert!(with_content.contains("sejak semalam"), "{with_content}");
    let explained = stand.must(&["explain", "tenesa", "1"]).await;
    for word in ["fault-new", "rina", "enterprise"] {
        assert!(explained.contains(word), "{word} is not in\n{explained}");
    }
    let table = stand.must(&["show", "cases", "tenesa"]).await;
    assert!(table.contains("resolved") && table.contains("PT Sinar Maju"), "{table}");
    let rebuilt = stand.must(&["project", "rebuild", "tenesa"]).await;
    assert!(rebuilt.starts_with("desk tenesa: views built anew from "), "{rebuilt}");
    assert_eq!(stand.must(&["show", "cases", "tenesa"]).await, table);
    let sla = stand.must(&["show", "sla", "tenesa"]).await;
    assert!(sla.contains("enterprise"), "{sla}");
    let by_agent = stand.must(&["report", "sla", "tenesa", "--by", "agent", "--period", "whole"]).await;
    let first = by_agent.lines().find(|line| line.starts_with("rina,first-response,"));
    assert!(first.is_some_and(|row| row.starts_with("rina,first-response,1,1,0,0,0,0,100.0,")), "{by_agent}");
    let solved = stand.must(&["report", "first-contact", "tenesa", "--by", "agent,queue"]).await;
    assert!(solved.lines().any(|row| row.ends_with(",enterprise,rina,1,1,100.0,0,0,0,0")), "{solved}");
}
