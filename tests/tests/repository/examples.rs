//! Examples on the pages are taken at their word.

use std::collections::BTreeSet;
use std::fs;

use crate::root;

/// The files of the policy that `docs/policy.md` builds up: each block of TOML begins with its path.
fn policy_of_the_page() -> Vec<(String, String)> {
    let page = fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let blocks = page.split("```toml\n# ").skip(1).map(|rest| rest.split("```").next().unwrap());
    let file = |block: &str| {
        let (path, text) = block.split_once('\n').unwrap();
        (path.to_owned(), text.to_owned())
    };
    blocks.map(file).collect()
}

#[test]
fn the_policy_of_the_page_compiles_without_a_warning() {
    let files = policy_of_the_page();
    assert!(files.len() >= 7, "{files:?}");
    let compiled =
        simpang_policy::compile("helpdesk", &files).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert!(compiled.warnings.is_empty(), "{:#?}", compiled.warnings);
}

#[test]
fn the_scenarios_of_the_page_pass_and_its_list_of_requirements_is_true() {
    let files = policy_of_the_page();
    let policy = simpang_policy::compile("helpdesk", &files).unwrap().policy;
    let outcomes = simpang_scenario::suite_of(&files).unwrap().run(&policy);
    assert_eq!(outcomes.len(), 3, "{outcomes:#?}");
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.problems.is_empty()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let list = simpang_scenario::requirements::read(&files).unwrap().unwrap();
    assert_eq!(list.iter().count(), 1);
}

#[test]
fn the_page_shows_every_table_that_the_shipped_policy_uses() {
    let page: String = policy_of_the_page().into_iter().map(|(_, text)| text).collect();
    let mut files = crate::with_extension("toml");
    files.retain(|path| {
        path.starts_with(root().join("policies"))
            && path.file_name().is_some_and(|name| name != "requirements.toml")
    });
    assert!(files.len() > 10);
    for path in files {
        for line in fs::read_to_string(path).unwrap().lines().filter(|line| line.starts_with("[[")) {
            let table = line.split("]]").next().unwrap();
            assert!(page.contains(&format!("{table}]]")), "{table}]] has no example in docs/policy.md");
        }
    }
}

/// Texts in quotation marks that follow any of these.
fn quoted_after(source: &str, before: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for begin in before {
        let all = source.split(begin).skip(1).filter_map(|rest| rest.split_once('"'));
        found.extend(all.map(|(text, _)| text.to_owned()).filter(|text| !text.is_empty()));
    }
    found
}

/// The keys that the compiler asks tables for, as its source has them.
fn keys_of_the_compiler() -> BTreeSet<String> {
    let asked = [
        ".text(\"",
        ".need_text(\"",
        ".texts(\"",
        ".millis(\"",
        ".need_millis(\"",
        ".number(\"",
        ".numbers(\"",
        ".flag(\"",
        ".section(\"",
        ".sections(\"",
    ];
    let mut keys = BTreeSet::new();
    for path in crate::rust_files() {
        let name = crate::shown(&path);
        if name.starts_with("crates/policy/src/draft/") || name == "crates/policy/src/folder.rs" {
            let source = fs::read_to_string(path).unwrap();
            keys.extend(quoted_after(&source, &asked));
        }
    }
    keys
}

#[test]
fn the_page_has_every_key_that_the_compiler_accepts_with_an_example() {
    let keys = keys_of_the_compiler();
    assert!(keys.len() > 60, "only {} keys found: {keys:?}", keys.len());
    let page = fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let examples: String = policy_of_the_page().into_iter().map(|(_, text)| text).collect();
    let word = |text: &str, key: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').any(|word| word == key)
    };
    let untold: Vec<&String> = keys.iter().filter(|key| !word(&page, key)).collect();
    assert!(untold.is_empty(), "not in docs/policy.md: {untold:?}");
    let unshown: Vec<&String> = keys.iter().filter(|key| !word(&examples, key)).collect();
    assert!(unshown.is_empty(), "without an example in docs/policy.md: {unshown:?}");
}

#[test]
fn the_page_has_every_name_that_conditions_may_read_and_every_field_of_a_template() {
    let page = fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let vocabulary = fs::read_to_string(root().join("crates/policy/src/condition/vocabulary.rs")).unwrap();
    let mut facts = quoted_after(&vocabulary, &["(\"", "&[(\""]);
    facts.retain(|fact| fact.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
    assert!(facts.len() >= 18, "{facts:?}");
    for root in ["message", "customer", "case", "contact", "agent"] {
        let there = facts.iter().filter(|fact| page.contains(&format!("`{root}.{fact}")));
        assert!(there.count() > 0, "nothing of {root}");
    }
    let missing: Vec<&String> = facts.iter().filter(|fact| !page.contains(&format!(".{fact}"))).collect();
    assert!(missing.is_empty(), "not in docs/policy.md: {missing:?}");
    for field in simpang_policy::FIELDS.iter().chain(simpang_policy::LINK_FIELDS) {
        assert!(page.contains(&format!("{{{{{field}}}}}")), "{field} is not in docs/policy.md");
    }
}
