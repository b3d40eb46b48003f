//! A case is never stuck: whatever state it is in, a supervisor can move it and end it.

use proptest::prelude::*;
use simpang_domain::desk::Desk;
use simpang_domain::event::{Event, Happened};
use simpang_domain::input::{Ask, Body, Command, Input, PolicyVersion, TransferTo};
use simpang_domain::rules::Rules;
use simpang_domain::state::{Case, Status};
use simpang_domain::words::{CaseId, InputId, Name, Role};

use crate::history::{moves, play, ruled};
use crate::support::{TestRules, Trial, record};

/// What follows when the supervisor, who has never signed in, asks something of a case.
fn asked(trial: &Trial, case: CaseId, ask: Ask) -> (Desk<TestRules>, Vec<Event>) {
    let mut desk = trial.desk.clone();
    let command = Command { principal: "boss".into(), seen_messages: 0, case, ask };
    let id = InputId { seq: 1_000_000, index: 0 };
    let events = desk.judge(&Input { id, at: trial.now, key: None, body: Body::Command(command) }, None);
    (desk, events)
}

fn refusal(events: &[Event]) -> Option<String> {
    events.iter().find_map(|event| match &event.body {
        Happened::CommandRejected { rejection, detail, .. } => Some(format!("{rejection:?}: {detail}")),
        _ => None,
    })
}

/// They see it in a queue they choose, or it ended there because nobody may be called.
fn moves_on(trial: &Trial, case: &Case) {
    let queues = &trial.desk.rules().tables().queues;
    let to: Name = queues.iter().find(|queue| queue.name != case.queue).unwrap().name.clone();
    let (desk, events) = asked(trial, case.id, Ask::Transfer { to: TransferTo::Queue(to.clone()) });
    assert_eq!(refusal(&events), None, "case {:?} can't be moved", case);
    let after = &desk.state().cases[&case.id];
    assert!(after.queue == to || after.is_closed(), "case {} stays in {}", case.id.0, after.queue);
    assert!(after.status != Status::Loose, "case {} is nowhere", case.id.0);
}

fn ends(trial: &Trial, case: &Case) {
    let (desk, events) = asked(trial, case.id, Ask::Close);
    assert_eq!(refusal(&events), None, "case {:?} can't be closed", case);
    assert!(desk.state().cases[&case.id].is_closed());
}

fn comes_back(trial: &Trial, case: &Case) {
    let (desk, events) = asked(trial, case.id, Ask::Reopen);
    assert_eq!(refusal(&events), None, "case {:?} can't be reopened", case);
    let after = &desk.state().cases[&case.id];
    assert!(after.is_open() || after.is_closed(), "case {} is neither", case.id.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_supervisor_moves_and_ends_every_case_that_is_not_closed_whatever_happened_to_it(
        steps in proptest::collection::vec(moves(), 1..100), poorer in any::<bool>()
    ) {
        let mut trial = play(steps);
        trial.judge(Body::Agent(record("boss", &[], &[Role::Supervisor])));
        if poorer {
            // Another policy, which does not have some of the queues that cases are in.
            let mut rules = ruled();
            let number = trial.desk.state().policy_version + 1;
            rules.tables.version = number;
            rules.tables.queues.retain(|queue| ["general", "calls"].contains(&&*queue.name));
            let version = PolicyVersion { version: number, digest: [2; 32], cites: "".into(), errors: Vec::new() };
            trial.judge_with(None, Body::Policy(version), Some(rules));
        }
        for case in trial.desk.state().cases.values().filter(|case| !case.is_closed()) {
            ends(&trial, case);
            if case.is_open() {
                moves_on(&trial, case);
            } else {
                comes_back(&trial, case);
            }
        }
    }
}
