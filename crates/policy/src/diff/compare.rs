//! Two versions side by side: by kind and name.

use std::collections::BTreeSet;

use super::item::{Item, KINDS, Value, plain};
use super::{Change, Difference, Field, How, Moved};

/// What is different, by kind; what is gone first, then in the new order.
pub(super) fn compare(before: &[Item], after: &[Item]) -> Vec<Change> {
    KINDS.iter().flat_map(|(kind, is_ordered)| of_kind(kind, *is_ordered, before, after)).collect()
}

fn of_kind(kind: &str, is_ordered: bool, before: &[Item], after: &[Item]) -> Vec<Change> {
    let of_it =
        |items: &'_ [Item]| -> Vec<Item> { items.iter().filter(|i| i.kind == kind).cloned().collect() };
    let (before, after) = (of_it(before), of_it(after));
    let pairs = pairs(&before, &after);
    let found: BTreeSet<usize> = pairs.iter().flatten().copied().collect();
    let gone = before.iter().enumerate().filter(|(at, _)| !found.contains(at));
    let mut changes: Vec<Change> = gone.map(|(_, item)| whole(item, How::Removed)).collect();
    let stays = if is_ordered { longest_rising(&pairs) } else { found };
    for (to, (item, pair)) in after.iter().zip(&pairs).enumerate() {
        let Some(from) = *pair else {
            let place = Moved { from: 0, to: to + 1, after: name_before(&after, to) };
            let moved = Some(place).filter(|_| is_ordered && !before.is_empty());
            changes.push(Change { moved, ..whole(item, How::Added) });
            continue;
        };
        let moved = (!stays.contains(&from)).then(|| Moved {
            from: from + 1,
            to: to + 1,
            after: name_before(&after, to),
        });
        let fields = fields(&before[from].fields, &item.fields);
        let parts = compare(&before[from].parts, &item.parts);
        if moved.is_some() || !fields.is_empty() || !parts.is_empty() {
            let name = item.name.clone();
            changes.push(Change { kind: item.kind, name, how: How::Changed, moved, fields, parts });
        }
    }
    changes
}

fn name_before(items: &[Item], at: usize) -> Option<String> {
    at.checked_sub(1).map(|before| items[before].name.clone())
}

/// For each of the new ones the old one of that name; of several with one name the first with the first.
fn pairs(before: &[Item], after: &[Item]) -> Vec<Option<usize>> {
    let mut taken = BTreeSet::new();
    let find = |item: &Item| {
        let free = |at: &usize| before[*at].name == item.name && !taken.contains(at);
        let at = (0..before.len()).find(free)?;
        taken.insert(at);
        Some(at)
    };
    after.iter().map(find).collect()
}

/// The most of the old places that still stand in their order: what is not among them went elsewhere.
fn longest_rising(pairs: &[Option<usize>]) -> BTreeSet<usize> {
    let places: Vec<usize> = pairs.iter().flatten().copied().collect();
    // For each place: how many stand in order up to it, and which is before it.
    let mut runs: Vec<(usize, Option<usize>)> = Vec::with_capacity(places.len());
    for (at, place) in places.iter().enumerate() {
        let best =
            (0..at).filter(|other| places[*other] < *place).max_by_key(|other| (runs[*other].0, at - other));
        runs.push((best.map_or(1, |best| runs[best].0 + 1), best));
    }
    let mut at = (0..places.len()).max_by_key(|at| (runs[*at].0, places.len() - at));
    let mut found = BTreeSet::new();
    while let Some(here) = at {
        found.insert(places[here]);
        at = runs[here].1;
    }
    found
}

/// All of a thing that only one version has.
fn whole(item: &Item, how: How) -> Change {
    let is_added = how == How::Added;
    let field = |(name, value): &(&'static str, Value)| {
        let (before, after) = if is_added { (None, Some(value)) } else { (Some(value), None) };
        difference(before, after).map(|difference| Field { name, difference })
    };
    Change {
        kind: item.kind,
        name: item.name.clone(),
        how,
        moved: None,
        fields: item.fields.iter().filter_map(field).collect(),
        parts: item.parts.iter().map(|part| whole(part, how)).collect(),
    }
}

fn fields(before: &[(&'static str, Value)], after: &[(&'static str, Value)]) -> Vec<Field> {
    let value = |fields: &'_ [(&'static str, Value)], name: &str| -> Option<Value> {
        fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    };
    let gone = before.iter().filter(|(name, _)| value(after, name).is_none());
    let names = after.iter().chain(gone).map(|(name, _)| *name);
    let field = |name| {
        let difference = difference(value(before, name).as_ref(), value(after, name).as_ref())?;
        Some(Field { name, difference })
    };
    names.filter_map(field).collect()
}

/// How two values differ; none: they don't.
fn difference(before: Option<&Value>, after: Option<&Value>) -> Option<Difference> {
    let members = |added: Vec<String>, removed: Vec<String>, reordered: bool| {
        let differs = reordered || !added.is_empty() || !removed.is_empty();
        differs.then_some(Difference::Members { added, removed, reordered })
    };
    match (before, after) {
        (Some(Value::Set(_)) | None, Some(Value::Set(_)) | None)
        | (Some(Value::List(_)) | None, Some(Value::List(_)) | None) => {
            let (before, after) = (members_of(before), members_of(after));
            let (added, removed) = (missing(&after, &before), missing(&before, &after));
            let reordered = missing(&after, &added) != missing(&before, &removed);
            members(added, removed, reordered)
        }
        (Some(Value::Condition(before)), Some(Value::Condition(after))) if plain(before) == plain(after) => {
            None
        }
        (before, after) if before == after => None,
        (before, after) => Some(Difference::Value { before: shown(before), after: shown(after) }),
    }
}

fn members_of(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Set(members)) => members.iter().cloned().collect(),
        Some(Value::List(members)) => members.clone(),
        Some(Value::Text(_) | Value::Condition(_)) | None => Vec::new(),
    }
}

/// Members of one that the other does not have.
fn missing(of: &[String], other: &[String]) -> Vec<String> {
    let other: BTreeSet<&String> = other.iter().collect();
    of.iter().filter(|member| !other.contains(member)).cloned().collect()
}

fn shown(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Text(text) | Value::Condition(text) => Some(text.clone()),
        Value::List(members) => Some(members.join(", ")),
        Value::Set(members) => Some(members.iter().cloned().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<Item> {
        names.iter().map(|name| Item::new("rule", *name)).collect()
    }

    #[test]
    fn as_few_as_can_be_are_said_to_have_moved() {
        for (before, after, moved) in [
            (&["a", "b", "c", "d"][..], &["a", "b", "c", "d"][..], &[][..]),
            (&["a", "b", "c", "d"], &["d", "a", "b", "c"], &["d"]),
            (&["a", "b", "c", "d"], &["b", "c", "d", "a"], &["a"]),
            (&["a", "b", "c", "d"], &["a", "x", "c", "b", "d"], &["b"]),
            (&["a", "b", "c"], &["c", "b", "a"], &["b", "a"]),
            (&["a", "b", "c"], &["x", "c"], &[]),
        ] {
            let changes = compare(&named(before), &named(after));
            let found: Vec<&str> =
                changes.iter().filter(|c| c.how == How::Changed).map(|c| c.name.as_str()).collect();
            assert_eq!(found, moved, "{before:?} {after:?}");
        }
    }

    #[test]
    fn members_of_a_set_have_no_order_and_those_of_a_list_have() {
        let texts = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let set = |members: &[&str]| Some(Value::Set(texts(members).into_iter().collect()));
        let list = |members: &[&str]| Some(Value::List(texts(members)));
        let members = |added: &[&str], removed: &[&str], reordered| {
            Some(Difference::Members { added: texts(added), removed: texts(removed), reordered })
        };
        for (before, after, wanted) in [
            (set(&["a", "b"]), set(&["b", "a"]), None),
            (list(&["a", "b"]), list(&["b", "a"]), members(&[], &[], true)),
            (list(&["a", "b"]), list(&["a", "x", "b"]), members(&["x"], &[], false)),
            (set(&["a", "b"]), set(&["b", "c"]), members(&["c"], &["a"], false)),
            (None, list(&["a"]), members(&["a"], &[], false)),
            (set(&["a"]), None, members(&[], &["a"], false)),
        ] {
            assert_eq!(difference(before.as_ref(), after.as_ref()), wanted);
        }
    }
}
