//! The only way state changes: one event at a time, and the end of an input.

mod cases;
mod deliveries;
mod people;
mod sla;
mod tickets;

pub(crate) use sla::next_warning;

use super::keys::Known;
use super::timers::Timer;
use super::{EDITED, State, WITHDRAWN};
use crate::event::{Event, Happened};
use crate::input::{Ask, Body, Input, Message};
use crate::rules::Rules;
use crate::words::{CaseId, MessageKind, Millis, SlaClock};

impl State {
    /// Takes in an event that the input caused, under the rules in force.
    pub fn apply<R: Rules>(&mut self, event: &Event, input: &Input, rules: &R) {
        self.now = self.now.max(event.at);
        let at = event.at;
        match &event.body {
            Happened::DeskTaken { epoch, .. } => self.epoch = *epoch,
            Happened::PolicyApplied { version, .. } => self.take_policy(*version, at, rules),
            Happened::AgentChanged { .. }
            | Happened::AgentSignedIn { .. }
            | Happened::AgentSignedOut { .. }
            | Happened::AgentPresenceChanged { .. }
            | Happened::PullWaiting { .. }
            | Happened::PullEnded { .. }
            | Happened::AgentAdmitted { .. }
            | Happened::DayTurned { .. } => self.apply_people(event, input, rules),
            Happened::DeliveryQueued(_)
            | Happened::DeliveryStarted { .. }
            | Happened::DeliveryEnded { .. } => self.apply_delivery(event, input),
            Happened::SlaStarted { .. }
            | Happened::SlaPaused { .. }
            | Happened::SlaResumed { .. }
            | Happened::SlaMet { .. }
            | Happened::SlaWarned { .. }
            | Happened::SlaBreached { .. }
            | Happened::SlaCancelled { .. } => self.apply_sla(event, rules),
            Happened::PolicyRefused { .. }
            | Happened::InputDuplicated { .. }
            | Happened::InputRefused { .. }
            | Happened::CommandRejected { .. }
            | Happened::ClaimRefused { .. }
            | Happened::DutyCalled { .. }
            | Happened::CaseOverflowed { .. }
            | Happened::CaseHandedOver { .. }
            | Happened::HandoverFailed { .. }
            | Happened::NoteAdded { .. }
            | Happened::SystemTaskDue { .. } => {}
            Happened::ReferenceLinked { .. }
            | Happened::FaultReported { .. }
            | Happened::FaultEnded { .. } => self.apply_tickets(event, rules),
            Happened::NumbersSuppressed { .. } => self.suppress(input),
            _ => self.apply_case(event, input, rules),
        }
    }

    /// Takes in that an input's time has come: gateways that were silent until then hold no sessions any more.
    pub fn begin(&mut self, at: Millis) {
        let silent: Vec<_> =
            self.gateways.iter().filter(|(_, due)| **due <= at).map(|(g, d)| (g.clone(), *d)).collect();
        for (gateway, due) in silent {
            self.gateways.remove(&gateway);
            self.timers.clear(due, Timer::Grace(gateway));
        }
    }

    /// Forgets a gateway that was silent for too long.
    pub fn silence(&mut self, gateway: &crate::words::Name) {
        if let Some(due) = self.gateways.remove(gateway) {
            self.timers.clear(due, Timer::Grace(gateway.clone()));
        }
    }

    /// Begins an epoch.
    pub fn take(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Takes in the end of an input: its time, its key, and what it says without any event.
    pub fn settle<R: Rules>(&mut self, input: &Input, case: Option<CaseId>, was_rejected: bool, rules: &R) {
        self.now = self.now.max(input.at);
        let now = self.now;
        while let Some((due, timer)) = self.timers.first_due(now) {
            self.timers.clear(due, timer.clone());
            if let Timer::Grace(gateway) = timer {
                self.gateways.remove(&gateway);
            }
        }
        let limits = &rules.tables().limits;
        let repeats =
            input.key.and_then(|key| self.keys.get(&key)).is_some_and(|known| known.input != input.id);
        if let Some(key) = input.key {
            let known = Known { input: input.id, case, was_rejected };
            match (&input.body, self.keys.get(&key).is_some()) {
                (_, true) => {}
                (Body::Contact(contact), false) => self.keys.keep(&contact.campaign, key, known),
                (_, false) => self.keys.remember(now, key, known),
            }
        }
        self.keys.forget_before(now.saturating_sub(limits.key_memory_ms));
        self.overtaken.forget_before(now.saturating_sub(limits.key_memory_ms));
        self.answered.forget_before(now.saturating_sub(limits.acknowledgement_gap_ms));
        match &input.body {
            Body::Heartbeat(beat) => self.hear(&beat.gateway, now.saturating_add(limits.grace_ms)),
            Body::Command(command)
                if !was_rejected && !repeats && !matches!(command.ask, Ask::CancelPull { .. }) =>
            {
                self.touch(command.case, &command.principal, now, rules);
            }
            Body::Message(message) if !repeats => self.overtake(message, now),
            _ => {}
        }
    }

    /// What was withdrawn or edited may itself come later: that is known as long as a repeat would be.
    fn overtake(&mut self, message: &Message, now: Millis) {
        let how = match message.kind {
            MessageKind::Remove => WITHDRAWN,
            MessageKind::Edit => EDITED,
            MessageKind::New | MessageKind::Bounce | MessageKind::Automatic => return,
        };
        if let Some(source) = message.source {
            self.overtaken.note(now, source, &how.into());
        }
    }

    /// Takes in a change of the do-not-call list.
    fn suppress(&mut self, input: &Input) {
        let Body::Suppression(suppression) = &input.body else { return };
        for number in &suppression.numbers {
            if suppression.lifted {
                self.suppressed.remove(number);
            } else {
                self.suppressed.insert(*number);
            }
        }
    }

    /// A gateway lives: its silence counts anew.
    pub(super) fn hear(&mut self, gateway: &crate::words::Name, until: Millis) {
        if let Some(due) = self.gateways.insert(gateway.clone(), until) {
            self.timers.clear(due, Timer::Grace(gateway.clone()));
        }
        self.timers.set(until, Timer::Grace(gateway.clone()));
    }

    /// Who holds the case did something with it: the pull that brought it can no longer take it back, and a lent
    /// contact is lent anew.
    fn touch<R: Rules>(&mut self, id: CaseId, principal: &str, now: Millis, rules: &R) {
        let agent = self.agents.find(principal);
        let Some(case) = self.cases.get_mut(&id).filter(|c| agent.is_some() && c.holder() == agent) else {
            return;
        };
        case.is_touched();
        if case.calling.as_ref().is_some_and(|calling| calling.lease_due.is_some()) {
            self.lend(id, now, rules);
        }
    }

    fn take_policy<R: Rules>(&mut self, version: u64, at: Millis, rules: &R) {
        self.policy_version = version;
        let tables = rules.tables();
        self.keys.forget_campaigns(|campaign| tables.campaign(campaign).is_some());
        for ix in self.demand.places() {
            let rank = tables.queue(&self.demand.get(ix).queue).map_or(i32::MAX, |q| q.rank);
            self.demand.get_mut(ix).rank = rank;
        }
        for ix in self.agents.places() {
            self.refresh_agent(ix, rules);
        }
        self.time_anew(rules);
        self.turn_day(rules.day(at), rules);
    }

    /// Sets timers by the times of the rules that now hold: a clock's next threshold, a waiting case's next step. What
    /// was set by other rules would come too early, too late or not at all.
    fn time_anew<R: Rules>(&mut self, rules: &R) {
        let mut ids: Vec<CaseId> = self.cases.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.time_widening(id, rules);
            let clocks: Vec<SlaClock> = self
                .cases
                .get(&id)
                .map_or_else(Vec::new, |case| case.clocks.iter().map(|c| c.clock).collect());
            for clock in clocks {
                self.arm(id, clock, rules);
            }
        }
    }

    /// The fields that views of an event's case need: the case, which has to be there.
    fn case_mut(&mut self, id: CaseId) -> Option<&mut super::Case> {
        self.cases.get_mut(&id).map(|boxed| &mut **boxed)
    }
}
