//! Each user of the broker may publish and subscribe to exactly what `users.conf` is meant to give it.

use crate::broker::{Broker, Secrets};
use crate::client::Client;

/// What all who read desks' logs may publish.
const READ: [&str; 6] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.INFO.SIMPANG_other",
    "$JS.API.STREAM.MSG.GET.SIMPANG_other",
    "$JS.API.CONSUMER.CREATE.SIMPANG_other",
    "$JS.API.CONSUMER.MSG.NEXT.SIMPANG_other.c1",
];

/// What reads the directory alone.
const READ_DIRECTORY: [&str; 5] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.INFO.SIMPANG_other",
    "$JS.API.CONSUMER.CREATE.SIMPANG_directory",
    "$JS.API.CONSUMER.MSG.NEXT.SIMPANG_directory.c1",
];

const BACKUP: [&str; 8] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.INFO.SIMPANG_other",
    "$JS.API.STREAM.SNAPSHOT.SIMPANG_other",
    "$JS.API.STREAM.RESTORE.SIMPANG_other",
    "$JS.SNAPSHOT.ACK.SIMPANG_other.x1",
    "$JS.SNAPSHOT.RESTORE.SIMPANG_other.x1",
];

/// What a user may publish beyond `reads`.
struct User {
    name: &'static str,
    reads: &'static [&'static str],
    writes: &'static [&'static str],
}

const USERS: [User; 9] = [
    User {
        name: "ingest",
        reads: &READ_DIRECTORY,
        writes: &["simpang.other.in.ingest", "simpang-raw.ab12.0", "simpang.directory.cursor"],
    },
    User { name: "router", reads: &READ, writes: &["simpang.other.commit", "simpang.other.in.router"] },
    User { name: "project", reads: &READ, writes: &[] },
    User { name: "deliver", reads: &READ, writes: &["simpang.other.in.deliver"] },
    User {
        name: "gateway",
        reads: &READ,
        writes: &[
            "simpang.other.in.gateway",
            "simpang.directory.change",
            "$JS.API.STREAM.CREATE.SIMPANG_other",
        ],
    },
    User { name: "audit", reads: &READ, writes: &[] },
    User { name: "reread", reads: &READ, writes: &["simpang.other.in.ingest", "simpang-raw.ab12.0"] },
    User { name: "archive", reads: &READ, writes: &["$JS.API.STREAM.PURGE.SIMPANG_other"] },
    User { name: "backup", reads: &BACKUP, writes: &[] },
];

/// What nobody may publish: it would take records away, change what is kept, answer in the broker's place or act for
/// the cluster.
const NOBODYS: [&str; 21] = [
    "$JS.API.STREAM.DELETE.SIMPANG_other",
    "$JS.API.STREAM.UPDATE.SIMPANG_other",
    "$JS.API.STREAM.MSG.DELETE.SIMPANG_other",
    "$JS.API.STREAM.LEADER.STEPDOWN.SIMPANG_other",
    "$JS.API.STREAM.PEER.REMOVE.SIMPANG_other",
    "$JS.API.CONSUMER.DELETE.SIMPANG_other.c1",
    "$JS.API.CONSUMER.DURABLE.CREATE.SIMPANG_other.c1",
    "$JS.API.CONSUMER.PAUSE.SIMPANG_other.c1",
    "$JS.API.META.LEADER.STEPDOWN",
    "$JS.API.SERVER.REMOVE",
    "$JS.API.ACCOUNT.PURGE.SIMPANG",
    "$JS.ACK.SIMPANG_other.c1.1.1.1.1.0",
    "$SYS.REQ.SERVER.PING",
    "_INBOX.abc.1",
    "simpang",
    "simpang.other",
    "simpang.other.in",
    "simpang.other.in.other",
    "simpang.other.in.ingest.x",
    "simpang.other.commit.x",
    "simpang-raw.ab12",
];

fn all_subjects() -> Vec<&'static str> {
    let of_users = USERS.iter().flat_map(|user| user.reads.iter().chain(user.writes));
    let mut all: Vec<&str> = of_users.chain(&NOBODYS).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[tokio::test]
async fn each_user_publishes_its_own_subjects_and_no_others() {
    let secrets = Secrets::make(&[]);
    let broker = Broker::single(&secrets).await;
    let mut wrong = Vec::new();
    for user in &USERS {
        let mut client = broker.client(user.name, &secrets).await;
        for subject in all_subjects() {
            // Whoever reads every stream reads the directory too.
            let any = subject.replace("SIMPANG_directory", "SIMPANG_other");
            let reads = user.reads.contains(&subject) || user.reads.contains(&any.as_str());
            let expected = reads || user.writes.contains(&subject);
            let answer = client.publish(subject, b"").await;
            let refused =
                answer.as_ref().is_err_and(|text| text.contains("Permissions Violation for Publish"));
            if answer.is_ok() != expected || answer.is_err() != refused {
                wrong.push(format!("{} on {subject}: {answer:?}", user.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn each_subject_that_is_written_has_one_writer() {
    // `reread`, which no service is, brings again what came by the doors.
    let services = || USERS.iter().filter(|user| user.name != "reread");
    let writers = |subject: &str| services().filter(|user| user.writes.contains(&subject)).count();
    let written: Vec<&str> = USERS.iter().flat_map(|user| user.writes).copied().collect();
    for subject in written {
        assert_eq!(writers(subject), 1, "{subject}");
    }
}

#[tokio::test]
async fn users_hear_answers_only() {
    let secrets = Secrets::make(&[]);
    let broker = Broker::single(&secrets).await;
    for user in &USERS {
        let mut client = broker.client(user.name, &secrets).await;
        client.subscribe("_INBOX.abc.>").await.unwrap();
        for subject in
            [">", "simpang.>", "simpang.tenesa.commit", "simpang-raw.>", "$JS.API.>", "$JS.EVENT.>", "$SYS.>"]
        {
            let answer = client.subscribe(subject).await;
            assert!(answer.is_err(), "{} may listen on {subject}", user.name);
        }
    }
}

#[tokio::test]
async fn nobody_enters_without_the_right_password() {
    let secrets = Secrets::make(&[]);
    let broker = Broker::single(&secrets).await;
    for (user, password) in [("router", "wrong"), ("", ""), ("nobody", secrets.password("router"))] {
        let answer = Client::connect(broker.port, user, password).await;
        assert!(answer.is_err_and(|text| text.contains("Authorization Violation")), "{user} came in");
    }
}
