//! The desks this gateway follows. A desk is followed from the first time somebody asks for it, or from when the
//! gateway finds it among the store's desks, whichever comes first.

use std::sync::Arc;

use dashmap::DashMap;
use simpang_log::{DeskLog, DeskName, LogError};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tracing::warn;

use crate::context::Context;
use crate::follower::Follower;
use crate::refusal;

/// The desks this gateway follows.
#[derive(Debug)]
pub(crate) struct Desks {
    context: Arc<Context>,
    followed: DashMap<String, Arc<Follower>>,
    /// Held while a desk is opened, so that none is opened twice.
    opening: Mutex<()>,
}

impl Desks {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, followed: DashMap::new(), opening: Mutex::default() }
    }

    /// The desk's follower.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for what is no desk's name, NOT_FOUND for a desk that is not there, UNAVAILABLE when the log
    /// is away, FAILED_PRECONDITION when the stream could lose records.
    pub(crate) async fn get(&self, desk: &str, deadline: Instant) -> Result<Arc<Follower>, Status> {
        if let Some(follower) = self.known(desk) {
            return Ok(follower);
        }
        let name = desk_name(desk)?;
        let opened = timeout_at(deadline, async {
            let log = self.context.options.store.open(&name).await.map_err(|error| refusal::log(&error))?;
            self.follow(log).await
        });
        opened
            .await
            .map_err(|_| Status::unavailable("the log does not answer; send the same request again"))?
    }

    /// Makes the desk's log, or checks the one that is there, and follows it.
    ///
    /// # Errors
    /// As [`get`](Self::get), without NOT_FOUND.
    pub(crate) async fn create(&self, desk: &str, deadline: Instant) -> Result<Arc<Follower>, Status> {
        let name = desk_name(desk)?;
        let created = timeout_at(deadline, async {
            let log = self.context.options.store.create(&name).await.map_err(|error| refusal::log(&error))?;
            self.follow(log).await
        });
        created
            .await
            .map_err(|_| Status::unavailable("the log does not answer; send the same request again"))?
    }

    /// The desk's follower, if the desk is followed already.
    pub(crate) fn known(&self, desk: &str) -> Option<Arc<Follower>> {
        self.followed.get(desk).map(|follower| Arc::clone(&follower))
    }

    /// Every desk that is followed, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Follower>> {
        let mut all: Vec<_> = self.followed.iter().map(|follower| Arc::clone(&follower)).collect();
        all.sort_by(|a, b| a.desk().cmp(b.desk()));
        all
    }

    async fn follow(&self, log: Arc<dyn DeskLog>) -> Result<Arc<Follower>, Status> {
        let _opening = self.opening.lock().await;
        let desk = log.desk().to_string();
        if let Some(follower) = self.known(&desk) {
            return Ok(follower);
        }
        let started = Follower::start(&self.context, log).await;
        let follower = started.map_err(|error| refusal::append(&error))?;
        self.followed.insert(desk, Arc::clone(&follower));
        Ok(follower)
    }

    /// The names of all desks there are, sorted.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) async fn names(&self) -> Result<Vec<DeskName>, LogError> {
        self.context.options.store.desks().await
    }

    /// Follows desks that somebody else made, until the gateway stops.
    pub(crate) async fn keep_up(self: Arc<Self>) {
        let mut look = tokio::time::interval(self.context.options.heartbeat);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return,
                _ = look.tick() => {}
            }
            let names = match self.names().await {
                Ok(names) => names,
                Err(error) => {
                    warn!(%error, "can't list the desks, will try again");
                    continue;
                }
            };
            for name in names.iter().filter(|name| self.known(name.as_str()).is_none()) {
                if let Err(status) = self.get(name.as_str(), self.context.deadline()).await {
                    warn!(desk = %name, reason = status.message(), "can't follow a desk, will try again");
                }
            }
        }
    }
}

/// A desk's name.
pub(crate) fn desk_name(desk: &str) -> Result<DeskName, Status> {
    DeskName::new(desk).map_err(|error| Status::invalid_argument(format!("`desk`: {error}")))
}
