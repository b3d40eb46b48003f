//! A few read-only connections to one desk's file.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use simpang_views::ViewsError;
use simpang_views::store::Reader;

/// Connections kept open between reads.
const IDLE_MAX: usize = 8;

/// Readers of one file; those of a file that was replaced are thrown away.
#[derive(Debug)]
pub(crate) struct Pool {
    path: PathBuf,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    generation: u64,
    readers: Vec<Reader>,
}

impl Pool {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    /// Reads on a connection of its own. Blocks: call it on a thread that may.
    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, ViewsError>,
    ) -> Result<T, ViewsError> {
        let (generation, mut reader) = self.take()?;
        let answer = read(&mut reader);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.generation == generation && idle.readers.len() < IDLE_MAX {
            idle.readers.push(reader);
        }
        answer
    }

    fn take(&self) -> Result<(u64, Reader), ViewsError> {
        // Opened under the lock: a file is never opened while it is being replaced.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = match idle.readers.pop() {
            Some(reader) => reader,
            None => Reader::open(&self.path)?,
        };
        Ok((idle.generation, reader))
    }

    /// Replaces the file while nobody opens it; later reads see the new one.
    pub(crate) fn replace<T>(&self, replace: impl FnOnce() -> T) -> T {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.generation += 1;
        idle.readers.clear();
        replace()
    }
}
