//! One log in which every kind of event happens.

use std::collections::BTreeSet;

use simpang_log::Door;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::command::Body as Asked;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_views::{Views, kind};

use crate::script::{
    Script, assigned, fact, fault_ended, fault_reported, joined, mail, opened, queued, sealed, text,
    unassigned,
};

/// A mail that becomes case 1, worked by `siti` to its end; edited and withdrawn messages; a second case merged into
/// it and a third split from it; a campaign's contact, case 4; an offered and escalated case 5.
pub(crate) async fn story() -> Script {
    let mut s = Script::new("tenesa").await;
    people(&mut s).await;
    mail_case(&mut s).await;
    answer(&mut s).await;
    edits(&mut s).await;
    merge_and_split(&mut s).await;
    finish(&mut s).await;
    campaign(&mut s).await;
    offers(&mut s).await;
    oddities(&mut s).await;
    s
}

async fn people(s: &mut Script) {
    let policy = s
        .input(Door::Gateway, Arrived::Policy(log::PolicyDocument { version: 1, ..Default::default() }))
        .await;
    let taken = log::DeskTaken { writer: "router@here/1".into(), epoch: 1, core_version: "1".into() };
    let applied = log::PolicyApplied { version: 1, ..Default::default() };
    s.commit(policy, vec![Happened::DeskTaken(taken), Happened::PolicyApplied(applied)]).await;
    let record = log::AgentRecord {
        agent: "siti".into(),
        roles: vec![log::Role::Agent as i32, log::Role::TeamLeader as i32],
        site: "BDG".into(),
        skills: vec![log::Skill { name: "id".into(), level: 7 }],
        content: sealed(&log::AgentContent { name: "Siti Aminah".into(), initials: "SA".into() }),
        ..Default::default()
    };
    let agent = s.input(Door::Gateway, Arrived::Agent(record)).await;
    let admitted = log::AgentAdmitted {
        agent: "siti".into(),
        admissions: vec![log::Admission { queue: "email".into(), step: 1 }],
    };
    let changed = Happened::AgentChanged(log::AgentChanged { agent: "siti".into() });
    s.commit(agent, vec![changed, Happened::AgentAdmitted(admitted)]).await;
    s.wait(60_000);
    let sign_in =
        Asked::SignIn(log::SignIn { session: "s1".into(), gateway: "g1".into(), ready: true, auto: false });
    let sign_in = s.command("siti", 0, sign_in).await;
    let signed_in = log::AgentSignedIn { agent: "siti".into(), session: "s1".into(), gateway: "g1".into() };
    s.commit(sign_in, vec![Happened::AgentSignedIn(signed_in), presence("siti", log::Presence::Ready, "")])
        .await;
}

pub(crate) fn presence(agent: &str, presence: log::Presence, reason: &str) -> Happened {
    Happened::AgentPresenceChanged(log::AgentPresenceChanged {
        agent: agent.into(),
        presence: presence as i32,
        reason: reason.into(),
        auto: false,
        limit: (reason == "lunch").then(one_mail),
        until_ms: 0,
    })
}

/// What Siti takes at once from her lunch on.
pub(crate) fn one_mail() -> log::SessionLimit {
    let mail = log::Capacity { channel: log::Channel::Email as i32, limit: 1 };
    log::SessionLimit { total: None, channels: vec![mail] }
}

async fn mail_case(s: &mut Script) {
    s.wait(60_000);
    let pull =
        s.command("siti", 0, Asked::Pull(log::Pull { count: 2, wait_ms: 60_000, queues: vec![] })).await;
    let waiting = log::PullWaiting {
        agent: "siti".into(),
        count: 2,
        expires_ms: s.now() + 60_000,
        queues: vec![],
        pull: Some(pull),
    };
    s.commit(pull, vec![Happened::PullWaiting(waiting)]).await;
    s.wait(1_000);
    let mut message = mail("budi", "Internet mati", "Sejak pagi internet saya mati total.");
    message.facts = vec![fact("language", "id")];
    message.customer = Some(log::Customer {
        id: "C-1".into(),
        segment: "DES".into(),
        profession: "government".into(),
        ..Default::default()
    });
    let message = s.input(Door::Ingest, Arrived::Message(message)).await;
    let classified = Happened::CaseClassified(log::CaseClassified {
        case: 1,
        rule: "government".into(),
        occasion: log::Occasion::Received as i32,
        segment: "DES".into(),
        priority: "high".into(),
        queue: "email".into(),
        skills: vec!["id".into()],
        sla: "gold".into(),
        actions: vec!["notify:tl".into()],
    });
    let identified = Happened::CaseIdentified(log::CaseIdentified {
        case: 1,
        customer: "C-1".into(),
        segment: "DES".into(),
        agent: String::new(),
    });
    let given = match assigned(1, "siti") {
        Happened::CaseAssigned(given) => {
            Happened::CaseAssigned(log::CaseAssigned { pull: Some(pull), ..given })
        }
        other => other,
    };
    let clock = |clock: log::SlaClock, target_ms: i64| {
        Happened::SlaStarted(log::SlaStarted {
            case: 1,
            clock: clock as i32,
            sla: "gold".into(),
            target_ms,
            calendar: "office".into(),
            deadline_ms: s.now() + target_ms,
            ..Default::default()
        })
    };
    let (first, last) =
        (clock(log::SlaClock::FirstResponse, 900_000), clock(log::SlaClock::Resolution, 3_600_000));
    let events = vec![
        opened(1),
        joined(1, message, 1),
        identified,
        classified,
        queued(1, "email"),
        first,
        last,
        given,
    ];
    s.commit(message, events).await;
}

async fn answer(s: &mut Script) {
    s.wait(30_000);
    let facts = vec![fact("language", ""), fact("product_number", "122")];
    let category = vec!["Komplain".to_owned(), "Internet".to_owned()];
    let asked = Asked::Classify(log::Classify { category: category.clone(), facts });
    let classify = s.command("siti", 1, asked).await;
    let categorised = log::CaseCategorised { case: 1, category, agent: "siti".into() };
    s.commit(classify, vec![Happened::CaseCategorised(categorised)]).await;
    let note = s
        .command("siti", 1, Asked::Note(log::Note { content: text("Modem sudah diganti"), coaching: false }))
        .await;
    s.commit(note, vec![Happened::NoteAdded(log::NoteAdded { case: 1, agent: "siti".into() })]).await;
    let asked =
        Asked::Reply(log::Reply { content: text("Baik, kami cek gangguannya"), ..Default::default() });
    let reply = s.command("siti", 1, asked).await;
    let delivery = Some(log::DeliveryId { input: Some(reply), part: 0 });
    let queued = log::DeliveryQueued {
        delivery,
        case: 1,
        kind: log::DeliveryKind::Reply as i32,
        channel: log::Channel::Email as i32,
        account: "help@telkom".into(),
        agent: "siti".into(),
        ..Default::default()
    };
    s.commit(reply, vec![Happened::DeliveryQueued(queued)]).await;
    send(s, delivery, 1, log::DeliveryOutcome::Retry).await;
    send(s, delivery, 2, log::DeliveryOutcome::Delivered).await;
    let late =
        s.input(Door::Deliver, Arrived::Claim(log::DeliveryClaim { delivery, deliverer: "b".into() })).await;
    s.commit(late, vec![Happened::ClaimRefused(log::ClaimRefused { delivery, deliverer: "b".into() })]).await;
}

async fn send(
    s: &mut Script,
    delivery: Option<log::DeliveryId>,
    attempt: u32,
    outcome: log::DeliveryOutcome,
) {
    let deliverer = "deliver@here/1".to_owned();
    let claim = log::DeliveryClaim { delivery, deliverer: deliverer.clone() };
    let claim = s.input(Door::Deliver, Arrived::Claim(claim)).await;
    let started = log::DeliveryStarted { delivery, attempt, deliverer, case: 1 };
    s.commit(claim, vec![Happened::DeliveryStarted(started)]).await;
    s.wait(1_000);
    let report = log::DeliveryReport {
        delivery,
        attempt,
        outcome: outcome as i32,
        source_id: if outcome == log::DeliveryOutcome::Delivered {
            "<r1@telkom>".into()
        } else {
            String::new()
        },
        ..Default::default()
    };
    let report = s.input(Door::Deliver, Arrived::Report(report)).await;
    let ended =
        log::DeliveryEnded { delivery, attempt, outcome: outcome as i32, case: 1, ..Default::default() };
    let mut events = vec![Happened::DeliveryEnded(ended)];
    if outcome == log::DeliveryOutcome::Delivered {
        let clock = log::SlaClock::FirstResponse as i32;
        events.push(Happened::SlaMet(log::SlaMet { case: 1, clock, elapsed_ms: 32_000, late: false }));
    }
    s.commit(report, events).await;
}

/// A second message on case 1, edited and read again; a third, withdrawn.
async fn edits(s: &mut Script) {
    s.wait(60_000);
    let second =
        s.input(Door::Ingest, Arrived::Message(mail("budi", "", "Masih mati. Nomor saya salah"))).await;
    s.commit(second, vec![joined(1, second, 2)]).await;
    s.wait(1_000);
    let mut edit = mail("budi", "", "Masih mati. Nomor saya benar");
    edit.kind = log::MessageKind::Edit as i32;
    let edit = s.input(Door::Ingest, Arrived::Message(edit)).await;
    s.commit(
        edit,
        vec![Happened::MessageEdited(log::MessageEdited { case: 1, message: Some(second), part: 0 })],
    )
    .await;
    let third = s.input(Door::Ingest, Arrived::Message(mail("budi", "", "Kata sandi saya rahasia123"))).await;
    s.commit(third, vec![joined(1, third, 3)]).await;
    let mut removal = mail("budi", "", "");
    removal.kind = log::MessageKind::Remove as i32;
    let removal = s.input(Door::Ingest, Arrived::Message(removal)).await;
    s.commit(
        removal,
        vec![Happened::MessageRemoved(log::MessageRemoved { case: 1, message: Some(third), part: 0 })],
    )
    .await;
    let content = mail("budi", "", "Masih mati. Nomor saya benar").content;
    let reread =
        log::Reread { message: Some(second), of: Some(edit), case: 1, content, ..Default::default() };
    let reread = s.input(Door::Ingest, Arrived::Reread(reread)).await;
    let happened = log::MessageReread { case: 1, message: Some(second), part: 0 };
    s.commit(reread, vec![Happened::MessageReread(happened)]).await;
}

/// Case 2 joins case 1; its message then leaves for case 3.
async fn merge_and_split(s: &mut Script) {
    let other = s.input(Door::Ingest, Arrived::Message(mail("tono", "Tagihan", "Tagihan saya dobel"))).await;
    s.commit(other, vec![opened(2), joined(2, other, 1), queued(2, "email")]).await;
    let merge = s.command("siti", 2, Asked::Merge(log::Merge { into: 1 })).await;
    let closed = log::CaseClosed { case: 2, reason: log::CloseReason::Merged as i32, agent: "siti".into() };
    s.commit(
        merge,
        vec![Happened::CaseMerged(log::CaseMerged { case: 2, into: 1 }), Happened::CaseClosed(closed)],
    )
    .await;
    let split = s.command("siti", 1, Asked::Split(log::Split { messages: vec![other] })).await;
    let left = Happened::CaseSplit(log::CaseSplit { case: 1, into: 3, messages: vec![other] });
    let new = match opened(3) {
        Happened::CaseOpened(new) => Happened::CaseOpened(log::CaseOpened { split_from: 1, ..new }),
        other => other,
    };
    let moved = Happened::MessageJoined(log::MessageJoined {
        case: 3,
        message: Some(other),
        by: log::JoinedBy::Agent as i32,
        count: 1,
        automatic: false,
    });
    s.commit(split, vec![left, new, moved, queued(3, "billing")]).await;
}

/// Case 1 is parked, warned, reopened and closed in the end.
async fn finish(s: &mut Script) {
    let clock = log::SlaClock::Resolution as i32;
    let park = s.command("siti", 1, Asked::Wait(log::Wait { on: log::WaitingOn::Customer as i32 })).await;
    let parked = Happened::CaseParked(log::CaseParked { case: 1, on: log::WaitingOn::Customer as i32 });
    let paused = Happened::SlaPaused(log::SlaPaused { case: 1, clock, remaining_ms: 3_000_000 });
    s.commit(park, vec![parked, paused]).await;
    let tick = s.tick(120_000).await;
    let resumed = Happened::SlaResumed(log::SlaResumed { case: 1, clock, deadline_ms: s.now() + 3_000_000 });
    s.commit(tick, vec![Happened::CaseResumed(log::CaseResumed { case: 1 }), resumed]).await;
    let tick = s.tick(3_000_000).await;
    let warned = Happened::SlaWarned(log::SlaWarned { case: 1, clock, percent: 75 });
    let breached = Happened::SlaBreached(log::SlaBreached { case: 1, clock, deadline_ms: s.now() });
    let raised = log::PriorityChanged { case: 1, priority: "urgent".into(), agent: String::new() };
    s.commit(tick, vec![warned, breached, Happened::PriorityChanged(raised)]).await;
    resolve(s).await;
    let reopen = s.command("siti", 1, Asked::Reopen(log::Reopen {})).await;
    let reopened = Happened::CaseReopened(log::CaseReopened { case: 1, agent: "siti".into() });
    s.commit(reopen, vec![reopened, assigned(1, "siti")]).await;
    resolve(s).await;
    let tick = s.tick(86_400_000).await;
    let closed = log::CaseClosed { case: 1, reason: log::CloseReason::Settled as i32, agent: String::new() };
    let met = Happened::SlaMet(log::SlaMet { case: 1, clock, elapsed_ms: 3_700_000, late: true });
    let forgotten = Happened::CaseForgotten(log::CaseForgotten { case: 1 });
    let day = Happened::DayTurned(log::DayTurned { day: 20_781 });
    s.commit(tick, vec![day, met, Happened::CaseClosed(closed), forgotten]).await;
}

async fn resolve(s: &mut Script) {
    let asked = s.command("siti", 1, Asked::Resolve(log::Resolve { outcome: "fcr".into() })).await;
    let resolved = log::CaseResolved { case: 1, agent: "siti".into(), outcome: "fcr".into() };
    let left = unassigned(1, "siti", log::UnassignedBy::End);
    s.commit(asked, vec![Happened::CaseResolved(resolved), left]).await;
}

/// Case 4: a contact of a campaign, called once, put away, and called again.
async fn campaign(s: &mut Script) {
    let content = log::ContactContent {
        name: "Suwarni".into(),
        phones: vec!["+62811".into()],
        note: "minta dipandu".into(),
        ..Default::default()
    };
    let contact = log::Contact {
        campaign: "callback".into(),
        row: "17".into(),
        criterion: "vvip".into(),
        author: crate::script::author("suwarni").to_vec().into(),
        facts: vec![fact("jastel", "122243")],
        content: sealed(&content),
        ..Default::default()
    };
    let contact = s.input(Door::Ingest, Arrived::Contact(contact)).await;
    let opened = Happened::CaseOpened(log::CaseOpened {
        case: 4,
        channel: log::Channel::Call as i32,
        campaign: "callback".into(),
        arrived_ms: s.now() - 5_000,
        ..Default::default()
    });
    s.commit(contact, vec![opened, queued(4, "callback"), assigned(4, "siti")]).await;
    let again = s.now() + 7_200_000;
    let first = disposition(s, &["Not Contacted", "RNA"], again).await;
    let away = Happened::CaseScheduled(log::CaseScheduled { case: 4, at_ms: again, keep_for: "siti".into() });
    let first_done = recorded(&["Not Contacted", "RNA"], 1, false);
    s.commit(first, vec![first_done, away, unassigned(4, "siti", log::UnassignedBy::End)]).await;
    let tick = s.tick(7_200_000).await;
    let back =
        vec![Happened::CaseResumed(log::CaseResumed { case: 4 }), queued(4, "callback"), assigned(4, "siti")];
    s.commit(tick, back).await;
    let second = disposition(s, &["Contacted"], 0).await;
    let told = Happened::SystemTaskDue(log::SystemTaskDue {
        case: 4,
        system: "nossa".into(),
        task: "worklog".into(),
    });
    s.commit(second, vec![recorded(&["Contacted"], 2, true), told]).await;
    let suppression = log::Suppression { numbers: vec![vec![5; 16].into()], ..Default::default() };
    let suppression = s.input(Door::Gateway, Arrived::Suppression(suppression)).await;
    let suppressed = log::NumbersSuppressed { count: 1, lifted: false };
    s.commit(suppression, vec![Happened::NumbersSuppressed(suppressed)]).await;
}

async fn disposition(s: &mut Script, path: &[&str], again_at_ms: i64) -> log::InputId {
    let path = path.iter().map(|label| (*label).to_owned()).collect();
    let content = text("pelanggan tidak mengangkat");
    let asked = log::Disposition { path, content, again_at_ms, ..Default::default() };
    s.command("siti", 4, Asked::Disposition(asked)).await
}

fn recorded(path: &[&str], attempt: u32, contacted: bool) -> Happened {
    Happened::DispositionRecorded(log::DispositionRecorded {
        case: 4,
        campaign: "callback".into(),
        path: path.iter().map(|label| (*label).to_owned()).collect(),
        agent: "siti".into(),
        attempt,
        contacted,
        answered: log::Answered::Reporter as i32,
        effects: vec!["retry".into()],
        dialled: 0,
    })
}

/// Case 5: widened, offered, declined, given back, escalated, linked, and handed over.
async fn offers(s: &mut Script) {
    let message =
        s.input(Door::Ingest, Arrived::Message(mail("rina", "Pindah alamat", "Saya mau pindah"))).await;
    let clock = log::SlaClock::FirstResponse as i32;
    let started = Happened::SlaStarted(log::SlaStarted {
        case: 5,
        clock,
        sla: "basic".into(),
        target_ms: 60_000,
        calendar: "always".into(),
        deadline_ms: s.now() + 60_000,
        ..Default::default()
    });
    s.commit(message, vec![opened(5), joined(5, message, 1), queued(5, "email"), started]).await;
    let tick = s.tick(1_000).await;
    let offered = Happened::CaseOffered(log::CaseOffered {
        case: 5,
        agent: "siti".into(),
        expires_ms: s.now() + 20_000,
        explanation: Some(log::Explanation { queue: "email".into(), ..Default::default() }),
    });
    s.commit(tick, vec![Happened::CaseWidened(log::CaseWidened { case: 5, step: 1 }), offered]).await;
    let decline = s.command("siti", 5, Asked::Decline(log::Decline { reason: "busy".into() })).await;
    let (reason, cause) = (log::OfferEnd::Declined as i32, "busy".to_owned());
    let ended = log::OfferEnded { case: 5, agent: "siti".into(), reason, cause };
    s.commit(decline, vec![Happened::OfferEnded(ended), queued(5, "email"), assigned(5, "siti")]).await;
    let asked = Asked::Escalate(log::Escalate { step: String::new(), content: text("Mohon bantuan TL") });
    let escalate = s.command("siti", 5, asked).await;
    let escalated = log::CaseEscalated {
        case: 5,
        step: "tl".into(),
        group: "tl-on-duty".into(),
        agent: "siti".into(),
        cause: String::new(),
    };
    let called = log::OnDuty { agent: "siti".into(), shift: "pagi".into() };
    let called = log::DutyCalled { case: 5, group: "tl-on-duty".into(), called: vec![called] };
    let follows = |agent: &str| log::CaseFollowed { case: 5, agent: agent.into(), step: "tl".into() };
    let events = vec![
        Happened::CaseEscalated(escalated),
        Happened::DutyCalled(called),
        Happened::CaseFollowed(follows("siti")),
        Happened::CaseFollowed(follows("dewi")),
        Happened::CaseOverflowed(log::CaseOverflowed {
            case: 5,
            queue: "billing".into(),
            to_queue: "billing".into(),
            to_desk: String::new(),
        }),
        Happened::CasePlacedLast(log::CasePlacedLast { case: 5, agent: "dewi".into() }),
        Happened::CaseUnfollowed(log::CaseUnfollowed { case: 5, agent: "siti".into() }),
    ];
    s.commit(escalate, events).await;
    let link = log::LinkReference { system: "nossa".into(), number: "IN123".into(), status: "OPEN".into() };
    let link = s.command("siti", 5, Asked::LinkReference(link)).await;
    let linked = log::ReferenceLinked {
        case: 5,
        system: "nossa".into(),
        number: "IN123".into(),
        status: "OPEN".into(),
    };
    s.commit(link, vec![Happened::ReferenceLinked(linked)]).await;
    fault_reported(s, 5, "122", 0).await;
    fault_ended(s, 5).await;
    let away = Asked::Transfer(log::Transfer { desk: "telkomcare".into(), ..Default::default() });
    let away = s.command("siti", 5, away).await;
    let closed =
        log::CaseClosed { case: 5, reason: log::CloseReason::HandedOver as i32, agent: "siti".into() };
    let (desk, reason) = ("nowhere".into(), "there is no such desk".into());
    let events = vec![
        Happened::CaseHandedOver(log::CaseHandedOver { case: 5, desk: "nowhere".into() }),
        Happened::HandoverFailed(log::HandoverFailed { case: 5, desk, reason }),
        Happened::SlaCancelled(log::SlaCancelled { case: 5, clock }),
        unassigned(5, "siti", log::UnassignedBy::Transfer),
        Happened::CaseHandedOver(log::CaseHandedOver { case: 5, desk: "telkomcare".into() }),
        Happened::CaseClosed(closed),
    ];
    s.commit(away, events).await;
}

/// Repeats, refusals, what can't be read, an absence, and inputs that wait to be judged.
async fn oddities(s: &mut Script) {
    let repeat =
        s.input(Door::Ingest, Arrived::Message(mail("rina", "Pindah alamat", "Saya mau pindah"))).await;
    let duplicated = log::InputDuplicated { of: Some(repeat), case: 5, was_rejected: false };
    s.commit(repeat, vec![Happened::InputDuplicated(duplicated)]).await;
    let seq = s.raw(Door::Ingest, vec![0x08, 0x01, 0xff, 0xff].into()).await;
    let unreadable = log::InputId { seq, index: 0 };
    let refused = log::InputRefused { reason: "the record is no InputRecord".into() };
    s.commit(unreadable, vec![Happened::InputRefused(refused)]).await;
    let policy = log::PolicyDocument { version: 2, ..Default::default() };
    let policy = s.input(Door::Gateway, Arrived::Policy(policy)).await;
    let refused = log::PolicyRefused { version: 2, errors: vec!["rules.toml:3:1: no such queue".into()] };
    s.commit(policy, vec![Happened::PolicyRefused(refused)]).await;
    let close = s.command("siti", 99, Asked::Close(log::Close {})).await;
    let rejected = log::CommandRejected {
        principal: "siti".into(),
        case: 99,
        rejection: log::Rejection::UnknownCase as i32,
        detail: "there is no case 99".into(),
    };
    s.commit(close, vec![Happened::CommandRejected(rejected)]).await;
    s.wait(300_000);
    let lunch = log::SetPresence {
        presence: log::Presence::NotReady as i32,
        reason: "lunch".into(),
        auto: false,
        limit: Some(one_mail()),
    };
    let lunch = s.command("siti", 0, Asked::SetPresence(lunch)).await;
    s.commit(lunch, vec![presence("siti", log::Presence::NotReady, "lunch")]).await;
    s.wait(600_000);
    let out = s.command("siti", 0, Asked::SignOut(log::SignOut { session: "s1".into() })).await;
    let ended = log::PullEnded { agent: "siti".into(), pull: None, reason: log::PullEnd::Absent as i32 };
    let signed_out = log::AgentSignedOut {
        agent: "siti".into(),
        session: "s1".into(),
        reason: log::SignOutReason::Asked as i32,
    };
    let left = unassigned(4, "siti", log::UnassignedBy::SignOut);
    let events =
        vec![Happened::PullEnded(ended), left, queued(4, "callback"), Happened::AgentSignedOut(signed_out)];
    s.commit(out, events).await;
    let two = vec![
        log::Input { body: Some(Arrived::Message(mail("joko", "Satu", "pesan satu"))), ..Default::default() },
        log::Input { body: Some(Arrived::Message(mail("joko", "Dua", "pesan dua"))), ..Default::default() },
    ];
    let two = s.inputs(Door::Ingest, two).await;
    s.commit_through(two[0], 0, two[0], vec![opened(6), joined(6, two[0], 1)]).await;
}

/// The story, folded in one go.
pub(crate) async fn told() -> (Script, Views) {
    let script = story().await;
    let mut views = Views::in_memory(&script.desk).unwrap();
    views.fold(&script.entries().await).unwrap();
    (script, views)
}

#[tokio::test]
async fn the_story_has_every_kind_of_event() {
    let script = story().await;
    let mut happened = BTreeSet::new();
    for entry in script.entries().await {
        if let simpang_log::Body::Commit { commit, .. } = entry.body {
            happened.extend(commit.events.iter().map(kind::of_event));
        }
    }
    let missing: Vec<_> = kind::EVENTS.iter().filter(|(number, _)| !happened.contains(number)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
