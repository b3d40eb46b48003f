//! What the rules said of a case, rule by rule, and how its order in the queue came about.

use simpang_domain::words::{Name, Occasion};
use simpang_policy::{Outcome, Step};
use simpang_replay::explain::Details;

use crate::output;

/// How a decision came about, a line each.
pub(super) fn lines(details: &Details) -> Vec<String> {
    match details {
        Details::Classified { occasion, sla, rules } => {
            let sla = sla.as_deref().unwrap_or("none");
            let mut lines = vec![format!("on     {}; SLA {sla}", why_now(*occasion))];
            lines.extend(ran(rules));
            lines
        }
        Details::Queued { key_ms, arrived_ms, priority, head_start_ms } => {
            vec![order(*key_ms, *arrived_ms, priority, *head_start_ms)]
        }
    }
}

fn why_now(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Received => "the case began",
        Occasion::Identified => "its customer became known",
        Occasion::Classified => "an agent set category or facts",
        Occasion::Policy => "another policy holds",
    }
}

/// The rules that ran, up to the one that decided.
fn ran(steps: &[Step]) -> Vec<String> {
    let mut lines = Vec::new();
    let passed: Vec<&str> =
        steps.iter().filter(|step| step.outcome == Outcome::NotMatched).map(|step| &*step.rule).collect();
    if !passed.is_empty() {
        lines.push(format!("rules  did not hold: {}", passed.join(", ")));
    }
    for step in steps {
        match &step.outcome {
            Outcome::Matched => lines.push(format!("rules  held: {}{}", step.rule, cited(&step.cites))),
            Outcome::Failed(why) => {
                lines.push(format!("rules  {} can't be told, so it did not hold: {why}", step.rule))
            }
            Outcome::NotMatched => {}
        }
    }
    lines
}

fn cited(cites: &[Name]) -> String {
    if cites.is_empty() { String::new() } else { format!(" (cites {})", cites.join(", ")) }
}

fn order(key_ms: i64, arrived_ms: i64, priority: &str, head_start_ms: i64) -> String {
    let less = match head_start_ms {
        0 => format!("priority {priority} gives no head start"),
        ms => format!("less {} of priority {priority}", output::length(ms)),
    };
    format!("order  key {}: waiting since {}, {less}", output::exact(key_ms), output::exact(arrived_ms))
}

#[cfg(test)]
mod tests {
    use simpang_policy::{Outcome, Step};

    use super::ran;

    #[test]
    fn rules_that_ran_are_told_with_what_they_cite() {
        let step = |rule: &str, outcome| Step { rule: rule.into(), cites: vec!["C2".into()], outcome };
        let steps = [
            step("spam", Outcome::NotMatched),
            step("vip", Outcome::Failed("customer.segment is no number".into())),
            step("dcs", Outcome::Matched),
        ];
        let expected = [
            "rules  did not hold: spam",
            "rules  vip can't be told, so it did not hold: customer.segment is no number",
            "rules  held: dcs (cites C2)",
        ];
        assert_eq!(ran(&steps), expected);
    }
}
