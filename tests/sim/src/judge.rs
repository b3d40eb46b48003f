//! After a run: the independent checker, judging again, and the naive model, over what stands on the logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use simpang_checker::{Checker, Journals, Options, RawRecord, SentEntry, Terms};
use simpang_domain::rules::Rules as _;
use simpang_log::{Anchor, DeskLog, LogError, Tail};
use simpang_proto::log::v1::Channel;
use simpang_replay::fold::Fold;
use simpang_replay::verify::Verifier;

use crate::broker::Shelf;
use crate::link::Link;
use crate::model::Model;
use crate::people::Journal;
use crate::policy::CAPACITY;
use crate::port::Store;
use crate::processes::Processes;
use crate::world::World;

/// Judges all desks; gives the number of cases opened.
pub(crate) async fn judge(processes: &Processes, journal: &Journal) -> u64 {
    let mut cases = 0;
    for shelf in processes.broker.shelves.values() {
        let journals = journals(processes, journal, shelf);
        check(processes, shelf, &journals);
        judged_again(processes, shelf).await;
        cases += model(processes, shelf, &journals.sent);
    }
    cases
}

/// What people were told and what channels took; what was lost with a tail is excused, and only that. With the record
/// that an attempt began, the log loses that it was sent, and the delivery waits again: whoever claims it next can't
/// know, and the channel, asked for the same once more, takes it. The attempt of before is left out, and no other.
fn journals(processes: &Processes, journal: &Journal, shelf: &Shelf) -> Journals {
    let desk = shelf.desk.as_str();
    let is_lost = |entry: &SentEntry| {
        let key = entry.key.as_ref().and_then(|key| hex::decode(key).ok());
        key.is_some_and(|key| shelf.lost(&key))
    };
    let sent = journal.all().into_iter().filter(|entry| entry.desk == desk && !is_lost(entry));
    let taken = processes.mailbox.all().into_iter().filter(|taken| {
        let id = taken.entry.delivery;
        let begun = ((id.seq, id.index, id.part), taken.entry.attempt, taken.by.clone());
        let stands = shelf.with(|progress| progress.started.contains(&begun));
        taken.entry.desk == desk && (stands || !shelf.lost_its_tail())
    });
    Journals {
        sent: sent.collect(),
        received: Some(taken.map(|taken| taken.entry).collect()),
        // A tail that is lost may take a report with it, after which the same place is used again.
        received_channels: if shelf.lost_its_tail() { Vec::new() } else { vec!["email".into()] },
    }
}

fn check(processes: &Processes, shelf: &Shelf, journals: &Journals) {
    let options = Options {
        quiescent: true,
        terms: Terms { default_capacity: BTreeMap::from([(Channel::Email, CAPACITY)]), ..Terms::default() },
        ..Options::default()
    };
    let mut checker = Checker::with(shelf.desk.as_str(), options);
    for record in shelf.records() {
        let subject = record.kind.subject(&shelf.desk);
        checker.feed(RawRecord::new(record.seq, record.at_ms, subject, record.payload));
    }
    let report = checker.finish(journals);
    for violation in &report.violations {
        processes.broker.world.violation(format!("checker: {}: {violation}", shelf.desk));
    }
}

/// The chain holds, judging every input again gives the same events, and folding them the same desk.
async fn judged_again(processes: &Processes, shelf: &Shelf) {
    let world = &processes.broker.world;
    let link = Arc::new(Link::steady(world, "judge".into()));
    let store = Store { broker: Arc::clone(&processes.broker), link };
    let Some(log) = store.desk(&shelf.desk) else { return };
    let log = log as Arc<dyn DeskLog>;
    if let Err(error) = read_again(world, shelf, Arc::clone(&log)).await {
        world.violation(format!("read again: {error}"));
    }
    resumed(world, shelf, &log).await;
}

/// A gateway and a deliverer that go on from a snapshot know what they know that read everything.
async fn resumed(world: &World, shelf: &Shelf, log: &Arc<dyn DeskLog>) {
    let until = shelf.length().len;
    let cut = world.below(until);
    let gateway = simpang_gateway::both_ways(log, until, cut).await;
    let deliver = simpang_deliver::both_ways(log, until, cut).await;
    for (role, both) in [("gateway", gateway), ("deliverer", deliver)] {
        match both {
            Ok((whole, resumed, _)) if whole == resumed => {}
            Ok((.., at)) => world.violation(format!(
                "{}: a {role} that goes on from a snapshot as of {at} knows something else than one that read all of it",
                shelf.desk
            )),
            Err(problem) => {
                world.violation(format!("{}: a {role} can't go on from a snapshot: {problem}", shelf.desk));
            }
        }
    }
}

async fn read_again(world: &World, shelf: &Shelf, log: Arc<dyn DeskLog>) -> Result<(), LogError> {
    let (mut fold, mut verifier) = (Fold::new(&shelf.desk), Verifier::new(&shelf.desk));
    let mut tail = Tail::start(log, Anchor::Start);
    while let Some(entry) = tail.read_until(shelf.length().len).await? {
        fold.follow(&entry)?;
        verifier.take(&entry)?;
    }
    let judged = &verifier.fold().desk;
    let same = fold.desk.state() == judged.state() && fold.desk.rules().tables() == judged.rules().tables();
    if !same {
        world.violation(format!("judged again: {}: folding gives another desk than judging", shelf.desk));
    }
    for difference in verifier.finish().differences {
        world.violation(format!("judged again: {}: {difference}", shelf.desk));
    }
    Ok(())
}

fn model(processes: &Processes, shelf: &Shelf, sent: &[SentEntry]) -> u64 {
    let world = &processes.broker.world;
    let mut model = Model::default();
    for wrong in model.read(&shelf.records()).into_iter().take(10) {
        world.violation(format!("{}: {wrong}", shelf.desk));
    }
    for entry in sent {
        let key = entry.key.as_ref().and_then(|key| hex::decode(key).ok()).unwrap_or_default();
        if !model.knows(&key) {
            let (door, key) = (&entry.door, hex::encode(&key));
            world.violation(format!(
                "{}: {door} was told that {key} is accepted, and it is not judged",
                shelf.desk
            ));
        }
    }
    model.opened
}
