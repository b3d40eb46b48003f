//! Tables of a policy changed in one place.

use toml::{Table, Value};

use super::{Mutant, condition};
use crate::time;

/// A step on the way to a value: a key, or a place in a list.
#[derive(Debug, Clone)]
enum At {
    Key(String),
    Place(usize),
}

/// Collects the changes of one file.
struct Changes<'a> {
    file: &'a str,
    whole: Table,
    all: Vec<Mutant>,
}

/// Every change of a file of tables; none of one that is not TOML.
pub(super) fn of(file: &str, text: &str) -> Vec<Mutant> {
    let Ok(whole) = text.parse::<Table>() else { return Vec::new() };
    let mut changes = Changes { file, whole: whole.clone(), all: Vec::new() };
    for (key, value) in &whole {
        let path = vec![At::Key(key.clone())];
        match key.as_str() {
            "rule" => changes.each(&path, value, Changes::rule),
            "queue" => changes.each(&path, value, Changes::queue),
            "sla" => changes.each(&path, value, Changes::sla),
            "priority" => changes.each(&path, value, |c, at, name, t| {
                c.without_keys("priority", at, name, t, &["head_start"])
            }),
            "escalation" => changes.escalations(&path, value),
            "campaign" => changes.each(&path, value, Changes::campaign),
            "fault" => changes.fault(&path, value),
            "calendar" => changes.each(&path, value, Changes::calendar),
            "roster" => changes.each(&path, value, Changes::roster),
            "reasons" => {
                for (list, reasons) in value.as_table().into_iter().flatten() {
                    let table: Table = [(list.clone(), reasons.clone())].into_iter().collect();
                    changes.without_items("reason", &path, "reasons", &table, list);
                }
            }
            "category" => changes.categories(&path, value, "category"),
            "limits" | "capacity" | "defaults" => changes.entries(&path, value, key),
            _ => {}
        }
    }
    changes.all
}

impl Changes<'_> {
    /// The file with the value of a path replaced; none: left out.
    fn change(&mut self, kind: &'static str, what: String, path: &[At], to: Option<Value>) {
        let mut whole = Value::Table(self.whole.clone());
        put(&mut whole, path, to);
        let text = whole.as_table().map_or_else(String::new, ToString::to_string);
        self.all.push(Mutant { file: self.file.to_owned(), kind, what, text });
    }

    /// Each table of a list, with its name.
    fn each(&mut self, path: &[At], list: &Value, mut with: impl FnMut(&mut Self, &[At], &str, &Table)) {
        for (place, item) in list.as_array().into_iter().flatten().enumerate() {
            let Some(table) = item.as_table() else { continue };
            let name = ["name", "clock", "label", "code"].iter().find_map(|key| table.get(*key)?.as_str());
            with(self, &below(path, At::Place(place)), name.unwrap_or("?"), table);
        }
    }

    fn without_keys(&mut self, kind: &'static str, path: &[At], name: &str, table: &Table, keys: &[&str]) {
        for key in keys.iter().filter(|key| table.contains_key(**key)) {
            let what = format!("{kind} `{name}` without its {key}");
            self.change(kind, what, &below(path, key_at(key)), None);
        }
    }

    /// A list of texts, or a text that stands for one, without each.
    fn without_items(&mut self, kind: &'static str, path: &[At], name: &str, table: &Table, key: &str) {
        let at = below(path, key_at(key));
        match table.get(key) {
            Some(Value::Array(items)) => {
                for (place, item) in items.iter().enumerate() {
                    let what = format!("{kind} `{name}` without {item} in its {key}");
                    self.change(kind, what, &below(&at, At::Place(place)), None);
                }
            }
            Some(_) => self.change(kind, format!("{kind} `{name}` without its {key}"), &at, None),
            None => {}
        }
    }

    fn conditions(&mut self, kind: &'static str, path: &[At], name: &str, table: &Table, key: &str) {
        let Some(text) = table.get(key).and_then(Value::as_str) else { return };
        for (how, changed) in condition::changes(text) {
            let what = format!("{kind} `{name}`: {key} {how}");
            self.change("condition", what, &below(path, key_at(key)), Some(Value::String(changed)));
        }
    }

    fn rule(&mut self, path: &[At], name: &str, table: &Table) {
        self.change("rule", format!("rule `{name}` left out"), path, None);
        self.conditions("rule", path, name, table, "when");
        self.without_keys("rule", path, name, table, &["segment", "priority", "sla", "hand_over", "resolve"]);
        for key in ["skills", "educate", "forward", "notify"] {
            self.without_items("rule", path, name, table, key);
        }
    }

    /// The form of a fault report: what it asks, what follows from it.
    fn fault(&mut self, path: &[At], value: &Value) {
        let Some(form) = value.as_table() else { return };
        self.without_keys("fault", path, "form", form, &["subject", "inform"]);
        self.without_items("fault", path, "form", form, "ended_by");
        if let Some(how) = form.get("repeats").and_then(Value::as_str) {
            let other = if how == "link" { "refuse" } else { "link" };
            let to = Some(Value::String(other.to_owned()));
            self.change("fault", format!("fault: repeats {other}"), &below(path, key_at("repeats")), to);
        }
        let fields = form.get("field").cloned().unwrap_or(Value::Array(Vec::new()));
        self.each(&below(path, key_at("field")), &fields, |changes, at, name, field| {
            changes.change("fault field", format!("fault field `{name}` left out"), at, None);
            changes.without_keys("fault field", at, name, field, &["required", "kind", "fact"]);
            changes.without_items("fault field", at, name, field, "choices");
            changes.without_items("fault field", at, name, field, "required_with");
        });
    }

    fn queue(&mut self, path: &[At], name: &str, table: &Table) {
        self.conditions("queue", path, name, table, "serve");
        self.without_keys("queue", path, name, table, &["serve", "sticky", "held", "mode"]);
        self.without_keys("queue", path, name, table, &["overflow", "unanswered", "wrap_up"]);
        self.doubled("queue", path, name, table, "unanswered");
        self.doubled("queue", path, name, table, "wrap_up");
        if let Some(overflow) = table.get("overflow").and_then(Value::as_table) {
            self.doubled("queue overflow", &below(path, key_at("overflow")), name, overflow, "after");
        }
        let ranks = self.whole.get("queue").and_then(Value::as_array).into_iter().flatten();
        let first = ranks.filter_map(|queue| queue.get("rank").and_then(Value::as_integer)).min();
        if let Some(rank) = table.get("rank").and_then(Value::as_integer) {
            let (how, to) = if Some(rank) == first { ("last", 999) } else { ("first", -999) };
            let what = format!("queue `{name}` asked {how}");
            self.change("queue", what, &below(path, key_at("rank")), Some(Value::Integer(to)));
        }
        self.without_items("queue", path, name, table, "skills");
        let steps = below(path, key_at("widen"));
        for (place, step) in table.get("widen").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let at = below(&steps, At::Place(place));
            self.change("queue", format!("queue `{name}` without widening step {}", place + 1), &at, None);
            let Some(step) = step.as_table() else { continue };
            self.conditions("queue", &at, name, step, "serve");
            self.doubled("queue", &at, name, step, "after");
        }
        self.doubled("queue", path, name, table, "offer");
    }

    fn sla(&mut self, path: &[At], name: &str, table: &Table) {
        let choose = below(path, key_at("choose"));
        for (place, one) in table.get("choose").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let at = below(&choose, At::Place(place));
            self.change("sla", format!("SLA `{name}` without choice {}", place + 1), &at, None);
            if let Some(one) = one.as_table() {
                self.conditions("sla", &at, name, one, "when");
            }
        }
        let clocks = below(path, key_at("clock"));
        if let Some(list) = table.get("clock") {
            self.each(&clocks, list, |changes, at, clock, table| {
                let name = format!("{name}/{clock}");
                changes.change("clock", format!("clock `{name}` left out"), at, None);
                changes.doubled("clock", at, &name, table, "target");
                changes.without_keys("clock", at, &name, table, &["calendar"]);
                for key in ["warn", "pause", "breach"] {
                    changes.without_items("clock", at, &name, table, key);
                }
            });
        }
    }

    /// Twice the time.
    fn doubled(&mut self, kind: &'static str, path: &[At], name: &str, table: &Table, key: &str) {
        let Some(ms) = table.get(key).and_then(Value::as_str).and_then(time::span) else { return };
        let to = Value::String(time::shown_span(ms * 2));
        self.change(
            kind,
            format!("{kind} `{name}` with twice its {key}"),
            &below(path, key_at(key)),
            Some(to),
        );
    }

    /// Each step left out, and the first asked last.
    fn escalations(&mut self, path: &[At], list: &Value) {
        self.each(path, list, |changes, at, name, table| {
            changes.change("escalation", format!("escalation `{name}` left out"), at, None);
            changes.without_keys("escalation", at, name, table, &["queue", "follow"]);
        });
        if let Some(steps) = list.as_array().filter(|steps| steps.len() > 1) {
            let mut turned = steps.clone();
            turned.rotate_left(1);
            let what = "the first step of escalation asked last".to_owned();
            self.change("escalation", what, path, Some(Value::Array(turned)));
        }
    }

    fn campaign(&mut self, path: &[At], name: &str, table: &Table) {
        self.doubled("campaign", path, name, table, "retry");
        self.without_keys("campaign", path, name, table, &["attempts", "window"]);
        self.without_items("campaign", path, name, table, "requires");
        if let Some(list) = table.get("criterion") {
            self.each(&below(path, key_at("criterion")), list, |changes, at, code, _| {
                changes.change("criterion", format!("criterion `{code}` of `{name}` left out"), at, None);
            });
        }
        if let Some(list) = table.get("disposition") {
            let at = below(path, key_at("disposition"));
            self.each(&at, list, |changes, at, label, node| {
                changes.disposition(at, name, label, node, false)
            });
        }
    }

    fn disposition(&mut self, path: &[At], above: &str, label: &str, node: &Table, contacted: bool) {
        let name = format!("{above} > {label}");
        self.change("disposition", format!("disposition `{name}` left out"), path, None);
        let contacted = node.get("contacted").and_then(Value::as_bool).unwrap_or(contacted);
        self.without_items("disposition", path, &name, node, "requires");
        self.without_keys("disposition", path, &name, node, &["after"]);
        if let Some(effect) = node.get("effect").and_then(Value::as_str) {
            let turned = Value::Boolean(!contacted);
            let what = format!("disposition `{name}` with contact turned round");
            self.change("disposition", what, &below(path, key_at("contacted")), Some(turned));
            for other in ["close", "retry", "reschedule", "keep"].into_iter().filter(|other| *other != effect)
            {
                let to = Some(Value::String(other.to_owned()));
                let what = format!("disposition `{name}` with {other} for {effect}");
                self.change("disposition", what, &below(path, key_at("effect")), to);
            }
        }
        if let Some(list) = node.get("then") {
            self.each(&below(path, key_at("then")), list, |changes, at, label, node| {
                changes.disposition(at, &name, label, node, contacted);
            });
        }
    }

    fn roster(&mut self, path: &[At], _: &str, table: &Table) {
        for key in ["shift", "exception"] {
            if let Some(list) = table.get(key) {
                self.each(&below(path, key_at(key)), list, |changes, at, name, _| {
                    changes.change("roster", format!("{key} `{name}` left out"), at, None);
                });
            }
        }
    }

    fn calendar(&mut self, path: &[At], name: &str, table: &Table) {
        self.without_keys("calendar", path, name, table, &["holidays"]);
        let hours = below(path, key_at("hours"));
        for (days, span) in table.get("hours").and_then(Value::as_table).into_iter().flatten() {
            let at = below(&hours, key_at(days));
            self.change("calendar", format!("calendar `{name}` without {days}"), &at, None);
            if span.is_str() {
                let what = format!("calendar `{name}` with other hours on {days}");
                self.change("calendar", what, &at, Some(Value::String("10:00-14:00".to_owned())));
            }
        }
    }

    fn categories(&mut self, path: &[At], value: &Value, name: &str) {
        let mut add = |at: Vec<At>, label: &str, below: &Value| {
            let name = format!("{name} > {label}");
            self.change("category", format!("`{name}` left out"), &at, None);
            self.categories(&at, below, &name);
        };
        match value {
            Value::Table(table) => {
                for (label, value) in table {
                    add(below(path, key_at(label)), label, value);
                }
            }
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    add(below(path, At::Place(place)), item.as_str().unwrap_or("?"), &Value::Boolean(true));
                }
            }
            _ => {}
        }
    }

    /// Numbers one more, times doubled, flags turned round, names left out.
    fn entries(&mut self, path: &[At], value: &Value, table: &str) {
        for (key, value) in value.as_table().into_iter().flatten() {
            if let (Some(_), "capacity") = (value.as_table(), table) {
                self.entries(&below(path, key_at(key)), value, key);
                continue;
            }
            let doubled = value.as_str().and_then(time::span).map(|ms| time::shown_span(ms * 2));
            let (how, to) = match (value, doubled) {
                (_, Some(doubled)) => ("doubled", Some(Value::String(doubled))),
                (Value::Integer(number), _) => ("one more", Some(Value::Integer(number + 1))),
                (Value::Boolean(flag), _) => ("turned round", Some(Value::Boolean(!flag))),
                _ => ("left out", None),
            };
            self.change("limit", format!("[{table}] {key} {how}"), &below(path, key_at(key)), to);
        }
    }
}

fn key_at(key: &str) -> At {
    At::Key(key.to_owned())
}

fn below(path: &[At], step: At) -> Vec<At> {
    path.iter().cloned().chain([step]).collect()
}

/// Replaces the value at a path, or takes it out.
fn put(value: &mut Value, path: &[At], to: Option<Value>) {
    let [first, rest @ ..] = path else { return };
    match (first, value) {
        (At::Key(key), Value::Table(table)) if rest.is_empty() => {
            match to {
                Some(to) => table.insert(key.clone(), to),
                None => table.remove(key),
            };
        }
        (At::Key(key), Value::Table(table)) => {
            if let Some(inner) = table.get_mut(key) {
                put(inner, rest, to);
            }
        }
        (At::Place(place), Value::Array(items)) if rest.is_empty() => match to {
            Some(to) => items[*place] = to,
            None => drop(items.remove(*place)),
        },
        (At::Place(place), Value::Array(items)) => {
            if let Some(inner) = items.get_mut(*place) {
                put(inner, rest, to);
            }
        }
        _ => {}
    }
}
