//! Points in time as the channels write them, to ms since 1970 UTC.
//!
//! Reads no clock. Unreadable is `None`; no date is ever guessed.

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March so that the leap day is the last of a year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
    offset_minutes: i64,
}

impl Parts {
    fn to_ms(&self) -> Option<i64> {
        let valid = (1970..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && (0..=23).contains(&self.hour)
            && (0..=59).contains(&self.minute)
            && (0..=60).contains(&self.second)
            && self.offset_minutes.abs() <= 15 * 60;
        if !valid {
            return None;
        }
        let minutes =
            days(self.year, self.month, self.day) * 1440 + self.hour * 60 + self.minute - self.offset_minutes;
        Some((minutes * 60 + self.second) * 1000 + self.millisecond)
    }
}

fn number(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `Z`, `+0700`, `+07:00`, in minutes.
fn offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if digits.len() != 4 || !digits.is_ascii() {
        return None;
    }
    Some(sign * (number(&digits[..2])? * 60 + number(&digits[2..])?))
}

fn clock(text: &str) -> Option<(i64, i64, i64)> {
    let mut parts = text.split(':');
    let read = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    parts.next().is_none().then_some(read)
}

/// RFC 3339: `2026-07-24T21:23:23.000Z`.
pub(crate) fn rfc3339_ms(text: &str) -> Option<i64> {
    let (date, rest) = text.trim().split_once(['T', 't', ' '])?;
    let mut parts = date.split('-');
    let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    let at = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at(at);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let (hour, minute, second) = clock(time)?;
    let millisecond: String = fraction.chars().chain("000".chars()).take(3).collect();
    let millisecond = number(&millisecond)?;
    Parts { year, month, day, hour, minute, second, millisecond, offset_minutes: offset(zone)? }.to_ms()
}

/// The old API's form: `Sat Nov 28 05:30:03 +0000 2020`.
pub(crate) fn old_x_ms(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, month, day, time, zone, year] = words[..] else { return None };
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = i64::try_from(names.iter().position(|n| n.eq_ignore_ascii_case(month))?).ok()? + 1;
    let (hour, minute, second) = clock(time)?;
    let (year, day) = (number(year)?, number(day)?);
    Parts { year, month, day, hour, minute, second, millisecond: 0, offset_minutes: offset(zone)? }.to_ms()
}

#[cfg(test)]
mod tests {
    use super::{old_x_ms, rfc3339_ms};

    #[test]
    fn times_are_read_as_the_channels_write_them() {
        assert_eq!(rfc3339_ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(rfc3339_ms("2026-07-24T21:23:23.000Z"), Some(1_784_928_203_000));
        assert_eq!(rfc3339_ms("2000-02-29T12:00:00.5+07:00"), Some(951_800_400_500));
        assert_eq!(rfc3339_ms("2017-06-15T14:58:12+0000"), Some(1_497_538_692_000));
        assert_eq!(old_x_ms("Sat Nov 28 05:30:03 +0000 2020"), Some(1_606_541_403_000));
        for bad in
            ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T25:00:00Z", "é"]
        {
            assert_eq!(rfc3339_ms(bad), None, "{bad}");
            assert_eq!(old_x_ms(bad), None, "{bad}");
        }
    }
}
