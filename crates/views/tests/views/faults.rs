//! Fault reports on the case they stand on.

use simpang_log::Door;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::command::Body as Asked;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;
use simpang_views::Views;

use crate::cases::case;
use crate::script::{Script, fault_ended, fault_reported, joined, mail, opened};

async fn views_of(s: &Script) -> Views {
    let mut views = Views::in_memory(&s.desk).unwrap();
    views.fold(&s.entries().await).unwrap();
    views
}

async fn with_cases(count: u64) -> Script {
    let mut s = Script::new("tenesa").await;
    for number in 1..=count {
        let mail = s.input(Door::Ingest, Arrived::Message(mail("budi", "Internet mati", "halo"))).await;
        s.commit(mail, vec![opened(number), joined(number, mail, 1)]).await;
    }
    s
}

#[tokio::test]
async fn a_report_stands_on_the_case_with_its_subject_and_is_found_by_its_product_number() {
    let mut s = with_cases(2).await;
    fault_reported(&mut s, 1, "1222-4321 5678", 0).await;
    fault_reported(&mut s, 2, "122243215678", 1).await;
    let views = views_of(&s).await;
    let shown = case(&views, 1);
    let [fault] = &shown.faults[..] else { panic!("{:?}", shown.faults) };
    assert_eq!(fault.subject, "siti / Suwarni / 1222-4321 5678 / BOK / ");
    assert_eq!(
        (fault.product.as_str(), fault.system.as_str(), fault.ended_ms),
        ("1222-4321 5678", "mycx", 0)
    );
    let fields: Vec<&str> = fault.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["Nama Pelanggan", "Deskripsi", "Booking"]);
    assert_eq!(fault.fields[1].value, "lampu merah {{agent}}", "a value is taken as it is");
    assert_eq!(shown.facts[0].name, "booking");
    assert_eq!(case(&views, 2).faults[0].repeats, 1);
    let listed = |product: &str| {
        let filter = Some(api::CaseFilter { product: product.into(), ..Default::default() });
        let request = api::ListCasesRequest { filter, ..Default::default() };
        let found = views.snapshot().list_cases(&request).unwrap();
        found.cases.iter().map(|case| case.case).collect::<Vec<_>>()
    };
    assert_eq!(listed("1222 4321 5678"), [2, 1]);
    assert_eq!(listed("122243215679"), [0; 0]);
    let found = views.snapshot().search("lampu", 10).unwrap();
    assert_eq!(found.hits.iter().filter(|hit| hit.kind == "fault").count(), 2);
}

#[tokio::test]
async fn a_report_is_open_until_its_ticket_or_case_ends_it() {
    let mut s = with_cases(2).await;
    fault_reported(&mut s, 1, "122", 0).await;
    fault_ended(&mut s, 1).await;
    fault_reported(&mut s, 2, "122", 0).await;
    let merge = s.command("siti", 2, Asked::Merge(log::Merge { into: 1 })).await;
    s.commit(merge, vec![Happened::CaseMerged(log::CaseMerged { case: 2, into: 1 })]).await;
    let tick = s.tick(1).await;
    s.commit(tick, vec![Happened::CaseForgotten(log::CaseForgotten { case: 1 })]).await;
    let views = views_of(&s).await;
    let ended: Vec<(String, bool)> =
        case(&views, 1).faults.into_iter().map(|fault| (fault.ended_by, fault.ended_ms > 0)).collect();
    assert_eq!(ended, [("ticket".to_owned(), true), ("case".to_owned(), true)]);
    assert_eq!(case(&views, 1).references[0].status, "closed");
}
