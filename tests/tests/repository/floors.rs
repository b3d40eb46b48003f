//! Which crate may build on which: a crate looks only down, and what a crate must not have it does not have.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::{metadata, root};

/// The floor of every member. One may depend on members of lower floors only.
const FLOORS: &[(&str, u32)] = &[
    ("simpang-allocator", 1),
    ("simpang-domain", 1),
    ("simpang-proto", 1),
    ("protogen", 1),
    ("simpang-policy", 2),
    ("simpang-checker", 2),
    ("simpang-access", 3),
    ("simpang-channels", 3),
    ("simpang-log", 3),
    ("simpang-trace", 3),
    ("simpang-wire", 3),
    ("simpang-archive", 4),
    ("simpang-log-nats", 4),
    ("simpang-replay", 4),
    ("simpang-scenario", 4),
    ("simpang-views", 4),
    ("simpang-deliver", 5),
    ("simpang-gateway", 5),
    ("simpang-ingest", 5),
    ("simpang-project", 5),
    ("simpang-router", 5),
    ("simpang", 6),
    ("simpang-sim", 7),
    ("simpang-tests", 7),
];

/// Members that may use only these of ours, whatever their floor: the checker shares no logic with what it checks,
/// parsers know no shape of the log, the broker's client no meaning of what it carries.
const ONLY_OURS: &[(&str, &[&str])] = &[
    ("simpang-checker", &["simpang-proto"]),
    ("simpang-policy", &["simpang-domain"]),
    ("simpang-log", &["simpang-proto"]),
    ("simpang-archive", &["simpang-log", "simpang-proto"]),
    ("simpang-log-nats", &["simpang-log"]),
    ("simpang-channels", &[]),
    ("simpang-access", &["simpang-proto"]),
    ("simpang-trace", &[]),
    ("simpang-allocator", &[]),
];

/// Packages that only these members may use; the tests may use all.
const ONLY_IN: &[(&str, &[&str])] = &[
    // One crate for each technology, so that it can be changed for another.
    ("mimalloc", &["simpang-allocator"]),
    ("libmimalloc-sys", &["simpang-allocator"]),
    ("async-nats", &["simpang-log-nats", "simpang"]), // the program measures the bare broker
    ("rusqlite", &["simpang-views"]),
    ("cel", &["simpang-policy"]),
    ("mail-parser", &["simpang-channels", "simpang-deliver"]), // the deliverer's tests read what it sent
    ("smtp-proto", &["simpang-ingest"]),
    ("lettre", &["simpang-deliver", "simpang"]),
    ("reqwest", &["simpang-ingest", "simpang-deliver", "simpang"]),
    ("rustls", &["simpang-ingest", "simpang-deliver", "simpang"]),
    ("axum", &["simpang-ingest", "simpang", "simpang-deliver"]), // there in tests, as the channel's other end
    ("clap", &["simpang"]),
    ("anyhow", &["simpang", "protogen"]), // libraries have typed errors
    ("tracing-subscriber", &["simpang"]),
    ("metrics-exporter-prometheus", &["simpang"]),
    ("rand", &["simpang-trace", "simpang"]),
    (
        "tonic",
        &[
            "simpang-proto",
            "simpang-access",
            "simpang-ingest",
            "simpang-gateway",
            "simpang-project",
            "simpang",
        ],
    ),
];

/// What a pure crate has none of: a runtime, a wire, a disk.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio-util",
    "tokio-stream",
    "futures-util",
    "tonic",
    "axum",
    "hyper",
    "reqwest",
    "lettre",
    "async-nats",
    "rusqlite",
    "tracing",
    "metrics",
    "rand",
];
const PURE: [&str; 6] = [
    "simpang-domain",
    "simpang-policy",
    "simpang-wire",
    "simpang-channels",
    "simpang-checker",
    "simpang-scenario",
];
/// Crates that do not know how anything is encoded.
const WITHOUT_WIRE: &[&str] = &["simpang-domain", "simpang-policy", "simpang-channels"];

/// A member's dependency.
struct Edge {
    from: String,
    to: String,
    is_test_only: bool,
}

fn edges() -> Vec<Edge> {
    let metadata = metadata(&["--no-deps"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |package: &Value| {
        let from = text(&package["name"]);
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let edge = |dependency: &Value| Edge {
            from: from.clone(),
            to: text(&dependency["name"]),
            is_test_only: dependency["kind"] == "dev",
        };
        dependencies.map(edge).collect::<Vec<_>>()
    };
    metadata["packages"].as_array().unwrap().iter().flat_map(of).collect()
}

#[test]
fn every_member_has_a_floor() {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().unwrap().iter();
    let mut members: Vec<&str> = packages.map(|package| package["name"].as_str().unwrap()).collect();
    let mut known: Vec<&str> = FLOORS.iter().map(|(name, _)| *name).collect();
    members.sort_unstable();
    known.sort_unstable();
    assert_eq!(members, known, "give a new member its floor here");
}

#[test]
fn a_crate_looks_only_down() {
    let floors: BTreeMap<&str, u32> = FLOORS.iter().copied().collect();
    let is_wrong = |edge: &&Edge| match (floors.get(&*edge.from), floors.get(&*edge.to)) {
        (Some(from), Some(to)) => to >= from,
        _ => false,
    };
    let edges = edges();
    let wrong: Vec<String> =
        edges.iter().filter(is_wrong).map(|edge| format!("{} uses {}", edge.from, edge.to)).collect();
    assert!(wrong.is_empty(), "upwards or sideways: {wrong:?}");
}

#[test]
fn a_crate_that_is_to_know_little_of_ours_does() {
    let ours: Vec<&str> = FLOORS.iter().map(|(name, _)| *name).collect();
    for (member, allowed) in ONLY_OURS.iter().copied() {
        for edge in edges().iter().filter(|edge| edge.from == member && !edge.is_test_only) {
            let is_allowed = !ours.contains(&&*edge.to) || allowed.contains(&&*edge.to);
            assert!(is_allowed, "{member} may not use {}", edge.to);
        }
    }
}

#[test]
fn each_technology_has_its_crate() {
    let mut wrong = Vec::new();
    for edge in edges().iter().filter(|edge| !["simpang-tests", "simpang-sim"].contains(&edge.from.as_str()))
    {
        let rule = ONLY_IN.iter().find(|(package, _)| *package == edge.to);
        if rule.is_some_and(|(_, allowed)| !allowed.contains(&&*edge.from)) && !edge.is_test_only {
            wrong.push(format!("{} uses {}", edge.from, edge.to));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_core_depends_on_a_kind_of_text_only_and_pure_crates_on_nothing_impure() {
    for edge in edges().iter().filter(|edge| !edge.is_test_only) {
        let is_core = edge.from == "simpang-domain";
        assert!(!is_core || edge.to == "arcstr", "the core uses {}", edge.to);
        let is_impure = IMPURE.contains(&&*edge.to);
        assert!(!(PURE.contains(&&*edge.from) && is_impure), "{} uses {}", edge.from, edge.to);
        let encodes = ["prost", "prost-types", "prost-reflect"].contains(&&*edge.to);
        assert!(!(WITHOUT_WIRE.contains(&&*edge.from) && encodes), "{} uses {}", edge.from, edge.to);
    }
}

#[test]
fn versions_and_features_stand_in_the_one_table() {
    let metadata = metadata(&["--no-deps"]);
    for package in metadata["packages"].as_array().unwrap() {
        let path = package["manifest_path"].as_str().unwrap();
        let manifest: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in manifest.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
                let is_plain = value.as_table().is_some_and(|table| {
                    table.len() == 1 && table.get("workspace").and_then(toml::Value::as_bool) == Some(true)
                });
                assert!(is_plain, "{path}: write `{name}.workspace = true` and nothing else");
            }
        }
    }
}

/// Where the core and the rules would become different on another machine or at another time.
const IMPURE_WORDS: &[&str] = &[
    "SystemTime",
    "Instant",
    "::now(",
    "rand::",
    "HashMap",
    "HashSet",
    "std::env",
    "std::net",
    "std::process",
    "thread_local",
    "f64",
];

/// Files that may use a hash map: its order is fixed by its hasher, nothing walks through it, or it is sorted first.
const HASHED: [&str; 4] = [
    "crates/domain/src/state/map.rs",
    "crates/domain/src/stored/basic.rs",
    "crates/policy/src/memo.rs",
    "crates/policy/src/condition/values.rs",
];

#[test]
fn the_core_and_the_rules_read_no_clock_no_chance_and_no_unordered_map() {
    let mut wrong = Vec::new();
    for path in crate::rust_files().into_iter().filter(|path| {
        ["crates/domain/src", "crates/policy/src", "crates/scenario/src"]
            .iter()
            .any(|dir| path.starts_with(root().join(dir)))
    }) {
        let text = fs::read_to_string(&path).unwrap();
        for (index, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            let may_hash = HASHED.contains(&&*crate::shown(&path));
            let is_wrong = |word: &&&str| code.contains(**word) && !(may_hash && word.starts_with("Hash"));
            if let Some(word) = IMPURE_WORDS.iter().find(is_wrong) {
                wrong.push(format!("{}:{}: {word}", path.display(), index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
