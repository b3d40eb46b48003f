//! Lists, search, customers.

use bytes::Bytes;
use simpang_log::{DirectoryChange, Door};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;
use simpang_views::Views;

use crate::script::{Script, assigned, author, joined, mail, opened, queued, sealed};
use crate::story::told;

fn list(views: &Views, filter: api::CaseFilter) -> Vec<u64> {
    let request = api::ListCasesRequest { filter: Some(filter), ..Default::default() };
    views.snapshot().list_cases(&request).unwrap().cases.iter().map(|case| case.case).collect()
}

#[tokio::test]
async fn filters_narrow_together() {
    let (_, views) = told().await;
    let all = api::CaseFilter { with_closed: true, ..Default::default() };
    let text = |text: &str| vec![text.to_owned()];
    let rows: Vec<(api::CaseFilter, Vec<u64>)> = vec![
        (api::CaseFilter::default(), vec![6, 4, 3]),
        (all.clone(), vec![6, 5, 4, 3, 2, 1]),
        (
            api::CaseFilter { states: vec![api::CaseState::Closed as i32], ..Default::default() },
            vec![5, 2, 1],
        ),
        (api::CaseFilter { queues: text("billing"), ..all.clone() }, vec![3]),
        (api::CaseFilter { priorities: text("urgent"), ..all.clone() }, vec![1]),
        (api::CaseFilter { segments: text("DES"), ..all.clone() }, vec![3, 1]),
        (api::CaseFilter { customers: text("C-1"), ..Default::default() }, vec![3]),
        (api::CaseFilter { campaigns: text("callback"), ..all.clone() }, vec![4]),
        (api::CaseFilter { channel: api::Channel::Call as i32, ..all.clone() }, vec![4]),
        (api::CaseFilter { category: text("Komplain"), ..all.clone() }, vec![1]),
        (api::CaseFilter { category: text("Kompl"), ..all.clone() }, vec![]),
        (api::CaseFilter { category: vec!["Komplain".into(), "Internet".into()], ..all.clone() }, vec![1]),
        (api::CaseFilter { reference: "IN123".into(), ..all.clone() }, vec![5]),
        (api::CaseFilter { text: "tagihan dobel".into(), ..all.clone() }, vec![3]),
        (api::CaseFilter { unanswered: true, ..all.clone() }, vec![6, 3]),
        (api::CaseFilter { breached: true, ..all }, vec![]),
    ];
    for (filter, wanted) in rows {
        assert_eq!(list(&views, filter.clone()), wanted, "{filter:?}");
    }
}

#[tokio::test]
async fn pages_of_every_sort_show_every_case_once() {
    let mut script = Script::new("tenesa").await;
    for number in 1..=23 {
        let message = script.input(Door::Ingest, Arrived::Message(mail("a", "b", "c"))).await;
        script.commit(message, vec![opened(number), joined(number, message, 1), queued(number, "q")]).await;
        // Several cases share a time, so that the case number has to decide.
        script.wait(i64::from(number % 5 == 0));
    }
    let mut views = Views::in_memory(&script.desk).unwrap();
    views.fold(&script.entries().await).unwrap();
    for sort in 0..=4 {
        let mut request = api::ListCasesRequest { sort, page_size: 4, ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let page = views.snapshot().list_cases(&request).unwrap();
            assert_eq!(page.total, 23);
            seen.extend(page.cases.iter().map(|case| case.case));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        let whole = api::ListCasesRequest { sort, page_size: 500, ..Default::default() };
        let whole = views.snapshot().list_cases(&whole).unwrap().cases;
        assert_eq!(seen, whole.iter().map(|case| case.case).collect::<Vec<_>>(), "sort {sort}");
        seen.sort_unstable();
        assert_eq!(seen, (1..=23).collect::<Vec<_>>());
    }
    let bad = api::ListCasesRequest { page_token: "x".into(), ..Default::default() };
    assert!(views.snapshot().list_cases(&bad).unwrap_err().to_string().starts_with("page_token"));
}

#[tokio::test]
async fn search_finds_messages_replies_and_notes() {
    let (_, views) = told().await;
    let rows = [
        ("internet", "message", 1),
        ("gangguannya", "reply", 1),
        ("modem DIGANTI", "note", 1),
        ("dobel", "message", 3),
        ("\"nomor saya benar\"", "message", 1),
        ("tagih*", "message", 3),
    ];
    for (query, kind, case) in rows {
        let hits = views.snapshot().search(query, 10).unwrap().hits;
        let found: Vec<(&str, u64)> =
            hits.iter().map(|hit| (hit.kind.as_str(), hit.case.clone().unwrap().case)).collect();
        assert_eq!(found, [(kind, case)], "{query}");
        assert!(hits[0].snippet.contains('['));
    }
    assert!(views.snapshot().search("salah", 10).unwrap().hits.is_empty(), "it was edited away");
}

fn customer(id: &str, name: &str, pots: &str) -> log::CustomerRecord {
    let content = log::CustomerContent {
        name: name.into(),
        identities: vec![log::Identity { channel: 1, address: format!("{id}@Example.id") }],
        profile: vec![log::Attribute { name: "No. POTS".into(), value: pots.into() }],
    };
    let customer = log::Customer { id: id.into(), segment: "DES".into(), ..Default::default() };
    log::CustomerRecord { customer: Some(customer), content: sealed(&content), ..Default::default() }
}

fn change(seq: u64, customers: Vec<log::CustomerRecord>) -> DirectoryChange {
    let record = log::DirectoryRecord { schema: 1, customers, ..Default::default() };
    DirectoryChange { seq, at_ms: 0, record: Ok(record) }
}

#[tokio::test]
async fn names_come_from_the_directory_and_customers_are_found_by_what_is_known_of_them() {
    let (_, mut views) = told().await;
    let both = vec![customer("C-1", "Budi Santoso", "0217"), customer("C-2", "Budiman", "0218")];
    let removed = log::CustomerRecord { removed: true, ..customer("C-2", "Budiman", "0218") };
    let changes = [change(1, both), DirectoryChange { seq: 2, at_ms: 0, record: Err("no record".into()) }];
    views.fold_directory(&changes).unwrap();
    let find = |views: &Views, request: api::FindCustomersRequest| {
        let found = views.snapshot().find_customers(&request).unwrap();
        found.customers.into_iter().map(|customer| customer.id).collect::<Vec<_>>()
    };
    let by_name = || api::FindCustomersRequest { name: "BUDI".into(), ..Default::default() };
    assert_eq!(find(&views, by_name()), ["C-1", "C-2"]);
    let by_number = api::FindCustomersRequest { value: " 0217 ".into(), ..Default::default() };
    assert_eq!(find(&views, by_number), ["C-1"]);
    let by_mail = api::FindCustomersRequest { value: "c-2@example.id".into(), ..Default::default() };
    assert_eq!(find(&views, by_mail.clone()), ["C-2"]);
    assert!(views.snapshot().find_customers(&api::FindCustomersRequest::default()).is_err());
    views.fold_directory(&[change(3, vec![removed])]).unwrap();
    assert_eq!(find(&views, by_name()), ["C-1"]);
    assert!(find(&views, by_mail).is_empty());
    let summary = crate::cases::case(&views, 1).summary.unwrap();
    assert_eq!(summary.customer_name, "Budi Santoso");
    assert_eq!(views.position().directory_seq, 3);
}

#[tokio::test]
async fn a_history_crosses_channels_by_customer_by_case_and_by_address() {
    let mut script = Script::new("tenesa").await;
    // Ani by mail and, linked by the directory, on X; the same mail address once unlinked; and somebody else.
    let linked = Some(log::Customer { id: "C-9".into(), ..Default::default() });
    let mut first = mail("ani", "Satu", "a");
    first.customer.clone_from(&linked);
    let second =
        log::Message { author: Bytes::copy_from_slice(&author("@ani")), customer: linked, ..first.clone() };
    let rows = [first, second, mail("ani", "Tiga", "c"), mail("tono", "Empat", "d")];
    for (number, message) in (1..).zip(rows) {
        let message = script.input(Door::Ingest, Arrived::Message(message)).await;
        let events = vec![opened(number), joined(number, message, 1), assigned(number, "siti")];
        script.commit(message, events).await;
    }
    let mut views = Views::in_memory(&script.desk).unwrap();
    views.fold(&script.entries().await).unwrap();
    let history = |request: api::CustomerHistoryRequest, author: Option<&[u8]>| {
        let answer = views.snapshot().customer_history(&request, author).unwrap();
        assert_eq!(answer.handled_by, ["siti"]);
        answer.cases.iter().map(|case| case.case).collect::<Vec<_>>()
    };
    let by_customer = api::CustomerHistoryRequest { customer: "C-9".into(), ..Default::default() };
    assert_eq!(history(by_customer, None), [2, 1]);
    let by_case = api::CustomerHistoryRequest { case: 1, ..Default::default() };
    assert_eq!(history(by_case, None), [3, 2, 1]);
    assert_eq!(history(api::CustomerHistoryRequest::default(), Some(&author("tono"))), [4]);
    assert!(views.snapshot().customer_history(&api::CustomerHistoryRequest::default(), None).is_err());
}
