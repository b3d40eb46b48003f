//! Which desks are followed, and what all their tasks share.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use simpang_log::snapshot::Snapshots;
use simpang_log::{DeskLog, DeskName, LogStore, WallClock};
use simpang_wire::key::Keyer;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use crate::StartError;
use crate::desk::Desk;
use crate::handover::Carried;
use crate::options::{Options, Timing};
use crate::outside::Outside;
use crate::sender::{Senders, Ways};

/// What all desks' tasks share.
pub(crate) struct Context {
    pub(crate) store: Arc<dyn LogStore>,
    pub(crate) keyer: Keyer,
    /// The name under which this process claims.
    pub(crate) name: Arc<str>,
    /// What the names of all its incarnations begin with.
    former: String,
    desks: Vec<DeskName>,
    pub(crate) timing: Timing,
    pub(crate) ways: Ways,
    outside: Option<Arc<dyn Outside>>,
    clock: WallClock,
    pub(crate) carried: Carried,
    pub(crate) snapshots: Option<Snapshots>,
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Context {
    pub(crate) fn new(
        options: Options,
        stopping: CancellationToken,
        tasks: TaskTracker,
    ) -> Result<Self, StartError> {
        if options.instance.is_empty() {
            return Err(StartError::Setting(
                "`instance` is empty: give it a name such as deliver@host/1".into(),
            ));
        }
        let former = format!("{}+", options.instance);
        let incarnation = match &options.outside {
            Some(outside) => outside.incarnation(),
            None => uuid::Uuid::now_v7().simple().to_string(),
        };
        let ways = match &options.outside {
            Some(outside) => Ways::Outside(outside.clone()),
            None => Ways::Channels(Box::new(Senders::new(options.channels, options.timing.mail_idle)?)),
        };
        Ok(Self {
            name: format!("{former}{incarnation}").into(),
            former,
            store: options.store,
            keyer: options.keyer,
            desks: options.desks,
            timing: options.timing,
            ways,
            outside: options.outside,
            clock: WallClock::default(),
            carried: Carried::default(),
            snapshots: options.snapshots,
            stopping,
            tasks,
        })
    }

    /// Whether this name was this process's own before it was started again.
    pub(crate) fn is_former_self(&self, name: &str) -> bool {
        name.starts_with(&self.former) && *name != *self.name
    }

    /// Whether this process reads the log of this desk.
    pub(crate) fn follows(&self, desk: &str) -> bool {
        self.desks.is_empty() || self.desks.iter().any(|name| name.as_str() == desk)
    }

    /// The time of day, ms since 1970 UTC; says only when to look again.
    pub(crate) fn now_ms(&self) -> i64 {
        self.outside.as_ref().map_or_else(|| self.clock.ms(), |outside| outside.now_ms())
    }

    /// Ends so long after the role was told to stop.
    pub(crate) async fn stopped_for(&self, grace: Duration) {
        self.stopping.cancelled().await;
        sleep(grace).await;
    }
}

/// Starts a task for each desk, and for those that come later.
pub(crate) async fn follow_desks(context: Arc<Context>) {
    let mut followed: HashSet<DeskName> = HashSet::new();
    loop {
        for desk in wanted(&context).await {
            if !followed.contains(&desk) && open(&context, &desk).await {
                followed.insert(desk);
            }
        }
        tokio::select! {
            biased;
            () = context.stopping.cancelled() => return,
            () = sleep(context.timing.look_for_desks) => {}
        }
    }
}

async fn wanted(context: &Context) -> Vec<DeskName> {
    if !context.desks.is_empty() {
        return context.desks.clone();
    }
    context.store.desks().await.unwrap_or_else(|problem| {
        warn!(%problem, "the desks can't be listed now, will look again");
        Vec::new()
    })
}

/// Starts a desk's task if its log can be opened.
async fn open(context: &Arc<Context>, desk: &DeskName) -> bool {
    let log: Arc<dyn DeskLog> = match context.store.open(desk).await {
        Ok(log) => log,
        Err(problem) => {
            warn!(%desk, %problem, "the desk can't be opened now, will try again");
            return false;
        }
    };
    let task = Desk::new(context.clone(), log);
    let desk = desk.clone();
    context.tasks.spawn(async move {
        if let Err(problem) = task.run().await {
            error!(%desk, %problem, "nothing more is delivered for this desk");
        }
    });
    true
}
