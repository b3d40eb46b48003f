//! A desk's log in memory on which the core itself judges: every input is judged at once and committed, as a router
//! does it.

use bytes::Bytes;
use prost::Message as _;
use simpang_log::{Anchor, ChainWriter, DeskLog, DeskName, Door, Entry, LogStore, MemoryStore, Tail};
use simpang_proto::log::v1::{self, command, input};
use simpang_replay::fold::{Fold, Pending};

/// Queue `care` asks for a skill and a group; queue `general` for nothing.
pub(crate) const POLICY: &str = r#"
[desk]
title = "Test"
zone = "UTC"
[defaults]
priority = "normal"
[[account]]
channel = "email"
account = "a@example.com"
[capacity]
email = 2
[limits]
key_memory = "30d"
reopening = "7d"
settle = "3d"
grace = "1h"
[[priority]]
name = "normal"
head_start = "0s"
[[priority]]
name = "vip"
head_start = "4h"
[[queue]]
name = "general"
rank = 2
offer = "10m"
[[queue]]
name = "care"
rank = 1
offer = "10m"
skills = ["care"]
serve = '"experts" in agent.groups'
[[rule]]
name = "vip"
when = 'customer.segment == "VIP"'
priority = "vip"
queue = "care"
[[rule]]
name = "rest"
when = "true"
queue = "general"
"#;

/// Who writes the commits.
const WRITER: &str = "router@test/1";

/// A desk `test` that is judged as its inputs come.
pub(crate) struct Judged {
    /// Where it is written; the audit service's tests follow it from here.
    #[allow(dead_code)]
    pub(crate) store: MemoryStore,
    pub(crate) desk: DeskName,
    log: std::sync::Arc<dyn DeskLog>,
    tail: Tail,
    fold: Fold,
    chain: ChainWriter,
    sent: u32,
}

impl Judged {
    /// Takes the desk over and applies the policy.
    pub(crate) async fn new() -> Self {
        let (store, desk) = (MemoryStore::new(), DeskName::new("test").unwrap());
        let log = store.create(&desk).await.unwrap();
        let (tail, chain) = (Tail::start(log.clone(), Anchor::Start), ChainWriter::new(&desk, Anchor::Start));
        let mut judged = Self { store, log, tail, fold: Fold::new(&desk), chain, sent: 0, desk };
        let taken = judged.fold.take_over(WRITER);
        judged.commit(v1::Position::default(), 0, vec![simpang_wire::event::write(&taken)]).await;
        judged.policy(1, POLICY).await;
        judged
    }

    /// Applies a policy, by the text of its desk.
    pub(crate) async fn policy(&mut self, version: u64, text: &str) {
        let file = |path: &str, text: &str| v1::PolicyFile { path: path.into(), text: text.into() };
        let manifest = format!("name = \"test\"\nversion = {version}\ndesks = [\"test\"]\n");
        let files = vec![file("desks/test.toml", text), file("policy.toml", &manifest)];
        let document = v1::PolicyDocument { version, files, ..v1::PolicyDocument::default() };
        self.input(Door::Gateway, input::Body::Policy(document)).await;
    }

    /// Appends an input and judges it; gives its sequence.
    pub(crate) async fn input(&mut self, door: Door, body: input::Body) -> u64 {
        self.sent += 1;
        let mut key = [9; 16];
        key[..4].copy_from_slice(&self.sent.to_be_bytes());
        let input = v1::Input { key: key.to_vec().into(), body: Some(body), ..v1::Input::default() };
        let record = v1::InputRecord { schema: 1, writer: "test@here/1".into(), inputs: vec![input] };
        let payload = Bytes::from(record.encode_to_vec());
        let seq = self.log.append(door, payload.clone()).await.unwrap();
        self.chain.absorb(seq, door, &payload);
        let mut entry = self.tail.next().await.unwrap();
        while entry.seq < seq {
            entry = self.tail.next().await.unwrap();
        }
        self.fold.take(&entry).unwrap();
        let Pending { input, rules } = self.fold.pending.pop_front().unwrap();
        let version = self.fold.desk.state().policy_version;
        let events = self.fold.desk.judge(&input, rules);
        let events = events.iter().map(simpang_wire::event::write).collect();
        self.commit(v1::Position { seq, index: 0, step: 0 }, version, events).await;
        seq
    }

    async fn commit(&mut self, through: v1::Position, policy_version: u64, events: Vec<v1::Event>) {
        let commit = v1::Commit {
            decided_through: Some(through),
            policy_version,
            writer: WRITER.into(),
            epoch: 1,
            events,
            ..v1::Commit::default()
        };
        let sealed = self.chain.seal(commit).unwrap();
        let seq = self.log.commit(sealed.payload.clone(), sealed.previous_seq).await.unwrap();
        self.chain.written(&sealed, seq);
    }

    pub(crate) async fn command(&mut self, principal: &str, case: u64, body: command::Body) -> u64 {
        let command =
            v1::Command { principal: principal.into(), case, body: Some(body), ..v1::Command::default() };
        self.input(Door::Gateway, input::Body::Command(command)).await
    }

    /// An agent of the group `experts` with a level of the skill `care`.
    pub(crate) async fn agent(&mut self, agent: &str, care: u32) {
        let skill = (care > 0).then(|| v1::Skill { name: "care".into(), level: care });
        let record = v1::AgentRecord {
            agent: agent.into(),
            roles: vec![v1::Role::Agent.into(), v1::Role::TeamLeader.into()],
            skills: skill.into_iter().collect(),
            groups: vec!["experts".into()],
            ..v1::AgentRecord::default()
        };
        self.input(Door::Gateway, input::Body::Agent(record)).await;
    }

    pub(crate) async fn sign_in(&mut self, agent: &str, ready: bool) {
        let session = format!("s-{agent}");
        let body = command::Body::SignIn(v1::SignIn { session, gateway: "g".into(), ready, auto: false });
        self.command(agent, 0, body).await;
    }

    pub(crate) async fn pull(&mut self, agent: &str) {
        let pull = v1::Pull { count: 1, wait_ms: 600_000, queues: Vec::new() };
        self.command(agent, 0, command::Body::Pull(pull)).await;
    }

    /// A mail of the n-th customer.
    pub(crate) async fn mail(&mut self, n: u8, segment: &str) -> u64 {
        let customer =
            v1::Customer { id: format!("c{n}"), segment: segment.into(), ..v1::Customer::default() };
        let message = v1::Message {
            channel: v1::Channel::Email.into(),
            account: "a@example.com".into(),
            kind: v1::MessageKind::New.into(),
            visibility: v1::Visibility::Private.into(),
            author: vec![n; 16].into(),
            customer: Some(customer),
            content: Some(v1::Sealed::default()),
            ..v1::Message::default()
        };
        self.input(Door::Ingest, input::Body::Message(message)).await
    }

    /// A floor where case 1 comes to agents who ask, case 2 waits until one asks, and a team leader takes case 2 over; case 3
    /// waits.
    pub(crate) async fn floor() -> Self {
        let mut desk = Self::new().await;
        for (agent, care) in
            [("away", 9), ("best", 8), ("good", 5), ("idle", 9), ("pausing", 9), ("unskilled", 0)]
        {
            desk.agent(agent, care).await;
        }
        for (agent, ready) in
            [("best", true), ("good", true), ("idle", true), ("pausing", false), ("unskilled", true)]
        {
            desk.sign_in(agent, ready).await;
        }
        for agent in ["good", "best", "unskilled"] {
            desk.pull(agent).await;
        }
        desk.mail(1, "VIP").await;
        desk.command("good", 0, command::Body::CancelPull(v1::CancelPull { pull: None })).await;
        desk.mail(2, "VIP").await;
        desk.mail(3, "VIP").await;
        desk.pull("idle").await;
        desk.command("good", 2, command::Body::TakeOver(v1::TakeOver {})).await;
        desk
    }

    /// Everything on the log, as a verified reader sees it.
    pub(crate) async fn entries(&self) -> Vec<Entry> {
        let last = self.log.last_seq().await.unwrap();
        let mut tail = Tail::start(self.log.clone(), Anchor::Start);
        let mut all = Vec::new();
        while let Some(entry) = tail.read_until(last).await.unwrap() {
            all.push(entry);
        }
        all
    }
}
