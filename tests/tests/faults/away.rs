//! The broker is away, has no room, or is set up so that it could lose records; a view stands still. Doors refuse
//! before they acknowledge, the router goes on, and `simpang doctor` says what to do.

use serde_json::json;
use simpang_tests::{
    BrokerOptions, FacebookComment, Layout, Letter, Mention, Operator, Pusher, Role, Setup, Smtp, Stand,
    eventually,
};
use tonic::Code;

/// Room for all streams, bytes: enough for policy and people, and for little more.
const ROOM: u64 = 1024 * 1024;

pub(crate) fn letter(number: u32, text: &str) -> Letter {
    Letter {
        from: "it@sinarmaju.example".into(),
        subject: format!("Keluhan {number}"),
        id: format!("faults-{number}@sinarmaju.example"),
        answers: String::new(),
        text: text.to_owned(),
    }
}

fn mention(number: u32) -> Mention {
    Mention {
        id: (600_000 + number).to_string(),
        author: "8001".into(),
        handle: "warga".into(),
        text: format!("internet mati {number}"),
        answers: String::new(),
    }
}

fn comment(number: u32) -> FacebookComment {
    FacebookComment { id: format!("901_{number}"), author: "60001".into(), text: "Tagihan saya naik.".into() }
}

/// What the mail door answers to a letter; it is noted when that is 250.
async fn mail(stand: &Stand, letter: &Letter) -> u16 {
    let mut smtp = Smtp::connect(stand.smtp()).await.unwrap();
    let raw = letter.raw();
    let code = smtp.mail(&letter.from, "tenesa@telkom.example", raw.as_bytes()).await.unwrap();
    if code == 250 {
        stand.sent().mail("tenesa", "tenesa@telkom.example", raw.as_bytes());
    }
    code
}

pub(crate) async fn doctor(stand: &Stand) -> String {
    let output = stand.simpang(&["doctor"]).await;
    assert!(!output.status.success(), "something is broken, and doctor says all is well");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// No door says that it took something.
async fn every_door_refuses(stand: &Stand, number: u32) {
    let code = mail(stand, &letter(number, "Internet mati.")).await;
    assert!((400..500).contains(&code), "mail was answered {code}");
    for signed in [mention(number).signed(), comment(number).signed()] {
        let answer = signed.call(stand.http()).await.unwrap();
        assert_eq!(answer.status, 503, "{}: {}", signed.path, answer.body);
    }
    let client = stand.client("gateway");
    let pushed = async {
        let mut pusher = Pusher::open(&client, stand.sent()).await?;
        pusher.push(vec![Pusher::message(&number.to_string(), "5001", "@telkomcare halo")]).await
    };
    let status = pushed.await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_stands_still_slows_nobody_and_doors_refuse_while_the_broker_is_away() {
    let mut stand = Stand::start(Layout::Apart, |_| {}).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    stand.program(Role::Project).freeze();
    for number in 0..40 {
        assert_eq!(mail(&stand, &letter(number, "Internet mati.")).await, 250);
    }
    for _ in 0..10 {
        let case = rina.pull_one().await.case;
        rina.reply(case, 1, &format!("Kami cek {case}."), true).await.unwrap();
    }
    eventually("ten replies at the receivers", async || {
        (stand.mail_sink().mails().len() >= 10).then_some(())
    })
    .await;
    stand.program(Role::Project).thaw();
    rina.client.case_when("tenesa", 40, "is in the view", |case| case.summary.is_some()).await;

    stand.brokers().server(0).stop().await;
    every_door_refuses(&stand, 50).await;
    let refused = rina.pull(1).await;
    assert!(refused.is_err(), "an agent was answered: {refused:?}");
    let said = doctor(&stand).await;
    assert!(said.contains("FAIL  broker") && said.contains("\"The broker is away\""), "{said}");

    stand.brokers().server(0).run().await;
    eventually("the doors to take a letter again", async || {
        (mail(&stand, &letter(60, "Internet mati.")).await == 250).then_some(())
    })
    .await;
    lossy(&mut stand).await;
    let finished = stand.finish().await;
    assert_eq!(finished.received.len(), 10);
}

/// A stream that somebody has set so that it could lose records.
async fn lossy(stand: &mut Stand) {
    let operator = Operator::connect(&stand.nats_url()).await;
    let set = async |most: i64| {
        let info = operator.ask("STREAM.INFO.SIMPANG_telkomcare", &json!({})).await;
        let mut config = info["config"].clone();
        config["max_msgs"] = json!(most);
        let answer = operator.ask("STREAM.UPDATE.SIMPANG_telkomcare", &config).await;
        assert!(answer["error"].is_null(), "{answer}");
    };
    set(1_000_000).await;
    let said = doctor(stand).await;
    assert!(
        said.contains("max_msgs is 1000000") && said.contains("\"A stream that could lose records\""),
        "{said}"
    );
    set(-1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_without_room_refuses_before_acknowledging_and_goes_on_when_there_is_room() {
    let broker = BrokerOptions { max_file_store: Some(ROOM), ..BrokerOptions::default() };
    let mut stand = Stand::start_with(Setup { broker, ..Setup::apart() }, |_| {}).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    let big = "Internet mati. ".repeat(4_000);
    let (mut taken, mut code) = (0, 250);
    while code == 250 {
        taken += 1;
        assert!(u64::from(taken) * 60_000 < 4 * ROOM, "{taken} letters fit where there is no room");
        code = mail(&stand, &letter(taken, &big)).await;
    }
    assert!((400..500).contains(&code), "mail was answered {code}");
    for number in 0..3 {
        let code = mail(&stand, &letter(100 + number, &big)).await;
        assert!((400..500).contains(&code), "mail was answered {code}");
    }
    let said = doctor(&stand).await;
    eprintln!("{said}\n{}", stand.brokers().server(0).log());
    assert!(said.contains("\"A full disk\""), "{said}");

    stand.brokers().server(0).stop().await;
    stand.brokers().server(0).set_max_file_store(None);
    stand.brokers().server(0).run().await;
    eventually("the doors to take a letter again", async || {
        (mail(&stand, &letter(taken, &big)).await == 250).then_some(())
    })
    .await;
    let case = rina.pull_one().await.case;
    rina.reply(case, 1, "Kami cek.", true).await.unwrap();
    stand.finish().await;
}
