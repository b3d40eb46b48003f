//! The sockets of the SMTP and LMTP listener: connections, time-outs, stopping. Knows nothing of the protocol.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::deliver::deliver;
use super::session::{Action, Admission, Mailboxes, Session, SessionLimits};
use super::tls::{Io, SmtpTls};
use crate::counters::{self, Later, Reason, Source};
use crate::directory::Directory;
use crate::intake::Intake;

/// How long a message that is arriving may still take when the service stops.
const GRACE: Duration = Duration::from_secs(5);
/// Between two tries to accept when the machine has no sockets left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Bytes of an arriving message above which it needs room among the large ones.
const LARGE_BYTES: usize = 1 << 20;
/// Bytes read at a time.
const CHUNK: usize = 16 << 10;

/// How mail is listened for.
#[derive(Debug, Clone)]
pub struct SmtpOptions {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// What the server calls itself in its greeting.
    pub host: String,
    /// What one session may use.
    pub limits: SessionLimits,
    /// Most connections at once.
    pub connections: usize,
    /// Most messages over 1 MiB that arrive at once; others wait, unread, so that memory stays bounded.
    pub large_messages: usize,
    /// How long a client may say nothing.
    pub idle: Duration,
    /// How long one message may take to arrive.
    pub message: Duration,
    /// How long a session may last; a message that is arriving then may still come to its end.
    pub session: Duration,
    /// Certificate and key for STARTTLS; none: it is not offered.
    pub tls: Option<SmtpTls>,
    /// Authserv-id of the mail server in front, whose `Authentication-Results` are believed (RFC 8601); empty: none.
    pub trusted_authserv: String,
}

impl SmtpOptions {
    /// Usual limits: 200 connections, 16 large messages at once, the 5 minutes that RFC 5321 §4.5.3.2.7 asks for, 10
    /// minutes for a message and an hour for all that a client says, so that nobody holds a place by dripping.
    #[must_use]
    pub fn new(bind: SocketAddr, host: &str) -> Self {
        Self {
            bind,
            host: host.to_owned(),
            limits: SessionLimits::default(),
            connections: 200,
            large_messages: 16,
            idle: Duration::from_secs(300),
            message: Duration::from_secs(600),
            session: Duration::from_secs(3_600),
            tls: None,
            trusted_authserv: String::new(),
        }
    }
}

/// Mail can't be listened for.
#[derive(Debug, Error)]
#[error(
    "can't listen for mail on {bind}: {source}; is the port taken, or below 1024 without the right to it?"
)]
pub(crate) struct SmtpError {
    bind: SocketAddr,
    source: io::Error,
}

/// A bound listener.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    options: Arc<SmtpOptions>,
    bound: SocketAddr,
}

impl Listener {
    /// Binds.
    pub(crate) async fn bind(options: SmtpOptions) -> Result<Self, SmtpError> {
        let failed = |source| SmtpError { bind: options.bind, source };
        let socket = TcpListener::bind(options.bind).await.map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, options: Arc::new(options), bound })
    }

    /// Where it listens.
    pub(crate) fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Takes connections until told to stop; each is served by a task of its own.
    pub(crate) async fn serve(self, intake: Arc<Intake>, stop: CancellationToken, tasks: TaskTracker) {
        let room = Arc::new(Semaphore::new(self.options.connections));
        let large = Arc::new(Semaphore::new(self.options.large_messages.max(1)));
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = stop.cancelled() => return,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a mail connection could not be accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                    continue;
                }
            };
            match room.clone().try_acquire_owned() {
                Ok(permit) => {
                    counters::connections(self.options.connections - room.available_permits());
                    let (intake, options, stop) = (intake.clone(), self.options.clone(), stop.clone());
                    let stream: Box<dyn Io> = Box::new(stream);
                    let connection = Connection { stream, intake, options, stop, large: large.clone() };
                    tasks.spawn(serve_one(connection, permit, room.clone()));
                }
                Err(_) => {
                    counters::refused(Source::Smtp, Reason::Busy);
                    tasks.spawn(turn_away(stream));
                }
            }
        }
    }
}

async fn turn_away(mut stream: TcpStream) {
    let line = b"421 4.7.0 too many connections, try again later\r\n";
    // Whether the client hears it or not, the connection ends.
    let _ = tokio::time::timeout(GRACE, stream.write_all(line)).await;
}

async fn serve_one(mut connection: Connection, permit: OwnedSemaphorePermit, room: Arc<Semaphore>) {
    if let Err(error) = connection.converse().await {
        tracing::debug!(%error, "a mail connection broke");
    }
    drop(permit);
    counters::connections(connection.options.connections - room.available_permits());
}

struct Connection {
    stream: Box<dyn Io>,
    intake: Arc<Intake>,
    options: Arc<SmtpOptions>,
    stop: CancellationToken,
    large: Arc<Semaphore>,
}

impl Connection {
    async fn converse(&mut self) -> io::Result<()> {
        let mut session = Session::new(&self.options.host, self.options.limits.clone());
        if self.options.tls.is_some() {
            session = session.offering_protection();
        }
        self.send(&session.greeting()).await?;
        let mut chunk = vec![0; CHUNK];
        let mut large = None;
        let mut patience = Patience::new(&self.options);
        loop {
            if session.held() <= LARGE_BYTES {
                large = None;
            } else if large.is_none() {
                large = self.large.clone().acquire_owned().await.ok();
            }
            let (until, why) = patience.until(&self.options, session.is_in_message());
            let read = tokio::select! {
                read = tokio::time::timeout_at(until, self.stream.read(&mut chunk)) => read,
                () = stopping(&self.stop, session.is_in_message()) => {
                    return self.send(&session.shut_down()).await;
                }
            };
            let Ok(read) = read else {
                note_broken_off(&session);
                return self.send(&session.timed_out(why)).await;
            };
            let count = read.inspect_err(|_| note_broken_off(&session))?;
            if count == 0 {
                note_broken_off(&session);
                return Ok(());
            }
            session.receive(&chunk[..count]);
            if self.act(&mut session).await? {
                return self.stream.shutdown().await;
            }
        }
    }

    /// Does all that can be done with what has come; says whether the session is over.
    async fn act(&mut self, session: &mut Session) -> io::Result<bool> {
        let mut answer = Vec::new();
        while let Some(action) = session.next(&*self.intake.directory) {
            match action {
                Action::Reply(bytes) => answer.extend(bytes),
                Action::Refuse(reason, bytes) => {
                    counters::refused(Source::Smtp, reason);
                    answer.extend(bytes);
                }
                Action::Defer(why, bytes) => {
                    counters::deferred(Source::Smtp, why);
                    answer.extend(bytes);
                }
                Action::Deliver(envelope) => {
                    let traceparent = simpang_trace::make();
                    let span = tracing::info_span!("ingest.mail.take", traceparent);
                    let delivery =
                        deliver(&self.intake, envelope.into(), &self.options.trusted_authserv, &traceparent);
                    let outcomes = delivery.instrument(span).await;
                    answer.extend(session.delivered(&outcomes));
                }
                Action::Protect(bytes) => {
                    answer.extend(bytes);
                    self.send(&std::mem::take(&mut answer)).await?;
                    self.protect().await?;
                    session.protected();
                }
                Action::Close(bytes) => {
                    answer.extend(bytes);
                    self.send(&answer).await?;
                    return Ok(true);
                }
            }
        }
        self.send(&answer).await?;
        Ok(false)
    }

    /// Goes on over TLS.
    async fn protect(&mut self) -> io::Result<()> {
        let Some(tls) = self.options.tls.clone() else { return Err(io::ErrorKind::Unsupported.into()) };
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let protected = tokio::time::timeout(self.options.idle, tls.accept(plain)).await;
        self.stream = protected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let send = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let sent = tokio::time::timeout(self.options.idle, send).await;
        sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// A message that has begun and does not end is not taken: its sender brings it again.
fn note_broken_off(session: &Session) {
    if session.is_in_message() {
        counters::deferred(Source::Smtp, Later::Slow);
    }
}

/// How long a client is waited for.
struct Patience {
    session_ends: Instant,
    /// When the message that is arriving has to be whole.
    message_ends: Option<Instant>,
}

impl Patience {
    fn new(options: &SmtpOptions) -> Self {
        Self { session_ends: Instant::now() + options.session, message_ends: None }
    }

    /// Until when the next bytes have to come, and what to say if they don't.
    fn until(&mut self, options: &SmtpOptions, in_message: bool) -> (Instant, &'static str) {
        let now = Instant::now();
        if !in_message {
            self.message_ends = None;
        } else if self.message_ends.is_none() {
            self.message_ends = Some(now + options.message);
        }
        let (ends, why) = match self.message_ends {
            Some(ends) => (ends, "the message took too long, closing"),
            None => (self.session_ends, "the session took too long, closing"),
        };
        let silent = now + options.idle;
        if silent < ends { (silent, "nothing came for too long, closing") } else { (ends, why) }
    }
}

/// Returns when the session has to end because the service does.
async fn stopping(stop: &CancellationToken, in_message: bool) {
    stop.cancelled().await;
    if in_message {
        tokio::time::sleep(GRACE).await;
    }
}

impl Mailboxes for Directory {
    fn find(&self, address: &str) -> Admission {
        if !self.is_ready() {
            return Admission::Unsure;
        }
        match self.mail_account(address) {
            Some(mailbox) => Admission::Known(mailbox),
            None => Admission::Unknown,
        }
    }
}
