//! The life of a case as `event.proto` tells it: opened before anything else, nothing but reopening and forgetting
//! after it closed. Where the shapes are silent (a note on a closed case, a late bounce, whether an agent may reopen
//! what is closed) it is lenient.

use simpang_proto::log::v1::{self, event::Body};

use crate::arrived::{Arrived, Kind};
use crate::desk::{Case, Desk, Phase, Place};
use crate::report::Findings;
use crate::{Code, InputId};

/// What an event needs of its case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Opened, at whatever time.
    Opened,
    /// Not forgotten.
    Known,
    /// Not closed before this input.
    Live,
    Open,
    Resolved,
    NotClosed,
    Closed,
    /// Parked or scheduled.
    Away,
    /// Open and not scheduled.
    Here,
}

/// What later events must bear out.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    /// A split: the new case, whose opening comes next, and the case it is split from.
    split: Option<(u64, u64)>,
    /// Cases that were merged by this input and must be closed at its end.
    merged: Vec<u64>,
    /// Cases that were handed over by this input, each once, and closed as such.
    handed: Vec<u64>,
}

impl Lifecycle {
    /// Checks an event against the desk before it.
    pub(crate) fn event(&mut self, desk: &Desk, body: &Body, cause: Option<&Arrived>, found: &mut Findings) {
        self.after_split(body, found);
        match body {
            Body::CaseOpened(e) => opened(desk, e, found),
            Body::CaseSplit(e) => self.split = Some((e.into, e.case)),
            Body::CaseMerged(e) => self.merged(desk, e, found),
            Body::CaseWidened(e) => widened(desk, e, found),
            Body::CaseHandedOver(e) => {
                if self.handed.contains(&e.case) {
                    found.broken(Code::HandoverAmiss, format_args!("case {} is handed over twice", e.case));
                }
                self.handed.push(e.case);
            }
            Body::CaseClosed(e)
                if e.reason() == v1::CloseReason::HandedOver && !self.handed.contains(&e.case) =>
            {
                let case = e.case;
                found
                    .broken(Code::HandoverAmiss, format_args!("case {case} closes as handed over to nobody"));
            }
            _ => {}
        }
        if let Some((number, needs)) = needs(body) {
            check(desk, number, needs, cause, found);
        }
    }

    fn after_split(&mut self, body: &Body, found: &mut Findings) {
        let opened = match body {
            Body::CaseOpened(e) => (e.case, e.split_from),
            _ => (0, 0),
        };
        let expected = self.split.take();
        if expected.is_some_and(|split| split != opened) {
            found.broken(Code::SplitAmiss, format_args!("a split's new case is not opened next"));
        } else if expected.is_none() && opened.1 != 0 {
            found.broken(
                Code::SplitAmiss,
                format_args!("case {} is split from {}, which says nothing", opened.0, opened.1),
            );
        }
    }

    fn merged(&mut self, desk: &Desk, merge: &v1::CaseMerged, found: &mut Findings) {
        let goes_on = desk.cases.get(&merge.into).is_some_and(|c| c.phase != Phase::Closed);
        if merge.case == merge.into || !goes_on || self.merged.contains(&merge.case) {
            found.broken(Code::MergeAmiss, format_args!("case {} merged into {}", merge.case, merge.into));
        }
        self.merged.push(merge.case);
    }

    /// At the end of an input's events.
    pub(crate) fn end(&mut self, desk: &Desk, found: &mut Findings) {
        for number in self.handed.drain(..) {
            if desk.cases.get(&number).is_some_and(|c| c.phase != Phase::Closed) {
                found.broken(
                    Code::HandoverAmiss,
                    format_args!("case {number} was handed over and did not close"),
                );
            }
        }
        for number in self.merged.drain(..) {
            if desk.cases.get(&number).is_some_and(|c| c.phase != Phase::Closed) {
                found.broken(Code::MergeAmiss, format_args!("case {number} was merged and did not close"));
            }
        }
    }
}

fn opened(desk: &Desk, event: &v1::CaseOpened, found: &mut Findings) {
    let (number, last) = (event.case, desk.last_case);
    if number != last + 1 {
        found.broken(Code::CaseNumber, format_args!("case {number} was opened after case {last}"));
    }
    let follows = event.follows;
    let closed = desk.cases.get(&follows).map_or(follows <= last, |c| c.phase == Phase::Closed);
    if follows != 0 && !closed {
        found.broken(
            Code::CaseState,
            format_args!("case {number} follows case {follows}, which is not closed"),
        );
    }
}

/// Steps come one by one; a new place in the same queue may keep its step or begin again.
fn widened(desk: &Desk, event: &v1::CaseWidened, found: &mut Findings) {
    let Some(case) = desk.cases.get(&event.case) else { return };
    if case.place != Place::Waiting || !(case.step + 1..=case.step_max + 1).contains(&event.step) {
        let (number, step, before) = (event.case, event.step, case.step_max);
        found.broken(
            Code::CaseState,
            format_args!("case {number} widened to step {step} after step {before}"),
        );
    }
}

fn check(desk: &Desk, number: u64, needs: Needs, cause: Option<&Arrived>, found: &mut Findings) {
    if needs == Needs::Opened && (1..=desk.last_case).contains(&number) {
        return;
    }
    let Some(case) = desk.cases.get(&number) else {
        found.broken(Code::CaseUnknown, format_args!("case {number} was not opened, or was forgotten"));
        return;
    };
    if !meets(case, needs, cause) {
        let now = case.phase;
        found.broken(Code::CaseState, format_args!("case {number} is {now:?}, the event needs it {needs:?}"));
    }
}

fn meets(case: &Case, needs: Needs, cause: Option<&Arrived>) -> bool {
    let now = cause.map(|c| c.id);
    let asked =
        cause.is_some_and(|c| matches!(c.kind, Kind::Message | Kind::Command(_) | Kind::HandoverFailure));
    match needs {
        Needs::Opened | Needs::Known => true,
        Needs::Live => case.phase != Phase::Closed || closed_now(case, now),
        Needs::Open => case.phase == Phase::Open,
        Needs::Resolved => case.phase == Phase::Resolved || (case.phase == Phase::Closed && asked),
        Needs::NotClosed => case.phase != Phase::Closed,
        Needs::Closed => case.phase == Phase::Closed,
        Needs::Away => case.parked || case.scheduled,
        Needs::Here => case.phase == Phase::Open && !case.scheduled,
    }
}

fn closed_now(case: &Case, now: Option<InputId>) -> bool {
    now.is_some() && case.closed_by == now
}

/// The case an event is about, and what it needs of it.
fn needs(body: &Body) -> Option<(u64, Needs)> {
    let (case, needs) = match body {
        Body::MessageJoined(e) => (e.case, Needs::Known),
        Body::MessageEdited(e) => (e.case, Needs::Known),
        Body::MessageRemoved(e) => (e.case, Needs::Known),
        Body::MessageReread(e) => (e.case, Needs::Known),
        Body::CaseIdentified(e) => (e.case, Needs::Known),
        Body::CaseCategorised(e) => (e.case, Needs::Known),
        Body::CaseClassified(e) => (e.case, Needs::Live),
        Body::CaseQueued(e) => (e.case, Needs::Here),
        Body::CaseOffered(e) => (e.case, Needs::Here),
        Body::OfferEnded(e) => (e.case, Needs::Known),
        Body::CaseAssigned(e) => (e.case, Needs::Here),
        Body::CaseUnassigned(e) => (e.case, Needs::Known),
        Body::CaseParked(e) => (e.case, Needs::Open),
        Body::CaseResumed(e) => (e.case, Needs::Away),
        Body::CaseScheduled(e) => (e.case, Needs::Open),
        Body::CaseResolved(e) => (e.case, Needs::Open),
        Body::CaseReopened(e) => (e.case, Needs::Resolved),
        Body::CaseClosed(e) => (e.case, Needs::NotClosed),
        Body::CaseForgotten(e) => (e.case, Needs::Closed),
        Body::CaseEscalated(e) => (e.case, Needs::Live),
        Body::DutyCalled(e) => (e.case, Needs::Live),
        Body::CaseFollowed(e) => (e.case, Needs::NotClosed),
        Body::CaseUnfollowed(e) => (e.case, Needs::NotClosed),
        Body::CaseOverflowed(e) => (e.case, Needs::Here),
        Body::CasePlacedLast(e) => (e.case, Needs::Here),
        Body::CaseHandedOver(e) => (e.case, Needs::Live),
        Body::HandoverFailed(e) => (e.case, Needs::Closed),
        Body::CaseMerged(e) => (e.case, Needs::Live),
        Body::CaseSplit(e) => (e.case, Needs::Live),
        Body::NoteAdded(e) => (e.case, Needs::Known),
        Body::ReferenceLinked(e) => (e.case, Needs::Known),
        Body::FaultReported(e) => (e.case, Needs::Open),
        Body::FaultEnded(e) => (e.case, Needs::Known),
        Body::PriorityChanged(e) => (e.case, Needs::Live),
        Body::CaseWidened(e) => (e.case, Needs::Open),
        Body::DeliveryQueued(e) => (e.case, Needs::Opened),
        Body::DeliveryStarted(e) => (e.case, Needs::Opened),
        Body::DeliveryEnded(e) => (e.case, Needs::Opened),
        Body::DispositionRecorded(e) => (e.case, Needs::Live),
        Body::SystemTaskDue(e) => (e.case, Needs::Live),
        Body::SlaStarted(e) => (e.case, Needs::Live),
        Body::SlaPaused(e) => (e.case, Needs::Known),
        Body::SlaResumed(e) => (e.case, Needs::Live),
        Body::SlaMet(e) => (e.case, Needs::Known),
        Body::SlaWarned(e) => (e.case, Needs::Live),
        Body::SlaBreached(e) => (e.case, Needs::Live),
        Body::SlaCancelled(e) => (e.case, Needs::Known),
        _ => return None,
    };
    Some((case, needs))
}
