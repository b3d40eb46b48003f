//! Reading along until the desk needs an owner: inputs that stand unjudged for too long say that there is none.

use std::time::Duration;

use prost::Message;
use simpang_log::snapshot::belongs;
use simpang_log::tail::{Body, Entry, Tail};
use simpang_log::{Ahead, Anchor, DeskLog, Door, LogError};
use simpang_proto::log::v1::{Input, InputRecord, Tick, input};
use simpang_replay::fold::Fold;
use tokio::time::Instant;
use tracing::info;

use crate::group::RecordBytes;
use crate::owner::Seat;

/// A desk read to its end, with the records that nobody has judged to their end.
pub(crate) struct Followed {
    pub(crate) tail: Ahead,
    pub(crate) fold: Fold,
    pub(crate) records: Vec<RecordBytes>,
}

impl Followed {
    /// Goes on from the newest snapshot that can be used, else from the beginning of the log.
    pub(crate) async fn begin(seat: &Seat) -> Result<Self, LogError> {
        let log = &seat.log;
        let begun = Instant::now();
        let Some((at, fold)) = seat.load_snapshot().await else {
            let tail = Ahead::start(Tail::start(log.clone(), Anchor::Start));
            return Ok(Self { tail, fold: Fold::new(log.desk()), records: Vec::new() });
        };
        let found = log.get(at.seq).await?;
        belongs(&at, found.as_ref()).map_err(|what| seat.not_this_log(&at, &what))?;
        let (cases, seconds) = (fold.desk.state().open_cases, begun.elapsed().as_secs_f64());
        info!(desk = %log.desk(), commit = at.number, cases, seconds, "goes on from a snapshot");
        let tail = Ahead::start(Tail::start(log.clone(), Anchor::Commit(at)));
        Ok(Self { tail, fold, records: Vec::new() })
    }

    pub(crate) fn take(&mut self, entry: &Entry) -> Result<(), LogError> {
        self.fold.follow(entry)?;
        match &entry.body {
            Body::Inputs { door, .. } | Body::Unreadable { door, .. } => {
                self.records.push(RecordBytes {
                    seq: entry.seq,
                    door: *door,
                    payload: entry.payload.clone(),
                });
            }
            Body::Commit { .. } => {
                let decided = self.fold.decided.seq;
                self.records.retain(|record| record.seq > decided);
            }
        }
        Ok(())
    }

    /// Reads everything that stands on the log now.
    pub(crate) async fn catch_up(&mut self) -> Result<(), LogError> {
        loop {
            let last = self.tail.log().last_seq().await?;
            if self.tail.position() >= last {
                return Ok(());
            }
            while let Some(entry) = self.tail.read_until(last).await? {
                self.take(&entry)?;
            }
        }
    }

    /// Reads along until the desk needs an owner; `false` when the router stops first.
    pub(crate) async fn until_needed(&mut self, seat: &Seat, eager: bool) -> Result<bool, LogError> {
        let Some(caught_up) = seat.cancel.run_until_cancelled(patiently(self)).await else {
            return Ok(false);
        };
        caught_up?;
        seat.note(self.tail.anchor());
        if eager {
            return Ok(true);
        }
        // Whoever owns the desk answers this probe.
        let _ = append_tick(seat.log.as_ref(), &seat.instance).await;
        let mut unjudged_since: Option<Instant> = None;
        loop {
            let patience = seat.takeover_after;
            if self.fold.pending.is_empty() {
                unjudged_since = None;
            } else {
                let since = *unjudged_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= patience {
                    return Ok(true);
                }
            }
            tokio::select! {
                biased;
                () = seat.cancel.cancelled() => return Ok(false),
                entry = self.tail.next() => {
                    let entry = entry?;
                    if matches!(entry.body, Body::Commit { .. }) {
                        unjudged_since = None;
                        seat.note(self.tail.anchor());
                    }
                    self.take(&entry)?;
                }
                () = tokio::time::sleep(patience.min(Duration::from_millis(200))) => {}
            }
            if self.needs_probe(seat) {
                let _ = append_tick(seat.log.as_ref(), &seat.instance).await;
            }
        }
    }

    /// Whether a timer is long due and nothing asks for it: a clock input then shows whether there is an owner.
    fn needs_probe(&self, seat: &Seat) -> bool {
        let patience_ms = i64::try_from(seat.takeover_after.as_millis()).unwrap_or(i64::MAX);
        let due = self.fold.desk.state().timers.next();
        let late = due.is_some_and(|due| due.saturating_add(patience_ms) < seat.clock.ms());
        late && self.fold.pending.is_empty()
    }
}

/// Catches up however often the log goes away meanwhile.
async fn patiently(followed: &mut Followed) -> Result<(), LogError> {
    loop {
        match followed.catch_up().await {
            Err(error) if error.is_transient() => tokio::time::sleep(Duration::from_millis(200)).await,
            outcome => return outcome,
        }
    }
}

/// Appends an empty clock input.
pub(crate) async fn append_tick(log: &dyn DeskLog, writer: &str) -> Result<u64, simpang_log::AppendError> {
    let tick = Input { body: Some(input::Body::Tick(Tick {})), ..Input::default() };
    let record = InputRecord { schema: simpang_log::SCHEMA, writer: writer.to_owned(), inputs: vec![tick] };
    log.append(Door::Router, record.encode_to_vec().into()).await
}
