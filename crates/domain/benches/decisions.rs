//! What one decision of the core costs, against the number of open cases and of agents, and what a million open cases
//! take in memory and as a snapshot: `cargo bench -p simpang-domain`, the latter alone with `-- snapshot`.
//!
//! Plain timing, no statistics: the figure is the mean over a few tens of thousands of decisions, after the desk was
//! filled. Cases need one of twenty skills, each agent has one, SLA clocks run, and every message is another person's.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use simpang_domain::desk::Desk;
use simpang_domain::event::{Event, Happened};
use simpang_domain::facts::{AgentFacts, CaseFacts, Facts, Value};
use simpang_domain::input::{AgentRecord, Ask, Body, Command, Input, Message, PolicyVersion};
use simpang_domain::rules::{
    Classification, ClockRule, NoPolicy, PriorityRule, QueueRule, Rules, SlaRule, Tables,
};
use simpang_domain::state::State;
use simpang_domain::stored::{Reader, Stored as _, Writer};
use simpang_domain::words::{
    CaseId, Channel, InputId, MessageKind, Millis, Name, QueueMode, Role, SlaClock, Visibility,
};

const SKILLS: u32 = 20;
const ROUNDS: u32 = 20_000;
/// A Monday, 09:00 UTC.
const START: Millis = 1_700_470_800_000;
const HOUR: i64 = 3_600_000;

/// One queue; a case needs the skill that its message names.
#[derive(Debug, Clone)]
struct BySkill {
    tables: Tables,
    none: NoPolicy,
    words: Words,
}

/// Names that are made once, as a policy and the reader of inputs make them.
#[derive(Debug, Clone)]
struct Words {
    rule: Name,
    high: Name,
    normal: Name,
    queue: Name,
    sla: Name,
    account: Name,
    skill: Name,
    skills: Vec<Name>,
}

impl Words {
    fn new() -> Self {
        Self {
            rule: "by-skill".into(),
            high: "high".into(),
            normal: "normal".into(),
            queue: "general".into(),
            sla: "standard".into(),
            account: "bench".into(),
            skill: "skill".into(),
            skills: (0..SKILLS).map(|n| format!("skill-{n:02}").into()).collect(),
        }
    }
}

impl BySkill {
    fn new() -> Self {
        let none = NoPolicy::default();
        let clock = |clock, target_ms| ClockRule {
            clock,
            target_ms,
            calendar: "always".into(),
            warn_percent: vec![50, 80],
            pause_on_customer: false,
            pause_on_third_party: false,
            pause_on_scheduled: false,
            on_breach: Vec::new(),
        };
        let mut tables = none.tables().clone();
        tables.version = 1;
        tables.queues = vec![QueueRule {
            name: "general".into(),
            rank: 0,
            skills: Vec::new(),
            mode: QueueMode::Both,
            offer_ms: 30_000,
            sticky: true,
            widen_after_ms: Vec::new(),
            held: false,
            overflow: None,
            unanswered_ms: None,
            wrap_up_ms: 0,
        }];
        tables.priorities = vec![
            PriorityRule { name: "high".into(), head_start_ms: 4 * HOUR },
            PriorityRule { name: "normal".into(), head_start_ms: 0 },
        ];
        // Long enough that none is due while the bench runs.
        let clocks =
            vec![clock(SlaClock::FirstResponse, 500 * HOUR), clock(SlaClock::Resolution, 900 * HOUR)];
        tables.slas = vec![SlaRule { name: "standard".into(), clocks }];
        tables.capacities = vec![(Channel::X, 4)];
        Self { tables, none, words: Words::new() }
    }
}

impl Rules for BySkill {
    fn tables(&self) -> &Tables {
        &self.tables
    }

    fn classify(&self, facts: &CaseFacts<'_>) -> Classification {
        let skill = match facts.message.get("skill") {
            Some(Value::Text(skill)) => vec![skill.clone()],
            _ => Vec::new(),
        };
        let is_high = matches!(facts.message.get("high"), Some(Value::Flag(true)));
        Classification {
            rule: self.words.rule.clone(),
            segment: None,
            priority: if is_high { &self.words.high } else { &self.words.normal }.clone(),
            queue: self.words.queue.clone(),
            skills: skill,
            sla: Some(self.words.sla.clone()),
            actions: Vec::new(),
        }
    }

    fn admits(&self, _: &str, _: &AgentFacts<'_>) -> Option<u32> {
        Some(0)
    }

    fn deadline(&self, calendar: &str, from: Millis, work_ms: i64) -> Millis {
        self.none.deadline(calendar, from, work_ms)
    }

    fn worked(&self, calendar: &str, from: Millis, to: Millis) -> i64 {
        self.none.worked(calendar, from, to)
    }

    fn day(&self, at: Millis) -> (i64, Millis) {
        self.none.day(at)
    }

    fn may_call_from(&self, _: &str, _: Option<&str>, at: Millis) -> Millis {
        at
    }

    fn enters(&self, _: &CaseFacts<'_>) -> bool {
        true
    }
}

struct Bench {
    desk: Desk<BySkill>,
    agents: u32,
    seq: u64,
    people: u64,
}

impl Bench {
    fn new(cases: u64, agents: u32) -> Self {
        let mut bench = Self { desk: Desk::new(BySkill::new()), agents, seq: 0, people: 0 };
        let version =
            PolicyVersion { version: 1, digest: [1; 32], cites: "bench".into(), errors: Vec::new() };
        let policy = bench.input(Body::Policy(version));
        bench.desk.judge(&policy, Some(BySkill::new()));
        for n in 0..agents {
            bench.sign_in(n);
        }
        for _ in 0..cases {
            let message = bench.message();
            bench.desk.judge(&message, None);
        }
        bench
    }

    fn input(&mut self, body: Body) -> Input {
        self.seq += 1;
        let key = u128::from(self.seq).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes();
        let at = START + i64::try_from(self.seq / 100).unwrap();
        Input { id: InputId { seq: self.seq, index: 0 }, at, key: Some(key), body }
    }

    fn message(&mut self) -> Input {
        self.people += 1;
        let n = self.people;
        let key = (u128::from(n) << 64 | u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).to_be_bytes();
        let words = &self.desk.rules().words;
        let skill = words.skills[usize::try_from(n % u64::from(SKILLS)).unwrap()].clone();
        let facts = Facts::new([
            (words.high.clone(), Value::Flag(n.is_multiple_of(10))),
            (words.skill.clone(), Value::Text(skill)),
        ]);
        let account = words.account.clone();
        self.input(Body::Message(Message {
            channel: Channel::X,
            account,
            kind: MessageKind::New,
            visibility: Visibility::Public,
            source: Some(key),
            joins: Vec::new(),
            provides: vec![key],
            signed_case: None,
            author: Some(key),
            customer: None,
            facts,
            automatic: false,
        }))
    }

    fn ask(&mut self, agent: u32, case: CaseId, ask: Ask) -> Input {
        let principal = format!("agent-{agent}").into();
        self.input(Body::Command(Command { principal, seen_messages: 0, case, ask }))
    }

    fn sign_in(&mut self, n: u32) {
        let record = self.input(Body::Agent(AgentRecord {
            agent: format!("agent-{n}").into(),
            roles: vec![Role::Agent],
            skills: vec![(format!("skill-{:02}", n % SKILLS).into(), 1 + n / SKILLS % 10)],
            site: None,
            groups: Vec::new(),
            since: None,
            qa_met: Vec::new(),
            facts: Facts::default(),
            capacities: Vec::new(),
            inactive: false,
        }));
        self.desk.judge(&record, None);
        let session = format!("session-{n}").into();
        let ask = Ask::SignIn { session, gateway: "gateway".into(), ready: true, auto: false };
        let sign_in = self.ask(n, CaseId(0), ask);
        self.desk.judge(&sign_in, None);
    }

    fn timed(&mut self, input: &Input, spent: &mut Duration) -> Vec<Event> {
        let began = Instant::now();
        let events = black_box(self.desk.judge(black_box(input), None));
        *spent += began.elapsed();
        events
    }

    /// A pull that finds a case, its resolution, and a message that opens another: as many cases wait as before.
    fn steady(&mut self) -> [Duration; 3] {
        let mut spent = [Duration::ZERO; 3];
        for n in 0..ROUNDS {
            let agent = n.wrapping_mul(7_919) % self.agents;
            let pull = self.ask(agent, CaseId(0), Ask::Pull { count: 1, wait_ms: 0, queues: Vec::new() });
            let case = assigned(&self.timed(&pull, &mut spent[0])).expect("a case for every skill waits");
            let resolve = self.ask(agent, case, Ask::Resolve { outcome: "done".into() });
            self.timed(&resolve, &mut spent[1]);
            let message = self.message();
            self.timed(&message, &mut spent[2]);
        }
        spent
    }

    /// Everybody waits, and a message goes to one of them at once; they resolve it and wait again.
    fn waited_for(&mut self) -> Duration {
        for n in 0..self.agents {
            let pull = self.wait(n);
            self.desk.judge(&pull, None);
        }
        let mut spent = Duration::ZERO;
        for _ in 0..ROUNDS {
            let message = self.message();
            let events = self.timed(&message, &mut spent);
            let case = assigned(&events).expect("somebody with the skill waits");
            let agent = events.iter().find_map(|event| match &event.body {
                Happened::CaseAssigned { agent, .. } => agent.strip_prefix("agent-")?.parse().ok(),
                _ => None,
            });
            let agent: u32 = agent.unwrap();
            let resolve = self.ask(agent, case, Ask::Resolve { outcome: "done".into() });
            self.desk.judge(&resolve, None);
            let pull = self.wait(agent);
            self.desk.judge(&pull, None);
        }
        spent
    }

    fn wait(&mut self, agent: u32) -> Input {
        self.ask(agent, CaseId(0), Ask::Pull { count: 1, wait_ms: HOUR, queues: Vec::new() })
    }
}

fn assigned(events: &[Event]) -> Option<CaseId> {
    events.iter().find_map(|event| match event.body {
        Happened::CaseAssigned { case, .. } => Some(case),
        _ => None,
    })
}

/// Memory that the process holds, bytes; 0 where the system does not tell.
fn resident() -> usize {
    let told = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    told.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Processor time of this thread: what other work on the machine does not stretch. 0 where the system does not tell.
fn processor() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

/// A million open cases: what they hold, and what writing and reading them takes.
fn snapshot() {
    const CASES: u64 = 1_000_000;
    let before = resident();
    let bench = Bench::new(CASES, 5_000);
    let held = resident().saturating_sub(before);
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut give = |part| parts.push(part);
    let (began, worked) = (Instant::now(), processor());
    let mut to = Writer::new(&mut give);
    bench.desk.state().store(&mut to);
    to.finish();
    let written = (began.elapsed(), processor().saturating_sub(worked));
    let bytes: usize = parts.iter().map(Vec::len).sum();
    let (began, worked) = (Instant::now(), processor());
    let mut parts = parts.into_iter();
    let mut next = || parts.next();
    let state = State::load(&mut Reader::new(&mut next)).unwrap();
    let read = (began.elapsed(), processor().saturating_sub(worked));
    assert_eq!(state.open_cases, bench.desk.state().open_cases);
    println!("\n{CASES} open cases: {} bytes of memory each", held / 1_000_000);
    println!("snapshot: {} bytes each", bytes / 1_000_000);
    for (what, (spent, worked)) in [("written", written), ("read", read)] {
        println!("{what} in {spent:.2?}, {worked:.2?} of processor time");
    }
}

fn nanos(spent: Duration) -> u128 {
    spent.as_nanos() / u128::from(ROUNDS)
}

fn main() {
    // `cargo test --benches` and `--list` only want to know that it builds and starts.
    if std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        return;
    }
    if std::env::args().any(|arg| arg == "snapshot") {
        return snapshot();
    }
    println!("ns a decision, {SKILLS} skill groups, SLA clocks on, every input with a key of its own\n");
    println!(
        "{:>9} {:>7} {:>8} {:>8} {:>8} {:>10}",
        "cases", "agents", "pull", "resolve", "message", "all three"
    );
    for (cases, agents) in
        [(1_000, 5_000), (100_000, 100), (100_000, 5_000), (1_000_000, 100), (1_000_000, 5_000)]
    {
        let [pull, resolve, message] = Bench::new(cases, agents).steady().map(nanos);
        let mean = (pull + resolve + message) / 3;
        println!("{cases:>9} {agents:>7} {pull:>8} {resolve:>8} {message:>8} {mean:>10}");
    }
    println!(
        "\n{:>9} {:>7} {:>8}   a message while everybody waits, with its assignment",
        "cases", "agents", "message"
    );
    for agents in [100, 1_000, 5_000] {
        let message = nanos(Bench::new(0, agents).waited_for());
        println!("{:>9} {agents:>7} {message:>8}", 0);
    }
    snapshot();
}
