//! The list of what serves which requirement is complete and true.

use std::collections::BTreeSet;
use std::fs;

use crate::root;

/// How many requirements each part of the list has.
const PARTS: [(char, u32); 12] = [
    ('A', 9),
    ('B', 9),
    ('C', 8),
    ('D', 9),
    ('E', 7),
    ('F', 9),
    ('G', 9),
    ('H', 9),
    ('I', 7),
    ('J', 7),
    ('K', 13),
    ('L', 5),
];

fn list() -> toml::Table {
    fs::read_to_string(root().join("policies/telkom/requirements.toml")).unwrap().parse().unwrap()
}

fn texts<'a>(entry: &'a toml::Value, key: &str) -> Vec<&'a str> {
    let all = entry.get(key).and_then(toml::Value::as_array).into_iter().flatten();
    all.map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn the_list_names_every_requirement_and_what_serves_it() {
    let list = list();
    let wanted: BTreeSet<String> =
        PARTS.iter().flat_map(|(part, count)| (1..=*count).map(move |n| format!("{part}{n}"))).collect();
    let named: BTreeSet<String> = list.keys().filter(|id| !id.starts_with('M')).cloned().collect();
    assert_eq!(named, wanted);
    for (id, entry) in &list {
        let served = !texts(entry, "scenarios").is_empty() || !texts(entry, "tests").is_empty();
        let reason = entry.get("out_of_scope").is_some_and(|why| !why.as_str().unwrap().is_empty());
        assert!(served || reason, "{id}: nothing serves it and nothing says why");
    }
}

#[test]
fn every_test_and_every_file_of_scenarios_that_the_list_names_is_there() {
    let mut wrong = Vec::new();
    for (id, entry) in &list() {
        for test in texts(entry, "tests") {
            let (file, name) = test.split_once("::").unwrap_or((test, ""));
            let text = fs::read_to_string(root().join(file)).unwrap_or_default();
            if name.is_empty() || !text.contains(&format!("fn {name}(")) {
                wrong.push(format!("{id}: no test {test}"));
            }
        }
        for file in texts(entry, "scenarios") {
            let path = root().join(format!("policies/telkom/scenarios/{file}.toml"));
            let text = fs::read_to_string(path).unwrap_or_default();
            if !text.contains(&format!("\"{id}\"")) {
                wrong.push(format!("{id}: no scenario of {file} cites it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_rules_cite_stands_in_the_list() {
    let list = list();
    let mut files = crate::with_extension("toml");
    files.retain(|path| path.starts_with(root().join("policies/telkom/desks")));
    let mut cited = BTreeSet::new();
    for path in files {
        let desk: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
        let rules = desk.get("rule").and_then(toml::Value::as_array).into_iter().flatten();
        cited.extend(rules.flat_map(|rule| texts(rule, "cite")).map(str::to_owned).collect::<Vec<_>>());
    }
    assert!(cited.len() > 20, "{cited:?}");
    let missing: Vec<&String> = cited.iter().filter(|id| !list.contains_key(id.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Who has read a clause finds its rule by its id.
#[test]
fn what_scenarios_show_stands_in_the_policy_by_its_id() {
    let mut files = crate::with_extension("toml");
    let rules = ["policies/telkom/desks", "policies/telkom/shared"].map(|folder| root().join(folder));
    files.retain(|path| rules.iter().any(|folder| path.starts_with(folder)));
    let written: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let ids: BTreeSet<&str> = written.split(|sign: char| !sign.is_ascii_alphanumeric()).collect();
    let list = list();
    let shown = list.iter().filter(|(_, entry)| !texts(entry, "scenarios").is_empty()).map(|(id, _)| id);
    let nowhere: Vec<&String> = shown.filter(|id| !ids.contains(id.as_str())).collect();
    assert!(nowhere.is_empty(), "no rule stands beside {nowhere:?}");
}
