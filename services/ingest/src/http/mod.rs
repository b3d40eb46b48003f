//! The doors by HTTP: webhooks of X and Facebook, and messages as JSON. A request is answered 200 only after the log's
//! acknowledgement; one that is too large, not signed or not readable is refused before anything is written.

mod attachments;
mod facebook;
mod graph;
mod json;
mod webhook;
mod x;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use reqwest::Client;
use simpang_access::Gatekeeper;

use crate::counters::{self, Reason, Source};
use crate::intake::Intake;

pub use graph::GraphPage;

/// An app at X whose webhook calls us.
#[derive(Clone)]
pub struct XApp {
    /// Name in our address of it: `/webhooks/x/<name>`; the first one also answers at `/webhooks/x`.
    pub name: String,
    /// Its consumer secret: what X signs with.
    pub consumer_secret: String,
}

/// An app at Facebook whose webhook calls us.
#[derive(Clone)]
pub struct FacebookApp {
    /// Name in our address of it: `/webhooks/facebook/<name>`; the first one also answers at `/webhooks/facebook`.
    pub name: String,
    /// Its app secret: what Facebook signs with.
    pub app_secret: String,
    /// The token that we told Facebook to show when it verifies the address.
    pub verify_token: String,
}

impl std::fmt::Debug for XApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XApp").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for FacebookApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FacebookApp").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How the doors by HTTP are set up.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Apps at X; none: no webhook of X is answered.
    pub x_apps: Vec<XApp>,
    /// Apps at Facebook; none: no webhook of Facebook is answered.
    pub facebook_apps: Vec<FacebookApp>,
    /// Pages that may ask who mentioned them; none: such mentions come without a sender.
    pub graph_pages: Vec<GraphPage>,
    /// Most bytes of a request.
    pub body_bytes: usize,
}

impl Default for HttpOptions {
    /// No apps, and 8 MiB: a thousand updates of the longest comment stay under it.
    fn default() -> Self {
        Self { x_apps: Vec::new(), facebook_apps: Vec::new(), graph_pages: Vec::new(), body_bytes: 8 << 20 }
    }
}

/// What every handler gets.
#[derive(Debug)]
struct Shared {
    intake: Arc<Intake>,
    gatekeeper: Arc<Gatekeeper>,
    options: HttpOptions,
    /// Asks the Graph API.
    client: Option<Client>,
}

/// The routes.
pub(crate) fn router(intake: Arc<Intake>, gatekeeper: Arc<Gatekeeper>, options: HttpOptions) -> Router {
    let limit = DefaultBodyLimit::max(options.body_bytes);
    let asks = !options.graph_pages.is_empty();
    let client = asks.then(crate::pull::client).and_then(|client| {
        client.inspect_err(|error| tracing::error!(%error, "mentions can't be looked up")).ok()
    });
    Router::new()
        .route("/webhooks/x", get(x::challenge).post(x::receive))
        .route("/webhooks/x/{app}", get(x::challenge).post(x::receive))
        .route("/webhooks/facebook", get(facebook::challenge).post(facebook::receive))
        .route("/webhooks/facebook/{app}", get(facebook::challenge).post(facebook::receive))
        .route("/v1/messages", post(json::receive))
        .layer(limit)
        // Reads its body piece by piece, under a limit of its own.
        .route("/v1/attachments", post(attachments::receive).put(attachments::receive))
        .with_state(Arc::new(Shared { intake, gatekeeper, options, client }))
}

/// Why a request was not taken.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    detail: String,
}

impl Refused {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, format!("{}\n", self.detail)).into_response()
    }
}

/// The body, if it is within the limit.
fn body(source: Source, body: Result<Bytes, BytesRejection>) -> Result<Bytes, Refused> {
    body.map_err(|rejection| {
        let too_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
        counters::refused(source, if too_large { Reason::TooLarge } else { Reason::Invalid });
        Refused::new(rejection.status(), rejection.body_text())
    })
}

/// A header's value; empty when it is missing or not text.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
