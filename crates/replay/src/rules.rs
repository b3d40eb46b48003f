//! The rules in force on a desk: none yet, or a compiled policy.

use simpang_domain::event::OnDuty;
use simpang_domain::facts::{AgentFacts, CaseFacts};
use simpang_domain::input::PolicyVersion;
use simpang_domain::rules::{Classification, NoPolicy, Rules, Tables};
use simpang_domain::words::Millis;
use simpang_policy::{Policy, Severity};
use simpang_proto::log::v1::PolicyDocument;

/// The rules that judge a desk.
#[derive(Debug, Clone)]
pub enum ActiveRules {
    /// Before the first policy.
    Before(Box<NoPolicy>),
    /// A policy.
    Policy(Box<InForce>),
}

/// A compiled policy, with what it was compiled from.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The rules.
    pub policy: Policy,
    /// The document as it stands on the log.
    pub document: PolicyDocument,
}

impl ActiveRules {
    /// What the rules were compiled from; none before the first policy.
    #[must_use]
    pub fn document(&self) -> Option<&PolicyDocument> {
        match self {
            Self::Before(_) => None,
            Self::Policy(in_force) => Some(&in_force.document),
        }
    }
}

impl Default for ActiveRules {
    fn default() -> Self {
        Self::Before(Box::default())
    }
}

/// Calls the same method of whichever rules hold.
macro_rules! active {
    ($self:ident, $method:ident ( $($arg:expr),* )) => {
        match $self {
            Self::Before(rules) => rules.$method($($arg),*),
            Self::Policy(rules) => rules.policy.$method($($arg),*),
        }
    };
}

impl Rules for ActiveRules {
    fn tables(&self) -> &Tables {
        active!(self, tables())
    }

    fn classify(&self, facts: &CaseFacts<'_>) -> Classification {
        active!(self, classify(facts))
    }

    fn admits(&self, queue: &str, agent: &AgentFacts<'_>) -> Option<u32> {
        active!(self, admits(queue, agent))
    }

    fn deadline(&self, calendar: &str, from: Millis, work_ms: i64) -> Millis {
        active!(self, deadline(calendar, from, work_ms))
    }

    fn worked(&self, calendar: &str, from: Millis, to: Millis) -> i64 {
        active!(self, worked(calendar, from, to))
    }

    fn day(&self, at: Millis) -> (i64, Millis) {
        active!(self, day(at))
    }

    fn on_duty(&self, group: &str, at: Millis) -> Option<Vec<OnDuty>> {
        active!(self, on_duty(group, at))
    }

    fn may_call_from(&self, campaign: &str, zone: Option<&str>, at: Millis) -> Millis {
        active!(self, may_call_from(campaign, zone, at))
    }

    fn enters(&self, contact: &CaseFacts<'_>) -> bool {
        active!(self, enters(contact))
    }
}

/// Compiles a policy document for a desk: what the core is told of it, and the rules if they can be used. The same
/// document gives the same answer on every machine.
#[must_use]
pub fn compile(desk: &str, document: &PolicyDocument) -> (PolicyVersion, Option<ActiveRules>) {
    let files: Vec<(String, String)> =
        document.files.iter().map(|file| (file.path.clone(), file.text.clone())).collect();
    let digest = simpang_policy::digest(&files);
    let cites = document.cites.as_str().into();
    match simpang_policy::compile(desk, &files) {
        Ok(compiled) => {
            let version = PolicyVersion { version: document.version, digest, cites, errors: Vec::new() };
            let in_force = InForce { policy: compiled.policy, document: document.clone() };
            (version, Some(ActiveRules::Policy(Box::new(in_force))))
        }
        Err(problems) => {
            let errors = problems.iter().filter(|p| p.severity == Severity::Error);
            let errors = errors.map(|problem| problem.to_string().into()).collect();
            (PolicyVersion { version: document.version, digest, cites, errors }, None)
        }
    }
}
