//! Demand: cases and agents meet by class, so that matching never scans either.
//!
//! A class is everything that decides who may take a case: queue, channel, skills and widening step. Its cases wait in
//! order of their keys; the agents who could take one now, and ask, are listed best first. There are as many classes
//! as the policy makes different demands, however many cases and agents there are.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::agents::AgentIx;
use super::map::Map;
use super::ordered::Ordered;
use super::small::Ix;
use crate::stored::{Damaged, Reader, Shape, Stored, Writer, stored};
use crate::words::{CaseId, Channel, Millis, Name};

/// A class's place in the list; classes are never removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassIx(Ix);

/// A case's place in its queue: key, then number.
pub type Place = (i64, CaseId);

/// An agent's rank in a class: most proficient, least loaded, longest idle, then place in the list of agents.
pub type Rank = (Reverse<u32>, u32, Millis, AgentIx);

/// Everything that decides who may take a case, and who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Queue.
    pub queue: Name,
    /// Channel.
    pub channel: Channel,
    /// Skills needed, sorted.
    pub skills: Vec<Name>,
    /// Widening step.
    pub step: u32,
    /// The queue's rank in the policy.
    pub rank: i32,
    /// Cases that wait.
    pub cases: Ordered<Place>,
    /// Agents who could take one now and ask.
    pub agents: BTreeSet<Rank>,
}

type ClassKey = (Name, Channel, Vec<Name>, u32);

/// All classes.
#[derive(Debug, Clone, Default)]
pub struct Demand {
    by_key: Map<ClassKey, ClassIx>,
    list: Vec<Class>,
    visited: Cell<u64>,
}

// How much work was done is no part of what is remembered.
impl PartialEq for Demand {
    fn eq(&self, other: &Self) -> bool {
        self.by_key == other.by_key && self.list == other.list
    }
}

impl Demand {
    /// The class of a demand, if there is one already.
    #[must_use]
    pub fn find(&self, queue: &Name, channel: Channel, skills: &[Name], step: u32) -> Option<ClassIx> {
        self.by_key.get(&(queue.clone(), channel, skills.to_vec(), step)).copied()
    }

    /// Makes the class of a demand.
    pub fn add(&mut self, class: Class) -> ClassIx {
        let ix = ClassIx(Ix::after(self.list.len()));
        let key = (class.queue.clone(), class.channel, class.skills.clone(), class.step);
        self.by_key.insert(key, ix);
        self.list.push(class);
        ix
    }

    /// A class.
    #[must_use]
    pub fn get(&self, ix: ClassIx) -> &Class {
        &self.list[ix.0.at()]
    }

    /// A class, to change.
    pub fn get_mut(&mut self, ix: ClassIx) -> &mut Class {
        &mut self.list[ix.0.at()]
    }

    /// All places.
    pub fn places(&self) -> impl Iterator<Item = ClassIx> + use<> {
        (0..self.list.len()).map(|others| ClassIx(Ix::after(others)))
    }

    /// The first case of a class.
    #[must_use]
    pub fn first(&self, ix: ClassIx) -> Option<Place> {
        self.visit(1);
        self.get(ix).cases.first().copied()
    }

    /// Counts nodes that a decision looked at.
    pub fn visit(&self, nodes: u64) {
        self.visited.set(self.visited.get() + nodes);
    }

    /// Nodes that decisions have looked at so far: the measure that matching does not grow with cases or agents.
    #[must_use]
    pub fn visited(&self) -> u64 {
        self.visited.get()
    }
}

stored!(tuple ClassIx(Ix));
stored!(struct Class { queue, channel, skills, step, rank, cases, agents });

// The index by demand follows from the list.
impl Stored for Demand {
    fn shape(shape: &mut Shape) {
        Vec::<Class>::shape(shape);
    }

    fn store(&self, to: &mut Writer<'_>) {
        self.list.store(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let mut all = Self::default();
        for class in Vec::load(from)? {
            all.add(class);
        }
        Ok(all)
    }
}
