//! How a stream has to be set up so that it loses nothing, and what is wrong with one that is not.
//!
//! File storage, kept for ever (no limit by age, bytes or count; a full disk refuses instead of discarding), nothing
//! can be deleted, rolled up or expire, no message comes from elsewhere or under another subject. The directory can't
//! be purged; a desk's log may lose its beginning and the raw objects single ones, which only the operator's user at
//! the broker may do, once an archive holds them (docs/archive.md). Direct
//! reads are off: they may be answered by a replica that is behind. The duplicate window is as short as it may be,
//! because nothing relies on it and each id costs the broker memory.

use serde_json::{Value, json};

/// The broker's duplicate window, which can't be zero.
const DUPLICATE_WINDOW_NS: u64 = 1_000_000_000;

/// What a stream may lose by a purge, once an archive holds it. One that was made with `deny_purge` loses nothing,
/// whatever it is; the broker never takes that back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loses {
    Nothing,
    /// A desk's log: records before a sequence.
    Beginning,
    /// Raw objects: any of them.
    Objects,
}

/// What a setting has to be: its name, its value, and what an absent one means.
struct Rule {
    key: &'static str,
    must: Value,
    absent: Value,
}

/// The settings to create a stream with.
pub(crate) fn config(stream: &str, subjects: &[String], replicas: usize, loses: Loses) -> Value {
    let mut config = json!({
        "name": stream,
        "subjects": subjects,
        "num_replicas": replicas,
        "max_consumers": -1,
        "max_msg_size": -1,
        "duplicate_window": DUPLICATE_WINDOW_NS,
        "allow_direct": false,
        "deny_purge": loses == Loses::Nothing,
    });
    for rule in rules() {
        if !rule.must.is_null() && rule.must != rule.absent {
            config[rule.key] = rule.must;
        }
    }
    config
}

fn rules() -> Vec<Rule> {
    let rule = |key, must, absent| Rule { key, must, absent };
    vec![
        rule("retention", json!("limits"), Value::Null),
        rule("storage", json!("file"), Value::Null),
        rule("discard", json!("new"), Value::Null),
        rule("max_age", json!(0), json!(0)),
        rule("max_msgs", json!(-1), Value::Null),
        rule("max_bytes", json!(-1), Value::Null),
        rule("max_msgs_per_subject", json!(-1), Value::Null),
        rule("deny_delete", json!(true), json!(false)),
        rule("allow_rollup_hdrs", json!(false), json!(false)),
        rule("allow_msg_ttl", json!(false), json!(false)),
        rule("allow_msg_counter", json!(false), json!(false)),
        rule("no_ack", json!(false), json!(false)),
        rule("sealed", json!(false), json!(false)),
        rule("mirror", Value::Null, Value::Null),
        rule("sources", Value::Null, Value::Null),
        rule("subject_transform", Value::Null, Value::Null),
        rule("persist_mode", json!("default"), json!("default")),
    ]
}

/// What of an existing stream's information makes it unfit, each with what it is and what it has to be. Empty: fit.
pub(crate) fn faults(info: &Value, subjects: &[String], replicas: usize, loses: Loses) -> Vec<String> {
    let config = &info["config"];
    let mut faults: Vec<String> = rules().iter().filter_map(|rule| fault(rule, config)).collect();
    let mut found: Vec<&str> =
        config["subjects"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut expected: Vec<&str> = subjects.iter().map(String::as_str).collect();
    found.sort_unstable();
    expected.sort_unstable();
    if found != expected {
        faults.push(format!("subjects are {} and have to be {}", found.join(" "), expected.join(" ")));
    }
    let copies = config["num_replicas"].as_u64().unwrap_or(1);
    if copies < replicas as u64 {
        faults.push(format!("num_replicas is {copies} and has to be {replicas} or more"));
    }
    let denies = config["deny_purge"].as_bool().unwrap_or(false);
    if loses == Loses::Nothing && !denies {
        faults.push("deny_purge is false and has to be true".to_owned());
    }
    let loses = if denies { Loses::Nothing } else { loses };
    let state = &info["state"];
    let first = state["first_seq"].as_u64().unwrap_or(0);
    if first > 1 && loses == Loses::Nothing {
        faults.push(format!("records before sequence {first} are gone: restore them from an archive"));
    }
    let deleted = state["num_deleted"].as_u64().unwrap_or(0);
    if deleted > 0 && loses != Loses::Objects {
        faults.push(format!("{deleted} records were deleted: restore them from an archive"));
    }
    faults
}

fn fault(rule: &Rule, config: &Value) -> Option<String> {
    let found = config.get(rule.key).unwrap_or(&rule.absent);
    let is_empty = found.is_null() || found.as_array().is_some_and(Vec::is_empty);
    let fits = *found == rule.must || (rule.must.is_null() && is_empty);
    let must = if rule.must.is_null() { "absent".to_owned() } else { rule.must.to_string() };
    (!fits).then(|| format!("{} is {found} and has to be {must}", rule.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(change: impl FnOnce(&mut Value)) -> Value {
        let mut info = json!({
            "config": config("SIMPANG_a", &["simpang.a.commit".into()], 1, Loses::Nothing),
            "state": {"first_seq": 1},
        });
        change(&mut info);
        info
    }

    fn found(info: &Value, loses: Loses) -> Vec<String> {
        faults(info, &["simpang.a.commit".into()], 1, loses)
    }

    #[test]
    fn a_stream_as_made_is_fit() {
        assert_eq!(found(&info(|_| {}), Loses::Nothing), Vec::<String>::new());
    }

    #[test]
    fn each_setting_that_loses_data_is_named() {
        let cases: [(&str, Value, &str); 14] = [
            ("max_age", json!(1), "max_age is 1 and has to be 0"),
            ("max_msgs", json!(1000), "max_msgs is 1000 and has to be -1"),
            ("max_bytes", json!(1000), "max_bytes is 1000 and has to be -1"),
            ("max_msgs_per_subject", json!(1), "max_msgs_per_subject is 1 and has to be -1"),
            ("storage", json!("memory"), "storage is \"memory\" and has to be \"file\""),
            ("retention", json!("workqueue"), "retention is \"workqueue\" and has to be \"limits\""),
            ("discard", json!("old"), "discard is \"old\" and has to be \"new\""),
            ("deny_delete", json!(false), "deny_delete is false and has to be true"),
            ("deny_purge", json!(false), "deny_purge is false and has to be true"),
            ("allow_rollup_hdrs", json!(true), "allow_rollup_hdrs is true and has to be false"),
            ("sources", json!([{"name": "X"}]), "sources is [{\"name\":\"X\"}] and has to be absent"),
            ("persist_mode", json!("async"), "persist_mode is \"async\" and has to be \"default\""),
            ("num_replicas", json!(0), "num_replicas is 0 and has to be 1 or more"),
            ("subjects", json!(["a.>"]), "subjects are a.> and have to be simpang.a.commit"),
        ];
        for (key, value, expected) in cases {
            let info = info(|info| info["config"][key] = value);
            assert_eq!(found(&info, Loses::Nothing), [expected]);
        }
    }

    #[test]
    fn a_stream_that_has_lost_records_is_unfit() {
        let lost = info(|info| info["state"] = json!({"first_seq": 5, "num_deleted": 2}));
        assert_eq!(found(&lost, Loses::Nothing).len(), 2);
    }

    #[test]
    fn only_what_may_be_purged_may_be_gone() {
        let gone = |denies: bool, state: Value| {
            info(|info| {
                info["config"]["deny_purge"] = json!(denies);
                info["state"] = state;
            })
        };
        let (beginning, inside) = (json!({"first_seq": 5}), json!({"first_seq": 5, "num_deleted": 2}));
        for (loses, denies, state, faults) in [
            (Loses::Beginning, false, &beginning, 0),
            (Loses::Beginning, false, &inside, 1),
            (Loses::Beginning, true, &beginning, 1),
            (Loses::Objects, false, &inside, 0),
            (Loses::Objects, true, &inside, 2),
        ] {
            let info = gone(denies, state.clone());
            assert_eq!(found(&info, loses).len(), faults, "{loses:?} {denies} {state}");
        }
    }
}
