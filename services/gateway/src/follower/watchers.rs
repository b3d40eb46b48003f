//! The open Watch streams of a desk, by agent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use simpang_domain::words::Name;
use simpang_proto::agent::v1 as api;
use tokio::sync::mpsc;
use tonic::Status;

use super::board::Change;

/// Changes that a stream may be behind before it is ended: its client reads again from the beginning, which costs
/// less than to keep more.
const BEHIND_MAX: usize = 1_024;
/// Streams of one agent on one desk: a few windows, not a leak.
const STREAMS_MAX: usize = 16;

/// What a stream carries.
pub(crate) type Item = Result<api::WatchResponse, Status>;

/// The open streams of a desk.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    /// In order, so that who hears of an end first is no matter of chance.
    by_agent: BTreeMap<Name, Vec<Watcher>>,
    last_id: u64,
    /// Why no stream opens any more.
    ended: Option<Status>,
}

#[derive(Debug)]
struct Watcher {
    id: u64,
    session: String,
    sender: mpsc::Sender<Item>,
    overrun: Arc<AtomicBool>,
}

/// A stream's end at which changes come out.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) id: u64,
    pub(crate) agent: Name,
    pub(crate) items: mpsc::Receiver<Item>,
    /// The stream ended because it was read too slowly.
    pub(crate) overrun: Arc<AtomicBool>,
}

impl Watchers {
    /// Opens a stream that begins with `first`.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when the agent has as many as they may; what all streams were ended with.
    pub(crate) fn open(
        &mut self,
        agent: &str,
        session: &str,
        first: api::WatchResponse,
    ) -> Result<Watching, Status> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        if self.by_agent.get(agent).map_or(0, Vec::len) >= STREAMS_MAX {
            let message = format!("{agent} has {STREAMS_MAX} streams open already: close one first");
            return Err(Status::resource_exhausted(message));
        }
        let (sender, items) = mpsc::channel(BEHIND_MAX);
        // A channel just made has room for one.
        let _ = sender.try_send(Ok(first));
        self.last_id += 1;
        let (id, agent, overrun): (u64, Name, _) = (self.last_id, agent.into(), Arc::default());
        let watcher = Watcher { id, session: session.to_owned(), sender, overrun: Arc::clone(&overrun) };
        self.by_agent.entry(agent.clone()).or_default().push(watcher);
        Ok(Watching { id, agent, items, overrun })
    }

    /// Tells the agent's streams of a change; returns how many ended because they were behind.
    pub(crate) fn tell(&mut self, position: u64, change: Change) -> usize {
        let Some(watchers) = self.by_agent.get_mut(&change.agent) else { return 0 };
        let ended = match &change.change {
            api::watch_response::Change::Ended(over) => Some(over.session.clone()),
            _ => None,
        };
        let item = api::WatchResponse { position, at_ms: change.at_ms, change: Some(change.change) };
        let before = watchers.len();
        let concerns = |watcher: &Watcher| ended.as_ref().is_none_or(|session| *session == watcher.session);
        watchers.retain(|watcher| !concerns(watcher) || watcher.tell(&item));
        let overrun = before - watchers.len();
        if let Some(session) = ended {
            watchers.retain(|watcher| watcher.session != session);
        }
        if watchers.is_empty() {
            self.by_agent.remove(&change.agent);
        }
        overrun
    }

    /// Forgets a stream.
    pub(crate) fn close(&mut self, agent: &str, id: u64) {
        let Some(watchers) = self.by_agent.get_mut(agent) else { return };
        watchers.retain(|watcher| watcher.id != id);
        if watchers.is_empty() {
            self.by_agent.remove(agent);
        }
    }

    /// Ends all streams with this status, for good.
    pub(crate) fn end_all(&mut self, status: &Status) {
        for watcher in self.by_agent.values().flatten() {
            // One that has no room ends without it.
            let _ = watcher.sender.try_send(Err(status.clone()));
        }
        self.by_agent.clear();
        self.ended = Some(status.clone());
    }

    /// Whether the agent has a stream open.
    pub(crate) fn watches(&self, agent: &str) -> bool {
        self.by_agent.contains_key(agent)
    }
}

impl Watcher {
    /// Whether the stream took it.
    fn tell(&self, item: &api::WatchResponse) -> bool {
        match self.sender.try_send(Ok(item.clone())) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.overrun.store(true, Ordering::Release);
                false
            }
            // Its reader is about to close it.
            Err(mpsc::error::TrySendError::Closed(_)) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use api::watch_response::Change as What;

    use super::*;

    fn change(what: What) -> Change {
        Change { agent: "sari".into(), at_ms: 5, change: what }
    }

    fn unassigned() -> Change {
        change(What::Unassigned(api::Unassigned::default()))
    }

    fn over(session: &str) -> Change {
        change(What::Ended(api::SessionOver { session: session.into(), reason: 1 }))
    }

    #[test]
    fn every_stream_of_the_agent_hears_of_a_change_and_nobody_elses() {
        let mut watchers = Watchers::default();
        let mut one = watchers.open("sari", "s1", api::WatchResponse::default()).unwrap();
        let mut two = watchers.open("sari", "s1", api::WatchResponse::default()).unwrap();
        let mut other = watchers.open("budi", "s2", api::WatchResponse::default()).unwrap();
        assert_eq!(watchers.tell(9, unassigned()), 0);
        for stream in [&mut one, &mut two] {
            stream.items.try_recv().unwrap().unwrap();
            assert_eq!(stream.items.try_recv().unwrap().unwrap().position, 9);
        }
        other.items.try_recv().unwrap().unwrap();
        assert!(other.items.try_recv().is_err());
    }

    #[test]
    fn the_end_of_a_session_ends_its_streams_after_telling_them() {
        let mut watchers = Watchers::default();
        let mut old = watchers.open("sari", "s1", api::WatchResponse::default()).unwrap();
        let new = watchers.open("sari", "s2", api::WatchResponse::default()).unwrap();
        watchers.tell(9, over("s1"));
        old.items.try_recv().unwrap().unwrap();
        assert!(matches!(old.items.try_recv().unwrap().unwrap().change, Some(What::Ended(_))));
        assert!(matches!(old.items.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
        assert!(watchers.watches("sari"), "the newer session's stream stays");
        watchers.close("sari", new.id);
        assert!(!watchers.watches("sari"));
    }

    #[test]
    fn a_stream_that_is_not_read_ends_and_does_not_hold_up_the_others() {
        let mut watchers = Watchers::default();
        let slow = watchers.open("sari", "s1", api::WatchResponse::default()).unwrap();
        let mut ended = 0;
        for position in 0..=BEHIND_MAX as u64 {
            ended += watchers.tell(position, unassigned());
        }
        assert_eq!(ended, 1);
        assert!(slow.overrun.load(Ordering::Acquire));
        assert!(!watchers.watches("sari"));
    }

    #[test]
    fn an_agent_has_only_so_many_streams() {
        let mut watchers = Watchers::default();
        let open: Vec<Watching> = (0..STREAMS_MAX)
            .map(|_| watchers.open("sari", "s1", api::WatchResponse::default()).unwrap())
            .collect();
        let refused = watchers.open("sari", "s1", api::WatchResponse::default()).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        watchers.close("sari", open[0].id);
        assert!(watchers.open("sari", "s1", api::WatchResponse::default()).is_ok());
    }

    #[test]
    fn once_all_are_ended_none_opens() {
        let mut watchers = Watchers::default();
        let mut one = watchers.open("sari", "s1", api::WatchResponse::default()).unwrap();
        watchers.end_all(&Status::unavailable("stops"));
        one.items.try_recv().unwrap().unwrap();
        assert_eq!(one.items.try_recv().unwrap().unwrap_err().message(), "stops");
        let refused = watchers.open("sari", "s1", api::WatchResponse::default()).unwrap_err();
        assert_eq!(refused.message(), "stops");
    }

    #[test]
    fn an_agent_watches_until_the_last_of_their_streams_closes() {
        let mut watchers = Watchers::default();
        let one = watchers.open("sari", "s1", api::WatchResponse::default()).unwrap();
        let two = watchers.open("sari", "s1", api::WatchResponse::default()).unwrap();
        watchers.close("sari", one.id);
        assert!(watchers.watches("sari"));
        watchers.close("sari", two.id);
        assert!(!watchers.watches("sari"));
    }
}
