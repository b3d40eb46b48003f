//! Clocks, computed again: working time day by day, no short cuts.

use simpang_domain::event::{Event, Happened};
use simpang_domain::words::{CaseId, Millis, Name, SlaClock};

use super::Naive;
use crate::support::{DAY, HOUR};

/// A clock that runs or stands still.
#[derive(Debug)]
pub(super) struct Clock {
    clock: SlaClock,
    target_ms: i64,
    calendar: Name,
    /// Working time before it last began to run.
    before_ms: i64,
    /// Since when it runs; none: it stands still.
    since: Option<Millis>,
    deadline: Millis,
    breached: bool,
}

impl Clock {
    fn elapsed(&self, at: Millis) -> i64 {
        self.before_ms + self.since.map_or(0, |since| worked(&self.calendar, since, at))
    }
}

/// The opening hours that a time's day has.
fn hours(calendar: &str, day: i64) -> (Millis, Millis) {
    match calendar {
        "office" => (day * DAY + 8 * HOUR, day * DAY + 16 * HOUR),
        _ => (day * DAY, (day + 1) * DAY),
    }
}

fn worked(calendar: &str, from: Millis, to: Millis) -> i64 {
    let days = from.div_euclid(DAY)..=to.div_euclid(DAY);
    let of_day = |day: i64| {
        let (opens, closes) = hours(calendar, day);
        (closes.min(to) - opens.max(from)).max(0)
    };
    days.map(of_day).sum()
}

fn deadline(calendar: &str, from: Millis, work_ms: i64) -> Millis {
    let mut left = work_ms;
    let mut day = from.div_euclid(DAY);
    loop {
        let (opens, closes) = hours(calendar, day);
        let begins = opens.max(from);
        let there = (closes - begins).max(0);
        if left <= 0 {
            return from;
        }
        if left <= there {
            return begins + left;
        }
        left -= there;
        day += 1;
    }
}

impl Naive {
    pub(super) fn clock_event(&mut self, event: &Event) {
        let at = event.at;
        let said = match &event.body {
            Happened::SlaStarted { case, clock, target_ms, calendar, deadline: told, from, .. } => {
                let started = Clock {
                    clock: *clock,
                    target_ms: *target_ms,
                    calendar: calendar.clone(),
                    before_ms: 0,
                    since: Some(*from),
                    deadline: *told,
                    breached: false,
                };
                let right = deadline(calendar, *from, *target_ms) == *told;
                let Some(case) = self.case(*case) else { return };
                let twice = case.clocks.iter().any(|c| c.clock == *clock);
                case.clocks.push(started);
                right && !twice
            }
            Happened::SlaPaused { case, clock, remaining_ms } => self.clock(*case, *clock, |c| {
                let elapsed = c.elapsed(at);
                let right = c.since.take().is_some() && *remaining_ms == c.target_ms - elapsed;
                c.before_ms = elapsed;
                right
            }),
            Happened::SlaResumed { case, clock, deadline: told } => self.clock(*case, *clock, |c| {
                let right = c.since.replace(at).is_none();
                c.deadline = *told;
                right && *told == deadline(&c.calendar, at, (c.target_ms - c.before_ms).max(0))
            }),
            Happened::SlaWarned { case, clock, percent } => self.clock(*case, *clock, |c| {
                !c.breached && c.elapsed(at) * 100 >= c.target_ms * i64::from(*percent)
            }),
            Happened::SlaBreached { case, clock, deadline: told } => self.clock(*case, *clock, |c| {
                let right = !c.breached && c.since.is_some() && c.deadline == *told && at >= *told;
                c.breached = true;
                right
            }),
            Happened::SlaMet { case, clock, elapsed_ms, late } => {
                let right =
                    self.clock(*case, *clock, |c| c.elapsed(at) == *elapsed_ms && c.breached == *late);
                self.drop_clock(*case, *clock);
                right
            }
            Happened::SlaCancelled { case, clock } => {
                let right = self.clock(*case, *clock, |_| true);
                self.drop_clock(*case, *clock);
                right
            }
            _ => true,
        };
        if !said {
            self.wrong.push(format!("a clock is not so: {:?} at {at}", event.body));
        }
    }

    fn clock(&mut self, case: CaseId, clock: SlaClock, check: impl FnOnce(&mut Clock) -> bool) -> bool {
        let case = self.case(case);
        case.and_then(|case| case.clocks.iter_mut().find(|c| c.clock == clock)).is_some_and(check)
    }

    fn drop_clock(&mut self, case: CaseId, clock: SlaClock) {
        if let Some(case) = self.case(case) {
            case.clocks.retain(|c| c.clock != clock);
        }
    }

    pub(super) fn no_breach_is_missed(&mut self) {
        for case in &self.cases {
            let missed = |c: &&Clock| c.since.is_some() && !c.breached && c.deadline <= self.now;
            if let Some(clock) = case.clocks.iter().find(missed) {
                let clock = clock.clock;
                self.wrong.push(format!(
                    "case {} passed its deadline of {clock:?}, and nothing says so",
                    case.id.0
                ));
            }
        }
    }
}
