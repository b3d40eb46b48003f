//! Runs the scenarios of a policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use simpang_domain::words::Millis;
use simpang_policy::Policy;
use toml::Table;

use crate::expect::{self, Difference};
use crate::script::{Bound, Broken, FOLDER, Scenario, Script, Step, line_of};
use crate::shape::Cast;
use crate::stage::Stage;
use crate::time;

/// What became of one scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its sentence.
    pub name: String,
    /// Path of its file within the policy folder.
    pub file: String,
    /// Line in it, from 1.
    pub line: usize,
    /// Desk of the policy.
    pub desk: String,
    /// Requirement ids that it cites.
    pub cites: Vec<String>,
    /// What is not as expected: the line of the step, and what is said of it. Empty: it passes.
    pub problems: Vec<(usize, String)>,
}

/// The scenarios of a policy, read and ready to run.
#[derive(Debug)]
pub struct Suite {
    plays: Vec<Play>,
}

/// A scenario, ready to run.
#[derive(Debug)]
struct Play {
    name: String,
    file: String,
    line: usize,
    desk: String,
    cites: Vec<String>,
    start: Millis,
    steps: Vec<(usize, Step)>,
    people: Arc<People>,
}

/// Who appears in a file.
#[derive(Debug)]
struct People {
    customers: BTreeMap<String, Table>,
    records: BTreeMap<String, Table>,
}

/// Reads every scenario among a policy's files.
///
/// # Errors
/// Every file, and every scenario of a file that can be read, that can't be run as it is written, with its line.
pub fn suite_of(files: &[(String, String)]) -> Result<Suite, Vec<Broken>> {
    let of_scenarios = files.iter().filter(|(path, _)| path.starts_with(FOLDER) && path.ends_with(".toml"));
    let (mut plays, mut broken) = (Vec::new(), Vec::new());
    for (path, text) in of_scenarios {
        match Script::read(path, text) {
            Ok(script) => read_script(path, text, &script, &mut plays, &mut broken),
            Err(error) => broken.push(error),
        }
    }
    if broken.is_empty() { Ok(Suite { plays }) } else { Err(broken) }
}

fn read_script(path: &str, text: &str, script: &Script, plays: &mut Vec<Play>, broken: &mut Vec<Broken>) {
    let records = script.agent.iter().map(|(id, record)| (id.clone(), named(id, record))).collect();
    let people = Arc::new(People { customers: script.customer.clone(), records });
    for scenario in &script.scenario {
        for bound in scenario.get_ref().bound(&scenario.span()) {
            match play_of(path, text, script, scenario.get_ref(), &bound, &people) {
                Ok(play) => plays.push(play),
                Err(error) => broken.push(error),
            }
        }
    }
}

fn play_of(
    path: &str,
    text: &str,
    script: &Script,
    scenario: &Scenario,
    bound: &Bound,
    people: &Arc<People>,
) -> Result<Play, Broken> {
    let told =
        |at: usize, message: String| Broken { file: path.to_owned(), line: line_of(text, at), message };
    let start = scenario.start.as_ref().unwrap_or(&script.start);
    let begins = time::time(start, 0)
        .ok_or_else(|| told(bound.span.start, format!("start: {start:?} is no time; write RFC 3339")))?;
    let mut steps = Vec::new();
    for (span, table) in &bound.steps {
        let step = Step::deserialize(table.clone())
            .map_err(|error| told(span.start, error.to_string().trim().replace('\n', " ")))?;
        steps.push((line_of(text, span.start), step));
    }
    if steps.is_empty() {
        return Err(told(bound.span.start, "a scenario needs at least one [[scenario.step]]".to_owned()));
    }
    Ok(Play {
        name: bound.name.clone(),
        file: path.to_owned(),
        line: line_of(text, bound.span.start),
        desk: script.desk.clone(),
        cites: scenario.cites.clone(),
        start: begins,
        steps,
        people: people.clone(),
    })
}

impl Suite {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plays.is_empty()
    }

    /// Runs every scenario of a desk, in the order of the files.
    #[must_use]
    pub fn run(&self, policy: &Policy) -> Vec<Outcome> {
        let of_desk = self.plays.iter().filter(|play| play.desk == policy.desk());
        of_desk.map(|play| play.outcome(policy)).collect()
    }

    /// The first scenario of a desk that fails, looking from a place on and then from the beginning: the place, and
    /// what became of it. Whoever changes a policy bit by bit finds the next failure near the one before.
    #[must_use]
    pub fn first_failure(&self, policy: &Policy, from: usize) -> Option<(usize, Outcome)> {
        let count = self.plays.len();
        let places = (0..count).map(|step| (from + step) % count);
        let mut of_desk = places.filter(|at| self.plays[*at].desk == policy.desk());
        of_desk.find_map(|at| {
            let outcome = self.plays[at].outcome(policy);
            (!outcome.problems.is_empty()).then_some((at, outcome))
        })
    }

    /// Desks that scenarios name, with the file of each scenario.
    pub fn desks(&self) -> impl Iterator<Item = (&str, &str)> {
        self.plays.iter().map(|play| (play.desk.as_str(), play.file.as_str()))
    }
}

impl Play {
    fn outcome(&self, policy: &Policy) -> Outcome {
        Outcome {
            name: self.name.clone(),
            file: self.file.clone(),
            line: self.line,
            desk: self.desk.clone(),
            cites: self.cites.clone(),
            problems: self.play(policy),
        }
    }

    /// Lets it happen up to its first step that is not as expected.
    fn play(&self, policy: &Policy) -> Vec<(usize, String)> {
        let cast = Cast { customers: self.people.customers.clone(), ..Cast::default() };
        let mut stage = Stage::new(policy, self.start, cast, self.people.records.clone());
        for (line, step) in &self.steps {
            if let Err(why) = stage.play(step) {
                return vec![(*line, why)];
            }
            match expect::compare(&stage, step.expect.as_ref()) {
                Err(why) => return vec![(*line, why)],
                Ok(differences) if differences.is_empty() => {}
                Ok(differences) => return differences.iter().map(|d| (*line, shown(d))).collect(),
            }
        }
        Vec::new()
    }
}

/// A record with its id in it.
fn named(id: &str, record: &Table) -> Table {
    let mut record = record.clone();
    record.insert("agent".to_owned(), toml::Value::String(id.to_owned()));
    record
}

fn shown(difference: &Difference) -> String {
    let Difference { what, expected, actual } = difference;
    format!("{what}: expected {expected}, found {actual}")
}
