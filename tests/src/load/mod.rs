//! Load while everything breaks: senders at every door who send again what was not acknowledged, and agents at work.

mod agents;
mod senders;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use simpang_proto::log::v1::event::Body;
use tokio::task::JoinSet;

use crate::logs::Logs;
use crate::stand::Stand;

/// How much comes through each door, evenly over a time.
#[derive(Debug, Clone)]
pub struct Load {
    /// Mails.
    pub mails: usize,
    /// Posts that mention us.
    pub posts: usize,
    /// Comments on our page.
    pub comments: usize,
    /// Messages that another program pushes.
    pub pushes: usize,
    /// Call lists.
    pub lists: usize,
    /// Rows of each list.
    pub rows: usize,
    /// For so long messages come, if nothing held them up.
    pub span: Duration,
}

impl Load {
    /// A modest load for so many seconds.
    #[must_use]
    pub fn lasting(seconds: u64) -> Self {
        let count = |a_second: usize| usize::try_from(seconds).unwrap_or(usize::MAX).saturating_mul(a_second);
        Self {
            mails: count(4),
            posts: count(4),
            comments: count(3),
            // Whole frames.
            pushes: count(4) / senders::FRAME * senders::FRAME,
            lists: count(1).div_ceil(15),
            rows: 30,
            span: Duration::from_secs(seconds),
        }
    }

    /// Rows of all lists.
    #[must_use]
    pub fn contacts(&self) -> usize {
        self.lists * self.rows
    }

    /// Everything that comes.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.mails + self.posts + self.comments + self.pushes + self.contacts()
    }

    /// What the checker recomputes, counted once more by hand: each message joined a case once, each contact opened
    /// one.
    ///
    /// # Panics
    /// When one is lost or doubled.
    pub fn arrived_once(&self, logs: &Logs) {
        let joined = |desk: &str| logs.count(desk, |body| matches!(body, Body::MessageJoined(_)));
        let opened = |desk: &str| logs.count(desk, |body| matches!(body, Body::CaseOpened(_)));
        assert_eq!(joined("tenesa"), self.mails);
        assert_eq!(joined("telkomcare"), self.posts + self.comments + self.pushes);
        assert_eq!((opened("tier2-outbound"), joined("tier2-outbound")), (self.contacts(), 0));
    }

    /// Begins to send. To be called in a `LocalSet`.
    #[must_use]
    pub fn send(&self, stand: &Stand) -> Traffic {
        let mut traffic = Traffic::default();
        senders::start(self, stand, &traffic.progress, &mut traffic.senders);
        agents::start(stand, &traffic.progress, &mut traffic.agents);
        traffic
    }
}

/// Senders and agents at work.
#[derive(Debug, Default)]
pub struct Traffic {
    /// How far they are.
    pub progress: Progress,
    senders: JoinSet<()>,
    agents: JoinSet<usize>,
}

impl Traffic {
    /// Waits until every sender was acknowledged all it has, and lets agents end their round; how many cases they
    /// finished.
    ///
    /// # Panics
    /// When a sender or an agent failed.
    pub async fn end(mut self) -> usize {
        while let Some(sender) = self.senders.join_next().await {
            sender.expect("a sender sends all it has");
        }
        self.progress.is_over.store(true, Ordering::Relaxed);
        let mut finished = 0;
        while let Some(agent) = self.agents.join_next().await {
            finished += agent.expect("an agent works on");
        }
        finished
    }
}

/// How far senders are, and whether agents go on.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    acknowledged: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Progress {
    fn add(&self, count: usize) {
        self.acknowledged.fetch_add(count, Ordering::Relaxed);
    }

    /// Messages that were acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}
