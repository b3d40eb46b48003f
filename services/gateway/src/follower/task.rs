//! Reading the desk's log.

use std::sync::Arc;

use simpang_log::snapshot::{self, Scribe};
use simpang_log::{Anchor, Body, Door, Entry, LogError, Place, Tail};
use simpang_proto::log::v1 as log;
use tonic::Status;
use tracing::{error, info};

use super::board::Board;
use super::outcomes::judged_through;
use super::{Follower, Phase};
use crate::context::Context;
use crate::{metric, refusal};

/// Notes what a snapshot does not have yet.
fn note(entry: &Entry, scribe: Option<&mut Scribe<Board>>) {
    if let (Body::Commit { commit, .. }, Some(scribe)) = (&entry.body, scribe) {
        scribe.note(commit.events.len());
    }
}

impl Follower {
    /// Reads until the gateway stops or the log can't be read on.
    pub(super) async fn follow(self: Arc<Self>) {
        let Some(anchor) = self.context.stop.run_until_cancelled(self.resume()).await else { return };
        let anchor = match anchor {
            Ok(anchor) => anchor,
            Err(error) => return self.fail(error),
        };
        let mut tail = Tail::start(Arc::clone(&self.log), anchor);
        let kept = self.context.options.snapshots.as_ref();
        let mut scribe = kept.map(|kept| Scribe::<Board>::new(kept, ()));
        let mut look = tokio::time::interval(Context::LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stops = Status::unavailable("the gateway stops: open the stream again");
        let mut closing = false;
        loop {
            tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return self.end_streams(&stops),
                () = self.context.closing.cancelled(), if !closing => {
                    closing = true;
                    self.end_streams(&stops);
                }
                entry = tail.next() => match entry {
                    Ok(entry) => {
                        self.take_in(&entry);
                        note(&entry, scribe.as_mut());
                    }
                    Err(error) => return self.fail(error),
                },
                _ = look.tick() => {}
            }
            self.note(tail.is_connected(), tail.is_caught_up());
            if let Some(scribe) = scribe.as_mut().filter(|_| tail.is_caught_up()) {
                scribe.look(&self.log, &self.context.stop).await;
            }
        }
    }

    /// Takes up what the newest snapshot that can be used remembers; says from where the log is read on.
    async fn resume(&self) -> Result<Anchor, LogError> {
        let folder = self.context.options.snapshots.as_ref().map(|kept| &kept.folder);
        let (anchor, board) = snapshot::resume::<Board>(folder, &(), &self.log).await?;
        let position = board.position();
        self.inner().board = board;
        self.seen.send_modify(|seen| seen.position = position);
        metrics::gauge!(metric::RESUMED, "desk" => self.desk().to_string()).set(position as f64);
        Ok(anchor)
    }

    fn take_in(&self, entry: &Entry) {
        match &entry.body {
            Body::Inputs { door: Door::Gateway, record } => self.arrived(entry.seq, record),
            // Other doors' inputs are nobody's question here; an unreadable one can't have come from here.
            Body::Inputs { .. } | Body::Unreadable { .. } => {}
            Body::Commit { commit, .. } => self.committed(entry.seq, entry.at_ms, commit),
        }
    }

    fn arrived(&self, seq: u64, record: &log::InputRecord) {
        let mut inner = self.inner();
        for (index, input) in (0..).zip(&record.inputs) {
            let place = Place { seq, index };
            inner.board.arrived(place, input);
            inner.outcomes.arrived(place, input);
        }
    }

    fn committed(&self, position: u64, at_ms: i64, commit: &log::Commit) {
        let mut overrun = 0;
        {
            let inner = &mut *self.inner();
            for change in inner.board.committed(commit) {
                overrun += inner.watchers.tell(position, change);
            }
            inner.board.stands(position, at_ms, judged_through(commit));
            // Under the same lock: whoever hears the decision finds the board as of its commit.
            inner.outcomes.committed(position, commit);
        }
        self.seen.send_modify(|seen| seen.position = position);
        let desk = self.desk().to_string();
        metrics::gauge!(metric::POSITION, "desk" => desk.clone()).set(position as f64);
        if overrun > 0 {
            metrics::counter!(metric::OVERRUNS, "desk" => desk).increment(overrun as u64);
        }
    }

    /// Notes whether the log is connected, and whether all of it was read once.
    fn note(&self, connected: bool, caught_up: bool) {
        let changed = self.seen.send_if_modified(|seen| {
            let next = match (&seen.phase, connected, caught_up) {
                (Phase::Reading | Phase::Away, true, true) => Phase::Live,
                (Phase::Live, false, _) => Phase::Away,
                _ => return false,
            };
            seen.phase = next;
            true
        });
        if changed {
            info!(desk = %self.desk(), position = self.position(), connected, "follows the desk's log");
        }
    }

    fn fail(&self, error: LogError) {
        error!(desk = %self.desk(), %error, "stopped following the desk: its log can't be read on");
        self.end_streams(&refusal::log(&error));
        self.seen.send_modify(|seen| seen.phase = Phase::Failed(error));
    }

    fn end_streams(&self, status: &Status) {
        self.inner().watchers.end_all(status);
    }
}
