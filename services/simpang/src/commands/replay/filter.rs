//! What of a log is told.

use anyhow::{Result, bail};
use simpang_proto::log::v1::input::Body;
use simpang_views::kind::{self, Subjects};

use super::{Arrived, What};
use crate::cli::Replay;
use crate::commands::agent::parse;

/// What of a log is told; what is not given does not narrow.
#[derive(Debug)]
pub(super) struct Filter {
    case: Option<u64>,
    agent: Option<String>,
    kinds: Vec<i64>,
    seqs: (u64, u64),
    times: (i64, i64),
}

/// The kinds that a name means, `sign-in` for `command.sign_in` too.
fn kinds_of(name: &str) -> Vec<i64> {
    match kind::of_name(name) {
        found if found.is_empty() => kind::of_name(&format!("command.{}", name.replace('-', "_"))),
        found => found,
    }
}

impl Filter {
    /// Checks what was asked for.
    pub(super) fn of(args: &Replay) -> Result<Self> {
        let mut kinds = Vec::new();
        for name in &args.kind {
            let found = kinds_of(name);
            if found.is_empty() {
                let all = kind::EVENTS.iter().chain(kind::OTHER_INPUTS).chain(kind::ASKED);
                let all: Vec<&str> = all.map(|(_, name)| *name).collect();
                bail!("there is no kind `{name}`; known are command, {}", all.join(", "));
            }
            kinds.extend(found);
        }
        let since = args.since.as_deref().map(parse::time).transpose()?;
        let until = args.until.as_deref().map(parse::time).transpose()?;
        Ok(Self {
            case: args.case,
            agent: args.agent.clone(),
            kinds,
            seqs: (args.from, args.to.unwrap_or(u64::MAX)),
            times: (since.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX)),
        })
    }

    /// Everything about one case.
    pub(super) fn case(case: u64) -> Self {
        Self {
            case: Some(case),
            agent: None,
            kinds: Vec::new(),
            seqs: (0, u64::MAX),
            times: (i64::MIN, i64::MAX),
        }
    }

    /// Whether a thing may have happened there and then.
    pub(super) fn span(&self, seq: u64, at_ms: i64) -> bool {
        (self.seqs.0..=self.seqs.1).contains(&seq) && (self.times.0..=self.times.1).contains(&at_ms)
    }

    /// Up to where it has to be read, of a log that ends at `last`.
    pub(super) fn last_seq(&self, last: u64) -> u64 {
        self.seqs.1.min(last)
    }

    /// Whether only little of a log is told.
    pub(super) fn is_sparse(&self) -> bool {
        self.case.is_some() || self.agent.is_some() || !self.kinds.is_empty() || self.seqs.0 > 1
    }

    /// Whether an event's subjects are asked for.
    pub(super) fn is_about(&self, subjects: &Subjects) -> bool {
        let case = self.case.is_none_or(|case| subjects.cases.contains(&case));
        case && self.agent.as_ref().is_none_or(|agent| subjects.agents.contains(agent))
    }

    /// Whether an input itself names what is asked for, whatever was decided on it.
    pub(super) fn asks(&self, arrived: &Arrived) -> bool {
        let (case, agent) = match &arrived.what {
            What::Input(input) => match &input.body {
                Some(Body::Command(command)) => (command.case, command.principal.as_str()),
                Some(Body::Agent(record)) => (0, record.agent.as_str()),
                _ => (0, ""),
            },
            What::Unreadable(_) => (0, ""),
        };
        self.case.is_none_or(|asked| asked == case) && self.agent.as_ref().is_none_or(|asked| asked == agent)
    }

    /// Whether a kind is asked for.
    pub(super) fn kind(&self, number: i64) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&number)
    }

    /// Whether kinds are asked for by name.
    pub(super) fn names_kinds(&self) -> bool {
        !self.kinds.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use simpang_views::kind::Subjects;

    use super::{Filter, kinds_of};

    fn subjects(cases: &[u64], agents: &[&str]) -> Subjects {
        Subjects { cases: cases.to_vec(), agents: agents.iter().map(|agent| (*agent).to_owned()).collect() }
    }

    #[test]
    fn commands_are_also_known_as_they_are_typed() {
        assert_eq!(kinds_of("sign-in"), kinds_of("command.sign_in"));
        assert_eq!(kinds_of("CaseAssigned").len(), 1);
        assert!(kinds_of("case-eaten").is_empty());
    }

    #[test]
    fn everything_that_is_given_has_to_fit() {
        let filter = Filter { agent: Some("rina".into()), times: (10, 20), ..Filter::case(3) };
        assert!(filter.is_about(&subjects(&[2, 3], &["rina"])));
        assert!(!filter.is_about(&subjects(&[3], &["budi"])));
        assert!(!filter.is_about(&subjects(&[], &["rina"])));
        assert!(filter.span(1, 10) && filter.span(1, 20) && !filter.span(1, 21));
    }
}
