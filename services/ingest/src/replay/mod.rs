//! Raw bytes read again, after a parser was mended: what they hold and no desk's log has is brought, and what stands
//! there misread is corrected. Running it twice brings nothing the second time.

mod history;
mod reread;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use simpang_channels::{Item, Kind, facebook, x};
use simpang_log::tail::Body;
use simpang_log::{Anchor, DeskLog, DirectoryTail, LogError, LogStore, Tail};
use simpang_proto::log::v1::input::Body as Input;
use simpang_proto::log::v1::{self as log, Channel};
use simpang_wire::key::{Key, Keyer};
use thiserror::Error;

use crate::counters::Source;
use crate::directory::Directory;
use crate::intake::{Away, Intake};
use crate::mapping::{Origin, message_input};

use history::History;
use reread::{Rereading, is_pushed, reading_key};

/// What stored raw bytes came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Objects that were read as deliveries of X or Facebook.
    pub deliveries: u64,
    /// Messages in them.
    pub messages: u64,
    /// Messages that stand on a desk's log already.
    pub known: u64,
    /// Messages that were brought now; in a trial, that would be.
    pub brought: u64,
    /// Messages for accounts that no desk has.
    pub unknown_account: u64,
    /// Entries that still can't be read.
    pub poison: u64,
    /// Messages on a log whose reading was corrected now; in a trial, would be.
    pub corrected: u64,
    /// Messages that would be read otherwise today, of cases that the desk does not know any more: they stay.
    pub forgotten: u64,
    /// What was corrected; in a trial, would be.
    pub corrections: Vec<Correction>,
}

/// A message whose reading was corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The desk on whose log it stands.
    pub desk: String,
    /// Sequence of the record that brought it.
    pub seq: u64,
    /// Index in that record.
    pub index: u32,
    /// Which of the messages of a handover it is; otherwise 0.
    pub part: u32,
    /// What differs: fields of `MessageContent`, and `malformed`; sorted.
    pub fields: Vec<&'static str>,
}

/// Replaying stopped. What was brought until then stands on the log; run it again for the rest.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// A log or the object store can't be read.
    #[error("{0}")]
    Log(#[from] LogError),
    /// A message was not appended.
    #[error("a message was not brought: {0}")]
    Append(String),
}

impl From<Away> for ReplayError {
    fn from(away: Away) -> Self {
        Self::Append(away.to_string())
    }
}

/// Reads all stored raw bytes again. `trial`: says what would be brought and brings nothing.
///
/// # Errors
/// When a log can't be read or written.
pub async fn replay(
    store: Arc<dyn LogStore>,
    keyer: Keyer,
    instance: &str,
    trial: bool,
) -> Result<Replayed, ReplayError> {
    let directory = Arc::new(Directory::default());
    let mut changes = DirectoryTail::start(store.clone(), 0);
    changes
        .catch_up(|change| {
            if let Ok(record) = change.record {
                directory.apply(change.seq, &record);
            }
        })
        .await?;
    directory.set_ready();
    let intake = Intake::new(store.clone(), keyer, directory, instance);
    let (known, pushed, done) = (HashSet::new(), HashSet::new(), Replayed::default());
    let mut replaying = Replaying { store: store.clone(), intake, known, pushed, trial, done };
    let mut desks = Vec::new();
    for desk in store.desks().await? {
        let log = store.open(&desk).await?;
        let last = log.last_seq().await?;
        let history = replaying.survey(log.clone(), last).await?;
        desks.push((desk, log, last, history));
    }
    for digest in store.list_raw().await? {
        if let Some(bytes) = store.get_delivery(digest).await? {
            replaying.object(digest, &bytes).await?;
        }
    }
    for (desk, log, last, history) in desks {
        Rereading::new(&mut replaying, log, desk, &history).run(last).await?;
    }
    Ok(replaying.done)
}

struct Replaying {
    store: Arc<dyn LogStore>,
    intake: Intake,
    /// The keys of all messages on the logs and of their corrections, and what of a message no parser changes.
    known: HashSet<Key>,
    /// Mails that other programs read and brought with their raw bytes.
    pushed: HashSet<Key>,
    trial: bool,
    done: Replayed,
}

impl Replaying {
    /// Reads what stands on a desk's log, and what became of it.
    async fn survey(&mut self, log: Arc<dyn DeskLog>, last: u64) -> Result<History, LogError> {
        let mut history = History::default();
        let mut tail = Tail::start(log, Anchor::Start);
        while let Some(entry) = tail.read_until(last).await? {
            match entry.body {
                Body::Inputs { record, .. } => record.inputs.iter().for_each(|input| self.stands(input)),
                Body::Commit { commit, .. } => commit.events.iter().for_each(|event| history.take(event)),
                Body::Unreadable { .. } => {}
            }
        }
        Ok(history)
    }

    fn stands(&mut self, input: &log::Input) {
        let messages = match &input.body {
            Some(Input::Message(message)) => std::slice::from_ref(message),
            Some(Input::Handover(handover)) => &handover.messages,
            Some(Input::Reread(_)) => &[],
            _ => return,
        };
        let is_handover = matches!(input.body, Some(Input::Handover(_)));
        self.known.extend(Key::try_from(&input.key[..]).ok().filter(|_| !is_handover));
        for message in messages.iter().filter(|message| !message.raw_digest.is_empty()) {
            let key = reading_key(&self.intake.keyer, message);
            self.known.insert(key);
            let by_mail = message.channel() == Channel::Email && !is_handover;
            if by_mail && is_pushed(&self.intake.keyer, message, &input.key) {
                self.pushed.insert(key);
            }
        }
    }

    async fn object(&mut self, digest: [u8; 32], bytes: &Bytes) -> Result<(), ReplayError> {
        let accounts = self.intake.directory.x_accounts();
        let Some((channel, items)) = read(bytes, &x::Options { accounts: &accounts }) else { return Ok(()) };
        self.done.deliveries += 1;
        for item in items {
            match item {
                Item::Message(parsed) => self.message(channel, digest, &parsed).await?,
                Item::Poison { .. } => self.done.poison += 1,
                Item::Ignored { .. } => {}
            }
        }
        Ok(())
    }

    async fn message(
        &mut self,
        channel: Channel,
        digest: [u8; 32],
        parsed: &simpang_channels::Parsed,
    ) -> Result<(), ReplayError> {
        self.done.messages += 1;
        let Some(mailbox) = self.intake.directory.account(channel, &parsed.account_hint) else {
            self.done.unknown_account += 1;
            return Ok(());
        };
        let origin = Origin { channel, mailbox: &mailbox, aliases: &[], raw: Some(digest), traceparent: "" };
        let input = message_input(&self.intake.keyer, &self.intake.directory, &origin, parsed);
        // A key may be made of the text, and so change with the parser: then the message is known by its bytes.
        let is_read = match &input.body {
            Some(Input::Message(message)) if parsed.kind == Kind::New => {
                !self.known.insert(reading_key(&self.intake.keyer, message))
            }
            _ => false,
        };
        let is_new = Key::try_from(&input.key[..]).is_ok_and(|key| self.known.insert(key));
        if is_read || !is_new {
            self.done.known += 1;
            return Ok(());
        }
        self.done.brought += 1;
        if self.trial {
            return Ok(());
        }
        self.intake.keep_attachments(parsed).await?;
        self.intake.append(Source::Replay, &mailbox.desk, &input).await?;
        Ok(())
    }
}

/// What an object is, told by its envelope: only deliveries of X and Facebook hold several messages of which some may
/// not have been read. A mail is one message, and stands on the log however it was read.
fn read(bytes: &Bytes, options: &x::Options<'_>) -> Option<(Channel, Vec<Item>)> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let envelope = value.as_object()?;
    if envelope.get("object").is_some_and(|object| object == "page") {
        return Some((Channel::Facebook, facebook::parse_webhook(bytes).ok()?));
    }
    let is_x = ["for_user_id", "user_event"].iter().any(|name| envelope.contains_key(*name))
        || envelope.get("data").is_some_and(|data| data.is_object() || data.is_array());
    is_x.then(|| x::parse_webhook(bytes, options).ok()).flatten().map(|items| (Channel::X, items))
}
