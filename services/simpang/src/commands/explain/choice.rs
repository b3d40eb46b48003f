//! Who could have got a case, worked out from the desk's whole state as it was just before.

use serde::Serialize;
use simpang_domain::event::Explanation;
use simpang_domain::rules::{Rules, Tables};
use simpang_domain::state::{AgentIx, Case, Class, ClassIx, Place, Standing, State};
use simpang_domain::words::CaseId;

/// How many waiting cases are named on each side.
const NEIGHBOURS: usize = 3;

/// Why a case went to an agent, or why it still waits.
#[derive(Debug, Serialize)]
pub(super) struct Choice {
    pub(super) queue: String,
    /// Order in the queue: arrival less head start, ms since 1970 UTC.
    pub(super) key_ms: i64,
    pub(super) arrived_ms: i64,
    pub(super) priority: String,
    pub(super) head_start_ms: i64,
    pub(super) skills: Vec<String>,
    pub(super) channel: &'static str,
    /// Widening step that holds.
    pub(super) step: u32,
    /// Nobody takes cases from this queue by pull or offer.
    pub(super) held: bool,
    /// Who got it; empty: nobody yet.
    pub(super) chosen: String,
    /// Why it was this one, or nobody.
    pub(super) because: String,
    /// What the log says; absent when the case waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recorded: Option<Recorded>,
    /// Whether the recomputation gave what the log says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agrees: Option<bool>,
    /// Every agent of the desk, best first, then by reason.
    pub(super) agents: Vec<Standpoint>,
    /// For a pull: the first case of every queue that the agent could be served from, in the order of choosing.
    pub(super) queues: Vec<Head>,
    /// Cases that waited before it in its queue, nearest first.
    pub(super) ahead: Vec<Neighbour>,
    pub(super) ahead_in_all: usize,
    /// Cases that waited after it in its queue, nearest first.
    pub(super) behind: Vec<Neighbour>,
    pub(super) behind_in_all: usize,
}

/// What the log says of the choice.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) rule: String,
    pub(super) queue: String,
    pub(super) key_ms: i64,
    pub(super) candidates: Vec<Ranked>,
    pub(super) other_candidates: u32,
    pub(super) not_asking: u32,
    pub(super) at_capacity: u32,
    pub(super) not_ready: u32,
    pub(super) sticky: bool,
}

/// A candidate as matching saw them.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct Ranked {
    pub(super) agent: String,
    pub(super) proficiency: u32,
    pub(super) load: u32,
    pub(super) idle_since_ms: i64,
}

/// Where an agent stood.
#[derive(Debug, Serialize)]
pub(super) struct Standpoint {
    pub(super) agent: String,
    pub(super) got_it: bool,
    /// Place among those who could take it and asked, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rank: Option<usize>,
    pub(super) proficiency: u32,
    pub(super) load: u32,
    pub(super) idle_since_ms: i64,
    /// Everything that kept the case from them; empty when they were ranked or got it.
    pub(super) reasons: Vec<String>,
}

/// The first case of a queue.
#[derive(Debug, Serialize)]
pub(super) struct Head {
    pub(super) queue: String,
    pub(super) channel: &'static str,
    /// The queue's rank in the policy: smaller goes first.
    pub(super) rank: i32,
    pub(super) case: u64,
    pub(super) key_ms: i64,
    pub(super) waiting: usize,
    /// Why it was passed over; empty when it was not.
    pub(super) passed_over: String,
}

/// Another case in the same queue.
#[derive(Debug, Serialize)]
pub(super) struct Neighbour {
    pub(super) case: u64,
    pub(super) key_ms: i64,
    pub(super) priority: String,
    /// How its demand differs from this case's; empty: not at all.
    pub(super) differs: String,
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
    let near = |places: Vec<Waiting>| {
        places.into_iter().take(NEIGHBOURS).map(|place| neighbour(state, case, place)).collect()
    };
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
        ahead: near(ahead),
        behind: near(behind),
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

/// Every agent and where they stood.
fn agents<R: Rules>(state: &State, rules: &R, case: &Case, chosen: Option<AgentIx>) -> Vec<Standpoint> {
    let class = case.class.map(|ix| state.demand.get(ix));
    let ranks: Vec<AgentIx> = class.iter().flat_map(|class| class.agents.iter().map(|rank| rank.3)).collect();
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
fn reasons<R: Rules>(state: &State, rules: &R, case: &Case, ix: AgentIx) -> Vec<String> {
    let agent = state.agents.get(ix);
    let mut reasons = Vec::new();
    match agent.standing {
        Standing::Out => {
            reasons.push(if agent.record.inactive { "no longer works here" } else { "not signed in" }.into())
        }
        Standing::NotReady => reasons.push(format!("not ready ({})", agent.presence.as_str())),
        Standing::AtCapacity | Standing::NotAsking | Standing::Asking => {}
    }
    match agent.admitted(&case.queue) {
        None => reasons.push(format!("may not serve queue {}", case.queue)),
        Some(from) if from > case.step => {
            reasons.push(format!(
                "may serve queue {} only from widening step {from} on; step {} holds",
                case.queue, case.step
            ));
        }
        Some(_) => {}
    }
    let lacks: Vec<&str> =
        case.skills.iter().filter(|skill| agent.record.level(skill) == 0).map(|skill| &**skill).collect();
    if !lacks.is_empty() {
        reasons.push(format!("lacks {}", lacks.join(", ")));
    }
    if agent.is_ready() {
        if !state.has_room(ix, case.channel, rules) {
            let (load, most) = (agent.load_on(case.channel), state.capacity(ix, case.channel, rules));
            reasons.push(format!("at capacity on {}: {load} of {most}", case.channel.as_str()));
        }
        match &agent.pull {
            None if !agent.auto => reasons.push("not asking: no pull waits".into()),
            Some(pull) if !agent.auto && !pull.queues.is_empty() && !pull.queues.contains(&case.queue) => {
                reasons.push(format!("asks for {} only", pull.queues.join(", ")));
            }
            _ => {}
        }
    }
    reasons
}

/// The first case of each class of demand that an agent may be served from, in the order in which a pull takes them.
fn heads<R: Rules>(state: &State, rules: &R, ix: AgentIx, id: CaseId) -> Vec<Head> {
    let tables = rules.tables();
    let mut heads: Vec<(i32, Place, Head)> = state
        .agents
        .get(ix)
        .classes
        .iter()
        .filter_map(|class| {
            let class = state.demand.get(*class);
            let first = *class.cases.first()?;
            let head = Head {
                queue: class.queue.to_string(),
                channel: class.channel.as_str(),
                rank: class.rank,
                case: first.1.0,
                key_ms: first.0,
                waiting: class.cases.len(),
                passed_over: passed_over(state, rules, tables, ix, class),
            };
            Some((class.rank, first, head))
        })
        .collect();
    heads.sort_by_key(|(rank, place, _)| (*rank, *place));
    let this = heads.iter().find(|(_, place, _)| place.1 == id).map(|(rank, place, _)| (*rank, *place));
    heads
        .into_iter()
        .map(|(rank, place, mut head)| {
            // Before it in order and not held back: the pull named its queues.
            if this.is_some_and(|this| (rank, place) < this) && head.passed_over.is_empty() {
                head.passed_over = "the pull asked for other queues".into();
            }
            head
        })
        .collect()
}

fn passed_over<R: Rules>(state: &State, rules: &R, tables: &Tables, ix: AgentIx, class: &Class) -> String {
    if tables.queue(&class.queue).is_none_or(|queue| queue.held) {
        return "nobody takes cases from this queue by pull".into();
    }
    if !state.has_room(ix, class.channel, rules) {
        return format!("at capacity on {}", class.channel.as_str());
    }
    String::new()
}

/// A case that waits, and its class of demand.
type Waiting = (Place, ClassIx);

/// Cases that wait in the same queue: before it, nearest first, and after it.
fn neighbours(state: &State, case: &Case) -> (Vec<Waiting>, Vec<Waiting>) {
    let own = (case.key, case.id);
    let mut places: Vec<Waiting> = state
        .demand
        .places()
        .filter(|ix| state.demand.get(*ix).queue == case.queue)
        .flat_map(|ix| state.demand.get(ix).cases.iter().map(move |place| (*place, ix)))
        .filter(|(place, _)| *place != own)
        .collect();
    places.sort_unstable();
    let behind = places.split_off(places.partition_point(|(place, _)| *place < own));
    places.reverse();
    (places, behind)
}

fn neighbour(state: &State, case: &Case, (place, class): Waiting) -> Neighbour {
    let class = state.demand.get(class);
    let mut differs = Vec::new();
    if class.channel != case.channel {
        differs.push(format!("came by {}", class.channel.as_str()));
    }
    if class.skills != case.skills {
        let skills = if class.skills.is_empty() { "no skill".to_owned() } else { class.skills.join(", ") };
        differs.push(format!("needs {skills}"));
    }
    if class.step != case.step {
        differs.push(format!("is at widening step {}", class.step));
    }
    let priority = state.cases.get(&place.1).map_or_else(String::new, |case| case.priority.to_string());
    Neighbour { case: place.1.0, key_ms: place.0, priority, differs: differs.join(", ") }
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
    Recorded {
        rule: case.rule.to_string(),
        queue: case.queue.to_string(),
        key_ms: case.key,
        other_candidates: u32::try_from(waiting - named.len()).unwrap_or(u32::MAX),
        candidates: named.iter().map(ranked).collect(),
        not_asking: state.agents.count(Standing::NotAsking),
        at_capacity: state.agents.count(Standing::AtCapacity),
        not_ready: state.agents.count(Standing::NotReady),
        sticky,
    }
}
