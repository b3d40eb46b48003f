//! A mailbox on a real Dovecot, read by a door that is killed in the middle of it.

use std::collections::HashSet;
use std::fmt::Write as _;

use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::input;
use simpang_tests::{Dovecot, Logs, Role, Setup, Stand, eventually};

/// Mails that come at once.
const MAILS: usize = 600;
/// How many stand on the log when the door is killed.
const KILLED_AT: [usize; 3] = [60, 200, 380];
const ACCOUNT: &str = "tenesa@telkom.example";

fn settings(dovecot: &Dovecot) -> String {
    format!(
        "\n[[ingest.imap]]\naccount = \"{ACCOUNT}\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
         user = \"{}\"\npassword = \"{}\"\nevery_seconds = 1\nfrom_start = true\n",
        dovecot.port(),
        dovecot.user(),
        Dovecot::PASSWORD
    )
}

fn id(number: usize) -> String {
    format!("laporan-{number}@pelanggan.example")
}

fn letter(number: usize) -> String {
    let line = "Internet kami mati sejak semalam dan belum ada teknisi yang datang.\r\n";
    format!(
        "From: <orang-{number}@pelanggan.example>\r\nTo: <{ACCOUNT}>\r\nSubject: Laporan {number}\r\n\
         Message-ID: <{}>\r\n\r\n{}",
        id(number),
        line.repeat(100)
    )
}

/// How many different mails stand on the desk's log.
fn arrived(logs: &Logs) -> usize {
    let mails = logs.inputs.iter().filter(|(desk, _, _, input)| {
        desk == "tenesa" && matches!(input.body, Some(input::Body::Message(_)))
    });
    mails.map(|(_, _, _, input)| &input.key).collect::<HashSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_arrives_whole_and_once_though_its_reader_is_killed_in_mid_batch() {
    let dovecot = Dovecot::start("care@tenesa.example").await;
    let setup = Setup { settings: settings(&dovecot), ..Setup::apart() };
    let mut stand = Stand::start_with(setup, |_| {}).await;
    for number in 0..MAILS {
        dovecot.deliver(&format!("{number}.test"), &letter(number));
    }
    for at in KILLED_AT {
        let url = stand.nats_url();
        let standing = eventually(format!("{at} mails on the log"), async || {
            let standing = arrived(&Logs::read(&url).await);
            (standing >= at).then_some(standing)
        })
        .await;
        stand.kill(Role::Ingest);
        assert!(standing < MAILS, "it was killed after the last mail: this shows nothing");
        assert_eq!(dovecot.unseen_and_seen(), (MAILS, 0), "nothing is marked read");
        stand.run(Role::Ingest);
    }
    let url = stand.nats_url();
    eventually("all mails on the log", async || (arrived(&Logs::read(&url).await) == MAILS).then_some(()))
        .await;

    let finished = stand.finish().await;
    let joined = finished.logs.count("tenesa", |body| matches!(body, Body::MessageJoined(_)));
    let again = finished.logs.count("tenesa", |body| matches!(body, Body::InputDuplicated(_)));
    assert_eq!(joined, MAILS, "each joined one case, once");
    eprintln!("{joined} mails joined a case, {again} came again and were known");
    assert_eq!(dovecot.unseen_and_seen(), (MAILS, 0), "nothing is marked read");

    // What the mailbox says it holds stands on the log, and what it never held is told.
    let ids = stand.dir().join("ids.txt");
    let mut said = (0..MAILS).fold(String::new(), |mut said, number| {
        let _ = writeln!(said, "<{}>", id(number));
        said
    });
    std::fs::write(&ids, &said).unwrap();
    let ids = ids.display().to_string();
    let gaps = ["ingest", "gaps", "--desk", "tenesa", "--channel", "email", &ids];
    let printed = stand.must(&gaps).await;
    assert!(printed.contains("600 of 600 stand on the log, 0 are missing"), "{printed}");
    said.push_str("<tidak-pernah@pelanggan.example>\n");
    std::fs::write(&ids, &said).unwrap();
    let output = stand.simpang(&gaps).await;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && printed.contains("tidak-pernah@pelanggan.example"), "{printed}");
}
