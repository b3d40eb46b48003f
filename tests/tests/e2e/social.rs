//! X and Facebook: mentions and comments by signed webhooks, answers by the channels' own APIs.

use serde_json::json;
use simpang_proto::view::v1::{CaseState, DeliveryState, entry};
use simpang_tests::{FacebookComment, Mention, Pusher, Stand, eventually};

fn mention(id: &str, text: &str) -> Mention {
    Mention {
        id: id.into(),
        author: "420042".into(),
        handle: "budi_s".into(),
        text: text.into(),
        answers: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_and_a_comment_are_answered_where_they_were_written() {
    let mut stand = Stand::up().await;
    let rina = stand.signed_in("rina", "telkomcare").await;

    assert!(mention("9001", "internet mati sejak pagi").send(stand.http(), stand.sent()).await);
    let got = rina.pull_one().await;
    assert_eq!(
        (got.case, got.summary.unwrap().queue.as_str()),
        (1, "identification"),
        "segment unknown (B9)"
    );
    rina.identify(1, "DCS").await.unwrap();
    rina.reply(1, 1, "Mohon maaf atas kendalanya, kami bantu cek ya.", false).await.unwrap();
    let posted = eventually("the answer at X", async || stand.social().posted().into_iter().next()).await;
    assert_eq!((posted.path.as_str(), posted.token.as_str()), ("/2/tweets", "Bearer x-token"));
    assert_eq!(posted.body["reply"]["in_reply_to_tweet_id"], "9001");
    assert_eq!(posted.text(), "Mohon maaf atas kendalanya, kami bantu cek ya.");

    // What the customer says below our answer belongs to the case.
    let next = Mention { answers: posted.id, ..mention("9002", "sudah bisa, makasih") };
    assert!(next.send(stand.http(), stand.sent()).await);
    let joined =
        |case: &simpang_proto::view::v1::Case| case.summary.as_ref().is_some_and(|s| s.messages == 2);
    let case = rina.client.case_when("telkomcare", 1, "has the next post", joined).await;
    let Some(entry::What::Delivery(sent)) = &case.conversation[1].what else { panic!("{case:?}") };
    assert_eq!(sent.state(), DeliveryState::Delivered);
    rina.resolve(1).await.unwrap();

    let comment =
        FacebookComment { id: "901_903".into(), author: "3383".into(), text: "Kartu saya hilang".into() };
    assert!(comment.send(stand.http(), stand.sent()).await);
    assert_eq!(rina.pull_one().await.case, 2);
    let done = rina.reply(2, 1, "Silakan datang ke Plasa terdekat.", true).await.unwrap();
    let posted =
        eventually("the answer at Facebook", async || stand.social().posted().into_iter().nth(1)).await;
    assert!(posted.path.ends_with("/901_903/comments"), "{}", posted.path);
    assert_eq!(
        (posted.token.as_str(), &posted.body),
        ("Bearer page-token", &json!({"message": posted.text()}))
    );
    let resolved = |case: &simpang_proto::view::v1::Case| {
        case.summary.as_ref().is_some_and(|s| s.state() == CaseState::Resolved)
    };
    rina.client
        .case_when("telkomcare", 2, "is resolved once the channel accepted the answer", resolved)
        .await;
    assert!(done.position > 0);

    let finished = stand.finish().await;
    assert_eq!(finished.received.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_filled_in_and_each_answer_keeps_its_own_category_in_history_and_reports() {
    let mut stand = Stand::up().await;
    let rina = stand.signed_in("rina", "telkomcare").await;
    assert!(mention("9301", "wifi mati").send(stand.http(), stand.sent()).await);
    assert_eq!(rina.pull_one().await.case, 1);
    rina.identify(1, "DCS").await.unwrap();
    let (token, lead) = (stand.token("rina"), stand.token("tari"));
    let asks = async |token: &str, rest: &[&str]| {
        let args = ["agent", "--desk", "telkomcare", "--token", token];
        stand.must(&[&args, rest].concat()).await
    };
    let form = asks(&token, &["form", "1"]).await;
    for field in ["User Name", "wifi mati", "normal (up to 280 characters)", "Feedback      @budi_s"] {
        assert!(form.contains(field), "{field} is not in\n{form}");
    }
    asks(&token, &["reply", "1", "Kami cek ya.", "--category", "Informasi > Produk"]).await;
    asks(&token, &["link", "1", "nossa", "IN77"]).await;
    asks(&token, &["classify", "1", "--category", "Komplain > Internet"]).await;
    asks(&token, &["reply", "1", "--template", "progress-gangguan"]).await;
    let filled = "@budi_s Halo budi_s, mohon maaf atas kendalanya. Laporan Komplain > Internet sudah tercatat dengan \
                  nomor tiket IN77";
    let posted = eventually("both answers at X", async || stand.social().posted().into_iter().nth(1)).await;
    assert!(posted.text().starts_with(filled), "{}", posted.text());

    let shown = asks(&token, &["show", "1"]).await;
    for (line, category) in [("Kami cek ya.", "Informasi > Produk"), (filled, "Komplain > Internet")] {
        let pair = format!("Category: {category}\n      {line}");
        assert!(shown.contains(&pair), "{pair} is not in\n{shown}");
    }
    let report = stand.must(&["report", "replies", "telkomcare"]).await;
    let rows: Vec<&str> = report.lines().skip(1).collect();
    assert!(rows[0].contains("rina,x,telkomcare,normal,Informasi > Produk,"), "{report}");
    assert!(rows[1].contains("rina,x,telkomcare,normal,Komplain > Internet,"), "{report}");
    let history = stand.must(&["show", "history", "telkomcare", "--case", "1"]).await;
    assert!(history.contains("handled by rina") && history.contains("Komplain > Internet"), "{history}");

    // A lead closes many at once; what is not there is told and does not stop the others.
    let bulk = ["agent", "--desk", "telkomcare", "--token", &lead, "bulk", "close", "1", "7-8"];
    let output = stand.simpang(&bulk).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains("1 of 3 cases done, 2 refused"), "{errors}");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("case 7: there is no case 7"), "{told}");
    stand.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_by_the_channel_writes_nothing() {
    let mut stand = Stand::up().await;
    let comment =
        FacebookComment { id: "901_904".into(), author: "3383".into(), text: "bukan dari Facebook".into() };
    for signed in [mention("9003", "bukan dari X").signed(), comment.signed()] {
        let path = signed.path;
        let unsigned = stand.http().post(path, &[], signed.body.as_bytes()).await.unwrap();
        assert_eq!(unsigned.status, 401, "{path}");
        let mut forged = signed.clone();
        forged.body = forged.body.replace("bukan", "benar");
        assert_eq!(forged.call(stand.http()).await.unwrap().status, 403, "{path}");
    }
    let metrics = stand.http().get("/metrics").await.unwrap().body;
    let refused: Vec<&str> =
        metrics.lines().filter(|line| line.contains("refused") && line.contains("signature")).collect();
    assert!(!refused.is_empty(), "what was turned away is counted:\n{metrics}");

    let finished = stand.finish().await;
    let messages =
        finished.logs.inputs.iter().filter(|(.., input)| {
            matches!(input.body, Some(simpang_proto::log::v1::input::Body::Message(_)))
        });
    assert_eq!(messages.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_priority_goes_first_and_only_to_those_who_may_serve_them() {
    let mut stand = Stand::up().await;
    assert!(mention("9010", "internet mati").send(stand.http(), stand.sent()).await);
    let minister =
        Mention { author: "2222".into(), handle: "mentericontoh".into(), ..mention("9011", "mohon dicek") };
    assert!(minister.send(stand.http(), stand.sent()).await);
    let queue_of = |case: &simpang_proto::view::v1::Case| case.summary.clone().unwrap().queue;
    let admin = stand.client("admin");
    let first = admin.case_when("telkomcare", 1, "is queued", |case| !queue_of(case).is_empty()).await;
    let second = admin.case_when("telkomcare", 2, "is queued", |case| !queue_of(case).is_empty()).await;
    assert_eq!((queue_of(&first), queue_of(&second)), ("identification".into(), "priority".into()));
    assert_eq!(second.rule, "priority-government-official");

    // Too short a tenure, and QA scores missed (D3): only the other case is theirs to take.
    let budi = stand.signed_in("budi", "telkomcare").await;
    let assignments = budi.pull(2).await.unwrap().assignments;
    assert_eq!(assignments.iter().map(|a| a.case).collect::<Vec<_>>(), [1]);
    // Priority before what waited longer.
    assert!(mention("9012", "tagihan salah").send(stand.http(), stand.sent()).await);
    admin
        .case_when("telkomcare", 1, "has the same author's next post", |case| case.conversation.len() == 2)
        .await;
    let rina = stand.signed_in("rina", "telkomcare").await;
    let got = rina.pull_one().await;
    assert_eq!((got.case, got.summary.unwrap().priority.as_str()), (2, "priority"));
    let told = stand.must(&["explain", "telkomcare", "2"]).await;
    for word in ["priority-government-official", "rina", "may not serve queue priority"] {
        assert!(told.contains(word), "{word} is not in\n{told}");
    }
    stand.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_says_it_sent_is_compared_with_what_stands_on_the_log() {
    let mut stand = Stand::up().await;
    assert!(mention("9101", "internet mati").send(stand.http(), stand.sent()).await);
    let comment =
        FacebookComment { id: "901_910".into(), author: "3383".into(), text: "Kartu saya hilang".into() };
    assert!(comment.send(stand.http(), stand.sent()).await);
    let mut pusher = Pusher::open(&stand.client("gateway"), stand.sent()).await.unwrap();
    pusher.push(vec![Pusher::message("9102", "5001", "@telkomcare tagihan salah")]).await.unwrap();
    drop(pusher);

    for (channel, sent, lost) in [("x", "9101\n9102\n", "9199"), ("facebook", "901_910\n", "901_999")] {
        let ids = stand.dir().join(format!("{channel}.txt"));
        let path = ids.display().to_string();
        let gaps = ["ingest", "gaps", "--desk", "telkomcare", "--channel", channel, &path];
        std::fs::write(&ids, sent).unwrap();
        assert!(stand.must(&gaps).await.contains("0 are missing"), "{channel}");
        std::fs::write(&ids, format!("{sent}{lost}\n")).unwrap();
        let output = stand.simpang(&gaps).await;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success() && printed.starts_with(&format!("{lost}\n")), "{printed}");
        assert!(printed.contains("1 are missing"), "{printed}");
    }
    stand.finish().await;
}
