//! Agents: their records, sessions, what they hold and whether they ask for work.

use super::demand::{ClassIx, Rank};
use super::map::Map;
use super::small::Ix;
use crate::input::AgentRecord;
use crate::rules::{QueueRule, SharedCapacity};
use crate::stored::stored;
use crate::words::{AgentId, CaseId, Channel, InputId, Millis, Name, Presence, QueueMode, SessionLimit};

/// An agent's place in the list; places are never given to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentIx(Ix);

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: Name,
    /// The gateway that holds it.
    pub gateway: Name,
}

/// A pull that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// The input that asked.
    pub id: InputId,
    /// How many are still asked for.
    pub count: u32,
    /// Until when.
    pub expires: Millis,
    /// Only from these; empty: all.
    pub queues: Vec<Name>,
}

/// Where an agent stands when somebody asks why they got nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// Not signed in.
    #[default]
    Out,
    /// Signed in, not ready.
    NotReady,
    /// Ready, holding as many as they may on every channel.
    AtCapacity,
    /// Ready, but not asking.
    NotAsking,
    /// Waiting for work.
    Asking,
}

/// An agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Their record.
    pub record: AgentRecord,
    /// Their session.
    pub session: Option<Session>,
    /// Whether they take cases.
    pub presence: Presence,
    /// Are offered cases without asking.
    pub auto: bool,
    /// What they take at once by their own word.
    pub limit: SessionLimit,
    /// When their time to wrap up ends.
    pub until: Option<Millis>,
    /// Their waiting pull.
    pub pull: Option<Pull>,
    /// Queues they may serve, with the step from which on, sorted by queue.
    pub admissions: Vec<(Name, u32)>,
    /// Cases that take their capacity, in no order that matters, sorted.
    pub working: Vec<CaseId>,
    /// Parked cases, sorted.
    pub parked: Vec<CaseId>,
    /// Cases that take capacity, by channel number.
    pub load: [u32; 6],
    /// Since when they last got nothing.
    pub idle_since: Millis,
    /// Demand they may serve, sorted.
    pub classes: Vec<ClassIx>,
    /// The classes in whose list of waiting agents they stand, and as what.
    pub listed: Vec<(ClassIx, Rank)>,
    /// Where they stand.
    pub standing: Standing,
}

impl Agent {
    /// A new agent with this record.
    #[must_use]
    pub fn new(record: AgentRecord) -> Self {
        Self {
            record,
            session: None,
            presence: Presence::NotReady,
            auto: false,
            limit: SessionLimit::default(),
            until: None,
            pull: None,
            admissions: Vec::new(),
            working: Vec::new(),
            parked: Vec::new(),
            load: [0; 6],
            idle_since: 0,
            classes: Vec::new(),
            listed: Vec::new(),
            standing: Standing::Out,
        }
    }

    /// Cases that take capacity, over all channels.
    #[must_use]
    pub fn total_load(&self) -> u32 {
        self.load.iter().sum()
    }

    /// Cases of a channel that take capacity.
    #[must_use]
    pub fn load_on(&self, channel: Channel) -> u32 {
        self.load[channel as usize]
    }

    /// What their cases weigh together.
    #[must_use]
    pub fn weight(&self, shared: &SharedCapacity) -> u64 {
        let of = |channel: &Channel| u64::from(self.load_on(*channel)) * u64::from(shared.weight(*channel));
        Channel::ALL.iter().map(of).sum()
    }

    /// Whether they are to get the next case of a queue that they may serve: they pull, or the queue offers its cases
    /// to them.
    #[must_use]
    pub fn asks_for(&self, queue: &QueueRule) -> bool {
        self.is_ready() && (self.pulls(queue) || self.is_offered(queue))
    }

    /// Whether their waiting pull brings cases of a queue.
    #[must_use]
    pub fn pulls(&self, queue: &QueueRule) -> bool {
        let wants = |pull: &Pull| pull.queues.is_empty() || pull.queues.contains(&queue.name);
        queue.mode != QueueMode::Offer && self.pull.as_ref().is_some_and(wants)
    }

    /// Whether a queue offers them its cases without their asking.
    #[must_use]
    pub fn is_offered(&self, queue: &QueueRule) -> bool {
        match queue.mode {
            QueueMode::Both => self.auto,
            QueueMode::Pull => false,
            QueueMode::Offer => true,
        }
    }

    /// Signed in and ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.session.is_some() && self.presence == Presence::Ready
    }

    /// From which step on they may serve a queue.
    #[must_use]
    pub fn admitted(&self, queue: &str) -> Option<u32> {
        let found = self.admissions.binary_search_by(|(name, _)| (**name).cmp(queue)).ok()?;
        Some(self.admissions[found].1)
    }
}

/// All agents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Agents {
    by_id: Map<AgentId, AgentIx>,
    list: Vec<Agent>,
    /// How many stand where: not ready, at capacity, not asking, asking.
    counts: [u32; 4],
}

impl Agents {
    /// By id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<AgentIx> {
        self.by_id.get(id).copied()
    }

    /// By place.
    #[must_use]
    pub fn get(&self, ix: AgentIx) -> &Agent {
        &self.list[ix.0.at()]
    }

    /// By place, to change.
    pub fn get_mut(&mut self, ix: AgentIx) -> &mut Agent {
        &mut self.list[ix.0.at()]
    }

    /// The id at a place.
    #[must_use]
    pub fn id(&self, ix: AgentIx) -> AgentId {
        self.get(ix).record.agent.clone()
    }

    /// Takes a record, new or changed; gives its place.
    pub fn upsert(&mut self, record: AgentRecord) -> AgentIx {
        if let Some(ix) = self.find(&record.agent) {
            self.get_mut(ix).record = record;
            return ix;
        }
        let ix = AgentIx(Ix::after(self.list.len()));
        self.by_id.insert(record.agent.clone(), ix);
        self.list.push(Agent::new(record));
        ix
    }

    /// All places, in order of first appearance.
    pub fn places(&self) -> impl Iterator<Item = AgentIx> + use<> {
        (0..self.list.len()).map(|others| AgentIx(Ix::after(others)))
    }

    /// How many besides this one stand so.
    #[must_use]
    pub fn others(&self, standing: Standing, but: Option<AgentIx>) -> u32 {
        let itself = but.is_some_and(|ix| self.get(ix).standing == standing);
        self.count(standing) - u32::from(itself && slot(standing).is_some())
    }

    /// How many stand so.
    #[must_use]
    pub fn count(&self, standing: Standing) -> u32 {
        slot(standing).map_or(0, |s| self.counts[s])
    }

    /// Notes where an agent stands.
    pub fn stand(&mut self, ix: AgentIx, standing: Standing) {
        let agent = &mut self.list[ix.0.at()];
        let before = std::mem::replace(&mut agent.standing, standing);
        if let Some(s) = slot(before) {
            self.counts[s] -= 1;
        }
        if let Some(s) = slot(standing) {
            self.counts[s] += 1;
        }
    }
}

fn slot(standing: Standing) -> Option<usize> {
    match standing {
        Standing::Out => None,
        Standing::NotReady => Some(0),
        Standing::AtCapacity => Some(1),
        Standing::NotAsking => Some(2),
        Standing::Asking => Some(3),
    }
}

stored!(tuple AgentIx(Ix));
stored!(struct Session { id, gateway });
stored!(struct Pull { id, count, expires, queues });
stored!(enum Standing { 0 = Out, 1 = NotReady, 2 = AtCapacity, 3 = NotAsking, 4 = Asking });
stored!(struct Agent {
    record, session, presence, auto, limit, until, pull, admissions, working, parked, load, idle_since, classes, listed, standing,
});
stored!(struct Agents { by_id, list, counts });
