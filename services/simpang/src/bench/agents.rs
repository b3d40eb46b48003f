//! Agents who work over gRPC: they sign in, watch, pull, and resolve what comes or only note when it came.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use simpang_proto::agent::v1 as api;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming};

use super::traffic::DESK;
use crate::client::{Client, refused};

/// Cases that an agent asks for at once.
const AT_ONCE: u32 = 4;
/// Cases that one who only listens asks for at once, the most there may be.
const LISTENING: u32 = 100;
/// How long a pull waits.
const WAIT_MS: i64 = 60_000;

/// A case that came to an agent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Came {
    pub(super) case: u64,
    pub(super) at: Instant,
    /// Which of the agents.
    pub(super) agent: usize,
}

/// What agents do with a case.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// Resolve it and pull again.
    Resolve,
    /// Tell when it came, and keep it.
    Tell(mpsc::UnboundedSender<Came>),
}

/// Agents at work.
#[derive(Debug)]
pub(super) struct Workers {
    tasks: JoinSet<Result<()>>,
    stop: CancellationToken,
    handled: Arc<AtomicU64>,
}

impl Workers {
    /// Signs everybody in and lets them work.
    pub(super) async fn start(clients: &[Client], work: Work) -> Result<Self> {
        Self::start_from(clients, 0, work).await
    }

    /// The same; the first client is the agent of this number.
    pub(super) async fn start_from(clients: &[Client], first: usize, work: Work) -> Result<Self> {
        let (mut tasks, stop, handled) =
            (JoinSet::new(), CancellationToken::new(), Arc::<AtomicU64>::default());
        for (n, client) in clients.iter().enumerate() {
            let mut worker =
                Worker::sign_in(client.clone(), first + n, work.clone(), handled.clone()).await?;
            let stop = stop.clone();
            tasks.spawn(async move { stop.run_until_cancelled(worker.work()).await.unwrap_or(Ok(())) });
        }
        Ok(Self { tasks, stop, handled })
    }

    /// Cases that were resolved so far.
    pub(super) fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// Lets everybody put down their work as it is.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.stop.cancel();
        while let Some(done) = self.tasks.join_next().await {
            done??;
        }
        Ok(())
    }
}

struct Worker {
    client: Client,
    number: usize,
    work: Work,
    watch: Streaming<api::WatchResponse>,
    handled: Arc<AtomicU64>,
    /// Cases asked for that have not come.
    outstanding: u32,
}

impl Worker {
    async fn sign_in(client: Client, number: usize, work: Work, handled: Arc<AtomicU64>) -> Result<Self> {
        let session = sign_in(&client).await?;
        let request =
            api::WatchRequest { desk: DESK.into(), session: session.session, at_least: session.position };
        let watch = client.agent().watch(request).await.map_err(refused)?.into_inner();
        Ok(Self { client, number, work, watch, handled, outstanding: 0 })
    }

    async fn work(&mut self) -> Result<()> {
        let (mut resolving, mut asking) = (FuturesUnordered::new(), FuturesUnordered::new());
        loop {
            if asking.is_empty()
                && let Some(count) = self.wants(resolving.is_empty())
            {
                // What comes at once comes on the stream as well, and is counted there. The stream is read on meanwhile:
                // a case is with the agent when it is there, not when a call has ended.
                self.outstanding = count;
                asking.push(ask(self.client.clone(), count));
            }
            tokio::select! {
                change = self.watch.message() => {
                    let change = change.map_err(refused)?.context("the agent's stream ended")?;
                    if let Some(case) = self.came(change)? {
                        resolving.push(resolve(self.client.clone(), case));
                    }
                }
                Some(asked) = asking.next() => {
                    if !asked? {
                        self.outstanding = 0;
                    }
                }
                Some(resolved) = resolving.next() => {
                    resolved?;
                    self.handled.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// How many to pull, when it is time to: all is done, or few are still to come.
    fn wants(&self, is_idle: bool) -> Option<u32> {
        match self.work {
            Work::Resolve if self.outstanding == 0 && is_idle => Some(AT_ONCE),
            Work::Tell(_) if self.outstanding < LISTENING / 2 => Some(LISTENING),
            _ => None,
        }
    }

    /// Takes a change in; gives the case that is to be resolved.
    fn came(&mut self, change: api::WatchResponse) -> Result<Option<u64>> {
        use api::watch_response::Change;
        match change.change {
            Some(Change::Assigned(assignment)) => {
                self.outstanding = self.outstanding.saturating_sub(1);
                match &self.work {
                    Work::Resolve => return Ok(Some(assignment.case)),
                    Work::Tell(to) => {
                        let _ =
                            to.send(Came { case: assignment.case, at: Instant::now(), agent: self.number });
                    }
                }
            }
            Some(Change::PullOver(over)) if over.reason() == api::PullEnd::Expired => self.outstanding = 0,
            Some(Change::Ended(_)) => bail!("an agent's session ended in the middle of the measurement"),
            _ => {}
        }
        Ok(None)
    }
}

/// Pulls; false, after a moment, when the agent may not take any just now.
async fn ask(client: Client, count: u32) -> Result<bool> {
    let taken = pull(&client, count, WAIT_MS).await?.is_some();
    if !taken {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(taken)
}

/// Begins an agent's session.
pub(super) async fn sign_in(client: &Client) -> Result<api::SignInResponse> {
    let request =
        api::SignInRequest { desk: DESK.into(), request_id: request_id(), ready: true, auto: false };
    Ok(client.agent().sign_in(request).await.map_err(refused)?.into_inner())
}

/// Asks for cases; none: the agent may not take any just now.
pub(super) async fn pull(client: &Client, count: u32, wait_ms: i64) -> Result<Option<api::PullResponse>> {
    let request =
        api::PullRequest { desk: DESK.into(), request_id: request_id(), count, wait_ms, queues: Vec::new() };
    match client.agent().pull(request).await {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if status.code() == Code::ResourceExhausted => Ok(None),
        Err(status) => Err(refused(status)),
    }
}

/// Resolves a case.
pub(super) async fn resolve(client: Client, case: u64) -> Result<()> {
    let request = api::ResolveRequest {
        desk: DESK.into(),
        request_id: request_id(),
        case,
        seen_messages: 0,
        outcome: "answered".into(),
    };
    client.agent().resolve(request).await.map(drop).map_err(refused)
}

/// Ends an agent's session.
pub(super) async fn sign_out(client: &Client) -> Result<()> {
    let request = api::SignOutRequest { desk: DESK.into(), request_id: request_id(), session: String::new() };
    client.agent().sign_out(request).await.map(drop).map_err(refused)
}

fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
