//! Events about SLA clocks.

use crate::event::{Event, Happened};
use crate::rules::{ClockRule, Rules};
use crate::state::case::{Clock, ClockState};
use crate::state::timers::Timer;
use crate::state::{Moment, State, push_tight};
use crate::words::{CaseId, Millis, SlaClock};

impl State {
    pub(super) fn apply_sla<R: Rules>(&mut self, event: &Event, rules: &R) {
        let at = event.at;
        match &event.body {
            Happened::SlaStarted { case, clock, target_ms, calendar, from, deadline, .. } => {
                let new = Clock::new(*clock, *target_ms, calendar.clone(), *from, *deadline);
                if let Some(case) = self.cases.get_mut(case) {
                    push_tight(&mut case.clocks, new);
                }
                self.arm(*case, *clock, rules);
            }
            Happened::SlaPaused { case, clock, remaining_ms } => {
                self.disarm(*case, *clock);
                self.set_clock(*case, *clock, |c| c.pause(*remaining_ms));
            }
            Happened::SlaResumed { case, clock, deadline } => {
                self.set_clock(*case, *clock, |c| c.resume(at, *deadline));
                self.arm(*case, *clock, rules);
            }
            Happened::SlaWarned { case, clock, percent } => {
                self.set_clock(*case, *clock, |c| c.warned = *percent);
                self.arm(*case, *clock, rules);
            }
            Happened::SlaBreached { case, clock, .. } => {
                self.set_clock(*case, *clock, |c| c.breached = true);
                self.arm(*case, *clock, rules);
            }
            Happened::SlaMet { case, clock, .. } | Happened::SlaCancelled { case, clock } => {
                self.disarm(*case, *clock);
                if let Some(case) = self.cases.get_mut(case) {
                    case.clocks.retain(|c| c.clock != *clock);
                }
            }
            _ => {}
        }
    }

    fn set_clock(&mut self, case: CaseId, clock: SlaClock, change: impl FnOnce(&mut Clock)) {
        if let Some(clock) = self.cases.get_mut(&case).and_then(|c| c.clock_mut(clock)) {
            change(clock);
        }
    }

    /// Sets the timer of the clock's next threshold, in place of the one it had.
    pub(super) fn arm<R: Rules>(&mut self, id: CaseId, clock: SlaClock, rules: &R) {
        self.disarm(id, clock);
        let Some(case) = self.cases.get_mut(&id) else { return };
        let rule = case.sla.as_ref().and_then(|s| rules.tables().sla(s));
        let rule = rule.and_then(|s| s.clocks.iter().find(|c| c.clock == clock));
        let Some(running) = case.clock_mut(clock) else { return };
        let next = next_due(running, rule, rules);
        let Some(due) = running.due_mut() else { return };
        *due = next.into();
        if let Some(due) = due.get() {
            self.timers.set(due, Timer::Sla(id, clock));
        }
    }

    /// Takes the timer of a clock back.
    pub(super) fn disarm(&mut self, id: CaseId, clock: SlaClock) {
        let Some(running) = self.cases.get_mut(&id).and_then(|c| c.clock_mut(clock)) else { return };
        if let Some(due) = running.due_mut().and_then(Moment::take) {
            self.timers.clear(due, Timer::Sla(id, clock));
        }
    }
}

/// The percentage of the next warning; none: only the breach is left, or nothing.
pub(crate) fn next_warning(clock: &Clock, rule: Option<&ClockRule>) -> Option<u32> {
    rule.and_then(|r| r.warn_percent.iter().copied().find(|p| *p > clock.warned)).filter(|_| !clock.breached)
}

fn next_due<R: Rules>(clock: &Clock, rule: Option<&ClockRule>, rules: &R) -> Option<Millis> {
    let ClockState::Running { base, left_ms, deadline, .. } = clock.state() else { return None };
    if clock.breached {
        return None;
    }
    let Some(percent) = next_warning(clock, rule) else { return Some(deadline) };
    let held_back = clock.target_ms / 100 * i64::from(100 - percent);
    Some(rules.deadline(&clock.calendar, base, (left_ms - held_back).max(0)))
}
