//! X's webhook: the challenge-response check and signed calls of both activity products.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use simpang_channels::x;
use simpang_proto::log::v1::Channel;

use super::webhook;
use super::{Refused, Shared, XApp};
use crate::bring::Delivery;
use crate::counters::{self, Reason, Source};

/// Answers `GET ?crc_token=` with the token under the app's consumer secret.
pub(super) async fn challenge(
    State(shared): State<Arc<Shared>>,
    path: Option<Path<String>>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refused> {
    let app = app(&shared, path)?;
    let Some(token) = query.get("crc_token") else {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "`crc_token` is missing"));
    };
    let answer = x::crc_answer(app.consumer_secret.as_bytes(), token);
    Ok(([(header::CONTENT_TYPE, "application/json")], answer).into_response())
}

/// Takes a signed call.
pub(super) async fn receive(
    State(shared): State<Arc<Shared>>,
    path: Option<Path<String>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Refused> {
    let app = app(&shared, path)?;
    let body = super::body(Source::X, body)?;
    let signature = super::header(&headers, x::SIGNATURE_HEADER);
    if !x::is_signed(app.consumer_secret.as_bytes(), signature, &body) {
        counters::refused(Source::X, Reason::Signature);
        return Err(unsigned(signature));
    }
    let traceparent = simpang_trace::of_header(Some(super::header(&headers, "traceparent")));
    let accounts = shared.intake.directory.x_accounts();
    let items = x::parse_webhook(&body, &x::Options { accounts: &accounts });
    let call = Delivery { source: Source::X, channel: Channel::X, body, traceparent: &traceparent };
    webhook::take(&shared.intake, call, items).await
}

fn unsigned(signature: &str) -> Refused {
    if signature.is_empty() {
        let detail = format!("the header `{}` is missing", x::SIGNATURE_HEADER);
        return Refused::new(StatusCode::UNAUTHORIZED, detail);
    }
    Refused::new(StatusCode::FORBIDDEN, "the signature is not the app's over this body")
}

fn app(shared: &Shared, path: Option<Path<String>>) -> Result<&XApp, Refused> {
    let apps = &shared.options.x_apps;
    let found = match path {
        Some(Path(name)) => apps.iter().find(|app| app.name == name),
        None => apps.first(),
    };
    found.ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "no such app at X is configured here"))
}
