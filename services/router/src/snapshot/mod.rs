//! Snapshots of desks, kept in a folder beside the log: written behind the router's back, read when it begins.
//!
//! A snapshot is never needed. One that is damaged is removed and one that another version of the program made is left
//! alone, each with a line in the log, and the one before it or the log itself serves. But one that is whole and of a commit which does
//! not stand on the log says that the log is not what it was, and that stops the desk.

mod file;
mod scribe;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use simpang_domain::state::State;
use simpang_log::{CommitRef, DeskName};
use simpang_proto::log::v1::SnapshotHead;
use simpang_replay::fold::Fold;
use simpang_replay::snapshot::{Unfit, usable};
use tracing::{info, warn};

use crate::metric;
use file::Refusal;
pub(crate) use scribe::Scribe;

/// How many snapshots of a desk are kept.
const KEPT: usize = 2;

const ENDING: &str = ".snapshot";

/// Nobody takes that long to write one.
const UNFINISHED_FOR: Duration = Duration::from_secs(3_600);

/// A folder with snapshots.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    dir: Arc<Path>,
}

/// Tells unfinished files of one process apart.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

impl Folder {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.into() }
    }

    /// A desk's snapshots, newest first.
    fn all(&self, desk: &DeskName) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            let number = entry.file_name().to_str().and_then(|name| number_of(name, desk));
            all.extend(number.map(|number| (number, entry.path())));
        }
        all.sort_unstable_by(|a, b| b.cmp(a));
        Ok(all)
    }

    /// The newest snapshot of a desk that can be used, as the desk it is of.
    pub(crate) fn load(&self, desk: &DeskName) -> Option<(CommitRef, Fold)> {
        // A folder that is not there yet holds none.
        for (_, path) in self.all(desk).unwrap_or_default() {
            match load(&path, desk) {
                Ok(loaded) => return Some(loaded),
                Err(refusal) => refuse(desk, &path, &refusal),
            }
        }
        None
    }

    /// Keeps a snapshot and removes those that are not needed any more; trouble is told and costs nothing else.
    pub(crate) fn keep(&self, desk: &DeskName, head: &SnapshotHead, state: &State) {
        let begun = Instant::now();
        let labels = [("desk", desk.to_string())];
        match self.write(desk, head, state) {
            Ok(bytes) => {
                let seconds = begun.elapsed().as_secs_f64();
                info!(%desk, commit = head.commit_number, bytes, seconds, "kept a snapshot");
                counter!(metric::SNAPSHOTS, &labels).increment(1);
                histogram!(metric::SNAPSHOT_SECONDS, &labels).record(seconds);
                gauge!(metric::SNAPSHOT_BYTES, &labels).set(crate::owner::count(bytes));
            }
            Err(error) => {
                counter!(metric::SNAPSHOTS_FAILED, &labels).increment(1);
                warn!(
                    %desk, dir = %self.dir.display(), %error,
                    "can't keep a snapshot: a restart reads more of the log; make the folder writable or give it room"
                );
            }
        }
    }

    fn write(&self, desk: &DeskName, head: &SnapshotHead, state: &State) -> io::Result<u64> {
        std::fs::create_dir_all(&self.dir)?;
        let name = format!("{desk}.{:020}{ENDING}", head.commit_number);
        let nth = UNFINISHED.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.dir.join(format!("{name}.{}-{nth}", std::process::id()));
        let written = file::write(&unfinished, head, state)
            .and_then(|bytes| std::fs::rename(&unfinished, self.dir.join(&name)).map(|()| bytes));
        if written.is_err() {
            // What is left of it would take the room that is missing.
            let _ = std::fs::remove_file(&unfinished);
        }
        let bytes = written?;
        std::fs::File::open(&self.dir)?.sync_all()?;
        for (_, path) in self.all(desk)?.into_iter().skip(KEPT) {
            std::fs::remove_file(path)?;
        }
        Ok(bytes)
    }

    /// Removes what a router that was killed left unfinished some time ago.
    pub(crate) fn tidy(&self, desk: &DeskName) {
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
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

/// The number of the commit that a file is a snapshot of, by its name.
fn number_of(name: &str, desk: &DeskName) -> Option<u64> {
    let digits = name.strip_prefix(desk.as_str())?.strip_prefix('.')?.strip_suffix(ENDING)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn load(path: &Path, desk: &DeskName) -> Result<(CommitRef, Fold), Refusal<Unfit>> {
    let (head, state) = file::read(path, |head| usable(head, desk).map(|_| ()))?;
    let at = usable(&head, desk).map_err(Refusal::Unwanted)?;
    let fold = Fold::resumed(desk, &head, state).map_err(Refusal::Unwanted)?;
    Ok((at, fold))
}

fn refuse(desk: &DeskName, path: &Path, refusal: &Refusal<Unfit>) {
    let (reason, detail) = match refusal {
        Refusal::Damaged(detail) => ("damaged", detail.clone()),
        Refusal::Unwanted(unfit) => ("unfit", unfit.to_string()),
    };
    if matches!(refusal, Refusal::Damaged(_)) {
        // It would count as one of those that are kept.
        let _ = std::fs::remove_file(path);
    }
    counter!(metric::SNAPSHOTS_REFUSED, "desk" => desk.to_string(), "reason" => reason).increment(1);
    warn!(
        %desk, file = %path.display(), reason, detail,
        "does not use a snapshot: the one before it or the log serves as well"
    );
}
