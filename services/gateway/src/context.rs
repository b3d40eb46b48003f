//! What all parts of one running gateway share.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::options::Options;

/// What all parts of one running gateway share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) options: Options,
    /// Cancelled when the gateway is about to stop: streams end and no call comes in any more.
    pub(crate) closing: CancellationToken,
    /// Cancelled when the gateway stops: tasks end.
    pub(crate) stop: CancellationToken,
    /// Every call that is not answered yet, streams aside.
    pub(crate) calls: TaskTracker,
    /// Every background task.
    pub(crate) tasks: TaskTracker,
}

impl Context {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            closing: CancellationToken::new(),
            stop: CancellationToken::new(),
            calls: TaskTracker::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// When a command that comes in now gives up.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.options.deadline
    }

    /// When a policy that comes in now gives up.
    pub(crate) fn policy_deadline(&self) -> Instant {
        Instant::now() + self.options.policy_deadline
    }

    /// How often followers look whether the log is connected: a fraction of the shortest deadline people set.
    pub(crate) const LOOK: Duration = Duration::from_millis(100);
}
