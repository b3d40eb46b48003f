//! Customers: messages from many people, some in threads, some sent again, edited or withdrawn, some that nobody can
//! read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use simpang_log::Door;
use simpang_proto::log::v1::{
    self, Channel, Command, Customer, Input, Message, MessageContent, MessageKind, Sealed, Visibility, input,
};
use simpang_wire::key::Purpose;
use tokio::time::sleep;

use super::{Journal, Writer};
use crate::fault::Fault;
use crate::link::Step;
use crate::policy::{MAIN, OTHER};
use crate::processes::Processes;
use crate::world::World;

/// The doors that customers' mails come through.
pub(crate) struct Ingest {
    pub(crate) processes: Arc<Processes>,
    pub(crate) world: Arc<World>,
    pub(crate) journal: Journal,
    /// The process that takes mails in now, for each desk.
    writers: Mutex<Vec<(&'static str, Arc<Writer>)>>,
    sent: Mutex<Vec<(&'static str, Input)>>,
    /// Mails that are not acknowledged yet.
    sending: AtomicU64,
}

impl Ingest {
    pub(crate) fn new(processes: &Arc<Processes>, journal: &Journal) -> Arc<Self> {
        Arc::new(Self {
            world: Arc::clone(&processes.broker.world),
            processes: Arc::clone(processes),
            journal: journal.clone(),
            writers: Mutex::default(),
            sent: Mutex::default(),
            sending: AtomicU64::new(0),
        })
    }

    /// Sends mails until the storm is over.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut n = 0;
        loop {
            sleep(self.world.between(5, 110)).await;
            if !self.world.is_storm() {
                return;
            }
            n += 1;
            let (desk, input) = match self.world.below(100) {
                0..2 => {
                    self.send_rubbish().await;
                    continue;
                }
                2..8 => match self.again() {
                    Some(again) => again,
                    None => continue,
                },
                8..20 => match self.change(n) {
                    Some(change) => change,
                    None => continue,
                },
                20..26 => (OTHER, self.mail(n, OTHER)),
                _ => (MAIN, self.mail(n, MAIN)),
            };
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).push((desk, input.clone()));
            let ingest = Arc::clone(&self);
            self.sending.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                ingest.send(desk, input).await;
                ingest.sending.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }

    /// Whether some mail is not acknowledged yet.
    pub(crate) fn is_sending(&self) -> bool {
        self.sending.load(Ordering::Relaxed) > 0
    }

    /// Sends one until it is acknowledged, as a mail server does.
    async fn send(&self, desk: &'static str, input: Input) {
        loop {
            if let Some(writer) = self.writer(desk)
                && writer.append(input.clone()).await.is_ok()
                && writer.link.is_alive()
            {
                return self.journal.note(desk, "ingest", &input.key);
            }
            sleep(self.world.between(20, 400)).await;
        }
    }

    /// The process at the door; another one when that died.
    fn writer(&self, desk: &'static str) -> Option<Arc<Writer>> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let restarts = self.processes.restarts();
        writers.retain(|(_, writer)| writer.link.is_alive() && writer.restarts == restarts);
        if let Some((_, writer)) = writers.iter().find(|(other, _)| *other == desk) {
            return Some(Arc::clone(writer));
        }
        let writer = Arc::new(Writer::new(&self.processes, "ingest", desk, Door::Ingest, false)?);
        if self.world.chance(400) {
            let step = if self.world.chance(500) { Step::BeforeWrite } else { Step::AfterWrite };
            writer.link.doom(step, u32::try_from(self.world.below(60)).unwrap_or(0));
        }
        writers.push((desk, Arc::clone(&writer)));
        Some(writer)
    }

    fn again(&self) -> Option<(&'static str, Input)> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let again = self.world.one_of(&sent)?;
        self.world.fault(Fault::SentAgain, "customer");
        Some(again)
    }

    /// Another text for a message, or its withdrawal, which may come before the message itself.
    fn change(&self, n: u64) -> Option<(&'static str, Input)> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (desk, of) = self.world.one_of(&sent)?;
        let Some(input::Body::Message(of)) = of.body else { return None };
        let kind = if self.world.chance(500) { MessageKind::Edit } else { MessageKind::Remove };
        let message = Message { kind: kind.into(), joins: Vec::new(), ..of };
        let keyer = &self.processes.keyer;
        let key = keyer.key(Purpose::Idempotency, &[b"change", desk.as_bytes(), &n.to_be_bytes()]);
        let body = Some(input::Body::Message(message));
        Some((desk, Input { key: key.to_vec().into(), body, ..Input::default() }))
    }

    /// A mail: of a new or a known person, in a thread or not.
    fn mail(&self, n: u64, desk: &str) -> Input {
        let keyer = &self.processes.keyer;
        let person = self.world.below(40);
        let address = format!("customer{person}@example.com");
        let id = format!("<{n}@example.com>");
        let joins = if self.world.chance(250) {
            vec![Bytes::copy_from_slice(
                &keyer.thread("email", &format!("<{}@example.com>", self.world.below(n))),
            )]
        } else {
            Vec::new()
        };
        let segment = if person < 8 { "VIP" } else { "DES" };
        let customer = Customer { id: format!("c{person}"), segment: segment.into(), ..Customer::default() };
        let content = MessageContent {
            from_address: address.clone(),
            subject: format!("Question {n}"),
            text: "It does not work.".into(),
            source_id: id.clone(),
            ..MessageContent::default()
        };
        let message = Message {
            channel: Channel::Email.into(),
            account: format!("{desk}@example.com"),
            kind: MessageKind::New.into(),
            visibility: Visibility::Private.into(),
            joins,
            source: Bytes::copy_from_slice(&keyer.thread("email", &id)),
            provides: vec![Bytes::copy_from_slice(&keyer.thread("email", &id))],
            author: Bytes::copy_from_slice(&keyer.person("email", &address)),
            customer: (person < 30).then_some(customer),
            content: Some(Sealed { sealing: 0, body: content.encode_to_vec().into() }),
            ..Message::default()
        };
        let key = keyer.key(Purpose::Idempotency, &[b"email", desk.as_bytes(), id.as_bytes()]);
        Input { key: key.to_vec().into(), body: Some(input::Body::Message(message)), ..Input::default() }
    }

    /// What nobody can read, or what has no business at this door.
    async fn send_rubbish(&self) {
        let Some(writer) = Writer::new(&self.processes, "stranger", MAIN, Door::Ingest, true) else { return };
        if self.world.chance(500) {
            self.world.fault(Fault::WrongDoor, "stranger");
            let body = v1::command::Body::Close(v1::Close {});
            let command =
                Command { principal: "lead".into(), case: 1, body: Some(body), ..Command::default() };
            let input = Input { body: Some(input::Body::Command(command)), ..Input::default() };
            // Whether it comes to stand is all the same.
            let _ = tokio::time::timeout(Duration::from_secs(2), writer.append(input)).await;
        } else {
            self.world.fault(Fault::Unreadable, "stranger");
            if let Some(shelf) = self.processes.broker.shelves.values().next() {
                let door = crate::broker::Write::Input(Door::Ingest);
                if !shelf.keeps_inputs_out() {
                    shelf.write("stranger", door, Bytes::from_static(b"\x08\x01\x1a\x7f\x00"));
                }
            }
        }
    }
}
