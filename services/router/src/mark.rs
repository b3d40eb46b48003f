//! The last commit that this machine saw on a desk's log, in a small file. A broker that restarts over a damaged
//! store may end the log earlier and give the same sequences out again; what is left is a whole log, and a router that
//! starts afresh could not tell. With the mark it can, and refuses to judge.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use simpang_log::chain::{self, Digest};
use simpang_log::{Anchor, CommitRef, DeskLog, DeskName, LogError, RecordKind};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing::warn;

/// The file is written at most this often.
const EVERY: Duration = Duration::from_millis(250);
/// A record that was seen and is not there is asked for again: a new leader may be about to learn of it.
const PATIENCE: [Duration; 4] = [Duration::from_secs(1); 4];

/// A commit that was seen on a desk's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its number.
    pub number: u64,
    /// Its stream sequence.
    pub seq: u64,
    /// SHA-256 over its bytes.
    pub digest: Digest,
}

impl Mark {
    /// The mark of a desk in the folder where a router keeps them; none when there is none.
    ///
    /// # Errors
    /// When the file can't be read or holds no mark.
    pub fn read(dir: &Path, desk: &DeskName) -> io::Result<Option<Self>> {
        match std::fs::read_to_string(dir.join(desk.as_str())) {
            Ok(text) => Self::parse(&text).map(Some).ok_or_else(|| io::Error::other("it holds no mark")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let mut number = || words.next()?.parse().ok();
        let (number, seq) = (number()?, number()?);
        let mut digest = Digest::default();
        hex::decode_to_slice(words.next()?, &mut digest).ok()?;
        Some(Self { number, seq, digest })
    }

    fn text(&self) -> String {
        format!("{} {} {}\n", self.number, self.seq, hex::encode(self.digest))
    }

    /// Makes sure that the log still has the commit.
    ///
    /// # Errors
    /// [`LogError::Broken`] when it has not; others when the log can't be read.
    pub async fn check(&self, log: &dyn DeskLog) -> Result<(), LogError> {
        let mut patience = PATIENCE.into_iter();
        let found = loop {
            match (log.get(self.seq).await?, patience.next()) {
                (None, Some(pause)) => tokio::time::sleep(pause).await,
                (found, _) => break found,
            }
        };
        let is_it =
            |kind, payload: &[u8]| kind == RecordKind::Commit && chain::digest(payload) == self.digest;
        let what = match found {
            Some(record) if is_it(record.kind, &record.payload) => return Ok(()),
            Some(_) => {
                "another record stands there now: the broker lost its tail and gave the sequence out again"
                    .to_owned()
            }
            None if self.seq < log.first_seq().await? => {
                let (desk, first) = (log.desk().to_string(), log.first_seq().await?);
                return Err(LogError::Trimmed { desk, first, wanted: self.seq });
            }
            None => format!(
                "nothing stands there now: the log ends at {}, its tail is lost",
                log.last_seq().await?
            ),
        };
        let reason = format!(
            "commit {} was seen at sequence {}, and {what}; restore the log from a backup or a replica, or accept the \
             loss: docs/repair.md",
            self.number, self.seq
        );
        Err(LogError::Broken { desk: log.desk().to_string(), seq: self.seq, reason })
    }
}

impl From<CommitRef> for Mark {
    fn from(commit: CommitRef) -> Self {
        Self { number: commit.number, seq: commit.seq, digest: commit.digest }
    }
}

/// Keeps a desk's mark.
#[derive(Debug)]
pub(crate) struct Marker(watch::Sender<Option<Mark>>);

impl Marker {
    /// Goes on from the mark in the folder, and writes new ones there until it is dropped.
    pub(crate) fn start(dir: &Path, desk: &DeskName, tasks: &TaskTracker) -> Self {
        let known = Mark::read(dir, desk).unwrap_or_else(|error| {
            warn!(%desk, folder = %dir.display(), %error, "the mark can't be read, goes on without");
            None
        });
        let (seen, marks) = watch::channel(known);
        tasks.spawn(keep(dir.to_owned(), desk.clone(), marks));
        Self(seen)
    }

    /// Takes note of a commit that was read and checked.
    pub(crate) fn note(&self, anchor: Anchor) {
        let Anchor::Commit(commit) = anchor else { return };
        self.0.send_if_modified(|known| {
            let is_later = known.is_none_or(|known| known.number < commit.number);
            if is_later {
                *known = Some(commit.into());
            }
            is_later
        });
    }

    /// Makes sure that the log still has what was seen of it.
    pub(crate) async fn check(&self, log: &dyn DeskLog) -> Result<(), LogError> {
        let known = *self.0.borrow();
        match known {
            Some(mark) => mark.check(log).await,
            None => Ok(()),
        }
    }
}

/// Writes each mark, or the last one of those that come close together.
async fn keep(dir: PathBuf, desk: DeskName, mut marks: watch::Receiver<Option<Mark>>) {
    loop {
        let is_over = marks.changed().await.is_err();
        let mark = *marks.borrow_and_update();
        if let Some(mark) = mark
            && let Err(error) = write(&dir, &desk, &mark).await
        {
            warn!(%desk, folder = %dir.display(), %error, "the mark can't be written, goes on without");
        }
        if is_over {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn write(dir: &Path, desk: &DeskName, mark: &Mark) -> io::Result<()> {
    tokio::fs::create_dir_all(dir).await?;
    // Another router may keep its marks here too. A dot begins no desk's name.
    let draft = dir.join(format!(".{desk}-{}", std::process::id()));
    tokio::fs::write(&draft, mark.text()).await?;
    tokio::fs::rename(&draft, dir.join(desk.as_str())).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use simpang_log::MemoryStore;

    use super::*;

    #[test]
    fn a_mark_reads_as_it_was_written_and_nothing_else_does() {
        let mark = Mark { number: 7, seq: 12, digest: [0xab; 32] };
        assert_eq!(Mark::parse(&mark.text()), Some(mark));
        for text in ["", "7", "7 12", "7 12 abab", "x 12 00", "7 12 zz"] {
            assert_eq!(Mark::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_desk_without_a_mark_has_none_and_a_spoilt_one_is_an_error() {
        let (dir, desk) = (tempfile::tempdir().unwrap(), DeskName::new("desk").unwrap());
        assert_eq!(Mark::read(dir.path(), &desk).unwrap(), None);
        std::fs::write(dir.path().join("desk"), "7 12").unwrap();
        assert_eq!(Mark::read(dir.path(), &desk).unwrap_err().to_string(), "it holds no mark");
    }

    #[tokio::test(start_paused = true)]
    async fn a_commit_that_was_pruned_is_not_taken_for_a_lost_tail() {
        let log = MemoryStore::new().desk(&DeskName::new("desk").unwrap());
        for bytes in ["one", "two"] {
            log.push(RecordKind::Commit, bytes.into());
        }
        let mark = Mark { number: 1, seq: 1, digest: chain::digest(b"one") };
        mark.check(log.as_ref()).await.unwrap();
        log.trim(2).await.unwrap();
        let error = mark.check(log.as_ref()).await.unwrap_err();
        assert!(matches!(error, LogError::Trimmed { first: 2, wanted: 1, .. }), "{error}");
        let gone = Mark { number: 3, seq: 3, ..mark };
        let error = gone.check(log.as_ref()).await.unwrap_err();
        assert!(error.to_string().contains("its tail is lost"), "{error}");
    }
}
