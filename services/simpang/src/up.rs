//! Everything at once: a supervised nats-server unless one is named, every role in this process, desks from a policy.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use simpang_log_nats::{NatsServer, ServerOptions, server::SyncInterval};

use crate::cli::Up;
use crate::client::Client;
use crate::commands::policy;
use crate::config::Config;
use crate::node::{Node, Role, stop_signal};
use crate::{installation, output, people, store, telemetry};

/// How often to see whether the nats-server that we run still runs.
const LOOK_AFTER_SERVER: Duration = Duration::from_millis(500);

/// A whole Simpang in this process.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) config: Config,
    pub(crate) node: Node,
    server: Option<NatsServer>,
}

/// Starts, says where everything is, and stays until asked to stop.
pub(crate) async fn run(config: Config, args: Up) -> Result<()> {
    let mut whole = Whole::start(config).await?;
    let outcome = async {
        if let Some(dir) = &args.policy {
            whole.set_up_desks(&policy::read_folder(dir)?, args.sample).await?;
        }
        whole.announce()?;
        whole.stay().await
    };
    let outcome = outcome.await;
    whole.stop().await?;
    outcome
}

impl Whole {
    /// Starts everything.
    pub(crate) async fn start(config: Config) -> Result<Self> {
        Self::start_roles(config, &Role::ALL).await
    }

    /// Starts these roles.
    pub(crate) async fn start_roles(mut config: Config, roles: &[Role]) -> Result<Self> {
        let metrics = telemetry::start(&config.telemetry)?;
        installation::prepare(&config)?;
        let mut server = None;
        if config.log.nats_url.is_empty() {
            let started = start_server(&config).await?;
            config.log.nats_url = started.url();
            std::fs::write(store::url_file(&config), started.url())
                .context("can't write into the data folder")?;
            server = Some(started);
        }
        let store = store::connect(&config, &store::instance("up", "1")).await?;
        let node = Node::start(&config, roles, store, metrics).await?;
        Ok(Self { config, node, server })
    }

    /// The gRPC address, as clients take it.
    pub(crate) fn addr(&self) -> String {
        self.node.grpc.map(|addr| format!("http://{addr}")).unwrap_or_default()
    }

    /// A client with a token that was made on this machine.
    pub(crate) async fn client(&self, principal: &str) -> Result<Client> {
        let token = installation::local_token(&self.config, principal)?;
        Client::connect(&self.addr(), &token).await
    }

    /// Makes the policy's desks and applies it where there is none yet; adds sample people where asked.
    pub(crate) async fn set_up_desks(&self, files: &[(String, String)], sample: bool) -> Result<()> {
        let client = self.client("admin").await?;
        for desk in policy::apply_where_missing(&client, files).await? {
            output::line(format!("desk {desk}: made, the policy is in force"));
        }
        if sample {
            people::add_samples(&client).await?;
        }
        Ok(())
    }

    fn announce(&self) -> Result<()> {
        let data = self.config.data.dir.display();
        let smtp = self.node.smtp.map_or("none".to_owned(), |addr| addr.to_string());
        output::line("");
        output::line("Simpang is up. Stop it with Ctrl-C; what was accepted is on the log.");
        output::line(format!("  gRPC           {}   (reflection and health on)", self.addr()));
        output::line(format!(
            "  HTTP           http://{}   /webhooks/x  /webhooks/facebook  /v1/messages",
            self.node.http
        ));
        output::line(format!("                 http://{}/metrics  /healthz", self.node.http));
        output::line(format!("  SMTP and LMTP  {smtp}"));
        output::line(format!("  nats-server    {}", self.config.log.nats_url));
        output::line(format!("  data           {data}"));
        output::line("");
        output::line("Tokens stand in the data folder, one file a principal. An administrator's:");
        output::line(format!("  export SIMPANG_TOKEN=$(cat {data}/token-admin)"));
        output::line("An agent's, to work cases from a terminal:");
        output::line(format!("  export SIMPANG_TOKEN=$(cat {data}/token-rina) SIMPANG_DESK=tenesa"));
        output::line("  simpang agent sign-in --ready && simpang agent pull");
        output::line("");
        installation::local_token(&self.config, "admin").map(drop)
    }

    /// Waits until asked to stop. A nats-server of ours that ends by itself is started again on its port and data.
    async fn stay(&mut self) -> Result<()> {
        let asked = stop_signal();
        tokio::pin!(asked);
        loop {
            tokio::select! {
                stop = &mut asked => return stop,
                () = tokio::time::sleep(LOOK_AFTER_SERVER) => self.look_after_server().await?,
            }
        }
    }

    async fn look_after_server(&mut self) -> Result<()> {
        let Some(server) = &mut self.server else { return Ok(()) };
        if let Some(status) = server.exited() {
            tracing::warn!(%status, "nats-server ended by itself, starting it again");
            server
                .restart()
                .await
                .context("nats-server ended by itself and can't be started again; see its log")?;
        }
        Ok(())
    }

    /// Stops everything.
    pub(crate) async fn stop(self) -> Result<()> {
        self.node.stop().await;
        if let Some(mut server) = self.server {
            let _ = std::fs::remove_file(store::url_file(&self.config));
            server.stop().await.context("nats-server did not stop cleanly")?;
        }
        Ok(())
    }
}

async fn start_server(config: &Config) -> Result<NatsServer> {
    let sync = if config.log.sync_always { SyncInterval::Always } else { SyncInterval::Periodic };
    let options = ServerOptions { dir: config.data.dir.join("nats"), sync, ..ServerOptions::default() };
    match tokio::time::timeout(Duration::from_secs(60), NatsServer::start(options)).await {
        Ok(started) => started
            .context("can't run nats-server; `make tools` fetches it, or name a running one with --nats-url"),
        Err(_) => bail!("nats-server did not answer within a minute; see its log in the data folder"),
    }
}
