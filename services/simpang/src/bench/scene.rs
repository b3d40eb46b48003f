//! Where a round is measured: a nats-server of its own on a fresh folder, gone with the round.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use prost::Message as _;
use simpang_log::{Appender, DeskLog, DeskName, Door, Limits, LogStore, Place};
use simpang_log_nats::bare::Bare;
use simpang_log_nats::{NatsOptions, NatsServer, NatsStore, ServerOptions, server::SyncInterval};
use simpang_proto::log::v1::{Commit, Input, PolicyDocument, PolicyFile, input};
use simpang_router::{DeskStatus, Options, Router};
use tempfile::TempDir;

use super::traffic::DESK;
use crate::commands::policy::read_folder;

/// The shipped policy, from the folder that the program is run in.
const SHIPPED: &str = "policies/telkom";
/// How long a log that others write to is let be before its last commit is looked at again.
const LOOK_AFTER: Duration = Duration::from_millis(25);
/// How long anything may take before the run is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// Files by path.
pub(super) type Files = Vec<(String, String)>;

/// The policy to judge by, and its name for people.
pub(super) fn policy() -> Result<(&'static str, Files)> {
    if Path::new(SHIPPED).join(format!("desks/{DESK}.toml")).is_file() {
        return Ok((SHIPPED, read_folder(Path::new(SHIPPED))?));
    }
    Ok(("a minimal policy", minimal()))
}

fn minimal() -> Files {
    vec![
        (format!("desks/{DESK}.toml"), include_str!("minimal/desk.toml").to_owned()),
        ("policy.toml".to_owned(), include_str!("minimal/policy.toml").to_owned()),
    ]
}

/// The input that puts a policy in force.
pub(super) fn policy_input(files: &Files) -> Input {
    let files = files.iter().map(|(path, text)| PolicyFile { path: path.clone(), text: text.clone() });
    let document = PolicyDocument {
        version: 1,
        files: files.collect(),
        applied_by: "bench".into(),
        ..Default::default()
    };
    Input { body: Some(input::Body::Policy(document)), ..Input::default() }
}

/// A broker with nothing on it.
pub(super) struct Scene {
    server: NatsServer,
    pub(super) store: Arc<dyn LogStore>,
    pub(super) broker_version: String,
    folder: TempDir,
}

impl Scene {
    pub(super) async fn new(sync_always: bool) -> Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("simpang-bench-").tempdir().context("can't make a folder")?;
        let sync = if sync_always { SyncInterval::Always } else { SyncInterval::Periodic };
        let options = ServerOptions { dir: folder.path().join("nats"), sync, ..ServerOptions::default() };
        let server =
            NatsServer::start(options).await.context("can't run nats-server; `make tools` fetches it")?;
        let name = NatsOptions { name: "bench".into(), ..NatsOptions::default() };
        let store = NatsStore::connect(&server.url(), name).await?;
        Ok(Self { broker_version: store.server_version(), server, store: Arc::new(store), folder })
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// A folder for what else a round keeps.
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn broker_pid(&self) -> u32 {
        self.server.pid().unwrap_or(0)
    }

    pub(super) async fn bare(&self, name: &str) -> Result<Bare> {
        Ok(Bare::open(&self.url(), name).await?)
    }

    /// A router with the desk in its hands and the policy in force.
    pub(super) async fn routed_desk(&self, files: &Files) -> Result<(Router, Arc<dyn DeskLog>)> {
        let log = self.store.create(&DeskName::new(DESK)?).await?;
        let router = Router::start(Options::new(self.store.clone(), "router@bench/1".into())).await?;
        let gateway = Appender::new(log.clone(), Door::Gateway, "gateway@bench/1", Limits::default());
        let place = gateway.append(policy_input(files)).await?;
        decided(log.as_ref(), place).await?;
        Ok((router, log))
    }

    pub(super) async fn stop(mut self) -> Result<()> {
        Ok(self.server.stop().await?)
    }
}

/// Waits until a router has the desk.
pub(super) async fn owned(router: &Router) -> Result<()> {
    let began = std::time::Instant::now();
    loop {
        match router.statuses().get(DESK) {
            Some(DeskStatus::Owning { .. }) => return Ok(()),
            Some(DeskStatus::Stopped(reason)) => bail!("the router stopped: {reason}"),
            _ if began.elapsed() > PATIENCE => bail!("no router took the desk"),
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// Waits until the log's last commit covers an input. It asks now and then rather than reading along, so that what is
/// measured has the processor to itself: a commit under load is half a megabyte, so it is looked at only when the log
/// has come to a stand, or [`LOOK_AFTER`] the last look where others go on writing. What that adds counts as ours.
pub(super) async fn decided(log: &dyn DeskLog, place: Place) -> Result<()> {
    let began = std::time::Instant::now();
    let (mut looked, mut stood_at) = (began, 0);
    loop {
        let stands_at = log.last_seq().await?;
        if stands_at == stood_at || looked.elapsed() > LOOK_AFTER {
            if through(log).await? >= place {
                return Ok(());
            }
            looked = std::time::Instant::now();
        }
        if began.elapsed() > PATIENCE {
            bail!("input {}.{} was not judged in {PATIENCE:?}", place.seq, place.index);
        }
        stood_at = stands_at;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// How far the log is judged.
async fn through(log: &dyn DeskLog) -> Result<Place> {
    let Some(record) = log.last_commit().await? else { return Ok(Place { seq: 0, index: 0 }) };
    let commit = Commit::decode(record.payload).context("the last commit can't be read")?;
    let position = commit.decided_through.unwrap_or_default();
    Ok(Place { seq: position.seq, index: position.index })
}

/// A payload of the size of one message.
pub(super) fn payload() -> Bytes {
    Bytes::from(super::traffic::Traffic::new().input(1).encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::minimal;
    use crate::bench::traffic::DESK;

    #[test]
    fn the_minimal_policy_compiles() {
        let compiled = simpang_policy::compile(DESK, &minimal());
        assert!(compiled.is_ok(), "{:?}", compiled.err());
    }
}
