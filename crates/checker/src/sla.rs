//! Invariant 6: SLA clocks go as their events allow, and deadlines equal their recomputation.
//!
//! Deadlines in calendars that the caller does not bring are not recomputed, only counted.

use std::collections::HashMap;

use simpang_proto::log::v1::{self, event::Body};

use crate::Code;
use crate::calendar::Calendars;
use crate::desk::{Desk, Phase};
use crate::report::Findings;

/// A clock of a case.
type ClockId = (u64, i32);

/// Every clock there is.
const CLOCKS: std::ops::RangeInclusive<i32> = 0..=v1::SlaClock::LeaderFollowUp as i32;

/// A run of a clock.
#[derive(Debug)]
struct Run {
    target_ms: i64,
    calendar: String,
    deadline_ms: i64,
    /// When it last began to count, and the working time it then had; `None` while it stands still.
    since_ms: Option<i64>,
    /// When that was said.
    said_ms: i64,
    left_ms: i64,
    breached: bool,
    warned_percent: u32,
    /// Its deadline was computed in calendars that no longer hold.
    by_old_calendars: bool,
}

/// All clocks.
#[derive(Debug)]
pub(crate) struct Sla {
    calendars: Box<dyn Calendars>,
    runs: HashMap<ClockId, Run>,
}

impl Sla {
    pub(crate) fn new(calendars: Box<dyn Calendars>) -> Self {
        Self { calendars, runs: HashMap::new() }
    }

    /// Other calendars hold from here on. Deadlines that are set stay as they are.
    pub(crate) fn take_calendars(&mut self, calendars: Box<dyn Calendars>) {
        self.calendars = calendars;
        self.runs.values_mut().for_each(|run| run.by_old_calendars = true);
    }

    /// Checks and folds an event.
    pub(crate) fn event(&mut self, body: &Body, at_ms: i64, found: &mut Findings) {
        match body {
            Body::SlaStarted(e) => self.started(e, at_ms, found),
            Body::SlaPaused(e) => self.paused(e, at_ms, found),
            Body::SlaResumed(e) => self.resumed(e, at_ms, found),
            Body::SlaMet(e) => self.met(e, at_ms, found),
            Body::SlaWarned(e) => self.warned(e, at_ms, found),
            Body::SlaBreached(e) => self.breached(e, at_ms, found),
            Body::SlaCancelled(e) => {
                let id = (e.case, e.clock);
                self.in_time(id, at_ms, found);
                if self.runs.remove(&id).is_none() {
                    not_running(id, "cancelled", found);
                }
            }
            Body::CaseForgotten(e) => self.forget(e.case),
            _ => {}
        }
    }

    fn started(&mut self, event: &v1::SlaStarted, at_ms: i64, found: &mut Findings) {
        found.counts.clocks += 1;
        let (id, from_ms) = ((event.case, event.clock), event.from_ms);
        if from_ms > at_ms {
            found.broken(
                Code::SlaDeadline,
                format_args!("{} counts from {from_ms} ms, its future", Clock(id)),
            );
        }
        self.recompute(id, &event.calendar, from_ms, event.target_ms, event.deadline_ms, found);
        let run = Run {
            target_ms: event.target_ms,
            calendar: event.calendar.clone(),
            deadline_ms: event.deadline_ms,
            since_ms: Some(from_ms),
            said_ms: at_ms,
            left_ms: event.target_ms,
            breached: false,
            warned_percent: 0,
            by_old_calendars: false,
        };
        if self.runs.insert(id, run).is_some() {
            found.broken(Code::SlaStartedTwice, format_args!("{} was started while it ran", Clock(id)));
        }
    }

    fn paused(&mut self, event: &v1::SlaPaused, at_ms: i64, found: &mut Findings) {
        let id = (event.case, event.clock);
        self.in_time(id, at_ms, found);
        let Some(run) = self.runs.get_mut(&id).filter(|r| r.since_ms.is_some()) else {
            return not_running(id, "paused", found);
        };
        run.since_ms = None;
        run.left_ms = event.remaining_ms;
        let (calendar, deadline_ms) = (run.calendar.clone(), run.deadline_ms);
        // What is left, counted from here, leads to the same deadline; by the calendars of the time, that is.
        if run.by_old_calendars {
            found.counts.deadlines_skipped += 1;
        } else {
            self.recompute(id, &calendar, at_ms, event.remaining_ms, deadline_ms, found);
        }
    }

    fn resumed(&mut self, event: &v1::SlaResumed, at_ms: i64, found: &mut Findings) {
        let id = (event.case, event.clock);
        let Some(run) = self.runs.get_mut(&id).filter(|r| r.since_ms.is_none()) else {
            return not_running(id, "resumed", found);
        };
        (run.since_ms, run.said_ms) = (Some(at_ms), at_ms);
        run.deadline_ms = event.deadline_ms;
        run.by_old_calendars = false;
        let (calendar, left_ms) = (run.calendar.clone(), run.left_ms);
        self.recompute(id, &calendar, at_ms, left_ms, event.deadline_ms, found);
    }

    fn met(&mut self, event: &v1::SlaMet, at_ms: i64, found: &mut Findings) {
        let id = (event.case, event.clock);
        self.in_time(id, at_ms, found);
        let Some(run) = self.runs.remove(&id) else { return not_running(id, "met", found) };
        if event.late != run.breached {
            let (said, was) = (event.late, run.breached);
            found.broken(
                Code::SlaLateFlag,
                format_args!("{} was met, late: {said}, breached: {was}", Clock(id)),
            );
        }
    }

    fn warned(&mut self, event: &v1::SlaWarned, at_ms: i64, found: &mut Findings) {
        let (id, percent) = ((event.case, event.clock), event.percent);
        let Some(run) = self.runs.get_mut(&id) else { return not_running(id, "warned", found) };
        let Some(since_ms) = run.since_ms else { return not_running(id, "warned", found) };
        if !(run.warned_percent + 1..=99).contains(&percent) || run.breached {
            let before = run.warned_percent;
            found.broken(
                Code::SlaRepeated,
                format_args!("{} warned at {percent} % after {before} %", Clock(id)),
            );
        }
        run.warned_percent = run.warned_percent.max(percent);
        let rest_ms = i128::from(run.target_ms) * (100 - i128::from(percent.min(100))) / 100;
        let work_ms = run.left_ms.saturating_sub(i64::try_from(rest_ms).unwrap_or(i64::MAX));
        let due_ms =
            (work_ms > 0).then(|| self.calendars.deadline(&run.calendar, since_ms, work_ms)).flatten();
        // A fraction of a target may be rounded either way. A clock that begins behind its deadline (a policy that comes
        // later counts from the message) says at once what it passed.
        let late = at_ms > run.deadline_ms.max(run.said_ms);
        if due_ms.is_some_and(|due_ms| at_ms < due_ms - 1) || late {
            found.broken(
                Code::SlaEarly,
                format_args!("{} warned at {percent} % at the wrong time", Clock(id)),
            );
        }
    }

    fn breached(&mut self, event: &v1::SlaBreached, at_ms: i64, found: &mut Findings) {
        found.counts.breaches += 1;
        let id = (event.case, event.clock);
        let Some(run) = self.runs.get_mut(&id).filter(|r| r.since_ms.is_some()) else {
            return not_running(id, "breached", found);
        };
        if run.breached {
            found.broken(Code::SlaRepeated, format_args!("{} breached twice", Clock(id)));
        }
        run.breached = true;
        let (said, set) = (event.deadline_ms, run.deadline_ms);
        if said != set {
            found.broken(
                Code::SlaDeadline,
                format_args!("{} breached {said} ms, its deadline is {set} ms", Clock(id)),
            );
        }
        if at_ms < said.max(set) {
            found.broken(
                Code::SlaEarly,
                format_args!("{} breached at {at_ms} ms, before its deadline", Clock(id)),
            );
        }
    }

    /// A clock that counted past its deadline breached.
    fn in_time(&self, id: ClockId, at_ms: i64, found: &mut Findings) {
        if self.runs.get(&id).is_some_and(|run| run.missed(at_ms)) {
            found.broken(Code::SlaBreachMissed, format_args!("{} passed its deadline unnoticed", Clock(id)));
        }
    }

    fn recompute(
        &self,
        id: ClockId,
        calendar: &str,
        from_ms: i64,
        work_ms: i64,
        deadline_ms: i64,
        found: &mut Findings,
    ) {
        // Where nothing is left, or less, no calendar says when that was.
        let computed = (work_ms > 0).then(|| self.calendars.deadline(calendar, from_ms, work_ms)).flatten();
        let Some(computed) = computed else {
            found.counts.deadlines_skipped += 1;
            return;
        };
        found.counts.deadlines_recomputed += 1;
        if computed != deadline_ms {
            found.broken(
                Code::SlaDeadline,
                format_args!("{} is due at {deadline_ms} ms, recomputed {computed} ms", Clock(id)),
            );
        }
    }

    fn forget(&mut self, case: u64) {
        for clock in CLOCKS {
            self.runs.remove(&(case, clock));
        }
    }

    /// The clocks of a case that run or stand still.
    pub(crate) fn running(&self, case: u64) -> impl Iterator<Item = i32> {
        CLOCKS.filter(move |clock| self.runs.contains_key(&(case, *clock)))
    }

    /// At the end no clock of a case that goes on has passed its deadline unnoticed.
    pub(crate) fn finish(&self, desk: &Desk, now_ms: i64, found: &mut Findings) {
        let goes_on = |case: &u64| desk.cases.get(case).is_some_and(|c| c.phase != Phase::Closed);
        let late = self.runs.iter().filter(|((case, _), run)| run.missed(now_ms) && goes_on(case));
        let mut late: Vec<ClockId> = late.map(|(id, _)| *id).collect();
        late.sort_unstable();
        for id in late {
            found.broken(Code::SlaBreachMissed, format_args!("{} passed its deadline unnoticed", Clock(id)));
        }
    }
}

impl Run {
    /// Whether it should have breached. A run may be said to begin with its deadline passed; it breaches next.
    fn missed(&self, now_ms: i64) -> bool {
        self.since_ms.is_some() && !self.breached && self.deadline_ms.max(self.said_ms) < now_ms
    }
}

fn not_running(id: ClockId, what: &str, found: &mut Findings) {
    found.broken(
        Code::SlaNotRunning,
        format_args!("{} was {what} in a state that does not allow it", Clock(id)),
    );
}

/// A clock for people.
pub(crate) struct Clock(pub(crate) ClockId);

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (case, clock) = self.0;
        match v1::SlaClock::try_from(clock) {
            Ok(clock) => write!(f, "{} of case {case}", clock.as_str_name()),
            Err(_) => write!(f, "clock {clock} of case {case}"),
        }
    }
}
