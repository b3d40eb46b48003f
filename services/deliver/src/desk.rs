//! One desk's task: reads its log, claims what is due, sends what it was chosen for, and reports.
//!
//! The order of things is what keeps a reply from going out twice: a claim is written; the log shows which deliverer
//! was chosen (`DeliveryStarted`); only that one sends; then it reports. Its name is another after each start, so
//! that what a former self began is never taken for this one's own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use simpang_log::snapshot::{self, Kept as _, Scribe};
use simpang_log::{Anchor, Appender, Body, DeskLog, Door, Entry, Limits, LogError, Tail};
use simpang_policy::Policy;
use simpang_proto::log::v1::{self, DeliveryOutcome};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, info, warn};

use crate::board::{Change, Id, Lane, Limit, Open, State, lane_of, says_limit};
use crate::cases::Known;
use crate::folded::Folded;
use crate::follow::Context;
use crate::handover::{self, Carrier};
use crate::parcel::Packer;
use crate::sender::{Outcome, Sender};
use crate::traced::Sending;
use crate::{inputs, metric};

/// A claim that the log has not answered after this time is made again: it does no harm.
const CLAIM_AGAIN: Duration = Duration::from_secs(60);
/// After a refused or failed claim of something that still waits: clocks differ, or the log was away.
const CLAIM_PAUSE_MS: i64 = 1_000;
/// Before another try to carry a case to a desk whose log can't be written, or is not yet read to its end.
const CARRY_AGAIN_MS: i64 = 200;
/// How often to look whether the log is read to its end; an empty one brings no record to say so.
const LOOK_MS: i64 = 100;
/// Longest sleep, so that a clock that was set does not hold anything up.
const NAP_MS: i64 = 5_000;

/// What the lanes of X begin with.
const X_LANE: &str = "CHANNEL_X/";
/// The time for which X counts posts.
const QUARTER_MS: i64 = 15 * 60 * 1_000;

/// One desk's task.
pub(crate) struct Desk {
    context: Arc<Context>,
    log: Arc<dyn DeskLog>,
    appender: Appender,
    folded: Folded,
    /// Makes snapshots, where they are wanted.
    scribe: Option<Scribe<Folded>>,
    carrier: Carrier,
    /// What this process has to do with a delivery now.
    own: HashMap<Id, Own>,
    /// Attempts whose report stands on the log and waits for its verdict, and its record's sequence.
    told: HashMap<Id, (u32, u64)>,
    /// Sends and claims by lane.
    busy: HashMap<Lane, usize>,
    done: mpsc::UnboundedSender<Done>,
    finished: mpsc::UnboundedReceiver<Done>,
}

/// What this process has to do with a delivery.
#[derive(Debug)]
enum Own {
    /// Claimed at this time; holds a place in its lane.
    Claimed(Instant, Lane),
    /// Being sent; holds a place in its lane.
    Sending(Lane),
    /// Reported; waits until that is judged.
    Reported,
}

/// What a task of this desk has to say.
#[derive(Debug)]
enum Done {
    /// The claim did not reach the log.
    ClaimFailed(Id),
    /// The attempt ended and its report stands on the log; where its channel said that a limit is reached, for how
    /// many ms.
    Reported(Id, Option<i64>),
    /// The attempt ended, but its report could not be written.
    Unreported(Id),
}

impl Desk {
    /// A task for this log.
    pub(crate) fn new(context: Arc<Context>, log: Arc<dyn DeskLog>) -> Self {
        let appender = Appender::new(log.clone(), Door::Deliver, &context.name, Limits::default());
        let carrier = Carrier::new(context.clone(), log.clone(), appender.clone());
        let (done, finished) = mpsc::unbounded_channel();
        let most = context.timing.x_attempts_per_quarter;
        let limit = most.map(|most| Limit { lanes: X_LANE, most, within_ms: QUARTER_MS });
        let (desk, kept) = (log.desk().clone(), context.snapshots.as_ref());
        let scribe = kept.map(|kept| Scribe::new(kept, limit));
        Self {
            context,
            log,
            appender,
            folded: Folded::begin(&limit, &desk),
            scribe,
            carrier,
            own: HashMap::new(),
            told: HashMap::new(),
            busy: HashMap::new(),
            done,
            finished,
        }
    }

    /// Reads the log and acts until the role stops or the log is broken.
    ///
    /// # Errors
    /// When the log can't be read any more, with the reason.
    pub(crate) async fn run(mut self) -> Result<(), LogError> {
        let stopping = self.context.stopping.clone();
        let Some(anchor) = stopping.run_until_cancelled(self.resume()).await else { return Ok(()) };
        let mut tail = Tail::start(self.log.clone(), anchor?);
        while !stopping.is_cancelled() {
            let nap = if tail.is_caught_up() {
                if let Some(scribe) = &mut self.scribe {
                    scribe.look(&self.log, &stopping).await;
                }
                self.act().await
            } else {
                LOOK_MS
            };
            let nap = Duration::from_millis(u64::try_from(nap).unwrap_or(0));
            tokio::select! {
                biased;
                () = stopping.cancelled() => break,
                Some(done) = self.finished.recv() => self.on_done(&done),
                entry = tail.next() => self.take(&entry?, true),
                () = sleep(nap) => {}
            }
        }
        self.wind_up(tail).await
    }

    /// Takes up what the newest snapshot that can be used remembers; says from where the log is read on.
    async fn resume(&mut self) -> Result<Anchor, LogError> {
        let (desk, limit) = (self.log.desk().to_string(), self.folded.board.limit());
        let folder = self.context.snapshots.as_ref().map(|kept| &kept.folder);
        let (anchor, folded) = snapshot::resume::<Folded>(folder, &limit, &self.log).await?;
        for (from, place) in folded.handovers.received() {
            self.context.carried.note(&desk, from, *place);
        }
        self.folded = folded;
        let seq = anchor.commit().map_or(0, |at| at.seq);
        gauge!(metric::RESUMED, "desk" => desk).set(count(usize::try_from(seq).unwrap_or(usize::MAX)));
        Ok(anchor)
    }

    /// After the stop: nothing new is claimed, what is in flight is finished and reported.
    async fn wind_up(&mut self, mut tail: Tail) -> Result<(), LogError> {
        let deadline = Instant::now() + self.context.timing.stop_grace;
        while self.own.values().any(|own| !matches!(own, Own::Reported)) {
            tokio::select! {
                biased;
                Some(done) = self.finished.recv() => self.on_done(&done),
                entry = tail.next() => self.take(&entry?, false),
                () = tokio::time::sleep_until(deadline) => {
                    let left = self.own.len();
                    warn!(desk = %self.log.desk(), left, "stopped before all sends had ended; they will be reported as unknown");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes in one record.
    fn take(&mut self, entry: &Entry, sending: bool) {
        for change in self.folded.take(entry) {
            self.on_change(change, sending);
        }
        let desk = self.log.desk().to_string();
        match &entry.body {
            Body::Commit { commit, .. } => {
                if let Some(scribe) = &mut self.scribe {
                    scribe.note(commit.events.len());
                }
                let judged = commit.decided_through.map_or(0, |through| through.seq);
                self.told.retain(|_, (_, seq)| *seq >= judged);
                gauge!(metric::OPEN, "desk" => desk.clone()).set(count(self.folded.board.len()));
            }
            Body::Inputs { door: Door::Deliver, record } => {
                for (from, place) in handover::received(&record.inputs) {
                    self.context.carried.note(&desk, from, place);
                }
                let told = inputs::reported(record).filter(|(id, attempt)| self.is_under_way(*id, *attempt));
                let told: Vec<(Id, u32)> = told.collect();
                self.told.extend(told.into_iter().map(|(id, attempt)| (id, (attempt, entry.seq))));
            }
            Body::Inputs { .. } | Body::Unreadable { .. } => {}
        }
        gauge!(metric::POSITION, "desk" => desk).set(count(usize::try_from(entry.seq).unwrap_or(usize::MAX)));
    }

    fn is_under_way(&self, id: Id, attempt: u32) -> bool {
        self.folded.board.get(id).is_some_and(|open| open.attempt() == attempt)
    }

    fn on_change(&mut self, change: Change, sending: bool) {
        match change {
            // Also when the claim was thought lost: the log says that it was not.
            Change::Started { id, by, over_until } if *by == *self.context.name => match over_until {
                None => self.send(id, sending),
                Some(until) => self.put_off(id, until),
            },
            Change::Started { id, .. } => {
                if matches!(self.own.get(&id), Some(Own::Claimed(..))) {
                    self.release(id);
                }
            }
            Change::ClaimRefused { id, by } if *by == *self.context.name => {
                if matches!(self.own.get(&id), Some(Own::Claimed(..))) {
                    self.release(id);
                    self.folded.board.defer(id, self.context.now_ms() + CLAIM_PAUSE_MS);
                }
            }
            Change::ClaimRefused { .. } => {}
            Change::Ended { id } => {
                if matches!(self.own.get(&id), Some(Own::Reported)) {
                    self.own.remove(&id);
                }
            }
        }
    }

    fn on_done(&mut self, done: &Done) {
        match *done {
            Done::ClaimFailed(id) => {
                if matches!(self.own.get(&id), Some(Own::Claimed(..))) {
                    self.release(id);
                    self.folded.board.defer(id, self.context.now_ms() + CLAIM_PAUSE_MS);
                }
            }
            Done::Reported(id, limit) => {
                // Before the log says so: what is freed here must not run into the same limit.
                if let Some(ms) = limit {
                    self.folded.board.rest(id, self.context.now_ms().saturating_add(ms));
                }
                self.release(id);
                // The log may have shown the outcome before this message came.
                if matches!(self.folded.board.get(id).map(|open| &open.state), Some(State::Started { .. })) {
                    self.own.insert(id, Own::Reported);
                }
            }
            // Left as started: the next start reports it as unknown.
            Done::Unreported(id) => {
                self.release(id);
                self.own.insert(id, Own::Reported);
            }
        }
    }

    /// Does everything that is due; says how many ms until the next thing is.
    async fn act(&mut self) -> i64 {
        let now = self.context.now_ms();
        self.context.carried.note_read(self.log.desk().as_str());
        self.give_up_lost_claims();
        self.report_orphans(now);
        self.claim_due(now).await;
        if !self.carrier.carry(&mut self.folded.handovers).await {
            return CARRY_AGAIN_MS;
        }
        let lease = i64::try_from(self.context.timing.lease.as_millis()).unwrap_or(i64::MAX);
        let expiry = self.folded.board.oldest_start().map(|at| at.saturating_add(lease));
        let next = [self.folded.board.next_due(now), expiry].into_iter().flatten().min();
        next.map_or(NAP_MS, |at| at.saturating_sub(now).clamp(10, NAP_MS))
    }

    fn give_up_lost_claims(&mut self) {
        let lost = |own: &Own| matches!(own, Own::Claimed(since, _) if since.elapsed() > CLAIM_AGAIN);
        let lost: Vec<Id> = self.own.iter().filter(|(_, own)| lost(own)).map(|(id, _)| *id).collect();
        lost.into_iter().for_each(|id| self.release(id));
    }

    /// Attempts that nobody will report any more: those that a former self of this process began, and those of others
    /// whose lease is over, unless their report waits to be judged. Whether they were sent, the channel is asked where
    /// it can be; else nobody can say.
    fn report_orphans(&mut self, now: i64) {
        let lease = i64::try_from(self.context.timing.lease.as_millis()).unwrap_or(i64::MAX);
        let expired: HashSet<Id> = self.folded.board.started_before(now.saturating_sub(lease)).collect();
        let orphans: Vec<(Id, u32, i64)> = self
            .folded
            .board
            .started()
            .filter(|id| !self.own.contains_key(id))
            .filter_map(|id| match &self.folded.board.get(id)?.state {
                State::Started { attempt, .. } if self.told.get(&id).is_some_and(|(of, _)| of == attempt) => {
                    None
                }
                State::Started { by, attempt, at } => {
                    (expired.contains(&id) || self.context.is_former_self(by)).then_some((id, *attempt, *at))
                }
                State::Waiting { .. } => None,
            })
            .collect();
        for (id, attempt, at) in orphans {
            let Some(open) = self.folded.board.get(id).cloned() else { continue };
            self.begin(id, lane_of(&open.queued));
            let outcome =
                Outcome::unknown("the deliverer stopped during the attempt; look whether it arrived");
            if self.context.ways.can_look(open.queued.channel()) {
                self.spawn_search(id, attempt, (open, at), outcome);
            } else {
                self.spawn_report(id, attempt, outcome);
            }
        }
    }

    /// Asks the channel for an attempt that began then, and reports what it says, or else this.
    fn spawn_search(&self, id: Id, attempt: u32, (open, since_ms): (Open, i64), otherwise: Outcome) {
        let (context, report) = (self.context.clone(), self.reporter(id, attempt));
        let packer =
            Packer { log: self.log.clone(), store: context.store.clone(), keyer: context.keyer.clone() };
        let known = self.folded.cases.get(open.queued.case).cloned().unwrap_or_default();
        let policy = self.folded.book.policy().cloned();
        self.context.tasks.spawn(async move {
            let search = async {
                let parcel = packer.pack(id, &open, &known, policy.as_ref()).await.ok()?;
                context.ways.find(&parcel, since_ms).await
            };
            let found = timeout(context.timing.send_timeout, search).await.ok().flatten();
            report.write(&found.unwrap_or(otherwise)).await;
        });
    }

    /// Claims what is due, as much as each lane has room for.
    async fn claim_due(&mut self, now: i64) {
        let room = self.context.timing.sends_per_account.max(1);
        let lanes: Vec<Lane> = self.folded.board.lanes().cloned().collect();
        for lane in lanes {
            let free = room.saturating_sub(self.busy.get(&lane).copied().unwrap_or(0));
            let free = free.min(self.allowed(&lane, now));
            let due = self.folded.board.due(&lane, now).filter(|id| !self.own.contains_key(id));
            let due: Vec<Id> = due.take(free).collect();
            for id in due {
                self.claim(id, lane.clone()).await;
            }
        }
    }

    /// How many attempts a lane has left of its account's limit, those that are claimed and not yet begun left out.
    fn allowed(&self, lane: &Lane, now: i64) -> usize {
        let Some(most) = self.context.timing.x_attempts_per_quarter.filter(|_| lane.starts_with(X_LANE))
        else {
            return usize::MAX;
        };
        let begun = self.folded.board.started_since(lane, now.saturating_sub(QUARTER_MS));
        let claimed =
            self.own.values().filter(|own| matches!(own, Own::Claimed(_, of) if of == lane)).count();
        most.saturating_sub(begun + claimed)
    }

    async fn claim(&mut self, id: Id, lane: Lane) {
        let input = inputs::claim(id, &self.context.name);
        let Ok(ticket) = self.appender.submit(&input).await else {
            return self.folded.board.defer(id, self.context.now_ms() + CLAIM_PAUSE_MS);
        };
        *self.busy.entry(lane.clone()).or_default() += 1;
        self.own.insert(id, Own::Claimed(Instant::now(), lane));
        let done = self.done.clone();
        self.context.tasks.spawn(async move {
            if ticket.place().await.is_err() {
                let _ = done.send(Done::ClaimFailed(id));
            }
        });
    }

    /// Sends a delivery for which this process was chosen; once the role stops, leaves it for another try instead.
    fn send(&mut self, id: Id, sending: bool) {
        let Some(open) = self.folded.board.get(id).cloned() else { return self.release(id) };
        let State::Started { attempt, .. } = open.state else { return self.release(id) };
        self.begin(id, lane_of(&open.queued));
        if !sending {
            return self.spawn_report(id, attempt, Outcome::retry("not tried: the deliverer is stopping", 0));
        }
        let context = self.context.clone();
        let packer =
            Packer { log: self.log.clone(), store: context.store.clone(), keyer: context.keyer.clone() };
        let policy = self.folded.book.policy().cloned();
        let known = self.folded.cases.get(open.queued.case).cloned().unwrap_or_default();
        let report = self.reporter(id, attempt);
        let sending = Sending::begin(self.log.clone(), id, attempt, &open.queued);
        self.context.tasks.spawn(async move {
            let outcome = try_once(context.clone(), packer, id, open, known, policy).await;
            let outcome = context.paced(outcome, attempt);
            let sent = simpang_trace::now_ns();
            report.write(&outcome).await;
            sending.end(sent, &outcome).await;
        });
    }

    /// Leaves a delivery for a later try: another deliverer began what its account's limit had left.
    fn put_off(&mut self, id: Id, until: i64) {
        let Some(open) = self.folded.board.get(id).cloned() else { return self.release(id) };
        let State::Started { attempt, at, .. } = open.state else { return self.release(id) };
        self.begin(id, lane_of(&open.queued));
        let wait = until.saturating_sub(at);
        self.spawn_report(id, attempt, Outcome::retry("not tried: the account's limit is reached", wait));
    }

    fn spawn_report(&self, id: Id, attempt: u32, outcome: Outcome) {
        let report = self.reporter(id, attempt);
        self.context.tasks.spawn(async move { report.write(&outcome).await });
    }

    fn reporter(&self, id: Id, attempt: u32) -> Reporter {
        Reporter {
            context: self.context.clone(),
            log: self.log.clone(),
            appender: self.appender.clone(),
            done: self.done.clone(),
            id,
            attempt,
        }
    }

    /// Notes that an attempt is under way, in the place that its claim held if there was one.
    fn begin(&mut self, id: Id, lane: Lane) {
        self.release(id);
        *self.busy.entry(lane.clone()).or_default() += 1;
        self.own.insert(id, Own::Sending(lane));
    }

    /// Frees a delivery's place in its lane and forgets what this process had to do with it.
    fn release(&mut self, id: Id) {
        let Some(Own::Claimed(_, lane) | Own::Sending(lane)) = self.own.remove(&id) else { return };
        if let Some(busy) = self.busy.get_mut(&lane) {
            *busy = busy.saturating_sub(1);
            if *busy == 0 {
                self.busy.remove(&lane);
            }
        }
    }
}

/// Writes the report of one attempt.
struct Reporter {
    context: Arc<Context>,
    log: Arc<dyn DeskLog>,
    appender: Appender,
    done: mpsc::UnboundedSender<Done>,
    id: Id,
    attempt: u32,
}

impl Reporter {
    /// Tries until the report stands on the log; after the role was stopped, for as long as that waits.
    async fn write(self, outcome: &Outcome) {
        let input = inputs::report(
            &self.context.keyer,
            self.log.desk(),
            &self.context.name,
            (self.id, self.attempt),
            outcome,
        );
        let (desk, delivery, attempt) = (self.log.desk().to_string(), self.id.to_string(), self.attempt);
        info!(
            desk,
            delivery,
            attempt,
            outcome = outcome.class.as_str_name(),
            detail = outcome.detail,
            "an attempt ended"
        );
        let written = tokio::select! {
            biased;
            () = self.until_written(&input) => true,
            () = self.context.stopped_for(self.context.timing.stop_grace) => false,
        };
        if !written {
            error!(
                desk,
                delivery, attempt, "the report could not be written; it will be reported as unknown"
            );
        }
        let limited = outcome.class == DeliveryOutcome::Retry && says_limit(&outcome.detail);
        let limit = limited.then_some(outcome.retry_after_ms);
        let said = if written { Done::Reported(self.id, limit) } else { Done::Unreported(self.id) };
        let _ = self.done.send(said);
    }

    async fn until_written(&self, input: &v1::Input) {
        let mut pause = Duration::from_millis(50);
        while let Err(problem) = self.appender.append(input.clone()).await {
            warn!(desk = %self.log.desk(), delivery = %self.id, %problem, "the report is not on the log yet");
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}

/// Puts a parcel together and sends it. In a task of its own, so that even a library that panics over it leaves an
/// outcome.
async fn try_once(
    context: Arc<Context>,
    packer: Packer,
    id: Id,
    open: Open,
    known: Known,
    policy: Option<Policy>,
) -> Outcome {
    let began = Instant::now();
    let channel = open.queued.channel().as_str_name();
    gauge!(metric::IN_FLIGHT).increment(1.0);
    let attempt = tokio::spawn(async move {
        let send = async {
            match packer.pack(id, &open, &known, policy.as_ref()).await {
                Ok(parcel) => context.ways.send(&parcel).await,
                Err(outcome) => outcome,
            }
        };
        timeout(context.timing.send_timeout, send).await
    });
    let outcome = match attempt.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Outcome::unknown("the attempt did not end in time"),
        Err(_) => Outcome::unknown("the attempt broke off by a defect of this program"),
    };
    gauge!(metric::IN_FLIGHT).decrement(1.0);
    histogram!(metric::SEND, "channel" => channel).record(began.elapsed());
    counter!(metric::ATTEMPTS, "channel" => channel, "outcome" => outcome.class.as_str_name()).increment(1);
    outcome
}

impl Context {
    /// Lets a delivery wait its time, and ends one that has had all its attempts.
    fn paced(&self, outcome: Outcome, attempt: u32) -> Outcome {
        if outcome.class != DeliveryOutcome::Retry {
            return outcome;
        }
        if attempt >= self.timing.attempts_max {
            return Outcome::refused(format!("given up after {attempt} attempts: {}", outcome.detail));
        }
        let own_pace = self.timing.retry_after_ms(attempt);
        let after = if outcome.retry_after_ms > 0 { outcome.retry_after_ms } else { own_pace };
        Outcome { retry_after_ms: after, ..outcome }
    }
}

/// A count for a gauge.
fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}
