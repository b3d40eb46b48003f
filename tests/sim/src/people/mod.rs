//! Who acts from outside: customers, agents, and whoever brings policies and records.

pub(crate) mod agent;
pub(crate) mod customers;

use std::sync::{Arc, Mutex, PoisonError};

use simpang_checker::SentEntry;
use simpang_log::{AppendError, Appender, DeskName, Door, Limits, Place};
use simpang_proto::log::v1::{Input, input};
use simpang_wire::key::Purpose;

use crate::link::Link;
use crate::policy::{self, AGENTS, MAIN, OTHER};
use crate::port::Store;
use crate::processes::Processes;

/// What people were told is accepted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<SentEntry>>>);

impl Journal {
    pub(crate) fn note(&self, desk: &str, door: &str, key: &[u8]) {
        let entry =
            SentEntry { desk: desk.into(), door: door.into(), key: Some(hex::encode(key)), input: None };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    pub(crate) fn all(&self) -> Vec<SentEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A writer of inputs on one desk, with a process of its own.
pub(crate) struct Writer {
    pub(crate) link: Arc<Link>,
    /// How often everything had been started again when it began.
    pub(crate) restarts: u64,
    appender: Appender,
}

impl Writer {
    pub(crate) fn new(
        processes: &Processes,
        role: &str,
        desk: &str,
        door: Door,
        steady: bool,
    ) -> Option<Self> {
        let world = &processes.broker.world;
        let name = processes.new_name(role, 1);
        let link = if steady { Arc::new(Link::steady(world, name)) } else { Link::new(world, name) };
        let store = Store { broker: Arc::clone(&processes.broker), link: Arc::clone(&link) };
        let log = store.desk(&DeskName::new(desk).ok()?)?;
        let appender = Appender::new(log, door, &link.name, Limits::default());
        Some(Self { link, restarts: processes.restarts(), appender })
    }

    /// Appends; an unknown outcome when its process dies meanwhile.
    pub(crate) async fn append(&self, input: Input) -> Result<Place, AppendError> {
        tokio::select! {
            biased;
            place = self.appender.append(input) => place,
            () = self.link.died() => Err(AppendError::Unknown("the process died".into())),
        }
    }
}

/// Appends until it is acknowledged, by a process of its own each time.
async fn insist(processes: &Processes, desk: &str, input: Input) {
    while let Some(writer) = Writer::new(processes, "admin", desk, Door::Gateway, true) {
        if writer.append(input.clone()).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn brought(processes: &Processes, desk: &str, what: &str, change: u64, body: input::Body) -> Input {
    let change = change.to_be_bytes();
    let parts: [&[u8]; 4] = [desk.as_bytes(), b"brought", what.as_bytes(), &change];
    let key = processes.keyer.key(Purpose::Idempotency, &parts);
    Input { key: key.to_vec().into(), body: Some(body), ..Input::default() }
}

/// Brings everything that desks need before anybody works.
pub(crate) async fn bring_all(processes: &Processes) {
    for desk in [MAIN, OTHER] {
        let body = input::Body::Policy(policy::policy(desk, 1));
        insist(processes, desk, brought(processes, desk, "policy", 1, body)).await;
        for agent in AGENTS {
            let body = input::Body::Agent(policy::record(agent, 0));
            insist(processes, desk, brought(processes, desk, agent, 0, body)).await;
        }
    }
}

/// Brings changed records and policies now and then, until the storm is over.
pub(crate) async fn bring_changes(processes: Arc<Processes>) {
    let world = Arc::clone(&processes.broker.world);
    let mut change = 1;
    loop {
        tokio::time::sleep(world.between(800, 5_000)).await;
        if !world.is_storm() {
            return;
        }
        let input = match world.below(3) {
            0 => {
                let body = input::Body::Policy(policy::policy(MAIN, change + 1));
                brought(&processes, MAIN, "policy", change + 1, body)
            }
            _ => {
                let agent = world.one_of(&AGENTS).unwrap_or(AGENTS[0]);
                brought(&processes, MAIN, agent, change, input::Body::Agent(policy::record(agent, change)))
            }
        };
        insist(&processes, MAIN, input).await;
        change += 1;
    }
}
