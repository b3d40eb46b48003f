//! The gateway over a real socket, on a log in memory, with a small router that decides by a script.

#![allow(clippy::unwrap_used, clippy::panic)]

mod admin;
mod bulk;
mod commands;
mod files;
mod forms;
mod numbers;
mod router;
mod sessions;
mod trouble;
mod watch;
mod world;
