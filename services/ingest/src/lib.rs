//! The doors: mail by SMTP and LMTP, webhooks of X and Facebook, campaign lists, and messages that other gateways
//! push by gRPC or JSON. What arrives becomes inputs on the desks' logs; nothing is judged here.
//!
//! Nothing is told "accepted" before the log's acknowledgement. When that does not come, the sender is told to bring
//! the same again; idempotency keys make that harmless, and the desk's core, not the door, knows a repeat. The only
//! state is a fold of the customer directory, from which facts about the sender are written on each input, so that
//! no later decision looks anything up.
//!
//! Begin at [`Ingest`]; then `intake` (what all doors share), `mapping` (from the channels' plain values to the log's
//! shapes), and a door: `smtp`, `http`, `grpc`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod counters;

mod bring;
mod contacts;
mod directory;
mod grpc;
mod http;
mod intake;
mod mapping;
mod messages;
mod pull;
mod refusals;
mod replay;
mod smtp;
mod ticket;
mod upload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use simpang_access::Gatekeeper;
use simpang_log::LogStore;
use simpang_proto::ingest::v1::ingest_server::IngestServer;
use simpang_wire::key::Keyer;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use grpc::IngestService;
pub use http::{FacebookApp, GraphPage, HttpOptions, XApp};
pub use pull::{ImapMailbox, ImapTls, Token, XPull, XWay};
pub use replay::{Correction, ReplayError, Replayed, replay};
pub use smtp::{SessionLimits, SmtpOptions, SmtpTls, SmtpTlsError};
pub use upload::ATTACHMENT_BYTES;

use directory::Directory;
use intake::Intake;

/// How long open sessions may take to end.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What the doors need.
#[derive(Debug, Clone)]
pub struct Options {
    /// The logs.
    pub store: Arc<dyn LogStore>,
    /// Makes keyed hashes.
    pub keyer: Keyer,
    /// Checks tokens.
    pub gatekeeper: Arc<Gatekeeper>,
    /// Who writes, for people: `ingest@<host>/<instance>`.
    pub instance: String,
    /// The mail listener; none: no mail is listened for.
    pub smtp: Option<SmtpOptions>,
    /// The doors by HTTP.
    pub http: HttpOptions,
    /// Mailboxes that are asked by IMAP, by one process of an installation.
    pub imap: Vec<ImapMailbox>,
    /// Accounts at X that are asked for their mentions, by one process of an installation.
    pub x_pulls: Vec<XPull>,
    /// Most bytes of one file that is uploaded.
    pub attachment_bytes: usize,
}

/// The doors can't be opened.
#[derive(Debug, Error)]
pub enum StartError {
    /// The mail listener.
    #[error("{0}")]
    Smtp(String),
    /// An option that makes no sense.
    #[error("{0}")]
    Option(String),
}

/// The doors, open.
#[derive(Debug)]
pub struct Ingest {
    intake: Arc<Intake>,
    gatekeeper: Arc<Gatekeeper>,
    http: HttpOptions,
    smtp: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Ingest {
    /// Opens the doors: begins to read the directory and to listen for mail. Until the directory is read the doors
    /// tell every sender to come again.
    ///
    /// # Errors
    /// When the mail listener can't be bound, or an app has no secret.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        check_apps(&options.http)?;
        counters::describe();
        let directory = Arc::new(Directory::default());
        let intake = Intake::new(options.store.clone(), options.keyer, directory.clone(), &options.instance);
        let intake = Arc::new(intake.with_attachment_bytes(options.attachment_bytes));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let mut bound = None;
        if let Some(smtp) = options.smtp {
            let listener = smtp::Listener::bind(smtp).await.map_err(|e| StartError::Smtp(e.to_string()))?;
            bound = Some(listener.bound());
            tasks.spawn(listener.serve(intake.clone(), stop.clone(), tasks.clone()));
        }
        tasks.spawn(directory::follow(options.store, directory, stop.clone()));
        for mailbox in options.imap.into_iter().map(Arc::new) {
            for folder in mailbox.folders.clone() {
                tasks.spawn(pull::imap::run(mailbox.clone(), folder, intake.clone(), stop.clone()));
            }
        }
        if !options.x_pulls.is_empty() {
            let client = pull::client().map_err(|e| StartError::Option(format!("no HTTP client: {e}")))?;
            for asked in options.x_pulls {
                tasks.spawn(pull::x::run(asked, client.clone(), intake.clone(), stop.clone()));
            }
        }
        let (gatekeeper, http) = (options.gatekeeper, options.http);
        Ok(Self { intake, gatekeeper, http, smtp: bound, stop, tasks })
    }

    /// Where mail is listened for.
    #[must_use]
    pub fn smtp_address(&self) -> Option<SocketAddr> {
        self.smtp
    }

    /// Whether the directory is read, so that the doors take things in.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.intake.directory.is_ready()
    }

    /// What the log takes nothing of now, and why; empty when it takes everything.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        self.intake.refusals.all()
    }

    /// Sequence of the directory's last record that the doors know.
    #[must_use]
    pub fn directory_read_through(&self) -> u64 {
        self.intake.directory.read_through()
    }

    /// The gRPC service `simpang.ingest.v1.Ingest`.
    #[must_use]
    pub fn grpc(&self) -> IngestServer<IngestService> {
        let service = IngestService::new(
            self.intake.clone(),
            self.gatekeeper.clone(),
            self.stop.clone(),
            self.tasks.clone(),
        );
        IngestServer::new(service).max_decoding_message_size(grpc::DECODED_BYTES_MAX)
    }

    /// The doors by HTTP: `/webhooks/x`, `/webhooks/facebook`, `/v1/messages`, `/v1/attachments`.
    pub fn http(&self) -> Router {
        http::router(self.intake.clone(), self.gatekeeper.clone(), self.http.clone())
    }

    /// Closes the doors: takes no new connection or frame, and lets what has begun come to its end.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("some sessions did not end in time and are cut off");
        }
    }
}

/// A webhook without a secret would let anybody in.
fn check_apps(http: &HttpOptions) -> Result<(), StartError> {
    let x = http.x_apps.iter().map(|app| ("X", &app.name, app.consumer_secret.is_empty()));
    let facebook = http.facebook_apps.iter();
    let facebook =
        facebook.map(|app| ("Facebook", &app.name, app.app_secret.is_empty() || app.verify_token.is_empty()));
    match x.chain(facebook).find(|(_, _, missing)| *missing) {
        Some((channel, name, _)) => Err(StartError::Option(format!(
            "the app `{name}` at {channel} has no secret or verify token: set them"
        ))),
        None => Ok(()),
    }
}
