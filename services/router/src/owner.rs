//! Owning a desk: judge what arrives, write what was decided, one commit in flight at a time. Another router's commit
//! where ours should stand ends it: this one steps down and reads along again.

use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use metrics::{counter, gauge};
use simpang_domain::event::Happened;
use simpang_domain::rules::Rules as _;
use simpang_log::tail::{Body, Entry};
use simpang_log::{
    Anchor, ChainWriter, CommitRef, DeskLog, LogError, Sealed, SettleError, WallClock, commit_settled,
};
use simpang_proto::log::v1::Commit;
use simpang_replay::fold::{Fold, Pending};
use simpang_replay::snapshot::describe;
use simpang_trace::Waiting;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::follower::{Followed, append_tick};
use crate::group::{Group, RecordBytes, Versions};
use crate::mark::Marker;
use crate::snapshot::{Judged, METRICS, Scribe, store};
use crate::traced;
use crate::{DeskStatus, Snapshots, Statuses, metric};

/// How many records are taken in before looking whether the commit in flight has come to stand.
const BURST: usize = 256;

/// A router's seat at one desk.
pub(crate) struct Seat {
    pub(crate) log: Arc<dyn DeskLog>,
    pub(crate) instance: String,
    pub(crate) eager: bool,
    pub(crate) takeover_after: Duration,
    pub(crate) snapshots: Option<Snapshots>,
    pub(crate) clock: WallClock,
    pub(crate) cancel: CancellationToken,
    pub(crate) statuses: Statuses,
    /// Knows the last commit seen; none where nothing is kept.
    pub(crate) marker: Option<Marker>,
}

/// Why owning ended.
enum End {
    /// The router stops.
    Stopped,
    /// Another router has the desk.
    Fenced,
}

impl Seat {
    pub(crate) fn set(&self, status: DeskStatus) {
        let owned = matches!(status, DeskStatus::Owning { .. });
        gauge!(metric::OWNED, "desk" => self.log.desk().to_string()).set(f64::from(u8::from(owned)));
        let mut all = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(self.log.desk().to_string(), status);
    }

    /// The desk as of its newest snapshot that can be used.
    pub(crate) async fn load_snapshot(&self) -> Option<(CommitRef, Fold)> {
        let (folder, desk) = (self.snapshots.as_ref()?.folder.clone(), self.log.desk().clone());
        let loading = tokio::task::spawn_blocking(move || {
            folder.tidy(&desk);
            folder.load(&(), &desk)
        });
        loading.await.ok()?.map(|(at, Judged(fold))| (at, fold))
    }

    /// That the log is not the one which a snapshot was made of.
    pub(crate) fn not_this_log(&self, at: &CommitRef, what: &str) -> LogError {
        let dir = self.snapshots.as_ref().map(|kept| kept.folder.to_string()).unwrap_or_default();
        let reason = format!(
            "{what}: the broker lost its tail, or this is another log; restore the log (docs/repair.md, \"A lost \
             tail\"), or, if it is as it should be, remove the desk's files from {dir} and start again"
        );
        LogError::Broken { desk: self.log.desk().to_string(), seq: at.seq, reason }
    }

    /// Takes note of how far the log was read and checked.
    pub(crate) fn note(&self, anchor: Anchor) {
        if let Some(marker) = &self.marker {
            marker.note(anchor);
        }
    }

    /// Follows and owns in turn until the router stops or the log can't be judged on.
    pub(crate) async fn run(&self) {
        let mut eager = self.eager;
        loop {
            match self.follow_and_own(eager).await {
                Ok(End::Stopped) => return,
                Ok(End::Fenced) => {
                    warn!(desk = %self.log.desk(), "another router has the desk, reading along");
                    eager = false;
                }
                Err(error) if error.is_transient() => {
                    warn!(desk = %self.log.desk(), %error, "lost the log, will begin again");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => {
                    error!(desk = %self.log.desk(), %error, "stopped judging this desk");
                    return self.set(DeskStatus::Stopped(error.to_string()));
                }
            }
        }
    }

    async fn follow_and_own(&self, eager: bool) -> Result<End, LogError> {
        self.set(DeskStatus::Following);
        if let Some(marker) = &self.marker {
            marker.check(self.log.as_ref()).await?;
        }
        let mut followed = Followed::begin(self).await?;
        if !followed.until_needed(self, eager).await? {
            return Ok(End::Stopped);
        }
        match Owner::take_over(self, followed).await? {
            Some(owner) => owner.run().await,
            None => Ok(End::Fenced),
        }
    }
}

type InFlight = Pin<Box<dyn Future<Output = (Sealed, Result<u64, SettleError>)> + Send>>;

/// A desk that is owned.
struct Owner<'a> {
    seat: &'a Seat,
    followed: Followed,
    chain: ChainWriter,
    group: Group,
    epoch: u64,
    in_flight: Option<InFlight>,
    /// A clock input is on its way and was not seen yet.
    tick_outstanding: bool,
    /// Parents of spans about inputs that were read and not judged.
    traces: Waiting,
    /// Makes snapshots, where they are wanted.
    scribe: Option<Scribe>,
    /// Events in the commit in flight.
    events_in_flight: usize,
}

impl<'a> Owner<'a> {
    /// Writes the take-over; none when another router was faster.
    async fn take_over(seat: &'a Seat, mut followed: Followed) -> Result<Option<Self>, LogError> {
        let mut chain = ChainWriter::new(seat.log.desk(), followed.tail.anchor());
        let fold = &mut followed.fold;
        let event = fold.take_over(&seat.instance);
        let epoch = fold.desk.state().epoch;
        let commit = Commit {
            decided_through: Some(fold.decided),
            policy_version: fold.policy_version(),
            writer: seat.instance.clone(),
            epoch,
            events: vec![simpang_wire::event::write(&event)],
            ..Commit::default()
        };
        let sealed = seal(&mut chain, commit, &[], seat)?;
        let losses = followed.tail.losses();
        match commit_settled(seat.log.as_ref(), sealed.payload.clone(), sealed.previous_seq, losses).await {
            Ok(seq) => chain.written(&sealed, seq),
            Err(SettleError::Fenced { .. }) => return Ok(None),
            Err(error) => return Err(log_error(error, seat)),
        }
        info!(desk = %seat.log.desk(), epoch, "took the desk over");
        seat.set(DeskStatus::Owning { epoch });
        followed.tail.leave_out_events_of(&seat.instance, epoch);
        let mut owner = Self {
            seat,
            followed,
            chain,
            group: Group::default(),
            epoch,
            in_flight: None,
            tick_outstanding: false,
            traces: Waiting::default(),
            scribe: seat.snapshots.as_ref().map(|kept| Scribe::new(kept, ())),
            events_in_flight: 0,
        };
        owner.judge_what_waits()?;
        Ok(Some(owner))
    }

    /// Judges what the owner before left: first the rest of an input that was committed in part.
    fn judge_what_waits(&mut self) -> Result<(), LogError> {
        for record in std::mem::take(&mut self.followed.records) {
            traced::left_over(&mut self.traces, &record);
            self.group.record(record);
        }
        let done = std::mem::take(&mut self.followed.fold.partial);
        let step = self.followed.fold.decided.step;
        if step != 0
            && let Some(first) = self.followed.fold.pending.pop_front()
        {
            let version = self.followed.fold.desk.state().policy_version;
            let id = first.input.id;
            let events = self.followed.fold.desk.judge(&first.input, first.rules);
            if events.len() < done.len() || events[..done.len()] != done[..] {
                let reason = "an owner before judged the first part of an input otherwise than this program does: \
                              start the program that wrote it, or verify";
                let desk = self.seat.log.desk().to_string();
                return Err(LogError::Broken { desk, seq: id.seq, reason: reason.into() });
            }
            let after = self.followed.fold.desk.state().policy_version;
            let applied = done.iter().any(|e| matches!(e.body, Happened::PolicyApplied { .. }));
            let before = if applied { after } else { version };
            self.group.judged(id, &events[done.len()..], step, Versions { before, after });
        }
        self.judge_pending();
        Ok(())
    }

    fn judge_pending(&mut self) {
        let Fold { desk, pending, .. } = &mut self.followed.fold;
        let (mut inputs, mut events) = (0, 0);
        for Pending { input, rules } in pending.drain(..) {
            let before = desk.state().policy_version;
            let judging = traced::begin(&mut self.traces, input.id);
            let decided = desk.judge(&input, rules);
            let after = desk.state().policy_version;
            inputs += 1;
            events += decided.len() as u64;
            if let Some(judging) = judging {
                judging.end(self.seat.log.desk(), input.id, decided.len());
            }
            self.group.judged(input.id, &decided, 0, Versions { before, after });
        }
        let name = self.seat.log.desk().to_string();
        counter!(metric::INPUTS, "desk" => name.clone()).increment(inputs);
        counter!(metric::EVENTS, "desk" => name).increment(events);
    }

    async fn run(mut self) -> Result<End, LogError> {
        loop {
            self.begin_commit()?;
            let tick_in = self.tick_in();
            let full = self.group.is_full();
            let flying = self.in_flight.is_some();
            tokio::select! {
                biased;
                () = self.seat.cancel.cancelled() => return self.wind_up().await,
                done = settle(&mut self.in_flight), if flying => {
                    if let Some(end) = self.landed(done)? {
                        return Ok(end);
                    }
                    if let Some(scribe) = &mut self.scribe {
                        scribe.note(self.events_in_flight);
                        scribe.look(&self.seat.log, &self.seat.cancel).await;
                    }
                }
                entry = self.followed.tail.next(), if !full => {
                    if self.take_burst(entry?)? {
                        return Ok(End::Fenced);
                    }
                }
                () = tokio::time::sleep(tick_in), if !self.tick_outstanding && self.group.is_empty() => self.tick().await,
            }
        }
    }

    /// Takes in a record and whatever else is there already; says whether another router's commit was among it.
    fn take_burst(&mut self, first: Entry) -> Result<bool, LogError> {
        let mut entry = first;
        for _ in 0..BURST {
            if self.take(&entry)? {
                return Ok(true);
            }
            if self.group.is_full() {
                break;
            }
            match self.followed.tail.next().now_or_never() {
                Some(next) => entry = next?,
                None => break,
            }
        }
        Ok(false)
    }

    fn take(&mut self, entry: &Entry) -> Result<bool, LogError> {
        match &entry.body {
            Body::Commit { commit, .. } => {
                self.seat.note(self.followed.tail.anchor());
                return Ok(commit.epoch != self.epoch || commit.writer != self.seat.instance);
            }
            Body::Inputs { door, .. } | Body::Unreadable { door, .. } => {
                traced::arrive(&mut self.traces, entry);
                self.tick_outstanding &= *door != simpang_log::Door::Router;
                let (seq, payload) = (entry.seq, entry.payload.clone());
                self.group.record(RecordBytes { seq, door: *door, payload });
            }
        }
        self.followed.fold.take(entry)?;
        self.judge_pending();
        Ok(false)
    }

    /// Sends what was judged, when nothing is in flight.
    fn begin_commit(&mut self) -> Result<(), LogError> {
        if self.in_flight.is_some() {
            return Ok(());
        }
        let state = self.followed.fold.desk.state();
        let (open, keys) = (state.open_cases, state.keys.len());
        let full = state.is_full(self.followed.fold.desk.rules().tables().limits.keys_max);
        let Some(mut packed) = self.group.pack(&mut self.chain) else { return Ok(()) };
        packed.commit.writer.clone_from(&self.seat.instance);
        packed.commit.epoch = self.epoch;
        self.events_in_flight = packed.events;
        let inputs = packed.inputs;
        let sealed = seal(&mut self.chain, packed.commit, packed.encoded, self.seat)?;
        let desk = self.seat.log.desk().to_string();
        gauge!(metric::OPEN_CASES, "desk" => desk.clone()).set(count(open));
        gauge!(metric::KEYS, "desk" => desk.clone()).set(count(keys as u64));
        gauge!(metric::KEYS_FULL, "desk" => desk.clone()).set(f64::from(u8::from(full)));
        gauge!(metric::LAG, "desk" => desk).set(count((inputs + self.group.len()) as u64));
        let (log, losses) = (self.seat.log.clone(), self.followed.tail.losses());
        self.in_flight = Some(Box::pin(async move {
            let outcome =
                commit_settled(log.as_ref(), sealed.payload.clone(), sealed.previous_seq, losses).await;
            (sealed, outcome)
        }));
        Ok(())
    }

    fn landed(&mut self, done: (Sealed, Result<u64, SettleError>)) -> Result<Option<End>, LogError> {
        self.in_flight = None;
        let (sealed, outcome) = done;
        match outcome {
            Ok(seq) => {
                self.chain.written(&sealed, seq);
                let desk = self.seat.log.desk().to_string();
                counter!(metric::COMMITS, "desk" => desk.clone()).increment(1);
                gauge!(metric::LAG, "desk" => desk).set(count(self.group.len() as u64));
                Ok(None)
            }
            Err(SettleError::Fenced { .. }) => Ok(Some(End::Fenced)),
            Err(error) => Err(log_error(error, self.seat)),
        }
    }

    /// How long until the next timer is due by this machine's clock, which decides nothing: a clock input that comes
    /// early fires nothing, and the next one is sent soon after.
    fn tick_in(&self) -> Duration {
        let due = self.followed.fold.desk.state().timers.next();
        let wait = due.map_or(3_600_000, |due| due.saturating_sub(self.seat.clock.ms()).clamp(5, 3_600_000));
        Duration::from_millis(u64::try_from(wait).unwrap_or(5))
    }

    async fn tick(&mut self) {
        match append_tick(self.seat.log.as_ref(), &self.seat.instance).await {
            Ok(_) => self.tick_outstanding = true,
            Err(error) => {
                warn!(desk = %self.seat.log.desk(), %error, "can't ask the log for the time, will try again");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }

    /// Settles what is in flight and writes what was judged, so that the next owner need not judge it again.
    async fn wind_up(mut self) -> Result<End, LogError> {
        let patience = Duration::from_secs(5);
        let settled = tokio::time::timeout(patience, async {
            loop {
                self.begin_commit()?;
                if self.in_flight.is_none() {
                    return Ok::<_, LogError>(());
                }
                let done = settle(&mut self.in_flight).await;
                if self.landed(done)?.is_some() {
                    return Ok(());
                }
            }
        });
        if settled.await.is_err() {
            warn!(desk = %self.seat.log.desk(), "the log did not answer; the next owner judges what is left");
        }
        self.keep_last_snapshot().await;
        Ok(End::Stopped)
    }

    /// What the next start goes on from, if everything that was judged stands on the log.
    async fn keep_last_snapshot(&mut self) {
        let Some(scribe) = &mut self.scribe else { return };
        let Some(at) = self.chain.head().copied() else { return };
        let newest = scribe.rest().await;
        if self.group.is_empty()
            && self.in_flight.is_none()
            && at.decided_through.step == 0
            && at.number > newest
        {
            let (name, desk) = (self.seat.log.desk(), &self.followed.fold.desk);
            let head = describe(name, &at, desk);
            scribe.folder().keep(name, &head, &METRICS, |give| store(desk.state(), give));
        }
    }
}

async fn settle(in_flight: &mut Option<InFlight>) -> (Sealed, Result<u64, SettleError>) {
    match in_flight {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

fn seal(chain: &mut ChainWriter, commit: Commit, events: &[u8], seat: &Seat) -> Result<Sealed, LogError> {
    let seq = commit.decided_through.unwrap_or_default().seq;
    chain.seal_with(commit, events).map_err(|error| LogError::Broken {
        desk: seat.log.desk().to_string(),
        seq,
        reason: format!("the router lost count of what it judged: {error}"),
    })
}

fn log_error(error: SettleError, seat: &Seat) -> LogError {
    match error {
        SettleError::Log(error) => error,
        SettleError::Refused(reason) => LogError::Unavailable { desk: seat.log.desk().to_string(), reason },
        SettleError::Fenced { last_seq } => LogError::Broken {
            desk: seat.log.desk().to_string(),
            seq: last_seq,
            reason: "another router has the desk".into(),
        },
    }
}

/// A count as a gauge takes it.
#[allow(clippy::cast_precision_loss)] // gauges are floats; nothing is decided by them
pub(crate) fn count(n: u64) -> f64 {
    n as f64
}
