//! What serves gRPC: reachable, healthy, the token good, the views caught up.

use std::time::Duration;

use simpang_proto::admin::v1::ListDesksRequest;
use simpang_proto::view::v1 as view;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::Report;
use crate::cli::Server;
use crate::client::Client;
use crate::config::Config;
use crate::output;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Records that a view may be behind while it is at work.
const BEHIND_MAX: u64 = 1_000;

/// What to do about a log that a reader stopped at.
const BROKEN: &str = "stop the routers, run `simpang verify` on the desk and follow \"A digest that does not match\" in \
                      docs/repair.md; the log is restored, never the view";

/// The services there are, and the role that serves each.
const SERVICES: [(&str, &str); 5] = [
    ("simpang.agent.v1.Agent", "gateway"),
    ("simpang.admin.v1.Admin", "gateway"),
    ("simpang.view.v1.View", "project"),
    ("simpang.audit.v1.Audit", "project"),
    ("simpang.ingest.v1.Ingest", "ingest"),
];

pub(super) async fn check(config: &Config, server: &Server, report: &mut Report) {
    let Some(channel) = reach(&server.addr, report).await else { return };
    let served = healthy(channel, &server.addr, report).await;
    let client = match Client::of(config, server).await {
        Ok(client) => client,
        Err(error) => {
            return report.fail(
                "token",
                format!("{error:#}"),
                "export SIMPANG_TOKEN=…, or name the folder with --data",
            );
        }
    };
    // A bad token would only be told again for each service.
    let good = !served.contains(&"simpang.admin.v1.Admin") || token(&client, report).await;
    if good && served.contains(&"simpang.view.v1.View") {
        views(&client, report).await;
    }
}

async fn reach(addr: &str, report: &mut Report) -> Option<Channel> {
    let todo = "start `simpang up` (or the roles), or name the right address with --addr";
    let endpoint = Endpoint::from_shared(addr.to_owned());
    let endpoint = endpoint.map_err(|error| report.fail("gRPC", format!("{addr}: {error}"), todo)).ok()?;
    let connected = endpoint.connect_timeout(PATIENCE).timeout(PATIENCE).connect().await;
    match connected {
        Ok(channel) => Some(channel),
        Err(error) => {
            report.fail("gRPC", format!("nothing answers at {addr}: {error}"), todo);
            None
        }
    }
}

/// The services that say they serve.
async fn healthy(channel: Channel, addr: &str, report: &mut Report) -> Vec<&'static str> {
    let mut health = HealthClient::new(channel);
    let (mut served, mut absent, mut ill) = (Vec::new(), Vec::new(), Vec::new());
    for (service, role) in SERVICES {
        match health.check(HealthCheckRequest { service: service.to_owned() }).await {
            Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => served.push(service),
            Ok(_) => ill.push(service),
            Err(status) if status.code() == Code::NotFound => absent.push(role),
            Err(status) => {
                let todo = "is this Simpang's gRPC port (HTTP has another), and is its process alive?";
                report.fail(
                    "gRPC",
                    format!("{addr} answers, but not about its health: {}", status.message()),
                    todo,
                );
                return Vec::new();
            }
        }
    }
    absent.dedup();
    if !ill.is_empty() {
        report.fail("gRPC", format!("{} do not serve", ill.join(", ")), "look at the role's log");
    }
    if absent.is_empty() {
        report.ok("gRPC", format!("{addr} is healthy: all five services"));
    } else {
        let found = format!("{addr} is healthy; not served here: {}", absent.join(", "));
        report.warn(
            "gRPC",
            found,
            "fine on a cluster where those roles run elsewhere; check them there with --addr",
        );
    }
    served
}

/// Whether the token is good for anything.
async fn token(client: &Client, report: &mut Report) -> bool {
    match client.admin().list_desks(ListDesksRequest {}).await {
        Ok(answer) => {
            report.ok("token", "good for an administrator");
            for desk in answer.into_inner().desks.into_iter().filter(|desk| !desk.trouble.is_empty()) {
                report.fail(format!("desk {}: gateway", desk.desk), desk.trouble, BROKEN);
            }
        }
        Err(status) if status.code() == Code::PermissionDenied => {
            report.ok("token", "good, though not for an administrator");
        }
        Err(status) if status.code() == Code::Unauthenticated => {
            let todo = "use a token of this installation: its folder has token-admin, made by `simpang up`";
            report.fail("token", status.message(), todo);
            return false;
        }
        Err(status) => report.fail("token", status.message(), "look at the gateway's log"),
    }
    true
}

async fn views(client: &Client, report: &mut Report) {
    let desks = match client.view().list_desks(view::ListDesksRequest {}).await {
        Ok(answer) => answer.into_inner().desks,
        Err(status) => return report.fail("views", status.message(), "look at the log of `simpang project`"),
    };
    for desk in desks {
        let check = format!("desk {}: view", desk.desk);
        let found = format!("at sequence {}, {} records behind", desk.position, desk.behind_records);
        if !desk.broken.is_empty() {
            report.fail(check, desk.broken, BROKEN);
        } else if desk.behind_records > BEHIND_MAX {
            let folded = output::time(desk.folded_to_ms);
            report.warn(
                check,
                format!("{found}, up to {folded} UTC"),
                "it catches up by itself; if not, look at `simpang project`",
            );
        } else {
            report.ok(check, found);
        }
        if desk.refused_inputs > 0 {
            report.warn(
                format!("desk {}: refused", desk.desk),
                format!("{} inputs were set aside as not understood", desk.refused_inputs),
                format!("simpang replay {} --kind InputRefused", desk.desk),
            );
        }
    }
}
