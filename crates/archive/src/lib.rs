//! The archive of closed periods: records of desks' logs and raw objects in files, so that the live log may be pruned
//! and everything still be read (L2, M12). Floor 4: it imports `simpang-log` and nothing else of ours; it knows files
//! and what a record is, no broker and no meaning.
//!
//! ```text
//! <archive>/<desk>/<first>-<last>.records.gz   consecutive records, ending with a commit
//! <archive>/<desk>/<first>-<last>.json         the manifest: what the file holds, and its SHA-256
//! <archive>/raw/<ab>/<digest>.gz               a raw object that archived records name
//! ```
//!
//! [`take()`] writes, [`verify()`] reads everything back and checks it, [`prune()`] removes from the live log what a verified
//! archive holds, and [`Archived`] lets every reader read through both. Nothing in an archive is ever changed; what
//! stands in it is believed as little as the live log, since every reader checks the chain.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod archived;
mod folder;
mod manifest;
pub mod prune;
mod segment;
pub mod take;
pub mod verify;

use std::io;
use std::path::{Path, PathBuf};

use simpang_log::LogError;
use thiserror::Error;

pub use archived::Archived;
pub use folder::{Archive, RawObject};
pub use manifest::{LastCommit, Manifest, Retention};
pub use prune::{Pruned, prune, prune_raw};
pub use take::{Taken, Taking, take};
pub use verify::{Joined, Verified, join, verify};

/// The layout of segments and manifests that this program writes, and the highest it reads.
pub const FORMAT: u32 = 1;

/// Something that keeps an archive from being written, read or believed.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// A file can't be read or written.
    #[error("can't {what} {path}: {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive is not what was written: never prune by it, restore it from a copy.
    #[error("{path}: {reason}; restore it from a copy of the archive")]
    Damaged {
        /// Which file or folder.
        path: PathBuf,
        /// What was expected and what is there.
        reason: String,
    },
    /// The log can't be read, or its chain does not hold, or it does not let itself be trimmed.
    #[error("{0}")]
    Log(#[from] LogError),
    /// Nothing was removed from the live log, because something does not hold.
    #[error("nothing was pruned: {0}")]
    NotPruned(String),
}

fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |source| ArchiveError::File { what, path, source }
}

fn damaged(path: &Path, reason: impl Into<String>) -> ArchiveError {
    ArchiveError::Damaged { path: path.to_owned(), reason: reason.into() }
}
