//! An archive's folder: which segments it holds, and its raw objects.

use std::fmt::{self, Debug};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use simpang_log::chain::{self, Digest};
use simpang_log::{DeskName, LogError, Record, RecordStream};
use tokio::sync::mpsc;

use crate::manifest::Manifest;
use crate::segment::{Frame, Reader};
use crate::{ArchiveError, damaged, file};

/// Records that are handed over at once, and how many such parcels wait to be read.
const PARCEL: usize = 256;
const PARCELS: usize = 4;

/// A folder that desks' logs are archived to. Cheap to clone. Every question looks at the files as they are, but for
/// single records: who asks for one asks for others near it, so the segment that was read last is kept.
#[derive(Clone)]
pub struct Archive {
    dir: PathBuf,
    kept: Arc<Mutex<Option<Kept>>>,
}

/// A segment in memory.
struct Kept {
    desk: DeskName,
    first_seq: u64,
    records: Vec<Record>,
}

impl Kept {
    fn get(&self, desk: &DeskName, seq: u64) -> Option<&Record> {
        let index = usize::try_from(seq.checked_sub(self.first_seq)?).ok()?;
        self.records.get(index).filter(|_| self.desk == *desk)
    }
}

impl Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// A raw object out of the archive; its digest was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawObject {
    /// Its bytes.
    pub bytes: Bytes,
    /// It is what a channel delivered, as in `LogStore::put_delivery`.
    pub is_delivery: bool,
}

impl Archive {
    /// An archive in a folder, which need not be there yet.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), kept: Arc::default() }
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn desk_dir(&self, desk: &DeskName) -> PathBuf {
        self.dir.join(desk.as_str())
    }

    /// Desks with segments here, sorted. `raw` is no desk: it holds no manifests.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn desks(&self) -> Result<Vec<DeskName>, ArchiveError> {
        let mut desks = Vec::new();
        for name in names(&self.dir)? {
            let Ok(desk) = DeskName::new(&name) else { continue };
            if names(&self.desk_dir(&desk))?.iter().any(|name| is_manifest(name)) {
                desks.push(desk);
            }
        }
        desks.sort();
        Ok(desks)
    }

    /// The segments of a desk from the beginning of its log on, without a gap.
    ///
    /// # Errors
    /// When a manifest can't be read, or one is missing or does not follow the one before.
    pub fn segments(&self, desk: &DeskName) -> Result<Vec<Manifest>, ArchiveError> {
        let dir = self.desk_dir(desk);
        let mut found = Vec::new();
        for name in names(&dir)?.into_iter().filter(|name| is_manifest(name)) {
            let path = dir.join(&name);
            let text = fs::read(&path).map_err(file("read", &path))?;
            let manifest: Manifest = serde_json::from_slice(&text)
                .map_err(|error| damaged(&path, format!("it is no manifest: {error}")))?;
            if let Some(fault) = manifest.fault(desk, &name) {
                return Err(damaged(&path, fault));
            }
            found.push(manifest);
        }
        found.sort_by_key(|manifest| (manifest.first_seq, manifest.last_seq));
        let mut before = None;
        for manifest in &found {
            if let Some(gap) = manifest.gap(before) {
                let path = dir.join(Manifest::names(manifest.first_seq, manifest.last_seq).1);
                return Err(damaged(&path, gap));
            }
            before = Some(manifest);
        }
        Ok(found)
    }

    /// Where the segment of a manifest stands.
    pub(crate) fn segment_path(&self, desk: &DeskName, manifest: &Manifest) -> PathBuf {
        self.desk_dir(desk).join(Manifest::names(manifest.first_seq, manifest.last_seq).0)
    }

    pub(crate) fn reader(&self, desk: &DeskName, manifest: &Manifest) -> Result<Reader, ArchiveError> {
        Reader::open(desk, self.segment_path(desk, manifest), manifest)
    }

    /// The record at a sequence, if it is archived.
    ///
    /// # Errors
    /// When the archive is damaged before it.
    pub fn get(&self, desk: &DeskName, seq: u64) -> Result<Option<Record>, ArchiveError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = kept.as_ref().and_then(|kept| kept.get(desk, seq)) {
            return Ok(Some(record.clone()));
        }
        let segments = self.segments(desk)?;
        let Some(manifest) = segments.iter().find(|m| (m.first_seq..=m.last_seq).contains(&seq)) else {
            return Ok(None);
        };
        let mut records = Vec::new();
        self.records(desk, std::slice::from_ref(manifest), |record| {
            records.push(record);
            true
        })?;
        let read = kept.insert(Kept { desk: desk.clone(), first_seq: manifest.first_seq, records });
        Ok(read.get(desk, seq).cloned())
    }

    /// Records from `from` up to `until`, which does not come any more. All of them must be archived.
    ///
    /// # Errors
    /// When some are not.
    pub fn read(&self, desk: &DeskName, from: u64, until: u64) -> Result<RecordStream, ArchiveError> {
        let mut segments = self.segments(desk)?;
        let last = segments.last().map_or(0, |manifest| manifest.last_seq);
        if until > last + 1 {
            let reason = format!(
                "it holds desk {desk} up to sequence {last}, and the live log begins at {until}: what stands between is in \
                 neither; look whether log.archive names the folder that the desk was archived to"
            );
            return Err(damaged(&self.desk_dir(desk), reason));
        }
        segments.retain(|manifest| manifest.last_seq >= from && manifest.first_seq < until);
        let (parcels, read) = mpsc::channel(PARCELS);
        let (archive, desk) = (self.clone(), desk.clone());
        tokio::task::spawn_blocking(move || archive.send(&desk, &segments, from..until, &parcels));
        let records = stream::unfold(read, |mut read| async { Some((read.recv().await?, read)) });
        Ok(records.flat_map(stream::iter).boxed())
    }

    /// Sends records in parcels until the end, an error, or nobody wants more.
    fn send(
        &self,
        desk: &DeskName,
        segments: &[Manifest],
        wanted: std::ops::Range<u64>,
        parcels: &mpsc::Sender<Vec<Result<Record, LogError>>>,
    ) {
        let mut parcel = Vec::with_capacity(PARCEL);
        let sent = self.records(desk, segments, |record| {
            if wanted.contains(&record.seq) {
                parcel.push(Ok(record));
            }
            parcel.len() < PARCEL || parcels.blocking_send(std::mem::take(&mut parcel)).is_ok()
        });
        if let Err(error) = sent {
            parcel.push(Err(log_error(desk, &error)));
        }
        let _ = parcels.blocking_send(parcel);
    }

    /// Hands out the records of segments until `take` has enough.
    fn records(
        &self,
        desk: &DeskName,
        segments: &[Manifest],
        mut take: impl FnMut(Record) -> bool,
    ) -> Result<(), ArchiveError> {
        for manifest in segments {
            let mut reader = self.reader(desk, manifest)?;
            while let Some(frame) = reader.next()? {
                if let Frame::Record(record) = frame
                    && !take(record)
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Where an object stands, as what a channel delivered or as anything else.
    fn raw_path(&self, digest: &Digest, is_delivery: bool) -> PathBuf {
        let name = hex::encode(digest);
        let ending = if is_delivery { "delivery.gz" } else { "gz" };
        self.dir.join("raw").join(&name[..2]).join(format!("{name}.{ending}"))
    }

    /// Whether something is kept under a digest.
    #[must_use]
    pub fn has_raw(&self, digest: &Digest) -> bool {
        [false, true].into_iter().any(|is_delivery| self.raw_path(digest, is_delivery).is_file())
    }

    /// The digests of all raw objects that are kept, sorted.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn list_raw(&self) -> Result<Vec<Digest>, ArchiveError> {
        let dir = self.dir.join("raw");
        let mut found = Vec::new();
        for folder in names(&dir)? {
            for name in names(&dir.join(folder))? {
                let Some((digest, "gz" | "delivery.gz")) = name.split_once('.') else { continue };
                let mut bytes = [0; 32];
                if hex::decode_to_slice(digest, &mut bytes).is_ok() {
                    found.push(bytes);
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// An object by its digest; `None` when it is not kept.
    ///
    /// # Errors
    /// When its bytes can't be read or do not have the digest.
    pub fn raw(&self, digest: &Digest) -> Result<Option<RawObject>, ArchiveError> {
        for is_delivery in [false, true] {
            let path = self.raw_path(digest, is_delivery);
            let packed = match File::open(&path) {
                Ok(packed) => packed,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(file("open", &path)(error)),
            };
            let mut bytes = Vec::new();
            let read = GzDecoder::new(packed).read_to_end(&mut bytes);
            read.map_err(|error| damaged(&path, format!("it can't be read to its end: {error}")))?;
            if chain::digest(&bytes) != *digest {
                return Err(damaged(&path, "its bytes do not have the digest in its name"));
            }
            return Ok(Some(RawObject { bytes: bytes.into(), is_delivery }));
        }
        Ok(None)
    }

    /// Keeps an object; one that is there stays as it is.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_raw(&self, digest: &Digest, object: &RawObject) -> Result<(), ArchiveError> {
        if self.has_raw(digest) {
            return Ok(());
        }
        let path = self.raw_path(digest, object.is_delivery);
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        let packed = packed.write_all(&object.bytes).and_then(|()| packed.finish());
        write_whole(&path, &packed.map_err(file("pack", &path))?)
    }
}

/// Writes a file under another name, brings it to the disk and gives it its name: it is there whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ArchiveError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(file("make", dir))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = dir.join(format!("{name}.part"));
    let write = || {
        let mut out = File::create(&unfinished)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(file("write", path))?;
    sync_dir(dir)
}

/// Brings a folder's list of names to the disk.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), ArchiveError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(file("write", dir))
}

/// A damaged or absent archive as an error of the log that is read through it.
pub(crate) fn log_error(desk: &DeskName, error: &ArchiveError) -> LogError {
    match error {
        ArchiveError::Log(error) => error.clone(),
        other => LogError::Broken { desk: desk.to_string(), seq: 0, reason: format!("archive: {other}") },
    }
}

fn is_manifest(name: &str) -> bool {
    name.ends_with(".json")
}

/// Names in a folder; none when it is not there.
fn names(dir: &Path) -> Result<Vec<String>, ArchiveError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(file("read", dir)(error)),
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    names.collect::<Result<Vec<_>, _>>().map_err(file("read", dir))
}
