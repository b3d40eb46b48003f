//! Invariant 6.

use simpang_checker::Code;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::*;

use super::Break;
use crate::story::words::*;

const NEXT: i32 = SlaClock::NextResponse as i32;

pub const ALL: &[Break] = &[
    (Code::SlaStartedTwice, "a clock starts while it runs", |t| {
        let at_ms = t.story.find_key(1);
        let again = sla_started(1, SlaClock::FirstResponse, 1_000, at_ms + 1_000);
        after!(t.story, SlaStarted(e) if e.case == 1 => again);
    }),
    (
        Code::SlaNotRunning,
        "a clock is met that never ran",
        |t| remove!(t.story, SlaStarted(e) if e.case == 1),
    ),
    (Code::SlaNotRunning, "a running clock is resumed", |t| remove!(t.story, SlaPaused(e) if e.case == 1)),
    (Code::SlaNotRunning, "a clock is paused twice", |t| {
        let paused = SlaPaused { case: 1, clock: NEXT, remaining_ms: 1 };
        after!(t.story, SlaPaused(e) if e.case == 1 => Body::SlaPaused(paused));
    }),
    (
        Code::SlaNotRunning,
        "a clock breaches that stands still",
        |t| remove!(t.story, SlaResumed(e) if e.case == 1),
    ),
    (Code::SlaNotRunning, "a clock is cancelled that was met", |t| {
        edit!(t.story, SlaCancelled(e) if e.case == 2 => e.case = 1);
    }),
    (Code::SlaEarly, "a clock breaches before its deadline", |t| {
        t.story.edit(&|b| matches!(b, Body::SlaBreached(_)), &mut |e| e.at_ms -= 1);
    }),
    (Code::SlaEarly, "a clock warns before its fraction", |t| {
        t.story.edit(&|b| matches!(b, Body::SlaWarned(_)), &mut |e| e.at_ms -= 2);
    }),
    (Code::SlaRepeated, "a clock breaches twice", |t| {
        let deadline_ms = t.story.find_deadline();
        let again = SlaBreached { case: 1, clock: NEXT, deadline_ms };
        after!(t.story, SlaBreached(e) if e.case == 1 => Body::SlaBreached(again));
    }),
    (Code::SlaRepeated, "a clock warns twice", |t| {
        let again = SlaWarned { case: 1, clock: NEXT, percent: 50 };
        after!(t.story, SlaWarned(e) if e.case == 1 => Body::SlaWarned(again));
    }),
    (Code::SlaDeadline, "a deadline is another than its recomputation", |t| {
        edit!(t.story, SlaStarted(e) if e.case == 1 => e.deadline_ms += 1);
    }),
    (Code::SlaDeadline, "a clock counts from its future", |t| {
        edit!(t.story, SlaStarted(e) if e.case == 1 => { e.from_ms += 1; e.deadline_ms += 1 });
    }),
    (Code::SlaDeadline, "a pause keeps more than was left", |t| {
        edit!(t.story, SlaPaused(e) if e.case == 1 => e.remaining_ms += 1);
    }),
    (Code::SlaDeadline, "a clock goes on with more than was left", |t| {
        edit!(t.story, SlaResumed(e) if e.case == 1 => e.deadline_ms += 1);
    }),
    (Code::SlaDeadline, "a breach names another deadline", |t| {
        edit!(t.story, SlaBreached(e) if e.case == 1 => e.deadline_ms -= 1);
    }),
    (Code::SlaLateFlag, "a breached clock is met on time", |t| {
        edit!(t.story, SlaMet(e) if e.clock == NEXT => e.late = false);
    }),
    (Code::SlaLateFlag, "a clock is late that did not breach", |t| {
        edit!(t.story, SlaMet(e) if e.clock != NEXT => e.late = true);
    }),
    (Code::SlaRunsOn, "a resolved case owes an answer that nobody sends", |t| {
        let at_ms = t.story.find_key(1);
        let runs = sla_started(1, SlaClock::PeriodicUpdate, 9_000_000, at_ms + 9_000_000);
        after!(t.story, SlaMet(e) if e.clock == NEXT => runs);
    }),
    (Code::SlaBreachMissed, "a breach is left out", |t| remove!(t.story, SlaBreached(e) if e.case == 1)),
    (Code::SlaBreachMissed, "a clock runs on past its deadline to the end", |t| {
        edit!(t.story, SlaStarted(e) if e.case == 2 => { e.target_ms = 90_000; e.deadline_ms = e.from_ms + 90_000 });
        remove!(t.story, SlaCancelled(e) if e.case == 2);
    }),
];
