//! A snapshot's file: a line that says what it is, the head, the state in parts, and a SHA-256 over all of it.
//!
//! Head and parts each stand with their length before them (4 bytes, little endian); a length of 0 ends them. Equal
//! states of one commit give equal files.

use std::io::{self, Read, Write};
use std::sync::mpsc::sync_channel;

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use simpang_proto::log::v1::SnapshotHead;

use super::Refusal;

/// What a snapshot's file begins with.
const MAGIC: &[u8] = b"SIMPANG SNAPSHOT 1\n";

/// No part is longer; a length beyond it is damage.
const FRAME_MAX: usize = 64 * 1024 * 1024;

/// Parts that are read ahead of the one being taken in.
const READ_AHEAD: usize = 3;

/// Writes a snapshot whose state `store` gives out in parts; gives its size, bytes, and what it was written to.
pub(super) fn write<W: Write>(
    to: W,
    head: &SnapshotHead,
    store: impl FnOnce(&mut dyn FnMut(Vec<u8>)),
) -> io::Result<(W, u64)> {
    let mut out = Hashing { inner: to, digest: Sha256::new(), bytes: 0 };
    out.put(MAGIC)?;
    out.frame(&head.encode_to_vec())?;
    let mut failed = None;
    store(&mut |part: Vec<u8>| {
        // An empty part would be the end.
        if failed.is_none() && !part.is_empty() {
            failed = out.frame(&part).err();
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    out.put(&0u32.to_le_bytes())?;
    let digest = out.digest.finalize_reset();
    out.put(&digest)?;
    Ok((out.inner, out.bytes))
}

struct Hashing<W> {
    inner: W,
    digest: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.inner.write_all(bytes)
    }

    fn frame(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).ok().filter(|n| *n as usize <= FRAME_MAX);
        let length = length.ok_or_else(|| io::Error::other("a part is longer than a reader takes"))?;
        self.put(&length.to_le_bytes())?;
        self.put(bytes)
    }
}

fn damaged(error: impl std::fmt::Display) -> Refusal {
    Refusal::Damaged(error.to_string())
}

/// Reads a snapshot. One thread reads and hashes, this one lets `load` take in the parts; what it took in counts only
/// once all of the file has the digest it ends with. `wanted` looks at the head before anything else is read.
pub(super) fn read<A, K>(
    from: impl Read + Send,
    wanted: impl FnOnce(&SnapshotHead) -> Result<A, Refusal>,
    load: impl FnOnce(&SnapshotHead, &mut dyn FnMut() -> Option<Vec<u8>>) -> Result<K, Refusal>,
) -> Result<(A, K), Refusal> {
    let mut file = Frames::open(from).map_err(damaged)?;
    let head = file.next().map_err(damaged)?.ok_or_else(|| damaged("it has no head"))?;
    let head = SnapshotHead::decode(&head[..]).map_err(damaged)?;
    let at = match wanted(&head) {
        Ok(at) => at,
        Err(unwanted) => {
            // Unless that is the damage.
            file.pass(|_| ()).map_err(damaged)?;
            return Err(unwanted);
        }
    };
    let (parts, taken) = sync_channel(READ_AHEAD);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            // Whoever takes them in may have had enough; the digest still tells what is wrong.
            file.pass(|part| drop(parts.send(part)))
        });
        let loaded = load(&head, &mut || taken.recv().ok());
        drop(taken);
        let whole = reading.join().unwrap_or_else(|_| Err(io::Error::other("reading it failed")));
        // A file that is not what was written is said to be that, whatever came of taking it in.
        whole.map_err(damaged)?;
        Ok((at, loaded?))
    })
}

struct Frames<R> {
    inner: R,
    digest: Sha256,
}

impl<R: Read> Frames<R> {
    fn open(from: R) -> io::Result<Self> {
        let mut frames = Self { inner: from, digest: Sha256::new() };
        let mut magic = [0; MAGIC.len()];
        frames.take(&mut magic)?;
        if magic == MAGIC { Ok(frames) } else { Err(io::Error::other("it does not begin like a snapshot")) }
    }

    fn take(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(bytes)?;
        self.digest.update(bytes);
        Ok(())
    }

    /// The next frame; none at the end.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut length = [0; 4];
        self.take(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > FRAME_MAX {
            return Err(io::Error::other("a length in it is beyond any part's"));
        }
        let mut bytes = vec![0; length];
        self.take(&mut bytes)?;
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// Hands on every part and checks the digest.
    fn pass(mut self, mut each: impl FnMut(Vec<u8>)) -> io::Result<()> {
        while let Some(part) = self.next()? {
            each(part);
        }
        let found = self.digest.finalize_reset();
        let mut stated = [0; 32];
        self.inner.read_exact(&mut stated)?;
        if found[..] != stated {
            return Err(io::Error::other("its SHA-256 is not the one it ends with"));
        }
        match self.inner.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(io::Error::other("something follows its end")),
        }
    }
}
