//! No small change to a correct log goes unnoticed, unless it is listed here as harmless with the reason. Every such
//! change is tried; none is left to chance.

use std::collections::BTreeMap;

use prost::Message as _;
use simpang_checker::{Journals, RawRecord, Report};
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{Commit, Event};

use crate::story::tale::tell;
use crate::story::{Entry, Story, check};

/// Checks damaged records with the tale's journals.
fn verdict(story: &Story, records: Vec<RawRecord>) -> Report {
    check(records, &story.journals, story.options())
}

/// One bit of every fifth byte of each record.
#[test]
fn flipped_bits_are_caught_except_in_what_the_last_commit_alone_says() {
    let story = tell().story;
    let sealed = story.seal();
    let last = sealed.len() - 1;
    let mut unnoticed = Vec::new();
    for record in 0..sealed.len() {
        for at in (record % 5..sealed[record].payload.len()).step_by(5) {
            let mut records = sealed.clone();
            let mut bytes = records[record].payload.to_vec();
            bytes[at] ^= 1;
            records[record].payload = bytes.into();
            if verdict(&story, records.clone()).holds
                && !(record == last && harmless_at_the_end(&records[last]))
            {
                unnoticed.push((record, at));
            }
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

/// No commit follows that vouches for the last one's bytes. What no other rule binds there may differ: the number of
/// the day that turned (the desk's zone is the policy's), the event's time within its bounds, and field numbers that
/// turn a value into an unknown field where its absence is allowed.
fn harmless_at_the_end(record: &RawRecord) -> bool {
    let commit = Commit::decode(record.payload.clone()).expect("what can't be decoded is caught");
    let turned = |e: &Event| matches!(e.body, Some(Body::DayTurned(_)));
    commit.number > 0 && commit.epoch == 2 && commit.events.iter().all(turned) && commit.events.len() <= 1
}

#[test]
fn every_lost_repeated_or_swapped_record_is_caught() {
    let story = tell().story;
    let sealed = story.seal();
    let mut unnoticed = Vec::new();
    for at in 0..sealed.len() {
        let mut lost = sealed.clone();
        lost.remove(at);
        let mut repeated = sealed.clone();
        repeated.insert(at, sealed[at].clone());
        let mut swapped = sealed.clone();
        swapped.swap(at, (at + 1) % sealed.len());
        for (what, records) in [("lost", lost), ("repeated", repeated), ("swapped", swapped)] {
            if verdict(&story, records).holds {
                unnoticed.push((at, what));
            }
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

/// A wrong router, whose digests are right: each event left out, said twice, and said before the one before it. What
/// the log alone cannot show to be wrong is counted in [`HARMLESS`]; that it is not what the core decides from these
/// inputs is shown by judging again (invariant 7, `simpang verify`), which these tests do without.
#[test]
fn every_event_left_out_repeated_or_moved_is_caught_or_harmless() {
    let story = tell().story;
    let mut unnoticed: BTreeMap<String, u32> = BTreeMap::new();
    for (entry, event) in places(&story) {
        for change in [Change::LeftOut, Change::SaidTwice, Change::SaidBefore] {
            let mut wrong = tell().story;
            if wrong_router(&mut wrong, entry, event, change) && wrong.check().holds {
                *unnoticed.entry(describe(&story, entry, event, change)).or_default() += 1;
            }
        }
    }
    let expected: BTreeMap<String, u32> =
        HARMLESS.iter().map(|(what, times, _)| ((*what).into(), *times)).collect();
    assert_eq!(unnoticed, expected);
}

/// Both belong to one input and its end is the same; the shapes set no order between the two.
const ORDER: &str = "order within one input";
/// It says what holds already.
const AGAIN: &str = "says what holds";
/// Whether and when it happens is the policy's matter, which the log's shapes do not tell.
const POLICY: &str = "the policy's matter";
/// The command that signed the agent in says the same.
const ASKED: &str = "the sign-in says it";
/// A case that is given back, or whose offer ended, goes back to its place in any case.
const RETURNS: &str = "goes back to its place";
/// A merge moves all messages of its case, said one by one or not.
const MERGED: &str = "moved by the merge";

/// What goes unnoticed in the tale, how often, and why it may. The numbers make a new hole show.
const HARMLESS: &[(&str, u32, &str)] = &[
    ("AgentAdmitted said before AgentChanged", 2, ORDER),
    ("AgentAdmitted said twice", 2, AGAIN),
    ("AgentChanged said twice", 2, AGAIN),
    ("AgentPresenceChanged left out", 2, ASKED),
    ("AgentPresenceChanged said before AgentSignedIn", 2, ASKED),
    ("AgentPresenceChanged said before OfferEnded", 1, ORDER),
    ("AgentPresenceChanged said twice", 5, AGAIN),
    ("AgentSignedIn said twice", 2, AGAIN),
    ("AgentSignedOut said twice", 1, AGAIN),
    ("CaseClosed said before CaseMerged", 1, ORDER),
    ("CaseEscalated left out", 1, POLICY),
    ("CaseEscalated said before SlaBreached", 1, ORDER),
    ("CaseEscalated said twice", 1, POLICY),
    ("CaseForgotten left out", 1, POLICY),
    ("CaseOffered said before CaseAssigned", 1, ORDER),
    ("CaseOffered said before CaseScheduled", 1, ORDER),
    ("CaseParked said twice", 1, AGAIN),
    ("CaseQueued left out", 4, RETURNS),
    ("CaseQueued said before AgentPresenceChanged", 1, ORDER),
    ("CaseQueued said before MessageJoined", 8, ORDER),
    ("CaseQueued said twice", 17, AGAIN),
    ("CaseReopened said before MessageJoined", 1, ORDER),
    ("CaseResumed left out", 1, POLICY),
    ("CaseResumed said before MessageJoined", 1, ORDER),
    ("CaseScheduled said before CaseUnassigned", 1, ORDER),
    ("CaseScheduled said twice", 1, AGAIN),
    ("CaseUnassigned said before AgentSignedOut", 1, ORDER),
    ("CaseUnassigned said before CaseQueued", 2, ORDER),
    ("CaseUnassigned said before CaseResolved", 1, ORDER),
    ("CaseWidened left out", 1, POLICY),
    ("DayTurned left out", 1, POLICY),
    ("DayTurned said twice", 1, AGAIN),
    ("DeliveryQueued said before CaseEscalated", 1, ORDER),
    ("FaultEnded left out", 1, POLICY),
    ("FaultEnded said before ReferenceLinked", 1, ORDER),
    ("FaultReported said twice", 1, AGAIN),
    ("HandoverFailed said twice", 1, AGAIN),
    ("MessageJoined left out", 1, MERGED),
    ("MessageJoined said before CaseClosed", 1, ORDER),
    ("NumbersSuppressed said twice", 1, AGAIN),
    ("PullWaiting said twice", 1, AGAIN),
    ("ReferenceLinked said twice", 2, AGAIN),
    ("SlaCancelled left out", 1, POLICY),
    ("SlaCancelled said before SlaMet", 1, ORDER),
    ("SlaMet said before CaseUnassigned", 1, ORDER),
    ("SlaMet said before DeliveryEnded", 1, ORDER),
    ("SlaPaused said before CaseParked", 1, ORDER),
    ("SlaResumed said before CaseResumed", 1, ORDER),
    ("SlaStarted said before CaseQueued", 2, ORDER),
    ("SlaStarted said before MessageJoined", 1, ORDER),
    ("SlaWarned left out", 1, POLICY),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    LeftOut,
    SaidTwice,
    SaidBefore,
}

fn describe(story: &Story, entry: usize, event: usize, change: Change) -> String {
    let kind = |at: usize| {
        let text =
            format!("{:?}", events(story, entry)[at].body.as_ref().expect("the tale's events are readable"));
        text.split('(').next().unwrap_or_default().to_owned()
    };
    match change {
        Change::LeftOut => format!("{} left out", kind(event)),
        Change::SaidTwice => format!("{} said twice", kind(event)),
        Change::SaidBefore => format!("{} said before {}", kind(event), kind(event - 1)),
    }
}

fn events(story: &Story, entry: usize) -> &[Event] {
    match &story.entries[entry] {
        Entry::Commit { commit, .. } => &commit.events,
        Entry::Inputs { .. } => &[],
    }
}

fn places(story: &Story) -> Vec<(usize, usize)> {
    let entries = 0..story.entries.len();
    entries.flat_map(|entry| (0..events(story, entry).len()).map(move |event| (entry, event))).collect()
}

/// Whether there is such a change.
fn wrong_router(story: &mut Story, entry: usize, event: usize, change: Change) -> bool {
    let Entry::Commit { commit, .. } = &mut story.entries[entry] else { return false };
    match change {
        Change::LeftOut => drop(commit.events.remove(event)),
        Change::SaidTwice => commit.events.insert(event, commit.events[event].clone()),
        Change::SaidBefore if event == 0 => return false,
        Change::SaidBefore => commit.events.swap(event - 1, event),
    }
    true
}

#[test]
fn a_log_of_other_bytes_stops_nothing() {
    let record = |seq: u64, subject: &str, bytes: Vec<u8>| RawRecord::new(seq, 0, subject, bytes);
    let subjects = ["simpang.demo.commit", "simpang.demo.in.ingest", "simpang.demo.", "simpang", ""];
    let records = (1..=200_u64).map(|seq| {
        let bytes = (0..seq).map(|n| (n.wrapping_mul(seq).wrapping_mul(0x9e37) >> 3) as u8).collect();
        record(seq, subjects[seq as usize % subjects.len()], bytes)
    });
    let report = check(records.collect(), &Journals::default(), simpang_checker::Options::default());
    assert!(!report.holds);
    assert_eq!(report.counts.records, 200);
}
