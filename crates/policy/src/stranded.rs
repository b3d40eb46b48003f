//! What would strand cases, and what can't be reached.

use simpang_domain::words::Name;

use crate::condition::Condition;
use crate::draft::Draft;
use crate::draft::names::Kind;
use crate::draft::routing::RuleDraft;
use crate::policy::{Ruling, Shape};
use crate::problem::Report;

/// Says everything of that kind about a policy whose conditions are sound.
pub(crate) fn check(report: &Report<'_>, draft: &Draft, shape: &Shape) {
    nobody_may_serve(report, draft, shape);
    never_reached(report, &draft.rules, shape);
    without_sla(report, draft, shape);
    without_room(report, draft);
}

/// Queues that nobody may serve: an error where something routes there, since its cases would wait for ever.
fn nobody_may_serve(report: &Report<'_>, draft: &Draft, shape: &Shape) {
    let used = draft.names.used(Kind::Queue);
    for (queue, conditions) in draft.queues.iter().zip(&shape.queues) {
        let closed = |step: &Option<_>| step.as_ref().is_some_and(|c: &Condition| c.is_never(&shape.agents));
        if queue.rule.held || !conditions.steps.iter().all(closed) {
            continue;
        }
        let name = &queue.rule.name;
        if used.contains(&**name) {
            let message = format!(
                "nobody may ever serve queue `{name}`, so its cases would be stranded: its `serve` can't hold; \
                 let somebody in, add a [[queue.widen]], or write `held = true` where people move them"
            );
            report.error(queue.spot, message);
        } else {
            report.warn(queue.spot, format!("nobody may ever serve queue `{name}`: its `serve` can't hold"));
        }
    }
}

/// Rules that nothing reaches, because they can't hold or one before them holds whenever they would.
fn never_reached(report: &Report<'_>, drafts: &[RuleDraft], shape: &Shape) {
    for (at, (draft, ruling)) in drafts.iter().zip(&shape.rulings).enumerate() {
        let name = &draft.name;
        if ruling.when.is_never(&shape.rules) {
            report.warn(draft.spot, format!("rule `{name}` is never reached: its `when` can't hold"));
        } else if let Some(before) = hides(&drafts[..at], &shape.rulings[..at], draft) {
            let message =
                format!("rule `{name}` is never reached: `{before}` before it asks the same, or less");
            report.warn(draft.spot, message);
        }
    }
}

/// The rule before that holds whenever this one does.
fn hides(drafts: &[RuleDraft], rulings: &[Ruling], draft: &RuleDraft) -> Option<Name> {
    let wanted = parts(&draft.when.value, "&&");
    let mut before = drafts.iter().zip(rulings).filter(|(_, ruling)| !ruling.when.is_always());
    before.find(|(before, _)| implied(&before.when.value, &wanted)).map(|(before, _)| before.name.clone())
}

/// Whether a condition holds wherever all of these hold. It says yes only where the texts show it: of what is joined by
/// `&&` each part is among them, or one of what it joins by `||`.
fn implied(condition: &str, holding: &[String]) -> bool {
    let among =
        |part: &String| holding.contains(part) || parts(part, "||").iter().any(|one| holding.contains(one));
    parts(condition, "&&").iter().all(among)
}

/// What a condition joins by an operator at its top, without spaces and brackets that make no difference. Where another
/// operator that binds less stands there too it is one part.
fn parts(condition: &str, operator: &str) -> Vec<String> {
    let text = unbracketed(condition.trim());
    let looser: &[&str] = if operator == "&&" { &["||", "?"] } else { &["?"] };
    let mut parts = vec![String::new()];
    let (mut depth, mut quote, mut rest) = (0_usize, None, text);
    while let Some(next) = rest.chars().next() {
        let mut taken = next.len_utf8();
        match (quote, next) {
            (Some(_), '\\') => taken += rest[taken..].chars().next().map_or(0, char::len_utf8),
            (Some(open), _) if open == next => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(next),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 && looser.iter().any(|sign| rest.starts_with(sign)) => {
                return vec![plain(text)];
            }
            (None, _) if depth == 0 && rest.starts_with(operator) => {
                parts.push(String::new());
                rest = &rest[operator.len()..];
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(&rest[..taken]);
        }
        rest = &rest[taken..];
    }
    parts.iter().map(|part| plain(unbracketed(part.trim()))).collect()
}

/// Without the brackets around all of it.
fn unbracketed(text: &str) -> &str {
    let Some(inside) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) else { return text };
    let mut depth = 0_i32;
    for sign in inside.chars() {
        depth += i32::from(sign == '(') - i32::from(sign == ')');
        // Brackets in quoted texts may be counted wrong; then nothing is taken off.
        if depth < 0 {
            return text;
        }
    }
    if depth == 0 { unbracketed(inside.trim()) } else { text }
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Choices of an SLA: what comes after one that always holds, and none that does.
fn without_sla(report: &Report<'_>, draft: &Draft, shape: &Shape) {
    for (choice, compiled) in draft.choices.iter().zip(&shape.choices) {
        let name = &choice.name;
        let always = |(when, _): &(Option<Condition>, Name)| when.as_ref().is_none_or(Condition::is_always);
        match compiled.among.iter().position(always) {
            None => {
                let spot = choice.among.first().map(|(_, sla)| sla.spot);
                if let Some(spot) = spot {
                    let message = format!(
                        "SLA `{name}` leaves cases without a clock where no choice holds; end it with one without `when`"
                    );
                    report.warn(spot, message);
                }
            }
            Some(last) => {
                for (_, sla) in &choice.among[last + 1..] {
                    report.warn(
                        sla.spot,
                        format!(
                            "SLA `{name}` never comes to `{}`: a choice before it always holds",
                            sla.value
                        ),
                    );
                }
            }
        }
    }
}

/// Channels that the desk has accounts on and no agent may hold a case of.
fn without_room(report: &Report<'_>, draft: &Draft) {
    for (channel, most) in &draft.capacities {
        let channel_name = channel.as_str();
        let has_account = draft.accounts.iter().any(|account| account.channel == *channel);
        if let (true, true, Some(rule)) = (*most == 0, has_account, draft.rules.first()) {
            let message = format!(
                "[capacity] lets nobody hold a case by {channel_name}, which the desk has an account on: only agents \
                 whose record says otherwise get any"
            );
            report.warn(rule.spot, message);
        }
    }
}
