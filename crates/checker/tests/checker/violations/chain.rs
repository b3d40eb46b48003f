//! Invariant 8.

use prost::Message as _;
use simpang_checker::Code;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::*;

use super::Break;
use crate::story::Entry;

pub const ALL: &[Break] = &[
    (Code::SequenceGap, "a record is missing", |t| {
        t.story.damage(|records| {
            records.remove(10);
        });
    }),
    (Code::SequenceBack, "a record comes twice", |t| {
        t.story.damage(|records| records.insert(10, records[10].clone()));
    }),
    (Code::SubjectUnknown, "a record of another desk", |t| {
        t.story.damage(|records| records[10].subject = "simpang.demo2.commit".into());
    }),
    (Code::SubjectUnknown, "a door that there is not", |t| {
        t.story.damage(|records| records[3].subject = "simpang.demo.in.cellar".into());
    }),
    (Code::SchemaUnknown, "a newer commit", |t| t.story.commits().last().unwrap().schema = 2),
    (Code::SchemaUnknown, "a commit of no layout", |t| t.story.commits().last().unwrap().schema = 0),
    (Code::SchemaUnknown, "a newer input record", |t| match &mut t.story.entries[1] {
        Entry::Inputs { record, .. } => record.schema = 2,
        Entry::Commit { .. } => panic!("the second record is an input"),
    }),
    (Code::CommitUnreadable, "a commit of other bytes", |t| {
        t.story.damage(|records| records.last_mut().unwrap().payload = vec![0xff; 9].into());
    }),
    (Code::CommitNumber, "a number is left out", |t| t.story.forge(3, |commit| commit.number += 1)),
    (Code::PreviousSeq, "another sequence", |t| t.story.forge(3, |commit| commit.previous_seq -= 1)),
    (Code::PreviousDigest, "the first commit has one before", |t| {
        t.story.forge(0, |commit| commit.previous_digest = vec![1; 32].into());
    }),
    (Code::PreviousDigest, "a commit was edited", |t| t.story.forge(3, |commit| commit.events.clear())),
    (Code::InputsDigest, "an input was edited", |t| {
        t.story.damage(|records| records[1].payload = InputRecord::default().encode_to_vec().into());
    }),
    (Code::InputsDigest, "an input's subject was edited", |t| {
        t.story.damage(|records| records[1].subject = "simpang.demo.in.ingest".into());
    }),
    (Code::EpochAmiss, "an epoch goes back", |t| t.story.commits().last().unwrap().epoch = 1),
    (Code::EpochAmiss, "an epoch is left out", |t| t.story.commits().last().unwrap().epoch = 4),
    (
        Code::TakeOverAmiss,
        "an epoch begins without a take-over",
        |t| remove!(t.story, DeskTaken(e) if e.epoch == 2),
    ),
    (Code::TakeOverAmiss, "a take-over of another epoch", |t| {
        edit!(t.story, DeskTaken(e) if e.epoch == 2 => e.epoch = 3);
    }),
    (Code::TakeOverAmiss, "a take-over within an epoch", |t| {
        let taken = t.story.commits().next().unwrap().events[0].clone();
        let last = t.story.commits().last().unwrap();
        let at_ms = last.events[0].at_ms;
        last.events.insert(0, Event { at_ms, ..taken });
    }),
    (Code::WriterChanged, "another writes in the epoch", |t| {
        t.story.commits().last().unwrap().writer = "router@c/1".into();
    }),
    (Code::PolicyVersion, "a commit judges by another policy", |t| {
        t.story.commits().last().unwrap().policy_version = 1;
    }),
    (Code::PolicyVersion, "a policy is applied that is not newer", |t| {
        edit!(t.story, PolicyApplied(e) if e.version == 2 => e.version = 1);
    }),
    (Code::PolicyGroup, "a commit goes on after a policy", |t| {
        let last = t.last;
        let (commit, _) = t.story.find(&|b| matches!(b, Body::PolicyApplied(p) if p.version == 2));
        commit.decided_through = Some(Position { seq: last.seq, index: 0, step: 0 });
    }),
    (Code::PolicyDigest, "another digest", |t| {
        edit!(t.story, PolicyApplied(e) if e.version == 2 => e.digest = vec![0; 32].into());
    }),
];
