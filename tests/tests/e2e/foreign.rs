//! Clients that are not ours: Python's smtplib, curl, Python's grpcio by reflection.

use std::path::{Path, PathBuf};
use std::time::Duration;

use simpang_proto::view::v1::{Case, entry};
use simpang_tests::{Mention, Role, Stand, repository};
use tokio::process::Command;

/// Longest run of a client.
const RUN: Duration = Duration::from_secs(60);

/// Runs a client to its end; what it printed.
async fn run(mut command: Command) -> String {
    let ended = tokio::time::timeout(RUN, command.kill_on_drop(true).output()).await;
    let output = ended.expect("the client ends").expect("the client is there");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{printed}\n{errors}", output.status);
    printed
}

fn python(script: &str, args: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.arg("-c").arg(script).args(args);
    command
}

const SMTPLIB: &str = r#"
import smtplib, sys
from email.message import EmailMessage
mail = EmailMessage()
mail["From"] = "Siti Aminah <pemilik@tokobahagia.example>"
mail["To"] = "tenesa@telkom.example"
mail["Subject"] = "Tagihan naik – mengapa?"
mail["Message-ID"] = "<python-1@tokobahagia.example>"
mail.set_content("Halo,\n.tagihan saya naik dua kali lipat.\n")
mail.add_attachment(b"\x00\x01\x02", maintype="application", subtype="pdf", filename="tagihan.pdf")
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20) as smtp:
    assert smtp.send_message(mail) == {}
sys.stdout.buffer.write(mail.as_bytes(policy=mail.policy.clone(linesep="\r\n")))
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_pythons_smtplib_is_routed_by_its_segment() {
    let mut stand = Stand::up().await;
    let port = stand.smtp().port().to_string();
    run(python(SMTPLIB, &[&port])).await;

    // A DCS customer is told who takes care, the mail is forwarded, and both groups hear of it (C2).
    let rina = stand.signed_in("rina", "tenesa").await;
    let got = rina.pull_one().await;
    assert_eq!(got.summary.unwrap().queue, "cross-coordination");
    let case = rina.client.case("tenesa", got.case, 0).await.unwrap();
    let Some(entry::What::Message(message)) = &case.conversation[0].what else { panic!("{case:?}") };
    assert_eq!(message.subject, "Tagihan naik – mengapa?");
    assert!(message.text.contains("\n.tagihan saya naik"), "{:?}", message.text);
    assert_eq!(message.attachments[0].name, "tagihan.pdf");
    sends_files_both_ways(&stand, got.case, &message.attachments[0].digest).await;
    rina.resolve(got.case).await.unwrap();

    let finished = stand.finish().await;
    assert_eq!(finished.received.len(), 4, "{:?}", finished.received);
    let mails = stand.mail_sink().mails();
    let with_file = mails.iter().find(|mail| mail.raw.contains("koreksi.csv")).expect("the agent's answer");
    assert_eq!(with_file.to, ["pemilik@tokobahagia.example"]);
    assert!(with_file.raw.contains("bmFtYSxqdW1sYWgKU2l0aSwxMAo="), "the file in base64:\n{}", with_file.raw);
    let to = |address: &str| mails.iter().find(|mail| mail.to == [address]).expect(address);
    assert!(to("pemilik@tokobahagia.example").header("In-Reply-To").contains("python-1@tokobahagia.example"));
    assert!(
        to("penanganan-dcs@telkom.example").raw.contains("message/rfc822"),
        "the mail itself is enclosed"
    );
    assert!(to("lintas-koordinasi@telkom.example").header("Subject").contains("DCS"));
}

/// The file that came is saved by its digest, and one goes with the answer.
async fn sends_files_both_ways(stand: &Stand, case: u64, digest: &[u8]) {
    let case = case.to_string();
    let saved = stand.dir().join("saved.pdf");
    let hex: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    let to = saved.display().to_string();
    let save = ["show", "attachment", "tenesa", &case, &hex, "--out", &to];
    assert!(stand.must(&save).await.contains("3 bytes"));
    assert_eq!(std::fs::read(&saved).unwrap(), [0, 1, 2]);
    let again = stand.simpang(&save).await;
    assert!(!again.status.success(), "what is there is not written over");

    let file = stand.dir().join("koreksi.csv");
    std::fs::write(&file, "nama,jumlah\nSiti,10\n").unwrap();
    let (token, file) = (stand.token("rina"), file.display().to_string());
    let reply =
        ["agent", "--desk", "tenesa", "--token", &token, "reply", &case, "Terlampir.", "--attach", &file];
    stand.must(&reply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_posts_a_signed_webhook() {
    let mut stand = Stand::up().await;
    let mention = Mention {
        id: "31415".into(),
        author: "2222".into(),
        handle: "mentericontoh".into(),
        text: "mohon perhatian".into(),
        answers: String::new(),
    };
    let signed = mention.signed();
    let body = stand.dir().join("body.json");
    std::fs::write(&body, &signed.body).unwrap();
    let curl = |signature: &str| {
        let mut command = Command::new("curl");
        command.args(["-sS", "-o", "/dev/null", "-w", "%{http_code}"]);
        command.arg("-H").arg(format!("{}: {signature}", signed.header));
        command.arg("--data-binary").arg(format!("@{}", body.display()));
        command.arg(format!("http://{}{}", stand.http().0, signed.path));
        run(command)
    };
    assert_eq!(curl("sha256=AAAA").await, "403");
    assert_eq!(curl(&signed.signature).await, "200");
    stand.sent().post("telkomcare", "telkomcare", "31415");
    let has_message = |case: &Case| !case.conversation.is_empty();
    let case = stand.client("admin").case_when("telkomcare", 1, "is there", has_message).await;
    let summary = case.summary.unwrap();
    assert_eq!((summary.customer.as_str(), summary.queue.as_str()), ("C-1003", "priority"), "{summary:?}");
    stand.finish().await;
}

/// Where `make tools-py` puts Python's grpcio.
fn grpcio() -> PathBuf {
    let path = repository().join("target/python");
    assert!(Path::new(&path.join("grpc")).is_dir(), "{} has no grpcio: run `make tools-py`", path.display());
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_grpcio_finds_the_services_by_reflection_and_pulls_a_case() {
    let packages = grpcio();
    let mut stand = Stand::up().await;
    let port = stand.smtp().port().to_string();
    run(python(SMTPLIB, &[&port])).await;
    let mut command = python(
        include_str!("foreign_grpc.py"),
        &[&stand.grpc(Role::Gateway).to_string(), &stand.token("rina")],
    );
    command.env("PYTHONPATH", packages);
    let printed = run(command).await;
    for service in ["agent.v1.Agent", "admin.v1.Admin", "ingest.v1.Ingest", "view.v1.View", "audit.v1.Audit"]
    {
        assert!(printed.contains(&format!("service simpang.{service}")), "{printed}");
    }
    assert!(printed.contains("service grpc.health.v1.Health"), "{printed}");
    assert!(printed.contains("pulled case 1 from cross-coordination"), "{printed}");
    stand.finish().await;
}
