//! A desk's log written by hand: records with a right chain in the in-memory log, on a clock of the test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use prost::Message;
use simpang_log::{Anchor, ChainWriter, DeskLog, DeskName, Door, Entry, LogStore, MemoryStore, Tail};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::command::Body as Asked;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;

/// When every script begins: Monday 2026-11-23 01:00 UTC.
pub(crate) const BEGIN: i64 = 1_795_395_600_000;

/// A log being written.
pub(crate) struct Script {
    /// Where it is written; the role's tests follow it from here.
    #[allow(dead_code)]
    pub(crate) store: MemoryStore,
    pub(crate) desk: DeskName,
    log: Arc<dyn DeskLog>,
    chain: ChainWriter,
    clock: Arc<AtomicI64>,
    last: log::InputId,
    policy: u64,
}

impl Script {
    pub(crate) async fn new(desk: &str) -> Self {
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let shared = clock.clone();
        let store = MemoryStore::with_clock(Arc::new(move || shared.load(Ordering::SeqCst)));
        Self::on(store, desk, clock).await
    }

    pub(crate) async fn on(store: MemoryStore, desk: &str, clock: Arc<AtomicI64>) -> Self {
        let desk = DeskName::new(desk).unwrap();
        let log = store.create(&desk).await.unwrap();
        let chain = ChainWriter::new(&desk, Anchor::Start);
        Self { store, desk, log, chain, clock, last: log::InputId::default(), policy: 1 }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub(crate) fn wait(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    /// Appends inputs as one record.
    pub(crate) async fn inputs(&mut self, door: Door, inputs: Vec<log::Input>) -> Vec<log::InputId> {
        let count = u32::try_from(inputs.len()).unwrap();
        let record = log::InputRecord { schema: 1, writer: "test@here/1".into(), inputs };
        let seq = self.raw(door, record.encode_to_vec().into()).await;
        self.last = log::InputId { seq, index: count - 1 };
        (0..count).map(|index| log::InputId { seq, index }).collect()
    }

    /// Appends any bytes as an input record.
    pub(crate) async fn raw(&mut self, door: Door, payload: Bytes) -> u64 {
        let seq = self.log.append(door, payload.clone()).await.unwrap();
        self.chain.absorb(seq, door, &payload);
        self.last = log::InputId { seq, index: 0 };
        seq
    }

    pub(crate) async fn input(&mut self, door: Door, body: Arrived) -> log::InputId {
        let input = log::Input { body: Some(body), ..log::Input::default() };
        self.inputs(door, vec![input]).await[0]
    }

    pub(crate) async fn command(&mut self, principal: &str, case: u64, asked: Asked) -> log::InputId {
        let command =
            log::Command { principal: principal.into(), case, body: Some(asked), ..Default::default() };
        self.input(Door::Gateway, Arrived::Command(command)).await
    }

    /// Time passes and a tick says so.
    pub(crate) async fn tick(&mut self, ms: i64) -> log::InputId {
        self.wait(ms);
        self.input(Door::Router, Arrived::Tick(log::Tick {})).await
    }

    /// Commits events that follow from one input, and everything up to the last input as judged.
    pub(crate) async fn commit(&mut self, cause: log::InputId, events: Vec<Happened>) -> u64 {
        let at = self.last;
        self.commit_through(at, 0, cause, events).await
    }

    pub(crate) async fn commit_through(
        &mut self,
        through: log::InputId,
        step: u32,
        cause: log::InputId,
        events: Vec<Happened>,
    ) -> u64 {
        let now = self.now();
        let event = |body| log::Event { caused_by: Some(cause), at_ms: now, body: Some(body) };
        let commit = log::Commit {
            decided_through: Some(log::Position { seq: through.seq, index: through.index, step }),
            policy_version: self.policy,
            writer: "router@here/1".into(),
            epoch: 1,
            events: events.into_iter().map(event).collect(),
            ..log::Commit::default()
        };
        let sealed = self.chain.seal(commit).unwrap();
        let seq = self.log.commit(sealed.payload.clone(), sealed.previous_seq).await.unwrap();
        self.chain.written(&sealed, seq);
        seq
    }

    /// Everything that stands on the log after an anchor, as a verified reader sees it.
    pub(crate) async fn entries_after(&self, anchor: Anchor) -> Vec<Entry> {
        let until = self.log.last_seq().await.unwrap();
        let mut tail = Tail::start(self.log.clone(), anchor);
        let mut entries = Vec::new();
        while let Some(entry) = tail.read_until(until).await.unwrap() {
            entries.push(entry);
        }
        entries
    }

    pub(crate) async fn entries(&self) -> Vec<Entry> {
        self.entries_after(Anchor::Start).await
    }
}

/// Content, sealed as everything is today: not.
pub(crate) fn sealed(content: &impl Message) -> Option<log::Sealed> {
    Some(log::Sealed { sealing: log::Sealing::None as i32, body: content.encode_to_vec().into() })
}

pub(crate) fn text(text: &str) -> Option<log::Sealed> {
    sealed(&log::TextContent { text: text.into(), ..Default::default() })
}

pub(crate) fn fact(name: &str, text: &str) -> log::Fact {
    log::Fact { name: name.into(), value: Some(log::fact::Value::Text(text.into())) }
}

/// A mail from an address, with a subject and a text.
pub(crate) fn mail(from: &str, subject: &str, text: &str) -> log::Message {
    let content = log::MessageContent {
        from_name: from.to_uppercase(),
        from_address: format!("{from}@example.id"),
        subject: subject.into(),
        text: text.into(),
        ..Default::default()
    };
    log::Message {
        channel: log::Channel::Email as i32,
        account: "help@telkom".into(),
        kind: log::MessageKind::New as i32,
        author: Bytes::copy_from_slice(&author(from)),
        content: sealed(&content),
        ..Default::default()
    }
}

/// A stand-in for the keyed hash of an address.
pub(crate) fn author(from: &str) -> [u8; 16] {
    let mut key = [0; 16];
    key.iter_mut().zip(from.bytes()).for_each(|(to, from)| *to = from);
    key
}

pub(crate) fn opened(case: u64) -> Happened {
    Happened::CaseOpened(log::CaseOpened {
        case,
        channel: log::Channel::Email as i32,
        account: "help@telkom".into(),
        arrived_ms: BEGIN,
        ..Default::default()
    })
}

pub(crate) fn joined(case: u64, message: log::InputId, count: u32) -> Happened {
    let by = if count == 1 { log::JoinedBy::Opening } else { log::JoinedBy::Thread };
    Happened::MessageJoined(log::MessageJoined {
        case,
        message: Some(message),
        by: by as i32,
        count,
        automatic: false,
    })
}

pub(crate) fn queued(case: u64, queue: &str) -> Happened {
    let key_ms = BEGIN + i64::try_from(case).unwrap();
    Happened::CaseQueued(log::CaseQueued { case, queue: queue.into(), key_ms, skills: vec![] })
}

pub(crate) fn assigned(case: u64, agent: &str) -> Happened {
    let candidate = log::Candidate { agent: agent.into(), proficiency: 3, load: 1, idle_since_ms: BEGIN };
    let explanation = log::Explanation {
        rule: "normal".into(),
        queue: "email".into(),
        candidates: vec![candidate],
        at_capacity: 2,
        ..Default::default()
    };
    Happened::CaseAssigned(log::CaseAssigned {
        case,
        agent: agent.into(),
        by: log::AssignedBy::Pull as i32,
        explanation: Some(explanation),
        pull: None,
    })
}

pub(crate) fn unassigned(case: u64, agent: &str, by: log::UnassignedBy) -> Happened {
    Happened::CaseUnassigned(log::CaseUnassigned { case, agent: agent.into(), by: by as i32 })
}

/// The subject of the reports.
const SUBJECT: &str = "{{agent}} / {{Nama Pelanggan}} / {{product}} / {{Booking}} / {{Keluhan}}";

fn attribute(name: &str, value: &str) -> log::Attribute {
    log::Attribute { name: name.into(), value: value.into() }
}

/// The report of a product on a case.
pub(crate) async fn fault_reported(s: &mut Script, case: u64, number: &str, repeats: u64) {
    let fields =
        vec![attribute("Nama Pelanggan", " Suwarni "), attribute("Deskripsi", "lampu merah {{agent}}")];
    let content = log::FaultContent { product: number.into(), fields };
    let asked = log::ReportFault {
        product: vec![7; 16].into(),
        choices: vec![attribute("Booking", "BOK")],
        repeats,
        content: sealed(&content),
        ..Default::default()
    };
    let asked = s.command("siti", case, Asked::ReportFault(asked)).await;
    let reported = log::FaultReported {
        case,
        agent: "siti".into(),
        product: vec![7; 16].into(),
        subject: SUBJECT.into(),
        facts: vec![fact("booking", "BOK")],
        system: "mycx".into(),
        repeats,
    };
    s.commit(asked, vec![Happened::FaultReported(reported)]).await;
}

/// The ticket's system says that it is closed, which ends the report.
pub(crate) async fn fault_ended(s: &mut Script, case: u64) {
    let told = log::ReferenceReport { system: "mycx".into(), number: "IN1".into(), ..Default::default() };
    let told = s.input(Door::Ingest, Arrived::ReferenceReport(told)).await;
    let linked =
        log::ReferenceLinked { case, system: "mycx".into(), number: "IN1".into(), status: "closed".into() };
    let reason = log::FaultEnd::Ticket as i32;
    let ended = log::FaultEnded { case, product: vec![7; 16].into(), reason };
    s.commit(told, vec![Happened::ReferenceLinked(linked), Happened::FaultEnded(ended)]).await;
}
