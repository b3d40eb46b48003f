//! Who is on duty, and the reasons that agents may give.

use simpang_domain::rules::Rules;
use simpang_policy::{Policy, compile_inline};

use crate::common::{at, telkom};

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
[[group]]
name = "leads"
mailbox = "leads@example.com"
"#;

const ROSTER: &str = r#"
[[roster]]
group = "leads"
[[roster.shift]]
name = "day"
agents = ["ana", "ben"]
hours = { "mon-fri" = "07:00-19:00" }
[[roster.shift]]
name = "late"
agents = ["ben", "cia"]
hours = { "mon-fri" = "17:00-23:00" }
[[roster.shift]]
name = "night"
agents = ["dodi"]
hours = { daily = ["00:00-07:00", "23:00-24:00"] }
[[roster.exception]]
date = "2026-12-25"
name = "Christmas"
agents = ["cia"]
hours = "09:00-12:00"
[[roster.exception]]
date = "2026-12-31"
"#;

fn policy(more: &str) -> Policy {
    compile_inline("d", 1, &format!("{LEAST}{more}")).unwrap().policy
}

/// `agent by shift`, in order.
fn on_duty(policy: &Policy, time: &str) -> Vec<String> {
    let on = policy.on_duty("leads", at(time)).unwrap();
    on.iter().map(|on| format!("{} by {}", on.agent, on.shift)).collect()
}

#[test]
fn the_week_says_who_is_on_duty_in_the_files_order_and_each_once() {
    let policy = policy(ROSTER);
    for (time, expected) in [
        ("2026-11-23T06:59:59+07:00", &["dodi by night"][..]),
        ("2026-11-23T07:00:00+07:00", &["ana by day", "ben by day"]),
        ("2026-11-23T18:00:00+07:00", &["ana by day", "ben by day", "cia by late"]),
        ("2026-11-23T19:00:00+07:00", &["ben by late", "cia by late"]),
        ("2026-11-23T23:30:00+07:00", &["dodi by night"]),
        ("2026-11-22T12:00:00+07:00", &[]),
    ] {
        assert_eq!(on_duty(&policy, time), expected, "{time}");
    }
}

#[test]
fn on_a_day_with_exceptions_only_they_hold_and_the_day_is_the_rosters_own() {
    let policy = policy(ROSTER);
    for (time, expected) in [
        ("2026-12-25T10:00:00+07:00", &["cia by Christmas"][..]),
        ("2026-12-25T13:00:00+07:00", &[]),
        ("2026-12-24T23:30:00Z", &[]),
        ("2026-12-24T16:59:59Z", &["dodi by night"]),
        ("2026-12-31T10:00:00+07:00", &[]),
        ("2027-01-01T10:00:00+07:00", &["ana by day", "ben by day"]),
    ] {
        assert_eq!(on_duty(&policy, time), expected, "{time}");
    }
}

#[test]
fn a_group_without_a_roster_is_none_rather_than_empty() {
    let policy = policy("");
    assert_eq!(policy.on_duty("leads", 0), None);
    assert_eq!(policy.on_duty("nobody", 0), None);
}

#[test]
fn mistakes_in_rosters_and_reasons_are_said() {
    let shift = "[[roster.shift]]\nname = \"s\"\nalways = true\n";
    for (more, expected) in [
        ("[[roster]]\ngroup = \"leads\"", "`shift` is missing"),
        (&*format!("[[roster]]\ngroup = \"leads\"\n{shift}"), "a shift needs `agents`"),
        (&*format!("[[roster]]\ngroup = \"leds\"\n{shift}agents = \"a\""), "undefined group `leds`"),
        (&*format!("[[roster]]\ngroup = \"leads\"\n{shift}agents = \"Ana B\""), "can't be an agent's id"),
        (
            &*format!(
                "[[roster]]\ngroup = \"leads\"\n{shift}agents = \"a\"\n[[roster.exception]]\ndate = \"soon\""
            ),
            "`soon` is not a date",
        ),
        (
            &*format!("{ROSTER}[[roster]]\ngroup = \"leads\"\n{shift}agents = \"a\""),
            "group `leads` has two rosters",
        ),
        ("[reasons]\nnot_ready = [\"a\", \"a\"]", "`a` stands there twice"),
        (
            "[[template]]\nname = \"t\"\ntext = \"x\"\n[[escalation]]\nname = \"e\"\ngroup = \"leads\"\ntemplate = \"t\"\nfollow = true",
            "`follow` needs a [[roster]] of group `leads`",
        ),
    ] {
        let problems = compile_inline("d", 1, &format!("{LEAST}{more}")).unwrap_err();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|line| line.contains(expected)), "{expected}: {said:?}");
    }
}

#[test]
fn the_shipped_policy_has_somebody_on_duty_at_every_hour_and_a_pic_who_follows() {
    for desk in ["telkomcare", "tenesa", "tier2-outbound"] {
        let policy = telkom(desk).policy;
        for hour in 0..24 {
            let time = at("2026-11-22T00:30:00+07:00") + hour * 3_600_000;
            for group in ["tl-on-duty", "pic"] {
                assert_eq!(policy.on_duty(group, time).unwrap().len(), 1, "{desk} {group} {hour}:30");
            }
        }
        let tables = policy.tables();
        let steps: Vec<(&str, bool)> = tables.escalations.iter().map(|e| (&*e.name, e.follow)).collect();
        assert_eq!(steps[..2], [("tl-on-duty", false), ("pic", true)], "{desk}");
        assert!(!tables.reasons.not_ready.is_empty() && !tables.reasons.decline.is_empty());
    }
}
