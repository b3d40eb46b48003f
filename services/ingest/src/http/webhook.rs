//! What both webhooks do with a signed body: keep it, read it, bring its messages to the desks' logs.

use axum::http::StatusCode;
use bytes::Bytes;
use simpang_channels::{Item, Parsed, Unreadable};
use simpang_proto::log::v1::Channel;
use tracing::Instrument as _;

use super::Refused;
use crate::counters::{self, Reason, Source};
use crate::intake::{Away, Digest, Intake};
use crate::mapping::{Origin, message_input};
use crate::ticket::Ticket;

/// A webhook call whose signature is right.
pub(super) struct Call<'a> {
    pub(super) source: Source,
    pub(super) channel: Channel,
    pub(super) body: Bytes,
    pub(super) traceparent: &'a str,
}

/// Brings everything in a call to the logs; returns once all of it stands there. A call without any message is kept
/// raw all the same: channels give no second look at what was delivered.
pub(super) async fn take(
    intake: &Intake,
    call: Call<'_>,
    items: Result<Vec<Item>, Unreadable>,
) -> Result<StatusCode, Refused> {
    let items = items.map_err(|unreadable| {
        counters::refused(call.source, Reason::Invalid);
        Refused::new(StatusCode::BAD_REQUEST, unreadable.to_string())
    })?;
    let span = tracing::info_span!("ingest.webhook.take", door = call.source.as_str(), call.traceparent);
    match bring(intake, &call, items).instrument(span).await {
        Ok(count) => {
            counters::accepted(call.source, count);
            Ok(StatusCode::OK)
        }
        Err(away) => {
            counters::deferred(call.source);
            tracing::warn!(door = call.source.as_str(), error = %away, "a webhook call was not accepted");
            Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, away.to_string()))
        }
    }
}

async fn bring(intake: &Intake, call: &Call<'_>, items: Vec<Item>) -> Result<u64, Away> {
    intake.check_ready()?;
    let raw = intake.keep(call.body.clone()).await?;
    let mut tickets: Vec<Ticket> = Vec::new();
    for item in items {
        match item {
            Item::Message(parsed) => tickets.extend(submit(intake, call, raw, &parsed).await?),
            Item::Ignored { reason } => {
                counters::ignored(call.source);
                tracing::debug!(door = call.source.as_str(), reason, "an entry is not for a case");
            }
            Item::Poison { reason } => {
                counters::refused(call.source, Reason::Poison);
                tracing::warn!(
                    door = call.source.as_str(),
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
    Ok(count)
}

/// Queues one message for the desk that has its account; none when no desk has.
async fn submit(
    intake: &Intake,
    call: &Call<'_>,
    raw: Digest,
    parsed: &Parsed,
) -> Result<Option<Ticket>, Away> {
    let Some(mailbox) = intake.directory.account(call.channel, &parsed.account_hint) else {
        counters::refused(call.source, Reason::UnknownAccount);
        tracing::warn!(
            door = call.source.as_str(),
            raw = hex::encode(raw),
            "a message is for an account of no desk; the raw body is kept"
        );
        return Ok(None);
    };
    intake.keep_attachments(parsed).await?;
    let origin = Origin {
        channel: call.channel,
        mailbox: &mailbox,
        aliases: &[],
        raw: Some(raw),
        traceparent: call.traceparent,
    };
    let input = message_input(&intake.keyer, &intake.directory, &origin, parsed);
    Ok(Some(intake.submit(&mailbox.desk, &input).await?))
}
