//! The channels' other end: takes what a deliverer sends, or does not, and keeps a journal of what it took.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use simpang_checker::{DeliveryId, ReceivedEntry};
use simpang_deliver::outside::{Answer, Letter, Outside};
use tokio::time::sleep;

use crate::fault::Fault;
use crate::link::{Link, Step};

/// What was taken, and from whom.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) entry: ReceivedEntry,
    /// The deliverer's full name.
    pub(crate) by: String,
}

/// What all channels took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mailbox(Arc<Mutex<Vec<Taken>>>);

impl Mailbox {
    pub(crate) fn all(&self) -> Vec<Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self, taken: Taken) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(taken);
        all.len()
    }
}

/// The channels, as one deliverer reaches them.
#[derive(Debug)]
pub(crate) struct Channels {
    pub(crate) link: Arc<Link>,
    pub(crate) mailbox: Mailbox,
}

impl Channels {
    async fn try_once(&self, letter: Letter) -> Answer {
        let world = &self.link.world;
        self.link.step(Step::Sending).await;
        sleep(world.between(0, 40)).await;
        self.link.going().await;
        let fate = if world.is_storm() { world.below(100) } else { 0 };
        let answer = match fate {
            0..76 => self.accept(&letter),
            76..86 => return Answer::Later(i64::try_from(world.below(1_500)).unwrap_or(0)),
            86..91 => return Answer::Refused,
            _ => {
                world.fault(Fault::SendUnknown, &self.link.name);
                if world.chance(500) {
                    self.accept(&letter);
                }
                if world.chance(400) {
                    // The deliverer's patience ends before this does.
                    sleep(Duration::from_secs(60)).await;
                }
                Answer::Unknown
            }
        };
        self.link.step(Step::Sending).await;
        answer
    }

    fn accept(&self, letter: &Letter) -> Answer {
        let delivery = read_id(letter);
        let wire_id = format!("<{}@sim>", letter.delivery);
        let entry = ReceivedEntry {
            desk: letter.desk.clone(),
            channel: "email".into(),
            delivery,
            wire_id: wire_id.clone(),
            attempt: letter.attempt,
            piece: 0,
        };
        let count = self.mailbox.take(Taken { entry, by: self.link.name.clone() });
        self.link.world.note(&self.link.name, format_args!("sent {wire_id}, {count} in all"));
        Answer::Accepted(wire_id)
    }
}

/// The delivery in `<desk>-<seq>-<index>-<part>`.
fn read_id(letter: &Letter) -> DeliveryId {
    let mut parts = letter.delivery.rsplit('-').map(|part| part.parse::<u64>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    let (part, index, seq) = (next(), next(), next());
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    DeliveryId { seq, index: small(index), part: small(part) }
}

impl Outside for Channels {
    fn now_ms(&self) -> i64 {
        self.link.now_ms()
    }

    /// The part of the process's name after its role and place.
    fn incarnation(&self) -> String {
        self.link.name.rsplit('+').next().unwrap_or_default().to_owned()
    }

    fn send(&self, letter: Letter) -> BoxFuture<'_, Answer> {
        self.try_once(letter).boxed()
    }
}
