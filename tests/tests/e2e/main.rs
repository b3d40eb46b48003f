//! The whole program from end to end: the real binary, a real nats-server, real protocols at both ends. Every test
//! ends by letting the checker judge the logs and the journals of senders and receivers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod apart;
mod archive;
mod calls;
mod chaos;
mod compare;
mod faults;
mod foreign;
mod handed;
mod imap;
mod loops;
mod mail;
mod mail_servers;
mod owners;
mod refusals;
mod reread;
mod resume;
mod social;
mod takeover;
mod up;
mod verdict;
