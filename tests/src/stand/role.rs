//! Roles and how they run.

use std::net::SocketAddr;
use std::time::Duration;

use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::senders::http::Http;

/// How the roles run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `simpang up` with a nats-server of its own.
    Together,
    /// A process for each role, and a nats-server that the test runs.
    Apart,
}

/// A service of Simpang, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// All in one process.
    Up,
    /// Inputs become commits.
    Router,
    /// A second router, which reads along.
    Standby,
    /// Views and audit.
    Project,
    /// Ways out.
    Deliver,
    /// Agents, leads, administrators.
    Gateway,
    /// Doors.
    Ingest,
}

impl Role {
    /// The roles that run apart, in the order in which they start.
    pub const APART: [Self; 5] = [Self::Router, Self::Project, Self::Deliver, Self::Gateway, Self::Ingest];

    /// Those, and a second router.
    pub const DOUBLED: [Self; 6] =
        [Self::Router, Self::Standby, Self::Project, Self::Deliver, Self::Gateway, Self::Ingest];

    /// What it is called here.
    #[must_use]
    pub fn label(self) -> &'static str {
        if self == Self::Standby { "standby" } else { self.name() }
    }

    /// The command.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Router | Self::Standby => "router",
            Self::Project => "project",
            Self::Deliver => "deliver",
            Self::Gateway => "gateway",
            Self::Ingest => "ingest",
        }
    }

    /// Services that it serves over gRPC.
    fn services(self) -> &'static [&'static str] {
        match self {
            Self::Up => &["simpang.ingest.v1.Ingest", "simpang.agent.v1.Agent", "simpang.view.v1.View"],
            Self::Project => &["simpang.view.v1.View", "simpang.audit.v1.Audit"],
            Self::Gateway => &["simpang.agent.v1.Agent", "simpang.admin.v1.Admin"],
            Self::Ingest => &["simpang.ingest.v1.Ingest"],
            Self::Router | Self::Standby | Self::Deliver => &[],
        }
    }
}

/// Where a process listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

/// Whether it answers that it serves.
pub(super) async fn is_ready(role: Role, at: Addresses) -> bool {
    let health = Http(at.http).get("/healthz").await;
    health.is_ok_and(|answer| answer.status == 200) && serves(at.grpc, role.services()).await
}

async fn serves(grpc: SocketAddr, services: &[&str]) -> bool {
    if services.is_empty() {
        return true;
    }
    let Ok(endpoint) = tonic::transport::Endpoint::from_shared(format!("http://{grpc}")) else {
        return false;
    };
    let Ok(channel) = endpoint.timeout(Duration::from_secs(5)).connect().await else { return false };
    let mut health = HealthClient::new(channel);
    for service in services {
        let asked = health.check(HealthCheckRequest { service: (*service).to_owned() }).await;
        let serving = ServingStatus::Serving as i32;
        if !asked.is_ok_and(|answer| answer.into_inner().status == serving) {
            return false;
        }
    }
    true
}
