//! The ways out. A sender gets everything in one parcel, tries once, and says what became of it in one of four
//! classes: delivered, worth another try, refused, or unknown. It reads no log and writes none.

mod facebook;
mod http;
mod mail;
mod parts;
mod webhook;
mod x;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use simpang_proto::log::v1::{Channel, DeliveryKind, DeliveryOutcome};

use crate::StartError;
use crate::options::Channels;
use crate::outside::Outside;
use crate::parcel::{Parcel, Target};

use mail::MailSender;

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// In which class.
    pub(crate) class: DeliveryOutcome,
    /// What the channel answered, without personal data.
    pub(crate) detail: String,
    /// For another try: not before this many ms; 0: the deliverer's own pace.
    pub(crate) retry_after_ms: i64,
    /// The id of what was sent, or may have been.
    pub(crate) sent: Option<Sent>,
}

/// The id of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The channel's word in keyed hashes.
    pub(crate) channel: &'static str,
    /// The id under which an answer to it will come.
    pub(crate) found_by: String,
    /// The id the channel gave it.
    pub(crate) source_id: String,
}

impl Sent {
    /// An answer to it names the id that the channel gave it.
    pub(crate) fn same(channel: &'static str, id: String) -> Self {
        Self { channel, found_by: id.clone(), source_id: id }
    }
}

impl Outcome {
    /// The channel accepted it.
    #[must_use]
    pub(crate) fn delivered(detail: impl Into<String>, sent: Option<Sent>) -> Self {
        Self { class: DeliveryOutcome::Delivered, detail: detail.into(), retry_after_ms: 0, sent }
    }

    /// Surely not sent, and worth another try.
    #[must_use]
    pub(crate) fn retry(detail: impl Into<String>, after_ms: i64) -> Self {
        let class = DeliveryOutcome::Retry;
        Self { class, detail: detail.into(), retry_after_ms: after_ms, sent: None }
    }

    /// Surely not sent, and never will be.
    #[must_use]
    pub(crate) fn refused(detail: impl Into<String>) -> Self {
        Self { class: DeliveryOutcome::Refused, detail: detail.into(), retry_after_ms: 0, sent: None }
    }

    /// Nobody can say.
    #[must_use]
    pub(crate) fn unknown(detail: impl Into<String>) -> Self {
        Self { class: DeliveryOutcome::Unknown, detail: detail.into(), retry_after_ms: 0, sent: None }
    }

    /// The same, with the id that what was sent has or would have.
    #[must_use]
    pub(crate) fn with_id(self, sent: Sent) -> Self {
        Self { sent: Some(sent), ..self }
    }
}

/// A way out.
pub(crate) trait Sender: Send + Sync + Debug {
    /// Tries once.
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome>;

    /// Looks whether an attempt that began then, and whose end nobody saw, stands at the channel; none where that can't
    /// be seen.
    fn find<'a>(&'a self, _parcel: &'a Parcel, _since_ms: i64) -> BoxFuture<'a, Option<Outcome>> {
        Box::pin(async { None })
    }
}

/// The channels, or what stands in for all of them.
#[derive(Debug)]
pub(crate) enum Ways {
    /// The channels.
    Channels(Box<Senders>),
    /// What stands in for them.
    Outside(Arc<dyn Outside>),
}

impl Sender for Ways {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        match self {
            Self::Channels(channels) => channels.send(parcel),
            Self::Outside(outside) => Box::pin(crate::outside::send(outside.as_ref(), parcel)),
        }
    }

    fn find<'a>(&'a self, parcel: &'a Parcel, since_ms: i64) -> BoxFuture<'a, Option<Outcome>> {
        match self {
            Self::Channels(channels) => channels.find(parcel, since_ms),
            Self::Outside(_) => Box::pin(async { None }),
        }
    }
}

impl Ways {
    /// Whether a channel can be asked what stands there.
    pub(crate) fn can_look(&self, channel: Channel) -> bool {
        matches!(self, Self::Channels(_)) && matches!(channel, Channel::X | Channel::Facebook)
    }
}

/// All ways out.
#[derive(Debug)]
pub(crate) struct Senders {
    mail: MailSender,
    x: x::XSender,
    facebook: facebook::FacebookSender,
    webhook: webhook::WebhookSender,
}

impl Senders {
    /// Makes the ways out that the options name; a mail server's connection waits this long for the next mail.
    ///
    /// # Errors
    /// When there can be no HTTP client on this machine.
    pub(crate) fn new(channels: Channels, mail_idle: Duration) -> Result<Self, StartError> {
        let client = http::client().map_err(|error| StartError::Setting(error.to_string()))?;
        Ok(Self {
            x: x::XSender::new(client.clone(), channels.x.clone()),
            facebook: facebook::FacebookSender::new(client.clone(), channels.facebook.clone()),
            webhook: webhook::WebhookSender::new(
                client,
                channels.other.clone(),
                channels.webhook_secret.clone(),
            ),
            mail: MailSender::new(channels, mail_idle),
        })
    }

    /// The way out for a parcel.
    fn way(&self, parcel: &Parcel) -> Option<&dyn Sender> {
        match (&parcel.target, parcel.channel) {
            (Some(Target::Mailbox(_)), _) => Some(&self.mail),
            (Some(Target::Webhook(_)), _) => Some(&self.webhook),
            (None, Channel::Email) => Some(&self.mail),
            (None, Channel::X) => Some(&self.x),
            (None, Channel::Facebook) => Some(&self.facebook),
            (None, Channel::Other) => Some(&self.webhook),
            (None, Channel::Call | Channel::Unspecified) => None,
        }
    }
}

impl Sender for Senders {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        match self.way(parcel) {
            Some(sender) => sender.send(parcel),
            None => {
                Box::pin(async { Outcome::refused("nothing can be written to this channel: call instead") })
            }
        }
    }

    fn find<'a>(&'a self, parcel: &'a Parcel, since_ms: i64) -> BoxFuture<'a, Option<Outcome>> {
        match self.way(parcel) {
            Some(sender) => sender.find(parcel, since_ms),
            None => Box::pin(async { None }),
        }
    }
}

/// How far the clocks of a channel and of this machine may be apart, ms.
const CLOCKS_MS: i64 = 120_000;

/// Now, ms since 1970 UTC.
fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(now).unwrap_or(i64::MAX)
}

/// Whether a machine wrote it (RFC 3834).
pub(crate) fn is_automatic(kind: DeliveryKind) -> bool {
    matches!(kind, DeliveryKind::Template | DeliveryKind::Acknowledgement)
}
