//! Figures, what they are compared with, and how they are told: a table for people, JSON lines for machines.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::output;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

/// What design §6 promises of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target {
    /// Nothing: it is there for comparison.
    None,
    /// Of the ratio to the bare broker: at least, and aim.
    Ratio(f64, f64),
    /// Of the figure itself: at least, and aim.
    Figure(f64, f64),
}

/// Something that is measured in every round.
#[derive(Debug, Clone)]
pub(super) struct Measure {
    /// Its name, unique, for machines: `routed`.
    id: String,
    /// What it is, for people.
    what: String,
    unit: &'static str,
    better: Better,
    /// The figure of the bare broker that the ratio divides by, measured in the same round.
    bare: Option<String>,
    target: Target,
}

impl Measure {
    /// A rate: more is better.
    pub(super) fn rate(id: impl Into<String>, what: impl Into<String>, unit: &'static str) -> Self {
        let (id, what) = (id.into(), what.into());
        Self { id, what, unit, better: Better::More, bare: None, target: Target::None }
    }

    /// A cost: less is better.
    pub(super) fn cost(id: impl Into<String>, what: impl Into<String>, unit: &'static str) -> Self {
        Self { better: Better::Less, ..Self::rate(id, what, unit) }
    }

    /// The same with what it is divided by, and what the ratio has to be.
    pub(super) fn over(self, bare: impl Into<String>, target: Target) -> Self {
        Self { bare: Some(bare.into()), target, ..self }
    }

    /// The same with what it has to be itself.
    pub(super) fn aiming(self, at_least: f64, aim: f64) -> Self {
        Self { target: Target::Figure(at_least, aim), ..self }
    }
}

/// Middle, least and most of some samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    pub(super) fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        };
        Some(Self { median, min, max })
    }
}

/// A quantile of samples, in microseconds. Sorts them.
pub(super) fn quantile(samples: &mut [std::time::Duration], q: f64) -> f64 {
    samples.sort_unstable();
    if samples.is_empty() {
        return f64::NAN;
    }
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // an index
    let at = ((samples.len() - 1) as f64 * q).round() as usize;
    samples[at].as_secs_f64() * 1e6
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<(Measure, Vec<f64>)>,
    index: BTreeMap<String, usize>,
}

impl Report {
    /// Adds one round's sample.
    pub(super) fn add(&mut self, measure: Measure, sample: f64) {
        let at = *self.index.entry(measure.id.clone()).or_insert_with(|| {
            self.rows.push((measure, Vec::new()));
            self.rows.len() - 1
        });
        self.rows[at].1.push(sample);
    }

    /// Ratio to the bare broker, round by round.
    fn ratio(&self, measure: &Measure, samples: &[f64]) -> Option<Spread> {
        let bare = &self.rows[*self.index.get(measure.bare.as_ref()?)?].1;
        let ratios: Vec<f64> = samples.iter().zip(bare).map(|(ours, bare)| ours / bare).collect();
        Spread::of(&ratios)
    }

    /// Prints it.
    pub(super) fn print(&self, machine: &Value, as_json: bool) {
        if as_json {
            output::json(machine);
            for (measure, samples) in &self.rows {
                output::json(&self.json(measure, samples));
            }
            return;
        }
        let text = |key: &str| machine[key].to_string().trim_matches('"').to_owned();
        output::line("");
        output::line(format!(
            "{} cores, {}, {}, Linux {}, nats-server {}, {} build, load before {}",
            text("cores"),
            text("cpu"),
            text("memory"),
            text("kernel"),
            text("nats_server"),
            text("build"),
            text("load_before")
        ));
        output::line(format!("{} at {}", text("command"), text("at")));
        output::line("");
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|(measure, samples)| self.row(measure, samples)).collect();
        let header = ["what", "median", "min to max", "unit", "÷ bare", "at least", "aim", "met"];
        output::table(&header, &rows);
        output::line("");
        output::line(
            "÷ bare: to the bare broker in the same round, median of the rounds. For times, at least means at most.",
        );
    }

    fn row(&self, measure: &Measure, samples: &[f64]) -> Vec<String> {
        let Some(figure) = Spread::of(samples) else { return vec![String::new(); 8] };
        let ratio = self.ratio(measure, samples);
        let (at_least, aim) = match measure.target {
            Target::None => (String::new(), String::new()),
            Target::Ratio(at_least, aim) => (format!("{at_least}×"), format!("{aim}×")),
            Target::Figure(at_least, aim) => (number(at_least), number(aim)),
        };
        vec![
            measure.what.clone(),
            number(figure.median),
            format!("{} to {}", number(figure.min), number(figure.max)),
            measure.unit.to_owned(),
            ratio.map_or_else(String::new, |r| format!("{}×", number(r.median))),
            at_least,
            aim,
            met(measure, figure, ratio).to_owned(),
        ]
    }

    fn json(&self, measure: &Measure, samples: &[f64]) -> Value {
        let spread = |s: Spread| json!({"median": s.median, "min": s.min, "max": s.max});
        let figure = Spread::of(samples);
        let ratio = self.ratio(measure, samples);
        let (at_least, aim, on) = match measure.target {
            Target::None => (None, None, ""),
            Target::Ratio(at_least, aim) => (Some(at_least), Some(aim), "ratio"),
            Target::Figure(at_least, aim) => (Some(at_least), Some(aim), "figure"),
        };
        json!({
            "kind": "figure", "id": measure.id, "what": measure.what, "unit": measure.unit,
            "better": if measure.better == Better::More { "more" } else { "less" },
            "figure": figure.map(spread), "samples": samples,
            "bare": measure.bare, "ratio": ratio.map(spread),
            "target_on": on, "at_least": at_least, "aim": aim,
            "met": figure.map_or("", |figure| met(measure, figure, ratio)),
        })
    }
}

/// Whether a target is met: `aim`, `yes`, `no`; empty without one.
fn met(measure: &Measure, figure: Spread, ratio: Option<Spread>) -> &'static str {
    let (reached, at_least, aim) = match (measure.target, ratio) {
        (Target::Ratio(at_least, aim), Some(ratio)) => (ratio.median, at_least, aim),
        (Target::Figure(at_least, aim), _) => (figure.median, at_least, aim),
        _ => return "",
    };
    let fits = |bound: f64| match measure.better {
        Better::More => reached >= bound,
        Better::Less => reached <= bound,
    };
    match (fits(aim), fits(at_least)) {
        (true, _) => "aim",
        (_, true) => "yes",
        _ => "no",
    }
}

/// A figure with about three digits that mean something.
fn number(n: f64) -> String {
    match n.abs() {
        big if big >= 1_000.0 => {
            let text = format!("{n:.0}");
            let digits = text.len();
            let grouped = text.chars().enumerate().flat_map(|(at, c)| {
                let comma = at > 0 && (digits - at) % 3 == 0 && c.is_ascii_digit();
                comma.then_some(',').into_iter().chain([c])
            });
            grouped.collect()
        }
        middle if middle >= 100.0 => format!("{n:.0}"),
        small if small >= 10.0 => format!("{n:.1}"),
        _ => format!("{n:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Measure, Report, Spread, Target, met, number, quantile};

    #[test]
    fn a_ratio_is_of_rounds_not_of_medians() {
        let bare = Measure::rate("bare", "bare", "1/s");
        let ours = Measure::rate("ours", "ours", "1/s").over("bare", Target::Ratio(0.5, 1.0));
        let mut report = Report::default();
        for (b, o) in [(100.0, 50.0), (10.0, 9.0), (1_000.0, 400.0)] {
            report.add(bare.clone(), b);
            report.add(ours.clone(), o);
        }
        let ratio = report.ratio(&ours, &report.rows[1].1).unwrap();
        assert_eq!((ratio.median, ratio.min, ratio.max), (0.5, 0.4, 0.9));
    }

    #[test]
    fn a_target_is_met_from_the_side_that_is_better() {
        let spread = |n| Spread { median: n, min: n, max: n };
        let more = Measure::rate("m", "m", "").aiming(2.0, 4.0);
        let less = Measure::cost("l", "l", "").aiming(4.0, 2.0);
        for (value, of_more, of_less) in [(1.0, "no", "aim"), (3.0, "yes", "yes"), (5.0, "aim", "no")] {
            assert_eq!(met(&more, spread(value), None), of_more);
            assert_eq!(met(&less, spread(value), None), of_less);
        }
    }

    #[test]
    fn quantiles_are_of_the_sorted_samples_in_microseconds() {
        let mut samples: Vec<Duration> = (1..=1_001).rev().map(Duration::from_micros).collect();
        let quantiles = [0.0, 0.5, 0.99, 1.0].map(|q| quantile(&mut samples, q).round());
        assert_eq!(quantiles, [1.0, 501.0, 991.0, 1_001.0]);
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.123, "0.12"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1_234.0, "1,234"),
            (1_234_567.8, "1,234,568"),
        ];
        for (n, text) in cases {
            assert_eq!(number(n), text);
        }
    }
}
