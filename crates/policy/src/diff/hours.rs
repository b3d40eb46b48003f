//! Calendars, call windows and rosters.

use chrono::{DateTime, Days};

use super::item::{Item, texts};
use crate::calendar::{Calendar, Hours};
use crate::quantity::DAYS;
use crate::roster::{Roster, Shift};

pub(super) fn calendar(calendar: &Calendar) -> Item {
    open(Item::new("calendar", &*calendar.name), calendar)
}

/// With the zone, hours and holidays of a calendar; a calendar that never closes has no zone that counts.
pub(super) fn open(item: Item, calendar: &Calendar) -> Item {
    let Calendar { name: _, zone, week, special } = calendar;
    if calendar.is_always() {
        return item.with("hours", "always");
    }
    let holidays = special.iter().map(|(day, hours)| match spans(hours) {
        none if none.is_empty() => date(*day),
        some => format!("{} {some}", date(*day)),
    });
    item.with("zone", zone.name()).with("hours", &weekly(week)).set("holidays", holidays)
}

/// Such as `mon-fri 08:00-17:00, sat 08:00-12:00`.
fn weekly(week: &[Hours; 7]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut from = 0;
    while from < week.len() {
        let same = week[from..].iter().take_while(|hours| **hours == week[from]).count();
        if !week[from].is_empty() {
            let days = match (from, same) {
                (0, 7) => "daily".to_owned(),
                (_, 1) => DAYS[from].to_owned(),
                _ => format!("{}-{}", DAYS[from], DAYS[from + same - 1]),
            };
            parts.push(format!("{days} {}", spans(&week[from])));
        }
        from += same;
    }
    parts.join(", ")
}

fn spans(hours: &Hours) -> String {
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let spans: Vec<String> =
        hours.iter().map(|(from, to)| format!("{}-{}", time(*from), time(*to))).collect();
    spans.join(" and ")
}

fn date(day: i64) -> String {
    let begin = DateTime::UNIX_EPOCH.date_naive();
    let date = u64::try_from(day).ok().and_then(|day| begin.checked_add_days(Days::new(day)));
    date.map_or_else(|| format!("day {day} since 1970"), |date| date.to_string())
}

pub(super) fn roster(roster: &Roster) -> Item {
    let Roster { group, shifts, exceptions } = roster;
    let exceptions = exceptions.iter().flat_map(|(day, shifts)| {
        let exception = |shift| self::shift("exception", &format!("{} ", date(*day)), shift);
        shifts.iter().map(exception).collect::<Vec<_>>()
    });
    Item::new("roster", &**group).parts(shifts.iter().map(|one| shift("shift", "", one))).parts(exceptions)
}

fn shift(kind: &'static str, before: &str, shift: &Shift) -> Item {
    let Shift { agents, hours } = shift;
    let item = Item::new(kind, format!("{before}{}", hours.name)).list("agents", texts(agents));
    // A shift round the clock still has a zone: it says when the day of an exception begins.
    open(item, hours).maybe("zone", hours.is_always().then(|| hours.zone.name()))
}

#[cfg(test)]
mod tests {
    use super::{date, weekly};

    #[test]
    fn a_week_reads_by_runs_of_equal_days() {
        let office = vec![(480, 1_020)];
        let mut week = [(); 7].map(|()| office.clone());
        assert_eq!(weekly(&week), "daily 08:00-17:00");
        week[5] = vec![(480, 720), (780, 840)];
        week[6] = Vec::new();
        assert_eq!(weekly(&week), "mon-fri 08:00-17:00, sat 08:00-12:00 and 13:00-14:00");
        assert_eq!(weekly(&Default::default()), "");
        assert_eq!(date(20_682), "2026-08-17");
    }
}
