//! What the rules said of a case, rule by rule, and how its order in the queue came about.

use simpang_domain::event::Happened;
use simpang_domain::facts::CaseFacts;
use simpang_domain::rules::Rules;
use simpang_domain::state::{Case, State};
use simpang_domain::words::{Name, Occasion};
use simpang_policy::{Outcome, Step};
use simpang_replay::rules::ActiveRules;

use crate::output;

/// More about an event that classifies a case or puts it into a queue, with the state as it was just before.
pub(super) fn details(state: &State, rules: &ActiveRules, body: &Happened) -> Vec<String> {
    match body {
        Happened::CaseClassified { case, occasion, sla, .. } => {
            let mut lines =
                vec![format!("on     {}; SLA {}", why_now(*occasion), sla.as_deref().unwrap_or("none"))];
            if let (Some(case), ActiveRules::Policy(policy)) = (state.cases.get(case), rules) {
                lines.extend(ran(&policy.trace(&facts(case, *occasion))));
            }
            lines
        }
        Happened::CaseQueued { case, key, .. } => {
            state.cases.get(case).map(|case| vec![order(case, *key, rules)]).unwrap_or_default()
        }
        _ => Vec::new(),
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

fn order(case: &Case, key: i64, rules: &ActiveRules) -> String {
    let head_start = rules.tables().priority(&case.priority).map_or(0, |priority| priority.head_start_ms);
    let less = match head_start {
        0 => format!("priority {} gives no head start", case.priority),
        ms => format!("less {} of priority {}", output::length(ms), case.priority),
    };
    format!("order  key {}: waiting since {}, {less}", output::exact(key), output::exact(case.arrived))
}

fn facts(case: &Case, occasion: Occasion) -> CaseFacts<'_> {
    CaseFacts {
        occasion,
        channel: case.channel,
        account: &case.account,
        visibility: case.visibility,
        campaign: case.campaign.as_deref(),
        criterion: case.criterion.as_deref(),
        message: &case.message_facts,
        customer: case.customer.as_deref(),
        category: &case.category,
        case: &case.facts,
    }
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
