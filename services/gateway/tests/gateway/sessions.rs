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
