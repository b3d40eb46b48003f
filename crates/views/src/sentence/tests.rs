//! One row an event kind; a kind without a row fails.

use std::collections::BTreeSet;

use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body;

use super::sentence;
use crate::kind;

fn name(text: &str) -> String {
    text.to_owned()
}

fn explanation() -> log::Explanation {
    let candidate = |agent: &str| log::Candidate { agent: agent.into(), ..Default::default() };
    log::Explanation {
        queue: name("social"),
        candidates: vec![candidate("siti"), candidate("adi")],
        other_candidates: 3,
        at_capacity: 2,
        sticky: true,
        ..Default::default()
    }
}

fn people() -> Vec<(Body, &'static str)> {
    let agent = || name("siti");
    vec![
        (
            Body::DeskTaken(log::DeskTaken { writer: name("router@a/1"), epoch: 2, core_version: name("1") }),
            "router@a/1 took the desk over (epoch 2, core 1).",
        ),
        (
            Body::PolicyApplied(log::PolicyApplied {
                version: 4,
                cites: name("SOP 000"),
                ..Default::default()
            }),
            "Policy 4 is in force, following SOP 000.",
        ),
        (
            Body::PolicyRefused(log::PolicyRefused {
                version: 5,
                errors: vec![name("a.toml:1:2: no such queue")],
            }),
            "Policy 5 was refused, with 1 errors: a.toml:1:2: no such queue.",
        ),
        (
            Body::InputDuplicated(log::InputDuplicated {
                of: Some(log::InputId { seq: 3, index: 1 }),
                case: 9,
                was_rejected: true,
            }),
            "An input repeats the one at 3.1 (case 9), which was refused.",
        ),
        (
            Body::InputRefused(log::InputRefused { reason: name("it says nothing") }),
            "An input was set aside: it says nothing.",
        ),
        (
            Body::CommandRejected(log::CommandRejected {
                principal: agent(),
                case: 9,
                rejection: log::Rejection::NotAssignee as i32,
                detail: name("take the case over first."),
            }),
            "A command of siti on case 9 was refused (not assignee): take the case over first.",
        ),
        (Body::AgentChanged(log::AgentChanged { agent: agent() }), "The record of agent siti changed."),
        (Body::AgentSignedIn(log::AgentSignedIn { agent: agent(), ..Default::default() }), "siti signed in."),
        (
            Body::AgentSignedOut(log::AgentSignedOut {
                agent: agent(),
                reason: log::SignOutReason::Silent as i32,
                ..Default::default()
            }),
            "siti signed out: their gateway fell silent.",
        ),
        (
            Body::AgentPresenceChanged(log::AgentPresenceChanged {
                agent: agent(),
                presence: log::Presence::NotReady as i32,
                reason: name("lunch"),
                auto: false,
                limit: None,
                until_ms: 0,
            }),
            "siti is not ready: lunch.",
        ),
        (
            Body::AgentPresenceChanged(log::AgentPresenceChanged {
                agent: agent(),
                presence: log::Presence::Ready as i32,
                limit: Some(log::SessionLimit {
                    total: Some(3),
                    channels: vec![log::Capacity { channel: log::Channel::Email as i32, limit: 1 }],
                }),
                ..Default::default()
            }),
            "siti is ready, and takes at most 3 in all, 1 of email.",
        ),
        (
            Body::PullWaiting(log::PullWaiting { agent: agent(), count: 2, ..Default::default() }),
            "siti waits for 2 more cases.",
        ),
        (
            Body::PullEnded(log::PullEnded {
                agent: agent(),
                reason: log::PullEnd::Filled as i32,
                ..Default::default()
            }),
            "siti no longer waits for cases: all were given.",
        ),
        (
            Body::AgentAdmitted(log::AgentAdmitted {
                agent: agent(),
                admissions: vec![
                    log::Admission { queue: name("a"), step: 0 },
                    log::Admission { queue: name("b"), step: 2 },
                ],
            }),
            "siti may serve a, b (from step 2).",
        ),
        (Body::DayTurned(log::DayTurned { day: 20_000 }), "A new day began at the desk."),
    ]
}

fn beginnings() -> Vec<(Body, &'static str)> {
    vec![
        (
            Body::CaseOpened(log::CaseOpened {
                case: 9,
                channel: log::Channel::Email as i32,
                account: name("help@telkom"),
                follows: 4,
                ..Default::default()
            }),
            "Case 9 was opened by email to help@telkom, following closed case 4.",
        ),
        (
            Body::MessageJoined(log::MessageJoined {
                case: 9,
                by: log::JoinedBy::Thread as i32,
                ..Default::default()
            }),
            "A message joined case 9 by its thread.",
        ),
        (
            Body::MessageEdited(log::MessageEdited { case: 9, message: None, part: 0 }),
            "A message on case 9 was edited.",
        ),
        (
            Body::MessageRemoved(log::MessageRemoved { case: 9, message: None, part: 0 }),
            "A message on case 9 was withdrawn by its author.",
        ),
        (
            Body::MessageReread(log::MessageReread { case: 9, message: None, part: 0 }),
            "A message on case 9 was read again and corrected.",
        ),
        (
            Body::CaseIdentified(log::CaseIdentified {
                case: 9,
                customer: name("C-1"),
                segment: name("DES"),
                agent: String::new(),
            }),
            "The customer of case 9 is C-1 of the directory, segment DES, says the directory.",
        ),
        (
            Body::CaseCategorised(log::CaseCategorised {
                case: 9,
                category: vec![name("Komplain"), name("Internet")],
                agent: name("siti"),
            }),
            "siti put case 9 under Komplain > Internet.",
        ),
        (
            Body::CaseClassified(log::CaseClassified {
                case: 9,
                rule: name("dcs"),
                priority: name("normal"),
                queue: name("email"),
                actions: vec![name("educate:dcs")],
                ..Default::default()
            }),
            "Rule dcs classified case 9: segment unknown, priority normal, queue email; educate:dcs.",
        ),
        (
            Body::CaseSplit(log::CaseSplit { case: 9, into: 10, messages: vec![log::InputId::default()] }),
            "1 of case 9's messages left for case 10.",
        ),
        (Body::CaseMerged(log::CaseMerged { case: 9, into: 10 }), "Case 9 was merged into case 10."),
        (Body::NoteAdded(log::NoteAdded { case: 9, agent: name("siti") }), "siti wrote a note on case 9."),
        (
            Body::ReferenceLinked(log::ReferenceLinked {
                case: 9,
                system: name("nossa"),
                number: name("IN1"),
                status: name("OPEN"),
            }),
            "Case 9 is ticket IN1 in nossa, status OPEN.",
        ),
        (
            Body::FaultReported(log::FaultReported {
                case: 9,
                agent: name("siti"),
                system: name("mycx"),
                ..Default::default()
            }),
            "siti reported a fault on case 9, whose ticket is opened in mycx.",
        ),
        (
            Body::FaultReported(log::FaultReported {
                case: 9,
                agent: name("siti"),
                repeats: 4,
                ..Default::default()
            }),
            "siti reported a fault on case 9, which is open on case 4 already.",
        ),
        (
            Body::FaultEnded(log::FaultEnded {
                case: 9,
                reason: log::FaultEnd::Ticket as i32,
                ..Default::default()
            }),
            "A fault report on case 9 is no longer open: its ticket says so.",
        ),
        (
            Body::PriorityChanged(log::PriorityChanged {
                case: 9,
                priority: name("vvip"),
                agent: String::new(),
            }),
            "An SLA clock set the priority of case 9 to vvip.",
        ),
    ]
}

fn movements() -> Vec<(Body, &'static str)> {
    let agent = || name("siti");
    vec![
        (
            Body::CaseQueued(log::CaseQueued {
                case: 9,
                queue: name("social"),
                skills: vec![name("id")],
                key_ms: 0,
            }),
            "Case 9 waits in queue social, needing id.",
        ),
        (
            Body::CaseWidened(log::CaseWidened { case: 9, step: 1 }),
            "More agents may take case 9: widening step 1 holds.",
        ),
        (
            Body::CaseOffered(log::CaseOffered { case: 9, agent: agent(), expires_ms: 0, explanation: None }),
            "Case 9 was offered to siti, until 1970-01-01 00:00:00 UTC.",
        ),
        (
            Body::OfferEnded(log::OfferEnded {
                case: 9,
                agent: agent(),
                reason: log::OfferEnd::Declined as i32,
                cause: name("conflict-of-interest"),
            }),
            "The offer of case 9 to siti was declined: conflict-of-interest.",
        ),
        (
            Body::CaseAssigned(log::CaseAssigned {
                case: 9,
                agent: agent(),
                by: log::AssignedBy::Pull as i32,
                explanation: Some(explanation()),
                pull: None,
            }),
            "siti pulled case 9, who last handled this customer, of 5 who could take it from social (2 at capacity).",
        ),
        (
            Body::CaseUnassigned(log::CaseUnassigned {
                case: 9,
                agent: agent(),
                by: log::UnassignedBy::SignOut as i32,
            }),
            "siti no longer has case 9: their session ended.",
        ),
        (
            Body::CaseParked(log::CaseParked { case: 9, on: log::WaitingOn::ThirdParty as i32 }),
            "Case 9 waits for a third party.",
        ),
        (Body::CaseResumed(log::CaseResumed { case: 9 }), "Case 9 goes on."),
        (
            Body::CaseScheduled(log::CaseScheduled { case: 9, at_ms: 86_400_000, keep_for: agent() }),
            "Case 9 is put away until 1970-01-02 00:00:00 UTC, then back to siti.",
        ),
        (
            Body::CaseResolved(log::CaseResolved { case: 9, agent: agent(), outcome: name("fcr") }),
            "siti resolved case 9: fcr.",
        ),
        (Body::CaseReopened(log::CaseReopened { case: 9, agent: String::new() }), "Case 9 is open again."),
        (
            Body::CaseClosed(log::CaseClosed {
                case: 9,
                reason: log::CloseReason::Spam as i32,
                agent: agent(),
            }),
            "Case 9 was closed by siti: spam.",
        ),
        (Body::CaseForgotten(log::CaseForgotten { case: 9 }), "Case 9 left the router's memory."),
        (
            Body::CaseEscalated(log::CaseEscalated {
                case: 9,
                step: name("tl"),
                group: name("tl-on-duty"),
                agent: agent(),
                cause: String::new(),
            }),
            "siti escalated case 9 to tl-on-duty (step tl).",
        ),
        (
            Body::HandoverFailed(log::HandoverFailed {
                case: 9,
                desk: name("b"),
                reason: name("no such desk"),
            }),
            "Case 9 came back: desk b could not get it: no such desk.",
        ),
        (
            Body::DutyCalled(log::DutyCalled {
                case: 9,
                group: name("leaders"),
                called: vec![log::OnDuty { agent: name("tari"), shift: name("pagi") }],
            }),
            "On duty for leaders, told of case 9: tari (pagi).",
        ),
        (
            Body::DutyCalled(log::DutyCalled { case: 9, group: name("leaders"), called: Vec::new() }),
            "Nobody is on duty for leaders to be told of case 9.",
        ),
        (
            Body::CaseFollowed(log::CaseFollowed { case: 9, agent: name("dewi"), step: name("pic") }),
            "dewi follows case 9 to its end, by step pic.",
        ),
        (
            Body::CaseOverflowed(log::CaseOverflowed {
                case: 9,
                queue: name("social"),
                to_queue: name("email"),
                to_desk: name(""),
            }),
            "Case 9 waited too long in social and goes to email.",
        ),
        (
            Body::CasePlacedLast(log::CasePlacedLast { case: 9, agent: name("siti") }),
            "Case 9 gives up its place, at the word of siti.",
        ),
        (
            Body::CaseUnfollowed(log::CaseUnfollowed { case: 9, agent: name("dewi") }),
            "dewi no longer follows case 9.",
        ),
        (Body::CaseHandedOver(log::CaseHandedOver { case: 9, desk: name("b") }), "Case 9 goes to desk b."),
    ]
}

fn sends_and_clocks() -> Vec<(Body, &'static str)> {
    let clock = log::SlaClock::FirstResponse as i32;
    vec![
        (
            Body::DeliveryQueued(log::DeliveryQueued {
                case: 9,
                kind: log::DeliveryKind::Reply as i32,
                channel: log::Channel::X as i32,
                agent: name("siti"),
                ..Default::default()
            }),
            "siti's reply is to be sent on case 9 by X.",
        ),
        (
            Body::DeliveryStarted(log::DeliveryStarted {
                delivery: None,
                attempt: 2,
                deliverer: name("deliver@a/1"),
                case: 9,
            }),
            "deliver@a/1 sends on case 9 (attempt 2).",
        ),
        (
            Body::DeliveryEnded(log::DeliveryEnded {
                outcome: log::DeliveryOutcome::Refused as i32,
                detail: name("550 no such user"),
                case: 9,
                ..Default::default()
            }),
            "The channel refused what was sent on case 9: 550 no such user.",
        ),
        (
            Body::ClaimRefused(log::ClaimRefused { delivery: None, deliverer: name("deliver@b/1") }),
            "deliver@b/1 came too late to send a delivery.",
        ),
        (
            Body::DispositionRecorded(log::DispositionRecorded {
                case: 9,
                path: vec![name("Contacted"), name("Sukses")],
                agent: name("siti"),
                attempt: 1,
                contacted: true,
                effects: vec![name("close")],
                ..Default::default()
            }),
            "siti called on case 9 (attempt 1, reached): Contacted > Sukses; close.",
        ),
        (
            Body::NumbersSuppressed(log::NumbersSuppressed { count: 2, lifted: false }),
            "2 numbers went on the do-not-call list.",
        ),
        (
            Body::SystemTaskDue(log::SystemTaskDue { case: 9, system: name("nossa"), task: name("worklog") }),
            "nossa has to be told of case 9: worklog.",
        ),
        (
            Body::SlaStarted(log::SlaStarted {
                case: 9,
                clock,
                target_ms: 5_400_000,
                calendar: name("office"),
                ..Default::default()
            }),
            "The first-response clock of case 9 runs: 1 h 30 min of office, due 1970-01-01 00:00:00 UTC.",
        ),
        (
            Body::SlaPaused(log::SlaPaused { case: 9, clock, remaining_ms: -61_000 }),
            "The first-response clock of case 9 stands still with -1 min 1 s left.",
        ),
        (
            Body::SlaResumed(log::SlaResumed { case: 9, clock, deadline_ms: 1_000 }),
            "The first-response clock of case 9 goes on, due 1970-01-01 00:00:01 UTC.",
        ),
        (
            Body::SlaMet(log::SlaMet { case: 9, clock, elapsed_ms: 0, late: true }),
            "The first-response clock of case 9 was met after 0 s, too late.",
        ),
        (
            Body::SlaWarned(log::SlaWarned { case: 9, clock, percent: 75 }),
            "The first-response clock of case 9 passed 75 % of its target.",
        ),
        (
            Body::SlaBreached(log::SlaBreached { case: 9, clock, deadline_ms: 1_000 }),
            "The first-response clock of case 9 breached: due 1970-01-01 00:00:01 UTC.",
        ),
        (
            Body::SlaCancelled(log::SlaCancelled { case: 9, clock }),
            "The first-response clock of case 9 no longer applies.",
        ),
    ]
}

#[test]
fn every_event_kind_reads_as_one_sentence() {
    let mut told = BTreeSet::new();
    for (body, wanted) in
        people().into_iter().chain(beginnings()).chain(movements()).chain(sends_and_clocks())
    {
        let event = log::Event { body: Some(body), ..Default::default() };
        assert_eq!(sentence(&event), wanted);
        told.insert(kind::of_event(&event));
    }
    let all: BTreeSet<i64> = kind::EVENTS.iter().map(|(number, _)| *number).collect();
    assert_eq!(told, all, "kinds without a row in this table");
}
