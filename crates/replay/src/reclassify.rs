//! Which cases another policy would have classified otherwise. The log is folded as it stands; wherever the rules ran,
//! the other policy's rules run over the very same facts. What it would have led to (who would have got the case then)
//! is not followed up: every decision stands for itself.
//!
//! The rules ran where an event says what they came to, and also where they came to what the case had already, of
//! which no event tells: when a customer became known, when an agent said what a case is about or reported a fault,
//! and, after another policy, for open cases that nobody held when it came.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use simpang_domain::event::{Event, Happened};
use simpang_domain::rules::{Action, Rules};
use simpang_domain::state::{Case, State};
use simpang_domain::words::{CaseId, InputId, Millis, Name, Occasion};
use simpang_log::tail::Entry;
use simpang_log::{DeskName, LogError};
use simpang_policy::Policy;

use crate::explain::facts;
use crate::fold::{Decided, Fold};

/// Which part of a log is looked at.
#[derive(Debug, Clone)]
pub struct Span {
    /// Sequences of the inputs that rules ran on.
    pub seqs: RangeInclusive<u64>,
    /// Times at which they ran, ms since 1970 UTC.
    pub times: RangeInclusive<Millis>,
}

/// What rules said of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The rule that matched.
    pub rule: Name,
    /// Segment; none: unknown.
    pub segment: Option<Name>,
    /// Priority.
    pub priority: Name,
    /// Queue.
    pub queue: Name,
    /// Skills that the case needs, the queue's among them, sorted.
    pub skills: Vec<Name>,
    /// SLA.
    pub sla: Option<Name>,
    /// What else follows, by its name on the log, whether or not it was done before on this case.
    pub actions: Vec<Name>,
}

/// What an [`Answer`] says, for counts: all but the rule.
pub const PARTS: [&str; 6] = ["segment", "priority", "queue", "skills", "sla", "actions"];

impl Answer {
    /// One of [`PARTS`], as people read it; `-` where there is none.
    #[must_use]
    pub fn part(&self, part: &str) -> String {
        let one = |name: &Option<Name>| name.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let all = |names: &[Name]| if names.is_empty() { "-".to_owned() } else { names.join(", ") };
        match part {
            "segment" => one(&self.segment),
            "priority" => self.priority.to_string(),
            "queue" => self.queue.to_string(),
            "skills" => all(&self.skills),
            "sla" => one(&self.sla),
            "actions" => all(&self.actions),
            _ => "-".to_owned(),
        }
    }
}

/// One run of the rules, taken again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The input on which they ran.
    pub input: InputId,
    /// When, ms since 1970 UTC.
    pub at: Millis,
    /// The case.
    pub case: CaseId,
    /// Why they ran.
    pub occasion: Occasion,
    /// Version of the policy that was in force.
    pub policy: u64,
    /// What the rules in force said.
    pub then: Answer,
    /// What the other policy's rules say.
    pub now: Answer,
}

impl Decision {
    /// What is different, of [`PARTS`]; nothing where only another rule says the same.
    #[must_use]
    pub fn differing(&self) -> Vec<&'static str> {
        let differs = |part: &&str| self.then.part(part) != self.now.part(part);
        PARTS.into_iter().filter(differs).collect()
    }
}

/// What many decisions come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// How often rules ran.
    pub decisions: u64,
    /// Of those, with the same answer by the same rule.
    pub same: u64,
    /// With the same answer by another rule.
    pub by_another_rule: u64,
    /// With another answer.
    pub different: u64,
    /// Cases on which rules ran.
    pub cases: BTreeSet<CaseId>,
    /// Cases with another answer at least once.
    pub different_cases: BTreeSet<CaseId>,
    /// How often, by what is different and by what it was and would be.
    pub by: BTreeMap<&'static str, BTreeMap<(String, String), u64>>,
}

impl Totals {
    /// Counts one more; gives what of it is different.
    pub fn add(&mut self, decision: &Decision) -> Vec<&'static str> {
        let differing = decision.differing();
        self.decisions += 1;
        self.cases.insert(decision.case);
        if differing.is_empty() {
            let is_same = decision.then.rule == decision.now.rule;
            *if is_same { &mut self.same } else { &mut self.by_another_rule } += 1;
            return differing;
        }
        self.different += 1;
        self.different_cases.insert(decision.case);
        for part in &differing {
            let change = (decision.then.part(part), decision.now.part(part));
            *self.by.entry(part).or_default().entry(change).or_default() += 1;
        }
        differing
    }
}

/// Takes classifications again, entry by entry.
#[derive(Debug)]
pub struct Reclassifier {
    fold: Fold,
    other: Policy,
    span: Span,
}

/// Where the rules ran among an input's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// On one case; its facts are those just before the event at this place.
    Case(CaseId, Occasion),
    /// On all open cases that nobody held.
    All,
}

impl Reclassifier {
    /// Begins at the beginning of a desk's log.
    #[must_use]
    pub fn new(desk: &DeskName, other: Policy, span: Span) -> Self {
        Self { fold: Fold::new(desk), other, span }
    }

    /// Takes the next record in; gives every decision in the span that it brought, different or not.
    ///
    /// # Errors
    /// When a commit can't be read or covers what did not come.
    pub fn take(&mut self, entry: &Entry) -> Result<Vec<Decision>, LogError> {
        let mut found = Vec::new();
        for Decided { pending, events } in self.fold.take(entry)? {
            let runs =
                if self.span.seqs.contains(&pending.input.id.seq) { runs(&events) } else { Vec::new() };
            let (other, times) = (&self.other, &self.span.times);
            self.fold.desk.fold_seeing(&pending.input, &events, pending.rules, |place, state, rules| {
                for (_, run) in runs.iter().filter(|(at, _)| *at == place) {
                    let at =
                        events.get(place.min(events.len() - 1)).map_or(pending.input.at, |event| event.at);
                    if times.contains(&at) {
                        let taken = taken(*run, &events, state, rules, other);
                        found.extend(taken.into_iter().map(|decision| Decision {
                            input: pending.input.id,
                            at,
                            ..decision
                        }));
                    }
                }
            });
        }
        Ok(found)
    }

    /// Whether all that the span covers was taken in.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.fold.decided.seq > *self.span.seqs.end()
    }
}

/// Where rules ran, each with the place of the event before which their facts stand.
fn runs(events: &[Event]) -> Vec<(usize, Run)> {
    let opened = |to: usize, id: CaseId| {
        events[..to].iter().any(|event| matches!(event.body, Happened::CaseOpened { case, .. } if case == id))
    };
    let run = |(place, event): (usize, &Event)| {
        let silent = |case: CaseId, why| {
            let said = classified(&events[place..], case, why).next().is_some();
            (!said).then_some((place + 1, Run::Case(case, why)))
        };
        match &event.body {
            Happened::CaseClassified { case, occasion, .. } => match occasion {
                Occasion::Policy if events[..place].iter().any(is_policy) => None,
                _ => Some((place, Run::Case(*case, *occasion))),
            },
            // A case that begins with a known customer is classified as received.
            Happened::CaseIdentified { case, .. } if !opened(place, *case) => {
                silent(*case, Occasion::Identified)
            }
            Happened::CaseCategorised { case, .. } | Happened::FaultReported { case, .. } => {
                silent(*case, Occasion::Classified)
            }
            Happened::PolicyApplied { .. } => Some((place + 1, Run::All)),
            _ => None,
        }
    };
    events.iter().enumerate().filter_map(run).collect()
}

fn is_policy(event: &Event) -> bool {
    matches!(event.body, Happened::PolicyApplied { .. })
}

/// A run taken again. The input and the time are left to whoever knows them.
fn taken<R: Rules>(run: Run, events: &[Event], state: &State, rules: &R, other: &Policy) -> Vec<Decision> {
    let one = |case: &Case, occasion| Decision {
        input: InputId::default(),
        at: 0,
        case: case.id,
        occasion,
        policy: state.policy_version,
        then: answer(rules, case, occasion),
        now: answer(other, case, occasion),
    };
    let mut decisions: Vec<Decision> = match run {
        Run::Case(id, occasion) => state.cases.get(&id).map(|case| one(case, occasion)).into_iter().collect(),
        Run::All => {
            let tables = rules.tables();
            let runs = |case: &&Case| {
                let lost = tables.queue(&case.queue).is_none();
                let is_free = case.is_open() && (lost || (tables.limits.rederive && case.holder().is_none()));
                is_free || classified(events, case.id, Occasion::Policy).next().is_some()
            };
            let mut cases: Vec<&Case> = state.cases.values().map(|case| &**case).filter(runs).collect();
            cases.sort_unstable_by_key(|case| case.id);
            cases.into_iter().map(|case| one(case, Occasion::Policy)).collect()
        }
    };
    decisions.iter_mut().for_each(|decision| recorded(decision, events));
    decisions
}

/// The events by which rules said something of a case on an occasion.
fn classified(events: &[Event], id: CaseId, why: Occasion) -> impl Iterator<Item = &Happened> {
    events.iter().map(|event| &event.body).filter(move |body| {
        matches!(body, Happened::CaseClassified { case, occasion, .. } if *case == id && *occasion == why)
    })
}

/// What the log says of a decision is what was decided, whichever program decided it.
fn recorded(decision: &mut Decision, events: &[Event]) {
    for said in classified(events, decision.case, decision.occasion) {
        let Happened::CaseClassified { rule, segment, priority, queue, skills, sla, .. } = said else {
            continue;
        };
        decision.then = Answer {
            rule: rule.clone(),
            segment: segment.clone(),
            priority: priority.clone(),
            queue: queue.clone(),
            skills: skills.clone(),
            sla: sla.clone(),
            actions: std::mem::take(&mut decision.then.actions),
        };
    }
}

/// What rules say of a case as it stands; a campaign's contact stays on its desk whatever they say.
fn answer<R: Rules>(rules: &R, case: &Case, occasion: Occasion) -> Answer {
    let said = rules.classify(&facts(case, occasion));
    let mut skills = said.skills;
    skills
        .extend(rules.tables().queue(&said.queue).into_iter().flat_map(|queue| queue.skills.iter().cloned()));
    skills.sort();
    skills.dedup();
    let leaves = |action: &&Action| case.calling.is_some() && matches!(action, Action::HandOver { .. });
    let actions = said.actions.iter().filter(|action| !leaves(action)).map(Action::name).collect();
    let (rule, segment, priority) = (said.rule, said.segment, said.priority);
    Answer { rule, segment, priority, queue: said.queue, skills, sla: said.sla, actions }
}
