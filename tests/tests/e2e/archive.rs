//! Closed periods are archived, verified and pruned under a whole installation, as docs/archive.md says, command by
//! command: nothing is pruned by a damaged archive, and afterwards everything reads, judges and shows as before.

use std::path::{Path, PathBuf};

use simpang_log::{DeskName, LogStore};
use simpang_log_nats::{NatsOptions, NatsStore};
use simpang_tests::{Layout, Letter, Policy, Role, Setup, Stand, eventually};

/// Later than everything: what was decided so far counts as closed.
const LATER: &str = "2199-01-01T00:00:00+07:00";

fn letter(number: u32) -> Letter {
    Letter {
        from: "it@sinarmaju.example".into(),
        subject: format!("Keluhan {number}"),
        id: format!("archive-{number}@sinarmaju.example"),
        answers: String::new(),
        text: format!("Internet mati, laporan {number}."),
    }
}

async fn send(stand: &Stand, numbers: std::ops::Range<u32>) {
    for number in numbers {
        assert!(letter(number).send(stand.smtp(), stand.sent()).await, "letter {number}");
    }
}

/// What `simpang` says that fails.
async fn refused(stand: &Stand, args: &[&str]) -> String {
    let output = stand.simpang(args).await;
    assert!(!output.status.success(), "simpang {args:?} succeeds");
    let (printed, errors) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(printed), String::from_utf8_lossy(errors))
}

async fn first_seq(stand: &Stand) -> u64 {
    let store = NatsStore::connect(&stand.nats_url(), NatsOptions::default()).await.unwrap();
    store.open(&DeskName::new("tenesa").unwrap()).await.unwrap().first_seq().await.unwrap()
}

/// Waits until everything is judged and sent, and holds.
async fn quiet(stand: &Stand) {
    eventually("the desks to hold", async || {
        stand.simpang(&["verify", "--quiescent"]).await.status.success().then_some(())
    })
    .await;
}

/// What a quiet desk's log tells of its first case, and the case as the view shows it.
async fn told(stand: &Stand) -> (String, serde_json::Value) {
    let replay = stand.must(&["replay", "tenesa", "--case", "1", "--content"]).await;
    let lines = replay.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    let explained = stand.must(&["explain", "tenesa", "1", "--json"]).await;
    let mut explained: serde_json::Value = serde_json::from_str(&explained).unwrap();
    (lines, explained["steps"].take())
}

fn segment(archive: &Path) -> PathBuf {
    let files = std::fs::read_dir(archive.join("tenesa")).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.to_string_lossy().ends_with(".records.gz")).unwrap()
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_archived_and_verified_leaves_the_live_log_and_everything_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let setting = format!("\n[log]\narchive = {:?}\n", dir.path().display().to_string());
    let setup = Setup { settings: setting.clone(), layout: Layout::Apart, ..Setup::apart() };
    let at_once =
        |policy: &Policy| policy.change("shared/retention.toml", "live = \"396d\"", "live = \"0d\"");
    let mut stand = Stand::start_with(setup, at_once).await;
    send(&stand, 0..8).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    let case = rina.pull_one().await.case;
    rina.reply(case, 1, "Sudah pulih.", true).await.unwrap();
    rina.client.case_when("tenesa", 8, "is in the view", |case| case.summary.is_some()).await;

    let taken = stand.must(&["archive", "take", "tenesa", "--before", LATER]).await;
    assert!(taken.contains("archived up to sequence"), "{taken}");
    send(&stand, 8..10).await;
    rina.client.case_when("tenesa", 10, "is in the view", |case| case.summary.is_some()).await;
    quiet(&stand).await;
    let cases = stand.must(&["show", "cases", "tenesa", "--all", "--json"]).await;
    stand.stop_all().await;
    let before = told(&stand).await;

    let segment = segment(dir.path());
    flip(&segment);
    let said = refused(&stand, &["archive", "verify", "tenesa"]).await;
    assert!(said.contains("DOES NOT HOLD") && said.contains("its manifest says"), "{said}");
    let said = refused(&stand, &["archive", "prune", "tenesa", "--before", LATER]).await;
    assert!(said.contains("its manifest says"), "{said}");
    assert_eq!(first_seq(&stand).await, 1, "nothing is pruned");
    flip(&segment);
    let said = stand.must(&["archive", "verify"]).await;
    assert!(said.contains("desk tenesa: holds") && said.contains("goes on where the archive ends"), "{said}");
    let said = stand.must(&["archive", "prune", "tenesa"]).await;
    assert!(said.contains("begins at") && !said.contains(" 0 raw objects"), "{said}");
    let first = first_seq(&stand).await;
    assert!(first > 20, "{first}");
    let said = refused(&stand, &["archive", "prune", "tenesa", "--before", LATER]).await;
    assert!(said.contains("nothing was pruned"), "{said}");

    with_its_archive_the_log_is_whole(&stand, &before).await;
    without_it_readers_say_so(&stand, &setting, first).await;
    everything_goes_on(&mut stand, &cases).await;
    let said = stand.must(&["archive", "take", "--before", LATER]).await;
    assert!(said.contains("desk telkomcare") && said.contains("desk tenesa"), "{said}");
    let said = stand.must(&["archive", "list"]).await;
    assert!(said.contains("tenesa") && said.contains("Manager Operation"), "{said}");
}

async fn with_its_archive_the_log_is_whole(stand: &Stand, before: &(String, serde_json::Value)) {
    assert_eq!(told(stand).await, *before, "the case is told as before");
    assert!(stand.must(&["verify", "tenesa"]).await.contains("holds"));
    let output = stand.simpang(&["doctor"]).await;
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().find(|line| line.contains("desk tenesa: beginning")).unwrap_or_default();
    assert!(line.starts_with("ok") && line.contains("goes on there"), "{said}");
    let backup = stand.dir().join("backup").display().to_string();
    assert!(stand.must(&["backup", "take", &backup]).await.contains("SIMPANG_tenesa: taken"));
}

async fn without_it_readers_say_so(stand: &Stand, setting: &str, first: u64) {
    let path = stand.dir().join("simpang.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, settings.replace(setting, "")).unwrap();
    for args in [["verify", "tenesa"], ["doctor", "--json"]] {
        let said = refused(stand, &args).await;
        assert!(
            said.contains(&format!("begins at sequence {first}")) && said.contains("log.archive"),
            "{said}"
        );
    }
    std::fs::write(&path, settings).unwrap();
}

/// Every role begins anew with nothing of its own: views and snapshots are gone.
async fn everything_goes_on(stand: &mut Stand, cases: &str) {
    for kept in ["views", "snapshots"] {
        let _ = std::fs::remove_dir_all(stand.dir().join("data").join(kept));
    }
    stand.run_all();
    stand.until_ready().await;
    eventually("the views to be as before", async || {
        let shown = stand.must(&["show", "cases", "tenesa", "--all", "--json"]).await;
        (shown == cases).then_some(())
    })
    .await;
    send(stand, 10..11).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    let case = rina.pull_one().await.case;
    rina.reply(case, 1, "Kami cek.", true).await.unwrap();
    stand.stop(Role::Router).await;
    stand.run_all();
    quiet(stand).await;
}
