//! Campaigns and their disposition trees.

use simpang_domain::rules::{CampaignRule, DispositionRule, Effect};
use simpang_domain::words::Name;

use super::names::Kind;
use super::{Draft, read_zone};
use crate::calendar::Calendar;
use crate::parts::CampaignForm;
use crate::problem::{Text, hint};
use crate::read::Section;

/// Deepest disposition path.
const DISPOSITION_DEPTH_MAX: usize = 8;

/// What may follow a disposition.
const EFFECTS: [&str; 4] = ["close", "retry", "reschedule", "keep"];

/// A campaign: the core's part, what people see, and when calls may be made.
#[derive(Debug)]
pub(crate) struct CampaignDraft {
    pub(crate) rule: CampaignRule,
    pub(crate) form: CampaignForm,
    pub(crate) window: Calendar,
}

impl Draft {
    /// `[[campaign]]`: name, title, zone, window, attempts, retry, criteria, fields, requires, dispositions.
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
        let criteria: Vec<(Name, Name)> =
            section.sections("criterion").into_iter().filter_map(read_criterion).collect();
        let mut codes: Vec<Name> = criteria.iter().map(|(code, _)| code.clone()).collect();
        codes.sort();
        if codes.windows(2).any(|pair| pair[0] == pair[1]) {
            section.report.error(section.spot, format!("campaign `{name}` has a criterion twice"));
        }
        let title = section.text("title").map_or_else(|| name.clone(), |t| t.name());
        let reports_to = section.text("reports_to").map(|t| t.name());
        let mut dispositions = read_dispositions(section, "disposition", &fields, false, 1);
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
            dispositions,
        };
        let form =
            CampaignForm { name, title, zone: window.zone.name().into(), criteria, fields, reports_to };
        Some(CampaignDraft { rule, form, window })
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

/// `[[campaign.criterion]]`: code, title (A7).
fn read_criterion(section: Section<'_>) -> Option<(Name, Name)> {
    let (code, title) = (section.need_text("code"), section.need_text("title"));
    section.finish();
    Some((code?.name(), title?.name()))
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

fn read_dispositions(
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
        let Some(rule) = read_disposition(node, fields, contacted, depth) else { continue };
        if read.iter().any(|before| before.label == rule.label) {
            section
                .report
                .error(section.spot, format!("disposition `{}` stands twice at one level", rule.label));
        }
        read.push(rule);
    }
    read
}

fn read_disposition(
    node: Section<'_>,
    fields: &[Name],
    contacted: bool,
    depth: usize,
) -> Option<DispositionRule> {
    let label = node.need_text("label");
    node.text("gloss");
    let contacted = node.flag("contacted").unwrap_or(contacted);
    let requires = read_requires(&node, fields);
    let effect = read_effect(&node);
    let then = read_dispositions(&node, "then", fields, contacted, depth + 1);
    match (&effect, then.is_empty()) {
        (None, true) => node.report.error(node.spot, "the last level of a disposition needs `effect`"),
        (Some(_), false) => node.report.error(node.spot_of("effect"), "only the last level has an `effect`"),
        _ => {}
    }
    node.finish();
    Some(DispositionRule {
        label: label?.name(),
        contacted,
        requires,
        effect: effect.unwrap_or(Effect::Keep),
        then,
    })
}

fn read_effect(node: &Section<'_>) -> Option<Effect> {
    let after = node.millis("after");
    let text = node.text("effect")?;
    if after.is_some() && text.as_str() != "retry" {
        node.report.error(node.spot_of("after"), "`after` goes with `effect = \"retry\"` only");
    }
    match text.as_str() {
        "close" => Some(Effect::Close),
        "retry" => Some(Effect::Retry(after)),
        "reschedule" => Some(Effect::Reschedule),
        "keep" => Some(Effect::Keep),
        other => {
            node.report.error(text.spot, format!("unknown effect `{other}`{}", hint(other, EFFECTS)));
            Some(Effect::Keep)
        }
    }
}
