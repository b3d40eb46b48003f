//! Everything in one process, as `simpang up` runs it: messages pushed over gRPC, agents pulling, watching and
//! resolving over gRPC, views and deliverers beside.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use simpang_access::Tokens;
use simpang_log::{DeskLog, DeskName, Place};
use simpang_proto::admin::v1 as admin;
use simpang_proto::audit::v1 as audit;
use simpang_proto::ingest::v1 as api;
use simpang_proto::view::v1 as view;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::Run;
use super::agents::{Work, Workers};
use super::report::{Measure, Target};
use super::scene::{PATIENCE, Scene, decided};
use super::throughput::{Cpu, per_second};
use super::traffic::{DESK, Traffic};
use crate::client::{Client, refused};
use crate::commands::policy::apply_where_missing;
use crate::config::Config;
use crate::installation;
use crate::node::Role;
use crate::up::Whole;

/// Agents at work while messages come in.
const AGENTS: usize = 10;
/// Streams over which messages are pushed at once.
pub(super) const STREAMS: u64 = 4;
/// Messages a frame.
const FRAME: usize = 100;
/// Messages pushed before it is waited for them, while a desk is filled.
const FILLED_AT_ONCE: u64 = 50_000;
/// Frames that wait in the client.
const FRAMES_WAITING: usize = 8;
/// Agents made in one call.
const AGENTS_A_CALL: usize = 500;

pub(super) async fn measure(run: &mut Run, round: usize) -> Result<()> {
    run.step(round, "every role: frames of many messages");
    let mut trial = Trial::start(run, AGENTS, 4).await?;
    let workers = Workers::start(&trial.agents, Work::Resolve).await?;
    let count = run.size.whole;
    let spent = routed(run, &mut trial, &workers, count, FRAME, "whole").await?;
    let target = if run.sync_always { Target::None } else { Target::Ratio(0.2, 0.5) };
    let measure = Measure::rate(
        "whole",
        format!("every role, {AGENTS} agents: messages routed, frames of {FRAME}"),
        "messages/s",
    );
    run.report.add(measure.over("bare.publish", target), per_second(count, spent));
    run.step(round, "every role: frames of one message");
    let count = count / 3;
    let spent = routed(run, &mut trial, &workers, count, 1, "whole.single").await?;
    let measure = Measure::rate("whole.single", "… frames of one", "messages/s");
    run.report.add(measure.over("bare.publish", Target::None), per_second(count, spent));
    workers.stop().await?;
    run.step(round, "replaying the desk's log");
    replayed(run, &trial).await?;
    trial.stop().await
}

/// Everything on the desk's log told over gRPC, as `simpang replay` asks for it.
async fn replayed(run: &mut Run, trial: &Trial) -> Result<()> {
    trial.views_follow().await?;
    let began = Instant::now();
    let request = audit::ReplayRequest { desk: DESK.into(), ..Default::default() };
    let mut told = trial.admin.audit().replay(request).await.map_err(refused)?.into_inner();
    let mut count = 0;
    while told.message().await.map_err(refused)?.is_some() {
        count += 1;
    }
    let measure = Measure::rate("replay", "replay over gRPC: inputs and events told", "1/s");
    run.report.add(measure.over("bare.consume", Target::Ratio(0.5, 0.8)), per_second(count, began.elapsed()));
    Ok(())
}

async fn routed(
    run: &mut Run,
    trial: &mut Trial,
    workers: &Workers,
    count: u64,
    frame: usize,
    id: &str,
) -> Result<Duration> {
    let (cpu, handled) = (Cpu::now(&trial.scene), workers.handled());
    let began = Instant::now();
    let place = trial.push(count, frame).await?;
    decided(trial.log.as_ref(), place).await?;
    let spent = began.elapsed();
    let handled = workers.handled() - handled;
    cpu.add(run, id, if frame == 1 { "every role, frames of one" } else { "every role" }, count);
    let measure = Measure::rate(format!("{id}.handled"), "… cases pulled and resolved meanwhile", "cases/s");
    run.report.add(measure, per_second(handled, spent));
    Ok(spent)
}

/// A whole Simpang with its desk and agents.
pub(super) struct Trial {
    pub(super) scene: Scene,
    pub(super) log: Arc<dyn DeskLog>,
    pub(super) admin: Client,
    /// A client for each agent.
    pub(super) agents: Vec<Client>,
    /// Messages pushed so far. Each opens a case, so this is the number of the newest one.
    pub(super) pushed: u64,
    traffic: Traffic,
    has_views: bool,
    whole: Whole,
}

impl Trial {
    /// Starts every role, with this many agents who may each hold so many cases.
    pub(super) async fn start(run: &Run, agents: usize, capacity: u32) -> Result<Self> {
        Self::start_roles(run, &Role::ALL, agents, capacity).await
    }

    /// The same with these roles.
    pub(super) async fn start_roles(run: &Run, roles: &[Role], agents: usize, capacity: u32) -> Result<Self> {
        let scene = run.scene().await?;
        let config = config(&scene);
        installation::prepare(&config)?;
        let tokens = add_tokens(&config, agents)?;
        let whole = Whole::start_roles(config, roles).await?;
        let admin = whole.client("admin").await?;
        apply_where_missing(&admin, &run.files).await?;
        add_agents(&admin, agents, capacity).await?;
        let mut clients = Vec::with_capacity(agents);
        for token in &tokens {
            clients.push(Client::connect(&whole.addr(), token).await?);
        }
        let log = scene.store.open(&DeskName::new(DESK)?).await?;
        let (traffic, has_views) = (Traffic::new(), roles.contains(&Role::Project));
        let mut trial = Self { scene, log, admin, agents: clients, pushed: 0, traffic, has_views, whole };
        trial.first_message().await?;
        Ok(trial)
    }

    /// Pushes one message as soon as ingest knows the desk's account.
    async fn first_message(&mut self) -> Result<()> {
        let began = Instant::now();
        let request = api::PushRequest { message: Some(self.traffic.pushed(0)) };
        loop {
            match self.admin.ingest().push(request.clone()).await {
                Ok(_) => break,
                Err(status) if !matches!(status.code(), Code::NotFound | Code::Unavailable) => {
                    return Err(refused(status));
                }
                Err(status) if began.elapsed() > PATIENCE => return Err(refused(status)),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        self.pushed = 1;
        Ok(())
    }

    /// Pushes the next messages over several streams; the place of the last one on the log.
    pub(super) async fn push(&mut self, count: u64, frame: usize) -> Result<Place> {
        let last = push(&self.admin, &self.traffic, self.pushed..self.pushed + count, frame).await?;
        self.pushed += count;
        Ok(last)
    }

    /// The n-th message.
    pub(super) fn message(&self, n: u64) -> api::Message {
        self.traffic.pushed(n)
    }

    /// Fills the desk with open cases, and waits until everybody is done with them: a desk that many cases wait on is
    /// measured, not one on which they have just come.
    pub(super) async fn fill(&mut self, open: u64) -> Result<()> {
        while self.pushed < open {
            let place = self.push(FILLED_AT_ONCE.min(open - self.pushed), FRAME).await?;
            decided(self.log.as_ref(), place).await?;
        }
        if self.has_views { self.views_follow().await } else { Ok(()) }
    }

    /// Waits until the views are where the log is now.
    async fn views_follow(&self) -> Result<()> {
        let (last, began) = (self.log.last_seq().await?, Instant::now());
        loop {
            let request = view::ListDesksRequest {};
            let desks = self.admin.view().list_desks(request).await.map_err(refused)?.into_inner().desks;
            if desks.iter().any(|desk| desk.desk == DESK && desk.position >= last) {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "the views did not come up to the desk");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) async fn stop(self) -> Result<()> {
        drop((self.agents, self.admin));
        self.whole.stop().await?;
        self.scene.stop().await
    }
}

/// Pushes these messages over several streams at once; the place of the last one on the log.
pub(super) async fn push(
    client: &Client,
    traffic: &Traffic,
    range: Range<u64>,
    frame: usize,
) -> Result<Place> {
    let part = (range.end - range.start).div_ceil(STREAMS);
    let streams = (0..STREAMS).map(|n| {
        let from = (range.start + n * part).min(range.end);
        let own = from..(from + part).min(range.end);
        tokio::spawn(push_stream(client.clone(), traffic.clone(), own, frame))
    });
    let streams: Vec<_> = streams.collect();
    let mut last = Place { seq: 0, index: 0 };
    for stream in streams {
        last = last.max(stream.await??);
    }
    Ok(last)
}

async fn push_stream(client: Client, traffic: Traffic, range: Range<u64>, frame: usize) -> Result<Place> {
    let (frames, waiting) = mpsc::channel(FRAMES_WAITING);
    let count = range.end - range.start;
    tokio::spawn(async move {
        let mut number = 0;
        let mut next = range.start;
        while next < range.end {
            let end = range.end.min(next + frame as u64);
            number += 1;
            let messages = (next..end).map(|n| traffic.pushed(n)).collect();
            next = end;
            if frames.send(api::PushStreamRequest { frame: number, messages }).await.is_err() {
                return;
            }
        }
    });
    let answers = client.ingest().push_stream(ReceiverStream::new(waiting)).await.map_err(refused)?;
    let (mut answers, mut last, mut accepted) = (answers.into_inner(), Place { seq: 0, index: 0 }, 0);
    while let Some(answer) = answers.message().await.map_err(refused)? {
        let Some(api::push_stream_response::Body::Acknowledged(done)) = answer.body else { continue };
        for verdict in done.verdicts {
            let place = accepted_at(verdict)?;
            last = last.max(place);
            accepted += 1;
        }
    }
    ensure!(accepted == count, "{accepted} of {count} messages were acknowledged");
    Ok(last)
}

fn accepted_at(verdict: api::MessageVerdict) -> Result<Place> {
    use api::message_verdict::Outcome;
    match verdict.outcome {
        Some(Outcome::Accepted(accepted)) => {
            let place = accepted.places.first().context("accepted, but at no place")?;
            Ok(Place { seq: place.seq, index: place.index })
        }
        Some(Outcome::Refused(refusal)) => bail!("a message was refused: {}", refusal.detail),
        None => bail!("a message got no verdict"),
    }
}

/// Settings of a process that touches nothing but the round's folder and free ports.
fn config(scene: &Scene) -> Config {
    let mut config = Config::default();
    config.log.nats_url = scene.url();
    config.data.dir = scene.folder();
    config.listen.grpc = "127.0.0.1:0".into();
    config.listen.http = "127.0.0.1:0".into();
    config.listen.smtp = String::new();
    config.telemetry.log = "error".into();
    config
}

/// Adds a token for each agent to the tokens file.
fn add_tokens(config: &Config, agents: usize) -> Result<Vec<String>> {
    let path = config.tokens_file();
    let mut text = std::fs::read_to_string(&path).context("the tokens file")?;
    let tokens: Vec<String> = (0..agents).map(|n| format!("token-of-{}", agent_id(n))).collect();
    for (n, token) in tokens.iter().enumerate() {
        write!(
            text,
            "\n[[token]]\nsha256 = \"{}\"\nprincipal = \"{}\"\n",
            Tokens::digest(token),
            agent_id(n)
        )?;
    }
    std::fs::write(&path, text).context("the tokens file")?;
    Ok(tokens)
}

pub(super) fn agent_id(n: usize) -> String {
    format!("agent-{n}")
}

async fn add_agents(client: &Client, count: usize, capacity: u32) -> Result<()> {
    let agents: Vec<admin::Agent> = (0..count)
        .map(|n| admin::Agent {
            agent: agent_id(n),
            roles: vec![admin::Role::Agent.into()],
            capacities: vec![admin::Capacity { channel: admin::Channel::X.into(), limit: capacity }],
            name: format!("Agent {n}"),
            ..admin::Agent::default()
        })
        .collect();
    for (n, part) in agents.chunks(AGENTS_A_CALL).enumerate() {
        let request = admin::UpsertAgentsRequest {
            desk: DESK.into(),
            request_id: format!("agents-{n}"),
            agents: part.to_vec(),
        };
        client.admin().upsert_agents(request).await.map_err(refused)?;
    }
    Ok(())
}
