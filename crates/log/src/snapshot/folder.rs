//! Where snapshots are kept: a folder of files, or memory for tests and simulations.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use simpang_proto::log::v1::SnapshotHead;
use tokio::time::Instant;
use tracing::{info, warn};

use super::file;
use super::{Kept, Metrics, Refusal};
use crate::chain::CommitRef;
use crate::port::DeskName;

/// How many snapshots of a desk are kept.
const KEPT: usize = 2;

const ENDING: &str = ".snapshot";

/// Nobody takes that long to write one.
const UNFINISHED_FOR: Duration = Duration::from_secs(3_600);

/// Files where no disk is wanted.
pub type Memory = Arc<Mutex<Files>>;

/// Files in memory.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// Their bytes by name.
    pub all: BTreeMap<String, Vec<u8>>,
    /// How often a reader went on from one of them.
    pub resumed: u64,
}

/// A place for the snapshots of one role.
#[derive(Debug, Clone)]
pub struct Folder {
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Disk(Arc<Path>),
    Memory(Memory),
}

/// Tells unfinished files of one process apart.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

impl Folder {
    /// A folder on disk, made when the first snapshot is.
    #[must_use]
    pub fn on_disk(dir: &Path) -> Self {
        Self { place: Place::Disk(dir.into()) }
    }

    /// In memory, which whoever has it may look into.
    #[must_use]
    pub fn in_memory(files: Memory) -> Self {
        Self { place: Place::Memory(files) }
    }

    /// Counts that a reader goes on from one.
    pub(super) fn resumed(&self) {
        if let Place::Memory(files) = &self.place {
            lock(files).resumed += 1;
        }
    }

    /// Whether reading and writing may take a while.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self.place, Place::Disk(_))
    }

    /// Commits of a desk that there are snapshots of, the newest first.
    pub(super) fn numbers(&self, desk: &DeskName) -> io::Result<Vec<u64>> {
        let names: Vec<String> = match &self.place {
            Place::Disk(dir) => {
                let names = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
                names.filter_map(io::Result::transpose).collect::<io::Result<_>>()?
            }
            Place::Memory(files) => lock(files).all.keys().cloned().collect(),
        };
        let mut all: Vec<u64> = names.iter().filter_map(|name| number_of(name, desk)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        Ok(all)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.place {
            Place::Disk(dir) => Box::new(BufReader::new(File::open(dir.join(name))?)),
            Place::Memory(files) => {
                let bytes = lock(files).all.get(name).cloned();
                Box::new(io::Cursor::new(bytes.ok_or(io::ErrorKind::NotFound)?))
            }
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match &self.place {
            Place::Disk(dir) => std::fs::remove_file(dir.join(name)),
            Place::Memory(files) => {
                lock(files).all.remove(name);
                Ok(())
            }
        }
    }

    /// The newest snapshot of a desk that can be used, by what it says itself. What can't is told of.
    #[must_use]
    pub fn load<K: Kept>(&self, setting: &K::Setting, desk: &DeskName) -> Option<(CommitRef, K)> {
        // A folder that is not there yet holds none.
        let numbers = self.numbers(desk).unwrap_or_default();
        numbers.into_iter().find_map(|number| self.load_one(setting, desk, number))
    }

    /// The snapshot of one commit, if it can be used.
    pub(super) fn load_one<K: Kept>(
        &self,
        setting: &K::Setting,
        desk: &DeskName,
        number: u64,
    ) -> Option<(CommitRef, K)> {
        let name = name_of(desk, number);
        let opened = self.open(&name).map_err(|error| Refusal::Damaged(error.to_string()));
        let loaded = opened.and_then(|from| {
            let wanted = |head: &SnapshotHead| K::usable(setting, head, desk).map_err(Refusal::Unfit);
            file::read(from, wanted, |head, parts| K::load(setting, head, desk, parts))
        });
        loaded.map_err(|refusal| self.refuse(desk, number, &refusal, &K::METRICS)).ok()
    }

    /// Tells of a snapshot that is not used. One that never can be is removed: it would count as one of those that
    /// are kept.
    pub(super) fn refuse(&self, desk: &DeskName, number: u64, refusal: &Refusal, metrics: &Metrics) {
        let name = name_of(desk, number);
        if !matches!(refusal, Refusal::Unfit(_)) {
            let _ = self.remove(&name);
        }
        let reason = refusal.reason();
        counter!(metrics.refused, "desk" => desk.to_string(), "reason" => reason).increment(1);
        warn!(
            %desk, file = name, reason, detail = %refusal,
            "does not use a snapshot: the one before it or the log serves as well"
        );
    }

    /// Keeps a snapshot, whose state `store` gives out in parts, and removes those that are not needed any more;
    /// trouble is told and costs nothing else.
    pub fn keep(
        &self,
        desk: &DeskName,
        head: &SnapshotHead,
        metrics: &Metrics,
        store: impl FnOnce(&mut dyn FnMut(Vec<u8>)),
    ) {
        let begun = Instant::now();
        let labels = [("desk", desk.to_string())];
        match self.write(desk, head, store) {
            Ok(bytes) => {
                let seconds = begun.elapsed().as_secs_f64();
                info!(%desk, commit = head.commit_number, bytes, seconds, "kept a snapshot");
                counter!(metrics.written, &labels).increment(1);
                histogram!(metrics.seconds, &labels).record(seconds);
                #[allow(clippy::cast_precision_loss)] // gauges are floats; nothing is decided by them
                gauge!(metrics.bytes, &labels).set(bytes as f64);
            }
            Err(error) => {
                counter!(metrics.failed, &labels).increment(1);
                warn!(
                    %desk, folder = %self, %error,
                    "can't keep a snapshot: a restart reads more of the log; make the folder writable or give it room"
                );
            }
        }
    }

    fn write(
        &self,
        desk: &DeskName,
        head: &SnapshotHead,
        store: impl FnOnce(&mut dyn FnMut(Vec<u8>)),
    ) -> io::Result<u64> {
        let name = name_of(desk, head.commit_number);
        let bytes = match &self.place {
            Place::Disk(dir) => to_disk(dir, &name, head, store)?,
            Place::Memory(files) => {
                let (written, bytes) = file::write(Vec::new(), head, store)?;
                lock(files).all.insert(name, written);
                bytes
            }
        };
        for number in self.numbers(desk)?.into_iter().skip(KEPT) {
            self.remove(&name_of(desk, number))?;
        }
        Ok(bytes)
    }

    /// Removes what a process that was killed left unfinished some time ago.
    pub fn tidy(&self, desk: &DeskName) {
        let Place::Disk(dir) = &self.place else { return };
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let rest = name.to_str().and_then(|name| name.strip_prefix(desk.as_str())?.strip_prefix('.'));
            let is_unfinished = rest.is_some_and(|rest| rest.contains(&format!("{ENDING}.")));
            let age =
                entry.metadata().and_then(|about| about.modified()).ok().and_then(|at| at.elapsed().ok());
            if is_unfinished && age.is_some_and(|age| age > UNFINISHED_FOR) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

impl std::fmt::Display for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Disk(dir) => dir.display().fmt(f),
            Place::Memory(_) => f.write_str("memory"),
        }
    }
}

/// Writes a file that is there whole or not at all; it is on disk when this returns.
fn to_disk(
    dir: &Path,
    name: &str,
    head: &SnapshotHead,
    store: impl FnOnce(&mut dyn FnMut(Vec<u8>)),
) -> io::Result<u64> {
    std::fs::create_dir_all(dir)?;
    let nth = UNFINISHED.fetch_add(1, Ordering::Relaxed);
    let unfinished = dir.join(format!("{name}.{}-{nth}", std::process::id()));
    let written = File::create(&unfinished).and_then(|file| {
        let (mut out, bytes) = file::write(BufWriter::new(file), head, store)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        std::fs::rename(&unfinished, dir.join(name))?;
        Ok(bytes)
    });
    if written.is_err() {
        // What is left of it would take the room that is missing.
        let _ = std::fs::remove_file(&unfinished);
    }
    let bytes = written?;
    File::open(dir)?.sync_all()?;
    Ok(bytes)
}

fn lock(files: &Memory) -> MutexGuard<'_, Files> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name_of(desk: &DeskName, number: u64) -> String {
    format!("{desk}.{number:020}{ENDING}")
}

/// The number of the commit that a file is a snapshot of, by its name.
fn number_of(name: &str, desk: &DeskName) -> Option<u64> {
    let digits = name.strip_prefix(desk.as_str())?.strip_prefix('.')?.strip_suffix(ENDING)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
