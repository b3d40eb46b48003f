//! The stream of an agent's work, and the same once.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::watch_response::Change;
use tokio_stream::Stream;
use tonic::{Request, Status};

use super::AgentApi;
use crate::follower::{Follower, Item, Watching};
use crate::metric;

const WATCH: &str = "simpang.agent.v1.Agent/Watch";
const GET_WORK: &str = "simpang.agent.v1.Agent/GetWork";

/// The changes of an agent's work as they are decided. Dropping it closes the stream.
#[derive(Debug)]
pub struct WorkStream {
    follower: Arc<Follower>,
    watching: Watching,
    told_overrun: bool,
}

impl AgentApi {
    pub(super) async fn open_watch(&self, request: Request<api::WatchRequest>) -> Result<WorkStream, Status> {
        let deadline = self.commands.context.deadline();
        let (metadata, _, request) = request.into_parts();
        let principal = self.commands.enter(&metadata, WATCH, &request.desk)?;
        let follower = self.commands.desks.get(&request.desk, deadline).await?;
        follower.reach(request.at_least, deadline).await?;
        let watching = open(&follower, &principal.name, &request.session)?;
        metrics::gauge!(metric::STREAMS, "desk" => follower.desk().to_string()).increment(1);
        Ok(WorkStream { follower, watching, told_overrun: false })
    }

    pub(super) async fn work_now(
        &self,
        request: Request<api::GetWorkRequest>,
    ) -> Result<api::GetWorkResponse, Status> {
        let deadline = self.commands.context.deadline();
        let (metadata, _, request) = request.into_parts();
        let principal = self.commands.enter(&metadata, GET_WORK, &request.desk)?;
        let follower = self.commands.desks.get(&request.desk, deadline).await?;
        follower.reach(request.at_least, deadline).await?;
        follower.hear(&principal.name);
        let inner = follower.inner();
        if inner.board.agent(&principal.name).is_none() {
            let message = format!("{} is no agent of desk {}", principal.name, request.desk);
            return Err(Status::permission_denied(message));
        }
        Ok(api::GetWorkResponse { position: inner.position(), work: Some(inner.board.work(&principal.name)) })
    }
}

/// Opens a stream with all the agent has now as its first change: nothing can be decided between the two.
fn open(follower: &Follower, agent: &str, session: &str) -> Result<Watching, Status> {
    let mut inner = follower.inner();
    let current =
        inner.board.agent(agent).and_then(|agent| agent.session.as_ref()).map(|session| session.id.clone());
    let Some(current) = current.filter(|current| session.is_empty() || session == current) else {
        let message = format!("{agent} has no such session on desk {}: sign in first", follower.desk());
        return Err(Status::not_found(message));
    };
    let first = api::WatchResponse {
        position: inner.position(),
        at_ms: inner.at_ms(),
        change: Some(Change::Work(inner.board.work(agent))),
    };
    inner.watchers.open(agent, &current, first)
}

impl Stream for WorkStream {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        match self.watching.items.poll_recv(context) {
            Poll::Ready(None) if self.watching.overrun.load(Ordering::Acquire) && !self.told_overrun => {
                self.told_overrun = true;
                let message = "the stream was read too slowly and is ended: open it again";
                Poll::Ready(Some(Err(Status::unavailable(message))))
            }
            other => other,
        }
    }
}

impl Drop for WorkStream {
    fn drop(&mut self) {
        metrics::gauge!(metric::STREAMS, "desk" => self.follower.desk().to_string()).decrement(1);
        self.follower.close_stream(&self.watching);
    }
}
