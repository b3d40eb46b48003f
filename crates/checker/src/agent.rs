//! An agent as events leave them.

use std::collections::{BTreeMap, BTreeSet};

use simpang_proto::log::v1::Presence;

use crate::InputId;
use crate::arrived::SessionLimit;
use crate::names::NameNo;

/// An agent.
#[derive(Debug, Default)]
pub(crate) struct Agent {
    pub(crate) session: Option<String>,
    /// `None`: not known.
    pub(crate) presence: Option<Presence>,
    pub(crate) auto: bool,
    pub(crate) skills: BTreeSet<NameNo>,
    /// Most cases at once by channel, where their record says.
    pub(crate) capacities: BTreeMap<i32, u32>,
    /// Queues they may serve, with the widening step from which.
    pub(crate) admissions: BTreeMap<NameNo, u32>,
    /// What they take at once by their own word, as they asked.
    pub(crate) limit: SessionLimit,
    pub(crate) pull: Option<WaitingPull>,
    /// Cases they have, parked ones too.
    pub(crate) held: BTreeSet<u64>,
    load: BTreeMap<i32, u32>,
    offers: BTreeMap<i32, u32>,
}

/// A pull that waits.
#[derive(Debug)]
pub(crate) struct WaitingPull {
    pub(crate) id: InputId,
    /// How many are still asked for.
    pub(crate) left: u32,
    /// Only from these; empty: from all.
    pub(crate) queues: Vec<NameNo>,
}

impl Agent {
    /// Whether they are known not to take cases.
    pub(crate) fn not_ready(&self) -> bool {
        self.presence.is_some_and(|p| p != Presence::Ready)
    }

    /// Whether they are signed in, and as far as is known take cases.
    pub(crate) fn is_there(&self) -> bool {
        self.session.is_some() && !self.not_ready()
    }

    /// Whether a pull of theirs waits that may bring cases of this queue.
    pub(crate) fn pulls(&self, queue: NameNo) -> bool {
        let pulls = |p: &WaitingPull| p.left > 0 && (p.queues.is_empty() || p.queues.contains(&queue));
        self.pull.as_ref().is_some_and(pulls)
    }

    /// Whether a limit of their own leaves them no room: for `has` cases of a channel and `in_all`.
    pub(crate) fn wants_no_more(&self, channel: i32, has: u32, in_all: u32) -> bool {
        let of_channel = self.limit.channels.iter().find(|(c, _)| *c == channel);
        of_channel.is_some_and(|(_, most)| has >= *most)
            || self.limit.total.is_some_and(|most| in_all >= most)
    }

    /// Cases that count against their capacity, over all channels.
    pub(crate) fn load_in_all(&self) -> u32 {
        self.load.values().sum()
    }

    /// The same, with cases that are offered to them.
    pub(crate) fn busy_in_all(&self) -> u32 {
        self.load_in_all() + self.offers.values().sum::<u32>()
    }

    /// Cases of a channel that count against their capacity.
    pub(crate) fn load(&self, channel: i32) -> u32 {
        self.load.get(&channel).copied().unwrap_or(0)
    }

    /// The same, with cases that are offered to them.
    pub(crate) fn busy(&self, channel: i32) -> u32 {
        self.load(channel) + self.offers.get(&channel).copied().unwrap_or(0)
    }

    /// Cases that count against their capacity, by channel; a channel may come twice.
    pub(crate) fn all_loads(&self, offers: bool) -> impl Iterator<Item = (i32, u32)> {
        let offered = self.offers.iter().filter(move |_| offers);
        self.load.iter().chain(offered).map(|(channel, count)| (*channel, *count))
    }

    /// They get an offer, or it ends.
    pub(crate) fn offered(&mut self, channel: i32, begins: bool) {
        step(&mut self.offers, channel, begins);
    }

    /// They get a case, or lose it; `counts` unless it is parked.
    pub(crate) fn holds(&mut self, case: u64, channel: i32, counts: bool, begins: bool) {
        if counts {
            step(&mut self.load, channel, begins);
        }
        if begins {
            self.held.insert(case);
        } else {
            self.held.remove(&case);
        }
    }
}

fn step(counts: &mut BTreeMap<i32, u32>, channel: i32, up: bool) {
    let count = counts.entry(channel).or_default();
    *count = if up { *count + 1 } else { count.saturating_sub(1) };
    if *count == 0 {
        counts.remove(&channel);
    }
}
