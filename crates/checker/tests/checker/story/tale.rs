//! A correct tale with every kind of thing in it: what the tests change is named here.

use sha2::{Digest, Sha256};
use simpang_checker::{DeliveryId as Delivery, ReceivedEntry, SentEntry};
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::*;

use super::words::*;
use super::{Story, id, key, own};

/// The tale, and the inputs in it that tests name.
pub struct Tale {
    pub story: Story,
    /// Opened case 1.
    pub first_message: InputId,
    /// Repeats it.
    pub repeat: InputId,
    /// Ani's pull of two cases, of which one waits.
    pub pull: InputId,
    /// Budi's reply on case 1.
    pub reply: InputId,
    /// The second policy.
    pub policy: InputId,
    /// Two cases that another desk handed over, in order.
    pub handovers: [InputId; 2],
    /// The last input, a tick.
    pub last: InputId,
}

pub fn tell() -> Tale {
    let mut s = Story::new();
    s.commit(id(0, 0), vec![taken(0, 1, "router@a/1")]);
    apply_policy(&mut s, 1);
    agents_arrive(&mut s);
    let first_message = messages_arrive(&mut s);
    let pull = agents_pull(&mut s);
    let reply = budi_replies(&mut s);
    a_fault_is_reported(&mut s);
    customer_writes_on(&mut s);
    clock_breaches(&mut s);
    a_number_is_suppressed(&mut s);
    list_arrives(&mut s);
    budi_is_offered(&mut s);
    split_and_merge(&mut s);
    agents_change_hands(&mut s);
    a_message_is_read_again(&mut s, first_message, 1);
    cases_end(&mut s);
    a_case_comes_back(&mut s);
    let handovers = [other_desk_hands_over(&mut s, 7, 11), other_desk_hands_over(&mut s, 8, 12)];
    (s.writer, s.epoch) = ("router@b/1".into(), 2);
    s.commit(handovers[1], vec![taken(s.at(handovers[1]), 2, "router@b/1")]);
    for change in [MessageChange::Edited, MessageChange::Reread, MessageChange::Removed] {
        other_desk_says(&mut s, handovers[0], 9, change);
    }
    let policy = apply_policy(&mut s, 2);
    let last = s.judge("router", tick(), vec![Body::DayTurned(DayTurned { day: 1 })]);
    journals(&mut s, first_message, reply);
    let repeat = id(first_message.seq, 2);
    Tale { story: s, first_message, repeat, pull, reply, policy, handovers, last }
}

fn taken(at_ms: i64, epoch: u64, writer: &str) -> Event {
    let body = DeskTaken { writer: writer.into(), epoch, core_version: "1".into() };
    Event { caused_by: None, at_ms, body: Some(Body::DeskTaken(body)) }
}

fn apply_policy(s: &mut Story, version: u64) -> InputId {
    let file = PolicyFile { path: "desk.toml".into(), text: format!("version = {version}") };
    let mut bytes = Vec::new();
    for text in [&file.path, &file.text] {
        bytes.extend((text.len() as u32).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    let digest = Sha256::digest(&bytes).to_vec().into();
    let document = PolicyDocument { version, files: vec![file], ..PolicyDocument::default() };
    let applied = PolicyApplied { version, digest, cites: String::new() };
    let at = s.judge("gateway", input::Body::Policy(document), vec![Body::PolicyApplied(applied)]);
    s.policy_version = version;
    at
}

/// Ani serves the queues `mail` and `first` (that from step 1) and knows networks; Budi serves `mail`, one at a time.
fn agents_arrive(s: &mut Story) {
    let ani = AgentRecord {
        agent: "ani".into(),
        skills: vec![Skill { name: "net".into(), level: 3 }],
        capacities: vec![Capacity { channel: Channel::Email as i32, limit: 3 }],
        ..AgentRecord::default()
    };
    let capacities = vec![Capacity { channel: Channel::Email as i32, limit: 1 }];
    let budi = AgentRecord { agent: "budi".into(), capacities, ..AgentRecord::default() };
    s.judge(
        "gateway",
        input::Body::Agent(ani),
        vec![agent_changed("ani"), admitted("ani", &[("first", 1), ("mail", 0)])],
    );
    s.judge(
        "gateway",
        input::Body::Agent(budi),
        vec![agent_changed("budi"), admitted("budi", &[("mail", 0)])],
    );
    for agent in ["ani", "budi"] {
        let ready =
            command::Body::SignIn(SignIn { session: format!("{agent}-1"), ready: true, ..SignIn::default() });
        let presence = presence(agent, Presence::Ready, false);
        s.judge("gateway", asked(agent, 0, ready), vec![signed_in(agent), presence]);
    }
}

/// Opens cases 1 (no skill) and 2 (networks); a repeat and something unreadable come with them.
fn messages_arrive(s: &mut Story) -> InputId {
    let seq = s.inputs("ingest", vec![message(), message(), message(), message()]);
    s.input_mut(id(seq, 2)).key = key(seq, 0).into();
    s.input_mut(id(seq, 3)).body = None;
    let at_ms = s.at(id(seq, 0));
    let mut events = Vec::new();
    for (index, skills) in [(0, &[][..]), (1, &["net"][..])] {
        let (message, case) = (id(seq, index), u64::from(index) + 1);
        let mut bodies = opened(case, message, at_ms);
        bodies.push(queued(case, "mail", at_ms, skills));
        bodies.push(sla_started(case, SlaClock::FirstResponse, 600_000, at_ms + 600_000));
        events.extend(bodies.into_iter().map(|body| s.event(message, body)));
    }
    let of = Some(id(seq, 0));
    events.push(
        s.event(id(seq, 2), Body::InputDuplicated(InputDuplicated { of, case: 1, was_rejected: false })),
    );
    events.push(s.event(id(seq, 3), Body::InputRefused(InputRefused { reason: "no body".into() })));
    s.commit(id(seq, 3), events);
    id(seq, 0)
}

/// Budi gets case 1 at once, Ani case 2; then Ani waits and gets case 3, which comes in two parts.
fn agents_pull(s: &mut Story) -> InputId {
    let mail_ms = s.at(id(s.entries.len() as u64 - 1, 0));
    let next = id(s.entries.len() as u64 + 1, 0);
    s.judge("gateway", pull("budi", 1), vec![pulled(1, "budi", next, mail_ms)]);
    let pull_two = id(s.entries.len() as u64 + 1, 0);
    let waits = PullWaiting { agent: "ani".into(), count: 1, pull: Some(pull_two), ..PullWaiting::default() };
    let bodies = vec![pulled(2, "ani", pull_two, mail_ms), Body::PullWaiting(waits)];
    s.judge("gateway", pull("ani", 2), bodies);

    let third = s.input("ingest", message());
    let at_ms = s.at(third);
    let begun = opened(3, third, at_ms).into_iter().map(|body| s.event(third, body)).collect();
    s.commit_part(third, 1, begun);
    let ended = PullEnded { agent: "ani".into(), pull: Some(pull_two), reason: PullEnd::Filled as i32 };
    let bodies = [queued(3, "mail", at_ms, &[]), pulled(3, "ani", pull_two, at_ms), Body::PullEnded(ended)];
    let events = bodies.into_iter().map(|body| s.event(third, body)).collect();
    s.commit(third, events);
    pull_two
}

/// Budi replies on case 1; Ani, who does not have it, may not. It is delivered at the second attempt.
fn budi_replies(s: &mut Story) -> InputId {
    let reply = || command::Body::Reply(Reply::default());
    let seq = s.inputs("gateway", vec![asked("budi", 1, reply()), asked("ani", 1, reply())]);
    let rejected = CommandRejected {
        principal: "ani".into(),
        case: 1,
        rejection: Rejection::NotAssignee as i32,
        ..CommandRejected::default()
    };
    let events = vec![
        s.event(id(seq, 0), delivery_queued(1, delivery(seq, 0, 0), DeliveryKind::Reply)),
        s.event(id(seq, 1), Body::CommandRejected(rejected)),
    ];
    s.commit(id(seq, 1), events);
    let it = delivery(seq, 0, 0);
    s.judge("deliver", claim(it), vec![started(1, it, 1)]);
    let retry = ended(1, it, 1, DeliveryOutcome::Retry, s.now_ms + 2_000);
    s.judge("deliver", report(it), vec![retry]);
    s.judge("deliver", claim(it), vec![started(1, it, 2)]);
    let met = sla_met(1, SlaClock::FirstResponse, false);
    s.judge("deliver", report(it), vec![ended(1, it, 2, DeliveryOutcome::Delivered, 0), met]);
    id(seq, 0)
}

/// Budi reports a fault on case 1, Ani the same product's on case 2; the ticket's system says that it is closed.
fn a_fault_is_reported(s: &mut Story) {
    let product: prost::bytes::Bytes = vec![9; 16].into();
    let reported = |case, agent: &str, repeats| {
        let (product, agent) = (product.clone(), agent.into());
        Body::FaultReported(FaultReported { case, agent, product, repeats, ..FaultReported::default() })
    };
    let report =
        || command::Body::ReportFault(ReportFault { product: product.clone(), ..Default::default() });
    s.judge("gateway", asked("budi", 1, report()), vec![reported(1, "budi", 0)]);
    s.judge("gateway", asked("ani", 2, report()), vec![reported(2, "ani", 1)]);
    let linked = |status: &str| {
        let (system, number, status) = ("mycx".into(), "IN1".into(), status.into());
        Body::ReferenceLinked(ReferenceLinked { case: 1, system, number, status })
    };
    let link = command::Body::LinkReference(LinkReference::default());
    s.judge("gateway", asked("budi", 1, link), vec![linked("open")]);
    let ended = FaultEnded { case: 1, product: product.clone(), reason: FaultEnd::Ticket as i32 };
    let told = input::Body::ReferenceReport(ReferenceReport::default());
    s.judge("ingest", told, vec![linked("closed"), Body::FaultEnded(ended)]);
}

/// The customer of case 1 writes again; Budi waits for them; they write once more.
fn customer_writes_on(s: &mut Story) {
    let next = id(s.entries.len() as u64 + 1, 0);
    let began_ms = s.now_ms + 1_000;
    let clock = sla_started(1, SlaClock::NextResponse, 100_000, began_ms + 100_000);
    s.judge("ingest", message(), vec![joined(1, next, JoinedBy::Thread, 2), clock]);
    let left_ms = began_ms + 100_000 - (s.now_ms + 1_000);
    let paused = SlaPaused { case: 1, clock: SlaClock::NextResponse as i32, remaining_ms: left_ms };
    let wait = command::Body::Wait(Wait { on: WaitingOn::Customer as i32 });
    let parked = CaseParked { case: 1, on: WaitingOn::Customer as i32 };
    s.judge("gateway", asked("budi", 1, wait), vec![Body::CaseParked(parked), Body::SlaPaused(paused)]);
    let next = id(s.entries.len() as u64 + 1, 0);
    let deadline_ms = s.now_ms + 1_000 + left_ms;
    let resumed = SlaResumed { case: 1, clock: SlaClock::NextResponse as i32, deadline_ms };
    let bodies = vec![
        joined(1, next, JoinedBy::Thread, 3),
        Body::CaseResumed(CaseResumed { case: 1 }),
        Body::SlaResumed(resumed),
    ];
    s.judge("ingest", message(), bodies);
}

/// That clock warns and breaches; a group is told, which its delivery ends as unknown; then Budi resolves the case.
fn clock_breaches(s: &mut Story) {
    let deadline_ms = s.find_deadline();
    s.now_ms = deadline_ms + 5_000;
    let cause = s.input("router", tick());
    let clock = SlaClock::NextResponse as i32;
    let warned = Event {
        caused_by: Some(cause),
        at_ms: deadline_ms - 50_000,
        body: Some(Body::SlaWarned(SlaWarned { case: 1, clock, percent: 50 })),
    };
    let told = delivery(cause.seq, 0, 0);
    let bodies = [
        Body::SlaBreached(SlaBreached { case: 1, clock, deadline_ms }),
        Body::CaseEscalated(CaseEscalated { case: 1, step: "tl".into(), ..CaseEscalated::default() }),
        delivery_queued(1, told, DeliveryKind::Notification),
    ];
    let breach = bodies.map(|body| Event { caused_by: Some(cause), at_ms: deadline_ms, body: Some(body) });
    s.commit(cause, [warned].into_iter().chain(breach).collect());
    s.judge("deliver", claim(told), vec![started(1, told, 1)]);
    s.judge("deliver", report(told), vec![ended(1, told, 1, DeliveryOutcome::Unknown, 0)]);
    let resolved = CaseResolved { case: 1, agent: "budi".into(), ..CaseResolved::default() };
    let bodies = vec![
        Body::CaseResolved(resolved),
        unassigned(1, "budi", UnassignedBy::End),
        sla_met(1, SlaClock::NextResponse, true),
        Body::SlaCancelled(SlaCancelled { case: 2, clock: SlaClock::FirstResponse as i32 }),
    ];
    s.judge("gateway", asked("budi", 1, command::Body::Resolve(Resolve::default())), bodies);
}

/// A call list opens case 4.
fn list_arrives(s: &mut Story) {
    let at_ms = s.now_ms + 1_000;
    let opened = CaseOpened {
        case: 4,
        channel: Channel::Call as i32,
        campaign: "callback".into(),
        arrived_ms: at_ms,
        ..CaseOpened::default()
    };
    let bodies = vec![Body::CaseOpened(opened), queued(4, "calls", at_ms, &[])];
    let numbers = vec![vec![1; 16].into(), vec![2; 16].into()];
    let contact = Contact { author: vec![1; 16].into(), numbers, ..Contact::default() };
    s.judge("ingest", input::Body::Contact(contact), bodies);
}

/// A number is put on the do-not-call list: nobody's who is called here.
fn a_number_is_suppressed(s: &mut Story) {
    let numbers = vec![vec![3; 16].into()];
    let suppression = Suppression { numbers, ..Suppression::default() };
    let suppressed = NumbersSuppressed { count: 1, lifted: false };
    s.judge("gateway", input::Body::Suppression(suppression), vec![Body::NumbersSuppressed(suppressed)]);
}

/// Budi declines case 5, comes back and accepts it; case 6 waits.
fn budi_is_offered(s: &mut Story) {
    let auto = || {
        let presence = Presence::Ready as i32;
        asked(
            "budi",
            0,
            command::Body::SetPresence(SetPresence { presence, auto: true, ..SetPresence::default() }),
        )
    };
    s.judge("gateway", auto(), vec![presence("budi", Presence::Ready, true)]);
    let (next, key_ms) = (id(s.entries.len() as u64 + 1, 0), s.now_ms + 1_000);
    let mut bodies = opened(5, next, key_ms);
    bodies.extend([queued(5, "mail", key_ms, &[]), offered(5, "budi", key_ms)]);
    s.judge("ingest", message(), bodies);
    let declined =
        OfferEnded { case: 5, agent: "budi".into(), reason: OfferEnd::Declined as i32, cause: String::new() };
    let bodies = vec![
        Body::OfferEnded(declined),
        presence("budi", Presence::NotReady, false),
        queued(5, "mail", key_ms, &[]),
    ];
    s.judge("gateway", asked("budi", 5, command::Body::Decline(Decline::default())), bodies);
    s.judge("gateway", auto(), vec![presence("budi", Presence::Ready, true), offered(5, "budi", key_ms)]);
    let accept = command::Body::Accept(Accept {});
    s.judge("gateway", asked("budi", 5, accept), vec![assigned(5, "budi", AssignedBy::Offer)]);
    let (next, key_ms) = (id(s.entries.len() as u64 + 1, 0), s.now_ms + 1_000);
    let mut bodies = opened(6, next, key_ms);
    bodies.push(queued(6, "mail", key_ms, &[]));
    s.judge("ingest", message(), bodies);
}

/// A second message of case 3 is split off into case 7 and merged back.
fn split_and_merge(s: &mut Story) {
    let second = id(s.entries.len() as u64 + 1, 0);
    s.judge("ingest", message(), vec![joined(3, second, JoinedBy::Thread, 2)]);
    let split = command::Body::Split(Split { messages: vec![second] });
    let at_ms = s.now_ms + 1_000;
    let opened = CaseOpened {
        case: 7,
        channel: Channel::Email as i32,
        arrived_ms: at_ms,
        split_from: 3,
        ..CaseOpened::default()
    };
    let bodies = vec![
        Body::CaseSplit(CaseSplit { case: 3, into: 7, messages: vec![second] }),
        Body::CaseOpened(opened),
        joined(7, second, JoinedBy::Agent, 1),
        queued(7, "first", at_ms, &[]),
    ];
    s.judge("gateway", asked("ani", 3, split), bodies);
    let merge = command::Body::Merge(Merge { into: 3 });
    let bodies = vec![
        Body::CaseMerged(CaseMerged { case: 7, into: 3 }),
        closed(7, CloseReason::Merged),
        joined(3, second, JoinedBy::Agent, 2),
    ];
    s.judge("gateway", asked("ani", 7, merge), bodies);
}

/// Ani takes case 5 over, so that Budi is offered case 6, and leaves: 2, 3 and 5 go back. Budi puts case 6 away and is
/// offered case 3.
fn agents_change_hands(s: &mut Story) {
    let sixth_ms = s.find_key(6);
    let bodies = vec![
        unassigned(5, "budi", UnassignedBy::TakeOver),
        assigned(5, "ani", AssignedBy::TakeOver),
        offered(6, "budi", sixth_ms),
    ];
    s.judge("gateway", asked("ani", 5, command::Body::TakeOver(TakeOver {})), bodies);
    let mut bodies = vec![signed_out("ani")];
    for case in [2, 3, 5] {
        bodies.push(unassigned(case, "ani", UnassignedBy::SignOut));
        bodies.push(queued(case, "mail", s.find_key(case), if case == 2 { &["net"] } else { &[] }));
    }
    s.judge("gateway", asked("ani", 0, command::Body::SignOut(SignOut::default())), bodies);
    s.judge("router", tick(), vec![Body::CaseWidened(CaseWidened { case: 2, step: 1 })]);
    let accept = command::Body::Accept(Accept {});
    s.judge("gateway", asked("budi", 6, accept), vec![assigned(6, "budi", AssignedBy::Offer)]);
    let back_ms = s.now_ms + 3_000;
    let schedule = command::Body::Schedule(Schedule { at_ms: back_ms, keep_owner: false });
    let bodies = vec![
        unassigned(6, "budi", UnassignedBy::End),
        Body::CaseScheduled(CaseScheduled { case: 6, at_ms: back_ms, keep_for: String::new() }),
        offered(3, "budi", s.find_key(3)),
    ];
    s.judge("gateway", asked("budi", 6, schedule), bodies);
    let bodies = vec![Body::CaseResumed(CaseResumed { case: 6 }), queued(6, "mail", sixth_ms, &[])];
    s.judge("router", tick(), bodies);
}

/// Case 1 is reopened by a message, closed and forgotten; what comes later opens case 8.
fn cases_end(s: &mut Story) {
    let next = id(s.entries.len() as u64 + 1, 0);
    let bodies = vec![
        joined(1, next, JoinedBy::Thread, 4),
        Body::CaseReopened(CaseReopened { case: 1, agent: String::new() }),
        queued(1, "first", s.now_ms + 1_000, &[]),
    ];
    s.judge("ingest", message(), bodies);
    s.judge("gateway", asked("tl", 1, command::Body::Close(Close {})), vec![closed(1, CloseReason::Closed)]);
    s.judge("router", tick(), vec![Body::CaseForgotten(CaseForgotten { case: 1 })]);
    let next = id(s.entries.len() as u64 + 1, 0);
    let mut bodies = opened(8, next, s.now_ms + 1_000);
    let Some(Body::CaseOpened(open)) = bodies.first_mut() else { panic!("a case is opened first") };
    open.follows = 1;
    bodies.push(queued(8, "first", s.now_ms + 1_000, &[]));
    s.judge("ingest", message(), bodies);
}

/// Case 8 is given to a desk that there is not, and waits here again.
fn a_case_comes_back(s: &mut Story) {
    let desk = "nowhere".to_owned();
    let transfer = Transfer { desk: desk.clone(), ..Transfer::default() };
    let bodies = vec![
        Body::CaseHandedOver(CaseHandedOver { case: 8, desk: desk.clone() }),
        closed(8, CloseReason::HandedOver),
    ];
    s.judge("gateway", asked("tl", 8, command::Body::Transfer(transfer)), bodies);
    let failure = HandoverFailure { case: 8, desk: desk.clone(), seq: 1, ..HandoverFailure::default() };
    let bodies = vec![
        Body::HandoverFailed(HandoverFailed { case: 8, desk, reason: "there is no such desk".into() }),
        Body::CaseReopened(CaseReopened { case: 8, agent: String::new() }),
        queued(8, "first", s.now_ms + 1_000, &[]),
    ];
    s.judge("deliver", input::Body::HandoverFailure(failure), bodies);
}

/// A parser was mended, and a message is read again.
fn a_message_is_read_again(s: &mut Story, message: InputId, case: u64) {
    let reread = Reread { message: Some(message), of: Some(message), case, ..Reread::default() };
    let happened = MessageReread { case, message: Some(message), part: 0 };
    s.judge("ingest", input::Body::Reread(reread), vec![Body::MessageReread(happened)]);
}

fn other_desk_hands_over(s: &mut Story, case_there: u64, seq: u64) -> InputId {
    let next = id(s.entries.len() as u64 + 1, 0);
    let case = if seq == 11 { 9 } else { 10 };
    let provides = vec![vec![u8::try_from(seq).unwrap(); 16].into()];
    let messages = vec![Message::default(), Message { provides, ..Message::default() }];
    let handover = Handover { desk: "tenesa".into(), seq, case: case_there, messages, ..Handover::default() };
    let mut bodies = opened(case, next, s.now_ms + 1_000);
    bodies.push(queued(case, "first", s.now_ms + 1_000, &[]));
    s.judge("deliver", input::Body::Handover(handover), bodies)
}

/// Where it came from, the second message of a case that was handed over changed.
fn other_desk_says(s: &mut Story, message: InputId, case: u64, change: MessageChange) {
    let (message, part) = (Some(message), 1);
    let body = match change {
        MessageChange::Edited => Body::MessageEdited(MessageEdited { case, message, part }),
        MessageChange::Reread => Body::MessageReread(MessageReread { case, message, part }),
        _ => Body::MessageRemoved(MessageRemoved { case, message, part }),
    };
    let said = HandoverChange {
        desk: "tenesa".into(),
        seq: s.entries.len() as u64,
        index: 0,
        message: vec![11; 16].into(),
        change: change.into(),
        says: (change != MessageChange::Removed).then(Message::default),
    };
    s.judge("deliver", input::Body::HandoverChange(said), vec![body]);
}

fn journals(s: &mut Story, first_message: InputId, reply: InputId) {
    s.journals.sent.push(SentEntry {
        desk: "demo".into(),
        door: "ingest".into(),
        key: Some(key(first_message.seq, 0).iter().map(|b| format!("{b:02x}")).collect()),
        input: Some(own(first_message)),
    });
    s.journals.received = Some(vec![ReceivedEntry {
        desk: String::new(),
        channel: "email".into(),
        delivery: Delivery { seq: reply.seq, index: reply.index, part: 0 },
        wire_id: "<1@demo>".into(),
        attempt: 2,
        piece: 0,
    }]);
    s.journals.received_channels = vec!["email".into()];
}
