//! The one place that prints for people and machines on standard output.

#![allow(clippy::print_stdout)]

use std::io::{IsTerminal, Write};

/// Prints a line. A reader that went away (`| head`) ends the program quietly.
pub(crate) fn line(text: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{}", text.as_ref()).is_err() {
        std::process::exit(0);
    }
}

/// Prints one JSON value on a line.
pub(crate) fn json(value: &serde_json::Value) {
    line(value.to_string());
}

/// A table with aligned columns; the last column is not padded.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) {
    let widths: Vec<usize> = (0..header.len())
        .map(|c| rows.iter().map(|r| r[c].chars().count()).chain([header[c].len()]).max().unwrap_or(0))
        .collect();
    let print = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count().min(*width))))
            .collect();
        line(padded.join("  ").trim_end());
    };
    print(header.to_vec());
    line(widths.iter().map(|w| "─".repeat(*w)).collect::<Vec<_>>().join("  "));
    for row in rows {
        print(row.iter().map(String::as_str).collect());
    }
}

/// A progress bar for long work: on a terminal only, otherwise hidden. Length 0: unknown.
pub(crate) fn progress(len: u64, what: &str) -> indicatif::ProgressBar {
    let bar = if len == 0 { indicatif::ProgressBar::new_spinner() } else { indicatif::ProgressBar::new(len) };
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let style = indicatif::ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}

/// A time for people: UTC, to the second.
pub(crate) fn time(ms: i64) -> String {
    match chrono::DateTime::from_timestamp_millis(ms) {
        Some(time) if ms != 0 => time.format("%Y-%m-%d %H:%M:%S").to_string(),
        _ => "-".to_owned(),
    }
}

/// A time to the millisecond, where order matters.
pub(crate) fn exact(ms: i64) -> String {
    let known = chrono::DateTime::from_timestamp_millis(ms);
    known.map_or_else(|| "-".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S%.3f").to_string())
}

/// The time now, ms since 1970 UTC.
pub(crate) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// A length of time in its two largest units, such as `2 h 5 min`.
pub(crate) fn length(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let mut rest = ms.unsigned_abs() / 1_000;
    let mut parts = Vec::new();
    for (size, name) in [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")] {
        let whole = rest / size;
        rest %= size;
        if whole > 0 && parts.len() < 2 {
            parts.push(format!("{whole} {name}"));
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { format!("{sign}{}", parts.join(" ")) }
}

/// How a time lies to now: `in 12 min 3 s`, `2 h ago`.
pub(crate) fn relative(ms: i64, now_ms: i64) -> String {
    if ms >= now_ms { format!("in {}", length(ms - now_ms)) } else { format!("{} ago", length(now_ms - ms)) }
}

/// The beginning of a text on one line, at most `chars` characters.
pub(crate) fn short(text: &str, chars: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= chars {
        return line;
    }
    let cut: String = line.chars().take(chars.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// Prints a message of the API as JSON on a line, by its full name.
pub(crate) fn message(full_name: &str, message: &impl prost::Message) {
    json(&simpang_views::json::message(full_name, &message.encode_to_vec(), true));
}

#[cfg(test)]
mod tests {
    use super::{length, relative, short};

    #[test]
    fn lengths_and_times_read_in_their_two_largest_units() {
        for (ms, text) in
            [(0, "0 s"), (999, "0 s"), (61_000, "1 min 1 s"), (-7_200_000, "-2 h"), (90_061_000, "1 d 1 h")]
        {
            assert_eq!(length(ms), text);
        }
        assert_eq!(relative(5_000, 1_000), "in 4 s");
        assert_eq!(relative(1_000, 61_000), "1 min ago");
    }

    #[test]
    fn a_text_is_cut_to_one_line() {
        assert_eq!(short("Internet\n mati  total", 40), "Internet mati total");
        assert_eq!(short("Internet mati total", 10), "Internet…");
    }
}
