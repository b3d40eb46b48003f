//! The role `deliver`: what a desk decided to send goes out to SMTP, X, Facebook, mailboxes and webhooks, and what
//! became of it comes back as a report.
//!
//! It keeps nothing that the log could not give back: which deliveries are open follows from it, and snapshots of that
//! only spare a restart the reading. A delivery is sent only after the log shows that
//! this very process was chosen for this very attempt (`DeliveryStarted`), and an attempt of which nobody can say how
//! it ended is reported as unknown, never sent again by itself (requirement "exactly one outcome", design §5.9).
//! Cases that go to another desk are carried over as well, since no service but this one reads one desk and writes to
//! another.
//!
//! Decides nothing: what is sent, to whom and how often it is tried again are the desk's events and its policy.
//!
//! Read in this order: [`options`], `board` (what is open), `folded` (all that is known of a desk), `desk` (one desk's task), `parcel` (what is sent, put
//! together), `sender` (one file a channel).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod board;
mod book;
mod cases;
mod changes;
mod desk;
mod folded;
mod follow;
mod handover;
mod inputs;
mod messages;
pub mod metric;
pub mod options;
pub mod outside;
mod parcel;
mod quote;
mod sender;
mod traced;

use std::sync::Arc;

use simpang_log::{DeskLog, LogError, snapshot};
use thiserror::Error;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use options::{Channels, Options, Timing};

/// The role could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A setting can't be used.
    #[error("the role deliver can't start: {0}")]
    Setting(String),
}

/// The running role.
#[derive(Debug)]
pub struct Deliver {
    stopping: CancellationToken,
    tasks: TaskTracker,
    name: Arc<str>,
    /// One that is dropped takes on nothing more either.
    _stops: DropGuard,
}

impl Deliver {
    /// Begins to follow the desks' logs.
    ///
    /// # Errors
    /// When a setting can't be used.
    #[allow(clippy::unused_async)] // all roles start alike
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        let context = follow::Context::new(options, stopping.clone(), tasks.clone())?;
        let name = context.name.clone();
        tasks.spawn(follow::follow_desks(Arc::new(context)));
        let _stops = stopping.clone().drop_guard();
        Ok(Self { stopping, tasks, name, _stops })
    }

    /// The name under which this process claims deliveries; another one after each start.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes on nothing more, finishes and reports the sends that are in flight, and ends.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// What is known of a desk up to a record, read from the beginning of its log and from a snapshot as of a commit after
/// `cut`, each written down; for proofs that both are the same.
///
/// # Errors
/// What can't be read, or not be gone on from.
#[doc(hidden)]
pub async fn both_ways(
    log: &Arc<dyn DeskLog>,
    until: u64,
    cut: u64,
) -> Result<(Vec<u8>, Vec<u8>, u64), String> {
    snapshot::proof::both_ways::<folded::Folded>(&None, log, until, cut).await
}

/// What a start takes with a desk's log, without and with a snapshot, which is kept in a folder that has none.
///
/// # Errors
/// When the log can't be read.
#[doc(hidden)]
pub async fn timed(
    log: &Arc<dyn DeskLog>,
    folder: &snapshot::Folder,
) -> Result<snapshot::proof::Timed, LogError> {
    snapshot::proof::timed::<folded::Folded>(&None, log, folder).await
}
