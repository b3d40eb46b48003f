//! Invariant 2: every accepted message is on exactly one case, every contact opened one, none is lost and none doubled.

use std::collections::{BTreeSet, HashMap};

use simpang_proto::log::v1::{self, event::Body};

use crate::arrived::{Arrived, Key, Kind};
use crate::report::Findings;
use crate::{Code, InputId};

/// The latest input that was judged under a key.
#[derive(Debug, Clone, Copy)]
struct Original {
    id: InputId,
    now_ms: i64,
    /// The desk could not take it then, or could not read it.
    passing: bool,
    joined: bool,
}

/// A message: its input, and its place among those of a handover.
type Part = (InputId, u32);

/// Which case each message is on.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// How long the desk remembers keys, ms; none: for ever.
    memory_ms: Option<i64>,
    /// What was judged before then is forgotten, ms, by a policy that is over.
    forgotten_ms: i64,
    keys: HashMap<Key, Original>,
    cases: HashMap<InputId, u64>,
    /// Messages of customers on a case; none once a split or merge made the number a matter of the core.
    counts: HashMap<u64, Option<u32>>,
    merged: HashMap<u64, u64>,
    /// Messages that their authors withdrew.
    withdrawn: BTreeSet<Part>,
    /// Messages of handovers by what those name them by.
    handed: HashMap<Key, Part>,
    /// Messages that a split named and that have not joined the new case yet.
    leaving: BTreeSet<InputId>,
    /// How far each sending desk's handovers have come.
    handovers: HashMap<String, (u64, u32)>,
}

impl Messages {
    pub(crate) fn new(memory_ms: Option<i64>) -> Self {
        Self { memory_ms, forgotten_ms: i64::MIN, ..Self::default() }
    }

    /// From now on keys are remembered for another time; what is forgotten by now stays so.
    pub(crate) fn remember_for(&mut self, memory_ms: Option<i64>, now_ms: i64) {
        let forgotten_ms = self.memory_ms.map_or(i64::MIN, |before| now_ms.saturating_sub(before));
        self.forgotten_ms = self.forgotten_ms.max(forgotten_ms);
        self.memory_ms = memory_ms;
    }

    /// Whether an input with this key stands judged on the log.
    pub(crate) fn knows(&self, key: &Key) -> bool {
        self.keys.contains_key(key)
    }

    pub(crate) fn event(&mut self, body: &Body, cause: Option<&mut Arrived>, found: &mut Findings) {
        match body {
            Body::CaseOpened(c) if c.split_from == 0 => {
                if let Some(cause) = cause {
                    cause.trace.opened += 1;
                    cause.trace.opened_case = c.case;
                }
            }
            Body::MessageJoined(j) if j.by() == v1::JoinedBy::Agent => self.moved(j, found),
            Body::MessageJoined(j) => self.joined(j, cause, found),
            Body::MessageEdited(m) => self.changed(m.case, part(m.message, m.part), cause, found),
            Body::MessageRemoved(m) => {
                self.withdrawn.insert(part(m.message, m.part));
                self.changed(m.case, part(m.message, m.part), cause, found);
            }
            Body::MessageReread(m) => self.reread(m, cause, found),
            Body::CaseMerged(m) => {
                self.merged.insert(m.case, m.into);
                self.counts.insert(m.into, None);
            }
            Body::CaseSplit(s) => self.split(s, found),
            Body::CaseForgotten(c) => {
                self.counts.remove(&c.case);
            }
            _ => {}
        }
    }

    fn joined(&mut self, join: &v1::MessageJoined, cause: Option<&mut Arrived>, found: &mut Findings) {
        let message = InputId::from(join.message.unwrap_or_default());
        let Some(cause) = cause.filter(|c| c.id == message && carries_messages(&c.kind)) else {
            found.broken(
                Code::MessageUnknown,
                format_args!("{message} joined case {} and is no message", join.case),
            );
            return;
        };
        cause.trace.joined += 1;
        cause.trace.joined_case = join.case;
        let handover = matches!(cause.kind, Kind::Handover { .. });
        // At once: what changed since may be judged in the same commit.
        if let Kind::Handover { names, .. } = &cause.kind {
            self.handed.extend(names.iter().copied().zip((0..).map(|part| (message, part))));
        }
        if self.cases.insert(message, join.case).is_some() {
            found.broken(
                Code::MessageDoubled,
                format_args!("message {message} joined case {} again", join.case),
            );
        }
        self.count(join, handover, found);
    }

    /// What another desk says changes the message that it had handed over, on the case that has it, once.
    fn changed(&self, case: u64, part: Part, cause: Option<&mut Arrived>, found: &mut Findings) {
        let Some(cause) = cause else { return };
        cause.trace.changed += 1;
        let Kind::HandoverChange { message: named, .. } = &cause.kind else { return };
        if !self.is_handed(*named, part) || !self.is_on(part.0, case) || cause.trace.changed > 1 {
            let (message, at) = part;
            found.broken(
                Code::ChangeAmiss,
                format_args!("message {message}, part {at}, changed on case {case} as another desk said"),
            );
        }
    }

    /// What is read again stands on its case, is not withdrawn, and is what the input names, once.
    fn reread(&self, event: &v1::MessageReread, cause: Option<&mut Arrived>, found: &mut Findings) {
        let part = part(event.message, event.part);
        let named = cause.is_some_and(|c| {
            c.trace.changed += 1;
            let is_named = match c.kind {
                Kind::Reread(named) => named == part.0,
                Kind::HandoverChange { message: named, .. } => self.is_handed(named, part),
                _ => false,
            };
            is_named && c.trace.changed == 1
        });
        if !self.is_on(part.0, event.case) || !named || self.withdrawn.contains(&part) {
            let (message, case) = (part.0, event.case);
            found.broken(Code::RereadAmiss, format_args!("message {message} was read again on case {case}"));
        }
    }

    fn is_handed(&self, named: Option<Key>, part: Part) -> bool {
        named.is_none_or(|named| self.handed.get(&named) == Some(&part))
    }

    /// Whether a case has a message, after all merges.
    fn is_on(&self, message: InputId, case: u64) -> bool {
        self.cases.get(&message).is_some_and(|on| self.resolve(*on) == self.resolve(case))
    }

    fn count(&mut self, join: &v1::MessageJoined, handover: bool, found: &mut Findings) {
        let count = self.counts.entry(join.case).or_insert(Some(0));
        let Some(before) = *count else { return };
        let follows = join.count == before + 1 || (join.count == before && join.automatic);
        if !follows && !handover {
            let (case, now) = (join.case, join.count);
            found.broken(Code::MessageCount, format_args!("case {case} has {now} messages after {before}"));
        }
        *count = Some(join.count);
    }

    /// An agent split or merged.
    fn moved(&mut self, join: &v1::MessageJoined, found: &mut Findings) {
        let (message, case) = (InputId::from(join.message.unwrap_or_default()), join.case);
        let Some(on) = self.cases.insert(message, case) else {
            found
                .broken(Code::MessageUnknown, format_args!("{message} moved to case {case} and was on none"));
            return;
        };
        let left = self.leaving.remove(&message);
        if self.resolve(on) != self.resolve(case) {
            found
                .broken(Code::MessageMoved, format_args!("message {message} moved from case {on} to {case}"));
        } else if on == case && !left {
            found.broken(Code::MessageDoubled, format_args!("message {message} joined case {case} again"));
        }
    }

    fn split(&mut self, split: &v1::CaseSplit, found: &mut Findings) {
        for message in split.messages.iter().copied().map(InputId::from) {
            let on = self.cases.get(&message).map(|case| self.resolve(*case));
            if on != Some(self.resolve(split.case)) {
                let case = split.case;
                found.broken(
                    Code::SplitAmiss,
                    format_args!("message {message} left case {case} and was not on it"),
                );
            }
            self.cases.insert(message, split.into);
            self.leaving.insert(message);
        }
        if split.messages.is_empty() {
            found.broken(Code::SplitAmiss, format_args!("no message left case {}", split.case));
        }
        self.counts.insert(split.case, None);
        self.counts.insert(split.into, None);
    }

    /// Where the messages of a case are after all merges.
    fn resolve(&self, case: u64) -> u64 {
        let mut at = case;
        // A chain of merges is no longer than there are merges; a ring of them ends here too.
        for _ in 0..=self.merged.len() {
            match self.merged.get(&at) {
                Some(into) => at = *into,
                None => break,
            }
        }
        at
    }

    /// At the end of an input's events: what a split named has joined the new case.
    pub(crate) fn end(&mut self, found: &mut Findings) {
        for message in std::mem::take(&mut self.leaving) {
            found
                .broken(Code::SplitAmiss, format_args!("message {message} was split off and joined no case"));
        }
    }

    /// At the end of an input.
    pub(crate) fn judged(&mut self, input: &Arrived, found: &mut Findings) {
        self.whole(input, found);
        self.repeat(input, found);
    }

    fn whole(&mut self, input: &Arrived, found: &mut Findings) {
        let (id, trace) = (input.id, &input.trace);
        let traces = trace.joined + trace.changed + trace.refusals;
        match &input.kind {
            Kind::Message if traces == 0 => {
                found.broken(
                    Code::MessageLost,
                    format_args!("message {id} is on no case and was not refused"),
                );
            }
            Kind::Message if trace.joined > 0 && trace.refusals > 0 => {
                found
                    .broken(Code::FollowsRefusal, format_args!("message {id} was refused and joined a case"));
            }
            Kind::Message if trace.joined > 1 => {
                found
                    .broken(Code::MessageDoubled, format_args!("message {id} joined {} times", trace.joined));
            }
            Kind::Message
                if trace.opened > 1 || (trace.opened == 1 && trace.opened_case != trace.joined_case) =>
            {
                let (opened, joined) = (trace.opened_case, trace.joined_case);
                found.broken(
                    Code::OpeningAmiss,
                    format_args!("message {id} opened case {opened}, joined {joined}"),
                );
            }
            Kind::Contact(_) if trace.opened + trace.refusals == 0 => {
                found.broken(
                    Code::ContactLost,
                    format_args!("contact {id} opened no case and was not refused"),
                );
            }
            Kind::Contact(_) if trace.opened > 1 => {
                found
                    .broken(Code::ContactDoubled, format_args!("contact {id} opened {} cases", trace.opened));
            }
            Kind::Handover { desk, at, .. } if trace.refusals == 0 => {
                let (opened, joined) = (trace.opened_case, trace.joined_case);
                if trace.opened != 1 || trace.joined != 1 || opened != joined {
                    found.broken(
                        Code::HandoverAmiss,
                        format_args!("the case handed over by {desk} in {id} is on no case"),
                    );
                }
                self.in_order(id, desk, *at, found);
            }
            Kind::HandoverChange { desk, at, .. } if trace.refusals == 0 => {
                self.in_order(id, desk, *at, found);
            }
            _ => {}
        }
    }

    fn in_order(&mut self, id: InputId, desk: &str, at: (u64, u32), found: &mut Findings) {
        let before = self.handovers.insert(desk.to_owned(), at);
        if before.is_some_and(|before| at <= before) {
            found.broken(
                Code::HandoverAmiss,
                format_args!("{id} is handed over by {desk} again or out of order"),
            );
        }
    }

    fn repeat(&mut self, input: &Arrived, found: &mut Findings) {
        let id = input.id;
        let original = input.key.and_then(|key| self.keys.get(&key).copied());
        let handover = matches!(input.kind, Kind::Handover { .. } | Kind::HandoverChange { .. });
        if let Some(of) = input.trace.repeats {
            // A desk's cursor knows repeated handovers without their keys.
            if original.is_none_or(|o| o.id != of) && !(handover && of < id) {
                found.broken(Code::DuplicateAmiss, format_args!("input {id} does not repeat {of}"));
            }
            return;
        }
        let Some(key) = input.key else { return };
        let (joined, passing) = (input.trace.joined > 0, input.trace.passing);
        if let Some(first) = original {
            let remembered = self.memory_ms.is_none_or(|ms| input.now_ms - first.now_ms <= ms)
                && first.now_ms >= self.forgotten_ms;
            if remembered && !first.passing {
                // What can't be read is set aside whatever it repeats.
                if passing {
                    return;
                }
                found.broken(
                    Code::RepeatJudged,
                    format_args!("input {id} repeats {} and was judged again", first.id),
                );
            }
            if joined && first.joined {
                found.broken(Code::MessageDoubled, format_args!("message {id} is {} once more", first.id));
            }
        }
        self.keys.insert(key, Original { id, now_ms: input.now_ms, passing, joined });
    }
}

fn part(message: Option<v1::InputId>, part: u32) -> Part {
    (InputId::from(message.unwrap_or_default()), part)
}

fn carries_messages(kind: &Kind) -> bool {
    matches!(kind, Kind::Message | Kind::Handover { .. })
}
