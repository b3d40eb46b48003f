//! Who could have got a case, worked out from the desk's whole state as it was just before.

use serde::Serialize;
use simpang_domain::event::Explanation;
use simpang_domain::rules::Rules;
use simpang_domain::state::{AgentIx, Case, Class, Standing, State};
use simpang_domain::words::CaseId;

use super::agents::{Standpoint, agents};
use super::around::{Head, Neighbour, heads, near, neighbours};

/// Why a case went to an agent, or why it still waits.
#[derive(Debug, Serialize)]
pub struct Choice {
    /// Its queue.
    pub queue: String,
    /// Order in the queue: arrival less head start, ms since 1970 UTC.
    pub key_ms: i64,
    /// Since when it waited, ms since 1970 UTC.
    pub arrived_ms: i64,
    /// Its priority.
    pub priority: String,
    /// The priority's head start, ms.
    pub head_start_ms: i64,
    /// Skills that it needs.
    pub skills: Vec<String>,
    /// Its channel.
    pub channel: &'static str,
    /// Widening step that holds.
    pub step: u32,
    /// Nobody takes cases from this queue by pull or offer.
    pub held: bool,
    /// Who got it; empty: nobody yet.
    pub chosen: String,
    /// Why it was this one, or nobody.
    pub because: String,
    /// What the log says; absent when the case waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
    /// Whether the recomputation gave what the log says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agrees: Option<bool>,
    /// Every agent of the desk, best first, then by reason.
    pub agents: Vec<Standpoint>,
    /// For a pull: the first case of every queue that the agent could be served from, in the order of choosing.
    pub queues: Vec<Head>,
    /// Cases that waited before it in its queue, nearest first.
    pub ahead: Vec<Neighbour>,
    /// How many waited before it.
    pub ahead_in_all: usize,
    /// Cases that waited after it in its queue, nearest first.
    pub behind: Vec<Neighbour>,
    /// How many waited after it.
    pub behind_in_all: usize,
}

/// What the log says of the choice.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Recorded {
    /// The rule that classified the case.
    pub rule: String,
    /// Its queue.
    pub queue: String,
    /// Its key in it.
    pub key_ms: i64,
    /// The best who could take it, the chosen one first, at most three.
    pub candidates: Vec<Ranked>,
    /// How many more could take it and asked.
    pub other_candidates: u32,
    /// Agents who were ready without asking.
    pub not_asking: u32,
    /// Agents who were ready and at capacity.
    pub at_capacity: u32,
    /// Agents who were signed in and not ready.
    pub not_ready: u32,
    /// The customer's last agent was preferred.
    pub sticky: bool,
}

/// A candidate as matching saw them.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Ranked {
    /// Agent id.
    pub agent: String,
    /// Least level over the skills that are needed.
    pub proficiency: u32,
    /// Cases that take their capacity.
    pub load: u32,
    /// Since when they last got nothing, ms since 1970 UTC.
    pub idle_since_ms: i64,
}

/// How a case and its agent met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// The case came into its queue while agents asked: the best of them got it.
    CaseCame,
    /// An agent began to ask while cases waited: they got the first of what they serve.
    AgentCame,
}

/// Why the agent got the case.
pub(super) fn made<R: Rules>(
    state: &State,
    rules: &R,
    id: CaseId,
    agent: &str,
    recorded: Option<&Explanation>,
    how: How,
) -> Choice {
    let mut choice = waiting(state, rules, id);
    let (Some(case), Some(ix)) = (state.cases.get(&id), state.agent_ix(agent)) else { return choice };
    let sticky = recorded.is_some_and(|said| said.sticky);
    agent.clone_into(&mut choice.chosen);
    if how == How::AgentCame {
        choice.queues = heads(state, rules, ix, id);
    }
    choice.agents = agents(state, rules, case, Some(ix));
    choice.because = because(&choice, case, how, sticky);
    if let Some(recorded) = recorded {
        let said = of_log(recorded);
        let again = case.class.map(|class| again(state, case, state.demand.get(class), ix, sticky));
        choice.agrees = Some(again.as_ref() == Some(&said) && is_first(&choice, state, case, how, sticky));
        choice.recorded = Some(said);
    }
    choice
}

/// Why a case waits, or what it waited among.
pub(super) fn waiting<R: Rules>(state: &State, rules: &R, id: CaseId) -> Choice {
    let Some(case) = state.cases.get(&id) else { return nothing() };
    let tables = rules.tables();
    let (ahead, behind) = neighbours(state, case);
    let (ahead_in_all, behind_in_all) = (ahead.len(), behind.len());
    let mut choice = Choice {
        queue: case.queue.to_string(),
        key_ms: case.key,
        arrived_ms: case.arrived,
        priority: case.priority.to_string(),
        head_start_ms: tables.priority(&case.priority).map_or(0, |p| p.head_start_ms),
        skills: case.skills.iter().map(ToString::to_string).collect(),
        channel: case.channel.as_str(),
        step: case.step,
        held: tables.queue(&case.queue).is_none_or(|q| q.held),
        ahead: near(state, case, ahead),
        behind: near(state, case, behind),
        ahead_in_all,
        behind_in_all,
        agents: agents(state, rules, case, None),
        ..nothing()
    };
    choice.because = nobody(&choice);
    choice
}

fn nothing() -> Choice {
    Choice {
        queue: String::new(),
        key_ms: 0,
        arrived_ms: 0,
        priority: String::new(),
        head_start_ms: 0,
        skills: Vec::new(),
        channel: "",
        step: 0,
        held: false,
        chosen: String::new(),
        because: String::new(),
        recorded: None,
        agrees: None,
        agents: Vec::new(),
        queues: Vec::new(),
        ahead: Vec::new(),
        ahead_in_all: 0,
        behind: Vec::new(),
        behind_in_all: 0,
    }
}

fn nobody(choice: &Choice) -> String {
    if choice.held {
        return "nobody takes cases from this queue by pull or offer; people take them over or transfer them"
            .into();
    }
    match choice.agents.iter().find(|agent| agent.rank == Some(1)) {
        Some(first) => format!("{} could take it and asks: it is about to be given", first.agent),
        None => "no agent who may take it asks for work and has room".into(),
    }
}

fn because(choice: &Choice, case: &Case, how: How, sticky: bool) -> String {
    let who = &choice.chosen;
    if sticky {
        return format!("{who} last handled this customer, and the queue prefers that agent");
    }
    if how == How::AgentCame {
        let first = first_head(choice).is_some_and(|head| head.case == case.id.0);
        let which = if first { "came first of everything that waited for them" } else { "waited" };
        return format!(
            "{who} asked while it waited, and it {which}: smallest queue rank, then smallest key"
        );
    }
    let asking = choice.agents.iter().filter(|agent| agent.rank.is_some()).count();
    let rank = choice.agents.iter().find(|agent| agent.got_it).and_then(|agent| agent.rank);
    match (rank, asking) {
        (Some(1), 1) => format!("{who} was the only one who could take it and asked"),
        (Some(1), _) => {
            format!("{who} was the best of {asking} who could take it and asked: {RANKING}")
        }
        (Some(rank), _) => format!("{who} ranked {rank} of {asking} who could take it and asked: {RANKING}"),
        (None, _) => format!("{who} was given it"),
    }
}

/// What makes an agent better than another for a case.
const RANKING: &str = "highest proficiency, then least load, then longest idle";

/// The first case that nothing held back.
fn first_head(choice: &Choice) -> Option<&Head> {
    choice.queues.iter().find(|head| head.passed_over.is_empty())
}

/// Whether the choice is the one that the state makes by itself.
fn is_first(choice: &Choice, state: &State, case: &Case, how: How, sticky: bool) -> bool {
    if sticky {
        let last = case.author.and_then(|author| state.last_handler.get(&author));
        return last.is_some_and(|ix| *state.agents.get(*ix).record.agent == *choice.chosen);
    }
    match how {
        How::AgentCame => first_head(choice).is_some_and(|head| head.case == case.id.0),
        How::CaseCame => choice.agents.iter().any(|agent| agent.got_it && agent.rank == Some(1)),
    }
}

fn of_log(e: &Explanation) -> Recorded {
    Recorded {
        rule: e.rule.to_string(),
        queue: e.queue.to_string(),
        key_ms: e.key,
        candidates: e
            .candidates
            .iter()
            .map(|c| Ranked {
                agent: c.agent.to_string(),
                proficiency: c.proficiency,
                load: c.load,
                idle_since_ms: c.idle_since,
            })
            .collect(),
        other_candidates: e.other_candidates,
        not_asking: e.not_asking,
        at_capacity: e.at_capacity,
        not_ready: e.not_ready,
        sticky: e.sticky,
    }
}

/// The record that this state makes of the choice: the chosen one first, then the best of the others.
fn again(state: &State, case: &Case, class: &Class, chosen: AgentIx, sticky: bool) -> Recorded {
    let first = state.rank_in(chosen, class);
    let others = class.agents.iter().filter(|rank| rank.3 != chosen).copied();
    let named: Vec<_> = std::iter::once(first).chain(others).take(3).collect();
    let waiting = class.agents.len() + usize::from(!class.agents.contains(&first));
    let ranked = |rank: &simpang_domain::state::Rank| Ranked {
        agent: state.agents.id(rank.3).to_string(),
        proficiency: rank.0.0,
        load: rank.1,
        idle_since_ms: rank.2,
    };
    // One by one, so that this is no echo of the counts that matching kept.
    let others = |standing: Standing| {
        let stands = |ix: &AgentIx| *ix != chosen && state.agents.get(*ix).standing == standing;
        u32::try_from(state.agents.places().filter(stands).count()).unwrap_or(u32::MAX)
    };
    Recorded {
        rule: case.rule.to_string(),
        queue: case.queue.to_string(),
        key_ms: case.key,
        other_candidates: u32::try_from(waiting - named.len()).unwrap_or(u32::MAX),
        candidates: named.iter().map(ranked).collect(),
        not_asking: others(Standing::NotAsking),
        at_capacity: others(Standing::AtCapacity),
        not_ready: others(Standing::NotReady),
        sticky,
    }
}
