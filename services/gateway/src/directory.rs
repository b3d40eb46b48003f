//! The customer directory as far as the gateway needs it: what rules may read of a customer whom an agent links, and
//! which accounts and campaigns a desk has. Nothing that names a person is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use simpang_log::{DirectoryChange, DirectoryTail, LogError};
use simpang_proto::log::v1 as log;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;
use tracing::{error, warn};

use crate::context::Context;
use crate::refusal;

/// The directory, followed.
#[derive(Debug)]
pub(crate) struct Directory {
    context: Arc<Context>,
    table: Mutex<Table>,
    seen: watch::Sender<Seen>,
}

#[derive(Debug, Default)]
struct Table {
    customers: HashMap<String, log::Customer>,
    desks: HashMap<String, log::DeskRecord>,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    position: u64,
    caught_up: bool,
    failed: Option<LogError>,
}

impl Directory {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, table: Mutex::default(), seen: watch::Sender::default() }
    }

    /// Reads until the gateway stops or the directory can't be read on.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut tail = DirectoryTail::start(Arc::clone(&self.context.options.store), 0);
        let mut look = tokio::time::interval(Context::LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return,
                change = tail.next() => match change {
                    Ok(change) => self.take_in(change),
                    Err(failed) => {
                        error!(error = %failed, "stopped reading the directory");
                        self.seen.send_modify(|seen| seen.failed = Some(failed));
                        return;
                    }
                },
                _ = look.tick() => {}
            }
            let (position, caught_up) = (tail.position(), tail.is_caught_up());
            self.seen.send_if_modified(|seen| {
                let changed = seen.position != position || !seen.caught_up && caught_up;
                seen.position = position;
                // Once known it stays usable while the log is away: what it says is as old as the last record.
                seen.caught_up |= caught_up;
                changed
            });
        }
    }

    fn take_in(&self, change: DirectoryChange) {
        let record = match change.record {
            Ok(record) => record,
            Err(reason) => return warn!(seq = change.seq, reason, "passed over a record of the directory"),
        };
        let mut table = self.table();
        for customer in record.customers {
            let Some(facts) = customer.customer else { continue };
            if customer.removed {
                table.customers.remove(&facts.id);
            } else {
                table.customers.insert(facts.id.clone(), facts);
            }
        }
        for desk in record.desks {
            table.desks.insert(desk.desk.clone(), desk);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What rules may read of a customer.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown customer; UNAVAILABLE while the directory was not read once.
    pub(crate) async fn customer(&self, id: &str, deadline: Instant) -> Result<log::Customer, Status> {
        self.known(deadline).await?;
        self.table().customers.get(id).cloned().ok_or_else(|| {
            Status::not_found(format!(
                "`customer`: the directory has no customer {id}; state the segment instead, or have them added"
            ))
        })
    }

    /// What rules may read of a customer, as far as the directory was read.
    pub(crate) fn known_customer(&self, id: &str) -> Option<log::Customer> {
        self.table().customers.get(id).cloned()
    }

    /// The desks that have campaigns, sorted.
    pub(crate) fn calling_desks(&self) -> Vec<String> {
        let table = self.table();
        let calling = table.desks.values().filter(|desk| !desk.campaigns.is_empty());
        let mut desks: Vec<String> = calling.map(|desk| desk.desk.clone()).collect();
        desks.sort();
        desks
    }

    /// What the directory says of a desk.
    pub(crate) fn desk(&self, desk: &str) -> Option<log::DeskRecord> {
        self.table().desks.get(desk).cloned()
    }

    /// Whether all that stood there was read once, and nothing keeps it from being read on.
    pub(crate) fn is_known(&self) -> bool {
        let seen = self.seen.borrow();
        seen.caught_up && seen.failed.is_none()
    }

    async fn known(&self, deadline: Instant) -> Result<(), Status> {
        let mut seen = self.seen.subscribe();
        let known = |seen: &Seen| seen.caught_up || seen.failed.is_some();
        match tokio::time::timeout_at(deadline, seen.wait_for(known)).await {
            Ok(Ok(seen)) => seen.failed.as_ref().map_or(Ok(()), |failed| Err(refusal::log(failed))),
            Ok(Err(_)) | Err(_) => {
                Err(Status::unavailable("the directory is not read yet; send the same request again"))
            }
        }
    }
}
