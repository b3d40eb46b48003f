//! Judging: what follows from an input. [`Desk::judge`] decides and remembers; [`Desk::fold`] remembers what was
//! decided before. Both go through [`State::apply`], event by event, because what is decided next depends on what was
//! decided just now.

mod admission;
mod campaigns;
mod commands;
mod deliveries;
mod duty;
mod faults;
mod judging;
mod matching;
mod messages;
mod presence;
mod routing;
mod sla;
mod timers;

use judging::Judging;

use crate::event::{Event, Happened};
use crate::input::{Body, Input, PolicyVersion};
use crate::rules::Rules;
use crate::state::State;
use crate::words::{CaseId, InputId, Name, Role};

/// A desk: what it remembers, and the rules in force.
#[derive(Debug, Clone)]
pub struct Desk<R> {
    state: State,
    rules: R,
}

impl<R: Rules> Desk<R> {
    /// A desk that nothing has reached yet.
    #[must_use]
    pub fn new(rules: R) -> Self {
        Self { state: State::default(), rules }
    }

    /// A desk that goes on from what was remembered, under the rules that were in force then.
    #[must_use]
    pub fn resumed(state: State, rules: R) -> Self {
        Self { state, rules }
    }

    /// What it remembers.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> &R {
        &self.rules
    }

    /// What follows from an input, in order. Timers due by the input's time come first, stamped with their due times.
    /// `rules` are those of the input's policy, for an input that brings a usable one.
    pub fn judge(&mut self, input: &Input, rules: Option<R>) -> Vec<Event> {
        let mut judging = Judging::new(&mut self.state, &self.rules, input);
        judging.fire_due(input.at);
        judging.arrive();
        if judging.is_repeat() {
            return judging.finish();
        }
        let Body::Policy(version) = &input.body else {
            judging.dispatch();
            return judging.finish();
        };
        let refusal = refusal(version, judging.state.policy_version, rules.is_some());
        let before = match (refusal, rules) {
            (None, Some(rules)) => {
                let before = judging.pause();
                self.rules = rules;
                before
            }
            (refusal, _) => {
                let errors = refusal.unwrap_or_default();
                judging.emit(Happened::PolicyRefused { version: version.version, errors });
                judging.rejected = true;
                return judging.finish();
            }
        };
        let mut judging = Judging::resume(&mut self.state, &self.rules, input, before);
        judging.take_policy(version);
        judging.finish()
    }

    /// Remembers what was decided on an input before. `rules` as for [`Self::judge`].
    pub fn fold(&mut self, input: &Input, events: &[Event], rules: Option<R>) {
        self.fold_seeing(input, events, rules, |_, _, _| {});
    }

    /// As [`Self::fold`], and shows what is remembered and the rules in force just before each event, by its place
    /// among the events, and after the last.
    pub fn fold_seeing(
        &mut self,
        input: &Input,
        events: &[Event],
        rules: Option<R>,
        mut see: impl FnMut(usize, &State, &R),
    ) {
        let mut rules = rules;
        let (mut case, mut rejected) = (None, false);
        self.state.begin(input.at);
        for (place, event) in events.iter().enumerate() {
            see(place, &self.state, &self.rules);
            // What timers led to stands before it.
            if matches!(event.body, Happened::PolicyApplied { .. })
                && let Some(rules) = rules.take()
            {
                self.rules = rules;
            }
            case = ends_on(&event.body).or(case);
            rejected |= is_refusal(&event.body);
            self.state.apply(event, input, &self.rules);
        }
        see(events.len(), &self.state, &self.rules);
        self.state.settle(input, case, rejected, &self.rules);
    }

    /// The event by which a router takes the desk over; it follows from no input. `decided` is what stands already of
    /// an input that is not judged to its end, after which it happens.
    pub fn take(&mut self, writer: Name, core_version: Name, decided: &[Event]) -> Event {
        let epoch = self.state.epoch + 1;
        let body = Happened::DeskTaken { writer, epoch, core_version };
        let at = decided.last().map_or(self.state.now, |last| last.at.max(self.state.now));
        let event = Event { caused_by: InputId::default(), at, body };
        self.take_event(&event);
        event
    }

    /// Remembers a take-over.
    pub fn take_event(&mut self, event: &Event) {
        if let Happened::DeskTaken { epoch, .. } = event.body {
            self.state.take(epoch);
        }
    }

    /// An agent's roles, as the desk knows them.
    #[must_use]
    pub fn roles(&self, agent: &str) -> &[Role] {
        self.state.agent_ix(agent).map_or(&[], |ix| &self.state.agents.get(ix).record.roles)
    }
}

/// Why a policy can't be taken; none: it can.
fn refusal(version: &PolicyVersion, current: u64, compiled: bool) -> Option<Vec<Name>> {
    if !version.errors.is_empty() {
        return Some(version.errors.clone());
    }
    if version.version <= current {
        let reason = format!("version {} is in force: a new one has to be higher than that", current);
        return Some(vec![reason.into()]);
    }
    (!compiled).then(|| vec!["it was not compiled".into()])
}

/// The case that an input ends on, as far as an event tells: what a repeat of the input is pointed to.
fn ends_on(body: &Happened) -> Option<CaseId> {
    match body {
        Happened::CaseOpened { case, .. }
        | Happened::MessageJoined { case, .. }
        | Happened::MessageEdited { case, .. }
        | Happened::MessageRemoved { case, .. }
        | Happened::MessageReread { case, .. } => Some(*case),
        _ => None,
    }
}

/// Whether an event says that its input was refused.
fn is_refusal(body: &Happened) -> bool {
    matches!(
        body,
        Happened::CommandRejected { .. } | Happened::InputRefused { .. } | Happened::PolicyRefused { .. }
    )
}
