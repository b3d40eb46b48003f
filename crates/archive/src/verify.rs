//! Reading an archive back: every file against its SHA-256, every record against the chain, every raw object against
//! its digest, and the archive's end against what the live log has there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use futures_util::{FutureExt, future};
use sha2::{Digest as _, Sha256};
use simpang_log::chain::Digest;
use simpang_log::tail::Body;
use simpang_log::{
    Anchor, AppendError, BoxFuture, CommitError, DeskLog, DeskName, Door, LogError, LogStore, Record,
    RecordStream, Tail,
};

use crate::archived::Archived;
use crate::folder::{Archive, log_error};
use crate::manifest::Manifest;
use crate::segment::Frame;
use crate::{ArchiveError, damaged, file};

/// What an archive that holds was found to hold of a desk.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Desk.
    pub desk: DeskName,
    /// Its segments, in order.
    pub segments: Vec<Manifest>,
    /// Records in them.
    pub records: u64,
    /// Raw objects that the records name, each there and with its digest.
    pub raw_objects: u64,
}

/// How an archive and the live log meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The archive's last sequence; 0: it holds nothing.
    pub archived: u64,
    /// The live log's first sequence.
    pub first_seq: u64,
    /// The live log's last sequence.
    pub last_seq: u64,
}

impl Verified {
    /// What the manifests alone say, with nothing read back: enough to see whether the live log goes on there.
    ///
    /// # Errors
    /// When a manifest can't be read or is missing.
    pub fn unread(archive: &Archive, desk: &DeskName) -> Result<Self, ArchiveError> {
        let segments = archive.segments(desk)?;
        let records = segments.iter().map(|manifest| manifest.records).sum();
        let raw_objects = segments.iter().map(|manifest| manifest.raw_objects).sum();
        Ok(Self { desk: desk.clone(), segments, records, raw_objects })
    }

    /// The archive's last sequence; 0: it holds nothing.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.segments.last().map_or(0, |manifest| manifest.last_seq)
    }

    fn anchor(&self) -> Anchor {
        self.segments.last().and_then(Manifest::anchor).map_or(Anchor::Start, Anchor::Commit)
    }
}

/// Verifies a desk's archive by itself. `progress` is told of every sequence whose chain holds.
///
/// # Errors
/// The first thing that does not hold.
pub async fn verify(
    archive: &Archive,
    desk: &DeskName,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Verified, ArchiveError> {
    let (files, of) = (archive.clone(), desk.clone());
    let checked = tokio::task::spawn_blocking(move || check_files(&files, &of)).await;
    let verified = checked.map_err(|error| file("read", archive.dir())(io::Error::other(error)))??;
    let mut ends: BTreeMap<u64, &Manifest> =
        verified.segments.iter().map(|manifest| (manifest.last_seq, manifest)).collect();
    let log = Alone { desk: desk.clone(), archive: archive.clone(), last: verified.last_seq() };
    let mut tail = Tail::start(Arc::new(log), Anchor::Start);
    tail.leave_out_events();
    while let Some(entry) = tail.read_until(verified.last_seq()).await? {
        progress(entry.seq);
        let Some(manifest) = ends.remove(&entry.seq) else { continue };
        let (Body::Commit { .. }, Anchor::Commit(head)) = (&entry.body, tail.anchor()) else {
            return Err(ends_otherwise(archive, desk, manifest));
        };
        if manifest.anchor() != Some(head) {
            return Err(ends_otherwise(archive, desk, manifest));
        }
    }
    Ok(verified)
}

fn ends_otherwise(archive: &Archive, desk: &DeskName, manifest: &Manifest) -> ArchiveError {
    damaged(&archive.segment_path(desk, manifest), "it does not end with the commit that its manifest names")
}

/// Every file by itself: bytes, frames, raw objects.
fn check_files(archive: &Archive, desk: &DeskName) -> Result<Verified, ArchiveError> {
    let segments = archive.segments(desk)?;
    let mut named = BTreeSet::new();
    for manifest in &segments {
        check_bytes(archive, desk, manifest)?;
        named.append(&mut check_frames(archive, desk, manifest)?);
    }
    for digest in &named {
        if archive.raw(digest)?.is_none() {
            let reason = format!("raw object {} is missing, and records name it", hex::encode(digest));
            return Err(damaged(&archive.dir().join("raw"), reason));
        }
    }
    let records = segments.iter().map(|manifest| manifest.records).sum();
    Ok(Verified { desk: desk.clone(), segments, records, raw_objects: named.len() as u64 })
}

fn check_bytes(archive: &Archive, desk: &DeskName, manifest: &Manifest) -> Result<(), ArchiveError> {
    let path = archive.segment_path(desk, manifest);
    let mut input = File::open(&path).map_err(file("open", &path))?;
    let mut hashed = Hashed(Sha256::new());
    let bytes = io::copy(&mut input, &mut hashed).map_err(file("read", &path))?;
    let sha256 = hex::encode(hashed.0.finalize());
    if bytes != manifest.bytes || sha256 != manifest.sha256 {
        let (expected, digest) = (manifest.bytes, &manifest.sha256);
        return Err(damaged(
            &path,
            format!(
                "it has {bytes} bytes and SHA-256 {sha256}, and its manifest says {expected} and {digest}"
            ),
        ));
    }
    Ok(())
}

struct Hashed(Sha256);

impl Write for Hashed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.update(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The raw objects that a segment names, once it was read to its end.
fn check_frames(
    archive: &Archive,
    desk: &DeskName,
    manifest: &Manifest,
) -> Result<BTreeSet<Digest>, ArchiveError> {
    let mut reader = archive.reader(desk, manifest)?;
    let (mut named, mut times) = (BTreeSet::new(), None);
    while let Some(frame) = reader.next()? {
        match frame {
            Frame::Record(record) => {
                times = Some((times.map_or(record.at_ms, |(first, _)| first), record.at_ms));
            }
            Frame::Raw(digest) => {
                named.insert(digest);
            }
        }
    }
    if times != Some((manifest.first_at_ms, manifest.last_at_ms))
        || named.len() as u64 != manifest.raw_objects
    {
        let path = archive.segment_path(desk, manifest);
        return Err(damaged(
            &path,
            "its times or the number of its raw objects are not those of its manifest",
        ));
    }
    Ok(named)
}

/// Whether the live log goes on where a verified archive ends: the same commit stands there, and the next follows it.
///
/// # Errors
/// When records are in neither, or the live log is not the one that was archived.
pub async fn join(
    archive: &Archive,
    live: &Arc<dyn LogStore>,
    verified: &Verified,
) -> Result<Joined, ArchiveError> {
    let log = live.open(&verified.desk).await?;
    let joined = Joined {
        archived: verified.last_seq(),
        first_seq: log.first_seq().await?,
        last_seq: log.last_seq().await?,
    };
    if joined.archived > joined.last_seq {
        let reason = format!(
            "it holds records up to sequence {}, and the live log ends at {}: that is another log, or one that lost its \
             tail",
            joined.archived, joined.last_seq
        );
        return Err(damaged(&archive.desk_dir(&verified.desk), reason));
    }
    let both = Archived::new(live.clone(), archive.clone()).open(&verified.desk).await?;
    let mut tail = Tail::start(both, verified.anchor());
    tail.leave_out_events();
    while let Some(entry) = tail.read_until(joined.last_seq).await? {
        if matches!(entry.body, Body::Commit { .. }) && entry.seq > joined.archived {
            break;
        }
    }
    Ok(joined)
}

/// A desk's log that is nothing but its archive.
#[derive(Debug)]
struct Alone {
    desk: DeskName,
    archive: Archive,
    last: u64,
}

/// What writers are told.
const READ_ONLY: &str = "an archive is only read";

impl DeskLog for Alone {
    fn desk(&self) -> &DeskName {
        &self.desk
    }

    fn append(&self, _: Door, _: bytes::Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        future::ready(Err(AppendError::Refused(READ_ONLY.into()))).boxed()
    }

    fn commit(&self, _: bytes::Bytes, _: u64) -> BoxFuture<'_, Result<u64, CommitError>> {
        future::ready(Err(CommitError::Refused(READ_ONLY.into()))).boxed()
    }

    fn last_commit(&self) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.get(self.last)
    }

    fn get(&self, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        let found = self.archive.get(&self.desk, seq).map_err(|error| log_error(&self.desk, &error));
        future::ready(found).boxed()
    }

    fn first_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        future::ready(Ok(1)).boxed()
    }

    fn last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        future::ready(Ok(self.last)).boxed()
    }

    fn trim(&self, _: u64) -> BoxFuture<'_, Result<(), LogError>> {
        let (desk, reason) = (self.desk.to_string(), READ_ONLY.to_owned());
        future::ready(Err(LogError::NotTrimmed { desk, reason })).boxed()
    }

    fn losses(&self) -> u64 {
        0
    }

    fn read(&self, from: u64) -> BoxFuture<'_, Result<RecordStream, LogError>> {
        let records = self.archive.read(&self.desk, from.max(1), self.last + 1);
        future::ready(records.map_err(|error| log_error(&self.desk, &error))).boxed()
    }
}
