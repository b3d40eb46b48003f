//! Facebook's webhook: the verification of the address and signed calls.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use simpang_channels::facebook;
use simpang_proto::log::v1::Channel;

use super::{FacebookApp, Refused, Shared};
use super::{graph, webhook};
use crate::bring::Delivery;
use crate::counters::{self, Reason, Source};

/// Answers `GET ?hub.mode=subscribe&hub.verify_token=&hub.challenge=` with the challenge when the token is ours.
pub(super) async fn challenge(
    State(shared): State<Arc<Shared>>,
    path: Option<Path<String>>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refused> {
    let app = app(&shared, path)?;
    let value = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let (mode, token, challenge) = (value("hub.mode"), value("hub.verify_token"), value("hub.challenge"));
    match facebook::challenge_answer(&app.verify_token, mode, token, challenge) {
        Some(answer) => Ok(([(header::CONTENT_TYPE, "text/plain")], answer.to_owned()).into_response()),
        None => {
            counters::refused(Source::Facebook, Reason::Signature);
            Err(Refused::new(StatusCode::FORBIDDEN, "the verify token is not the one of this app"))
        }
    }
}

/// Takes a signed call.
pub(super) async fn receive(
    State(shared): State<Arc<Shared>>,
    path: Option<Path<String>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Refused> {
    let app = app(&shared, path)?;
    let body = super::body(Source::Facebook, body)?;
    let signature = super::header(&headers, facebook::SIGNATURE_HEADER);
    if !facebook::is_signed(app.app_secret.as_bytes(), signature, &body) {
        counters::refused(Source::Facebook, Reason::Signature);
        return Err(unsigned(signature));
    }
    let traceparent = simpang_trace::of_header(Some(super::header(&headers, "traceparent")));
    let mut items = facebook::parse_webhook(&body);
    if let (Some(client), Ok(items)) = (&shared.client, &mut items) {
        graph::complete(client, &shared.options.graph_pages, items).await;
    }
    let call =
        Delivery { source: Source::Facebook, channel: Channel::Facebook, body, traceparent: &traceparent };
    webhook::take(&shared.intake, call, items).await
}

fn unsigned(signature: &str) -> Refused {
    if signature.is_empty() {
        let detail = format!("the header `{}` is missing", facebook::SIGNATURE_HEADER);
        return Refused::new(StatusCode::UNAUTHORIZED, detail);
    }
    Refused::new(StatusCode::FORBIDDEN, "the signature is not the app's over this body")
}

fn app(shared: &Shared, path: Option<Path<String>>) -> Result<&FacebookApp, Refused> {
    let apps = &shared.options.facebook_apps;
    let found = match path {
        Some(Path(name)) => apps.iter().find(|app| app.name == name),
        None => apps.first(),
    };
    found.ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "no such app at Facebook is configured here"))
}
