//! What an agent waits for when they ask for a case while many stand open, and how many cases are handed out a second.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::Run;
use super::agents::{pull, resolve, sign_in};
use super::report::{Measure, quantile};
use super::throughput::per_second;
use super::whole::Trial;
use crate::client::Client;

/// Agents who pull at a steady rate, and how often each.
const STEADY: usize = 10;
const EVERY: Duration = Duration::from_millis(10);
/// Agents who pull as fast as they can.
pub(super) const EAGER: usize = 50;

pub(super) async fn measure(run: &mut Run, round: usize) -> Result<()> {
    run.step(round, "pulls with many cases open");
    let open = run.size.open;
    let mut trial = Trial::start(run, EAGER, 4).await?;
    trial.fill(open).await?;
    for client in &trial.agents {
        sign_in(client).await?;
    }
    steady(run, &trial.agents, open).await?;
    let began = Instant::now();
    let eager = pulls(&trial.agents, None, run.size.pulls).await?;
    let measure = Measure::rate(
        "handed",
        format!("cases handed out to {EAGER} agents over gRPC, each resolved"),
        "cases/s",
    );
    run.report.add(measure, per_second(eager.len() as u64, began.elapsed()));
    trial.stop().await
}

/// Lets a few agents pull a thousand times a second together.
pub(super) async fn steady(run: &mut Run, agents: &[Client], open: u64) -> Result<()> {
    let began = Instant::now();
    let mut steady = pulls(&agents[..STEADY], Some(EVERY), run.size.pulls).await?;
    let steady_for = began.elapsed();
    for (q, name) in [(0.5, "p50"), (0.99, "p99")] {
        let what = format!("agent's pull over gRPC, {open} open cases, {name}");
        let mut measure = Measure::cost(format!("pull.{name}"), what, "ms");
        if name == "p50" {
            measure = measure.aiming(2.0, 0.7);
        }
        run.report.add(measure, quantile(&mut steady, q) / 1_000.0);
    }
    let measure = Measure::rate("pull.rate", "… at this many pulls, each with a resolve", "1/s");
    run.report.add(measure, per_second(steady.len() as u64, steady_for));
    Ok(())
}

/// Lets each agent pull one case and resolve it, over and over; how long the pulls took that gave one.
pub(super) async fn pulls(
    agents: &[Client],
    every: Option<Duration>,
    lasting: Duration,
) -> Result<Vec<Duration>> {
    let mut tasks = JoinSet::new();
    let until = Instant::now() + lasting;
    for client in agents {
        let client = client.clone();
        tasks.spawn(async move {
            let mut beat = tokio::time::interval(every.unwrap_or(EVERY));
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut samples = Vec::new();
            while Instant::now() < until {
                if every.is_some() {
                    beat.tick().await;
                }
                let began = Instant::now();
                let given = pull(&client, 1, 0).await?.context("an agent without a case may take none")?;
                let spent = began.elapsed();
                let Some(assignment) = given.assignments.first() else { break };
                samples.push(spent);
                resolve(client.clone(), assignment.case).await?;
            }
            Ok::<_, anyhow::Error>(samples)
        });
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.extend(done??);
    }
    Ok(all)
}
