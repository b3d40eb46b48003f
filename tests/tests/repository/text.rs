//! What stands in the files: sizes, documentation of the wire formats, words that have no place, links, and tables
//! that have to say what the code says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{files, root, rust_files, shown, with_extension};

/// Longer files are cut into modules.
const LINES_MAX: usize = 800;

#[test]
fn no_rust_file_is_too_long() {
    for path in rust_files() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", shown(&path));
    }
}

#[test]
fn every_rust_module_says_what_it_is() {
    // Modules of integration tests may be told by their parent.
    let silent = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let first = text.lines().find(|line| !line.is_empty() && !line.starts_with("#!"));
        !first.is_some_and(|line| line.starts_with("//!"))
    };
    let has_to = |path: &&std::path::PathBuf| !shown(path).contains("tests");
    let files = rust_files();
    let silent: Vec<String> = files.iter().filter(has_to).filter(|p| silent(p)).map(|p| shown(p)).collect();
    assert!(silent.is_empty(), "they begin without `//!`: {silent:?}");
}

#[test]
fn generated_code_is_what_the_proto_files_say() {
    let check = ["run", "--quiet", "--offline", "--package", "protogen", "--", "--check"];
    let output = Command::new(env!("CARGO")).args(check).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Whether a line of a .proto file declares something that people have to understand.
fn declares(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or("");
    let is_block = ["message", "enum", "service", "rpc", "oneof"].contains(&first);
    let is_field = line.contains(" = ") && line.trim_end().ends_with([';', ']']);
    let is_heading = ["syntax", "package", "import", "option", "reserved"].contains(&first);
    (is_block || is_field) && !is_heading
}

#[test]
fn every_message_field_and_call_of_the_wire_formats_is_explained() {
    let mut bare = Vec::new();
    let mut seen = 0;
    for path in with_extension("proto") {
        let text = fs::read_to_string(&path).unwrap();
        let mut before = "";
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.starts_with("//") && declares(line) {
                seen += 1;
                if !before.starts_with("//") && !line.contains(" // ") {
                    bare.push(format!("{}:{}: {line}", shown(&path), index + 1));
                }
            }
            before = line;
        }
    }
    assert!(seen > 500, "only {seen} declarations found");
    assert!(bare.is_empty(), "without a comment above: {bare:#?}");
}

/// Texts that have no place in the project, cut in two so that they do not stand here: folders of one machine, hosts
/// of registries, what is not finished.
const FORBIDDEN: [(&str, &str); 14] = [
    ("/wor", "k/"),
    ("/roo", "t/"),
    ("/home", "/runner"),
    ("static.cra", "tes.io"),
    ("index.cra", "tes.io"),
    ("https://cra", "tes.io"),
    ("py", "pi.org"),
    ("registry.np", "mjs.org"),
    ("proxy.go", "lang.org"),
    ("deb.deb", "ian.org"),
    ("(being wri", "tten)"),
    ("TO", "DO"),
    ("FIX", "ME"),
    ("unimplemen", "ted!("),
];

/// Files that are not ours to word: the lock names its registry.
const NOT_OURS: [&str; 1] = ["Cargo.lock"];

#[test]
fn nothing_of_one_machine_and_nothing_unfinished_stands_in_the_files() {
    let mut found = Vec::new();
    for path in files().into_iter().filter(|path| !NOT_OURS.contains(&&*shown(path))) {
        // Binary samples are not read.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (index, line) in text.lines().enumerate() {
            for (begin, end) in FORBIDDEN {
                if line.contains(&format!("{begin}{end}")) {
                    found.push(format!("{}:{}: {begin}{end}", shown(&path), index + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Targets of `[text](target)` in a page that are files.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let is_file =
        |target: &&str| !target.contains("://") && !target.starts_with('#') && !target.starts_with("mailto:");
    targets.filter(is_file).map(|target| target.split('#').next().unwrap_or("").to_owned()).collect()
}

#[test]
fn pages_link_to_files_that_are_there() {
    let mut missing = Vec::new();
    for path in with_extension("md") {
        let folder = path.parent().unwrap();
        for target in links(&fs::read_to_string(&path).unwrap()) {
            if !folder.join(&target).exists() {
                missing.push(format!("{} → {target}", shown(&path)));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Names in back quotes or quotation marks that begin with this.
fn names(text: &str, quote: char, prefix: &str) -> BTreeSet<String> {
    let is_name = |word: &&str| {
        word.starts_with(prefix)
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    text.split(quote).filter(is_name).map(Into::into).collect()
}

#[test]
fn the_operators_page_names_every_metric_and_no_other() {
    let mut counted = BTreeSet::new();
    for path in rust_files().iter().filter(|path| shown(path).starts_with("services/")) {
        let text = fs::read_to_string(path).unwrap();
        let constants = text.lines().filter(|line| line.contains(": &str = \"simpang_"));
        counted.extend(constants.flat_map(|line| names(line, '"', "simpang_")));
    }
    assert!(counted.len() > 20, "only {} metrics found", counted.len());
    let page = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    assert_eq!(counted, names(&page, '`', "simpang_"), "in the code, on the page");
}

#[test]
fn the_operators_page_names_every_setting() {
    let settings: toml::Table =
        fs::read_to_string(root().join("services/simpang/src/default.toml")).unwrap().parse().unwrap();
    let page = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    for (section, keys) in settings {
        for key in keys.as_table().unwrap().keys() {
            assert!(
                page.contains(&format!("`{section}.{key}`")),
                "{section}.{key} is not in docs/operations.md"
            );
        }
    }
}

#[test]
fn the_licence_is_there_and_every_member_has_it() {
    let text = fs::read_to_string(root().join("LICENSE")).unwrap();
    assert!(text.contains("Apache License") && text.contains("Version 2.0, January 2004"));
    let metadata = crate::metadata(&["--no-deps"]);
    for package in metadata["packages"].as_array().unwrap() {
        assert_eq!(package["license"], "Apache-2.0", "{}", package["name"]);
    }
}
