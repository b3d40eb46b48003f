//! What both webhooks do with a signed body: bring its messages to the desks' logs, and say how that went.

use axum::http::StatusCode;
use simpang_channels::{Item, Unreadable};
use tracing::Instrument as _;

use super::Refused;
use crate::bring::{Delivery, bring};
use crate::counters::{self, Reason};
use crate::intake::Intake;

/// Brings everything in a call to the logs; returns once all of it stands there.
pub(super) async fn take(
    intake: &Intake,
    call: Delivery<'_>,
    items: Result<Vec<Item>, Unreadable>,
) -> Result<StatusCode, Refused> {
    let items = items.map_err(|unreadable| {
        counters::refused(call.source, Reason::Invalid);
        Refused::new(StatusCode::BAD_REQUEST, unreadable.to_string())
    })?;
    let span = tracing::info_span!("ingest.webhook.take", door = call.source.as_str(), call.traceparent);
    match bring(intake, &call, items).instrument(span).await {
        Ok(_) => Ok(StatusCode::OK),
        Err(away) => {
            counters::deferred(call.source, away.later());
            tracing::warn!(door = call.source.as_str(), error = %away, "a webhook call was not accepted");
            Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, away.to_string()))
        }
    }
}
