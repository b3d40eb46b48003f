//! gRPC clients for the commands: one channel, one token.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use simpang_proto::admin::v1::admin_client::AdminClient;
use simpang_proto::agent::v1::agent_client::AgentClient;
use simpang_proto::audit::v1::audit_client::AuditClient;
use simpang_proto::ingest::v1::ingest_client::IngestClient;
use simpang_proto::view::v1::view_client::ViewClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::cli::Server;
use crate::config::Config;
use crate::installation;

/// Puts the token on every call.
#[derive(Debug, Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Authorised = InterceptedService<Channel, Bearer>;

/// A connection as one principal.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    channel: Channel,
    bearer: Bearer,
}

impl Client {
    /// Connects with a token.
    pub(crate) async fn connect(addr: &str, token: &str) -> Result<Self> {
        let channel = Endpoint::from_shared(addr.to_owned())
            .with_context(|| format!("{addr} is no address such as http://127.0.0.1:7411"))?
            .connect()
            .await
            .map_err(|error| {
                anyhow!("nothing answers at {addr}: is `simpang up` running there? ({error})")
            })?;
        let value =
            format!("Bearer {token}").parse().context("the token has characters that no token has")?;
        Ok(Self { channel, bearer: Bearer(value) })
    }

    /// Connects as the command line says; without a token as the local administrator.
    pub(crate) async fn of(config: &Config, server: &Server) -> Result<Self> {
        let token = match &server.token {
            Some(token) => token.clone(),
            None => installation::local_token(config, "admin")?,
        };
        Self::connect(&server.addr, &token).await
    }

    pub(crate) fn admin(&self) -> AdminClient<Authorised> {
        AdminClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn agent(&self) -> AgentClient<Authorised> {
        AgentClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn view(&self) -> ViewClient<Authorised> {
        ViewClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn audit(&self) -> AuditClient<Authorised> {
        AuditClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn ingest(&self) -> IngestClient<Authorised> {
        IngestClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }
}

/// Longest time to ask the same again while a service is not ready for it.
const PATIENCE: Duration = Duration::from_secs(600);

/// Time between two such questions.
const AGAIN: Duration = Duration::from_millis(500);

/// Asks what may be asked twice until it is answered: after a restart a service reads a desk's log to its end before it
/// speaks for the desk, which takes a while when the log is long.
pub(crate) async fn until_answered<T>(ask: impl AsyncFn() -> Result<Response<T>, Status>) -> Result<T> {
    let begun = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if status.code() == Code::Unavailable && begun.elapsed() < PATIENCE => {
                tracing::info!(why = status.message(), "not answered yet, asking again");
                tokio::time::sleep(AGAIN).await;
            }
            Err(status) => return Err(refused(status)),
        }
    }
}

/// What a refused call says, for people.
#[allow(clippy::needless_pass_by_value)] // goes into `map_err` as it is
pub(crate) fn refused(status: Status) -> anyhow::Error {
    let kind = format!("{:?}", status.code());
    anyhow!("{} ({kind})", status.message())
}
