//! `PUT` or `POST /v1/attachments`: a file as it is, read piece by piece; its digest as JSON. `?sha256=` says which bytes
//! they have to be.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use simpang_proto::ingest::v1 as api;
use tonic::metadata::MetadataMap;

use super::{Refused, Shared, json};
use crate::counters::{self, Reason, Source};
use crate::upload::{self, NotKept};

const UPLOAD: &str = "simpang.ingest.v1.Ingest/UploadAttachment";

/// What may be said of the file in the address.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    sha256: String,
}

/// The file is kept.
#[derive(Debug, Serialize)]
pub(super) struct Kept {
    digest: String,
    size: u64,
}

/// Takes one file.
pub(super) async fn receive(
    State(shared): State<Arc<Shared>>,
    Query(said): Query<Said>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Kept>, Refused> {
    let metadata = MetadataMap::from_headers(headers.clone());
    shared.gatekeeper.authorise(&metadata, UPLOAD, "", |_| Vec::new()).map_err(|status| {
        counters::refused(Source::Attachment, Reason::Forbidden);
        json::refused(&status)
    })?;
    let digest = hex::decode(&said.sha256).map_err(|error| {
        counters::refused(Source::Attachment, Reason::Invalid);
        Refused::new(StatusCode::BAD_REQUEST, format!("`sha256` is not hexadecimal: {error}"))
    })?;
    let size = super::header(&headers, "content-length").parse().unwrap_or(0);
    let begin = api::BeginUpload { size, digest };
    let pieces = body.into_data_stream();
    let pieces = pieces.map_err(|error| NotKept::Broken(format!("the file broke off: {error}")));
    let kept = upload::take(&shared.intake, &begin, pieces).await.map_err(|not_kept| refused(&not_kept))?;
    Ok(Json(Kept { digest: hex::encode(kept.digest), size: kept.size }))
}

fn refused(not_kept: &NotKept) -> Refused {
    let (status, detail) = match not_kept {
        NotKept::TooLarge(detail) => (StatusCode::PAYLOAD_TOO_LARGE, detail),
        NotKept::Invalid(detail) | NotKept::Broken(detail) => (StatusCode::BAD_REQUEST, detail),
        NotKept::Away(_, detail) => (StatusCode::SERVICE_UNAVAILABLE, detail),
    };
    Refused::new(status, detail.as_str())
}
