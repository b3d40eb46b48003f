//! What differs, as JSON.

use serde_json::{Value, json};
use simpang_policy::diff::{Change, Difference, Field};
use simpang_replay::reclassify::{Answer, Decision, PARTS, Totals};

use super::Shared;

/// One change, with the desks that it is on.
pub(super) fn change(Shared { desks, change }: &Shared<'_>) -> Value {
    let mut value = of(change);
    value["desks"] = json!(desks);
    value
}

fn of(change: &Change) -> Value {
    let mut value = json!({ "kind": change.kind, "name": change.name, "how": change.how.as_str() });
    if let Some(moved) = &change.moved {
        value["moved"] = json!({ "from": Some(moved.from).filter(|place| *place > 0), "to": moved.to, "after": moved.after });
    }
    if !change.fields.is_empty() {
        value["fields"] = change.fields.iter().map(field).collect();
    }
    if !change.parts.is_empty() {
        value["parts"] = change.parts.iter().map(of).collect();
    }
    value
}

fn field(Field { name, difference }: &Field) -> Value {
    match difference {
        Difference::Value { before, after } => json!({ "name": name, "before": before, "after": after }),
        Difference::Members { added, removed, reordered } => {
            json!({ "name": name, "added": added, "removed": removed, "reordered": reordered })
        }
    }
}

/// A case that would have been classified otherwise.
pub(super) fn decision(desk: &str, decision: &Decision, differing: &[&str]) -> Value {
    json!({
        "desk": desk, "case": decision.case.0, "input": format!("{}.{}", decision.input.seq, decision.input.index),
        "at_ms": decision.at, "occasion": decision.occasion.as_str(), "policy": decision.policy,
        "differing": differing, "then": answer(&decision.then), "now": answer(&decision.now),
    })
}

fn answer(answer: &Answer) -> Value {
    let mut value = json!({ "rule": &*answer.rule });
    for part in PARTS {
        value[part] = match part {
            "skills" => names(&answer.skills),
            "actions" => names(&answer.actions),
            "segment" => json!(answer.segment.as_deref()),
            "sla" => json!(answer.sla.as_deref()),
            _ => json!(answer.part(part)),
        };
    }
    value
}

fn names(names: &[simpang_domain::words::Name]) -> Value {
    names.iter().map(|name| json!(&**name)).collect()
}

/// What all decisions came to.
pub(super) fn totals(desk: &str, totals: &Totals) -> Value {
    let mut by = Vec::new();
    for (part, changes) in &totals.by {
        for ((then, now), count) in changes {
            by.push(json!({ "part": part, "then": then, "now": now, "count": count }));
        }
    }
    json!({
        "desk": desk, "decisions": totals.decisions, "same": totals.same, "by_another_rule": totals.by_another_rule,
        "different": totals.different, "cases": totals.cases.len(), "different_cases": totals.different_cases.len(),
        "by": by,
    })
}
