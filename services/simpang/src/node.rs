//! Roles in a process: start those that are asked for, serve them on one gRPC and one HTTP port, stop in order.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use metrics_exporter_prometheus::PrometheusHandle;
use simpang_access::Gatekeeper;
use simpang_deliver::Deliver;
use simpang_gateway::Gateway;
use simpang_ingest::Ingest;
use simpang_log::{DeskName, LogStore, SharedStore};
use simpang_project::Project;
use simpang_router::{DeskStatus, Router};
use simpang_wire::key::Keyer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tracing::info;

use crate::config::Config;
use crate::{installation, store, telemetry};

mod settings;

/// A service of Simpang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Ingest,
    Router,
    Project,
    Deliver,
    Gateway,
}

impl Role {
    pub(crate) const ALL: [Self; 5] =
        [Self::Router, Self::Project, Self::Deliver, Self::Gateway, Self::Ingest];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Router => "router",
            Self::Project => "project",
            Self::Deliver => "deliver",
            Self::Gateway => "gateway",
        }
    }
}

/// The roles that run, each if it was asked for.
#[derive(Debug, Default)]
struct Running {
    ingest: Option<Ingest>,
    router: Option<Router>,
    project: Option<Project>,
    deliver: Option<Deliver>,
    gateway: Option<Gateway>,
}

/// The roles, as the health answer sees them too; none are left once the node stops.
type Roles = Arc<Mutex<Running>>;

fn roles(roles: &Roles) -> MutexGuard<'_, Running> {
    roles.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    /// What is wrong now, as sentences; empty: nothing.
    fn troubles(&self) -> Vec<String> {
        let mut all = Vec::new();
        if self.ingest.as_ref().is_some_and(|ingest| !ingest.is_ready()) {
            all.push(
                "ingest: the customer directory is not read yet, senders are told to come back".to_owned(),
            );
        }
        for refusal in self.ingest.iter().flat_map(Ingest::refusals) {
            all.push(format!("ingest: nothing is accepted: {refusal}"));
        }
        for (desk, status) in self.router.iter().flat_map(Router::statuses) {
            if let DeskStatus::Stopped(reason) = status {
                all.push(format!("router: desk {desk} is not judged: {reason}"));
            }
        }
        for health in self.project.iter().flat_map(Project::health) {
            if let Some(reason) = health.broken {
                all.push(format!("project: the view of desk {} stands still: {reason}", health.desk));
            }
        }
        all
    }
}

/// 200 when every role in this process works, 503 with what does not otherwise.
async fn health(State(running): State<Roles>) -> (StatusCode, String) {
    let troubles = roles(&running).troubles();
    if troubles.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, troubles.join("\n") + "\n")
}

/// A process with roles in it.
#[derive(Debug)]
pub(crate) struct Node {
    running: Roles,
    /// Where gRPC is served; none: no role serves any.
    pub(crate) grpc: Option<SocketAddr>,
    /// Where HTTP is served.
    pub(crate) http: SocketAddr,
    /// Where mail comes in.
    pub(crate) smtp: Option<SocketAddr>,
    stop: CancellationToken,
    servers: TaskTracker,
}

/// What every role is given.
struct Shared {
    store: Arc<dyn LogStore>,
    keyer: Keyer,
    gatekeeper: Arc<Gatekeeper>,
    /// Part of the process's name that stays the same over restarts.
    name: String,
}

/// Runs roles until the process is asked to stop.
pub(crate) async fn run(config: Config, roles: &[Role]) -> Result<()> {
    let metrics = telemetry::start(&config.telemetry)?;
    let name: Vec<&str> = roles.iter().map(|r| r.name()).collect();
    let name = store::instance(&name.join("+"), "1");
    let http = bind(&config.listen.http, "listen.http").await?;
    let asked = stop_signal();
    tokio::pin!(asked);
    let waiting = Waiting::begin(&http, metrics.clone())?;
    let store = tokio::select! {
        store = store::wait(&config, &name) => store?,
        stop = &mut asked => return stop,
    };
    waiting.end().await;
    let node = Node::start_at(&config, roles, store, metrics, http).await?;
    info!(grpc = ?node.grpc, http = %node.http, smtp = ?node.smtp, "ready");
    asked.await?;
    node.stop().await;
    Ok(())
}

/// Answers for a process that waits for the broker: it lives, and it is not ready. Nothing else is served, so that
/// whoever asks goes elsewhere.
#[derive(Debug)]
struct Waiting {
    stop: CancellationToken,
    server: tokio::task::JoinHandle<()>,
}

impl Waiting {
    fn begin(listener: &TcpListener, metrics: PrometheusHandle) -> Result<Self> {
        let own = same_socket(listener)?;
        let app = axum::Router::new()
            .route("/metrics", get(|State(metrics): State<PrometheusHandle>| async move { metrics.render() }))
            .with_state(metrics)
            .fallback(|| async { (StatusCode::SERVICE_UNAVAILABLE, "waiting for the broker\n") });
        let stop = CancellationToken::new();
        let asked = stop.clone();
        let server = tokio::spawn(async move {
            let _ = axum::serve(own, app).with_graceful_shutdown(asked.cancelled_owned()).await;
        });
        Ok(Self { stop, server })
    }

    async fn end(self) {
        self.stop.cancel();
        // Connections that are kept open without a request end with the process at the latest.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.server).await;
    }
}

/// The same socket once more.
fn same_socket(listener: &TcpListener) -> Result<TcpListener> {
    use std::os::fd::AsFd;
    let socket = listener.as_fd().try_clone_to_owned().context("listen.http")?;
    TcpListener::from_std(std::net::TcpListener::from(socket)).context("listen.http")
}

/// Waits until the process is asked to stop.
pub(crate) async fn stop_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).context("can't wait for signals")?;
    tokio::select! {
        _ = term.recv() => {}
        done = tokio::signal::ctrl_c() => done.context("can't wait for signals")?,
    }
    info!("stopping: nothing new is taken, what was accepted is on the log");
    Ok(())
}

impl Node {
    /// Starts roles and serves them.
    pub(crate) async fn start(
        config: &Config,
        roles: &[Role],
        store: Arc<dyn LogStore>,
        metrics: PrometheusHandle,
    ) -> Result<Self> {
        let http = bind(&config.listen.http, "listen.http").await?;
        Self::start_at(config, roles, store, metrics, http).await
    }

    async fn start_at(
        config: &Config,
        roles: &[Role],
        store: Arc<dyn LogStore>,
        metrics: PrometheusHandle,
        http: TcpListener,
    ) -> Result<Self> {
        // Its roles follow the same desks: each desk's log is read once for all of them.
        let shared = Shared {
            store: Arc::new(SharedStore::new(store)),
            keyer: installation::keyer(config)?,
            gatekeeper: installation::gatekeeper(config)?,
            name: config.node.name.clone(),
        };
        let serves_grpc = roles.iter().any(|r| !matches!(r, Role::Router | Role::Deliver));
        let grpc = if serves_grpc { Some(bind(&config.listen.grpc, "listen.grpc").await?) } else { None };
        let running = Running::start(config, roles, &shared).await?;
        let (stop, servers) = (CancellationToken::new(), TaskTracker::new());
        let mut node = Self {
            grpc: grpc.as_ref().map(TcpListener::local_addr).transpose()?,
            http: http.local_addr()?,
            smtp: running.ingest.as_ref().and_then(Ingest::smtp_address),
            running: Arc::new(Mutex::new(running)),
            stop,
            servers,
        };
        if let Some(listener) = grpc {
            node.serve_grpc(listener)?;
        }
        node.serve_http(http, metrics);
        Ok(node)
    }

    fn serve_grpc(&mut self, listener: TcpListener) -> Result<()> {
        let (routes, names) = routes(&roles(&self.running));
        // Many clients still ask in the words of v1alpha only.
        let old_reflection = reflection(&names).build_v1alpha().context("reflection")?;
        let reflection = reflection(&names).build_v1().context("reflection")?;
        let stop = self.stop.clone();
        let (reporter, health) = tonic_health::server::health_reporter();
        self.servers.spawn(async move {
            for name in names {
                reporter.set_service_status(name, tonic_health::ServingStatus::Serving).await;
            }
            // Without it a small answer waits until the client has acknowledged the one before: 40 ms.
            let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
            let served = tonic::transport::Server::builder()
                .http2_keepalive_interval(Some(Duration::from_secs(20)))
                .add_routes(routes.add_service(health).add_service(reflection).add_service(old_reflection))
                .serve_with_incoming_shutdown(incoming, stop.cancelled())
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "gRPC is no longer served");
            }
        });
        Ok(())
    }

    fn serve_http(&self, listener: TcpListener, metrics: PrometheusHandle) {
        let own = axum::Router::new()
            .route("/metrics", get(|State(metrics): State<PrometheusHandle>| async move { metrics.render() }))
            .with_state(metrics)
            .route("/healthz", get(health))
            .with_state(self.running.clone());
        let app = match &roles(&self.running).ingest {
            Some(ingest) => own.merge(ingest.http()),
            None => own,
        };
        let stop = self.stop.clone();
        self.servers.spawn(async move {
            let listener = listener.tap_io(|socket| {
                let _ = socket.set_nodelay(true);
            });
            let served = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, "HTTP is no longer served");
            }
        });
    }

    /// Stops taking, then stops the roles, doors first.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.servers.close();
        let Running { ingest, router, project, deliver, gateway } =
            std::mem::take(&mut *roles(&self.running));
        if let Some(ingest) = ingest {
            ingest.stop().await;
        }
        if let Some(gateway) = gateway {
            gateway.stop().await;
        }
        if let Some(deliver) = deliver {
            deliver.stop().await;
        }
        if let Some(router) = router {
            router.stop().await;
        }
        if let Some(project) = project {
            project.stop().await;
        }
        let _ = tokio::time::timeout(Duration::from_secs(3), self.servers.wait()).await;
    }
}

impl Running {
    async fn start(config: &Config, roles: &[Role], shared: &Shared) -> Result<Self> {
        let mut running = Self::default();
        for role in roles {
            match role {
                Role::Router => running.router = Some(start_router(config, shared).await?),
                Role::Project => {
                    let options = simpang_project::Options {
                        store: shared.store.clone(),
                        data_dir: config.data.dir.join("views"),
                        keyer: shared.keyer.clone(),
                        gatekeeper: shared.gatekeeper.clone(),
                        instance: store::instance("project", &shared.name),
                    };
                    running.project = Some(Project::start(options).await?);
                }
                Role::Deliver => {
                    let options = settings::deliver(config, shared)?;
                    running.deliver = Some(Deliver::start(options).await?);
                }
                Role::Gateway => {
                    let unique = format!("{}-{}", shared.name, std::process::id());
                    let instance = store::instance("gateway", &unique);
                    let mut options = simpang_gateway::Options::new(
                        shared.store.clone(),
                        shared.keyer.clone(),
                        shared.gatekeeper.clone(),
                        instance,
                    );
                    options.snapshots = config.snapshots("gateway", config.data.snapshot_events);
                    running.gateway = Some(Gateway::start(options).await?);
                }
                Role::Ingest => {
                    running.ingest = Some(Ingest::start(settings::ingest(config, shared)?).await?)
                }
            }
        }
        Ok(running)
    }
}

/// What these services tell of themselves.
fn reflection(names: &[&'static str]) -> tonic_reflection::server::Builder<'static> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(simpang_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    let names = names.iter().chain(&["grpc.health.v1.Health"]);
    names.fold(builder, |builder, name| builder.with_service_name(*name))
}

async fn start_router(config: &Config, shared: &Shared) -> Result<Router> {
    let unique = format!("{}-{}", shared.name, std::process::id());
    let mut options = simpang_router::Options::new(shared.store.clone(), store::instance("router", &unique));
    options.eager = config.router.eager;
    options.marks = Some(config.marks_dir());
    options.takeover_after = Duration::from_millis(config.router.takeover_after_ms);
    options.snapshots = config.snapshots("", config.router.snapshot_events);
    let desks = config.router.desks.iter().map(|desk| DeskName::new(desk));
    options.desks = desks.collect::<Result<_, _>>().context("router.desks")?;
    Ok(Router::start(options).await?)
}

async fn bind(addr: &str, key: &str) -> Result<TcpListener> {
    TcpListener::bind(addr).await.map_err(|error| {
        anyhow!("{key}: can't listen on {addr}: {error}; choose another address in the settings")
    })
}

/// The gRPC services of the roles that run, with their names.
fn routes(running: &Running) -> (Routes, Vec<&'static str>) {
    let mut routes = Routes::default();
    let mut names = Vec::new();
    if let Some(ingest) = &running.ingest {
        routes = routes.add_service(ingest.grpc());
        names.push("simpang.ingest.v1.Ingest");
    }
    if let Some(gateway) = &running.gateway {
        let (agent, admin) = gateway.grpc();
        routes = routes.add_service(agent).add_service(admin);
        names.extend(["simpang.agent.v1.Agent", "simpang.admin.v1.Admin"]);
    }
    if let Some(project) = &running.project {
        routes = routes.add_service(project.view()).add_service(project.audit());
        names.extend(["simpang.view.v1.View", "simpang.audit.v1.Audit"]);
    }
    (routes, names)
}
