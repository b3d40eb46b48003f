//! The repository holds to its own rules: floors, sizes, words, links, generated code, licences. Each rule stands in
//! one table here; a rule that nothing checks is none.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod corpus;
mod examples;
mod floors;
mod licences;
mod mutations;
mod requirements;
mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The repository's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap().to_owned()
}

/// What cargo says of the workspace.
fn metadata(args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--offline", "--format-version", "1"]).args(args).current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What holds no source: builds, tools, data, history (a file in a linked work tree).
const ELSEWHERE: [&str; 6] = [".git", ".tools", "target", "simpang-data", "secrets", "__pycache__"];

/// Every file of the project.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let is_elsewhere = ELSEWHERE.iter().any(|name| entry.file_name() == *name);
            match entry.file_type().unwrap() {
                _ if is_elsewhere => {}
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

fn with_extension(extension: &str) -> Vec<PathBuf> {
    files().into_iter().filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// Rust that people wrote.
fn rust_files() -> Vec<PathBuf> {
    let generated = root().join("crates/proto/src/gen");
    with_extension("rs").into_iter().filter(|path| !path.starts_with(&generated)).collect()
}

/// A path as it is written in the project.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
