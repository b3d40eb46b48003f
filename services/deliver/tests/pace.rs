//! How fast an account's answers leave: as fast as its channel takes them, together for all that send from it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use common::http::{Answer, Fake};
use common::{Case, Desk, options, start, until};
use simpang_deliver::options::{Secret, X};
use simpang_deliver::{Channels, Deliver};
use simpang_log::MemoryStore;
use simpang_proto::log::v1::{self, DeliveryOutcome, ReplyKind, Visibility};

const POSTED: Answer = (201, Vec::new(), r#"{"data":{"id":"1445880548472328192","text":""}}"#);

fn x(base_url: String) -> Channels {
    let accounts = BTreeMap::from([("telkomcare".to_owned(), Secret::new("t"))]);
    Channels { x: Some(X { base_url, accounts, renewed: BTreeMap::new() }), ..Default::default() }
}

/// A desk with so many replies to posts, each on a case of its own.
async fn replies(count: u64) -> Desk {
    let desk = Desk::new(&MemoryStore::new(), "telkomcare");
    for number in 0..count {
        let content = v1::MessageContent { reply_to: (1_000 + number).to_string(), ..Default::default() };
        let (channel, account) = (v1::Channel::X, "telkomcare".to_owned());
        let case = Case {
            number,
            channel,
            account,
            visibility: Visibility::Public,
            content,
            raw_digest: Vec::new(),
        };
        let to = case.arrive(&desk).await;
        case.reply(&desk, to, ReplyKind::Normal, &format!("Kami cek, {number}")).await;
    }
    desk.judge();
    desk
}

fn delivered(desk: &Desk) -> usize {
    desk.reports().iter().filter(|report| report.outcome() == DeliveryOutcome::Delivered).count()
}

#[tokio::test]
async fn an_account_answers_as_many_as_its_channel_takes() {
    let (_fake, url) = Fake::start(vec![POSTED; 250]).await;
    let desk = replies(250).await;
    let deliver = start(&desk, x(url)).await;
    until("all replies", || (delivered(&desk) == 250).then_some(())).await;
    deliver.stop().await;
}

#[tokio::test]
async fn two_deliverers_keep_the_limit_that_is_set_for_an_account() {
    let (fake, url) = Fake::start(vec![POSTED; 40]).await;
    let desk = replies(40).await;
    let limited = |name: &str| {
        let mut options = options(&desk, name, x(url.clone()));
        options.timing.x_attempts_per_quarter = Some(6);
        Deliver::start(options)
    };
    let (one, two) = (limited("deliver@test/1").await.unwrap(), limited("deliver@test/2").await.unwrap());
    until("six replies", || (delivered(&desk) >= 6).then_some(())).await;
    one.stop().await;
    two.stop().await;
    assert_eq!(fake.asked().len(), 6, "whatever both of them claimed at once");
    let put_off = desk.reports().into_iter().filter(|report| report.outcome() == DeliveryOutcome::Retry);
    assert!(
        put_off.into_iter().all(|report| report.detail.starts_with("not tried")),
        "and nothing was tried"
    );
}

#[tokio::test]
async fn the_whole_account_waits_when_its_channel_says_that_a_limit_is_reached() {
    let (fake, url) = Fake::start(vec![(429, vec![("retry-after", "600".to_owned())], "{}"); 80]).await;
    let desk = replies(40).await;
    let first = start(&desk, x(url.clone())).await;
    desk.reported(4).await;
    first.stop().await;
    // What the log does not say yet, nobody can know.
    desk.all_judged().await;
    let asked = fake.asked().len();
    assert!(asked <= 4, "{asked} ran into the limit: more than were under way at once");
    // Another process reads from the log that the account rests.
    let second = start(&desk, x(url)).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    second.stop().await;
    assert_eq!(fake.asked().len(), asked, "nobody tries before the limit ends");
}
