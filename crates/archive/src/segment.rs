//! The file of a segment: gzip over a line that names the layout, then frames, then the frame that ends them.
//!
//! | frame | bytes |
//! |---|---|
//! | record | 1; sequence (8 bytes, big endian); broker's time, ms (8); length of the subject (2), subject; length of the payload (4), payload |
//! | raw object | 2; SHA-256 (32), right after the first record that names it |
//! | end | 0; records (8) |

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use simpang_log::chain::Digest;
use simpang_log::{DeskName, Record, RecordKind};

use crate::manifest::Manifest;
use crate::{ArchiveError, damaged, file};

const HEAD: &[u8] = b"simpang archive 1\n";
const END: u8 = 0;
const RECORD: u8 = 1;
const RAW: u8 = 2;
/// No subject is longer.
const SUBJECT_MAX: usize = 256;
/// No broker carries more in a message.
const PAYLOAD_MAX: usize = 64 * 1024 * 1024;

/// What stands in a segment.
#[derive(Debug)]
pub(crate) enum Frame {
    Record(Record),
    Raw(Digest),
}

/// A file whose bytes are counted and hashed as they are written.
struct Hashing {
    out: BufWriter<File>,
    hasher: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let count = self.out.write(buf)?;
        self.hasher.update(&buf[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A segment that is being written, under a name that no reader looks for.
pub(crate) struct Writer {
    desk: DeskName,
    path: PathBuf,
    out: GzEncoder<Hashing>,
    named: BTreeSet<Digest>,
    pub(crate) records: u64,
    /// Bytes of payloads so far.
    pub(crate) payload_bytes: u64,
}

/// What became of a segment's file.
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) records: u64,
    pub(crate) raw_objects: u64,
}

impl Writer {
    pub(crate) fn begin(desk: &DeskName, path: PathBuf) -> Result<Self, ArchiveError> {
        let out = File::create(&path).map_err(file("make", &path))?;
        let out = Hashing { out: BufWriter::new(out), hasher: Sha256::new(), bytes: 0 };
        let mut out = GzEncoder::new(out, Compression::default());
        out.write_all(HEAD).map_err(file("write", &path))?;
        Ok(Self { desk: desk.clone(), path, out, named: BTreeSet::new(), records: 0, payload_bytes: 0 })
    }

    pub(crate) fn record(&mut self, record: &Record, names: &[Digest]) -> Result<(), ArchiveError> {
        self.frames(record, names).map_err(file("write", &self.path))
    }

    fn frames(&mut self, record: &Record, names: &[Digest]) -> io::Result<()> {
        let subject = record.kind.subject(&self.desk);
        let too_long = |_| io::Error::other("a record is longer than the layout knows");
        let subject_length = u16::try_from(subject.len()).map_err(too_long)?;
        let payload_length = u32::try_from(record.payload.len()).map_err(too_long)?;
        self.out.write_all(&[RECORD])?;
        self.out.write_all(&record.seq.to_be_bytes())?;
        self.out.write_all(&record.at_ms.to_be_bytes())?;
        self.out.write_all(&subject_length.to_be_bytes())?;
        self.out.write_all(subject.as_bytes())?;
        self.out.write_all(&payload_length.to_be_bytes())?;
        self.out.write_all(&record.payload)?;
        self.records += 1;
        self.payload_bytes += record.payload.len() as u64;
        for digest in names {
            if self.named.insert(*digest) {
                self.out.write_all(&[RAW])?;
                self.out.write_all(digest)?;
            }
        }
        Ok(())
    }

    /// Ends the file, brings it to the disk and gives it its name.
    pub(crate) fn finish(self, to: &Path) -> Result<Written, ArchiveError> {
        let Self { path, out, records, named, .. } = self;
        let (bytes, sha256) = end(out, records).map_err(file("write", &path))?;
        std::fs::rename(&path, to).map_err(file("name", to))?;
        Ok(Written { bytes, sha256, records, raw_objects: named.len() as u64 })
    }
}

fn end(mut out: GzEncoder<Hashing>, records: u64) -> io::Result<(u64, String)> {
    out.write_all(&[END])?;
    out.write_all(&records.to_be_bytes())?;
    let mut out = out.finish()?;
    out.flush()?;
    out.out.get_ref().sync_all()?;
    Ok((out.bytes, hex::encode(out.hasher.finalize())))
}

/// The frames of a segment, in order. After an error nothing comes.
pub(crate) struct Reader {
    desk: DeskName,
    path: PathBuf,
    input: BufReader<GzDecoder<BufReader<File>>>,
    next: u64,
    first: u64,
    last: u64,
    ended: bool,
}

impl Reader {
    pub(crate) fn open(desk: &DeskName, path: PathBuf, manifest: &Manifest) -> Result<Self, ArchiveError> {
        let input = File::open(&path).map_err(file("open", &path))?;
        let mut input = BufReader::new(GzDecoder::new(BufReader::new(input)));
        let mut head = [0; HEAD.len()];
        input.read_exact(&mut head).map_err(|error| unreadable(&path, &error))?;
        if head != HEAD {
            return Err(damaged(&path, "it does not begin as a segment does"));
        }
        let (first, last) = (manifest.first_seq, manifest.last_seq);
        Ok(Self { desk: desk.clone(), path, input, next: first, first, last, ended: false })
    }

    /// The next frame; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, ArchiveError> {
        if self.ended {
            return Ok(None);
        }
        match self.bytes::<1>()? {
            [RECORD] => self.record().map(|record| Some(Frame::Record(record))),
            [RAW] => Ok(Some(Frame::Raw(self.bytes()?))),
            [END] => self.end().map(|()| None),
            [other] => Err(damaged(&self.path, format!("there is no frame {other}"))),
        }
    }

    fn record(&mut self) -> Result<Record, ArchiveError> {
        let seq = u64::from_be_bytes(self.bytes()?);
        let at_ms = i64::from_be_bytes(self.bytes()?);
        let length = usize::from(u16::from_be_bytes(self.bytes()?));
        let subject = self.blob(length, SUBJECT_MAX)?;
        let length = usize::try_from(u32::from_be_bytes(self.bytes()?)).unwrap_or(usize::MAX);
        let payload = Bytes::from(self.blob(length, PAYLOAD_MAX)?);
        if seq != self.next || seq > self.last {
            return Err(damaged(&self.path, format!("sequence {seq} stands where {} has to", self.next)));
        }
        self.next += 1;
        let kind = str::from_utf8(&subject).ok().and_then(|text| RecordKind::of_subject(text, &self.desk));
        let kind = kind.ok_or_else(|| {
            damaged(&self.path, format!("sequence {seq} has a subject that desk {} has not", self.desk))
        })?;
        Ok(Record { seq, at_ms, kind, payload })
    }

    fn end(&mut self) -> Result<(), ArchiveError> {
        let records = u64::from_be_bytes(self.bytes()?);
        if self.next != self.last + 1 || records != self.next - self.first {
            let (next, last) = (self.next, self.last);
            return Err(damaged(
                &self.path,
                format!("it ends before sequence {next}, and {last} is its last"),
            ));
        }
        // The checksum stands at the very end.
        let rest = self.input.read(&mut [0; 1]).map_err(|error| unreadable(&self.path, &error))?;
        if rest > 0 {
            return Err(damaged(&self.path, "something stands after its end"));
        }
        self.ended = true;
        Ok(())
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], ArchiveError> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|error| unreadable(&self.path, &error))?;
        Ok(bytes)
    }

    fn blob(&mut self, length: usize, most: usize) -> Result<Vec<u8>, ArchiveError> {
        if length > most {
            return Err(damaged(
                &self.path,
                format!("a field of {length} bytes can't be, {most} is the most"),
            ));
        }
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes).map_err(|error| unreadable(&self.path, &error))?;
        Ok(bytes)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> ArchiveError {
    damaged(path, format!("it can't be read to its end: {error}"))
}
