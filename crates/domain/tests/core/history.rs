//! Random histories: whatever may reach a desk. After every input the desk agrees with a slow reading of its state, and
//! what was decided with a naive picture that knows nothing of it.

use proptest::prelude::*;
use simpang_domain::event::Happened;
use simpang_domain::facts::{Facts, Value};
use simpang_domain::input::{
    Ask, Body, Command, Contact, DeliveryClaim, DeliveryReport, FaultReport, Handover, HandoverFailure,
    Heartbeat, Message, PolicyVersion, ReferenceReport, Reread, TransferTo,
};
use simpang_domain::rules::{OverflowRule, OverflowTo, Rules};
use simpang_domain::state::{AgentIx, Case, State, Status};
use simpang_domain::words::{
    Answered, CaseId, Channel, DeliveryId, DeliveryOutcome, FieldShape, InputId, MessageKind, Name, Presence,
    ReplyKind, Role, SessionLimit, SlaClock, WaitingOn,
};

use crate::naive::Naive;
use crate::policies::policies;
use crate::support::{DAY, HOUR, MIN, TestRules, Trial, answer, contact, customer, message, record};

const AGENTS: [&str; 4] = ["ani", "budi", "citra", "tl"];
/// Who may be named, one of whom is no agent.
const NAMED: [&str; 5] = ["ani", "budi", "citra", "tl", "nobody"];
const TICKETS: [&str; 3] = ["IN1", "IN2", "IN3"];
const SEGMENTS: [&str; 5] = ["VIP", "DCS", "UNKNOWN", "DES", "ELSEWHERE"];

#[derive(Debug, Clone)]
pub(crate) enum Move {
    Pass(i64),
    Message(u8, Option<usize>, bool, Channel),
    Change(u8, MessageKind),
    /// The first message of a case by its number, and whether in its own words or those of its last edit.
    Reread(u64, bool),
    Contact(u8, bool),
    Suppress(u8, bool),
    Agent(usize, usize),
    /// Who asks, which case by its number, or which of those that they have, what they saw, and what.
    Ask(usize, u64, Option<usize>, u32, Ask),
    Handover(u64),
    Policy(Box<TestRules>),
    BadPolicy(bool),
    Failed(u64),
    Claim(usize),
    Report(usize, DeliveryOutcome),
    Ticket(usize, bool),
    Beat,
    Unreadable,
}

fn limits() -> impl Strategy<Value = Option<SessionLimit>> {
    let channels = proptest::option::of((0..3u32).prop_map(|most| (Channel::Email, most)));
    let limit = (proptest::option::of(0..3u32), channels)
        .prop_map(|(total, channels)| SessionLimit { total, channels: channels.into_iter().collect() });
    proptest::option::weighted(0.8, limit)
}

/// Outcomes of calls: of every effect, with and without what they need.
fn dispositions() -> impl Strategy<Value = Ask> {
    let path = |labels: &[&str]| labels.iter().map(|label| Name::from(*label)).collect::<Vec<_>>();
    let paths = vec![
        path(&["RNA"]),
        path(&["RNA"]),
        path(&["RNA"]),
        path(&["Contacted", "Paham"]),
        path(&["Contacted", "Reschedule"]),
        path(&["Contacted", "Setuju"]),
        path(&["Contacted", "Buka lagi"]),
        path(&["Junk"]),
        path(&["Follow up"]),
        path(&["Nowhere"]),
    ];
    let said = (any::<bool>(), any::<bool>(), 0..4u32);
    (proptest::sample::select(paths), said).prop_map(|(path, (whole, reporter, dialled))| Ask::Disposition {
        path,
        filled: if whole { vec!["nomor tiket".into()] } else { Vec::new() },
        again_at: whole.then_some(crate::support::START + 400 * DAY),
        answered: reporter.then_some(Answered::Reporter),
        dialled,
    })
}

fn asks() -> impl Strategy<Value = Ask> {
    let name = |s: &str| Name::from(s);
    prop_oneof![
        3 => any::<(bool, bool)>().prop_map(move |(ready, auto)| Ask::SignIn {
            session: "s".into(), gateway: if auto { "g1" } else { "g2" }.into(), ready, auto }),
        1 => Just(Ask::SignOut { session: None }),
        2 => (0..3u8, any::<bool>(), limits()).prop_map(|(p, auto, limit)| Ask::SetPresence {
            presence: [Presence::Ready, Presence::NotReady, Presence::AfterWork][p as usize],
            reason: if auto { "" } else { "break" }.into(), auto, limit }),
        6 => (0..4u32, prop_oneof![Just(0), Just(MIN), Just(HOUR)])
            .prop_map(|(count, wait_ms)| Ask::Pull { count, wait_ms, queues: Vec::new() }),
        1 => (1..3u32).prop_map(move |count| Ask::Pull { count, wait_ms: HOUR, queues: vec![name("vip")] }),
        6 => Just(Ask::Pull { count: 1, wait_ms: 0, queues: vec![name("calls")] }),
        1 => Just(Ask::CancelPull { pull: None }),
        4 => Just(Ask::Accept),
        1 => any::<bool>().prop_map(|why| Ask::Decline { reason: if why { "conflict" } else { "" }.into() }),
        1 => Just(Ask::Follow),
        1 => Just(Ask::Unfollow),
        2 => (0..SEGMENTS.len()).prop_map(|s| Ask::Identify { customer: customer(SEGMENTS[s]) }),
        2 => (prop_oneof![Just("vip"), Just("general"), Just("hold"), Just("skilled")],
            prop_oneof![Just(vec![]), Just(vec![name("Complaint")]), Just(vec![name("Fibre")])]).prop_map(|(q, category)| Ask::Classify {
            category, facts: Facts::new([("queue".into(), Value::Text(q.into()))]) }),
        1 => any::<bool>().prop_map(|coaching| Ask::Note { coaching }),
        9 => any::<bool>().prop_map(|resolve| Ask::Reply {
            kind: ReplyKind::Normal, to: None, category: Vec::new(), resolve }),
        14 => dispositions(),
        1 => Just(Ask::LinkReference { system: "mycx".into(), number: "1".into(), status: "open".into() }),
        1 => any::<bool>().prop_map(|keep_owner| Ask::Schedule { at: crate::support::START + 12 * HOUR, keep_owner }),
        2 => prop_oneof![Just(WaitingOn::Customer), Just(WaitingOn::ThirdParty)].prop_map(|on| Ask::Wait { on }),
        1 => prop_oneof![Just(None), Just(Some(name("boss")))].prop_map(|step| Ask::Escalate { step }),
        2 => (0..NAMED.len()).prop_map(|a| Ask::Transfer { to: TransferTo::Agent(NAMED[a].into()) }),
        1 => Just(Ask::Transfer { to: TransferTo::EndOf("general".into()) }),
        1 => Just(Ask::Transfer { to: TransferTo::Queue("vip".into()) }),
        1 => Just(Ask::Transfer { to: TransferTo::Desk("other".into()) }),
        2 => Just(Ask::TakeOver),
        1 => (1..12u64).prop_map(|c| Ask::Merge { into: CaseId(c) }),
        1 => (2..30u64).prop_map(|seq| Ask::Split { messages: vec![InputId { seq, index: 0 }] }),
        1 => Just(Ask::MarkSpam),
        2 => Just(Ask::Resolve { outcome: "".into() }),
        1 => Just(Ask::Reopen),
        1 => Just(Ask::Close),
        1 => any::<bool>().prop_map(|known| Ask::SetPriority { priority: if known { "high" } else { "none" }.into() }),
        1 => Just(Ask::Release),
        4 => (0..3u8, any::<bool>(), proptest::option::of(1..6u64)).prop_map(|(product, hard, repeats)| {
            Ask::ReportFault(Box::new(FaultReport {
                product: Some([product; 16]),
                filled: vec![("phone".into(), vec![FieldShape::Phone])],
                choices: vec![("urgency".into(), if hard { "Hard" } else { "Normal" }.into())],
                repeats: repeats.map(CaseId),
            }))
        }),
        3 => (0..3usize, any::<bool>()).prop_map(|(ticket, over)| {
            let status = if over { "closed" } else { "open" };
            Ask::LinkReference { system: "mycx".into(), number: TICKETS[ticket].into(), status: status.into() }
        }),
    ]
}

pub(crate) fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => prop_oneof![Just(1i64), Just(MIN), Just(5 * MIN), Just(20 * MIN), Just(2 * HOUR), Just(30 * HOUR),
            Just(12 * DAY)].prop_map(Move::Pass),
        8 => (0..6u8, proptest::option::of(0..SEGMENTS.len()), any::<bool>(), any::<bool>()).prop_map(|(a, s, again, x)|
            Move::Message(a, s, again, if x { Channel::X } else { Channel::Email })),
        1 => (0..6u8, 0..6usize).prop_map(|(a, k)| {
            let kinds = [MessageKind::Edit, MessageKind::Remove, MessageKind::Bounce, MessageKind::Automatic];
            kinds.get(k).map_or(Move::Reread(a.into(), k == 4), |kind| Move::Change(a, *kind))
        }),
        5 => (0..4u8, any::<bool>()).prop_map(|(number, fits)| Move::Contact(number, fits)),
        1 => (0..4u8, any::<bool>()).prop_map(|(number, lifted)| Move::Suppress(number, lifted)),
        2 => (0..AGENTS.len(), 0..5usize).prop_map(|(a, how)| Move::Agent(a, how)),
        26 => (0..NAMED.len(), 0..12u64, proptest::option::weighted(0.7, 0..4usize), 0..3u32, asks())
            .prop_map(|(a, c, own, seen, ask)| Move::Ask(a, c, own, seen, ask)),
        1 => (1..4u64).prop_map(Move::Handover),
        1 => policies().prop_map(|rules| Move::Policy(Box::new(rules))),
        1 => any::<bool>().prop_map(Move::BadPolicy),
        1 => (0..12u64).prop_map(Move::Failed),
        6 => (0..8usize).prop_map(Move::Claim),
        8 => (0..8usize, 0..8usize).prop_map(|(d, o)| Move::Report(d, DeliveryOutcome::ALL[o.saturating_sub(4)])),
        2 => (0..3usize, any::<bool>()).prop_map(|(ticket, over)| Move::Ticket(ticket, over)),
        2 => Just(Move::Beat),
        1 => Just(Move::Unreadable),
    ]
}

fn body(trial: &Trial, step: Move) -> Body {
    let nth = |n: usize, claimed: bool| -> DeliveryId {
        let all = trial.desk.state().deliveries.iter().filter(|(_, d)| d.claimed_by.is_some() || !claimed);
        let mut open: Vec<DeliveryId> = all.map(|(id, _)| *id).collect();
        open.sort_unstable();
        open.get(n % open.len().max(1)).copied().unwrap_or_default()
    };
    match step {
        Move::Pass(_) => Body::Tick,
        Move::Message(author, segment, again, channel) => {
            let base = if again { answer(author) } else { message(author) };
            // Some bear our signature, of a case that may be anywhere, or of none.
            let signed_case = (author == 5).then_some(CaseId(u64::from(segment.is_some()) * 3 + 1));
            let customer = segment.map(|s| customer(SEGMENTS[s]));
            // And some the number of their own case, or of whichever is the first.
            let own = trial.desk.state().by_author.get(&([author; 16], channel)).map_or(1, |case| case.0);
            let tag = Value::Number(own.cast_signed());
            let tag = (author == 3).then(|| (Name::from("subject_tag"), tag));
            let facts = Facts::new(tag);
            Body::Message(Message { customer, channel, signed_case, facts, ..base })
        }
        Move::Change(author, kind) => {
            Body::Message(Message { kind, joins: vec![[author; 16]], ..message(author) })
        }
        Move::Reread(case, own) => {
            let state = trial.desk.state();
            let messages = state.cases.get(&CaseId(case)).map_or(&[][..], |case| &case.messages[..]);
            let message = messages.first().map_or(InputId { seq: 1, index: 0 }, |member| member.id());
            let of = state.changed.get(&(message, 0)).copied().flatten().filter(|_| !own).unwrap_or(message);
            Body::Reread(Reread { message, part: 0, of, case: CaseId(case) })
        }
        Move::Contact(number, fits) => Body::Contact(called(number, fits)),
        Move::Suppress(number, lifted) => {
            let numbers = called(number, true).numbers;
            Body::Suppression(simpang_domain::input::Suppression { numbers, lifted })
        }
        Move::Agent(a, how) => Body::Agent(agent(a, how)),
        Move::Handover(at) => {
            let messages = vec![message(7), answer(7)];
            Body::Handover(Handover { desk: "other".into(), position: (at, 0), messages })
        }
        Move::Policy(_) => version(trial, true),
        Move::BadPolicy(compiled) => version(trial, compiled),
        Move::Failed(case) => {
            let (case, desk, reason) = (CaseId(case), "other".into(), "too-large".into());
            Body::HandoverFailure(HandoverFailure { case, desk, reason })
        }
        Move::Ask(a, case, own, seen, ask) => Body::Command(command(trial, (a, case, own, seen), ask)),
        Move::Claim(n) => Body::Claim(DeliveryClaim { delivery: nth(n, false), deliverer: "d".into() }),
        Move::Report(n, outcome) => {
            let delivery = nth(n, n % 4 > 0);
            let attempt = trial.desk.state().deliveries.get(&delivery).map_or(0, |d| d.attempts);
            Body::Report(DeliveryReport {
                delivery,
                attempt,
                outcome,
                detail: "".into(),
                source: Some([200; 16]),
                retry_after_ms: 5_000,
            })
        }
        Move::Ticket(ticket, over) => Body::ReferenceReport(ReferenceReport {
            system: "mycx".into(),
            number: TICKETS[ticket].into(),
            status: if over { "closed" } else { "open" }.into(),
        }),
        Move::Beat => Body::Heartbeat(Heartbeat { gateway: "g1".into(), began: false }),
        Move::Unreadable => Body::Unreadable("noise".into()),
    }
}

/// A policy: the one that comes with it, or one that can't be taken.
fn version(trial: &Trial, good: bool) -> Body {
    let next = trial.desk.state().policy_version + 1;
    let version = if good { next } else { 1 };
    Body::Policy(PolicyVersion { version, digest: [2; 32], cites: "".into(), errors: Vec::new() })
}

/// A command: half of them name whoever may ask this, of a case of which it may be asked.
fn command(trial: &Trial, (a, case, own, seen): (usize, u64, Option<usize>, u32), ask: Ask) -> Command {
    let no_case = matches!(
        ask,
        Ask::SignIn { .. }
            | Ask::SignOut { .. }
            | Ask::SetPresence { .. }
            | Ask::Pull { .. }
            | Ask::CancelPull { .. }
    );
    let blind = (NAMED[a].into(), CaseId(case));
    let (principal, case) = own.and_then(|nth| fitting(trial, nth, &ask)).unwrap_or(blind);
    let found = trial.desk.state().cases.get(&case).filter(|_| own.is_some());
    let ask = match (ask, found) {
        (Ask::Split { .. }, Some(case)) => {
            Ask::Split { messages: case.messages.iter().map(|m| m.id()).take(1).collect() }
        }
        (Ask::Transfer { to: TransferTo::Agent(to) }, Some(_)) => {
            // Now and then to one who is there and may serve nothing.
            let barred = |ix: &AgentIx| {
                let agent = trial.desk.state().agents.get(*ix);
                agent.session.is_some() && agent.admissions.is_empty()
            };
            let barred = trial.desk.state().agents.places().find(barred);
            let to = barred.map_or(to, |ix| trial.desk.state().agents.id(ix));
            Ask::Transfer { to: TransferTo::Agent(to) }
        }
        (Ask::CancelPull { .. }, Some(case)) => Ask::CancelPull { pull: case.rare().untouched },
        (ask, _) => ask,
    };
    Command { principal, seen_messages: seen, case: if no_case { CaseId(0) } else { case }, ask }
}

/// Who may ask this, and of which case: a leader of any, else who has the case or is offered it.
fn fitting(trial: &Trial, nth: usize, ask: &Ask) -> Option<(Name, CaseId)> {
    let state = trial.desk.state();
    let leads = matches!(ask, Ask::Follow | Ask::Unfollow | Ask::TakeOver | Ask::SetPriority { .. });
    let fits = |case: &&Case| match ask {
        Ask::SignIn { .. } | Ask::SignOut { .. } | Ask::SetPresence { .. } | Ask::Pull { .. } => false,
        Ask::Accept | Ask::Decline { .. } => matches!(case.status, Status::Offered { .. }),
        Ask::CancelPull { .. } => case.rare().untouched.is_some(),
        Ask::Disposition { .. } => case.calling.is_some() && case.holder().is_some(),
        Ask::Unfollow => !case.rare().followers.is_empty(),
        Ask::Split { .. } => case.holder().is_some() && case.messages.len() > 1,
        Ask::LinkReference { .. } => {
            let tickets = case.rare().tickets.as_ref();
            case.holder().is_some() && tickets.is_some_and(|tickets| !tickets.faults.is_empty())
        }
        _ => leads || case.holder().is_some(),
    };
    let mut all: Vec<&Case> = state.cases.values().map(|case| &**case).filter(fits).collect();
    // Whose customer wrote again comes first among those that are answered.
    let written =
        |case: &Case| matches!(ask, Ask::Reply { .. }) && case.clock(SlaClock::NextResponse).is_some();
    all.sort_unstable_by_key(|case| (!written(case), case.id));
    let among = if all.first().is_some_and(|case| written(case)) { 1 } else { all.len().max(1) };
    let case = all.get(nth % among)?;
    let has = case.holder().or(case.occupies()).map(|ix| state.agents.id(ix));
    Some((has.filter(|_| !leads).unwrap_or_else(|| "tl".into()), case.id))
}

/// Somebody to be called; with two numbers, or none of the criteria, or a call that was too short.
fn called(number: u8, fits: bool) -> Contact {
    let minutes = Facts::new([("minutes".into(), Value::Number(5))]);
    Contact {
        author: Some([70 + number; 16]),
        numbers: vec![[70 + number; 16], [80 + number; 16]],
        criterion: (fits || number > 0).then(|| "vvip".into()),
        facts: if fits || number == 0 { Facts::default() } else { minutes },
        ..contact()
    }
}

/// Junior, senior, in a group that may serve nothing, with room of their own for one, gone.
fn agent(a: usize, how: usize) -> simpang_domain::input::AgentRecord {
    let roles = if AGENTS[a] == "tl" { vec![Role::TeamLeader] } else { vec![Role::Agent] };
    let groups: &[&str] = match how {
        1 => &["senior"],
        2 => &["nowhere"],
        _ => &[],
    };
    let mut record = record(AGENTS[a], groups, &roles);
    if a.is_multiple_of(2) {
        record.skills = vec![("fibre".into(), 5)];
    }
    if how == 3 {
        record.capacities = vec![(Channel::Email, 1)];
    }
    record.inactive = how == 4;
    record
}

/// The test rules, with all that moves a case by itself.
pub(crate) fn ruled() -> TestRules {
    let mut rules = TestRules::default();
    for queue in &mut rules.tables.queues {
        match &*queue.name {
            "general" => {
                queue.unanswered_ms = Some(2 * HOUR);
                queue.overflow =
                    Some(OverflowRule { after_ms: HOUR, to: OverflowTo::Queue("skilled".into()) });
            }
            "vip" => {
                queue.wrap_up_ms = MIN;
                queue.overflow =
                    Some(OverflowRule { after_ms: 20 * HOUR, to: OverflowTo::Desk("other".into()) });
            }
            _ => {}
        }
    }
    rules.rosters = vec![("leaders", vec![("tl", "day", 8, 12)])];
    rules
}

/// A history under the test rules.
pub(crate) fn play(steps: Vec<Move>) -> Trial {
    play_by(ruled(), steps)
}

/// A history under any rules.
pub(crate) fn play_by(mut rules: TestRules, steps: Vec<Move>) -> Trial {
    rules.tables.version = 1;
    let mut trial = Trial::with(rules.clone());
    let mut naive = Naive::new(rules);
    for (a, name) in AGENTS.iter().enumerate() {
        trial.judge(Body::Agent(agent(a, usize::from(a == 1))));
        trial.sign_in(name, false);
    }
    for (input, events) in &trial.history {
        naive.see(input, events, None);
    }
    for (n, step) in steps.into_iter().enumerate() {
        if let Move::Pass(ms) = step {
            trial.now += ms;
        }
        let brought = match &step {
            Move::Policy(rules) => Some(TestRules::clone(rules)),
            Move::BadPolicy(true) => None,
            Move::BadPolicy(false) => Some(ruled()),
            _ => None,
        };
        let brought = brought.map(|mut rules| {
            rules.tables.version = trial.desk.state().policy_version + 1;
            rules
        });
        let body = body(&trial, step);
        let key =
            u8::try_from(n % 5).ok().filter(|_| matches!(body, Body::Message(_)) && n.is_multiple_of(7));
        trial.judge_with(key, body, brought.clone());
        let (input, events) = trial.history.last().unwrap();
        let wrong = naive.see(input, events, brought.as_ref());
        let events: Vec<_> = events.iter().take(40).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\nafter {input:?}\n{events:?}");
        holds(trial.desk.state(), trial.desk.rules());
        fits(&trial);
    }
    trial
}

/// Whoever just got a case, or an offer of one, has no more than they may, by their own word too.
fn fits(trial: &Trial) {
    let (state, rules) = (trial.desk.state(), trial.desk.rules());
    for event in &trial.history.last().unwrap().1 {
        let (Happened::CaseAssigned { agent, case, .. } | Happened::CaseOffered { agent, case, .. }) =
            &event.body
        else {
            continue;
        };
        let ix = state.agent_ix(agent).unwrap();
        // What they hold of other channels may be more: a lowered limit takes nothing away.
        let fits = state.cases.get(case).is_none_or(|case| state.fits(ix, case.channel, rules));
        assert!(fits, "{agent} took more than they want: {:?}", state.agents.get(ix).limit);
    }
}

/// What must hold after every input, read slowly off the state.
fn holds(state: &State, rules: &TestRules) {
    for ix in state.agents.places() {
        let agent = state.agents.get(ix);
        for channel in Channel::ALL {
            let held =
                state.cases.values().filter(|c| c.channel == *channel && c.occupies() == Some(ix)).count();
            assert_eq!(held, agent.load_on(*channel) as usize, "{} on {channel:?}", agent.record.agent);
        }
        assert!(
            agent.session.is_some() || agent.working.is_empty(),
            "{} works without session",
            agent.record.agent
        );
        if agent.is_ready() {
            let could = state.cases.values().find(|c| {
                c.status == Status::Queued
                    && agent.asks_for(rules.tables().queue(&c.queue).unwrap())
                    && !rules.tables().queue(&c.queue).unwrap().held
                    && agent.admitted(&c.queue).is_some_and(|from| from <= c.step)
                    && c.skills.iter().all(|s| agent.record.level(s) > 0)
                    && state.has_room(ix, c.channel, rules)
            });
            assert!(
                could.is_none(),
                "{} is idle while case {:?} waits",
                agent.record.agent,
                could.map(|c| c.id)
            );
        }
    }
    let open = state.cases.values().filter(|c| c.is_open()).count() as u64;
    assert_eq!(open, state.open_cases);
    assert!(!state.cases.values().any(|c| c.status == Status::Loose), "a case is nowhere");
    for case in state.cases.values().filter(|c| c.status == Status::Queued) {
        let class = state.demand.get(case.class.unwrap());
        assert!(class.cases.contains(&(case.key, case.id)));
    }
    let listed: usize = state.demand.places().map(|ix| state.demand.get(ix).cases.len()).sum();
    assert_eq!(listed, state.cases.values().filter(|c| c.status == Status::Queued).count());
    tickets_lead_to_their_cases(state);
    assert!(state.timers.next().is_none_or(|due| due > state.now), "a timer is overdue");
}

/// Products and tickets lead to the cases that have them, and to no others.
fn tickets_lead_to_their_cases(state: &State) {
    let tickets = || state.cases.values().flat_map(|case| case.rare().tickets.iter().map(|t| (case.id, t)));
    let mut faults: Vec<_> =
        tickets().flat_map(|(id, t)| t.faults.iter().map(move |fault| (fault.product, id))).collect();
    faults.sort_unstable();
    assert_eq!(faults, state.faults.iter().map(|(product, id)| (*product, *id)).collect::<Vec<_>>());
    let mut references: Vec<_> = tickets()
        .flat_map(|(id, t)| t.references.iter().map(move |r| ((r.system.clone(), r.number.clone()), id)))
        .collect();
    references.sort();
    let mut known: Vec<_> = state
        .references
        .iter()
        .flat_map(|(ticket, cases)| cases.iter().map(move |id| (ticket.clone(), *id)))
        .collect();
    known.sort();
    assert_eq!(references, known);
}
