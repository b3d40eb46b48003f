//! Real processes and real nats-servers under load, while a nemesis kills, freezes, restarts and parts them: the
//! broker, both routers, the gateway, the doors, the deliverer, the views. Senders keep a journal of what was
//! acknowledged, receivers of what they got; at the end the program's checker judges the logs and both journals.
//!
//! `SIMPANG_SOAK_SECONDS` says for how long (60), `SIMPANG_SOAK_SEED` repeats a run's faults in their order.
//! `make soak SECONDS=3600` is the same for an hour.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod nemesis;

use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use simpang_tests::{BrokerOptions, Load, Role, Setup, Stand};
use tokio::task::LocalSet;
use tokio::time::Instant;

use nemesis::Nemesis;

/// Longest time for what is under way when everything is mended.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_under_every_fault_loses_nothing_and_doubles_nothing() {
    LocalSet::new().run_until(soak(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_three_under_every_fault_loses_nothing_and_doubles_nothing() {
    LocalSet::new().run_until(soak(3)).await;
}

async fn soak(servers: usize) {
    let seconds = number("SIMPANG_SOAK_SECONDS").unwrap_or(60);
    let seed = number("SIMPANG_SOAK_SEED").unwrap_or_else(rand::random);
    eprintln!("{servers} nats-server(s); to repeat these faults: SIMPANG_SOAK_SEED={seed}");
    let setup = Setup {
        roles: Role::DOUBLED.to_vec(),
        servers,
        broker: BrokerOptions { sync_always: true, ..BrokerOptions::default() },
        linked: true,
        ..Setup::apart()
    };
    let mut stand = Stand::start_with(setup, |_| {}).await;
    let load = Load::lasting(seconds);
    let traffic = load.send(&stand);
    let begun = Instant::now();
    let mut nemesis = Nemesis::new(StdRng::seed_from_u64(seed), servers);
    let fired = nemesis.rage(&mut stand, Duration::from_secs(seconds), &traffic.progress).await;
    stand.until_ready_again().await;
    let progress = traffic.progress.clone();
    let cases = traffic.end().await;
    eprintln!("{:6.1?} all {} messages are acknowledged", begun.elapsed(), progress.acknowledged());
    let finished = stand.finish_within(DRAINED_WITHIN).await;
    eprintln!(
        "{:6.1?} judged: nothing lost, nothing doubled; agents finished {cases} cases, receivers got {} messages",
        begun.elapsed(),
        finished.received.len()
    );
    for (fault, count) in &fired {
        eprintln!("{count:4} {fault}");
    }
    load.arrived_once(&finished.logs);
    assert!(cases > 0 && !finished.received.is_empty(), "agents worked and replies arrived");
    let never: Vec<_> = fired.iter().filter(|(_, count)| **count == 0).collect();
    assert!(never.is_empty(), "faults that never fired: {never:?}");
}
