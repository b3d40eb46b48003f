//! What tests of the whole program need: the real `simpang` binary as a child process, real senders that note what
//! they were told, receivers that note what they got, and clients of the API.
//!
//! Begin with [`Stand`]: a whole Simpang in a folder of its own. A test ends with [`Stand::finish`], which lets the
//! program's own checker judge the logs and both journals. Nothing here knows how Simpang works inside; it speaks SMTP,
//! HTTP and gRPC, and reads the log only to name what receivers got.

// Support of tests: what is not as it must be ends the test, with the reason.
#![allow(clippy::unwrap_used, clippy::panic)]

mod broker;
mod client;
mod disk;
mod journal;
mod link;
mod load;
mod logs;
mod policy;
mod program;
mod receivers;
mod senders;
mod servers;
mod stand;
mod wait;

pub use broker::{Broker, BrokerOptions, Brokers, Operator};
pub use client::{Agent, Client};
pub use disk::Disk;
pub use journal::Sent;
pub use link::Link;
pub use load::{Load, Progress, Traffic};
pub use logs::{Logs, ReplyInput};
pub use policy::Policy;
pub use program::{Program, free_port, repository, simpang_binary};
pub use receivers::mail::{MailSink, SunkMail};
pub use receivers::social::{Posted, SocialFakes};
pub use senders::http::{Http, HttpAnswer};
pub use senders::lists::{CallList, LoadedList};
pub use senders::mail::{Letter, Smtp};
pub use senders::push::Pusher;
pub use senders::webhooks::{FacebookComment, Mention, Signed};
pub use servers::{Certificate, Dovecot, Postfix, is_root};
pub use stand::{Finished, Layout, Role, Setup, Stand};
pub use wait::{DEADLINE, eventually, within};
