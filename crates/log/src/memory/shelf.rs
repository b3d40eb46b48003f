//! A growing row of records that readers follow live.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use crate::port::LogError;

/// How many records a reader takes under the lock at once.
const CHUNK: usize = 256;

/// Records at sequences 1, 2, 3 …
#[derive(Debug)]
pub(super) struct Shelf<T> {
    name: String,
    items: Mutex<Vec<T>>,
    state: watch::Sender<State>,
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
        Self { name: name.to_owned(), items: Mutex::default(), state }
    }

    pub(super) fn len(&self) -> u64 {
        self.state.borrow().len
    }

    /// How often connections were cut.
    pub(super) fn cuts(&self) -> u64 {
        self.state.borrow().cuts
    }

    pub(super) fn get(&self, seq: u64) -> Option<T> {
        let index = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.items().get(index).cloned()
    }

    /// Adds the record that `make` makes for its sequence; returns that.
    pub(super) fn push(&self, make: impl FnOnce(u64) -> T) -> u64 {
        let mut items = self.items();
        let seq = items.len() as u64 + 1;
        items.push(make(seq));
        self.state.send_modify(|state| state.len = seq);
        seq
    }

    /// Changes records behind the readers' backs.
    pub(super) fn tamper(&self, change: impl FnOnce(&mut Vec<T>)) {
        let mut items = self.items();
        change(&mut items);
        let len = items.len() as u64;
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

    fn items(&self) -> MutexGuard<'_, Vec<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
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
            let begin = usize::try_from(next - 1).unwrap_or(usize::MAX);
            self.taken.extend(self.shelf.items().iter().skip(begin).take(CHUNK).cloned());
        }
        self.next += 1;
        let (desk, reason) = (&self.shelf.name, "the tail was cut while it was read");
        self.taken
            .pop_front()
            .ok_or_else(|| LogError::Unavailable { desk: desk.clone(), reason: reason.to_owned() })
    }
}
