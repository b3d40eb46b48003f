//! What was delivered and not understood, or for nobody, is brought later from the raw bytes that were kept; mentions
//! without a sender are looked up.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::get;
use prost::Message as _;
use simpang_ingest::{GraphPage, Replayed, Token, replay};
use simpang_log::LogStore as _;
use simpang_proto::log::v1 as log;
use tokio::net::TcpListener;

use crate::harness::Doors;
use crate::webhooks::to_facebook;

const BATCH: &str = r#"{"object":"page","entry":[
    {"id":"444","changes":[{"field":"feed","value":{"item":"comment","verb":"add","comment_id":"901_903","post_id":"444_901",
        "from":{"id":"3383","name":"Siti"},"message":"Kartu saya hilang","created_time":1750320340}},{"field":"feed"}]},
    {"id":"999","messaging":[{"sender":{"id":"7"},"recipient":{"id":"999"},"timestamp":5,"message":{"mid":"m_1","text":"halo"}}]}]}"#;

async fn replayed(doors: &Doors, trial: bool) -> Replayed {
    replay(Arc::new(doors.store.clone()), doors.keyer.clone(), "ingest@test/replay", trial).await.unwrap()
}

#[tokio::test]
async fn raw_bytes_are_read_again_and_only_what_no_log_has_is_brought() {
    let doors = Doors::open().await;
    assert_eq!(doors.call(to_facebook(BATCH)).await.0, StatusCode::OK);
    assert_eq!(doors.messages("telkomcare").len(), 1);
    let all = Replayed {
        deliveries: 1,
        messages: 2,
        known: 1,
        unknown_account: 1,
        poison: 1,
        ..Replayed::default()
    };
    assert_eq!(replayed(&doors, false).await, all, "nothing has changed");
    // Now a desk names the page.
    let account = log::Account {
        channel: log::Channel::Facebook.into(),
        account: "tenesa".into(),
        aliases: vec!["999".into()],
    };
    let desk = log::DeskRecord {
        desk: "tenesa".into(),
        policy_version: 2,
        accounts: vec![account],
        ..log::DeskRecord::default()
    };
    let record = log::DirectoryRecord { schema: 1, desks: vec![desk], ..log::DirectoryRecord::default() };
    doors.store.append_directory(record.encode_to_vec().into()).await.unwrap();
    let brought = Replayed { unknown_account: 0, brought: 1, ..all.clone() };
    assert_eq!(replayed(&doors, true).await, brought, "a trial");
    assert!(doors.messages("tenesa").is_empty());
    assert_eq!(replayed(&doors, false).await, brought);
    let (message, content) = doors.messages("tenesa").remove(0);
    assert_eq!((message.account.as_str(), content.text.as_str()), ("tenesa", "halo"));
    assert!(doors.raw(&message.raw_digest).await.is_some());
    assert_eq!(replayed(&doors, false).await, Replayed { known: 2, brought: 0, ..brought }, "and once only");
    assert_eq!(doors.messages("telkomcare").len(), 1);
    doors.ingest.stop().await;
}

#[tokio::test]
async fn a_file_that_looks_like_a_delivery_is_never_read_as_one() {
    let doors = Doors::open().await;
    let forged = BATCH.replace("901_903", "901_904");
    crate::attachments::upload(&doors, "agent-7", forged.as_bytes()).await.unwrap();
    let mail = format!(
        "From: a@example.id\r\nTo: care@tenesa.example\r\nMessage-ID: <f@example.id>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/json; name=a.json\r\n\r\n\
         {}\r\n--b--\r\n",
        forged.replace('\n', "")
    );
    crate::smtp::send(&doors, "care@tenesa.example", &mail).await;
    assert_eq!(doors.messages("tenesa").len(), 1, "the mail itself");
    assert_eq!(replayed(&doors, false).await, Replayed::default());
    assert!(doors.inputs("telkomcare").is_empty());
    doors.ingest.stop().await;
}

/// The Graph API as far as it tells who wrote something.
async fn graph() -> String {
    let tell = |Path(id): Path<String>, Query(query): Query<Vec<(String, String)>>, headers: HeaderMap| async move {
        if headers["authorization"] != "Bearer page token" || query[0].0 != "fields" {
            return StatusCode::BAD_REQUEST.into_response();
        }
        match id.as_str() {
            "55_1" => {
                r#"{"id":"55_1","from":{"id":"3383","name":"Siti"},"message":"Halo @Kami"}"#.into_response()
            }
            "55_2" => std::future::pending().await,
            _ => (StatusCode::NOT_FOUND, "{}").into_response(),
        }
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/v25.0/{id}", get(tell));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn mention(id: &str) -> String {
    format!(
        r#"{{"field":"mention","value":{{"item":"post","verb":"add","post_id":"{id}","created_time":1750320340}}}}"#
    )
}

#[tokio::test]
async fn a_mention_without_a_sender_is_looked_up_and_comes_all_the_same_when_nobody_says() {
    let page = GraphPage {
        base_url: graph().await,
        id: "444".into(),
        token: Token::new("page token"),
        app_secret: None,
    };
    let doors = Doors::open_with_graph(page).await;
    let changes = [mention("55_1"), mention("55_3"), mention("55_2")].join(",");
    let body = format!(r#"{{"object":"page","entry":[{{"id":"444","changes":[{changes}]}}]}}"#);
    assert_eq!(doors.call(to_facebook(&body)).await.0, StatusCode::OK);
    let messages = doors.messages("telkomcare");
    let (known, content) = &messages[0];
    assert_eq!((content.from_name.as_str(), content.text.as_str()), ("Siti", "Halo @Kami"));
    assert_eq!(known.author[..], doors.keyer.person("facebook", "3383"));
    for (unknown, _) in &messages[1..] {
        assert!(
            unknown.author.is_empty() && unknown.malformed.contains("does not tell who"),
            "{}",
            unknown.malformed
        );
    }
    assert_eq!(messages.len(), 3);
    doors.ingest.stop().await;
}
