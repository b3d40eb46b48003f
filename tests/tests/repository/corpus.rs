//! What the channels' samples have to be read as is what their makers wrote and Python's `email` reads, not what our
//! parsers once gave.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::root;

#[test]
fn the_stored_samples_are_what_their_makers_and_another_parser_agree_on() {
    let made = tempfile::tempdir().unwrap();
    let maker = root().join("tools/corpus/make.py");
    let output = Command::new("python3").arg("-B").arg(maker).arg(made.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stored = root().join("crates/channels/tests/data");
    let mut compared = 0;
    for folder in fs::read_dir(made.path()).unwrap() {
        let folder = folder.unwrap();
        for sample in fs::read_dir(folder.path()).unwrap() {
            let sample = sample.unwrap();
            let name = Path::new(&folder.file_name()).join(sample.file_name());
            let is_same = fs::read(stored.join(&name)).is_ok_and(|at| at == fs::read(sample.path()).unwrap());
            assert!(is_same, "{}: run tools/corpus/make.py and look at what differs", name.display());
            compared += 1;
        }
    }
    assert!(compared > 900, "only {compared} files were made");
}
