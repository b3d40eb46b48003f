//! The role `deliver`: what a desk decided to send goes out to SMTP, X, Facebook, mailboxes and webhooks, and what
//! became of it comes back as a report.
//!
//! It keeps nothing: which deliveries are open follows from the log. A delivery is sent only after the log shows that
//! this very process was chosen for this very attempt (`DeliveryStarted`), and an attempt of which nobody can say how
//! it ended is reported as unknown, never sent again by itself (requirement "exactly one outcome", design §5.9).
//! Cases that go to another desk are carried over as well, since no service but this one reads one desk and writes to
//! another.
//!
//! Decides nothing: what is sent, to whom and how often it is tried again are the desk's events and its policy.
//!
//! Read in this order: [`options`], `board` (what is open), `desk` (one desk's task), `parcel` (what is sent, put
//! together), `sender` (one file a channel).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod board;
mod book;
mod cases;
mod desk;
mod follow;
mod handover;
mod inputs;
mod messages;
pub mod metric;
pub mod options;
pub mod outside;
mod parcel;
mod sender;
mod traced;

use std::sync::Arc;

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
