//! Brings a received mail to the logs of the desks it was sent to.

use std::sync::Arc;

use bytes::Bytes;
use simpang_channels::{Parsed, email};
use simpang_proto::log::v1::Channel;

use super::session::{Envelope, Outcome, Recipient};
use crate::counters::{self, Source};
use crate::intake::{Away, Digest, Intake};
use crate::mapping::{Origin, message_input};

/// Brings a mail to every account it was sent to; one outcome for each recipient, in order. A mail to several
/// accounts becomes one input for each of them.
pub(super) async fn deliver(
    intake: &Arc<Intake>,
    envelope: Envelope,
    authserv: &str,
    traceparent: &str,
) -> Vec<Outcome> {
    let Envelope { from, recipients, text } = envelope;
    let raw = Bytes::from(text);
    let kept = match keep(intake, &raw, &from, &recipients, authserv).await {
        Ok(kept) => kept,
        Err(error) => {
            counters::deferred(Source::Smtp);
            tracing::warn!(%error, "a mail was not kept");
            return vec![Outcome::Later; recipients.len()];
        }
    };
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(recipients.len());
    for (n, recipient) in recipients.iter().enumerate() {
        let before = recipients[..n].iter().position(|r| r.mailbox == recipient.mailbox);
        let outcome = match before {
            Some(same) => outcomes[same],
            None => append(intake, recipient, &kept, traceparent).await,
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
    from: &str,
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
    from: &str,
    recipients: &[Recipient],
    authserv: &str,
) -> Result<Parsed, Away> {
    let own = intake.directory.own_addresses();
    let (from, authserv) = (from.to_owned(), authserv.to_owned());
    let to: Vec<String> = recipients.iter().map(|r| r.address.clone()).collect();
    let read = move || {
        let options = email::Options {
            trusted_authserv: &authserv,
            own_addresses: &own,
            envelope_from: Some(&from),
            envelope_to: &to,
        };
        email::parse(&raw, &options)
    };
    tokio::task::spawn_blocking(read).await.map_err(|error| Away::Reader(error.to_string()))
}

async fn append(intake: &Intake, recipient: &Recipient, kept: &Kept, traceparent: &str) -> Outcome {
    let origin = Origin {
        channel: Channel::Email,
        mailbox: &recipient.mailbox,
        aliases: &[],
        raw: Some(kept.digest),
        traceparent,
    };
    let input = message_input(&intake.keyer, &intake.directory, &origin, &kept.parsed);
    match intake.append(&recipient.mailbox.desk, &input).await {
        Ok(place) => {
            counters::accepted(Source::Smtp, 1);
            tracing::debug!(desk = %recipient.mailbox.desk, seq = place.seq, index = place.index, "mail accepted");
            Outcome::Accepted
        }
        Err(error) => {
            counters::deferred(Source::Smtp);
            tracing::warn!(desk = %recipient.mailbox.desk, %error, "a mail was not accepted");
            Outcome::Later
        }
    }
}
