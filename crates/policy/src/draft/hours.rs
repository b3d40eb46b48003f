//! Holidays and calendars.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use toml::Spanned;
use toml::de::DeValue;

use super::names::Kind;
use super::{Draft, read_zone};
use crate::calendar::{Calendar, Hours};
use crate::problem::{Text, hint};
use crate::quantity::{DAYS, days, span};
use crate::read::Section;

/// Days since 1970 by the name of their table.
pub(crate) type Holidays = BTreeMap<String, Vec<i64>>;

impl Draft {
    /// `[holidays.<table>]`: `2026-08-17 = "name"`.
    pub(super) fn read_holidays(&mut self, top: &Section<'_>) {
        let Some(all) = top.section("holidays") else { return };
        for (name, value) in all.entries() {
            self.names.define(all.report, Kind::Holidays, &name);
            let what = format!("[holidays.{}]", name.value);
            if let Some(table) = all.as_section(value, &name.value, what) {
                let days =
                    table.entries().filter_map(|(date, label)| read_holiday(&table, &date, label)).collect();
                self.holidays.insert(name.value, days);
            }
        }
    }

    /// `[[calendar]]`: name, zone, `always = true` or `hours`, holidays.
    pub(super) fn read_calendars(&mut self, top: &Section<'_>) {
        for section in top.sections("calendar") {
            let name = section.need_text("name");
            let zone = read_zone(&section, "zone").unwrap_or_else(|| self.zone());
            let (week, special) = self.read_week(&section);
            if let Some(name) = name {
                let name = self.names.define(section.report, Kind::Calendar, &name);
                self.calendars.push(Calendar { name, zone, week, special });
            }
            section.finish();
        }
    }

    /// `always` or `hours`, and `holidays`: the keys a calendar and a call window have in common.
    pub(super) fn read_week(&mut self, section: &Section<'_>) -> ([Hours; 7], BTreeMap<i64, Hours>) {
        let always = section.flag("always").unwrap_or(false);
        let mut week: [Hours; 7] = Default::default();
        let hours = section.section("hours");
        match (always, hours) {
            (true, Some(_)) => {
                section
                    .report
                    .error(section.spot_of("hours"), "`hours` makes no sense beside `always = true`");
            }
            (true, None) => week.fill(vec![(0, 1_440)]),
            (false, Some(hours)) => read_hours(&hours, &mut week),
            (false, None) => section.missing("hours"),
        }
        let mut special = BTreeMap::new();
        for table in section.texts("holidays") {
            self.names.refer(Kind::Holidays, &table);
            let days = self.holidays.get(table.as_str()).into_iter().flatten();
            special.extend(days.map(|day| (*day, Hours::new())));
        }
        (week, special)
    }
}

fn read_holiday<'a>(table: &Section<'a>, date: &Text, label: &Spanned<DeValue<'a>>) -> Option<i64> {
    table.as_text(label, &date.value);
    let read = NaiveDate::parse_from_str(date.as_str(), "%Y-%m-%d").ok();
    if read.is_none() {
        table.report.error(date.spot, format!("`{}` is not a date; write such as 2026-08-17", date.value));
    }
    Some((read? - NaiveDate::default()).num_days())
}

fn read_hours(section: &Section<'_>, week: &mut [Hours; 7]) {
    for (key, value) in section.entries() {
        let Some(days) = days(key.as_str()) else {
            let hint = hint(key.as_str(), DAYS.into_iter().chain(["daily", "mon-fri"]));
            section.report.error(key.spot, format!("`{}` is not a day or a range of days{hint}", key.value));
            continue;
        };
        for text in section.as_texts(value, &key.value) {
            match span(text.as_str()) {
                Some(span) => days.iter().for_each(|day| add_span(section, &text, &mut week[*day], span)),
                None => section.report.error(
                    text.spot,
                    format!("{:?} is not a span of a day; write such as \"08:00-17:00\"", text.value),
                ),
            }
        }
    }
    if week.iter().all(Vec::is_empty) {
        section.report.error(section.spot, "a calendar that is never open has no deadlines; give it hours");
    }
}

fn add_span(section: &Section<'_>, text: &Text, hours: &mut Hours, span: (u16, u16)) {
    if hours.iter().any(|(from, to)| span.0 < *to && *from < span.1) {
        section.report.error(text.spot, format!("{:?} overlaps other hours of the same day", text.value));
    }
    hours.push(span);
    hours.sort_unstable();
}
