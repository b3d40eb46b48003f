//! Everything that a deliverer has from outside the log, in one place: the time of day, a name that nobody had
//! before, and the channels. A stand-in for it lets all the rest be tried without a machine around it.

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use simpang_proto::log::v1::Channel;

use crate::parcel::Parcel;
use crate::sender::{Outcome, Sent};

/// The time of day, names and channels.
pub trait Outside: Send + Sync + Debug {
    /// The time of day, ms since 1970 UTC. It says only when to look again.
    fn now_ms(&self) -> i64;

    /// A word that no start of any deliverer had before.
    fn incarnation(&self) -> String;

    /// Tries once.
    fn send(&self, letter: Letter) -> BoxFuture<'_, Answer>;
}

/// What goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Desk.
    pub desk: String,
    /// Case.
    pub case: u64,
    /// The delivery: `<desk>-<seq>-<index>-<part>`, the same for every attempt.
    pub delivery: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Channel it leaves by.
    pub channel: Channel,
    /// Our account.
    pub account: String,
    /// The text.
    pub text: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Accepted, under this id.
    Accepted(String),
    /// Surely not sent, and worth another try after so many ms; 0: at the deliverer's own pace.
    Later(i64),
    /// Surely not sent, and never will be.
    Refused,
    /// Nobody can say.
    Unknown,
}

/// Sends a parcel by what stands in for the channels.
pub(crate) async fn send(outside: &dyn Outside, parcel: &Parcel) -> Outcome {
    let letter = Letter {
        desk: parcel.desk.clone(),
        case: parcel.case,
        delivery: parcel.stable_id.clone(),
        attempt: parcel.attempt,
        channel: parcel.channel,
        account: parcel.account.clone(),
        text: parcel.text.clone(),
    };
    match outside.send(letter).await {
        Answer::Accepted(id) => Outcome::delivered("accepted", Some(Sent::same("email", id))),
        Answer::Later(after_ms) => Outcome::retry("not now", after_ms),
        Answer::Refused => Outcome::refused("refused"),
        Answer::Unknown => Outcome::unknown("no answer came"),
    }
}
