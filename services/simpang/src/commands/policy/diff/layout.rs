//! What differs, as people read it.

use simpang_policy::diff::{Change, Difference, Field, How, Portrait};
use simpang_replay::reclassify::{Decision, Totals};

use super::{OfDesk, Shared};
use crate::output;

/// Longest line of a value that stands beside the one it replaces.
const BESIDE: usize = 48;

/// Where what differs of a thing begins.
const BELOW: &str = "         ";

/// Most members of a list that are named.
const NAMED: usize = 8;

/// All that differs: by desks, and then by kind.
pub(super) fn layout(compared: &[OfDesk], shared: &[Shared<'_>]) -> Vec<String> {
    let mut page = heads(compared);
    if shared.is_empty() {
        page.push("no difference: both versions mean the same".to_owned());
        return page;
    }
    let mut sets: Vec<&[&str]> = shared.iter().map(|one| one.desks.as_slice()).collect();
    sets.sort_by_key(|desks| (std::cmp::Reverse(desks.len()), desks.to_vec()));
    sets.dedup();
    for desks in sets {
        page.push(String::new());
        let title = match desks {
            [desk] => format!("desk {desk}"),
            all if all.len() == compared.len() => format!("all desks ({})", all.join(", ")),
            some => format!("desks {}", some.join(", ")),
        };
        page.push(title);
        let mut kind = "";
        for Shared { change, .. } in shared.iter().filter(|one| one.desks == desks) {
            if change.kind != kind {
                page.push(format!("  {}", plural(change.kind)));
                kind = change.kind;
            }
            page.extend(told(change).into_iter().map(|line| format!("    {line}")));
        }
    }
    page.push(String::new());
    page.push(counted(shared));
    page
}

/// Which versions are compared; desks that only one of them has.
fn heads(compared: &[OfDesk]) -> Vec<String> {
    let version = |portrait: &Portrait| match portrait.version() {
        0 => "no policy".to_owned(),
        version => format!("{} version {version}", portrait.name()),
    };
    let mut heads: Vec<String> = Vec::new();
    for OfDesk { old, new, .. } in
        compared.iter().filter(|one| one.old.version() > 0 && one.new.version() > 0)
    {
        let head = format!("{} → {}", version(old), version(new));
        if !heads.contains(&head) {
            heads.push(head);
        }
    }
    for OfDesk { desk, old, new, .. } in compared {
        match (old.version(), new.version()) {
            (0, 1..) => heads.push(format!("desk {desk}: no policy before → {}", version(new))),
            (1.., 0) => heads.push(format!("desk {desk}: {} → no such desk any more", version(old))),
            _ => {}
        }
    }
    heads
}

fn counted(shared: &[Shared<'_>]) -> String {
    let count = |how| shared.iter().filter(|one| one.change.how == how).count();
    let moved = |one: &&Shared<'_>| one.change.how == How::Changed && one.change.moved.is_some();
    let moved = shared.iter().filter(moved).count();
    let moved = if moved == 0 { String::new() } else { format!(", {moved} of them moved") };
    format!(
        "{} differences: {} added, {} removed, {} changed{moved}",
        shared.len(),
        count(How::Added),
        count(How::Removed),
        count(How::Changed)
    )
}

fn plural(kind: &str) -> &str {
    match kind {
        "document" => "documents it follows",
        "account" => "accounts",
        "capacity" => "capacity: most cases at once",
        "segment" => "segments",
        "priority" => "priorities",
        "queue" => "queues",
        "rule" => "rules",
        "sla" => "SLAs",
        "calendar" => "calendars",
        "escalation" => "steps of escalation",
        "group" => "groups",
        "roster" => "rosters",
        "reasons" => "reasons of agents",
        "campaign" => "campaigns",
        "fault" => "form of fault reports",
        "template" => "templates",
        "link" => "links",
        "list" => "lists",
        "fact" => "facts",
        other => other,
    }
}

/// One change: a line that names it, and what of it differs below.
fn told(change: &Change) -> Vec<String> {
    let place = change.moved.as_ref().map(|moved| {
        let after = moved.after.as_ref().map_or("first".to_owned(), |after| format!("after {after}"));
        match change.how {
            How::Changed => format!(": moved from place {} to {}, now {after}", moved.from, moved.to),
            How::Added | How::Removed => format!(": {after}"),
        }
    });
    let head = format!("{:<8} {}{}", change.how.as_str(), change.name, place.unwrap_or_default());
    let mut lines = vec![head.trim_end().to_owned()];
    match change.how {
        How::Removed => {}
        How::Added => {
            lines.extend(change.fields.iter().flat_map(fresh).map(|line| below(&line)));
            lines.extend(change.parts.iter().flat_map(new_part).map(|line| below(&line)));
        }
        How::Changed => {
            lines.extend(change.fields.iter().flat_map(differs).map(|line| below(&line)));
            lines.extend(change.parts.iter().flat_map(changed_part).map(|line| below(&line)));
        }
    }
    lines
}

fn below(line: &str) -> String {
    format!("{BELOW}{line}")
}

/// A part of something that changed: its own line, and what of it differs below.
fn changed_part(part: &Change) -> Vec<String> {
    let place = part.moved.as_ref().filter(|_| part.how == How::Changed);
    let place = place.map(|moved| format!(": moved from place {} to {}", moved.from, moved.to));
    let head = match part.how {
        How::Removed => return vec![format!("{} {} removed", part.kind, part.name)],
        How::Added => format!("{} {} added", part.kind, part.name),
        How::Changed => format!("{} {}{}", part.kind, part.name, place.unwrap_or_default()),
    };
    let rest = told(part).into_iter().skip(1);
    let rest = rest.map(|line| format!("  {}", line.strip_prefix(BELOW).unwrap_or(&line)));
    std::iter::once(head).chain(rest).collect()
}

/// A part of something new: all of it on a line, its own parts below.
fn new_part(part: &Change) -> Vec<String> {
    let fields: Vec<String> = part.fields.iter().flat_map(fresh).collect();
    let fields: Vec<String> =
        fields.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let head = format!("{} {}", part.kind, part.name);
    let head = if fields.is_empty() { head } else { format!("{head}: {}", fields.join(", ")) };
    let parts = part.parts.iter().flat_map(new_part).map(|line| format!("  {line}"));
    std::iter::once(head).chain(parts).collect()
}

/// A field of something new.
fn fresh(Field { name, difference }: &Field) -> Vec<String> {
    match difference {
        Difference::Value { after, before } => {
            let value = after.as_ref().or(before.as_ref()).map(String::as_str).unwrap_or_default();
            let mut lines = value.lines();
            let first = format!("{name:<10} {}", lines.next().unwrap_or_default());
            std::iter::once(first).chain(lines.map(|line| format!("{:<10} {line}", ""))).collect()
        }
        Difference::Members { added, removed, .. } => {
            vec![format!("{name:<10} {}", named(if added.is_empty() { removed } else { added }))]
        }
    }
}

/// A field that is another.
fn differs(Field { name, difference }: &Field) -> Vec<String> {
    match difference {
        Difference::Value { before, after } => value(name, before.as_deref(), after.as_deref()),
        Difference::Members { added, removed, reordered } => {
            let mut parts = Vec::new();
            let told = |sign: &str, members: &[String]| match members.len() {
                many if many > NAMED => format!("{sign} {many}: {}", named(members)),
                _ => format!("{sign} {}", named(members)),
            };
            if !added.is_empty() {
                parts.push(told("added", added));
            }
            if !removed.is_empty() {
                parts.push(told("removed", removed));
            }
            if *reordered {
                parts.push("in another order".to_owned());
            }
            vec![format!("{name:<10} {}", parts.join("; "))]
        }
    }
}

fn named(members: &[String]) -> String {
    let more = members.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", members.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))
}

/// One value for another: side by side when both are short, else one below the other; of texts of several lines, only
/// the lines that differ.
fn value(name: &str, before: Option<&str>, after: Option<&str>) -> Vec<String> {
    let (old, new) = (before.unwrap_or("–"), after.unwrap_or("–"));
    let is_short = |text: &str| text.chars().count() <= BESIDE && !text.contains('\n');
    if is_short(old) && is_short(new) {
        return vec![format!("{name:<10} {old} → {new}")];
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let first = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let last = old[first..].iter().rev().zip(new[first..].iter().rev()).take_while(|(a, b)| a == b).count();
    let gone = old[first..old.len() - last].iter().map(|line| format!("- {line}"));
    let come = new[first..new.len() - last].iter().map(|line| format!("+ {line}"));
    let lines: Vec<String> = gone.chain(come).collect();
    let begin = |at: usize| if at == 0 { name } else { "" };
    lines.iter().enumerate().map(|(at, line)| format!("{:<10} {line}", begin(at))).collect()
}

/// A case that would have been classified otherwise.
pub(super) fn decision(decision: &Decision, differing: &[&str]) -> Vec<String> {
    let Decision { case, at, occasion, input, then, now, .. } = decision;
    let rule = if then.rule == now.rule {
        format!("rule {}", then.rule)
    } else {
        format!("rule {} → {}", then.rule, now.rule)
    };
    let head = format!(
        "case {:<6} {}  {:<10}  {rule}  [input {}.{}]",
        case.0,
        output::time(*at),
        occasion.as_str(),
        input.seq,
        input.index
    );
    let parts = differing.iter().map(|part| format!("{part} {} → {}", then.part(part), now.part(part)));
    vec![head, format!("            {}", parts.collect::<Vec<_>>().join(", "))]
}

/// What all decisions came to.
pub(super) fn totals(totals: &Totals) -> Vec<String> {
    let Totals { decisions, same, by_another_rule, different, cases, different_cases, by } = totals;
    let mut lines = Vec::new();
    if *different > 0 {
        lines.push(String::new());
    }
    lines.push(format!(
        "{decisions} classifications of {} cases taken again: {same} the same, {by_another_rule} the same by another \
         rule, {different} different on {} cases",
        cases.len(),
        different_cases.len()
    ));
    for (part, changes) in by {
        let all: u64 = changes.values().sum();
        lines.push(format!("  {part}: {all} different"));
        let mut changes: Vec<_> = changes.iter().collect();
        changes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        lines.extend(changes.iter().map(|((then, now), count)| format!("    {count:>7}  {then} → {now}")));
    }
    lines
}
