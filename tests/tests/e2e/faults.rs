//! A fault's way (G): in by mail, a report that the form refuses until it is whole, its ticket's number to the customer,
//! a second report of the same product told of the first, and the ticket's system saying that it is done.

use simpang_proto::agent::v1::{Field, LinkReferenceRequest, ReportFaultRequest};
use simpang_proto::view::v1::{Case, CaseState};
use simpang_tests::{Agent, Letter, Stand, eventually};
use tonic::{Code, Status};

const DESK: &str = "tenesa";
const PRODUCT: &str = "122243215678";
/// The form of MyCX (G1).
const FIELDS: [(&str, &str); 4] = [
    ("Nama Pelapor", "Ibu Suwarni"),
    ("Telpon Pelapor", "+62 812 3456 7890"),
    ("Email", "it@sinarmaju.example"),
    ("Symptom Gangguan", "tidak bisa connect"),
];

fn letter(from: &str, id: &str) -> Letter {
    Letter {
        from: from.into(),
        subject: "Internet mati".into(),
        id: id.into(),
        answers: String::new(),
        text: format!("Internet kami mati sejak jam 7. No. Internet {PRODUCT}."),
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<Field> {
    pairs.iter().map(|(name, value)| Field { name: (*name).into(), value: (*value).into() }).collect()
}

/// A report of the product; the position of what was decided.
async fn report(agent: &Agent, case: u64, fields: &[(&str, &str)], repeats: u64) -> Result<u64, Status> {
    let id = agent.request_id();
    let choices = if fields.is_empty() { vec![] } else { pairs(&[("Jenis Cari", "No. Internet")]) };
    let request = ReportFaultRequest {
        desk: DESK.into(),
        request_id: id.clone(),
        case,
        product: PRODUCT.into(),
        fields: pairs(fields),
        choices,
        repeats,
        ..ReportFaultRequest::default()
    };
    Ok(agent.command(&id, async |mut agent| agent.report_fault(request.clone()).await).await?.position)
}

async fn link(agent: &Agent, case: u64, number: &str) -> u64 {
    let id = agent.request_id();
    let request = LinkReferenceRequest {
        desk: DESK.into(),
        request_id: id.clone(),
        case,
        system: "mycx".into(),
        number: number.into(),
        status: "open".into(),
    };
    agent.command(&id, async |mut agent| agent.link_reference(request.clone()).await).await.unwrap().position
}

fn statuses(case: &Case) -> Vec<(&str, &str)> {
    case.references.iter().map(|ticket| (ticket.number.as_str(), ticket.status.as_str())).collect()
}

/// What the ticket's system says, by the command that its adapter runs.
async fn told(stand: &Stand, status: &str, change: &str) -> String {
    let arguments = ["ingest", "reference", DESK, "mycx", "IN-448812", status, "--id", change];
    stand.must(&arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_reported_once_its_customer_gets_the_number_and_its_system_ends_it() {
    let mut stand = Stand::up().await;
    assert!(
        letter("it@sinarmaju.example", "gangguan-1@sinarmaju.example").send(stand.smtp(), stand.sent()).await
    );
    let rina = stand.signed_in("rina", DESK).await;
    let first = rina.pull_one().await.case;

    let refused = report(&rina, first, &[], 0).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    for missing in ["Jenis Cari", "Nama Pelapor", "Telpon Pelapor", "Email", "Symptom Gangguan"] {
        assert!(refused.message().contains(missing), "{missing}: {}", refused.message());
    }
    let position = report(&rina, first, &FIELDS, 0).await.unwrap();
    let case = rina.client.case(DESK, first, position).await.unwrap();
    assert_eq!((case.faults.len(), case.faults[0].system.as_str()), (1, "mycx"));

    link(&rina, first, "IN-448812").await;
    let mail = eventually("the number to arrive", async || {
        stand.mail_sink().mails().into_iter().find(|mail| mail.raw.contains("IN-448812"))
    })
    .await;
    assert_eq!(mail.to, ["it@sinarmaju.example"]);
    assert_eq!(mail.header("In-Reply-To"), "<gangguan-1@sinarmaju.example>");

    // The same customer writes of the same product in another thread.
    let second = letter("it@sinarmaju.example", "gangguan-2@sinarmaju.example");
    assert!(second.send(stand.smtp(), stand.sent()).await);
    let again = eventually("the second mail's case", async || {
        let known = rina.client.case(DESK, first + 1, 0).await.ok()?;
        known.summary.map(|summary| summary.case)
    })
    .await;
    take(&rina, again).await;
    let repeated = report(&rina, again, &FIELDS, 0).await.unwrap_err();
    assert_eq!(repeated.code(), Code::AlreadyExists, "{repeated}");
    assert!(repeated.message().contains(&format!("case {first}")), "{}", repeated.message());
    report(&rina, again, &FIELDS, first).await.unwrap();
    link(&rina, again, "IN-448812").await;

    // What MyCX says reaches both cases, once; a number that nobody knows is set aside.
    let said = told(&stand, "in progress", "mycx-1").await;
    assert!(said.contains("IN-448812 is `in progress`: on the log of desk tenesa"), "{said}");
    told(&stand, "closed", "mycx-2").await;
    told(&stand, "in progress", "mycx-1").await;
    stand.must(&["ingest", "reference", DESK, "mycx", "IN-0", "closed"]).await;
    for case in [first, again] {
        let is_closed = |case: &Case| statuses(case) == [("IN-448812", "closed")];
        let case = rina.client.case_when(DESK, case, "has the ticket's last status", is_closed).await;
        assert!(case.faults.iter().all(|fault| fault.ended_ms > 0 || fault.repeats > 0), "{:?}", case.faults);
    }
    // The product can be reported anew.
    let position = report(&rina, again, &FIELDS, 0).await.unwrap();
    let case = rina.client.case(DESK, again, position).await.unwrap();
    assert_eq!(case.faults.len(), 2);
    let resolved = rina.resolve(first).await.unwrap();
    let case = rina.client.case(DESK, first, resolved.position).await.unwrap();
    assert_eq!(case.summary.unwrap().state(), CaseState::Resolved);

    let table = stand.must(&["show", "cases", DESK, "--all", "--product", "1222-4321-5678"]).await;
    assert!(table.lines().filter(|line| line.contains("Internet mati")).count() == 2, "{table}");
    let first_contact = stand.must(&["report", "first-contact", DESK, "--by", "agent"]).await;
    assert!(first_contact.lines().any(|row| row.ends_with(",rina,1,0,0.0,0,0,0,1")), "{first_contact}");
    stand.finish().await;
}

/// Pulls until the agent has the case.
async fn take(agent: &Agent, case: u64) {
    loop {
        if agent.pull_one().await.case == case {
            return;
        }
    }
}
