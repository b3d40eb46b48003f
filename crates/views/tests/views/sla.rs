//! SLA clocks and attainment.

use simpang_log::Door;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;
use simpang_views::Views;

use crate::cases::case;
use crate::script::{BEGIN, Script, joined, mail, opened, queued};
use crate::story::told;

#[tokio::test]
async fn clocks_of_a_case_show_their_last_run() {
    let (_, views) = told().await;
    let clocks = case(&views, 1).clocks;
    let [first, resolution] = &clocks[..] else { panic!("two clocks") };
    assert_eq!((first.clock(), first.state()), (api::Clock::FirstResponse, api::ClockState::Met));
    assert_eq!((first.elapsed_ms, first.breached, first.runs), (32_000, false, 1));
    assert_eq!((resolution.state(), resolution.breached), (api::ClockState::Met, true));
    assert_eq!((resolution.warned_percent, resolution.calendar.as_str()), (75, "office"));
    assert_eq!(case(&views, 5).clocks[0].state(), api::ClockState::Cancelled);
}

#[tokio::test]
async fn attainment_counts_each_run_once_by_day_queue_priority_and_clock() {
    let (_, views) = told().await;
    let request = api::SlaBoardRequest { from_ms: 1, ..Default::default() };
    let table = views.snapshot().sla_board(&request).unwrap().attainment;
    let row = |clock: api::Clock, priority: &str, day: &str| {
        let found = table.iter().find(|r| r.clock() == clock && r.priority == priority && r.period == day);
        found.cloned().unwrap_or_else(|| panic!("no {clock:?} {priority} {day} in {table:#?}"))
    };
    let first = row(api::Clock::FirstResponse, "high", "2026-11-23");
    assert_eq!((first.started, first.met, first.attained_permille), (1, 1, 1_000));
    assert_eq!((first.average_ms, first.running), (32_000, 0));
    // Its case's priority rose after it had breached: the whole run counts where it ended, on the day it began.
    let late = row(api::Clock::Resolution, "urgent", "2026-11-23");
    assert_eq!((late.started, late.met_late, late.met, late.breached), (1, 1, 0, 1));
    assert_eq!((late.attained_permille, late.average_ms), (0, 3_700_000));
    let cancelled = row(api::Clock::FirstResponse, "", "2026-11-24");
    assert_eq!((cancelled.cancelled, cancelled.started), (1, 1));
}

/// Case 1's clock begins at 17:30 UTC of its first day, which is the next day in Jakarta.
#[tokio::test]
async fn days_of_attainment_are_those_of_the_asked_zone() {
    let mut script = Script::new("tenesa").await;
    script.wait(16 * 3_600_000 + 1_800_000);
    let message = script.input(Door::Ingest, Arrived::Message(mail("a", "b", "c"))).await;
    let started = Happened::SlaStarted(log::SlaStarted { case: 1, clock: 1, ..Default::default() });
    script.commit(message, vec![opened(1), started]).await;
    let mut views = Views::in_memory(&script.desk).unwrap();
    views.fold(&script.entries().await).unwrap();
    let day = |zone: &str| {
        let request = api::SlaBoardRequest { zone: zone.into(), ..Default::default() };
        views.snapshot().sla_board(&request).unwrap().attainment[0].period.clone()
    };
    assert_eq!((day(""), day("Asia/Jakarta")), ("2026-11-23".to_owned(), "2026-11-24".to_owned()));
    let nowhere = api::SlaBoardRequest { zone: "Asia/Nowhere".into(), ..Default::default() };
    assert!(views.snapshot().sla_board(&nowhere).unwrap_err().to_string().contains("Asia/Jakarta"));
}

#[tokio::test]
async fn the_board_shows_running_paused_and_breached_clocks_nearest_first() {
    let mut script = Script::new("tenesa").await;
    for number in 1..=4 {
        let message = script.input(Door::Ingest, Arrived::Message(mail("a", "b", "c"))).await;
        let deadline_ms = BEGIN + 1_000_000 - i64::try_from(number).unwrap();
        let clock = log::SlaClock::Resolution as i32;
        let started = log::SlaStarted { case: number, clock, deadline_ms, ..Default::default() };
        let events = vec![
            opened(number),
            joined(number, message, 1),
            queued(number, "email"),
            Happened::SlaStarted(started),
        ];
        script.commit(message, events).await;
    }
    let clock = log::SlaClock::Resolution as i32;
    let tick = script.tick(1_000).await;
    let events = vec![
        Happened::SlaBreached(log::SlaBreached { case: 4, clock, deadline_ms: 0 }),
        Happened::SlaPaused(log::SlaPaused { case: 3, clock, remaining_ms: 5 }),
        Happened::SlaWarned(log::SlaWarned { case: 2, clock, percent: 50 }),
    ];
    script.commit(tick, events).await;
    let mut views = Views::in_memory(&script.desk).unwrap();
    views.fold(&script.entries().await).unwrap();
    let board = views.snapshot().sla_board(&api::SlaBoardRequest::default()).unwrap();
    let [now] = &board.now[..] else { panic!("one kind of clock") };
    assert_eq!((now.running, now.warned, now.breached, now.paused), (2, 1, 1, 1));
    let cases =
        |lines: &[api::SlaLine]| lines.iter().map(|l| l.case.clone().unwrap().case).collect::<Vec<_>>();
    assert_eq!((cases(&board.nearest), cases(&board.breached)), (vec![2, 1], vec![4]));
    let summary = |number| case(&views, number).summary.unwrap();
    assert!(summary(4).breached && !summary(3).breached);
    assert_eq!((summary(1).deadline_ms, summary(3).deadline_ms), (BEGIN + 999_999, 0));
    let billing = api::SlaBoardRequest { queues: vec!["billing".into()], ..Default::default() };
    assert!(views.snapshot().sla_board(&billing).unwrap().now.is_empty());
}
