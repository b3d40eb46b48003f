//! Roles that are started while the broker is away: they wait for what may pass, and end with the reason of what an
//! operator has to mend.

use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::broker::{Broker, Secrets};
use crate::processes::{Process, start, start_as};
use crate::until;

/// What `/healthz` says: status and text; empty while nobody answers.
async fn health(role: &Process) -> String {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", role.http)).await?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<String, std::io::Error>(answer)
    };
    ask.await.unwrap_or_default()
}

async fn until_waiting(role: &Process) {
    until(30, || async {
        let said = health(role).await;
        (said.contains(" 503 ") && said.contains("waiting for the broker")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_waits_for_a_broker_that_is_away_and_can_be_stopped_meanwhile() {
    let (secrets, data) = (Secrets::make(&[]), tempfile::tempdir().unwrap());
    let mut broker = Broker::single(&secrets).await;
    broker.kill();
    let mut roles = ["router", "ingest", "gateway"].map(|role| start(role, &broker, &secrets, &data));
    let mut leaving = start("deliver", &broker, &secrets, &data);
    for role in roles.iter().chain([&leaving]) {
        until_waiting(role).await;
        until(30, || async { role.printed().contains("nothing is taken or done").then_some(()) }).await;
    }
    let asked = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", leaving.child.id())).status();
    assert!(asked.unwrap().success());
    let ended = until(20, || std::future::ready(leaving.child.try_wait().unwrap())).await;
    assert!(ended.success(), "{ended}: {}", leaving.printed());

    broker.start().await;
    for role in &mut roles {
        role.until_healthy().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_the_broker_refuses_ends_with_the_reason() {
    let (secrets, data) = (Secrets::make(&[]), tempfile::tempdir().unwrap());
    let broker = Broker::single(&secrets).await;
    let mut refused =
        start_as("router", &broker, &secrets, &data, &[("SIMPANG_LOG__PASSWORD", "not the password")]);
    let ended = until(30, || std::future::ready(refused.child.try_wait().unwrap())).await;
    assert!(!ended.success());
    assert!(refused.printed().contains("the broker refuses this program"), "{}", refused.printed());
}
