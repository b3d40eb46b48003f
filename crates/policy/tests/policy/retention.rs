//! How long records are kept is configuration (L2), and no decision depends on it.

use simpang_policy::{Retention, compile_inline};

use crate::common::telkom;

const LEAST: &str = r#"
[desk]
zone = "Asia/Jakarta"
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

const DAY: i64 = 86_400_000;

fn retention(text: &str) -> Result<Option<Retention>, String> {
    let compiled = compile_inline("d", 1, &format!("{LEAST}{text}"));
    compiled
        .map(|compiled| compiled.policy.retention().cloned())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_policy_says_how_long_records_are_kept_and_who_answers_for_them() {
    assert_eq!(retention("").unwrap(), None);
    let said = retention(
        "[retention]\nlive = \"90d\"\narchive = \"1825d\"\nresponsible = \"Quality\"\ndocument = \"HD-01\"",
    );
    let expected = Retention {
        live_ms: 90 * DAY,
        archive_ms: 1_825 * DAY,
        responsible: "Quality".into(),
        document: "HD-01".into(),
    };
    assert_eq!(said.unwrap(), Some(expected));
}

#[test]
fn a_retention_that_makes_no_sense_is_refused_with_the_reason() {
    for (text, expected) in [
        ("live = \"90d\"\nresponsible = \"Q\"", "`archive`"),
        ("archive = \"90d\"\nresponsible = \"Q\"", "`live`"),
        ("live = \"90d\"\narchive = \"90d\"", "`responsible`"),
        ("live = \"90d\"\narchive = \"90d\"\nresponsible = \" \"", "names nobody"),
        ("live = \"90d\"\narchive = \"89d\"\nresponsible = \"Q\"", "it can't be shorter"),
        ("live = \"3 months\"\narchive = \"90d\"\nresponsible = \"Q\"", "not a duration"),
        ("live = \"1d\"\narchive = \"90000d\"\nresponsible = \"Q\"", "not a duration"),
        ("live = \"1d\"\narchive = \"2d\"\nresponsible = \"Q\"\nkept = \"2d\"", "kept"),
    ] {
        let problems = retention(&format!("[retention]\n{text}")).unwrap_err();
        assert!(problems.contains(expected), "{text}: {problems}");
    }
}

#[test]
fn every_desk_of_the_shipped_policy_has_a_retention() {
    for desk in ["tenesa", "telkomcare", "tier2-outbound"] {
        let policy = telkom(desk).policy;
        let retention = policy.retention().unwrap();
        assert!(retention.live_ms >= 30 * DAY && retention.archive_ms > retention.live_ms, "{desk}");
        assert!(!retention.responsible.is_empty(), "{desk}");
    }
}
