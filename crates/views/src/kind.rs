//! What kinds of input and event there are, by number and name, and what each event is about. The audit index, replay
//! and its filters stand on this one table.

use simpang_proto::log::v1::command::Body as Asked;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::log::v1::{Command, Event, Input};

/// The number of inputs begins here; events carry the field numbers of `Event.body`.
const INPUTS: i64 = 1_000;
/// The number of commands begins here.
const COMMANDS: i64 = 2_000;
/// An input that can't be read, or none that this program knows.
pub const UNKNOWN: i64 = INPUTS;

/// What an event is about. Lists, because a merge or a split is about two cases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subjects {
    /// Cases, without 0.
    pub cases: Vec<u64>,
    /// Agents, without the empty one.
    pub agents: Vec<String>,
}

impl Subjects {
    fn case(&mut self, case: &u64) {
        if *case != 0 && !self.cases.contains(case) {
            self.cases.push(*case);
        }
    }

    fn agent(&mut self, agent: &String) {
        if !agent.is_empty() && !self.agents.contains(agent) {
            self.agents.push(agent.clone());
        }
    }
}

macro_rules! events {
    ($($name:ident = $number:literal ($($case:ident),*) ($($agent:ident),*);)*) => {
        /// Kinds of event: number and name.
        pub const EVENTS: &[(i64, &str)] = &[$(($number, stringify!($name)),)*];

        fn event_number(body: &Happened) -> i64 {
            match body {
                $(Happened::$name(_) => $number,)*
            }
        }

        fn event_subjects(body: &Happened) -> Subjects {
            let mut subjects = Subjects::default();
            match body {
                $(Happened::$name(_event) => {
                    $(subjects.case(&_event.$case);)*
                    $(subjects.agent(&_event.$agent);)*
                })*
            }
            subjects
        }
    };
}

events! {
    DeskTaken = 10 () ();
    PolicyApplied = 11 () ();
    PolicyRefused = 12 () ();
    InputDuplicated = 13 (case) ();
    InputRefused = 14 () ();
    CommandRejected = 15 (case) (principal);
    AgentChanged = 20 () (agent);
    AgentSignedIn = 21 () (agent);
    AgentSignedOut = 22 () (agent);
    AgentPresenceChanged = 23 () (agent);
    PullWaiting = 24 () (agent);
    PullEnded = 25 () (agent);
    AgentAdmitted = 26 () (agent);
    CaseOpened = 30 (case, split_from) ();
    MessageJoined = 31 (case) ();
    MessageEdited = 32 (case) ();
    MessageRemoved = 33 (case) ();
    MessageReread = 57 (case) ();
    CaseIdentified = 34 (case) (agent);
    CaseCategorised = 35 (case) (agent);
    CaseClassified = 36 (case) ();
    CaseQueued = 37 (case) ();
    CaseOffered = 38 (case) (agent);
    OfferEnded = 39 (case) (agent);
    CaseAssigned = 40 (case) (agent);
    CaseUnassigned = 41 (case) (agent);
    CaseParked = 42 (case) ();
    CaseResumed = 43 (case) ();
    CaseScheduled = 44 (case) (keep_for);
    CaseResolved = 45 (case) (agent);
    CaseReopened = 46 (case) (agent);
    CaseClosed = 47 (case) (agent);
    CaseForgotten = 48 (case) ();
    CaseEscalated = 49 (case) (agent);
    CaseHandedOver = 50 (case) ();
    CaseMerged = 51 (case, into) ();
    CaseSplit = 52 (case, into) ();
    NoteAdded = 53 (case) (agent);
    ReferenceLinked = 54 (case) ();
    PriorityChanged = 55 (case) (agent);
    CaseWidened = 56 (case) ();
    HandoverFailed = 59 (case) ();
    DutyCalled = 100 (case) ();
    CaseFollowed = 101 (case) (agent);
    CaseUnfollowed = 102 (case) (agent);
    CaseOverflowed = 103 (case) ();
    CasePlacedLast = 104 (case) (agent);
    FaultReported = 110 (case, repeats) (agent);
    FaultEnded = 111 (case) ();
    DeliveryQueued = 60 (case) (agent);
    DeliveryStarted = 61 (case) ();
    DeliveryEnded = 62 (case) ();
    ClaimRefused = 63 () ();
    DispositionRecorded = 70 (case) (agent);
    NumbersSuppressed = 71 () ();
    SystemTaskDue = 72 (case) ();
    SlaStarted = 80 (case) ();
    SlaPaused = 81 (case) ();
    SlaResumed = 82 (case) ();
    SlaMet = 83 (case) ();
    SlaWarned = 84 (case) ();
    SlaBreached = 85 (case) ();
    SlaCancelled = 86 (case) ();
    DayTurned = 90 () ();
}

macro_rules! inputs {
    ($($name:ident = $number:literal $text:literal;)*) => {
        /// Kinds of input but commands: number and name.
        pub const OTHER_INPUTS: &[(i64, &str)] = &[$((INPUTS + $number, $text),)*];

        fn input_number(body: &Arrived) -> i64 {
            match body {
                Arrived::Command(command) => of_command(command),
                $(Arrived::$name(_) => INPUTS + $number,)*
            }
        }
    };
}

inputs! {
    Message = 10 "message";
    Contact = 11 "contact";
    Claim = 13 "claim";
    Report = 14 "report";
    Agent = 15 "agent";
    Policy = 16 "policy";
    Tick = 17 "tick";
    Heartbeat = 18 "heartbeat";
    Handover = 19 "handover";
    HandoverFailure = 22 "handover_failure";
    HandoverChange = 32 "handover_change";
    Suppression = 20 "suppression";
    ReferenceReport = 30 "reference_report";
    Reread = 31 "reread";
}

macro_rules! commands {
    ($($name:ident = $number:literal $text:literal;)*) => {
        /// Kinds of command: number and name.
        pub const ASKED: &[(i64, &str)] = &[$((COMMANDS + $number, concat!("command.", $text)),)*];

        fn command_number(body: &Asked) -> i64 {
            match body {
                $(Asked::$name(_) => COMMANDS + $number,)*
            }
        }
    };
}

commands! {
    SignIn = 10 "sign_in";
    SignOut = 11 "sign_out";
    SetPresence = 12 "set_presence";
    Pull = 13 "pull";
    CancelPull = 14 "cancel_pull";
    Accept = 15 "accept";
    Decline = 16 "decline";
    Classify = 17 "classify";
    Identify = 18 "identify";
    Note = 19 "note";
    Reply = 20 "reply";
    Disposition = 21 "disposition";
    Schedule = 22 "schedule";
    Wait = 23 "wait";
    Escalate = 24 "escalate";
    Transfer = 25 "transfer";
    TakeOver = 26 "take_over";
    Merge = 27 "merge";
    Split = 28 "split";
    MarkSpam = 29 "mark_spam";
    Resolve = 30 "resolve";
    Reopen = 31 "reopen";
    Close = 32 "close";
    LinkReference = 33 "link_reference";
    ReportFault = 110 "report_fault";
    SetPriority = 34 "set_priority";
    Release = 35 "release";
    Follow = 100 "follow";
    Unfollow = 101 "unfollow";
}

/// The number of an event's kind; [`UNKNOWN`] for an event that says nothing.
#[must_use]
pub fn of_event(event: &Event) -> i64 {
    event.body.as_ref().map_or(UNKNOWN, event_number)
}

/// The number of an input's kind; [`UNKNOWN`] for one that says nothing this program knows.
#[must_use]
pub fn of_input(input: &Input) -> i64 {
    input.body.as_ref().map_or(UNKNOWN, input_number)
}

/// The number of a command's kind.
#[must_use]
pub fn of_command(command: &Command) -> i64 {
    command.body.as_ref().map_or(COMMANDS, command_number)
}

/// What an event is about.
#[must_use]
pub fn subjects(event: &Event) -> Subjects {
    event.body.as_ref().map(event_subjects).unwrap_or_default()
}

/// Whether a kind is an event's.
#[must_use]
pub fn is_event(number: i64) -> bool {
    number < INPUTS
}

/// The name of a kind.
#[must_use]
pub fn name(number: i64) -> &'static str {
    let all = EVENTS.iter().chain(OTHER_INPUTS).chain(ASKED);
    match all.into_iter().find(|(known, _)| *known == number) {
        Some((_, name)) => name,
        None if number == COMMANDS => "command",
        None => "unknown",
    }
}

/// The kinds that a name in a filter means: one event, one input, one command, or with `command` all of them.
/// Empty for a name that is none.
#[must_use]
pub fn of_name(name: &str) -> Vec<i64> {
    match name {
        "command" => std::iter::once(COMMANDS).chain(ASKED.iter().map(|(number, _)| *number)).collect(),
        "unknown" => vec![UNKNOWN],
        _ => {
            let all = EVENTS.iter().chain(OTHER_INPUTS).chain(ASKED);
            all.filter(|(_, known)| *known == name).map(|(number, _)| *number).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ASKED, EVENTS, OTHER_INPUTS, name, of_name};

    #[test]
    fn every_kind_is_found_again_by_its_name() {
        for (number, text) in EVENTS.iter().chain(OTHER_INPUTS).chain(ASKED) {
            assert_eq!(of_name(text), [*number]);
            assert_eq!(name(*number), *text);
        }
        assert!(of_name("CaseEaten").is_empty());
        assert_eq!(of_name("command").len(), ASKED.len() + 1);
    }
}
