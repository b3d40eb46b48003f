//! What stands on a disk and is not what was written, disks without room, parts that are slow or away, loss of power:
//! the real program and a real nats-server, and what each reader and writer does about it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod away;
mod blocks;
mod desk;
mod power;
mod repair;
