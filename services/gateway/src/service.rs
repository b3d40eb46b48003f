//! Starting and stopping a gateway.

use std::sync::Arc;
use std::time::Duration;

use simpang_proto::admin::v1::admin_server::AdminServer;
use simpang_proto::agent::v1::agent_server::AgentServer;
use tracing::{info, warn};

use crate::admin::AdminApi;
use crate::agent::AgentApi;
use crate::command::Commands;
use crate::context::Context;
use crate::options::{Options, StartError};

/// Largest request that is read at all. Bounds of fields are tighter; this one spares the memory.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long tasks may take to end.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    context: Arc<Context>,
    commands: Arc<Commands>,
}

impl Gateway {
    /// Starts to follow the desks there are. Desks that are made later are found by themselves. A log that can't be
    /// reached now is no error: calls answer UNAVAILABLE until it can.
    ///
    /// # Errors
    /// When an option makes no sense, or the store is set up so that it can't be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        options.check()?;
        match tokio::time::timeout(options.deadline, options.store.desks()).await {
            Ok(Err(error)) if !error.is_transient() => return Err(error.into()),
            Ok(Err(error)) => warn!(%error, "starts without the log, and serves when it is there"),
            Ok(Ok(_)) => {}
            Err(_) => warn!("starts without the log, which does not answer, and serves when it is there"),
        }
        let context = Arc::new(Context::new(options));
        let commands = Arc::new(Commands::new(Arc::clone(&context)));
        commands.begin();
        info!(gateway = context.options.instance, "gateway started");
        Ok(Self { context, commands })
    }

    /// The services to serve: `simpang.agent.v1.Agent` and `simpang.admin.v1.Admin`.
    #[must_use]
    pub fn grpc(&self) -> (AgentServer<AgentApi>, AdminServer<AdminApi>) {
        let agent = AgentServer::new(AgentApi::new(Arc::clone(&self.commands)));
        let admin = AdminServer::new(AdminApi::new(Arc::clone(&self.commands)));
        (
            agent.max_decoding_message_size(REQUEST_BYTES_MAX),
            admin.max_decoding_message_size(REQUEST_BYTES_MAX),
        )
    }

    /// Takes no more calls, ends streams, answers what was asked (each call within its own deadline), then ends all
    /// tasks. A server that drains its connections waits for streams, so call this while it drains, not after.
    pub async fn stop(self) {
        self.context.closing.cancel();
        self.context.calls.close();
        self.context.calls.wait().await;
        self.context.stop.cancel();
        self.context.tasks.close();
        if tokio::time::timeout(STOP_WAIT, self.context.tasks.wait()).await.is_err() {
            warn!(tasks = self.context.tasks.len(), "stopped without waiting for tasks that did not end");
        }
        info!(gateway = self.context.options.instance, "gateway stopped");
    }
}
