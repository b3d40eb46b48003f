//! Connections to mail servers that wait for the next mail. A server may have hung up on one meanwhile: each is tried
//! with RSET before it is used again, which also clears what the mail before left behind (RFC 5321 section 4.1.1.5).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Rset;
use tokio::time::{Instant, sleep_until, timeout};

use crate::options::MailServer;

/// Most connections that wait, to all servers together.
const KEPT_MAX: usize = 16;
/// Most mails over one connection: servers end them at some number, and this is below the usual ones.
const MAILS_MAX: u32 = 50;
/// For a server to say that it is still there.
const ALIVE: Duration = Duration::from_secs(5);
/// For a goodbye, which is only a courtesy.
const GOODBYE: Duration = Duration::from_secs(2);

/// What a connection was made for: it serves nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// The server, its protection and who is logged in.
    pub(super) server: MailServer,
    /// The name that was said in EHLO.
    pub(super) hello: String,
}

/// A connection that is ready for a mail.
pub(super) struct Open {
    /// The connection.
    pub(super) connection: AsyncSmtpConnection,
    /// How many mails were begun on it.
    mails: u32,
}

impl Open {
    /// A connection that has just been made.
    pub(super) fn new(connection: AsyncSmtpConnection) -> Self {
        Self { connection, mails: 0 }
    }

    async fn close(mut self) {
        let _ = timeout(GOODBYE, self.connection.abort()).await;
    }
}

struct Waiting {
    route: Route,
    open: Open,
    since: Instant,
}

#[derive(Default)]
struct Kept {
    /// Those that have waited longest first.
    waiting: Vec<Waiting>,
    /// Whether a task closes those that waited long enough.
    is_swept: bool,
}

/// The connections that wait.
pub(super) struct Pool {
    kept: Arc<Mutex<Kept>>,
    idle: Duration,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("idle", &self.idle).finish_non_exhaustive()
    }
}

impl Pool {
    /// Connections are closed when they have waited for this long; zero: none is kept.
    pub(super) fn new(idle: Duration) -> Self {
        Self { kept: Arc::default(), idle }
    }

    /// A connection that still answers, the one used last. When one does not, no other of its age will either.
    pub(super) async fn take(&self, route: &Route) -> Option<Open> {
        let mut open = self.last(route)?;
        match timeout(ALIVE, open.connection.command(Rset)).await {
            Ok(Ok(_)) => Some(open),
            _ => {
                self.forget(route);
                None
            }
        }
    }

    fn last(&self, route: &Route) -> Option<Open> {
        let mut kept = lock(&self.kept);
        let at = kept.waiting.iter().rposition(|waiting| waiting.route == *route)?;
        Some(kept.waiting.remove(at).open)
    }

    /// Drops the connections of a server that hung up on one.
    pub(super) fn forget(&self, route: &Route) {
        lock(&self.kept).waiting.retain(|waiting| waiting.route != *route);
    }

    /// Keeps a connection on which a mail has come to its end.
    pub(super) fn give_back(&self, route: Route, mut open: Open) {
        open.mails += 1;
        if open.mails >= MAILS_MAX || self.idle.is_zero() {
            tokio::spawn(open.close());
            return;
        }
        let mut kept = lock(&self.kept);
        if kept.waiting.len() >= KEPT_MAX {
            tokio::spawn(kept.waiting.remove(0).open.close());
        }
        kept.waiting.push(Waiting { route, open, since: Instant::now() });
        if !std::mem::replace(&mut kept.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.kept), self.idle));
        }
    }
}

fn lock(kept: &Mutex<Kept>) -> std::sync::MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes what has waited long enough, until nothing waits or the pool is gone.
async fn sweep(kept: Weak<Mutex<Kept>>, idle: Duration) {
    while let Some(until) = next_end(&kept, idle) {
        sleep_until(until).await;
        let Some(kept) = kept.upgrade() else { return };
        let old = {
            let mut kept = lock(&kept);
            let count = kept.waiting.iter().take_while(|waiting| waiting.since + idle <= until).count();
            kept.waiting.drain(..count).collect::<Vec<_>>()
        };
        for waiting in old {
            tokio::spawn(waiting.open.close());
        }
    }
}

/// When the one that has waited longest is to be closed. None: nothing waits, and the next one needs another sweep.
fn next_end(kept: &Weak<Mutex<Kept>>, idle: Duration) -> Option<Instant> {
    let kept = kept.upgrade()?;
    let mut kept = lock(&kept);
    let end = kept.waiting.first().map(|waiting| waiting.since + idle);
    kept.is_swept = end.is_some();
    end
}
