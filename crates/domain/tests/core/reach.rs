//! What the random histories come to: every kind of event, every refusal, every state of a case, every end and every
//! kind of rule, but for what is named here with the reason. A generator that no longer reaches something proves less
//! than it says.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use simpang_domain::event::Happened;
use simpang_domain::input::Input;
use simpang_domain::rules::Rules as _;
use simpang_domain::state::Status;
use simpang_domain::words::{
    AssignedBy, Channel, CloseReason, DeliveryKind, DeliveryOutcome, FaultEnd, JoinedBy, Occasion, OfferEnd,
    Presence, PullEnd, QueueMode, Rejection, SignOutReason, SlaClock, UnassignedBy, WaitingOn,
};

use crate::history::{moves, play_by};
use crate::policies::policies;
use crate::support::Trial;

/// How many histories have to be enough.
const HISTORIES: usize = 600;

/// What no history of this generator can come to, and why.
const BEYOND: &[(&str, &str)] = &[
    ("event DeskTaken", "a router's own, which follows from no input"),
    ("refusal busy", "for desks that are full, which the core does not say"),
];

/// Names every event kind, and lists them all: one that is added to the core does not compile until it stands here.
macro_rules! kinds {
    ($($name:ident)+) => {
        const KINDS: &[&str] = &[$(stringify!($name)),+];

        fn kind(body: &Happened) -> &'static str {
            match body { $(Happened::$name { .. } => stringify!($name),)+ }
        }
    };
}

kinds! {
    DeskTaken PolicyApplied PolicyRefused InputDuplicated InputRefused CommandRejected
    AgentChanged AgentSignedIn AgentSignedOut AgentPresenceChanged PullWaiting PullEnded AgentAdmitted
    CaseOpened MessageJoined MessageEdited MessageRemoved MessageReread CaseIdentified CaseCategorised CaseClassified
    CaseQueued
    CaseOffered OfferEnded CaseAssigned CaseUnassigned CaseParked CaseResumed CaseScheduled CaseResolved CaseReopened
    CaseClosed CaseForgotten CaseEscalated DutyCalled CaseFollowed CaseUnfollowed CaseOverflowed CasePlacedLast
    CaseHandedOver HandoverFailed CaseMerged CaseSplit NoteAdded ReferenceLinked FaultReported FaultEnded
    PriorityChanged CaseWidened DeliveryQueued DeliveryStarted DeliveryEnded ClaimRefused DispositionRecorded
    NumbersSuppressed SystemTaskDue SlaStarted SlaPaused SlaResumed SlaMet SlaWarned SlaBreached SlaCancelled DayTurned
}

/// What a policy can ask beside what stands in events by name.
const RULES: &[&str] = &[
    "offered by a queue of mode both",
    "offered by a queue of mode offer",
    "pulled from a queue of mode both",
    "pulled from a queue of mode pull",
    "preferred as who had the customer last",
    "given at a widening step",
    "overflowed to a queue",
    "overflowed to a desk",
    "wrapping up",
    "let sit unanswered",
    "kept out by weight alone",
    "kept out by their own limit alone",
    "moved by a breach to a queue",
    "raised by a breach",
    "escalated by a breach",
    "followed because of a step",
    "escalated by a disposition",
    "out of hours",
    "effect close",
    "effect retry",
    "effect reschedule",
    "effect keep",
    "effect junk",
    "effect follow-up",
];

const STATES: &[&str] = &[
    "queued",
    "offered",
    "assigned",
    "parked for customer",
    "parked for third-party",
    "scheduled",
    "kept for its agent",
    "resolved",
    "closed for good",
    "closed and may reopen",
];

fn wanted() -> BTreeSet<String> {
    fn all<T: Copy>(what: &str, words: &[T], text: fn(T) -> &'static str) -> Vec<String> {
        words.iter().map(|word| format!("{what} {}", text(*word))).collect()
    }
    let plain = |what: &str, words: &[&str]| -> Vec<String> {
        words.iter().map(|word| format!("{what} {word}")).collect()
    };
    let lists = [
        plain("event", KINDS),
        plain("rule", RULES),
        plain("state", STATES),
        all("refusal", Rejection::ALL, Rejection::as_str),
        all("offer ended", OfferEnd::ALL, OfferEnd::as_str),
        all("pull ended", PullEnd::ALL, PullEnd::as_str),
        all("assigned by", AssignedBy::ALL, AssignedBy::as_str),
        all("unassigned by", UnassignedBy::ALL, UnassignedBy::as_str),
        all("closed as", CloseReason::ALL, CloseReason::as_str),
        all("signed out as", SignOutReason::ALL, SignOutReason::as_str),
        all("joined by", JoinedBy::ALL, JoinedBy::as_str),
        all("rules ran when", Occasion::ALL, Occasion::as_str),
        all("sent", DeliveryKind::ALL, DeliveryKind::as_str),
        all("came to", DeliveryOutcome::ALL, DeliveryOutcome::as_str),
        all("fault ended by", FaultEnd::ALL, FaultEnd::as_str),
        all("met", SlaClock::ALL, SlaClock::as_str),
        all("breached", SlaClock::ALL, SlaClock::as_str),
        all("presence", Presence::ALL, Presence::as_str),
    ];
    lists.into_iter().flatten().collect()
}

type Reached = BTreeSet<String>;

fn read(trial: &Trial, reached: &mut Reached) {
    for (input, events) in &trial.history {
        for event in events {
            reached.insert(format!("event {}", kind(&event.body)));
            words(&event.body, reached);
            rules(&event.body, input, reached);
        }
    }
}

/// What events say by a word of a closed list.
fn words(body: &Happened, reached: &mut Reached) {
    let said = match body {
        Happened::CommandRejected { rejection, .. } => ("refusal", rejection.as_str()),
        Happened::OfferEnded { reason, .. } => ("offer ended", reason.as_str()),
        Happened::PullEnded { reason, .. } => ("pull ended", reason.as_str()),
        Happened::CaseAssigned { by, .. } => ("assigned by", by.as_str()),
        Happened::CaseUnassigned { by, .. } => ("unassigned by", by.as_str()),
        Happened::CaseClosed { reason, .. } => ("closed as", reason.as_str()),
        Happened::AgentSignedOut { reason, .. } => ("signed out as", reason.as_str()),
        Happened::MessageJoined { by, .. } => ("joined by", by.as_str()),
        Happened::CaseClassified { occasion, .. } => ("rules ran when", occasion.as_str()),
        Happened::DeliveryQueued(queued) => ("sent", queued.kind.as_str()),
        Happened::DeliveryEnded { outcome, .. } => ("came to", outcome.as_str()),
        Happened::FaultEnded { reason, .. } => ("fault ended by", reason.as_str()),
        Happened::SlaMet { clock, .. } => ("met", clock.as_str()),
        Happened::SlaBreached { clock, .. } => ("breached", clock.as_str()),
        Happened::AgentPresenceChanged { presence, .. } => ("presence", presence.as_str()),
        _ => return,
    };
    reached.insert(format!("{} {}", said.0, said.1));
}

/// What a policy's rules led to.
fn rules(body: &Happened, input: &Input, reached: &mut Reached) {
    let mut rule = |what: &str| {
        reached.insert(format!("rule {what}"));
    };
    let ticked = !matches!(input.body, simpang_domain::input::Body::Command(_));
    match body {
        Happened::CaseOverflowed { to_queue: Some(_), .. } => rule("overflowed to a queue"),
        Happened::CaseOverflowed { .. } => rule("overflowed to a desk"),
        Happened::AgentPresenceChanged { reason, .. } if &**reason == "wrap-up" => rule("wrapping up"),
        Happened::CaseUnassigned { by: UnassignedBy::Unanswered, .. } => rule("let sit unanswered"),
        Happened::PriorityChanged { agent: None, .. } => rule("raised by a breach"),
        Happened::CaseEscalated { cause, .. } if &**cause == "disposition" => {
            rule("escalated by a disposition")
        }
        Happened::CaseEscalated { cause, .. } if SlaClock::of_str(cause).is_some() => {
            rule("escalated by a breach")
        }
        Happened::CaseFollowed { step: Some(_), .. } => rule("followed because of a step"),
        Happened::CaseUnassigned { by: UnassignedBy::Transfer, .. } if ticked => {
            rule("moved by a breach to a queue");
        }
        Happened::DeliveryQueued(queued) if queued.template.as_deref() == Some("closed") => {
            rule("out of hours")
        }
        Happened::DispositionRecorded { effects, .. } => rule(&format!("effect {}", effects[0])),
        _ => {}
    }
}

/// How cases came to agents, under the rules that hold after the history, and what kept agents out.
fn matching(trial: &Trial, reached: &mut Reached) {
    let state = trial.desk.state();
    let tables = trial.desk.rules().tables();
    let mut rule = |what: String| {
        reached.insert(format!("rule {what}"));
    };
    let one_policy = state.policy_version == 1;
    let mut widened = BTreeSet::new();
    for event in trial.history.iter().flat_map(|(_, events)| events) {
        let (case, explanation, how) = match &event.body {
            Happened::CaseWidened { case, .. } => {
                widened.insert(*case);
                continue;
            }
            Happened::CaseQueued { case, .. } => {
                widened.remove(case);
                continue;
            }
            Happened::CaseOffered { case, explanation, .. } => (case, explanation, "offered by"),
            Happened::CaseAssigned { case, explanation: Some(explanation), by: AssignedBy::Pull, .. } => {
                (case, explanation, "pulled from")
            }
            _ => continue,
        };
        if explanation.sticky {
            rule("preferred as who had the customer last".into());
        }
        if widened.contains(case) {
            rule("given at a widening step".into());
        }
        if let Some(queue) = tables.queue(&explanation.queue).filter(|_| one_policy) {
            let mode: QueueMode = queue.mode;
            rule(format!("{how} a queue of mode {}", mode.as_str()));
        }
    }
    for ix in state.agents.places() {
        let agent = state.agents.get(ix);
        for channel in [Channel::Email, Channel::X, Channel::Call] {
            let within = agent.load_on(channel) < state.capacity(ix, channel, trial.desk.rules());
            let own = agent.limit.total.is_some_and(|most| agent.total_load() >= most);
            if within && agent.is_ready() && !state.has_room(ix, channel, trial.desk.rules()) {
                let why = if own { "their own limit" } else { "weight" };
                rule(format!("kept out by {why} alone"));
            }
        }
    }
}

fn states(trial: &Trial, reached: &mut Reached) {
    for case in trial.desk.state().cases.values() {
        let state = match case.status {
            Status::Loose => "loose",
            Status::Queued => "queued",
            Status::Offered { .. } => "offered",
            Status::Assigned { .. } => "assigned",
            Status::Parked { on: WaitingOn::Customer, .. } => "parked for customer",
            Status::Parked { on: WaitingOn::ThirdParty, .. } => "parked for third-party",
            Status::Scheduled { keep_for: Some(_), .. } => "kept for its agent",
            Status::Scheduled { .. } => "scheduled",
            Status::Resolved { .. } => "resolved",
            Status::Closed { reopens: true, .. } => "closed and may reopen",
            Status::Closed { .. } => "closed for good",
        };
        reached.insert(format!("state {state}"));
    }
}

#[test]
fn random_histories_reach_every_event_refusal_state_end_and_rule() {
    let mut runner = TestRunner::deterministic();
    let strategy = (policies(), proptest::collection::vec(moves(), 40..120));
    let mut missing = wanted();
    for (beyond, _) in BEYOND {
        assert!(missing.remove(*beyond), "{beyond} is no name of anything");
    }
    let mut reached = Reached::new();
    for _ in 0..HISTORIES {
        let (rules, steps) = strategy.new_tree(&mut runner).unwrap().current();
        let trial = play_by(rules, steps);
        read(&trial, &mut reached);
        matching(&trial, &mut reached);
        states(&trial, &mut reached);
        if missing.is_subset(&reached) {
            break;
        }
    }
    missing.retain(|what| !reached.contains(what));
    assert!(missing.is_empty(), "no history came to: {missing:#?}");
    let beyond = BEYOND.iter().find(|(what, _)| reached.contains(*what));
    assert!(beyond.is_none(), "{beyond:?} was reached: strike it off the list");
}
