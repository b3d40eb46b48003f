//! Rates of the bare broker, of ingest alone, and of ingest and router; how fast that log is taken up again, judged
//! again, and folded into views again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use simpang_log::{Appender, DeskLog, DeskName, Door, Limits, Place, Ticket};
use simpang_proto::log::v1::Input;
use simpang_router::{Options, Router};
use tokio::sync::mpsc;

use super::report::{Measure, Target, quantile};
use super::scene::{Scene, decided, owned, payload};
use super::traffic::{DESK, Traffic};
use super::{Run, machine, reading};

/// Acknowledgements that a windowed publisher lets stand out: the client's own bound.
pub(super) const WINDOW: usize = 5_000;
/// Publishes that are awaited one by one.
const AWAITED: usize = 2_000;
/// Tickets that a source lets stand out.
const OUTSTANDING: usize = 50_000;
/// Inputs a record, and the part of the messages that is sent so.
const CURVE: [(usize, u64); 3] = [(1, 20), (10, 4), (50, 2)];

pub(super) async fn measure(run: &mut Run, round: usize) -> Result<()> {
    let scene = run.scene().await?;
    run.step(round, "the bare broker");
    bare(run, &scene).await?;
    let count = run.size.routed;
    let traffic = Traffic::new();
    let inputs: Vec<Input> = (0..count).map(|n| traffic.input(n)).collect();
    run.step(round, "ingest alone");
    ingest(run, &inputs).await?;
    run.step(round, "ingest and router");
    let (router, log) = scene.routed_desk(&run.files).await?;
    routed(run, &scene, &log, &inputs).await?;
    drop(inputs);
    let judged = count + curve(run, &log, &traffic).await?;
    run.step(round, "taking a desk up again, judging its log again");
    router.stop().await;
    taken_up(run, &scene).await?;
    let spent = reading::verified(&log, judged).await?;
    let measure = Measure::rate("verify", "verify: messages judged again", "messages/s");
    run.report.add(measure.over("bare.consume", Target::Ratio(0.5, 0.8)), per_second(judged, spent));
    run.step(round, "building views anew");
    let cpu = Cpu::now(&scene);
    let spent = reading::views_built(&scene, &log).await?;
    cpu.add(run, "views", "views built anew", judged);
    let measure = Measure::rate("views", "views built anew: messages folded", "messages/s");
    run.report.add(measure.over("bare.consume", Target::Ratio(0.5, 0.8)), per_second(judged, spent));
    scene.stop().await
}

async fn bare(run: &mut Run, scene: &Scene) -> Result<()> {
    let (bare, payload, count) = (scene.bare("rates").await?, payload(), run.size.bare);
    let cpu = Cpu::now(scene);
    let published = bare.publish_windowed(&payload, count, WINDOW).await?;
    cpu.add(run, "bare.publish", "bare: publish", count);
    let fast = bare.publish_fast(&payload, count).await?;
    let consumed = bare.consume(count).await?;
    let mut awaited = Vec::with_capacity(AWAITED);
    for _ in 0..AWAITED {
        awaited.push(bare.publish_awaited(&payload).await?);
    }
    let report = &mut run.report;
    report.add(
        Measure::rate("bare.publish", "bare: windowed publish of single messages", "messages/s"),
        per_second(count, published),
    );
    report
        .add(Measure::rate("bare.fast", "bare: fast-ingest publish", "messages/s"), per_second(count, fast));
    report.add(Measure::rate("bare.consume", "bare: consume", "messages/s"), per_second(count, consumed));
    for (q, name) in [(0.5, "p50"), (0.99, "p99")] {
        let measure =
            Measure::cost(format!("bare.ack.{name}"), format!("bare: awaited publish, {name}"), "µs");
        report.add(measure, quantile(&mut awaited, q));
    }
    Ok(())
}

/// On a broker of its own: the router that is measured next takes every desk that it finds, and would judge this one
/// beside its own.
async fn ingest(run: &mut Run, inputs: &[Input]) -> Result<()> {
    let scene = run.scene().await?;
    let log = scene.store.create(&DeskName::new(DESK)?).await?;
    let cpu = Cpu::now(&scene);
    let began = Instant::now();
    feed(&appender(&log), inputs).await?;
    let spent = began.elapsed();
    cpu.add(run, "ingest", "ingest alone", inputs.len() as u64);
    let measure = Measure::rate("ingest", "ingest alone: inputs appended", "messages/s");
    run.report.add(measure.over("bare.publish", Target::None), per_second(inputs.len() as u64, spent));
    scene.stop().await
}

async fn routed(run: &mut Run, scene: &Scene, log: &Arc<dyn DeskLog>, inputs: &[Input]) -> Result<()> {
    let first = log.last_seq().await?;
    let cpu = Cpu::now(scene);
    let began = Instant::now();
    let place = feed(&appender(log), inputs).await?;
    decided(log.as_ref(), place).await?;
    let spent = began.elapsed();
    let count = inputs.len() as u64;
    cpu.add(run, "routed", "ingest and router", count);
    let target = if run.sync_always { Target::Ratio(3.0, 10.0) } else { Target::Ratio(0.5, 1.0) };
    let measure = Measure::rate("routed", "ingest and router: messages routed", "messages/s");
    run.report.add(measure.over("bare.publish", target), per_second(count, spent));
    // Input records and commits come about one for one.
    let records = (log.last_seq().await? - first).max(1);
    run.report.add(
        Measure::rate("routed.packing", "… messages a record", "messages"),
        count as f64 / records as f64,
    );
    Ok(())
}

/// The same with few inputs a record; gives how many messages that were.
async fn curve(run: &mut Run, log: &Arc<dyn DeskLog>, traffic: &Traffic) -> Result<u64> {
    let mut next = run.size.routed;
    for (inputs_max, part) in CURVE {
        let count = (run.size.routed / part).max(1);
        let inputs: Vec<Input> = (next..next + count).map(|n| traffic.input(n)).collect();
        next += count;
        let began = Instant::now();
        let place = feed(&limited(log, Limits { inputs_max, ..Limits::default() }), &inputs).await?;
        decided(log.as_ref(), place).await?;
        let spent = began.elapsed();
        let measure = Measure::rate(
            format!("routed.{inputs_max}"),
            format!("… with at most {inputs_max} a record, one record in flight"),
            "messages/s",
        );
        run.report.add(measure.over("bare.publish", Target::None), per_second(count, spent));
    }
    Ok(next - run.size.routed)
}

/// How long a new router takes until it owns the desk, from the log alone.
async fn taken_up(run: &mut Run, scene: &Scene) -> Result<()> {
    let began = Instant::now();
    let router = Router::start(Options::new(scene.store.clone(), "router@bench/2".into())).await?;
    owned(&router).await?;
    let spent = began.elapsed();
    router.stop().await;
    let cases = run.size.routed + CURVE.iter().map(|(_, part)| run.size.routed / part).sum::<u64>();
    let measure =
        Measure::cost("restart", format!("router: take a desk up, {cases} open cases, from the log"), "s");
    run.report.add(measure, spent.as_secs_f64());
    Ok(())
}

pub(super) fn appender(log: &Arc<dyn DeskLog>) -> Appender {
    limited(log, Limits::default())
}

pub(super) fn limited(log: &Arc<dyn DeskLog>, limits: Limits) -> Appender {
    Appender::new(log.clone(), Door::Ingest, "ingest@bench/1", limits)
}

/// Appends as fast as the log takes it; the place of the last one once all are acknowledged.
pub(super) async fn feed(appender: &Appender, inputs: &[Input]) -> Result<Place> {
    let (sent, mut waiting) = mpsc::channel::<Ticket>(OUTSTANDING);
    let acknowledged = tokio::spawn(async move {
        let mut last = None;
        while let Some(ticket) = waiting.recv().await {
            last = Some(ticket.place().await?);
        }
        Ok::<_, anyhow::Error>(last)
    });
    for input in inputs {
        if sent.send(appender.submit(input).await?).await.is_err() {
            break;
        }
    }
    drop(sent);
    acknowledged.await??.context("nothing was appended")
}

pub(super) fn per_second(count: u64, spent: Duration) -> f64 {
    count as f64 / spent.as_secs_f64()
}

/// Processor time of our process and of the broker, from a moment on.
pub(super) struct Cpu {
    broker: u32,
    ours_before: Duration,
    broker_before: Duration,
}

impl Cpu {
    pub(super) fn now(scene: &Scene) -> Self {
        let broker = scene.broker_pid();
        Self {
            broker,
            ours_before: machine::spent(std::process::id()),
            broker_before: machine::spent(broker),
        }
    }

    /// Adds what each message cost since.
    pub(super) fn add(&self, run: &mut Run, id: &str, what: &str, messages: u64) {
        let both = [
            ("cpu", "our process", machine::spent(std::process::id()).saturating_sub(self.ours_before)),
            ("broker-cpu", "nats-server", machine::spent(self.broker).saturating_sub(self.broker_before)),
        ];
        for (kind, who, spent) in both {
            let measure =
                Measure::cost(format!("{id}.{kind}"), format!("{what}: CPU a message, {who}"), "µs");
            run.report.add(measure, spent.as_secs_f64() * 1e6 / messages.max(1) as f64);
        }
    }
}
