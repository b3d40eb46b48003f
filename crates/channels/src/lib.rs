//! What the channels say, read: raw bytes of mail, X, Facebook and call lists become plain values.
//!
//! Every parser here is a pure function. This crate knows no socket, no clock, no log, no desk and no directory: it
//! hashes no identity, decides nothing about a case and never answers. Whatever bytes it is given, it gives a result
//! and does not panic: what can't be understood comes back marked as such, with a reason.
//!
//! Ids (`source_id`, `joins`, `provides`, `idempotency`) are plain strings without the account they came to; the
//! door that uses them adds channel and account and hashes them.
//!
//! Begin at [`message`], the shape all channels share, then read one of [`email`], [`x`], [`facebook`]. [`calls`]
//! reads call lists, [`outgoing`] writes what goes back to a channel and reads what the channel answers.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod message;

pub mod calls;
pub mod email;
pub mod facebook;
pub mod outgoing;
pub mod x;

mod file_name;
mod guard;
mod json;
mod signature;
mod time;

pub use file_name::safe as safe_file_name;
pub use message::{
    Attachment, AttachmentBody, Content, FactValue, Facts, Item, Kind, Parsed, Unreadable, Visibility,
};
