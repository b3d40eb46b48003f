//! `simpang doctor`: is everything reachable, durable and on time, and what to do where it is not. It reads and asks;
//! it changes nothing.
//!
//! [`broker`] and [`desks`] look at the log, [`services`] at what serves gRPC, [`machine`] at this machine.

mod broker;
mod desks;
mod machine;
mod services;

use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::cli::Doctor;
use crate::config::Config;
use crate::output;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Ok,
    Warn,
    Fail,
}

/// What a check found.
#[derive(Debug, Serialize)]
struct Finding {
    health: Health,
    /// What was checked.
    check: String,
    /// What is so.
    found: String,
    /// What to do; empty when nothing.
    todo: String,
}

/// Everything found so far; printed as it comes.
#[derive(Debug)]
struct Report {
    json: bool,
    counts: [u32; 3],
}

impl Report {
    fn ok(&mut self, check: impl Into<String>, found: impl Into<String>) {
        self.add(Health::Ok, check.into(), found.into(), String::new());
    }

    fn warn(&mut self, check: impl Into<String>, found: impl Into<String>, todo: impl Into<String>) {
        self.add(Health::Warn, check.into(), found.into(), todo.into());
    }

    fn fail(&mut self, check: impl Into<String>, found: impl Into<String>, todo: impl Into<String>) {
        self.add(Health::Fail, check.into(), found.into(), todo.into());
    }

    fn add(&mut self, health: Health, check: String, found: String, todo: String) {
        self.counts[health as usize] += 1;
        let finding = Finding { health, check, found, todo };
        if self.json {
            output::json(&serde_json::to_value(&finding).unwrap_or_default());
        } else {
            lines(&finding).iter().for_each(output::line);
        }
    }
}

fn lines(finding: &Finding) -> Vec<String> {
    let mark = match finding.health {
        Health::Ok => "ok  ",
        Health::Warn => "warn",
        Health::Fail => "FAIL",
    };
    let mut lines = vec![format!("{mark}  {:<30}  {}", finding.check, finding.found)];
    if !finding.todo.is_empty() {
        lines.push(format!("{:37} → {}", "", finding.todo));
    }
    lines
}

pub(crate) async fn run(config: &Config, args: Doctor) -> Result<ExitCode> {
    let mut report = Report { json: args.json.json, counts: [0; 3] };
    machine::check(config, &mut report).await;
    machine::health(config, &mut report).await;
    if let Some(broker) = broker::check(config, &mut report).await {
        desks::check(&broker, config, &mut report).await;
    }
    services::check(config, &args.server, &mut report).await;
    let [ok, warnings, failures] = report.counts;
    if !report.json {
        output::line("");
        output::line(format!("{ok} in order, {warnings} to look at, {failures} broken"));
    }
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::{Finding, Health, lines};

    #[test]
    fn a_finding_says_what_to_do() {
        let finding = Finding {
            health: Health::Fail,
            check: "broker".into(),
            found: "nobody answers".into(),
            todo: "start it".into(),
        };
        let expected = [
            "FAIL  broker                          nobody answers",
            "                                      → start it",
        ];
        assert_eq!(lines(&finding), expected);
    }
}
