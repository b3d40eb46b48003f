//! What is sent, put together from the log: the text from its command or template, the message it answers, where it
//! goes. What is missing for good makes the delivery refused, what can't be read now lets it wait.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use simpang_channels::email::SignedRef;
use simpang_log::{DeskLog, LogStore};
use simpang_policy::{Destination, Policy, Template};
use simpang_proto::log::v1::{self, Channel, DeliveryKind, ReplyKind, Visibility};
use simpang_wire::key::Keyer;

use crate::board::{Id, Open};
use crate::cases::{FACTS, Known};
use crate::messages::{self, FetchError};
use crate::quote::quoted;
use crate::sender::Outcome;

/// Most bytes of a reply's files together: as base64 and with the text under what mail servers commonly take.
const FILES_BYTES_MAX: usize = 18 << 20;

/// Everything that one attempt needs.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    /// Desk.
    pub(crate) desk: String,
    /// Case.
    pub(crate) case: u64,
    /// The same for every attempt of this delivery, another for every other.
    pub(crate) stable_id: String,
    /// Which attempt this is, from 1.
    pub(crate) attempt: u32,
    /// Our own signed reference to the case.
    pub(crate) reference: SignedRef,
    /// What it is.
    pub(crate) kind: DeliveryKind,
    /// Channel it leaves by.
    pub(crate) channel: Channel,
    /// Our account.
    pub(crate) account: String,
    /// How a reply goes out.
    pub(crate) reply: ReplyKind,
    /// The text.
    pub(crate) text: String,
    /// The subject; empty: the channel's own way.
    pub(crate) subject: String,
    /// Whether the case's number stands in the subject of what answers by mail.
    pub(crate) subject_tag: bool,
    /// The message that it answers, forwards or tells of.
    pub(crate) message: Option<Message>,
    /// Where it goes, if not to whoever wrote the message.
    pub(crate) target: Option<Target>,
    /// The forwarded mail, whole.
    pub(crate) raw: Option<Bytes>,
    /// Files that go with a reply.
    pub(crate) files: Vec<File>,
}

/// A file that goes with a reply.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// What the log says of it.
    pub(crate) about: v1::Attachment,
    /// Its bytes; for channels that get its digest instead, none.
    pub(crate) bytes: Bytes,
}

/// What an agent wrote.
#[derive(Debug, Default)]
struct Written {
    subject: String,
    text: String,
    files: Vec<File>,
}

/// A customer's message.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// Who can read it.
    pub(crate) visibility: Visibility,
    /// When it came, ms since 1970 UTC.
    pub(crate) at_ms: i64,
    /// Where it came from.
    pub(crate) channel: Channel,
    /// Our account it came to.
    pub(crate) account: String,
    /// The personal part, as it stands now.
    pub(crate) content: v1::MessageContent,
    /// Whether its author took it back; what it said is not here then.
    is_withdrawn: bool,
    raw_digest: Bytes,
}

/// A place other than the customer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A mail address.
    Mailbox(String),
    /// An http(s) address that takes a JSON post.
    Webhook(String),
}

impl Parcel {
    /// The message that it answers.
    pub(crate) fn answered(&self) -> Result<&Message, Outcome> {
        self.message.as_ref().ok_or_else(|| Outcome::refused("there is no message to answer"))
    }
}

/// What parcels are put together from.
#[derive(Debug, Clone)]
pub(crate) struct Packer {
    pub(crate) log: Arc<dyn DeskLog>,
    pub(crate) store: Arc<dyn LogStore>,
    pub(crate) keyer: Keyer,
}

impl Packer {
    /// Puts a delivery's parcel together, by the policy in force.
    pub(crate) async fn pack(
        &self,
        id: Id,
        open: &Open,
        known: &Known,
        policy: Option<&Policy>,
    ) -> Result<Parcel, Outcome> {
        let queued = &open.queued;
        let message = self.message(id, queued, known).await?;
        let written = match queued.kind() {
            DeliveryKind::Reply => self.reply(id, policy, queued.channel(), message.as_ref()).await?,
            DeliveryKind::Forward if message.as_ref().is_some_and(|message| message.is_withdrawn) => {
                return Err(Outcome::refused("the customer withdrew the message"));
            }
            DeliveryKind::Forward => self.forward(message.as_ref(), &queued.account, queued.case, id)?,
            _ => self.fill_template(open, known, message.as_ref(), policy).await?,
        };
        let raw = match queued.kind() {
            DeliveryKind::Forward => self.raw(message.as_ref()).await?,
            _ => None,
        };
        Ok(Parcel {
            desk: self.log.desk().to_string(),
            case: queued.case,
            stable_id: format!("{}-{id}", self.log.desk()),
            attempt: open.attempt(),
            reference: self.reference(queued.case, id)?,
            kind: queued.kind(),
            channel: queued.channel(),
            account: queued.account.clone(),
            reply: queued.reply(),
            text: written.text,
            subject: written.subject,
            subject_tag: policy.is_none_or(Policy::subject_tag),
            message,
            target: target(queued, policy)?,
            raw,
            files: written.files,
        })
    }

    /// The message that is answered, forwarded or told of. A notification names none and tells of the case's latest.
    async fn message(
        &self,
        id: Id,
        queued: &v1::DeliveryQueued,
        known: &Known,
    ) -> Result<Option<Message>, Outcome> {
        let cause = v1::InputId { seq: id.seq, index: id.index };
        let (place, is_needed) = match queued.to {
            Some(place) => (place, true),
            None if queued.kind() == DeliveryKind::Notification => (known.latest.unwrap_or(cause), false),
            None => (cause, true),
        };
        match messages::message_as_it_stands(self.log.as_ref(), &place, known).await {
            Ok((at_ms, wire, content, is_withdrawn)) => Ok(Some(Message {
                visibility: wire.visibility(),
                at_ms,
                channel: wire.channel(),
                account: wire.account,
                content,
                is_withdrawn,
                raw_digest: wire.raw_digest,
            })),
            Err(FetchError::Missing(..)) if !is_needed => Ok(None),
            Err(error) => Err(unfetched(&error)),
        }
    }

    /// What the agent wrote; a mail ends with the desk's signature (E6) and, unless the desk does not want it, the
    /// customer's words.
    async fn reply(
        &self,
        id: Id,
        policy: Option<&Policy>,
        channel: Channel,
        answered: Option<&Message>,
    ) -> Result<Written, Outcome> {
        let cause = v1::InputId { seq: id.seq, index: id.index };
        let (_, body) =
            messages::input(self.log.as_ref(), &cause).await.map_err(|error| unfetched(&error))?;
        let v1::input::Body::Command(v1::Command { body: Some(v1::command::Body::Reply(reply)), .. }) = body
        else {
            return Err(Outcome::refused("what caused it is no reply"));
        };
        let content: v1::TextContent = messages::open(reply.content.as_ref())
            .ok_or_else(|| Outcome::refused("the reply has no text"))?;
        let mut text = content.text;
        let signature = policy.map_or("", Policy::signature);
        if channel == Channel::Email && !signature.is_empty() {
            text = format!("{}\n\n{signature}", text.trim_end());
        }
        let answered = answered.filter(|_| channel == Channel::Email);
        if let Some(quote) = answered.zip(policy).and_then(|(answered, policy)| quote(answered, policy)) {
            text = format!("{}\n\n{quote}", text.trim_end());
        }
        let files = self.files(content.attachments, channel).await?;
        Ok(Written { subject: content.subject, text, files })
    }

    /// The files of a reply. Only mail carries their bytes; a gateway asks for them by digest.
    async fn files(&self, attachments: Vec<v1::Attachment>, channel: Channel) -> Result<Vec<File>, Outcome> {
        if !attachments.is_empty() && !matches!(channel, Channel::Email | Channel::Other) {
            return Err(Outcome::refused("this channel takes no files: send a link in the text"));
        }
        let mut files = Vec::with_capacity(attachments.len());
        let mut together = 0;
        for about in attachments {
            let bytes = match channel {
                Channel::Email => self.file(&about).await?,
                _ => Bytes::new(),
            };
            together += bytes.len();
            if together > FILES_BYTES_MAX {
                let detail =
                    format!("the files have over {FILES_BYTES_MAX} bytes together: send a link in the text");
                return Err(Outcome::refused(detail));
            }
            files.push(File { about, bytes });
        }
        Ok(files)
    }

    async fn file(&self, about: &v1::Attachment) -> Result<Bytes, Outcome> {
        let missing = || Outcome::refused(format!("the file {} is not kept", hex::encode(&about.digest)));
        let digest = about.digest.as_ref().try_into().map_err(|_| missing())?;
        let kept = self.store.get_raw(digest).await;
        kept.map_err(|error| Outcome::retry(format!("a file can't be read: {error}"), 0))?.ok_or_else(missing)
    }

    /// Subject and text by a template.
    async fn fill_template(
        &self,
        open: &Open,
        known: &Known,
        message: Option<&Message>,
        policy: Option<&Policy>,
    ) -> Result<Written, Outcome> {
        let template = policy.and_then(|policy| policy.templates().get(open.queued.template.as_str()));
        let template: &Template =
            template.ok_or_else(|| Outcome::refused("the policy in force has no such template"))?;
        let names_fact = |fact: &&str| template.text.contains(*fact) || template.subject.contains(*fact);
        let facts = match FACTS.iter().any(names_fact) {
            true => known.facts(self.log.as_ref()).await.map_err(|error| unfetched(&error))?,
            false => HashMap::new(),
        };
        let filling = Filling { desk: self.log.desk().as_str(), open, known, message, policy, facts };
        let field = |name: &str| filling.field(name);
        let (subject, text) = (template.fill_subject(field), template.fill_text(field));
        Ok(Written { subject, text, files: Vec::new() })
    }

    /// What stands in a forward, with our reference to its case: whoever writes to us with it comes to that case, so
    /// that what a mailbox sends back anew is not one more case to forward.
    fn forward(
        &self,
        message: Option<&Message>,
        account: &str,
        case: u64,
        id: Id,
    ) -> Result<Written, Outcome> {
        let domain = account.rsplit('@').next().unwrap_or(account);
        let reference = self.reference(case, id)?.message_id(domain);
        let text = format!("{}\nReference: {reference}\n", forwarding(message));
        Ok(Written { text, ..Written::default() })
    }

    /// The raw bytes of a mail that is forwarded.
    async fn raw(&self, message: Option<&Message>) -> Result<Option<Bytes>, Outcome> {
        let Some(message) = message.filter(|message| message.channel == Channel::Email) else {
            return Ok(None);
        };
        let Ok(digest) = <[u8; 32]>::try_from(&message.raw_digest[..]) else { return Ok(None) };
        let kept = self.store.get_raw(digest).await;
        kept.map_err(|error| Outcome::retry(format!("the raw mail can't be read: {error}"), 0))
    }

    /// The same for every attempt, so that a receiver who gets a mail twice sees that it is one (design: a stable id
    /// on the wire).
    fn reference(&self, case: u64, id: Id) -> Result<SignedRef, Outcome> {
        let desk = self.log.desk().as_str();
        let signature = self.keyer.case_signature(desk, case);
        SignedRef::new(desk, case, &id.to_string(), &signature)
            .map_err(|problem| Outcome::refused(problem.to_string()))
    }
}

/// The customer's new text below the desk's line.
fn quote(answered: &Message, policy: &Policy) -> Option<String> {
    let content = &answered.content;
    let name = if content.from_name.is_empty() { &content.from_address } else { &content.from_name };
    quoted(&policy.quote_line(answered.at_ms, name)?, &content.text)
}

fn unfetched(error: &FetchError) -> Outcome {
    match error {
        FetchError::Log(log) if log.is_transient() => Outcome::retry(error.to_string(), 0),
        _ => Outcome::refused(error.to_string()),
    }
}

/// Where a forward or notification goes.
fn target(queued: &v1::DeliveryQueued, policy: Option<&Policy>) -> Result<Option<Target>, Outcome> {
    match queued.kind() {
        DeliveryKind::Forward => Ok(Some(Target::Mailbox(queued.target.clone()))),
        DeliveryKind::Notification => {
            let group = policy.and_then(|policy| policy.groups().get(queued.target.as_str()));
            let group = group.ok_or_else(|| Outcome::refused("the policy in force has no such group"))?;
            Ok(Some(match &group.notify {
                Destination::Mailbox(address) => Target::Mailbox(address.to_string()),
                Destination::Webhook(url) => Target::Webhook(url.to_string()),
            }))
        }
        _ => Ok(None),
    }
}

/// What stands in a forward before the enclosed mail, or instead of it for other channels.
fn forwarding(message: Option<&Message>) -> String {
    let Some(message) = message else { return String::new() };
    let content = &message.content;
    let mut text =
        format!("From: {} <{}>\nTo: {}\n", content.from_name, content.from_address, message.account);
    for (name, value) in [("Subject", &content.subject), ("Link", &content.permalink)] {
        if !value.is_empty() {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
    let said = if content.full_text.is_empty() { &content.text } else { &content.full_text };
    format!("{text}\n{said}\n")
}

/// What a template's fields are filled from.
struct Filling<'a> {
    desk: &'a str,
    open: &'a Open,
    known: &'a Known,
    message: Option<&'a Message>,
    policy: Option<&'a Policy>,
    facts: HashMap<String, String>,
}

impl Filling<'_> {
    /// A field; what is not known is filled in as nothing.
    fn field(&self, name: &str) -> String {
        let content = self.message.map(|message| &message.content);
        let of_content =
            |part: fn(&v1::MessageContent) -> &String| content.map(part).cloned().unwrap_or_default();
        match name {
            "account" => self.open.queued.account.clone(),
            "agent" => self.open.queued.agent.clone(),
            "campaign" => self.campaign(),
            "case" => self.open.queued.case.to_string(),
            "category" => self.known.category.join(" > "),
            "channel" => channel_word(self.known.channel).to_owned(),
            "customer" => of_content(|content| &content.from_name),
            "desk" => self.desk.to_owned(),
            "due" => self.due(),
            "priority" => self.known.priority.to_string(),
            "queue" => self.known.queue.to_string(),
            "reason" => self.open.about.reason.clone(),
            "segment" => self.known.segment.to_string(),
            "signature" => self.policy.map_or("", Policy::signature).to_owned(),
            "subject" => of_content(|content| &content.subject),
            "text" => of_content(|content| &content.text),
            _ => self.facts.get(name).cloned().unwrap_or_default(),
        }
    }

    /// The campaign's title, or its name where the policy that holds does not have it any more.
    fn campaign(&self) -> String {
        let campaigns = self.policy.map(Policy::campaigns).unwrap_or_default();
        let form = campaigns.iter().find(|form| *form.name == *self.known.campaign);
        form.map_or(&self.known.campaign, |form| &form.title).to_string()
    }

    /// When the first of the case's clocks is up, in the desk's zone.
    fn due(&self) -> String {
        let at = self.policy.zip(self.known.due());
        at.map(|(policy, at_ms)| policy.local_time(at_ms)).unwrap_or_default()
    }
}

fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "email",
        Channel::X => "x",
        Channel::Facebook => "facebook",
        Channel::Call => "call",
        Channel::Other | Channel::Unspecified => "other",
    }
}
