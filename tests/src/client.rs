//! Clients of the API: one for each principal, and an agent who sends again what was not answered.

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use simpang_proto::admin::v1::admin_client::AdminClient;
use simpang_proto::agent::v1::agent_client::AgentClient;
use simpang_proto::agent::v1::{
    Answered, Assignment, ClassifyRequest, CommandResponse, DisposeRequest, Fact, Field, IdentifyRequest,
    PullRequest, PullResponse, ReplyRequest, ResolveRequest, SignInRequest, SignInResponse, fact,
};
use simpang_proto::audit::v1::audit_client::AuditClient;
use simpang_proto::ingest::v1::ingest_client::IngestClient;
use simpang_proto::view::v1::view_client::ViewClient;
use simpang_proto::view::v1::{Case, GetCaseRequest, SlaBoardRequest, SlaBoardResponse};
use tokio::time::{Instant, sleep};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::journal::Sent;
use crate::wait::{DEADLINE, eventually};

/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(20);
/// How long an agent waits before sending again.
const AGAIN: Duration = Duration::from_millis(100);

/// Puts a token on every call.
#[derive(Debug, Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Authorised = InterceptedService<Channel, Bearer>;

/// The API as one principal sees it. It connects when it is used, and again after a break.
#[derive(Debug, Clone)]
pub struct Client {
    ingest: Channel,
    gateway: Channel,
    project: Channel,
    bearer: Bearer,
}

impl Client {
    pub(crate) fn new(ingest: SocketAddr, gateway: SocketAddr, project: SocketAddr, token: &str) -> Self {
        let channel = |addr: SocketAddr| {
            let endpoint = Endpoint::from_shared(format!("http://{addr}")).expect("an address");
            endpoint.timeout(ANSWER).connect_timeout(ANSWER).connect_lazy()
        };
        let bearer = Bearer(format!("Bearer {token}").parse().expect("a token"));
        Self { ingest: channel(ingest), gateway: channel(gateway), project: channel(project), bearer }
    }

    /// The doors.
    #[must_use]
    pub fn ingest(&self) -> IngestClient<Authorised> {
        IngestClient::with_interceptor(self.ingest.clone(), self.bearer.clone())
    }

    /// Agents' calls.
    #[must_use]
    pub fn agent(&self) -> AgentClient<Authorised> {
        AgentClient::with_interceptor(self.gateway.clone(), self.bearer.clone())
    }

    /// Administrators' calls.
    #[must_use]
    pub fn admin(&self) -> AdminClient<Authorised> {
        AdminClient::with_interceptor(self.gateway.clone(), self.bearer.clone())
    }

    /// Views.
    #[must_use]
    pub fn view(&self) -> ViewClient<Authorised> {
        ViewClient::with_interceptor(self.project.clone(), self.bearer.clone())
    }

    /// Audit.
    #[must_use]
    pub fn audit(&self) -> AuditClient<Authorised> {
        AuditClient::with_interceptor(self.project.clone(), self.bearer.clone())
    }

    /// A case, as the view has it at this position.
    ///
    /// # Errors
    /// As the call.
    pub async fn case(&self, desk: &str, case: u64, at_least: u64) -> Result<Case, Status> {
        let request = GetCaseRequest { desk: desk.to_owned(), case, at_least };
        Ok(self.view().get_case(request).await?.into_inner().case.unwrap_or_default())
    }

    /// A case, once it is as expected.
    ///
    /// # Panics
    /// When it never is.
    pub async fn case_when(&self, desk: &str, case: u64, what: &str, holds: impl Fn(&Case) -> bool) -> Case {
        eventually(format!("case {case} of {desk}: {what}"), async || {
            self.case(desk, case, 0).await.ok().filter(|seen| holds(seen))
        })
        .await
    }

    /// The SLA board of a desk, at this position.
    ///
    /// # Errors
    /// As the call.
    pub async fn sla(&self, desk: &str, at_least: u64) -> Result<SlaBoardResponse, Status> {
        let request =
            SlaBoardRequest { desk: desk.to_owned(), limit: 100, at_least, ..SlaBoardRequest::default() };
        Ok(self.view().sla_board(request).await?.into_inner())
    }
}

/// An agent at work on one desk. Every command has a request id of its own, is sent again with it until it is
/// answered, and is noted when it is answered OK.
#[derive(Debug)]
pub struct Agent {
    /// The API as the agent sees it.
    pub client: Client,
    /// Who it is.
    pub name: String,
    desk: String,
    sent: Sent,
    /// Makes request ids different from those of the agent's earlier days.
    day: u64,
    next: AtomicU64,
}

impl Agent {
    pub(crate) fn new(client: Client, name: &str, desk: &str, sent: Sent) -> Self {
        Self {
            client,
            name: name.to_owned(),
            desk: desk.to_owned(),
            sent,
            day: rand::random(),
            next: AtomicU64::new(1),
        }
    }

    /// The desk.
    #[must_use]
    pub fn desk(&self) -> &str {
        &self.desk
    }

    /// A new request id.
    pub fn request_id(&self) -> String {
        format!("{:x}-{}", self.day, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends a command until it is answered.
    ///
    /// # Errors
    /// When it is refused, or nobody answers for as long as [`DEADLINE`].
    pub async fn command<T>(
        &self,
        request_id: &str,
        mut send: impl AsyncFnMut(AgentClient<Authorised>) -> Result<Response<T>, Status>,
    ) -> Result<T, Status> {
        let begun = Instant::now();
        loop {
            match send(self.client.agent()).await {
                Ok(answer) => {
                    self.sent.command(&self.desk, &self.name, request_id);
                    return Ok(answer.into_inner());
                }
                Err(status) if is_unanswered(&status) && begun.elapsed() < DEADLINE => sleep(AGAIN).await,
                Err(status) => return Err(status),
            }
        }
    }

    /// Signs in, ready.
    ///
    /// # Errors
    /// As [`Self::command`]; so for all that follow.
    pub async fn sign_in(&self) -> Result<SignInResponse, Status> {
        let id = self.request_id();
        let request =
            SignInRequest { desk: self.desk.clone(), request_id: id.clone(), ready: true, auto: false };
        self.command(&id, async |mut agent| agent.sign_in(request.clone()).await).await
    }

    /// Asks for cases that are there now.
    ///
    /// # Errors
    /// When refused.
    pub async fn pull(&self, count: u32) -> Result<PullResponse, Status> {
        let id = self.request_id();
        let request =
            PullRequest { desk: self.desk.clone(), request_id: id.clone(), count, ..PullRequest::default() };
        self.command(&id, async |mut agent| agent.pull(request.clone()).await).await
    }

    /// Asks until there is a case.
    ///
    /// # Panics
    /// When there never is one.
    pub async fn pull_one(&self) -> Assignment {
        eventually(format!("a case for {}", self.name), async || {
            let pulled = self.pull(1).await.unwrap_or_else(|status| panic!("pull: {status}"));
            pulled.assignments.into_iter().next()
        })
        .await
    }

    /// Says who the customer is by the segment.
    ///
    /// # Errors
    /// When refused.
    pub async fn identify(&self, case: u64, segment: &str) -> Result<CommandResponse, Status> {
        let id = self.request_id();
        let request = IdentifyRequest {
            desk: self.desk.clone(),
            request_id: id.clone(),
            case,
            segment: segment.to_owned(),
            ..IdentifyRequest::default()
        };
        self.command(&id, async |mut agent| agent.identify(request.clone()).await).await
    }

    /// Sets the category.
    ///
    /// # Errors
    /// When refused.
    pub async fn classify(
        &self,
        case: u64,
        category: &[&str],
        flags: &[&str],
    ) -> Result<CommandResponse, Status> {
        let id = self.request_id();
        let fact = |name: &&str| Fact { name: (*name).to_owned(), value: Some(fact::Value::Flag(true)) };
        let request = ClassifyRequest {
            desk: self.desk.clone(),
            request_id: id.clone(),
            case,
            category: category.iter().map(|part| (*part).to_owned()).collect(),
            facts: flags.iter().map(fact).collect(),
            ..ClassifyRequest::default()
        };
        self.command(&id, async |mut agent| agent.classify(request.clone()).await).await
    }

    /// Answers the customer.
    ///
    /// # Errors
    /// When refused.
    pub async fn reply(
        &self,
        case: u64,
        seen_messages: u32,
        text: &str,
        resolve: bool,
    ) -> Result<CommandResponse, Status> {
        let id = self.request_id();
        let request = ReplyRequest {
            desk: self.desk.clone(),
            request_id: id.clone(),
            case,
            seen_messages,
            text: text.to_owned(),
            resolve,
            ..ReplyRequest::default()
        };
        self.command(&id, async |mut agent| agent.reply(request.clone()).await).await
    }

    /// Records a call's outcome.
    ///
    /// # Errors
    /// When refused.
    pub async fn dispose(
        &self,
        case: u64,
        path: &[&str],
        fields: &[(&str, &str)],
        again_at_ms: i64,
    ) -> Result<CommandResponse, Status> {
        let id = self.request_id();
        let field = |(name, value): &(&str, &str)| Field { name: (*name).into(), value: (*value).into() };
        let request = DisposeRequest {
            desk: self.desk.clone(),
            request_id: id.clone(),
            case,
            path: path.iter().map(|label| (*label).to_owned()).collect(),
            fields: fields.iter().map(field).collect(),
            again_at_ms,
            answered: Answered::Reporter.into(),
            ..DisposeRequest::default()
        };
        self.command(&id, async |mut agent| agent.dispose(request.clone()).await).await
    }

    /// Resolves a case.
    ///
    /// # Errors
    /// When refused.
    pub async fn resolve(&self, case: u64) -> Result<CommandResponse, Status> {
        let id = self.request_id();
        let request = ResolveRequest {
            desk: self.desk.clone(),
            request_id: id.clone(),
            case,
            ..ResolveRequest::default()
        };
        self.command(&id, async |mut agent| agent.resolve(request.clone()).await).await
    }
}

/// Nobody can say whether the command was decided: a service says so, or the connection broke.
fn is_unanswered(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded)
        || status.source().is_some()
}
