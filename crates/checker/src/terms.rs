//! What a policy says that the log does not: capacities, how queues give their cases, calendars. The checker reads no
//! policies itself; a caller who can hands their terms in, each from the event on by which its policy began to hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use simpang_proto::log::v1;

use crate::calendar::{Calendars, RoundTheClock};

/// What holds under one policy.
#[derive(Debug)]
pub struct Terms {
    /// Most cases of each channel at once, where an agent's record does not say. Where neither says, capacity is not
    /// checked.
    pub default_capacity: BTreeMap<v1::Channel, u32>,
    /// What cases of all channels weigh together, and the most of that an agent takes. A channel that neither this
    /// nor an agent's record limits by itself is then limited by it alone. None: there is no such limit.
    pub shared_capacity: Option<SharedCapacity>,
    /// Queues from which nobody gets cases by pull or offer. Before any policy there is one, `unrouted`.
    pub held_queues: BTreeSet<String>,
    /// Queues whose cases agents get by pull only.
    pub pull_queues: BTreeSet<String>,
    /// Queues whose cases are offered to every agent who is ready, and that no pull brings.
    pub offer_queues: BTreeSet<String>,
    /// How long the desk remembers idempotency keys, ms; none: a repeat is one however late it comes.
    pub key_memory_ms: Option<i64>,
    /// Calendars in which deadlines can be computed again.
    pub calendars: Box<dyn Calendars>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            default_capacity: BTreeMap::new(),
            shared_capacity: None,
            held_queues: BTreeSet::from(["unrouted".to_owned()]),
            pull_queues: BTreeSet::new(),
            offer_queues: BTreeSet::new(),
            key_memory_ms: None,
            calendars: Box::new(RoundTheClock::default()),
        }
    }
}

/// One capacity for the cases of all channels.
#[derive(Debug, Clone, Default)]
pub struct SharedCapacity {
    /// The most that an agent's cases weigh together.
    pub total: u32,
    /// What a case of a channel weighs; of a channel that is not named, 1.
    pub weights: BTreeMap<v1::Channel, u32>,
}

/// Who can read policies.
pub trait Policies: Debug + Send {
    /// The terms of a policy that was applied. None: it can't be read, and what held before is held to further on.
    fn read(&self, document: &v1::PolicyDocument) -> Option<Terms>;
}
