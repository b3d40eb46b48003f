//! SLA clocks: what starts, stops and pauses them (J2, J3), and what follows a warning or a breach.

use super::judging::Judging;
use crate::event::Happened;
use crate::rules::{BreachStep, ClockRule, Rules};
use crate::state::{Clock, ClockState, Status};
use crate::words::{CaseId, CloseReason, Millis, SlaClock, WaitingOn};

impl<R: Rules> Judging<'_, R> {
    fn rule(&self, case: CaseId, clock: SlaClock) -> Option<&ClockRule> {
        let sla = self.case_of(case).sla.as_ref()?;
        self.rules.tables().sla(sla)?.clocks.iter().find(|c| c.clock == clock)
    }

    fn start(&mut self, case: CaseId, clock: SlaClock, from: Millis) {
        if self.case_of(case).clock(clock).is_some() {
            return;
        }
        let (Some(rule), Some(sla)) = (self.rule(case, clock), &self.case_of(case).sla) else { return };
        let (target_ms, calendar, sla) = (rule.target_ms, rule.calendar.clone(), sla.clone());
        let deadline = self.rules.deadline(&calendar, from, target_ms);
        self.emit(Happened::SlaStarted { case, clock, sla, target_ms, calendar, deadline, from });
    }

    fn meet(&mut self, case: CaseId, clock: SlaClock) {
        let Some(running) = self.case_of(case).clock(clock) else { return };
        let elapsed_ms = running.target_ms - self.left_ms(running);
        let late = running.breached;
        self.emit(Happened::SlaMet { case, clock, elapsed_ms, late });
    }

    fn cancel(&mut self, case: CaseId, clock: SlaClock) {
        if self.case_of(case).clock(clock).is_some() {
            self.emit(Happened::SlaCancelled { case, clock });
        }
    }

    fn left_ms(&self, clock: &Clock) -> i64 {
        match clock.state() {
            ClockState::Paused { left_ms } => left_ms,
            ClockState::Running { base, left_ms, .. } => {
                left_ms - self.rules.worked(&clock.calendar, base, self.at)
            }
        }
    }

    fn kinds(&self, case: CaseId) -> Vec<SlaClock> {
        self.case_of(case).clocks.iter().map(|c| c.clock).collect()
    }

    /// Brings the clocks in line with the SLA that now holds. What ran already counts from when it began to.
    pub(super) fn retarget_clocks(&mut self, id: CaseId) {
        let case = self.case_of(id);
        let was: Vec<(SlaClock, Millis, i64)> =
            case.clocks.iter().map(|c| (c.clock, c.from, c.target_ms)).collect();
        let mut from: Vec<(SlaClock, Millis)> = was.iter().map(|(c, from, _)| (*c, *from)).collect();
        let mut wanted = vec![(SlaClock::Resolution, case.opened), (SlaClock::PeriodicUpdate, self.at)];
        if !case.answered {
            wanted.push((SlaClock::FirstResponse, case.opened));
        }
        if matches!(case.status, Status::Assigned { .. }) {
            wanted.push((SlaClock::Handling, self.at));
        }
        for (clock, begin) in wanted {
            if !from.iter().any(|(c, _)| *c == clock) {
                from.push((clock, begin));
            }
        }
        for (clock, _, target_ms) in was {
            if self.rule(id, clock).is_none_or(|r| r.target_ms != target_ms) {
                self.cancel(id, clock);
            }
        }
        if self.case_of(id).is_open() {
            for (clock, begin) in from {
                self.start(id, clock, begin);
            }
        }
        if !matches!(self.status(id), Status::Loose) {
            self.pause_clocks(id);
        }
    }

    pub(super) fn customer_wrote(&mut self, case: CaseId) {
        if self.case_of(case).is_open() && self.case_of(case).clock(SlaClock::FirstResponse).is_none() {
            self.start(case, SlaClock::NextResponse, self.at);
        }
    }

    /// A person's reply was accepted by the channel. Automatic answers never come here.
    pub(super) fn reply_accepted(&mut self, case: CaseId) {
        self.meet(case, SlaClock::FirstResponse);
        self.meet(case, SlaClock::NextResponse);
        self.meet(case, SlaClock::LeaderFollowUp);
        self.meet(case, SlaClock::PeriodicUpdate);
        if self.case_of(case).is_open() {
            self.start(case, SlaClock::PeriodicUpdate, self.at);
            self.pause_clocks(case);
        }
    }

    /// Nothing is owed any more. Only an answer that is on its way still decides whether it came in time.
    pub(super) fn clocks_resolved(&mut self, case: CaseId) {
        self.meet(case, SlaClock::Resolution);
        for clock in [SlaClock::PeriodicUpdate, SlaClock::Escalation, SlaClock::LeaderFollowUp] {
            self.cancel(case, clock);
        }
        if self.case_of(case).replies == 0 {
            self.cancel(case, SlaClock::FirstResponse);
            self.cancel(case, SlaClock::NextResponse);
        }
    }

    /// A case that comes back without ever having been answered is owed its first answer from now on.
    pub(super) fn clocks_reopen(&mut self, case: CaseId) {
        if !self.case_of(case).answered {
            self.start(case, SlaClock::FirstResponse, self.at);
        }
        self.start(case, SlaClock::Resolution, self.at);
        self.start(case, SlaClock::PeriodicUpdate, self.at);
    }

    /// A case that is closed as settled or by its agent counts as solved; any other end cancels what still runs.
    pub(super) fn clocks_closed(&mut self, case: CaseId, reason: CloseReason) {
        if solves(reason) {
            self.meet(case, SlaClock::Resolution);
            if reason == CloseReason::Disposition {
                self.meet(case, SlaClock::FirstResponse);
            }
        }
        for clock in self.kinds(case) {
            self.cancel(case, clock);
        }
    }

    pub(super) fn handling_begins(&mut self, case: CaseId) {
        self.start(case, SlaClock::Handling, self.at);
        self.meet(case, SlaClock::Escalation);
    }

    /// Whoever holds it has finished it.
    pub(super) fn handled(&mut self, case: CaseId) {
        self.meet(case, SlaClock::Handling);
    }

    /// Nobody holds it any more, and it goes on.
    pub(super) fn handling_ends(&mut self, case: CaseId) {
        self.cancel(case, SlaClock::Handling);
    }

    pub(super) fn escalation_begins(&mut self, case: CaseId, moves: bool) {
        self.start(case, SlaClock::LeaderFollowUp, self.at);
        if moves {
            self.start(case, SlaClock::Escalation, self.at);
        }
    }

    pub(super) fn leader_acted(&mut self, case: CaseId) {
        self.meet(case, SlaClock::LeaderFollowUp);
    }

    /// Stops what the policy lets stand still in the case's state.
    pub(super) fn pause_clocks(&mut self, case: CaseId) {
        let status = self.status(case);
        for clock in self.kinds(case) {
            let Some(running) = self.case_of(case).clock(clock) else { continue };
            let stands = matches!(running.state(), ClockState::Paused { .. });
            let pauses = self.rule(case, clock).is_some_and(|rule| pauses_in(rule, status));
            if pauses && !stands {
                let remaining_ms = self.left_ms(running);
                self.emit(Happened::SlaPaused { case, clock, remaining_ms });
            }
        }
    }

    /// Lets everything go on that stood still.
    pub(super) fn resume_clocks(&mut self, case: CaseId) {
        for clock in self.kinds(case) {
            let Some(standing) = self.case_of(case).clock(clock) else { continue };
            if let ClockState::Paused { left_ms } = standing.state() {
                let deadline = self.rules.deadline(&standing.calendar, self.at, left_ms.max(0));
                self.emit(Happened::SlaResumed { case, clock, deadline });
            }
        }
    }

    /// A clock reached its next threshold.
    pub(super) fn clock_due(&mut self, case: CaseId, clock: SlaClock) {
        let Some(running) = self.state.cases.get(&case).and_then(|c| c.clock(clock)) else { return };
        let rule = self.rule(case, clock).cloned();
        let ClockState::Running { deadline, .. } = running.state() else { return };
        if let Some(percent) = crate::state::next_warning(running, rule.as_ref()) {
            return self.emit(Happened::SlaWarned { case, clock, percent });
        }
        self.emit(Happened::SlaBreached { case, clock, deadline });
        for step in rule.map(|r| r.on_breach).unwrap_or_default() {
            self.breach_step(case, clock, &step);
        }
    }

    fn breach_step(&mut self, case: CaseId, clock: SlaClock, step: &BreachStep) {
        match step {
            BreachStep::Priority(priority) => self.set_priority(case, priority, None),
            BreachStep::Escalate(step) => {
                self.escalate(case, Some(step), None, clock.as_str());
            }
            BreachStep::Queue(queue) => self.move_to_queue(case, queue),
        }
    }
}

/// Whether a case that is closed for this reason counts as solved.
pub(super) fn solves(reason: CloseReason) -> bool {
    [CloseReason::Closed, CloseReason::Settled, CloseReason::Disposition].contains(&reason)
}

fn pauses_in(rule: &ClockRule, status: Status) -> bool {
    match status {
        Status::Parked { on: WaitingOn::Customer, .. } => rule.pause_on_customer,
        Status::Parked { on: WaitingOn::ThirdParty, .. } => rule.pause_on_third_party,
        Status::Scheduled { .. } => rule.pause_on_scheduled,
        _ => false,
    }
}
