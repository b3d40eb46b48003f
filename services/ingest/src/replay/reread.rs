//! What stands on the logs, read again by today's parsers: where the reading differs, a correction is brought.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use simpang_channels::{Item, Kind, Parsed, email, facebook, x};
use simpang_log::tail::Body;
use simpang_log::{Anchor, DeskLog, DeskName, RecordKind, Tail};
use simpang_proto::log::v1::input::Body as Input;
use simpang_proto::log::v1::{self as log, Channel, InputId, MessageContent, MessageKind};
use simpang_wire::key::{Key, Purpose};

use super::history::{Change, History, Part, Place};
use super::{Correction, ReplayError, Replaying, read};
use crate::counters::Source;
use crate::intake::Digest;
use crate::mapping::{self, channel_word};

/// What is to be read of a message.
#[derive(Debug, Clone, Default)]
struct Reading {
    content: MessageContent,
    malformed: String,
}

/// What today's parsers make of a message.
struct Today {
    reading: Reading,
    parsed: Parsed,
}

/// What a delivery of X or Facebook holds; none when it is none, or is not kept.
type Delivery = (Digest, Option<Arc<Vec<Parsed>>>);

/// Reads a desk's messages again.
pub(super) struct Rereading<'a> {
    replaying: &'a mut Replaying,
    log: Arc<dyn DeskLog>,
    desk: DeskName,
    history: &'a History,
    /// The last delivery that was read: its messages stand one after the other.
    delivery: Option<Delivery>,
}

/// A message on its way through: where it is, what stands of it, and what would.
struct Compared {
    of: Place,
    raw: Digest,
    /// What is read now.
    stands: Reading,
    /// Where that was written.
    by: Place,
    today: Reading,
    found: Vec<Parsed>,
}

impl<'a> Rereading<'a> {
    pub(super) fn new(
        replaying: &'a mut Replaying,
        log: Arc<dyn DeskLog>,
        desk: DeskName,
        history: &'a History,
    ) -> Self {
        Self { replaying, log, desk, history, delivery: None }
    }

    /// Reads all messages again that stand on the log up to a sequence.
    pub(super) async fn run(mut self, last: u64) -> Result<(), ReplayError> {
        let mut tail = Tail::start(self.log.clone(), Anchor::Start);
        while let Some(entry) = tail.read_until(last).await? {
            let Body::Inputs { record, .. } = entry.body else { continue };
            for (index, input) in (0..).zip(&record.inputs) {
                let messages = match &input.body {
                    Some(Input::Message(message)) => std::slice::from_ref(message),
                    Some(Input::Handover(handover)) => &handover.messages,
                    _ => continue,
                };
                for (part, message) in (0..).zip(messages) {
                    self.message(((entry.seq, index), part), &input.key, message).await?;
                }
            }
        }
        Ok(())
    }

    async fn message(&mut self, at: Part, key: &[u8], message: &log::Message) -> Result<(), ReplayError> {
        let Some((case, is_known)) = self.history.case(at.0) else { return Ok(()) };
        if self.history.is_withdrawn(at) {
            return Ok(());
        }
        let Some(compared) = self.compare(at, key, message).await? else { return Ok(()) };
        let fields = compared.stands.differs_from(&compared.today);
        if fields.is_empty() {
            return Ok(());
        }
        if !is_known {
            self.replaying.done.forgotten += 1;
            return Ok(());
        }
        self.correct(at, case, message, compared, fields).await
    }

    /// What stands of a message beside what would by today's parsers; none when nothing of it can be read again.
    async fn compare(
        &mut self,
        at: Part,
        key: &[u8],
        message: &log::Message,
    ) -> Result<Option<Compared>, ReplayError> {
        let stands = Reading::of(message);
        let first = self.today(message, key).await?;
        let mut compared = Compared {
            of: at.0,
            raw: Digest::try_from(&message.raw_digest[..]).unwrap_or_default(),
            by: at.0,
            today: first.as_ref().map_or_else(|| stands.clone(), |today| today.reading.over(&stands)),
            stands,
            found: first.into_iter().map(|today| today.parsed).collect(),
        };
        let history = self.history;
        for change in history.changes(at) {
            match *change {
                Change::Edited(by) => self.edited(&mut compared, by).await?,
                Change::Reread(by) => {
                    compared.stands = match self.input(by).await?.body {
                        Some(Input::Reread(read)) => {
                            Reading::of_sealed(read.content.as_ref(), &read.malformed)
                        }
                        Some(Input::HandoverChange(log::HandoverChange { says: Some(says), .. })) => {
                            Reading::of(&says)
                        }
                        _ => continue,
                    };
                    compared.by = by;
                }
            }
        }
        Ok((!compared.found.is_empty()).then_some(compared))
    }

    /// What the author wrote instead, as it was read and as it would be.
    async fn edited(&mut self, compared: &mut Compared, by: Place) -> Result<(), ReplayError> {
        let input = self.input(by).await?;
        let edit = match &input.body {
            Some(Input::Message(edit)) => edit,
            Some(Input::HandoverChange(log::HandoverChange { says: Some(says), .. })) => says,
            _ => return Ok(()),
        };
        let told = Reading::of(edit);
        let today = self.today(edit, &input.key).await?;
        let reading = today.as_ref().map_or_else(|| told.clone(), |today| today.reading.over(&told));
        compared.stands.edit(told);
        compared.today.edit(reading);
        compared.found.extend(today.map(|today| today.parsed));
        (compared.of, compared.by) = (by, by);
        compared.raw = Digest::try_from(&edit.raw_digest[..]).unwrap_or_default();
        Ok(())
    }

    async fn input(&self, (seq, index): Place) -> Result<log::Input, ReplayError> {
        let record = self.log.get(seq).await?.filter(|record| record.kind != RecordKind::Commit);
        let inputs = record.and_then(|record| log::InputRecord::decode(record.payload).ok());
        let inputs = inputs.map(|record| record.inputs).unwrap_or_default();
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        Ok(inputs.into_iter().nth(index).unwrap_or_default())
    }

    /// What today's parser makes of a message's raw bytes; none where another program read them, or they are not
    /// kept, or what stands was looked up elsewhere.
    async fn today(&mut self, message: &log::Message, key: &[u8]) -> Result<Option<Today>, ReplayError> {
        let Ok(digest) = Digest::try_from(&message.raw_digest[..]) else { return Ok(None) };
        let parsed = match message.channel() {
            Channel::Email if !self.replaying.is_pushed(message, key) => self.mail(digest).await?,
            channel @ (Channel::X | Channel::Facebook) => self.entry(channel, digest, message, key).await?,
            _ => None,
        };
        Ok(parsed.map(|parsed| {
            let (content, malformed) = mapping::reading(&parsed);
            Today { reading: Reading { content, malformed }, parsed }
        }))
    }

    /// The envelope is not kept: what it decides (whose mail without a sender it is, whether it is a machine's) is no
    /// part of the content, but for the address of a mail that names none, which then stays as it was.
    async fn mail(&self, digest: Digest) -> Result<Option<Parsed>, ReplayError> {
        let Some(raw) = self.replaying.store.get_raw(digest).await? else { return Ok(None) };
        let own = self.replaying.intake.directory.own_addresses();
        let parse =
            move || email::parse(&raw, &email::Options { own_addresses: &own, ..email::Options::default() });
        Ok(tokio::task::spawn_blocking(parse).await.ok())
    }

    /// The entry of a delivery that a message was read from.
    async fn entry(
        &mut self,
        channel: Channel,
        digest: Digest,
        message: &log::Message,
        key: &[u8],
    ) -> Result<Option<Parsed>, ReplayError> {
        let Some(entries) = self.entries(digest).await? else { return Ok(None) };
        let keyer = &self.replaying.intake.keyer;
        let word = channel_word(channel);
        let same = |parsed: &&Parsed| keyer.thread(word, &parsed.source_id)[..] == message.source[..];
        let same: Vec<&Parsed> =
            entries.iter().filter(same).filter(|p| is_kind(p.kind, message.kind())).collect();
        let by_key = same
            .iter()
            .find(|parsed| mapping::idempotency_key(keyer, channel, &message.account, parsed)[..] == *key);
        let found = by_key.or(same.first().filter(|_| same.len() == 1)).copied();
        Ok(found.filter(|parsed| !facebook::lacks_sender(parsed)).cloned())
    }

    async fn entries(&mut self, digest: Digest) -> Result<Option<Arc<Vec<Parsed>>>, ReplayError> {
        if let Some((_, entries)) = self.delivery.as_ref().filter(|(known, _)| *known == digest) {
            return Ok(entries.clone());
        }
        let bytes = self.replaying.store.get_delivery(digest).await?;
        let accounts = self.replaying.intake.directory.x_accounts();
        let items = bytes.and_then(|bytes| read(&bytes, &x::Options { accounts: &accounts }));
        let messages = items.map(|(_, items)| {
            let message = |item| if let Item::Message(parsed) = item { Some(*parsed) } else { None };
            Arc::new(items.into_iter().filter_map(message).collect())
        });
        self.delivery = Some((digest, messages.clone()));
        Ok(messages)
    }

    /// Brings a correction, unless it was brought before.
    async fn correct(
        &mut self,
        ((seq, index), part): Part,
        case: u64,
        message: &log::Message,
        compared: Compared,
        fields: Vec<&'static str>,
    ) -> Result<(), ReplayError> {
        let Compared { of, raw, by, today, found, .. } = compared;
        let id = |(seq, index): Place| Some(InputId { seq, index });
        let reread = log::Reread {
            message: id((seq, index)),
            part,
            of: id(of),
            case,
            corrected: fields.iter().map(|field| (*field).to_owned()).collect(),
            malformed: today.malformed,
            raw_digest: Bytes::copy_from_slice(&raw),
            content: Some(mapping::sealed(&today.content)),
        };
        let key = self.key(&message.account, by, &reread);
        if !self.replaying.known.insert(key) {
            return Ok(());
        }
        let (done, desk) = (&mut self.replaying.done, self.desk.to_string());
        done.corrected += 1;
        done.corrections.push(Correction { desk, seq, index, part, fields });
        if self.replaying.trial {
            return Ok(());
        }
        let key = Bytes::copy_from_slice(&key);
        let input = log::Input { key, body: Some(Input::Reread(reread)), ..log::Input::default() };
        let intake = &self.replaying.intake;
        for parsed in &found {
            intake.keep_attachments(parsed).await?;
        }
        intake.append(Source::Replay, &self.desk, &input).await?;
        Ok(())
    }

    /// The same correction of the same reading is a repeat.
    fn key(&self, account: &str, by: Place, reread: &log::Reread) -> Key {
        let place = |(seq, index): Place, part: u32| {
            [&seq.to_be_bytes()[..], &index.to_be_bytes(), &part.to_be_bytes()].concat()
        };
        let message = reread.message.unwrap_or_default();
        let message = place((message.seq, message.index), reread.part);
        let content = reread.content.as_ref().map(|sealed| mapping::hash(&sealed.body)).unwrap_or_default();
        let parts: [&[u8]; 8] = [
            b"reread",
            self.desk.as_str().as_bytes(),
            account.as_bytes(),
            &message,
            &place(by, 0),
            &reread.raw_digest,
            content.as_bytes(),
            reread.malformed.as_bytes(),
        ];
        self.replaying.intake.keyer.key(Purpose::Idempotency, &parts)
    }
}

impl Replaying {
    /// Whether another program read a mail and only brought us its raw bytes: what it made of them is its own.
    fn is_pushed(&self, message: &log::Message, key: &[u8]) -> bool {
        self.pushed.contains(&reading_key(&self.intake.keyer, message))
            || is_pushed(&self.intake.keyer, message, key)
    }
}

/// Whether a mail has the key of one that was pushed: made of its id alone.
pub(super) fn is_pushed(keyer: &simpang_wire::key::Keyer, message: &log::Message, key: &[u8]) -> bool {
    if matches!(message.kind(), MessageKind::Edit | MessageKind::Remove) {
        return true;
    }
    let id = Reading::of(message).content.source_id;
    let parts: [&[u8]; 3] =
        [channel_word(message.channel()).as_bytes(), message.account.as_bytes(), id.as_bytes()];
    keyer.key(Purpose::Idempotency, &parts)[..] == *key
}

/// What stays of a message whatever a parser makes of its text: its account, its source and its raw bytes.
pub(super) fn reading_key(keyer: &simpang_wire::key::Keyer, message: &log::Message) -> Key {
    let kind = message.kind.to_be_bytes();
    let parts: [&[u8]; 5] =
        [b"reading", message.account.as_bytes(), &message.source, &message.raw_digest, &kind];
    keyer.key(Purpose::Idempotency, &parts)
}

/// Whether an entry may be what a message was read from. One that was handed over stands as it was edited.
fn is_kind(kind: Kind, message: MessageKind) -> bool {
    match message {
        MessageKind::Edit => kind == Kind::Edit,
        MessageKind::Remove => kind == Kind::Remove,
        _ => kind != Kind::Remove,
    }
}

impl Reading {
    fn of(message: &log::Message) -> Self {
        Self::of_sealed(message.content.as_ref(), &message.malformed)
    }

    fn of_sealed(sealed: Option<&log::Sealed>, malformed: &str) -> Self {
        let open = sealed.filter(|sealed| sealed.sealing() == log::Sealing::None);
        let content = open.and_then(|sealed| MessageContent::decode(sealed.body.clone()).ok());
        Self { content: content.unwrap_or_default(), malformed: malformed.to_owned() }
    }

    /// This reading, with what only the envelope told from the one before.
    fn over(&self, before: &Self) -> Self {
        let mut now = self.clone();
        if now.content.from_address.is_empty() {
            now.content.from_address.clone_from(&before.content.from_address);
        }
        now
    }

    /// As views take an edit: what it does not have stays.
    fn edit(&mut self, edit: Self) {
        let (old, new) = (&mut self.content, edit.content);
        if !new.subject.is_empty() {
            old.subject = new.subject;
        }
        if !new.attachments.is_empty() {
            old.attachments = new.attachments;
        }
        (old.text, old.full_text, old.html) = (new.text, new.full_text, new.html);
    }

    /// The fields in which another reading differs, sorted.
    fn differs_from(&self, other: &Self) -> Vec<&'static str> {
        let (old, new) = (&self.content, &other.content);
        let fields = [
            ("attachments", old.attachments != new.attachments),
            ("cc", old.cc != new.cc),
            ("from_address", old.from_address != new.from_address),
            ("from_name", old.from_name != new.from_name),
            ("full_text", old.full_text != new.full_text),
            ("html", old.html != new.html),
            ("malformed", self.malformed != other.malformed),
            ("permalink", old.permalink != new.permalink),
            ("references", old.references != new.references),
            ("reply_to", old.reply_to != new.reply_to),
            ("source_id", old.source_id != new.source_id),
            ("subject", old.subject != new.subject),
            ("text", old.text != new.text),
            ("to", old.to != new.to),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
    }
}
