//! A verified reader on a task of its own, some records ahead of who judges them: the next record is fetched, hashed and
//! decoded while the one before is still being judged. What is promised of [`Tail`] holds all the same: records in
//! order, each checked, and nothing past the first that does not hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::chain::Anchor;
use crate::port::{DeskLog, LogError};
use crate::tail::{Body, Entry, LeftOut, Tail};

/// Most records that wait to be judged. A full input record and a full commit are half a megabyte each.
const AHEAD: usize = 32;

/// How far the reader came with one record.
struct Step {
    position: u64,
    /// None: a record that only had to be there.
    entry: Option<Entry>,
    /// After a commit.
    anchor: Option<Anchor>,
}

/// A [`Tail`] that reads ahead. Dropping it ends its task.
pub struct Ahead {
    log: Arc<dyn DeskLog>,
    steps: mpsc::Receiver<Result<Step, LogError>>,
    left_out: mpsc::UnboundedSender<LeftOut>,
    /// Told by the reader also while nothing new comes: a connection that was lost and found again.
    losses: Arc<AtomicU64>,
    reader: AbortHandle,
    position: u64,
    anchor: Anchor,
    failed: Option<LogError>,
}

impl Ahead {
    /// Begins to read where the reader stands. Needs a Tokio runtime.
    #[must_use]
    pub fn start(tail: Tail) -> Self {
        let (steps, to_judge) = mpsc::channel(AHEAD);
        let (left_out, leave_out) = mpsc::unbounded_channel();
        let (log, position, anchor) = (tail.log().clone(), tail.position(), tail.anchor());
        let losses = tail.losses_shared();
        let reader = tokio::spawn(read(tail, steps, leave_out)).abort_handle();
        Self { log, steps: to_judge, left_out, losses, reader, position, anchor, failed: None }
    }

    /// As [`Tail::leave_out_events_of`], for records that are not read yet.
    pub fn leave_out_events_of(&self, writer: &str, epoch: u64) {
        let _ = self.left_out.send(LeftOut::Of { writer: writer.to_owned(), epoch });
    }

    /// As [`Tail::next`].
    ///
    /// # Errors
    /// As [`Tail::next`].
    pub async fn next(&mut self) -> Result<Entry, LogError> {
        loop {
            if let Some(entry) = self.read_until(u64::MAX).await? {
                return Ok(entry);
            }
        }
    }

    /// As [`Tail::read_until`]. More may be read already; it comes with the next call.
    ///
    /// # Errors
    /// As [`Tail::read_until`].
    pub async fn read_until(&mut self, until: u64) -> Result<Option<Entry>, LogError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        while self.position < until {
            let step = match self.steps.recv().await {
                Some(Ok(step)) => step,
                Some(Err(error)) => return Err(self.failed.insert(error).clone()),
                None => {
                    let reason = "the task that reads has ended: the program is stopping".into();
                    return Err(LogError::Unavailable { desk: self.log.desk().to_string(), reason });
                }
            };
            self.position = step.position;
            self.anchor = step.anchor.unwrap_or(self.anchor);
            if step.entry.is_some() {
                return Ok(step.entry);
            }
        }
        Ok(None)
    }

    /// Sequence of the last record that was given out.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// As [`Tail::anchor`], of what was given out.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// As [`Tail::losses`]: of all that was read, which holds all that was given out.
    #[must_use]
    pub fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// The log that is read.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn DeskLog> {
        &self.log
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl std::fmt::Debug for Ahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ahead")
            .field("desk", self.log.desk())
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

async fn read(
    mut tail: Tail,
    steps: mpsc::Sender<Result<Step, LogError>>,
    mut leave_out: mpsc::UnboundedReceiver<LeftOut>,
) {
    loop {
        while let Ok(left_out) = leave_out.try_recv() {
            tail.leave_out(left_out);
        }
        let next = tail.position() + 1;
        let read = tail.read_until(next).await;
        let is_commit = |entry: &Entry| matches!(entry.body, Body::Commit { .. });
        let step = read.map(|entry| Step {
            position: tail.position(),
            anchor: entry.as_ref().is_some_and(is_commit).then(|| tail.anchor()),
            entry,
        });
        let failed = step.is_err();
        if steps.send(step).await.is_err() || failed {
            return;
        }
    }
}
