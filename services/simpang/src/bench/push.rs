//! The door for other gateways alone: `PushStream` over gRPC on loopback, each message checked, translated and
//! acknowledged by the log, with nobody judging it. Client and door share the machine with the broker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use prost::Message as _;
use simpang_access::{Gatekeeper, TokenEntry, Tokens};
use simpang_ingest::{ATTACHMENT_BYTES, HttpOptions, Ingest, Options};
use simpang_log::DeskName;
use simpang_proto::log::v1::{Account, Channel, DeskRecord, DirectoryRecord};
use simpang_wire::key::Keyer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::Run;
use super::report::{Measure, Target};
use super::scene::{PATIENCE, Scene};
use super::throughput::{Cpu, per_second};
use super::traffic::{DESK, Traffic};
use super::whole::{STREAMS, push};
use crate::client::Client;

const TOKEN: &str = "token-of-the-benchmark";
/// Messages in a frame that has many.
const FRAME: usize = 100;

pub(super) async fn measure(run: &mut Run, round: usize) -> Result<()> {
    let scene = run.scene().await?;
    let door = Door::open(&scene).await?;
    run.step(round, "PushStream alone: frames of many messages");
    let count = run.size.routed;
    let target = |at_least, aim| if run.sync_always { Target::None } else { Target::Ratio(at_least, aim) };
    let (many, one) = (target(1.0, 1.5), target(0.4, 0.8));
    let what = format!("PushStream alone: messages acknowledged, {STREAMS} streams, frames of {FRAME}");
    pushed(
        run,
        &scene,
        &door,
        0..count,
        FRAME,
        Measure::rate("push", what, "messages/s").over("bare.publish", many),
    )
    .await?;
    run.step(round, "PushStream alone: frames of one message");
    let what = "… frames of one";
    let single = Measure::rate("push.single", what, "messages/s").over("bare.publish", one);
    pushed(run, &scene, &door, count..count + count / 2, 1, single).await?;
    door.close().await;
    scene.stop().await
}

async fn pushed(
    run: &mut Run,
    scene: &Scene,
    door: &Door,
    range: std::ops::Range<u64>,
    frame: usize,
    measure: Measure,
) -> Result<()> {
    let count = range.end - range.start;
    let cpu = Cpu::now(scene);
    let began = Instant::now();
    push(&door.client, &Traffic::new(), range, frame).await?;
    let spent = began.elapsed();
    let (id, what) =
        if frame == 1 { ("push.single", "PushStream, frames of one") } else { ("push", "PushStream alone") };
    run.report.add(measure, per_second(count, spent));
    cpu.add(run, id, what, count);
    Ok(())
}

/// The role `ingest` behind a socket.
struct Door {
    ingest: Ingest,
    client: Client,
    stop: CancellationToken,
}

impl Door {
    async fn open(scene: &Scene) -> Result<Self> {
        scene.store.create(&DeskName::new(DESK)?).await?;
        scene.store.append_directory(directory().encode_to_vec().into()).await?;
        let ingest = Ingest::start(options(scene)?).await?;
        let began = Instant::now();
        while !ingest.is_ready() {
            ensure!(began.elapsed() < PATIENCE, "the door did not read the directory");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the door")?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let served = Server::builder().add_service(ingest.grpc());
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        tokio::spawn(served.serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned()));
        let client = Client::connect(&format!("http://{address}"), TOKEN).await?;
        Ok(Self { ingest, client, stop })
    }

    async fn close(self) {
        drop(self.client);
        self.stop.cancel();
        self.ingest.stop().await;
    }
}

fn options(scene: &Scene) -> Result<Options> {
    let token = TokenEntry {
        sha256: Tokens::digest(TOKEN),
        principal: "bench".into(),
        roles: vec!["gateway".into()],
        desks: Vec::new(),
    };
    Ok(Options {
        store: scene.store.clone(),
        keyer: Keyer::new(b"the benchmark's own secret"),
        gatekeeper: Arc::new(Gatekeeper::new(Tokens::from_entries(vec![token])?)),
        instance: "ingest@bench/1".into(),
        smtp: None,
        http: HttpOptions::default(),
        imap: Vec::new(),
        x_pulls: Vec::new(),
        attachment_bytes: ATTACHMENT_BYTES,
    })
}

/// The desk has the account that messages come to; nobody who writes is known.
fn directory() -> DirectoryRecord {
    let account = Account { channel: Channel::X.into(), account: DESK.into(), aliases: Vec::new() };
    let desk =
        DeskRecord { desk: DESK.into(), policy_version: 1, accounts: vec![account], ..DeskRecord::default() };
    DirectoryRecord {
        schema: simpang_log::SCHEMA,
        writer: "bench".into(),
        desks: vec![desk],
        ..DirectoryRecord::default()
    }
}
