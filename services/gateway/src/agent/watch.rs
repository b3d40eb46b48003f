//! The stream of an agent's work, and the same once.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::watch_response::Change;
use tokio::time::Instant;
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
    /// Cases handed to the connection lately, and when.
    handed: VecDeque<(Instant, u64)>,
}

/// How long what was handed to a connection may be on its way when the connection is found broken.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

impl WorkStream {
    /// Remembers an assignment that goes out now.
    fn hand(&mut self, item: Option<&Item>) {
        if let Some(case) = item.and_then(assigned_case) {
            let now = Instant::now();
            self.handed.retain(|(at, _)| now.duration_since(*at) < ON_ITS_WAY);
            self.handed.push_back((now, case));
        }
    }

    /// Cases that the client can't have seen, or may not have.
    fn unseen(&mut self) -> Vec<u64> {
        let now = Instant::now();
        let handed = self.handed.iter().filter(|(at, _)| now.duration_since(*at) < ON_ITS_WAY);
        let mut unseen: Vec<u64> = handed.map(|(_, case)| *case).collect();
        while let Ok(item) = self.watching.items.try_recv() {
            unseen.extend(assigned_case(&item));
        }
        unseen
    }
}

fn assigned_case(item: &Item) -> Option<u64> {
    match item.as_ref().ok()?.change.as_ref()? {
        Change::Assigned(assignment) => Some(assignment.case),
        _ => None,
    }
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
        Ok(WorkStream { follower, watching, told_overrun: false, handed: VecDeque::new() })
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
            Poll::Ready(item) => {
                self.hand(item.as_ref());
                Poll::Ready(item)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for WorkStream {
    fn drop(&mut self) {
        metrics::gauge!(metric::STREAMS, "desk" => self.follower.desk().to_string()).decrement(1);
        let unseen = self.unseen();
        self.follower.close_stream(&self.watching, &unseen);
    }
}
