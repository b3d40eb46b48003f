//! The files of scenarios: their form, and where in them everything stands.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::{Spanned, Table, Value};

/// Folder of a policy that holds its scenarios.
pub const FOLDER: &str = "scenarios/";

/// A file of scenarios, or one of them, that can't be run as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Path within the policy folder.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// A file: a desk, who appears, and what happens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// Desk of the policy.
    pub(crate) desk: String,
    /// When its scenarios begin, RFC 3339.
    pub(crate) start: String,
    /// Customers as the directory knows them, by the name that steps use.
    #[serde(default)]
    pub(crate) customer: BTreeMap<String, Table>,
    /// Agents' records, by id.
    #[serde(default)]
    pub(crate) agent: BTreeMap<String, Table>,
    /// What happens.
    #[serde(default)]
    pub(crate) scenario: Vec<Spanned<Scenario>>,
}

/// One scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// A sentence.
    pub(crate) name: String,
    /// Requirement ids.
    #[serde(default)]
    pub(crate) cites: Vec<String>,
    /// When it begins, if not when its file says.
    pub(crate) start: Option<String>,
    /// It runs once for each of these; `{key}` in its texts stands for the row's value.
    #[serde(default)]
    pub(crate) each: Vec<Spanned<Table>>,
    /// What happens, in order.
    #[serde(default)]
    pub(crate) step: Vec<Spanned<Table>>,
}

/// One step: at most one thing that happens, and what is expected then.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    /// Time passes.
    pub(crate) wait: Option<String>,
    /// Time passes up to here.
    pub(crate) until: Option<String>,
    /// Time passes, and the gateway of all sessions says nothing.
    pub(crate) silent: Option<String>,
    /// A customer writes.
    pub(crate) message: Option<Table>,
    /// Somebody has to be called.
    pub(crate) contact: Option<Table>,
    /// These agents' records arrive and they sign in, ready.
    pub(crate) ready: Vec<String>,
    /// The same, and they are offered cases without asking.
    pub(crate) auto: Vec<String>,
    /// This agent's record arrives, with these changes.
    pub(crate) record: Option<Table>,
    /// This agent pulls one case, and waits for none.
    pub(crate) takes: Option<String>,
    /// Who asks.
    pub(crate) by: Option<String>,
    /// What they ask: one command of the proto.
    pub(crate) ask: Option<Table>,
    /// Every delivery that is queued comes to this outcome.
    pub(crate) deliver: Option<String>,
    /// Any other input of the proto.
    pub(crate) input: Option<Table>,
    /// The case it is about; else the newest one touched.
    pub(crate) case: Option<u64>,
    /// What is expected.
    pub(crate) expect: Option<Expect>,
}

/// What is expected after a step. What is not named is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    /// The rule that decided in this step.
    pub(crate) rule: Option<String>,
    /// SLA of that.
    pub(crate) sla: Option<String>,
    /// What the rule has done for the first time on the case.
    pub(crate) actions: Option<Vec<String>>,
    /// The case's segment; empty: unknown.
    pub(crate) segment: Option<String>,
    /// The case's priority.
    pub(crate) priority: Option<String>,
    /// The case's queue.
    pub(crate) queue: Option<String>,
    /// Skills the case needs.
    pub(crate) skills: Option<Vec<String>>,
    /// What the case is doing.
    pub(crate) status: Option<String>,
    /// Who holds it or has it on offer; empty: nobody.
    pub(crate) agent: Option<String>,
    /// Every clock of the case: when it is due, or `paused`.
    pub(crate) clocks: Option<BTreeMap<String, String>>,
    /// Everything that is sent because of this step.
    pub(crate) sends: Option<Vec<String>>,
    /// The cases that wait in the case's queue, first first.
    pub(crate) order: Option<Vec<u64>>,
    /// By agent: queues with the widening step from which on they may serve them, or `never`.
    pub(crate) serves: BTreeMap<String, BTreeMap<String, Value>>,
    /// Events of this step, in this order, others between them or not; of each what is named.
    pub(crate) events: Vec<Table>,
    /// Kinds of event that do not happen in this step.
    pub(crate) no: Vec<String>,
    /// What was asked is refused, for this reason.
    pub(crate) refused: Option<String>,
    /// Text that the refusal contains.
    pub(crate) because: Option<String>,
}

impl Script {
    /// Reads a file.
    pub(crate) fn read(path: &str, text: &str) -> Result<Self, Broken> {
        toml::from_str(text).map_err(|error| Broken {
            file: path.to_owned(),
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            message: error.message().trim().replace('\n', " "),
        })
    }
}

/// A scenario with the values of one row in their places.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Its sentence.
    pub(crate) name: String,
    /// Each step as a table, and the span it stands in.
    pub(crate) steps: Vec<(Range<usize>, Table)>,
    /// Its row's, or its own span.
    pub(crate) span: Range<usize>,
}

impl Scenario {
    /// The scenario once for each row, or once as it is.
    pub(crate) fn bound(&self, span: &Range<usize>) -> Vec<Bound> {
        let bind = |row: Option<&Spanned<Table>>| {
            let values = row.map(Spanned::get_ref);
            let steps = self.step.iter().map(|step| (step.span(), bind_table(step.get_ref(), values)));
            Bound {
                name: bind_text(&self.name, values),
                steps: steps.collect(),
                span: row.map_or_else(|| span.clone(), Spanned::span),
            }
        };
        if self.each.is_empty() {
            return vec![bind(None)];
        }
        self.each.iter().map(|row| bind(Some(row))).collect()
    }
}

fn bind_table(table: &Table, row: Option<&Table>) -> Table {
    table.iter().filter_map(|(key, value)| Some((bind_text(key, row), bind_value(value, row)?))).collect()
}

/// A value with the row's in their places; none where the whole value is one that the row leaves out.
fn bind_value(value: &Value, row: Option<&Table>) -> Option<Value> {
    Some(match value {
        Value::String(text) => {
            let whole = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).filter(|t| !t.contains('{'));
            match (whole, row) {
                (Some(key), Some(row)) => row.get(key)?.clone(),
                _ => Value::String(bind_text(text, row)),
            }
        }
        Value::Array(items) => Value::Array(items.iter().filter_map(|item| bind_value(item, row)).collect()),
        Value::Table(table) => Value::Table(bind_table(table, row)),
        other => other.clone(),
    })
}

fn bind_text(text: &str, row: Option<&Table>) -> String {
    let mut bound = text.to_owned();
    for (key, value) in row.into_iter().flatten() {
        let plain = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().unwrap_or("…")).collect::<Vec<_>>().join(" > ")
            }
            other => other.to_string(),
        };
        bound = bound.replace(&format!("{{{key}}}"), &plain);
    }
    bound
}

/// The line of a place in a text, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_keys_are_named() {
        let text = r#"
desk = "d"
start = "2026-01-01T00:00:00Z"
[[scenario]]
name = "one of {who}"
each = [{ who = "a", list = ["x"] }, { who = "b" }]
[[scenario.step]]
message = { author = "{who}", facts = { mentions = "{list}" } }
"#;
        let script = Script::read("s.toml", text).unwrap();
        let scenario = &script.scenario[0];
        let bound = scenario.get_ref().bound(&scenario.span());
        let names: Vec<&str> = bound.iter().map(|b| b.name.as_str()).collect();
        assert_eq!(names, ["one of a", "one of b"]);
        assert_eq!(
            bound[0].steps[0].1.to_string(),
            toml::toml! {
                message = { author = "a", facts = { mentions = ["x"] } }
            }
            .to_string()
        );
        assert!(!bound[1].steps[0].1.to_string().contains("mentions"), "the row leaves it out");
        assert_eq!(line_of(text, bound[0].steps[0].0.start), 7);
    }

    #[test]
    fn what_is_not_known_is_told_with_its_line() {
        let broken = Script::read("s.toml", "desk = \"d\"\nstart = \"\"\nagnet = {}\n").unwrap_err();
        assert_eq!((broken.file.as_str(), broken.line), ("s.toml", 3), "{}", broken.message);
        assert!(broken.message.contains("agnet"), "{}", broken.message);
    }
}
