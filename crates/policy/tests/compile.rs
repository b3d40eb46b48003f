//! Good and bad policies, with the problems that are expected of each: file, line and what is said.

#![allow(clippy::unwrap_used, clippy::panic)]

use simpang_domain::rules::Rules;
use simpang_policy::{Problem, Severity, compile, compile_inline};

/// The least that compiles: what other crates' tests use.
const LEAST: &str = r#"
[defaults]
priority = "normal"
[[priority]]
name = "normal"
[[queue]]
name = "all"
[[rule]]
name = "everything"
when = "true"
queue = "all"
"#;

#[test]
fn the_least_policy_compiles_without_warnings() {
    let compiled = compile_inline("desk", 7, LEAST).unwrap();
    assert_eq!(compiled.warnings, []);
    assert_eq!((compiled.policy.version(), compiled.policy.desk()), (7, "desk"));
    assert_eq!(&*compiled.policy.tables().queues[0].name, "all");
}

#[test]
fn a_policy_can_be_shared_between_threads() {
    fn shared<T: Rules + Clone + Send + Sync + 'static>(_: &T) {}
    shared(&compile_inline("desk", 1, LEAST).unwrap().policy);
}
