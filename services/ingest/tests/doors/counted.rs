//! What every door counts: accepted, repeated, refused by reason, and what has to come again.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use simpang_ingest::{ImapTls, XWay};
use simpang_log::MemoryStore;
use simpang_proto::ingest::v1 as api;
use tokio::runtime::Builder;

use crate::harness::{Doors, eventually, with_token};
use crate::imap::{Dovecot, subjects};
use crate::push::{self, Stream};
use crate::x_api::{Fault, XApi, id};
use crate::{attachments, contacts, json, pull, smtp, webhooks};

/// Runs doors whose counters nothing else touches; what was counted.
fn counted(doors: impl AsyncFnOnce(Doors)) -> PrometheusHandle {
    counted_in(async || doors(Doors::open().await).await)
}

/// The same for doors that are opened there.
fn counted_in(work: impl AsyncFnOnce()) -> PrometheusHandle {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // On one thread, so that every task of the doors counts here.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(work());
    });
    handle
}

/// How much a counter says, of all that have these labels.
fn count(handle: &PrometheusHandle, name: &str, labels: &[&str]) -> u64 {
    let text = handle.render();
    let lines = text.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    let ours = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
    ours.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

const ACCEPTED: &str = "simpang_ingest_accepted_inputs_total";
const REPEATED: &str = "simpang_ingest_repeated_inputs_total";
const REFUSED: &str = "simpang_ingest_refused_inputs_total";
const DEFERRED: &str = "simpang_ingest_deferred_inputs_total";

const MAIL: &str =
    "From: budi@example.id\r\nTo: care@tenesa.example\r\nMessage-ID: <c@example.id>\r\n\r\nHalo.\r\n";

#[test]
fn mail_is_counted_accepted_repeated_and_refused_by_reason() {
    let handle = counted(async |doors| {
        smtp::send(&doors, "care@tenesa.example", MAIL).await;
        smtp::send(&doors, "care@tenesa.example", MAIL).await;
        assert_eq!(smtp::send_to_nobody(&doors).await, "550");
    });
    assert_eq!(count(&handle, ACCEPTED, &["door=\"smtp\""]), 2);
    assert_eq!(count(&handle, REPEATED, &["door=\"smtp\""]), 1);
    assert_eq!(count(&handle, REFUSED, &["door=\"smtp\"", "reason=\"unknown_account\""]), 1);
}

#[test]
fn mail_that_has_to_come_again_is_counted_by_reason() {
    let handle = counted_in(async || {
        let store = MemoryStore::new();
        let doors =
            Doors::open_on(store.clone(), std::sync::Arc::new(store), |smtp| smtp.limits.recipients = 1)
                .await;
        let two = ["care@tenesa.example", "telkomcare@telkom.example"];
        assert_eq!(smtp::answers_to_recipients(&doors, &two).await, ["250", "452"]);
        smtp::break_off(&doors, two[0]).await;
        doors.desk("tenesa").set_reachable(false);
        smtp::send_in_vain(&doors, two[0], MAIL).await;
        doors.ingest.stop().await;
    });
    for reason in ["recipients", "slow", "log"] {
        let labels = ["door=\"smtp\"".to_owned(), format!("reason=\"{reason}\"")];
        assert_eq!(count(&handle, DEFERRED, &[&labels[0], &labels[1]]), 1, "{reason}");
    }
}

#[test]
fn webhooks_are_counted_accepted_repeated_and_refused_by_reason() {
    let handle = counted(async |doors| {
        for _ in 0..2 {
            doors.call(webhooks::to_x(webhooks::MENTION)).await;
            doors.call(webhooks::to_facebook(webhooks::BATCH)).await;
        }
        doors.call(webhooks::to_x("no json")).await;
        doors.call(webhooks::to_x(&webhooks::MENTION.replace("1114", "555"))).await;
        let forged = webhooks::post("/webhooks/x", "x-twitter-webhooks-signature", "sha256=AAAA", "{}");
        doors.call(forged).await;
        doors.desk("telkomcare").set_reachable(false);
        doors.call(webhooks::to_x(&webhooks::MENTION.replace("9001", "9002"))).await;
    });
    for door in ["door=\"x\"", "door=\"facebook\""] {
        assert_eq!(count(&handle, ACCEPTED, &[door]), 2, "{door}");
        assert_eq!(count(&handle, REPEATED, &[door]), 1, "{door}");
    }
    let refused =
        |door: &str, reason: &str| count(&handle, REFUSED, &[door, &format!("reason=\"{reason}\"")]);
    assert_eq!(refused("door=\"x\"", "invalid"), 1);
    assert_eq!(refused("door=\"x\"", "signature"), 1);
    assert_eq!(refused("door=\"x\"", "unknown_account"), 1);
    assert!(refused("door=\"facebook\"", "poison") >= 2, "in each of the two batches");
    assert_eq!(refused("door=\"facebook\"", "unknown_account"), 2);
    assert_eq!(count(&handle, DEFERRED, &["door=\"x\"", "reason=\"log\""]), 1);
}

#[test]
fn pushed_messages_and_files_are_counted_accepted_repeated_and_refused_by_reason() {
    let handle = counted(async |doors| {
        let mut client = doors.client().await;
        for id in ["1", "1", ""] {
            let _ = client.push(with_token(push::push(push::message(id)), "gateway")).await;
        }
        let mut stream = Stream::open(&doors, "gateway").await;
        let strange = api::Message { account: "signal".into(), ..push::message("2") };
        let messages = vec![push::message("3"), strange];
        stream.frames.send(api::PushStreamRequest { frame: 1, messages }).await.unwrap();
        stream.acknowledged().await;
        doors.call(json::post("gateway", json::MESSAGE)).await;
        doors.call(json::post("tenesa-only", json::MESSAGE)).await;
        attachments::upload(&doors, "gateway", b"file").await.unwrap();
        attachments::upload(&doors, "gateway", b"").await.unwrap_err();
    });
    for (door, accepted, reason) in [
        ("push", 2, "invalid"),
        ("stream", 1, "unknown_account"),
        ("http", 1, "forbidden"),
        ("attachment", 1, "invalid"),
    ] {
        let door = format!("door=\"{door}\"");
        assert_eq!(count(&handle, ACCEPTED, &[&door]), accepted, "{door}");
        assert_eq!(count(&handle, REFUSED, &[&door, &format!("reason=\"{reason}\"")]), 1, "{door} {reason}");
    }
    assert_eq!(count(&handle, REPEATED, &["door=\"push\""]), 1);
}

#[test]
fn call_lists_are_counted_by_row_accepted_repeated_and_refused_by_reason() {
    let handle = counted(async |doors| {
        for _ in 0..2 {
            let (begin, list) = (contacts::begin("tenesa", "callback"), contacts::csv(contacts::LIST));
            contacts::load(&doors, "gateway", begin, list).await.unwrap();
        }
    });
    let door = "door=\"contacts\"";
    assert_eq!(count(&handle, ACCEPTED, &[door]), 4, "two rows of each load");
    assert_eq!(
        count(&handle, REPEATED, &[door]),
        4,
        "those of the second, and a row of each that repeats another"
    );
    assert_eq!(count(&handle, REFUSED, &[door, "reason=\"invalid\""]), 2, "one row of each load");
}

#[test]
fn posts_that_x_is_asked_for_are_counted_and_so_is_how_it_answered() {
    let handle = counted_in(async || {
        let api = XApi::start().await;
        for n in 0..3 {
            api.write(&id(n));
        }
        api.break_next(&[Fault::Limited, Fault::Shuffled]);
        let asking = vec![pull::asking(&api, XWay::Timeline)];
        let doors = Doors::open_asking(&MemoryStore::new(), asking).await;
        pull::has(&doors, 3).await;
        pull::has_asked(&api, api.asked().len() + 2).await;
        doors.ingest.stop().await;
    });
    let (accepted, repeated) = (
        count(&handle, ACCEPTED, &["door=\"x_timeline\""]),
        count(&handle, REPEATED, &["door=\"x_timeline\""]),
    );
    assert_eq!(accepted - repeated, 3, "{accepted} were brought, {repeated} of them again");
    assert!(count(&handle, "simpang_ingest_source_answers_total", &["answer=\"limited\""]) >= 1);
    let given =
        |which: &str| count(&handle, &format!("simpang_ingest_source_{which}_total"), &["x_timeline"]);
    assert!(given("given") >= 3 && given("given_again") > 0, "the margin before the cursor comes again");
    assert_eq!(given("given"), accepted + given("given_again"), "nothing is lost on the way, or it shows");
}

#[test]
fn mails_of_a_mailbox_are_counted() {
    let handle = counted_in(async || {
        let (dovecot, store) = (Dovecot::start().await, MemoryStore::new());
        dovecot.deliver("INBOX", 1);
        let doors = Doors::open_reading(&store, vec![dovecot.mailbox(ImapTls::None)]).await;
        eventually("the mail", || subjects(&doors).len() == 1).await;
        doors.ingest.stop().await;
    });
    assert_eq!(count(&handle, ACCEPTED, &["door=\"imap\""]), 1);
    assert_eq!(count(&handle, REPEATED, &["door=\"imap\""]), 0);
}
