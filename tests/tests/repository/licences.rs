//! What is built in has a licence that `deny.toml` allows, comes from the registry and is not banned. The same that
//! `cargo deny check` says, for machines without it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::{metadata, root};

/// `deny.toml`.
fn rules() -> toml::Table {
    fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap()
}

/// The packages that are built on Linux.
fn packages() -> Vec<Value> {
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap().iter();
    let built: BTreeSet<&str> = nodes.map(|node| node["id"].as_str().unwrap()).collect();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.filter(|package| built.contains(package["id"].as_str().unwrap())).cloned().collect()
}

/// Whether a licence expression can be met by the allowed ones: each part of an AND, one of an OR (`/` is an old OR).
fn is_met(expression: &str, allowed: &[&str]) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let part = |part: &str| {
        let words: Vec<&str> = part.split_whitespace().collect();
        allowed.contains(&words.join(" ").as_str())
    };
    if expression.contains('(') {
        // "A AND (B OR C)": every AND part has one that is allowed.
        return plain.split(" AND ").all(|all| all.split(" OR ").any(part));
    }
    plain.split(" OR ").any(|one| one.split(" AND ").all(part))
}

#[test]
fn licence_expressions_are_read_as_they_are_meant() {
    let allowed = ["MIT", "ISC", "Unicode-3.0"];
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND GPL-3.0", false),
        ("ISC AND MIT", true),
        ("GPL-3.0 OR MIT AND ISC", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0", false),
    ] {
        assert_eq!(is_met(expression, &allowed), met, "{expression}");
    }
}

#[test]
fn every_package_has_an_allowed_licence_and_comes_from_the_registry() {
    let rules = rules();
    let allowed: Vec<&str> = rules["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|licence| licence.as_str().unwrap())
        .collect();
    let texts = |list: &toml::Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let excepted: BTreeMap<&str, Vec<String>> = rules["licenses"]["exceptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|exception| (exception["crate"].as_str().unwrap(), texts(&exception["allow"])))
        .collect();
    let packages = packages();
    assert!(packages.len() > 200, "only {} packages: is this all?", packages.len());
    for package in packages {
        let (name, licence) =
            (package["name"].as_str().unwrap(), package["license"].as_str().unwrap_or("none"));
        let own = excepted.get(name).into_iter().flatten().map(String::as_str);
        let allowed: Vec<&str> = allowed.iter().copied().chain(own).collect();
        assert!(is_met(licence, &allowed), "{name}: {licence}");
        let source = package["source"].as_str().unwrap_or("path");
        assert!(source == "path" || source.starts_with("registry+"), "{name}: {source}");
    }
}

#[test]
fn no_banned_package_is_built_in() {
    let rules = rules();
    let banned: BTreeSet<&str> =
        rules["bans"]["deny"].as_array().unwrap().iter().map(|ban| ban["crate"].as_str().unwrap()).collect();
    assert!(banned.contains("aws-lc-rs") && banned.contains("openssl"));
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        assert!(!banned.contains(name), "{name}: see deny.toml");
    }
}
