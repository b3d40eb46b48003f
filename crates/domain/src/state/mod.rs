//! What a desk remembers: a fold of its log. Only [`State::apply`] and [`State::settle`] change it, with an event or at
//! the end of an input, so that folding an old log gives what judging gave.
//!
//! Some events leave to their causing input what stands there already (an agent's record, thread keys, facts), so the
//! fold reads inputs beside events.

mod agents;
mod apply;
mod case;
mod demand;
mod keys;
mod map;
mod ordered;
mod recent;
mod small;
mod timers;

use std::collections::{BTreeMap, BTreeSet};

pub use agents::{Agent, AgentIx, Agents, Pull, Session, Standing};
pub(crate) use apply::next_warning;
pub use case::{Calling, Case, Clock, ClockState, Fault, Member, Rare, Reference, Status, Tickets};
pub use demand::{Class, ClassIx, Demand, Place, Rank};
pub use keys::{KeyMemory, Known};
pub use map::Map;
pub use ordered::Ordered;
pub use recent::Recent;
pub use small::Moment;
pub use timers::{Timer, Timers};

use crate::stored::stored;
use crate::words::{CaseId, Channel, DeliveryId, InputId, Key, Millis, Name};

/// Among answers of machines: an acknowledgement, by whatever template.
pub const ACKNOWLEDGED: &str = "";
/// Among overtaken sources: the message was withdrawn.
pub const WITHDRAWN: &str = "withdrawn";
/// Among overtaken sources: the message has another text.
pub const EDITED: &str = "edited";

/// A delivery that has no final outcome yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its case.
    pub case: CaseId,
    /// An agent's answer: its acceptance stops clocks.
    pub is_reply: bool,
    /// Resolve the case once the channel has accepted it.
    pub resolve: bool,
    /// Attempts begun.
    pub attempts: u32,
    /// Who sends it now.
    pub claimed_by: Option<Name>,
    /// Not to be claimed before.
    pub not_before: Millis,
}

/// What a desk remembers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// The time of what was judged last.
    pub now: Millis,
    /// The policy in force; 0 before the first.
    pub policy_version: u64,
    /// Take-overs so far.
    pub epoch: u64,
    /// Number of the newest case.
    pub last_case: u64,
    /// Cases that are open, or closed not too long ago.
    pub cases: Map<CaseId, Box<Case>>,
    /// Who works here.
    pub agents: Agents,
    /// Who waits for what: cases by demand, agents by what they may serve.
    pub demand: Demand,
    /// What is due when.
    pub timers: Timers,
    /// Inputs that would be known again.
    pub keys: KeyMemory,
    /// Thread keys to cases.
    pub threads: Map<Key, CaseId>,
    /// A message's source key to its case and input. Of several with one source the first stands for all: what it is
    /// told goes on with the handovers that made the others.
    pub sources: Map<Key, (CaseId, InputId)>,
    /// Messages that their authors changed, by input and place among those of a handover: the input of the last edit,
    /// or none once it was withdrawn.
    pub changed: Map<(InputId, u32), Option<InputId>>,
    /// The open case of a person on a channel.
    pub by_author: Map<(Key, Channel), CaseId>,
    /// Who last handled a person's case.
    pub last_handler: Map<Key, AgentIx>,
    /// When a person was last answered by a machine: by which template, or under [`ACKNOWLEDGED`] by whichever
    /// acknowledges what comes in.
    pub answered: Recent,
    /// Sources of messages that were withdrawn or edited, under [`WITHDRAWN`] and [`EDITED`]: the message itself may
    /// come after that.
    pub overtaken: Recent,
    /// Numbers that may not be called.
    pub suppressed: BTreeSet<Key>,
    /// Deliveries without a final outcome.
    pub deliveries: Map<DeliveryId, Delivery>,
    /// Gateways that hold sessions, with when their silence becomes too long.
    pub gateways: BTreeMap<Name, Millis>,
    /// The case with the open fault report of a product.
    pub faults: BTreeMap<Key, CaseId>,
    /// Cases by their tickets in other systems: system and number.
    pub references: BTreeMap<(Name, Name), Vec<CaseId>>,
    /// How far each sending desk's handovers have come.
    pub handovers: BTreeMap<Name, (u64, u32)>,
    /// When the next day begins in the desk's zone, once a policy said so.
    pub day_due: Option<Millis>,
    /// The day in the desk's zone for which agents' conditions were computed.
    pub day: i64,
    /// Cases that are neither resolved nor closed, for people and metrics.
    pub open_cases: u64,
    /// Messages on their way from one case to another, within one input.
    split: Vec<Member>,
}

/// Adds to a list of a case, with room for this one and not for four: there are as many such lists as cases, and most
/// stay as short as they begin.
pub(crate) fn push_tight<T>(list: &mut Vec<T>, one: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 2).max(1));
    }
    list.push(one);
}

impl State {
    /// An agent's place in the list, by id.
    #[must_use]
    pub fn agent_ix(&self, id: &str) -> Option<AgentIx> {
        self.agents.find(id)
    }

    /// The case that goes on for this one, through merges; none when it is not remembered.
    #[must_use]
    pub fn survivor(&self, case: CaseId) -> Option<CaseId> {
        let mut id = case;
        // A case merges only into one that is open, so no chain comes back to where it was; the bound is a belt.
        for _ in 0..64 {
            match self.cases.get(&id)?.rare().merged_into {
                Some(into) => id = into,
                None => return Some(id),
            }
        }
        None
    }

    /// Whether a case is a contact with a number that may not be called (H9).
    #[must_use]
    pub fn is_suppressed(&self, case: &Case) -> bool {
        let Some(calling) = &case.calling else { return false };
        calling.numbers.iter().chain(case.author.as_ref()).any(|number| self.suppressed.contains(number))
    }

    /// Whether more keys are remembered than the policy's `keys_max`; operators then give memory or shorten the
    /// policy's `key_memory`.
    #[must_use]
    pub fn is_full(&self, keys_max: u64) -> bool {
        self.keys.len() as u64 > keys_max
    }
}

stored!(struct Delivery { case, is_reply, resolve, attempts, claimed_by, not_before });
stored!(struct State {
    now, policy_version, epoch, last_case, cases, agents, demand, timers, keys, threads, sources, by_author,
    last_handler, answered, overtaken, deliveries, gateways, handovers, day_due, day, open_cases, split,
    suppressed, faults, references, changed,
});
