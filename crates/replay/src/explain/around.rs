//! Which cases waited around a case: those that an agent could have been served before it, and its neighbours in its
//! queue.

use serde::Serialize;
use simpang_domain::rules::{Rules, Tables};
use simpang_domain::state::{AgentIx, Case, Class, ClassIx, Place, State};
use simpang_domain::words::{CaseId, QueueMode};

/// How many waiting cases are named on each side.
const NEIGHBOURS: usize = 3;

/// The first case of a queue.
#[derive(Debug, Serialize)]
pub struct Head {
    /// The queue.
    pub queue: String,
    /// Channel of the cases.
    pub channel: &'static str,
    /// The queue's rank in the policy: smaller goes first.
    pub rank: i32,
    /// The case.
    pub case: u64,
    /// Its key.
    pub key_ms: i64,
    /// How many wait with the same demand.
    pub waiting: usize,
    /// Why it was passed over; empty when it was not.
    pub passed_over: String,
}

/// Another case in the same queue.
#[derive(Debug, Serialize)]
pub struct Neighbour {
    /// The case.
    pub case: u64,
    /// Its key.
    pub key_ms: i64,
    /// Its priority.
    pub priority: String,
    /// How its demand differs from this case's; empty: not at all.
    pub differs: String,
}

/// The first case of each class of demand that an agent may be served from, in the order in which a pull takes them.
pub(super) fn heads<R: Rules>(state: &State, rules: &R, ix: AgentIx, id: CaseId) -> Vec<Head> {
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
    if tables.queue(&class.queue).is_some_and(|queue| queue.mode == QueueMode::Offer) {
        return "this queue only offers its cases".into();
    }
    if !state.has_room(ix, class.channel, rules) {
        return format!("at capacity on {}", class.channel.as_str());
    }
    String::new()
}

/// A case that waits, and its class of demand.
pub(super) type Waiting = (Place, ClassIx);

/// Cases that wait in the same queue: before it, nearest first, and after it.
pub(super) fn neighbours(state: &State, case: &Case) -> (Vec<Waiting>, Vec<Waiting>) {
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

/// The nearest of them.
pub(super) fn near(state: &State, case: &Case, places: Vec<Waiting>) -> Vec<Neighbour> {
    places.into_iter().take(NEIGHBOURS).map(|place| neighbour(state, case, place)).collect()
}

fn neighbour(state: &State, case: &Case, (place, class): Waiting) -> Neighbour {
    let class = state.demand.get(class);
    let mut differs = Vec::new();
    if class.channel != case.channel {
        differs.push(format!("came by {}", class.channel.as_str()));
    }
    if *class.skills != *case.skills {
        let skills = if class.skills.is_empty() { "no skill".to_owned() } else { class.skills.join(", ") };
        differs.push(format!("needs {skills}"));
    }
    if class.step != case.step {
        differs.push(format!("is at widening step {}", class.step));
    }
    let priority = state.cases.get(&place.1).map_or_else(String::new, |case| case.priority.to_string());
    Neighbour { case: place.1.0, key_ms: place.0, priority, differs: differs.join(", ") }
}
