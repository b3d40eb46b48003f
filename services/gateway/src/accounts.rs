//! What the directory says of desks, kept in step with the policies in force: doors read there which accounts and
//! campaigns are whose. Whoever applies a policy tells it at once; a desk for which that did not happen, since a
//! process died in between, is told here a little later.

use std::collections::HashMap;
use std::sync::Arc;

use prost::Message;
use simpang_log::{AppendError, DeskName, Place};
use simpang_proto::log::v1 as log;
use tracing::{info, warn};

use crate::compile::{Compiled, compile};
use crate::context::Context;
use crate::desks::Desks;
use crate::directory::Directory;
use crate::follower::Follower;

/// What the directory says of desks.
#[derive(Debug)]
pub(crate) struct Accounts {
    context: Arc<Context>,
    desks: Arc<Desks>,
    directory: Arc<Directory>,
}

impl Accounts {
    pub(crate) fn new(context: Arc<Context>, desks: Arc<Desks>, directory: Arc<Directory>) -> Self {
        Self { context, desks, directory }
    }

    /// Says in the directory which accounts and campaigns the desk has by this version of its policy.
    pub(crate) async fn tell(
        &self,
        desk: &DeskName,
        version: u64,
        compiled: &Compiled,
    ) -> Result<(), AppendError> {
        let leaders = self.desks.known(desk.as_str()).map(|follower| follower.inner().board.leaders());
        let desk = log::DeskRecord {
            desk: desk.to_string(),
            policy_version: version,
            accounts: compiled.accounts.clone(),
            campaigns: compiled.campaigns.clone(),
            leaders: leaders.unwrap_or_default(),
        };
        self.write(desk).await
    }

    async fn write(&self, desk: log::DeskRecord) -> Result<(), AppendError> {
        let record = log::DirectoryRecord {
            schema: simpang_log::SCHEMA,
            writer: self.context.options.instance.clone(),
            desks: vec![desk],
            ..log::DirectoryRecord::default()
        };
        self.context.options.store.append_directory(record.encode_to_vec().into()).await.map(|_| ())
    }

    /// Tells the directory what it was not told, until the gateway stops.
    pub(crate) async fn keep_in_step(self: Arc<Self>) {
        let mut look = tokio::time::interval(self.context.options.heartbeat);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut behind: HashMap<String, u64> = HashMap::new();
        loop {
            tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return,
                _ = look.tick() => {}
            }
            let mut still = HashMap::new();
            for follower in self.desks.all() {
                let Some((version, input)) = self.untold(&follower) else {
                    self.tell_leaders(&follower).await;
                    continue;
                };
                let desk = follower.desk().to_string();
                // Seen twice: whoever applied it had the time between to tell it.
                if behind.get(&desk) == Some(&version) {
                    self.catch_up(&follower, version, input).await;
                }
                still.insert(desk, version);
            }
            behind = still;
        }
    }

    /// Says in the directory who leads the desk, if it says otherwise: they may load its lists.
    async fn tell_leaders(&self, follower: &Follower) {
        if !self.directory.is_known() || follower.trouble().is_some() {
            return;
        }
        let Some(told) = self.directory.desk(follower.desk().as_str()) else { return };
        let leaders = follower.inner().board.leaders();
        if leaders == told.leaders {
            return;
        }
        let desk = follower.desk();
        match self.write(log::DeskRecord { leaders, ..told }).await {
            Ok(()) => info!(%desk, "told the directory who leads the desk"),
            Err(error) => warn!(%desk, %error, "can't tell the directory who leads the desk yet"),
        }
    }

    /// The policy in force and its input, if the directory knows only an older one.
    fn untold(&self, follower: &Follower) -> Option<(u64, Place)> {
        if !self.directory.is_known() || follower.trouble().is_some() {
            return None;
        }
        let told = self.directory.desk(follower.desk().as_str()).map_or(0, |desk| desk.policy_version);
        let inner = follower.inner();
        let (version, _) = inner.board.policy();
        inner.board.policy_input().filter(|_| version > told).map(|input| (version, input))
    }

    async fn catch_up(&self, follower: &Follower, version: u64, input: Place) {
        let desk = follower.desk();
        let Some(files) = files(follower, input).await else {
            return warn!(%desk, version, "can't read the policy in force back, will try again");
        };
        match compile(desk.to_string(), files).await {
            Ok(Ok(compiled)) => match self.tell(desk, version, &compiled).await {
                Ok(()) => info!(%desk, version, "told the directory the desk's accounts"),
                Err(error) => {
                    warn!(%desk, version, %error, "can't tell the directory the desk's accounts yet")
                }
            },
            Ok(Err(problems)) => {
                warn!(%desk, version, problems = problems.len(), "the policy in force does not compile here");
            }
            Err(status) => {
                warn!(%desk, version, reason = status.message(), "can't compile the policy in force")
            }
        }
    }
}

/// The files of the policy that an input brought.
pub(crate) async fn files(follower: &Follower, input: Place) -> Option<Vec<(String, String)>> {
    let record = follower.log().get(input.seq).await.ok().flatten()?;
    let record = log::InputRecord::decode(record.payload).ok()?;
    let input = record.inputs.into_iter().nth(usize::try_from(input.index).ok()?)?;
    match input.body {
        Some(log::input::Body::Policy(policy)) => {
            Some(policy.files.into_iter().map(|file| (file.path, file.text)).collect())
        }
        _ => None,
    }
}
