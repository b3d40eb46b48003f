//! The checker's behaviour: a correct log passes, each way to break one is caught, and no small change to one goes
//! unnoticed unless it is listed as harmless with the reason.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub)]

#[macro_use]
mod story;

mod holds;
mod mutations;
mod violations;
