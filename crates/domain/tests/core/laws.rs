//! Laws over random histories: what is judged folds to the same state; grouping and repetition change nothing; and
//! after every input the desk agrees with a slow reading of what must hold.

use proptest::prelude::*;
use simpang_domain::desk::Desk;
use simpang_domain::event::Happened;
use simpang_domain::facts::{Facts, Value};
use simpang_domain::input::{
    Ask, Body, DeliveryClaim, DeliveryReport, FaultReport, HandoverFailure, Heartbeat, Input, Message,
    PolicyVersion, ReferenceReport, TransferTo,
};
use simpang_domain::rules::{OverflowRule, OverflowTo, Rules};
use simpang_domain::state::{State, Status};
use simpang_domain::words::{
    CaseId, Channel, DeliveryId, DeliveryOutcome, FieldShape, InputId, MessageKind, Name, Presence,
    ReplyKind, SessionLimit, WaitingOn,
};

use crate::support::{DAY, HOUR, MIN, TestRules, Trial, answer, contact, customer, message, record};

const AGENTS: [&str; 4] = ["ani", "budi", "citra", "tl"];
/// Who may be named, one of whom is no agent.
const NAMED: [&str; 5] = ["ani", "budi", "citra", "tl", "nobody"];
const TICKETS: [&str; 3] = ["IN1", "IN2", "IN3"];
const SEGMENTS: [&str; 4] = ["VIP", "DCS", "UNKNOWN", "DES"];

#[derive(Debug, Clone)]
pub(crate) enum Move {
    Pass(i64),
    Message(u8, Option<usize>, bool),
    Change(u8, MessageKind),
    Contact,
    Suppress(bool),
    Agent(usize, bool),
    Ask(usize, u64, u32, Ask),
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
    proptest::option::of(limit)
}

fn asks() -> impl Strategy<Value = Ask> {
    let name = |s: &str| Name::from(s);
    prop_oneof![
        3 => any::<(bool, bool)>().prop_map(move |(ready, auto)| Ask::SignIn {
            session: "s".into(), gateway: "g1".into(), ready, auto }),
        1 => Just(Ask::SignOut { session: None }),
        2 => (0..3u8, any::<bool>(), limits()).prop_map(|(p, auto, limit)| Ask::SetPresence {
            presence: [Presence::Ready, Presence::NotReady, Presence::AfterWork][p as usize],
            reason: "".into(), auto, limit }),
        6 => (0..4u32, prop_oneof![Just(0), Just(MIN), Just(HOUR)])
            .prop_map(|(count, wait_ms)| Ask::Pull { count, wait_ms, queues: Vec::new() }),
        1 => (1..3u32).prop_map(move |count| Ask::Pull { count, wait_ms: HOUR, queues: vec![name("vip")] }),
        1 => Just(Ask::CancelPull { pull: None }),
        2 => Just(Ask::Accept),
        1 => Just(Ask::Decline { reason: "".into() }),
        1 => Just(Ask::Follow),
        1 => Just(Ask::Unfollow),
        2 => (0..SEGMENTS.len()).prop_map(|s| Ask::Identify { customer: customer(SEGMENTS[s]) }),
        2 => prop_oneof![Just("vip"), Just("general"), Just("hold"), Just("skilled")].prop_map(|q| Ask::Classify {
            category: Vec::new(), facts: Facts::new([("queue".into(), Value::Text(q.into()))]) }),
        1 => Just(Ask::Note { coaching: false }),
        4 => any::<bool>().prop_map(|resolve| Ask::Reply {
            kind: ReplyKind::Normal, to: None, category: Vec::new(), resolve }),
        2 => Just(Ask::Disposition { path: vec!["RNA".into()], filled: Vec::new(), again_at: None, answered: None, dialled: 0 }),
        1 => Just(Ask::Disposition { path: vec!["Contacted".into(), "Paham".into()], filled: Vec::new(), again_at: None,
            answered: None, dialled: 0 }),
        1 => Just(Ask::LinkReference { system: "mycx".into(), number: "1".into(), status: "open".into() }),
        1 => Just(Ask::Disposition { path: vec!["Follow up".into()], filled: Vec::new(), again_at: None, answered: None,
            dialled: 2 }),
        1 => any::<bool>().prop_map(|keep_owner| Ask::Schedule { at: crate::support::START + 12 * HOUR, keep_owner }),
        2 => prop_oneof![Just(WaitingOn::Customer), Just(WaitingOn::ThirdParty)].prop_map(|on| Ask::Wait { on }),
        1 => Just(Ask::Escalate { step: None }),
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
        1 => Just(Ask::SetPriority { priority: "high".into() }),
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
        3 => prop_oneof![Just(1i64), Just(MIN), Just(20 * MIN), Just(2 * HOUR), Just(30 * HOUR),
            Just(12 * DAY)].prop_map(Move::Pass),
        8 => (0..6u8, proptest::option::of(0..SEGMENTS.len()), any::<bool>())
            .prop_map(|(a, s, again)| Move::Message(a, s, again)),
        1 => (0..6u8, 0..4usize).prop_map(|(a, k)| Move::Change(a, [MessageKind::Edit, MessageKind::Remove,
            MessageKind::Bounce, MessageKind::Automatic][k])),
        2 => Just(Move::Contact),
        1 => any::<bool>().prop_map(Move::Suppress),
        2 => (0..AGENTS.len(), any::<bool>()).prop_map(|(a, senior)| Move::Agent(a, senior)),
        20 => (0..NAMED.len(), 0..12u64, 0..2u32, asks()).prop_map(|(a, c, seen, ask)| Move::Ask(a, c, seen, ask)),
        1 => (0..12u64).prop_map(Move::Failed),
        4 => (0..8usize).prop_map(Move::Claim),
        4 => (0..8usize, 0..4usize).prop_map(|(d, o)| Move::Report(d, DeliveryOutcome::ALL[o])),
        2 => (0..3usize, any::<bool>()).prop_map(|(ticket, over)| Move::Ticket(ticket, over)),
        2 => Just(Move::Beat),
        1 => Just(Move::Unreadable),
    ]
}

fn body(trial: &Trial, step: Move) -> Body {
    let nth = |n: usize| -> DeliveryId {
        let mut open: Vec<DeliveryId> = trial.desk.state().deliveries.keys().copied().collect();
        open.sort_unstable();
        open.get(n % open.len().max(1)).copied().unwrap_or_default()
    };
    match step {
        Move::Pass(_) => Body::Tick,
        Move::Message(author, segment, again) => {
            let base = if again { answer(author) } else { message(author) };
            Body::Message(Message { customer: segment.map(|s| customer(SEGMENTS[s])), ..base })
        }
        Move::Change(author, kind) => {
            Body::Message(Message { kind, joins: vec![[author; 16]], ..message(author) })
        }
        Move::Contact => Body::Contact(contact()),
        Move::Suppress(lifted) => {
            Body::Suppression(simpang_domain::input::Suppression { numbers: contact().numbers, lifted })
        }
        Move::Agent(a, senior) => Body::Agent(agent(a, senior)),
        Move::Failed(case) => {
            let (case, desk, reason) = (CaseId(case), "other".into(), "too-large".into());
            Body::HandoverFailure(HandoverFailure { case, desk, reason })
        }
        Move::Ask(a, case, seen, ask) => {
            let no_case = matches!(
                ask,
                Ask::SignIn { .. }
                    | Ask::SignOut { .. }
                    | Ask::SetPresence { .. }
                    | Ask::Pull { .. }
                    | Ask::CancelPull { .. }
            );
            let case = CaseId(if no_case { 0 } else { case });
            Body::Command(simpang_domain::input::Command {
                principal: NAMED[a].into(),
                seen_messages: seen,
                case,
                ask,
            })
        }
        Move::Claim(n) => Body::Claim(DeliveryClaim { delivery: nth(n), deliverer: "d".into() }),
        Move::Report(n, outcome) => {
            let delivery = nth(n);
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

fn agent(a: usize, senior: bool) -> simpang_domain::input::AgentRecord {
    use simpang_domain::words::Role;
    let roles = if AGENTS[a] == "tl" { vec![Role::TeamLeader] } else { vec![Role::Agent] };
    let mut record = record(AGENTS[a], if senior { &["senior"] } else { &[] }, &roles);
    if a.is_multiple_of(2) {
        record.skills = vec![("fibre".into(), 5)];
    }
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

pub(crate) fn play(steps: Vec<Move>) -> Trial {
    let mut trial = Trial::with(ruled());
    for (a, name) in AGENTS.iter().enumerate() {
        trial.judge(Body::Agent(agent(a, a == 1)));
        trial.sign_in(name, false);
    }
    for (n, step) in steps.into_iter().enumerate() {
        if let Move::Pass(ms) = step {
            trial.now += ms;
        }
        let body = body(&trial, step);
        let key =
            u8::try_from(n % 5).ok().filter(|_| matches!(body, Body::Message(_)) && n.is_multiple_of(7));
        trial.judge_with(key, body, None);
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
            assert!(
                held <= rules.tables().capacity(*channel) as usize,
                "{} over capacity",
                agent.record.agent
            );
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
    let tickets = || state.cases.values().flat_map(|case| case.tickets.iter().map(|t| (case.id, t)));
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_judged_folds_to_the_same_state_and_every_invariant_holds_after_every_input(
        steps in proptest::collection::vec(moves(), 1..120)
    ) {
        play(steps).assert_fold_is_equal();
    }

    #[test]
    fn judging_again_decides_the_same(steps in proptest::collection::vec(moves(), 1..80)) {
        let trial = play(steps);
        let mut again = Desk::new(ruled());
        for (input, events) in &trial.history {
            let rules = matches!(input.body, Body::Policy(_)).then(ruled);
            prop_assert_eq!(&again.judge(input, rules), events);
        }
    }

    #[test]
    fn a_desk_that_was_folded_goes_on_like_one_that_judged(
        steps in proptest::collection::vec(moves(), 10..80), cut in 0..200usize
    ) {
        let trial = play(steps);
        let cut = cut % trial.history.len();
        let mut resumed = Desk::new(ruled());
        for (n, (input, events)) in trial.history.iter().enumerate() {
            let rules = matches!(input.body, Body::Policy(_)).then(ruled);
            if n < cut {
                resumed.fold(input, events, rules);
            } else {
                prop_assert_eq!(&resumed.judge(input, rules), events);
            }
        }
    }

    #[test]
    fn a_repeated_input_changes_nothing_but_says_so(steps in proptest::collection::vec(moves(), 1..40)) {
        let mut trial = play(steps);
        trial.judge_with(Some(99), Body::Message(message(9)), None);
        let before = trial.desk.state().clone();
        let first = trial.history.last().unwrap().0.clone();
        let again = Input { id: InputId { seq: first.id.seq + 1, index: 0 }, ..first };
        let events = trial.desk.judge(&again, None);
        prop_assert_eq!(events.len(), 1);
        prop_assert_eq!(trial.desk.state(), &before);
    }
}

/// Timers that are due before a policy stand before it among what follows from it.
#[test]
fn a_policy_that_came_while_timers_were_due_holds_after_folding_too() {
    let mut trial = Trial::new();
    trial.judge(Body::Message(message(1)));
    trial.now += 12 * HOUR;
    let mut rules = [TestRules::default(), TestRules::default()];
    rules[1].tables.version = 2;
    rules[1].tables.queues.retain(|queue| &*queue.name != "hold");
    let version = |version| PolicyVersion { version, digest: [2; 32], cites: "".into(), errors: Vec::new() };
    let events = trial.judge_with(None, Body::Policy(version(2)), Some(rules[1].clone()));
    assert!(!matches!(events[0], Happened::PolicyApplied { .. }), "a timer fired first: {events:?}");
    let mut folded = Desk::new(TestRules::default());
    for (input, events) in &trial.history {
        let brought = match &input.body {
            Body::Policy(policy) => Some(rules[usize::try_from(policy.version - 1).unwrap()].clone()),
            _ => None,
        };
        folded.fold(input, events, brought);
    }
    assert_eq!(folded.rules().tables(), trial.desk.rules().tables());
    assert_eq!(folded.state(), trial.desk.state());
}
