//! Calls: a list by CSV, contacts pulled and dispositioned, one that comes back at its time.

use std::time::{SystemTime, UNIX_EPOCH};

use simpang_proto::ingest::v1::RowOutcome;
use simpang_proto::view::v1::{Campaign, CampaignProgressRequest, Case, CaseState, CloseReason};
use simpang_tests::{CallList, Layout, Role, Stand, eventually};
use tonic::Code;

const LIST: &str = "\
nama,no hp,nomor tiket,kriteria,keterangan
Suwarni,0812-3456-7890,IN100,special-request,minta dihubungi
Bukan Nomor,12,IN101,special-request,salah tulis
Hartono,0813-1111-2222,IN102,vvip,pelanggan VVIP
Suwarni lagi,0812 3456 7890,IN103,special-request,baris ganda
";
/// What the form asks for on every attempt.
const FORM: [(&str, &str); 3] =
    [("nomor jastel", "122243215678"), ("nomor tiket", "IN102"), ("Keterangan", "sudah dijelaskan")];

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn state(case: &Case) -> CaseState {
    case.summary.as_ref().unwrap().state()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_list_is_worked_to_its_end() {
    let mut stand = Stand::up().await;
    let list = CallList { campaign: "callback".into(), csv: LIST.into() };
    let loaded = list.load(&stand.client("admin"), stand.sent()).await.unwrap();
    let told: Vec<(u64, RowOutcome)> = loaded.rows.iter().map(|row| (row.line, row.outcome())).collect();
    let expected = [
        (2, RowOutcome::Accepted),
        (3, RowOutcome::Invalid),
        (4, RowOutcome::Accepted),
        (5, RowOutcome::Duplicate),
    ];
    assert_eq!(told, expected, "{loaded:?}");
    assert!(!loaded.rows[1].reason.is_empty(), "a bad row says why");
    let totals = &loaded.totals;
    assert_eq!((totals.rows, totals.accepted, totals.invalid, totals.duplicate), (4, 2, 1, 1));

    let sari = stand.signed_in("sari", "tier2-outbound").await;
    let vvip = sari.pull_one().await;
    let summary = vvip.summary.unwrap();
    assert_eq!((summary.priority.as_str(), summary.queue.as_str()), ("vvip", "callback"), "VVIP first (A7)");
    let seen = sari.client.case_when("tier2-outbound", vvip.case, "a contact", |c| c.contact.is_some());
    let contact = seen.await.contact.expect("somebody to call");
    assert_eq!(
        (contact.name.as_str(), contact.phones.as_slice()),
        ("Hartono", &["+6281311112222".to_owned()][..])
    );

    // The form has to be complete (H8).
    for (path, fields, missing) in [
        (&["Contacted"][..], &FORM[..], "Reason Call atau Solusi"),
        (&["RNA"][..], &FORM[..2], "Keterangan"),
        (&["Busy"][..], &FORM[..], "choose"),
        (&[][..], &FORM[..], "path"),
    ] {
        let refused = sari.dispose(vvip.case, path, fields, 0).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{path:?}: {refused}");
        assert!(refused.message().contains(missing), "{path:?}: {}", refused.message());
    }
    let complete: Vec<(&str, &str)> =
        FORM.into_iter().chain([("Reason Call atau Solusi", "paket")]).collect();
    let closed = sari.dispose(vvip.case, &["Contacted"], &complete, 0).await.unwrap();
    let case = sari.client.case("tier2-outbound", vvip.case, closed.position).await.unwrap();
    assert_eq!((state(&case), case.close_reason()), (CaseState::Closed, CloseReason::Disposition));

    // The other one asks to be called again, and comes back at that time.
    let other = sari.pull_one().await.case;
    let early = sari.dispose(other, &["Reschedule"], &FORM, now_ms() - 1_000).await.unwrap_err();
    assert!(early.message().contains("later time"), "{}", early.message());
    let again_at = now_ms() + 1_500;
    let put_away = sari.dispose(other, &["Reschedule"], &FORM, again_at).await.unwrap();
    let case = sari.client.case("tier2-outbound", other, put_away.position).await.unwrap();
    let scheduled = case.summary.as_ref().unwrap().scheduled_ms;
    assert_eq!((state(&case), scheduled), (CaseState::Scheduled, again_at));
    assert!(sari.pull(1).await.unwrap().assignments.is_empty(), "nobody is called before their time");
    let back = sari.pull_one().await;
    assert!(now_ms() >= again_at);
    assert_eq!(back.case, other);
    let closed = sari.dispose(other, &["Not valid"], &FORM, 0).await.unwrap();
    let case = sari.client.case("tier2-outbound", other, closed.position).await.unwrap();
    assert_eq!((state(&case), case.dispositions.len()), (CaseState::Closed, 2));

    // The same list again changes nothing; the command line says the same of its rows.
    let file = stand.dir().join("list.csv");
    std::fs::write(&file, LIST).unwrap();
    let file = file.display().to_string();
    let printed = stand.must(&["campaign", "load", "tier2-outbound", "callback", &file]).await;
    let bad = printed.lines().find(|line| line.contains("invalid")).unwrap_or_default();
    assert!(bad.starts_with("line") && bad.contains(" 3 "), "the bad row is named by its line:\n{printed}");
    let finished = stand.finish().await;
    let verdict = finished.verdicts.iter().find(|v| v["desk"] == "tier2-outbound").unwrap();
    assert_eq!(verdict["checker"]["counts"]["cases"], 2, "{verdict:#}");
}

/// Rows of the long list: every thousandth has no number, every five-hundredth repeats the row before.
const ROWS: u32 = 20_000;

fn long_list() -> String {
    let mut csv = "nama,no hp,nomor tiket,kriteria,keterangan\n".to_owned();
    for row in 1..=ROWS {
        let number = match row {
            _ if row % 1_000 == 0 => "tidak ada".to_owned(),
            _ if row % 500 == 1 && row > 1 => format!("0812{:08}", row - 2),
            _ => format!("0812{row:08}"),
        };
        csv.push_str(&format!("Pelanggan {row},{number},IN{row},special-request,minta dihubungi\n"));
    }
    csv
}

async fn progress(stand: &Stand) -> Option<Campaign> {
    let (desk, campaign) = ("tier2-outbound".to_owned(), "callback".to_owned());
    let request = CampaignProgressRequest { desk, campaign, at_least: 0 };
    let answer = stand.client("admin").view().campaign_progress(request).await.ok()?.into_inner();
    answer.campaigns.into_iter().next()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_that_broke_off_is_loaded_again_with_a_verdict_for_every_row_and_nobody_twice() {
    let mut stand = Stand::start(Layout::Apart, |_| {}).await;
    let csv = long_list();
    let (client, sent) = (stand.client("admin"), stand.sent().clone());
    let list = CallList { campaign: "callback".into(), csv: csv.clone() };
    let loading = tokio::spawn(async move { list.load(&client, &sent).await });
    eventually("part of the list to be loaded", async || {
        progress(&stand).await.filter(|campaign| campaign.contacts > 1_000).map(drop)
    })
    .await;
    stand.kill(Role::Ingest);
    assert!(loading.await.unwrap().is_err(), "whoever loads is told that it broke off");

    stand.run_all();
    stand.until_ready().await;
    stand.until_open().await;
    let (file, verdicts) = (stand.dir().join("list.csv"), stand.dir().join("verdicts.csv"));
    std::fs::write(&file, csv).unwrap();
    let (file, told) = (file.display().to_string(), verdicts.display().to_string());
    let load = ["campaign", "load", "tier2-outbound", "callback", &file, "--verdicts", &told];
    let printed = stand.must(&load).await;
    let (bad, twice) = (ROWS / 1_000, ROWS / 500 - 1);
    let good = ROWS - bad - twice;
    let sums = format!(
        "{ROWS} rows, {good} loaded, {twice} repeats within the list, 0 not to be called, {bad} not usable"
    );
    assert!(printed.contains(&sums), "{sums} is not in\n{printed}");

    let verdicts = std::fs::read_to_string(verdicts).unwrap();
    let rows: Vec<&str> = verdicts.lines().skip(1).collect();
    let lines = rows.iter().map(|row| row.split(',').next().unwrap().parse::<u32>().unwrap());
    assert!(lines.eq(2..=ROWS + 1), "a verdict for every row, in order");
    let count = |outcome: &str| rows.iter().filter(|row| row.split(',').nth(1) == Some(outcome)).count();
    let counts = ["accepted", "invalid", "duplicate"].map(count);
    assert_eq!(counts, [good, bad, twice].map(|count| usize::try_from(count).unwrap()));

    let whole = eventually("the whole list to be there", async || {
        progress(&stand).await.filter(|campaign| campaign.contacts >= good)
    })
    .await;
    assert_eq!(whole.contacts, good, "nobody is there twice");
    let finished = stand.finish().await;
    let verdict = finished.verdicts.iter().find(|v| v["desk"] == "tier2-outbound").unwrap();
    assert_eq!(verdict["checker"]["counts"]["cases"], good, "{verdict:#}");
}
