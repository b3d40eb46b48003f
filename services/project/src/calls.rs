//! What every call begins with: who calls, may they, and which desk.

use std::sync::{Arc, PoisonError};

use simpang_access::{Gatekeeper, Principal};
use simpang_log::DeskName;
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
    pub(crate) gatekeeper: Arc<Gatekeeper>,
    pub(crate) keyer: Keyer,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Calls {
    /// Lets a caller make a call on a desk, by the roles of their token and of the desk's own records.
    pub(crate) async fn desk(
        &self,
        metadata: &MetadataMap,
        method: &str,
        desk: &str,
    ) -> Result<Arc<Desk>, Status> {
        let caller = self.gatekeeper.authenticate(metadata)?;
        let name = DeskName::new(desk).map_err(|error| Status::invalid_argument(format!("desk: {error}")))?;
        let found = self.find(&name);
        let roles = match &found {
            Some(desk) if caller.may_enter(name.as_str()) => desk.roles(caller.name).await,
            _ => Vec::new(),
        };
        self.gatekeeper.authorise(metadata, method, desk, |_| roles)?;
        found.ok_or_else(|| {
            Status::not_found(format!("desk: there is no desk {name} (or it was just made: try again)"))
        })
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
