//! Where every agent of the desk stood, and what kept a case from them.

use std::fmt;

use serde::{Serialize, Serializer};
use simpang_domain::rules::Rules;
use simpang_domain::state::{AgentIx, Case, Standing, State};

/// Where an agent stood.
#[derive(Debug, Serialize)]
pub struct Standpoint {
    /// Agent id.
    pub agent: String,
    /// They got the case.
    pub got_it: bool,
    /// Place among those who could take it and asked, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Least level over the skills that are needed.
    pub proficiency: u32,
    /// Cases that take their capacity.
    pub load: u32,
    /// Since when they last got nothing, ms since 1970 UTC.
    pub idle_since_ms: i64,
    /// Everything that kept the case from them; empty when they were ranked or got it.
    pub reasons: Vec<Bar>,
    /// They last handled the case's customer.
    #[serde(skip)]
    pub last_handler: bool,
}

/// Something that kept a case from an agent. Shown as a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bar {
    /// They no longer work here.
    Inactive,
    /// They are not signed in.
    SignedOut,
    /// They are signed in and take no cases.
    NotReady {
        /// What they are instead.
        presence: &'static str,
    },
    /// The queue does not admit them.
    NotAdmitted {
        /// The queue.
        queue: String,
    },
    /// The queue admits them only once it is widened further.
    AdmittedLater {
        /// The queue.
        queue: String,
        /// From this widening step on.
        from: u32,
        /// The step that holds.
        step: u32,
    },
    /// They lack skills.
    Lacks {
        /// Which; at least one.
        skills: Vec<String>,
    },
    /// They have no room on the case's channel.
    AtCapacity {
        /// The channel.
        channel: &'static str,
        /// Cases that they have on it.
        load: u32,
        /// How many they may have.
        most: u32,
    },
    /// Their cases leave too little of the capacity that all channels share.
    NoWeightLeft {
        /// The channel.
        channel: &'static str,
        /// What one more of it weighs.
        weight: u32,
        /// What their cases weigh.
        taken: u64,
        /// What they may weigh.
        total: u32,
    },
    /// They do not ask for work.
    NotAsking,
    /// They take offers, and the queue makes none.
    OnlyByPull,
    /// They ask for work from other queues only.
    AsksElsewhere {
        /// Which.
        queues: Vec<String>,
    },
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive => write!(f, "no longer works here"),
            Self::SignedOut => write!(f, "not signed in"),
            Self::NotReady { presence } => write!(f, "not ready ({presence})"),
            Self::NotAdmitted { queue } => write!(f, "may not serve queue {queue}"),
            Self::AdmittedLater { queue, from, step } => {
                write!(f, "may serve queue {queue} only from widening step {from} on; step {step} holds")
            }
            Self::Lacks { skills } => write!(f, "lacks {}", skills.join(", ")),
            Self::AtCapacity { channel, load, most } => {
                write!(f, "at capacity on {channel}: {load} of {most}")
            }
            Self::NoWeightLeft { channel, weight, taken, total } => {
                write!(f, "no room for {channel}: it weighs {weight}, and {taken} of {total} are taken")
            }
            Self::OnlyByPull => write!(f, "not asking: the queue gives its cases to pulls only"),
            Self::NotAsking => write!(f, "not asking: no pull waits"),
            Self::AsksElsewhere { queues } => write!(f, "asks for {} only", queues.join(", ")),
        }
    }
}

impl Serialize for Bar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Standpoint {
    /// Whether they were signed in.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        !self.reasons.iter().any(|bar| matches!(bar, Bar::Inactive | Bar::SignedOut))
    }
}

/// Every agent and where they stood.
pub(super) fn agents<R: Rules>(
    state: &State,
    rules: &R,
    case: &Case,
    chosen: Option<AgentIx>,
) -> Vec<Standpoint> {
    let class = case.class.map(|ix| state.demand.get(ix));
    let ranks: Vec<AgentIx> = class.iter().flat_map(|class| class.agents.iter().map(|rank| rank.3)).collect();
    let last = case.author.and_then(|author| state.last_handler.get(&author)).copied();
    let mut all: Vec<Standpoint> = state
        .agents
        .places()
        .map(|ix| {
            let agent = state.agents.get(ix);
            let rank = ranks.iter().position(|other| *other == ix).map(|at| at + 1);
            let got_it = chosen == Some(ix);
            let reasons = if rank.is_some() || got_it { Vec::new() } else { reasons(state, rules, case, ix) };
            Standpoint {
                agent: agent.record.agent.to_string(),
                got_it,
                rank,
                proficiency: case.skills.iter().map(|skill| agent.record.level(skill)).min().unwrap_or(0),
                load: agent.total_load(),
                idle_since_ms: agent.idle_since,
                reasons,
                last_handler: last == Some(ix),
            }
        })
        .collect();
    all.sort_by(|a, b| order(a).cmp(&order(b)));
    all
}

/// Who got it first, then by rank, then those with the fewest reasons against them.
fn order(agent: &Standpoint) -> (bool, usize, usize, &str) {
    (!agent.got_it, agent.rank.unwrap_or(usize::MAX), agent.reasons.len(), &agent.agent)
}

/// Everything that kept the case from an agent.
fn reasons<R: Rules>(state: &State, rules: &R, case: &Case, ix: AgentIx) -> Vec<Bar> {
    let agent = state.agents.get(ix);
    let mut reasons = Vec::new();
    match agent.standing {
        Standing::Out => {
            reasons.push(if agent.record.inactive { Bar::Inactive } else { Bar::SignedOut });
        }
        Standing::NotReady => reasons.push(Bar::NotReady { presence: agent.presence.as_str() }),
        Standing::AtCapacity | Standing::NotAsking | Standing::Asking => {}
    }
    let queue = || case.queue.to_string();
    match agent.admitted(&case.queue) {
        None => reasons.push(Bar::NotAdmitted { queue: queue() }),
        Some(from) if from > case.step => {
            reasons.push(Bar::AdmittedLater { queue: queue(), from, step: case.step });
        }
        Some(_) => {}
    }
    let lacks = case.skills.iter().filter(|skill| agent.record.level(skill) == 0);
    let skills: Vec<String> = lacks.map(ToString::to_string).collect();
    if !skills.is_empty() {
        reasons.push(Bar::Lacks { skills });
    }
    if agent.is_ready() {
        reasons.extend(busy(state, rules, case, ix));
    }
    reasons
}

/// What keeps a case from an agent who is ready.
fn busy<R: Rules>(state: &State, rules: &R, case: &Case, ix: AgentIx) -> Vec<Bar> {
    let agent = state.agents.get(ix);
    let mut reasons = Vec::new();
    if !state.has_room(ix, case.channel, rules) {
        reasons.push(no_room(state, rules, case, ix));
    }
    if rules.tables().queue(&case.queue).is_some_and(|queue| agent.asks_for(queue)) {
        return reasons;
    }
    match &agent.pull {
        None if agent.auto => reasons.push(Bar::OnlyByPull),
        None => reasons.push(Bar::NotAsking),
        Some(pull) if !pull.queues.is_empty() => {
            let queues = pull.queues.iter().map(ToString::to_string).collect();
            reasons.push(Bar::AsksElsewhere { queues });
        }
        Some(_) => {}
    }
    reasons
}

fn no_room<R: Rules>(state: &State, rules: &R, case: &Case, ix: AgentIx) -> Bar {
    let (agent, channel) = (state.agents.get(ix), case.channel);
    let (load, most) = (agent.load_on(channel), state.capacity(ix, channel, rules));
    match &rules.tables().shared {
        Some(shared)
            if agent.weight(shared) + u64::from(shared.weight(channel)) > u64::from(shared.total) =>
        {
            let (weight, total, taken) = (shared.weight(channel), shared.total, agent.weight(shared));
            Bar::NoWeightLeft { channel: channel.as_str(), weight, taken, total }
        }
        _ => Bar::AtCapacity { channel: channel.as_str(), load, most },
    }
}
