//! `simpang.view.v1` over loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use simpang_log::{DeskLog, Door, MemoryStore};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;
use simpang_wire::key::Keyer;
use tonic::Code;

use crate::script::{BEGIN, Script, assigned, joined, mail, opened, queued, unassigned};
use crate::server::{Running, SOON};
use crate::story::story;

fn get(case: u64, at_least: u64) -> api::GetCaseRequest {
    api::GetCaseRequest { desk: "tenesa".into(), case, at_least }
}

#[tokio::test]
async fn reads_answer_for_those_whose_roles_allow_it() {
    let script = story().await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    let last = script.store.desk(&script.desk).last_seq().await.unwrap();

    let answer = running.view("siti").get_case(get(1, last)).await.unwrap().into_inner();
    assert_eq!(answer.position, last);
    assert_eq!(answer.case.unwrap().summary.unwrap().subject, "Internet mati");

    let refused =
        |result: Result<tonic::Response<api::GetCaseResponse>, tonic::Status>| result.unwrap_err().code();
    assert_eq!(refused(running.view("stranger").get_case(get(1, 0)).await), Code::PermissionDenied);
    assert_eq!(refused(running.view("elsewhere").get_case(get(1, 0)).await), Code::PermissionDenied);
    assert_eq!(refused(running.view("nobody").get_case(get(1, 0)).await), Code::Unauthenticated);
    assert_eq!(refused(running.view("auditor").get_case(get(77, 0)).await), Code::NotFound);
    let nowhere = api::GetCaseRequest { desk: "nowhere".into(), ..get(1, 0) };
    assert_eq!(refused(running.view("auditor").get_case(nowhere).await), Code::NotFound);
    let no_name = api::GetCaseRequest { desk: "No Desk!".into(), ..get(1, 0) };
    assert_eq!(refused(running.view("auditor").get_case(no_name).await), Code::InvalidArgument);

    let desks =
        running.view("stranger").list_desks(api::ListDesksRequest {}).await.unwrap().into_inner().desks;
    let [desk] = &desks[..] else { panic!("one desk") };
    assert_eq!(
        (desk.position, desk.behind_records, desk.pending_inputs, desk.broken.as_str()),
        (last, 0, 1, "")
    );
    assert!(
        running
            .view("elsewhere")
            .list_desks(api::ListDesksRequest {})
            .await
            .unwrap()
            .into_inner()
            .desks
            .is_empty()
    );
    running.stop().await;
}

#[tokio::test]
async fn every_read_answers() {
    let script = story().await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    let at_least = script.store.desk(&script.desk).last_seq().await.unwrap();
    let mut view = running.view("siti");
    let desk = || "tenesa".to_owned();

    let list = api::ListCasesRequest { desk: desk(), at_least, ..Default::default() };
    assert_eq!(view.list_cases(list).await.unwrap().into_inner().total, 3);
    let search = api::SearchRequest { desk: desk(), query: "tagihan".into(), ..Default::default() };
    assert_eq!(view.search(search).await.unwrap().into_inner().hits.len(), 1);
    let nothing = api::SearchRequest { desk: desk(), query: "  ".into(), ..Default::default() };
    assert_eq!(view.search(nothing).await.unwrap_err().code(), Code::InvalidArgument);
    let history = api::CustomerHistoryRequest { desk: desk(), customer: "C-1".into(), ..Default::default() };
    assert_eq!(view.customer_history(history).await.unwrap().into_inner().cases.len(), 2);
    let replies = api::ListRepliesRequest { desk: desk(), ..Default::default() };
    assert_eq!(view.list_replies(replies).await.unwrap().into_inner().replies.len(), 1);
    let find = api::FindCustomersRequest { desk: desk(), name: "budi".into(), ..Default::default() };
    assert_eq!(view.find_customers(find).await.unwrap().into_inner().total, 0);
    let board =
        api::SlaBoardRequest { desk: desk(), from_ms: 1, zone: "Asia/Jakarta".into(), ..Default::default() };
    assert!(!view.sla_board(board).await.unwrap().into_inner().attainment.is_empty());
    let floor = api::ListAgentsRequest { desk: desk(), ..Default::default() };
    assert_eq!(view.list_agents(floor).await.unwrap().into_inner().agents.len(), 1);
    let campaigns = api::CampaignProgressRequest { desk: desk(), ..Default::default() };
    assert_eq!(view.campaign_progress(campaigns).await.unwrap().into_inner().campaigns.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_history_is_found_by_an_address_that_the_directory_does_not_know() {
    let mut script = Script::new("tenesa").await;
    let keyer = Keyer::new(b"a secret for tests");
    let author = keyer.person("email", "ani@example.id").to_vec().into();
    let message = log::Message { author, ..mail("ani", "Satu", "a") };
    let message = script.input(Door::Ingest, Arrived::Message(message)).await;
    let at_least = script.commit(message, vec![opened(1), joined(1, message, 1)]).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    let asked = api::CustomerHistoryRequest {
        desk: "tenesa".into(),
        address: "Ani@Example.id".into(),
        channel: api::Channel::Email as i32,
        at_least,
        ..Default::default()
    };
    let mut view = running.view("auditor");
    assert_eq!(view.customer_history(asked.clone()).await.unwrap().into_inner().cases[0].case, 1);
    let no_channel = api::CustomerHistoryRequest { channel: 0, ..asked };
    assert_eq!(view.customer_history(no_channel).await.unwrap_err().code(), Code::InvalidArgument);
    running.stop().await;
}

#[tokio::test]
async fn a_history_crosses_desks_that_the_caller_may_read_and_names_the_others() {
    let clock = Arc::new(AtomicI64::new(BEGIN));
    let shared = Arc::clone(&clock);
    let store = MemoryStore::with_clock(Arc::new(move || shared.load(Ordering::SeqCst)));
    let keyer = Keyer::new(b"a secret for tests");
    let author: bytes::Bytes = keyer.person("email", "ani@example.id").to_vec().into();
    let mut here = Script::on(store.clone(), "tenesa", Arc::clone(&clock)).await;
    let mut there = Script::on(store.clone(), "telkomcare", clock).await;
    let mut at_least = 0;
    for (script, cases) in [(&mut here, 1), (&mut there, 2)] {
        for case in 1..=cases {
            let message = log::Message { author: author.clone(), ..mail("ani", "Satu", "a") };
            let message = script.input(Door::Ingest, Arrived::Message(message)).await;
            at_least = script.commit(message, vec![opened(case), joined(case, message, 1)]).await;
        }
    }
    let stranger = there.input(Door::Ingest, Arrived::Message(mail("tono", "Dua", "b"))).await;
    at_least = at_least.max(there.commit(stranger, vec![opened(3), joined(3, stranger, 1)]).await);
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(store), folder.path()).await;
    running.until(|running| running.project.health().len() == 2).await;
    let there = api::GetCaseRequest { desk: "telkomcare".into(), case: 3, at_least };
    running.view("auditor").get_case(there).await.unwrap();

    let asked = api::CustomerHistoryRequest {
        desk: "tenesa".into(),
        case: 1,
        at_least: 2,
        elsewhere: true,
        ..Default::default()
    };
    let answer = running.view("auditor").customer_history(asked.clone()).await.unwrap().into_inner();
    let numbers = |cases: &[api::CaseSummary]| cases.iter().map(|case| case.case).collect::<Vec<_>>();
    assert_eq!(numbers(&answer.cases), [1]);
    let [other] = &answer.elsewhere[..] else { panic!("one other desk: {answer:?}") };
    assert_eq!((other.desk.as_str(), numbers(&other.cases)), ("telkomcare", vec![2, 1]));
    assert!(answer.unread.is_empty());

    let answer = running.view("here").customer_history(asked.clone()).await.unwrap().into_inner();
    assert_eq!((answer.elsewhere.len(), answer.unread), (0, vec!["telkomcare".to_owned()]));
    let asked = api::CustomerHistoryRequest { elsewhere: false, ..asked };
    let answer = running.view("auditor").customer_history(asked).await.unwrap().into_inner();
    assert!(answer.elsewhere.is_empty(), "it was not asked for");
    running.stop().await;
}

#[tokio::test]
async fn a_read_waits_for_the_position_it_asks_for_and_says_when_that_does_not_come() {
    let mut script = Script::new("tenesa").await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    let mut view = running.view("auditor");
    let waiting = tokio::spawn(async move { view.get_case(get(1, 2)).await });
    let message = script.input(Door::Ingest, Arrived::Message(mail("a", "b", "c"))).await;
    script.commit(message, vec![opened(1), joined(1, message, 1)]).await;
    let answer = tokio::time::timeout(SOON, waiting).await.unwrap().unwrap().unwrap().into_inner();
    assert_eq!(answer.position, 2);
    let late = running.view("auditor").get_case(get(1, 1_000)).await.unwrap_err();
    assert_eq!(late.code(), Code::Unavailable);
    assert!(late.message().contains("is at 2, and 1000 was asked for"), "{late}");
    running.stop().await;
}

#[tokio::test]
async fn a_watch_shows_what_is_so_and_then_what_changes_and_what_no_longer_matches() {
    let mut script = Script::new("tenesa").await;
    let message = script.input(Door::Ingest, Arrived::Message(mail("a", "Satu", "c"))).await;
    let at_least = script.commit(message, vec![opened(1), joined(1, message, 1), queued(1, "email")]).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    let filter = api::CaseFilter { states: vec![api::CaseState::Queued as i32], ..Default::default() };
    let asked = api::WatchRequest {
        desk: "tenesa".into(),
        cases: Some(filter),
        agents: Some(api::ListAgentsRequest::default()),
        at_least,
        ..Default::default()
    };
    let mut stream = running.view("auditor").watch(asked).await.unwrap().into_inner();
    let mut seen = Seen::default();
    seen.until(&mut stream, |seen| seen.shown == [1] && seen.tables == 1).await;

    let second = script.input(Door::Ingest, Arrived::Message(mail("b", "Dua", "c"))).await;
    script.commit(second, vec![opened(2), joined(2, second, 1), queued(2, "email")]).await;
    seen.until(&mut stream, |seen| seen.shown == [1, 2]).await;

    let tick = script.tick(1_000).await;
    script.commit(tick, vec![assigned(1, "siti")]).await;
    seen.until(&mut stream, |seen| seen.shown == [2] && seen.tables > 1).await;

    let tick = script.tick(1_000).await;
    let released = unassigned(1, "siti", log::UnassignedBy::Release);
    let position = script.commit(tick, vec![released, queued(1, "email")]).await;
    seen.until(&mut stream, |seen| seen.shown == [1, 2] && seen.position >= position).await;

    let nothing = api::WatchRequest { desk: "tenesa".into(), ..Default::default() };
    assert_eq!(running.view("auditor").watch(nothing).await.unwrap_err().code(), Code::InvalidArgument);
    running.stop().await;
}

/// What a watcher knows.
#[derive(Debug, Default)]
struct Seen {
    shown: Vec<u64>,
    tables: usize,
    position: u64,
}

impl Seen {
    async fn until(&mut self, stream: &mut tonic::Streaming<api::WatchResponse>, so: impl Fn(&Self) -> bool) {
        while !so(self) {
            let answer = tokio::time::timeout(SOON, stream.message()).await;
            let answer = answer.unwrap_or_else(|_| panic!("nothing more came: {self:?}")).unwrap().unwrap();
            self.shown.retain(|case| !answer.gone.contains(case));
            self.shown.extend(answer.cases.iter().map(|case| case.case));
            self.shown.sort_unstable();
            self.shown.dedup();
            self.tables += usize::from(answer.agents.is_some());
            self.position = answer.position;
        }
    }
}
