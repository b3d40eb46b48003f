//! A thousand storms: the real core, router, gateway and deliverer over a simulated log, network and clock. Each test
//! takes its share of the seeds, so that they run beside each other, and each must see every kind of fault.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use simpang_sim::{Faults, Options, run};

/// Seeds of one share; there are eight.
const SHARE: u64 = 125;

/// Runs a share of the seeds; every one has to hold, and no kind of fault may be missing.
fn share(number: u64) {
    let options = Options::default();
    let (mut faults, mut inputs) = (Faults::default(), 0);
    for seed in 1 + number * SHARE..=(number + 1) * SHARE {
        let outcome = run(seed, options).unwrap();
        assert!(
            outcome.violations.is_empty(),
            "seed {seed}: {:#?}\nagain: cargo run -p simpang-sim -- --seeds 1 --from {seed} --trace",
            outcome.violations
        );
        assert!(outcome.inputs >= options.inputs, "seed {seed} had only {} inputs", outcome.inputs);
        faults.add(&outcome.faults);
        inputs += outcome.inputs;
    }
    println!("{SHARE} seeds, {inputs} inputs\n{faults}");
    let never: Vec<&str> = faults.never().into_iter().map(simpang_sim::Fault::as_str).collect();
    assert!(never.is_empty(), "these faults never happened, so nothing is known of them: {never:?}");
}

#[test]
fn seeds_of_the_first_share_hold() {
    share(0);
}

#[test]
fn seeds_of_the_second_share_hold() {
    share(1);
}

#[test]
fn seeds_of_the_third_share_hold() {
    share(2);
}

#[test]
fn seeds_of_the_fourth_share_hold() {
    share(3);
}

#[test]
fn seeds_of_the_fifth_share_hold() {
    share(4);
}

#[test]
fn seeds_of_the_sixth_share_hold() {
    share(5);
}

#[test]
fn seeds_of_the_seventh_share_hold() {
    share(6);
}

#[test]
fn seeds_of_the_eighth_share_hold() {
    share(7);
}

/// Everything anybody wrote, sent and was told is the same, to the millisecond, however often a seed is run.
#[test]
fn the_same_seed_goes_the_same_way_twice_and_another_goes_another() {
    let options = Options { trace: true, ..Options::default() };
    for seed in [3, 7_001] {
        let (first, second) = (run(seed, options).unwrap(), run(seed, options).unwrap());
        let differs = first.trace.iter().zip(&second.trace).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first, second);
    }
    assert_ne!(run(3, Options::default()).unwrap().digest, run(4, Options::default()).unwrap().digest);
}
