//! What all doors of X and Facebook do with entries: count what is for no case, bring the messages to the logs of the
//! desks that have their accounts, and return once all of them stand there.

use bytes::Bytes;
use simpang_channels::{Item, Parsed};
use simpang_proto::log::v1::Channel;

use crate::counters::{self, Reason, Source};
use crate::intake::{Away, Digest, Intake};
use crate::mapping::{Origin, message_input};
use crate::ticket::Ticket;

/// Something that a channel gave us whole.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    /// By which door.
    pub(crate) source: Source,
    /// Which channel.
    pub(crate) channel: Channel,
    /// As it came.
    pub(crate) body: Bytes,
    /// W3C trace context; may be empty.
    pub(crate) traceparent: &'a str,
}

/// Brings everything in a delivery to the logs; how many messages that were. One without any message is kept raw all
/// the same: channels give no second look at what was delivered.
pub(crate) async fn bring(intake: &Intake, delivery: &Delivery<'_>, items: Vec<Item>) -> Result<u64, Away> {
    intake.check_ready()?;
    let raw = intake.keep_delivery(delivery.body.clone()).await?;
    let mut tickets: Vec<Ticket> = Vec::new();
    for item in items {
        match item {
            Item::Message(parsed) => tickets.extend(submit(intake, delivery, raw, &parsed).await?),
            Item::Ignored { reason } => {
                counters::ignored(delivery.source);
                tracing::debug!(door = delivery.source.as_str(), reason, "an entry is not for a case");
            }
            Item::Poison { reason } => {
                counters::refused(delivery.source, Reason::Poison);
                tracing::warn!(
                    door = delivery.source.as_str(),
                    reason,
                    raw = hex::encode(raw),
                    "an entry was not understood; the raw body is kept"
                );
            }
        }
    }
    let count = tickets.len() as u64;
    for ticket in tickets {
        ticket.place().await?;
    }
    counters::accepted(delivery.source, count);
    Ok(count)
}

/// Queues one message for the desk that has its account; none when no desk has.
async fn submit(
    intake: &Intake,
    delivery: &Delivery<'_>,
    raw: Digest,
    parsed: &Parsed,
) -> Result<Option<Ticket>, Away> {
    let Some(mailbox) = intake.directory.account(delivery.channel, &parsed.account_hint) else {
        counters::refused(delivery.source, Reason::UnknownAccount);
        tracing::warn!(
            door = delivery.source.as_str(),
            raw = hex::encode(raw),
            "a message is for an account of no desk; the raw body is kept"
        );
        return Ok(None);
    };
    intake.keep_attachments(parsed).await?;
    let origin = Origin {
        channel: delivery.channel,
        mailbox: &mailbox,
        aliases: &[],
        raw: Some(raw),
        traceparent: delivery.traceparent,
    };
    let input = message_input(&intake.keyer, &intake.directory, &origin, parsed);
    Ok(Some(intake.submit(delivery.source, &mailbox.desk, &input).await?))
}
