//! Campaigns and their disposition trees.

use simpang_domain::rules::{CampaignRule, DispositionRule, Effect, SystemTask};
use simpang_domain::words::{Answered, Name};

use super::names::Kind;
use super::{Draft, read_zone};
use crate::calendar::Calendar;
use crate::parts::CampaignForm;
use crate::problem::{Text, hint};
use crate::read::Section;

/// Deepest disposition path.
const DISPOSITION_DEPTH_MAX: usize = 8;

/// What may follow a disposition.
const EFFECTS: [&str; 6] = ["close", "retry", "reschedule", "keep", "junk", "follow-up"];

/// An entry criterion: its code and title (A7), and what else it asks (J7).
#[derive(Debug)]
struct Criterion {
    code: Name,
    title: Name,
    when: Option<Text>,
}

/// What the condition of a campaign's criterion is.
#[derive(Debug)]
pub(crate) struct EntryDraft {
    pub(crate) criterion: Name,
    pub(crate) when: Text,
}

/// A campaign: the core's part, what people see, and when calls may be made.
#[derive(Debug)]
pub(crate) struct CampaignDraft {
    pub(crate) rule: CampaignRule,
    pub(crate) form: CampaignForm,
    pub(crate) window: Calendar,
    pub(crate) entries: Vec<EntryDraft>,
}

impl Draft {
    /// `[[campaign]]`: name, title, zone, window, attempts, retry, lease, dialled, criteria, fields, requires,
    /// dispositions, reports_to.
    pub(super) fn read_campaigns(&mut self, top: &Section<'_>) {
        for section in top.sections("campaign") {
            let name = section.need_text("name");
            let draft = name.and_then(|name| self.read_campaign(&section, &name));
            self.campaigns.extend(draft);
            section.finish();
        }
    }

    fn read_campaign(&mut self, section: &Section<'_>, name: &Text) -> Option<CampaignDraft> {
        let name = self.names.define(section.report, Kind::Campaign, name);
        let window = self.read_window(section, &name);
        let attempts = section.number("attempts", 0..1_001).unwrap_or(0);
        let retry_ms = section.need_millis("retry");
        let fields: Vec<Name> = section.texts("fields").iter().map(Text::name).collect();
        let requires = read_requires(section, &fields);
        let (criteria, entries) = read_criteria(section, &name);
        let mut codes: Vec<Name> = criteria.iter().map(|(code, _)| code.clone()).collect();
        codes.sort();
        let title = section.text("title").map_or_else(|| name.clone(), |t| t.name());
        let reports_to = section.text("reports_to").map(|t| t.name());
        let lease_ms = section.millis("lease");
        let asks_dialled = section.flag("dialled").unwrap_or(false);
        let mut dispositions = self.read_dispositions(section, "disposition", &fields, false, 1);
        for top in &mut dispositions {
            top.requires.extend(requires.iter().cloned());
            top.requires.sort();
            top.requires.dedup();
        }
        let rule = CampaignRule {
            name: name.clone(),
            criteria: codes,
            attempts_max: u32::try_from(attempts).unwrap_or(0),
            retry_ms: retry_ms?,
            lease_ms,
            asks_dialled,
            reports_to: reports_to.clone(),
            dispositions,
        };
        let form =
            CampaignForm { name, title, zone: window.zone.name().into(), criteria, fields, reports_to };
        Some(CampaignDraft { rule, form, window, entries })
    }

    /// `[campaign.window]`: when calls may be made, in the zone of who is called; without it at any time.
    fn read_window(&mut self, section: &Section<'_>, name: &Name) -> Calendar {
        let zone = read_zone(section, "zone").unwrap_or_else(|| self.zone());
        let mut window = Calendar {
            name: name.clone(),
            zone,
            week: std::array::from_fn(|_| vec![(0, 1_440)]),
            special: Default::default(),
        };
        if let Some(hours) = section.section("window") {
            (window.week, window.special) = self.read_week(&hours);
            hours.finish();
        }
        window
    }
}

/// `[[campaign.criterion]]`, in the document's order, and the conditions of those that have one.
fn read_criteria(section: &Section<'_>, campaign: &Name) -> (Vec<(Name, Name)>, Vec<EntryDraft>) {
    let (mut criteria, mut entries): (Vec<(Name, Name)>, _) = (Vec::new(), Vec::new());
    for Criterion { code, title, when } in
        section.sections("criterion").into_iter().filter_map(read_criterion)
    {
        if criteria.iter().any(|(before, _)| *before == code) {
            section.report.error(section.spot, format!("campaign `{campaign}` has a criterion twice"));
        }
        entries.extend(when.map(|when| EntryDraft { criterion: code.clone(), when }));
        criteria.push((code, title));
    }
    (criteria, entries)
}

/// `[[campaign.criterion]]`: code, title, when (A7, J7).
fn read_criterion(section: Section<'_>) -> Option<Criterion> {
    let (code, title) = (section.need_text("code"), section.need_text("title"));
    let when = section.text("when");
    section.finish();
    Some(Criterion { code: code?.name(), title: title?.name(), when })
}

fn read_requires(section: &Section<'_>, fields: &[Name]) -> Vec<Name> {
    let requires = section.texts("requires");
    for field in &requires {
        if !fields.iter().any(|f| **f == *field.value) {
            let hint = hint(field.as_str(), fields.iter().map(|f| &**f));
            section
                .report
                .error(field.spot, format!("`{}` is not one of the campaign's `fields`{hint}", field.value));
        }
    }
    let mut requires: Vec<Name> = requires.iter().map(Text::name).collect();
    requires.sort();
    requires.dedup();
    requires
}

impl Draft {
    fn read_dispositions(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
        fields: &[Name],
        contacted: bool,
        depth: usize,
    ) -> Vec<DispositionRule> {
        let nodes = section.sections(key);
        if key == "disposition" && nodes.is_empty() {
            section.report.error(section.spot, "a campaign needs at least one [[campaign.disposition]]");
        }
        if depth > DISPOSITION_DEPTH_MAX {
            section
                .report
                .error(section.spot, format!("dispositions go at most {DISPOSITION_DEPTH_MAX} levels deep"));
            return Vec::new();
        }
        let mut read: Vec<DispositionRule> = Vec::new();
        for node in nodes {
            let Some(rule) = self.read_disposition(node, fields, contacted, depth) else { continue };
            if read.iter().any(|before| before.label == rule.label) {
                section
                    .report
                    .error(section.spot, format!("disposition `{}` stands twice at one level", rule.label));
            }
            read.push(rule);
        }
        read
    }

    /// label, gloss, contacted, requires, answered; on the last level effect, after, tell, escalate.
    fn read_disposition(
        &mut self,
        node: Section<'_>,
        fields: &[Name],
        contacted: bool,
        depth: usize,
    ) -> Option<DispositionRule> {
        let label = node.need_text("label");
        node.text("gloss");
        let contacted = node.flag("contacted").unwrap_or(contacted);
        let requires = read_requires(&node, fields);
        let answered = read_answered(&node);
        let effect = read_effect(&node);
        let tells = read_tells(&node);
        let escalate = node.text("escalate").map(|step| self.names.refer(Kind::Escalation, &step));
        let then = self.read_dispositions(&node, "then", fields, contacted, depth + 1);
        match (&effect, then.is_empty()) {
            (None, true) => {
                node.report.error(node.spot, "the last level of a disposition needs `effect`");
            }
            (Some(_), false) => {
                node.report.error(node.spot_of("effect"), "only the last level has an `effect`");
            }
            _ => {}
        }
        if !then.is_empty() && (!tells.is_empty() || escalate.is_some()) {
            node.report.error(node.spot, "only the last level has `tell` and `escalate`");
        }
        node.finish();
        Some(DispositionRule {
            label: label?.name(),
            contacted,
            requires,
            answered,
            tells,
            escalate,
            effect: effect.unwrap_or(Effect::Keep),
            then,
        })
    }
}

/// `answered`: who has to have answered for this outcome (B7, H4, H5).
fn read_answered(node: &Section<'_>) -> Vec<Answered> {
    let mut answered = Vec::new();
    for text in node.texts("answered") {
        match Answered::of_str(text.as_str()) {
            Some(who) if !answered.contains(&who) => answered.push(who),
            Some(_) => node.report.error(text.spot, format!("`{}` stands twice", text.value)),
            None => {
                let hint = hint(text.as_str(), Answered::ALL.iter().map(|who| who.as_str()));
                node.report.error(text.spot, format!("nobody is called `{}`{hint}", text.value));
            }
        }
    }
    answered.sort_unstable();
    answered
}

/// `tell`: what other systems have to be told, each as `system:task` (M10).
fn read_tells(node: &Section<'_>) -> Vec<SystemTask> {
    let mut tells = Vec::new();
    for text in node.texts("tell") {
        match text.as_str().split_once(':') {
            Some((system, task)) if !system.trim().is_empty() && !task.trim().is_empty() => {
                tells.push(SystemTask { system: system.trim().into(), task: task.trim().into() });
            }
            _ => {
                let message = format!("`{}` is not `system:task`, such as \"nossa:worklog\"", text.value);
                node.report.error(text.spot, message);
            }
        }
    }
    tells
}

fn read_effect(node: &Section<'_>) -> Option<Effect> {
    let after = node.millis("after");
    let text = node.text("effect")?;
    if after.is_some() && !["retry", "follow-up"].contains(&text.as_str()) {
        node.report.error(node.spot_of("after"), "`after` goes with `retry` and `follow-up` only");
    }
    match text.as_str() {
        "close" => Some(Effect::Close),
        "retry" => Some(Effect::Retry(after)),
        "reschedule" => Some(Effect::Reschedule),
        "keep" => Some(Effect::Keep),
        "junk" => Some(Effect::Junk),
        "follow-up" => {
            if after.is_none() {
                node.report.error(text.spot, "`follow-up` needs `after`, such as \"2h\"");
            }
            Some(Effect::FollowUp(after.unwrap_or_default()))
        }
        other => {
            node.report.error(text.spot, format!("unknown effect `{other}`{}", hint(other, EFFECTS)));
            Some(Effect::Keep)
        }
    }
}
