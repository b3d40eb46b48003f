//! The role over loopback: real gRPC clients against desks whose logs are written by hand.

#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)] // Shared with the tests of the views, which use all of it.
#[path = "../../../../crates/views/tests/views/script.rs"]
mod script;
#[allow(dead_code)]
#[path = "../../../../crates/views/tests/views/story.rs"]
mod story;

#[allow(dead_code)] // Shared with the tests of the replay, which use all of it.
#[path = "../../../../crates/replay/tests/replay/judged.rs"]
mod judged;

mod server;

mod attachments;
mod audit;
mod following;
mod html;
mod view;
