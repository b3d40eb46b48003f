//! Mail servers and clients that are not ours: Postfix hands mail over and takes ours, Dovecot keeps the customer's
//! mailbox, Python's smtplib, imaplib and email are the customer's mail client, swaks is another.

use std::time::Duration;

use serde_json::Value;
use simpang_proto::view::v1::{Case, Delivery, DeliveryState, entry};
use simpang_tests::{
    Certificate, Dovecot, Layout, Postfix, Setup, Stand, SunkMail, eventually, free_port, is_root,
};
use tokio::process::Command;

/// Longest run of a client.
const RUN: Duration = Duration::from_secs(60);

const CUSTOMER: &str = "it@sinarmaju.example";

/// Sends a mail as mail programs do: port, sender, recipient, Message-ID, text, and what it answers, the thread's first.
const SEND: &str = r#"
import smtplib, sys
from email.message import EmailMessage
port, sender, to, id, text, *thread = sys.argv[1:]
mail = EmailMessage()
mail["From"], mail["To"], mail["Message-ID"] = sender, to, id
mail["Subject"] = "Re: Internet kantor mati – tolong" if thread else "Internet kantor mati – tolong"
if thread:
    mail["In-Reply-To"], mail["References"] = thread[-1], " ".join(thread)
mail.set_content(text)
with smtplib.SMTP("127.0.0.1", int(port), timeout=30) as smtp:
    assert smtp.send_message(mail) == {}
"#;

/// Reads a mailbox: port, user, password; a line of JSON for each mail, as Python reads it.
const READ: &str = r#"
import imaplib, email, email.policy, json, sys
with imaplib.IMAP4("127.0.0.1", int(sys.argv[1]), timeout=30) as imap:
    imap.login(sys.argv[2], sys.argv[3])
    imap.select("INBOX", readonly=True)
    for number in imap.search(None, "ALL")[1][0].split():
        raw = imap.fetch(number, "(BODY.PEEK[])")[1][0][1]
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert not mail.defects, mail.defects
        said = {name: str(mail[name] or "") for name in
                ["From", "To", "Subject", "Message-ID", "In-Reply-To", "References", "Reply-To", "Auto-Submitted"]}
        body = mail.get_body(("plain",))
        said["text"], said["raw"] = body.get_content() if body else "", raw.decode("utf-8", "replace")
        print(json.dumps(said))
"#;

async fn run(mut command: Command) -> (bool, String) {
    let ended = tokio::time::timeout(RUN, command.kill_on_drop(true).output()).await;
    let output = ended.expect("the client ends").expect("the client is there");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned() + &errors)
}

async fn python(script: &str, args: &[&str]) -> String {
    let mut command = Command::new("python3");
    command.arg("-c").arg(script).args(args);
    let (is_well, printed) = run(command).await;
    assert!(is_well, "{printed}");
    printed
}

/// The mails in a mailbox.
async fn mailbox(dovecot: &Dovecot) -> Vec<Value> {
    let port = dovecot.port().to_string();
    let printed = python(READ, &[&port, dovecot.user(), Dovecot::PASSWORD]).await;
    printed.lines().map(|line| serde_json::from_str(line).expect("a mail")).collect()
}

/// A Simpang that offers STARTTLS and hands its mail to a server on this port.
async fn stand(mail_port: Option<u16>) -> (Stand, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let Certificate { chain, key } = Certificate::make(dir.path());
    let settings = format!("\n[ingest]\nsmtp_certificate = {chain:?}\nsmtp_key = {key:?}\n");
    let setup = Setup { layout: Layout::Together, mail_port, settings, ..Setup::apart() };
    (Stand::start_with(setup, |_| {}).await, dir)
}

fn delivery(case: &Case) -> Option<&Delivery> {
    case.conversation.iter().find_map(|entry| match &entry.what {
        Some(entry::What::Delivery(delivery)) if !delivery.agent.is_empty() => Some(delivery),
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_holds_through_postfix_and_a_mailbox_on_dovecot() {
    if !is_root() {
        eprintln!("Postfix takes root to start: nothing is tried here.");
        return;
    }
    let port = free_port();
    let (mut stand, _certificate) = stand(Some(port)).await;
    let dovecot = Dovecot::start(CUSTOMER).await;
    let postfix = Postfix::start(port, stand.smtp(), CUSTOMER, &dovecot.maildir()).await;
    let port = port.to_string();
    let first = "<keluhan-1@sinarmaju.example>";
    python(SEND, &[&port, CUSTOMER, "tenesa@telkom.example", first, "Internet mati sejak pagi.\n"]).await;

    let rina = stand.signed_in("rina", "tenesa").await;
    let case = rina.pull_one().await.case;
    rina.reply(case, 1, "Teknisi kami segera datang – mohon ditunggu.", false).await.unwrap();
    let answer = eventually("the answer to lie in the mailbox", async || {
        mailbox(&dovecot).await.into_iter().find(|mail| mail["In-Reply-To"] == first)
    })
    .await;
    assert_eq!((&answer["References"], &answer["To"]), (&first.into(), &CUSTOMER.into()));
    assert_eq!(answer["Subject"], "Re: [#1] Internet kantor mati – tolong");
    assert!(answer["text"].as_str().unwrap().contains("Teknisi kami segera datang – mohon"), "{answer}");
    assert!(postfix.log().contains("TLS connection established to 127.0.0.1"), "{}", postfix.log());

    // The customer's program answers to whom it is told, with the whole thread.
    let (ours, back) = (answer["Message-ID"].as_str().unwrap(), answer["Reply-To"].as_str().unwrap());
    let back = if back.is_empty() { answer["From"].as_str().unwrap() } else { back };
    let second = "<keluhan-2@sinarmaju.example>";
    python(SEND, &[&port, CUSTOMER, back, second, "Baik, terima kasih.\n", first, ours]).await;
    let has_both = |case: &Case| case.summary.as_ref().is_some_and(|summary| summary.messages == 2);
    let read = rina.client.case_when("tenesa", case, "has the customer's answer", has_both).await;
    let joined = read.conversation.iter().rev().find_map(|entry| match &entry.what {
        Some(entry::What::Message(message)) => Some(message.joined_by.clone()),
        _ => None,
    });
    assert_eq!(joined.as_deref(), Some("signature"));
    rina.resolve(case).await.unwrap();

    // Postfix takes an answer to somebody who is gone, and says so later.
    let gone = "pergi@sinarmaju.example";
    python(SEND, &[&port, gone, "tenesa@telkom.example", "<pergi-1@sinarmaju.example>", "Halo.\n"]).await;
    let case = rina.pull_one().await.case;
    rina.reply(case, 1, "Halo juga.", false).await.unwrap();
    let has_bounced = |case: &Case| delivery(case).is_some_and(|sent| sent.state() == DeliveryState::Bounced);
    rina.client.case_when("tenesa", case, "knows of the bounce", has_bounced).await;

    // Nobody has this address: the sender hears it from their own server.
    python(SEND, &[&port, CUSTOMER, "nobody@telkom.example", "<salah@sinarmaju.example>", "Halo.\n"]).await;
    eventually("the sender to be told", async || {
        let mails = mailbox(&dovecot).await;
        mails.into_iter().find(|mail| mail["raw"].as_str().unwrap_or_default().contains("550 5.1.1"))
    })
    .await;

    keep_what_arrived(&stand, &dovecot, &postfix).await;
    stand.finish().await;
}

/// Notes what Postfix took from us for the checker: what lies in the mailbox, and the answer that came back.
async fn keep_what_arrived(stand: &Stand, dovecot: &Dovecot, postfix: &Postfix) {
    for mail in mailbox(dovecot).await {
        let raw = mail["raw"].as_str().unwrap().to_owned();
        stand.mail_sink().keep(SunkMail { raw, ..SunkMail::default() });
    }
    for id in postfix.bounced_ids() {
        stand.mail_sink().keep(SunkMail { raw: format!("Message-ID: {id}\n\n"), ..SunkMail::default() });
    }
}

async fn swaks(port: &str, args: &[&str]) -> (bool, String) {
    let mut command = Command::new("swaks");
    command.args(["--server", "127.0.0.1", "--port", port, "--timeout", "30s"]).args(args);
    run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_sends_by_smtp_and_lmtp_over_starttls_and_is_told_what_is_wrong() {
    let (mut stand, _certificate) = stand(None).await;
    let port = stand.smtp().port().to_string();
    let to = ["--tls", "--from", CUSTOMER, "--to", "tenesa@telkom.example"];
    for protocol in ["ESMTP", "LMTP"] {
        let id = format!("Message-Id: <swaks-{protocol}@sinarmaju.example>");
        let header = ["--protocol", protocol, "--header", &id, "--header", "Subject: Lampu modem merah"];
        let body = ["--body", "Lampu modem merah.\n.\nHalo"];
        let (is_well, said) = swaks(&port, &[&to[..], &header, &body].concat()).await;
        assert!(is_well && said.contains("=== TLS started with cipher TLSv1.3"), "{said}");
        assert!(said.contains("250 2.0.0"), "{said}");
    }
    let nobody = ["--tls", "--from", CUSTOMER, "--to", "nobody@telkom.example"];
    let (is_well, said) = swaks(&port, &nobody).await;
    assert!(!is_well && said.contains("550 5.1.1"), "{said}");
    let (is_well, said) = swaks(&port, &[&to[..], &["--protocol", "ESMTP", "--pipeline"]].concat()).await;
    assert!(is_well, "{said}");

    let rina = stand.signed_in("rina", "tenesa").await;
    let case = rina.pull_one().await.case;
    let read = rina.client.case("tenesa", case, 0).await.unwrap();
    let Some(entry::What::Message(message)) = &read.conversation[0].what else { panic!("{read:?}") };
    assert_eq!(message.subject, "Lampu modem merah");
    assert!(message.text.contains("Lampu modem merah.\n.\nHalo"), "{:?}", message.text);
    stand.finish().await;
}
