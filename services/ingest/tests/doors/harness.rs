//! Doors opened for a test: two desks, one customer, three tokens.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use prost::Message as _;
use simpang_access::{Gatekeeper, TokenEntry, Tokens};
use simpang_ingest::{FacebookApp, GraphPage, HttpOptions, Ingest, Options, SmtpOptions, XApp, XPull};
use simpang_log::{DeskName, LogStore, MemoryDesk, MemoryStore};
use simpang_proto::ingest::v1::ingest_client::IngestClient;
use simpang_proto::log::v1 as log;
use simpang_wire::key::Keyer;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tower::ServiceExt as _;

/// Longest wait for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
pub(crate) const CONSUMER_SECRET: &str = "consumer secret";
pub(crate) const APP_SECRET: &str = "app secret";
pub(crate) const VERIFY_TOKEN: &str = "verify me";

/// Largest file that is taken.
pub(crate) const ATTACHMENT_BYTES: usize = 2 << 20;

pub(crate) struct Doors {
    pub(crate) store: MemoryStore,
    pub(crate) keyer: Keyer,
    pub(crate) ingest: Ingest,
}

/// What only some doors have.
#[derive(Default)]
pub(crate) struct Sources {
    imap: Vec<simpang_ingest::ImapMailbox>,
    x_pulls: Vec<XPull>,
    tls: Option<simpang_ingest::SmtpTls>,
    graph_pages: Vec<GraphPage>,
}

/// How a test changes the usual options.
pub(crate) type Change = fn(&mut SmtpOptions);

impl Doors {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn open_with(change: Change) -> Self {
        let store = MemoryStore::new();
        Self::open_on(store.clone(), Arc::new(store), change).await
    }

    /// Opens doors whose mail listener has a certificate.
    pub(crate) async fn open_protected(tls: simpang_ingest::SmtpTls) -> Self {
        let store = MemoryStore::new();
        Self::prepare(&store).await;
        let sources = Sources { tls: Some(tls), ..Sources::default() };
        let doors = Self::start(store.clone(), Arc::new(store), |_| {}, sources).await;
        eventually("the directory is read", || doors.ingest.is_ready()).await;
        doors
    }

    /// Opens doors as [`Self::open_before_ready`] and waits until they take things in.
    pub(crate) async fn open_on(store: MemoryStore, through: Arc<dyn LogStore>, change: Change) -> Self {
        let doors = Self::open_before_ready(store, through, change).await;
        eventually("the directory is read", || doors.ingest.is_ready()).await;
        doors
    }

    /// Opens doors that write through `through`, which keeps what it is given in `store`.
    pub(crate) async fn open_before_ready(
        store: MemoryStore,
        through: Arc<dyn LogStore>,
        change: Change,
    ) -> Self {
        Self::prepare(&store).await;
        Self::start(store, through, change, Sources::default()).await
    }

    /// Opens doors that ask X, on a store where the desks and their accounts stand or stood before.
    pub(crate) async fn open_asking(store: &MemoryStore, asked: Vec<XPull>) -> Self {
        if store.desks().await.unwrap().is_empty() {
            Self::prepare(store).await;
        }
        let sources = Sources { x_pulls: asked, ..Sources::default() };
        Self::start(store.clone(), Arc::new(store.clone()), |_| {}, sources).await
    }

    /// Opens doors that ask mailboxes, on a store where the desks and their accounts stand or stood before.
    pub(crate) async fn open_reading(store: &MemoryStore, imap: Vec<simpang_ingest::ImapMailbox>) -> Self {
        if store.desks().await.unwrap().is_empty() {
            Self::prepare(store).await;
        }
        let sources = Sources { imap, ..Sources::default() };
        Self::start(store.clone(), Arc::new(store.clone()), |_| {}, sources).await
    }

    /// Opens doors that ask the Graph API who mentioned this page.
    pub(crate) async fn open_with_graph(page: GraphPage) -> Self {
        let store = MemoryStore::new();
        Self::prepare(&store).await;
        let sources = Sources { graph_pages: vec![page], ..Sources::default() };
        let doors = Self::start(store.clone(), Arc::new(store), |_| {}, sources).await;
        eventually("the directory is read", || doors.ingest.is_ready()).await;
        doors
    }

    async fn prepare(store: &MemoryStore) {
        let keyer = Keyer::new(b"a secret of the tests");
        for desk in ["tenesa", "telkomcare"] {
            store.create(&DeskName::new(desk).unwrap()).await.unwrap();
        }
        store.append_directory(directory(&keyer).encode_to_vec().into()).await.unwrap();
    }

    async fn start(store: MemoryStore, through: Arc<dyn LogStore>, change: Change, sources: Sources) -> Self {
        let keyer = Keyer::new(b"a secret of the tests");
        let mut smtp = SmtpOptions::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "mx.example");
        change(&mut smtp);
        smtp.tls = sources.tls;
        let options = Options {
            store: through,
            keyer: keyer.clone(),
            gatekeeper: Arc::new(Gatekeeper::new(tokens())),
            instance: "ingest@test/1".into(),
            smtp: Some(smtp),
            http: HttpOptions { graph_pages: sources.graph_pages, ..http() },
            imap: sources.imap,
            x_pulls: sources.x_pulls,
            attachment_bytes: ATTACHMENT_BYTES,
        };
        let ingest = Ingest::start(options).await.unwrap();
        Self { store, keyer, ingest }
    }

    pub(crate) fn smtp(&self) -> SocketAddr {
        self.ingest.smtp_address().unwrap()
    }

    pub(crate) fn desk(&self, desk: &str) -> Arc<MemoryDesk> {
        self.store.desk(&DeskName::new(desk).unwrap())
    }

    /// All inputs on a desk's log.
    pub(crate) fn inputs(&self, desk: &str) -> Vec<log::Input> {
        let decode = |record: simpang_log::Record| log::InputRecord::decode(record.payload).unwrap();
        self.desk(desk).records().into_iter().flat_map(|record| decode(record).inputs).collect()
    }

    /// All messages on a desk's log, with their content.
    pub(crate) fn messages(&self, desk: &str) -> Vec<(log::Message, log::MessageContent)> {
        let message = |input: log::Input| match input.body {
            Some(log::input::Body::Message(message)) => {
                let content = message.content.clone().unwrap().body;
                (message, log::MessageContent::decode(content).unwrap())
            }
            other => panic!("no message: {other:?}"),
        };
        self.inputs(desk).into_iter().map(message).collect()
    }

    /// What the object store keeps under a digest.
    pub(crate) async fn raw(&self, digest: &[u8]) -> Option<bytes::Bytes> {
        self.store.get_raw(digest.try_into().unwrap()).await.unwrap()
    }

    /// Makes one HTTP request.
    pub(crate) async fn call(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.ingest.http().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// A gRPC client of a server that serves these doors.
    pub(crate) async fn client(&self) -> IngestClient<Channel> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder().add_service(self.ingest.grpc());
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        IngestClient::connect(format!("http://{address}")).await.unwrap()
    }
}

/// A gRPC request with a token.
pub(crate) fn with_token<T>(message: T, token: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn http() -> HttpOptions {
    HttpOptions {
        x_apps: vec![XApp { name: "main".into(), consumer_secret: CONSUMER_SECRET.into() }],
        facebook_apps: vec![FacebookApp {
            name: "main".into(),
            app_secret: APP_SECRET.into(),
            verify_token: VERIFY_TOKEN.into(),
        }],
        graph_pages: Vec::new(),
        body_bytes: 64 << 10,
    }
}

fn tokens() -> Tokens {
    let entry = |token: &str, roles: &[&str], desks: &[&str]| TokenEntry {
        sha256: Tokens::digest(token),
        principal: token.into(),
        roles: roles.iter().map(|r| (*r).into()).collect(),
        desks: desks.iter().map(|d| (*d).into()).collect(),
    };
    let entries = vec![
        entry("gateway", &["gateway"], &[]),
        entry("tenesa-only", &["gateway"], &["tenesa"]),
        entry("agent-7", &[], &[]),
        entry("leader", &[], &[]),
    ];
    Tokens::from_entries(entries).unwrap()
}

fn directory(keyer: &Keyer) -> log::DirectoryRecord {
    let account = |channel: log::Channel, account: &str, aliases: &[&str]| log::Account {
        channel: channel.into(),
        account: account.into(),
        aliases: aliases.iter().map(|a| (*a).into()).collect(),
    };
    let desk = |desk: &str, accounts: Vec<log::Account>, campaigns: &[&str]| log::DeskRecord {
        desk: desk.into(),
        policy_version: 1,
        accounts,
        campaigns: campaigns.iter().map(|c| (*c).into()).collect(),
        leaders: if desk == "tenesa" { vec!["leader".into()] } else { Vec::new() },
    };
    let tenesa = vec![account(log::Channel::Email, "care@tenesa.example", &["help@tenesa.example"])];
    let telkomcare = vec![
        account(log::Channel::Email, "social@telkom.example", &[]),
        account(log::Channel::X, "telkomcare", &["1114"]),
        account(log::Channel::Facebook, "telkomcare", &["444"]),
        account(log::Channel::Other, "whatsapp", &[]),
    ];
    let identities = [
        keyer.person("email", "budi@example.id"),
        keyer.person("x", "42"),
        keyer.person("call", "+6281234567890"),
    ];
    log::DirectoryRecord {
        schema: 1,
        writer: "test".into(),
        customers: vec![log::CustomerRecord {
            customer: Some(log::Customer {
                id: "k1".into(),
                segment: "DES".into(),
                ..log::Customer::default()
            }),
            identities: identities.iter().map(|key| key.to_vec().into()).collect(),
            ..log::CustomerRecord::default()
        }],
        desks: vec![desk("tenesa", tenesa, &["callback"]), desk("telkomcare", telkomcare, &[])],
        ..log::DirectoryRecord::default()
    }
}
