//! Answers, each with the classification of its own (F8).

use simpang_log::Door;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::command::Body as Asked;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;
use simpang_views::Views;

use crate::script::{Script, joined, mail, opened, text};

fn path(category: &[&str]) -> Vec<String> {
    category.iter().map(|label| (*label).to_owned()).collect()
}

/// An answer, classified by its agent or not; classifying it classifies the case, as the core does.
async fn answer(s: &mut Script, agent: &str, words: &str, category: &[&str]) {
    s.wait(60_000);
    let category = path(category);
    let asked = log::Reply { content: text(words), category: category.clone(), ..Default::default() };
    let reply = s.command(agent, 1, Asked::Reply(asked)).await;
    let mut events = Vec::new();
    if !category.is_empty() {
        let categorised = log::CaseCategorised { case: 1, category, agent: agent.into() };
        events.push(Happened::CaseCategorised(categorised));
    }
    events.push(Happened::DeliveryQueued(log::DeliveryQueued {
        delivery: Some(log::DeliveryId { input: Some(reply), part: 0 }),
        case: 1,
        kind: log::DeliveryKind::Reply as i32,
        channel: log::Channel::X as i32,
        agent: agent.into(),
        ..Default::default()
    }));
    s.commit(reply, events).await;
}

async fn told() -> (Script, Views) {
    let mut script = Script::new("telkomcare").await;
    let s = &mut script;
    let message = s.input(Door::Ingest, Arrived::Message(mail("ani", "", "Wifi mati"))).await;
    s.commit(message, vec![opened(1), joined(1, message, 1)]).await;
    answer(s, "rina", "first", &[]).await;
    answer(s, "rina", "second", &["Komplain", "Internet"]).await;
    answer(s, "budi", "third", &[]).await;
    answer(s, "budi", "fourth", &["Informasi"]).await;
    let mut views = Views::in_memory(&script.desk).unwrap();
    views.fold(&script.entries().await).unwrap();
    (script, views)
}

fn listed(views: &Views, request: &api::ListRepliesRequest) -> Vec<(String, String)> {
    let found = views.snapshot().list_replies(request).unwrap().replies;
    let row = |reply: api::Reply| {
        assert_eq!(reply.case, 1);
        let delivery = reply.delivery.unwrap();
        (delivery.text, delivery.category.join(" > "))
    };
    found.into_iter().map(row).collect()
}

#[tokio::test]
async fn every_answer_keeps_the_classification_it_was_written_under() {
    let (_, views) = told().await;
    let all = listed(&views, &api::ListRepliesRequest::default());
    let rows = [
        ("first", ""),
        ("second", "Komplain > Internet"),
        ("third", "Komplain > Internet"),
        ("fourth", "Informasi"),
    ];
    assert_eq!(all, rows.map(|(text, category)| (text.to_owned(), category.to_owned())));
    let case = views.snapshot().case(1).unwrap().unwrap();
    assert_eq!(case.summary.unwrap().category, ["Informasi"], "the case is about the last");
}

#[tokio::test]
async fn answers_are_found_by_time_agent_channel_and_category() {
    let (script, views) = told().await;
    let third = script.now() - 60_000;
    let rows: Vec<(api::ListRepliesRequest, &[&str])> = vec![
        (api::ListRepliesRequest { agents: vec!["rina".into()], ..Default::default() }, &["first", "second"]),
        (
            api::ListRepliesRequest { category: path(&["Komplain"]), ..Default::default() },
            &["second", "third"],
        ),
        (api::ListRepliesRequest { category: path(&["Kompl"]), ..Default::default() }, &[]),
        (api::ListRepliesRequest { from_ms: third, ..Default::default() }, &["third", "fourth"]),
        (api::ListRepliesRequest { to_ms: third, ..Default::default() }, &["first", "second"]),
        (api::ListRepliesRequest { channel: api::Channel::Email as i32, ..Default::default() }, &[]),
    ];
    for (request, wanted) in rows {
        let found: Vec<String> = listed(&views, &request).into_iter().map(|(text, _)| text).collect();
        assert_eq!(found, wanted, "{request:?}");
    }
}

#[tokio::test]
async fn pages_of_answers_show_each_once() {
    let (_, views) = told().await;
    let mut request = api::ListRepliesRequest { page_size: 3, ..Default::default() };
    let first = views.snapshot().list_replies(&request).unwrap();
    request.page_token = first.next_page_token;
    let second = views.snapshot().list_replies(&request).unwrap();
    assert_eq!((first.replies.len(), second.replies.len()), (3, 1));
    assert_eq!(second.replies[0].delivery.as_ref().unwrap().text, "fourth");
    assert_eq!(second.next_page_token, "");
    let bad = api::ListRepliesRequest { page_token: "1.x".into(), ..Default::default() };
    assert!(views.snapshot().list_replies(&bad).unwrap_err().to_string().starts_with("page_token"));
}
