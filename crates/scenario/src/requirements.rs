//! The list beside a policy that says of every requirement what serves it: `requirements.toml`.
//!
//! A table for each id: `title`, and at least one of `scenarios` (files in `scenarios/` that cite it), `tests` (a file
//! of the project and the name of a test in it) and `out_of_scope` (why).

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::run::Outcome;
use crate::script::{Broken, FOLDER, line_of};

/// Path of the list within the policy folder.
pub const FILE: &str = "requirements.toml";

/// What serves a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    /// What it asks, in a few words.
    pub title: String,
    /// Files of scenarios that cite it, without folder and ending.
    #[serde(default)]
    pub scenarios: Vec<String>,
    /// Tests elsewhere: file of the project, `::`, name of the test.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Why nothing serves it, or not all of it.
    pub out_of_scope: Option<String>,
}

/// Every requirement, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    all: BTreeMap<Id, (Served, usize)>,
}

/// A letter and a number, in the order people count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Id(char, u32);

impl Id {
    fn of(text: &str) -> Option<Self> {
        let letter = text.chars().next().filter(char::is_ascii_uppercase)?;
        Some(Self(letter, text[1..].parse().ok()?))
    }

    fn text(&self) -> String {
        format!("{}{}", self.0, self.1)
    }
}

/// Reads the list among a policy's files; none when there is none.
///
/// # Errors
/// What is wrong with it, with its line.
pub fn read(files: &[(String, String)]) -> Result<Option<Requirements>, Broken> {
    let Some((path, text)) = files.iter().find(|(path, _)| path == FILE) else { return Ok(None) };
    let told = |at: usize, message: String| Broken { file: path.clone(), line: line_of(text, at), message };
    let tables: BTreeMap<Spanned<String>, Served> = toml::from_str(text).map_err(|error| {
        told(error.span().map_or(0, |span| span.start), error.message().trim().replace('\n', " "))
    })?;
    let mut all = BTreeMap::new();
    for (id, served) in tables {
        let at = id.span().start;
        let known = Id::of(id.get_ref()).ok_or_else(|| {
            told(
                at,
                format!("`{}` is no requirement id: write a letter and a number, such as C2", id.get_ref()),
            )
        })?;
        if served.scenarios.is_empty() && served.tests.is_empty() && served.out_of_scope.is_none() {
            return Err(told(
                at,
                format!(
                    "nothing serves {}: name scenarios or tests, or say why it is out of scope",
                    known.text()
                ),
            ));
        }
        all.insert(known, (served, line_of(text, at)));
    }
    Ok(Some(Requirements { all }))
}

impl Requirements {
    /// Every requirement in order: id, and what serves it.
    pub fn iter(&self) -> impl Iterator<Item = (String, &Served)> {
        self.all.iter().map(|(id, (served, _))| (id.text(), served))
    }

    /// Whether an id stands in the list.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        Id::of(id).is_some_and(|id| self.all.contains_key(&id))
    }

    /// What the list says that is not so, given all scenarios of the policy: a file that does not cite the id, and
    /// scenarios that cite what the list does not have or does not credit them with.
    #[must_use]
    pub fn check(&self, outcomes: &[Outcome]) -> Vec<Broken> {
        let mut broken = Vec::new();
        for (id, (served, line)) in &self.all {
            let id = id.text();
            for file in &served.scenarios {
                let path = format!("{FOLDER}{file}.toml");
                if !outcomes.iter().any(|o| o.file == path && o.cites.contains(&id)) {
                    let message =
                        format!("{id} is said to be served by {path}, which has no scenario that cites it");
                    broken.push(Broken { file: FILE.to_owned(), line: *line, message });
                }
            }
        }
        for outcome in outcomes {
            for id in &outcome.cites {
                let file = outcome.file.trim_start_matches(FOLDER).trim_end_matches(".toml");
                let message = match Id::of(id).and_then(|id| self.all.get(&id)) {
                    None => format!("cites {id}, which {FILE} does not have"),
                    Some((served, _)) if !served.scenarios.iter().any(|known| known == file) => {
                        format!("cites {id}, for which {FILE} does not name `{file}`")
                    }
                    Some(_) => continue,
                };
                broken.push(Broken { file: outcome.file.clone(), line: outcome.line, message });
            }
        }
        broken.dedup();
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Option<Requirements>, Broken> {
        read(&[(FILE.to_owned(), text.to_owned())])
    }

    fn outcome(file: &str, cites: &[&str]) -> Outcome {
        Outcome {
            name: "n".into(),
            file: format!("{FOLDER}{file}.toml"),
            line: 3,
            desk: "d".into(),
            cites: cites.iter().map(|id| (*id).to_owned()).collect(),
            problems: Vec::new(),
        }
    }

    #[test]
    fn ids_come_in_the_order_people_count() {
        let all = list(
            "A10 = { title = \"t\", out_of_scope = \"w\" }\nA2 = { title = \"t\", tests = [\"f::t\"] }\n",
        );
        let ids: Vec<String> = all.unwrap().unwrap().iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["A2", "A10"]);
    }

    #[test]
    fn what_serves_nothing_or_is_no_id_is_refused_with_its_line() {
        let broken = list("\nA1 = { title = \"t\" }").unwrap_err();
        assert_eq!((broken.line, broken.message.contains("nothing serves A1")), (2, true), "{broken:?}");
        let broken = list("first = { title = \"t\", out_of_scope = \"w\" }").unwrap_err();
        assert!(broken.message.contains("`first` is no requirement id"), "{broken:?}");
    }

    #[test]
    fn the_list_and_the_scenarios_have_to_agree() {
        let all = list("A1 = { title = \"t\", scenarios = [\"mail\", \"calls\"] }").unwrap().unwrap();
        let outcomes = [outcome("mail", &["A1", "B7"]), outcome("social", &["A1"])];
        let told: Vec<String> = all.check(&outcomes).into_iter().map(|b| b.message).collect();
        assert_eq!(
            told,
            [
                "A1 is said to be served by scenarios/calls.toml, which has no scenario that cites it",
                "cites B7, which requirements.toml does not have",
                "cites A1, for which requirements.toml does not name `social`",
            ]
        );
    }
}
