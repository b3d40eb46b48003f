//! Figures against a naive recomputation: random histories, every run and every solved case counted from the events by
//! a slow reading of what they mean.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use simpang_log::Door;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;
use simpang_views::Views;

use crate::script::{BEGIN, Script, assigned, queued, unassigned};

/// An event and when it happened.
type Told = (i64, Happened);

const QUEUES: [&str; 3] = ["email", "priority", "billing"];
const AGENTS: [&str; 3] = ["siti", "budi", "rina"];
const CASES: u64 = 4;

/// What happens next, to which case, with what, after how long.
type Step = (u8, u64, u8, i64, i64);

/// Events that follow from a step; those that make no sense where the case is are left out.
fn events(told: &[Told], (what, case, pick, ms, _): Step, now: i64) -> Vec<Happened> {
    let clock = i32::from(pick % 3) + 1;
    let last = told.iter().rev().find_map(|(_, body)| clock_event(body, case, clock));
    let runs = matches!(last, Some(Last::Runs { .. }));
    let breached = matches!(last, Some(Last::Runs { breached: true, .. }));
    let pick = usize::from(pick);
    let name = |names: [&str; 3]| names[pick % 3].to_owned();
    let started = |from_ms| {
        let sla = "gold".to_owned();
        Happened::SlaStarted(log::SlaStarted { case, clock, sla, from_ms, ..Default::default() })
    };
    let cancelled = Happened::SlaCancelled(log::SlaCancelled { case, clock });
    match what {
        0 | 1 if !runs => vec![started(now - ms / 1_000)],
        2 if runs => {
            vec![Happened::SlaMet(log::SlaMet { case, clock, elapsed_ms: ms, late: breached })]
        }
        3 if runs && !breached => {
            vec![Happened::SlaBreached(log::SlaBreached { case, clock, deadline_ms: now })]
        }
        4 if runs => vec![cancelled],
        // Another SLA takes the place of the run.
        5 => match last {
            Some(Last::Runs { from_ms, .. }) => vec![cancelled, started(from_ms)],
            _ => vec![],
        },
        6 => vec![queued(case, &name(QUEUES))],
        7 => vec![assigned(case, &name(AGENTS))],
        8 => vec![unassigned(case, &name(AGENTS), log::UnassignedBy::Release)],
        9 => {
            let priority = name(["high", "normal", "low"]);
            vec![Happened::PriorityChanged(log::PriorityChanged { case, priority, ..Default::default() })]
        }
        10 => {
            let (queue, segment) = (name(QUEUES), name(["DES", "DGS", ""]));
            let priority = "normal".to_owned();
            let classified = log::CaseClassified { case, queue, segment, priority, ..Default::default() };
            vec![Happened::CaseClassified(classified)]
        }
        11 => vec![Happened::CaseEscalated(log::CaseEscalated { case, ..Default::default() })],
        12 => vec![Happened::FaultReported(log::FaultReported { case, ..Default::default() })],
        13 => {
            let recorded = log::DispositionRecorded { case, contacted: pick % 2 == 0, ..Default::default() };
            vec![Happened::DispositionRecorded(recorded)]
        }
        14 => vec![Happened::CaseResolved(log::CaseResolved { case, ..Default::default() })],
        15 => vec![Happened::CaseReopened(log::CaseReopened { case, ..Default::default() })],
        16 => {
            let reason = [log::CloseReason::Closed, log::CloseReason::Spam, log::CloseReason::Disposition];
            let reason = reason[pick % 3] as i32;
            vec![Happened::CaseClosed(log::CaseClosed { case, reason, ..Default::default() })]
        }
        17 => {
            let number = CASES + 1 + u64::try_from(told.len()).unwrap();
            vec![Happened::CaseOpened(log::CaseOpened { case: number, follows: case, ..Default::default() })]
        }
        _ => vec![],
    }
}

enum Last {
    Runs { from_ms: i64, breached: bool },
    Ended,
}

fn clock_event(body: &Happened, case: u64, clock: i32) -> Option<Last> {
    match body {
        Happened::SlaStarted(e) if (e.case, e.clock) == (case, clock) => {
            Some(Last::Runs { from_ms: e.from_ms, breached: false })
        }
        // Only these clocks of this test breach, and their run began at a time that does not matter then.
        Happened::SlaBreached(e) if (e.case, e.clock) == (case, clock) => {
            Some(Last::Runs { from_ms: e.deadline_ms, breached: true })
        }
        Happened::SlaMet(e) if (e.case, e.clock) == (case, clock) => Some(Last::Ended),
        Happened::SlaCancelled(e) if (e.case, e.clock) == (case, clock) => Some(Last::Ended),
        _ => None,
    }
}

/// One run as the events tell it.
#[derive(Debug, Clone)]
struct Run {
    from_ms: i64,
    dims: [String; 5],
    clock: i32,
    breached: bool,
    /// How it ended: met after so long, or cancelled at that time.
    met: Option<i64>,
    cancelled: Option<i64>,
}

/// One solved case.
#[derive(Debug, Clone)]
struct Solved {
    at_ms: i64,
    dims: [String; 5],
    moved: bool,
    escalated: bool,
    fault: bool,
    came_back: bool,
}

fn case_of(body: &Happened) -> u64 {
    match body {
        Happened::SlaStarted(e) => e.case,
        Happened::SlaMet(e) => e.case,
        Happened::SlaBreached(e) => e.case,
        Happened::SlaCancelled(e) => e.case,
        Happened::CaseQueued(e) => e.case,
        Happened::CaseAssigned(e) => e.case,
        Happened::CaseUnassigned(e) => e.case,
        Happened::PriorityChanged(e) => e.case,
        Happened::CaseClassified(e) => e.case,
        Happened::CaseEscalated(e) => e.case,
        Happened::FaultReported(e) => e.case,
        Happened::DispositionRecorded(e) => e.case,
        Happened::CaseResolved(e) => e.case,
        Happened::CaseReopened(e) => e.case,
        Happened::CaseClosed(e) => e.case,
        // What follows a case is told of that case.
        Happened::CaseOpened(e) if e.follows != 0 => e.follows,
        Happened::CaseOpened(e) => e.case,
        _ => panic!("{body:?} is not told here"),
    }
}

/// What a case is counted under after the first events of its history.
fn dims(history: &[&Told], ends: bool) -> [String; 5] {
    let find = |of: &dyn Fn(&Happened) -> Option<String>| {
        history.iter().rev().find_map(|(_, body)| of(body)).unwrap_or_default()
    };
    let queue = find(&|body| match body {
        Happened::CaseQueued(e) => Some(e.queue.clone()),
        Happened::CaseClassified(e) => Some(e.queue.clone()),
        _ => None,
    });
    let priority = find(&|body| match body {
        Happened::PriorityChanged(e) => Some(e.priority.clone()),
        Happened::CaseClassified(e) => Some(e.priority.clone()),
        _ => None,
    });
    let segment = find(&|body| match body {
        Happened::CaseClassified(e) => Some(e.segment.clone()),
        _ => None,
    });
    let last = find(&|body| match body {
        Happened::CaseAssigned(e) => Some(e.agent.clone()),
        _ => None,
    });
    let holder = find(&|body| match body {
        Happened::CaseAssigned(e) => Some(e.agent.clone()),
        Happened::CaseQueued(_) | Happened::CaseUnassigned(_) => Some(String::new()),
        Happened::CaseResolved(_) | Happened::CaseReopened(_) | Happened::CaseClosed(_) => {
            Some(String::new())
        }
        _ => None,
    });
    let agent = if ends && holder.is_empty() { last } else { holder };
    [queue, priority, segment, agent, String::new()]
}

fn runs_of(history: &[&Told]) -> Vec<Run> {
    let mut all: Vec<Run> = Vec::new();
    for clock in 1..=3 {
        let mut open: Option<Run> = None;
        for (index, (at_ms, body)) in history.iter().enumerate() {
            let mine = matches!(body, Happened::SlaStarted(log::SlaStarted { clock: c, .. })
                | Happened::SlaMet(log::SlaMet { clock: c, .. })
                | Happened::SlaBreached(log::SlaBreached { clock: c, .. })
                | Happened::SlaCancelled(log::SlaCancelled { clock: c, .. }) if *c == clock);
            let until = &history[..=index];
            match body {
                Happened::SlaStarted(e) if mine => {
                    all.retain(|run| {
                        let same = run.clock == clock && run.from_ms == e.from_ms && !run.breached;
                        !(same && run.cancelled == Some(*at_ms))
                    });
                    let (from_ms, dims) = (e.from_ms, dims(until, false));
                    let run = Run { from_ms, dims, clock, breached: false, met: None, cancelled: None };
                    open = Some(run);
                }
                Happened::SlaBreached(_) if mine => open.iter_mut().for_each(|run| run.breached = true),
                Happened::SlaMet(_) | Happened::SlaCancelled(_) if mine => {
                    let Some(mut run) = open.take() else { continue };
                    run.dims = dims(until, true);
                    match body {
                        Happened::SlaMet(e) => run.met = Some(e.elapsed_ms),
                        _ => run.cancelled = Some(*at_ms),
                    }
                    all.push(run);
                }
                _ => {}
            }
        }
        if let Some(mut run) = open {
            run.dims = dims(history, false);
            all.push(run);
        }
    }
    all
}

fn solved_of(history: &[&Told]) -> Option<Solved> {
    let ends = |index: usize| {
        let before = &history[..index];
        let missed = before.iter().rev().find_map(|(_, body)| match body {
            Happened::DispositionRecorded(e) => Some(!e.contacted),
            Happened::CaseAssigned(_) => Some(false),
            _ => None,
        });
        let had = before.iter().any(|(_, body)| matches!(body, Happened::CaseAssigned(_)));
        let end = match &history[index].1 {
            Happened::CaseResolved(_) => true,
            Happened::CaseClosed(e) => e.reason() != log::CloseReason::Spam,
            _ => false,
        };
        end && had && missed != Some(true)
    };
    let at = (0..history.len()).find(|index| ends(*index))?;
    let (before, after) = history.split_at(at);
    let came_back = after.iter().any(|(_, body)| match body {
        Happened::CaseReopened(_) => true,
        Happened::CaseOpened(e) => e.follows != 0,
        _ => false,
    });
    let (mut handler, mut missed) = (None, false);
    let (mut moved, mut escalated, mut fault) = (false, false, false);
    for (_, body) in before {
        match body {
            Happened::CaseAssigned(e) => {
                moved |= !missed && handler.as_ref().is_some_and(|handler| *handler != e.agent);
                (handler, missed) = (Some(e.agent.clone()), false);
            }
            Happened::DispositionRecorded(e) => missed = !e.contacted,
            Happened::CaseEscalated(_) => escalated |= handler.is_some(),
            Happened::FaultReported(_) => fault = true,
            _ => {}
        }
    }
    let dims = dims(&history[..=at], true);
    Some(Solved { at_ms: history[at].0, dims, moved, escalated, fault, came_back })
}

/// The name of a period in Jakarta, which has no summer time.
fn period(ms: i64, period: api::SlaPeriod) -> String {
    let jakarta = FixedOffset::east_opt(7 * 3_600).unwrap();
    let slot = ms.div_euclid(900_000) * 900_000;
    let at = DateTime::from_timestamp_millis(slot).unwrap().with_timezone(&jakarta);
    let format = match period {
        api::SlaPeriod::Unspecified => "%Y-%m-%d",
        api::SlaPeriod::Hour => "%Y-%m-%d %H:00 +07:00",
        api::SlaPeriod::Week => "%G-W%V",
        api::SlaPeriod::Month => "%Y-%m",
        api::SlaPeriod::Whole => "",
    };
    at.format(format).to_string()
}

/// The dimensions that are asked for, those that are not empty.
fn cut(dims: &[String; 5], by: &[api::SlaDimension]) -> [String; 5] {
    let all = [
        api::SlaDimension::Queue,
        api::SlaDimension::Priority,
        api::SlaDimension::Segment,
        api::SlaDimension::Agent,
        api::SlaDimension::Campaign,
    ];
    std::array::from_fn(|at| if by.contains(&all[at]) { dims[at].clone() } else { String::new() })
}

type Key = (String, [String; 5], i32);

fn naive(runs: &[Run], by: &[api::SlaDimension], cuts: api::SlaPeriod) -> BTreeMap<Key, Vec<Run>> {
    let mut all: BTreeMap<Key, Vec<Run>> = BTreeMap::new();
    for run in runs {
        all.entry((period(run.from_ms, cuts), cut(&run.dims, by), run.clock)).or_default().push(run.clone());
    }
    all
}

fn check(views: &Views, runs: &[Run], solved: &[Solved], by: &[api::SlaDimension], cuts: api::SlaPeriod) {
    let request = api::SlaBoardRequest {
        from_ms: 1,
        zone: "Asia/Jakarta".into(),
        by: by.iter().map(|dimension| *dimension as i32).collect(),
        period: cuts as i32,
        ..Default::default()
    };
    let board = views.snapshot().sla_board(&request).unwrap();
    let expected = naive(runs, by, cuts);
    assert_eq!(board.attainment.len(), expected.len(), "{by:?} {cuts:?}");
    for row in board.attainment {
        let dims = [&row.queue, &row.priority, &row.segment, &row.agent, &row.campaign].map(Clone::clone);
        let runs = &expected[&(row.period.clone(), dims, row.clock)];
        let count =
            |is: &dyn Fn(&Run) -> bool| u32::try_from(runs.iter().filter(|run| is(run)).count()).unwrap();
        assert_eq!(row.started, count(&|_| true));
        assert_eq!(row.met, count(&|run| run.met.is_some() && !run.breached));
        assert_eq!(
            (row.breached, row.met_late),
            (count(&|r| r.breached), count(&|r| r.breached && r.met.is_some()))
        );
        assert_eq!(row.cancelled, count(&|run| run.cancelled.is_some() && !run.breached));
        assert_eq!(row.started, row.met + row.breached + row.cancelled + row.running);
        let mut times: Vec<i64> = runs.iter().filter_map(|run| run.met).collect();
        times.sort_unstable();
        let sum: i64 = times.iter().sum();
        assert_eq!(row.elapsed_ms, sum);
        let many = i64::try_from(times.len()).unwrap();
        assert_eq!(row.average_ms, if many == 0 { 0 } else { sum / many });
        for (percent, found) in [(50, row.p50_ms), (90, row.p90_ms), (95, row.p95_ms), (99, row.p99_ms)] {
            let rank = (times.len() * percent).div_ceil(100).max(1) - 1;
            let exact = times.get(rank).copied().unwrap_or_default();
            assert!((found - exact).abs() * 128 <= exact, "p{percent} of {times:?} is {exact}, not {found}");
        }
    }
    let mut expected: BTreeMap<(String, [String; 5]), [u32; 6]> = BTreeMap::new();
    for case in solved {
        let counts = expected.entry((period(case.at_ms, cuts), cut(&case.dims, by))).or_default();
        let first = !(case.moved || case.escalated || case.fault || case.came_back);
        let now = [true, first, case.came_back, case.moved, case.escalated, case.fault];
        counts.iter_mut().zip(now).for_each(|(count, is)| *count += u32::from(is));
    }
    let found = board.first_contact.into_iter().map(|r| {
        let counts = [r.solved, r.at_first, r.came_back, r.moved, r.escalated, r.faults];
        ((r.period, [r.queue, r.priority, r.segment, r.agent, r.campaign]), counts)
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected, "{by:?} {cuts:?}");
}

async fn told(steps: &[Step]) -> (Script, Vec<Told>) {
    let mut script = Script::new("tenesa").await;
    let mut told: Vec<Told> = Vec::new();
    let open = (1..=CASES).map(|case| Happened::CaseOpened(log::CaseOpened { case, ..Default::default() }));
    let tick = script.input(Door::Router, Arrived::Tick(log::Tick {})).await;
    script.commit(tick, open.collect()).await;
    for step in steps {
        let tick = script.tick(step.4).await;
        let events = events(&told, *step, script.now());
        told.extend(events.iter().map(|body| (script.now(), body.clone())));
        script.commit(tick, events).await;
    }
    (script, told)
}

#[test]
fn figures_equal_their_naive_recomputation_from_the_events() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let step = (0u8..18, 1..=CASES, any::<u8>(), 0i64..400_000_000, 0i64..5_400_000);
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    let seen = std::cell::RefCell::new([false; 9]);
    let law = |steps: Vec<Step>| {
        let (script, told) = runtime.block_on(told(&steps));
        let mut views = Views::in_memory(&script.desk).unwrap();
        let entries = runtime.block_on(script.entries());
        for some in entries.chunks(7) {
            views.fold(some).unwrap();
        }
        let (mut runs, mut solved): (Vec<Run>, Vec<Solved>) = (Vec::new(), Vec::new());
        for case in 1..=CASES {
            let history: Vec<&Told> = told.iter().filter(|(_, body)| case_of(body) == case).collect();
            runs.extend(runs_of(&history));
            solved.extend(solved_of(&history));
        }
        seen.borrow_mut().iter_mut().zip(reached(&runs, &solved)).for_each(|(seen, is)| *seen |= is);
        use api::SlaDimension::{Agent, Campaign, Desk, Priority, Queue, Segment};
        check(&views, &runs, &solved, &[Queue, Priority, Segment, Agent, Campaign], api::SlaPeriod::Hour);
        check(&views, &runs, &solved, &[Agent], api::SlaPeriod::Week);
        check(&views, &runs, &solved, &[Queue, Priority], api::SlaPeriod::Unspecified);
        check(&views, &runs, &solved, &[Segment], api::SlaPeriod::Month);
        check(&views, &runs, &solved, &[Desk], api::SlaPeriod::Whole);
        Ok(())
    };
    TestRunner::new(config).run(&proptest::collection::vec(step, 0..160), law).unwrap();
    assert_eq!(*seen.borrow(), [true; 9], "the histories do not reach everything that is counted");
}

/// Which kinds of runs and of solved cases there are.
fn reached(runs: &[Run], solved: &[Solved]) -> [bool; 9] {
    [
        runs.iter().any(|r| r.met.is_some() && !r.breached),
        runs.iter().any(|r| r.met.is_some() && r.breached),
        runs.iter().any(|r| r.cancelled.is_some() && !r.breached),
        runs.iter().any(|r| r.met.is_none() && r.cancelled.is_none()),
        solved.iter().any(|s| !(s.moved || s.escalated || s.fault || s.came_back)),
        solved.iter().any(|s| s.moved),
        solved.iter().any(|s| s.escalated),
        solved.iter().any(|s| s.fault),
        solved.iter().any(|s| s.came_back),
    ]
}

/// The clocks of Berlin go back at 01:00 UTC of 25 October 2026: two hours are called 02:00.
#[tokio::test]
async fn an_hour_that_comes_twice_is_two_hours() {
    let mut script = Script::new("tenesa").await;
    let back = 1_792_890_000_000;
    assert!(back < BEGIN);
    let started = |from_ms| {
        let clock = log::SlaClock::Resolution as i32;
        Happened::SlaStarted(log::SlaStarted { case: 1, clock, from_ms, ..Default::default() })
    };
    let tick = script.tick(1_000).await;
    let met = log::SlaMet { case: 1, clock: log::SlaClock::Resolution as i32, ..Default::default() };
    let events = vec![started(back - 1), Happened::SlaMet(met), started(back)];
    script.commit(tick, events).await;
    let mut views = Views::in_memory(&script.desk).unwrap();
    views.fold(&script.entries().await).unwrap();
    let period = api::SlaPeriod::Hour as i32;
    let request =
        api::SlaBoardRequest { from_ms: 1, zone: "Europe/Berlin".into(), period, ..Default::default() };
    let rows = views.snapshot().sla_board(&request).unwrap().attainment;
    let names: Vec<&str> = rows.iter().map(|row| row.period.as_str()).collect();
    assert_eq!(names, ["2026-10-25 02:00 +02:00", "2026-10-25 02:00 +01:00"]);
}

#[tokio::test]
async fn what_is_no_period_or_dimension_is_refused_with_its_name() {
    let script = Script::new("tenesa").await;
    let views = Views::in_memory(&script.desk).unwrap();
    let refused =
        |request: api::SlaBoardRequest| views.snapshot().sla_board(&request).unwrap_err().to_string();
    assert!(refused(api::SlaBoardRequest { period: 99, ..Default::default() }).contains("period"));
    assert!(refused(api::SlaBoardRequest { by: vec![99], ..Default::default() }).contains("by"));
    assert!(refused(api::SlaBoardRequest { by: vec![0], ..Default::default() }).contains("by"));
}
