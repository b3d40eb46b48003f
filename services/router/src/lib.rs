//! The router: for each desk it owns, inputs become commits. A shell around the pure core: it reads the log, lets the
//! core judge, packs what was decided into commits and writes them behind the fence. It knows no channel, no view and
//! no client, and keeps nothing but a fold of the log.
//!
//! `simpang-replay` rebuilds a desk from its log; `follower` reads along with it, `owner` judges, `snapshot` keeps what a
//! restart goes on from.

mod follower;
mod group;
mod mark;
mod metric;
mod owner;
mod snapshot;
mod traced;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use simpang_log::{DeskName, LogError, LogStore, WallClock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

pub use mark::Mark;
pub use simpang_log::snapshot::Snapshots;

/// How a router works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the logs are.
    pub store: Arc<dyn LogStore>,
    /// Who this is, for commits: `router@<host>/<instance>`.
    pub instance: String,
    /// Only these desks; empty: all there are, and those that come.
    pub desks: Vec<DeskName>,
    /// Take every desk over at once at the start, rather than when its owner proves to be gone.
    pub eager: bool,
    /// How long inputs may stand unjudged before the desk's owner counts as gone.
    pub takeover_after: Duration,
    /// How often to look for new desks.
    pub discover_every: Duration,
    /// Keep snapshots of the desks, so that a restart need not read all of a log; one is made besides whenever the
    /// router stops.
    pub snapshots: Option<Snapshots>,
    /// Where the last commit seen of each desk is kept, so that a log that lost its tail is known; none: nowhere.
    pub marks: Option<PathBuf>,
    /// Says when to ask the log for the time, and when a timer is long due; decides nothing.
    pub clock: WallClock,
}

impl Options {
    /// The usual: all desks, taken over at once, an owner counts as gone after a second, no snapshots.
    #[must_use]
    pub fn new(store: Arc<dyn LogStore>, instance: String) -> Self {
        Self {
            store,
            instance,
            desks: Vec::new(),
            eager: true,
            takeover_after: Duration::from_secs(1),
            discover_every: Duration::from_millis(500),
            snapshots: None,
            marks: None,
            clock: WallClock::default(),
        }
    }
}

/// What a router is doing with a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeskStatus {
    /// Reads along, ready to take over.
    Following,
    /// Judges it.
    Owning {
        /// Its epoch.
        epoch: u64,
    },
    /// Stopped: its log can't be judged on; why.
    Stopped(String),
}

/// The router's desks and what it does with each.
pub type Statuses = Arc<Mutex<BTreeMap<String, DeskStatus>>>;

/// A running router.
#[derive(Debug)]
pub struct Router {
    cancel: CancellationToken,
    tasks: TaskTracker,
    statuses: Statuses,
}

impl Router {
    /// Begins to look after desks. A log that can't be reached now is no error: desks are looked for until it can.
    ///
    /// # Errors
    /// When the log is set up so that it can't be used.
    pub async fn start(options: Options) -> Result<Self, LogError> {
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        let statuses = Statuses::default();
        let mut watch =
            Discovery { options, cancel: cancel.clone(), tasks: tasks.clone(), statuses: statuses.clone() };
        match watch.look().await {
            Err(error) if !error.is_transient() => return Err(error),
            Err(error) => warn!(%error, "starts without the log, and looks for desks when it is there"),
            Ok(()) => {}
        }
        tasks.spawn(async move { watch.run().await });
        Ok(Self { cancel, tasks, statuses })
    }

    /// What it does with each desk.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<String, DeskStatus> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops judging once what is on its way is settled. Inputs that come later wait on the log.
    pub async fn stop(self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Finds desks and begins a task for each.
struct Discovery {
    options: Options,
    cancel: CancellationToken,
    tasks: TaskTracker,
    statuses: Statuses,
}

impl Discovery {
    async fn run(&mut self) {
        let every = self.options.discover_every;
        while self.cancel.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            if let Err(error) = self.look().await {
                warn!(%error, "can't look for desks, will try again");
            }
        }
    }

    /// Begins with every desk that is new; one that can't be opened keeps none of the others waiting.
    async fn look(&mut self) -> Result<(), LogError> {
        let wanted = &self.options.desks;
        let mut failed = Ok(());
        for desk in self.options.store.desks().await? {
            let known =
                self.statuses.lock().unwrap_or_else(PoisonError::into_inner).contains_key(desk.as_str());
            if !known && (wanted.is_empty() || wanted.contains(&desk)) {
                failed = failed.and(self.begin(&desk).await);
            }
        }
        failed
    }

    async fn begin(&self, desk: &DeskName) -> Result<(), LogError> {
        let log = self.options.store.open(desk).await?;
        info!(%desk, "looking after a desk");
        let marks = self.options.marks.as_deref();
        let seat = owner::Seat {
            log,
            marker: marks.map(|dir| mark::Marker::start(dir, desk, &self.tasks)),
            instance: self.options.instance.clone(),
            eager: self.options.eager,
            takeover_after: self.options.takeover_after,
            snapshots: self.options.snapshots.clone(),
            clock: self.options.clock.clone(),
            cancel: self.cancel.clone(),
            statuses: self.statuses.clone(),
        };
        seat.set(DeskStatus::Following);
        self.tasks.spawn(async move {
            // A defect of the core on one desk's input shows as that desk being stopped, and in health.
            if AssertUnwindSafe(seat.run()).catch_unwind().await.is_err() {
                seat.set(DeskStatus::Stopped("the router failed while judging; its log says where".into()));
            }
        });
        Ok(())
    }
}
