//! The list on its way from the client to the reader of rows: a bounded pipe of bytes. Rows become the CSV that they
//! stand for, so that there is one reader of lists.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use simpang_proto::ingest::v1 as api;
use simpang_proto::ingest::v1::load_contacts_request::Body;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

/// Pieces of the list that wait for the reader.
const PIECES: usize = 16;

/// How the list has come so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Fed {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Rows so far, for a list that comes as rows.
    rows: Option<u64>,
    failure: Option<Status>,
}

impl Fed {
    /// How many rows have come; none for a list that comes as CSV.
    pub(super) fn rows(&self) -> Option<u64> {
        self.shared().rows
    }

    /// Why the list can't be read on.
    pub(super) fn failure(&self) -> Option<Status> {
        self.shared().failure.clone()
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings the list from the client to the reader.
#[derive(Debug)]
pub(super) struct Feed {
    pieces: mpsc::Sender<Vec<u8>>,
    fed: Fed,
    columns: Option<BTreeSet<String>>,
    is_csv: bool,
}

impl Feed {
    /// A feed, and where its pieces come out.
    pub(super) fn new() -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (pieces, received) = mpsc::channel(PIECES);
        (Self { pieces, fed: Fed::default(), columns: None, is_csv: false }, received)
    }

    /// How the list comes, to be looked at meanwhile.
    pub(super) fn fed(&self) -> Fed {
        self.fed.clone()
    }

    /// Brings the list until it ends, can't be read on, or nobody reads it.
    pub(super) async fn run(
        mut self,
        mut inbound: Streaming<api::LoadContactsRequest>,
        stop: CancellationToken,
    ) {
        loop {
            let next = tokio::select! {
                next = inbound.message() => next,
                () = stop.cancelled() => {
                    Err(Status::unavailable("the service is stopping: load the same list again"))
                }
                () = self.pieces.closed() => return,
            };
            let piece = match next {
                Ok(None) => return,
                Ok(Some(request)) => self.piece(request.body),
                Err(status) => Err(status),
            };
            match piece {
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => {
                    if self.pieces.send(piece).await.is_err() {
                        return;
                    }
                }
                Err(failure) => {
                    self.fed.shared().failure = Some(failure);
                    return;
                }
            }
        }
    }

    fn piece(&mut self, body: Option<Body>) -> Result<Vec<u8>, Status> {
        let both =
            || Status::invalid_argument("send either `csv` or `rows`; what came before may have been loaded");
        match body {
            None => Ok(Vec::new()),
            Some(Body::Begin(_)) => Err(Status::invalid_argument("`begin` comes only once, first")),
            Some(Body::Csv(_)) if self.columns.is_some() => Err(both()),
            Some(Body::Csv(bytes)) => {
                self.is_csv = true;
                Ok(bytes)
            }
            Some(Body::Rows(_)) if self.is_csv => Err(both()),
            Some(Body::Rows(rows)) => self.lines(&rows.rows),
        }
    }

    /// Rows as the CSV that they stand for: row n on line n + 1.
    fn lines(&mut self, rows: &[api::ContactRow]) -> Result<Vec<u8>, Status> {
        let mut csv = String::new();
        let columns = self.columns.get_or_insert_with(|| {
            let all: BTreeSet<String> = rows.iter().flat_map(|row| row.cells.keys().cloned()).collect();
            push_line(&mut csv, all.iter().map(String::as_str));
            all
        });
        let before = self.fed.rows().unwrap_or(0);
        for (row, number) in rows.iter().zip(before + 1..) {
            if let Some(column) = row.cells.keys().find(|column| !columns.contains(*column)) {
                let column: String = column.chars().take(40).collect();
                let what = format!("row {number} has the column `{column}`, which the first message of rows");
                return Err(Status::invalid_argument(format!(
                    "{what} does not have: name all columns there"
                )));
            }
            push_line(
                &mut csv,
                columns.iter().map(|column| row.cells.get(column).map_or("", String::as_str)),
            );
        }
        self.fed.shared().rows = Some(before + rows.len() as u64);
        Ok(csv.into_bytes())
    }
}

fn push_line<'a>(csv: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (n, cell) in cells.enumerate() {
        csv.push_str(if n == 0 { "\"" } else { ",\"" });
        csv.push_str(&cell.replace('"', "\"\"").replace(['\r', '\n'], " "));
        csv.push('"');
    }
    csv.push('\n');
}
