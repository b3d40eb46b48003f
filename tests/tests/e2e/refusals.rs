//! What bad input gets: a clear refusal with the right code, and nothing on the log. Of what is only hard to read,
//! nothing is lost.

use simpang_proto::admin::v1::{ApplyPolicyRequest, GetDeskRequest, PolicyFile};
use simpang_proto::agent::v1::transfer_request::Target;
use simpang_proto::agent::v1::{
    AddNoteRequest, CommandResponse, EscalateRequest, GetWorkRequest, PullRequest, ReplyRequest,
    SetPriorityRequest, SignInRequest, TransferRequest,
};
use simpang_proto::ingest::v1::PushRequest;
use simpang_proto::view::v1::{CaseState, GetCaseRequest, ListCasesRequest, entry};
use simpang_tests::{Agent, CallList, Letter, Mention, Pusher, Smtp, Stand, eventually};
use tonic::{Code, Status};

const MAILBOX: &str = "tenesa@telkom.example";

fn letter(number: u32, text: &str) -> Letter {
    Letter {
        from: "it@sinarmaju.example".into(),
        subject: format!("Keluhan {number}"),
        id: format!("refusal-{number}@sinarmaju.example"),
        answers: String::new(),
        text: text.into(),
    }
}

/// A refusal has this code and names this.
#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, names: &str) {
    let status = outcome.expect_err(names);
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(names), "{names:?} is not named: {}", status.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_is_too_large_is_refused_and_mail_that_is_none_is_a_case() {
    let mut stand = Stand::up().await;
    let mut smtp = Smtp::connect(stand.smtp()).await.unwrap();
    assert_eq!(smtp.ask("MAIL FROM:<a@b.example> SIZE=99000000").await.unwrap(), 552);
    let line = format!("{}\r\n", "x".repeat(998));
    let large = format!("{}{}", letter(1, "").raw(), line.repeat(27_000));
    assert_eq!(smtp.mail("a@b.example", MAILBOX, large.as_bytes()).await.unwrap(), 552);
    assert_eq!(smtp.mail("a@b.example", "nobody@telkom.example", b"x").await.unwrap(), 550);

    let garbage = b"\x00\xff\xfe no header at all \x1b[31m\r\n=?utf-8?B?////";
    assert_eq!(smtp.ask("RSET").await.unwrap(), 250);
    assert_eq!(smtp.mail("x@y.example", MAILBOX, garbage).await.unwrap(), 250);
    let rina = stand.signed_in("rina", "tenesa").await;
    let case = rina.pull_one().await.case;
    let case = rina.client.case("tenesa", case, 0).await.unwrap();
    let Some(entry::What::Message(message)) = &case.conversation[0].what else { panic!("{case:?}") };
    assert!(!message.malformed.is_empty(), "it says what could not be read");
    assert_eq!(message.raw_digest.len(), 32, "its bytes are kept");

    let finished = stand.finish().await;
    let verdict = finished.verdicts.iter().find(|v| v["desk"] == "tenesa").unwrap();
    assert_eq!(verdict["checker"]["counts"]["messages"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn doors_say_what_is_wrong_before_anything_is_written() {
    let mut stand = Stand::up().await;
    let (http, admin) = (stand.http(), stand.client("admin"));
    let mention = Mention {
        id: "77".into(),
        author: "42".into(),
        handle: "budi".into(),
        text: "x".repeat(9 << 20),
        answers: String::new(),
    };
    assert_eq!(mention.signed().call(http).await.unwrap().status, 413);
    assert_eq!(http.post("/v1/messages", &[], b"{}").await.unwrap().status, 401);
    let token = format!("Bearer {}", stand.token("gateway"));
    let as_json = [("authorization", token.as_str()), ("content-type", "application/json")];
    assert_eq!(http.post("/v1/messages", &as_json, b"\xff\xfe").await.unwrap().status, 400);

    for (change, code, names) in [
        (("id", ""), Code::InvalidArgument, "id"),
        (("account", "nobody"), Code::NotFound, "`account`"),
        (("text", &*"x".repeat(300 << 10)), Code::ResourceExhausted, "text"),
        (("text", &*"x".repeat(17 << 20)), Code::OutOfRange, "limit"),
    ] {
        let mut message = Pusher::message("m-1", "42", "halo");
        let (field, value) = change;
        match field {
            "id" => value.clone_into(&mut message.id),
            "account" => value.clone_into(&mut message.account),
            _ => value.clone_into(&mut message.text),
        }
        refused(admin.ingest().push(PushRequest { message: Some(message) }).await, code, names);
    }
    let agent = stand.client("rina");
    let message = Some(Pusher::message("m-2", "42", "halo"));
    refused(agent.ingest().push(PushRequest { message }).await, Code::PermissionDenied, "");

    let list = |campaign: &str, csv: &str| CallList { campaign: campaign.into(), csv: csv.into() };
    let good = "nama,no hp\nSuwarni,081234567890\n";
    refused(list("kampanye", good).load(&admin, stand.sent()).await, Code::NotFound, "campaign");
    for csv in ["PK\u{3}\u{4}rest of a spreadsheet", "nama,alamat\nSuwarni,Bandung\n", ""] {
        let loaded = list("callback", csv).load(&admin, stand.sent()).await;
        refused(loaded, Code::InvalidArgument, "");
    }

    let finished = stand.finish().await;
    let from_ingest = finished.verdicts.iter().map(|verdict| {
        let counts = &verdict["checker"]["counts"];
        counts["messages"].as_u64().unwrap() + counts["contacts"].as_u64().unwrap()
    });
    assert_eq!(from_ingest.sum::<u64>(), 0, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_and_what_nobody_knows_is_refused_by_its_code() {
    let mut stand = Stand::up().await;
    assert!(letter(1, "Internet mati.").send(stand.smtp(), stand.sent()).await);
    let (rina, budi) = (stand.signed_in("rina", "tenesa").await, stand.signed_in("budi", "tenesa").await);
    let case = rina.pull_one().await.case;

    let stranger = stand.client("gateway");
    let sign_in = |desk: &str| SignInRequest {
        desk: desk.into(),
        request_id: "stranger-1".into(),
        ready: true,
        ..SignInRequest::default()
    };
    refused(stranger.agent().sign_in(sign_in("tenesa")).await, Code::PermissionDenied, "");
    refused(rina.client.agent().sign_in(sign_in("tak-ada")).await, Code::NotFound, "tak-ada");
    let nobody = stand.client_with_token("no such token");
    refused(nobody.agent().sign_in(sign_in("tenesa")).await, Code::Unauthenticated, "");
    let work = GetWorkRequest { desk: "tier2-outbound".into(), at_least: 0 };
    refused(rina.client.agent().get_work(work).await, Code::PermissionDenied, "");

    refused(note(&rina, 99, "catatan").await, Code::NotFound, "99");
    refused(note(&rina, case, "").await, Code::InvalidArgument, "text");
    refused(note(&rina, 0, "catatan").await, Code::InvalidArgument, "case");
    refused(budi.reply(case, 0, "bukan milik saya", false).await, Code::FailedPrecondition, "");
    refused(rina.reply(case, 1, &"x".repeat(70_000), false).await, Code::InvalidArgument, "text");
    refused(transfer(&rina, case, Target::Queue("tak-ada".into())).await, Code::NotFound, "tak-ada");
    refused(transfer(&rina, case, Target::Agent("siapa".into())).await, Code::NotFound, "siapa");
    refused(escalate(&rina, case, "tak-ada").await, Code::NotFound, "only `tl-on-duty`");
    refused(priority(&rina, case, "vvip").await, Code::PermissionDenied, "team leader");
    refused(rina.dispose(case, &["Contacted"], &[], 0).await, Code::FailedPrecondition, "campaign");
    refused(rina.classify(case, &["Bukan Kategori"], &[]).await, Code::NotFound, "Bukan Kategori");
    refused(pull_from(&rina, "tak-ada").await, Code::NotFound, "tak-ada");
    refused(rina.pull(0).await, Code::InvalidArgument, "count");

    let view = rina.client.view();
    let get = |desk: &str, case: u64| GetCaseRequest { desk: desk.into(), case, at_least: 0 };
    refused(view.clone().get_case(get("tenesa", 99)).await, Code::NotFound, "99");
    refused(view.clone().get_case(get("tier2-outbound", 1)).await, Code::PermissionDenied, "role");
    let auditor = stand.client("admin").view();
    refused(auditor.clone().get_case(get("tak-ada", 1)).await, Code::NotFound, "tak-ada");
    let page = ListCasesRequest {
        desk: "tenesa".into(),
        page_token: "not a token".into(),
        ..ListCasesRequest::default()
    };
    refused(view.clone().list_cases(page).await, Code::InvalidArgument, "page_token");

    // Who did not sign in, and who did not read what the customer wrote meanwhile.
    let tari = stand.agent("tari", "tenesa");
    refused(tari.pull(1).await, Code::FailedPrecondition, "sign");
    tari.sign_in().await.unwrap();
    refused(priority(&tari, case, "tak-ada").await, Code::NotFound, "tak-ada");
    let next = Letter { answers: "refusal-1@sinarmaju.example".into(), ..letter(2, "Masih mati!") };
    assert!(next.send(stand.smtp(), stand.sent()).await);
    rina.client
        .case_when("tenesa", case, "has two messages", |c| {
            c.summary.as_ref().is_some_and(|s| s.messages == 2)
        })
        .await;
    refused(rina.reply(case, 1, "Sudah menyala?", false).await, Code::Aborted, "");
    rina.reply(case, 2, "Mohon maaf, kami cek.", false).await.unwrap();
    stand.finish().await;
}

async fn note(agent: &Agent, case: u64, text: &str) -> Result<CommandResponse, Status> {
    let id = agent.request_id();
    let request = AddNoteRequest {
        desk: agent.desk().into(),
        request_id: id.clone(),
        case,
        text: text.into(),
        ..AddNoteRequest::default()
    };
    agent.command(&id, async |mut api| api.add_note(request.clone()).await).await
}

async fn transfer(agent: &Agent, case: u64, target: Target) -> Result<CommandResponse, Status> {
    let id = agent.request_id();
    let request = TransferRequest {
        desk: agent.desk().into(),
        request_id: id.clone(),
        case,
        target: Some(target),
        ..TransferRequest::default()
    };
    agent.command(&id, async |mut api| api.transfer(request.clone()).await).await
}

async fn escalate(agent: &Agent, case: u64, step: &str) -> Result<CommandResponse, Status> {
    let id = agent.request_id();
    let request = EscalateRequest {
        desk: agent.desk().into(),
        request_id: id.clone(),
        case,
        step: step.into(),
        ..EscalateRequest::default()
    };
    agent.command(&id, async |mut api| api.escalate(request.clone()).await).await
}

async fn priority(agent: &Agent, case: u64, priority: &str) -> Result<CommandResponse, Status> {
    let id = agent.request_id();
    let request = SetPriorityRequest {
        desk: agent.desk().into(),
        request_id: id.clone(),
        case,
        priority: priority.into(),
    };
    agent.command(&id, async |mut api| api.set_priority(request.clone()).await).await
}

async fn pull_from(agent: &Agent, queue: &str) -> Result<(), Status> {
    let id = agent.request_id();
    let request = PullRequest {
        desk: agent.desk().into(),
        request_id: id.clone(),
        count: 1,
        queues: vec![queue.into()],
        ..PullRequest::default()
    };
    agent.command(&id, async |mut api| api.pull(request.clone()).await).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_with_errors_is_refused_whole_with_all_of_them() {
    let mut stand = Stand::up().await;
    let policy = stand.policy();
    policy.change("desks/tenesa.toml", "when = \"customer.vvip\"", "when = \"customer.vvipp &&\"");
    policy.change("desks/tenesa.toml", "name = \"fault-new\"", "name = \"fault-new\"\nqeue = \"x\"");
    policy.change("shared/calendars.toml", "\"mon-fri\" = \"08:00-17:00\"", "\"mon-fri\" = \"8 to 5\"");

    let dir = policy.dir().display().to_string();
    let checked = stand.simpang(&["policy", "check", &dir, "--desk", "tenesa"]).await;
    let printed = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(!checked.status.success(), "{printed}");
    let text = std::fs::read_to_string(policy.dir().join("desks/tenesa.toml")).unwrap();
    let line = 1 + text.lines().position(|line| line.contains("vvipp")).unwrap();
    for named in
        [&format!("desks/tenesa.toml:{line}:"), "condition", "qeue", "shared/calendars.toml:", "8 to 5"]
    {
        assert!(printed.contains(named), "{named} is not in\n{printed}");
    }

    let admin = stand.client("admin");
    let files = ["policy.toml", "desks/tenesa.toml", "shared/calendars.toml"].map(|path| PolicyFile {
        path: path.into(),
        text: std::fs::read_to_string(policy.dir().join(path)).unwrap(),
    });
    let request = ApplyPolicyRequest {
        desk: "tenesa".into(),
        request_id: "policy-2".into(),
        files: files.into(),
        ..ApplyPolicyRequest::default()
    };
    refused(admin.admin().apply_policy(request).await, Code::InvalidArgument, "do not compile");
    let refused = stand.simpang(&["policy", "apply", &dir]).await;
    assert!(!refused.status.success());
    let desk = admin.admin().get_desk(GetDeskRequest { desk: "tenesa".into() }).await.unwrap();
    assert_eq!(desk.into_inner().desk.unwrap().policy_version, 1, "the policy in force stays");
    stand.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_id_is_the_same_command() {
    let mut stand = Stand::up().await;
    assert!(letter(1, "Internet mati.").send(stand.smtp(), stand.sent()).await);
    let rina = stand.signed_in("rina", "tenesa").await;
    let pulled = eventually("a case", async || {
        let id = rina.request_id();
        let request =
            PullRequest { desk: "tenesa".into(), request_id: id, count: 1, ..PullRequest::default() };
        let answer = rina.client.agent().pull(request.clone()).await.unwrap().into_inner();
        (!answer.assignments.is_empty()).then_some((request, answer))
    });
    let (request, first) = pulled.await;
    let again = rina.client.agent().pull(request).await.unwrap().into_inner();
    let cases = |answer: &simpang_proto::agent::v1::PullResponse| -> Vec<u64> {
        answer.assignments.iter().map(|a| a.case).collect()
    };
    assert_eq!((cases(&first), first.repeat), (vec![1], false));
    assert_eq!((cases(&again), again.repeat, again.position), (vec![1], true, first.position));

    let reply = ReplyRequest {
        desk: "tenesa".into(),
        request_id: "jawaban-1".into(),
        case: 1,
        text: "Mohon maaf, kami cek.".into(),
        resolve: true,
        ..ReplyRequest::default()
    };
    let first = rina.client.agent().reply(reply.clone()).await.unwrap().into_inner();
    let again = rina.client.agent().reply(reply.clone()).await.unwrap().into_inner();
    assert_eq!((first.repeat, again.repeat), (false, true));
    assert_eq!((first.position, first.cases), (again.position, again.cases));
    let other = ReplyRequest { text: "Sesuatu yang lain.".into(), ..reply.clone() };
    refused(rina.client.agent().reply(other).await, Code::InvalidArgument, "request_id");

    // A mail that comes twice is one message; so is a command after the case was resolved.
    assert!(letter(1, "Internet mati.").send(stand.smtp(), stand.sent()).await);
    let resolved = |case: &simpang_proto::view::v1::Case| {
        case.summary.as_ref().is_some_and(|s| s.state() == CaseState::Resolved)
    };
    let case = rina.client.case_when("tenesa", 1, "is resolved", resolved).await;
    assert_eq!(case.conversation.len(), 2);
    assert!(rina.client.agent().reply(reply).await.unwrap().into_inner().repeat);
    let finished = stand.finish().await;
    assert_eq!(finished.received.len(), 1, "the customer got one answer");
    let verdict = finished.verdicts.iter().find(|v| v["desk"] == "tenesa").unwrap();
    assert_eq!(verdict["checker"]["counts"]["duplicates"], 5, "{verdict:#}");
}
