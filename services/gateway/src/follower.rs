//! One desk as the gateway follows it: a task reads the desk's log and folds what answers need; commands are appended
//! and their decisions awaited; Watch streams are told of changes. One for each desk and process.
//!
//! Read [`board`] for what is known of the desk, [`outcomes`] for how a decision finds the one who waits for it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use simpang_log::{AppendError, Appender, DeskLog, DeskName, Door, Limits, LogError, Place};
use simpang_proto::log::v1 as log;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;

use crate::context::Context;
use crate::refusal;

pub(crate) mod board;
mod decide;
mod outcomes;
mod read_back;
mod sessions;
mod task;
mod traced;
mod watchers;

pub(crate) use decide::Decided;
pub(crate) use outcomes::Outcome;
pub(crate) use watchers::{Item, Watching};

use board::Board;
use outcomes::Outcomes;
use watchers::Watchers;

/// One desk, followed.
pub(crate) struct Follower {
    context: Arc<Context>,
    log: Arc<dyn DeskLog>,
    appender: Appender,
    inner: Mutex<Inner>,
    seen: watch::Sender<Seen>,
}

/// What the log has said so far.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) board: Board,
    outcomes: Outcomes,
    pub(crate) watchers: Watchers,
    /// When an agent was last heard of here.
    heard: HashMap<String, Instant>,
}

impl Inner {
    /// Stream sequence of the last commit that the board contains.
    pub(crate) fn position(&self) -> u64 {
        self.board.position()
    }

    /// The broker's time of that commit, ms since 1970 UTC.
    pub(crate) fn at_ms(&self) -> i64 {
        self.board.at_ms()
    }
}

/// How far the follower is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Stream sequence of the last commit taken in.
    pub(crate) position: u64,
    phase: Phase,
}

/// Whether the desk can be used.
#[derive(Debug, Clone, Default)]
enum Phase {
    /// The log is being read for the first time.
    #[default]
    Reading,
    /// All that stood on the log is known, and what comes is read as it comes.
    Live,
    /// The log can't be reached now.
    Away,
    /// The log can't be read on.
    Failed(LogError),
}

impl Follower {
    /// Begins to follow. First it says on the log that this gateway has just begun, so that sessions which a process
    /// of the same name held before are over before new ones begin.
    pub(crate) async fn start(
        context: &Arc<Context>,
        log: Arc<dyn DeskLog>,
    ) -> Result<Arc<Self>, AppendError> {
        let instance = &context.options.instance;
        let appender = Appender::new(Arc::clone(&log), Door::Gateway, instance, Limits::default());
        appender.append(sessions::heartbeat(instance, true)).await?;
        let follower = Arc::new(Self {
            context: Arc::clone(context),
            log,
            appender,
            inner: Mutex::default(),
            seen: watch::Sender::default(),
        });
        context.tasks.spawn(Arc::clone(&follower).follow());
        context.tasks.spawn(Arc::clone(&follower).keep_sessions());
        Ok(follower)
    }

    /// Which desk.
    pub(crate) fn desk(&self) -> &DeskName {
        self.log.desk()
    }

    /// The desk's log.
    pub(crate) fn log(&self) -> &dyn DeskLog {
        self.log.as_ref()
    }

    /// What is known now. Held for a moment only, never across an await.
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        // What a panicking holder left behind is still the fold of whole commits or refused by the next one.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stream sequence of the last commit that is known.
    pub(crate) fn position(&self) -> u64 {
        self.seen.borrow().position
    }

    /// Why the desk can't be used now; `None` when it can.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &self.seen.borrow().phase {
            Phase::Live => None,
            Phase::Reading => Some("its log is being read for the first time".into()),
            Phase::Away => Some("its log can't be reached".into()),
            Phase::Failed(error) => Some(error.to_string()),
        }
    }

    /// Waits until everything up to `at_least` is known, and all that stood on the log when it was opened.
    ///
    /// # Errors
    /// UNAVAILABLE at once while the log is away, and at the deadline; DATA_LOSS for a broken log.
    pub(crate) async fn reach(&self, at_least: u64, deadline: Instant) -> Result<(), Status> {
        let mut seen = self.seen.subscribe();
        let usable = |seen: &Seen| match &seen.phase {
            Phase::Reading => false,
            Phase::Live => seen.position >= at_least,
            Phase::Away | Phase::Failed(_) => true,
        };
        let reached = tokio::time::timeout_at(deadline, seen.wait_for(usable)).await;
        match reached {
            Ok(Ok(seen)) => self.usable(&seen.phase),
            Ok(Err(_)) => Err(Status::unavailable("the gateway stops; send the same request again")),
            Err(_) => Err(Status::unavailable(format!(
                "desk {} is known here up to sequence {} only; send the same request again",
                self.desk(),
                self.position()
            ))),
        }
    }

    fn usable(&self, phase: &Phase) -> Result<(), Status> {
        match phase {
            Phase::Reading | Phase::Live => Ok(()),
            Phase::Away => Err(Status::unavailable(format!(
                "the log of desk {} can't be reached; nothing was written, send the same request again",
                self.desk()
            ))),
            Phase::Failed(error) => Err(refusal::log(error)),
        }
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("desk", self.desk()).finish_non_exhaustive()
    }
}

/// Where an input stands.
pub(crate) fn place_of(id: log::InputId) -> Place {
    Place { seq: id.seq, index: id.index }
}

/// The place of an input, as messages carry it.
pub(crate) fn input_id(place: Place) -> log::InputId {
    log::InputId { seq: place.seq, index: place.index }
}
