//! One run: a seed, a storm, the calm after it, and the judgement.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use simpang_log::{DeskName, Record, RecordKind};
use simpang_proto::log::v1::{Commit, InputRecord};
use tokio::runtime::Builder;
use tokio::time::sleep;

use crate::broker::{Broker, Shelf};
use crate::fault::{Fault, Faults};
use crate::judge;
use crate::nemesis::Nemesis;
use crate::people::agent::Agent;
use crate::people::customers::Ingest;
use crate::people::{self, Journal};
use crate::policy::{AGENTS, MAIN, OTHER};
use crate::processes::Processes;
use crate::world::World;

/// How runs go.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// At least so many inputs come, the routers' own clock inputs not counted.
    pub inputs: u64,
    /// Keep the lines of the trace.
    pub trace: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { inputs: 300, trace: false }
    }
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// What was found; empty: everything holds.
    pub violations: Vec<String>,
    /// SHA-256 over the trace: everything that anybody wrote, sent and was told, with its time.
    pub digest: String,
    /// How often each kind of fault happened.
    pub faults: Faults,
    /// Inputs on the logs, clock inputs not counted.
    pub inputs: u64,
    /// Cases opened on all desks.
    pub cases: u64,
    /// The trace, if it was asked for.
    pub trace: Vec<String>,
}

/// Runs one seed to its end. The same seed always goes the same way.
///
/// # Errors
/// When this machine can't give a runtime.
pub fn run(seed: u64, options: Options) -> std::io::Result<Outcome> {
    // One thread, no I/O, and a clock that jumps to the next timer whenever nothing is left to do.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    Ok(runtime.block_on(whole(seed, options)))
}

async fn whole(seed: u64, options: Options) -> Outcome {
    let world = Arc::new(World::new(seed, options.trace));
    let desks: Vec<DeskName> = [MAIN, OTHER].iter().filter_map(|desk| DeskName::new(desk).ok()).collect();
    let broker = Broker::new(&world, &desks);
    let processes = Processes::new(Arc::clone(&broker));
    let journal = Journal::default();
    people::bring_all(&processes).await;
    processes.start_all().await;
    storm(&processes, &journal, options.inputs).await;
    calm(&processes).await;
    let cases = judge::judge(&processes, &journal).await;
    let mut faults = world.faults();
    (0..processes.resumed()).for_each(|_| faults.count(Fault::Resumed));
    for shelf in broker.shelves.values() {
        let (repeats, taken) = shelf.with(|progress| (progress.repeats, progress.taken));
        let followed = shelf.with(|progress| progress.followed);
        (0..followed).for_each(|_| faults.count(Fault::Followed));
        (0..repeats).for_each(|_| faults.count(Fault::Repeat));
        (1..taken).for_each(|_| faults.count(Fault::TakenOver));
    }
    let inputs = broker.shelves.values().map(|shelf| shelf.with(|progress| progress.inputs)).sum();
    let (digest, mut trace, violations) = world.end();
    if options.trace {
        broker.shelves.values().for_each(|shelf| trace.extend(told(shelf)));
    }
    Outcome { seed, violations, digest, faults, inputs, cases, trace }
}

/// What stands on a desk's log, a line a record.
fn told(shelf: &Shelf) -> Vec<String> {
    let line = |record: &Record| match record.kind {
        RecordKind::Input(door) => {
            let read = InputRecord::decode(record.payload.clone()).unwrap_or_default();
            let inputs: Vec<_> = read.inputs.into_iter().filter_map(|input| input.body).collect();
            format!("{} {} {door:?}: {inputs:?}", shelf.desk, record.seq)
        }
        RecordKind::Commit => {
            let commit = Commit::decode(record.payload.clone()).unwrap_or_default();
            format!("{} {} {commit:?}", shelf.desk, record.seq)
        }
    };
    shelf.records().iter().map(line).collect()
}

/// Everybody works while things go wrong.
async fn storm(processes: &Arc<Processes>, journal: &Journal, inputs: u64) {
    let world = Arc::clone(&processes.broker.world);
    let ingest = Ingest::new(processes, journal);
    let customers = tokio::spawn(Arc::clone(&ingest).run());
    let changes = tokio::spawn(people::bring_changes(Arc::clone(processes)));
    let agents = AGENTS.iter().zip([1, 2].into_iter().cycle());
    let agents: Vec<_> = agents
        .map(|(name, gateway)| tokio::spawn(Agent::new(name, gateway, processes, journal).run()))
        .collect();
    if let Some(nemesis) = Nemesis::new(processes, inputs) {
        nemesis.run(inputs).await;
    }
    world.calm();
    heal(processes).await;
    for person in agents.into_iter().chain([customers, changes]) {
        if person.await.is_err() {
            world.violation("somebody who acts from outside broke off".into());
        }
    }
    while ingest.is_sending() {
        sleep(Duration::from_millis(20)).await;
    }
}

/// No fault lasts, and everything runs.
async fn heal(processes: &Arc<Processes>) {
    for shelf in processes.broker.shelves.values() {
        shelf.set_away(false);
        shelf.let_go();
    }
    processes.living().iter().for_each(|(_, _, link)| link.heal());
    processes.start_all().await;
}

/// Waits until everything that came is judged, sent and carried over; then nobody writes any more.
async fn calm(processes: &Arc<Processes>) {
    let broker = &processes.broker;
    let rests = || {
        let carried = broker.shelves.values().all(|from| {
            from.lost_its_tail()
                || from.with(|progress| progress.handed.clone()).into_iter().all(|place| {
                    broker.shelves.values().any(|to| to.with(|progress| progress.received.contains(&place)))
                })
        });
        carried && broker.shelves.values().all(|shelf| shelf.with(|progress| progress.is_at_rest()))
    };
    let mut quiet = 0;
    for _ in 0..6_000 {
        quiet = if rests() { quiet + 1 } else { 0 };
        if quiet >= 3 {
            broker.shelves.values().for_each(|shelf| shelf.close());
            return processes.kill_all();
        }
        sleep(Duration::from_millis(20)).await;
    }
    for shelf in broker.shelves.values() {
        let what = shelf.with(|progress| format!("{progress:?}"));
        let what: String = what.chars().take(200).collect();
        broker.world.violation(format!("{} does not come to rest: {what}", shelf.desk));
    }
    processes.kill_all();
}
