//! Sessions: signs of life, idleness, and who may call at all.

use std::time::Duration;

use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1::{self as log, command};
use tonic::Code;

use crate::world::{DESK, GATEWAY, World, note};

fn heartbeats(world: &World) -> Vec<log::Heartbeat> {
    let beats = world.inputs().into_iter().filter_map(|input| match input.body {
        Some(log::input::Body::Heartbeat(heartbeat)) => Some(heartbeat),
        _ => None,
    });
    beats.collect()
}

#[tokio::test]
async fn a_gateway_says_that_it_began_before_anything_else() {
    let world = World::start().await;
    world.signed_in("sari-token").await;
    let first = world.inputs().into_iter().next().unwrap();
    let began = log::Heartbeat { gateway: GATEWAY.into(), began: true };
    assert_eq!(first.body, Some(log::input::Body::Heartbeat(began)));
    assert!(first.key.is_empty(), "a repeat does no harm");
}

#[tokio::test]
async fn a_gateway_gives_signs_of_life_while_it_has_sessions() {
    let world = World::with(|options| options.heartbeat = Duration::from_millis(20)).await;
    let (_, begun) = world.signed_in("sari-token").await;
    assert_eq!((begun.agent.as_str(), begun.session.starts_with("s-")), ("sari", true));
    let alive = log::Heartbeat { gateway: GATEWAY.into(), began: false };
    world.until("a sign of life", || heartbeats(&world).contains(&alive).then_some(())).await;
    let mut agent = world.agent("sari-token");
    let out = api::SignOutRequest { desk: DESK.into(), request_id: "out".into(), session: String::new() };
    agent.sign_out(out).await.unwrap();
    // One may have been on its way; after it there are no more, however many beats pass.
    tokio::time::sleep(Duration::from_millis(60)).await;
    let count = heartbeats(&world).len();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(heartbeats(&world).len(), count);
}

#[tokio::test]
async fn a_session_that_nobody_uses_ends() {
    let world = World::with(|options| {
        options.heartbeat = Duration::from_millis(20);
        options.idle = Duration::from_millis(100);
    })
    .await;
    let (_, begun) = world.signed_in("sari-token").await;
    let command = world.until_command(|body| matches!(body, command::Body::SignOut(_))).await;
    assert_eq!(command.principal, "sari");
    assert_eq!(command.body, Some(command::Body::SignOut(log::SignOut { session: begun.session })));
}

fn presence(request_id: &str, limit: Option<api::SessionLimit>) -> api::SetPresenceRequest {
    let presence = api::Presence::Ready.into();
    let (desk, request_id) = (DESK.to_owned(), request_id.to_owned());
    api::SetPresenceRequest { desk, request_id, presence, limit, ..Default::default() }
}

fn of(channel: api::Channel, limit: u32) -> api::ChannelLimit {
    api::ChannelLimit { channel: channel.into(), limit }
}

#[tokio::test]
async fn an_agent_says_what_they_take_at_once_and_sees_it() {
    let world = World::start().await;
    let (mut agent, begun) = world.signed_in("sari-token").await;
    let request = api::WatchRequest { desk: DESK.into(), session: begun.session, at_least: begun.position };
    let mut stream = agent.watch(request).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some(), "all there is comes first");
    let limit = api::SessionLimit {
        total: Some(3),
        channels: vec![of(api::Channel::X, 0), of(api::Channel::Email, 2)],
    };
    let done = agent.set_presence(presence("p1", Some(limit))).await.unwrap().into_inner();
    let sorted = api::SessionLimit {
        total: Some(3),
        channels: vec![of(api::Channel::Email, 2), of(api::Channel::X, 0)],
    };
    let change = stream.message().await.unwrap().unwrap().change;
    let Some(api::watch_response::Change::Presence(said)) = change else { panic!("{change:?}") };
    assert_eq!(said.limit.as_ref(), Some(&sorted));
    let request = api::GetWorkRequest { desk: DESK.into(), at_least: done.position };
    let work = agent.get_work(request).await.unwrap().into_inner().work.unwrap();
    assert_eq!(work.limit, Some(sorted));
    agent.set_presence(presence("p2", None)).await.unwrap();
    let asked = world.commands().into_iter().filter_map(|command| match command.body {
        Some(command::Body::SetPresence(says)) => Some(says.limit.and_then(|limit| limit.total)),
        _ => None,
    });
    assert_eq!(asked.collect::<Vec<_>>(), [Some(3), None]);
}

#[tokio::test]
async fn a_limit_out_of_bounds_is_an_invalid_argument_that_names_the_field() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    let before = world.commands().len();
    let unknown = api::ChannelLimit { channel: 77, limit: 1 };
    let twice = vec![of(api::Channel::Email, 1), of(api::Channel::Email, 2)];
    for (total, channels, field) in [
        (Some(1_001), vec![], "limit.total"),
        (None, vec![of(api::Channel::X, 1_001)], "limit.channels.limit"),
        (None, vec![of(api::Channel::Unspecified, 1)], "limit.channels.channel"),
        (None, vec![unknown], "limit.channels.channel"),
        (None, twice, "limit.channels"),
    ] {
        let limit = api::SessionLimit { total, channels };
        let refused = agent.set_presence(presence("p", Some(limit))).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with(&format!("`{field}`")), "{}", refused.message());
    }
    assert_eq!(world.commands().len(), before, "nothing was written");
}

#[tokio::test]
async fn a_case_is_not_transferred_to_the_desk_it_is_on_alone_or_among_many() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    let before = world.commands().len();
    let to_own = || {
        let target = Some(api::transfer_request::Target::ToDesk(DESK.into()));
        api::TransferRequest { target, ..api::TransferRequest::default() }
    };
    let own = api::TransferRequest { desk: DESK.into(), request_id: "t".into(), case: 7, ..to_own() };
    let alone = agent.transfer(own).await.unwrap_err();
    let many = api::BulkRequest {
        desk: DESK.into(),
        request_id: "b".into(),
        items: vec![api::BulkItem { case: 7, seen_messages: 0 }],
        action: Some(api::bulk_request::Action::Transfer(to_own())),
    };
    let among = agent.bulk(many).await.unwrap_err();
    for refused in [alone, among] {
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("the case's own desk"), "{}", refused.message());
    }
    assert_eq!(world.commands().len(), before, "nothing was written");
}

#[tokio::test]
async fn only_holders_of_a_token_that_is_good_for_the_desk_are_let_in() {
    let world = World::start().await;
    let table = [
        ("", Code::Unauthenticated),
        ("unknown", Code::Unauthenticated),
        ("elsewhere-token", Code::PermissionDenied),
    ];
    for (token, code) in table {
        let mut agent = world.agent(token);
        let refused = agent.add_note(note("n", 7, "x")).await.unwrap_err();
        assert_eq!(refused.code(), code, "{token}");
        let request = api::WatchRequest { desk: DESK.into(), ..api::WatchRequest::default() };
        assert_eq!(agent.watch(request).await.unwrap_err().code(), code, "{token}");
    }
    assert!(world.commands().is_empty(), "nothing was written");
}

#[tokio::test]
async fn a_desk_that_is_not_there_is_not_found() {
    let world = World::start().await;
    let mut agent = world.agent("sari-token");
    let ask = |desk: &str| api::AddNoteRequest { desk: desk.into(), ..note("n", 7, "x") };
    let refused = agent.add_note(ask("nowhere")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    for desk in ["", "directory", "a.b", "*"] {
        let refused = agent.add_note(ask(desk)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{desk}");
    }
}
