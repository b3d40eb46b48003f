//! `simpang.audit.v1.Audit`.

mod explain;

use std::sync::Arc;

use simpang_proto::audit::v1 as api;
use simpang_proto::audit::v1::audit_server::Audit;
use simpang_views::kind;
use simpang_views::read::Refused;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::calls::Calls;
use crate::desk::Desk;
use crate::replay::{self, Opened, Replay, Source};
use crate::state_at;

/// Answers questions to the logs of all desks.
#[derive(Debug)]
pub struct AuditService {
    calls: Arc<Calls>,
    /// A fold of a whole log takes a core and the memory of a desk: one at a time.
    turns: Arc<Semaphore>,
}

type Answer<T> = Result<Response<T>, Status>;

impl AuditService {
    pub(crate) fn new(calls: Arc<Calls>) -> Self {
        Self { calls, turns: Arc::new(Semaphore::new(1)) }
    }

    async fn enter<T>(
        &self,
        method: &str,
        request: Request<T>,
        names: impl Fn(&T) -> (&String, u64),
    ) -> Result<(Arc<Desk>, T), Status> {
        let (metadata, _, request) = request.into_parts();
        let method = format!("simpang.audit.v1.Audit/{method}");
        let (desk, at_least) = names(&request);
        let desk = self.calls.desk(&metadata, &method, desk, at_least).await?;
        Ok((desk, request))
    }
}

#[tonic::async_trait]
impl Audit for AuditService {
    type ReplayStream = ReceiverStream<Result<api::ReplayResponse, Status>>;

    async fn replay(&self, request: Request<api::ReplayRequest>) -> Answer<Self::ReplayStream> {
        let (desk, asked) = self.enter("Replay", request, |r| (&r.desk, r.at_least)).await?;
        desk.at_least(asked.at_least).await?;
        let replay = Replay::new(&asked, desk.position().unwrap_or_default())?;
        let (sender, receiver) = tokio::sync::mpsc::channel(64);
        self.calls.tasks.spawn(replay::run(desk, replay, sender, self.calls.stop.clone()));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn state_at(&self, request: Request<api::StateAtRequest>) -> Answer<api::StateAtResponse> {
        let (desk, asked) = self.enter("StateAt", request, |r| (&r.desk, r.at_least)).await?;
        state_at::state_at(&desk, &asked).await.map(Response::new)
    }

    async fn explain(&self, request: Request<api::ExplainRequest>) -> Answer<api::ExplainResponse> {
        let (desk, asked) = self.enter("Explain", request, |r| (&r.desk, r.at_least)).await?;
        explain::explain(&desk, asked, &self.turns).await.map(Response::new)
    }

    async fn list_refused(
        &self,
        request: Request<api::ListRefusedRequest>,
    ) -> Answer<api::ListRefusedResponse> {
        let (desk, asked) = self.enter("ListRefused", request, |r| (&r.desk, r.at_least)).await?;
        list_refused(&desk, asked).await.map(Response::new)
    }
}

async fn list_refused(
    desk: &Desk,
    asked: api::ListRefusedRequest,
) -> Result<api::ListRefusedResponse, Status> {
    let (from_seq, limit) = (asked.from_seq, asked.limit);
    let read = desk
        .read(asked.at_least, move |snapshot| Ok((snapshot.position()?, snapshot.refused(from_seq, limit)?)));
    let (position, refused) = read.await?;
    let mut source = Source::new(desk.log()?, false);
    let mut inputs = Vec::with_capacity(refused.len());
    for one in refused {
        inputs.push(tell(desk, &mut source, one, asked.content).await?);
    }
    Ok(api::ListRefusedResponse { position, inputs })
}

async fn tell(
    desk: &Desk,
    source: &mut Source,
    refused: Refused,
    content: bool,
) -> Result<api::RefusedInput, Status> {
    let place = (refused.place.seq, refused.place.index);
    let record = source.records(&[place.0]).await?.pop_front().map(Opened::of);
    let (record, withdrawn) = replay::withdrawn(desk, record.into_iter().collect()).await?;
    let input = record.first().and_then(|record| record.input(place.1));
    Ok(api::RefusedInput {
        seq: place.0,
        index: place.1,
        at_ms: refused.at_ms,
        kind: kind::name(refused.kind).into(),
        reason: refused.reason,
        json: input.map(|(_, input)| withdrawn.input(place, &input, content).to_string()).unwrap_or_default(),
    })
}
