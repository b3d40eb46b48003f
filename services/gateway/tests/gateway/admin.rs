//! Desks, policies, agents, customers.

use prost::Message;
use simpang_log::{DirectoryTail, Door, RecordKind};
use simpang_proto::admin::v1 as api;
use simpang_proto::agent::v1 as agent_api;
use simpang_proto::log::v1::{self as log, command};
use simpang_wire::key::Keyer;
use std::sync::Arc;
use tonic::Code;

use crate::world::{Admin, DESK, World};

pub(crate) const POLICY: &str = r#"
[defaults]
priority = "normal"
[[priority]]
name = "normal"
[[queue]]
name = "all"
[[rule]]
name = "everything"
when = "true"
queue = "all"
[[account]]
channel = "email"
account = "tenesa@telkom.example"
aliases = ["help@telkom.example"]
"#;

pub(crate) fn files(version: u64, text: &str) -> Vec<api::PolicyFile> {
    let manifest = format!("name = \"test\"\nversion = {version}\ndesks = [\"{DESK}\"]\n");
    let file = |path: &str, text: &str| api::PolicyFile { path: path.into(), text: text.into() };
    vec![file("policy.toml", &manifest), file(&format!("desks/{DESK}.toml"), text)]
}

pub(crate) fn apply(request_id: &str, version: u64, files: Vec<api::PolicyFile>) -> api::ApplyPolicyRequest {
    api::ApplyPolicyRequest {
        desk: DESK.into(),
        request_id: request_id.into(),
        files,
        version,
        cites: "003".into(),
    }
}

async fn directory(world: &World) -> Vec<log::DirectoryRecord> {
    let mut records = Vec::new();
    let mut tail = DirectoryTail::start(Arc::new(world.store.clone()), 0);
    tail.catch_up(|change| records.push(change.record.unwrap())).await.unwrap();
    records
}

async fn desk(admin: &mut Admin) -> api::GetDeskResponse {
    admin.get_desk(api::GetDeskRequest { desk: DESK.into() }).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_policy_is_checked_without_a_desk_and_without_a_trace() {
    let world = World::start().await;
    let check = |text: &str| api::CheckPolicyRequest { desk: DESK.into(), files: files(1, text) };
    let good = world.admin().check_policy(check(POLICY)).await.unwrap().into_inner();
    assert!(good.usable, "{:?}", good.problems);
    let wrong = POLICY.replace("queue = \"all\"", "queue = \"nowhere\"");
    let bad = world.admin().check_policy(check(&wrong)).await.unwrap().into_inner();
    assert!(!bad.usable);
    let problem = bad.problems.iter().find(|problem| problem.severity() == api::Severity::Error).unwrap();
    assert!(problem.file.ends_with(".toml") && problem.line > 0 && problem.column > 0, "{problem:?}");
    assert!(world.inputs().iter().all(|i| !matches!(i.body, Some(log::input::Body::Policy(_)))));
}

#[tokio::test]
async fn a_policy_comes_into_force_and_the_directory_learns_the_desks_accounts() {
    let world = World::start().await;
    let mut admin = world.admin();
    let first = admin.apply_policy(apply("a1", 0, files(3, POLICY))).await.unwrap().into_inner();
    assert_eq!((first.version, first.repeat), (3, false), "as the files say");
    let again = admin.apply_policy(apply("a1", 0, files(3, POLICY))).await.unwrap().into_inner();
    assert_eq!((again.version, again.repeat, again.position), (3, true, first.position));
    let next = admin.apply_policy(apply("a2", 0, files(3, POLICY))).await.unwrap().into_inner();
    assert_eq!(next.version, 4, "the next, when the files' own is not higher");
    let refused = admin.apply_policy(apply("a3", 2, files(3, POLICY))).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let told: Vec<log::DeskRecord> = directory(&world).await.into_iter().flat_map(|r| r.desks).collect();
    let last = told.last().unwrap();
    assert_eq!((last.desk.as_str(), last.policy_version), (DESK, 4));
    let account = log::Account {
        channel: log::Channel::Email.into(),
        account: "tenesa@telkom.example".into(),
        aliases: vec!["help@telkom.example".into()],
    };
    assert_eq!(last.accounts, [account]);
    // A repeat of what another policy has followed must not bring back what no longer holds.
    admin.apply_policy(apply("a1", 0, files(3, POLICY))).await.unwrap();
    assert_eq!(directory(&world).await.len(), told.len());
    let shown = desk(&mut admin).await;
    let glance = shown.desk.unwrap();
    assert_eq!((glance.policy_version, glance.policy_cites.as_str()), (4, "003"));
}

#[tokio::test]
async fn the_directory_is_told_of_a_policy_that_nobody_told_it_of() {
    let world = World::with(|options| options.heartbeat = std::time::Duration::from_millis(20)).await;
    // As after a process that died between the two: the input alone stands on the log.
    let files = files(1, POLICY).into_iter().map(|file| log::PolicyFile { path: file.path, text: file.text });
    let policy = log::PolicyDocument { version: 1, files: files.collect(), ..log::PolicyDocument::default() };
    let input = log::Input { body: Some(log::input::Body::Policy(policy)), ..log::Input::default() };
    let record = log::InputRecord { schema: 1, writer: "gateway@gone/1".into(), inputs: vec![input] };
    world.desk.push(RecordKind::Input(Door::Gateway), record.encode_to_vec().into());
    let mut admin = world.admin();
    let deadline = tokio::time::Instant::now() + crate::world::PATIENCE;
    while desk(&mut admin).await.accounts.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "the directory was not told");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(desk(&mut admin).await.accounts[0].account, "tenesa@telkom.example");
}

#[tokio::test]
async fn a_policy_that_does_not_compile_is_refused_whole() {
    let world = World::start().await;
    let refused = world.admin().apply_policy(apply("a1", 0, files(1, "[["))).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains(&format!("desks/{DESK}.toml:1:")), "{}", refused.message());
    assert!(world.inputs().iter().all(|i| !matches!(i.body, Some(log::input::Body::Policy(_)))));
}

#[tokio::test]
async fn an_agents_roles_come_from_the_desks_records() {
    let world = World::start().await;
    let as_sari = || {
        let mut request = tonic::Request::new(api::GetDeskRequest { desk: DESK.into() });
        request.metadata_mut().insert("authorization", "Bearer sari-token".parse().unwrap());
        request
    };
    let mut unnamed = world.admin_without_token();
    assert_eq!(unnamed.get_desk(as_sari()).await.unwrap_err().code(), Code::PermissionDenied);
    let agent = api::Agent {
        agent: "sari".into(),
        roles: vec![api::Role::Administrator.into()],
        ..api::Agent::default()
    };
    let request =
        api::UpsertAgentsRequest { desk: DESK.into(), request_id: "u1".into(), agents: vec![agent] };
    let done = world.admin().upsert_agents(request.clone()).await.unwrap().into_inner();
    assert!(done.position > 0 && !done.repeat);
    assert!(world.admin().upsert_agents(request).await.unwrap().into_inner().repeat);
    let shown = unnamed.get_desk(as_sari()).await.unwrap().into_inner();
    assert_eq!((shown.agents[0].agent.as_str(), shown.agents[0].signed_in), ("sari", false));
}

#[tokio::test]
async fn administrators_only() {
    let world = World::start().await;
    let mut request = tonic::Request::new(api::CreateDeskRequest { desk: "tenesa".into() });
    request.metadata_mut().insert("authorization", "Bearer sari-token".parse().unwrap());
    let mut unnamed = world.admin_without_token();
    assert_eq!(unnamed.create_desk(request).await.unwrap_err().code(), Code::PermissionDenied);
    let request = api::CreateDeskRequest { desk: "tenesa".into() };
    assert_eq!(unnamed.create_desk(request).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_desk_that_is_made_is_listed_once() {
    let world = World::start().await;
    let mut admin = world.admin();
    for _ in 0..2 {
        let made =
            admin.create_desk(api::CreateDeskRequest { desk: "tenesa".into() }).await.unwrap().into_inner();
        assert_eq!(made.desk.unwrap().trouble, "");
    }
    let listed = admin.list_desks(api::ListDesksRequest {}).await.unwrap().into_inner();
    let names: Vec<&str> = listed.desks.iter().map(|desk| desk.desk.as_str()).collect();
    assert_eq!(names, [DESK, "tenesa"]);
    let refused = admin.create_desk(api::CreateDeskRequest { desk: "directory".into() }).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_customer_in_the_directory_can_be_linked_to_a_case() {
    let world = World::start().await;
    let identity = api::Identity { channel: api::Channel::Email.into(), address: "Budi@bank.example".into() };
    let customer = api::Customer {
        id: "C-1".into(),
        segment: "DBS".into(),
        name: "Budi Santoso".into(),
        identities: vec![identity],
        ..api::Customer::default()
    };
    let request = api::UpsertCustomersRequest { customers: vec![customer] };
    world.admin().upsert_customers(request).await.unwrap();
    let record = directory(&world).await.remove(0).customers.remove(0);
    let key = Keyer::new(b"a secret for tests only").person("email", "budi@bank.example");
    assert_eq!(record.identities, [key.to_vec()]);
    let content = log::CustomerContent::decode(record.content.unwrap().body).unwrap();
    assert_eq!(content.name, "Budi Santoso");
    let identify = |request_id: &str, customer: &str| agent_api::IdentifyRequest {
        desk: DESK.into(),
        request_id: request_id.into(),
        case: 7,
        customer: customer.into(),
        ..agent_api::IdentifyRequest::default()
    };
    let mut agent = world.agent("sari-token");
    let linked = world.until_linked(&mut agent, identify("i1", "C-1")).await;
    assert_eq!(linked.cases, [7]);
    let Some(command::Body::Identify(asked)) = world.commands().pop().unwrap().body else { panic!() };
    assert_eq!(asked.customer.unwrap().segment, "DBS", "the directory's words stand on the input");
    let refused = agent.identify(identify("i2", "C-2")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}
