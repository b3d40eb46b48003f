//! Files that come by themselves, piece by piece, before a message or an answer names them. Nothing is written before
//! the last piece is there, so that a file that broke off leaves nothing behind.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use simpang_proto::ingest::v1 as api;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::Status;

use crate::counters::{self, Later, Reason, Source};
use crate::intake::{Away, Digest, Intake};

/// Most bytes of a file, unless it is set otherwise.
pub const ATTACHMENT_BYTES: usize = 25 << 20;
/// Files on their way at once: so many times their size of memory is theirs at most.
const OPEN_MAX: usize = 8;
/// How long a sender may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a file may take.
const WHOLE: Duration = Duration::from_secs(600);

/// How much may be under way.
#[derive(Debug)]
pub(crate) struct Uploads {
    open: Semaphore,
    bytes_max: usize,
}

impl Uploads {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { open: Semaphore::new(OPEN_MAX), bytes_max }
    }
}

impl Default for Uploads {
    fn default() -> Self {
        Self::new(ATTACHMENT_BYTES)
    }
}

/// A file that is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// Why a file is not kept.
#[derive(Debug)]
pub(crate) enum NotKept {
    /// It is over the limit.
    TooLarge(String),
    /// It is not what was announced.
    Invalid(String),
    /// It broke off.
    Broken(String),
    /// Not now.
    Away(Later, String),
}

impl From<Away> for NotKept {
    fn from(away: Away) -> Self {
        Self::Away(away.later(), away.to_string())
    }
}

impl NotKept {
    /// gRPC's word for it.
    pub(crate) fn status(self) -> Status {
        match self {
            Self::TooLarge(detail) => Status::resource_exhausted(detail),
            Self::Invalid(detail) => Status::invalid_argument(detail),
            Self::Broken(detail) => Status::aborted(detail),
            Self::Away(_, detail) => Status::unavailable(detail),
        }
    }
}

/// Takes one file in. `pieces` ends with an error when the sender broke off.
pub(crate) async fn take<S, E>(intake: &Intake, begin: &api::BeginUpload, pieces: S) -> Result<Kept, NotKept>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<NotKept>,
{
    let taken = take_counted(intake, begin, pieces).await;
    match &taken {
        Ok(_) => counters::accepted(Source::Attachment, 1),
        Err(NotKept::TooLarge(_)) => counters::refused(Source::Attachment, Reason::TooLarge),
        Err(NotKept::Invalid(_)) => counters::refused(Source::Attachment, Reason::Invalid),
        Err(NotKept::Broken(_)) => counters::refused(Source::Attachment, Reason::Broken),
        Err(NotKept::Away(why, _)) => counters::deferred(Source::Attachment, *why),
    }
    taken
}

async fn take_counted<S, E>(intake: &Intake, begin: &api::BeginUpload, pieces: S) -> Result<Kept, NotKept>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<NotKept>,
{
    let uploads = &intake.uploads;
    check(begin, uploads.bytes_max)?;
    let Ok(_turn) = uploads.open.try_acquire() else {
        return Err(NotKept::Away(
            Later::Busy,
            format!("{OPEN_MAX} files are on their way: send the same again"),
        ));
    };
    let until = Instant::now() + WHOLE;
    let whole = timeout_at(until, gather(pieces, uploads.bytes_max)).await;
    let bytes = whole.map_err(|_| NotKept::Broken(format!("the file took over {} s", WHOLE.as_secs())))??;
    keep(intake, begin, bytes).await
}

fn check(begin: &api::BeginUpload, most: usize) -> Result<(), NotKept> {
    if begin.size > most as u64 {
        return Err(too_large(most));
    }
    if !begin.digest.is_empty() && begin.digest.len() != 32 {
        return Err(NotKept::Invalid("`begin.digest` is no SHA-256: it has 32 bytes".to_owned()));
    }
    Ok(())
}

fn too_large(most: usize) -> NotKept {
    NotKept::TooLarge(format!(
        "the file is over {most} bytes: keep it where people can reach it and send the link"
    ))
}

async fn gather<S, E>(mut pieces: S, most: usize) -> Result<Bytes, NotKept>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<NotKept>,
{
    let mut bytes = BytesMut::new();
    loop {
        let next = timeout(SILENCE, pieces.next()).await;
        let silent =
            |_| NotKept::Broken(format!("nothing came for {} s: send the file again", SILENCE.as_secs()));
        match next.map_err(silent)? {
            None => return Ok(bytes.freeze()),
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(piece)) if bytes.len() + piece.len() > most => return Err(too_large(most)),
            Some(Ok(piece)) => bytes.extend_from_slice(&piece),
        }
    }
}

async fn keep(intake: &Intake, begin: &api::BeginUpload, bytes: Bytes) -> Result<Kept, NotKept> {
    let size = bytes.len() as u64;
    if size == 0 {
        return Err(NotKept::Invalid("the file has no bytes".to_owned()));
    }
    if begin.size != 0 && begin.size != size {
        let announced = begin.size;
        return Err(NotKept::Invalid(format!(
            "the file has {size} bytes, {announced} were announced: send it again"
        )));
    }
    if !begin.digest.is_empty() && begin.digest != simpang_log::chain::digest(&bytes) {
        let reason =
            "the bytes do not have the digest that was announced: something changed them, send them again";
        return Err(NotKept::Invalid(reason.to_owned()));
    }
    let digest = intake.keep(bytes).await?;
    Ok(Kept { digest, size })
}
