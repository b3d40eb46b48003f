//! The policies of this project hold to their own scenarios.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use simpang_policy::diff::Portrait;
use simpang_scenario::mutants::{self, Fate, Mutant};
use simpang_scenario::{requirements, suite_of};

/// A policy folder of the project, by its files.
pub(crate) fn policy(name: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("policies").join(name);
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let inside = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                files.push((inside, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn desks(files: &[(String, String)]) -> Vec<String> {
    let manifest = files.iter().find(|(path, _)| path == "policy.toml").unwrap();
    let manifest: toml::Table = manifest.1.parse().unwrap();
    let desks = manifest["desks"].as_array().unwrap().iter();
    desks.map(|desk| desk.as_str().unwrap().to_owned()).collect()
}

fn every_scenario_passes(name: &str) {
    let files = policy(name);
    let suite = suite_of(&files).unwrap_or_else(|broken| panic!("{broken:#?}"));
    let mut outcomes = Vec::new();
    for desk in desks(&files) {
        let compiled = simpang_policy::compile(&desk, &files).unwrap_or_else(|p| panic!("{p:#?}"));
        outcomes.extend(suite.run(&compiled.policy));
    }
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.problems.is_empty()).collect();
    for outcome in &failed {
        for (line, problem) in &outcome.problems {
            eprintln!("{}:{line}: {}: {problem}", outcome.file, outcome.name);
        }
    }
    assert!(failed.is_empty(), "{} of {} scenarios of {name} fail", failed.len(), outcomes.len());
    assert!(!outcomes.is_empty());
    if let Some(list) = requirements::read(&files).unwrap_or_else(|broken| panic!("{broken:?}")) {
        assert_eq!(list.check(&outcomes), [], "{name}");
    }
}

#[test]
fn every_scenario_of_telkom_passes_and_its_list_of_requirements_is_true() {
    every_scenario_passes("telkom");
}

#[test]
fn every_scenario_of_the_example_shop_passes() {
    every_scenario_passes("example-shop");
}

/// Rules, criteria and dispositions left out or negated; `simpang policy mutate` changes all the rest too.
fn is_plain(mutant: &Mutant) -> bool {
    match mutant.kind {
        "rule" | "criterion" | "disposition" => {
            ["left out", "turned round"].iter().any(|end| mutant.what.ends_with(end))
        }
        "condition" => mutant.what.ends_with("negated"),
        _ => false,
    }
}

/// What is left out or negated is noticed by a scenario, or the policy is refused.
fn nothing_goes_unnoticed(name: &str, least: usize) {
    let files = policy(name);
    let (suite, desks) = (suite_of(&files).unwrap(), desks(&files));
    let plain: Vec<Mutant> = mutants::of(&files).into_iter().filter(is_plain).collect();
    assert!(plain.len() >= least, "only {} places found", plain.len());
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let mut survivors = Vec::new();
    mutants::try_all(&plain, &files, &desks, &suite, threads, |at, fate| {
        if fate == Fate::Survived {
            survivors.push(format!("{}: {}", plain[at].file, plain[at].what));
        }
    });
    survivors.sort();
    assert!(survivors.is_empty(), "{} of {}: {survivors:#?}", survivors.len(), plain.len());
}

#[test]
fn no_rule_criterion_or_disposition_of_telkom_goes_unnoticed() {
    nothing_goes_unnoticed("telkom", 150);
}

/// What the shop's policy and its scenarios prove is small enough to try all of it.
#[test]
fn no_single_change_of_the_example_shop_goes_unnoticed() {
    let files = policy("example-shop");
    let (suite, desks) = (suite_of(&files).unwrap(), desks(&files));
    let all = mutants::of(&files);
    let mut survivors = Vec::new();
    mutants::try_all(&all, &files, &desks, &suite, 2, |at, fate| {
        if fate == Fate::Survived {
            survivors.push(all[at].what.clone());
        }
    });
    assert!(survivors.is_empty(), "{} of {}: {survivors:#?}", survivors.len(), all.len());
}

/// A change of a policy that can still be used is a difference to a desk that reads it.
fn every_change_is_a_difference(name: &str, one_of: usize, least: usize) {
    let files = policy(name);
    let desks = desks(&files);
    let old: BTreeMap<&str, Portrait> =
        desks.iter().map(|desk| (desk.as_str(), Portrait::of(desk, &files).unwrap())).collect();
    let all: Vec<Mutant> = mutants::of(&files).into_iter().step_by(one_of).collect();
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let seen: Vec<(String, bool)> = std::thread::scope(|scope| {
        let (all, old, files, desks) = (&all, &old, &files, &desks);
        let of_one = move |first: usize| {
            let mine = all.iter().skip(first).step_by(threads);
            let told = |mutant: &Mutant| format!("{}: {}", mutant.file, mutant.what);
            mine.filter_map(|m| Some((told(m), is_seen(m, files, desks, old)?))).collect::<Vec<_>>()
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || of_one(first))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(seen.len() >= least, "only {} of {} can be used", seen.len(), all.len());
    let unseen: Vec<&String> = seen.iter().filter(|(_, seen)| !seen).map(|(told, _)| told).collect();
    assert!(unseen.is_empty(), "{} of {}: {unseen:#?}", unseen.len(), seen.len());
}

/// Whether the policy differs by the change to some desk; none: no desk can use it.
fn is_seen(
    mutant: &Mutant,
    files: &[(String, String)],
    desks: &[String],
    old: &BTreeMap<&str, Portrait>,
) -> Option<bool> {
    let changed = mutant.applied(files);
    let mut seen = None;
    for desk in mutant.desks(desks) {
        if let Ok(new) = Portrait::of(desk, &changed) {
            seen = Some(!old[desk].changes_to(&new).is_empty());
        }
        if seen == Some(true) {
            break;
        }
    }
    seen
}

/// One of five, since each compiles the policy.
#[test]
fn a_change_of_telkom_that_can_be_used_is_a_difference() {
    every_change_is_a_difference("telkom", 5, 100);
}

#[test]
fn every_change_of_the_example_shop_that_can_be_used_is_a_difference() {
    every_change_is_a_difference("example-shop", 1, 25);
}
