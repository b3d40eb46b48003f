//! `simpang.ingest.v1.Ingest`: what a call is, who may make it, and which part answers it.

mod contacts;
mod reference;
mod stream;
mod suppress;
mod upload;

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use simpang_access::{Gatekeeper, Principal};
use simpang_proto::ingest::v1 as api;
use simpang_proto::ingest::v1::ingest_server::Ingest;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;

use crate::counters::{self, Source};
use crate::intake::Intake;
use crate::messages::{self, NotTaken};

/// Most bytes of one gRPC message: a frame with its envelope, and room to refuse a larger one in words.
pub(crate) const DECODED_BYTES_MAX: usize = 16 << 20;

/// Answers of a stream.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service.
#[derive(Debug, Clone)]
pub struct IngestService {
    intake: Arc<Intake>,
    gatekeeper: Arc<Gatekeeper>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl IngestService {
    pub(crate) fn new(
        intake: Arc<Intake>,
        gatekeeper: Arc<Gatekeeper>,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        Self { intake, gatekeeper, stop, tasks }
    }

    fn authorise(&self, metadata: &MetadataMap, method: &str, desk: &str) -> Result<Principal, Status> {
        let method = format!("simpang.ingest.v1.Ingest/{method}");
        // A desk's own records name its agents; programs have their roles from the token. The directory says who leads.
        let roles = |principal: &str| self.intake.directory.roles(desk, principal);
        self.gatekeeper.authorise(metadata, &method, desk, roles)
    }
}

fn traceparent(metadata: &MetadataMap) -> String {
    simpang_trace::of_header(metadata.get("traceparent").and_then(|value| value.to_str().ok()))
}

#[tonic::async_trait]
impl Ingest for IngestService {
    async fn push(&self, request: Request<api::PushRequest>) -> Result<Response<api::PushResponse>, Status> {
        let principal = self.authorise(request.metadata(), "Push", "")?;
        let traceparent = traceparent(request.metadata());
        let message = request.into_inner().message.unwrap_or_default();
        let pushed = push_one(&self.intake, &principal, message, &traceparent).await;
        match pushed {
            Ok(response) => {
                counters::accepted(Source::Push, 1);
                Ok(Response::new(response))
            }
            Err(not_taken) => {
                messages::count(Source::Push, &not_taken);
                Err(messages::status(not_taken))
            }
        }
    }

    type PushStreamStream = Answers<api::PushStreamResponse>;

    async fn push_stream(
        &self,
        request: Request<Streaming<api::PushStreamRequest>>,
    ) -> Result<Response<Self::PushStreamStream>, Status> {
        let principal = self.authorise(request.metadata(), "PushStream", "")?;
        let traceparent = traceparent(request.metadata());
        let answers = stream::serve(self, principal, traceparent, request.into_inner());
        Ok(Response::new(Box::pin(answers)))
    }

    async fn upload_attachment(
        &self,
        request: Request<Streaming<api::UploadAttachmentRequest>>,
    ) -> Result<Response<api::UploadAttachmentResponse>, Status> {
        self.authorise(request.metadata(), "UploadAttachment", "")?;
        upload::serve(self, request.into_inner()).await.map(Response::new)
    }

    type LoadContactsStream = Answers<api::LoadContactsResponse>;

    async fn load_contacts(
        &self,
        request: Request<Streaming<api::LoadContactsRequest>>,
    ) -> Result<Response<Self::LoadContactsStream>, Status> {
        let (metadata, _, inbound) = request.into_parts();
        let answers = contacts::serve(self, metadata, inbound).await?;
        Ok(Response::new(Box::pin(answers)))
    }

    async fn suppress_numbers(
        &self,
        request: Request<api::SuppressNumbersRequest>,
    ) -> Result<Response<api::SuppressNumbersResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        suppress::serve(self, &metadata, request).await.map(Response::new)
    }

    async fn report_reference(
        &self,
        request: Request<api::ReportReferenceRequest>,
    ) -> Result<Response<api::ReportReferenceResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        reference::serve(self, &metadata, request).await.map(Response::new)
    }
}

/// Brings one message to its desk's log.
pub(crate) async fn push_one(
    intake: &Intake,
    principal: &Principal,
    message: api::Message,
    traceparent: &str,
) -> Result<api::PushResponse, NotTaken> {
    let span = tracing::info_span!("ingest.message.push", traceparent);
    let push = async {
        let prepared = messages::prepare(intake, principal, message, traceparent).await?;
        let place = intake.append(Source::Push, &prepared.desk, &prepared.input).await?;
        Ok(api::PushResponse { places: vec![messages::place(&prepared.desk, place)] })
    };
    push.instrument(span).await
}
