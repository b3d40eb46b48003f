//! Real nats-servers on the deployed configuration.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use simpang_log_nats::{NatsOptions, NatsStore, server};
use simpang_tests::free_port;
use tempfile::TempDir;

use crate::client::Client;
use crate::{root, until};

/// What `prepare.sh` makes for a deployment.
pub(crate) struct Secrets {
    pub(crate) dir: TempDir,
    nats: BTreeMap<String, String>,
}

impl Secrets {
    /// Runs the script; `hosts` are the servers of a cluster.
    pub(crate) fn make(hosts: &[String]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = root().join("deploy/prepare.sh");
        let status = Command::new(script).arg(dir.path()).args(hosts).status().unwrap();
        assert!(status.success(), "prepare.sh: {status}");
        let nats = env_file(&dir.path().join("nats.env"));
        Self { dir, nats }
    }

    pub(crate) fn password(&self, user: &str) -> &str {
        &self.nats[&format!("NATS_{}_PASSWORD", user.to_uppercase())]
    }

    pub(crate) fn nats(&self) -> &BTreeMap<String, String> {
        &self.nats
    }
}

/// Reads `KEY=value` lines.
pub(crate) fn env_file(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap();
    let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    text.lines().map(|line| pair(line).unwrap()).collect()
}

/// A server, killed when dropped.
pub(crate) struct Broker {
    pub(crate) name: String,
    pub(crate) port: u16,
    dir: TempDir,
    env: BTreeMap<String, String>,
    child: Option<Child>,
}

impl Broker {
    /// One server on `server.conf`.
    pub(crate) async fn single(secrets: &Secrets) -> Self {
        let [port, monitor] = [free_port(), free_port()];
        let dir = tempfile::tempdir().unwrap();
        let store = quoted(&dir.path().join("store"));
        let changes = [
            ("\"127.0.0.1:4222\"", format!("\"127.0.0.1:{port}\"")),
            ("\"127.0.0.1:8222\"", format!("\"127.0.0.1:{monitor}\"")),
            ("\"/var/lib/nats-server\"", store),
        ];
        configure(dir.path(), "server.conf", &changes);
        Self::run("simpang", port, dir, secrets.nats().clone()).await
    }

    /// Three servers on `cluster.conf`.
    pub(crate) async fn three() -> (Vec<Self>, Secrets) {
        let routes = [free_port(), free_port(), free_port()];
        let secrets = Secrets::make(&routes.map(|port| format!("127.0.0.1:{port}")));
        let mut servers = Vec::new();
        for (index, route) in routes.into_iter().enumerate() {
            let [port, monitor] = [free_port(), free_port()];
            let dir = tempfile::tempdir().unwrap();
            let changes = [
                ("\"0.0.0.0:4222\"", format!("\"127.0.0.1:{port}\"")),
                ("\"0.0.0.0:6222\"", format!("\"127.0.0.1:{route}\"")),
                ("\"127.0.0.1:8222\"", format!("\"127.0.0.1:{monitor}\"")),
                ("\"/data\"", quoted(&dir.path().join("store"))),
            ];
            configure(dir.path(), "cluster.conf", &changes);
            let mut env = secrets.nats().clone();
            let name = format!("nats-{}", index + 1);
            env.insert("NATS_NAME".into(), name.clone());
            servers.push(Self::run(&name, port, dir, env).await);
        }
        (servers, secrets)
    }

    async fn run(name: &str, port: u16, dir: TempDir, env: BTreeMap<String, String>) -> Self {
        let mut broker = Self { name: name.into(), port, dir, env, child: None };
        broker.start().await;
        broker
    }

    /// Starts it (again), and waits until it listens.
    pub(crate) async fn start(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let child = Command::new(server::find(None, Some(&root())).unwrap())
            .arg("--config")
            .arg(self.dir.path().join("nats.conf"))
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        until(30, || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "{} ended with {ended:?}:\n{}", self.name, self.log());
            let port = self.port;
            async move { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok() }
        })
        .await;
    }

    /// Kills it without warning (SIGKILL).
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Loses what it stored, as a machine whose disk is gone.
    pub(crate) fn lose_disk(&self) {
        fs::remove_dir_all(self.dir.path().join("store")).unwrap();
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Connects as one of the users, by the protocol itself.
    pub(crate) async fn client(&self, user: &str, secrets: &Secrets) -> Client {
        Client::connect(self.port, user, secrets.password(user)).await.unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Connects the log as one of the users.
pub(crate) async fn store(urls: &str, user: &str, secrets: &Secrets, replicas: usize) -> NatsStore {
    let options = NatsOptions {
        name: format!("{user}@here/1"),
        user: Some(user.into()),
        password: Some(secrets.password(user).into()),
        replicas,
        // What the broker refuses it does not answer.
        timeout: Duration::from_secs(if replicas == 1 { 2 } else { 5 }),
        ..NatsOptions::default()
    };
    NatsStore::connect(urls, options).await.unwrap()
}

/// Writes the deployed configuration with the test's addresses and folders, and nothing else changed.
fn configure(dir: &Path, name: &str, changes: &[(&str, String)]) {
    let deployed = root().join("deploy/nats");
    fs::copy(deployed.join("users.conf"), dir.join("users.conf")).unwrap();
    let mut text = fs::read_to_string(deployed.join(name)).unwrap();
    for (from, to) in changes {
        assert_eq!(text.matches(from).count(), 1, "{name} has to say {from} once");
        text = text.replace(from, to);
    }
    fs::write(dir.join("nats.conf"), text).unwrap();
}

fn quoted(path: &Path) -> String {
    serde_json::json!(path.to_str().unwrap()).to_string()
}
