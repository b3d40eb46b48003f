//! Queues, rules, facts and lists.

use simpang_domain::rules::{OverflowRule, OverflowTo, QueueRule};
use simpang_domain::words::{Name, QueueMode};
use toml::de::DeValue;

use super::names::Kind;
use super::people::is_mailbox;
use super::{Draft, Part};
use crate::condition::vocabulary::{FactType, Root};
use crate::problem::{Spot, Text, hint};
use crate::read::Section;

/// Longest list, of texts that conditions look in.
pub(crate) const LIST_MAX: usize = 100_000;

/// A queue with its conditions unread.
#[derive(Debug)]
pub(crate) struct QueueDraft {
    pub(crate) rule: QueueRule,
    /// Who may serve it at once; none: every agent.
    pub(crate) serve: Option<Text>,
    /// Who else, by widening step.
    pub(crate) widen: Vec<Option<Text>>,
    /// Defined by the desk rather than shared.
    pub(crate) own: bool,
    pub(crate) spot: Spot,
}

/// `mode`: how cases come to agents.
fn read_mode(section: &Section<'_>) -> QueueMode {
    let Some(text) = section.text("mode") else { return QueueMode::Both };
    let mode = QueueMode::of_str(text.as_str());
    if mode.is_none() {
        let hint = hint(text.as_str(), QueueMode::ALL.iter().map(|mode| mode.as_str()));
        let message = format!("unknown mode `{}`: write `pull`, `offer` or `both`{hint}", text.value);
        section.report.error(text.spot, message);
    }
    mode.unwrap_or(QueueMode::Both)
}

/// A duration that is longer than nothing.
fn read_span(section: &Section<'_>, key: &'static str) -> Option<i64> {
    let span = section.millis(key);
    if span == Some(0) {
        section.report.error(section.spot_of(key), format!("`{key}` must be longer than nothing"));
    }
    span
}

/// Says which keys of a queue come to nothing by its mode.
fn check_mode(section: &Section<'_>, rule: &QueueRule) {
    if rule.mode == QueueMode::Pull && section.has("offer") {
        let message = "cases of a queue that agents pull from are never offered: leave `offer` or `mode` out";
        section.report.error(section.spot_of("offer"), message);
    }
    if rule.held && section.has("mode") {
        let message = "nobody gets cases of a queue that is held: leave `mode` or `held` out";
        section.report.error(section.spot_of("mode"), message);
    }
}

/// A rule with its condition unread.
#[derive(Debug)]
pub(crate) struct RuleDraft {
    pub(crate) name: Name,
    pub(crate) when: Text,
    pub(crate) segment: Option<Name>,
    pub(crate) priority: Option<Name>,
    pub(crate) queue: Name,
    pub(crate) skills: Vec<Name>,
    pub(crate) sla: Option<Name>,
    pub(crate) actions: Vec<ActionDraft>,
    pub(crate) cites: Vec<Name>,
    pub(crate) spot: Spot,
}

/// An action whose mailbox is not yet looked up.
#[derive(Debug)]
pub(crate) enum ActionDraft {
    Educate(Name),
    /// A mail address, or a group that has one.
    Forward(Text),
    Notify(Name, Name),
    HandOver(Name),
    Resolve(Name),
}

impl Draft {
    /// `[[queue]]`: name, title, rank, skills, mode, offer, sticky, held, overflow, unanswered, wrap_up, serve,
    /// `[[queue.widen]]` after + serve.
    pub(super) fn read_queues(&mut self, top: &Section<'_>, part: Part) {
        for section in top.sections("queue") {
            let name = section.need_text("name");
            section.text("title");
            let rank = section.number("rank", -1_000_000..1_000_001).unwrap_or(0);
            let (widen_after_ms, widen) = read_widening(&section);
            let widened = widen_after_ms.last().copied();
            let rule = QueueRule {
                name: name.as_ref().map_or_else(|| "".into(), Text::name),
                rank: i32::try_from(rank).unwrap_or(0),
                skills: sorted(&section.texts("skills")),
                mode: read_mode(&section),
                offer_ms: section.millis("offer").unwrap_or(30_000),
                sticky: section.flag("sticky").unwrap_or(false),
                widen_after_ms,
                held: section.flag("held").unwrap_or(false),
                overflow: self.read_overflow(&section),
                unanswered_ms: read_span(&section, "unanswered"),
                wrap_up_ms: section.millis("wrap_up").unwrap_or(0),
            };
            check_mode(&section, &rule);
            let late = rule.overflow.as_ref().map_or(i64::MAX, |overflow| overflow.after_ms);
            if widened.is_some_and(|widened| late <= widened) {
                let message = "a case overflows later than it widens: give a longer `after`";
                section.report.error(section.spot_of("overflow"), message);
            }
            let serve = section.text("serve");
            if let Some(name) = name {
                self.names.define(section.report, Kind::Queue, &name);
                self.queues.push(QueueDraft {
                    rule,
                    serve,
                    widen,
                    own: part != Part::Shared,
                    spot: name.spot,
                });
            }
            section.finish();
        }
    }

    /// `overflow = { after, queue }` or `{ after, desk }`.
    fn read_overflow(&mut self, section: &Section<'_>) -> Option<OverflowRule> {
        let overflow = section.section("overflow")?;
        let after_ms = overflow.need_millis("after");
        let queue = overflow.text("queue").map(|t| OverflowTo::Queue(self.names.refer(Kind::Queue, &t)));
        let desk = overflow.text("desk").map(|t| OverflowTo::Desk(self.names.refer(Kind::Desk, &t)));
        let to = match (queue, desk) {
            (Some(to), None) | (None, Some(to)) => Some(to),
            _ => {
                overflow.report.error(overflow.spot, "an overflow names either `queue` or `desk`");
                None
            }
        };
        overflow.finish();
        Some(OverflowRule { after_ms: after_ms?, to: to? })
    }

    /// `[[rule]]`, in order; the first whose `when` is true decides.
    pub(super) fn read_rules(&mut self, top: &Section<'_>) {
        for section in top.sections("rule") {
            let rule = self.read_rule(&section);
            self.rules.extend(rule);
            section.finish();
        }
    }

    fn read_rule(&mut self, section: &Section<'_>) -> Option<RuleDraft> {
        let name = section.need_text("name");
        let when = section.need_text("when");
        let queue = section.need_text("queue").map(|t| self.names.refer(Kind::Queue, &t));
        let segment = section.text("segment").map(|t| self.names.refer(Kind::Segment, &t));
        let priority = section.text("priority").map(|t| self.names.refer(Kind::Priority, &t));
        if priority.is_none() && self.desk.priority.is_none() {
            section.missing("priority");
        }
        let sla = section.text("sla").map(|t| self.names.refer(Kind::Sla, &t));
        let skills = sorted(&section.texts("skills"));
        let actions = self.read_actions(section);
        let cites = section.texts("cite").iter().map(Text::name).collect();
        let name = name?;
        self.names.define(section.report, Kind::Rule, &name);
        let (name, spot) = (name.name(), name.spot);
        Some(RuleDraft {
            name,
            when: when?,
            segment,
            priority,
            queue: queue?,
            skills,
            sla,
            actions,
            cites,
            spot,
        })
    }

    fn read_actions(&mut self, section: &Section<'_>) -> Vec<ActionDraft> {
        let mut actions = Vec::new();
        for template in section.texts("educate") {
            actions.push(ActionDraft::Educate(self.names.refer(Kind::Template, &template)));
        }
        for target in section.texts("forward") {
            if !is_mailbox(target.as_str()) {
                self.names.refer(Kind::Group, &target);
            }
            actions.push(ActionDraft::Forward(target));
        }
        for notify in section.sections("notify") {
            let group = notify.need_text("group").map(|t| self.names.refer(Kind::Group, &t));
            let template = notify.need_text("template").map(|t| self.names.refer(Kind::Template, &t));
            if let (Some(group), Some(template)) = (group, template) {
                actions.push(ActionDraft::Notify(group, template));
            }
            notify.finish();
        }
        let (hand_over, resolve) = (section.text("hand_over"), section.text("resolve"));
        if let (Some(_), Some(resolve)) = (&hand_over, &resolve) {
            section.report.error(resolve.spot, "a case that is handed over can't also be resolved here");
        }
        actions.extend(hand_over.map(|t| ActionDraft::HandOver(self.names.refer(Kind::Desk, &t))));
        actions.extend(resolve.map(|t| ActionDraft::Resolve(t.name())));
        actions
    }

    /// `[facts.<root>]`: `name = "text" | "number" | "flag" | "texts"`.
    pub(super) fn read_facts(&mut self, top: &Section<'_>) {
        let Some(section) = top.section("facts") else { return };
        for root in Root::WITH_FACTS {
            let Some(table) = section.section(root.as_str()) else { continue };
            for (name, value) in table.entries() {
                let Some(text) = table.as_text(value, &name.value) else { continue };
                match FactType::of_str(text.as_str()) {
                    Some(of) => self.add_fact(&table, *root, &name, of),
                    None => {
                        let hint = hint(text.as_str(), FactType::ALL.iter().map(|t| t.as_str()));
                        table.report.error(text.spot, format!("unknown type `{}`{hint}", text.value));
                    }
                }
            }
        }
        section.finish();
    }

    fn add_fact(&mut self, table: &Section<'_>, root: Root, name: &Text, of: FactType) {
        if let Err(problem) = self.vocabulary.declare(root, name.as_str(), of) {
            table.report.error(name.spot, problem);
        }
    }

    /// `[lists]`: `name = ["a", "b"]`.
    pub(super) fn read_lists(&mut self, top: &Section<'_>) {
        let Some(section) = top.section("lists") else { return };
        for (name, value) in section.entries() {
            if !matches!(value.get_ref(), DeValue::Array(_)) {
                section.report.error(name.spot, format!("list `{}` must be a list of texts", name.value));
                continue;
            }
            let items = section.as_texts(value, &name.value).iter().map(Text::name).collect();
            let problem = self.add_list(&name.value, items);
            if let Some(problem) = problem {
                section.report.error(name.spot, problem);
            }
        }
    }

    /// Adds a list; says what is wrong with it.
    pub(crate) fn add_list(&mut self, name: &str, items: Vec<Name>) -> Option<String> {
        if !crate::condition::vocabulary::is_identifier(name) {
            return Some(format!("`{name}` can't name a list: use lower-case letters, digits and `_`"));
        }
        if items.len() > LIST_MAX {
            return Some(format!("list `{name}` is longer than {LIST_MAX}"));
        }
        self.lists.insert(name.to_owned(), items).map(|_| format!("list `{name}` is defined twice"))
    }
}

fn read_widening(section: &Section<'_>) -> (Vec<i64>, Vec<Option<Text>>) {
    let (mut after, mut serve) = (Vec::new(), Vec::new());
    for step in section.sections("widen") {
        let from = step.need_millis("after").unwrap_or(0);
        if after.last().is_some_and(|before| *before >= from) {
            step.report
                .error(step.spot_of("after"), "each widening step must come later than the one before");
        }
        after.push(from);
        serve.push(step.text("serve"));
        step.finish();
    }
    (after, serve)
}

fn sorted(texts: &[Text]) -> Vec<Name> {
    let mut names: Vec<Name> = texts.iter().map(Text::name).collect();
    names.sort();
    names.dedup();
    names
}
