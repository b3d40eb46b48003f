//! Loads a campaign's list: rows in, one verdict a row out, in the list's order. Good rows load though others are bad;
//! a row that was loaded before is known to the desk by its key, so that the same list may be loaded again.

use std::collections::VecDeque;
use std::sync::Arc;

use simpang_channels::calls::{CallList, ListError, Row};
use simpang_log::DeskName;
use simpang_log::appender::Place;
use tokio::sync::mpsc;

use crate::counters::{self, Reason, Source};
use crate::intake::{Away, Intake};
use crate::mapping::{Load, Loaded, contact_input};
use crate::ticket::Ticket;

/// Rows that wait for the log's acknowledgement.
const WINDOW_ROWS: usize = 2_000;

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// On the desk's log under this key; with what could not be used of it.
    Accepted { line: u64, key: String, remark: String, place: Place },
    /// A repeat within the list.
    Duplicate { line: u64, of_line: u64 },
    /// No contact.
    Invalid { line: u64, reason: String },
}

/// A list whose header was read.
pub(crate) type List = CallList<std::io::Cursor<Vec<u8>>>;

/// Reads a list's header; nothing is loaded yet.
pub(crate) fn open(bytes: Vec<u8>) -> Result<List, ListError> {
    CallList::new(std::io::Cursor::new(bytes))
}

/// A row on its way.
enum Pending {
    Queued { line: u64, key: String, remark: String, ticket: Ticket },
    Judged(Verdict),
}

/// Loads a list into a campaign of a desk; verdicts go out in the list's order. Ends early when nobody takes them.
///
/// # Errors
/// When the log is away: the rows after the last verdict may or may not be loaded.
pub(crate) async fn load(
    intake: Arc<Intake>,
    desk: DeskName,
    load: Load,
    list: List,
    verdicts: mpsc::Sender<Verdict>,
) -> Result<(), Away> {
    let mut rows = read(list);
    let mut pending: VecDeque<Pending> = VecDeque::new();
    while let Some(row) = rows.recv().await {
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
    Ok(())
}

/// Reads rows on a thread of its own: numbers take a while to check.
fn read(list: List) -> mpsc::Receiver<Row> {
    let (rows, received) = mpsc::channel(WINDOW_ROWS);
    tokio::task::spawn_blocking(move || {
        // Bytes in memory can always be read, so the list ends only at its end.
        for row in list.map_while(Result::ok) {
            if rows.blocking_send(row).is_err() {
                return;
            }
        }
    });
    received
}

async fn queue(intake: &Intake, desk: &DeskName, load: &Load, row: Row) -> Result<Pending, Away> {
    Ok(match row {
        Row::Accepted(contact) => {
            let loaded = contact_input(&intake.keyer, &intake.directory, load, &contact);
            let Loaded { key, input, remark } = loaded;
            let ticket =
                intake.submit(desk, &input).await.inspect_err(|_| counters::deferred(Source::Contacts))?;
            Pending::Queued { line: contact.line, key, remark, ticket }
        }
        Row::Duplicate { line, of_line } => Pending::Judged(Verdict::Duplicate { line, of_line }),
        Row::Invalid { line, reason } => {
            counters::refused(Source::Contacts, Reason::Invalid);
            Pending::Judged(Verdict::Invalid { line, reason })
        }
    })
}

/// Waits for a row's verdict and says it; false when nobody listens any more.
async fn settle(pending: Option<Pending>, verdicts: &mpsc::Sender<Verdict>) -> Result<bool, Away> {
    let verdict = match pending {
        None => return Ok(true),
        Some(Pending::Judged(verdict)) => verdict,
        Some(Pending::Queued { line, key, remark, ticket }) => {
            let place = ticket.place().await.inspect_err(|_| counters::deferred(Source::Contacts))?;
            counters::accepted(Source::Contacts, 1);
            Verdict::Accepted { line, key, remark, place }
        }
    };
    Ok(verdicts.send(verdict).await.is_ok())
}
