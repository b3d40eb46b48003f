//! Following logs: new desks, restarts, broken logs, rebuilds, the directory.

use std::sync::Arc;

use prost::Message;
use simpang_log::{DeskLog, Door, LogStore};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;
use simpang_views::Views;
use tonic::Code;

use crate::script::{Script, joined, mail, opened, sealed};
use crate::server::Running;
use crate::story::story;

fn get(desk: &str, case: u64, at_least: u64) -> api::GetCaseRequest {
    api::GetCaseRequest { desk: desk.into(), case, at_least }
}

async fn one_case(script: &mut Script, case: u64) -> u64 {
    let message = script.input(Door::Ingest, Arrived::Message(mail("a", "Satu", "c"))).await;
    script.commit(message, vec![opened(case), joined(case, message, 1)]).await
}

#[tokio::test]
async fn a_desk_that_is_made_later_is_found() {
    let script = Script::new("tenesa").await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    let clock = Arc::new(std::sync::atomic::AtomicI64::new(crate::script::BEGIN));
    let mut other = Script::on(script.store.clone(), "telkomcare", clock).await;
    let position = one_case(&mut other, 1).await;
    running.until(|running| running.project.health().len() == 2).await;
    let answer =
        running.view("elsewhere").get_case(get("telkomcare", 1, position)).await.unwrap().into_inner();
    assert_eq!(answer.position, position);
    running.stop().await;
}

#[tokio::test]
async fn a_desk_that_is_listed_before_it_can_be_opened_is_followed_once_it_can() {
    let mut script = Script::new("tenesa").await;
    let position = one_case(&mut script, 1).await;
    let desk = script.store.desk(&script.desk);
    desk.set_known(false);
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    let refused = running.view("auditor").get_case(get("tenesa", 1, position)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    desk.set_known(true);
    running
        .until(|running| running.project.health().iter().any(|desk| desk.position >= Some(position)))
        .await;
    running.view("auditor").get_case(get("tenesa", 1, position)).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn after_a_restart_a_desk_goes_on_where_its_own_file_is() {
    let mut script = Script::new("tenesa").await;
    let folder = tempfile::tempdir().unwrap();
    let position = one_case(&mut script, 1).await;
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    running.view("auditor").get_case(get("tenesa", 1, position)).await.unwrap();
    running.stop().await;
    // An input that nobody has judged, folded before the next stop.
    let message = script.input(Door::Ingest, Arrived::Message(mail("b", "Dua", "belum"))).await;
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    running.view("auditor").get_case(get("tenesa", 1, message.seq)).await.unwrap();
    running.stop().await;
    let last = script.commit(message, vec![opened(2), joined(2, message, 1)]).await;
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    let answer = running.view("auditor").get_case(get("tenesa", 2, last)).await.unwrap().into_inner();
    assert_eq!(answer.case.unwrap().summary.unwrap().subject, "Dua");
    running.stop().await;
    let (resumed, _) = Views::open(&folder.path().join("tenesa.sqlite"), &script.desk).unwrap();
    let mut straight = Views::in_memory(&script.desk).unwrap();
    straight.fold(&script.entries().await).unwrap();
    assert_eq!(resumed.digest().unwrap(), straight.digest().unwrap());
}

#[tokio::test]
async fn a_broken_log_stops_its_own_desk_with_the_reason_and_no_other() {
    let mut script = Script::new("tenesa").await;
    let clock = Arc::new(std::sync::atomic::AtomicI64::new(crate::script::BEGIN));
    let mut other = Script::on(script.store.clone(), "telkomcare", clock).await;
    let broken = one_case(&mut script, 1).await;
    script.store.desk(&script.desk).flip_byte(broken - 1, 12);
    let fine = one_case(&mut other, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    running.until(|running| running.project.health().iter().any(|desk| desk.broken.is_some())).await;
    let refused = running.view("auditor").get_case(get("tenesa", 1, broken)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("broken at sequence 2"), "{refused}");
    running.view("auditor").get_case(get("telkomcare", 1, fine)).await.unwrap();
    let desks =
        running.view("auditor").list_desks(api::ListDesksRequest {}).await.unwrap().into_inner().desks;
    assert_eq!(desks.iter().filter(|desk| !desk.broken.is_empty()).count(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_rebuild_is_swapped_in_under_readers_and_equals_what_was_there() {
    let mut script = story().await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    let last = script.store.desk(&script.desk).last_seq().await.unwrap();
    running.view("auditor").get_case(get("tenesa", 1, last)).await.unwrap();
    let path = folder.path().join("tenesa.sqlite");
    let before = simpang_views::store::Reader::open(&path).unwrap().digest().unwrap();
    let request = api::RebuildRequest { desk: "tenesa".into() };
    let refused = running.view("auditor").rebuild(request.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let mut told = running.view("admin").rebuild(request).await.unwrap().into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = told.message().await.unwrap() {
        answers.push(answer);
    }
    let done = answers.pop().unwrap();
    assert_eq!((done.position, done.until, done.done), (last, last, true));
    assert!(answers.iter().all(|answer| !answer.done && answer.position <= last), "{answers:?}");
    assert_eq!(running.project.health()[0].rebuilt, 1);
    running.view("auditor").get_case(get("tenesa", 1, last)).await.unwrap();
    let after = simpang_views::store::Reader::open(&path).unwrap().digest().unwrap();
    assert_eq!(before, after);
    let more = one_case(&mut script, 8).await;
    let answer = running.view("auditor").get_case(get("tenesa", 8, more)).await.unwrap().into_inner();
    assert_eq!(answer.position, more, "the new tables are followed on");
    running.stop().await;
}

#[tokio::test]
async fn names_of_the_directory_show_on_cases() {
    let mut script = Script::new("tenesa").await;
    let mut message = mail("budi", "Satu", "c");
    message.customer = Some(log::Customer { id: "C-1".into(), ..Default::default() });
    let message = script.input(Door::Ingest, Arrived::Message(message)).await;
    let position = script.commit(message, vec![opened(1), joined(1, message, 1)]).await;
    let content = log::CustomerContent { name: "Budi Santoso".into(), ..Default::default() };
    let record = log::CustomerRecord {
        customer: Some(log::Customer { id: "C-1".into(), ..Default::default() }),
        content: sealed(&content),
        ..Default::default()
    };
    let record = log::DirectoryRecord { schema: 1, customers: vec![record], ..Default::default() };
    script.store.append_directory(record.encode_to_vec().into()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(script.store.clone()), folder.path()).await;
    let waited = tokio::time::timeout(crate::server::SOON, async {
        loop {
            let answer =
                running.view("auditor").get_case(get("tenesa", 1, position)).await.unwrap().into_inner();
            let name = answer.case.unwrap().summary.unwrap().customer_name;
            if name == "Budi Santoso" {
                return answer.customer.unwrap().name;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(waited.await.unwrap(), "Budi Santoso");
    running.stop().await;
}
