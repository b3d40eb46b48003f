//! The core with the shipped policy, without any log: what one decision costs, and what an open case.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use simpang_domain::desk::Desk;
use simpang_domain::event::{Event, Happened};
use simpang_domain::facts::Facts;
use simpang_domain::input::{AgentRecord, Ask, Body, Command, Input};
use simpang_domain::words::{CaseId, InputId, Role};
use simpang_proto::log::v1;
use simpang_replay::rules::{ActiveRules, compile};
use simpang_wire::Names;
use simpang_wire::input::Door;

use super::report::Measure;
use super::traffic::{DESK, Traffic};
use super::{Run, machine, scene};

/// A Monday at nine in Jakarta.
const NOW_MS: i64 = 1_700_445_600_000;
/// Agents who are signed in, and groups of skills among them.
const AGENTS: u32 = 5_000;
const SKILL_GROUPS: u32 = 20;
/// Pulls that are timed, each with a resolve.
const PULLS: u32 = 10_000;

/// A desk and the next input's place.
struct Bench {
    desk: Desk<ActiveRules>,
    names: Names,
    seq: u64,
}

pub(super) fn measure(run: &mut Run) -> Result<()> {
    run.progress.inc(1);
    let mut bench = Bench { desk: Desk::new(ActiveRules::default()), names: Names::new(), seq: 0 };
    bench.take_policy(&scene::policy_input(&run.files));
    let count = run.size.judged;
    let traffic = Traffic::new();
    let wire: Vec<v1::Input> = (0..count).map(|n| traffic.input(n)).collect();
    let began = Instant::now();
    let inputs: Vec<Input> = wire.iter().map(|input| bench.read(input)).collect();
    let read = began.elapsed();
    // What was freed before would else be used again, and not be seen.
    simpang_allocator::give_back();
    let before = machine::resident();
    let began = Instant::now();
    for input in &inputs {
        std::hint::black_box(bench.desk.judge(input, None));
    }
    let judged = began.elapsed();
    simpang_allocator::give_back();
    let held = machine::resident().saturating_sub(before);
    let open = bench.desk.state().open_cases;
    ensure!(open > 0, "no case was opened");
    let report = &mut run.report;
    let each = |time: Duration, n: u64| time.as_secs_f64() * 1e6 / n as f64;
    report.add(Measure::cost("core.read", "core: read one message", "µs"), each(read, count));
    report.add(
        Measure::cost("core.judge", "core: judge one message, policy and SLA on", "µs"),
        each(judged, count),
    );
    report.add(
        Measure::cost("core.memory", "core: memory an open case", "KiB").aiming(1.0, 0.5),
        held as f64 / 1024.0 / open as f64,
    );
    let pulled = bench.pull();
    report.add(
        Measure::cost("core.pull", format!("core: pull or resolve, {AGENTS} agents, {count} cases"), "µs")
            .aiming(3.0, 1.5),
        each(pulled, u64::from(PULLS) * 2),
    );
    Ok(())
}

impl Bench {
    fn next(&mut self, body: Body) -> Input {
        self.seq += 1;
        Input { id: InputId { seq: self.seq, index: 0 }, at: NOW_MS, key: None, body }
    }

    fn take_policy(&mut self, wire: &v1::Input) {
        self.seq += 1;
        let mut rules = None;
        let id = InputId { seq: self.seq, index: 0 };
        let input =
            simpang_wire::input::read_with(&mut self.names, id, NOW_MS, Door::Gateway, wire, |document| {
                let (version, compiled) = compile(DESK, document);
                rules = compiled;
                version
            });
        self.desk.judge(&input, rules);
    }

    fn read(&mut self, wire: &v1::Input) -> Input {
        self.seq += 1;
        let id = InputId { seq: self.seq, index: 0 };
        simpang_wire::input::read_with(&mut self.names, id, NOW_MS, Door::Ingest, wire, |document| {
            compile(DESK, document).0
        })
    }

    fn ask(&mut self, agent: u32, case: CaseId, ask: Ask) -> Input {
        let principal = format!("agent-{agent}").into();
        self.next(Body::Command(Command { principal, seen_messages: 0, case, ask }))
    }

    fn judge(&mut self, input: &Input) -> Vec<Event> {
        self.desk.judge(input, None)
    }

    /// Signs everybody in, then times pulls and what gives their capacity back.
    fn pull(&mut self) -> Duration {
        for n in 0..AGENTS {
            let record = self.next(Body::Agent(agent(n)));
            self.judge(&record);
            let session = format!("session-{n}").into();
            let sign_in = Ask::SignIn { session, gateway: "gateway".into(), ready: true, auto: false };
            let sign_in = self.ask(n, CaseId(0), sign_in);
            self.judge(&sign_in);
        }
        let mut spent = Duration::ZERO;
        for n in 0..PULLS {
            let agent = n.wrapping_mul(7_919) % AGENTS;
            let pull = self.ask(agent, CaseId(0), Ask::Pull { count: 1, wait_ms: 0, queues: Vec::new() });
            let began = Instant::now();
            let events = self.judge(&pull);
            spent += began.elapsed();
            let given = events.iter().find_map(|event| match event.body {
                Happened::CaseAssigned { case, .. } => Some(case),
                _ => None,
            });
            let resolve =
                self.ask(agent, given.unwrap_or(CaseId(0)), Ask::Resolve { outcome: "done".into() });
            let began = Instant::now();
            std::hint::black_box(self.judge(&resolve));
            spent += began.elapsed();
        }
        spent
    }
}

fn agent(n: u32) -> AgentRecord {
    let skill = format!("skill-{:02}", n % SKILL_GROUPS).into();
    AgentRecord {
        agent: format!("agent-{n}").into(),
        roles: vec![Role::Agent],
        skills: vec![(skill, 1 + n % 10)],
        site: Some("BDG".into()),
        groups: Vec::new(),
        since: Some(NOW_MS - i64::from(n % 1_000) * 86_400_000),
        qa_met: vec![true; usize::try_from(n % 12).unwrap_or(0)],
        facts: Facts::default(),
        capacities: Vec::new(),
        inactive: false,
    }
}
