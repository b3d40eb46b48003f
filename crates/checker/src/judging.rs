//! Invariant 1: every input is judged exactly once, in order, and `decided_through` never goes back. Also times of
//! events, and what may follow from a command.

use std::collections::VecDeque;

use simpang_proto::log::v1::{self, event::Body};

use crate::arrived::{Arrived, Kind};
use crate::chain::is_take_over;
use crate::ids::Decided;
use crate::report::Findings;
use crate::{Code, InputId};

/// Inputs that wait to be judged, and how far judging has come.
#[derive(Debug)]
pub(crate) struct Judging {
    /// Not judged to their end, in order.
    pub(crate) waiting: VecDeque<Arrived>,
    pub(crate) decided: Decided,
    /// The broker's time of the last record, never earlier than of one before.
    now_ms: i64,
    /// Time of the last event.
    event_ms: i64,
    /// What the commit that is being looked at may judge.
    through: Decided,
    /// Cause of the event before in that commit.
    cause: Option<InputId>,
}

impl Judging {
    pub(crate) fn new() -> Self {
        let nothing = Decided::NOTHING;
        Self {
            waiting: VecDeque::new(),
            decided: nothing,
            now_ms: i64::MIN,
            event_ms: i64::MIN,
            through: nothing,
            cause: None,
        }
    }

    /// The time that the core sees for a record of the broker's time `at_ms`.
    pub(crate) fn now(&mut self, at_ms: i64) -> i64 {
        self.now_ms = self.now_ms.max(at_ms);
        self.now_ms
    }

    /// Begins a commit: where it says it has come to.
    pub(crate) fn begin(&mut self, commit: &v1::Commit, seq: u64, through: Decided, found: &mut Findings) {
        self.cause = None;
        let before = self.decided;
        let taken = commit.events.first().is_some_and(is_take_over);
        if through < before || (through == before && !taken) {
            found.broken(Code::DecidedBack, format_args!("judged through {through} after {before}"));
        } else if through > before && (through.input.seq >= seq || self.find(through.input).is_none()) {
            found.broken(
                Code::DecidedUnknown,
                format_args!("judged through {through}, where no input stands"),
            );
        }
        self.through = through.max(before);
    }

    /// Checks an event's cause and time; answers where its cause waits.
    pub(crate) fn event(&mut self, event: &v1::Event, found: &mut Findings) -> Option<usize> {
        if event.at_ms < self.event_ms {
            let (now, before) = (event.at_ms, self.event_ms);
            found.broken(
                Code::EventTimeBack,
                format_args!("an event at {now} ms comes after one at {before} ms"),
            );
        }
        self.event_ms = self.event_ms.max(event.at_ms);
        if is_take_over(event) {
            return None;
        }
        let cause = InputId::from(event.caused_by.unwrap_or_default());
        if self.cause.is_some_and(|before| cause < before) {
            found.broken(
                Code::CauseOutOfOrder,
                format_args!("an event of {cause} comes after one of a later input"),
            );
        }
        self.cause = self.cause.max(Some(cause));
        let at = self.find(cause).filter(|_| cause <= self.through.input);
        let Some(at) = at else {
            let (from, to) = (self.decided, self.through);
            found.broken(
                Code::CauseOutOfRange,
                format_args!("{cause} is not judged here, after {from} through {to}"),
            );
            return None;
        };
        let now_ms = self.waiting[at].now_ms;
        if event.at_ms > now_ms {
            let ms = event.at_ms;
            found.broken(
                Code::EventTimeAhead,
                format_args!("an event at {ms} ms, its cause {cause} at {now_ms} ms"),
            );
        }
        Some(at)
    }

    /// Ends a commit: takes the next input that is judged to its end.
    pub(crate) fn next_judged(&mut self) -> Option<Arrived> {
        self.decided = self.through;
        self.waiting.pop_front_if(|first| self.through.covers(first.id))
    }

    /// At the end of a desk's work everything is judged.
    pub(crate) fn finish(&self, quiescent: bool, found: &mut Findings) {
        found.counts.unjudged = self.waiting.len() as u64;
        for left in self.waiting.iter().filter(|_| quiescent) {
            found.broken_at(
                Code::Unjudged,
                left.id.seq,
                format_args!("input {} is not judged to its end", left.id),
            );
        }
    }

    fn find(&self, id: InputId) -> Option<usize> {
        self.waiting.binary_search_by_key(&id, |a| a.id).ok()
    }
}

/// Notes on its cause what an event refuses, and checks that nothing follows a refusal.
pub(crate) fn refusals(body: &Body, cause: &mut Arrived, found: &mut Findings) {
    let id = cause.id;
    cause.trace.answers += u32::from(cause.answer.is_some_and(|answers| answers(body)));
    if cause.trace.refusals > 0 {
        let again =
            matches!(body, Body::InputDuplicated(_) | Body::InputRefused(_) | Body::CommandRejected(_));
        let code = if again { Code::RejectedTwice } else { Code::FollowsRefusal };
        found.broken(code, format_args!("input {id} was refused, and more followed from it"));
    }
    match body {
        Body::InputDuplicated(d) => {
            found.counts.duplicates += 1;
            cause.trace.refusals += 1;
            cause.trace.repeats = Some(d.of.unwrap_or_default().into());
        }
        Body::InputRefused(_) => {
            found.counts.refused += 1;
            cause.trace.refusals += 1;
            cause.trace.passing = true;
        }
        Body::CommandRejected(r) => {
            found.counts.rejected += 1;
            cause.trace.refusals += 1;
            cause.trace.passing = r.rejection() == v1::Rejection::Busy;
            let asked = matches!(&cause.kind, Kind::Command(c) if c.principal == r.principal);
            if !asked {
                let who = &r.principal;
                found.broken(Code::RejectedWrongly, format_args!("input {id} is no command of {who}"));
            }
        }
        Body::PolicyApplied(_) | Body::PolicyRefused(_) => cause.trace.policies += 1,
        _ => {}
    }
}

/// At the end of an input: it was answered or refused, a policy document once.
pub(crate) fn answered(input: &Arrived, found: &mut Findings) {
    if input.answer.is_some() && input.trace.answers + input.trace.refusals == 0 {
        found
            .broken(Code::InputUnanswered, format_args!("input {} has neither answer nor refusal", input.id));
    }
    if matches!(input.kind, Kind::Policy { .. }) && input.trace.policies + input.trace.refusals != 1 {
        let (id, times) = (input.id, input.trace.policies + input.trace.refusals);
        found.broken(
            Code::PolicyUndecided,
            format_args!("the policy of input {id} was decided {times} times"),
        );
    }
}
