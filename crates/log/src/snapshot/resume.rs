//! Where a reader goes on: the newest snapshot of a commit that stands on the log, else the log's beginning.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::{info, warn};

use super::{Folder, Kept, Refusal, belongs};
use crate::backoff::Backoff;
use crate::chain::{Anchor, CommitRef};
use crate::port::{DeskLog, LogError, Record};

/// What a reader knows when it begins, and from where it reads on. Waits for the log where a snapshot has to be held
/// against it; what else is wrong with the log is for whoever reads it to say.
///
/// # Errors
/// When a snapshot is of a commit that does not stand on the log, and that is to stop the reader.
pub async fn resume<K: Kept>(
    folder: Option<&Folder>,
    setting: &K::Setting,
    log: &Arc<dyn DeskLog>,
) -> Result<(Anchor, K), LogError> {
    let desk = log.desk();
    let Some(folder) = folder else { return Ok((Anchor::Start, K::begin(setting, desk))) };
    let begun = Instant::now();
    let (anchor, kept) = newest(folder, setting, log).await?;
    match anchor.commit() {
        Some(CommitRef { seq: sequence, number: commit, .. }) => {
            folder.resumed();
            let seconds = begun.elapsed().as_secs_f64();
            info!(%desk, commit, sequence, seconds, "reads on from a snapshot");
        }
        None => info!(%desk, "reads the log from its beginning: there is no snapshot of it that can be used"),
    }
    Ok((anchor, kept))
}

/// The newest snapshot that can be used and stands on the log, else nothing read yet.
pub(super) async fn newest<K: Kept>(
    folder: &Folder,
    setting: &K::Setting,
    log: &Arc<dyn DeskLog>,
) -> Result<(Anchor, K), LogError> {
    let desk = log.desk();
    folder.tidy(desk);
    for number in folder.numbers(desk).unwrap_or_default() {
        let Some((at, kept)) = load_one::<K>(folder, setting, log, number).await else { continue };
        match found(log, &at).await {
            Ok(found) => match belongs(&at, found.as_ref()) {
                Ok(()) => return Ok((Anchor::Commit(at), kept)),
                Err(what) if K::FOREIGN_STOPS => {
                    let (desk, seq) = (desk.to_string(), at.seq);
                    return Err(LogError::Broken { desk, seq, reason: what });
                }
                Err(what) => folder.refuse(desk, number, &Refusal::Foreign(what), &K::METRICS),
            },
            Err(error) => {
                warn!(%desk, %error, "can't hold a snapshot against the log, and reads it from its beginning");
                break;
            }
        }
    }
    Ok((Anchor::Start, K::begin(setting, desk)))
}

/// Loads one, beside the tasks of the runtime where that takes a while.
async fn load_one<K: Kept>(
    folder: &Folder,
    setting: &K::Setting,
    log: &Arc<dyn DeskLog>,
    number: u64,
) -> Option<(CommitRef, K)> {
    if !folder.is_slow() {
        return folder.load_one(setting, log.desk(), number);
    }
    let (folder, setting, desk) = (folder.clone(), setting.clone(), log.desk().clone());
    let loading = tokio::task::spawn_blocking(move || folder.load_one(&setting, &desk, number));
    loading.await.ok()?
}

/// What stands where a snapshot's commit stood, however long the log is away.
async fn found(log: &Arc<dyn DeskLog>, at: &CommitRef) -> Result<Option<Record>, LogError> {
    let mut backoff = Backoff::new();
    loop {
        backoff.due().await;
        match log.get(at.seq).await {
            Err(error) if error.is_transient() => {
                warn!(desk = %log.desk(), %error, "can't hold a snapshot against the log yet, will try again");
                backoff.failed();
            }
            done => return done,
        }
    }
}
