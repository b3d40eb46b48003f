//! A real router judges a desk in memory; what `explain` recomputes from its log has to be what the router did.

use std::sync::Arc;
use std::time::Duration;

use simpang_log::{Appender, DeskLog, DeskName, Door, Limits, LogStore, MemoryStore, Place};
use simpang_proto::log::v1::{self, Input, command, input};
use simpang_replay::fold::Fold;
use simpang_router::{Options, Router};
use simpang_wire::key::Keyer;

use serde_json::{Value, json};

use super::{account, layout};

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
sticky = true
[[queue]]
name = "vip"
rank = 1
offer = "10m"
skills = ["care"]
serve = '"experts" in agent.groups'
[[queue.widen]]
after = "1h"
[[rule]]
name = "vip"
when = 'customer.segment == "VIP"'
priority = "vip"
queue = "vip"
[[rule]]
name = "rest"
when = "true"
queue = "general"
"#;

struct Desk {
    log: Arc<dyn DeskLog>,
    ingest: Appender,
    gateway: Appender,
    keyer: Keyer,
    sent: u32,
    router: Router,
}

impl Desk {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let log = store.create(&DeskName::new("test").unwrap()).await.unwrap();
        let appender = |door| Appender::new(log.clone(), door, "test", Limits::default());
        let router = Router::start(Options::new(store, "router@test/1".into())).await.unwrap();
        let (ingest, gateway) = (appender(Door::Ingest), appender(Door::Gateway));
        let mut desk = Self { log, ingest, gateway, keyer: Keyer::new(&[7; 16]), sent: 0, router };
        desk.policy().await;
        desk
    }

    fn input(&mut self, body: input::Body) -> Input {
        self.sent += 1;
        let key = self.keyer.key(simpang_wire::key::Purpose::Idempotency, &[&self.sent.to_be_bytes()]);
        Input { key: key.to_vec().into(), body: Some(body), ..Input::default() }
    }

    async fn command(&mut self, agent: &str, case: u64, body: command::Body) -> Place {
        let command = v1::Command { principal: agent.into(), seen_messages: 0, case, body: Some(body) };
        let input = self.input(input::Body::Command(command));
        self.gateway.append(input).await.unwrap()
    }

    async fn policy(&mut self) {
        let manifest = "name = \"test\"\nversion = 1\ndesks = [\"test\"]\n";
        let file = |path: &str, text: &str| v1::PolicyFile { path: path.into(), text: text.into() };
        let files = vec![file("desks/test.toml", POLICY), file("policy.toml", manifest)];
        let document = v1::PolicyDocument { version: 1, files, ..v1::PolicyDocument::default() };
        let input = self.input(input::Body::Policy(document));
        self.gateway.append(input).await.unwrap();
    }

    async fn agent(&mut self, agent: &str, care: u32, groups: &[&str]) {
        let record = v1::AgentRecord {
            agent: agent.into(),
            // Leaders too, so that anybody may put any case back.
            roles: vec![v1::Role::Agent.into(), v1::Role::TeamLeader.into()],
            skills: (care > 0).then(|| v1::Skill { name: "care".into(), level: care }).into_iter().collect(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..v1::AgentRecord::default()
        };
        let input = self.input(input::Body::Agent(record));
        self.gateway.append(input).await.unwrap();
    }

    async fn sign_in(&mut self, agent: &str, ready: bool, auto: bool) {
        let session = format!("{agent}-{}", self.sent);
        let body = command::Body::SignIn(v1::SignIn { session, gateway: "g".into(), ready, auto });
        self.command(agent, 0, body).await;
    }

    async fn pull(&mut self, agent: &str, count: u32, wait_ms: i64) -> Place {
        let body = command::Body::Pull(v1::Pull { count, wait_ms, queues: Vec::new() });
        self.command(agent, 0, body).await
    }

    async fn mail(&mut self, author: u64, segment: &str) -> Place {
        let message = v1::Message {
            channel: v1::Channel::Email.into(),
            account: "a@example.com".into(),
            kind: v1::MessageKind::New.into(),
            author: self.keyer.person("email", &author.to_string()).to_vec().into(),
            customer: Some(v1::Customer {
                id: format!("c-{author}"),
                segment: segment.into(),
                ..v1::Customer::default()
            }),
            ..v1::Message::default()
        };
        let input = self.input(input::Body::Message(message));
        self.ingest.append(input).await.unwrap()
    }

    /// Waits until the input is judged.
    async fn judged(&self, place: Place) {
        let judged = async {
            let mut tail = simpang_log::Tail::start(self.log.clone(), simpang_log::Anchor::Start);
            let mut fold = Fold::new(self.log.desk());
            loop {
                fold.follow(&tail.next().await.unwrap()).unwrap();
                if (fold.decided.seq, fold.decided.index) >= (place.seq, place.index)
                    && fold.decided.step == 0
                {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), judged).await.expect("the input is judged");
    }

    /// The account of a case as programs and as people read it.
    async fn explain(&self, case: u64) -> (Value, String) {
        let account = account(&self.log, case).await.unwrap();
        (serde_json::to_value(&account).unwrap(), layout::layout(&account).join("\n"))
    }
}

fn choices(account: &Value) -> impl Iterator<Item = &Value> {
    account["steps"].as_array().into_iter().flatten().filter_map(|step| step.get("choice"))
}

fn of<'a>(choice: &'a Value, agent: &str) -> &'a Value {
    choice["agents"].as_array().unwrap().iter().find(|standpoint| standpoint["agent"] == agent).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_agent_has_a_reason_for_getting_the_case_or_not() {
    let mut desk = Desk::new().await;
    for (agent, care, groups) in [
        ("away", 9, &["experts"][..]),
        ("best", 8, &["experts"]),
        ("good", 5, &["experts"]),
        ("idle", 9, &["experts"]),
        ("novice", 9, &[]),
        ("pausing", 9, &["experts"]),
        ("unskilled", 0, &["experts"]),
    ] {
        desk.agent(agent, care, groups).await;
    }
    for agent in ["good", "best", "novice", "unskilled"] {
        desk.sign_in(agent, true, true).await;
    }
    desk.sign_in("idle", true, false).await;
    desk.sign_in("pausing", false, false).await;
    let place = desk.mail(1, "VIP").await;
    desk.judged(place).await;
    let (account, page) = desk.explain(1).await;
    let choice = choices(&account).next().unwrap();
    assert_eq!((&choice["chosen"], &choice["agrees"]), (&json!("best"), &json!(true)));
    assert_eq!((&of(choice, "best")["rank"], &of(choice, "good")["rank"]), (&json!(1), &json!(2)));
    for (agent, reason) in [
        ("away", "not signed in"),
        ("idle", "not asking: no pull waits"),
        ("novice", "may serve queue vip only from widening step 1 on; step 0 holds"),
        ("pausing", "not ready (not-ready)"),
        ("unskilled", "lacks care"),
    ] {
        assert_eq!(of(choice, agent)["reasons"], json!([reason]), "{agent}");
    }
    for told in [
        "rules  held: vip",
        "less 4 h of priority vip",
        "best       GOT IT, ranked 1: proficiency 8",
        "the same",
    ] {
        assert!(page.contains(told), "`{told}` is missing in\n{page}");
    }
    desk.router.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_says_which_case_came_first_over_all_queues() {
    let mut desk = Desk::new().await;
    desk.agent("ani", 5, &["experts"]).await;
    desk.sign_in("ani", true, false).await;
    desk.mail(1, "").await;
    desk.mail(2, "VIP").await;
    desk.mail(3, "VIP").await;
    let place = desk.pull("ani", 1, 0).await;
    desk.judged(place).await;
    let (account, _) = desk.explain(2).await;
    let choice = choices(&account).next().unwrap();
    assert_eq!(choice["agrees"], true);
    let heads: Vec<_> =
        choice["queues"].as_array().unwrap().iter().map(|head| (&head["queue"], &head["case"])).collect();
    assert_eq!(heads, [(&json!("vip"), &json!(2)), (&json!("general"), &json!(1))]);
    assert_eq!((&choice["behind"][0]["case"], &choice["behind_in_all"]), (&json!(3), &json!(1)));
    let (account, _) = desk.explain(3).await;
    let waits = &account["waits"];
    assert_eq!(of(waits, "ani")["reasons"], json!(["not asking: no pull waits"]));
    assert_eq!(waits["because"], "no agent who may take it asks for work and has room");
    desk.router.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recomputed_is_what_the_router_did_on_a_busy_floor() {
    let mut desk = Desk::new().await;
    let agents = ["ani", "budi", "citra", "dewi"];
    for (agent, care) in agents.iter().zip([3, 0, 7, 3]) {
        desk.agent(agent, care, &["experts"]).await;
        desk.sign_in(agent, true, false).await;
    }
    let mut dice = 42_u64;
    let mut throw = |n: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % n
    };
    let mut last = desk.mail(0, "").await;
    for _ in 0..900 {
        let agent = agents[usize::try_from(throw(4)).unwrap()];
        let case = 1 + throw(30);
        last = match throw(10) {
            0 => desk.mail(throw(8), if throw(3) == 0 { "VIP" } else { "" }).await,
            1..=3 => desk.pull(agent, 2, if throw(2) == 0 { 600_000 } else { 0 }).await,
            4 => {
                desk.sign_in(agent, true, throw(2) == 0).await;
                continue;
            }
            5..=7 => desk.command(agent, case, command::Body::Release(v1::Release {})).await,
            8 => desk.command(agent, case, command::Body::Accept(v1::Accept {})).await,
            _ => desk.command(agent, case, command::Body::Resolve(v1::Resolve::default())).await,
        };
    }
    desk.judged(last).await;
    let mut seen = 0;
    for case in 1..=30_u64 {
        let (account, page) = desk.explain(case).await;
        for choice in choices(&account) {
            seen += 1;
            assert_eq!(choice["agrees"], true, "case {case}\n{page}");
        }
    }
    assert!(seen > 60, "only {seen} choices were made");
    desk.router.stop().await;
}
