//! Settings: the file, then the environment, into one typed structure. `default.toml` documents every key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use simpang_router::Snapshots;

/// The commented default file.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

/// The file that is read when none is named and it is there.
const USUAL_FILE: &str = "simpang.toml";

/// What environment settings begin with.
const PREFIX: &str = "SIMPANG_";

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) log: Log,
    pub(crate) node: Node,
    pub(crate) data: Data,
    pub(crate) access: AccessFiles,
    pub(crate) listen: Listen,
    pub(crate) ingest: Ingest,
    pub(crate) router: Router,
    pub(crate) deliver: Deliver,
    pub(crate) telemetry: Telemetry,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) nats_url: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) credentials: String,
    pub(crate) replicas: usize,
    pub(crate) sync_always: bool,
    pub(crate) archive: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Node {
    pub(crate) name: String,
}

impl Default for Node {
    fn default() -> Self {
        Self { name: "1".into() }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Data {
    pub(crate) dir: PathBuf,
    pub(crate) snapshot_events: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AccessFiles {
    pub(crate) tokens_file: String,
    pub(crate) secret_file: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Listen {
    pub(crate) grpc: String,
    pub(crate) http: String,
    pub(crate) smtp: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ingest {
    pub(crate) smtp_name: String,
    pub(crate) smtp_certificate: String,
    pub(crate) smtp_key: String,
    pub(crate) trusted_authserv: String,
    pub(crate) x: Vec<XApp>,
    pub(crate) facebook: Vec<FacebookApp>,
    pub(crate) imap: Vec<Imap>,
    pub(crate) x_mentions: Vec<XMentions>,
    pub(crate) graph: Option<DeliverFacebook>,
    pub(crate) attachment_mib: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct XApp {
    pub(crate) name: String,
    pub(crate) consumer_secret: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct XMentions {
    pub(crate) account: String,
    pub(crate) user_id: String,
    pub(crate) token: String,
    #[serde(default)]
    pub(crate) stream_token: String,
    #[serde(default = "x_base_url")]
    pub(crate) base_url: String,
    #[serde(default = "x_every_seconds")]
    pub(crate) every_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Imap {
    pub(crate) account: String,
    pub(crate) host: String,
    #[serde(default = "imap_port")]
    pub(crate) port: u16,
    #[serde(default = "imap_tls")]
    pub(crate) tls: Tls,
    #[serde(default)]
    pub(crate) ca_file: String,
    pub(crate) user: String,
    pub(crate) password: String,
    #[serde(default = "imap_folders")]
    pub(crate) folders: Vec<String>,
    #[serde(default = "imap_every_seconds")]
    pub(crate) every_seconds: u64,
    #[serde(default)]
    pub(crate) from_start: bool,
}

fn imap_port() -> u16 {
    993
}

fn imap_tls() -> Tls {
    Tls::Implicit
}

fn imap_folders() -> Vec<String> {
    vec!["INBOX".into()]
}

fn imap_every_seconds() -> u64 {
    60
}

fn x_base_url() -> String {
    "https://api.x.com".into()
}

fn x_every_seconds() -> u64 {
    60
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FacebookApp {
    pub(crate) name: String,
    pub(crate) app_secret: String,
    pub(crate) verify_token: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Router {
    pub(crate) desks: Vec<String>,
    pub(crate) eager: bool,
    pub(crate) takeover_after_ms: u64,
    pub(crate) snapshot_events: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deliver {
    pub(crate) notices_from: String,
    pub(crate) smtp: Option<Smtp>,
    pub(crate) x: Option<DeliverX>,
    pub(crate) facebook: Option<DeliverFacebook>,
    pub(crate) other: BTreeMap<String, String>,
    pub(crate) webhook_secret: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Smtp {
    pub(crate) host: String,
    pub(crate) port: u16,
    #[serde(default)]
    pub(crate) tls: Tls,
    #[serde(default)]
    pub(crate) ca_file: String,
    #[serde(default)]
    pub(crate) user: String,
    #[serde(default)]
    pub(crate) password: String,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::enum_variant_names)] // the protocol's own name
pub(crate) enum Tls {
    #[default]
    None,
    StartTls,
    Implicit,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliverX {
    pub(crate) base_url: String,
    #[serde(default)]
    pub(crate) accounts: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) renewed: BTreeMap<String, RenewedToken>,
    #[serde(default)]
    pub(crate) attempts_per_quarter: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenewedToken {
    pub(crate) client_id: String,
    #[serde(default)]
    pub(crate) client_secret: String,
    pub(crate) file: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliverFacebook {
    pub(crate) base_url: String,
    #[serde(default)]
    pub(crate) pages: BTreeMap<String, FacebookPage>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FacebookPage {
    pub(crate) id: String,
    pub(crate) token: String,
    #[serde(default)]
    pub(crate) app_secret: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Telemetry {
    pub(crate) log: String,
    pub(crate) format: Format,
    pub(crate) otlp: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

impl Default for Log {
    fn default() -> Self {
        let none = String::new;
        Self {
            nats_url: none(),
            user: none(),
            password: none(),
            credentials: none(),
            replicas: 1,
            sync_always: false,
            archive: PathBuf::new(),
        }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: "simpang-data".into(), snapshot_events: 200_000 }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self { grpc: "127.0.0.1:7411".into(), http: "127.0.0.1:7480".into(), smtp: "127.0.0.1:7425".into() }
    }
}

impl Default for Ingest {
    fn default() -> Self {
        Self {
            smtp_name: "localhost".into(),
            smtp_certificate: String::new(),
            smtp_key: String::new(),
            trusted_authserv: String::new(),
            x: Vec::new(),
            facebook: Vec::new(),
            imap: Vec::new(),
            x_mentions: Vec::new(),
            graph: None,
            attachment_mib: 25,
        }
    }
}

impl Default for Router {
    fn default() -> Self {
        Self { desks: Vec::new(), eager: true, takeover_after_ms: 1_000, snapshot_events: 200_000 }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { log: "info".into(), format: Format::Text, otlp: String::new() }
    }
}

impl Config {
    /// Reads the file (the usual one, if none is named and it is there), then the environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let usual = Path::new(USUAL_FILE);
        let file = file.or_else(|| usual.is_file().then_some(usual));
        let text = match file {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("can't read the settings {}", path.display()))?,
            None => String::new(),
        };
        let name = file.map_or_else(|| "settings".to_owned(), |path| path.display().to_string());
        let env = std::env::vars().filter(|(key, _)| key.starts_with(PREFIX) && key.contains("__"));
        Self::read(&name, &text, env)
    }

    /// Reads a file's text, then overrides.
    fn read(name: &str, text: &str, env: impl Iterator<Item = (String, String)>) -> Result<Self> {
        // The file alone first, so that its errors name its lines.
        let from_file: Result<Self, _> = toml::from_str(text);
        from_file.map_err(|error| {
            anyhow!("{name}: {error}\n`simpang config` prints every key with its meaning")
        })?;
        let mut table: toml::Table = toml::from_str(text)?;
        let mut names = Vec::new();
        for (key, value) in env {
            set(&mut table, &key, typed(&value))?;
            // A name or password of digits is no number.
            let read: Result<Self, _> = table.clone().try_into();
            if read.is_err_and(|error| error.to_string().contains("expected a string")) {
                set(&mut table, &key, toml::Value::String(value))?;
            }
            names.push(key);
        }
        names.sort();
        table
            .try_into()
            .map_err(|error| anyhow!("a setting of the environment ({}): {error}", names.join(", ")))
    }

    /// The tokens file.
    pub(crate) fn tokens_file(&self) -> PathBuf {
        named_or(&self.access.tokens_file, &self.data.dir, "tokens.toml")
    }

    /// How a role's snapshots are kept, in a folder of its own (the router's in the one that has the others'), unless
    /// none are wanted.
    pub(crate) fn snapshots(&self, role: &str, every_events: u64) -> Option<Snapshots> {
        let dir = self.data.dir.join("snapshots").join(role);
        (every_events > 0).then(|| Snapshots::on_disk(&dir, every_events))
    }

    /// Where a router keeps the last commit that it saw of each desk.
    pub(crate) fn marks_dir(&self) -> PathBuf {
        self.data.dir.join("marks")
    }

    /// The file with the installation's secret.
    pub(crate) fn secret_file(&self) -> PathBuf {
        named_or(&self.access.secret_file, &self.data.dir, "secret.key")
    }
}

fn named_or(named: &str, dir: &Path, usual: &str) -> PathBuf {
    if named.is_empty() { dir.join(usual) } else { named.into() }
}

/// Sets `SIMPANG_LOG__NATS_URL` as `log.nats_url`.
fn set(table: &mut toml::Table, key: &str, value: toml::Value) -> Result<()> {
    let path: Vec<String> = key.trim_start_matches(PREFIX).split("__").map(str::to_lowercase).collect();
    let Some((last, sections)) = path.split_last() else { bail!("{key} names no setting") };
    let mut here = table;
    for section in sections {
        let next = here.entry(section.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        here = next.as_table_mut().with_context(|| format!("{key}: `{section}` is no section"))?;
    }
    here.insert(last.clone(), value);
    Ok(())
}

/// A number, a list and so on as the file has it, else a text.
fn typed(value: &str) -> toml::Value {
    let parsed: Result<toml::Table, _> = toml::from_str(&format!("value = {value}"));
    let typed = parsed.ok().and_then(|mut t| t.remove("value"));
    typed.unwrap_or_else(|| toml::Value::String(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Config, DEFAULT};

    fn read(text: &str) -> Result<Config, String> {
        Config::read("simpang.toml", text, std::iter::empty()).map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn the_commented_default_file_says_what_holds_without_it() {
        let (with, without) = (read(DEFAULT).unwrap(), read("").unwrap());
        assert_eq!(format!("{with:?}"), format!("{without:?}"));
    }

    #[test]
    fn every_commented_example_in_the_default_file_can_be_switched_on() {
        let example = |line: &str| line.starts_with("# [") || line.contains(" = ") && line.starts_with("# ");
        let on: Vec<String> = DEFAULT
            .lines()
            .map(
                |line| if example(line) { line.trim_start_matches("# ").to_owned() } else { line.to_owned() },
            )
            .collect();
        let config = read(&on.join("\n")).unwrap();
        assert_eq!(config.ingest.x[0].name, "main");
        assert_eq!(config.deliver.facebook.unwrap().pages["telkomcare"].id, "444");
    }

    #[test]
    fn an_error_names_file_line_and_key() {
        let error = read("[listen]\ngrcp = \"x\"\n").unwrap_err();
        assert!(
            error.contains("simpang.toml") && error.contains("line 2") && error.contains("grcp"),
            "{error}"
        );
        let error = read("[log]\nreplicas = \"three\"\n").unwrap_err();
        assert!(error.contains("line 2") && error.contains("replicas"), "{error}");
    }

    #[test]
    fn the_environment_beats_the_file() {
        let env = [("SIMPANG_LOG__REPLICAS".to_owned(), "3".to_owned())];
        let config = Config::read("f", "[log]\nreplicas = 1", env.into_iter()).unwrap();
        assert_eq!(config.log.replicas, 3);
        let env =
            [("SIMPANG_NODE__NAME", "2"), ("SIMPANG_LOG__PASSWORD", "12e4"), ("SIMPANG_LOG__REPLICAS", "5")];
        let env = env.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let config = Config::read("f", "", env.into_iter()).unwrap();
        assert_eq!((config.node.name.as_str(), config.log.password.as_str()), ("2", "12e4"));
        assert_eq!(config.log.replicas, 5);
        let env = [("SIMPANG_LOG__REPLICA".to_owned(), "3".to_owned())];
        let error = Config::read("f", "", env.into_iter()).unwrap_err().to_string();
        assert!(error.contains("SIMPANG_LOG__REPLICA"), "{error}");
    }
}
