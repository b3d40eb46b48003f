//! The broker: reachable, new enough, JetStream on, how fast, and whose clock is right.

use std::time::{Duration, Instant};

use serde_json::Value;
use simpang_log_nats::NatsStore;

use super::Report;
use crate::config::Config;
use crate::{output, store};

/// The oldest broker without a known hole that matters here.
const VERSION_MIN: (u64, u64, u64) = (2, 14, 3);

/// A round trip above this makes every command wait.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(50);

/// How far the broker's clock may be from this machine's before people wonder, and before something is broken, ms.
const CLOCK_WARN_MS: i64 = 2_000;
const CLOCK_FAIL_MS: i64 = 60_000;

/// A broker that answers.
pub(super) struct Broker {
    pub(super) store: NatsStore,
    client: async_nats::Client,
    /// Servers of the cluster that the broker told of; 1 when it is alone.
    pub(super) servers: usize,
}

impl Broker {
    /// A request to JetStream's interface.
    pub(super) async fn api(&self, subject: &str) -> Result<Value, String> {
        let asked = self.client.request(format!("$JS.API.{subject}"), "{}".into());
        let answer = tokio::time::timeout(Duration::from_secs(5), asked).await;
        let answer = answer.map_err(|_| "no answer within five seconds".to_owned())?;
        let message = answer.map_err(|error| error.to_string())?;
        let value: Value = serde_json::from_slice(&message.payload).map_err(|error| error.to_string())?;
        match value["error"]["description"].as_str() {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(value),
        }
    }
}

pub(super) async fn check(config: &Config, report: &mut Report) -> Option<Broker> {
    let broker = reach(config, report).await?;
    version(&broker, report);
    jetstream(&broker, report).await?;
    round_trip(&broker, report).await;
    Some(broker)
}

async fn reach(config: &Config, report: &mut Report) -> Option<Broker> {
    let check = "broker";
    let todo = "start nats-server (or `simpang up`), or name the right one with --nats-url; meanwhile nothing is \
                accepted and nothing is lost, see \"The broker is away\" in docs/repair.md";
    let url = store::url(config).map_err(|error| report.fail(check, error.to_string(), todo)).ok()?;
    let connected = store::connect_nats(config, &store::instance("doctor", "1")).await;
    let store = connected.map_err(|error| report.fail(check, format!("{error:#}"), todo)).ok()?;
    let client = client(config, &url).await.map_err(|error| report.fail(check, error, todo)).ok()?;
    let info = client.server_info();
    let servers = info.connect_urls.len().max(1);
    let cluster = info.cluster.filter(|name| !name.is_empty());
    let cluster =
        cluster.map_or_else(String::new, |name| format!(", cluster {name} with {servers} known servers"));
    report.ok(check, format!("{url} answers, server {}{cluster}", info.server_name));
    Some(Broker { store, client, servers })
}

async fn client(config: &Config, url: &str) -> Result<async_nats::Client, String> {
    let log = &config.log;
    let mut options = async_nats::ConnectOptions::new().name("simpang doctor");
    if !log.user.is_empty() {
        options = options.user_and_password(log.user.clone(), log.password.clone());
    }
    if !log.credentials.is_empty() {
        options = options.credentials_file(&log.credentials).await.map_err(|error| error.to_string())?;
    }
    let servers: Vec<String> = url.split(',').map(|part| part.trim().to_owned()).collect();
    async_nats::connect_with_options(servers, options).await.map_err(|error| error.to_string())
}

fn version(broker: &Broker, report: &mut Report) {
    let found = broker.store.server_version();
    let (major, minor, patch) = VERSION_MIN;
    let todo =
        format!("upgrade nats-server to {major}.{minor}.{patch} or later: older ones have security holes");
    match parse(&found) {
        Some(version) if version >= VERSION_MIN => {
            let payload = broker.store.max_payload() / 1024;
            report.ok("broker version", format!("{found}, messages up to {payload} KiB"));
        }
        Some(_) => report.fail("broker version", found, todo),
        None => report.warn("broker version", format!("`{found}` is no version number"), todo),
    }
}

/// `2.15.1`, also with something after the patch.
fn parse(version: &str) -> Option<(u64, u64, u64)> {
    let mut parts = version.splitn(3, '.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let patch = parts.next()?;
    let digits = patch.find(|c: char| !c.is_ascii_digit()).unwrap_or(patch.len());
    Some((major, minor, patch[..digits].parse().ok()?))
}

async fn jetstream(broker: &Broker, report: &mut Report) -> Option<()> {
    match broker.api("INFO").await {
        Ok(info) => {
            let used = info["storage"].as_u64().unwrap_or(0) / (1024 * 1024);
            let streams = info["streams"].as_u64().unwrap_or(0);
            let most = info["limits"]["max_storage"].as_i64().unwrap_or(-1);
            let most = if most < 0 {
                "no limit".to_owned()
            } else {
                format!("at most {} MiB", most / (1024 * 1024))
            };
            report.ok("JetStream", format!("on: {streams} streams, {used} MiB stored, {most}"));
            Some(())
        }
        Err(error) => {
            report.fail(
                "JetStream",
                error,
                "nats-server switches it off when its disk is full: see \"A full disk\" in docs/repair.md; if it never \
                 was on: `jetstream { store_dir: … }` in its configuration",
            );
            None
        }
    }
}

async fn round_trip(broker: &Broker, report: &mut Report) {
    let mut best: Option<Duration> = None;
    for _ in 0..5 {
        if let Ok(took) = broker.store.round_trip().await {
            best = Some(best.map_or(took, |best| best.min(took)));
        }
    }
    match best {
        Some(took) if took <= ROUND_TRIP_MAX => report.ok("round trip", format!("{took:.1?}")),
        Some(took) => report.warn(
            "round trip",
            format!("{took:.1?}"),
            "bring the roles nearer to the broker: every command waits for two of these",
        ),
        None => report.fail("round trip", "no answer", "look at nats-server's log"),
    }
}

/// Compares the broker's clock, which stamps every record, with this machine's. `stream` is any stream.
pub(super) async fn clock(broker: &Broker, stream: &str, report: &mut Report) {
    let (before, started) = (output::now_ms(), Instant::now());
    let Ok(info) = broker.api(&format!("STREAM.INFO.{stream}")).await else { return };
    let half = i64::try_from(started.elapsed().as_millis() / 2).unwrap_or(0);
    let told = info["ts"].as_str().and_then(|ts| chrono::DateTime::parse_from_rfc3339(ts).ok());
    let Some(told) = told else {
        let todo = "keep both on NTP: a record's time is the broker's";
        return report.warn("clock", "the broker does not tell its time", todo);
    };
    let off = told.timestamp_millis() - (before + half);
    let found = format!("the broker's clock is {off} ms from this machine's");
    let todo = "set both by NTP: the broker's clock stamps every record, and SLA deadlines are told by it; see \"Clocks \
                apart\" in docs/repair.md";
    match off.abs() {
        off if off >= CLOCK_FAIL_MS => report.fail("clock", found, todo),
        off if off >= CLOCK_WARN_MS => report.warn("clock", found, todo),
        _ => report.ok("clock", found),
    }
}

#[cfg(test)]
mod tests {
    use super::{VERSION_MIN, parse};

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (text, new_enough) in [
            ("2.15.1", true),
            ("2.14.3", true),
            ("2.14.3-beta", true),
            ("2.14.2", false),
            ("2.9.25", false),
            ("3.0.0", true),
        ] {
            assert_eq!(parse(text).is_some_and(|version| version >= VERSION_MIN), new_enough, "{text}");
        }
        assert_eq!(parse("main"), None);
    }
}
