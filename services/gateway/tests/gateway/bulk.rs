//! One command for many cases.

use api::bulk_request::Action;
use simpang_proto::agent::v1 as api;
use tonic::Code;

use crate::world::{DESK, World};

fn bulk(request_id: &str, cases: &[u64], action: Action) -> api::BulkRequest {
    let items = cases.iter().map(|case| api::BulkItem { case: *case, seen_messages: 0 }).collect();
    api::BulkRequest { desk: DESK.into(), request_id: request_id.into(), items, action: Some(action) }
}

fn resolve(outcome: &str) -> Action {
    Action::Resolve(api::ResolveRequest { outcome: outcome.into(), ..api::ResolveRequest::default() })
}

#[tokio::test]
async fn every_item_has_its_outcome_and_a_repeat_the_same() {
    let world = World::start().await;
    let mut agent = world.agent("sari-token");
    let request = bulk("b1", &[3, 1, 2], resolve("done"));
    let first = agent.bulk(request.clone()).await.unwrap().into_inner();
    let cases: Vec<(u64, i32)> = first.outcomes.iter().map(|outcome| (outcome.case, outcome.code)).collect();
    assert_eq!(cases, [(3, 0), (1, 0), (2, 0)]);
    assert_eq!(first.outcomes[0].cases, [3]);
    assert!(first.position > 0);
    let again = agent.bulk(request).await.unwrap().into_inner();
    assert!(again.outcomes.iter().all(|outcome| outcome.repeat));
    assert_eq!(again.position, first.position);
    let other = world.another("gateway@test/2").await;
    let elsewhere = other.agent("sari-token").bulk(bulk("b1", &[3, 1, 2], resolve("done"))).await.unwrap();
    assert_eq!(elsewhere.into_inner(), again, "read back from the log");
}

#[tokio::test]
async fn a_refused_item_says_why_and_the_call_is_ok() {
    let world = World::start().await;
    let mut agent = world.agent("sari-token");
    let answer = agent.bulk(bulk("b1", &[1, 2], resolve("reject:2"))).await.unwrap().into_inner();
    for outcome in &answer.outcomes {
        assert_eq!(outcome.code, Code::NotFound as i32);
        assert_eq!(outcome.reason(), api::Rejection::UnknownCase);
        assert_eq!(outcome.message, "the script says no");
    }
    let reused = agent.bulk(bulk("b1", &[2, 3], resolve("done"))).await.unwrap().into_inner();
    let codes: Vec<i32> = reused.outcomes.iter().map(|outcome| outcome.code).collect();
    assert_eq!(codes, [Code::InvalidArgument as i32, 0], "case 2 was asked something else under this id");
}

#[tokio::test]
async fn a_bulk_that_makes_no_sense_is_refused_whole_and_leaves_no_trace() {
    let world = World::start().await;
    let mut agent = world.agent("sari-token");
    let headed = Action::Close(api::CloseRequest { case: 7, ..api::CloseRequest::default() });
    for request in [
        bulk("b", &[], resolve("done")),
        bulk("b", &[1, 1], resolve("done")),
        bulk("b", &[0], resolve("done")),
        bulk("", &[1], resolve("done")),
        bulk("b", &[1], headed),
        api::BulkRequest { action: None, ..bulk("b", &[1], resolve("done")) },
    ] {
        let refused = agent.bulk(request.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{request:?}");
    }
    assert!(world.commands().is_empty());
}
