//! Why a case went where it went. The desk is folded up to just before each decision on the case, and who could have
//! got it and why this one did is worked out from the whole state: nothing is taken from the log's own explanation,
//! which is compared with what is worked out.
//!
//! [`Explainer`] takes a log's entries and gives a [`Step`] for each decision; [`choice`] works out who could have got
//! the case, [`agents`] where every agent stood, [`around`] what else waited.

pub mod agents;
pub mod around;
pub mod choice;

use std::collections::VecDeque;

use simpang_domain::event::{Event, Explanation, Happened};
use simpang_domain::facts::CaseFacts;
use simpang_domain::rules::Rules;
use simpang_domain::state::{Case, State, Status};
use simpang_domain::words::{AgentId, AssignedBy, CaseId, Name, Occasion};
use simpang_log::tail::{Body, Entry};
use simpang_log::{DeskName, LogError};
use simpang_proto::log::v1::event::Body as Written;

use crate::fold::{Decided, Fold};
use crate::rules::ActiveRules;
use choice::{Choice, How};

/// One decision on a case.
#[derive(Debug)]
pub struct Step {
    /// Stream sequence of the commit with the event.
    pub seq: u64,
    /// Index of the event in it.
    pub index: u32,
    /// What was decided, and from which input it follows.
    pub event: Event,
    /// What it is in a word, such as `queued`.
    pub kind: &'static str,
    /// The policy in force.
    pub policy: u64,
    /// How it came about, where rules or an order decide.
    pub details: Option<Details>,
    /// Who could have got the case, when it was matched with an agent.
    pub choice: Option<Choice>,
}

/// How a decision came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Details {
    /// The rules ran.
    Classified {
        /// On what occasion.
        occasion: Occasion,
        /// SLA that it came to.
        sla: Option<Name>,
        /// The rules that ran, up to the one that decided.
        rules: Vec<simpang_policy::Step>,
    },
    /// The case got its place in a queue.
    Queued {
        /// Order in the queue: arrival less head start, ms since 1970 UTC.
        key_ms: i64,
        /// Since when it waits, ms since 1970 UTC.
        arrived_ms: i64,
        /// Its priority.
        priority: Name,
        /// The priority's head start, ms.
        head_start_ms: i64,
    },
}

/// Explains one case, entry by entry.
#[derive(Debug)]
pub struct Explainer {
    fold: Fold,
    case: CaseId,
    /// Where the events stand whose input is not judged to its end.
    places: VecDeque<(u64, u32)>,
}

impl Explainer {
    /// Begins at the beginning of a desk's log.
    #[must_use]
    pub fn new(desk: &DeskName, case: u64) -> Self {
        Self { fold: Fold::new(desk), case: CaseId(case), places: VecDeque::new() }
    }

    /// Takes the next record in; gives what it decided on the case. Of an input that is judged in parts all of it
    /// comes with the last.
    ///
    /// # Errors
    /// When a commit can't be read or covers what did not come.
    pub fn take(&mut self, entry: &Entry) -> Result<Vec<Step>, LogError> {
        if let Body::Commit { commit, .. } = &entry.body {
            // A take-over follows from no input, and stands first.
            let is_taken =
                |event: &&simpang_proto::log::v1::Event| matches!(event.body, Some(Written::DeskTaken(_)));
            let first = commit.events.iter().take_while(is_taken).count();
            let indexes = (0u32..).take(commit.events.len()).skip(first);
            self.places.extend(indexes.map(|index| (entry.seq, index)));
        }
        let mut steps = Vec::new();
        for decided in self.fold.take(entry)? {
            let places: Vec<_> = self.places.drain(..decided.events.len().min(self.places.len())).collect();
            steps.extend(judged(&self.fold, &decided, &places, self.case));
            self.fold.desk.fold(&decided.pending.input, &decided.events, decided.pending.rules);
        }
        Ok(steps)
    }

    /// Why nobody has the case, when it waits.
    #[must_use]
    pub fn waits(&self) -> Option<Choice> {
        let (state, rules) = (self.fold.desk.state(), self.fold.desk.rules());
        let case = state.cases.get(&self.case).filter(|case| case.status == Status::Queued)?;
        Some(choice::waiting(state, rules, case.id))
    }

    /// The newest case of the desk; 0: none yet.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.fold.desk.state().last_case
    }
}

/// What of an input's consequences is about the case; before the desk has folded them.
fn judged(fold: &Fold, decided: &Decided, places: &[(u64, u32)], id: CaseId) -> Vec<Step> {
    let tells = |body: &Happened| kind(body).filter(|(case, _)| *case == id).map(|(_, kind)| kind);
    if !decided.events.iter().any(|event| tells(&event.body).is_some()) {
        return Vec::new();
    }
    // Folded once more on a copy, event by event, to stand just before each of them.
    let mut state = fold.desk.state().clone();
    let mut rules = fold.desk.rules();
    let input = &decided.pending.input;
    state.begin(input.at);
    let mut steps = Vec::new();
    // Whether the case came to agents who asked; otherwise an agent came to a case that waited.
    let mut arrived = false;
    for (event, place) in decided.events.iter().zip(places) {
        if let (Happened::PolicyApplied { .. }, Some(new)) = (&event.body, &decided.pending.rules) {
            rules = new;
        }
        if let Some(kind) = tells(&event.body) {
            let how = if arrived { How::CaseCame } else { How::AgentCame };
            steps.push(step(&state, rules, event, kind, *place, how));
            arrived |= is_placed(&event.body);
        }
        state.apply(event, input, rules);
    }
    steps
}

/// Whether an event lets a case be matched with those who ask.
fn is_placed(body: &Happened) -> bool {
    matches!(body, Happened::CaseQueued { .. } | Happened::CaseWidened { .. } | Happened::OfferEnded { .. })
}

/// The case an event moves, and its kind.
fn kind(body: &Happened) -> Option<(CaseId, &'static str)> {
    Some(match body {
        Happened::CaseOpened { case, .. } => (*case, "opened"),
        Happened::CaseIdentified { case, .. } => (*case, "identified"),
        Happened::CaseCategorised { case, .. } => (*case, "categorised"),
        Happened::CaseClassified { case, .. } => (*case, "classified"),
        Happened::PriorityChanged { case, .. } => (*case, "priority"),
        Happened::CaseQueued { case, .. } => (*case, "queued"),
        Happened::CaseWidened { case, .. } => (*case, "widened"),
        Happened::CaseOffered { case, .. } => (*case, "offered"),
        Happened::OfferEnded { case, .. } => (*case, "offer ended"),
        Happened::CaseAssigned { case, .. } => (*case, "assigned"),
        Happened::CaseUnassigned { case, .. } => (*case, "unassigned"),
        Happened::CaseParked { case, .. } => (*case, "parked"),
        Happened::CaseResumed { case, .. } => (*case, "resumed"),
        Happened::CaseScheduled { case, .. } => (*case, "scheduled"),
        Happened::CaseEscalated { case, .. } => (*case, "escalated"),
        Happened::DutyCalled { case, .. } => (*case, "on duty"),
        Happened::CaseFollowed { case, .. } => (*case, "followed"),
        Happened::CaseUnfollowed { case, .. } => (*case, "unfollowed"),
        Happened::CaseOverflowed { case, .. } => (*case, "overflowed"),
        Happened::CasePlacedLast { case, .. } => (*case, "placed last"),
        Happened::CaseHandedOver { case, .. } => (*case, "handed over"),
        Happened::HandoverFailed { case, .. } => (*case, "back from a handover that failed"),
        Happened::CaseMerged { case, .. } => (*case, "merged"),
        Happened::CaseResolved { case, .. } => (*case, "resolved"),
        Happened::CaseReopened { case, .. } => (*case, "reopened"),
        Happened::CaseClosed { case, .. } => (*case, "closed"),
        _ => return None,
    })
}

fn step(
    state: &State,
    rules: &ActiveRules,
    event: &Event,
    kind: &'static str,
    (seq, index): (u64, u32),
    how: How,
) -> Step {
    let made = |case: &CaseId, agent: &AgentId, recorded: Option<&Explanation>| {
        Some(choice::made(state, rules, *case, agent, recorded, how))
    };
    let choice = match &event.body {
        Happened::CaseOffered { case, agent, explanation, .. } => made(case, agent, Some(explanation)),
        Happened::CaseAssigned { case, agent, by: AssignedBy::Pull, explanation, .. } => {
            made(case, agent, explanation.as_deref())
        }
        _ => None,
    };
    let details = details(state, rules, &event.body);
    Step { seq, index, event: event.clone(), kind, policy: state.policy_version, details, choice }
}

/// How an event came about that classifies a case or puts it into a queue, with the state as it was just before.
fn details(state: &State, rules: &ActiveRules, body: &Happened) -> Option<Details> {
    match body {
        Happened::CaseClassified { case, occasion, sla, .. } => {
            let ran = match (state.cases.get(case), rules) {
                (Some(case), ActiveRules::Policy(in_force)) => in_force.policy.trace(&facts(case, *occasion)),
                _ => Vec::new(),
            };
            Some(Details::Classified { occasion: *occasion, sla: sla.clone(), rules: ran })
        }
        Happened::CaseQueued { case, key, .. } => {
            let case = state.cases.get(case)?;
            let head_start = rules.tables().priority(&case.priority).map_or(0, |found| found.head_start_ms);
            Some(Details::Queued {
                key_ms: *key,
                arrived_ms: case.arrived,
                priority: case.priority.clone(),
                head_start_ms: head_start,
            })
        }
        _ => None,
    }
}

/// What the rules see of a case.
pub(crate) fn facts(case: &Case, occasion: Occasion) -> CaseFacts<'_> {
    CaseFacts {
        occasion,
        channel: case.channel,
        account: &case.account,
        visibility: case.visibility,
        campaign: case.campaign().map(|campaign| &**campaign),
        criterion: case.calling.as_ref().and_then(|calling| calling.criterion.as_deref()),
        message: &case.message_facts,
        customer: case.customer.as_deref(),
        category: &case.rare().category,
        case: &case.rare().facts,
    }
}
