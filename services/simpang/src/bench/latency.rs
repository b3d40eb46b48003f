//! From a pushed message to the agent's stream, beside a bare publish to its consumer, at the same rate.
//!
//! A thread of its own releases messages at their times whether or not those before have arrived, so a slow moment
//! is counted for every message that falls into it. Time runs from the release.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::StreamExt;
use simpang_log::{Appender, Door, Limits};
use simpang_log_nats::bare::Bare;
use simpang_proto::ingest::v1 as api;
use simpang_proto::log::v1::{Command, Input, Resolve, command, input};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::Run;
use super::agents::{Came, Work, Workers, sign_out};
use super::report::{Measure, Target, quantile};
use super::scene::{decided, payload};
use super::traffic::DESK;
use super::whole::{Trial, agent_id};
use crate::client::refused;

/// Cases that an agent may hold: the most there may be.
const CAPACITY: u64 = 1_000;
/// Frames on their way to the stream.
const FRAMES_WAITING: usize = 64;
/// A message that did not arrive by then is lost.
const LOST_AFTER: Duration = Duration::from_secs(20);
/// The first part of the samples is left out: connections and caches warm up.
const WARM_UP: usize = 20;
const QUANTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")];

pub(super) async fn measure(run: &mut Run, round: usize) -> Result<()> {
    let counts: Vec<u64> =
        run.size.rates.iter().map(|rate| rate * run.size.each_rate.as_millis() as u64 / 1_000).collect();
    let agents: Vec<usize> =
        counts.iter().map(|count| usize::try_from(count / CAPACITY).unwrap_or(0) + 3).collect();
    let mut trial = Trial::start(run, agents.iter().sum(), CAPACITY as u32).await?;
    let bare = trial.scene.bare("latency").await?;
    let mut first = 0;
    for ((rate, count), agents) in run.size.rates.iter().zip(counts).zip(agents) {
        run.step(round, &format!("latency at {rate} a second"));
        let mut alone = bare_latency(&bare, *rate, count).await?;
        add(run, *rate, "bare", "bare: publish to consumer", &mut alone, false);
        let mut ours = pushed_latency(&mut trial, *rate, count, first..first + agents).await?;
        add(run, *rate, "watch", "pushed to agent's stream", &mut ours, true);
        first += agents;
    }
    trial.stop().await
}

fn add(run: &mut Run, rate: u64, kind: &str, what: &str, samples: &mut Vec<Duration>, is_ours: bool) {
    samples.drain(..samples.len() / WARM_UP);
    for (q, name) in QUANTILES {
        let mut measure =
            Measure::cost(format!("{kind}.{rate}.{name}"), format!("{what}, {rate}/s, {name}"), "µs");
        if is_ours {
            let target = if name == "p99.9" { Target::None } else { Target::Ratio(4.0, 2.0) };
            measure = measure.over(format!("bare.{rate}.{name}"), target);
        }
        run.report.add(measure, quantile(samples, q));
    }
}

/// Numbers at a rate, each with the moment it was let go.
fn pace(rate: u64, count: u64) -> mpsc::UnboundedReceiver<Instant> {
    let (release, released) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let began = Instant::now();
        for n in 0..count {
            let due = began + Duration::from_nanos(n * 1_000_000_000 / rate);
            // A thread of its own: the runtime's timer is no finer than a millisecond.
            #[allow(clippy::disallowed_methods)]
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if release.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    released
}

async fn bare_latency(bare: &Bare, rate: u64, count: u64) -> Result<Vec<Duration>> {
    let mut messages = bare.follow().await?;
    let consumer = tokio::spawn(async move {
        let mut at = Vec::new();
        for _ in 0..count {
            messages.next().await.context("the broker ended the delivery")??;
            at.push(Instant::now());
        }
        Ok::<_, anyhow::Error>(at)
    });
    let (sent, mut waiting) = mpsc::unbounded_channel();
    let acknowledged = tokio::spawn(async move {
        while let Some(ack) = waiting.recv().await {
            let ack: simpang_log::BoxFuture<'static, _> = ack;
            ack.await?;
        }
        Ok::<_, anyhow::Error>(())
    });
    let (payload, mut released, mut began) = (payload(), pace(rate, count), Vec::new());
    while let Some(at) = released.recv().await {
        began.push(at);
        let _ = sent.send(bare.send(Bytes::clone(&payload)).await?);
    }
    drop(sent);
    acknowledged.await??;
    let ended = tokio::time::timeout(LOST_AFTER, consumer)
        .await
        .context("messages of the bare broker did not come")???;
    Ok(ended.into_iter().zip(began).map(|(end, begin)| end.saturating_duration_since(begin)).collect())
}

/// Pushes at a rate while agents listen, then clears the desk.
async fn pushed_latency(
    trial: &mut Trial,
    rate: u64,
    count: u64,
    agents: std::ops::Range<usize>,
) -> Result<Vec<Duration>> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let clients = trial.agents[agents.clone()].to_vec();
    let workers = Workers::start_from(&clients, agents.start, Work::Tell(tell)).await?;
    let base = trial.pushed;
    let began = push_at(trial, rate, count).await?;
    let mut came: BTreeMap<u64, Came> = BTreeMap::new();
    while (came.range(base + 1..).count() as u64) < count {
        match tokio::time::timeout(LOST_AFTER, told.recv()).await {
            Ok(Some(case)) => drop(came.insert(case.case, case)),
            _ => bail!("{} of {count} messages reached an agent at {rate} a second", came.len()),
        }
    }
    // While the streams stand: what an agent got just before theirs ends goes back to its queue.
    clear(trial, &came).await?;
    workers.stop().await?;
    for client in &clients {
        sign_out(client).await?;
    }
    // One stream keeps the order and every message opens a case, so the n-th message is the n-th new case.
    let samples =
        came.range(base + 1..).zip(began).map(|((_, came), begin)| came.at.saturating_duration_since(begin));
    Ok(samples.collect())
}

async fn push_at(trial: &mut Trial, rate: u64, count: u64) -> Result<Vec<Instant>> {
    let (frames, waiting) = mpsc::channel(FRAMES_WAITING);
    let answers = trial.admin.ingest().push_stream(ReceiverStream::new(waiting)).await.map_err(refused)?;
    let mut answers = answers.into_inner();
    let acknowledged = tokio::spawn(async move {
        while answers.message().await.map_err(refused)?.is_some() {}
        Ok::<_, anyhow::Error>(())
    });
    let (mut released, mut began) = (pace(rate, count), Vec::new());
    while let Some(at) = released.recv().await {
        let frame = began.len() as u64 + 1;
        let messages = vec![trial.message(trial.pushed)];
        trial.pushed += 1;
        began.push(at);
        if frames.send(api::PushStreamRequest { frame, messages }).await.is_err() {
            break;
        }
    }
    drop(frames);
    acknowledged.await??;
    Ok(began)
}

/// Resolves what the agents hold, so that nothing goes back to a queue when they leave.
async fn clear(trial: &Trial, came: &BTreeMap<u64, Came>) -> Result<()> {
    let gateway = Appender::new(trial.log.clone(), Door::Gateway, "gateway@bench/1", Limits::default());
    let resolve = |came: &Came| {
        let command = Command {
            principal: agent_id(came.agent),
            case: came.case,
            body: Some(command::Body::Resolve(Resolve { outcome: "answered".into() })),
            ..Command::default()
        };
        let key = format!("{DESK}-{:08}", came.case).into_bytes();
        let key = key[key.len() - 16..].to_vec();
        Input { key: key.into(), body: Some(input::Body::Command(command)), ..Input::default() }
    };
    let places = gateway.append_all(came.values().map(resolve).collect()).await?;
    match places.last() {
        Some(place) => decided(trial.log.as_ref(), *place).await,
        None => Ok(()),
    }
}
