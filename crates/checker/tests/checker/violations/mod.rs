//! For each code at least one smallest change to a correct log that it catches.

mod agents;
mod chain;
mod deliveries;
mod judging;
mod messages;
mod sla;

use std::collections::BTreeSet;

use simpang_checker::Code;

use crate::story::tale::{Tale, tell};

/// A change, as a sentence, and the code that catches it.
type Break = (Code, &'static str, fn(&mut Tale));

fn all() -> impl Iterator<Item = &'static Break> {
    let tables = [judging::ALL, messages::ALL, agents::ALL, sla::ALL, chain::ALL, deliveries::ALL];
    tables.into_iter().flatten()
}

#[test]
fn every_change_is_caught_by_its_code() {
    let mut wrong = Vec::new();
    for (code, sentence, change) in all() {
        let mut tale = tell();
        change(&mut tale);
        let report = tale.story.check();
        if report.holds || report.total(*code) == 0 {
            wrong.push(format!("{code}: {sentence}: {report}"));
        }
        let kept = report.violations.iter().find(|v| v.code == *code);
        if kept.is_some_and(|v| v.invariant != code.invariant() || v.sentence.is_empty()) {
            wrong.push(format!("{code}: {sentence}: the violation does not say what it is"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_change_that_it_catches() {
    let caught: BTreeSet<Code> = all().map(|(code, ..)| *code).collect();
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !caught.contains(code)).collect();
    assert!(missing.is_empty(), "no change for {missing:?}");
}
