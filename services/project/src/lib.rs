//! The role `project`: follows the log of every desk, folds it into the desk's tables, and answers `simpang.view.v1`
//! and `simpang.audit.v1` from them.
//!
//! For each desk one task reads the log by [`simpang_log::Tail`] and folds what comes in transactions of many entries;
//! while one is being written the next is gathered. Reads go to a few read-only connections on blocking threads. After
//! a crash a desk goes on from the position in its own file. A log that is broken stops that desk's view, with the
//! reason in every answer, and no other's.
//!
//! It decides nothing, writes nothing to any log, and calls no other service. The tables are `simpang-views`'.
//!
//! Read [`Project`], then `desk` (one desk's state and reads), `writer` (log → tables), then the services.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod background;
mod counters;
mod desk;
mod pool;
mod traced;
mod writer;

mod attachment;
mod audit;
mod calls;
mod rebuild;
mod replay;
mod state_at;
mod view;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use simpang_access::Gatekeeper;
use simpang_log::{DeskLog, DeskName, LogStore};
use simpang_proto::audit::v1::audit_server::AuditServer;
use simpang_proto::view::v1::view_server::ViewServer;
use simpang_wire::key::Keyer;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

pub use audit::AuditService;
pub use desk::Health;
pub use view::ViewService;

use calls::Calls;
use desk::Desk;

/// How often new desks are looked for, and lag is measured.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What the role needs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The logs.
    pub store: Arc<dyn LogStore>,
    /// The folder for the desks' tables, one file a desk; made if there is none. Theirs alone.
    pub data_dir: PathBuf,
    /// Makes keyed hashes, to find a history by an address.
    pub keyer: Keyer,
    /// Checks tokens.
    pub gatekeeper: Arc<Gatekeeper>,
    /// Who this is, for people: `project@<host>/<instance>`.
    pub instance: String,
}

/// The role can't begin.
#[derive(Debug, Error)]
pub enum StartError {
    /// The folder can't be made.
    #[error("the folder {path} for the views can't be made: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The desks that are followed, by name.
pub(crate) type Desks = Arc<RwLock<BTreeMap<DeskName, Arc<Desk>>>>;

/// How long a desk's tables take to be built from its log, in a folder where nothing is in use.
///
/// # Errors
/// A sentence: when the log can't be read, or the file can't be made.
pub async fn timed(
    log: Arc<dyn DeskLog>,
    store: Arc<dyn LogStore>,
    folder: &Path,
) -> Result<Duration, String> {
    writer::timed(log, store, folder).await
}

/// The running role.
#[derive(Debug)]
pub struct Project {
    calls: Arc<Calls>,
    desks: Desks,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Project {
    /// Begins to follow every desk there is, and those that will be made.
    ///
    /// # Errors
    /// When the folder can't be made. What goes wrong with a single desk is in [`Self::health`] and its answers.
    #[allow(clippy::unused_async)] // Every role starts so.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        counters::describe();
        let path = options.data_dir.clone();
        std::fs::create_dir_all(&path).map_err(|source| StartError::Folder { path, source })?;
        let (desks, stop, tasks) = (Desks::default(), CancellationToken::new(), TaskTracker::new());
        let calls = Arc::new(Calls {
            desks: desks.clone(),
            store: options.store.clone(),
            gatekeeper: options.gatekeeper.clone(),
            keyer: options.keyer.clone(),
            stop: stop.clone(),
            tasks: tasks.clone(),
        });
        info!(instance = options.instance, folder = %options.data_dir.display(), "following the desks' logs");
        tasks.spawn(discover(options, desks.clone(), stop.clone(), tasks.clone()));
        Ok(Self { calls, desks, stop, tasks })
    }

    /// The service `simpang.view.v1.View`.
    #[must_use]
    pub fn view(&self) -> ViewServer<ViewService> {
        ViewServer::new(ViewService::new(self.calls.clone()))
    }

    /// The service `simpang.audit.v1.Audit`.
    #[must_use]
    pub fn audit(&self) -> AuditServer<AuditService> {
        AuditServer::new(AuditService::new(self.calls.clone()))
    }

    /// How each desk's view is, by name.
    #[must_use]
    pub fn health(&self) -> Vec<Health> {
        let desks = self.desks.read().unwrap_or_else(PoisonError::into_inner);
        desks.values().map(|desk| desk.health()).collect()
    }

    /// Stops taking, ends streams, finishes the transactions that are under way.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Finds desks, now and when new ones appear.
async fn discover(options: Options, desks: Desks, stop: CancellationToken, tasks: TaskTracker) {
    loop {
        match options.store.desks().await {
            Ok(found) => {
                for name in found {
                    follow(&options, &desks, &stop, &tasks, name);
                }
            }
            Err(error) => warn!(%error, "can't list the desks, will look again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn follow(options: &Options, desks: &Desks, stop: &CancellationToken, tasks: &TaskTracker, name: DeskName) {
    let mut desks = desks.write().unwrap_or_else(PoisonError::into_inner);
    if desks.contains_key(&name) {
        return;
    }
    let desk = Arc::new(Desk::new(name.clone(), options.data_dir.join(format!("{name}.sqlite"))));
    tasks.spawn(writer::run(desk.clone(), options.store.clone(), stop.clone()));
    tasks.spawn(writer::measure(desk.clone(), stop.clone()));
    desks.insert(name, desk);
}
