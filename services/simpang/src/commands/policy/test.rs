//! `simpang policy test`: the scenarios beside a policy, run on the real core.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use simpang_scenario::requirements::{self, Requirements};
use simpang_scenario::{Broken, Outcome, Suite};

use super::{compile_all, read_whole_folder, wanted};
use crate::output;

/// Runs them; the exit code says whether all pass and the list of requirements holds.
pub(crate) fn run(dir: &Path, desk: Option<&str>, as_json: bool) -> Result<ExitCode> {
    let files = read_whole_folder(dir)?;
    let suite = match simpang_scenario::suite_of(&files) {
        Ok(suite) if suite.is_empty() => {
            bail!(
                "{} has no scenarios: write them in scenarios/*.toml, as docs/policy.md says",
                dir.display()
            )
        }
        Ok(suite) => suite,
        Err(broken) => return Ok(tell_broken(dir, &broken, as_json)),
    };
    let list = match requirements::read(&files) {
        Ok(list) => list,
        Err(broken) => return Ok(tell_broken(dir, &[broken], as_json)),
    };
    let mut broken = strangers(&suite, &wanted(&files, None)?);
    let outcomes: Vec<Outcome> =
        compile_all(dir, &files, desk)?.iter().flat_map(|policy| suite.run(policy)).collect();
    for outcome in &outcomes {
        tell(dir, outcome, as_json);
    }
    if let Some(list) = list.as_ref().filter(|_| desk.is_none()) {
        broken.extend(list.check(&outcomes));
        tell_requirements(list, &outcomes, as_json);
    }
    tell_broken(dir, &broken, as_json);
    let failed = outcomes.iter().filter(|outcome| !outcome.problems.is_empty()).count();
    if as_json {
        output::json(&json!({ "passed": outcomes.len() - failed, "failed": failed, "broken": broken.len() }));
    } else {
        output::line(format!(
            "{} scenarios: {} passed, {failed} failed",
            outcomes.len(),
            outcomes.len() - failed
        ));
    }
    let good = failed == 0 && broken.is_empty() && !outcomes.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Scenario files of desks that the policy does not have.
fn strangers(suite: &Suite, desks: &[String]) -> Vec<Broken> {
    let unknown = suite.desks().filter(|(desk, _)| !desks.iter().any(|known| known == desk));
    let told = unknown.map(|(desk, file)| {
        let message = format!("the policy has no desk `{desk}`, only {}", desks.join(", "));
        Broken { file: file.to_owned(), line: 1, message }
    });
    told.collect()
}

fn tell(dir: &Path, outcome: &Outcome, as_json: bool) {
    let Outcome { name, file, line, desk, cites, problems } = outcome;
    if as_json {
        let problems: Vec<Value> =
            problems.iter().map(|(line, what)| json!({ "line": line, "message": what })).collect();
        let passed = problems.is_empty();
        return output::json(&json!({
            "scenario": name, "desk": desk, "file": file, "line": line, "cites": cites, "passed": passed,
            "problems": problems,
        }));
    }
    let mark = if problems.is_empty() { "ok  " } else { "FAIL" };
    let cites = if cites.is_empty() { String::new() } else { format!(" ({})", cites.join(", ")) };
    output::line(format!("{mark} {desk}: {name}{cites}"));
    for (line, what) in problems {
        output::line(format!("     {}/{file}:{line}: {what}", dir.display()));
    }
}

fn tell_broken(dir: &Path, broken: &[Broken], as_json: bool) -> ExitCode {
    for Broken { file, line, message } in broken {
        if as_json {
            output::json(&json!({ "error": message, "file": file, "line": line }));
        } else {
            output::line(format!("error: {}/{file}:{line}: {message}", dir.display()));
        }
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every requirement, with what serves it.
fn tell_requirements(list: &Requirements, outcomes: &[Outcome], as_json: bool) {
    let mut rows = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, served) in list.iter() {
        let citing = outcomes.iter().filter(|outcome| outcome.cites.contains(&id));
        let names: BTreeSet<(&str, usize)> = citing.map(|o| (o.file.as_str(), o.line)).collect();
        let kind = match served {
            served if !served.scenarios.is_empty() => "scenario",
            served if !served.tests.is_empty() => "test",
            _ => "out of scope",
        };
        *counts.entry(kind).or_default() += 1;
        if as_json {
            let places: Vec<String> = names.iter().map(|(file, line)| format!("{file}:{line}")).collect();
            output::json(&json!({
                "requirement": id, "title": served.title, "scenarios": places, "tests": served.tests,
                "out_of_scope": served.out_of_scope,
            }));
            continue;
        }
        let mut by = Vec::new();
        if !names.is_empty() {
            by.push(format!("{} scenarios in {}", names.len(), served.scenarios.join(", ")));
        }
        by.extend(served.tests.iter().cloned());
        by.extend(served.out_of_scope.iter().map(|why| format!("out of scope: {why}")));
        rows.push(vec![id, served.title.clone(), by.join("; ")]);
    }
    if !as_json {
        output::line("");
        output::table(&["id", "requirement", "served by"], &rows);
        let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} by {kind}")).collect();
        output::line(format!("{} requirements: {}", rows.len(), counts.join(", ").replace("by out", "out")));
    }
}
