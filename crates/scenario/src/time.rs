//! Times and spans as scenarios write them.

use chrono::{DateTime, SecondsFormat};
use simpang_domain::words::Millis;

const UNITS: [(&str, i64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A span such as `"90s"`, `"1h30m"` or `"2d"`, ms.
pub(crate) fn span(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| at + digits);
        let (_, ms) = UNITS.iter().find(|(unit, _)| *unit == &rest[digits..unit_end])?;
        total = total.checked_add(number.checked_mul(*ms)?)?;
        rest = &rest[unit_end..];
    }
    (!text.is_empty()).then_some(total)
}

/// A time: RFC 3339, or a span from `now` such as `"+15m"` or `"-2h"`.
pub(crate) fn time(text: &str, now: Millis) -> Option<Millis> {
    if let Some(later) = text.strip_prefix('+') {
        return now.checked_add(span(later)?);
    }
    if let Some(earlier) = text.strip_prefix('-') {
        return now.checked_sub(span(earlier)?);
    }
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_millis())
}

/// A time for people, in the zone of another that they wrote.
pub(crate) fn shown(at: Millis, like: Option<&str>) -> String {
    let utc = DateTime::from_timestamp_millis(at).unwrap_or_default();
    let zone = like.and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|time| *time.offset());
    match zone {
        Some(zone) => utc.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => utc.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    }
}

/// A span for people.
pub(crate) fn shown_span(ms: i64) -> String {
    let mut rest = ms.abs();
    let mut text = if ms < 0 { "-".to_owned() } else { String::new() };
    for (unit, size) in &UNITS[1..] {
        if rest >= *size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if ms == 0 { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_shown() {
        for (text, ms) in [("90s", 90_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("5ms", 5)] {
            assert_eq!(span(text), Some(ms), "{text}");
        }
        for text in ["", "h", "1", "1x", "1h2"] {
            assert_eq!(span(text), None, "{text}");
        }
        assert_eq!(shown_span(5_400_000), "1h30m");
        assert_eq!(shown_span(0), "0s");
    }

    #[test]
    fn times_are_absolute_or_from_now() {
        assert_eq!(time("1970-01-01T07:00:01+07:00", 5), Some(1_000));
        assert_eq!(time("+2s", 5_000), Some(7_000));
        assert_eq!(time("-2s", 5_000), Some(3_000));
        assert_eq!(time("soon", 0), None);
        assert_eq!(shown(0, Some("2026-01-01T00:00:00+07:00")), "1970-01-01T07:00:00+07:00");
    }
}
