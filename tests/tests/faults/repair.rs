//! A damaged block under a whole installation: everything that reads the desk stops and says why, its doors refuse,
//! the other desks go on; and what docs/repair.md says, command by command, brings the desk back.

use simpang_tests::{Http, Layout, Mention, Role, Stand, eventually};

use crate::away::{doctor, letter};
use crate::desk::STREAM;

/// The answer of a role's health page once it says what is wrong with the desk; one that just started may say first
/// that it waits for the broker.
async fn trouble(stand: &Stand, role: Role) -> String {
    eventually("the role to say what is wrong", async || {
        let answer = Http(stand.health(role)).get("/healthz").await.ok()?;
        (answer.status == 503 && answer.body.contains("desk tenesa")).then_some(answer.body)
    })
    .await
}

async fn send(stand: &Stand, numbers: std::ops::Range<u32>) {
    for number in numbers {
        assert!(letter(number, "Internet mati.").send(stand.smtp(), stand.sent()).await, "letter {number}");
    }
}

/// Kills the broker as a crash does, flips a bit in what it stored, and starts it again.
async fn flip(stand: &mut Stand) {
    let broker = stand.brokers().server(0);
    broker.kill();
    let block = broker.blocks(STREAM).pop().unwrap();
    let mut bytes = std::fs::read(&block).unwrap();
    let middle = bytes.len() * 3 / 4;
    bytes[middle] ^= 1;
    std::fs::write(block, bytes).unwrap();
    broker.run().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_stops_at_a_damaged_store_and_the_documented_repair_brings_the_desk_back() {
    let mut stand = Stand::start(Layout::Apart, |_| {}).await;
    send(&stand, 0..30).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    let case = rina.pull_one().await.case;
    rina.reply(case, 1, "Kami cek dulu.", true).await.unwrap();
    let backup = stand.dir().join("backup").display().to_string();
    let said = stand.must(&["backup", "take", &backup]).await;
    assert!(said.contains("SIMPANG_tenesa: taken") && said.contains("SIMPANG_directory: taken"), "{said}");
    // What comes after the backup is what a repair from it can't bring back.
    send(&stand, 30..33).await;
    rina.client.case_when("tenesa", 33, "is in the view", |case| case.summary.is_some()).await;

    flip(&mut stand).await;
    for role in [Role::Router, Role::Project] {
        let said = trouble(&stand, role).await;
        assert!(said.contains("desk tenesa") && said.contains("tail"), "{}: {said}", role.name());
    }
    let refused = eventually("the door to find out", async || {
        let was_taken =
            letter(40, "Internet mati.").send(stand.smtp(), &simpang_tests::Sent::nowhere()).await;
        (!was_taken).then_some(())
    });
    refused.await;
    let mention = Mention {
        id: "610001".into(),
        author: "8001".into(),
        handle: "warga".into(),
        text: "internet mati".into(),
        answers: String::new(),
    };
    assert!(mention.send(stand.http(), stand.sent()).await, "the other desks go on");
    let said = doctor(&stand).await;
    assert!(said.contains("desk tenesa: tail") && said.contains("\"A lost tail\""), "{said}");

    // Started again, nobody remembers but the files that each keeps.
    stand.kill_all();
    stand.run_all();
    let said = trouble(&stand, Role::Router).await;
    assert!(said.contains("desk tenesa") && said.contains("was seen at sequence"), "{said}");
    let verified = stand.simpang(&["verify", "tenesa"]).await;
    assert!(!verified.status.success(), "verify holds what lost its tail for whole");

    repair(&mut stand, &backup).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    assert!(letter(50, "Internet mati lagi.").send(stand.smtp(), &simpang_tests::Sent::nowhere()).await);
    let case = rina.pull_one().await.case;
    rina.reply(case, 1, "Sudah pulih.", true).await.unwrap();
    eventually("the desk to hold", async || {
        stand.simpang(&["verify", "tenesa", "--quiescent"]).await.status.success().then_some(())
    })
    .await;
}

/// What docs/repair.md says under "A damaged store" and "A lost tail".
async fn repair(stand: &mut Stand, backup: &str) {
    stand.kill_all();
    let broker = stand.brokers().server(0);
    broker.stop().await;
    let streams = broker.store().join("jetstream/$G/streams");
    let aside = stand.dir().join("damaged");
    std::fs::rename(streams.join(STREAM), &aside).unwrap();
    stand.brokers().server(0).run().await;
    let over = stand.simpang(&["backup", "restore", backup]).await;
    assert!(!over.status.success(), "streams that are there were overwritten");
    let said = stand.must(&["backup", "restore", backup, "--stream", STREAM]).await;
    assert!(said.contains("SIMPANG_tenesa: restored"), "{said}");

    // Three letters came after the backup: the loss has to be accepted by hand.
    let refused = stand.simpang(&["verify", "tenesa"]).await;
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && errors.contains("tail is lost"), "{errors}");
    for kept in ["marks", "views", "snapshots"] {
        let folder = stand.dir().join("data").join(kept);
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            let is_of_desk =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tenesa"));
            if is_of_desk && path.is_dir() {
                std::fs::remove_dir_all(path).unwrap();
            } else if is_of_desk {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
    let said = stand.must(&["verify", "tenesa"]).await;
    assert!(said.contains("holds"), "{said}");
    stand.run_all();
    stand.until_ready().await;
    stand.until_open().await;
}
