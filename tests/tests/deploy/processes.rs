//! Every role as a process of its own, with the deployed settings and as its own user of the broker: a message goes
//! from the door to the view, and the auditor's user can verify the log.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use simpang_tests::{free_port, simpang_binary};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::broker::{Broker, Secrets, env_file};
use crate::{root, until};

/// A role that runs; killed when dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    grpc: u16,
    pub(crate) http: u16,
    log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with the environment of one user, and nothing of this machine's.
fn program(user: &str, broker: &Broker, secrets: &Secrets) -> Command {
    let dir = secrets.dir.path();
    let mut command = Command::new(simpang_binary());
    command.env_clear().envs(env_file(&dir.join(format!("{user}.env"))));
    command.env("SIMPANG_CONFIG", root().join("deploy/simpang.toml"));
    command.env("SIMPANG_LOG__NATS_URL", broker.url()).env("SIMPANG_LOG__REPLICAS", "1");
    command.env("SIMPANG_ACCESS__TOKENS_FILE", dir.join("tokens.toml"));
    command.env("SIMPANG_ACCESS__SECRET_FILE", dir.join("secret.key"));
    command
}

pub(crate) fn start(role: &str, broker: &Broker, secrets: &Secrets, data: &TempDir) -> Process {
    start_as(role, broker, secrets, data, &[])
}

/// Starts a role with settings of its own.
pub(crate) fn start_as(
    role: &str,
    broker: &Broker,
    secrets: &Secrets,
    data: &TempDir,
    settings: &[(&str, &str)],
) -> Process {
    let [grpc, http, smtp] = [free_port(), free_port(), free_port()];
    let log = data.path().join(format!("{role}.log"));
    let mut command = program(role, broker, secrets);
    command.env("SIMPANG_DATA__DIR", data.path().join(role));
    for (key, port) in [("GRPC", grpc), ("HTTP", http), ("SMTP", smtp)] {
        command.env(format!("SIMPANG_LISTEN__{key}"), format!("127.0.0.1:{port}"));
    }
    command.envs(settings.iter().copied());
    command.arg(role).stdin(Stdio::null()).stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap());
    Process { child: command.spawn().unwrap(), grpc, http, log }
}

impl Process {
    /// Waits until `healthy.sh` finds it well.
    pub(crate) async fn until_healthy(&mut self) {
        until(30, || {
            let ended = self.child.try_wait().unwrap();
            let log = || std::fs::read_to_string(&self.log).unwrap_or_default();
            assert!(ended.is_none(), "ended with {ended:?}: {}", log());
            let script = root().join("deploy/healthy.sh");
            let mut check = Command::new(script);
            check.args(["127.0.0.1", &self.http.to_string()]).stderr(Stdio::null());
            let is_well = check.status().unwrap().success();
            async move { is_well.then_some(()) }
        })
        .await;
    }

    /// What it printed so far.
    pub(crate) fn printed(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc)
    }
}

/// What a command prints; it has to succeed.
fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Posts a message to the JSON door; says the status.
async fn post(door: &Process, token: &str) -> String {
    let body = r#"{"channel": "email", "account": "tenesa@telkom.example", "id": "<1@a.example>",
        "author": {"address": "it@a.example"}, "subject": "Internet mati", "text": "Sejak pagi."}"#;
    let request = format!(
        "POST /v1/messages HTTP/1.0\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", door.http)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_whitespace().nth(1).unwrap_or("").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_as_its_own_user_carries_a_message_from_the_door_to_the_view() {
    let (secrets, data) = (Secrets::make(&[]), tempfile::tempdir().unwrap());
    let broker = Broker::single(&secrets).await;
    let mut roles = ["gateway", "ingest", "router", "project", "deliver"]
        .map(|role| start(role, &broker, &secrets, &data));
    for role in &mut roles {
        role.until_healthy().await;
    }
    let [gateway, ingest, _, project, _] = &roles;
    let token =
        |name: &str| std::fs::read_to_string(secrets.dir.path().join(format!("token-{name}"))).unwrap();
    let ask = |role: &Process, args: &[&str]| {
        let mut command = program("audit", &broker, &secrets);
        command.env("SIMPANG_TOKEN", token("admin")).env("SIMPANG_ADDR", role.address()).args(args);
        printed(&mut command)
    };
    for desk in ["tenesa", "telkomcare", "tier2-outbound"] {
        ask(gateway, &["desk", "create", desk]);
    }
    let policy = root().join("policies/telkom");
    ask(gateway, &["policy", "apply", policy.to_str().unwrap()]);

    // The door knows the account once it has read the directory.
    until(30, || async { (post(ingest, &token("gateway")).await == "200").then_some(()) }).await;
    until(30, || async {
        ask(project, &["show", "cases", "tenesa"]).contains("Internet mati").then_some(())
    })
    .await;
    assert!(ask(project, &["verify", "tenesa"]).contains("holds"));

    let refused: Vec<String> =
        broker.log().lines().filter(|line| line.contains("Violation")).map(Into::into).collect();
    // The door asks for the directory before the gateway has made it.
    let is_known =
        |line: &String| line.contains("user:ingest") && line.contains("STREAM.CREATE.SIMPANG_directory");
    assert!(refused.iter().all(is_known), "{refused:#?}");
}
