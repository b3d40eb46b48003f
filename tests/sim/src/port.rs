//! The log as one process reaches it: over a network that loses, delays and repeats, from a process that may die or
//! stand still at any step.

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use simpang_log::{
    AppendError, BoxFuture, CommitError, DeskLog, DeskName, DirectoryStream, Door, LogError, LogStore,
    Record, RecordStream,
};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::broker::{Answer, Broker, Shelf, Write};
use crate::fault::Fault;
use crate::link::{Link, Step};
use crate::world::World;

/// How long a writer waits for an acknowledgement.
const ACK_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Records that a reader gets at once.
const CHUNK: usize = 64;

/// All logs, as one process reaches them.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) broker: Arc<Broker>,
    pub(crate) link: Arc<Link>,
}

/// One desk's log, as one process reaches it.
pub(crate) struct Desk {
    shelf: Arc<Shelf>,
    link: Arc<Link>,
}

/// What the network does to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Fine,
    Lost,
    AckLost,
    AckLate,
    Late,
    Twice,
}

fn fate(world: &World) -> Fate {
    if !world.is_storm() {
        return Fate::Fine;
    }
    match world.below(1_000) {
        0..12 => Fate::Lost,
        12..26 => Fate::AckLost,
        26..38 => Fate::AckLate,
        38..46 => Fate::Late,
        46..56 => Fate::Twice,
        _ => Fate::Fine,
    }
}

impl Store {
    pub(crate) fn desk(&self, name: &DeskName) -> Option<Arc<Desk>> {
        let shelf = self.broker.shelves.get(name)?;
        Some(Arc::new(Desk { shelf: Arc::clone(shelf), link: Arc::clone(&self.link) }))
    }
}

impl Desk {
    fn world(&self) -> &Arc<World> {
        &self.link.world
    }

    async fn latency(&self) {
        sleep(self.world().between(0, 2)).await;
    }

    fn away(&self, reason: &str) -> LogError {
        LogError::Unavailable { desk: self.shelf.desk.to_string(), reason: reason.to_owned() }
    }

    /// Asks the broker for something.
    async fn ask<T>(&self, look: impl FnOnce(&Shelf) -> T) -> Result<T, LogError> {
        self.link.step(Step::Reading).await;
        let (era, cuts) = (self.shelf.length().era, self.link.cuts());
        self.latency().await;
        self.link.going().await;
        if self.shelf.is_away() || self.shelf.length().era != era || self.link.cuts() != cuts {
            return Err(self.away("the connection was lost"));
        }
        Ok(look(&self.shelf))
    }

    /// Sends a write and waits for what the broker says.
    async fn write(&self, write: Write, payload: Bytes) -> Answer {
        self.link.step(Step::BeforeWrite).await;
        if self.shelf.is_away() {
            self.latency().await;
            return Answer::Silence;
        }
        let (tell, told) = oneshot::channel();
        let (cuts, era) = (self.link.cuts(), self.shelf.length().era);
        let wire = Wire {
            shelf: Arc::clone(&self.shelf),
            world: Arc::clone(self.world()),
            from: self.link.name.clone(),
            write,
            era,
        };
        let fate = fate(self.world());
        tokio::spawn(async move { wire.carry(fate, payload, tell).await });
        let answer = tokio::select! {
            biased;
            answer = told => answer.unwrap_or(Answer::Silence),
            () = self.link.cut_after(cuts) => Answer::Silence,
            () = self.shelf.until(|length| length.era != era) => Answer::Silence,
            () = sleep(ACK_TIMEOUT) => Answer::Silence,
        };
        self.link.step(Step::AfterWrite).await;
        answer
    }
}

/// A write on its way. It goes on when its sender has given up, or is no more.
struct Wire {
    shelf: Arc<Shelf>,
    world: Arc<World>,
    from: String,
    write: Write,
    /// A connection does not outlive the loss of a tail, and what was under way on it is gone.
    era: u64,
}

impl Wire {
    async fn carry(self, fate: Fate, payload: Bytes, tell: oneshot::Sender<Answer>) {
        let world = Arc::clone(&self.world);
        sleep(world.between(0, 2)).await;
        match fate {
            Fate::Lost => {
                world.fault(Fault::WriteLost, &self.from);
                return sleep(ACK_TIMEOUT * 2).await;
            }
            Fate::Late => sleep(ACK_TIMEOUT + world.between(1, 3_000)).await,
            _ => {}
        }
        while matches!(self.write, Write::Input(_)) && self.shelf.keeps_inputs_out() {
            sleep(Duration::from_millis(2)).await;
        }
        if self.shelf.length().era != self.era {
            return;
        }
        if fate == Fate::Late {
            world.fault(Fault::WriteLate, &self.from);
        }
        let first = self.shelf.write(&self.from, self.write, payload.clone());
        let answer = if fate == Fate::Twice { self.again(first, payload).await } else { first };
        match fate {
            Fate::AckLost => {
                world.fault(Fault::AckLost, &self.from);
                return sleep(ACK_TIMEOUT * 2).await;
            }
            Fate::AckLate => {
                world.fault(Fault::AckLate, &self.from);
                sleep(world.between(50, 1_400)).await;
            }
            _ => sleep(world.between(0, 2)).await,
        }
        if answer == Answer::Silence {
            return sleep(ACK_TIMEOUT * 2).await;
        }
        // The sender may have given up.
        let _ = tell.send(answer);
    }

    /// The network sends it a second time; a commit's sender hears of the second only.
    async fn again(&self, first: Answer, payload: Bytes) -> Answer {
        sleep(self.world.between(0, 20)).await;
        let Answer::Stands(_) = first else { return first };
        if self.shelf.length().era != self.era {
            return Answer::Silence;
        }
        match self.write {
            Write::Input(_) if self.shelf.keeps_inputs_out() => first,
            Write::Input(_) => {
                self.world.fault(Fault::InputTwice, &self.from);
                self.shelf.write(&self.from, self.write, payload);
                first
            }
            Write::Commit(_) => {
                self.world.fault(Fault::CommitTwice, &self.from);
                self.shelf.write(&self.from, self.write, payload)
            }
        }
    }
}

impl Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("desk", &self.shelf.desk).field("link", &self.link).finish()
    }
}

impl DeskLog for Desk {
    fn desk(&self) -> &DeskName {
        &self.shelf.desk
    }

    fn append(&self, door: Door, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        async move {
            match self.write(Write::Input(door), payload).await {
                Answer::Stands(seq) => Ok(seq),
                Answer::Fenced(_) => Err(AppendError::Refused("an input was fenced".into())),
                Answer::Silence => Err(AppendError::Unknown("no answer came".into())),
            }
        }
        .boxed()
    }

    fn commit(&self, payload: Bytes, previous_seq: u64) -> BoxFuture<'_, Result<u64, CommitError>> {
        async move {
            match self.write(Write::Commit(previous_seq), payload).await {
                Answer::Stands(seq) => Ok(seq),
                Answer::Fenced(last_seq) => Err(CommitError::Fenced { expected: previous_seq, last_seq }),
                Answer::Silence => Err(CommitError::Unknown("no answer came".into())),
            }
        }
        .boxed()
    }

    fn last_commit(&self) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.ask(Shelf::last_commit).boxed()
    }

    fn get(&self, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.ask(move |shelf| shelf.get(seq)).boxed()
    }

    fn first_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.ask(|_| 1).boxed()
    }

    fn last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        self.ask(|shelf| shelf.length().len).boxed()
    }

    fn trim(&self, _first: u64) -> BoxFuture<'_, Result<(), LogError>> {
        let (desk, reason) = (self.shelf.desk.to_string(), "nobody prunes here".to_owned());
        async { Err(LogError::NotTrimmed { desk, reason }) }.boxed()
    }

    fn losses(&self) -> u64 {
        self.link.cuts() + self.shelf.length().era
    }

    fn read(&self, from: u64) -> BoxFuture<'_, Result<RecordStream, LogError>> {
        async move {
            self.ask(|_| ()).await?;
            let desk = Self { shelf: Arc::clone(&self.shelf), link: Arc::clone(&self.link) };
            let (cuts, era) = (self.link.cuts(), self.shelf.length().era);
            let reader = Reader { desk, next: from.max(1), cuts, era, taken: VecDeque::new() };
            let records = stream::unfold(Some(reader), |reader| async {
                let mut reader = reader?;
                match reader.next().await {
                    Ok(record) => Some((Ok(record), Some(reader))),
                    Err(error) => Some((Err(error), None)),
                }
            });
            Ok(records.boxed())
        }
        .boxed()
    }
}

/// A connection that reads.
struct Reader {
    desk: Desk,
    next: u64,
    cuts: u64,
    era: u64,
    taken: VecDeque<Record>,
}

impl Reader {
    async fn next(&mut self) -> Result<Record, LogError> {
        while self.taken.is_empty() {
            self.fetch().await?;
        }
        self.desk.link.step(Step::Reading).await;
        let record = self.taken.pop_front().ok_or_else(|| self.desk.away("nothing was read"))?;
        self.next = record.seq + 1;
        Ok(record)
    }

    async fn fetch(&mut self) -> Result<(), LogError> {
        let link = Arc::clone(&self.desk.link);
        let (next, era, cuts) = (self.next, self.era, self.cuts);
        tokio::select! {
            biased;
            () = link.cut_after(cuts) => return Err(self.desk.away("the connection was cut")),
            () = self.desk.shelf.until(|length| length.len >= next || length.era != era) => {}
        }
        let slow = link.slow();
        if !slow.is_zero() {
            link.world.fault(Fault::SlowReader, &link.name);
            sleep(slow).await;
        }
        self.desk.latency().await;
        link.going().await;
        if self.desk.shelf.length().era != era || link.cuts() != cuts {
            return Err(self.desk.away("the connection was cut"));
        }
        self.taken.extend(self.desk.shelf.some(next, CHUNK));
        Ok(())
    }
}

impl LogStore for Store {
    fn create(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        self.open(desk)
    }

    fn open(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        let desk = desk.clone();
        async move {
            self.link.step(Step::Reading).await;
            match self.desk(&desk) {
                Some(log) => Ok(log as Arc<dyn DeskLog>),
                None => Err(LogError::NoSuchDesk { desk: desk.to_string() }),
            }
        }
        .boxed()
    }

    fn desks(&self) -> BoxFuture<'_, Result<Vec<DeskName>, LogError>> {
        async move {
            self.link.going().await;
            Ok(self.broker.shelves.keys().cloned().collect())
        }
        .boxed()
    }

    fn put_raw(&self, _digest: [u8; 32], _bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        async { Ok(()) }.boxed()
    }

    fn put_delivery(&self, _digest: [u8; 32], _bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        async { Ok(()) }.boxed()
    }

    fn get_delivery(&self, _digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        async { Ok(None) }.boxed()
    }

    fn get_raw(&self, _digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        async { Ok(None) }.boxed()
    }

    fn has_raw(&self, _digest: [u8; 32]) -> BoxFuture<'_, Result<bool, LogError>> {
        async { Ok(false) }.boxed()
    }

    fn list_raw(&self) -> BoxFuture<'_, Result<Vec<[u8; 32]>, LogError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn remove_raw(&self, _digest: [u8; 32]) -> BoxFuture<'_, Result<(), LogError>> {
        async { Ok(()) }.boxed()
    }

    fn append_directory(&self, _payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        async { Err(AppendError::Refused("nobody writes to the directory here".into())) }.boxed()
    }

    fn append_cursors(&self, _payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        async { Err(AppendError::Refused("nobody keeps a place here".into())) }.boxed()
    }

    fn directory_last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        async { Ok(1) }.boxed()
    }

    fn read_directory(&self, from: u64) -> BoxFuture<'_, Result<DirectoryStream, LogError>> {
        let entry = (from <= 1).then(|| Ok(self.broker.directory()));
        let entries: DirectoryStream = stream::iter(entry).chain(stream::pending()).boxed();
        async { Ok(entries) }.boxed()
    }
}
