//! Commands, decided and repeated.

use prost::Message;
use simpang_log::snapshot::{Folder, Memory, Snapshots};
use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self as log, command};
use tonic::Code;

use crate::world::{DESK, World, note, pull, resolve};

#[tokio::test]
async fn a_pull_answers_with_the_cases_that_are_there() {
    let world = World::start().await;
    world.router.script().stock.extend([7, 8]);
    let (mut agent, _) = world.signed_in("sari-token").await;
    let pulled = agent.pull(pull("p1", 3, 0)).await.unwrap().into_inner();
    let cases: Vec<u64> = pulled.assignments.iter().map(|assignment| assignment.case).collect();
    assert_eq!(cases, [7, 8]);
    assert!(pulled.waiting.is_none() && !pulled.repeat && pulled.position > 0);
    let first = &pulled.assignments[0];
    let summary = first.summary.as_ref().unwrap();
    assert_eq!((summary.queue.as_str(), summary.priority.as_str(), summary.messages), ("social", "high", 1));
    assert_eq!(first.how(), api::AssignedBy::Pull);
    assert!(first.explanation.as_ref().unwrap().text.contains("rule complaints"));
}

#[tokio::test]
async fn the_same_request_id_gives_the_same_answer_and_no_second_case() {
    let world = World::start().await;
    world.router.script().stock.extend([7, 8, 9]);
    let (mut agent, _) = world.signed_in("sari-token").await;
    let first = agent.pull(pull("p1", 2, 60_000)).await.unwrap().into_inner();
    let again = agent.pull(pull("p1", 2, 60_000)).await.unwrap().into_inner();
    assert_eq!(api::PullResponse { repeat: false, ..again.clone() }, first);
    assert!(again.repeat);
    assert_eq!(world.router.script().stock.len(), 1, "the third case was not given out");
}

#[tokio::test]
async fn a_repeat_is_answered_by_a_gateway_that_was_not_there_the_first_time() {
    let world = World::start().await;
    world.router.script().stock.extend([7]);
    let (mut agent, begun) = world.signed_in("sari-token").await;
    let first = agent.pull(pull("p1", 2, 60_000)).await.unwrap().into_inner();
    let refused = agent.resolve(resolve("r1", 7, "reject:6")).await.unwrap_err();
    let other = world.another("gateway@test/2").await;
    let mut elsewhere = other.agent("sari-token");
    let again = elsewhere.pull(pull("p1", 2, 60_000)).await.unwrap().into_inner();
    assert_eq!(again, api::PullResponse { repeat: true, ..first });
    let refused_again = elsewhere.resolve(resolve("r1", 7, "reject:6")).await.unwrap_err();
    assert_eq!((refused_again.code(), refused_again.details()), (refused.code(), refused.details()));
    let request = api::SignInRequest {
        desk: DESK.into(),
        request_id: "sign-in of sari-token".into(),
        ready: true,
        auto: false,
    };
    let again = elsewhere.sign_in(request).await.unwrap().into_inner();
    assert_eq!(again, api::SignInResponse { repeat: true, ..begun });
}

#[tokio::test]
async fn a_request_id_is_for_one_request_of_one_principal() {
    let world = World::start().await;
    let (mut sari, _) = world.signed_in("sari-token").await;
    let (mut budi, _) = world.signed_in("budi-token").await;
    sari.add_note(note("n1", 7, "one")).await.unwrap();
    let other_text = sari.add_note(note("n1", 7, "two")).await.unwrap_err();
    assert_eq!(other_text.code(), Code::InvalidArgument);
    assert!(other_text.message().contains("request_id"), "{}", other_text.message());
    let other_command = sari.resolve(resolve("n1", 7, "done")).await.unwrap_err();
    assert_eq!(other_command.code(), Code::InvalidArgument);
    let other_agent = budi.add_note(note("n1", 7, "two")).await.unwrap().into_inner();
    assert!(!other_agent.repeat);
}

#[tokio::test]
async fn every_rejection_comes_with_its_code_and_its_details() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    let codes = [
        (1, Code::PermissionDenied),
        (2, Code::NotFound),
        (3, Code::NotFound),
        (4, Code::PermissionDenied),
        (5, Code::FailedPrecondition),
        (6, Code::FailedPrecondition),
        (7, Code::FailedPrecondition),
        (8, Code::ResourceExhausted),
        (9, Code::Aborted),
        (10, Code::InvalidArgument),
        (11, Code::InvalidArgument),
        (12, Code::PermissionDenied),
        (13, Code::FailedPrecondition),
        (14, Code::ResourceExhausted),
        (15, Code::FailedPrecondition),
        (20, Code::AlreadyExists),
    ];
    for (number, code) in codes {
        let request = resolve(&format!("r{number}"), 7, &format!("reject:{number}"));
        let refused = agent.resolve(request).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (code, "the script says no"), "{number}");
        let status = Details::decode(refused.details()).unwrap();
        assert_eq!((status.code, status.message.as_str()), (code as i32, "the script says no"));
        assert_eq!(status.details[0].type_url, "type.googleapis.com/simpang.agent.v1.Refusal");
        let refusal = api::Refusal::decode(status.details[0].value.as_slice()).unwrap();
        assert_eq!((refusal.reason, refusal.case), (number, 7));
        assert!(refusal.position > 0);
    }
}

/// `google.rpc.Status`, as other languages' clients read it.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

#[tokio::test]
async fn an_answer_waits_for_the_decision_and_names_its_commit() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    world.router.pause();
    let asked = tokio::spawn(async move { agent.add_note(note("n1", 7, "hello")).await });
    world.until_command(|body| matches!(body, command::Body::Note(_))).await;
    assert!(!asked.is_finished(), "answered before it was decided");
    world.router.resume();
    let answered = asked.await.unwrap().unwrap().into_inner();
    let last = world.desk.records().pop().unwrap();
    assert_eq!((answered.position, answered.cases), (last.seq, vec![7]));
}

#[tokio::test]
async fn many_at_once_hear_each_of_their_own() {
    let world = World::start().await;
    let agent = world.agent("sari-token");
    let asked: Vec<_> = (1..=200_u64)
        .map(|case| {
            let mut agent = agent.clone();
            tokio::spawn(async move {
                if case % 2 == 0 {
                    agent
                        .add_note(note(&format!("n{case}"), case, "x"))
                        .await
                        .map(|done| done.into_inner().cases)
                } else {
                    agent.resolve(resolve(&format!("n{case}"), case, "reject:6")).await.map(|_| Vec::new())
                }
            })
        })
        .collect();
    for (case, asked) in (1..).zip(asked) {
        match asked.await.unwrap() {
            Ok(cases) => assert_eq!(cases, [case]),
            Err(refused) => assert_eq!((case % 2, refused.code()), (1, Code::FailedPrecondition)),
        }
    }
}

#[tokio::test]
async fn the_same_request_sent_twice_at_once_is_one_command() {
    let world = World::start().await;
    world.router.script().stock.extend([7, 8]);
    let (agent, _) = world.signed_in("sari-token").await;
    let ask = |mut agent: crate::world::Agent| {
        tokio::spawn(async move { agent.pull(pull("p1", 1, 0)).await.unwrap().into_inner() })
    };
    let (one, two) = (ask(agent.clone()), ask(agent));
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert_eq!(one.assignments, two.assignments);
    assert!(one.repeat != two.repeat, "one of them is the first");
    assert_eq!(world.router.script().stock.len(), 1);
}

#[tokio::test]
async fn a_command_stands_on_the_log_as_it_was_asked() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    let mut request = tonic::Request::new(api::ReplyRequest {
        desk: DESK.into(),
        request_id: "r1".into(),
        case: 7,
        seen_messages: 2,
        kind: api::ReplyKind::Thread.into(),
        text: "Halo Kak".into(),
        to: Some(api::MessageId { seq: 5, index: 1 }),
        category: vec!["Komplain".into(), "Internet".into()],
        resolve: true,
        ..api::ReplyRequest::default()
    });
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request.metadata_mut().insert("traceparent", trace.parse().unwrap());
    agent.reply(request).await.unwrap();
    let input = world.inputs().pop().unwrap();
    assert_eq!((input.key.len(), input.traceparent.as_str()), (16, trace));
    let command = world.commands().pop().unwrap();
    assert_eq!((command.principal.as_str(), command.case, command.seen_messages), ("sari", 7, 2));
    let Some(command::Body::Reply(reply)) = command.body else { panic!("another command") };
    assert_eq!((reply.kind(), reply.resolve), (log::ReplyKind::Thread, true));
    assert_eq!(reply.to, Some(log::InputId { seq: 5, index: 1 }));
    let content = log::TextContent::decode(reply.content.unwrap().body).unwrap();
    assert_eq!(content.text, "Halo Kak");
}

#[tokio::test]
async fn a_fault_report_names_its_product_by_key_and_its_fields_by_shape() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    let field = |name: &str, value: &str| api::Field { name: name.into(), value: value.into() };
    let report = |id: &str, product: &str| api::ReportFaultRequest {
        desk: DESK.into(),
        request_id: id.into(),
        case: 7,
        product: product.into(),
        fields: vec![field("Telpon", "0812-3456-789")],
        choices: vec![field("Urgency", "Hard")],
        ..api::ReportFaultRequest::default()
    };
    let nothing = agent.report_fault(report("r0", " - ")).await.unwrap_err();
    assert_eq!(nothing.code(), Code::InvalidArgument);
    let mut keys = Vec::new();
    for (id, product) in [("r1", "1222-4321"), ("r2", "12224321"), ("r3", "12224322")] {
        agent.report_fault(report(id, product)).await.unwrap();
        let Some(command::Body::ReportFault(asked)) = world.commands().pop().unwrap().body else {
            panic!("another command")
        };
        assert_eq!(asked.filled[0].shapes, [log::FieldShape::Phone as i32]);
        let content = log::FaultContent::decode(asked.content.unwrap().body).unwrap();
        assert_eq!(content.product, product, "as it was written");
        keys.push(asked.product);
    }
    assert!(keys[0].len() == 16 && keys[0] == keys[1] && keys[1] != keys[2]);
}

#[tokio::test]
async fn a_merge_and_a_split_name_both_cases_and_a_take_over_the_assignment() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    let (desk, case) = (DESK.to_owned(), 7);
    let merge = api::MergeRequest {
        desk: desk.clone(),
        request_id: "m".into(),
        case,
        into: 5,
        ..api::MergeRequest::default()
    };
    assert_eq!(agent.merge(merge).await.unwrap().into_inner().cases, [7, 5]);
    let messages = vec![api::MessageId { seq: 3, index: 0 }];
    let split = api::SplitRequest {
        desk: desk.clone(),
        request_id: "s".into(),
        case,
        messages,
        ..api::SplitRequest::default()
    };
    assert_eq!(agent.split(split).await.unwrap().into_inner().cases, [7, 99]);
    let take = api::TakeOverRequest { desk, request_id: "t".into(), case, ..api::TakeOverRequest::default() };
    assert_eq!(agent.take_over(take).await.unwrap().into_inner().assignment.unwrap().case, 7);
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_by_field_and_leaves_no_trace() {
    let world = World::start().await;
    let (mut agent, _) = world.signed_in("sari-token").await;
    let before = world.inputs().len();
    let long = "x".repeat(64 * 1024 + 1);
    let refusals = [
        ("`text`", agent.add_note(note("n", 7, &long)).await.err()),
        ("`text`", agent.add_note(note("n", 7, "")).await.err()),
        ("`case`", agent.add_note(note("n", 0, "x")).await.err()),
        ("`request_id`", agent.add_note(note("", 7, "x")).await.err()),
        ("`request_id`", agent.add_note(note(&"r".repeat(129), 7, "x")).await.err()),
        ("`count`", agent.pull(pull("p", 0, 0)).await.err()),
        ("`count`", agent.pull(pull("p", 101, 0)).await.err()),
        ("`wait_ms`", agent.pull(pull("p", 1, 3_600_001)).await.err()),
        ("`outcome`", agent.resolve(resolve("r", 7, &"x".repeat(201))).await.err()),
    ];
    for (field, refused) in refusals {
        let refused = refused.unwrap();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        assert!(refused.message().starts_with(field), "{}", refused.message());
    }
    assert_eq!(world.inputs().len(), before);
    agent.add_note(note("n", 7, &long[1..])).await.unwrap();
}

/// With a log that can't be read from its beginning any more, only a snapshot leads to its end.
#[tokio::test]
async fn a_gateway_that_goes_on_from_a_snapshot_knows_all_that_was_decided() {
    let memory = Memory::default();
    let kept = || Some(Snapshots { folder: Folder::in_memory(memory.clone()), every_events: 1 });
    let world = World::with(|options| options.snapshots = kept()).await;
    world.router.script().stock.extend([7, 8]);
    let (mut agent, _) = world.signed_in("sari-token").await;
    let first = agent.pull(pull("p1", 1, 60_000)).await.unwrap().into_inner();
    let work =
        agent.get_work(api::GetWorkRequest { desk: DESK.into(), at_least: 0 }).await.unwrap().into_inner();
    let holds_all = |name: &String| name.split('.').nth(1).unwrap().parse::<u64>().unwrap() > work.position;
    // What was decided stands in one of its first so many commits.
    while !memory.lock().unwrap().all.keys().next_back().is_some_and(holds_all) {
        world.router.emit(vec![Body::DayTurned(log::DayTurned { day: 1 })]);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    world.desk.flip_byte(1, 8);
    let other = world
        .another_with(|options| {
            options.instance = "gateway@test/2".into();
            options.snapshots = kept();
        })
        .await;
    let mut elsewhere = other.agent("sari-token");
    let again = elsewhere.get_work(api::GetWorkRequest { desk: DESK.into(), at_least: 0 }).await.unwrap();
    assert_eq!(again.into_inner().work, work.work);
    let repeat = elsewhere.pull(pull("p1", 1, 60_000)).await.unwrap().into_inner();
    assert_eq!(repeat, api::PullResponse { repeat: true, ..first });
    assert_eq!(world.router.script().stock.len(), 1, "the second case was not given out");
    assert_eq!(memory.lock().unwrap().resumed, 1);
}
