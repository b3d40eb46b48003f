//! A growing row of records that readers follow live.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use crate::port::LogError;

/// How many records a reader takes under the lock at once.
const CHUNK: usize = 256;

/// Records at sequences 1, 2, 3 …, of which the first may be gone.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    name: String,
    row: Mutex<Row<T>>,
    state: watch::Sender<State>,
}

/// The records that are there, after `trimmed` that were.
#[derive(Debug)]
struct Row<T> {
    trimmed: u64,
    items: Vec<T>,
}

impl<T> Row<T> {
    fn last(&self) -> u64 {
        self.trimmed + self.items.len() as u64
    }

    fn index(&self, seq: u64) -> Option<usize> {
        usize::try_from(seq.checked_sub(self.trimmed + 1)?).ok()
    }
}

/// What readers wait on.
#[derive(Debug, Clone, Copy)]
struct State {
    len: u64,
    /// Counts the times that connections were cut.
    cuts: u64,
}

struct Reader<T> {
    shelf: Arc<Shelf<T>>,
    state: watch::Receiver<State>,
    cuts: u64,
    next: u64,
    taken: VecDeque<T>,
}

impl<T: Clone> Shelf<T> {
    pub(super) fn new(name: &str) -> Self {
        let (state, _) = watch::channel(State { len: 0, cuts: 0 });
        let row = Mutex::new(Row { trimmed: 0, items: Vec::new() });
        Self { name: name.to_owned(), row, state }
    }

    pub(super) fn len(&self) -> u64 {
        self.state.borrow().len
    }

    /// How often connections were cut.
    pub(super) fn cuts(&self) -> u64 {
        self.state.borrow().cuts
    }

    pub(super) fn get(&self, seq: u64) -> Option<T> {
        let row = self.row();
        row.items.get(row.index(seq)?).cloned()
    }

    /// Sequence of the first record that is there.
    pub(super) fn first(&self) -> u64 {
        self.row().trimmed + 1
    }

    /// Removes what stands before a sequence.
    pub(super) fn trim(&self, first: u64) {
        let mut row = self.row();
        let gone = row.index(first).unwrap_or(0).min(row.items.len());
        row.items.drain(..gone);
        row.trimmed += gone as u64;
    }

    /// Adds the record that `make` makes for its sequence; returns that.
    pub(super) fn push(&self, make: impl FnOnce(u64) -> T) -> u64 {
        let mut row = self.row();
        let seq = row.last() + 1;
        row.items.push(make(seq));
        self.state.send_modify(|state| state.len = seq);
        seq
    }

    /// Changes records behind the readers' backs: those that are there, the first of them at sequence
    /// [`first`](Self::first).
    pub(super) fn tamper(&self, change: impl FnOnce(&mut Vec<T>)) {
        let mut row = self.row();
        change(&mut row.items);
        let len = row.last();
        self.state.send_modify(|state| state.len = len);
    }

    /// Breaks every reader's connection.
    pub(super) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    pub(super) fn read(self: Arc<Self>, from: u64) -> impl Stream<Item = Result<T, LogError>> + Send + use<T>
    where
        T: Send + 'static,
    {
        let state = self.state.subscribe();
        let cuts = state.borrow().cuts;
        let reader = Reader { shelf: self, state, cuts, next: from.max(1), taken: VecDeque::new() };
        stream::unfold(Some(reader), |reader| async {
            let mut reader = reader?;
            match reader.take().await {
                Ok(item) => Some((Ok(item), Some(reader))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    fn row(&self) -> MutexGuard<'_, Row<T>> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Reader<T> {
    async fn take(&mut self) -> Result<T, LogError> {
        let (next, cuts) = (self.next, self.cuts);
        // The sender lives in the shelf, so waiting never fails.
        let is_cut = match self.state.wait_for(|state| state.len >= next || state.cuts != cuts).await {
            Ok(state) => state.cuts != cuts,
            Err(_) => true,
        };
        if is_cut {
            let (desk, reason) = (self.shelf.name.clone(), "the connection was cut".to_owned());
            return Err(LogError::Unavailable { desk, reason });
        }
        if self.taken.is_empty() {
            let row = self.shelf.row();
            let Some(begin) = row.index(next) else {
                let (desk, first) = (self.shelf.name.clone(), row.trimmed + 1);
                return Err(LogError::Trimmed { desk, first, wanted: next });
            };
            self.taken.extend(row.items.iter().skip(begin).take(CHUNK).cloned());
        }
        self.next += 1;
        let (desk, reason) = (&self.shelf.name, "the tail was cut while it was read");
        self.taken
            .pop_front()
            .ok_or_else(|| LogError::Unavailable { desk: desk.clone(), reason: reason.to_owned() })
    }
}
