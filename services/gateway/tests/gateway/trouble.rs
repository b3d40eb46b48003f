//! A log that is away, slow, or broken.

use std::time::Duration;

use simpang_log::RecordKind;
use simpang_proto::log::v1::command;
use tokio::time::Instant;
use tonic::Code;

use crate::world::{World, note};

#[tokio::test]
async fn a_decision_that_does_not_come_in_time_may_be_asked_for_again() {
    let world = World::with(|options| options.deadline = Duration::from_millis(1_500)).await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    world.router.pause();
    let late = agent.add_note(note("n1", 7, "hello")).await.unwrap_err();
    assert_eq!(late.code(), Code::Unavailable);
    assert_eq!(late.message(), "decision not seen yet; ask again with the same request id");
    world.router.resume();
    let answered = agent.add_note(note("n1", 7, "hello")).await.unwrap().into_inner();
    assert!(answered.repeat);
    let notes =
        world.commands().into_iter().filter(|c| matches!(c.body, Some(command::Body::Note(_)))).count();
    assert_eq!(notes, 2, "asked twice");
}

#[tokio::test]
async fn while_the_log_is_away_commands_fail_at_once_and_write_nothing() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    let before = world.inputs().len();
    world.desk.set_reachable(false);
    let begun = Instant::now();
    let refused = agent.add_note(note("n1", 7, "hello")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(begun.elapsed() < crate::world::PATIENCE / 2, "waited for {:?}", begun.elapsed());
    world.desk.set_reachable(true);
    assert_eq!(world.inputs().len(), before);
    let deadline = Instant::now() + crate::world::PATIENCE;
    let answered = loop {
        // Until the follower has found its way back it says so.
        match agent.add_note(note("n1", 7, "hello")).await {
            Ok(answered) => break answered,
            Err(status) => {
                assert!(status.code() == Code::Unavailable && Instant::now() < deadline, "{status}")
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(answered.into_inner().cases, [7]);
}

#[tokio::test]
async fn a_lost_acknowledgement_is_told_and_the_repeat_finds_the_first() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    world.until("a quiet router", || quiet(&world)).await;
    world.router.pause();
    world.desk.lose_next_ack();
    let refused = agent.add_note(note("n1", 7, "hello")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("same request id"), "{}", refused.message());
    world.router.resume();
    let answered = agent.add_note(note("n1", 7, "hello")).await.unwrap().into_inner();
    assert!(answered.repeat, "the first had arrived");
}

/// Every input is decided, so that the next write is the test's own.
fn quiet(world: &World) -> Option<()> {
    matches!(world.desk.records().last()?.kind, RecordKind::Commit).then_some(())
}

#[tokio::test]
async fn a_gateway_that_stops_answers_what_it_was_asked_and_takes_no_more() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    world.router.pause();
    let mut asking = agent.clone();
    let asked = tokio::spawn(async move { asking.add_note(note("n1", 7, "hello")).await });
    world.until_command(|body| matches!(body, command::Body::Note(_))).await;
    let World { mut server, router, desk: _desk, store: _store } = world;
    let gateway = server.take_gateway();
    let stopped = tokio::spawn(gateway.stop());
    tokio::task::yield_now().await;
    let refused = agent.add_note(note("n2", 7, "hello")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("stops"), "{}", refused.message());
    assert!(!asked.is_finished() && !stopped.is_finished(), "still waits for the decision");
    router.resume();
    assert_eq!(asked.await.unwrap().unwrap().into_inner().cases, [7]);
    stopped.await.unwrap();
}

#[tokio::test]
async fn a_broken_log_is_said_to_be_broken() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    world.until("a quiet router", || quiet(&world)).await;
    world.router.pause();
    world.desk.push(RecordKind::Commit, bytes::Bytes::from_static(b"no commit"));
    let refused = loop {
        let refused = agent.add_note(note("n1", 7, "hello")).await.unwrap_err();
        if refused.code() != Code::Unavailable {
            break refused;
        }
    };
    assert_eq!(refused.code(), Code::DataLoss);
    let listed = world.admin().list_desks(simpang_proto::admin::v1::ListDesksRequest {}).await;
    assert!(!listed.unwrap().into_inner().desks[0].trouble.is_empty());
}
