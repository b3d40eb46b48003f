//! Mail through a real socket.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::{Change, DEADLINE, Doors, eventually};

const MAIL: &str = "From: Budi <budi@example.id>\r\nTo: care@tenesa.example\r\nSubject: Internet mati\r\n\
    Message-ID: <m1@example.id>\r\n\r\nInternet saya mati.\r\n";

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(doors: &Doors) -> Self {
        Self(BufReader::new(TcpStream::connect(doors.smtp()).await.unwrap()))
    }

    async fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer's last line; empty when the connection is closed.
    async fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            timeout(DEADLINE, self.0.read_line(&mut line)).await.unwrap().unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    async fn code(&mut self) -> String {
        self.answer().await.chars().take(3).collect()
    }

    /// Sends a whole message, pipelined; the codes after the greeting.
    async fn mail(&mut self, hello: &str, recipients: &[&str], text: &str, answers: usize) -> Vec<String> {
        let to: String = recipients.iter().map(|to| format!("RCPT TO:<{to}>\r\n")).collect();
        self.send(&format!("{hello} me\r\nMAIL FROM:<budi@example.id>\r\n{to}DATA\r\n{text}.\r\n")).await;
        let mut codes = Vec::new();
        for _ in 0..answers {
            codes.push(self.code().await);
        }
        codes
    }
}

#[tokio::test]
async fn a_mail_is_on_the_log_when_it_is_answered_250() {
    let doors = Doors::open().await;
    let mut client = Client::connect(&doors).await;
    let codes = client.mail("EHLO", &["Care+x@Tenesa.Example"], MAIL, 6).await;
    assert_eq!(codes, ["220", "250", "250", "250", "354", "250"]);
    let messages = doors.messages("tenesa");
    let (message, content) = &messages[0];
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (message.account.as_str(), content.subject.as_str()),
        ("care@tenesa.example", "Internet mati")
    );
    assert_eq!(message.customer.as_ref().unwrap().segment, "DES");
    assert_eq!(doors.raw(&message.raw_digest).await.unwrap(), MAIL.as_bytes());
    assert!(doors.inputs("telkomcare").is_empty());
}

#[tokio::test]
async fn a_mail_to_two_desks_is_one_input_on_each_and_to_one_account_twice_only_one() {
    let doors = Doors::open().await;
    let mut client = Client::connect(&doors).await;
    let recipients = ["care@tenesa.example", "help@tenesa.example", "social@telkom.example"];
    let codes = client.mail("LHLO", &recipients, MAIL, 10).await;
    assert_eq!(codes[6..], ["354", "250", "250", "250"]);
    assert_eq!(doors.inputs("tenesa").len(), 1);
    assert_eq!(doors.inputs("telkomcare").len(), 1);
}

#[tokio::test]
async fn a_repeat_carries_the_same_idempotency_key() {
    let doors = Doors::open().await;
    for _ in 0..2 {
        let mut client = Client::connect(&doors).await;
        client.mail("EHLO", &["care@tenesa.example"], MAIL, 6).await;
    }
    let inputs = doors.inputs("tenesa");
    assert_eq!(inputs.len(), 2, "the desk, not the door, knows a repeat");
    assert_eq!(inputs[0].key, inputs[1].key);
    assert_eq!(inputs[0].key.len(), 16);
}

#[tokio::test]
async fn a_mail_that_is_no_mail_is_taken_with_its_bytes_and_a_mark() {
    let doors = Doors::open().await;
    let mut client = Client::connect(&doors).await;
    let codes = client.mail("EHLO", &["care@tenesa.example"], "\u{0}\u{1} not a header\r\n", 6).await;
    assert_eq!(codes[5], "250");
    let (message, _) = &doors.messages("tenesa")[0];
    assert_ne!(message.malformed, "");
    assert_eq!(doors.raw(&message.raw_digest).await.unwrap(), "\u{0}\u{1} not a header\r\n");
}

#[tokio::test]
async fn while_the_log_is_away_a_mail_is_put_off_and_nothing_is_written() {
    let doors = Doors::open().await;
    doors.desk("tenesa").set_reachable(false);
    let mut client = Client::connect(&doors).await;
    let codes = client.mail("EHLO", &["care@tenesa.example"], MAIL, 6).await;
    assert_eq!(codes[5], "451");
    assert!(doors.inputs("tenesa").is_empty());
    doors.desk("tenesa").set_reachable(true);
    let codes = client.mail("EHLO", &["care@tenesa.example"], MAIL, 5).await;
    assert_eq!(codes[4], "250", "the same session goes on when the log is back");
    assert_eq!(doors.inputs("tenesa").len(), 1);
}

#[tokio::test]
async fn lmtp_answers_each_recipient_by_the_log_of_its_desk() {
    let doors = Doors::open().await;
    doors.desk("telkomcare").set_reachable(false);
    let mut client = Client::connect(&doors).await;
    let recipients = ["care@tenesa.example", "nobody@tenesa.example", "social@telkom.example"];
    let codes = client.mail("LHLO", &recipients, MAIL, 9).await;
    assert_eq!(codes[3..], ["250", "550", "250", "354", "250", "451"]);
    assert_eq!(doors.inputs("tenesa").len(), 1);
    assert!(doors.inputs("telkomcare").is_empty());
}

#[tokio::test]
async fn a_lost_acknowledgement_is_not_told_as_accepted() {
    let doors = Doors::open().await;
    doors.desk("tenesa").lose_next_ack();
    let mut client = Client::connect(&doors).await;
    let codes = client.mail("EHLO", &["care@tenesa.example"], MAIL, 6).await;
    assert_eq!(codes[5], "451");
}

#[tokio::test]
async fn a_mail_over_the_limit_is_refused_before_anything_is_written() {
    let doors = Doors::open_with(|smtp| smtp.limits.message_bytes = 1_000).await;
    let mut client = Client::connect(&doors).await;
    let long = format!("{MAIL}{}\r\n", "x".repeat(1_000));
    let codes = client.mail("EHLO", &["care@tenesa.example"], &long, 6).await;
    assert_eq!(codes[5], "552");
    client.send("MAIL FROM:<a@b> SIZE=1001\r\n").await;
    assert_eq!(client.code().await, "552");
    assert!(doors.inputs("tenesa").is_empty());
}

#[tokio::test]
async fn large_mails_over_the_limit_wait_for_each_other() {
    let doors = Doors::open_with(|smtp| smtp.large_messages = 1).await;
    let envelope = "EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<care@tenesa.example>\r\nDATA\r\nFrom: a@b\r\n\r\n";
    let line = format!("{}\r\n", "x".repeat(70));
    let body = line.repeat(20_000);
    let mut first = Client::connect(&doors).await;
    // More than the sockets' buffers hold: once it is sent, the server has read beyond the first MiB.
    first.send(&format!("{envelope}{}", line.repeat(200_000))).await;
    for expected in ["220", "250", "250", "250", "354"] {
        assert_eq!(first.code().await, expected);
    }
    let mut second = Client::connect(&doors).await;
    second.send(&format!("{envelope}{body}.\r\n")).await;
    for expected in ["220", "250", "250", "250", "354"] {
        assert_eq!(second.code().await, expected);
    }
    assert!(timeout(Duration::from_millis(200), second.code()).await.is_err(), "it waits");
    first.send(".\r\n").await;
    assert_eq!(first.code().await, "250");
    assert_eq!(second.code().await, "250");
    assert_eq!(doors.inputs("tenesa").len(), 2);
}

#[tokio::test]
async fn a_silent_client_is_told_and_cut_off() {
    let doors = Doors::open_with(|smtp| smtp.idle = Duration::from_millis(100)).await;
    let mut client = Client::connect(&doors).await;
    assert_eq!(client.code().await, "220");
    assert_eq!(client.code().await, "421");
    assert_eq!(client.answer().await, "");
}

/// Sends a byte at a time, each well within the time for silence, until it is cut off; the last answer, which is lost
/// when a byte crosses it.
async fn drip(client: &mut Client, byte: &str) -> String {
    let dripping = async {
        loop {
            let mut line = String::new();
            tokio::select! {
                _ = client.0.read_line(&mut line) => return line.trim_end().to_owned(),
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
            // The door may have hung up already: what it said is still to be read.
            let _ = client.0.get_mut().write_all(byte.as_bytes()).await;
        }
    };
    timeout(DEADLINE, dripping).await.unwrap()
}

#[tokio::test]
async fn a_client_that_drips_its_message_or_its_commands_is_cut_off_too() {
    let doors = Doors::open_with(|smtp| smtp.message = Duration::from_millis(300)).await;
    let mut client = Client::connect(&doors).await;
    client.send("EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<care@tenesa.example>\r\nDATA\r\nFrom: a@b\r\n").await;
    for expected in ["220", "250", "250", "250", "354"] {
        assert_eq!(client.code().await, expected);
    }
    let said = drip(&mut client, "x").await;
    assert!(["421 4.4.2 the message took too long, closing", ""].contains(&said.as_str()), "{said}");
    assert!(doors.inputs("tenesa").is_empty());
    doors.ingest.stop().await;

    let doors = Doors::open_with(|smtp| smtp.session = Duration::from_millis(300)).await;
    let mut client = Client::connect(&doors).await;
    assert_eq!(client.code().await, "220");
    let said = drip(&mut client, "N").await;
    assert!(["421 4.4.2 the session took too long, closing", ""].contains(&said.as_str()), "{said}");
    doors.ingest.stop().await;
}

#[tokio::test]
async fn a_message_that_is_arriving_when_the_session_is_over_still_comes_to_its_end() {
    let doors = Doors::open_with(|smtp| smtp.session = Duration::from_millis(500)).await;
    let mut client = Client::connect(&doors).await;
    client.send("EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<care@tenesa.example>\r\nDATA\r\nFrom: a@b\r\n").await;
    for expected in ["220", "250", "250", "250", "354"] {
        assert_eq!(client.code().await, expected);
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    client.send("\r\nhalo\r\n.\r\n").await;
    assert_eq!(client.code().await, "250");
    assert_eq!(client.answer().await, "421 4.4.2 the session took too long, closing");
    assert_eq!(doors.inputs("tenesa").len(), 1);
}

#[tokio::test]
async fn eight_bit_text_and_addresses_outside_ascii_come_through_as_they_are() {
    let doors = Doors::open().await;
    let mut client = Client::connect(&doors).await;
    let mail = "From: Zoë <zoë@örtlich.example>\r\nTo: care@tenesa.example\r\nSubject: Gangguan – mati\r\n\
        MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\
        \r\nTidak bisa – höchste Zeit.\r\n";
    let hello = "EHLO me\r\nMAIL FROM:<zoë@örtlich.example> BODY=8BITMIME SMTPUTF8\r\n";
    client.send(&format!("{hello}RCPT TO:<café@tenesa.example>\r\nRCPT TO:<care@tenesa.example>\r\n")).await;
    for expected in ["220", "250", "250", "550", "250"] {
        assert_eq!(client.code().await, expected);
    }
    client.send(&format!("DATA\r\n{mail}.\r\n")).await;
    assert_eq!((client.code().await, client.code().await), ("354".into(), "250".into()));
    let (message, content) = doors.messages("tenesa").remove(0);
    assert_eq!(content.from_address, "zoë@örtlich.example");
    assert_eq!(
        (content.subject.as_str(), content.text.trim_end()),
        ("Gangguan – mati", "Tidak bisa – höchste Zeit.")
    );
    assert_eq!(doors.raw(&message.raw_digest).await.unwrap(), mail.as_bytes(), "not a bit is lost");
}

/// Facts of a mail that came over this border, by name.
async fn facts_by(border: Change, mail: &str) -> Vec<String> {
    let doors = Doors::open_with(border).await;
    send(&doors, "care@tenesa.example", mail).await;
    let (message, _) = doors.messages("tenesa").remove(0);
    doors.ingest.stop().await;
    let names = message.facts.into_iter().map(|fact| fact.name);
    names.filter(|name| ["spf", "dkim", "dmarc", "spam", "spam_score"].contains(&name.as_str())).collect()
}

#[tokio::test]
async fn only_the_border_that_is_named_is_believed_about_senders_and_spam() {
    let ours = "Authentication-Results: mx.desk.example; spf=pass; dmarc=fail\r\nX-Spam-Flag: YES\r\n\
        X-Spam-Score: 7.9\r\nReceived: from b.example by mx.desk.example\r\n";
    let theirs =
        "Received: from a by b.example\r\nX-Spam-Flag: NO\r\nAuthentication-Results: b.example; spf=pass\r\n";
    let mail = format!("{ours}{theirs}{MAIL}");
    let desk: Change = |smtp| smtp.trusted_authserv = "mx.desk.example".into();
    assert_eq!(facts_by(desk, &mail).await.len(), 4);
    assert!(facts_by(|_| {}, &mail).await.is_empty());
    assert!(facts_by(|smtp| smtp.trusted_authserv = "mx.other.example".into(), &mail).await.is_empty());
    let stranger = format!("Received: from b.example by mx.desk.example\r\n{theirs}{MAIL}");
    assert!(facts_by(desk, &stranger).await.is_empty());
}

#[tokio::test]
async fn connections_over_the_limit_are_turned_away_until_one_ends() {
    let doors = Doors::open_with(|smtp| smtp.connections = 1).await;
    let mut first = Client::connect(&doors).await;
    assert_eq!(first.code().await, "220");
    let mut second = Client::connect(&doors).await;
    assert_eq!(second.answer().await, "421 4.7.0 too many connections, try again later");
    first.send("QUIT\r\n").await;
    assert_eq!(first.code().await, "221");
    let again = async {
        loop {
            if Client::connect(&doors).await.code().await == "220" {
                return;
            }
        }
    };
    timeout(DEADLINE, again).await.unwrap();
}

#[tokio::test]
async fn stopping_ends_idle_sessions_and_lets_a_message_come_to_its_end() {
    let doors = Doors::open().await;
    let mut idle = Client::connect(&doors).await;
    assert_eq!(idle.code().await, "220");
    let mut busy = Client::connect(&doors).await;
    busy.send("EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<care@tenesa.example>\r\nDATA\r\nFrom: a@b\r\n").await;
    for expected in ["220", "250", "250", "250", "354"] {
        assert_eq!(busy.code().await, expected);
    }
    let store = doors.store.clone();
    let stopping = tokio::spawn(doors.ingest.stop());
    assert_eq!(idle.code().await, "421");
    busy.send("\r\nhalo\r\n.\r\n").await;
    assert_eq!(busy.code().await, "250");
    assert_eq!(busy.code().await, "421");
    timeout(DEADLINE, stopping).await.unwrap().unwrap();
    assert_eq!(store.desk(&simpang_log::DeskName::new("tenesa").unwrap()).records().len(), 1);
}

const PYTHON: &str = r#"
import smtplib, sys
from email.message import EmailMessage
port = int(sys.argv[1])
mail = EmailMessage()
mail["From"] = "Siti <siti@example.id>"
mail["To"] = "care@tenesa.example"
mail["Subject"] = "Tagihan saya naik — mengapa?"
mail["Message-ID"] = "<py1@example.id>"
mail.set_content("Halo,\n.titik di awal baris\n..dua titik\n")
mail.add_attachment(b"\x00\x01\x02", maintype="application", subtype="pdf", filename="tagihan.pdf")
with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
    refused = smtp.send_message(mail)
    assert refused == {}, refused
    assert smtp.has_extn("pipelining") and smtp.has_extn("8bitmime") and smtp.has_extn("smtputf8")
    try:
        smtp.sendmail("siti@example.id", ["nobody@tenesa.example"], "x")
        sys.exit("an unknown recipient was taken")
    except smtplib.SMTPRecipientsRefused as error:
        assert error.recipients["nobody@tenesa.example"][0] == 550
with smtplib.LMTP("127.0.0.1", port) as lmtp:
    refused = lmtp.sendmail("siti@example.id", ["social@telkom.example"], mail.as_bytes())
    assert refused == {}, refused
"#;

#[tokio::test]
async fn pythons_smtplib_gets_its_mail_through() {
    let doors = Doors::open().await;
    let port = doors.smtp().port().to_string();
    let python =
        Command::new("python3").args(["-c", PYTHON, &port]).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(DEADLINE, python).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (message, content) = doors.messages("tenesa").remove(0);
    assert_eq!(content.subject, "Tagihan saya naik — mengapa?");
    assert!(content.text.contains("\n.titik di awal baris\n..dua titik"), "{:?}", content.text);
    assert_eq!(content.attachments[0].name, "tagihan.pdf");
    assert_eq!(doors.raw(&content.attachments[0].digest).await.unwrap(), &[0, 1, 2][..]);
    assert_eq!(message.malformed, "");
    eventually("the mail by LMTP is there too", || doors.inputs("telkomcare").len() == 1).await;
}

/// STARTTLS as Python's own client does it, with our certificate checked.
const PYTHON_TLS: &str = r#"
import smtplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
with smtplib.SMTP("localhost", int(sys.argv[1])) as smtp:
    smtp.starttls(context=context)
    smtp.sendmail("a@b.example", ["care@tenesa.example"], "From: a@b.example\r\nSubject: Rahasia\r\n\r\nIsi")
    assert not smtp.has_extn("starttls")
"#;

#[tokio::test]
async fn a_connection_is_protected_once_the_client_asks() {
    let dir = tempfile::tempdir().unwrap();
    let [key, certificate] = ["key.pem", "cert.pem"].map(|name| dir.path().join(name));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args([std::ffi::OsStr::new("-keyout"), key.as_os_str(), "-out".as_ref(), certificate.as_os_str()])
        .output()
        .expect("`openssl` is there, as tools/run_tests.sh installs it");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let tls = simpang_ingest::SmtpTls::load(&certificate, &key).unwrap();
    assert!(simpang_ingest::SmtpTls::load(&key, &certificate).is_err(), "a key is no certificate");
    let doors = Doors::open_protected(tls).await;
    let port = doors.smtp().port().to_string();
    let python = Command::new("python3")
        .args(["-c", PYTHON_TLS, &port])
        .arg(&certificate)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(DEADLINE, python).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(doors.messages("tenesa").remove(0).1.subject, "Rahasia");
}

/// Sends a mail to nobody whom a desk knows; the answer to the recipient.
pub(crate) async fn send_to_nobody(doors: &Doors) -> String {
    let mut client = Client::connect(doors).await;
    client.send("EHLO me\r\nMAIL FROM:<budi@example.id>\r\nRCPT TO:<nobody@elsewhere.example>\r\n").await;
    for _ in 0..3 {
        client.answer().await;
    }
    client.code().await
}

/// Sends one mail that has to be taken.
pub(crate) async fn send(doors: &Doors, to: &str, mail: &str) {
    let mut client = Client::connect(doors).await;
    let codes = client.mail("EHLO", &[to], mail, 6).await;
    assert_eq!(codes[5], "250");
}

/// Sends one mail that can't be taken now.
pub(crate) async fn send_in_vain(doors: &Doors, to: &str, mail: &str) {
    let mut client = Client::connect(doors).await;
    assert_eq!(client.mail("EHLO", &[to], mail, 6).await[5], "451");
}

/// How each recipient of one mail is answered.
pub(crate) async fn answers_to_recipients(doors: &Doors, recipients: &[&str]) -> Vec<String> {
    let mut client = Client::connect(doors).await;
    let to: String = recipients.iter().map(|to| format!("RCPT TO:<{to}>\r\n")).collect();
    client.send(&format!("EHLO me\r\nMAIL FROM:<budi@example.id>\r\n{to}")).await;
    let mut codes = Vec::new();
    for _ in 0..3 + recipients.len() {
        codes.push(client.code().await);
    }
    codes.split_off(3)
}

/// Begins a mail and goes away in the middle of it.
pub(crate) async fn break_off(doors: &Doors, to: &str) {
    let mut client = Client::connect(doors).await;
    client
        .send(&format!("EHLO me\r\nMAIL FROM:<budi@example.id>\r\nRCPT TO:<{to}>\r\nDATA\r\nSubject: half"))
        .await;
    for _ in 0..5 {
        client.code().await;
    }
    client.0.get_mut().shutdown().await.unwrap();
    assert_eq!(client.answer().await, "", "the connection ends");
}
