//! The log as the settings say.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use simpang_archive::{Archive, Archived};
use simpang_log::{LogError, LogStore};
use simpang_log_nats::{NatsOptions, NatsStore};
use tracing::warn;

use crate::config::Config;

/// From the first attempt to reach a broker that is away to the second; doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest wait between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Connects to the broker that the settings name, and puts the archive before it where they name one: what was pruned
/// from the live log is read from there.
pub(crate) async fn connect(config: &Config, name: &str) -> Result<Arc<dyn LogStore>> {
    Ok(with_archive(config, Arc::new(connect_nats(config, name).await?)))
}

/// The archive before a live log, where the settings name one.
pub(crate) fn with_archive(config: &Config, live: Arc<dyn LogStore>) -> Arc<dyn LogStore> {
    match archive(config) {
        Some(archive) => Arc::new(Archived::new(live, archive)),
        None => live,
    }
}

/// The archive that the settings name.
pub(crate) fn archive(config: &Config) -> Option<Archive> {
    let dir = &config.log.archive;
    (!dir.as_os_str().is_empty()).then(|| Archive::new(dir))
}

/// As [`connect`], and waits for a broker that is away: a machine may start its services in any order. What waiting
/// can't mend (a refused user, settings that make no sense) is an error at once.
pub(crate) async fn wait(config: &Config, name: &str) -> Result<Arc<dyn LogStore>> {
    let mut pause = FIRST_PAUSE;
    loop {
        match connect(config, name).await {
            Err(error) if may_pass(&error) => {
                warn!(
                    again_in_s = pause.as_secs_f64(),
                    "{error:#}; nothing is taken or done until it answers"
                );
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            done => return done,
        }
    }
}

fn may_pass(error: &anyhow::Error) -> bool {
    error.downcast_ref::<LogError>().is_some_and(LogError::is_transient)
}

/// As [`connect`], with what only the broker can tell.
pub(crate) async fn connect_nats(config: &Config, name: &str) -> Result<NatsStore> {
    let log = &config.log;
    let url = url(config)?;
    let some = |text: &String| Some(text.clone()).filter(|t| !t.is_empty());
    let options = NatsOptions {
        name: name.to_owned(),
        user: some(&log.user),
        password: some(&log.password),
        credentials: some(&log.credentials).map(PathBuf::from),
        replicas: log.replicas,
        ..NatsOptions::default()
    };
    NatsStore::connect(&url, options).await.with_context(|| format!("can't reach nats-server at {url}"))
}

/// The address of the broker: as the settings say, else of the one that `simpang up` runs.
pub(crate) fn url(config: &Config) -> Result<String> {
    if !config.log.nats_url.is_empty() {
        return Ok(config.log.nats_url.clone());
    }
    match running_url(config) {
        Some(url) => Ok(url),
        None => bail!(
            "no nats-server named: use --nats-url, NATS_URL or log.nats_url in the settings \
             (a `simpang up` that runs one of its own is found by its data folder, --data)"
        ),
    }
}

/// Where `simpang up` wrote the address of its own nats-server while it runs.
pub(crate) fn url_file(config: &Config) -> PathBuf {
    config.data.dir.join("nats-url")
}

fn running_url(config: &Config) -> Option<String> {
    let url = std::fs::read_to_string(url_file(config)).ok()?;
    Some(url.trim().to_owned()).filter(|u| !u.is_empty())
}

/// `<role>@<host>/<instance>`: who writes, for people. `instance` stays the same over restarts.
pub(crate) fn instance(role: &str, instance: &str) -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "localhost" } else { host };
    format!("{role}@{host}/{instance}")
}
