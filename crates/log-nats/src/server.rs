//! A `nats-server` as a child process: found, checked, configured, started, stopped. For `simpang up`, which
//! supervises one where none is given, and for tests. It listens on 127.0.0.1 only.
//!
//! A folder belongs to one program at a time, held by a lock that ends with the process. A server that a killed
//! predecessor left behind in the folder is stopped before a new one starts.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

mod config;
mod find;

pub use config::{ServerOptions, ServerUser, SyncInterval};
pub use find::{VERSION_MIN, find};

/// Recovering a large store takes the server a while.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// A graceful stop flushes everything; beyond this the server is killed.
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
/// How often a child is looked at.
const POLL: Duration = Duration::from_millis(10);
/// Another program may take a free port between choosing and using it.
const START_ATTEMPTS: usize = 5;

/// A server was not found, not started or not stopped.
#[derive(Debug, Error)]
pub enum ServerError {
    /// No binary.
    #[error(
        "no nats-server found: looked at {0}; run `make tools`, put one on PATH, or set NATS_SERVER to its path"
    )]
    NotFound(String),
    /// A binary that can't be used.
    #[error("{path} can't be used: {reason}")]
    Unusable {
        /// The binary.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Another running program has the folder.
    #[error("{0} is in use by another simpang: stop it, or use another folder")]
    InUse(PathBuf),
    /// It ended or did not answer.
    #[error("nats-server did not start: {reason}; its log is {log}")]
    NotStarted {
        /// What happened, with the log's last lines.
        reason: String,
        /// Its log.
        log: PathBuf,
    },
    /// The folder, its files or the process.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> ServerError {
    let what = what.into();
    move |source| ServerError::Io { what, source }
}

/// A running (or stopped) `nats-server`. Dropping it kills the process.
#[derive(Debug)]
pub struct NatsServer {
    binary: PathBuf,
    options: ServerOptions,
    port: u16,
    child: Option<Child>,
    _lock: File,
}

impl NatsServer {
    /// Finds the binary, starts it on the folder and waits until it answers.
    ///
    /// # Errors
    /// When there is no fit binary, the folder is in use, or the server does not come up.
    pub async fn start(mut options: ServerOptions) -> Result<Self, ServerError> {
        let binary = find(options.binary.as_deref(), options.workspace.as_deref())?;
        std::fs::create_dir_all(&options.dir).map_err(io_error(format!("make {}", options.dir.display())))?;
        // Absolute, so that no other folder's server is taken for this one's.
        options.dir =
            options.dir.canonicalize().map_err(io_error(format!("find {}", options.dir.display())))?;
        let lock = lock(&options.dir)?;
        stop_orphans(&config_path(&options.dir)).await;
        let mut server = Self { binary, port: 0, child: None, _lock: lock, options };
        let mut attempts = 0;
        loop {
            attempts += 1;
            server.port = match server.options.port {
                Some(port) => port,
                None => free_port()?,
            };
            match server.run().await {
                Err(ServerError::NotStarted { reason, .. })
                    if server.options.port.is_none()
                        && reason.contains("address already in use")
                        && attempts < START_ATTEMPTS => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
    }

    /// `nats://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port that clients connect to; the same after every restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The file that it logs to.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        log_path(&self.options.dir)
    }

    /// Its exit status if it ended by itself since it was started; `None` while it runs.
    pub fn exited(&mut self) -> Option<std::process::ExitStatus> {
        self.child.as_mut()?.try_wait().ok()?
    }

    /// Stops it gracefully: it flushes everything first.
    ///
    /// # Errors
    /// When the process can't be signalled or waited for.
    pub async fn stop(&mut self) -> Result<(), ServerError> {
        if self.exited().is_some() {
            // It ended by itself and is gone: there is nobody to signal.
            self.child = None;
        }
        let Some(child) = self.child.as_mut() else { return Ok(()) };
        terminate(child.id()).map_err(io_error("signal nats-server"))?;
        let deadline = Instant::now() + STOPPED_WITHIN;
        while child.try_wait().map_err(io_error("wait for nats-server"))?.is_none() {
            if Instant::now() > deadline {
                warn!("nats-server does not stop, killing it");
                return self.kill();
            }
            sleep(POLL).await;
        }
        self.child = None;
        info!("nats-server stopped");
        Ok(())
    }

    /// Kills it at once (SIGKILL), as a crash would.
    ///
    /// # Errors
    /// When the process can't be killed.
    pub fn kill(&mut self) -> Result<(), ServerError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill().and_then(|()| child.wait()).map_err(io_error("kill nats-server"))?;
        Ok(())
    }

    /// Starts it again on the same port and folder, stopping it first if it runs.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.stop().await?;
        self.run().await
    }

    async fn run(&mut self) -> Result<(), ServerError> {
        let dir = self.options.dir.clone();
        let config = config_path(&dir);
        std::fs::write(&config, config::text(&self.options, self.port))
            .map_err(io_error(format!("write {}", config.display())))?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(log_path(&dir))
            .map_err(io_error(format!("open {}", log_path(&dir).display())))?;
        let begin = log.metadata().map_or(0, |meta| meta.len());
        let child = Command::new(&self.binary)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(io_error("share the log file"))?)
            .stderr(log)
            .spawn()
            .map_err(io_error(format!("start {}", self.binary.display())))?;
        self.child = Some(child);
        self.until_ready(begin).await?;
        info!(url = self.url(), pid = self.pid(), "nats-server is up");
        Ok(())
    }

    async fn until_ready(&mut self, log_begin: u64) -> Result<(), ServerError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = self.exited() {
                self.child = None;
                return Err(self.not_started(&format!("it ended with {status}"), log_begin));
            }
            if answers(self.port).await {
                return Ok(());
            }
            if Instant::now() > deadline {
                self.kill()?;
                return Err(self.not_started(&format!("no answer within {READY_WITHIN:?}"), log_begin));
            }
            sleep(POLL).await;
        }
    }

    fn not_started(&self, reason: &str, log_begin: u64) -> ServerError {
        let log = self.log_path();
        let text = std::fs::read(&log).unwrap_or_default();
        let begin = usize::try_from(log_begin).unwrap_or(0).min(text.len());
        let text = String::from_utf8_lossy(&text[begin..]);
        let lines: Vec<&str> = text.lines().rev().take(3).collect();
        let last = lines.into_iter().rev().collect::<Vec<_>>().join(" | ");
        ServerError::NotStarted { reason: format!("{reason} ({last})"), log }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            warn!(%error, "nats-server may still be running");
        }
    }
}

fn log_path(dir: &Path) -> PathBuf {
    dir.join("nats-server.log")
}

fn config_path(dir: &Path) -> PathBuf {
    dir.join("nats-server.conf")
}

/// Takes the folder for this process. The lock ends with the process, however it ends.
fn lock(dir: &Path) -> Result<File, ServerError> {
    let path = dir.join("lock");
    let what = format!("lock {}", path.display());
    let file = File::create(&path).map_err(io_error(what.clone()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(ServerError::InUse(dir.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(io_error(what)(error)),
    }
}

fn free_port() -> Result<u16, ServerError> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(io_error("find a free port"))?;
    Ok(listener.local_addr().map_err(io_error("find a free port"))?.port())
}

/// Whether a server with JetStream answers on the port. It listens only after it has recovered its streams.
async fn answers(port: u16) -> bool {
    let greeting = async {
        let mut line = String::new();
        let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        BufReader::new(stream).read_line(&mut line).await.ok()?;
        Some(line)
    };
    let line = timeout(Duration::from_secs(1), greeting).await.ok().flatten().unwrap_or_default();
    line.starts_with("INFO ") && line.contains("\"jetstream\":true")
}

/// Asks a process to end. The shell's own `kill` is there even where no `kill` program is.
fn terminate(pid: u32) -> io::Result<()> {
    let status =
        Command::new("sh").arg("-c").arg(format!("kill -TERM {pid}")).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill -TERM {pid}: {status}"))) }
}

/// Stops servers that a killed predecessor left in the folder. The lock is held, so nobody supervises them. Where
/// there is no `/proc`, they are not found, and the new server reports the port that is in use.
async fn stop_orphans(config: &Path) {
    for pid in running_on(config) {
        warn!(pid, "stopping the nats-server that a killed predecessor left behind");
        if let Err(error) = terminate(pid) {
            warn!(pid, %error, "it can't be stopped");
        }
    }
    let deadline = Instant::now() + STOPPED_WITHIN;
    while !running_on(config).is_empty() && Instant::now() < deadline {
        sleep(POLL).await;
    }
}

/// Processes with this configuration file on their command line.
fn running_on(config: &Path) -> Vec<u32> {
    let has_config = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == config.as_os_str().as_encoded_bytes())
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(has_config).collect()
}
