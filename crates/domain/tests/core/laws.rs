//! Laws over random histories under random policies: what is judged folds to the same state; grouping and repetition
//! change nothing. What must hold after every input is looked at while the histories are played.

use proptest::prelude::*;
use simpang_domain::desk::Desk;
use simpang_domain::event::Happened;
use simpang_domain::input::{Body, Input, PolicyVersion};
use simpang_domain::rules::Rules;
use simpang_domain::words::InputId;

use crate::history::{moves, play, play_by, ruled};
use crate::policies::policies;
use crate::support::{HOUR, TestRules, Trial, message};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_judged_folds_to_the_same_state_and_every_invariant_holds_after_every_input(
        rules in policies(), steps in proptest::collection::vec(moves(), 1..120)
    ) {
        play_by(rules, steps).assert_fold_is_equal();
    }

    #[test]
    fn judging_again_decides_the_same(
        rules in policies(), steps in proptest::collection::vec(moves(), 1..80)
    ) {
        let trial = play_by(rules, steps);
        let mut again = Desk::new(ruled());
        for (input, events) in &trial.history {
            let rules = trial.rules_of(input.id);
            prop_assert_eq!(&again.judge(input, rules), events);
        }
    }

    #[test]
    fn a_desk_that_was_folded_goes_on_like_one_that_judged(
        rules in policies(), steps in proptest::collection::vec(moves(), 10..80), cut in 0..200usize
    ) {
        let trial = play_by(rules, steps);
        let cut = cut % trial.history.len();
        let mut resumed = Desk::new(ruled());
        for (n, (input, events)) in trial.history.iter().enumerate() {
            let rules = trial.rules_of(input.id);
            if n < cut {
                resumed.fold(input, events, rules);
            } else {
                prop_assert_eq!(&resumed.judge(input, rules), events);
            }
        }
    }

    #[test]
    fn a_repeated_input_changes_nothing_but_says_so(steps in proptest::collection::vec(moves(), 1..40)) {
        let mut trial = play(steps);
        trial.judge_with(Some(99), Body::Message(message(9)), None);
        let before = trial.desk.state().clone();
        let first = trial.history.last().unwrap().0.clone();
        let again = Input { id: InputId { seq: first.id.seq + 1, index: 0 }, ..first };
        let events = trial.desk.judge(&again, None);
        prop_assert_eq!(events.len(), 1);
        prop_assert_eq!(trial.desk.state(), &before);
    }
}

/// Timers that are due before a policy stand before it among what follows from it.
#[test]
fn a_policy_that_came_while_timers_were_due_holds_after_folding_too() {
    let mut trial = Trial::new();
    trial.judge(Body::Message(message(1)));
    trial.now += 12 * HOUR;
    let mut rules = [TestRules::default(), TestRules::default()];
    rules[1].tables.version = 2;
    rules[1].tables.queues.retain(|queue| &*queue.name != "hold");
    let version = |version| PolicyVersion { version, digest: [2; 32], cites: "".into(), errors: Vec::new() };
    let events = trial.judge_with(None, Body::Policy(version(2)), Some(rules[1].clone()));
    assert!(!matches!(events[0], Happened::PolicyApplied { .. }), "a timer fired first: {events:?}");
    let mut folded = Desk::new(TestRules::default());
    for (input, events) in &trial.history {
        let brought = match &input.body {
            Body::Policy(policy) => Some(rules[usize::try_from(policy.version - 1).unwrap()].clone()),
            _ => None,
        };
        folded.fold(input, events, brought);
    }
    assert_eq!(folded.rules().tables(), trial.desk.rules().tables());
    assert_eq!(folded.state(), trial.desk.state());
}
