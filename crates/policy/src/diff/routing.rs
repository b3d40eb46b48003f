//! Rules, queues and SLAs.

use simpang_domain::rules::{
    Action, BreachStep, Classification, ClockRule, EscalationRule, OverflowRule, OverflowTo, QueueRule,
    SlaRule,
};
use simpang_domain::words::QueueMode;

use super::item::{Item, span, texts};
use crate::draft::routing::{QueueDraft, RuleDraft};
use crate::draft::tables::ChoiceDraft;
use crate::policy::Ruling;

/// A rule: its condition as it is written, and what it compiled to, with the desk's defaults filled in.
pub(super) fn rule(draft: &RuleDraft, ruling: &Ruling) -> Item {
    let Ruling { when: _, says, cites } = ruling;
    let Classification { rule, segment, priority, queue, skills, sla, actions } = says;
    Item::new("rule", &**rule)
        .condition("when", Some(draft.when.as_str()))
        .maybe("segment", segment.as_ref())
        .with("priority", priority)
        .with("queue", queue)
        .set("skills", texts(skills))
        .maybe("sla", sla.as_ref())
        .list("actions", actions.iter().map(action))
        .set("cite", texts(cites))
}

fn action(action: &Action) -> String {
    match action {
        Action::Educate { template } => format!("educate {template}"),
        Action::Forward { mailbox } => format!("forward {mailbox}"),
        Action::HandOver { desk } => format!("hand over to {desk}"),
        Action::Notify { group, template } => format!("notify {group} with {template}"),
        Action::Resolve { outcome } => format!("resolve as {outcome}"),
    }
}

pub(super) fn queue(draft: &QueueDraft) -> Item {
    let QueueDraft { rule, serve, widen, own: _, spot: _ } = draft;
    let QueueRule {
        name,
        rank,
        skills,
        mode,
        offer_ms,
        sticky,
        widen_after_ms,
        held,
        overflow,
        unanswered_ms,
        wrap_up_ms,
    } = rule;
    let widening = |(step, (after, serve)): (usize, (&i64, &Option<crate::problem::Text>))| {
        let item = Item::new("widening", (step + 1).to_string()).with("after", &span(*after));
        serves(item, serve.as_ref().map(crate::problem::Text::as_str))
    };
    serves(Item::new("queue", &**name), serve.as_ref().map(crate::problem::Text::as_str))
        .with("rank", rank)
        .set("skills", texts(skills))
        .with("mode", mode.as_str())
        .maybe("offer", Some(span(*offer_ms)).filter(|_| *mode != QueueMode::Pull))
        .flag("sticky", *sticky)
        .flag("held", *held)
        .maybe("overflow", overflow.as_ref().map(overflows))
        .maybe("unanswered", unanswered_ms.map(span))
        .maybe("wrap_up", Some(*wrap_up_ms).filter(|ms| *ms > 0).map(span))
        .parts(widen_after_ms.iter().zip(widen).enumerate().map(widening))
}

fn serves(item: Item, condition: Option<&str>) -> Item {
    match condition {
        Some(_) => item.condition("serve", condition),
        None => item.with("serve", "everybody"),
    }
}

fn overflows(OverflowRule { after_ms, to }: &OverflowRule) -> String {
    match to {
        OverflowTo::Queue(queue) => format!("after {} to queue {queue}", span(*after_ms)),
        OverflowTo::Desk(desk) => format!("after {} to desk {desk}", span(*after_ms)),
    }
}

pub(super) fn sla(SlaRule { name, clocks }: &SlaRule) -> Item {
    Item::new("sla", &**name).parts(clocks.iter().map(clock))
}

fn clock(rule: &ClockRule) -> Item {
    let ClockRule {
        clock,
        target_ms,
        calendar,
        warn_percent,
        pause_on_customer,
        pause_on_third_party,
        pause_on_scheduled,
        on_breach,
    } = rule;
    let pauses = [
        ("customer", pause_on_customer),
        ("third-party", pause_on_third_party),
        ("scheduled", pause_on_scheduled),
    ];
    Item::new("clock", clock.as_str())
        .with("target", &span(*target_ms))
        .with("calendar", calendar)
        .set("warn", warn_percent.iter().map(|percent| format!("{percent:02} %")))
        .set("pause", pauses.iter().filter(|(_, holds)| **holds).map(|(on, _)| (*on).to_owned()))
        .list("breach", on_breach.iter().map(breach))
}

fn breach(step: &BreachStep) -> String {
    match step {
        BreachStep::Priority(priority) => format!("priority {priority}"),
        BreachStep::Escalate(step) => format!("escalate {step}"),
        BreachStep::Queue(queue) => format!("queue {queue}"),
    }
}

/// An SLA that is one of others.
pub(super) fn choice(ChoiceDraft { name, among }: &ChoiceDraft) -> Item {
    let one = |(when, sla): &(Option<crate::problem::Text>, crate::problem::Text)| {
        let item = Item::new("choice", sla.as_str());
        match when {
            Some(when) => item.condition("when", Some(when.as_str())),
            None => item.with("when", "otherwise"),
        }
    };
    Item::new("sla", &**name).parts(among.iter().map(one))
}

pub(super) fn escalation(rule: &EscalationRule) -> Item {
    let EscalationRule { name, group, template, queue, follow } = rule;
    Item::new("escalation", &**name)
        .with("group", group)
        .with("template", template)
        .maybe("queue", queue.as_ref())
        .flag("follow", *follow)
}
