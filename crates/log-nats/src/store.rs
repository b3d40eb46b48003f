//! The store: connecting, making and checking streams, the directory, raw objects.

use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectError, ConnectErrorKind, ConnectOptions, Event, HeaderMap};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use simpang_log::port::{
    AppendError, BoxFuture, DIRECTORY, DeskLog, DeskName, DirectoryEntry, DirectoryStream, LogError, LogStore,
};
use tokio::sync::{OnceCell, watch};
use tracing::{info, warn};

use crate::connection::{ApiError, Connection, code};
use crate::desk::{self, NatsDesk, stream_name};
use crate::raw;
use crate::read::{self, Stored};
use crate::settings::{self, Loses};

/// The directory's subject for customers and desks.
const DIRECTORY_SUBJECT: &str = "simpang.directory.change";
/// The directory's subject for how far doors have read their sources, which is all that doors may write there.
const CURSOR_SUBJECT: &str = "simpang.directory.cursor";
/// What errors call the store as a whole.
const STORE: &str = "(any)";
/// How often the client asks whether the broker is there.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Longest wait between attempts to reconnect.
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// Messages that a subscription may buffer: more than two batches that a reader asks for.
const SUBSCRIPTION_CAPACITY: usize = 65_536;

/// How to connect.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The client's name, shown in the broker's monitoring: `<role>@<host>/<instance>`.
    pub name: String,
    /// User, where the broker asks for one.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// A credentials file (`.creds`), where the broker asks for one.
    pub credentials: Option<PathBuf>,
    /// Copies of each stream: 1, or 3 on a cluster. An existing stream must have as many or more.
    pub replicas: usize,
    /// How long a request may take before its outcome counts as unknown.
    pub timeout: Duration,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            name: "simpang".into(),
            user: None,
            password: None,
            credentials: None,
            replicas: 1,
            timeout: Duration::from_secs(5),
        }
    }
}

/// Desks' logs on a NATS server or cluster. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct NatsStore {
    connection: Connection,
    replicas: usize,
    directory: Arc<OnceCell<()>>,
    raw: Arc<OnceCell<()>>,
}

impl NatsStore {
    /// Connects. `url` is `nats://host:port`, several separated by commas. Once connected, it reconnects by itself
    /// for ever.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when no broker answers, [`LogError::Denied`] when it refuses the user or the settings
    /// can't be used.
    pub async fn connect(url: &str, options: NatsOptions) -> Result<Self, LogError> {
        let (lost, losses) = watch::channel(0);
        let connecting =
            connect_options(&options, lost).await.map_err(|reason| LogError::Denied { reason })?;
        let servers = url.split(',').map(str::trim).map(str::to_owned).collect::<Vec<_>>();
        let client = async_nats::connect_with_options(servers, connecting)
            .await
            .map_err(|error| not_connected(url, &error))?;
        let connection = Connection::new(client, losses, options.timeout);
        Ok(Self { connection, replicas: options.replicas, directory: Arc::default(), raw: Arc::default() })
    }

    pub(crate) fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// The version of the broker that the store is connected to, such as `2.15.1`.
    #[must_use]
    pub fn server_version(&self) -> String {
        self.connection.client().server_info().version
    }

    /// Most bytes in one message, as the broker says.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.connection.client().max_payload()
    }

    /// How long the broker takes to answer.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when it does not.
    pub async fn round_trip(&self) -> Result<Duration, LogError> {
        let begin = std::time::Instant::now();
        self.api("INFO").await.map_err(|error| error.into_log_error(STORE))?;
        Ok(begin.elapsed())
    }

    async fn api(&self, subject: &str) -> Result<serde_json::Value, ApiError> {
        self.connection.api(subject, &json!({})).await
    }

    /// Makes a stream, or checks the one that is there. `desk` is for errors.
    async fn ensure(
        &self,
        stream: &str,
        desk: &str,
        subjects: &[String],
        loses: Loses,
    ) -> Result<(), LogError> {
        match self.check(stream, desk, subjects, loses).await {
            Err(LogError::NoSuchDesk { .. }) => {}
            checked => return checked,
        }
        let config = settings::config(stream, subjects, self.replicas, loses);
        match self.connection.api(&format!("STREAM.CREATE.{stream}"), &config).await {
            Ok(_) => info!(stream, "made the stream"),
            // Somebody else made it at the same time.
            Err(ApiError::Refused { code: code::STREAM_EXISTS, .. }) => {}
            Err(error) => return Err(error.into_log_error(desk)),
        }
        self.check(stream, desk, subjects, loses).await
    }

    /// Refuses a stream that could lose data, or has lost other than `loses` says.
    async fn check(
        &self,
        stream: &str,
        desk: &str,
        subjects: &[String],
        loses: Loses,
    ) -> Result<(), LogError> {
        let info =
            self.api(&format!("STREAM.INFO.{stream}")).await.map_err(|error| error.into_log_error(desk))?;
        let faults = settings::faults(&info, subjects, self.replicas, loses);
        if faults.is_empty() {
            return Ok(());
        }
        let reason = format!("stream {stream}: {}", faults.join("; "));
        Err(LogError::Misconfigured { desk: desk.to_owned(), reason })
    }

    /// The directory's stream, made or checked once.
    async fn directory(&self) -> Result<String, LogError> {
        let stream = stream_name(DIRECTORY);
        let subjects = [DIRECTORY_SUBJECT.to_owned(), CURSOR_SUBJECT.to_owned()];
        self.directory.get_or_try_init(|| self.ensure(&stream, DIRECTORY, &subjects, Loses::Nothing)).await?;
        Ok(stream)
    }

    async fn publish_to_directory(&self, subject: &str, payload: Bytes) -> Result<u64, AppendError> {
        self.directory().await.map_err(|error| AppendError::Refused(error.to_string()))?;
        Ok(self.connection.publish(subject.to_owned(), payload, None, HeaderMap::new()).await?)
    }

    /// The raw objects' stream, made or checked once.
    async fn raw(&self) -> Result<(), LogError> {
        let subjects = raw::subjects();
        self.raw.get_or_try_init(|| self.ensure(raw::STREAM, raw::NAME, &subjects, Loses::Objects)).await?;
        Ok(())
    }

    async fn names_from(&self, offset: usize) -> Result<(Vec<String>, usize), LogError> {
        let body = json!({"offset": offset, "subject": "simpang.>"});
        let answer =
            self.connection.api("STREAM.NAMES", &body).await.map_err(|error| error.into_log_error(STORE))?;
        let total = answer["total"].as_u64().and_then(|total| usize::try_from(total).ok()).unwrap_or(0);
        Ok((desk::names(&answer), total))
    }

    async fn desk_names(&self) -> Result<Vec<DeskName>, LogError> {
        let mut names = Vec::new();
        loop {
            let (page, total) = self.names_from(names.len()).await?;
            let is_last = page.is_empty();
            names.extend(page);
            if is_last || names.len() >= total {
                break;
            }
        }
        let mut desks: Vec<DeskName> = names
            .iter()
            .filter_map(|name| name.strip_prefix(&stream_name("")))
            .filter_map(|desk| DeskName::new(desk).ok())
            .collect();
        desks.sort();
        Ok(desks)
    }
}

/// Why there is no connection: what an operator has to mend, or what may pass.
fn not_connected(url: &str, error: &ConnectError) -> LogError {
    let reason = format!("{url}: {error}");
    match error.kind() {
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Authentication
        | ConnectErrorKind::AuthorizationViolation
        | ConnectErrorKind::Tls => LogError::Denied { reason },
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => LogError::Unavailable { desk: STORE.into(), reason },
    }
}

async fn connect_options(options: &NatsOptions, lost: watch::Sender<u64>) -> Result<ConnectOptions, String> {
    let mut connecting = ConnectOptions::new()
        .name(&options.name)
        .ping_interval(PING_INTERVAL)
        .connection_timeout(options.timeout)
        .request_timeout(Some(options.timeout))
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .reconnect_delay_callback(|attempt| {
            let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
            Duration::from_millis(20).saturating_mul(attempt).min(RECONNECT_MAX)
        })
        .event_callback(move |event| {
            note(&event, &lost);
            std::future::ready(())
        });
    if let (Some(user), Some(password)) = (&options.user, &options.password) {
        connecting = connecting.user_and_password(user.clone(), password.clone());
    }
    if let Some(path) = &options.credentials {
        let reading = |error| format!("credentials file {}: {error}", path.display());
        connecting = connecting.credentials_file(path).await.map_err(reading)?;
    }
    Ok(connecting)
}

fn note(event: &Event, lost: &watch::Sender<u64>) {
    match event {
        Event::Connected => info!("connected to the broker"),
        Event::Disconnected => {
            lost.send_modify(|count| *count += 1);
            warn!("lost the connection to the broker");
        }
        Event::SlowConsumer(_) => warn!("deliveries of the broker were dropped: a reader is too slow"),
        other => warn!(event = %other, "the broker's connection says"),
    }
}

impl Debug for NatsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsStore").field("replicas", &self.replicas).finish_non_exhaustive()
    }
}

impl LogStore for NatsStore {
    fn create(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        let desk = desk.clone();
        async move {
            let (stream, subjects) = (stream_name(desk.as_str()), desk::subjects(&desk));
            self.ensure(&stream, desk.as_str(), &subjects, Loses::Beginning).await?;
            self.directory().await?;
            self.raw().await?;
            Ok(Arc::new(NatsDesk::new(desk, self.connection.clone()).await?) as Arc<dyn DeskLog>)
        }
        .boxed()
    }

    fn open(&self, desk: &DeskName) -> BoxFuture<'_, Result<Arc<dyn DeskLog>, LogError>> {
        let desk = desk.clone();
        async move {
            let (stream, subjects) = (stream_name(desk.as_str()), desk::subjects(&desk));
            self.check(&stream, desk.as_str(), &subjects, Loses::Beginning).await?;
            Ok(Arc::new(NatsDesk::new(desk, self.connection.clone()).await?) as Arc<dyn DeskLog>)
        }
        .boxed()
    }

    fn desks(&self) -> BoxFuture<'_, Result<Vec<DeskName>, LogError>> {
        self.desk_names().boxed()
    }

    fn put_raw(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        async move {
            self.raw().await?;
            raw::put(&self.connection, digest, bytes, false).await
        }
        .boxed()
    }

    fn put_delivery(&self, digest: [u8; 32], bytes: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        async move {
            self.raw().await?;
            raw::put(&self.connection, digest, bytes, true).await
        }
        .boxed()
    }

    fn get_delivery(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        raw::get(&self.connection, digest, true).boxed()
    }

    fn get_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<Option<Bytes>, LogError>> {
        raw::get(&self.connection, digest, false).boxed()
    }

    fn has_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<bool, LogError>> {
        raw::has(&self.connection, digest).boxed()
    }

    fn list_raw(&self) -> BoxFuture<'_, Result<Vec<[u8; 32]>, LogError>> {
        raw::list(&self.connection).boxed()
    }

    fn remove_raw(&self, digest: [u8; 32]) -> BoxFuture<'_, Result<(), LogError>> {
        async move {
            self.raw().await?;
            raw::remove(&self.connection, digest).await
        }
        .boxed()
    }

    fn append_directory(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.publish_to_directory(DIRECTORY_SUBJECT, payload).boxed()
    }

    fn append_cursors(&self, payload: Bytes) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.publish_to_directory(CURSOR_SUBJECT, payload).boxed()
    }

    fn directory_last_seq(&self) -> BoxFuture<'_, Result<u64, LogError>> {
        async move {
            let stream = self.directory().await?;
            desk::last_seq(&self.connection, &stream, DIRECTORY).await
        }
        .boxed()
    }

    fn read_directory(&self, from: u64) -> BoxFuture<'_, Result<DirectoryStream, LogError>> {
        async move {
            let stream = self.directory().await?;
            let stored = read::read(&self.connection, &stream, DIRECTORY, from).await?;
            let entry = |stored: Stored| DirectoryEntry {
                seq: stored.seq,
                at_ms: stored.at_ms,
                payload: stored.payload,
                is_cursor: stored.subject == CURSOR_SUBJECT,
            };
            Ok(stored.map(move |stored| stored.map(entry)).boxed())
        }
        .boxed()
    }
}
