//! The whole of a desk in one thread, with every kind of trouble, from a seed: the real core, router, gateway and
//! deliverer, over a simulated log, network and clock. After each run the independent checker, judging again, and a
//! naive model of what a desk has to be judge what stands on the logs.
//!
//! Nothing but a seed decides what happens. Time is tokio's, paused: it jumps to the next timer when nothing is left
//! to do. Everything a process does to the world goes through its `link`, so a link that dies is a process that was
//! killed at that very await; see `docs/simulation.md` for what is simulated and what is not.

mod broker;
mod channel;
mod dice;
mod fault;
mod judge;
mod link;
mod model;
mod nemesis;
mod people;
mod policy;
mod port;
mod processes;
mod progress;
mod run;
mod signal;
mod world;

pub use fault::{Fault, Faults};
pub use run::{Options, Outcome, run};
