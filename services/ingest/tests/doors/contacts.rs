//! LoadContacts.

use prost::Message as _;
use simpang_proto::ingest::v1 as api;
use simpang_proto::ingest::v1::load_contacts_request::Body;
use simpang_proto::log::v1 as log;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::harness::{DEADLINE, Doors, with_token};

pub(crate) const LIST: &str = "nama;no hp;keterangan;sejak\n\
    Budi;0812-3456-7890;minta dipandu;20/11/2026 08:30\n\
    Siti;bukan nomor;;\n\
    Budi lagi;+62 812 3456 7890;;\n\
    Agus;0361 234567;;kemarin\n";

pub(crate) fn begin(desk: &str, campaign: &str) -> Body {
    let (desk, campaign) = (desk.into(), campaign.into());
    Body::Begin(api::BeginLoad {
        desk,
        campaign,
        list: "november.csv".into(),
        zone: "Asia/Jakarta".into(),
        ..api::BeginLoad::default()
    })
}

/// Cuts a list into pieces as a client sends it.
pub(crate) fn csv(list: &str) -> Vec<Body> {
    list.as_bytes().chunks(7).map(|piece| Body::Csv(piece.to_vec())).collect()
}

fn row(cells: &[(&str, &str)]) -> api::ContactRow {
    api::ContactRow { cells: cells.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect() }
}

type Loaded = (Vec<(u64, api::RowOutcome, String)>, api::LoadTotals);

pub(crate) async fn load(doors: &Doors, token: &str, first: Body, rest: Vec<Body>) -> Result<Loaded, Status> {
    let requests: Vec<_> = std::iter::once(first)
        .chain(rest)
        .map(|body| api::LoadContactsRequest { body: Some(body) })
        .collect();
    let request = with_token(tokio_stream::iter(requests), token);
    let mut answers = doors.client().await.load_contacts(request).await?.into_inner();
    let mut rows = Vec::new();
    loop {
        use api::load_contacts_response::Body;
        match timeout(DEADLINE, answers.message()).await.unwrap()?.unwrap().body.unwrap() {
            Body::Row(row) => rows.push((row.line, row.outcome(), row.reason)),
            Body::Totals(totals) => return Ok((rows, totals)),
        }
    }
}

fn contacts(doors: &Doors) -> Vec<(log::Contact, log::ContactContent)> {
    let contact = |input: log::Input| match input.body {
        Some(log::input::Body::Contact(contact)) => {
            let content = contact.content.clone().unwrap().body;
            (contact, log::ContactContent::decode(content).unwrap())
        }
        other => panic!("no contact: {other:?}"),
    };
    doors.inputs("tenesa").into_iter().map(contact).collect()
}

#[tokio::test]
async fn good_rows_load_and_bad_ones_are_told_with_their_line() {
    let doors = Doors::open().await;
    let (rows, totals) = load(&doors, "gateway", begin("tenesa", "callback"), csv(LIST)).await.unwrap();
    let outcomes: Vec<_> = rows.iter().map(|(line, outcome, _)| (*line, *outcome)).collect();
    use api::RowOutcome::{Accepted, Duplicate, Invalid};
    assert_eq!(outcomes, [(2, Accepted), (3, Invalid), (4, Duplicate), (5, Accepted)]);
    assert!(rows[2].2.contains("line 2"), "{}", rows[2].2);
    assert!(rows[3].2.contains("can't be read"), "{}", rows[3].2);
    assert_eq!((totals.rows, totals.accepted, totals.duplicate, totals.invalid), (4, 2, 1, 1));
    assert_eq!(totals.last.unwrap().desk, "tenesa");
    let contacts = contacts(&doors);
    assert_eq!(contacts.len(), 2);
    let (contact, content) = &contacts[0];
    assert_eq!(content.phones, ["+6281234567890"]);
    assert_eq!((content.name.as_str(), content.origin.as_str()), ("Budi", "november.csv:2"));
    assert_eq!(contact.customer.as_ref().unwrap().segment, "DES");
    assert_eq!(contact.waiting_since_ms, 1_795_138_200_000);
    assert_eq!(contacts[1].0.zone, "Asia/Makassar");
}

#[tokio::test]
async fn loading_the_same_list_again_brings_the_same_keys() {
    let doors = Doors::open().await;
    for _ in 0..2 {
        load(&doors, "gateway", begin("tenesa", "callback"), csv(LIST)).await.unwrap();
    }
    let keys: Vec<_> = doors.inputs("tenesa").into_iter().map(|input| input.key).collect();
    assert_eq!((keys.len(), &keys[..2]), (4, &keys[2..]));
}

#[tokio::test]
async fn rows_are_judged_like_lines_and_counted_by_number() {
    let doors = Doors::open().await;
    let rows = vec![
        row(&[("phone", "081234567890"), ("key", "T-1"), ("note", "a \"b\",\nc")]),
        row(&[]),
        row(&[("phone", "x"), ("key", "T-2")]),
        row(&[("phone", "081234567891"), ("key", "T-1")]),
        row(&[]),
    ];
    let rows = vec![Body::Rows(api::ContactRows { rows })];
    let (rows, totals) = load(&doors, "gateway", begin("tenesa", "callback"), rows).await.unwrap();
    let outcomes: Vec<_> = rows.iter().map(|(line, outcome, _)| (*line, *outcome)).collect();
    use api::RowOutcome::{Accepted, Duplicate, Invalid};
    assert_eq!(outcomes, [(1, Accepted), (2, Invalid), (3, Invalid), (4, Duplicate), (5, Invalid)]);
    assert_eq!((totals.rows, totals.accepted), (5, 1));
    let (contact, content) = &contacts(&doors)[0];
    assert_eq!((content.row.as_str(), content.note.as_str()), ("T-1", "a \"b\", c"));
    assert!(!contact.row.contains("T-1"), "what a list calls its key may name a person");
}

#[tokio::test]
async fn what_can_not_be_loaded_is_refused_whole() {
    let doors = Doors::open().await;
    let good = || begin("tenesa", "callback");
    let bad_zone = Body::Begin(api::BeginLoad {
        desk: "tenesa".into(),
        campaign: "callback".into(),
        zone: "Mars/Phobos".into(),
        ..api::BeginLoad::default()
    });
    let one_line = vec![Body::Csv(vec![b'x'; 11 << 20]); 3];
    let cases = [
        ("gateway", begin("tenesa", "ideas"), csv(LIST), Code::NotFound),
        ("gateway", begin("nowhere", "callback"), csv(LIST), Code::NotFound),
        ("gateway", begin("not a desk", "callback"), csv(LIST), Code::InvalidArgument),
        ("gateway", bad_zone, csv(LIST), Code::InvalidArgument),
        ("gateway", good(), csv("nama;alamat\nBudi;x\n"), Code::InvalidArgument),
        ("gateway", good(), csv("PK\u{3}\u{4}..."), Code::InvalidArgument),
        ("gateway", good(), vec![], Code::InvalidArgument),
        ("gateway", good(), one_line, Code::InvalidArgument),
        ("gateway", Body::Csv(LIST.into()), vec![], Code::InvalidArgument),
        ("agent-7", good(), csv(LIST), Code::PermissionDenied),
    ];
    for (n, (token, first, rest, expected)) in cases.into_iter().enumerate() {
        let status = load(&doors, token, first, rest).await.unwrap_err();
        assert_eq!(status.code(), expected, "case {n}: {status:?}");
    }
    let elsewhere =
        load(&doors, "tenesa-only", begin("telkomcare", "callback"), csv(LIST)).await.unwrap_err();
    assert_eq!(elsewhere.code(), Code::PermissionDenied);
    assert!(doors.inputs("tenesa").is_empty());
}

#[tokio::test]
async fn while_the_log_is_away_the_client_is_told_to_load_again() {
    let doors = Doors::open().await;
    doors.desk("tenesa").set_reachable(false);
    let status = load(&doors, "gateway", begin("tenesa", "callback"), csv(LIST)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(doors.inputs("tenesa").is_empty());
}

#[tokio::test]
async fn a_list_that_changes_its_form_on_the_way_ends_with_the_reason() {
    let doors = Doors::open().await;
    let good = || begin("tenesa", "callback");
    let rows = |cells: &[(&str, &str)]| Body::Rows(api::ContactRows { rows: vec![row(cells)] });
    let mut both = csv(LIST);
    both.push(rows(&[("phone", "081234567890")]));
    let other_columns = vec![rows(&[("phone", "081234567890")]), rows(&[("nama", "Budi")])];
    let twice = vec![Body::Csv(LIST.into()), good()];
    for rest in [both, other_columns, twice] {
        let status = load(&doors, "gateway", good(), rest).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
}

#[tokio::test]
async fn verdicts_come_while_the_list_is_still_sent() {
    use api::load_contacts_response::Body as Told;
    let doors = Doors::open().await;
    let (sender, pieces) = tokio::sync::mpsc::channel(4);
    let request = with_token(tokio_stream::wrappers::ReceiverStream::new(pieces), "gateway");
    let send = async |body: Body| sender.send(api::LoadContactsRequest { body: Some(body) }).await.unwrap();
    send(begin("tenesa", "callback")).await;
    // More rows than may wait for the log: the first verdicts have to come before the end.
    let mut list = String::from("phone\n");
    (0..3_000).for_each(|n| list.push_str(&format!("08123456{n:04}\n")));
    send(Body::Csv(list.into_bytes())).await;
    let mut answers = doors.client().await.load_contacts(request).await.unwrap().into_inner();
    let first = timeout(DEADLINE, answers.message()).await.unwrap().unwrap().unwrap();
    assert!(matches!(first.body, Some(Told::Row(_))));
    drop(sender);
    let mut rows = 1;
    let totals = loop {
        match timeout(DEADLINE, answers.message()).await.unwrap().unwrap().unwrap().body.unwrap() {
            Told::Row(_) => rows += 1,
            Told::Totals(totals) => break totals,
        }
    };
    assert_eq!((rows, totals.rows, totals.accepted), (3_000, 3_000, 3_000));
}

#[tokio::test]
async fn a_team_leader_of_the_desk_may_load_its_lists_and_nobody_elses() {
    let doors = Doors::open().await;
    assert!(load(&doors, "leader", begin("tenesa", "callback"), csv(LIST)).await.is_ok());
    let status = load(&doors, "leader", begin("telkomcare", "callback"), csv(LIST)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn rows_that_state_no_criterion_get_the_loads_and_fact_columns_are_for_rules() {
    let doors = Doors::open().await;
    let Body::Begin(first) = begin("tenesa", "callback") else { panic!("begins") };
    let first = Body::Begin(api::BeginLoad { criterion: "long-call".into(), ..first });
    let list = "phone,fact.call_minutes,kriteria\n081234567890,11,\n081234567891,,vvip\n";
    load(&doors, "gateway", first, csv(list)).await.unwrap();
    let contacts = contacts(&doors);
    let criteria: Vec<_> = contacts.iter().map(|(contact, _)| contact.criterion.as_str()).collect();
    assert_eq!(criteria, ["long-call", "vvip"]);
    let facts: Vec<_> = contacts[0].0.facts.iter().map(|fact| fact.name.as_str()).collect();
    assert_eq!(facts, ["call_minutes"]);
}

async fn suppress(
    doors: &Doors,
    token: &str,
    desk: &str,
    numbers: &[&str],
    lift: bool,
) -> Result<u32, Status> {
    let numbers = numbers.iter().map(|n| (*n).to_owned()).collect();
    let request = api::SuppressNumbersRequest { desk: desk.into(), numbers, lift, reason: "asked".into() };
    let answer = doors.client().await.suppress_numbers(with_token(request, token)).await?;
    Ok(answer.into_inner().taken)
}

/// Loads a contact with two numbers until its verdict is as it has to be: the directory is read a moment later.
async fn load_until(doors: &Doors, wanted: api::RowOutcome) -> (String, Vec<String>) {
    let list = "nama,hp1,hp2\nBudi,0812-3456-7890,0813-3456-7890\n";
    loop {
        let (rows, _) = load(doors, "gateway", begin("tenesa", "callback"), csv(list)).await.unwrap();
        let last = contacts_of(doors);
        if rows[0].1 == wanted {
            return (rows[0].2.clone(), last.last().map(|c| c.phones.clone()).unwrap_or_default());
        }
        tokio::task::yield_now().await;
    }
}

fn contacts_of(doors: &Doors) -> Vec<log::ContactContent> {
    let content = |input: log::Input| match input.body {
        Some(log::input::Body::Contact(contact)) => {
            Some(log::ContactContent::decode(contact.content?.body).unwrap())
        }
        _ => None,
    };
    doors.inputs("tenesa").into_iter().filter_map(content).collect()
}

#[tokio::test]
async fn numbers_on_the_do_not_call_list_are_left_out_and_contacts_without_any_other_are_not_loaded() {
    let doors = Doors::open().await;
    assert_eq!(suppress(&doors, "leader", "tenesa", &["+62 812 3456 7890", "x"], false).await.unwrap(), 1);
    let told = doors.inputs("tenesa").into_iter().find_map(|input| match input.body {
        Some(log::input::Body::Suppression(told)) => Some(told),
        _ => None,
    });
    let told = told.unwrap();
    assert_eq!(told.numbers, [doors.keyer.person("call", "+6281234567890").to_vec()]);
    assert_eq!((told.principal.as_str(), told.lifted), ("leader", false));
    let (remark, phones) = timeout(DEADLINE, async {
        loop {
            let (remark, phones) = load_until(&doors, api::RowOutcome::Accepted).await;
            if !remark.is_empty() {
                return (remark, phones);
            }
        }
    })
    .await
    .unwrap();
    assert!(remark.contains("1 of its numbers"), "{remark}");
    assert_eq!(phones, ["+6281334567890"]);
    suppress(&doors, "gateway", "", &["0813-3456-7890"], false).await.unwrap();
    timeout(DEADLINE, load_until(&doors, api::RowOutcome::Suppressed)).await.unwrap();
    suppress(&doors, "gateway", "", &["0813-3456-7890", "0812-3456-7890"], true).await.unwrap();
    timeout(DEADLINE, load_until(&doors, api::RowOutcome::Accepted)).await.unwrap();
}

#[tokio::test]
async fn the_do_not_call_list_is_changed_by_those_who_may_and_with_numbers() {
    let doors = Doors::open().await;
    let many = vec!["0812-3456-7890"; 1_001];
    for (token, desk, numbers, expected) in [
        ("agent-7", "tenesa", &["0812-3456-7890"][..], Code::PermissionDenied),
        ("leader", "telkomcare", &["0812-3456-7890"], Code::PermissionDenied),
        ("gateway", "nowhere", &["0812-3456-7890"], Code::NotFound),
        ("gateway", "tenesa", &["x"], Code::InvalidArgument),
        ("gateway", "tenesa", &[], Code::InvalidArgument),
        ("gateway", "tenesa", &many, Code::InvalidArgument),
    ] {
        let status = suppress(&doors, token, desk, numbers, false).await.unwrap_err();
        assert_eq!(status.code(), expected, "{token} {desk} {status:?}");
    }
    assert!(doors.inputs("tenesa").is_empty());
}

#[tokio::test]
async fn what_another_system_says_of_its_ticket_is_on_the_log_once() {
    let doors = Doors::open().await;
    let request = |id: &str, status: &str| api::ReportReferenceRequest {
        desk: "tenesa".into(),
        system: "mycx".into(),
        number: "IN1".into(),
        status: status.into(),
        request_id: id.into(),
    };
    let mut client = doors.client().await;
    let taken = client.report_reference(with_token(request("c1", "closed"), "gateway")).await.unwrap();
    assert!(taken.into_inner().place.unwrap().seq > 0);
    client.report_reference(with_token(request("c1", "closed"), "gateway")).await.unwrap();
    client.report_reference(with_token(request("c2", "open"), "gateway")).await.unwrap();
    let told: Vec<(Vec<u8>, log::ReferenceReport)> = doors
        .inputs("tenesa")
        .into_iter()
        .filter_map(|input| match input.body {
            Some(log::input::Body::ReferenceReport(told)) => Some((input.key.to_vec(), told)),
            _ => None,
        })
        .collect();
    assert_eq!(told[0], told[1], "the desk knows the repeat by its key");
    assert_ne!(told[1].0, told[2].0);
    assert_eq!((told[2].1.status.as_str(), told[2].1.principal.as_str()), ("open", "gateway"));
    for (token, request, expected) in [
        ("agent-7", request("c3", "open"), Code::PermissionDenied),
        ("gateway", request("c3", ""), Code::InvalidArgument),
        ("gateway", request("", "open"), Code::InvalidArgument),
        (
            "gateway",
            api::ReportReferenceRequest { desk: "nowhere".into(), ..request("c3", "x") },
            Code::NotFound,
        ),
    ] {
        let refused = client.report_reference(with_token(request, token)).await.unwrap_err();
        assert_eq!(refused.code(), expected, "{}", refused.message());
    }
}
