//! The files of `deploy/` fit together and fit the programs that read them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::broker::{Secrets, env_file};
use crate::{root, within};

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The `$NATS_…` of the broker's configuration.
fn variables(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or(""));
    let words =
        lines.flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$')));
    words
        .filter_map(|word| word.strip_prefix('$'))
        .filter(|name| name.starts_with("NATS_"))
        .map(Into::into)
        .collect()
}

#[test]
fn every_variable_of_the_brokers_files_is_prepared_and_every_prepared_one_is_used() {
    let hosts = ["a:1", "b:2", "c:3"].map(String::from);
    let secrets = Secrets::make(&hosts);
    let mut used = variables(&read("deploy/nats/users.conf"));
    used.extend(variables(&read("deploy/nats/cluster.conf")));
    assert!(used.remove("NATS_NAME"), "each server has a name of its own");
    let prepared: BTreeSet<String> = secrets.nats().keys().cloned().collect();
    assert_eq!(used, prepared);
}

#[test]
fn prepared_secrets_differ_are_private_and_stay_when_prepared_again() {
    let (one, two) = (Secrets::make(&[]), Secrets::make(&[]));
    let passwords: BTreeSet<&String> = one.nats().values().chain(two.nats().values()).collect();
    assert_eq!(passwords.len(), one.nats().len() + two.nats().len(), "no password twice");
    let contents = |secrets: &Secrets| -> Vec<(String, Vec<u8>, u32)> {
        let entries = fs::read_dir(secrets.dir.path()).unwrap().map(Result::unwrap);
        let mut all: Vec<_> = entries
            .map(|entry| {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap(), mode)
            })
            .collect();
        all.sort();
        all
    };
    let before = contents(&one);
    assert_eq!(before.len(), 13);
    assert!(before.iter().all(|(_, _, mode)| *mode == 0o600), "only their owner reads them");
    let again = Command::new(root().join("deploy/prepare.sh")).arg(one.dir.path()).status().unwrap();
    assert!(again.success());
    assert_eq!(contents(&one), before);
}

#[test]
fn services_know_the_password_that_the_broker_knows_and_tokens_their_digest() {
    let secrets = Secrets::make(&[]);
    let dir = secrets.dir.path();
    for role in ["ingest", "router", "project", "deliver", "gateway", "audit", "archive", "reread"] {
        let env = env_file(&dir.join(format!("{role}.env")));
        assert_eq!(env["SIMPANG_LOG__USER"], role);
        assert_eq!(env["SIMPANG_LOG__PASSWORD"], secrets.password(role));
    }
    let tokens: toml::Table = fs::read_to_string(dir.join("tokens.toml")).unwrap().parse().unwrap();
    for entry in tokens["token"].as_array().unwrap() {
        let principal = entry["principal"].as_str().unwrap();
        let token = fs::read(dir.join(format!("token-{principal}"))).unwrap();
        let digest: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(entry["sha256"].as_str(), Some(&*digest), "{principal}");
    }
}

fn keys(table: &toml::Table) -> BTreeSet<String> {
    let of_section = |(name, value): (&String, &toml::Value)| {
        let section = value.as_table().unwrap_or_else(|| panic!("{name} is no section"));
        section.keys().map(|key| format!("{name}.{key}")).collect::<Vec<_>>()
    };
    table.iter().flat_map(of_section).collect()
}

#[test]
fn the_deployed_settings_name_only_keys_that_there_are() {
    let known = keys(&read("services/simpang/src/default.toml").parse().unwrap());
    let deployed: toml::Table = read("deploy/simpang.toml").parse().unwrap();
    let unknown: Vec<String> = keys(&deployed).difference(&known).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?} are not in default.toml");
    assert_eq!(deployed["log"]["replicas"].as_integer(), Some(3));
}

#[test]
fn compose_runs_every_role_and_three_servers_each_with_its_own_secrets() {
    let text = read("deploy/compose.yaml");
    assert!(!text.contains('\t'), "YAML knows no tabs");
    let services = text.split("\nservices:\n").nth(1).unwrap().split("\nvolumes:\n").next().unwrap();
    let mut found: Vec<(&str, &str)> = Vec::new();
    for block in services.split("\n\n") {
        let name = block.trim().lines().next().unwrap().trim_end_matches(':');
        let env = block
            .lines()
            .find_map(|line| line.trim().strip_prefix("env_file: [secrets/"))
            .unwrap_or("nats.env]");
        let role = name.split("-1").next().unwrap().split("-2").next().unwrap().split("-3").next().unwrap();
        assert_eq!(env, format!("{role}.env]"), "{name}");
        found.push((name, role));
    }
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    let expected =
        ["nats-1", "nats-2", "nats-3", "ingest", "router-1", "router-2", "project", "deliver", "gateway"];
    assert_eq!(names, expected);
    for role in ["ingest", "router", "project", "deliver", "gateway"] {
        assert!(services.contains(&format!("command: [\"{role}\"]")), "{role}");
    }
}

#[test]
fn the_units_are_what_systemd_takes() {
    let analyze = Command::new("systemd-analyze").arg("--version").stdout(Stdio::null()).status();
    if analyze.is_err() {
        eprintln!("skipped: there is no systemd-analyze here");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (unit, instance) in
        [("nats-server.service", "nats-server.service"), ("simpang@.service", "simpang@router.service")]
    {
        // The programs are not installed here.
        let text = read(&format!("deploy/systemd/{unit}"));
        let text = text
            .replace("/usr/local/bin/nats-server", "/bin/true")
            .replace("/usr/local/bin/simpang", "/bin/true");
        let path = dir.path().join(instance);
        fs::write(&path, text).unwrap();
        let output =
            Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let about_it: Vec<&str> = said.lines().filter(|line| line.contains(instance)).collect();
        assert!(output.status.success() && about_it.is_empty(), "{unit}: {said}");
    }
}

/// Answers one request with a status line.
async fn answer_once(listener: TcpListener, status: &'static str) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    // All of it, or closing would cut the answer off.
    while !request.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut request).await.unwrap() > 0, "the request ended early");
    }
    assert!(request.starts_with(b"GET /healthz HTTP/1.0\r\n"));
    stream.write_all(format!("HTTP/1.0 {status}\r\n\r\n").as_bytes()).await.unwrap();
}

#[tokio::test]
async fn the_health_check_believes_only_a_200() {
    for (status, healthy) in [("200 OK", true), ("503 Service Unavailable", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let script = root().join("deploy/healthy.sh");
        let check = || {
            tokio::process::Command::new(&script).args(["127.0.0.1", &port]).stderr(Stdio::null()).status()
        };
        let (exit, ()) = within(10, async { tokio::join!(check(), answer_once(listener, status)) }).await;
        assert_eq!(exit.unwrap().success(), healthy, "{status}");
        assert!(!within(10, check()).await.unwrap().success(), "nobody listens any more");
    }
}
