//! Examples on the pages are taken at their word.

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
