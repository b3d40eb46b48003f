//! Brings a received mail to the logs of the desks it was sent to.

use std::sync::Arc;

use bytes::Bytes;
use simpang_channels::{Parsed, email};
use simpang_log::AppendError;
use simpang_proto::log::v1::Channel;

use super::session::{Envelope, Outcome, Recipient};
use crate::counters::{self, Reason, Source};
use crate::intake::{Away, Digest, Intake};
use crate::mapping::{Origin, message_input};

/// A mail, however it came.
#[derive(Debug)]
pub(crate) struct Mail {
    /// By which door.
    pub(crate) source: Source,
    /// Sender of the envelope, empty for a bounce; none where there was no envelope.
    pub(crate) from: Option<String>,
    /// The accounts it came to.
    pub(crate) recipients: Vec<Recipient>,
    /// The mail, whole.
    pub(crate) text: Vec<u8>,
}

impl From<Envelope> for Mail {
    fn from(envelope: Envelope) -> Self {
        let Envelope { from, recipients, text } = envelope;
        Self { source: Source::Smtp, from: Some(from), recipients, text }
    }
}

/// Brings a mail to every account it was sent to; one outcome for each recipient, in order. A mail to several
/// accounts becomes one input for each of them.
pub(crate) async fn deliver(
    intake: &Arc<Intake>,
    mail: Mail,
    authserv: &str,
    traceparent: &str,
) -> Vec<Outcome> {
    let Mail { source, from, recipients, text } = mail;
    let raw = Bytes::from(text);
    let kept = match keep(intake, &raw, from, &recipients, authserv).await {
        Ok(kept) => kept,
        Err(error) => {
            counters::deferred(source, error.later());
            tracing::warn!(%error, "a mail was not kept");
            return vec![Outcome::Later; recipients.len()];
        }
    };
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(recipients.len());
    for (n, recipient) in recipients.iter().enumerate() {
        let before = recipients[..n].iter().position(|r| r.mailbox == recipient.mailbox);
        let outcome = match before {
            Some(same) => outcomes[same],
            None => append(intake, source, recipient, &kept, traceparent).await,
        };
        outcomes.push(outcome);
    }
    outcomes
}

struct Kept {
    parsed: Parsed,
    digest: Digest,
}

/// Reads the mail and keeps its raw bytes and attachments.
async fn keep(
    intake: &Arc<Intake>,
    raw: &Bytes,
    from: Option<String>,
    recipients: &[Recipient],
    authserv: &str,
) -> Result<Kept, Away> {
    let parsed = parse(intake, raw.clone(), from, recipients, authserv).await?;
    let digest = intake.keep(raw.clone()).await?;
    intake.keep_attachments(&parsed).await?;
    Ok(Kept { parsed, digest })
}

/// Reads the mail on a thread of its own, since a large one takes a while.
async fn parse(
    intake: &Intake,
    raw: Bytes,
    from: Option<String>,
    recipients: &[Recipient],
    authserv: &str,
) -> Result<Parsed, Away> {
    let own = intake.directory.own_addresses();
    let authserv = authserv.to_owned();
    let to: Vec<String> = recipients.iter().map(|r| r.address.clone()).collect();
    let read = move || {
        let options = email::Options {
            trusted_authserv: &authserv,
            own_addresses: &own,
            envelope_from: from.as_deref(),
            envelope_to: &to,
        };
        email::parse(&raw, &options)
    };
    tokio::task::spawn_blocking(read).await.map_err(|error| Away::Reader(error.to_string()))
}

async fn append(
    intake: &Intake,
    source: Source,
    recipient: &Recipient,
    kept: &Kept,
    traceparent: &str,
) -> Outcome {
    let origin = Origin {
        channel: Channel::Email,
        mailbox: &recipient.mailbox,
        aliases: &[],
        raw: Some(kept.digest),
        traceparent,
    };
    let input = message_input(&intake.keyer, &intake.directory, &origin, &kept.parsed);
    match intake.append(source, &recipient.mailbox.desk, &input).await {
        Ok(place) => {
            counters::accepted(source, 1);
            tracing::debug!(desk = %recipient.mailbox.desk, seq = place.seq, index = place.index, "mail accepted");
            Outcome::Accepted
        }
        Err(Away::Append(AppendError::TooLarge(reason))) => {
            counters::refused(source, Reason::TooLarge);
            tracing::warn!(desk = %recipient.mailbox.desk, reason, "a mail fits no record");
            Outcome::TooLarge
        }
        Err(error) => {
            counters::deferred(source, error.later());
            tracing::warn!(desk = %recipient.mailbox.desk, %error, "a mail was not accepted");
            Outcome::Later
        }
    }
}
