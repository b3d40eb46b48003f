//! Removing from the live log what a verified archive holds. Nothing goes before everything was read back and compared,
//! and nothing that a router, a deliverer or a reader who begins at the last commit still needs.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt;
use prost::Message;
use simpang_log::chain::Digest;
use simpang_log::{DeskLog, DeskName, LogError, LogStore, Record};
use simpang_proto::log::v1::Commit;

use crate::folder::Archive;
use crate::take::named;
use crate::verify::{join, verify};
use crate::{ArchiveError, damaged};

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Where the live log began.
    pub first_before: u64,
    /// Where it begins now.
    pub first_seq: u64,
}

/// Removes from a desk's live log the archived segments that end before `older_than_ms`. The whole archive of the desk
/// is verified first, and every record that goes is compared with its copy.
///
/// # Errors
/// When anything does not hold, or there is nothing that may go.
pub async fn prune(
    archive: &Archive,
    live: &Arc<dyn LogStore>,
    desk: &DeskName,
    older_than_ms: i64,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Pruned, ArchiveError> {
    let verified = verify(archive, desk, progress).await?;
    let joined = join(archive, live, &verified).await?;
    let log = live.open(desk).await?;
    let needed = needed_from(log.as_ref()).await?;
    let old = verified.segments.iter().filter(|manifest| manifest.last_at_ms < older_than_ms);
    let may_go = old.map(|manifest| manifest.last_seq).filter(|last| *last < needed).max().unwrap_or(0);
    let (first_before, first_seq) = (joined.first_seq, may_go + 1);
    if first_seq <= first_before {
        return Err(ArchiveError::NotPruned(format!(
            "the live log of desk {desk} begins at sequence {first_before}, its archive ends at {}, and of that what is \
             old enough ends at {may_go}; what stands from {needed} on is needed",
            joined.archived
        )));
    }
    compare(archive, log.as_ref(), first_before, first_seq).await?;
    log.trim(first_seq).await?;
    let stands = log.first_seq().await?;
    if stands != first_seq {
        let reason =
            format!("the live log of desk {desk} was to begin at {first_seq} and begins at {stands}");
        return Err(ArchiveError::NotPruned(reason));
    }
    Ok(Pruned { first_before, first_seq })
}

/// From where on a desk's log is needed by who begins at its last commit: inputs that are not judged to their end, and
/// the commit itself.
async fn needed_from(log: &dyn DeskLog) -> Result<u64, ArchiveError> {
    let Some(record) = log.last_commit().await? else { return Ok(1) };
    let commit = Commit::decode(record.payload.clone()).map_err(|error| LogError::Broken {
        desk: log.desk().to_string(),
        seq: record.seq,
        reason: format!("the last commit can't be read: {error}"),
    })?;
    Ok(record.seq.min(commit.decided_through.unwrap_or_default().seq.max(1)))
}

/// Compares every record from `first` up to `until`, which does not count any more, with its copy.
async fn compare(archive: &Archive, log: &dyn DeskLog, first: u64, until: u64) -> Result<(), ArchiveError> {
    let desk = log.desk();
    let (mut live, mut copies) = (log.read(first).await?, archive.read(desk, first, until)?);
    for seq in first..until {
        let record: Option<Record> = live.next().await.transpose()?;
        let copy = copies.next().await.transpose()?;
        if record.is_none() || record != copy || record.is_some_and(|record| record.seq != seq) {
            let reason = format!("its copy of sequence {seq} is not what stands on the live log");
            return Err(damaged(&archive.desk_dir(desk), reason));
        }
    }
    Ok(())
}

/// Removes the raw objects that the archive holds, with their digests, and that no record of any desk's live log names.
/// Returns how many there were.
///
/// # Errors
/// When a log or an object can't be read, or the store lets nothing be removed.
pub async fn prune_raw(
    archive: &Archive,
    live: &Arc<dyn LogStore>,
    progress: &(dyn Fn(&DeskName, u64) + Send + Sync),
) -> Result<u64, ArchiveError> {
    let stored = live.list_raw().await?;
    let mut unneeded: HashSet<Digest> = stored.into_iter().filter(|digest| archive.has_raw(digest)).collect();
    for desk in live.desks().await? {
        let log = live.open(&desk).await?;
        let (first, last) = (log.first_seq().await?, log.last_seq().await?);
        if first > last {
            continue;
        }
        let mut records = log.read(first).await?;
        while let Some(record) = records.next().await.transpose()? {
            progress(&desk, record.seq);
            for digest in named(&record.payload, &unneeded) {
                unneeded.remove(&digest);
            }
            if record.seq >= last {
                break;
            }
        }
    }
    let mut removed = 0;
    for digest in unneeded {
        let kept = archive.raw(&digest)?;
        let is_delivery = live.get_delivery(digest).await?.is_some();
        if kept.is_some_and(|kept| kept.is_delivery == is_delivery) {
            live.remove_raw(digest).await?;
            removed += 1;
        }
    }
    Ok(removed)
}
