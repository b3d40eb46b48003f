//! The stream of an agent's work.

use std::time::Duration;

use api::watch_response::Change;
use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self as log, command};
use tonic::{Code, Status, Streaming};

use crate::router::{case_assigned, case_opened};
use crate::world::{Agent, DESK, PATIENCE, World, pull};

type Stream = Streaming<api::WatchResponse>;

async fn watch(agent: &mut Agent, session: &str, at_least: u64) -> Result<Stream, Status> {
    let request = api::WatchRequest { desk: DESK.into(), session: session.into(), at_least };
    agent.watch(request).await.map(tonic::Response::into_inner)
}

async fn next(stream: &mut Stream) -> Result<Option<api::WatchResponse>, Status> {
    tokio::time::timeout(PATIENCE, stream.message()).await.expect("nothing came")
}

async fn change(stream: &mut Stream) -> Change {
    next(stream).await.unwrap().expect("the stream ended").change.unwrap()
}

async fn work(stream: &mut Stream) -> api::Work {
    match change(stream).await {
        Change::Work(work) => work,
        other => panic!("{other:?} came first"),
    }
}

#[tokio::test]
async fn an_assignment_that_comes_later_comes_on_the_stream() {
    let world = World::start().await;
    let (mut agent, begun) = world.signed_in("sari-token").await;
    let mut stream = watch(&mut agent, &begun.session, begun.position).await.unwrap();
    let first = work(&mut stream).await;
    assert_eq!((first.session.as_str(), first.presence()), (begun.session.as_str(), api::Presence::Ready));
    let pulled = agent.pull(pull("p1", 2, 60_000)).await.unwrap().into_inner();
    let waiting = pulled.waiting.unwrap();
    assert_eq!((pulled.assignments.len(), waiting.count), (0, 2));
    assert!(matches!(change(&mut stream).await, Change::PullWaiting(pull) if pull == waiting));
    let asked = world.router.script().pull("sari");
    let mut events = case_opened(7);
    events.push(case_assigned(7, "sari", asked));
    world.router.emit(events);
    let message = next(&mut stream).await.unwrap().unwrap();
    assert!(message.position > pulled.position && message.at_ms == 77);
    let Some(Change::Assigned(assignment)) = message.change else { panic!("{message:?}") };
    assert_eq!((assignment.case, assignment.summary.unwrap().priority.as_str()), (7, "high"));
    let request = api::GetWorkRequest { desk: DESK.into(), at_least: message.position };
    let now = agent.get_work(request).await.unwrap().into_inner().work.unwrap();
    assert_eq!(now.assignments.iter().map(|assignment| assignment.case).collect::<Vec<_>>(), [7]);
    assert_eq!(now.waiting.unwrap().count, 1, "still waits for the other one");
}

#[tokio::test]
async fn a_stream_begins_with_what_the_agent_has_already() {
    let world = World::start().await;
    world.router.script().stock.extend([7]);
    let (mut agent, _) = world.signed_in("sari-token").await;
    let pulled = agent.pull(pull("p1", 2, 60_000)).await.unwrap().into_inner();
    let mut stream = watch(&mut agent, "", 0).await.unwrap();
    let first = work(&mut stream).await;
    assert_eq!(first.assignments, pulled.assignments);
    assert_eq!(first.waiting, pulled.waiting);
}

#[tokio::test]
async fn offers_and_what_the_customer_writes_come_too_and_other_agents_work_does_not() {
    let world = World::start().await;
    let (mut agent, begun) = world.signed_in("sari-token").await;
    let mut stream = watch(&mut agent, &begun.session, 0).await.unwrap();
    work(&mut stream).await;
    let mut events = case_opened(7);
    events.push(case_assigned(7, "budi", None));
    events.extend(case_opened(8));
    events.push(Body::CaseOffered(log::CaseOffered {
        case: 8,
        agent: "sari".into(),
        expires_ms: 500,
        explanation: None,
    }));
    world.router.emit(events);
    assert!(matches!(change(&mut stream).await, Change::Offered(offer) if offer.case == 8));
    world.router.emit(vec![case_assigned(8, "sari", None)]);
    assert!(matches!(change(&mut stream).await, Change::Assigned(assignment) if assignment.case == 8));
    let joined = log::MessageJoined { case: 8, count: 2, ..log::MessageJoined::default() };
    world.router.emit(vec![Body::MessageJoined(joined)]);
    let Change::Update(update) = change(&mut stream).await else { panic!("another change") };
    assert_eq!((update.case, update.summary.unwrap().messages), (8, 2));
}

#[tokio::test]
async fn a_broken_stream_cancels_the_pull_that_waits() {
    let world = World::start().await;
    let (mut agent, begun) = world.signed_in("sari-token").await;
    let mut one = watch(&mut agent, &begun.session, 0).await.unwrap();
    let mut two = watch(&mut agent, &begun.session, 0).await.unwrap();
    work(&mut one).await;
    work(&mut two).await;
    agent.pull(pull("p1", 2, 60_000)).await.unwrap();
    let waiting = world.router.script().pull("sari");
    let cancelled = |body: &command::Body| matches!(body, command::Body::CancelPull(_));
    drop(one);
    // Time enough for the gateway to see it go; had that cancelled the pull, it would show by now.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!world.commands().iter().any(|command| command.body.as_ref().is_some_and(cancelled)));
    drop(two);
    let command = world.until_command(cancelled).await;
    assert_eq!(command.principal, "sari");
    assert_eq!(command.body, Some(command::Body::CancelPull(log::CancelPull { pull: waiting })));
}

#[tokio::test]
async fn a_case_that_crosses_the_end_of_the_stream_is_given_back() {
    let world = World::start().await;
    let (mut agent, begun) = world.signed_in("sari-token").await;
    let mut stream = watch(&mut agent, &begun.session, 0).await.unwrap();
    work(&mut stream).await;
    agent.pull(pull("p1", 1, 60_000)).await.unwrap();
    assert!(matches!(change(&mut stream).await, Change::PullWaiting(_)));
    let asked = world.router.script().pull("sari");
    let mut events = case_opened(7);
    events.push(case_assigned(7, "sari", asked));
    let reason = log::PullEnd::Filled.into();
    events.push(Body::PullEnded(log::PullEnded { agent: "sari".into(), pull: asked, reason }));
    world.router.emit(events);
    // Decided and on its way, when the client goes: nothing waits any more, and nobody has seen the case.
    let request = api::GetWorkRequest { desk: DESK.into(), at_least: 0 };
    while agent.get_work(request.clone()).await.unwrap().into_inner().work.unwrap().assignments.is_empty() {}
    drop(stream);
    let command = world.until_command(|body| matches!(body, command::Body::CancelPull(_))).await;
    assert_eq!(command.body, Some(command::Body::CancelPull(log::CancelPull { pull: asked })));
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let world = World::start().await;
    let (mut agent, begun) = world.signed_in("sari-token").await;
    let mut stream = watch(&mut agent, &begun.session, 0).await.unwrap();
    work(&mut stream).await;
    let out = api::SignOutRequest { desk: DESK.into(), request_id: "out".into(), session: String::new() };
    agent.sign_out(out).await.unwrap();
    let Change::Ended(over) = change(&mut stream).await else { panic!("another change") };
    assert_eq!((over.session.as_str(), over.reason()), (begun.session.as_str(), api::SignOutReason::Asked));
    assert!(next(&mut stream).await.unwrap().is_none());
    let refused = watch(&mut agent, &begun.session, 0).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn nobody_watches_a_session_that_is_not_theirs() {
    let world = World::start().await;
    let (_, of_sari) = world.signed_in("sari-token").await;
    let (mut budi, _) = world.signed_in("budi-token").await;
    let refused = watch(&mut budi, &of_sari.session, 0).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let request = api::GetWorkRequest { desk: DESK.into(), at_least: 0 };
    let refused = world.agent("admin-token").get_work(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "no agent of the desk");
}

#[tokio::test]
async fn a_gateway_that_stops_says_so_on_its_streams() {
    let World { router: _router, mut server, desk: _desk, store: _store } = {
        let world = World::start().await;
        world.signed_in("sari-token").await;
        world
    };
    let mut agent = server.agent("sari-token");
    let mut stream = watch(&mut agent, "", 0).await.unwrap();
    work(&mut stream).await;
    server.take_gateway().stop().await;
    assert_eq!(next(&mut stream).await.unwrap_err().code(), Code::Unavailable);
}
