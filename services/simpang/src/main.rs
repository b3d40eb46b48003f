//! The program `simpang`: every role and every tool in one binary. It puts the roles together, gives each what it
//! needs from the settings, and serves them; what a role does is in its own crate.
//!
//! Start with [`cli`] (what can be asked), [`node`] (roles in a process), [`up`] (everything at once).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod bench;
mod cli;
mod client;
mod commands;
mod config;
mod demo;
mod installation;
mod node;
mod output;
mod people;
mod store;
mod telemetry;
mod up;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use cli::{Cli, Command};
use config::Config;
use node::Role;

/// Judging a message makes and drops many small things, on one thread after another.
#[global_allocator]
static ALLOCATOR: simpang_allocator::MiMalloc = simpang_allocator::MiMalloc;

fn main() -> ExitCode {
    simpang_allocator::settle();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprint(&anyhow::anyhow!("can't start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        let outcome = run(cli).await;
        telemetry::stop().await;
        outcome
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprint(&error);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr)] // the one place where errors of the program end
fn eprint(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

async fn run(cli: Cli) -> Result<ExitCode> {
    // One provider for every TLS connection of the process; a second call is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::load(cli.config.as_deref())?;
    if let Some(url) = &cli.nats_url {
        config.log.nats_url.clone_from(url);
    }
    if let Some(dir) = &cli.data {
        config.data.dir.clone_from(dir);
    }
    match cli.command {
        Command::Up(args) => up::run(config, args).await?,
        Command::Ingest(args) => match args.command {
            Some(command) => return commands::ingest::run(&config, command).await,
            None => node::run(config, &[Role::Ingest]).await?,
        },
        Command::Router => node::run(config, &[Role::Router]).await?,
        Command::Project(args) => match args.command {
            Some(command) => commands::project::run(&config, command).await?,
            None => node::run(config, &[Role::Project]).await?,
        },
        Command::Deliver => node::run(config, &[Role::Deliver]).await?,
        Command::Gateway => node::run(config, &[Role::Gateway]).await?,
        Command::Replay(args) => commands::replay::run(&config, args).await?,
        Command::Explain(args) => commands::explain::run(&config, args).await?,
        Command::Verify(args) => return commands::verify::run(&config, args).await,
        Command::Policy(args) => return commands::policy::run(&config, args).await,
        Command::Desk(args) => commands::desk::run(&config, args).await?,
        Command::Campaign(args) => commands::campaign::run(&config, args).await?,
        Command::Agent(args) => commands::agent::run(&config, args).await?,
        Command::Show(args) => commands::show::run(&config, args).await?,
        Command::Report(args) => commands::report::run(&config, args).await?,
        Command::Bench(args) => bench::run(args).await?,
        Command::Doctor(args) => return commands::doctor::run(&config, args).await,
        Command::Archive(args) => return commands::archive::run(&config, args).await,
        Command::Backup(args) => commands::backup::run(&config, args).await?,
        Command::Demo(args) => return demo::run(args, &config.log.nats_url).await,
        Command::Config => output::line(config::DEFAULT),
    }
    Ok(ExitCode::SUCCESS)
}
