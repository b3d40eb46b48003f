//! Invariants 3 and 4.

use simpang_checker::{Code, SharedCapacity};
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::*;

use super::Break;
use crate::story::Entry;
use crate::story::tale::Tale;
use crate::story::words::*;

fn record<'a>(t: &'a mut Tale, agent: &str) -> &'a mut AgentRecord {
    let records = t.story.entries.iter_mut().filter_map(|entry| match entry {
        Entry::Inputs { record, .. } => Some(&mut record.inputs),
        Entry::Commit { .. } => None,
    });
    let bodies = records.flatten().filter_map(|input| input.body.as_mut());
    let mut agents = bodies.filter_map(|body| match body {
        input::Body::Agent(record) => Some(record),
        _ => None,
    });
    agents.find(|record| record.agent == agent).expect("the tale has this agent")
}

/// Gives an agent's words on their presence a limit of their own.
fn limit(t: &mut Tale, agent: &str, limit: &SessionLimit) {
    for command in inputs(t) {
        if let input::Body::Command(command) = command
            && command.principal == agent
            && let Some(command::Body::SetPresence(says)) = &mut command.body
        {
            says.limit = Some(limit.clone());
        }
    }
}

/// Limits what the cases of an agent weigh together; a mail weighs so much.
fn share(t: &mut Tale, total: u32, mail: u32) {
    let weights = [(Channel::Email, mail)].into();
    t.story.shared_capacity = Some(SharedCapacity { total, weights });
}

/// Puts a number on the do-not-call list in place of the one that the tale puts there.
fn suppress(t: &mut Tale, number: u8) {
    for body in inputs(t) {
        if let input::Body::Suppression(suppression) = body {
            suppression.numbers = vec![vec![number; 16].into()];
        }
    }
}

fn inputs(t: &mut Tale) -> impl Iterator<Item = &mut input::Body> {
    let records = t.story.entries.iter_mut().filter_map(|entry| match entry {
        Entry::Inputs { record, .. } => Some(&mut record.inputs),
        Entry::Commit { .. } => None,
    });
    records.flatten().filter_map(|input| input.body.as_mut())
}

pub const ALL: &[Break] = &[
    (Code::SuppressedGiven, "a contact's second number is on the do-not-call list", |t| suppress(t, 2)),
    (Code::TwoAssignees, "a case goes to another while one has it", |t| {
        remove!(t.story, CaseUnassigned(e) if e.case == 5);
    }),
    (Code::TwoAssignees, "a case is assigned twice", |t| {
        after!(t.story, CaseAssigned(e) if e.case == 3 => assigned(3, "ani", AssignedBy::TakeOver));
    }),
    (Code::TwoAssignees, "a case is taken over while it is offered to another", |t| {
        after!(t.story, CaseOffered(e) if e.case == 6 => assigned(6, "ani", AssignedBy::TakeOver));
    }),
    (Code::TwoOffers, "a case is offered twice", |t| {
        let key_ms = t.story.find_key(5);
        after!(t.story, CaseOffered(e) if e.case == 5 => offered(5, "ani", key_ms));
    }),
    (
        Code::NotWaiting,
        "a case is offered that is in no queue",
        |t| remove!(t.story, CaseQueued(e) if e.case == 5),
    ),
    (
        Code::NotWaiting,
        "a case is pulled that is in no queue",
        |t| remove!(t.story, CaseQueued(e) if e.case == 1),
    ),
    (Code::QueuedWhileAssigned, "a case waits while an agent has it", |t| {
        remove!(t.story, CaseUnassigned(e) if e.case == 2);
    }),
    (
        Code::QueuedWhileAssigned,
        "a case waits while it is offered",
        |t| remove!(t.story, OfferEnded(e) if e.case == 5),
    ),
    (Code::OverCapacity, "an agent's record names less than they hold", |t| {
        let record = record(t, "ani");
        record.capacities[0].limit = 1;
    }),
    (Code::OverCapacity, "an agent is offered and takes more than they set themselves", |t| {
        limit(t, "budi", &SessionLimit { total: Some(0), channels: Vec::new() });
    }),
    (Code::OverCapacity, "an agent takes more of a channel than they set themselves", |t| {
        let none = Capacity { channel: Channel::Email as i32, limit: 0 };
        limit(t, "budi", &SessionLimit { total: None, channels: vec![none] });
    }),
    (Code::OverCapacity, "an agent is offered more than their record allows", |t| {
        let key_ms = t.story.find_key(6);
        after!(t.story, CaseQueued(e) if e.case == 6 => offered(6, "budi", key_ms));
    }),
    (Code::OverCapacity, "what an agent holds weighs more than all channels share", |t| {
        share(t, 4, 2);
    }),
    (Code::OverCapacity, "what an agent is offered weighs more than all channels share", |t| {
        share(t, 1, 2);
    }),
    (Code::OfferAmiss, "a case is offered that comes by pull only", |t| {
        t.story.pull_queues.insert("mail".into());
    }),
    (Code::PullAmiss, "a case is pulled that comes by offer only", |t| {
        t.story.offer_queues.insert("mail".into());
    }),
    (Code::LeftIdle, "a queue that offers its cases leaves one waiting while an agent is ready", |t| {
        t.story.offer_queues.insert("mail".into());
    }),
    (Code::AgentAbsent, "an agent pulls who has not signed in", |t| {
        remove!(t.story, AgentSignedIn(e) if e.agent == "budi");
    }),
    (Code::AgentAbsent, "an agent is offered a case who has left", |t| {
        before!(t.story, CaseOffered(e) if e.case == 5 => signed_out("budi"));
    }),
    (Code::AgentNotReady, "an agent pulls who is not ready", |t| {
        edit!(t.story, AgentPresenceChanged(e) if e.agent == "budi" => e.presence = Presence::NotReady as i32);
    }),
    (Code::AgentNotReady, "an agent pulls who is finishing", |t| {
        edit!(t.story, AgentPresenceChanged(e) if e.agent == "ani" => e.presence = Presence::AfterWork as i32);
    }),
    (Code::AgentNotAdmitted, "an agent gets a case of a queue they do not serve", |t| {
        edit!(t.story, AgentAdmitted(e) if e.agent == "budi" => e.admissions[0].queue = "other".into());
    }),
    (Code::AgentNotAdmitted, "an agent gets a case before their step", |t| {
        edit!(t.story, AgentAdmitted(e) if e.agent == "budi" => e.admissions[0].step = 1);
    }),
    (Code::AgentLacksSkill, "an agent gets a case without its skill", |t| {
        record(t, "ani").skills.clear();
    }),
    (Code::UnassignedAmiss, "a case is taken from another than its agent", |t| {
        edit!(t.story, CaseUnassigned(e) if e.case == 5 => e.agent = "ani".into());
    }),
    (Code::UnassignedAmiss, "a case is resolved without a word on its agent", |t| {
        remove!(t.story, CaseUnassigned(e) if e.case == 1);
    }),
    (Code::UnassignedAmiss, "cases go back for an agent who did not leave", |t| {
        remove!(t.story, AgentSignedOut(e) if e.agent == "ani");
    }),
    (Code::OfferAmiss, "an offer ends that was not made", |t| {
        edit!(t.story, OfferEnded(e) if e.case == 5 => e.agent = "ani".into());
    }),
    (
        Code::OfferAmiss,
        "an offer is accepted that was not made",
        |t| remove!(t.story, CaseOffered(e) if e.case == 6),
    ),
    (Code::AbsentHolds, "an agent leaves and keeps a case", |t| {
        remove!(t.story, CaseUnassigned(e) if e.case == 5 && e.agent == "ani");
    }),
    (Code::OrderBroken, "a case is pulled while an earlier one waits", |t| {
        edit!(t.story, CaseQueued(e) if e.case == 2 => e.skills.clear());
        edit!(t.story, CaseQueued(e) if e.case == 2 => e.key_ms -= 1);
    }),
    (Code::OrderBroken, "a case is offered while an earlier one waits", |t| {
        edit!(t.story, CaseOffered(e) if e.case == 3 => e.case = 5);
    }),
    (Code::LeftIdle, "a pull waits while a case waits", |t| {
        remove!(t.story, CaseAssigned(e) if e.case == 3);
        remove!(t.story, PullEnded(e) if e.agent == "ani");
    }),
    (
        Code::LeftIdle,
        "an agent in auto mode is passed over",
        |t| remove!(t.story, CaseOffered(e) if e.case == 5),
    ),
    (Code::LeftIdle, "an agent comes free and gets nothing", |t| {
        let (commit, at) = t.story.find(&|b| matches!(b, Body::CaseScheduled(_)));
        commit.events.remove(at + 1);
    }),
    (Code::PullAmiss, "a pull gets more than it asks for", |t| {
        let pull = t.pull;
        match &mut t.story.input_mut(pull).body {
            Some(input::Body::Command(Command { body: Some(command::Body::Pull(p)), .. })) => p.count = 0,
            _ => panic!("it is a pull"),
        }
    }),
    (Code::PullAmiss, "a pull gets a case of a queue it did not name", |t| {
        edit!(t.story, PullWaiting(e) if e.agent == "ani" => e.queues = vec!["first".into()]);
    }),
    (Code::PullAmiss, "a waiting pull gets more than it still asks for", |t| {
        edit!(t.story, PullWaiting(e) if e.agent == "ani" => e.count = 0);
    }),
    (
        Code::PullAmiss,
        "a pulled case names no pull",
        |t| edit!(t.story, CaseAssigned(e) if e.case == 1 => e.pull = None),
    ),
    (
        Code::PullEndAmiss,
        "a filled pull does not end",
        |t| remove!(t.story, PullEnded(e) if e.agent == "ani"),
    ),
    (Code::PullEndAmiss, "a pull ends twice", |t| {
        let again = PullEnded { agent: "ani".into(), pull: Some(t.pull), reason: PullEnd::Expired as i32 };
        after!(t.story, PullEnded(e) if e.agent == "ani" => Body::PullEnded(again));
    }),
    (Code::ExplanationAmiss, "an explanation names another key", |t| {
        edit!(t.story, CaseAssigned(e) if e.case == 1 => e.explanation.as_mut().unwrap().key_ms += 1);
    }),
    (Code::ExplanationAmiss, "an offer is not explained", |t| {
        edit!(t.story, CaseOffered(e) if e.case == 5 => e.explanation = None);
    }),
];
