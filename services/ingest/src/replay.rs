//! Raw bytes read again, after a parser was mended: what they hold and no desk's log has is brought, everything else
//! is left. Running it twice brings nothing the second time.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use simpang_channels::{Item, facebook, x};
use simpang_log::tail::Body;
use simpang_log::{Anchor, DeskName, DirectoryTail, LogError, LogStore, Tail};
use simpang_proto::log::v1::Channel;
use simpang_proto::log::v1::input::Body as Input;
use simpang_wire::key::{Key, Keyer};
use thiserror::Error;

use crate::directory::Directory;
use crate::intake::{Away, Intake};
use crate::mapping::{Origin, message_input};

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
    let mut known: HashSet<Key> = HashSet::new();
    for desk in store.desks().await? {
        keys_of(store.as_ref(), &desk, &mut known).await?;
    }
    let intake = Intake::new(store.clone(), keyer, directory, instance);
    let mut replaying = Replaying { intake, known, trial, done: Replayed::default() };
    for digest in store.list_raw().await? {
        if let Some(bytes) = store.get_delivery(digest).await? {
            replaying.object(digest, &bytes).await?;
        }
    }
    Ok(replaying.done)
}

/// The keys of all messages on a desk's log.
async fn keys_of(store: &dyn LogStore, desk: &DeskName, known: &mut HashSet<Key>) -> Result<(), LogError> {
    let log = store.open(desk).await?;
    let last = log.last_seq().await?;
    let mut tail = Tail::start(log, Anchor::Start);
    while let Some(entry) = tail.read_until(last).await? {
        let Body::Inputs { record, .. } = entry.body else { continue };
        for input in &record.inputs {
            if let (Some(Input::Message(_)), Ok(key)) = (&input.body, Key::try_from(&input.key[..])) {
                known.insert(key);
            }
        }
    }
    Ok(())
}

struct Replaying {
    intake: Intake,
    known: HashSet<Key>,
    trial: bool,
    done: Replayed,
}

impl Replaying {
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
        let is_new = Key::try_from(&input.key[..]).is_ok_and(|key| self.known.insert(key));
        if !is_new {
            self.done.known += 1;
            return Ok(());
        }
        self.done.brought += 1;
        if self.trial {
            return Ok(());
        }
        let appended = self.intake.append(&mailbox.desk, &input).await;
        appended.map(|_| ()).map_err(|away: Away| ReplayError::Append(away.to_string()))
    }
}

/// What an object is, told by its envelope: only deliveries of X and Facebook hold several messages of which some may
/// not have been read. A mail is one message, read or not, and stands on the log either way.
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
