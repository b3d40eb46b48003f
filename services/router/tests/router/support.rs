//! A desk on the in-memory log, with writers of inputs and the checker at the end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use simpang_checker::{Checker, Journals, Options as CheckerOptions, RawRecord, Report, Terms};
use simpang_log::tail::Body;
use simpang_log::{
    Anchor, Appender, DeskLog, DeskName, Door, Limits, LogStore, MemoryDesk, MemoryStore, Place, RecordKind,
    Tail,
};
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::{self, Input, command, input};
use simpang_replay::verify::Verifier;
use simpang_router::{DeskStatus, Options, Router, Snapshots};

const POLICY: &str = r#"
[desk]
title = "Test"
zone = "UTC"

[defaults]
priority = "normal"

[[account]]
channel = "email"
account = "a@example.com"

[capacity]
email = 3

[limits]
key_memory = "30d"
reopening = "7d"
settle = "3d"
grace = "60s"

[[priority]]
name = "normal"
head_start = "0s"

[[priority]]
name = "vip"
head_start = "4h"

[[queue]]
name = "general"
rank = 2
offer = "30s"

[[queue]]
name = "vip"
rank = 1
offer = "30s"

[[rule]]
name = "vip"
when = 'customer.segment == "VIP"'
priority = "vip"
queue = "vip"

[[rule]]
name = "rest"
when = "true"
queue = "QUEUE"
"#;

/// A desk `test` whose log lives in memory.
pub(crate) struct Desk {
    store: Arc<MemoryStore>,
    pub(crate) log: Arc<dyn DeskLog>,
    ingest: Appender,
    gateway: Appender,
    requests: AtomicU32,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let name = DeskName::new("test").unwrap();
        let log = store.create(&name).await.unwrap();
        let appender = |door| Appender::new(log.clone(), door, "test", Limits::default());
        Self {
            ingest: appender(Door::Ingest),
            gateway: appender(Door::Gateway),
            store,
            log,
            requests: AtomicU32::new(0),
        }
    }

    /// A router that keeps snapshots in a folder.
    pub(crate) async fn keeping(&self, dir: &Path, every_events: u64) -> Router {
        let mut options = Options::new(self.store.clone(), "router@test/keeping".into());
        options.snapshots = Some(Snapshots::on_disk(dir, every_events));
        Router::start(options).await.unwrap()
    }

    /// The log with its fault switches.
    pub(crate) fn memory(&self) -> Arc<MemoryDesk> {
        self.store.desk(self.log.desk())
    }

    pub(crate) async fn router(&self, name: &str, eager: bool) -> Router {
        let mut options = Options::new(self.store.clone(), format!("router@test/{name}"));
        options.eager = eager;
        options.takeover_after = Duration::from_millis(200);
        Router::start(options).await.unwrap()
    }

    /// A router that keeps its marks in a folder.
    pub(crate) async fn router_with_marks(&self, dir: &std::path::Path) -> Router {
        let mut options = Options::new(self.store.clone(), "router@test/marked".into());
        options.marks = Some(dir.to_owned());
        Router::start(options).await.unwrap()
    }

    /// The broker restarts over a damaged store and ends the log here.
    pub(crate) fn lose_tail(&self, seq: u64) {
        self.store.desk(self.log.desk()).lose_tail(seq);
    }

    async fn gateway(&self, body: input::Body) -> Place {
        let n = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut key = [7; 16];
        key[..4].copy_from_slice(&n.to_be_bytes());
        let input = Input { key: key.to_vec().into(), body: Some(body), ..Input::default() };
        self.gateway.append(input).await.unwrap()
    }

    pub(crate) async fn policy(&self, version: u64) -> Place {
        // Each version sends everything to another queue, so that open cases move.
        let queue = if version % 2 == 1 { "general" } else { "vip" };
        self.policy_text(version, &POLICY.replace("QUEUE", queue)).await
    }

    pub(crate) async fn policy_text(&self, version: u64, desk: &str) -> Place {
        let manifest = format!("name = \"test\"\nversion = {version}\ndesks = [\"test\"]\n");
        let file = |path: &str, text: &str| v1::PolicyFile { path: path.into(), text: text.into() };
        let files = vec![file("desks/test.toml", desk), file("policy.toml", &manifest)];
        let document = v1::PolicyDocument { version, files, applied_by: "test".into(), cites: String::new() };
        self.gateway(input::Body::Policy(document)).await
    }

    pub(crate) async fn agent(&self, agent: &str) -> Place {
        let roles = vec![v1::Role::Agent.into()];
        let record = v1::AgentRecord { agent: agent.into(), roles, ..v1::AgentRecord::default() };
        self.gateway(input::Body::Agent(record)).await
    }

    pub(crate) async fn ask(&self, principal: &str, case: u64, body: command::Body) -> Place {
        let command = v1::Command { principal: principal.into(), seen_messages: 0, case, body: Some(body) };
        self.gateway(input::Body::Command(command)).await
    }

    pub(crate) async fn sign_in(&self, agent: &str) -> Place {
        let session = format!("s-{agent}");
        let sign_in = v1::SignIn { session, gateway: "g".into(), ready: true, auto: false };
        self.ask(agent, 0, command::Body::SignIn(sign_in)).await
    }

    pub(crate) async fn pull(&self, agent: &str, count: u32, wait_ms: i64) -> Place {
        self.ask(agent, 0, command::Body::Pull(v1::Pull { count, wait_ms, queues: Vec::new() })).await
    }

    pub(crate) async fn mail(&self, author: u8) -> Place {
        self.ingest.append(mail(u32::from(author), "")).await.unwrap()
    }

    /// Starts the doors anew, as an operator does after a lost tail: those that were there refuse to write on.
    pub(crate) fn restart_doors(&mut self) {
        self.ingest = Appender::new(self.log.clone(), Door::Ingest, "test", Limits::default());
    }

    pub(crate) async fn mails(&self, from: u32, count: u32) -> Place {
        let all = (from..from + count).map(|n| mail(n, "")).collect();
        *self.ingest.append_all(all).await.unwrap().last().unwrap()
    }

    pub(crate) async fn command_by_wrong_door(&self) {
        let body = input::Body::Command(v1::Command::default());
        self.ingest.append(Input { body: Some(body), ..Input::default() }).await.unwrap();
    }

    /// Waits until the log shows that this input is judged to its end.
    pub(crate) async fn decided(&self, place: Place) {
        let judged = async {
            let mut tail = Tail::start(self.log.clone(), Anchor::Start);
            loop {
                if let Body::Commit { commit, .. } = tail.next().await.unwrap().body {
                    let at = commit.decided_through.unwrap();
                    let past = (at.seq, at.index) > (place.seq, place.index);
                    if past || ((at.seq, at.index) == (place.seq, place.index) && at.step == 0) {
                        return;
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), judged).await.expect("the input is judged");
    }

    /// Where the first commit stands that judged an input in part.
    pub(crate) async fn first_part(&self) -> u64 {
        let is_part = |entry: &simpang_log::Entry| match &entry.body {
            Body::Commit { commit, .. } => commit.decided_through.unwrap().step != 0,
            _ => false,
        };
        self.entries().await.iter().find(|entry| is_part(entry)).expect("an input was cut in parts").seq
    }

    async fn entries(&self) -> Vec<simpang_log::Entry> {
        let last = self.log.last_seq().await.unwrap();
        let mut tail = Tail::start(self.log.clone(), Anchor::Start);
        let mut all = Vec::new();
        while let Some(entry) = tail.read_until(last).await.unwrap() {
            all.push(entry);
        }
        all
    }

    pub(crate) async fn events(&self) -> Vec<Happened> {
        let commits = self.entries().await.into_iter().filter_map(|entry| match entry.body {
            Body::Commit { commit, .. } => Some(commit.events),
            _ => None,
        });
        commits.flatten().filter_map(|event| event.body).collect()
    }

    pub(crate) async fn epochs(&self) -> Vec<u64> {
        let taken = self.events().await.into_iter().filter_map(|event| match event {
            Happened::DeskTaken(taken) => Some(taken.epoch),
            _ => None,
        });
        taken.collect()
    }

    /// Judges the log again and lets the checker see it; both have to hold.
    pub(crate) async fn check(&self, quiescent: bool) -> Report {
        let options = CheckerOptions {
            quiescent,
            terms: Terms { default_capacity: [(v1::Channel::Email, 3)].into(), ..Terms::default() },
            ..CheckerOptions::default()
        };
        let mut checker = Checker::with("test", options);
        let mut verifier = Verifier::new(self.log.desk());
        for entry in self.entries().await {
            let kind = match &entry.body {
                Body::Inputs { door, .. } | Body::Unreadable { door, .. } => RecordKind::Input(*door),
                Body::Commit { .. } => RecordKind::Commit,
            };
            checker.feed(RawRecord::new(
                entry.seq,
                entry.at_ms,
                kind.subject(self.log.desk()),
                entry.payload.clone(),
            ));
            verifier.take(&entry).unwrap();
        }
        let verdict = verifier.finish();
        assert_eq!(verdict.differences, Vec::<String>::new());
        assert!(verdict.judged > 0);
        let report = checker.finish(&Journals::default());
        assert!(report.holds, "{report}");
        report
    }

    /// A few agents and many messages, in an order that the seed decides.
    pub(crate) async fn random_floor(&self, seed: u64, steps: u32) -> Place {
        let mut dice = Dice(seed);
        let agents = ["ani", "budi", "citra"];
        for agent in agents {
            self.agent(agent).await;
            self.sign_in(agent).await;
        }
        let mut last = self.mail(0).await;
        for n in 1..=steps {
            let agent = agents[dice.below(3) as usize];
            let case = 1 + dice.below(40);
            last = match dice.below(12) {
                0..=3 => {
                    let segment = if dice.below(3) == 0 { "VIP" } else { "DES" };
                    self.ingest.append(mail(n, segment)).await.unwrap()
                }
                4..=5 => {
                    self.pull(agent, 1 + dice.below(3) as u32, [0, 5, 60_000][dice.below(3) as usize]).await
                }
                _ => self.ask(agent, case, dice.ask()).await,
            };
        }
        last
    }
}

/// Random enough, and the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn ask(&mut self) -> command::Body {
        match self.below(9) {
            0 => command::Body::Release(v1::Release {}),
            1 => command::Body::Resolve(v1::Resolve { outcome: "ok".into() }),
            2 => command::Body::Wait(v1::Wait { on: v1::WaitingOn::Customer.into() }),
            3 => command::Body::Close(v1::Close {}),
            4 => command::Body::Identify(v1::Identify {
                customer: Some(v1::Customer { segment: "VIP".into(), ..v1::Customer::default() }),
            }),
            5 => command::Body::SignIn(v1::SignIn {
                session: format!("s-{}", self.below(1_000_000)),
                gateway: "g".into(),
                ready: true,
                auto: self.below(2) == 0,
            }),
            6 => command::Body::Accept(v1::Accept {}),
            7 => command::Body::CancelPull(v1::CancelPull { pull: None }),
            _ => command::Body::Reopen(v1::Reopen {}),
        }
    }
}

/// A mail of the n-th customer.
fn mail(n: u32, segment: &str) -> Input {
    let mut key = [1; 16];
    key[..4].copy_from_slice(&n.to_be_bytes());
    let customer = (!segment.is_empty()).then(|| v1::Customer {
        id: format!("c{n}"),
        segment: segment.into(),
        ..v1::Customer::default()
    });
    let message = v1::Message {
        channel: v1::Channel::Email.into(),
        account: "a@example.com".into(),
        kind: v1::MessageKind::New.into(),
        visibility: v1::Visibility::Private.into(),
        provides: vec![key.to_vec().into()],
        author: key.to_vec().into(),
        customer,
        content: Some(v1::Sealed::default()),
        ..v1::Message::default()
    };
    Input { key: key.to_vec().into(), body: Some(input::Body::Message(message)), ..Input::default() }
}

pub(crate) fn desk_taken(writer: &str, epoch: u64, core_version: &str) -> v1::Event {
    let taken = v1::DeskTaken { writer: writer.into(), epoch, core_version: core_version.into() };
    v1::Event { caused_by: Some(v1::InputId::default()), at_ms: 0, body: Some(Happened::DeskTaken(taken)) }
}

/// Waits until the router reads along and does not own the desk.
pub(crate) async fn following(router: &Router) {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while !matches!(router.statuses()["test"], DeskStatus::Following) {
        assert!(std::time::Instant::now() < deadline, "the desk is still owned: {:?}", router.statuses());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Why the router does not judge the desk, once it stops to.
pub(crate) async fn stopped(router: &Router) -> String {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        if let DeskStatus::Stopped(reason) = &router.statuses()["test"] {
            return reason.clone();
        }
        assert!(std::time::Instant::now() < deadline, "the desk is judged on: {:?}", router.statuses());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
