//! A gateway with its log, its router and clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use simpang_access::{Gatekeeper, TokenEntry, Tokens};
use simpang_gateway::{Gateway, Options};
use simpang_log::{DeskName, MemoryDesk, MemoryStore, RecordKind};
use simpang_proto::admin::v1::admin_client::AdminClient;
use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::agent_client::AgentClient;
use simpang_proto::log::v1::{self as log, command};
use simpang_wire::key::Keyer;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Status};

use crate::router::Router;

/// What nothing here takes longer than, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const DESK: &str = "telkomcare";
pub(crate) const GATEWAY: &str = "gateway@test/1";

/// Adds a token to each request.
#[derive(Clone)]
pub(crate) struct Bearer(Option<MetadataValue<tonic::metadata::Ascii>>);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

pub(crate) type Agent = AgentClient<InterceptedService<Channel, Bearer>>;
pub(crate) type Admin = AdminClient<InterceptedService<Channel, Bearer>>;

pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) desk: Arc<MemoryDesk>,
    pub(crate) router: Router,
    pub(crate) server: Serving,
}

/// A gateway behind a socket.
pub(crate) struct Serving {
    address: SocketAddr,
    gateway: Option<Gateway>,
    stop: CancellationToken,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Serving {
    async fn start(options: Options) -> Self {
        let gateway = Gateway::start(options).await.unwrap();
        let (agent, admin) = gateway.grpc();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = Server::builder().add_service(agent).add_service(admin);
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(served.serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped));
        Self { address, gateway: Some(gateway), stop }
    }

    /// The gateway alone; its socket stays open until the rest is dropped.
    pub(crate) fn take_gateway(&mut self) -> Gateway {
        self.gateway.take().unwrap()
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With other options than the usual.
    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let store = MemoryStore::new();
        let desk = store.desk(&DeskName::new(DESK).unwrap());
        let router = Router::start(Arc::clone(&desk) as Arc<dyn simpang_log::DeskLog>);
        let mut options = options(&store);
        change(&mut options);
        Self { store, desk, router, server: Serving::start(options).await }
    }

    /// Another gateway on the same log.
    pub(crate) async fn another(&self, instance: &str) -> Serving {
        self.another_with(|options| options.instance = instance.into()).await
    }

    /// Another one with other options than the usual.
    pub(crate) async fn another_with(&self, change: impl FnOnce(&mut Options)) -> Serving {
        let mut options = options(&self.store);
        change(&mut options);
        Serving::start(options).await
    }

    pub(crate) fn agent(&self, token: &str) -> Agent {
        self.server.agent(token)
    }

    pub(crate) fn admin(&self) -> Admin {
        AdminClient::with_interceptor(self.server.channel(), bearer("admin-token"))
    }

    /// A client that says for itself who calls.
    pub(crate) fn admin_without_token(&self) -> Admin {
        AdminClient::with_interceptor(self.server.channel(), bearer(""))
    }

    /// Asks until the gateway has read the directory's latest record.
    pub(crate) async fn until_linked(
        &self,
        agent: &mut Agent,
        request: api::IdentifyRequest,
    ) -> api::CommandResponse {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match agent.identify(request.clone()).await {
                Ok(done) => return done.into_inner(),
                Err(status) if status.code() == tonic::Code::NotFound && Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(status) => panic!("{status}"),
            }
        }
    }

    /// An agent who is signed in.
    pub(crate) async fn signed_in(&self, token: &str) -> (Agent, api::SignInResponse) {
        let mut agent = self.agent(token);
        let request = api::SignInRequest {
            desk: DESK.into(),
            request_id: format!("sign-in of {token}"),
            ready: true,
            auto: false,
        };
        let begun = agent.sign_in(request).await.unwrap().into_inner();
        (agent, begun)
    }

    /// Every input on the log, in order.
    pub(crate) fn inputs(&self) -> Vec<log::Input> {
        let records = self.desk.records().into_iter();
        let inputs = records.filter(|record| matches!(record.kind, RecordKind::Input(_)));
        inputs.flat_map(|record| log::InputRecord::decode(record.payload).unwrap().inputs).collect()
    }

    /// Every command on the log, in order.
    pub(crate) fn commands(&self) -> Vec<log::Command> {
        let commands = self.inputs().into_iter().filter_map(|input| match input.body {
            Some(log::input::Body::Command(command)) => Some(command),
            _ => None,
        });
        commands.collect()
    }

    /// Waits until the log shows such a command.
    pub(crate) async fn until_command(&self, wanted: impl Fn(&command::Body) -> bool) -> log::Command {
        self.until("a command", || {
            self.commands().into_iter().find(|command| command.body.as_ref().is_some_and(&wanted))
        })
        .await
    }

    /// Waits until something is there.
    pub(crate) async fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "{what} did not come");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Serving {
    pub(crate) fn agent(&self, token: &str) -> Agent {
        AgentClient::with_interceptor(self.channel(), bearer(token))
    }

    fn channel(&self) -> Channel {
        Endpoint::new(format!("http://{}", self.address)).unwrap().connect_lazy()
    }
}

fn bearer(token: &str) -> Bearer {
    Bearer((!token.is_empty()).then(|| format!("Bearer {token}").parse().unwrap()))
}

fn options(store: &MemoryStore) -> Options {
    let entry = |token: &str, principal: &str, roles: &[&str], desks: &[&str]| TokenEntry {
        sha256: Tokens::digest(token),
        principal: principal.into(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        desks: desks.iter().map(|desk| (*desk).to_owned()).collect(),
    };
    let tokens = Tokens::from_entries(vec![
        entry("sari-token", "sari", &[], &[]),
        entry("budi-token", "budi", &[], &[]),
        entry("elsewhere-token", "wati", &[], &["tenesa"]),
        entry("admin-token", "root", &["administrator"], &[]),
    ]);
    let keyer = Keyer::new(b"a secret for tests only");
    let gatekeeper = Arc::new(Gatekeeper::new(tokens.unwrap()));
    let mut options = Options::new(Arc::new(store.clone()), keyer, gatekeeper, GATEWAY.into());
    options.deadline = PATIENCE;
    options
}

pub(crate) fn pull(request_id: &str, count: u32, wait_ms: i64) -> api::PullRequest {
    api::PullRequest { desk: DESK.into(), request_id: request_id.into(), count, wait_ms, queues: Vec::new() }
}

pub(crate) fn note(request_id: &str, case: u64, text: &str) -> api::AddNoteRequest {
    api::AddNoteRequest {
        desk: DESK.into(),
        request_id: request_id.into(),
        case,
        text: text.into(),
        coaching: false,
    }
}

pub(crate) fn resolve(request_id: &str, case: u64, outcome: &str) -> api::ResolveRequest {
    api::ResolveRequest {
        desk: DESK.into(),
        request_id: request_id.into(),
        case,
        seen_messages: 0,
        outcome: outcome.into(),
    }
}
