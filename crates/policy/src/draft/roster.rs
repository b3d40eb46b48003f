//! Rosters, and the reasons that agents may give.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use simpang_domain::words::Name;

use super::names::Kind;
use super::{Draft, read_zone};
use crate::calendar::{Calendar, Hours};
use crate::problem::Text;
use crate::quantity::span;
use crate::read::Section;
use crate::roster::{Roster, Shift};

impl Draft {
    /// `[[roster]]`: group, zone, `[[roster.shift]]` and `[[roster.exception]]`.
    pub(super) fn read_rosters(&mut self, top: &Section<'_>) {
        for section in top.sections("roster") {
            let group = section.need_text("group");
            let zone = read_zone(&section, "zone").unwrap_or_else(|| self.zone());
            let shifts: Vec<Shift> =
                section.sections("shift").into_iter().filter_map(|s| self.read_shift(s, zone)).collect();
            if !section.has("shift") {
                section.missing("shift");
            }
            let mut exceptions: BTreeMap<i64, Vec<Shift>> = BTreeMap::new();
            for (day, shift) in
                section.sections("exception").into_iter().filter_map(|s| read_exception(s, zone))
            {
                exceptions.entry(day).or_default().push(shift);
            }
            if let Some(text) = group {
                let group = self.names.refer(Kind::Group, &text);
                if self.rosters.iter().any(|roster| roster.group == group) {
                    section.report.error(text.spot, format!("group `{group}` has two rosters"));
                }
                self.rosters.push(Roster { group, shifts, exceptions });
            }
            section.finish();
        }
    }

    /// name, agents, and hours of the week, as a calendar's.
    fn read_shift(&mut self, section: Section<'_>, zone: Tz) -> Option<Shift> {
        let name = section.need_text("name");
        let agents = read_agents(&section);
        if agents.is_empty() {
            section.report.error(section.spot, "a shift needs `agents`: without anybody nobody is on duty");
        }
        let (week, special) = self.read_week(&section);
        section.finish();
        Some(Shift { agents, hours: Calendar { name: name?.name(), zone, week, special } })
    }

    /// `[reasons]`: not_ready, decline.
    pub(super) fn read_reasons(&mut self, top: &Section<'_>) {
        let Some(section) = top.section("reasons") else { return };
        self.reasons.not_ready.extend(read_codes(&section, "not_ready"));
        self.reasons.decline.extend(read_codes(&section, "decline"));
        section.finish();
    }
}

/// date, name, agents (left out: nobody), hours (left out: the whole day).
fn read_exception(section: Section<'_>, zone: Tz) -> Option<(i64, Shift)> {
    let date = section.need_text("date");
    let name = section.text("name");
    let agents = read_agents(&section);
    let mut hours = Hours::new();
    for text in section.texts("hours") {
        match span(text.as_str()) {
            Some(span) => hours.push(span),
            None => section.report.error(
                text.spot,
                format!("{:?} is not a span of a day; write such as \"08:00-17:00\"", text.value),
            ),
        }
    }
    if !section.has("hours") {
        hours.push((0, 1_440));
    }
    hours.sort_unstable();
    let day = date.as_ref().and_then(|date| read_date(&section, date));
    section.finish();
    let name = name.map_or_else(|| date.map(|date| date.name()), |name| Some(name.name()))?;
    let week = std::array::from_fn(|_| hours.clone());
    Some((day?, Shift { agents, hours: Calendar { name, zone, week, special: BTreeMap::new() } }))
}

fn read_date(section: &Section<'_>, text: &Text) -> Option<i64> {
    let date = NaiveDate::parse_from_str(text.as_str(), "%Y-%m-%d").ok();
    if date.is_none() {
        section.report.error(text.spot, format!("`{}` is not a date; write such as 2026-08-17", text.value));
    }
    Some((date? - NaiveDate::default()).num_days())
}

/// Agent ids as records have them.
fn read_agents(section: &Section<'_>) -> Vec<Name> {
    let good = |id: &str| {
        id.len() <= 64
            && id.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && id
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-'))
    };
    let texts = section.texts("agents");
    for text in texts.iter().filter(|text| !good(text.as_str())) {
        section.report.error(text.spot, format!("{:?} can't be an agent's id", text.value));
    }
    texts.iter().map(Text::name).collect()
}

/// Reasons, each once and at most 100 characters, as the API takes them.
fn read_codes(section: &Section<'_>, key: &'static str) -> Vec<Name> {
    let texts = section.texts(key);
    for (at, text) in texts.iter().enumerate() {
        if text.value.chars().count() > 80 {
            section.report.error(text.spot, "a reason has at most 80 characters");
        }
        if texts[..at].iter().any(|before| before.value == text.value) {
            section.report.error(text.spot, format!("`{}` stands there twice", text.value));
        }
    }
    texts.iter().map(Text::name).collect()
}
