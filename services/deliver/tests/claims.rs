//! Who sends, and when: only the one that the log names, only once, and never what may have been sent already.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::smtp::{Mood, Sink};
use common::{Desk, mail_case, now_ms, options, start, started, until};
use simpang_deliver::Deliver;
use simpang_log::snapshot::{Folder, Memory, Snapshots};
use simpang_log::{DeskLog as _, Door, MemoryStore};
use simpang_proto::log::v1::{self, DeliveryOutcome, ReplyKind, input::Body as Input};

#[tokio::test]
async fn it_sends_only_after_the_log_has_chosen_it() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let delivery = case.reply(&desk, to, ReplyKind::Normal, "Kami cek dulu, Pak.").await;
    let deliver = start(&desk, sink.channels()).await;

    let claims = desk.claimed(1).await;
    assert_eq!(claims, [(delivery, deliver.name().to_owned())]);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(sink.mails().is_empty(), "it sent before it was chosen");

    desk.commit(vec![started(delivery, 1, deliver.name(), now_ms())]).await;
    let report = desk.reported(1).await.remove(0);
    assert_eq!((report.delivery, report.attempt), (Some(delivery), 1));
    assert_eq!(report.outcome(), DeliveryOutcome::Delivered);
    assert_eq!(sink.mails().len(), 1);
    assert_eq!(desk.claims().len(), 1);
    deliver.stop().await;
}

#[tokio::test]
async fn it_does_not_send_when_another_is_chosen() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let delivery = case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    let deliver = start(&desk, sink.channels()).await;
    desk.claimed(1).await;
    desk.commit(vec![started(delivery, 1, "deliver@other/1+x", now_ms())]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(sink.mails().is_empty());
    assert!(desk.reports().is_empty(), "the other one's lease is not over");
    deliver.stop().await;
}

#[tokio::test]
async fn of_two_deliverers_each_reply_is_sent_by_one() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    desk.judge();
    let one = Deliver::start(options(&desk, "deliver@a/1", sink.channels())).await.unwrap();
    let two = Deliver::start(options(&desk, "deliver@b/1", sink.channels())).await.unwrap();
    let mut expected = Vec::new();
    for number in 1..=30 {
        let case = common::Case { number, ..mail_case() };
        let to = case.arrive(&desk).await;
        let text = format!("jawaban {number}.");
        case.reply(&desk, to, ReplyKind::Normal, &text).await;
        expected.push(text);
    }
    until("30 mails", || (sink.mails().len() >= 30).then_some(())).await;
    desk.reported(30).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut bodies: Vec<String> = sink
        .mails()
        .iter()
        .map(|mail| simpang_channels::email::parse(&mail.bytes, &Default::default()).content.text)
        .collect();
    bodies.sort();
    expected.sort();
    assert_eq!(bodies, expected, "each once");
    assert_eq!(desk.reports().len(), 30);
    let names: std::collections::BTreeSet<_> = desk.claims().into_iter().map(|(_, name)| name).collect();
    assert_eq!(names.len(), 2, "both took part");
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn what_a_former_self_began_is_reported_unknown_and_not_sent() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let delivery = case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    let former = start(&desk, sink.channels()).await;
    let name = former.name().to_owned();
    desk.claimed(1).await;
    // It dies between its claim and the log's answer: nobody sees the start but its next self.
    sink.set(Mood::HangsUp);
    drop(former);
    desk.commit(vec![started(delivery, 1, "deliver@test/1+0123", now_ms())]).await;

    let deliver = start(&desk, sink.channels()).await;
    assert_ne!(deliver.name(), name, "another name after each start");
    let report = desk.reported(1).await.remove(0);
    assert_eq!((report.outcome(), report.attempt), (DeliveryOutcome::Unknown, 1));
    assert!(!report.detail.is_empty());
    assert!(sink.mails().is_empty());
    deliver.stop().await;
}

#[tokio::test]
async fn what_a_former_self_reported_is_not_reported_again_before_it_is_judged() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let delivery = case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    // Another reply, so that it is seen when the deliverer has read the log and acts.
    let other = common::Case { number: 2, ..mail_case() };
    let to = other.arrive(&desk).await;
    other.reply(&desk, to, ReplyKind::Normal, "Halo juga").await;
    desk.commit(vec![started(delivery, 1, "deliver@test/1+0123", now_ms())]).await;
    let outcome = DeliveryOutcome::Delivered.into();
    let report = v1::DeliveryReport { delivery: Some(delivery), attempt: 1, outcome, ..Default::default() };
    desk.bring(Door::Deliver, Input::Report(report)).await;

    let mut options = options(&desk, "deliver@test/1", sink.channels());
    options.timing.stop_grace = Duration::from_millis(200);
    let deliver = Deliver::start(options).await.unwrap();
    desk.claimed(1).await;
    deliver.stop().await;
    assert_eq!(desk.reports().len(), 1);
}

#[tokio::test]
async fn another_ones_attempt_is_unknown_when_its_lease_is_over() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let delivery = case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    let lease = Duration::from_millis(700);
    desk.commit(vec![started(delivery, 1, "deliver@gone/1+x", now_ms())]).await;
    let mut options = options(&desk, "deliver@test/1", sink.channels());
    options.timing.lease = lease;
    let begun = std::time::Instant::now();
    let deliver = Deliver::start(options).await.unwrap();
    let report = desk.reported(1).await.remove(0);
    assert!(begun.elapsed() + Duration::from_millis(50) >= lease, "too early: {:?}", begun.elapsed());
    assert_eq!(report.outcome(), DeliveryOutcome::Unknown);
    assert!(sink.mails().is_empty());
    deliver.stop().await;
}

#[tokio::test]
async fn a_retry_waits_its_time_and_is_then_sent() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Busy).await;
    desk.judge();
    let case = mail_case();
    let to = case.arrive(&desk).await;
    case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    let mut options = options(&desk, "deliver@test/1", sink.channels());
    options.timing.retry_first = Duration::from_millis(600);
    let deliver = Deliver::start(options).await.unwrap();
    let first = desk.reported(1).await.remove(0);
    assert_eq!(first.outcome(), DeliveryOutcome::Retry);
    assert_eq!(first.retry_after_ms, 600);
    assert_eq!(first.detail, "451 4.3.0 for the recipient");
    let refused = std::time::Instant::now();
    sink.set(Mood::Fine);
    let second = desk.reported(2).await.remove(1);
    assert!(refused.elapsed() >= Duration::from_millis(550), "too early: {:?}", refused.elapsed());
    assert_eq!((second.outcome(), second.attempt), (DeliveryOutcome::Delivered, 2));
    assert_eq!(sink.mails().len(), 1);
    deliver.stop().await;
}

#[tokio::test]
async fn it_gives_up_after_all_its_attempts() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Busy).await;
    desk.judge();
    let case = mail_case();
    let to = case.arrive(&desk).await;
    case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    let mut options = options(&desk, "deliver@test/1", sink.channels());
    options.timing.attempts_max = 3;
    let deliver = Deliver::start(options).await.unwrap();
    let reports = desk.reported(3).await;
    let outcomes: Vec<_> = reports.iter().map(|report| report.outcome()).collect();
    assert_eq!(outcomes, [DeliveryOutcome::Retry, DeliveryOutcome::Retry, DeliveryOutcome::Refused]);
    assert_eq!(reports[2].detail, "given up after 3 attempts: 451 4.3.0 for the recipient");
    deliver.stop().await;
}

#[tokio::test]
async fn replies_of_a_case_leave_in_the_order_in_which_they_were_written() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Busy).await;
    desk.judge();
    let case = mail_case();
    let to = case.arrive(&desk).await;
    case.reply(&desk, to, ReplyKind::Normal, "satu").await;
    case.reply(&desk, to, ReplyKind::Normal, "dua").await;
    let deliver = start(&desk, sink.channels()).await;
    desk.reported(2).await;
    let first = desk.claims()[0].0;
    assert!(desk.claims().iter().all(|(delivery, _)| *delivery == first), "the second waits for the first");
    sink.set(Mood::Fine);
    until("both", || (sink.mails().len() == 2).then_some(())).await;
    let texts: Vec<String> = sink
        .mails()
        .iter()
        .map(|mail| simpang_channels::email::parse(&mail.bytes, &Default::default()).content.text)
        .collect();
    assert_eq!(texts, ["satu", "dua"]);
    deliver.stop().await;
}

#[tokio::test]
async fn a_stop_finishes_and_reports_what_is_in_flight() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Slow).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let delivery = case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    let deliver = start(&desk, sink.channels()).await;
    desk.claimed(1).await;
    desk.commit(vec![started(delivery, 1, deliver.name(), now_ms())]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    deliver.stop().await;
    let reports = desk.reports();
    assert_eq!(reports.len(), 1, "reported before the stop ended");
    assert_eq!(reports[0].outcome(), DeliveryOutcome::Delivered);
}

#[tokio::test]
async fn a_start_that_crosses_the_stop_is_left_for_another_try() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let delivery = case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    let deliver = start(&desk, sink.channels()).await;
    desk.claimed(1).await;
    let name = deliver.name().to_owned();
    let stop = tokio::spawn(deliver.stop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    desk.commit(vec![started(delivery, 1, &name, now_ms())]).await;
    stop.await.unwrap();
    let reports = desk.reports();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].outcome(), DeliveryOutcome::Retry);
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn a_report_whose_acknowledgement_is_lost_is_written_again_under_the_same_key() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Slow).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let delivery = case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    let deliver = start(&desk, sink.channels()).await;
    desk.claimed(1).await;
    desk.commit(vec![started(delivery, 1, deliver.name(), now_ms())]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    desk.log.lose_next_ack();
    let reports = desk.reported(2).await;
    assert_eq!(reports[0], reports[1]);
    assert_eq!(sink.mails().len(), 1, "sent once");
    let keys = common::keys_of_reports(&desk);
    assert_eq!(keys[0], keys[1]);
    deliver.stop().await;
}

/// With a log that can't be read from its beginning any more, only a snapshot leads to its end.
#[tokio::test]
async fn a_restart_goes_on_from_a_snapshot_and_sends_nothing_twice() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    desk.judge();
    let memory = Memory::default();
    let keeping = |instance: &str| {
        let mut options = options(&desk, instance, sink.channels());
        let folder = Folder::in_memory(memory.clone());
        options.snapshots = Some(Snapshots { folder, every_events: 1 });
        options
    };
    let deliver = Deliver::start(keeping("deliver@a/1")).await.unwrap();
    let mut numbers = 1..;
    for number in numbers.by_ref().take(3) {
        let case = common::Case { number, ..mail_case() };
        let to = case.arrive(&desk).await;
        case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    }
    desk.reported(3).await;
    // Two that hold all of it: the newest is damaged below.
    let told = desk.log.last_seq().await.unwrap();
    let mut kept = std::collections::BTreeSet::new();
    let deadline = tokio::time::Instant::now() + common::DEADLINE;
    while kept.len() < 2 {
        assert!(tokio::time::Instant::now() < deadline, "no two snapshots");
        desk.commit(vec![v1::Event {
            body: Some(v1::event::Body::DayTurned(Default::default())),
            ..Default::default()
        }])
        .await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        // There is no more than one commit for each record.
        let holds_all = |name: &&String| name.split('.').nth(1).unwrap().parse::<u64>().unwrap() > told;
        kept.extend(memory.lock().unwrap().all.keys().filter(holds_all).cloned());
    }
    deliver.stop().await;

    for damage in [false, true] {
        if damage {
            memory.lock().unwrap().all.values_mut().next_back().unwrap().pop();
        }
        desk.log.flip_byte(2, 20);
        let deliver = Deliver::start(keeping("deliver@a/1")).await.unwrap();
        let number = numbers.next().unwrap();
        let case = common::Case { number, ..mail_case() };
        let to = case.arrive(&desk).await;
        case.reply(&desk, to, ReplyKind::Normal, "Halo lagi").await;
        desk.reported(usize::try_from(number).unwrap()).await;
        deliver.stop().await;
        desk.log.flip_byte(2, 20);
        assert_eq!(sink.mails().len() as u64, number, "each went out once");
    }
    assert_eq!(memory.lock().unwrap().resumed, 2);
}
