//! One input being judged: where events are made and taken in.

use super::{ends_on, is_refusal};
use crate::event::{Event, Happened};
use crate::input::{Body, Input};
use crate::rules::Rules;
use crate::state::{AgentIx, Case, State, Status};
use crate::words::{AgentId, CaseId, DeliveryId, Millis, Name, Rejection};

/// An input, and what has followed from it so far.
pub(super) struct Judging<'a, R> {
    pub(super) state: &'a mut State,
    pub(super) rules: &'a R,
    pub(super) input: &'a Input,
    /// The time that is being judged: of a timer, or of the input.
    pub(super) at: Millis,
    /// The case the input ended on.
    pub(super) case: Option<CaseId>,
    /// It was refused.
    pub(super) rejected: bool,
    /// Agents and cases change their standing one after the other: nobody gets anything before all have.
    pub(super) holding: bool,
    /// Deliveries it has caused.
    parts: u32,
    out: Vec<Event>,
}

/// What has followed so far, while the rules change.
pub(super) struct SoFar {
    at: Millis,
    parts: u32,
    out: Vec<Event>,
}

impl<'a, R: Rules> Judging<'a, R> {
    pub(super) fn new(state: &'a mut State, rules: &'a R, input: &'a Input) -> Self {
        let at = state.now;
        Self {
            state,
            rules,
            input,
            at,
            case: None,
            rejected: false,
            holding: false,
            parts: 0,
            out: Vec::new(),
        }
    }

    pub(super) fn pause(self) -> SoFar {
        SoFar { at: self.at, parts: self.parts, out: self.out }
    }

    pub(super) fn resume(state: &'a mut State, rules: &'a R, input: &'a Input, before: SoFar) -> Self {
        let SoFar { at, parts, out } = before;
        Self { state, rules, input, at, case: None, rejected: false, holding: false, parts, out }
    }

    /// From here on it is the input's time, never earlier than what was judged before.
    pub(super) fn arrive(&mut self) {
        self.at = self.input.at.max(self.state.now);
    }

    /// Whether the input repeats one that is known; says so.
    pub(super) fn is_repeat(&mut self) -> bool {
        let Some(known) = self.input.key.and_then(|key| self.state.keys.get(&key)) else { return false };
        self.emit(Happened::InputDuplicated {
            of: known.input,
            case: known.case,
            was_rejected: known.was_rejected,
        });
        true
    }

    pub(super) fn dispatch(&mut self) {
        match &self.input.body {
            Body::Message(message) => self.message(message),
            Body::Contact(contact) => self.contact(contact),
            Body::Command(command) => self.command(command),
            Body::Claim(claim) => self.claim(claim),
            Body::Report(report) => self.report(report),
            Body::Agent(record) => self.agent_record(record),
            Body::Handover(handover) => self.handover(handover),
            Body::HandoverFailure(failure) => self.handover_failed(failure),
            Body::HandoverChange(change) => self.handover_change(change),
            Body::Suppression(suppression) => self.suppression(suppression),
            Body::ReferenceReport(report) => self.reference_report(report),
            Body::Reread(reread) => self.reread(reread),
            Body::Unreadable(reason) => self.refuse_input(reason),
            Body::Policy(_) | Body::Tick | Body::Heartbeat(_) => {}
        }
    }

    /// Ends the input and gives what followed.
    pub(super) fn finish(mut self) -> Vec<Event> {
        self.fire_due(self.at);
        let at = self.at;
        self.state.now = self.state.now.max(at);
        self.state.settle(self.input, self.case, self.rejected, self.rules);
        self.out
    }

    /// Makes an event and takes it in.
    pub(super) fn emit(&mut self, body: Happened) {
        self.case = ends_on(&body).or(self.case);
        self.rejected |= is_refusal(&body);
        let event = Event { caused_by: self.input.id, at: self.at, body };
        self.state.apply(&event, self.input, self.rules);
        self.out.push(event);
    }

    pub(super) fn refuse_input(&mut self, reason: &str) {
        self.emit(Happened::InputRefused { reason: reason.into() });
    }

    pub(super) fn reject(&mut self, principal: &AgentId, case: CaseId, rejection: Rejection, detail: &str) {
        let case = Some(case).filter(|c| c.0 != 0);
        self.emit(Happened::CommandRejected {
            principal: principal.clone(),
            case,
            rejection,
            detail: detail.into(),
        });
    }

    /// A case that is known to be there.
    pub(super) fn case_of(&self, id: CaseId) -> &Case {
        &self.state.cases[&id]
    }

    pub(super) fn status(&self, id: CaseId) -> Status {
        self.case_of(id).status
    }

    pub(super) fn agent_id(&self, ix: AgentIx) -> AgentId {
        self.state.agents.id(ix)
    }

    pub(super) fn next_case(&self) -> CaseId {
        CaseId(self.state.last_case + 1)
    }

    pub(super) fn next_delivery(&mut self) -> DeliveryId {
        let part = self.parts;
        self.parts += 1;
        DeliveryId { input: self.input.id, part }
    }
}

/// The name that stands where there is none.
pub(super) fn no_name() -> Name {
    "".into()
}
