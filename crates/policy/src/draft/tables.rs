//! Priorities, SLAs, escalation steps and categories.

use simpang_domain::rules::{BreachStep, ClockRule, EscalationRule, PriorityRule, SlaRule};
use simpang_domain::words::{Name, SlaClock};

use super::Draft;
use super::names::Kind;
use crate::problem::{Text, hint};
use crate::read::Section;

/// Deepest category path (F3 asks for at least four levels).
const CATEGORY_DEPTH_MAX: usize = 8;

/// What may make a clock stand still.
const PAUSES: [&str; 3] = ["customer", "third-party", "scheduled"];

/// An SLA that is one of others, by the case.
#[derive(Debug)]
pub(crate) struct ChoiceDraft {
    pub(crate) name: Name,
    /// When, and which.
    pub(crate) among: Vec<(Option<Text>, Text)>,
}

impl Draft {
    /// `[[priority]]`: name, head_start.
    pub(super) fn read_priorities(&mut self, top: &Section<'_>) {
        for section in top.sections("priority") {
            let name = section.need_text("name");
            let head_start_ms = section.millis("head_start").unwrap_or(0);
            if let Some(name) = name {
                let name = self.names.define(section.report, Kind::Priority, &name);
                self.priorities.push(PriorityRule { name, head_start_ms });
            }
            section.finish();
        }
    }

    /// `[[sla]]`: name, and either `[[sla.clock]]` with a calendar for them all, or `choose` among other SLAs.
    pub(super) fn read_slas(&mut self, top: &Section<'_>) {
        for section in top.sections("sla") {
            let name = section.need_text("name");
            if section.has("choose") {
                self.read_choice(&section, name);
                section.finish();
                continue;
            }
            let calendar = section.text("calendar");
            let clocks: Vec<ClockRule> = section
                .sections("clock")
                .into_iter()
                .filter_map(|c| self.read_clock(c, calendar.as_ref()))
                .collect();
            if let Some(name) = name {
                let twice =
                    clocks.iter().enumerate().any(|(at, c)| clocks[..at].iter().any(|b| b.clock == c.clock));
                if twice {
                    section.report.error(name.spot, format!("SLA `{}` has a clock twice", name.value));
                }
                let name = self.names.define(section.report, Kind::Sla, &name);
                let mut clocks = clocks;
                clocks.sort_by_key(|c| c.clock);
                self.slas.push(SlaRule { name, clocks });
            }
            section.finish();
        }
    }

    /// `choose = [{ when = …, sla = … }, …]`: the first that holds; one without `when` always does.
    fn read_choice(&mut self, section: &Section<'_>, name: Option<Text>) {
        let mut among = Vec::new();
        for one in section.sections("choose") {
            let (when, sla) = (one.text("when"), one.need_text("sla"));
            if let Some(sla) = sla {
                self.names.refer(Kind::Sla, &sla);
                among.push((when, sla));
            }
            one.finish();
        }
        if let Some(name) = name {
            let name = self.names.define(section.report, Kind::Sla, &name);
            self.choices.push(ChoiceDraft { name, among });
        }
    }

    fn read_clock(&mut self, section: Section<'_>, calendar: Option<&Text>) -> Option<ClockRule> {
        let clock = section.need_text("clock").and_then(|text| read_clock_kind(&section, &text));
        let target_ms = section.need_millis("target");
        if target_ms == Some(0) {
            section.report.error(section.spot_of("target"), "`target` must be longer than nothing");
        }
        let calendar = match section.text("calendar").or_else(|| calendar.cloned()) {
            Some(text) => Some(self.names.refer(Kind::Calendar, &text)),
            None => {
                section.missing("calendar");
                None
            }
        };
        let warn_percent = read_warnings(&section);
        let pauses = section.texts("pause");
        for pause in &pauses {
            if !PAUSES.contains(&pause.as_str()) {
                let hint = hint(pause.as_str(), PAUSES);
                section.report.error(pause.spot, format!("a clock can't pause on `{}`{hint}", pause.value));
            }
        }
        let pauses_on = |word: &str| pauses.iter().any(|p| p.as_str() == word);
        let on_breach = section.sections("breach").into_iter().filter_map(|s| self.read_breach(s)).collect();
        section.finish();
        Some(ClockRule {
            clock: clock?,
            target_ms: target_ms?,
            calendar: calendar?,
            warn_percent,
            pause_on_customer: pauses_on("customer"),
            pause_on_third_party: pauses_on("third-party"),
            pause_on_scheduled: pauses_on("scheduled"),
            on_breach,
        })
    }

    /// `{ priority = … }`, `{ escalate = … }` or `{ queue = … }`.
    fn read_breach(&mut self, section: Section<'_>) -> Option<BreachStep> {
        let mut steps = Vec::new();
        if let Some(text) = section.text("priority") {
            steps.push(BreachStep::Priority(self.names.refer(Kind::Priority, &text)));
        }
        if let Some(text) = section.text("escalate") {
            steps.push(BreachStep::Escalate(self.names.refer(Kind::Escalation, &text)));
        }
        if let Some(text) = section.text("queue") {
            steps.push(BreachStep::Queue(self.names.refer(Kind::Queue, &text)));
        }
        if steps.len() != 1 {
            section.report.error(section.spot, "a breach step names one of `priority`, `escalate`, `queue`");
        }
        section.finish();
        steps.pop()
    }

    /// `[[escalation]]`, in the order they are asked (D4): name, group, template, queue, follow.
    pub(super) fn read_escalations(&mut self, top: &Section<'_>) {
        for section in top.sections("escalation") {
            let name = section.need_text("name");
            let group = section.need_text("group").map(|t| self.names.refer(Kind::Group, &t));
            let template = section.need_text("template").map(|t| self.names.refer(Kind::Template, &t));
            let queue = section.text("queue").map(|t| self.names.refer(Kind::Queue, &t));
            let follow = section.flag("follow").unwrap_or(false);
            let name = name.map(|n| self.names.define(section.report, Kind::Escalation, &n));
            if let Some(group) = group.as_ref().filter(|_| follow) {
                self.followers.push((section.spot_of("follow"), group.clone()));
            }
            if let (Some(name), Some(group), Some(template)) = (name, group, template) {
                self.escalations.push(EscalationRule { name, group, template, queue, follow });
            }
            section.finish();
        }
    }

    /// `[category]`: tables and lists of labels; every node is an allowed path (F3).
    pub(super) fn read_categories(&mut self, top: &Section<'_>) {
        if let Some(section) = top.section("category") {
            self.read_category(&section, &[]);
        }
    }

    fn read_category(&mut self, section: &Section<'_>, above: &[Name]) {
        for (label, value) in section.entries() {
            let mut path = above.to_vec();
            path.push(label.name());
            self.categories.push(path.clone());
            if path.len() >= CATEGORY_DEPTH_MAX {
                section
                    .report
                    .error(label.spot, format!("categories go at most {CATEGORY_DEPTH_MAX} levels deep"));
                continue;
            }
            if value.get_ref().is_table() {
                if let Some(below) = section.as_section(value, &label.value, "[category]") {
                    self.read_category(&below, &path);
                }
                continue;
            }
            for leaf in section.as_texts(value, &label.value) {
                let mut path = path.clone();
                path.push(leaf.name());
                self.categories.push(path);
            }
        }
    }
}

fn read_clock_kind(section: &Section<'_>, text: &Text) -> Option<SlaClock> {
    let clock = SlaClock::of_str(text.as_str());
    if clock.is_none() {
        let hint = hint(text.as_str(), SlaClock::ALL.iter().map(|c| c.as_str()));
        section.report.error(text.spot, format!("unknown clock `{}`{hint}", text.value));
    }
    clock
}

fn read_warnings(section: &Section<'_>) -> Vec<u32> {
    let percents = section.numbers("warn", &(1..100));
    if percents.windows(2).any(|pair| pair[0] >= pair[1]) {
        section.report.error(section.spot_of("warn"), "`warn` must increase");
    }
    percents.into_iter().filter_map(|p| u32::try_from(p).ok()).collect()
}
