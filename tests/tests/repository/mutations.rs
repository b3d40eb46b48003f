//! Deliberate faults (`tests/mutations`, `tools/mutations.py`): each still applies to the code as it is, and says what
//! it breaks and what is expected to catch it.

use std::process::Command;

use crate::root;

#[test]
fn every_deliberate_fault_applies_to_the_code_as_it_is() {
    if !Command::new("git").arg("--version").output().is_ok_and(|answer| answer.status.success()) {
        println!("not tried: there is no git on this machine, which applies the patches");
        return;
    }
    let mut number = 0;
    for entry in std::fs::read_dir(root().join("tests/mutations")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let head: Vec<&str> = text.lines().take(2).collect();
        let told =
            head[0].starts_with("Breaks: ") && head[1].starts_with("Caught-by: cargo test -p simpang-");
        assert!(told, "{}: begins with {head:?}", path.display());
        let tried = Command::new("git")
            .args(["-c", "safe.directory=*", "apply", "--check"])
            .arg(&path)
            .current_dir(root())
            .output();
        let tried = tried.unwrap();
        let said = String::from_utf8_lossy(&tried.stderr);
        let advice = "write the fault anew into the code as it now is";
        assert!(tried.status.success(), "{} does not apply any more: {advice}\n{said}", path.display());
        number += 1;
    }
    assert!(number >= 20, "only {number} deliberate faults");
}
