//! Reading the desk's log.

use std::sync::Arc;

use simpang_log::{Anchor, Body, Door, Entry, LogError, Place, Tail};
use simpang_proto::log::v1 as log;
use tonic::Status;
use tracing::{error, info};

use super::outcomes::judged_through;
use super::{Follower, Phase};
use crate::context::Context;
use crate::{metric, refusal};

impl Follower {
    /// Reads until the gateway stops or the log can't be read on.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut tail = Tail::start(Arc::clone(&self.log), Anchor::Start);
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
                    Ok(entry) => self.take_in(&entry),
                    Err(error) => return self.fail(error),
                },
                _ = look.tick() => {}
            }
            self.note(tail.is_connected(), tail.is_caught_up());
        }
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
            (inner.position, inner.at_ms) = (position, at_ms);
            for change in inner.board.committed(commit) {
                overrun += inner.watchers.tell(position, change);
            }
            if let Some(through) = judged_through(commit) {
                inner.board.judged(through);
            }
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
