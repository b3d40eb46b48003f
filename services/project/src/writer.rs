//! From one desk's log into its tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use simpang_log::{
    Ahead, DeskLog, DeskName, DirectoryChange, DirectoryTail, Entry, LogError, LogStore, Tail,
};
use simpang_views::{Opened, Views, ViewsError};
use tokio::task::JoinHandle;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::background::Background;
use crate::desk::Desk;
use crate::traced::Traced;
use crate::{LOOK_EVERY, counters};

/// Most records in one transaction.
const ENTRIES_MAX: usize = 2_000;
/// Most bytes of records in one transaction.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a transaction waits for more: long enough to share its cost, too short to be seen.
const GATHER: Duration = Duration::from_millis(3);
/// How long it waits when so many came by then: a transaction's cost is that of some twenty records.
const GATHER_MORE: Duration = Duration::from_millis(20);
const MANY: usize = 16;
/// How long until a log that can't be opened is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What ends the following of a desk.
enum Ended {
    /// The role stops.
    Stopped,
    /// Something that trying again does not help.
    Broken(String),
}

impl From<LogError> for Ended {
    fn from(error: LogError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<ViewsError> for Ended {
    fn from(error: ViewsError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Follows a desk until the role stops or its log is broken.
pub(crate) async fn run(desk: Arc<Desk>, store: Arc<dyn LogStore>, stop: CancellationToken) {
    let ended = match Writer::open(&desk, &store, &stop).await {
        Ok(mut writer) => writer.follow().await,
        Err(ended) => ended,
    };
    if let Ended::Broken(reason) = ended {
        desk.stand_still(reason);
    }
}

struct Writer<'a> {
    desk: &'a Arc<Desk>,
    store: &'a Arc<dyn LogStore>,
    stop: &'a CancellationToken,
    log: Arc<dyn DeskLog>,
    tail: Tail,
    directory: DirectoryTail,
    background: Background,
    /// Absent only while a transaction is under way.
    views: Option<Views>,
    beside: Option<JoinHandle<Result<Views, String>>>,
    traced: Traced,
}

/// What was gathered for one transaction.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    customers: Vec<DirectoryChange>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, entry: Entry) {
        self.bytes += entry.payload.len();
        self.entries.push(entry);
    }

    fn is_full(&self) -> bool {
        self.entries.len() + self.customers.len() >= ENTRIES_MAX || self.bytes >= BYTES_MAX
    }
}

/// What happened while gathering.
enum Next {
    Batch(Batch),
    Rebuild,
    Rebuilt(Box<Result<Views, String>>),
}

impl<'a> Writer<'a> {
    async fn open(
        desk: &'a Arc<Desk>,
        store: &'a Arc<dyn LogStore>,
        stop: &'a CancellationToken,
    ) -> Result<Self, Ended> {
        let (log, stood) = open_log(desk, store, stop).await?;
        desk.opened(log.clone(), stood);
        let views = open_views(desk.clone(), desk.path.clone()).await?;
        let position = views.position();
        desk.folded(position.seq, simpang_views::Changes::default());
        let tail = Tail::start(log.clone(), position.anchor);
        let directory = DirectoryTail::start(store.clone(), position.directory_seq);
        // Tables that begin anew fold what was told of long ago.
        let news_from = if position.seq == 0 { stood } else { position.seq };
        let traced = Traced::new(news_from);
        let background = Background::start(desk.name.as_str())
            .map_err(|error| Ended::Broken(format!("can't start a thread for the view: {error}")))?;
        let views = Some(views);
        Ok(Self { desk, store, stop, log, tail, directory, background, views, beside: None, traced })
    }

    async fn follow(&mut self) -> Ended {
        loop {
            match self.turn().await {
                Ok(()) => {}
                Err(ended) => return ended,
            }
        }
    }

    async fn turn(&mut self) -> Result<(), Ended> {
        match self.gather().await? {
            Next::Batch(batch) => self.fold(batch).await,
            Next::Rebuild => {
                self.begin_rebuild();
                Ok(())
            }
            Next::Rebuilt(built) => self.end_rebuild(*built).await,
        }
    }

    /// Waits for something, and then a moment for more.
    async fn gather(&mut self) -> Result<Next, Ended> {
        let mut batch = Batch::default();
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Ended::Stopped),
            built = built(&mut self.beside) => return Ok(Next::Rebuilt(Box::new(built))),
            () = self.desk.rebuild_asked() => return Ok(Next::Rebuild),
            entry = self.tail.next() => batch.add(entry?),
            change = self.directory.next() => batch.customers.push(change?),
        }
        let began = tokio::time::Instant::now();
        while !batch.is_full() {
            let until = began + if batch.entries.len() < MANY { GATHER } else { GATHER_MORE };
            let more = async {
                tokio::select! {
                    biased;
                    entry = self.tail.next() => batch.add(entry?),
                    change = self.directory.next() => batch.customers.push(change?),
                }
                Ok::<(), LogError>(())
            };
            match timeout_at(until, more).await {
                Ok(added) => added?,
                Err(_) => break,
            }
        }
        Ok(Next::Batch(batch))
    }

    async fn fold(&mut self, batch: Batch) -> Result<(), Ended> {
        let Some(mut views) = self.views.take() else {
            return Err(Ended::Broken(
                "the view's writer is gone: this is a defect, please report it".into(),
            ));
        };
        let (records, began) = (batch.entries.len() as u64, Instant::now());
        let folding = self.traced.begin(&batch.entries);
        let folded = self.background.run(move || {
            let changes = views.fold(&batch.entries)?;
            views.fold_directory(&batch.customers)?;
            Ok::<_, ViewsError>((views, changes))
        });
        let (views, changes) = folded.await.map_err(|error| Ended::Broken(error.to_string()))??;
        self.desk.folded(views.position().seq, changes);
        self.views = Some(views);
        folding.end(&self.desk.name);
        let name = self.desk.name.to_string();
        metrics::counter!(counters::FOLDED, "desk" => name.clone()).increment(records);
        metrics::histogram!(counters::TRANSACTION, "desk" => name).record(began.elapsed().as_secs_f64());
        Ok(())
    }

    fn begin_rebuild(&mut self) {
        if self.beside.is_none() {
            info!(desk = %self.desk.name, "building the view anew beside the one in use");
            let until = self.views.as_ref().map_or(0, |views| views.position().seq);
            self.desk.is_building(0, until);
            let beside = build_beside(self.desk.clone(), self.log.clone(), self.store.clone(), until);
            self.beside = Some(tokio::spawn(beside));
        }
    }

    /// Brings the new tables to where the old ones are and puts them in their place.
    async fn end_rebuild(&mut self, built: Result<Views, String>) -> Result<(), Ended> {
        let fresh = match built {
            Ok(fresh) => fresh,
            Err(reason) => {
                warn!(desk = %self.desk.name, reason, "the view could not be built anew, the one in use stays");
                self.desk.was_not_rebuilt(reason);
                return Ok(());
            }
        };
        let until = self.views.as_ref().map_or(0, |views| views.position().seq);
        let fresh = catch_up(fresh, self.log.clone(), self.store.clone(), until, |_| {})
            .await
            .map_err(Ended::Broken)?;
        let (old, desk) = (self.views.take(), self.desk.clone());
        let swapped = tokio::task::spawn_blocking(move || {
            drop(old);
            desk.pool.replace(|| fresh.swap_into(&desk.path))
        });
        let views = swapped.await.map_err(|error| Ended::Broken(error.to_string()))??;
        let position = views.position();
        self.tail = Tail::start(self.log.clone(), position.anchor);
        self.directory = DirectoryTail::start(self.store.clone(), position.directory_seq);
        self.views = Some(views);
        info!(desk = %self.desk.name, position = position.seq, "the view was built anew");
        self.desk.was_rebuilt();
        Ok(())
    }
}

/// What became of the tables that are built beside; never, when none are.
async fn built(beside: &mut Option<JoinHandle<Result<Views, String>>>) -> Result<Views, String> {
    let Some(handle) = beside else { return std::future::pending().await };
    let done = handle.await;
    *beside = None;
    done.unwrap_or_else(|error| Err(error.to_string()))
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            beside.abort();
        }
    }
}

async fn open_log(
    desk: &Desk,
    store: &Arc<dyn LogStore>,
    stop: &CancellationToken,
) -> Result<(Arc<dyn DeskLog>, u64), Ended> {
    loop {
        let opening = async {
            let log = store.open(&desk.name).await?;
            let stood = log.last_seq().await?;
            Ok::<_, LogError>((log, stood))
        };
        match opening.await {
            Ok(opened) => return Ok(opened),
            // It was listed: of a cluster, a server may for a moment not know a stream that was just made.
            Err(error) if error.is_transient() || matches!(error, LogError::NoSuchDesk { .. }) => {
                warn!(desk = %desk.name, %error, "can't open the log yet");
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = stop.cancelled() => return Err(Ended::Stopped),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn open_views(desk: Arc<Desk>, path: PathBuf) -> Result<Views, Ended> {
    let opening = tokio::task::spawn_blocking(move || {
        let (views, opened) = Views::open(&path, &desk.name)?;
        let position = views.position().seq;
        match opened {
            Opened::New => info!(desk = %desk.name, "a new view"),
            Opened::Resumed => info!(desk = %desk.name, position, "the view goes on"),
            Opened::Outdated { version } => {
                warn!(desk = %desk.name, version, "the view's tables are of an older version and are built anew");
            }
        }
        Ok::<_, ViewsError>(views)
    });
    Ok(opening.await.map_err(|error| Ended::Broken(error.to_string()))??)
}

/// Builds a desk's tables in a file beside the one in use, up to a sequence.
async fn build_beside(
    desk: Arc<Desk>,
    log: Arc<dyn DeskLog>,
    store: Arc<dyn LogStore>,
    until: u64,
) -> Result<Views, String> {
    let (path, name) = (desk.path.with_extension("rebuild.sqlite"), desk.name.clone());
    build(path, name, log, store, until, |position| desk.is_building(position, until)).await
}

/// Builds a desk's tables in a new file, up to a sequence.
async fn build(
    path: PathBuf,
    name: DeskName,
    log: Arc<dyn DeskLog>,
    store: Arc<dyn LogStore>,
    until: u64,
    tell: impl Fn(u64),
) -> Result<Views, String> {
    let making = tokio::task::spawn_blocking(move || Views::begin(&path, &name));
    let views = making.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    catch_up(views, log, store, until, tell).await
}

/// Folds the log up to a sequence, and the directory as it stands. Tells how far it is.
async fn catch_up(
    mut views: Views,
    log: Arc<dyn DeskLog>,
    store: Arc<dyn LogStore>,
    until: u64,
    tell: impl Fn(u64),
) -> Result<Views, String> {
    let mut customers = Vec::new();
    let mut directory = DirectoryTail::start(store, views.position().directory_seq);
    directory.catch_up(|change| customers.push(change)).await.map_err(|e| e.to_string())?;
    let mut tail = Ahead::start(Tail::start(log, views.position().anchor));
    let mut more = true;
    while more {
        let mut batch = Batch::default();
        while !batch.is_full() && more {
            match tail.read_until(until).await.map_err(|e| e.to_string())? {
                Some(entry) => batch.add(entry),
                None => more = false,
            }
        }
        let customers = std::mem::take(&mut customers);
        let folded = tokio::task::spawn_blocking(move || {
            views.fold_directory(&customers)?;
            views.fold(&batch.entries)?;
            Ok::<_, ViewsError>(views)
        });
        views = folded.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        tell(views.position().seq);
    }
    Ok(views)
}

/// Builds a desk's tables from nothing, in a new file of this folder, up to where the log stands.
pub(crate) async fn timed(
    log: Arc<dyn DeskLog>,
    store: Arc<dyn LogStore>,
    folder: &Path,
) -> Result<Duration, String> {
    let (path, name) = (folder.join("timed.sqlite"), log.desk().clone());
    let until = log.last_seq().await.map_err(|e| e.to_string())?;
    let began = Instant::now();
    let views = build(path.clone(), name, log, store, until, |_| {}).await?;
    let spent = began.elapsed();
    drop(views);
    simpang_views::store::remove(&path).map_err(|e| e.to_string())?;
    Ok(spent)
}

/// Measures how far behind a desk's view is.
pub(crate) async fn measure(desk: Arc<Desk>, stop: CancellationToken) {
    let name = desk.name.to_string();
    metrics::gauge!(counters::BROKEN, "desk" => name.clone()).set(0.0);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let (Ok(log), Some(position)) = (desk.log(), desk.position()) else { continue };
        let Ok(last) = log.last_seq().await else { continue };
        let behind = last.saturating_sub(position);
        let folded_to = desk.read(0, |snapshot| snapshot.folded_to_ms()).await.unwrap_or_default();
        let age_ms =
            if behind == 0 || folded_to == 0 { 0 } else { now_ms().saturating_sub(folded_to).max(0) };
        metrics::gauge!(counters::LAG_RECORDS, "desk" => name.clone()).set(gauge(behind));
        let age = Duration::from_millis(age_ms.unsigned_abs());
        metrics::gauge!(counters::LAG_SECONDS, "desk" => name.clone()).set(age.as_secs_f64());
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// A count as metrics want it.
fn gauge(count: u64) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
