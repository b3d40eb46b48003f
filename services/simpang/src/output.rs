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

/// Whether somebody reads along.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
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
