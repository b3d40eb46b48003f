//! The processes of a run: routers, gateways and deliverers, each behind its own link, started and started again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use simpang_access::{Gatekeeper, TokenEntry, Tokens};
use simpang_deliver::{Channels as NoChannels, Deliver, Timing};
use simpang_gateway::{AgentApi, Gateway};
use simpang_log::snapshot::{Folder, Memory, Snapshots};
use simpang_log::{SharedStore, WallClock};
use simpang_proto::agent::v1::GetWorkRequest;
use simpang_proto::agent::v1::agent_client::AgentClient;
use simpang_proto::agent::v1::agent_server::AgentServer;
use simpang_router::{DeskStatus, Router};
use simpang_wire::key::Keyer;
use tokio::time::sleep;
use tonic::{Code, Request};

use crate::broker::Broker;
use crate::channel::{Channels, Mailbox};
use crate::fault::Fault;
use crate::link::Link;
use crate::policy::{AGENTS, MAIN};
use crate::port::Store;
use crate::world::World;

/// After how many events gateways and deliverers keep another snapshot.
const SNAPSHOT_EVENTS: u64 = 60;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Router,
    Gateway,
    Deliver,
}

/// The places for processes: of each role there are two.
const PLACES: [(Role, u32); 6] = [
    (Role::Router, 1),
    (Role::Router, 2),
    (Role::Gateway, 1),
    (Role::Gateway, 2),
    (Role::Deliver, 1),
    (Role::Deliver, 2),
];

enum Service {
    Router(Router),
    Gateway(Gateway),
    Deliver(Deliver),
}

/// A gateway as its clients reach it.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) api: AgentServer<AgentApi>,
    pub(crate) link: Arc<Link>,
}

struct Running {
    link: Arc<Link>,
    service: Service,
}

struct Place {
    role: Role,
    number: u32,
    running: Option<Running>,
}

/// Everybody's processes.
pub(crate) struct Processes {
    pub(crate) broker: Arc<Broker>,
    pub(crate) mailbox: Mailbox,
    pub(crate) keyer: Keyer,
    places: Mutex<Vec<Place>>,
    served: Mutex<Vec<(u32, Served)>>,
    starts: Mutex<u64>,
    /// How often everything was started again.
    restarts: AtomicU64,
    /// What a process keeps beside the log, by its place; it outlives the process.
    kept: Mutex<HashMap<(Role, u32), Memory>>,
}

impl Processes {
    pub(crate) fn new(broker: Arc<Broker>) -> Arc<Self> {
        let places = PLACES.map(|(role, number)| Place { role, number, running: None });
        Arc::new(Self {
            broker,
            mailbox: Mailbox::default(),
            keyer: Keyer::new(b"the simulation's secret"),
            places: Mutex::new(places.into()),
            served: Mutex::default(),
            starts: Mutex::default(),
            restarts: AtomicU64::new(0),
            kept: Mutex::default(),
        })
    }

    fn world(&self) -> &Arc<World> {
        &self.broker.world
    }

    /// A name that no process had before.
    pub(crate) fn new_name(&self, role: &str, number: u32) -> String {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        *starts += 1;
        format!("{role}@sim/{number}+{starts}")
    }

    /// Starts what does not run at a place; nothing happens where something does.
    pub(crate) async fn start(self: &Arc<Self>, role: Role, number: u32, eager: bool) {
        if self.link(role, number).is_some_and(|link| link.is_alive()) {
            return;
        }
        self.kill(role, number);
        let word = match role {
            Role::Router => "router",
            Role::Gateway => "gateway",
            Role::Deliver => "deliver",
        };
        let link = Link::new(self.world(), self.new_name(word, number));
        self.world().note(&link.name, format_args!("starts"));
        let begun = tokio::select! {
            biased;
            begun = self.begin(role, number, eager, &link) => begun,
            () = link.died() => None,
        };
        let Some(service) = begun else { return };
        self.at(role, number, |place| place.running = Some(Running { link, service }));
    }

    async fn begin(
        self: &Arc<Self>,
        role: Role,
        number: u32,
        eager: bool,
        link: &Arc<Link>,
    ) -> Option<Service> {
        match role {
            Role::Router => Some(Service::Router(Router::start(self.router(link, eager)).await.ok()?)),
            Role::Gateway => {
                let gateway = Gateway::start(self.gateway(link, number)?).await.ok()?;
                self.serve_once_it_reads(number, Served { api: gateway.grpc().0, link: Arc::clone(link) });
                Some(Service::Gateway(gateway))
            }
            Role::Deliver => Some(Service::Deliver(Deliver::start(self.deliver(link, number)).await.ok()?)),
        }
    }

    /// Lets agents in once the gateway has read its logs: calls that wait for that would go on in an order that chance
    /// decides, and none of ours.
    fn serve_once_it_reads(self: &Arc<Self>, number: u32, served: Served) {
        let processes = Arc::clone(self);
        tokio::spawn(async move {
            while served.link.is_alive() && !reads(&served).await {
                sleep(Duration::from_millis(25)).await;
            }
            let mut all = processes.served.lock().unwrap_or_else(PoisonError::into_inner);
            if served.link.is_alive() {
                all.retain(|(other, _)| *other != number);
                all.push((number, served));
            }
        });
    }

    fn store(&self, link: &Arc<Link>) -> Arc<SharedStore> {
        let store = Store { broker: Arc::clone(&self.broker), link: Arc::clone(link) };
        Arc::new(SharedStore::new(Arc::new(store)))
    }

    /// Where a process keeps its snapshots; now and then one of them is damaged when it starts.
    fn snapshots(&self, role: Role, number: u32) -> Snapshots {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = Arc::clone(kept.entry((role, number)).or_default());
        let world = self.world();
        if world.is_storm() && world.chance(150) {
            let mut files = memory.lock().unwrap_or_else(PoisonError::into_inner);
            let names: Vec<String> = files.all.keys().cloned().collect();
            if let Some(bytes) = world.one_of(&names).and_then(|name| files.all.get_mut(&name)) {
                world.fault(Fault::KeptDamaged, &format!("{role:?} {number}"));
                damage(world, bytes);
            }
        }
        Snapshots { folder: Folder::in_memory(memory), every_events: SNAPSHOT_EVENTS }
    }

    /// How often gateways and deliverers went on from a snapshot.
    pub(crate) fn resumed(&self) -> u64 {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.values().map(|files| files.lock().unwrap_or_else(PoisonError::into_inner).resumed).sum()
    }

    fn router(&self, link: &Arc<Link>, eager: bool) -> simpang_router::Options {
        let mut options = simpang_router::Options::new(self.store(link), link.name.clone());
        let clock = Arc::clone(link);
        options.clock = WallClock::of(move || clock.now_ms());
        options.eager = eager;
        options.takeover_after = Duration::from_millis(400);
        options.discover_every = Duration::from_secs(60);
        options
    }

    fn gateway(&self, link: &Arc<Link>, number: u32) -> Option<simpang_gateway::Options> {
        let entries = AGENTS.iter().map(|agent| TokenEntry {
            sha256: Tokens::digest(agent),
            principal: (*agent).to_owned(),
            roles: Vec::new(),
            desks: Vec::new(),
        });
        let gatekeeper = Arc::new(Gatekeeper::new(Tokens::from_entries(entries.collect()).ok()?));
        let instance = format!("gateway@sim/{number}");
        let mut options =
            simpang_gateway::Options::new(self.store(link), self.keyer.clone(), gatekeeper, instance);
        options.heartbeat = Duration::from_millis(1_200);
        options.deadline = Duration::from_secs(3);
        options.idle = Duration::from_secs(8);
        options.snapshots = Some(self.snapshots(Role::Gateway, number));
        Some(options)
    }

    fn deliver(&self, link: &Arc<Link>, number: u32) -> simpang_deliver::Options {
        let timing = Timing {
            send_timeout: Duration::from_secs(3),
            lease: Duration::from_secs(8),
            retry_first: Duration::from_millis(300),
            retry_longest: Duration::from_secs(2),
            attempts_max: 5,
            stop_grace: Duration::from_millis(500),
            look_for_desks: Duration::from_secs(60),
            ..Timing::default()
        };
        let outside = Channels { link: Arc::clone(link), mailbox: self.mailbox.clone() };
        simpang_deliver::Options {
            store: self.store(link),
            keyer: self.keyer.clone(),
            instance: format!("deliver@sim/{number}"),
            desks: Vec::new(),
            channels: NoChannels::default(),
            timing,
            snapshots: Some(self.snapshots(Role::Deliver, number)),
            outside: Some(Arc::new(outside)),
        }
    }

    fn at<T>(&self, role: Role, number: u32, act: impl FnOnce(&mut Place) -> T) -> Option<T> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.iter_mut().find(|place| place.role == role && place.number == number);
        place.map(act)
    }

    pub(crate) fn link(&self, role: Role, number: u32) -> Option<Arc<Link>> {
        self.at(role, number, |place| place.running.as_ref().map(|running| Arc::clone(&running.link)))?
    }

    /// The links of all processes that live.
    pub(crate) fn living(&self) -> Vec<(Role, u32, Arc<Link>)> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let running = places.iter().filter_map(|place| {
            let link = &place.running.as_ref()?.link;
            link.is_alive().then(|| (place.role, place.number, Arc::clone(link)))
        });
        running.collect()
    }

    /// Kills what runs at a place. What is left of its tasks, which the world does not hear of any more, is ended.
    pub(crate) fn kill(&self, role: Role, number: u32) {
        let running = self.at(role, number, |place| place.running.take()).flatten();
        let Some(Running { link, service }) = running else { return };
        self.note_stops(&service, &link);
        link.die();
        tokio::spawn(async move {
            match service {
                Service::Router(router) => router.stop().await,
                Service::Gateway(gateway) => gateway.stop().await,
                Service::Deliver(deliver) => deliver.stop().await,
            }
        });
    }

    /// A router that stopped at a desk says so.
    fn note_stops(&self, service: &Service, link: &Link) {
        let Service::Router(router) = service else { return };
        for (desk, status) in router.statuses() {
            if let DeskStatus::Stopped(reason) = status {
                self.world().fault(Fault::Stopped, &link.name);
                self.world().note(&link.name, format_args!("stopped at {desk}: {reason}"));
                let expected = self.broker.shelves.values().any(|shelf| shelf.lost_its_tail());
                if !expected {
                    let name = &link.name;
                    self.world().violation(format!("{name} stopped at {desk} for no reason: {reason}"));
                }
            }
        }
    }

    /// How often everything was started again. Whoever writes to the logs from outside is, too: after a lost tail no
    /// writer of before goes on.
    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Kills everything.
    pub(crate) fn kill_all(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        PLACES.iter().for_each(|(role, number)| self.kill(*role, *number));
    }

    /// Starts everything that does not run.
    pub(crate) async fn start_all(self: &Arc<Self>) {
        for (role, number) in PLACES {
            self.start(role, number, role == Role::Router && number == 1).await;
        }
    }

    /// Whether a router owns a desk.
    pub(crate) fn owns(&self, number: u32, desk: &str) -> bool {
        let owns = self.at(Role::Router, number, |place| match &place.running {
            Some(Running { service: Service::Router(router), link }) if link.is_alive() => {
                matches!(router.statuses().get(desk), Some(DeskStatus::Owning { .. }))
            }
            _ => false,
        });
        owns.unwrap_or(false)
    }

    /// A gateway by its number, if it lives.
    pub(crate) fn served(&self, number: u32) -> Option<Served> {
        let all = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(other, served)| *other == number && served.link.is_alive()).map(|(_, s)| s.clone())
    }
}

/// Changes a byte, or cuts the end off.
fn damage(world: &World, bytes: &mut Vec<u8>) {
    let at = usize::try_from(world.below(bytes.len() as u64)).unwrap_or(0);
    if world.chance(500) {
        bytes.truncate(at);
    } else if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << world.below(8);
    }
}

/// Whether a gateway answers from what it has read.
async fn reads(served: &Served) -> bool {
    let mut request = Request::new(GetWorkRequest { desk: MAIN.into(), at_least: 0 });
    if let Ok(token) = format!("Bearer {}", AGENTS[0]).parse() {
        request.metadata_mut().insert("authorization", token);
    }
    let mut client = AgentClient::new(served.api.clone());
    let answer = tokio::select! {
        biased;
        answer = client.get_work(request) => answer,
        () = served.link.died() => return false,
    };
    !matches!(answer, Err(status) if matches!(status.code(), Code::Unavailable | Code::DataLoss))
}
