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
            let message = format!("rule `{name}` is never reached: `{before}` before it asks the same");
            report.warn(draft.spot, message);
        }
    }
}

fn hides(drafts: &[RuleDraft], rulings: &[Ruling], draft: &RuleDraft) -> Option<Name> {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = plain(&draft.when.value);
    let same = drafts
        .iter()
        .zip(rulings)
        .find(|(before, ruling)| !ruling.when.is_always() && plain(&before.when.value) == wanted);
    same.map(|(before, _)| before.name.clone())
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
