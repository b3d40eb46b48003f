//! The desks' logs as they stand on the broker.

use std::collections::HashMap;

use prost::Message as _;
use simpang_checker::DeliveryId;
use simpang_log::tail::Body;
use simpang_log::{Anchor, LogStore, Tail};
use simpang_log_nats::{NatsOptions, NatsStore};
use simpang_proto::log::v1::{self, command, input};

/// An agent's reply as it stands on a log.
#[derive(Debug, Clone)]
pub struct ReplyInput {
    /// Desk.
    pub desk: String,
    /// Stream sequence of its record.
    pub seq: u64,
    /// Index in the record.
    pub index: u32,
}

impl ReplyInput {
    pub(crate) fn delivery(&self) -> DeliveryId {
        DeliveryId { seq: self.seq, index: self.index, part: 0 }
    }
}

/// What stands on all desks' logs.
#[derive(Debug, Default)]
pub struct Logs {
    /// All inputs: desk, sequence, index, the input.
    pub inputs: Vec<(String, u64, u32, v1::Input)>,
    /// All events: desk and event.
    pub events: Vec<(String, v1::Event)>,
    replies: HashMap<String, ReplyInput>,
}

impl Logs {
    /// Reads every desk's log to its present end.
    ///
    /// # Panics
    /// When the broker can't be reached or a log is broken.
    pub async fn read(url: &str) -> Self {
        let store = NatsStore::connect(url, NatsOptions::default()).await.expect("the broker answers");
        let mut logs = Self::default();
        for desk in store.desks().await.expect("the desks") {
            let log = store.open(&desk).await.expect("a desk's log");
            let last = log.last_seq().await.expect("its end");
            let mut tail = Tail::start(log, Anchor::Start);
            while let Some(entry) = tail.read_until(last).await.expect("a whole log") {
                logs.take(desk.as_str(), entry.seq, entry.body);
            }
        }
        logs
    }

    /// The reply with this text.
    #[must_use]
    pub fn reply(&self, text: &str) -> Option<&ReplyInput> {
        self.replies.get(text)
    }

    /// How many events of a desk are so.
    #[must_use]
    pub fn count(&self, desk: &str, is_it: impl Fn(&v1::event::Body) -> bool) -> usize {
        let of_desk = self.events.iter().filter(|(of, _)| of == desk);
        of_desk.filter(|(_, event)| event.body.as_ref().is_some_and(&is_it)).count()
    }

    fn take(&mut self, desk: &str, seq: u64, body: Body) {
        match body {
            Body::Inputs { record, .. } => {
                for (index, input) in (0..).zip(record.inputs) {
                    self.note_reply(desk, seq, index, &input);
                    self.inputs.push((desk.to_owned(), seq, index, input));
                }
            }
            Body::Commit { commit, .. } => {
                self.events.extend(commit.events.into_iter().map(|event| (desk.to_owned(), event)));
            }
            Body::Unreadable { reason, .. } => panic!("record {seq} of {desk} is unreadable: {reason}"),
        }
    }

    /// The first input with a text counts: what repeats it is known as a repeat.
    fn note_reply(&mut self, desk: &str, seq: u64, index: u32, input: &v1::Input) {
        let Some(input::Body::Command(command)) = &input.body else { return };
        let Some(command::Body::Reply(reply)) = &command.body else { return };
        let sealed = reply.content.clone().unwrap_or_default();
        let content = v1::TextContent::decode(sealed.body).expect("a reply has a text");
        let place = ReplyInput { desk: desk.to_owned(), seq, index };
        self.replies.entry(content.text).or_insert(place);
    }
}
