//! That a reader which goes on from a snapshot knows what one knows that read everything, for tests and simulations.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Folder, Kept, file, resume};
use crate::chain::Anchor;
use crate::port::{DeskLog, LogError};
use crate::tail::Tail;

/// Reads a log up to `until`, once from its beginning and once from a snapshot as of the first commit after `cut` that
/// there may be one of; gives what each knows, written down, and the sequence of that commit (0: there is none).
///
/// # Errors
/// What can't be read, or not be gone on from.
pub async fn both_ways<K: Kept>(
    setting: &K::Setting,
    log: &Arc<dyn DeskLog>,
    until: u64,
    cut: u64,
) -> Result<(Vec<u8>, Vec<u8>, u64), String> {
    let desk = log.desk();
    let mut kept = K::begin(setting, desk);
    let mut tail = Tail::start(log.clone(), Anchor::Start);
    let mut snapshot = None;
    while let Some(entry) = tail.read_until(until).await.map_err(|error| error.to_string())? {
        kept.follow(&entry).map_err(|error| error.to_string())?;
        let here = tail.anchor().commit().copied().filter(|at| at.seq == entry.seq && at.seq > cut);
        if let Some(at) =
            here.filter(|at| snapshot.is_none() && at.decided_through.step == 0 && kept.is_whole())
        {
            let written = file::write(Vec::new(), &kept.describe(desk, &at), |give| kept.store(give));
            snapshot = Some((at, written.map_err(|error| error.to_string())?.0));
        }
    }
    let Some((at, bytes)) = snapshot else { return Ok((written(&kept), written(&kept), 0)) };
    let wanted = |head: &_| K::usable(setting, head, desk).map_err(super::Refusal::Unfit);
    let loaded = file::read(&bytes[..], wanted, |head, parts| K::load(setting, head, desk, parts));
    let (found, mut resumed) = loaded.map_err(|refusal| refusal.to_string())?;
    if found != at {
        return Err(format!("a snapshot of {at:?} says that it is of {found:?}"));
    }
    let mut tail = Tail::start(log.clone(), Anchor::Commit(at));
    while let Some(entry) = tail.read_until(until).await.map_err(|error| error.to_string())? {
        resumed.follow(&entry).map_err(|error| error.to_string())?;
    }
    Ok((written(&kept), written(&resumed), at.seq))
}

/// All that is remembered, as bytes.
pub fn written<K: Kept>(kept: &K) -> Vec<u8> {
    let mut bytes = Vec::new();
    kept.store(&mut |part| bytes.extend(part));
    bytes
}

/// What reading a desk takes.
#[derive(Debug, Clone, Copy)]
pub struct Timed {
    /// From the beginning of its log to its end.
    pub from_log: Duration,
    /// Writing a snapshot of that, to a disk that flushes it.
    pub write: Duration,
    /// From that snapshot to the end.
    pub from_snapshot: Duration,
}

/// Reads a log to its end without and with a snapshot, which is kept in a folder that has none.
///
/// # Errors
/// When the log can't be read.
pub async fn timed<K: Kept>(
    setting: &K::Setting,
    log: &Arc<dyn DeskLog>,
    folder: &Folder,
) -> Result<Timed, LogError> {
    let begun = Instant::now();
    let (anchor, kept) = to_the_end::<K>(setting, log, None).await?;
    let from_log = begun.elapsed();
    let begun = Instant::now();
    if let Some(at) = anchor.commit() {
        folder.keep(log.desk(), &kept.describe(log.desk(), at), &K::METRICS, |give| kept.store(give));
    }
    let write = begun.elapsed();
    drop(kept);
    let begun = Instant::now();
    let _known = to_the_end::<K>(setting, log, Some(folder)).await?;
    Ok(Timed { from_log, write, from_snapshot: begun.elapsed() })
}

async fn to_the_end<K: Kept>(
    setting: &K::Setting,
    log: &Arc<dyn DeskLog>,
    folder: Option<&Folder>,
) -> Result<(Anchor, K), LogError> {
    let until = log.last_seq().await?;
    let (anchor, mut kept) = resume::<K>(folder, setting, log).await?;
    let mut tail = Tail::start(log.clone(), anchor);
    while let Some(entry) = tail.read_until(until).await? {
        kept.follow(&entry)?;
    }
    Ok((tail.anchor(), kept))
}
