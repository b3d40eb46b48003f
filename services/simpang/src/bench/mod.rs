//! `simpang bench`: the bare broker, then our own path beside it, in one run on this machine, with the ratios of design
//! §6. Or one thing only: with `--restart` how fast a desk is taken up again ([`restart`]), with `--curves` what load and
//! many desks do ([`curves`]), with `--compare` a queue in PostgreSQL beside ours ([`postgres`]), with `--part` parts of
//! the whole. Everything runs on servers of its own in a temporary folder; nothing of the user's is touched. It asserts
//! no times: it tells what was measured.
//!
//! Rounds go bare, ours, bare, ours …, and a ratio is of one round. [`throughput`], [`reading`], [`push`] and [`whole`] measure
//! rates, [`latency`] and [`pulls`] times, [`core`] what one decision costs without any log.

// Rates and ratios are what this module is for; nothing is decided by them.
#![allow(clippy::float_arithmetic, clippy::cast_precision_loss)]

mod agents;
mod core;
mod curves;
mod latency;
mod machine;
mod postgres;
mod pulls;
mod push;
mod reading;
mod report;
mod restart;
mod scene;
mod throughput;
mod traffic;
mod whole;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum as _;
use indicatif::ProgressBar;

use crate::cli::{Bench, BenchPart};
use crate::node::stop_signal;
use crate::output;
use report::Report;
use scene::{Files, Scene};

/// How much of everything.
#[derive(Debug, Clone)]
struct Size {
    rounds: usize,
    /// Messages through the bare broker.
    bare: u64,
    /// Messages through ingest and router.
    routed: u64,
    /// Messages through every role.
    whole: u64,
    /// Messages a second at which latency is measured.
    rates: &'static [u64],
    /// For how long.
    each_rate: Duration,
    /// Open cases while agents pull.
    open: u64,
    /// How long agents pull.
    pulls: Duration,
    /// Messages judged by the core alone.
    judged: u64,
}

impl Size {
    fn of(args: &Bench) -> Self {
        let mut size = if args.quick {
            Self {
                rounds: 2,
                bare: 60_000,
                routed: 40_000,
                whole: 12_000,
                rates: &[500, 2_000],
                each_rate: Duration::from_secs(1),
                open: 5_000,
                pulls: Duration::from_secs(1),
                judged: 20_000,
            }
        } else {
            Self {
                rounds: 5,
                bare: 300_000,
                routed: 200_000,
                whole: 60_000,
                rates: &[500, 1_000, 2_000, 5_000],
                each_rate: Duration::from_secs(3),
                open: 100_000,
                pulls: Duration::from_secs(4),
                judged: 100_000,
            }
        };
        if args.sync_always {
            // Every record waits for the disk.
            size.bare /= 10;
        }
        size
    }
}

/// What a run carries along.
struct Run {
    size: Size,
    sync_always: bool,
    files: Files,
    report: Report,
    progress: ProgressBar,
}

impl Run {
    /// Says what is being measured.
    fn step(&self, round: usize, what: &str) {
        self.progress.set_message(format!("round {} of {}: {what}", round + 1, self.size.rounds));
        self.progress.inc(1);
    }

    async fn scene(&self) -> Result<Scene> {
        Scene::new(self.sync_always).await
    }
}

/// Measures and reports.
pub(crate) async fn run(args: Bench) -> Result<()> {
    let size = Size::of(&args);
    let (policy, files) = scene::policy()?;
    let command = command(&args);
    let scene = Scene::new(args.sync_always).await?;
    let mut machine = machine::describe(&scene.broker_version, &command);
    scene.stop().await?;
    machine["policy"] = policy.into();
    machine["rounds"] = size.rounds.into();
    let steps = 1 + size.rounds * (12 + size.rates.len());
    let progress = output::progress(steps as u64, "the core alone");
    let mut run = Run { size, sync_always: args.sync_always, files, report: Report::default(), progress };
    tokio::select! {
        measured = measure(&mut run, &args) => measured?,
        stopped = stop_signal() => {
            stopped?;
            // What is dropped here ends its nats-server and removes its folder.
            bail!("stopped before the end; nothing was reported, nothing is left running");
        }
    }
    run.progress.finish_and_clear();
    run.report.print(&machine, args.json.json);
    Ok(())
}

async fn measure(run: &mut Run, args: &Bench) -> Result<()> {
    if let Some(cases) = args.restart {
        return restart::measure(run, cases).await;
    }
    if let Some(cases) = args.compare {
        return postgres::measure(run, cases).await;
    }
    if args.curves {
        return curves::measure(run).await;
    }
    let wanted = |part: BenchPart| args.part.is_empty() || args.part.contains(&part);
    if wanted(BenchPart::Core) {
        core::measure(run)?;
    }
    for round in 0..run.size.rounds {
        if wanted(BenchPart::Rates) {
            throughput::measure(run, round).await?;
        }
        if wanted(BenchPart::Reading) {
            reading::measure(run, round).await?;
        }
        if wanted(BenchPart::Push) {
            push::measure(run, round).await?;
        }
        if wanted(BenchPart::Whole) {
            whole::measure(run, round).await?;
        }
        if wanted(BenchPart::Latency) {
            latency::measure(run, round).await?;
        }
        if wanted(BenchPart::Pulls) {
            pulls::measure(run, round).await?;
        }
    }
    Ok(())
}

/// The command as it was given, for the report.
fn command(args: &Bench) -> String {
    let flags = [
        (args.quick, " --quick"),
        (args.sync_always, " --sync-always"),
        (args.curves, " --curves"),
        (args.json.json, " --json"),
    ];
    let given = flags.into_iter().filter(|(is_given, _)| *is_given).map(|(_, flag)| flag);
    let restart = args.restart.map(|cases| format!(" --restart {cases}"));
    let compare = args.compare.map(|cases| format!(" --compare {cases}"));
    let parts =
        args.part.iter().filter_map(|part| Some(format!(" --part {}", part.to_possible_value()?.get_name())));
    let told = given.map(str::to_owned).chain(restart).chain(compare).chain(parts);
    std::iter::once("simpang bench".to_owned()).chain(told).collect()
}
