//! The role behind a real server, and clients that show tokens.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use simpang_access::{Gatekeeper, TokenEntry, Tokens};
use simpang_log::LogStore;
use simpang_project::{Options, Project};
use simpang_proto::audit::v1::audit_client::AuditClient;
use simpang_proto::view::v1::view_client::ViewClient;
use simpang_wire::key::Keyer;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Server};
use tonic::{Request, Status};

/// How long any step of a test may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Running {
    pub(crate) project: Project,
    channel: Channel,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
pub(crate) struct Token(&'static str);

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = MetadataValue::try_from(format!("Bearer {}", self.0)).unwrap();
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

fn gatekeeper() -> Gatekeeper {
    let entry = |token: &str, principal: &str, roles: &[&str], desks: &[&str]| TokenEntry {
        sha256: Tokens::digest(token),
        principal: principal.into(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        desks: desks.iter().map(|desk| (*desk).to_owned()).collect(),
    };
    let entries = vec![
        entry("siti", "siti", &[], &[]),
        entry("stranger", "stranger", &[], &[]),
        entry("auditor", "anna", &["auditor"], &[]),
        entry("admin", "ade", &["administrator"], &[]),
        entry("gateway", "wa", &["gateway"], &[]),
        entry("elsewhere", "erik", &["auditor"], &["telkomcare"]),
        entry("here", "hana", &["auditor"], &["tenesa"]),
    ];
    Gatekeeper::new(Tokens::from_entries(entries).unwrap())
}

impl Running {
    pub(crate) async fn start(store: Arc<dyn LogStore>, data_dir: &Path) -> Self {
        let options = Options {
            store,
            data_dir: data_dir.into(),
            keyer: Keyer::new(b"a secret for tests"),
            gatekeeper: Arc::new(gatekeeper()),
            instance: "project@here/1".into(),
        };
        let project = Project::start(options).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Server::builder().add_service(project.view()).add_service(project.audit());
        let server = tokio::spawn(async move {
            let _ = routes.serve_with_incoming(TcpListenerStream::new(listener)).await;
        });
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let running = Self { project, channel, server };
        running.until(|running| !running.project.health().is_empty()).await;
        running
    }

    pub(crate) fn view(&self, token: &'static str) -> ViewClient<InterceptedService<Channel, Token>> {
        ViewClient::with_interceptor(self.channel.clone(), Token(token))
    }

    pub(crate) fn audit(&self, token: &'static str) -> AuditClient<InterceptedService<Channel, Token>> {
        AuditClient::with_interceptor(self.channel.clone(), Token(token))
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, so: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(SOON, async {
            while !so(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        waited.await.expect("it never came to be");
    }

    pub(crate) async fn stop(self) {
        self.server.abort();
        tokio::time::timeout(SOON, self.project.stop()).await.expect("the role did not stop");
    }
}
