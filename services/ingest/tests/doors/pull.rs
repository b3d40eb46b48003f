//! X asked for mentions: every post comes to the desk's log once, whatever X does.

use std::collections::BTreeSet;
use std::time::Duration;

use simpang_ingest::{Token, XPull, XWay};
use simpang_log::MemoryStore;
use simpang_proto::log::v1 as log;

use crate::harness::{Doors, eventually};
use crate::x_api::{APP_TOKEN, Fault, TOKEN, XApi, id};

pub(crate) fn asking(api: &XApi, way: XWay) -> XPull {
    XPull {
        base_url: api.url.clone(),
        account: "telkomcare".into(),
        user_id: "1114".into(),
        token: Token::new(TOKEN),
        way,
        every: Duration::from_millis(20),
        unit: Duration::from_millis(20),
    }
}

fn streaming(api: &XApi) -> XPull {
    // A second is long enough that its silence is not the test's.
    XPull { unit: Duration::from_millis(100), ..asking(api, XWay::Stream(Token::new(APP_TOKEN))) }
}

fn ids(doors: &Doors) -> Vec<String> {
    doors.messages("telkomcare").into_iter().map(|(_, content)| content.source_id).collect()
}

pub(crate) async fn has(doors: &Doors, wanted: usize) -> Vec<String> {
    let distinct = || ids(doors).into_iter().collect::<BTreeSet<_>>().len();
    eventually("all posts stand on the log", || distinct() >= wanted).await;
    ids(doors)
}

/// Until the doors have asked so often.
pub(crate) async fn has_asked(api: &XApi, times: usize) {
    eventually("X was asked", || api.asked().len() >= times).await;
}

#[tokio::test]
async fn pages_are_brought_oldest_first_and_the_next_process_asks_from_the_cursor_on() {
    let api = XApi::start().await;
    let written: Vec<String> = (0..10).map(|n| id(n * 1_000)).collect();
    written.iter().for_each(|id| api.write(id));
    let store = MemoryStore::new();
    let doors = Doors::open_asking(&store, vec![asking(&api, XWay::Timeline)]).await;
    assert_eq!(has(&doors, 10).await, written, "in the order written");
    let (message, content) = doors.messages("telkomcare").remove(0);
    assert_eq!((message.channel(), message.account.as_str()), (log::Channel::X, "telkomcare"));
    assert_eq!(content.from_address, "budi");
    assert!(message.customer.is_some(), "the directory knows who it is");
    assert!(doors.raw(&message.raw_digest).await.is_some());
    let asked = api.asked();
    assert!(!asked[0].contains_key("since_id") && asked[0]["tweet.fields"].contains("note_tweet"));
    assert_eq!(asked[1]["pagination_token"], "4");
    // The cursor moves once all pages stand on the log.
    eventually("the cursor holds", || api.asked().last().unwrap().contains_key("since_id")).await;
    doors.ingest.stop().await;

    api.write(&id(20_000));
    let before = api.asked().len();
    let doors = Doors::open_asking(&store, vec![asking(&api, XWay::Timeline)]).await;
    has(&doors, 11).await;
    let since: u64 = api.asked()[before]["since_id"].parse().unwrap();
    assert!(
        since > written[8].parse().unwrap() && since < written[9].parse().unwrap(),
        "a little further back"
    );
    has_asked(&api, before + 5).await;
    let all = ids(&doors);
    assert!(all.len() <= 12, "what was read is not brought again and again: {all:?}");
    doors.ingest.stop().await;
}

#[tokio::test]
async fn whatever_is_wrong_with_the_answers_every_post_comes_once() {
    let api = XApi::start().await;
    (0..9).for_each(|n| api.write(&id(n)));
    use Fault::{Cut, Html, Limited, Server, Shuffled};
    api.break_next(&[
        Server, Cut, Html, Limited, Shuffled, Cut, Shuffled, Server, Shuffled, Shuffled, Shuffled,
    ]);
    let doors = Doors::open_asking(&MemoryStore::new(), vec![asking(&api, XWay::Timeline)]).await;
    has(&doors, 9).await;
    let asked = api.asked().len();
    has_asked(&api, asked + 3).await;
    let keys: BTreeSet<_> = doors.inputs("telkomcare").into_iter().map(|input| input.key).collect();
    assert_eq!(keys.len(), 9, "repeats have the same key: the desk knows them");
    doors.ingest.stop().await;
}

#[tokio::test]
async fn a_wrong_token_is_not_tried_again_and_again() {
    let api = XApi::start().await;
    let wrong = XPull { token: Token::new("wrong"), ..asking(&api, XWay::Timeline) };
    assert!(!format!("{wrong:?}").contains("wrong"), "a token is never shown");
    let doors = Doors::open_asking(&MemoryStore::new(), vec![wrong]).await;
    api.write(&id(1));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(ids(&doors).is_empty());
    doors.ingest.stop().await;
}

#[tokio::test]
async fn the_stream_brings_posts_as_they_are_written_and_the_timeline_what_it_missed() {
    let api = XApi::start().await;
    api.write(&id(1));
    let doors = Doors::open_asking(&MemoryStore::new(), vec![streaming(&api)]).await;
    has(&doors, 1).await;
    eventually("the stream is connected", || api.connections() == 1).await;
    assert_eq!(api.rules()[0]["value"], "(@telkomcare OR to:telkomcare) -is:retweet");
    api.write_live(&id(2));
    api.send("{\"errors\":[{\"title\":\"operational-disconnect\"}]}\r\n");
    api.send("this is no JSON\r\n");
    api.send("{\"data\":{\"text\":\"no id\"}}\r\n");
    api.write_live(&id(4));
    // Later on the stream, earlier in time, and one twice.
    api.write_live(&id(3));
    api.write_live(&id(3));
    has(&doors, 4).await;
    api.cut();
    api.write(&id(5));
    has(&doors, 5).await;
    eventually("the stream is connected again", || api.connections() >= 2).await;
    api.write_live(&id(6));
    let all = has(&doors, 6).await;
    assert_eq!(all.len(), 6, "each once: {all:?}");
    assert_eq!(api.rules().len(), 1, "the rule is there already");
    doors.ingest.stop().await;
}
