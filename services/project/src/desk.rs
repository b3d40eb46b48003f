//! One desk's view as the services see it: its position, its readers, what changed, and whether it stands still.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use simpang_log::{DeskLog, DeskName};
use simpang_proto::log::v1::Role;
use simpang_views::read::Snapshot;
use simpang_views::{Changes, ViewsError};
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tonic::Status;
use tracing::error;

use crate::counters;
use crate::pool::Pool;

/// How long a read waits for the position it asks for.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Reads of one desk at the same time; each has a thread and a connection.
const READS_MAX: usize = 8;

/// Changes that a slow watcher may be behind before it looks at everything again.
const CHANGES_KEPT: usize = 256;

/// How a desk's view is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Desk.
    pub desk: String,
    /// Last record that was folded; none while the file is being opened.
    pub position: Option<u64>,
    /// Why the view stands still; none: it does not.
    pub broken: Option<String>,
    /// How often the tables were built anew and swapped in since the start.
    pub rebuilt: u32,
}

/// How far the building of new tables is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Building {
    /// Last record folded into them, and up to which they are built.
    pub(crate) position: u64,
    pub(crate) until: u64,
    /// How often tables were built anew and put in the place of those in use.
    pub(crate) done: u32,
    /// How often that failed, and why the last time.
    pub(crate) failed: u32,
    pub(crate) reason: String,
}

/// One desk.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) name: DeskName,
    pub(crate) path: PathBuf,
    pub(crate) pool: Arc<Pool>,
    /// Last record folded; none until the file is open.
    position: watch::Sender<Option<u64>>,
    changes: broadcast::Sender<Arc<Changes>>,
    broken: Mutex<Option<String>>,
    log: OnceLock<Arc<dyn DeskLog>>,
    /// Where the log ended when it was opened.
    stood: OnceLock<u64>,
    reads: Semaphore,
    rebuild: Notify,
    building: watch::Sender<Building>,
}

impl Desk {
    pub(crate) fn new(name: DeskName, path: PathBuf) -> Self {
        Self {
            pool: Arc::new(Pool::new(path.clone())),
            name,
            path,
            position: watch::Sender::new(None),
            changes: broadcast::Sender::new(CHANGES_KEPT),
            broken: Mutex::default(),
            log: OnceLock::new(),
            stood: OnceLock::new(),
            reads: Semaphore::new(READS_MAX),
            rebuild: Notify::new(),
            building: watch::Sender::default(),
        }
    }

    pub(crate) fn health(&self) -> Health {
        Health {
            desk: self.name.to_string(),
            position: self.position(),
            broken: self.broken(),
            rebuilt: self.building.borrow().done,
        }
    }

    pub(crate) fn position(&self) -> Option<u64> {
        *self.position.borrow()
    }

    pub(crate) fn broken(&self) -> Option<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The desk's log, once the writer has opened it.
    pub(crate) fn log(&self) -> Result<Arc<dyn DeskLog>, Status> {
        self.log.get().cloned().ok_or_else(|| self.not_yet())
    }

    /// The log was opened, and ended there.
    pub(crate) fn opened(&self, log: Arc<dyn DeskLog>, stood: u64) {
        // Opened once.
        let _ = self.log.set(log);
        let _ = self.stood.set(stood);
    }

    /// Whether everything is folded that stood on the log when it was opened.
    pub(crate) fn is_caught_up(&self) -> bool {
        match (self.position(), self.stood.get()) {
            (Some(position), Some(stood)) => position >= *stood,
            _ => false,
        }
    }

    /// Something was folded.
    pub(crate) fn folded(&self, position: u64, changes: Changes) {
        self.position.send_replace(Some(position));
        // Nobody may be watching.
        let _ = self.changes.send(Arc::new(changes));
    }

    /// The view stands still for a reason; watchers and waiting reads hear of it.
    pub(crate) fn stand_still(&self, reason: String) {
        error!(desk = %self.name, reason, "the view stands still");
        metrics::gauge!(counters::BROKEN, "desk" => self.name.to_string()).set(1.0);
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.clone());
        self.was_not_rebuilt(reason);
        self.position.send_modify(|_| {});
        let _ = self.changes.send(Arc::default());
    }

    pub(crate) fn ask_rebuild(&self) {
        self.rebuild.notify_one();
    }

    pub(crate) async fn rebuild_asked(&self) {
        self.rebuild.notified().await;
    }

    /// How far the building of new tables is, now and as it goes on.
    pub(crate) fn building(&self) -> watch::Receiver<Building> {
        self.building.subscribe()
    }

    /// New tables are built up to a position.
    pub(crate) fn is_building(&self, position: u64, until: u64) {
        self.building.send_modify(|building| (building.position, building.until) = (position, until));
    }

    /// New tables took the place of those that were in use.
    pub(crate) fn was_rebuilt(&self) {
        self.building.send_modify(|building| building.done += 1);
    }

    /// New tables could not be built.
    pub(crate) fn was_not_rebuilt(&self, reason: String) {
        self.building.send_modify(|building| {
            building.failed += 1;
            building.reason = reason;
        });
    }

    pub(crate) fn watch(&self) -> broadcast::Receiver<Arc<Changes>> {
        self.changes.subscribe()
    }

    /// Waits until the view has a position.
    pub(crate) async fn at_least(&self, wanted: u64) -> Result<(), Status> {
        let mut position = self.position.subscribe();
        let there = position.wait_for(|at| at.is_some_and(|at| at >= wanted) || self.broken().is_some());
        let waited = tokio::time::timeout(WAIT_MAX, there).await.is_ok();
        self.still_going()?;
        if waited {
            return Ok(());
        }
        match self.position() {
            None => Err(self.not_yet()),
            Some(at) => Err(Status::unavailable(format!(
                "the view of desk {} is at {at}, and {wanted} was asked for: try again in a moment",
                self.name
            ))),
        }
    }

    /// Waits until the view has more than a position, however long that takes.
    pub(crate) async fn beyond(&self, position: u64) -> Result<(), Status> {
        let mut moved = self.position.subscribe();
        // The sender lives as long as `self`.
        let _ = moved.wait_for(|at| at.is_some_and(|at| at > position) || self.broken().is_some()).await;
        self.still_going()
    }

    fn still_going(&self) -> Result<(), Status> {
        match self.broken() {
            None => Ok(()),
            Some(reason) => {
                let desk = &self.name;
                Err(Status::failed_precondition(format!("the view of desk {desk} stands still: {reason}")))
            }
        }
    }

    pub(crate) fn not_yet(&self) -> Status {
        Status::unavailable(format!(
            "the view of desk {} is still being built: try again in a moment",
            self.name
        ))
    }

    /// Reads on a blocking thread once the view has a position.
    pub(crate) async fn read<T, F>(&self, at_least: u64, read: F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot<'_>) -> Result<T, ViewsError> + Send + 'static,
    {
        self.at_least(at_least).await?;
        let _turn = self.reads.acquire().await.map_err(|_| Status::unavailable("the view is stopping"))?;
        let pool = self.pool.clone();
        let done = tokio::task::spawn_blocking(move || pool.with(|reader| reader.read(read))).await;
        match done {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(ViewsError::Request(what))) => Err(Status::invalid_argument(what)),
            Ok(Err(error)) => {
                error!(desk = %self.name, %error, "a read failed");
                Err(Status::unavailable(format!("the view of desk {} can't be read: {error}", self.name)))
            }
            Err(_) => Err(Status::internal("the read ended early: this is a defect, please report it")),
        }
    }

    /// What an agent's record says they may be; nothing while the view is not open or stands still.
    pub(crate) async fn roles(&self, agent: String) -> Vec<Role> {
        if self.position().is_none() {
            return Vec::new();
        }
        let pool = self.pool.clone();
        let read = move || pool.with(|reader| reader.read(|snapshot| snapshot.roles(&agent)));
        tokio::task::spawn_blocking(read).await.ok().and_then(Result::ok).unwrap_or_default()
    }
}
