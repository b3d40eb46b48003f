//! `simpang-sim --seeds 1000`: runs seeds, prints what went wrong and how often each fault happened.

use std::process::ExitCode;

use clap::Parser;
use simpang_sim::{Faults, Options, run};

/// Runs the simulation: the real core, router, gateway and deliverer over a simulated log, network and clock.
#[derive(Debug, Parser)]
#[command(name = "simpang-sim")]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many inputs each, at least.
    #[arg(long, default_value_t = 300)]
    inputs: u64,
    /// Print the trace of every run: who did what and was told what, and when.
    #[arg(long)]
    trace: bool,
}

#[allow(clippy::print_stdout)] // this is a tool; its output is for people
fn main() -> ExitCode {
    let args = Args::parse();
    let options = Options { inputs: args.inputs, trace: args.trace };
    let (mut faults, mut inputs, mut cases, mut failed) = (Faults::default(), 0, 0, 0);
    for seed in args.from..args.from.saturating_add(args.seeds) {
        let outcome = match run(seed, options) {
            Ok(outcome) => outcome,
            Err(error) => {
                println!("this machine can't run it: {error}");
                return ExitCode::FAILURE;
            }
        };
        outcome.trace.iter().for_each(|line| println!("{line}"));
        if !outcome.violations.is_empty() {
            failed += 1;
            println!("seed {seed} (digest {}):", outcome.digest);
            outcome.violations.iter().for_each(|violation| println!("  {violation}"));
            println!("  again: simpang-sim --seeds 1 --from {seed} --inputs {} --trace", args.inputs);
        }
        faults.add(&outcome.faults);
        inputs += outcome.inputs;
        cases += outcome.cases;
    }
    println!("{} seeds, {failed} failed; {inputs} inputs, {cases} cases", args.seeds);
    println!("{faults}");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
