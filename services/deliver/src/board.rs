//! Which deliveries of a desk are open: a fold of its commits. Pure; knows no clock and sends nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use simpang_domain::stored;
use simpang_domain::stored::{Damaged, Reader, Shape, Stored, Writer};
use simpang_proto::log::v1::{self, DeliveryKind, DeliveryOutcome, event::Body};
use simpang_wire::stored::Encoded;

/// A delivery's identity, ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id {
    /// Sequence of the record whose input caused it.
    pub(crate) seq: u64,
    /// Index of that input.
    pub(crate) index: u32,
    /// Which of the input's deliveries.
    pub(crate) part: u32,
}

impl Id {
    /// Reads an identity; none when it is not whole.
    pub(crate) fn of(wire: Option<&v1::DeliveryId>) -> Option<Self> {
        let wire = wire?;
        let input = wire.input.as_ref()?;
        Some(Self { seq: input.seq, index: input.index, part: wire.part })
    }

    /// The identity as it stands on the log.
    pub(crate) fn wire(self) -> v1::DeliveryId {
        v1::DeliveryId { input: Some(v1::InputId { seq: self.seq, index: self.index }), part: self.part }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.seq, self.index, self.part)
    }
}

stored!(struct Id { seq, index, part });

/// What one lane's deliveries share: an account they leave from, or a place they go to. Lanes don't hold each other
/// up.
pub(crate) type Lane = String;

/// What the commit that queued a delivery says of it, for templates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// Why: the escalation's clock or step, or the rule.
    pub(crate) reason: String,
}

stored!(struct About { reason });

/// Where an open delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits to be claimed, not before this time (ms since 1970 UTC).
    Waiting {
        /// Not before.
        not_before: i64,
    },
    /// Somebody may send it.
    Started {
        /// Who.
        by: String,
        /// Which attempt.
        attempt: u32,
        /// Since when, ms since 1970 UTC.
        at: i64,
    },
}

stored!(enum State {
    0 = Waiting { not_before: i64 },
    1 = Started { by: String, attempt: u32, at: i64 },
});

/// A delivery without a final outcome.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    /// As it was queued.
    pub(crate) queued: v1::DeliveryQueued,
    /// What was said of its case then.
    pub(crate) about: About,
    /// Where it stands.
    pub(crate) state: State,
}

stored!(struct Open { queued as Encoded, about, state });

impl Open {
    /// The attempt that is under way, from 1; 0: none is.
    pub(crate) fn attempt(&self) -> u32 {
        match self.state {
            State::Started { attempt, .. } => attempt,
            State::Waiting { .. } => 0,
        }
    }
}

/// What an event means to whoever sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Somebody may send it now.
    Started {
        /// Which.
        id: Id,
        /// Who.
        by: String,
        /// Its lane has begun as many as it may; it is not to be sent before this time, ms since 1970 UTC.
        over_until: Option<i64>,
    },
    /// A claim came too late or too early.
    ClaimRefused {
        /// Which.
        id: Id,
        /// Who asked.
        by: String,
    },
    /// The attempt has its outcome.
    Ended {
        /// Which.
        id: Id,
    },
}

/// How many attempts lanes may begin within a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// How the lanes begin that it holds for.
    pub(crate) lanes: &'static str,
    /// Attempts.
    pub(crate) most: usize,
    /// Within this time, ms.
    pub(crate) within_ms: i64,
}

/// The open deliveries of a desk.
#[derive(Debug, Default)]
pub(crate) struct Board {
    limit: Option<Limit>,
    open: BTreeMap<Id, Open>,
    /// Those that wait, by lane and the time from which on.
    waiting: BTreeMap<Lane, BTreeSet<(i64, Id)>>,
    /// Those that were started, by when.
    started: BTreeSet<(i64, Id)>,
    /// Until when a lane rests: its channel said that a limit is reached.
    resting: HashMap<Lane, i64>,
    /// When attempts of a lane were started, by whichever deliverer, the latest last.
    starts: HashMap<Lane, VecDeque<i64>>,
    /// Agents' replies of a case, oldest first: they leave in the order in which they were written.
    replies: HashMap<u64, BTreeSet<Id>>,
}

impl Board {
    /// With a limit on what lanes begin.
    pub(crate) fn limited(limit: Option<Limit>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The limit.
    pub(crate) fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// As it was written down, with this limit.
    pub(crate) fn load(limit: Option<Limit>, from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let mut board = Self { limit, ..Self::default() };
        (board.open, board.resting, board.starts) = Stored::load(from)?;
        for (id, open) in &board.open {
            let lane = lane_of(&open.queued);
            match &open.state {
                State::Waiting { not_before } => {
                    board.waiting.entry(lane).or_default().insert((*not_before, *id));
                }
                State::Started { at, .. } => drop(board.started.insert((*at, *id))),
            }
            if open.queued.kind() == DeliveryKind::Reply {
                board.replies.entry(open.queued.case).or_default().insert(*id);
            }
        }
        Ok(board)
    }

    /// Writes down what does not follow from the rest.
    pub(crate) fn store(&self, to: &mut Writer<'_>) {
        let Self { limit: _, open, waiting: _, started: _, resting, starts, replies: _ } = self;
        open.store(to);
        resting.store(to);
        starts.store(to);
    }

    /// The layout of that.
    pub(crate) fn shape(shape: &mut Shape) {
        shape.word("Board");
        <(BTreeMap<Id, Open>, HashMap<Lane, i64>, HashMap<Lane, VecDeque<i64>>)>::shape(shape);
    }

    /// Takes in a commit's events, in their order.
    pub(crate) fn fold(&mut self, events: &[v1::Event]) -> Vec<Change> {
        let mut changes = Vec::new();
        for (index, event) in events.iter().enumerate() {
            match &event.body {
                Some(Body::DeliveryQueued(queued)) => {
                    let about = about(&events[..=index], queued.case);
                    self.queued(queued.clone(), about, event.at_ms);
                }
                Some(Body::DeliveryStarted(started)) => changes.extend(self.on_started(started, event.at_ms)),
                Some(Body::DeliveryEnded(ended)) => changes.extend(self.on_ended(ended, event.at_ms)),
                Some(Body::ClaimRefused(refused)) => {
                    let id = Id::of(refused.delivery.as_ref());
                    changes.extend(id.map(|id| Change::ClaimRefused { id, by: refused.deliverer.clone() }));
                }
                _ => {}
            }
        }
        changes
    }

    /// An open delivery.
    pub(crate) fn get(&self, id: Id) -> Option<&Open> {
        self.open.get(&id)
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Lanes in which somebody waits.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.waiting.keys()
    }

    /// Those of a lane that may be claimed at this time, the longest due first; none while the lane rests.
    pub(crate) fn due(&self, lane: &str, now: i64) -> impl Iterator<Item = Id> {
        let rests = self.resting.get(lane).is_some_and(|until| now < *until);
        let waiting = self.waiting.get(lane).filter(|_| !rests).into_iter().flatten();
        waiting.take_while(move |(from, _)| *from <= now).map(|(_, id)| *id).filter(|id| !self.is_behind(*id))
    }

    /// How many attempts of a lane all deliverers have started since then, those aside that were over its limit. All of them read the same log, so that they
    /// keep one account's limit together.
    pub(crate) fn started_since(&self, lane: &str, since: i64) -> usize {
        self.starts.get(lane).map_or(0, |starts| starts.len() - starts.partition_point(|at| *at < since))
    }

    /// Those that were started before this time and have no outcome.
    pub(crate) fn started_before(&self, time: i64) -> impl Iterator<Item = Id> {
        self.started.iter().take_while(move |(at, _)| *at < time).map(|(_, id)| *id)
    }

    /// All that were started and have no outcome.
    pub(crate) fn started(&self) -> impl Iterator<Item = Id> {
        self.started.iter().map(|(_, id)| *id)
    }

    /// The earliest time after `now` at which another delivery may be claimed.
    pub(crate) fn next_due(&self, now: i64) -> Option<i64> {
        let later = |lane: &BTreeSet<(i64, Id)>| lane.range((now + 1, Id::FIRST)..).next().map(|(at, _)| *at);
        let rested = self.resting.values().copied().filter(|until| *until > now).min();
        self.waiting.values().filter_map(later).chain(rested).min()
    }

    /// Since when the longest started one has no outcome.
    pub(crate) fn oldest_start(&self) -> Option<i64> {
        self.started.first().map(|(at, _)| *at)
    }

    /// Lets a waiting delivery wait longer before it is claimed (again).
    pub(crate) fn defer(&mut self, id: Id, until: i64) {
        if let Some(Open { state: State::Waiting { .. }, .. }) = self.open.get(&id) {
            self.set_state(id, State::Waiting { not_before: until });
        }
    }

    /// Lets the lane of a delivery rest.
    pub(crate) fn rest(&mut self, id: Id, until: i64) {
        if let Some(open) = self.open.get(&id) {
            rest(&mut self.resting, open, until);
        }
    }

    /// Whether an older reply of the same case has not left yet.
    fn is_behind(&self, id: Id) -> bool {
        let Some(open) = self.open.get(&id) else { return false };
        let replies = self.replies.get(&open.queued.case);
        open.queued.kind() == DeliveryKind::Reply
            && replies.and_then(BTreeSet::first).is_some_and(|oldest| *oldest < id)
    }

    fn queued(&mut self, queued: v1::DeliveryQueued, about: About, at: i64) {
        let Some(id) = Id::of(queued.delivery.as_ref()) else { return };
        if queued.kind() == DeliveryKind::Reply {
            self.replies.entry(queued.case).or_default().insert(id);
        }
        let state = State::Waiting { not_before: at };
        self.waiting.entry(lane_of(&queued)).or_default().insert((at, id));
        self.open.insert(id, Open { queued, about, state });
    }

    fn on_started(&mut self, started: &v1::DeliveryStarted, at: i64) -> Option<Change> {
        let id = Id::of(started.delivery.as_ref())?;
        let lane = self.open.get(&id).map(|open| lane_of(&open.queued));
        let over_until = lane.as_ref().and_then(|lane| self.over_until(lane, at));
        if let Some(lane) = lane.filter(|_| over_until.is_none()) {
            let starts = self.starts.entry(lane).or_default();
            starts.push_back(at);
            if starts.len() > STARTS_MAX {
                starts.pop_front();
            }
        }
        let by = started.deliverer.clone();
        self.set_state(id, State::Started { by: by.clone(), attempt: started.attempt, at });
        Some(Change::Started { id, by, over_until })
    }

    /// Until when a lane that begins something now is over its limit. Two deliverers may claim the last place of a
    /// limit at once; which of the two starts stands first on the log says who has it, to both of them.
    fn over_until(&self, lane: &str, now: i64) -> Option<i64> {
        let limit = self.limit.filter(|limit| lane.starts_with(limit.lanes))?;
        let begun = self.started_since(lane, now.saturating_sub(limit.within_ms));
        let starts = self.starts.get(lane).filter(|_| begun >= limit.most)?;
        let oldest = starts.get(starts.len().saturating_sub(limit.most.max(1)))?;
        Some(oldest.saturating_add(limit.within_ms).saturating_add(1))
    }

    fn on_ended(&mut self, ended: &v1::DeliveryEnded, at: i64) -> Option<Change> {
        let id = Id::of(ended.delivery.as_ref())?;
        if let Some(open) = self.open.get(&id)
            && ended.outcome() == DeliveryOutcome::Retry
            && says_limit(&ended.detail)
        {
            rest(&mut self.resting, open, ended.not_before_ms);
        }
        if ended.outcome() == DeliveryOutcome::Retry {
            self.set_state(id, State::Waiting { not_before: ended.not_before_ms.max(at) });
        } else {
            self.remove(id);
        }
        Some(Change::Ended { id })
    }

    fn set_state(&mut self, id: Id, state: State) {
        self.unlist(id);
        let Some(open) = self.open.get_mut(&id) else { return };
        match &state {
            State::Waiting { not_before } => {
                self.waiting.entry(lane_of(&open.queued)).or_default().insert((*not_before, id));
            }
            State::Started { at, .. } => drop(self.started.insert((*at, id))),
        }
        open.state = state;
    }

    fn remove(&mut self, id: Id) {
        self.unlist(id);
        let Some(open) = self.open.remove(&id) else { return };
        if let Some(replies) = self.replies.get_mut(&open.queued.case) {
            replies.remove(&id);
            if replies.is_empty() {
                self.replies.remove(&open.queued.case);
            }
        }
    }

    /// Takes a delivery off the lists that its state put it on.
    fn unlist(&mut self, id: Id) {
        let Some(open) = self.open.get(&id) else { return };
        match &open.state {
            State::Started { at, .. } => drop(self.started.remove(&(*at, id))),
            State::Waiting { not_before } => {
                let lane = lane_of(&open.queued);
                if let Some(waiting) = self.waiting.get_mut(&lane) {
                    waiting.remove(&(*not_before, id));
                    if waiting.is_empty() {
                        self.waiting.remove(&lane);
                    }
                }
            }
        }
    }
}

/// How an outcome says that its account has reached a limit: what holds for one delivery holds for all of the lane.
const LIMITED: [&str; 2] = ["HTTP 429", "throttled"];

/// Whether an outcome says that its account has reached a limit.
pub(crate) fn says_limit(detail: &str) -> bool {
    LIMITED.iter().any(|said| detail.contains(said))
}

fn rest(resting: &mut HashMap<Lane, i64>, open: &Open, until: i64) {
    let known = resting.entry(lane_of(&open.queued)).or_default();
    *known = until.max(*known);
}

/// Starts that are remembered of a lane: the highest limit that can be set.
const STARTS_MAX: usize = 10_000;

impl Id {
    const FIRST: Self = Self { seq: 0, index: 0, part: 0 };
}

/// The lane of a delivery.
pub(crate) fn lane_of(queued: &v1::DeliveryQueued) -> Lane {
    match queued.kind() {
        DeliveryKind::Forward => format!("forward/{}", queued.account),
        DeliveryKind::Notification => format!("notification/{}", queued.target),
        _ => format!("{}/{}", queued.channel().as_str_name(), queued.account),
    }
}

/// What a commit says of a case up to the event that queued a delivery.
fn about(events: &[v1::Event], case: u64) -> About {
    let mut about = About::default();
    for event in events {
        match &event.body {
            Some(Body::CaseClassified(said)) if said.case == case => {
                about.reason.clone_from(&said.rule);
            }
            Some(Body::CaseEscalated(said)) if said.case == case => {
                about.reason = if said.cause.is_empty() { said.step.clone() } else { said.cause.clone() };
            }
            _ => {}
        }
    }
    about
}

#[cfg(test)]
mod tests;
