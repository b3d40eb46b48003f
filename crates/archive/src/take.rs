//! Archiving closed periods: what stands on the log goes into segments, each record once, in order. What was taken is
//! never touched again, so that a taking that broke off is simply taken up where it was.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use simpang_log::chain::{self, Digest};
use simpang_log::tail::{Body, Entry};
use simpang_log::{Anchor, CommitRef, DeskName, LogStore, Record, RecordKind, Tail};
use simpang_proto::log::v1::Commit;

use crate::archived::Archived;
use crate::folder::{Archive, RawObject, sync_dir, write_whole};
use crate::manifest::{LastCommit, Manifest, Retention};
use crate::segment::Writer;
use crate::{ArchiveError, FORMAT, file};

/// Payload bytes after which a segment ends with the next commit: what reading one record of it costs stays bounded.
pub const SEGMENT_BYTES: u64 = 32 * 1024 * 1024;

/// How to take.
pub struct Taking<'a> {
    /// Whether a commit of this time, ms since 1970 UTC, is taken; from the first one that is not, everything stays for
    /// later.
    pub is_closed: &'a (dyn Fn(i64) -> bool + Send + Sync),
    /// The period that a time is in; a segment holds commits of one period.
    pub period: &'a (dyn Fn(i64) -> String + Send + Sync),
    /// Payload bytes after which a segment ends, usually [`SEGMENT_BYTES`].
    pub segment_bytes: u64,
    /// What the desk's policy says of retention.
    pub retention: Option<Retention>,
    /// Who takes.
    pub by: String,
    /// The time now, ms since 1970 UTC.
    pub now_ms: i64,
    /// Told of every sequence that is reached.
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
}

/// What was taken.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// The segments written now.
    pub segments: Vec<Manifest>,
    /// Raw objects that the archive had not yet.
    pub raw_objects: u64,
    /// The archive now ends here; 0: it is empty.
    pub last_seq: u64,
}

/// Archives a desk's records up to a time, from where its archive ends. The chain of everything that is taken is
/// checked on the way.
///
/// # Errors
/// When the log can't be read or its chain does not hold, or the archive can't be written, or somebody else is at it.
pub async fn take(
    archive: &Archive,
    live: &Arc<dyn LogStore>,
    desk: &DeskName,
    how: &Taking<'_>,
) -> Result<Taken, ArchiveError> {
    let dir = archive.desk_dir(desk);
    fs::create_dir_all(&dir).map_err(file("make", &dir))?;
    let _lock = lock(&dir.join("lock"))?;
    let store = Archived::new(live.clone(), archive.clone());
    let log = store.open(desk).await?;
    let last = log.last_seq().await?;
    // Listed after the log's end is known: an object is kept before the record that names it is written.
    let known: HashSet<Digest> = store.list_raw().await?.into_iter().collect();
    let head = archive.segments(desk)?.last().and_then(Manifest::anchor);
    let mut taker = Taker { archive, desk, how, store, known, head, open: None, taken: Taken::default() };
    let archived = head.map_or(0, |head| head.seq);
    taker.taken.last_seq = archived;
    let mut tail = Tail::start(log, head.map_or(Anchor::Start, Anchor::Commit));
    tail.leave_out_events();
    let mut group = Vec::new();
    while let Some(entry) = tail.read_until(last).await? {
        (how.progress)(entry.seq);
        if entry.seq <= archived {
            continue;
        }
        group.push(record(&entry));
        if let Body::Commit { commit, digest } = &entry.body {
            if !(how.is_closed)(entry.at_ms) {
                break;
            }
            taker.group(std::mem::take(&mut group), commit, *digest).await?;
        }
    }
    taker.close()?;
    Ok(taker.taken)
}

/// Keeps others out of a desk's folder while it is written.
fn lock(path: &Path) -> Result<File, ArchiveError> {
    let lock = File::create(path).map_err(file("make", path))?;
    lock.try_lock().map_err(|error| file("lock", path)(error.into()))?;
    Ok(lock)
}

fn record(entry: &Entry) -> Record {
    let kind = match &entry.body {
        Body::Inputs { door, .. } | Body::Unreadable { door, .. } => RecordKind::Input(*door),
        Body::Commit { .. } => RecordKind::Commit,
    };
    Record { seq: entry.seq, at_ms: entry.at_ms, kind, payload: entry.payload.clone() }
}

/// A segment that is being written.
struct Open {
    writer: Writer,
    period: String,
    first_seq: u64,
    first_at_ms: i64,
    last_at_ms: i64,
    /// The commit before it.
    before: Option<CommitRef>,
    policy_version: u64,
}

struct Taker<'a> {
    archive: &'a Archive,
    desk: &'a DeskName,
    how: &'a Taking<'a>,
    store: Archived,
    known: HashSet<Digest>,
    /// The last commit that was taken.
    head: Option<CommitRef>,
    open: Option<Open>,
    taken: Taken,
}

impl Taker<'_> {
    /// Takes a commit, with the inputs that stand between the commit before and it.
    async fn group(
        &mut self,
        group: Vec<Record>,
        commit: &Commit,
        digest: Digest,
    ) -> Result<(), ArchiveError> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(()) };
        let period = (self.how.period)(last.at_ms);
        let is_full =
            |open: &Open| open.period != period || open.writer.payload_bytes >= self.how.segment_bytes;
        if self.open.as_ref().is_some_and(is_full) {
            self.close()?;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(first, period)?,
        };
        for record in &group {
            let names = named(&record.payload, &self.known);
            for digest in &names {
                self.raw(digest).await?;
            }
            open.writer.record(record, &names)?;
        }
        open.last_at_ms = last.at_ms;
        open.policy_version = commit.policy_version;
        let decided_through = commit.decided_through.unwrap_or_default();
        self.head = Some(CommitRef { seq: last.seq, number: commit.number, digest, decided_through });
        self.open = Some(open);
        Ok(())
    }

    fn begin(&self, first: &Record, period: String) -> Result<Open, ArchiveError> {
        let path = self.archive.desk_dir(self.desk).join("segment.part");
        Ok(Open {
            writer: Writer::begin(self.desk, path)?,
            period,
            first_seq: first.seq,
            first_at_ms: first.at_ms,
            last_at_ms: first.at_ms,
            before: self.head,
            policy_version: 0,
        })
    }

    /// Ends the open segment: first its file, then the manifest that makes it count.
    fn close(&mut self) -> Result<(), ArchiveError> {
        let (Some(open), Some(head)) = (self.open.take(), self.head) else { return Ok(()) };
        let dir = self.archive.desk_dir(self.desk);
        let (name, manifest_name) = Manifest::names(open.first_seq, head.seq);
        let written = open.writer.finish(&dir.join(name))?;
        sync_dir(&dir)?;
        let decided = head.decided_through;
        let manifest = Manifest {
            format: FORMAT,
            desk: self.desk.to_string(),
            period: open.period,
            first_seq: open.first_seq,
            last_seq: head.seq,
            first_at_ms: open.first_at_ms,
            last_at_ms: open.last_at_ms,
            records: written.records,
            raw_objects: written.raw_objects,
            previous_number: open.before.map_or(0, |before| before.number),
            previous_digest: hex::encode(open.before.map_or(chain::NO_COMMIT, |before| before.digest)),
            last_commit: LastCommit {
                number: head.number,
                digest: hex::encode(head.digest),
                decided_through: (decided.seq, decided.index, decided.step),
            },
            bytes: written.bytes,
            sha256: written.sha256,
            policy_version: open.policy_version,
            retention: self.how.retention.clone(),
            taken_at_ms: self.how.now_ms,
            taken_by: self.how.by.clone(),
        };
        let path = dir.join(manifest_name);
        let text =
            serde_json::to_string_pretty(&manifest).map_err(|error| file("write", &path)(error.into()))?;
        write_whole(&path, text.as_bytes())?;
        self.taken.last_seq = head.seq;
        self.taken.segments.push(manifest);
        Ok(())
    }

    /// Copies an object that the archive has not yet.
    async fn raw(&mut self, digest: &Digest) -> Result<(), ArchiveError> {
        if self.archive.has_raw(digest) {
            return Ok(());
        }
        let delivery = self.store.get_delivery(*digest).await?;
        let is_delivery = delivery.is_some();
        let bytes = match delivery {
            Some(bytes) => Some(bytes),
            None => self.store.get_raw(*digest).await?,
        };
        if let Some(bytes) = bytes {
            self.archive.put_raw(digest, &RawObject { bytes, is_delivery })?;
            self.taken.raw_objects += 1;
        }
        Ok(())
    }
}

/// The raw objects among `known` that a record names. Wherever a message names one, its 32 bytes stand in the record
/// after their length; that they stand there by chance can be ruled out. So no shape of a message has to be known, and
/// none that comes later is forgotten.
pub(crate) fn named(payload: &[u8], known: &HashSet<Digest>) -> Vec<Digest> {
    if known.is_empty() {
        return Vec::new();
    }
    let after_length = |at: usize| payload.get(at + 1..at + 33)?.try_into().ok();
    let lengths = payload.iter().enumerate().filter(|(_, byte)| **byte == 32);
    lengths.filter_map(|(at, _)| after_length(at)).filter(|digest| known.contains(digest)).collect()
}
