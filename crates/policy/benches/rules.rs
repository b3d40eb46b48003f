//! What the shipped policy costs: `cargo bench -p simpang-policy`. Plain timing: the mean over many calls.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic, missing_docs)]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use simpang_domain::facts::{AgentFacts, CaseFacts, Customer, Facts, Value};
use simpang_domain::input::AgentRecord;
use simpang_domain::rules::Rules;
use simpang_domain::words::{Channel, Name, Occasion, Role, Visibility};
use simpang_policy::{Policy, compile};

/// A Monday at nine in Jakarta.
const NOW: i64 = 1_700_445_600_000;
const SEGMENTS: [&str; 4] = ["DCS", "DBS", "DES", "DGS"];

fn main() {
    // `cargo test --benches` and `--list` only want to know that it builds and starts.
    if std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/telkom");
    let mut files = Vec::new();
    read_folder(&root, &root, &mut files);
    files.sort();
    println!("ns a call, policies/telkom\n");
    for (desk, channel) in
        [("telkomcare", Channel::X), ("tenesa", Channel::Email), ("tier2-outbound", Channel::Call)]
    {
        let began = Instant::now();
        let policy = compile(desk, &files).unwrap_or_else(|problems| panic!("{desk}: {problems:?}")).policy;
        println!("{desk}: {} rules, compiled in {} ms", policy.rules().count(), began.elapsed().as_millis());
        classify(&policy, channel);
        if desk == "telkomcare" {
            others(&policy);
        }
        println!();
    }
}

fn classify(policy: &Policy, channel: Channel) {
    let customers: Vec<Customer> = (0..10_000).map(customer).collect();
    let facts: Vec<Facts> = (0..8).map(message).collect();
    // The first pass fills the memory; the second finds everything there.
    each(100_000, |n| ask(policy, channel, &facts[n % 8], &customers[n % 8]));
    let before = policy.evaluations();
    let seen = each(100_000, |n| ask(policy, channel, &facts[n % 8], &customers[n % 8]));
    line("classify, seen combination of facts", seen);
    assert_eq!(policy.evaluations(), before, "a seen combination ran the rules");
    let fresh: Vec<Customer> =
        (0..10_000).map(|n| Customer { id: Some(format!("new-{n}").into()), ..customer(n) }).collect();
    let facts: Vec<Facts> = (0..10_000).map(|n| message(1_000 + n)).collect();
    let before = policy.evaluations();
    let new = each(10_000, |n| ask(policy, channel, &facts[n], &fresh[n]));
    let ran = policy.evaluations() - before;
    line(&format!("classify, new combination ({ran} of 10000 ran the rules)"), new);
    let traced = each(2_000, |n| drop(black_box(policy.trace(&case(channel, &facts[n], &fresh[n])))));
    line("trace, as `explain` asks", traced);
}

fn others(policy: &Policy) {
    let agents: Vec<AgentRecord> = (0..1_000).map(agent).collect();
    let queues: Vec<Name> = policy.tables().queues.iter().map(|queue| queue.name.clone()).collect();
    let admits = each(20_000, |n| {
        let record = &agents[n % agents.len()];
        let facts = AgentFacts { agent: &record.agent, record, now: NOW };
        black_box(policy.admits(&queues[n % queues.len()], &facts));
    });
    line("admits: may this agent serve this queue", admits);
    let calendar =
        policy.tables().slas.iter().flat_map(|sla| &sla.clocks).map(|clock| &clock.calendar).next().unwrap();
    let deadline = each(100_000, |n| {
        black_box(policy.deadline(calendar, NOW + n as i64 * 1_000, 3_600_000));
    });
    line("deadline of an SLA clock", deadline);
}

fn ask(policy: &Policy, channel: Channel, message: &Facts, customer: &Customer) {
    black_box(policy.classify(black_box(&case(channel, message, customer))));
}

fn case<'a>(channel: Channel, message: &'a Facts, customer: &'a Customer) -> CaseFacts<'a> {
    static NOTHING: std::sync::LazyLock<Facts> = std::sync::LazyLock::new(Facts::default);
    let is_call = channel == Channel::Call;
    CaseFacts {
        occasion: Occasion::Received,
        channel,
        account: "telkomcare",
        visibility: Visibility::Public,
        campaign: is_call.then_some("callback"),
        criterion: None,
        message,
        customer: Some(customer),
        category: &[],
        case: &NOTHING,
    }
}

fn customer(n: usize) -> Customer {
    Customer {
        id: Some(format!("c{}", n % 8).into()),
        segment: Some(SEGMENTS[n % 4].into()),
        profession: (n % 50 == 1).then(|| "writer".into()),
        facts: Facts::default(),
    }
}

fn message(n: usize) -> Facts {
    let mentions: Box<[Name]> = [format!("handle-{n}").into(), "telkomcare".into()].into();
    Facts::new([
        ("followers".into(), Value::Number(n as i64)),
        ("lang".into(), Value::Text("id".into())),
        ("mentions".into(), Value::Texts(mentions)),
    ])
}

fn agent(n: usize) -> AgentRecord {
    let level = |by: usize| u32::try_from(1 + n / by % 10).unwrap();
    AgentRecord {
        agent: format!("agent-{n}").into(),
        roles: vec![Role::Agent],
        skills: vec![
            ("analysis".into(), level(1)),
            ("complaint-handling".into(), level(3)),
            ("second-layer".into(), level(7)),
        ],
        site: Some("BDG".into()),
        groups: Vec::new(),
        since: Some(NOW - n as i64 * 86_400_000),
        qa_met: vec![true; n % 12],
        facts: Facts::new([("social_media_active".into(), Value::Flag(n.is_multiple_of(2)))]),
        capacities: Vec::new(),
        inactive: false,
    }
}

/// Mean nanoseconds a call.
fn each(times: usize, mut call: impl FnMut(usize)) -> u128 {
    let began = Instant::now();
    for n in 0..times {
        call(n);
    }
    began.elapsed().as_nanos() / times as u128
}

fn line(what: &str, nanos: u128) {
    println!("{nanos:>9}  {what}");
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_folder(root, &path, files);
        } else if path.extension().is_some_and(|ending| ending == "toml" || ending == "csv") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}
