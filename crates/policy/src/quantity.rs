//! Durations, times of day and days of the week as policies write them.

/// Longest duration a policy may name: ten years.
const DURATION_MAX_MS: i64 = 10 * 366 * 86_400_000;

/// Reads `30s`, `15m`, `4h`, `30d`, `2w`, or several joined (`1h30m`), as milliseconds.
pub(crate) fn millis(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut digits = String::new();
    let mut parts = 0;
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit: i64 = match c {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            'w' => 7 * 86_400_000,
            _ => return None,
        };
        let number: i64 = digits.parse().ok()?;
        total = total.checked_add(number.checked_mul(unit)?)?;
        digits.clear();
        parts += 1;
    }
    (parts > 0 && digits.is_empty() && total <= DURATION_MAX_MS).then_some(total)
}

/// Reads `08:00-17:00` as minutes of the day; `24:00` is the day's end.
pub(crate) fn span(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from.trim())?, minute(to.trim())?);
    (from < to).then_some((from, to))
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two =
        |t: &str| (t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse::<u16>().ok());
    let (hours, minutes) = (two(hours)??, two(minutes)??);
    (minutes < 60 && hours * 60 + minutes <= 1_440).then_some(hours * 60 + minutes)
}

/// Days of the week in their order, Monday first.
pub(crate) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reads `mon`, `mon-fri`, `daily` as indices of days, Monday 0.
pub(crate) fn days(text: &str) -> Option<Vec<usize>> {
    if text == "daily" {
        return Some((0..7).collect());
    }
    let day = |name: &str| DAYS.iter().position(|d| *d == name);
    match text.split_once('-') {
        None => Some(vec![day(text)?]),
        Some((from, to)) => {
            let (from, to) = (day(from)?, day(to)?);
            let length = (to + 7 - from) % 7 + 1;
            Some((0..length).map(|n| (from + n) % 7).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_full_or_not_at_all() {
        for (text, expected) in [
            ("30s", Some(30_000)),
            ("15m", Some(900_000)),
            ("4h", Some(14_400_000)),
            ("1h30m", Some(5_400_000)),
            ("30d", Some(2_592_000_000)),
            ("2w", Some(1_209_600_000)),
            ("0s", Some(0)),
            ("", None),
            ("4", None),
            ("h", None),
            ("4 h", None),
            ("-4h", None),
            ("4x", None),
            ("4h5", None),
            ("99999999999999999999d", None),
            ("5000d", None),
        ] {
            assert_eq!(millis(text), expected, "{text:?}");
        }
    }

    #[test]
    fn hours_of_a_day_are_read_as_minutes() {
        for (text, expected) in [
            ("08:00-17:00", Some((480, 1_020))),
            ("00:00-24:00", Some((0, 1_440))),
            ("22:00 - 23:30", Some((1_320, 1_410))),
            ("17:00-08:00", None),
            ("08:00-08:00", None),
            ("8:00-17:00", None),
            ("08:60-09:00", None),
            ("08:00-24:01", None),
            ("08:00", None),
        ] {
            assert_eq!(span(text), expected, "{text:?}");
        }
    }

    #[test]
    fn days_may_wrap_round_the_week() {
        assert_eq!(days("mon-fri"), Some(vec![0, 1, 2, 3, 4]));
        assert_eq!(days("sat-mon"), Some(vec![5, 6, 0]));
        assert_eq!(days("sun"), Some(vec![6]));
        assert_eq!(days("daily").map(|d| d.len()), Some(7));
        assert_eq!(days("senin"), None);
    }
}
