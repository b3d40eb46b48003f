//! LoadContacts.

use prost::Message as _;
use simpang_proto::ingest::v1 as api;
use simpang_proto::ingest::v1::load_contacts_request::Body;
use simpang_proto::log::v1 as log;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::harness::{DEADLINE, Doors, with_token};

const LIST: &str = "nama;no hp;keterangan;sejak\n\
    Budi;0812-3456-7890;minta dipandu;20/11/2026 08:30\n\
    Siti;bukan nomor;;\n\
    Budi lagi;+62 812 3456 7890;;\n\
    Agus;0361 234567;;kemarin\n";

fn begin(desk: &str, campaign: &str) -> Body {
    let (desk, campaign) = (desk.into(), campaign.into());
    Body::Begin(api::BeginLoad { desk, campaign, list: "november.csv".into(), zone: "Asia/Jakarta".into() })
}

/// Cuts a list into pieces as a client sends it.
fn csv(list: &str) -> Vec<Body> {
    list.as_bytes().chunks(7).map(|piece| Body::Csv(piece.to_vec())).collect()
}

fn row(cells: &[(&str, &str)]) -> api::ContactRow {
    api::ContactRow { cells: cells.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect() }
}

type Loaded = (Vec<(u64, api::RowOutcome, String)>, api::LoadTotals);

async fn load(doors: &Doors, token: &str, first: Body, rest: Vec<Body>) -> Result<Loaded, Status> {
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
    assert_eq!((contact.row.as_str(), content.note.as_str()), ("T-1", "a \"b\", c"));
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
    let too_large = vec![Body::Csv(vec![b'x'; 11 << 20]); 3];
    let mut both = csv(LIST);
    both.push(Body::Rows(api::ContactRows { rows: vec![row(&[("phone", "0812")])] }));
    let cases = [
        ("gateway", begin("tenesa", "ideas"), csv(LIST), Code::NotFound),
        ("gateway", begin("nowhere", "callback"), csv(LIST), Code::NotFound),
        ("gateway", begin("not a desk", "callback"), csv(LIST), Code::InvalidArgument),
        ("gateway", bad_zone, csv(LIST), Code::InvalidArgument),
        ("gateway", good(), csv("nama;alamat\nBudi;x\n"), Code::InvalidArgument),
        ("gateway", good(), csv("PK\u{3}\u{4}..."), Code::InvalidArgument),
        ("gateway", good(), vec![], Code::InvalidArgument),
        ("gateway", good(), both, Code::InvalidArgument),
        ("gateway", good(), too_large, Code::ResourceExhausted),
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
