//! Working time: which instants are open, and how much open time lies between two of them. Integer arithmetic over
//! the zone's rules, exact through changes of offset; no clock is read.

use std::collections::BTreeMap;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use simpang_domain::words::{Millis, Name};

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// How far a search for open time goes: about ten years. What lies beyond is not counted.
pub(crate) const HORIZON_DAYS: i64 = 3_660;

/// Times beyond this are treated as this: it keeps all sums far from the ends of 64 bits.
const TIME_MAX_MS: i64 = 8_000_000_000_000_000;

/// Open hours of a day as (from, to) minutes, in order, apart from each other.
pub(crate) type Hours = Vec<(u16, u16)>;

/// Open hours of a week in a zone, with days that are different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Calendar {
    pub(crate) name: Name,
    pub(crate) zone: Tz,
    /// Monday first.
    pub(crate) week: [Hours; 7],
    /// Days since 1970 whose hours are not the week's: holidays have none.
    pub(crate) special: BTreeMap<i64, Hours>,
}

impl Calendar {
    /// When `work_ms` of open time have passed from `from` on: the first such instant. Beyond the horizon: its end.
    pub(crate) fn deadline(&self, from: Millis, work_ms: i64) -> Millis {
        if work_ms <= 0 {
            return from;
        }
        if self.is_always() {
            return from.saturating_add(work_ms);
        }
        let from = from.clamp(-TIME_MAX_MS, TIME_MAX_MS);
        let mut left = work_ms;
        for (begin, end) in self.open_spans(self.zone, from) {
            if left <= end - begin {
                return begin + left;
            }
            left -= end - begin;
        }
        horizon(from)
    }

    /// Open time from `from` to `to`, ms; 0 when `to` is not later. Not counted beyond the horizon.
    pub(crate) fn worked(&self, from: Millis, to: Millis) -> i64 {
        if self.is_always() {
            return to.saturating_sub(from).max(0);
        }
        let from = from.clamp(-TIME_MAX_MS, TIME_MAX_MS);
        let mut total = 0;
        for (begin, end) in self.open_spans(self.zone, from) {
            if begin >= to {
                break;
            }
            total += end.min(to) - begin;
        }
        total
    }

    /// The first open instant from `at` on, the hours taken in this zone. Beyond the horizon: its end.
    pub(crate) fn open_from(&self, zone: Tz, at: Millis) -> Millis {
        if self.is_always() {
            return at;
        }
        let at = at.clamp(-TIME_MAX_MS, TIME_MAX_MS);
        self.open_spans(zone, at).next().map_or_else(|| horizon(at), |(begin, _)| begin)
    }

    /// Open round the clock: no zone and no day matters.
    pub(crate) fn is_always(&self) -> bool {
        self.special.is_empty() && self.week.iter().all(|hours| hours == &[(0, 1_440)])
    }

    /// Open spans from an instant on, in order, up to the horizon. A span ends at the latest where a UTC day does.
    fn open_spans(&self, zone: Tz, from: Millis) -> impl Iterator<Item = (Millis, Millis)> + '_ {
        let first = from.div_euclid(DAY_MS);
        let pieces = (first..=first + HORIZON_DAYS).flat_map(move |day| pieces_of(zone, day * DAY_MS));
        pieces.flat_map(move |piece| self.open_in(piece)).filter_map(move |(begin, end)| {
            let begin = begin.max(from);
            (begin < end).then_some((begin, end))
        })
    }

    fn open_in(&self, piece: Piece) -> impl Iterator<Item = (Millis, Millis)> + '_ {
        let (local_begin, local_end) = (piece.begin + piece.offset, piece.end + piece.offset);
        let days = local_begin.div_euclid(DAY_MS)..=(local_end - 1).div_euclid(DAY_MS);
        days.flat_map(move |day| {
            self.hours_of(day).iter().filter_map(move |(open, close)| {
                let begin = (day * DAY_MS + i64::from(*open) * MINUTE_MS).max(local_begin);
                let end = (day * DAY_MS + i64::from(*close) * MINUTE_MS).min(local_end);
                (begin < end).then_some((begin - piece.offset, end - piece.offset))
            })
        })
    }

    /// Open hours of a day since 1970; that one was a Thursday.
    fn hours_of(&self, day: i64) -> &[(u16, u16)] {
        self.special.get(&day).unwrap_or_else(|| {
            let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
            &self.week[weekday]
        })
    }
}

/// The day (since 1970-01-01) of a time in a zone, and when a later one begins there.
pub(crate) fn day_of(zone: Tz, at: Millis) -> (i64, Millis) {
    let at = at.clamp(-TIME_MAX_MS, TIME_MAX_MS);
    let day = (at + offset_ms(zone, at)).div_euclid(DAY_MS);
    let first = at.div_euclid(DAY_MS);
    let next = (first..first + 4).flat_map(|d| pieces_of(zone, d * DAY_MS)).find_map(|piece| {
        let begin = piece.begin.max(at + 1).max((day + 1) * DAY_MS - piece.offset);
        (begin < piece.end).then_some(begin)
    });
    (day, next.unwrap_or(at + DAY_MS))
}

/// Whole months and the days beyond them from one time to another, in a zone; none when the second is earlier.
pub(crate) fn months_between(zone: Tz, from: Millis, to: Millis) -> Option<(i64, i64)> {
    let date = |at| DateTime::from_timestamp_millis(at).map(|t| t.with_timezone(&zone).date_naive());
    let (from, to) = (date(from)?, date(to)?);
    if to < from {
        return None;
    }
    let mut months = u32::try_from(months_of(to) - months_of(from)).ok()?;
    let after = |months| from.checked_add_months(chrono::Months::new(months));
    if months > 0 && after(months)? > to {
        months -= 1;
    }
    Some((i64::from(months), (to - after(months)?).num_days()))
}

fn months_of(date: chrono::NaiveDate) -> i64 {
    use chrono::Datelike;
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

fn horizon(from: Millis) -> Millis {
    (from.div_euclid(DAY_MS) + HORIZON_DAYS + 1) * DAY_MS
}

/// A stretch of time in which a zone's offset does not change.
#[derive(Debug, Clone, Copy)]
struct Piece {
    begin: Millis,
    end: Millis,
    offset: i64,
}

/// A UTC day in one piece, or two where the offset changes. No zone changes twice within a day.
fn pieces_of(zone: Tz, begin: Millis) -> impl Iterator<Item = Piece> {
    let end = begin + DAY_MS;
    let (early, late) = (offset_ms(zone, begin), offset_ms(zone, end - 1));
    let change = if early == late { end } else { change_between(zone, begin, end - 1) };
    let first = Piece { begin, end: change, offset: early };
    let second = Piece { begin: change, end, offset: late };
    [first, second].into_iter().filter(|piece| piece.begin < piece.end)
}

/// The first instant that has the later offset.
fn change_between(zone: Tz, mut early: Millis, mut late: Millis) -> Millis {
    let old = offset_ms(zone, early);
    while late - early > 1 {
        let middle = early + (late - early) / 2;
        if offset_ms(zone, middle) == old {
            early = middle;
        } else {
            late = middle;
        }
    }
    late
}

fn offset_ms(zone: Tz, at: Millis) -> i64 {
    DateTime::from_timestamp_millis(at).map_or(0, |time| {
        i64::from(zone.offset_from_utc_datetime(&time.naive_utc()).fix().local_minus_utc()) * 1_000
    })
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate, Timelike};
    use proptest::prelude::*;

    use super::*;

    fn office(zone: Tz) -> Calendar {
        let mut week: [Hours; 7] = Default::default();
        for day in &mut week[..5] {
            *day = vec![(480, 720), (780, 1_020)];
        }
        week[6] = vec![(0, 180), (1_380, 1_440)];
        let holiday = NaiveDate::from_ymd_opt(2026, 8, 17).unwrap();
        let special = BTreeMap::from([(day_number(holiday), Vec::new())]);
        Calendar { name: "office".into(), zone, week, special }
    }

    fn day_number(date: NaiveDate) -> i64 {
        (date - NaiveDate::from_ymd_opt(1970, 1, 1).unwrap()).num_days()
    }

    fn at(text: &str) -> Millis {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    /// The twin: asks the wall clock of every single minute.
    fn naive_is_open(calendar: &Calendar, minute: Millis) -> bool {
        let local = DateTime::from_timestamp_millis(minute).unwrap().with_timezone(&calendar.zone);
        let day = day_number(local.date_naive());
        let of_day = u16::try_from(local.hour() * 60 + local.minute()).unwrap();
        let weekday = usize::try_from(local.weekday().num_days_from_monday()).unwrap();
        let hours = calendar.special.get(&day).unwrap_or(&calendar.week[weekday]);
        hours.iter().any(|(from, to)| (*from..*to).contains(&of_day))
    }

    fn naive_worked(calendar: &Calendar, from: Millis, to: Millis) -> i64 {
        let minutes = (from / MINUTE_MS)..(to / MINUTE_MS);
        minutes.filter(|m| naive_is_open(calendar, m * MINUTE_MS)).count() as i64 * MINUTE_MS
    }

    /// Zones with changes of offset forward, backward, at midnight, by half an hour, and with none at all.
    const ZONES: [Tz; 6] = [
        Tz::Asia__Jakarta,
        Tz::Europe__Berlin,
        Tz::America__New_York,
        Tz::Australia__Lord_Howe,
        Tz::Africa__Cairo,
        Tz::Asia__Beirut,
    ];

    #[test]
    fn four_working_hours_from_friday_afternoon_end_on_monday() {
        let calendar = office(Tz::Asia__Jakarta);
        let deadline = calendar.deadline(at("2026-07-31T15:30:00+07:00"), 4 * 60 * MINUTE_MS);
        // 1.5 h on Friday; Sunday has 3 h early, which leaves none for Monday.
        assert_eq!(deadline, at("2026-08-02T02:30:00+07:00"));
    }

    #[test]
    fn a_holiday_does_not_count() {
        let calendar = office(Tz::Asia__Jakarta);
        assert_eq!(
            calendar.worked(at("2026-08-17T00:00:00+07:00"), at("2026-08-18T09:00:00+07:00")),
            60 * MINUTE_MS
        );
    }

    #[test]
    fn work_that_fills_a_span_ends_with_it_and_not_at_the_next() {
        let calendar = office(Tz::Asia__Jakarta);
        let begin = at("2026-08-18T08:00:00+07:00");
        assert_eq!(calendar.deadline(begin, 4 * 60 * MINUTE_MS), at("2026-08-18T12:00:00+07:00"));
    }

    #[test]
    fn far_horizons_are_bounded_and_extremes_do_not_overflow() {
        let calendar = office(Tz::Europe__Berlin);
        let begin = at("2026-08-18T08:00:00+02:00");
        assert!(calendar.deadline(begin, i64::MAX) <= begin + (HORIZON_DAYS + 2) * DAY_MS);
        for extreme in [i64::MIN, i64::MAX, 0] {
            let _ = (
                calendar.deadline(extreme, 1),
                calendar.worked(i64::MIN, extreme),
                day_of(calendar.zone, extreme),
            );
            let _ = calendar.open_from(calendar.zone, extreme);
        }
    }

    #[test]
    fn a_day_ends_at_midnight_of_the_zone_even_where_midnight_does_not_exist() {
        let cases = [
            (Tz::Asia__Jakarta, "2026-08-17T23:59:59+07:00", "2026-08-18T00:00:00+07:00"),
            // Beirut goes from 23:59:59 straight to 01:00 on the last Sunday of March.
            (Tz::Asia__Beirut, "2026-03-28T22:00:00+02:00", "2026-03-29T01:00:00+03:00"),
        ];
        for (zone, now, next) in cases {
            let (day, end) = day_of(zone, at(now));
            assert_eq!(end, at(next), "{zone}");
            assert_eq!(day_of(zone, end).0, day + 1, "{zone}");
        }
    }

    #[test]
    fn tenure_is_whole_months_and_days() {
        let zone = Tz::Asia__Jakarta;
        for (from, to, expected) in [
            ("2026-01-01T00:00:00+07:00", "2026-07-01T00:00:00+07:00", Some((6, 0))),
            ("2026-01-01T00:00:00+07:00", "2026-07-02T00:00:00+07:00", Some((6, 1))),
            ("2026-01-31T00:00:00+07:00", "2026-02-28T00:00:00+07:00", Some((1, 0))),
            ("2026-01-15T00:00:00+07:00", "2026-02-14T00:00:00+07:00", Some((0, 30))),
            ("2026-01-02T00:00:00+07:00", "2026-01-01T00:00:00+07:00", None),
        ] {
            assert_eq!(months_between(zone, at(from), at(to)), expected, "{from} to {to}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn worked_time_equals_the_minute_by_minute_walk(
            zone in 0..ZONES.len(), start in 0i64..525_600, length in 0i64..20_000,
        ) {
            let calendar = office(ZONES[zone]);
            let from = at("2026-01-01T00:00:00Z") + start * MINUTE_MS;
            let to = from + length * MINUTE_MS;
            prop_assert_eq!(calendar.worked(from, to), naive_worked(&calendar, from, to));
        }

        #[test]
        fn deadline_is_the_first_instant_at_which_the_work_is_done(
            zone in 0..ZONES.len(), start in 0i64..31_536_000, work in 1i64..360_000,
        ) {
            let calendar = office(ZONES[zone]);
            let from = at("2026-01-01T00:00:00Z") + start * 1_000 + 137;
            let deadline = calendar.deadline(from, work * 1_000);
            prop_assert_eq!(calendar.worked(from, deadline), work * 1_000);
            prop_assert_eq!(calendar.worked(from, deadline - 1), work * 1_000 - 1);
        }

        #[test]
        fn deadline_of_the_worked_time_is_never_later_and_lies_in_open_time(
            zone in 0..ZONES.len(), start in 0i64..525_600, length in 1i64..20_000,
        ) {
            let calendar = office(ZONES[zone]);
            let from = at("2026-01-01T00:00:00Z") + start * MINUTE_MS;
            let to = from + length * MINUTE_MS;
            let worked = calendar.worked(from, to);
            let deadline = calendar.deadline(from, worked);
            prop_assert!(deadline <= to);
            prop_assert_eq!(calendar.worked(deadline, to), 0);
        }

        #[test]
        fn calls_may_begin_at_the_first_open_minute(zone in 0..ZONES.len(), start in 0i64..525_600) {
            let calendar = office(Tz::Asia__Jakarta);
            let from = at("2026-01-01T00:00:00Z") + start * MINUTE_MS;
            let there = Calendar { zone: ZONES[zone], ..calendar.clone() };
            let expected = (0..).map(|m| from + m * MINUTE_MS).find(|m| naive_is_open(&there, *m)).unwrap();
            prop_assert_eq!(calendar.open_from(ZONES[zone], from), expected);
        }
    }
}
