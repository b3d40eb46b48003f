//! The shipped policy's files, for tests.

use std::path::Path;

use simpang_policy::{Compiled, compile};

/// All files of `policies/telkom`, by path within it.
pub fn telkom_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/telkom");
    let mut files = Vec::new();
    read_folder(&root, &root, &mut files);
    files.sort();
    files
}

/// The shipped policy of a desk.
pub fn telkom(desk: &str) -> Compiled {
    compile(desk, &telkom_files()).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("policies/telkom does not compile for {desk}:\n{}", lines.join("\n"))
    })
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_folder(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}
