//! A desk whose router is a script, and the receivers at the other end: a mail server and an HTTP server that write
//! down what they get and answer as they are told.

#![allow(dead_code)] // each test file uses its part

pub(crate) mod http;
pub(crate) mod smtp;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message as _;
use simpang_deliver::{Channels, Deliver, Options, Timing};
use simpang_log::{
    Anchor, ChainWriter, DeskLog, DeskName, Door, MemoryDesk, MemoryStore, Record, RecordKind,
};
use simpang_proto::log::v1::{self, event::Body as Event, input::Body as Input};
use simpang_wire::key::Keyer;
use tokio::sync::Mutex;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn keyer() -> Keyer {
    Keyer::new(b"the secret of the tests")
}

/// A desk with a scripted router.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) store: MemoryStore,
    pub(crate) log: Arc<MemoryDesk>,
    script: Arc<Mutex<Script>>,
}

struct Script {
    chain: ChainWriter,
    /// How many records were looked at.
    seen: usize,
    deliveries: BTreeMap<String, Delivery>,
    /// Whether claims and reports are judged by themselves.
    judging: bool,
}

#[derive(Default, Clone)]
struct Delivery {
    attempts: u32,
    claimed: bool,
    over: bool,
    not_before: i64,
}

impl Desk {
    pub(crate) fn new(store: &MemoryStore, name: &str) -> Self {
        let name = DeskName::new(name).unwrap();
        let log = store.desk(&name);
        let chain = ChainWriter::new(&name, Anchor::Start);
        let script = Script { chain, seen: 0, deliveries: BTreeMap::new(), judging: false };
        Self { store: store.clone(), log, script: Arc::new(Mutex::new(script)) }
    }

    /// Brings an input; where it stands.
    pub(crate) async fn bring(&self, door: Door, body: Input) -> v1::InputId {
        let input = v1::Input { body: Some(body), ..Default::default() };
        let record = v1::InputRecord { schema: 1, writer: "test".into(), inputs: vec![input] };
        let seq = self.log.append(door, record.encode_to_vec().into()).await.unwrap();
        v1::InputId { seq, index: 0 }
    }

    /// Commits these events over everything that was brought, and with [`Self::judge`] what follows from that.
    pub(crate) async fn commit(&self, events: Vec<v1::Event>) {
        let mut script = self.script.lock().await;
        self.commit_with(&mut script, events).await;
    }

    async fn commit_with(&self, script: &mut Script, mut events: Vec<v1::Event>) {
        let mut through = script.chain.head().map(|head| head.decided_through).unwrap_or_default();
        let records = self.log.records();
        for record in &records[script.seen..] {
            let RecordKind::Input(door) = record.kind else { continue };
            script.chain.absorb(record.seq, door, &record.payload);
            for (id, input) in inputs_of(record) {
                through = v1::Position { seq: id.seq, index: id.index, step: 0 };
                let body = if script.judging { script.judged(&input, record.at_ms) } else { None };
                events.extend(body.map(|body| happened(id, record.at_ms, body)));
            }
        }
        script.seen = records.len();
        let commit = v1::Commit { decided_through: Some(through), events, ..Default::default() };
        let sealed = script.chain.seal(commit).unwrap();
        let seq = self.log.commit(sealed.payload.clone(), sealed.previous_seq).await.unwrap();
        script.chain.written(&sealed, seq);
    }

    /// Lets claims and reports be judged as the core does, until the test ends.
    pub(crate) fn judge(&self) {
        let desk = self.clone();
        tokio::spawn(async move {
            loop {
                let mut script = desk.script.lock().await;
                script.judging = true;
                let records = desk.log.records();
                if records[script.seen..].iter().any(|record| record.kind != RecordKind::Commit) {
                    desk.commit_with(&mut script, Vec::new()).await;
                }
                drop(script);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
    }

    /// All reports that stand on the log.
    pub(crate) fn reports(&self) -> Vec<v1::DeliveryReport> {
        let records = self.log.records();
        let inputs = records.iter().filter(|record| record.kind != RecordKind::Commit).flat_map(inputs_of);
        inputs
            .filter_map(|(_, input)| if let Input::Report(report) = input { Some(report) } else { None })
            .collect()
    }

    /// All claims that stand on the log, with the name of who asks.
    pub(crate) fn claims(&self) -> Vec<(v1::DeliveryId, String)> {
        let records = self.log.records();
        let inputs = records.iter().filter(|record| record.kind != RecordKind::Commit).flat_map(inputs_of);
        inputs
            .filter_map(|(_, input)| match input {
                Input::Claim(claim) => Some((claim.delivery.unwrap(), claim.deliverer)),
                _ => None,
            })
            .collect()
    }

    /// Waits for so many reports.
    pub(crate) async fn reported(&self, count: usize) -> Vec<v1::DeliveryReport> {
        until(&format!("{count} reports"), || (self.reports().len() >= count).then(|| self.reports())).await
    }

    /// Waits until all that was brought is judged.
    pub(crate) async fn all_judged(&self) {
        let is_commit = |record: &simpang_log::Record| record.kind == RecordKind::Commit;
        until("what is judged", || self.log.records().last().is_some_and(is_commit).then_some(())).await;
    }

    /// Waits for so many claims.
    pub(crate) async fn claimed(&self, count: usize) -> Vec<(v1::DeliveryId, String)> {
        until(&format!("{count} claims"), || (self.claims().len() >= count).then(|| self.claims())).await
    }
}

impl Script {
    fn judged(&mut self, input: &Input, at: i64) -> Option<Event> {
        match input {
            Input::Claim(claim) => Some(self.on_claim(claim, at)),
            Input::Report(report) => self.on_report(report, at),
            _ => None,
        }
    }

    fn on_claim(&mut self, claim: &v1::DeliveryClaim, at: i64) -> Event {
        let known = self.deliveries.entry(format!("{:?}", claim.delivery)).or_default();
        let (delivery, deliverer) = (claim.delivery, claim.deliverer.clone());
        if known.claimed || known.over || known.not_before > at {
            return Event::ClaimRefused(v1::ClaimRefused { delivery, deliverer });
        }
        known.claimed = true;
        known.attempts += 1;
        let attempt = known.attempts;
        Event::DeliveryStarted(v1::DeliveryStarted { delivery, attempt, deliverer, case: 1 })
    }

    fn on_report(&mut self, report: &v1::DeliveryReport, at: i64) -> Option<Event> {
        let known = self.deliveries.entry(format!("{:?}", report.delivery)).or_default();
        if !known.claimed || known.attempts != report.attempt {
            return None;
        }
        known.claimed = false;
        let is_retry = report.outcome() == v1::DeliveryOutcome::Retry;
        known.over = !is_retry;
        known.not_before = if is_retry { at + report.retry_after_ms } else { 0 };
        Some(ended(report, known.not_before))
    }
}

fn inputs_of(record: &Record) -> Vec<(v1::InputId, Input)> {
    let inputs =
        v1::InputRecord::decode(record.payload.clone()).map(|record| record.inputs).unwrap_or_default();
    let numbered = (0..).zip(inputs);
    numbered
        .filter_map(|(index, input)| Some((v1::InputId { seq: record.seq, index }, input.body?)))
        .collect()
}

pub(crate) fn happened(caused_by: v1::InputId, at_ms: i64, body: Event) -> v1::Event {
    v1::Event { caused_by: Some(caused_by), at_ms, body: Some(body) }
}

pub(crate) fn started(delivery: v1::DeliveryId, attempt: u32, deliverer: &str, at_ms: i64) -> v1::Event {
    let started =
        v1::DeliveryStarted { delivery: Some(delivery), attempt, deliverer: deliverer.into(), case: 1 };
    happened(delivery.input.unwrap(), at_ms, Event::DeliveryStarted(started))
}

fn ended(report: &v1::DeliveryReport, not_before_ms: i64) -> Event {
    Event::DeliveryEnded(v1::DeliveryEnded {
        delivery: report.delivery,
        attempt: report.attempt,
        outcome: report.outcome,
        detail: report.detail.clone(),
        not_before_ms,
        ..Default::default()
    })
}

pub(crate) fn now_ms() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64
}

/// Waits until something is there.
pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

pub(crate) fn sealed(content: &impl prost::Message) -> Option<v1::Sealed> {
    Some(v1::Sealed { sealing: 0, body: content.encode_to_vec().into() })
}

/// Options for a process of this name, with times for tests.
pub(crate) fn options(desk: &Desk, instance: &str, channels: Channels) -> Options {
    let timing = Timing {
        retry_first: Duration::from_millis(30),
        look_for_desks: Duration::from_millis(20),
        stop_grace: Duration::from_secs(5),
        ..Timing::default()
    };
    Options {
        store: Arc::new(desk.store.clone()),
        keyer: keyer(),
        instance: instance.into(),
        desks: Vec::new(),
        channels,
        timing,
        snapshots: None,
        outside: None,
    }
}

pub(crate) async fn start(desk: &Desk, channels: Channels) -> Deliver {
    Deliver::start(options(desk, "deliver@test/1", channels)).await.unwrap()
}

/// A customer's message on the log and an agent's reply to it, queued to be sent.
pub(crate) struct Case {
    pub(crate) number: u64,
    pub(crate) channel: v1::Channel,
    pub(crate) account: String,
    pub(crate) visibility: v1::Visibility,
    pub(crate) content: v1::MessageContent,
    pub(crate) raw_digest: Vec<u8>,
}

impl Case {
    /// Brings the message.
    pub(crate) async fn arrive(&self, desk: &Desk) -> v1::InputId {
        let message = v1::Message {
            channel: self.channel.into(),
            account: self.account.clone(),
            kind: 1,
            visibility: self.visibility.into(),
            raw_digest: self.raw_digest.clone().into(),
            content: sealed(&self.content),
            ..Default::default()
        };
        desk.bring(Door::Ingest, Input::Message(message)).await
    }

    /// Brings a reply to a message and queues it; the delivery.
    pub(crate) async fn reply(
        &self,
        desk: &Desk,
        to: v1::InputId,
        kind: v1::ReplyKind,
        text: &str,
    ) -> v1::DeliveryId {
        self.reply_with(desk, to, kind, text, Vec::new()).await
    }

    /// As [`Self::reply`], with files.
    pub(crate) async fn reply_with(
        &self,
        desk: &Desk,
        to: v1::InputId,
        kind: v1::ReplyKind,
        text: &str,
        attachments: Vec<v1::Attachment>,
    ) -> v1::DeliveryId {
        let content = v1::TextContent { text: text.into(), attachments, ..Default::default() };
        let reply =
            v1::Reply { kind: kind.into(), content: sealed(&content), to: Some(to), ..Default::default() };
        let body = Some(v1::command::Body::Reply(reply));
        let command = v1::Command { principal: "rina".into(), case: self.number, seen_messages: 0, body };
        let cause = desk.bring(Door::Gateway, Input::Command(command)).await;
        self.queue(desk, cause, to, v1::DeliveryKind::Reply, kind, ("", "")).await
    }

    /// Queues a delivery of any kind; `by` is template and target.
    pub(crate) async fn queue(
        &self,
        desk: &Desk,
        cause: v1::InputId,
        to: v1::InputId,
        kind: v1::DeliveryKind,
        reply: v1::ReplyKind,
        by: (&str, &str),
    ) -> v1::DeliveryId {
        let delivery = v1::DeliveryId { input: Some(cause), part: 0 };
        let is_notification = kind == v1::DeliveryKind::Notification;
        let queued = v1::DeliveryQueued {
            delivery: Some(delivery),
            case: self.number,
            kind: kind.into(),
            channel: if is_notification { 0 } else { self.channel.into() },
            account: if is_notification { String::new() } else { self.account.clone() },
            to: (!is_notification).then_some(to),
            reply: reply.into(),
            agent: "rina".into(),
            template: by.0.into(),
            target: by.1.into(),
        };
        desk.commit(vec![happened(cause, now_ms(), Event::DeliveryQueued(queued))]).await;
        delivery
    }
}

/// A file that goes with a reply.
pub(crate) fn file(name: &str, media_type: &str, bytes: &[u8]) -> v1::Attachment {
    v1::Attachment {
        name: name.into(),
        media_type: media_type.into(),
        size: bytes.len() as u64,
        digest: simpang_log::chain::digest(bytes).to_vec().into(),
        url: String::new(),
    }
}

/// A mail case.
pub(crate) fn mail_case() -> Case {
    Case {
        number: 41,
        channel: v1::Channel::Email,
        account: "cs@tenesa.example".into(),
        visibility: v1::Visibility::Private,
        content: v1::MessageContent {
            from_name: "Budi Santoso".into(),
            from_address: "budi@pelanggan.example".into(),
            subject: "RE: Tagihan bulan ini – dobel?".into(),
            text: "Kenapa tagihan saya dobel?".into(),
            source_id: "abc.123@pelanggan.example".into(),
            references: vec!["<first@pelanggan.example>".into(), "<abc.123@pelanggan.example>".into()],
            ..Default::default()
        },
        raw_digest: Vec::new(),
    }
}

/// Idempotency keys of all reports.
pub(crate) fn keys_of_reports(desk: &Desk) -> Vec<Vec<u8>> {
    let records = desk.log.records();
    let inputs = records.iter().filter(|record| record.kind != RecordKind::Commit);
    let inputs = inputs.flat_map(|record| v1::InputRecord::decode(record.payload.clone()).unwrap().inputs);
    inputs
        .filter(|input| matches!(input.body, Some(Input::Report(_))))
        .map(|input| input.key.to_vec())
        .collect()
}
