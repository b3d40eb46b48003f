//! What the gateway has to know of a desk to answer: agents with their roles, sessions, pulls and cases, and a few
//! words about each case. A fold of the desk's commits; pure, so that tests need no log.
//!
//! It is no view: it keeps no history, no conversation and nothing personal, and it never judges.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use simpang_domain::words::Name;
use simpang_log::Place;
use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self as log, Role};

mod agents;
mod cases;
mod following;
mod kept;
mod render;
#[cfg(test)]
mod tests;

pub(crate) use agents::waiting_pull;

/// What the gateway knows of a desk.
#[derive(Debug, Default)]
pub(crate) struct Board {
    agents: BTreeMap<Name, Agent>,
    cases: HashMap<u64, Case>,
    words: Words,
    /// Agents' records that stand on the log and are not judged yet.
    records: BTreeMap<(u64, u32), Record>,
    /// Cases with something new since the last commit was begun.
    touched: Vec<u64>,
    /// Cases on which anything happened since then.
    moved: Vec<u64>,
    open_cases: u64,
    policy_version: u64,
    policy_cites: String,
    policy_input: Option<(u64, u32)>,
    router: String,
    /// Stream sequence and time of the last commit.
    position: u64,
    at_ms: i64,
}

/// What an agent's record says.
#[derive(Debug)]
struct Record {
    roles: Vec<Role>,
    inactive: bool,
}

/// An agent of the desk.
#[derive(Debug, Default)]
pub(crate) struct Agent {
    pub(crate) roles: Vec<Role>,
    pub(crate) inactive: bool,
    pub(crate) session: Option<Session>,
    presence: i32,
    auto: bool,
    /// What they take at once by their own word.
    limit: Option<api::SessionLimit>,
    held: BTreeMap<u64, Held>,
    offers: BTreeMap<u64, Offered>,
    pull: Option<api::WaitingPull>,
    /// Cases they follow.
    following: BTreeSet<u64>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) gateway: String,
}

/// A case that an agent has.
#[derive(Debug)]
struct Held {
    how: i32,
    at_ms: i64,
    why: Option<Why>,
    /// The pull that brought it.
    pull: Option<log::InputId>,
}

/// A case that an agent is offered.
#[derive(Debug)]
struct Offered {
    expires_ms: i64,
    why: Option<Why>,
}

/// An explanation in short.
#[derive(Debug, Clone)]
struct Why {
    rule: Name,
    queue: Name,
    key_ms: i64,
    candidates: u32,
    last_agent: bool,
}

/// A case in a few words.
#[derive(Debug, Default)]
struct Case {
    queue: Name,
    priority: Name,
    segment: Name,
    account: Name,
    campaign: Name,
    customer: Name,
    category: Arc<[Name]>,
    actions: Arc<[Name]>,
    channel: i32,
    messages: u32,
    arrived_ms: i64,
    closed: bool,
    holder: Option<Name>,
    offered: Option<Name>,
    /// Who follows it.
    followers: BTreeSet<Name>,
}

/// A change of an agent's work.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Whose.
    pub(crate) agent: Name,
    /// When, ms since 1970 UTC.
    pub(crate) at_ms: i64,
    /// What.
    pub(crate) change: api::watch_response::Change,
}

/// Each of a desk's few words kept once, however many cases say it.
#[derive(Debug, Default)]
struct Words(HashSet<Name>);

impl Words {
    fn one(&mut self, word: &str) -> Name {
        if let Some(known) = self.0.get(word) {
            return known.clone();
        }
        let new: Name = word.into();
        self.0.insert(new.clone());
        new
    }

    fn many(&mut self, words: &[String]) -> Arc<[Name]> {
        words.iter().map(|word| self.one(word)).collect()
    }
}

impl Board {
    /// Takes in an input that stands on the log and is not judged yet.
    pub(crate) fn arrived(&mut self, place: Place, input: &log::Input) {
        if let Some(log::input::Body::Agent(record)) = &input.body {
            let kept = Record { roles: record.roles().collect(), inactive: record.inactive };
            self.records.insert((place.seq, place.index), kept);
        }
    }

    /// Takes in a commit; returns what changed in agents' work, in order.
    pub(crate) fn committed(&mut self, commit: &log::Commit) -> Vec<Change> {
        let mut changes = Vec::new();
        self.router.clone_from(&commit.writer);
        for event in &commit.events {
            if let Some(body) = &event.body {
                self.apply(event, body, &mut changes);
            }
        }
        let at_ms = commit.events.last().map_or(0, |event| event.at_ms);
        self.updates(at_ms, &mut changes);
        self.updates_of_followed(at_ms, &mut changes);
        changes
    }

    /// Notes where the commit stands that was taken in, and forgets records up to the place through which everything is
    /// judged with it.
    pub(crate) fn stands(&mut self, position: u64, at_ms: i64, judged: Option<Place>) {
        (self.position, self.at_ms) = (position, at_ms);
        if let Some(through) = judged {
            self.records = self.records.split_off(&(through.seq, through.index.saturating_add(1)));
        }
    }

    /// Stream sequence of the last commit that it contains.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The broker's time of that commit, ms since 1970 UTC.
    pub(crate) fn at_ms(&self) -> i64 {
        self.at_ms
    }

    fn apply(&mut self, event: &log::Event, body: &Body, changes: &mut Vec<Change>) {
        match body {
            Body::PolicyApplied(applied) => {
                self.policy_version = applied.version;
                self.policy_cites.clone_from(&applied.cites);
                self.policy_input = event.caused_by.map(|id| (id.seq, id.index));
            }
            Body::AgentChanged(_)
            | Body::AgentSignedIn(_)
            | Body::AgentSignedOut(_)
            | Body::AgentPresenceChanged(_)
            | Body::PullWaiting(_)
            | Body::PullEnded(_) => self.apply_to_agent(event, body, changes),
            _ => {
                self.apply_to_case(event, body, changes);
                self.apply_to_followers(event, body, changes);
            }
        }
    }

    /// One update for each case that has something new and an agent, whatever the number of its events.
    fn updates(&mut self, at_ms: i64, changes: &mut Vec<Change>) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for id in touched {
            let Some(agent) = self.cases.get(&id).and_then(|case| case.holder.clone()) else { continue };
            let update = api::CaseUpdate { case: id, summary: self.summary(id) };
            changes.push(Change { agent, at_ms, change: api::watch_response::Change::Update(update) });
        }
    }

    /// An agent of the desk.
    pub(crate) fn agent(&self, id: &str) -> Option<&Agent> {
        self.agents.get(id)
    }

    /// All agents, by id.
    pub(crate) fn agents(&self) -> impl Iterator<Item = (&Name, &Agent)> {
        self.agents.iter()
    }

    /// An agent's roles; none for somebody unknown or inactive.
    pub(crate) fn roles(&self, id: &str) -> Vec<Role> {
        self.agents
            .get(id)
            .filter(|agent| !agent.inactive)
            .map(|agent| agent.roles.clone())
            .unwrap_or_default()
    }

    /// Active team leaders and supervisors, sorted.
    pub(crate) fn leaders(&self) -> Vec<String> {
        let leads = |role: &Role| matches!(role, Role::TeamLeader | Role::Supervisor);
        let agents = self.agents.iter().filter(|(_, agent)| !agent.inactive && agent.roles.iter().any(leads));
        let mut leaders: Vec<String> = agents.map(|(id, _)| id.to_string()).collect();
        leaders.sort();
        leaders
    }

    /// The channel that a case came by; none for an unknown one.
    pub(crate) fn channel(&self, case: u64) -> Option<log::Channel> {
        self.cases.get(&case).and_then(|case| log::Channel::try_from(case.channel).ok())
    }

    /// Messages of customers on a case; 0 for an unknown one.
    pub(crate) fn messages(&self, case: u64) -> u32 {
        self.cases.get(&case).map_or(0, |case| case.messages)
    }

    /// The policy in force and what it cites; 0 before the first.
    pub(crate) fn policy(&self) -> (u64, &str) {
        (self.policy_version, &self.policy_cites)
    }

    /// The input that brought the policy in force.
    pub(crate) fn policy_input(&self) -> Option<Place> {
        self.policy_input.map(|(seq, index)| Place { seq, index })
    }

    /// The router that wrote the last commit.
    pub(crate) fn router(&self) -> &str {
        &self.router
    }

    /// Cases that are not closed.
    pub(crate) fn open_cases(&self) -> u64 {
        self.open_cases
    }

    /// How many agents are signed in.
    pub(crate) fn signed_in(&self) -> u32 {
        let count = self.agents.values().filter(|agent| agent.session.is_some()).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

impl Agent {
    /// How many cases they hold.
    pub(crate) fn held(&self) -> u32 {
        u32::try_from(self.held.len()).unwrap_or(u32::MAX)
    }

    /// The pull that brought a case they hold.
    pub(crate) fn brought_by(&self, case: u64) -> Option<log::InputId> {
        self.held.get(&case).and_then(|held| held.pull)
    }

    /// The pull that waits.
    pub(crate) fn pull(&self) -> Option<&api::WaitingPull> {
        self.pull.as_ref()
    }
}
