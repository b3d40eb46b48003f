//! Loads a campaign's list: rows in, one verdict a row out, in the list's order. Good rows load though others are bad;
//! a row that was loaded before is known to the desk by its key, so that the same list may be loaded again.
//!
//! Memory is bounded: pieces, rows and verdicts pass through short channels, and what is kept of a row that was read
//! is its key and number, under a hundred bytes.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use simpang_channels::calls::{CallList, ListError, Row};
use simpang_log::DeskName;
use simpang_log::appender::Place;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

use crate::counters::{self, Later, Reason, Source};
use crate::intake::{Away, Intake};
use crate::mapping::{Load, Loaded, contact_input};
use crate::ticket::Ticket;

/// Rows that wait for the log's acknowledgement.
const WINDOW_ROWS: usize = 2_000;
/// Most rows of one list.
const ROWS_MAX: u64 = 2_000_000;

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// On the desk's log under this key; with what could not be used of it.
    Accepted { line: u64, key: String, remark: String, place: Place },
    /// A repeat within the list.
    Duplicate { line: u64, of_line: u64 },
    /// May not be called.
    Suppressed { line: u64, reason: String },
    /// No contact.
    Invalid { line: u64, reason: String },
}

impl Verdict {
    /// Line of the list.
    pub(crate) fn line(&self) -> u64 {
        match self {
            Self::Accepted { line, .. }
            | Self::Duplicate { line, .. }
            | Self::Suppressed { line, .. }
            | Self::Invalid { line, .. } => *line,
        }
    }
}

/// Why a list was not loaded to its end.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The log went away.
    Away(Away),
    /// It has too many rows.
    TooLong,
}

impl Stopped {
    /// gRPC's word for it, given how many rows were loaded.
    pub(crate) fn status(self, loaded: u64) -> Status {
        match self {
            Self::Away(away) => Status::unavailable(format!("the list was loaded in part: {away}")),
            Self::TooLong => Status::resource_exhausted(format!(
                "a list has at most {ROWS_MAX} rows; {loaded} contacts were loaded: load the rest as another list"
            )),
        }
    }
}

impl From<Away> for Stopped {
    fn from(away: Away) -> Self {
        Self::Away(away)
    }
}

/// Rows of a list whose header was read; `None` in place of a row: there are too many.
pub(crate) type Rows = mpsc::Receiver<Option<Row>>;

/// Reads a list as its pieces come, on a thread of its own: numbers take a while to check. Answers when the header was
/// read; nothing is loaded yet.
pub(crate) async fn open(pieces: mpsc::Receiver<Vec<u8>>) -> Result<Rows, ListError> {
    let (rows, received) = mpsc::channel(WINDOW_ROWS);
    let (opened, header) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let list = match CallList::new(Pieces { pieces, piece: Vec::new(), at: 0 }) {
            Ok(list) => list,
            Err(error) => return drop(opened.send(Err(error))),
        };
        if opened.send(Ok(())).is_ok() {
            read(list, &rows);
        }
    });
    let gone = || ListError::Io(std::io::Error::other("the reader of the list came to no end"));
    header.await.unwrap_or_else(|_| Err(gone()))?;
    Ok(received)
}

fn read(list: CallList<Pieces>, rows: &mpsc::Sender<Option<Row>>) {
    // A pipe can always be read, so the list ends only at its end.
    for (number, row) in (1..).zip(list.map_while(Result::ok)) {
        let row = (number <= ROWS_MAX).then_some(row);
        let is_last = row.is_none();
        if rows.blocking_send(row).is_err() || is_last {
            return;
        }
    }
}

/// Pieces of a list as one text.
struct Pieces {
    pieces: mpsc::Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.piece.len() {
            match self.pieces.blocking_recv() {
                Some(piece) => (self.piece, self.at) = (piece, 0),
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len() - self.at);
        buffer[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// A row on its way.
enum Pending {
    Queued { line: u64, key: String, remark: String, ticket: Ticket },
    Judged(Verdict),
}

/// Loads a list into a campaign of a desk; verdicts go out in the list's order. Ends early when nobody takes them.
///
/// # Errors
/// When the log is away: the rows after the last verdict may or may not be loaded; or when there are too many rows.
pub(crate) async fn load(
    intake: Arc<Intake>,
    desk: DeskName,
    load: Load,
    mut rows: Rows,
    verdicts: mpsc::Sender<Verdict>,
) -> Result<(), Stopped> {
    let mut pending: VecDeque<Pending> = VecDeque::new();
    let mut too_long = false;
    while let Some(row) = rows.recv().await {
        let Some(row) = row else {
            too_long = true;
            break;
        };
        pending.push_back(queue(&intake, &desk, &load, row).await?);
        let full = pending.len() >= WINDOW_ROWS;
        if full && !settle(pending.pop_front(), &verdicts).await? {
            return Ok(());
        }
    }
    while let Some(next) = pending.pop_front() {
        if !settle(Some(next), &verdicts).await? {
            return Ok(());
        }
    }
    if too_long { Err(Stopped::TooLong) } else { Ok(()) }
}

async fn queue(intake: &Intake, desk: &DeskName, load: &Load, row: Row) -> Result<Pending, Away> {
    let contact = match row {
        Row::Accepted(contact) => contact,
        Row::Duplicate { line, of_line } => {
            counters::repeated(Source::Contacts);
            return Ok(Pending::Judged(Verdict::Duplicate { line, of_line }));
        }
        Row::Invalid { line, reason } => {
            counters::refused(Source::Contacts, Reason::Invalid);
            return Ok(Pending::Judged(Verdict::Invalid { line, reason }));
        }
    };
    let line = contact.line;
    Ok(match contact_input(&intake.keyer, &intake.directory, load, &contact) {
        Ok(Loaded { key, input, remark }) => {
            let ticket = intake.submit(Source::Contacts, desk, &input).await;
            let ticket = ticket.inspect_err(|away| counters::deferred(Source::Contacts, away.later()))?;
            Pending::Queued { line, key, remark, ticket }
        }
        Err(reason) => {
            counters::refused(Source::Contacts, Reason::Suppressed);
            Pending::Judged(Verdict::Suppressed { line, reason })
        }
    })
}

/// Waits for a row's verdict and says it; false when nobody listens any more.
async fn settle(pending: Option<Pending>, verdicts: &mpsc::Sender<Verdict>) -> Result<bool, Away> {
    let verdict = match pending {
        None => return Ok(true),
        Some(Pending::Judged(verdict)) => verdict,
        Some(Pending::Queued { line, key, remark, ticket }) => {
            let place = ticket.place().await;
            let place = place.inspect_err(|_| counters::deferred(Source::Contacts, Later::Log))?;
            counters::accepted(Source::Contacts, 1);
            Verdict::Accepted { line, key, remark, place }
        }
    };
    Ok(verdicts.send(verdict).await.is_ok())
}
