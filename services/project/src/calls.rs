//! What every call begins with: who calls, may they, and which desk.

use std::sync::{Arc, PoisonError};

use simpang_access::{Gatekeeper, Principal};
use simpang_log::{DeskName, LogStore};
use simpang_wire::key::Keyer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::Desks;
use crate::desk::Desk;

/// What both services share.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) desks: Desks,
    pub(crate) store: Arc<dyn LogStore>,
    pub(crate) gatekeeper: Arc<Gatekeeper>,
    pub(crate) keyer: Keyer,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Calls {
    /// Lets a caller make a call on a desk, by the roles of their token or of the desk's own records. Those are known
    /// only once the view has them: it is waited for as long as the request's `at_least` asks.
    pub(crate) async fn desk(
        &self,
        metadata: &MetadataMap,
        method: &str,
        desk: &str,
        at_least: u64,
    ) -> Result<Arc<Desk>, Status> {
        let name = DeskName::new(desk).map_err(|error| Status::invalid_argument(format!("desk: {error}")));
        let caller = self.gatekeeper.authenticate(metadata)?;
        let found = self.find(&name?);
        let by_token = self.gatekeeper.authorise(metadata, method, desk, |_| Vec::new());
        if let (Err(refused), Some(desk)) = (&by_token, &found) {
            if !caller.may_enter(desk.name.as_str()) {
                return Err(refused.clone());
            }
            self.by_record(metadata, method, desk, &caller, at_least).await?;
        } else {
            by_token?;
        }
        found.ok_or_else(|| {
            Status::not_found(format!("desk: there is no {desk}, or it was just made: try again"))
        })
    }

    async fn by_record(
        &self,
        metadata: &MetadataMap,
        method: &str,
        desk: &Desk,
        caller: &Principal,
        at_least: u64,
    ) -> Result<(), Status> {
        desk.at_least(at_least).await?;
        let roles = desk.roles(caller.name.clone()).await;
        match self.gatekeeper.authorise(metadata, method, desk.name.as_str(), |_| roles) {
            Ok(_) => Ok(()),
            // The record may stand on the part of the log that is not folded yet.
            Err(_) if !desk.is_caught_up() => Err(desk.not_yet()),
            Err(refused) => Err(refused),
        }
    }

    /// Lets a caller make a call that names no desk.
    pub(crate) fn anywhere(&self, metadata: &MetadataMap, method: &str) -> Result<Principal, Status> {
        self.gatekeeper.authorise(metadata, method, "", |_| Vec::new())
    }

    pub(crate) fn all(&self) -> Vec<Arc<Desk>> {
        self.desks.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn find(&self, name: &DeskName) -> Option<Arc<Desk>> {
        self.desks.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}
