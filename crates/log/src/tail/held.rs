//! The inputs that a reader has seen and that no commit has judged yet: the next commit's `inputs_digest` is over
//! the first of them, and how many it will be is not known before. Bounded: beyond a number of bytes they are read
//! again from the log when the commit comes.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt;

use crate::backoff::Backoff;
use crate::chain::{Digest, InputsDigest};
use crate::port::{DeskLog, DeskName, Door, LogError, Record, RecordKind};

pub(super) struct HeldInputs {
    records: VecDeque<(u64, Door, Bytes)>,
    bytes: usize,
    bytes_max: usize,
    /// The first sequence that is seen but not held, once there is no room.
    missing_from: Option<u64>,
    digest: InputsDigest,
}

impl HeldInputs {
    pub(super) fn new(desk: &DeskName, bytes_max: usize) -> Self {
        let digest = InputsDigest::new(desk);
        Self { records: VecDeque::new(), bytes: 0, bytes_max, missing_from: None, digest }
    }

    #[cfg(test)]
    pub(super) fn set_bytes_max(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// Keeps an input, or remembers that it did not.
    pub(super) fn push(&mut self, seq: u64, door: Door, payload: &Bytes) {
        if self.missing_from.is_some() {
            return;
        }
        if self.bytes + payload.len() > self.bytes_max {
            self.missing_from = Some(seq);
            return;
        }
        self.bytes += payload.len();
        self.records.push_back((seq, door, payload.clone()));
    }

    /// Takes the inputs up to `decided` into the digest; `seen` is the last sequence that was pushed or passed.
    /// Dropping the future loses nothing: it goes on where it was.
    pub(super) async fn absorb_through(
        &mut self,
        decided: u64,
        seen: u64,
        log: &dyn DeskLog,
    ) -> Result<(), LogError> {
        while let Some((seq, door, payload)) = self.records.pop_front_if(|(seq, ..)| *seq <= decided) {
            self.bytes -= payload.len();
            self.digest.absorb(seq, door, &payload);
        }
        let mut backoff = Backoff::new();
        while self.missing_from.is_some_and(|from| from <= decided) {
            backoff.due().await;
            match self.read_again(decided, seen, log).await {
                Err(error) if error.is_transient() => backoff.failed(),
                done => done?,
            }
        }
        Ok(())
    }

    /// Reads what was not held, takes what is decided into the digest and holds of the rest what there is room for.
    async fn read_again(&mut self, decided: u64, seen: u64, log: &dyn DeskLog) -> Result<(), LogError> {
        let Some(from) = self.missing_from else { return Ok(()) };
        let mut records = log.read(from).await?;
        while let Some(record) = records.next().await {
            let Record { seq, kind, payload, .. } = record?;
            self.missing_from = None;
            match kind {
                RecordKind::Input(door) if seq <= decided => self.digest.absorb(seq, door, &payload),
                RecordKind::Input(door) => self.push(seq, door, &payload),
                RecordKind::Commit => {}
            }
            if self.missing_from.is_some() || seq >= seen {
                return Ok(());
            }
            self.missing_from = Some(seq + 1);
        }
        let (desk, reason) = (log.desk().to_string(), "the stream of records ended".to_owned());
        Err(LogError::Unavailable { desk, reason })
    }

    /// The last sequence absorbed (0: none) and the digest; begins anew.
    pub(super) fn finish(&mut self) -> (u64, Digest) {
        (self.digest.absorbed_through(), self.digest.finish())
    }
}
